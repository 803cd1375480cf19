//! What starts a running gateway: told by its control group, and confirmed by the service manager.

use std::path::Path;

use super::ancestry;
use super::family::Family;
use super::launch::Launches;
use crate::host::UnitState;
use crate::host::reader::Reader;
use crate::inventory::{Starter, UnitScope, UnitStarter, User};
use crate::openclaw::command::is_mentioned;

/// A unit that a control group names.
#[derive(Debug, Clone, PartialEq, Eq)]
struct NamedUnit {
    name: String,
    scope: UnitScope,
}

/// Tells what started a gateway.
///
/// Being in a unit's control group is not enough: a gateway that cron started is in cron's, and one that pm2 started in
/// pm2's. The unit's main process must be the gateway's, or its file must start one or speak of OpenClaw.
pub(super) fn starter(
    reader: &Reader,
    family: &Family,
    user: &User,
    launches: &Launches,
) -> Starter {
    let above = ancestry::starter(reader, family, user);
    if let Some(Starter::Pm2(_)) = &above {
        return above.unwrap_or_else(|| other(family, "pm2"));
    }
    let unit = unit(reader, family, user, launches);
    unit.unwrap_or_else(|said| above.unwrap_or_else(|| other(family, &said)))
}

/// Returns the unit that starts a gateway, or what is known instead.
fn unit(
    reader: &Reader,
    family: &Family,
    user: &User,
    launches: &Launches,
) -> Result<Starter, String> {
    let named = named_unit(&family.main.cgroup).ok_or("no unit")?;
    let shown = crate::display::text(&named.name);
    let state = reader.unit(&named.name, named.scope, user);
    let state = state.map_err(|error| format!("`{shown}`, of which {error}"))?;
    let state = state.ok_or(format!("`{shown}`, which its manager does not know"))?;
    let text = reader.file(&state.file).ok().flatten().unwrap_or_default();
    let is_known = launches.found.iter().any(|launch| {
        matches!(&launch.starter, Starter::Unit(it) if it.name == named.name && it.scope == named.scope)
    });
    if is_known || is_main(&state, family) || is_mentioned(&text) {
        return Ok(Starter::Unit(UnitStarter {
            name: named.name,
            scope: named.scope,
            file: state.file,
            enablement: state.enablement,
        }));
    }
    Err(format!("`{shown}`, which does not start it by itself"))
}

fn other(family: &Family, unit: &str) -> Starter {
    let parent = family.ancestors.first().map_or("", |it| it.name.as_str());
    let group = control_group(&family.main.cgroup);
    let group = crate::display::text(group.unwrap_or_default());
    Starter::Other {
        seen: format!("below `{parent}`, control group `{group}`, {unit}"),
    }
}

fn is_main(state: &UnitState, family: &Family) -> bool {
    let mut ids = family.others.iter().chain([&family.main.id]);
    ids.any(|id| id.pid == state.main_pid)
}

/// Returns whether a control group is that of a unit named for OpenClaw.
pub(super) fn is_gateways_own(cgroup: &str) -> bool {
    named_unit(cgroup).is_some_and(|unit| is_mentioned(unit.name.as_bytes()))
}

/// Returns the path that systemd gave: its named hierarchy under version 1, the unified one under version 2; cgroups(7).
fn control_group(text: &str) -> Option<&str> {
    let path = |controllers: &str| {
        let mut lines = text
            .lines()
            .filter_map(|line| line.split_once(':')?.1.split_once(':'));
        lines
            .find(|(names, _)| *names == controllers)
            .map(|(_, path)| path)
    };
    path("name=systemd").or_else(|| path(""))
}

/// Returns the innermost service of a control group, unless a scope inside it says that something else began there.
///
/// Inside a container's own systemd the path has a prefix, so it is read from its end.
fn named_unit(text: &str) -> Option<NamedUnit> {
    let parts: Vec<_> = control_group(text)?.split('/').collect();
    let ends_with =
        |part: &str, suffix: &str| Path::new(part).extension().is_some_and(|it| it == suffix);
    let at = parts
        .iter()
        .rposition(|part| ends_with(part, "service") || ends_with(part, "scope"))?;
    let (before, name) = (parts.get(..at)?, parts.get(at)?);
    if ends_with(name, "scope") || manager_of(name).is_some() {
        return None;
    }
    let manager = before.iter().rev().find_map(|part| manager_of(part));
    let scope = manager.map_or(UnitScope::System, |uid| UnitScope::User { uid });
    Some(NamedUnit {
        name: (*name).to_owned(),
        scope,
    })
}

/// Returns the unit or container that a process of this control group runs in; an empty text where there is none.
///
/// The innermost of the two: a server can be a container itself.
pub(super) fn place_in(cgroup: &str) -> String {
    let container = super::contained::container_id(cgroup);
    let below = container.as_deref().and_then(|id| {
        let (_, below) = control_group(cgroup)?.rsplit_once(id)?;
        named_unit(&format!("0::{below}"))
    });
    let unit = match &container {
        Some(_) => below,
        None => named_unit(cgroup),
    };
    let container = container.and_then(|id| Some(format!("container {}", id.get(..12)?)));
    let unit = unit.map(|unit| crate::display::text(&unit.name));
    unit.or(container).unwrap_or_default()
}

/// Returns the user whose service manager runs as this unit: `user@1001.service`.
fn manager_of(part: &str) -> Option<u32> {
    part.strip_prefix("user@")?
        .strip_suffix(".service")?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> Option<(String, UnitScope)> {
        named_unit(text).map(|unit| (unit.name, unit.scope))
    }

    const SERVICE: &str =
        "user.slice/user-1001.slice/user@1001.service/app.slice/openclaw-gateway.service";

    #[test]
    fn a_users_unit_is_told_under_both_versions_and_below_a_prefix() {
        let expected = Some((
            "openclaw-gateway.service".to_owned(),
            UnitScope::User { uid: 1001 },
        ));
        assert_eq!(shown(&format!("0::/{SERVICE}\n")), expected);
        assert_eq!(
            shown(&format!(
                "4:memory:/x.service\n9:name=systemd:/docker/4f/{SERVICE}\n0::/\n"
            )),
            expected
        );
        assert_eq!(shown(&format!("0::/{SERVICE}/worker\n")), expected);
    }

    #[test]
    fn a_system_unit_is_told() {
        let expected = Some(("openclaw.service".to_owned(), UnitScope::System));
        assert_eq!(shown("0::/system.slice/openclaw.service\n"), expected);
    }

    #[test]
    fn a_process_is_placed_in_the_innermost_of_unit_and_container() {
        let id = "ab12".repeat(16);
        for (group, expected) in [
            ("0::/system.slice/bus.service\n".to_owned(), "bus.service"),
            (
                format!("0::/system.slice/docker-{id}.scope\n"),
                "container ab12ab12ab12",
            ),
            (
                format!("9:pids:/docker/{id}\n1:name=systemd:/docker/{id}\n"),
                "container ab12ab12ab12",
            ),
            (
                format!("1:name=systemd:/docker/{id}/system.slice/bus.service\n0::/\n"),
                "bus.service",
            ),
            (
                format!("0::/user.slice/user@7.service/app.slice/a.service/libpod-{id}\n"),
                "container ab12ab12ab12",
            ),
            ("0::/\n".to_owned(), ""),
        ] {
            assert_eq!(place_in(&group), expected, "{group}");
        }
    }

    #[test]
    fn a_session_a_scope_and_a_manager_are_no_units() {
        for group in [
            "0::/user.slice/user-1001.slice/session-3.scope",
            "0::/user.slice/user-1001.slice/user@1001.service/app.slice/tmux-spawn-1.scope",
            "0::/system.slice/cron.service/run.scope",
            "0::/user.slice/user-1001.slice/user@1001.service/init.scope",
            "0::/user.slice/user-1001.slice/user@1001.service",
            "0::/",
            "9:name=systemd:/\n0::/system.slice/a.service",
            "nonsense",
            "",
        ] {
            assert_eq!(shown(group), None, "{group}");
        }
    }

    #[test]
    fn only_units_that_speak_of_openclaw_are_taken_by_their_text() {
        assert!(is_mentioned(
            b"ExecStart=/usr/bin/node /x/OpenClaw/dist/index.js gateway"
        ));
        assert!(!is_mentioned(b"ExecStart=/usr/sbin/cron -f"));
    }

    proptest! {
        #[test]
        fn any_control_group_is_survived(
            any in ".{0,300}",
            pieces in prop::collection::vec(prop::sample::select(vec![
                "0::", "1:name=systemd:", "/", "user@7.service", "user@x.service", "docker", "a.service", ".service", "b.scope",
                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", ":", "\n", "é",
            ]), 0..12)
        ) {
            for text in [any, pieces.concat()] {
                let _ = named_unit(&text);
                let _ = place_in(&text);
                let _ = is_gateways_own(&text);
            }
        }
    }
}

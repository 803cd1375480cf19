//! Asks and moves systemd units through systemctl(1): the system's manager as root, a user's manager as that user.

#![expect(
    clippy::disallowed_methods,
    reason = "this room runs the host's programs"
)]

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use nix::unistd::Uid;

use super::{HostError, Result, UnitState, program};
use crate::inventory::{UnitScope, UnitStarter};

const ANSWER_DEADLINE: Duration = Duration::from_secs(30);

const PROPERTIES: &str =
    "--property=ActiveState,UnitFileState,MainPID,FragmentPath,DropInPaths,NeedDaemonReload";

pub(super) fn state(unit: &UnitStarter) -> Result<UnitState> {
    let mut command = systemctl(unit.scope)?;
    command.args(["show", PROPERTIES, "--", &unit.name]);
    let output = program::succeed(command, ANSWER_DEADLINE)?;
    Ok(parse(&String::from_utf8_lossy(&output.stdout)))
}

pub(super) fn reload(unit: &UnitStarter) -> Result<()> {
    let mut command = systemctl(unit.scope)?;
    command.arg("daemon-reload");
    program::succeed(command, Duration::from_secs(90)).map(drop)
}

pub(super) fn start(unit: &UnitStarter) -> Result<()> {
    let mut command = systemctl(unit.scope)?;
    command.args(["start", "--no-block", "--", &unit.name]);
    program::succeed(command, ANSWER_DEADLINE).map(drop)
}

/// Stops a unit and waits for its job; one that is stopped already, or that the manager does not know, is stopped.
pub(super) fn stop(unit: &UnitStarter, deadline: Duration) -> Result<()> {
    let mut command = systemctl(unit.scope)?;
    command.args(["stop", "--", &unit.name]);
    let stopped = program::succeed(command, deadline);
    if let Err(error @ HostError::TimedOut { .. }) = stopped {
        return Err(error);
    }
    let now = state(unit)?;
    if matches!(now.active.as_str(), "inactive" | "failed") {
        return Ok(());
    }
    stopped.and_then(|_| {
        Err(HostError::Program {
            program: format!("systemctl stop {}", crate::display::text(&unit.name)),
            said: format!("the unit is {} after it", crate::display::text(&now.active)),
        })
    })
}

fn systemctl(scope: UnitScope) -> Result<Command> {
    let mut command = Command::new("systemctl");
    match scope {
        UnitScope::System => {
            command.arg("--system");
        }
        UnitScope::User { uid } => {
            become_user(&mut command, uid)?;
            command.arg("--user");
        }
    }
    command.args(["--no-pager", "--no-ask-password"]);
    Ok(command)
}

/// Lets a command run as a user, with what it needs to find its manager's bus; systemd-run(1), user@.service(5).
fn become_user(command: &mut Command, uid: u32) -> Result<()> {
    let found = nix::unistd::User::from_uid(Uid::from_raw(uid))
        .ok()
        .flatten();
    let user = found.ok_or_else(|| HostError::Program {
        program: "systemctl --user".to_owned(),
        said: format!("the user database knows no user {uid}"),
    })?;
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", &user.dir)
        .env("USER", &user.name)
        .env("XDG_RUNTIME_DIR", format!("/run/user/{uid}"))
        .env(
            "DBUS_SESSION_BUS_ADDRESS",
            format!("unix:path=/run/user/{uid}/bus"),
        )
        .current_dir("/")
        .uid(uid)
        .gid(user.gid.as_raw());
    Ok(())
}

fn parse(text: &str) -> UnitState {
    let value = |name: &str| {
        let of_name = |line: &&str| line.split_once('=').is_some_and(|(key, _)| key == name);
        let line = text.lines().find(of_name).unwrap_or_default();
        line.split_once('=')
            .map_or("", |(_, value)| value)
            .to_owned()
    };
    UnitState {
        active: value("ActiveState"),
        enablement: value("UnitFileState"),
        main_pid: value("MainPID").parse().unwrap_or(0),
        file: value("FragmentPath").into(),
        drop_ins: value("DropInPaths")
            .split_whitespace()
            .map(PathBuf::from)
            .collect(),
        needs_reload: value("NeedDaemonReload") == "yes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_systemctl_is_read() {
        let text = "MainPID=42\nActiveState=active\nFragmentPath=/home/joe/.config/systemd/user/a.service\n\
            DropInPaths=/a/10-x.conf /b/y=z.conf\nUnitFileState=enabled\nNeedDaemonReload=yes\n";
        let expected = UnitState {
            active: "active".to_owned(),
            enablement: "enabled".to_owned(),
            main_pid: 42,
            file: "/home/joe/.config/systemd/user/a.service".into(),
            drop_ins: vec!["/a/10-x.conf".into(), "/b/y=z.conf".into()],
            needs_reload: true,
        };
        assert_eq!(parse(text), expected);
    }

    #[test]
    fn an_unknown_unit_has_no_file() {
        let state = parse(
            "MainPID=0\nActiveState=inactive\nFragmentPath=\nDropInPaths=\nUnitFileState=\nNeedDaemonReload=no\n",
        );
        assert_eq!((state.file, state.drop_ins), (PathBuf::new(), Vec::new()));
    }
}

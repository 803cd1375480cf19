//! What is wrong with one gateway, told from what was found: pure rules, one function each.

use std::net::SocketAddr;
use std::path::Path;

use super::ownership;
use crate::display;
use crate::inventory::{Config, Finding, Gateway, GatewayName, Starter, UnitScope, catalogued};
use crate::openclaw::{Facts, Version, release};

/// Applies every rule to a gateway. `foreign` are the listeners of others on its port.
pub(super) fn of(gateway: &Gateway, facts: Option<&Facts>, foreign: &[SocketAddr]) -> Vec<Finding> {
    let single = [
        starter(gateway),
        through_script(gateway),
        not_running(gateway),
        runs_as_root(gateway),
        untried(gateway),
        untried_starter(gateway),
        open_bind(&gateway.name, &gateway.config, facts),
        no_origins(gateway, facts),
        foreign_port(gateway, foreign),
    ];
    single
        .into_iter()
        .flatten()
        .chain(ownership::findings(gateway))
        .chain(revivers(gateway))
        .chain(loopback(gateway, facts))
        .collect()
}

/// Returns what a configuration alone tells: whether it lets everybody in who reaches it. Where it keeps to loopback, a
/// variable that is not seen here may set the secret.
pub(super) fn of_config(
    name: &GatewayName,
    config: &Config,
    facts: Option<&Facts>,
) -> Option<Finding> {
    is_beyond_loopback(config).then(|| open_bind(name, config, facts))?
}

fn revivers(gateway: &Gateway) -> Vec<Finding> {
    let findings = gateway.revivers.iter().map(|reviver| {
        let (kind, does) = match () {
            () if reviver.is_dangerous() && reviver.starter.is_disarmable() => {
                (&catalogued::DISARMED_REVIVER, "would start it again")
            }
            () if reviver.is_dangerous() => (&catalogued::REVIVER, "would start it again"),
            () if reviver.asks_unit => (&catalogued::ASKS_UNIT, "asks its unit to start"),
            () => (&catalogued::SLEEPING_REVIVER, "could start it"),
        };
        let summary = format!("{} {does}, {}", reviver.starter, reviver.when);
        let finding = Finding::new(kind, &gateway.name, display::text(&summary))
            .at(place(&reviver.starter, reviver.script.as_deref()));
        if reviver.is_dangerous() && !reviver.starter.is_disarmable() {
            finding.remedied_by(&reviver.arming.disarm)
        } else {
            finding
        }
    });
    findings.collect()
}

/// Returns where a starter is written down.
fn place(starter: &Starter, script: Option<&Path>) -> String {
    match (starter, script) {
        (Starter::Unit(unit), _) => display::path(&unit.file),
        (Starter::Cron(line), _) if line.line > 0 => {
            format!("{}:{}", display::path(&line.file), line.line)
        }
        (Starter::Cron(line), _) => display::path(&line.file),
        (Starter::Pm2(app), _) => display::path(&app.dump),
        (_, Some(script)) => display::path(script),
        (_, None) => String::new(),
    }
}

fn starter(gateway: &Gateway) -> Option<Finding> {
    let (kind, summary) = match &gateway.starter {
        known if known.is_movable() => return None,
        Starter::Other { seen } => (
            &catalogued::UNKNOWN_STARTER,
            format!("what starts it is not known: it runs {seen}"),
        ),
        known => (&catalogued::FOREIGN_STARTER, started_by(known)),
    };
    let finding = Finding::new(kind, &gateway.name, display::text(&summary));
    Some(finding.at(place(&gateway.starter, gateway.script.as_deref())))
}

fn started_by(starter: &Starter) -> String {
    match starter {
        Starter::Orphan => "it was started by hand, and nothing starts it again".to_owned(),
        known => format!("it is started by {known}"),
    }
}

/// What was disarmed on a real server so far are units of users' managers.
fn untried_starter(gateway: &Gateway) -> Option<Finding> {
    let own = Some(&gateway.starter).filter(|starter| starter.is_movable());
    let dangerous = gateway.revivers.iter().filter(|it| it.is_dangerous());
    let revivers = dangerous
        .map(|it| &it.starter)
        .filter(|it| it.is_disarmable());
    let is_tried = |starter: &&Starter| matches!(starter, Starter::Unit(unit) if unit.scope != UnitScope::System);
    let starter = own.into_iter().chain(revivers).find(|it| !is_tried(it))?;
    let summary = display::text(&started_by(starter));
    let finding = Finding::new(&catalogued::UNTRIED_STARTER, &gateway.name, summary);
    Some(finding.at(place(starter, None)))
}

fn through_script(gateway: &Gateway) -> Option<Finding> {
    let script = display::path(gateway.script.as_ref()?);
    let summary = format!("{} starts it through {script}", gateway.starter);
    let kind = match gateway.starter {
        Starter::Cron(_) => &catalogued::SCRIPTED_LINE,
        _ => &catalogued::THROUGH_SCRIPT,
    };
    Some(Finding::new(kind, &gateway.name, display::text(&summary)).at(script))
}

fn not_running(gateway: &Gateway) -> Option<Finding> {
    let finding = || {
        let summary = match &gateway.starter {
            Starter::Unit(unit) => format!("{} is {} and does not run", unit.name, unit.enablement),
            other => format!("{other} would start it, and it does not run"),
        };
        Finding::new(
            &catalogued::NOT_RUNNING,
            &gateway.name,
            display::text(&summary),
        )
        .at(place(&gateway.starter, gateway.script.as_deref()))
    };
    gateway.process.is_none().then(finding)
}

fn runs_as_root(gateway: &Gateway) -> Option<Finding> {
    let finding = || Finding::new(&catalogued::RUNS_AS_ROOT, &gateway.name, "it runs as root");
    (gateway.user.uid == 0).then(finding)
}

fn untried(gateway: &Gateway) -> Option<Finding> {
    let Some(found) = &gateway.release else {
        let summary = "its release could not be told";
        return Some(Finding::new(
            &catalogued::UNTRIED_RELEASE,
            &gateway.name,
            summary,
        ));
    };
    let is_tried = found
        .version
        .parse::<Version>()
        .is_ok_and(|version| release::is_tried(&version));
    let summary = format!("it runs OpenClaw {}", found.version);
    let finding = Finding::new(&catalogued::UNTRIED_RELEASE, &gateway.name, summary);
    (!is_tried).then(|| finding.at(display::path(&found.package)))
}

fn open_bind(name: &GatewayName, config: &Config, facts: Option<&Facts>) -> Option<Finding> {
    facts?;
    let auth = &config.auth;
    let is_open = !auth.has_secret || auth.mode.as_deref() == Some("none");
    let summary = if is_beyond_loopback(config) {
        "it listens beyond loopback, and has neither a token nor a password"
    } else {
        "it has neither a token nor a password"
    };
    let finding = || Finding::new(&catalogued::OPEN_BIND, name, summary);
    is_open.then(|| finding().at(display::path(&config.path)))
}

fn no_origins(gateway: &Gateway, facts: Option<&Facts>) -> Option<Finding> {
    let facts = facts?;
    let version = gateway.release.as_ref()?.version.parse::<Version>().ok()?;
    let is_missing = release::needs_allowed_origins(&version)
        && is_beyond_loopback(&gateway.config)
        && !facts.falls_back_to_host
        && gateway.config.allowed_origins.is_none();
    let summary = "it listens beyond loopback without gateway.controlUi.allowedOrigins";
    let finding = || Finding::new(&catalogued::NO_ORIGINS, &gateway.name, summary);
    is_missing.then(|| finding().at(display::path(&gateway.config.path)))
}

fn is_beyond_loopback(config: &Config) -> bool {
    let bind = config.bind.as_deref();
    bind.is_some_and(|bind| !matches!(bind, "loopback" | "auto"))
}

fn foreign_port(gateway: &Gateway, foreign: &[SocketAddr]) -> Option<Finding> {
    let address = foreign.first()?;
    let summary = format!("another process listens on {address}");
    Some(Finding::new(&catalogued::FOREIGN_PORT, &gateway.name, summary).at(address))
}

fn loopback(gateway: &Gateway, facts: Option<&Facts>) -> Vec<Finding> {
    let urls = facts.into_iter().flat_map(|facts| &facts.loopback_urls);
    let findings = urls.map(|url| {
        let summary = format!(
            "{} names {}",
            display::text(&url.key),
            display::text(&url.address)
        );
        let kind = match url.port {
            Some(_) => &catalogued::LOOPBACK_URL,
            None => &catalogued::LOOPBACK_PORTLESS,
        };
        Finding::new(kind, &gateway.name, summary).at(&url.place)
    });
    findings.collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::inventory::{
        Arming, Auth, CronStarter, Facilities, Release, Reviver, UnitStarter, User, When,
    };
    use crate::openclaw::{Context, Merged, facts};
    use crate::secret::Hasher;

    /// A gateway with nothing wrong but that it has not been started.
    pub(in crate::scan) fn gateway() -> Gateway {
        let unit = UnitStarter {
            name: "openclaw-gateway.service".into(),
            scope: UnitScope::User { uid: 1001 },
            file: "/u/openclaw-gateway.service".into(),
            enablement: "enabled".into(),
        };
        Gateway {
            name: GatewayName("joe/.openclaw".into()),
            user: User {
                name: "joe".into(),
                uid: 1001,
                gid: 1001,
                home: "/home/joe".into(),
            },
            process: None,
            release: Some(Release {
                version: "2026.9.6".into(),
                package: "/p".into(),
                node: "/n".into(),
            }),
            state_directory: "/home/joe/.openclaw".into(),
            config: Config {
                path: "/home/joe/.openclaw/openclaw.json".into(),
                includes: Vec::new(),
                meaning: Hasher::for_machine("m").hash(b"x"),
                bind: None,
                port: None,
                auth: Auth {
                    mode: None,
                    has_secret: true,
                },
                allowed_origins: None,
            },
            port: 18789,
            listeners: Vec::new(),
            agents: Vec::new(),
            accounts: Vec::new(),
            credentials: Vec::new(),
            starter: Starter::Unit(unit),
            script: None,
            arming: Arming {
                disarm: String::new(),
                arm: String::new(),
            },
            revivers: Vec::new(),
            environment: Vec::new(),
            memory: None,
            load: None,
            host_files: Vec::new(),
            last_boot_ms: None,
            census: None,
            needs: Vec::new(),
            loopback: Vec::new(),
            facilities: Facilities::default(),
            references: Vec::new(),
        }
    }

    fn facts_of(text: &str) -> Facts {
        let context = Context {
            home: "/home/joe".as_ref(),
            state_directory: "/home/joe/.openclaw".as_ref(),
            environment: &std::collections::BTreeMap::new(),
        };
        facts(&Merged::alone(text), &context)
    }

    /// Returns ids and places of what is found after a change; the gateway at rest has `OM-S002` anyway.
    fn found(change: impl FnOnce(&mut Gateway), text: &str, foreign: &[SocketAddr]) -> Vec<String> {
        let mut gateway = gateway();
        change(&mut gateway);
        let findings = of(&gateway, Some(&facts_of(text)), foreign);
        let findings = findings
            .into_iter()
            .filter(|finding| finding.id != "OM-S002");
        findings
            .map(|finding| format!("{} {}", finding.id, finding.place))
            .collect()
    }

    #[test]
    fn nothing_is_found_of_a_sound_gateway_but_that_it_rests() {
        assert_eq!(found(|_| {}, "{}", &[]), [""; 0]);
        let findings = of(&gateway(), None, &[]);
        let [finding] = findings.as_slice() else {
            panic!("one finding")
        };
        assert_eq!(
            (finding.id.as_str(), finding.place.as_str()),
            ("OM-S002", "/u/openclaw-gateway.service")
        );
    }

    #[test]
    fn an_unknown_starter_root_and_an_untried_release_are_found() {
        let other = Starter::Other {
            seen: "below `cron`".into(),
        };
        assert_eq!(found(|it| it.starter = other, "{}", &[]), ["OM-S001 "]);
        assert_eq!(found(|it| it.user.uid = 0, "{}", &[]), ["OM-S003 "]);
        assert_eq!(found(|it| it.release = None, "{}", &[]), ["OM-R001 "]);
        for version in ["2026.5.28", "2026.9.6-1", "1\u{1b}[2J"] {
            let set = |it: &mut Gateway| {
                if let Some(release) = &mut it.release {
                    version.clone_into(&mut release.version);
                }
            };
            assert_eq!(found(set, "{}", &[]), ["OM-R001 /p"], "{version}");
        }
    }

    #[test]
    fn only_what_cannot_be_disarmed_is_an_inhibitor_at_its_place() {
        let cron = || {
            Starter::Cron(CronStarter {
                file: "/etc/cron.d/claw".into(),
                line: 4,
                user: "joe".into(),
                schedule: "@reboot".into(),
            })
        };
        let lost = || {
            Starter::Cron(CronStarter {
                file: "/var/spool/cron/crontabs/joe".into(),
                line: 0,
                user: "joe".into(),
                schedule: "?".into(),
            })
        };
        let expected = ["OM-S005 /var/spool/cron/crontabs/joe"];
        assert_eq!(found(|it| it.starter = lost(), "{}", &[]), expected);
        for (movable, place) in [
            (cron(), "/etc/cron.d/claw:4"),
            (Starter::Orphan, ""),
            (Starter::Tmux, ""),
        ] {
            let untried = [format!("OM-R002 {place}")];
            assert_eq!(found(|it| it.starter = movable, "{}", &[]), untried);
        }
        assert_eq!(
            found(|it| it.script = Some("/run.sh".into()), "{}", &[]),
            ["OM-S011 /run.sh"]
        );
        let scripted = |it: &mut Gateway| {
            it.starter = cron();
            it.script = Some("/run.sh".into());
        };
        let both = ["OM-S014 /run.sh", "OM-R002 /etc/cron.d/claw:4"];
        assert_eq!(found(scripted, "{}", &[]), both);
        let reviver = |when, asks_unit| Reviver {
            starter: cron(),
            when,
            script: None,
            asks_unit,
            arming: cron().arming("joe"),
        };
        let by_timer = |it: &mut Gateway| {
            let mut timer = reviver(When::OnSchedule, false);
            timer.starter = Starter::Unit(UnitStarter {
                name: "claw.timer".into(),
                scope: UnitScope::System,
                file: "/u/claw.timer".into(),
                enablement: "enabled".into(),
            });
            it.revivers.push(timer);
        };
        assert_eq!(found(by_timer, "{}", &[]), ["OM-S004 /u/claw.timer"]);
        let id = |when, asks_unit| {
            let add = |it: &mut Gateway| it.revivers.push(reviver(when, asks_unit));
            found(add, "{}", &[]).join(",")
        };
        let both = "OM-R002 /etc/cron.d/claw:4,OM-S013 /etc/cron.d/claw:4";
        assert_eq!(id(When::OnSchedule, false), both);
        assert_eq!(id(When::OnSchedule, true), "OM-S007 /etc/cron.d/claw:4");
        assert_eq!(id(When::ByHand, false), "OM-S006 /etc/cron.d/claw:4");
    }

    #[test]
    fn an_open_bind_is_found_at_the_configuration() {
        let expected = ["OM-C004 /home/joe/.openclaw/openclaw.json"];
        assert_eq!(
            found(|it| it.config.auth.has_secret = false, "{}", &[]),
            expected
        );
        assert_eq!(
            found(|it| it.config.auth.mode = Some("none".into()), "{}", &[]),
            expected
        );
    }

    #[test]
    fn missing_origins_are_found_for_the_releases_that_need_them() {
        let lan = |version: &str| {
            let version = version.to_owned();
            move |it: &mut Gateway| {
                it.config.bind = Some("lan".into());
                if let Some(release) = &mut it.release {
                    release.version = version;
                }
            }
        };
        let missing = "OM-C008 /home/joe/.openclaw/openclaw.json";
        assert_eq!(found(lan("2026.5.28"), "{}", &[]), ["OM-R001 /p", missing]);
        assert_eq!(found(lan("2026.2.9"), "{}", &[]), ["OM-R001 /p"]);
        assert_eq!(found(lan("2026.9.6"), "{}", &[]), [""; 0]);
        let trusting = "{gateway: {controlUi: {dangerouslyAllowHostHeaderOriginFallback: true}}}";
        assert_eq!(found(lan("2026.5.28"), trusting, &[]), ["OM-R001 /p"]);
    }

    #[test]
    fn foreign_ports_and_loopback_services_are_found_at_their_place() {
        let address = "127.0.0.1:18789".parse().expect("an address");
        assert_eq!(found(|_| {}, "{}", &[address]), ["OM-N001 127.0.0.1:18789"]);
        let text = "{\nmodels: {providers: {x: {baseUrl: 'http://localhost:11434/v1'}}}}";
        assert_eq!(
            found(|_| {}, text, &[]),
            ["OM-N002 /home/joe/.openclaw/openclaw.json:2"]
        );
        let text = "{models: {providers: {x: {baseUrl: 'odd://localhost/v1'}}}}";
        assert_eq!(
            found(|_| {}, text, &[]),
            ["OM-N003 /home/joe/.openclaw/openclaw.json:1"]
        );
    }
}

use super::*;
use crate::inventory::{
    Arming, Auth, CronStarter, Facilities, Release, Reviver, UnitScope, UnitStarter, User, When,
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
            modules: None,
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
        supplementary_groups: Vec::new(),
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
        directory: "/home/joe".as_ref(),
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
    for version in ["2026.5.27", "2026.9.6-1", "1\u{1b}[2J"] {
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
    let untried = ["OM-R002 /etc/cron.d/claw:4"];
    assert_eq!(found(|it| it.starter = cron(), "{}", &[]), untried);
    for starter in [Starter::Orphan, Starter::Tmux, Starter::Screen] {
        assert_eq!(found(|it| it.starter = starter, "{}", &[]), [""; 0]);
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
    let own_line = |script: Option<&str>| {
        let (mut starter, script) = (lost(), script.map(Into::into));
        if let Starter::Cron(line) = &mut starter {
            line.line = 2;
        }
        let set = |it: &mut Gateway| (it.starter, it.script) = (starter, script);
        found(set, "{}", &[]).join(",")
    };
    assert_eq!(own_line(None), "");
    let untried = "OM-S014 /run.sh,OM-R002 /var/spool/cron/crontabs/joe:2";
    assert_eq!(own_line(Some("/run.sh")), untried);
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
    assert_eq!(found(lan("2026.5.28"), "{}", &[]), [missing]);
    assert_eq!(found(lan("2026.2.9"), "{}", &[]), [""; 0]);
    assert_eq!(found(lan("2026.9.6"), "{}", &[]), [""; 0]);
    let trusting = "{gateway: {controlUi: {dangerouslyAllowHostHeaderOriginFallback: true}}}";
    assert_eq!(found(lan("2026.5.28"), trusting, &[]), [""; 0]);
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

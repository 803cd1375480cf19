//! Which launch belongs to which gateway.

use super::*;
use crate::inventory::{Arming, CronStarter, UnitScope, UnitStarter};
use crate::openclaw::command;
use proptest::prelude::*;

fn joe() -> User {
    User {
        name: "joe".into(),
        uid: 7,
        gid: 7,
        home: "/home/joe".into(),
    }
}

fn unit(name: &str) -> Starter {
    Starter::Unit(UnitStarter {
        name: name.into(),
        scope: UnitScope::User { uid: 7 },
        file: format!("/u/{name}").into(),
        enablement: "enabled".into(),
    })
}

fn line(number: u32) -> Starter {
    Starter::Cron(CronStarter {
        file: "/etc/crontab".into(),
        line: number,
        user: "joe".into(),
        schedule: "@reboot".into(),
    })
}

fn launch(starter: Starter, when: When, text: &str) -> Launch {
    let command = command::in_text(text).into_iter().next();
    Launch {
        starter,
        when,
        user: joe(),
        directory: joe().home,
        script: None,
        command: command.unwrap_or_default(),
        environment: Vec::new(),
        arming: Arming {
            disarm: "stop it".into(),
            arm: "start it".into(),
        },
    }
}

/// Returns the gateways with their revivers, and the number of launches that nothing runs.
fn placed(launches: Vec<Launch>) -> (Vec<String>, usize) {
    let mut sightings = Vec::new();
    let sleeping = place(&Reader::new(), launches, &mut sightings);
    let shown = sightings.iter().map(|it: &Sighting| {
        let revivers = it.revivers.iter();
        let revivers: Vec<_> = revivers
            .map(|it| format!("{} {}", it.starter, it.is_dangerous()))
            .collect();
        format!("{}: {} [{}]", it.name, it.starter, revivers.join(", "))
    });
    (shown.collect(), sleeping.len())
}

#[test]
fn a_second_starter_of_the_same_directory_is_a_reviver() {
    let (found, _) = placed(vec![
        launch(unit("a.service"), When::AtBoot, "openclaw gateway"),
        launch(line(3), When::AtBoot, "openclaw gateway run"),
        launch(line(4), When::AtBoot, "openclaw --profile work gateway"),
    ]);
    let expected = [
        "joe/.openclaw: a.service (user) [cron (@reboot, joe) true]",
        "joe/.openclaw-work: cron (@reboot, joe) []",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_hidden_profile_could_revive_every_gateway_of_its_user() {
    let (found, _) = placed(vec![
        launch(unit("a.service"), When::AtBoot, "openclaw gateway"),
        launch(line(3), When::AtBoot, "openclaw --profile $p gateway"),
    ]);
    assert_eq!(
        found,
        ["joe/.openclaw: a.service (user) [cron (@reboot, joe) true]"]
    );
}

#[test]
fn a_disabled_unit_alone_makes_no_gateway_and_beside_one_it_is_harmless() {
    let disabled = || launch(unit("b.service"), When::ByHand, "openclaw gateway");
    assert_eq!(placed(vec![disabled()]), (Vec::new(), 1));
    let enabled = launch(unit("a.service"), When::AtBoot, "openclaw gateway");
    let (found, _) = placed(vec![enabled, disabled()]);
    assert_eq!(
        found,
        ["joe/.openclaw: a.service (user) [b.service (user) false]"]
    );
}

#[test]
fn a_watchdog_that_asks_the_gateways_unit_is_harmless() {
    let (found, _) = placed(vec![
        launch(
            line(5),
            When::OnSchedule,
            "systemctl --user restart openclaw",
        ),
        launch(unit("openclaw.service"), When::AtBoot, "openclaw gateway"),
    ]);
    assert_eq!(
        found,
        ["joe/.openclaw: openclaw.service (user) [cron (@reboot, joe) false]"]
    );
}

#[test]
fn a_watchdog_asks_the_unit_of_the_manager_that_it_speaks_to() {
    let asked = |user: User, text: &str| {
        let mut watchdog = launch(line(5), When::OnSchedule, text);
        watchdog.user = user;
        let gateway = launch(unit("openclaw.service"), When::AtBoot, "openclaw gateway");
        let (found, _) = placed(vec![gateway, watchdog]);
        !found.join(" ").contains("[]")
    };
    let user = |uid: u32| User { uid, ..joe() };
    assert!(asked(user(7), "systemctl --user start openclaw"));
    assert!(asked(user(0), "systemctl --user start openclaw"));
    assert!(asked(user(0), "systemctl --user -M joe@ start openclaw"));
    assert!(!asked(user(8), "systemctl --user start openclaw"));
    assert!(!asked(user(0), "systemctl start openclaw"));
}

#[test]
fn a_unit_that_nothing_wants_is_a_gateway_when_a_timer_asks_it() {
    let mut timer = launch(unit("a.timer"), When::OnSchedule, "openclaw gateway");
    timer.command.asks = Some("a.service".into());
    let service = launch(unit("a.service"), When::ByHand, "openclaw gateway");
    let (found, sleeping) = placed(vec![service, timer]);
    assert_eq!(
        found,
        ["joe/.openclaw: a.service (user) [a.timer (user) false]"]
    );
    assert_eq!(sleeping, 0);
}

proptest! {
    #[test]
    fn no_secret_of_a_command_or_a_variable_reaches_the_inventory(secret in "[A-Z0-9]{24}") {
        let text = format!("TOKEN={secret} openclaw gateway --token {secret} --password={secret}");
        let mut one = launch(line(3), When::AtBoot, &text);
        one.environment = super::super::unit_file::parse_environment(
            "/e".as_ref(),
            &format!("OPENCLAW_GATEWAY_TOKEN={secret}"),
        );
        prop_assert!(!one.command.environment.is_empty() && !one.environment.is_empty());
        let mut sightings = Vec::new();
        let asking = launch(line(4), When::OnSchedule, &format!("{text}; systemctl restart openclaw"));
        place(&Reader::new(), vec![one.clone(), asking, one.clone()], &mut sightings);
        let revivers: Vec<_> = sightings.iter().map(|it| (&it.starter, &it.revivers)).collect();
        let shown = serde_json::to_string(&revivers).unwrap_or_default();
        prop_assert!(!shown.contains(&secret), "{}", shown);
        let printed = format!("{one:?}");
        prop_assert!(!printed.contains(&secret));
    }
}

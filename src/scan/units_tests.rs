//! Units on disk: what starts a gateway, and when.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
#![expect(clippy::disallowed_methods, reason = "the tests make unit files")]

use super::*;
use crate::scan::launch::Launch;

const UNIT: &str = "[Service]\nExecStart=/usr/bin/node /x/openclaw/dist/index.js gateway --port 19000\n\
    [Install]\nWantedBy=default.target\n";

/// A home directory with two directories of units, the first of them the stronger.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, path: &str, text: &str) -> &Self {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    fn link(&self, target: &str, path: &str) -> &Self {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
        self
    }

    fn launches(&self) -> Launches {
        let home = self.0.path();
        let user = User {
            name: "joe".into(),
            uid: 7,
            gid: 7,
            home: home.into(),
        };
        let manager = Manager {
            scope: UnitScope::User { uid: 7 },
            user,
            directories: vec![home.join("strong"), home.join("weak")],
            is_at_boot: false,
        };
        let mut launches = Launches::default();
        find(&Shelf::new(&Reader::new()), &manager, &[], &mut launches);
        launches
    }

    fn found(&self) -> Vec<String> {
        let shown = |it: &Launch| {
            let Starter::Unit(unit) = &it.starter else {
                panic!("a unit")
            };
            format!("{} {} {}", unit.name, unit.enablement, it.when)
        };
        self.launches().found.iter().map(shown).collect()
    }
}

#[test]
fn enabled_disabled_and_static_units_are_told_apart() {
    let home = Home::new();
    home.write("weak/claw.service", UNIT);
    assert_eq!(home.found(), ["claw.service disabled by hand only"]);
    home.link(
        "../claw.service",
        "strong/default.target.wants/claw.service",
    );
    assert_eq!(home.found(), ["claw.service enabled at login"]);
    let home = Home::new();
    home.write("weak/claw.service", UNIT.split("[Install]").next().unwrap());
    assert_eq!(home.found(), ["claw.service static by hand only"]);
}

#[test]
fn masked_backup_and_commented_units_start_nothing() {
    let home = Home::new();
    home.write("weak/claw.service", UNIT)
        .link("/dev/null", "strong/claw.service")
        .write("weak/claw.service.bak", UNIT)
        .write("weak/old.service", &UNIT.replace("ExecStart", "#ExecStart"))
        .write(
            "weak/watch.service",
            "[Service]\nExecStart=/usr/bin/openclaw-watch\n",
        );
    assert_eq!(home.found(), [""; 0]);
}

#[test]
fn an_instance_of_a_template_carries_its_profile() {
    let home = Home::new();
    let text = "[Service]\nExecStart=/usr/bin/openclaw --profile %i gateway\n";
    home.write("weak/claw@.service", text).link(
        "../claw@.service",
        "weak/default.target.wants/claw@work.service",
    );
    let launches = home.launches();
    assert_eq!(launches.found[0].command.profile(), Some("work"));
    assert_eq!(home.found(), ["claw@work.service enabled at login"]);
}

#[test]
fn drop_ins_of_all_directories_count_in_the_order_of_their_names() {
    let home = Home::new();
    home.write("weak/claw-one.service", UNIT)
        .write(
            "weak/claw-one.service.d/20.conf",
            "[Service]\nEnvironment=A=weak B=2\n",
        )
        .write(
            "strong/claw-one.service.d/20.conf",
            "[Service]\nEnvironment=A=strong\n",
        )
        .write(
            "strong/claw-.service.d/10.conf",
            "[Service]\nEnvironment=A=prefix\nEnvironmentFile=%h/env\n",
        )
        .write("env", "C=file\n")
        .write(
            "weak/claw-one.service.d/30.conf.bak",
            "[Service]\nEnvironment=A=bak\n",
        );
    let launches = home.launches();
    let set = launches.found[0].environment.iter();
    let set: Vec<_> = set.map(|it| format!("{}={}", it.name, it.value)).collect();
    assert_eq!(set, ["A=prefix", "A=strong", "C=file"]);
}

#[test]
fn a_timer_starts_its_service_on_a_schedule() {
    let home = Home::new();
    home.write("weak/claw.service", UNIT.split("[Install]").next().unwrap())
        .write(
            "weak/wake.timer",
            "[Timer]\nOnCalendar=hourly\nUnit=claw.service\n",
        )
        .link("../wake.timer", "weak/timers.target.wants/wake.timer");
    let expected = [
        "claw.service static by hand only",
        "wake.timer enabled on a schedule",
    ];
    assert_eq!(home.found(), expected);
    let asked = home.launches().found[1].command.asks.clone();
    assert_eq!(asked.as_deref(), Some("claw.service"));
}

#[test]
fn a_script_is_named_and_one_that_is_not_understood_is_a_finding() {
    let home = Home::new();
    home.write("run.sh", "#!/bin/sh\nexec openclaw gateway run\n")
        .write(
            "weak/claw.service",
            "[Service]\nExecStart=/bin/sh %h/run.sh\n",
        );
    let launches = home.launches();
    assert!(
        launches.found[0]
            .script
            .as_ref()
            .unwrap()
            .ends_with("run.sh")
    );
    home.write("run.sh", "#!/bin/sh\n# openclaw\n./deeper.sh\n")
        .link("../claw.service", "weak/default.target.wants/claw.service");
    let launches = home.launches();
    assert!(launches.found.is_empty());
    assert_eq!(launches.findings[0].id, "OM-S009");
}

#[test]
fn a_unit_that_resurrects_pm2_brings_its_dump_back() {
    let home = Home::new();
    let text = "[Service]\nEnvironment=PM2_HOME=%h/p\nExecStart=/usr/lib/pm2/bin/pm2 resurrect\n";
    home.write("weak/pm2-joe.service", text);
    let back = home.launches().resurrected;
    assert_eq!(back, [(home.0.path().join("p"), When::ByHand)]);
    home.link(
        "../pm2-joe.service",
        "weak/default.target.wants/pm2-joe.service",
    );
    let back = home.launches().resurrected;
    assert_eq!(back, [(home.0.path().join("p"), When::AtLogin)]);
}

#[test]
fn a_shared_unit_is_told_for_each_user_whose_own_files_make_it_start_a_gateway() {
    let shared = tempfile::tempdir().unwrap();
    let unit = |name: &str, command: &str| {
        let text = format!("[Service]\nExecStart={command}\n[Install]\nWantedBy=default.target\n");
        std::fs::write(shared.path().join(name), text).unwrap();
    };
    unit("a-bare.service", "/usr/bin/env mine --fast");
    unit("b-specifier.service", "%h/claw.sh");
    unit("c-below.service", "/bin/sh claw/run");
    unit("d-nothing.service", "/usr/bin/env nothing");
    unit("e-dropped.service", "/usr/bin/true");
    let script = "#!/bin/sh\nopenclaw gateway\n";
    let homes: Vec<_> = (0..4).map(|_| Home::new()).collect();
    homes[1].write("bin/mine", script).write("claw.sh", script);
    homes[2].write("claw/run", script);
    let drop_in = "[Service]\nExecStart=\nExecStart=openclaw gateway\n";
    homes[3].write("own/e-dropped.service.d/x.conf", drop_in);
    let reader = Reader::new();
    let shelf = Shelf::new(&reader);
    let mut launches = Launches::default();
    for (uid, home) in (1000..).zip(&homes) {
        let home = home.0.path();
        let manager = Manager {
            scope: UnitScope::User { uid },
            user: User {
                name: format!("user{uid}"),
                uid,
                gid: uid,
                home: home.into(),
            },
            directories: vec![home.join("own"), shared.path().into()],
            is_at_boot: false,
        };
        find(&shelf, &manager, &[], &mut launches);
    }
    let found = launches.found.iter().map(|it| {
        let Starter::Unit(unit) = &it.starter else {
            panic!("a unit")
        };
        (it.user.uid, unit.name.as_str())
    });
    let found: Vec<_> = found.collect();
    let expected = [
        (1001, "a-bare.service"),
        (1001, "b-specifier.service"),
        (1002, "c-below.service"),
        (1003, "e-dropped.service"),
    ];
    assert_eq!(found, expected);
    assert!(shelf.is_barren(&shared.path().join("d-nothing.service")));
}

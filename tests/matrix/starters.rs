//! Everything that can start joe's gateway: what the plan says of it, and the machine on which it does so.

use std::path::Path;

use ocmigrate::host::Host;
use ocmigrate::host::Ownership;
use ocmigrate::host::fake::{FakeApp, FakeCronLine, FakeHost, FakeProgram, FakeWorld};
use ocmigrate::inventory::{CronStarter, LoopStarter, Pm2Starter, Starter, UnitScope, UnitStarter};
use ocmigrate::plan::{Group, Image, Loopback, LoopbackWay, Network, Plan, Sight};
use ocmigrate::units::Bytes;

use crate::fleet::{self, GROUP};

const JOES: Ownership = Ownership {
    uid: 1001,
    gid: 1001,
    mode: 0o600,
};
const TABLE: &str = "/var/spool/cron/crontabs/joe";
const AT_BOOT: &str = "@reboot TOKEN=geheim openclaw gateway run";
const WATCHDOG: &str = "* * * * * pgrep openclaw || openclaw gateway run";
const SYSTEM_TABLE: &str = "/etc/cron.d/claw";
const SYSTEM_WATCHDOG: &str = "* * * * * joe pgrep openclaw || openclaw gateway run";
const PROXY: &str = "/usr/lib/systemd/systemd-socket-proxyd";
/// The loopback services that the gateway of a system unit uses.
pub(crate) const SERVICES: [u16; 2] = [8788, 11434];
/// An image that somebody else put there.
pub(crate) const GIVEN_IMAGE: &str = "registry.example/openclaw:2026.9.6";
const DUMP: &str = "/home/joe/.pm2/dump.pm2";
const DUMP_TEXT: &str = "[\n  {\n    \"name\": \"web\",\n    \"status\": \"online\"\n  },\n  {\n    \
    \"name\": \"claw\",\n    \"env\": {\n      \"TOKEN\": \"geheim\"\n    },\n    \"status\": \"online\"\n  }\n]";

/// A kind of starter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A unit of joe's manager.
    UserUnit,
    /// An instance of a template of the system's manager, and a second unit that something asks to start; it uses services of
    /// the host's loopback.
    SystemUnit,
    /// A line of joe's crontab, and a watchdog in another.
    Cron,
    /// An application of pm2, and a watchdog.
    Pm2,
    /// A shell in a loop, started at boot by cron.
    Loop,
    /// A window of tmux, and cron at boot.
    Tmux,
    /// A user unit again, and everything in the plan that a person may choose otherwise: a heap of node's, the narrow sight, the
    /// host's network, a given image.
    Chosen,
}

impl Kind {
    pub(crate) const ALL: [Self; 7] = [
        Self::UserUnit,
        Self::SystemUnit,
        Self::Cron,
        Self::Pm2,
        Self::Loop,
        Self::Tmux,
        Self::Chosen,
    ];

    /// Returns the release that the gateway runs; each stands under one kind.
    pub(crate) const fn version(self) -> &'static str {
        match self {
            Self::Pm2 => "2026.5.28",
            Self::Tmux => "2026.2.9",
            _ => "2026.9.6",
        }
    }

    /// Puts the starter on the machine and lets it start the gateway.
    pub(crate) fn furnish(self, host: &FakeHost) {
        let gateway = FakeProgram::Gateway(fleet::gateway());
        let mut world = host.world_mut();
        world.add_directory(Path::new("/etc/cron.d"), JOES);
        match self {
            Self::UserUnit | Self::Chosen => world.add_unit(fleet::unit(), fleet::gateway()),
            Self::SystemUnit => {
                world.add_file(PROXY, b"a program", JOES);
                world.add_unit(instance(), fleet::gateway());
                world.add_unit(asked(), fleet::gateway());
            }
            Self::Cron => {
                table(&mut world, TABLE, &["A=b", AT_BOOT, WATCHDOG], &gateway);
            }
            Self::Pm2 => {
                world.add_file(DUMP, DUMP_TEXT.as_bytes(), JOES);
                world.apps.push(FakeApp::new(app(), fleet::gateway()));
                table(&mut world, SYSTEM_TABLE, &["", SYSTEM_WATCHDOG], &gateway);
            }
            Self::Loop => {
                let program = FakeProgram::Loop(fleet::gateway());
                table(&mut world, TABLE, &["", AT_BOOT], &program);
            }
            Self::Tmux => table(&mut world, TABLE, &["", AT_BOOT], &gateway),
        }
        drop(world);
        self.start(host);
    }

    fn start(self, host: &FakeHost) {
        let native = format!("/etc/ocmigrate/groups/{GROUP}/native");
        let program = match self {
            Self::Loop => FakeProgram::Loop(fleet::gateway()),
            _ => FakeProgram::Gateway(fleet::gateway()),
        };
        match self {
            Self::UserUnit | Self::Chosen => host.start_unit(&fleet::unit()).unwrap(),
            Self::SystemUnit => host.start_unit(&instance()).unwrap(),
            Self::Pm2 => host.sleep(std::time::Duration::from_millis(1)),
            Self::Cron | Self::Loop | Self::Tmux => host.world_mut().start_program(&program),
        }
        host.world_mut().launchers.insert(native.into(), program);
    }

    /// Says in the plan what a scan of that machine says.
    pub(crate) fn tell(self, host: &FakeHost, plan: &mut Plan) {
        let shells = host.world().shells.first().map(|shell| shell.id.pid);
        let (starter, revivers) = match self {
            Self::UserUnit | Self::Chosen => (Starter::Unit(fleet::unit()), Vec::new()),
            Self::SystemUnit => (Starter::Unit(instance()), vec![Starter::Unit(asked())]),
            Self::Cron => (
                Starter::Cron(line(TABLE, 2, "@reboot")),
                vec![Starter::Cron(line(TABLE, 3, "* * * * *"))],
            ),
            Self::Pm2 => (
                Starter::Pm2(app()),
                vec![Starter::Cron(line(SYSTEM_TABLE, 2, "* * * * *"))],
            ),
            Self::Loop => {
                let shell = LoopStarter {
                    pid: shells.unwrap_or_default(),
                    script: None,
                };
                let at_boot = Starter::Cron(line(TABLE, 2, "@reboot"));
                (Starter::Loop(shell), vec![at_boot])
            }
            Self::Tmux => (
                Starter::Tmux,
                vec![Starter::Cron(line(TABLE, 2, "@reboot"))],
            ),
        };
        if self == Self::SystemUnit {
            let relay = |port| Loopback {
                port,
                way: LoopbackWay::Relay,
            };
            for group in &mut plan.groups {
                group.loopback = SERVICES.map(relay).into();
            }
        }
        if self == Self::Chosen {
            plan.groups.iter_mut().for_each(choose);
        }
        let version = self.version();
        for gateway in &mut plan.facts.gateways {
            let release = gateway.release.iter_mut();
            release.for_each(|release| version.clone_into(&mut release.version));
            gateway.starter = starter.clone();
            gateway.revivers.clone_from(&revivers);
        }
    }
}

fn choose(group: &mut Group) {
    group.budget.node_heap = Some(Bytes::mib(768));
    group.sight = Sight::Narrow;
    group.network = Network::Host;
    group.image = Image::Given {
        reference: GIVEN_IMAGE.to_owned(),
    };
}

/// Writes a table, of which cron reads every line that has a schedule.
fn table(world: &mut FakeWorld, table: &str, lines: &[&str], program: &FakeProgram) {
    world.add_file(table, (lines.join("\n") + "\n").as_bytes(), JOES);
    for line in lines.iter().filter(|line| line.contains("openclaw")) {
        world.cron.push(FakeCronLine {
            table: table.into(),
            line: (*line).to_owned(),
            program: program.clone(),
        });
    }
}

fn line(file: &str, line: u32, schedule: &str) -> CronStarter {
    CronStarter {
        file: file.into(),
        line,
        user: "joe".to_owned(),
        schedule: schedule.to_owned(),
    }
}

fn app() -> Pm2Starter {
    Pm2Starter {
        name: "claw".to_owned(),
        dump: DUMP.into(),
        user: "joe".to_owned(),
    }
}

/// A unit that something else asks to start.
fn asked() -> UnitStarter {
    UnitStarter {
        enablement: "static".to_owned(),
        ..fleet::unit()
    }
}

fn instance() -> UnitStarter {
    UnitStarter {
        name: "openclaw@joe.service".to_owned(),
        scope: UnitScope::System,
        file: "/etc/systemd/system/openclaw@.service".into(),
        enablement: "enabled".to_owned(),
    }
}

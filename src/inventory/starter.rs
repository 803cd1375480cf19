//! What starts a gateway, and would start it again.

use std::fmt;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::display;

/// What starts a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Starter {
    /// A systemd unit.
    Unit(UnitStarter),
    /// A line of a crontab.
    Cron(CronStarter),
    /// An application of pm2.
    Pm2(Pm2Starter),
    /// A window of tmux(1); nothing starts it again.
    Tmux,
    /// A window of screen(1); nothing starts it again.
    Screen,
    /// A shell that starts it again whenever it ends.
    Loop(LoopStarter),
    /// Nothing that still lives: nohup(1), setsid(1), or a session that ended.
    Orphan,
    /// A container.
    Container(ContainerStarter),
    /// Something that ocmigrate cannot tell; what is known of it.
    Other {
        /// The control group or parent that was seen.
        seen: String,
    },
}

/// A systemd unit that starts a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitStarter {
    /// The unit's full name, for example `openclaw-gateway.service`.
    pub name: String,
    /// The manager that runs it.
    pub scope: UnitScope,
    /// The unit file; `FragmentPath` of systemctl(1).
    pub file: PathBuf,
    /// Whether it starts at boot or login; `UnitFileState` of systemctl(1), for example `enabled`.
    pub enablement: String,
}

/// The service manager that a unit belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnitScope {
    /// The system's.
    System,
    /// That of the user with this id.
    User {
        /// The user id.
        uid: u32,
    },
}

/// A line of a crontab that starts a gateway; crontab(5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CronStarter {
    /// The table.
    pub file: PathBuf,
    /// The line, counted from 1; 0 where a running gateway's line could not be told.
    pub line: u32,
    /// The user that cron runs it as.
    pub user: String,
    /// When it runs, for example `@reboot` or `*/5 * * * *`.
    pub schedule: String,
}

/// An application that pm2 starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pm2Starter {
    /// The application's name; empty where a running gateway's could not be told.
    pub name: String,
    /// The dump that `pm2 resurrect` reads, for example `/home/joe/.pm2/dump.pm2`.
    pub dump: PathBuf,
    /// The user whose pm2 it is.
    pub user: String,
}

impl Pm2Starter {
    /// Returns whether pm2 takes the name for this one application: numbers are ids, `all` is all, `-` begins an option.
    #[must_use]
    pub fn is_one(&self) -> bool {
        let Self { name, .. } = self;
        !name.is_empty() && name != "all" && !name.starts_with('-') && name.parse::<f64>().is_err()
    }
}

/// A shell that runs a gateway in a loop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoopStarter {
    /// The shell's process id.
    pub pid: i32,
    /// The script that it runs; `None` where the loop stands in its arguments.
    pub script: Option<PathBuf>,
}

/// A container that runs a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContainerStarter {
    /// The container's id, 64 hexadecimal digits.
    pub id: String,
    /// Its name, where Docker's own file tells it.
    pub name: Option<String>,
}

/// When something would start a gateway again.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// As soon as its process ends.
    AtOnce,
    /// At a time, again and again.
    OnSchedule,
    /// When the machine boots.
    AtBoot,
    /// When its user logs in.
    AtLogin,
    /// Only when somebody asks.
    ByHand,
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AtOnce => "at once",
            Self::OnSchedule => "on a schedule",
            Self::AtBoot => "at boot",
            Self::AtLogin => "at login",
            Self::ByHand => "by hand only",
        })
    }
}

/// How something is kept from starting a gateway, and allowed to again: a command or a sentence each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arming {
    /// What keeps it from starting the gateway.
    pub disarm: String,
    /// What takes that back.
    pub arm: String,
}

/// Something else than its starter that would start a gateway again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reviver {
    /// What it is.
    pub starter: Starter,
    /// When it would.
    pub when: When,
    /// The script through which it starts the gateway, where it is not in its own command.
    pub script: Option<PathBuf>,
    /// Whether it only asks the gateway's own unit to start, which refuses while it is disarmed.
    pub asks_unit: bool,
    /// How it is disarmed and armed again.
    pub arming: Arming,
}

impl Reviver {
    /// Returns whether it would start a second poller beside a container, by itself.
    #[must_use]
    pub fn is_dangerous(&self) -> bool {
        self.when != When::ByHand && !self.asks_unit
    }
}

impl Starter {
    /// Returns whether execute can keep it from starting its gateway, stop that, and start it so again.
    #[must_use]
    pub fn is_movable(&self) -> bool {
        match self {
            Self::Unit(_) | Self::Tmux | Self::Screen | Self::Loop(_) | Self::Orphan => true,
            Self::Cron(line) => line.line > 0,
            Self::Pm2(app) => app.is_one(),
            Self::Container(_) | Self::Other { .. } => false,
        }
    }

    /// Returns whether execute can keep it from starting a gateway that something else started.
    ///
    /// A timer that is active fires whatever its conditions say, and of pm2 only the dump is known.
    #[must_use]
    pub fn is_disarmable(&self) -> bool {
        match self {
            Self::Unit(unit) => Path::new(&unit.name)
                .extension()
                .is_some_and(|end| end == "service"),
            Self::Cron(line) => line.line > 0,
            _ => false,
        }
    }

    /// Returns how it is kept from starting the gateway of this user, and allowed to again.
    #[must_use]
    pub fn arming(&self, user: &str) -> Arming {
        let user = display::text(user);
        let (disarm, arm) = match self {
            Self::Unit(unit) => {
                let manager = match unit.scope {
                    UnitScope::System => "systemctl".to_owned(),
                    UnitScope::User { .. } => format!("as {user}: systemctl --user"),
                };
                let name = word(&unit.name);
                (
                    format!("{manager} disable --now {name}"),
                    format!("{manager} enable --now {name}"),
                )
            }
            Self::Cron(line) => {
                let owner = word(&line.user);
                let editor = if line.is_users() {
                    format!("crontab -u {owner} -e")
                } else {
                    format!("edit {}", path(&line.file))
                };
                let number = match line.line {
                    0 => "the line".to_owned(),
                    number => format!("line {number}"),
                };
                (
                    format!("{editor}: put # before {number}"),
                    format!("{editor}: take the # before {number} away"),
                )
            }
            Self::Pm2(app) => {
                let (owner, name) = (display::text(&app.user), word(&app.name));
                let dump = path(&app.dump);
                let kept = path(&app.dump.with_extension("before-ocmigrate"));
                (
                    format!(
                        "as {owner}: cp {dump} {kept} && pm2 delete {name} && pm2 save --force"
                    ),
                    format!("as {owner}: cp {kept} {dump} && pm2 resurrect"),
                )
            }
            Self::Tmux | Self::Screen => {
                let program = if *self == Self::Tmux {
                    "tmux"
                } else {
                    "screen"
                };
                (
                    format!(
                        "as {user}: end it in its window of {program}; nothing starts it again"
                    ),
                    format!("as {user}: start it in a window of {program}"),
                )
            }
            Self::Loop(shell) => {
                let script = shell.script.as_ref();
                let again = script.map_or("the loop".to_owned(), |script| path(script));
                (
                    format!("end the loop before the gateway: kill {}", shell.pid),
                    format!("as {user}: start {again} again"),
                )
            }
            Self::Orphan => (
                "nothing would start it again".to_owned(),
                format!("as {user}: start it by hand"),
            ),
            Self::Container(container) => {
                let id = container.id.get(..12).unwrap_or(&container.id);
                let name = word(container.name.as_deref().unwrap_or(id));
                (
                    format!("docker update --restart=no {name} && docker stop {name}"),
                    format!("docker update --restart=unless-stopped {name} && docker start {name}"),
                )
            }
            Self::Other { .. } => ("not known".to_owned(), "not known".to_owned()),
        };
        Arming { disarm, arm }
    }
}

impl CronStarter {
    /// Returns whether it stands in a table that crontab(1) edits, which has no column for the user; crontab(5).
    #[must_use]
    pub fn is_users(&self) -> bool {
        self.file.starts_with("/var/spool/cron")
    }
}

fn path(path: &Path) -> String {
    word(&path.to_string_lossy())
}

/// Returns a name as one word of a shell command, safe to print.
fn word(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "@%_+=:,./-".contains(c);
    let shown = display::text(name);
    if !shown.is_empty() && shown.chars().all(is_plain) {
        shown
    } else {
        format!("'{}'", shown.replace('\'', "'\\''"))
    }
}

impl fmt::Display for Starter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unit(unit) => match unit.scope {
                UnitScope::System => write!(f, "{} (system)", unit.name),
                UnitScope::User { .. } => write!(f, "{} (user)", unit.name),
            },
            Self::Cron(line) => write!(f, "cron ({}, {})", line.schedule, line.user),
            Self::Pm2(app) => write!(f, "pm2 ({} of {})", app.name, app.user),
            Self::Tmux => f.write_str("tmux"),
            Self::Screen => f.write_str("screen"),
            Self::Loop(shell) => write!(f, "shell loop (pid {})", shell.pid),
            Self::Orphan => f.write_str("by hand (nohup)"),
            Self::Container(container) => {
                let id = container.id.get(..12).unwrap_or(&container.id);
                write!(f, "container ({})", container.name.as_deref().unwrap_or(id))
            }
            Self::Other { seen } => write!(f, "unknown ({seen})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disarmed(starter: &Starter) -> String {
        starter.arming("joe").disarm
    }

    #[test]
    fn every_kind_says_how_it_is_disarmed_and_armed_again() {
        let unit = UnitStarter {
            name: "a.service".into(),
            scope: UnitScope::User { uid: 7 },
            file: "/a.service".into(),
            enablement: "enabled".into(),
        };
        let cron = CronStarter {
            file: "/var/spool/cron/crontabs/joe".into(),
            line: 3,
            user: "joe".into(),
            schedule: "@reboot".into(),
        };
        let pm2 = Pm2Starter {
            name: "my claw".into(),
            dump: "/home/joe/.pm2/dump.pm2".into(),
            user: "joe".into(),
        };
        let shell = LoopStarter {
            pid: 5,
            script: None,
        };
        assert_eq!(
            disarmed(&Starter::Unit(unit)),
            "as joe: systemctl --user disable --now a.service"
        );
        assert_eq!(
            disarmed(&Starter::Cron(cron.clone())),
            "crontab -u joe -e: put # before line 3"
        );
        let system = CronStarter {
            file: "/etc/cron.d/claw".into(),
            ..cron
        };
        assert_eq!(
            disarmed(&Starter::Cron(system)),
            "edit /etc/cron.d/claw: put # before line 3"
        );
        assert!(disarmed(&Starter::Pm2(pm2)).contains("&& pm2 delete 'my claw' && pm2 save"));
        assert!(disarmed(&Starter::Loop(shell)).ends_with("kill 5"));
    }

    #[test]
    fn an_application_whose_name_means_more_to_pm2_is_not_moved() {
        let movable = |name: &str| {
            Starter::Pm2(Pm2Starter {
                name: name.into(),
                dump: "/d".into(),
                user: "joe".into(),
            })
            .is_movable()
        };
        assert!(movable("my claw"));
        assert!(
            ["", "all", "0", "--force"]
                .iter()
                .all(|name| !movable(name))
        );
    }

    #[test]
    fn a_hostile_name_stays_one_word_of_the_command() {
        assert_eq!(word("a'; rm -rf ~"), "'a'\\''; rm -rf ~'");
        assert_eq!(word("a\nb"), "'a\\nb'");
        assert_eq!(word(""), "''");
    }
}

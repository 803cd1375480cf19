//! Findings: what a person should know before, each with a stable id from one catalogue.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much a finding matters; the order is from harmless to blocking.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Hurts some day.
    Medium,
    /// Hurts today.
    High,
    /// Blocks `execute`.
    Inhibitor,
}

/// Something that a person should know, with the place and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Its id in the catalogue, for example `OM-O002`.
    pub id: String,
    /// How much it matters.
    pub severity: Severity,
    /// What it is about, a gateway's name mostly.
    pub about: String,
    /// One sentence.
    pub summary: String,
    /// Where it stands, as `path:line`; empty where it has no place.
    pub place: String,
    /// What to do, a command where there is one.
    pub remedy: String,
}

impl Finding {
    /// Makes a finding of the catalogue's kind `id`.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "names and texts alike, by reference or not"
    )]
    pub fn new(kind: &Catalogued, about: impl ToString, summary: impl Into<String>) -> Self {
        Self {
            id: kind.id.to_owned(),
            severity: kind.severity,
            about: about.to_string(),
            summary: summary.into(),
            place: String::new(),
            remedy: kind.remedy.to_owned(),
        }
    }

    /// Sets the place.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "paths and places alike, by reference or not"
    )]
    pub fn at(mut self, place: impl ToString) -> Self {
        self.place = place.to_string();
        self
    }

    /// Replaces the catalogue's remedy by one that names the thing itself.
    #[must_use]
    pub fn remedied_by(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }
}

/// A kind of finding.
#[derive(Debug, PartialEq, Eq)]
pub struct Catalogued {
    /// The stable id.
    pub id: &'static str,
    /// How much findings of this kind matter.
    pub severity: Severity,
    /// The general remedy.
    pub remedy: &'static str,
    /// The whole story.
    pub explanation: &'static str,
}

macro_rules! catalogue {
    ($($(#[$doc:meta])* $name:ident = $id:literal $severity:ident $remedy:literal $explanation:literal;)*) => {
        /// One constant a kind of finding.
        pub mod catalogued {
            use super::{Catalogued, Severity};
            $($(#[$doc])* pub const $name: Catalogued = Catalogued {
                id: $id,
                severity: Severity::$severity,
                remedy: $remedy,
                explanation: $explanation,
            };)*
            /// Every kind of finding, in the order of the catalogue.
            pub const ALL: &[&Catalogued] = &[$(&$name),*];
        }
    };
}

catalogue! {
    /// One bot token, two configurations.
    SHARED_TOKEN = "OM-T001" Inhibitor
        "take the login out of one of the two configurations, or disable its account there"
        "The same login stands in the configurations of two gateways that can both run, natively or in a container; values from variables and files are \
         compared too. Telegram serves one poller per token: the two take each other's messages away (409 Conflict). \
         Channels that hold a connection answer twice, or break the session of a linked device.";
    /// A login that could not be compared.
    UNRESOLVED_LOGIN = "OM-T002" Medium
        "set the variable, or make the file readable; for a program or a store make sure that no other gateway uses the login"
        "The value of a login could not be told: its variable is not set, its file cannot be read, or it comes from a program, \
         which a scan never runs. So it is not known whether another gateway has the same login.";
    /// Entries of another owner.
    STRAY_OWNER = "OM-O002" Medium
        "execute gives them to the gateway's user and keeps a manifest; rollback gives them back"
        "Entries below the state directory or a workspace belong to another user or group. The container runs as the \
         gateway's user and could not write them. Those that keep their owner are setuid or setgid, have capabilities or \
         several names, are immutable or append-only, or are devices.";
    /// A stray with a second name.
    HARD_LINKED_STRAY = "OM-O004" High
        "give the file its owner by hand, or replace it by a copy"
        "A file of another owner has several names (hard links). Changing its owner could change a file outside the \
         state directory, so ocmigrate leaves it as it is.";
    /// Nobody may change it.
    IMMUTABLE = "OM-O005" Medium
        "look why it was set, and take it away where nothing needs it: chattr -i FILE, chattr -a FILE"
        "Entries carry the flag immutable or append-only. Nobody, not even root, can write them, rename them or give them another \
         owner while they do, in the container as on the host.";
    /// An access list.
    ACCESS_LIST = "OM-O006" Medium
        "look at it: getfacl FILE; the entry of a user keeps that user's number"
        "Entries have access lists beyond their mode. The gateway's user has one group in the container, so what an access list \
         grants to its other groups is lost there, and an entry for a user is not changed with the owner.";
    /// A link that leads away.
    LEAVING_LINK = "OM-O007" Medium
        "look where it leads, and keep what the agents need in the home directory or a workspace"
        "Symbolic links lead out of the state directory and the workspaces. In the container they lead to the image's files, or \
         nowhere, unless their target lies in what the container sees of the host.";
    /// A mount inside.
    INNER_MOUNT = "OM-O008" Medium
        "look what is mounted there: findmnt DIRECTORY"
        "Another file system is mounted inside. It was not counted, owners there are not changed, and it must be mounted before \
         the container starts.";
    /// Runs with more than its caller.
    SET_ID = "OM-O009" Medium
        "take the bit away where nothing needs it: chmod u-s,g-s FILE"
        "Files are setuid or setgid. In the container they run without that: it is started with no-new-privileges. Their owner \
         is not changed, because they would then run as the new one.";
    /// Has capabilities.
    CAPABILITIES = "OM-O010" Medium
        "install what needs them in the image, or run it on the host"
        "Programs have file capabilities. In the container they run without them: it is started with no-new-privileges. The \
         kernel would clear them with a change of the owner, so they keep it.";
    /// A hard link to elsewhere.
    OUTSIDE_NAMES = "OM-O011" Medium
        "replace the file by a copy where the two should not change together"
        "Files have names (hard links) outside of the state directory and the workspaces: what changes inside changes there. \
         Stores of package managers do that on purpose.";
    /// A name that is hard to read.
    ODD_NAME = "OM-O012" Info
        "rename it where nothing needs the name"
        "Names hold control characters, or are no UTF-8. ocmigrate carries any name and prints it escaped; scripts of yours may \
         trip over it.";
    /// Closed to the user.
    CLOSED = "OM-O013" Medium
        "give it to the gateway's user, or open its mode"
        "The gateway's user cannot read entries or enter directories by owner, group and mode. What its other groups or an access \
         list of those groups grant on the host is not granted in the container, where it has one group.";
    /// A workspace in somebody else's directory.
    FOREIGN_GROUND = "OM-O014" Inhibitor
        "give the agent a workspace of its own, or give it the directory: chown USER DIRECTORY"
        "A state directory or workspace lies outside of the gateway user's home and belongs to somebody else, a directory of \
         the system perhaps. The container could write it, and execute would give what lies in it to the gateway's user: a \
         configuration that an agent can edit must not be able to ask for that.";
    /// A starter that cannot be disarmed yet.
    UNKNOWN_STARTER = "OM-S001" Inhibitor
        "run the gateway from its systemd unit: openclaw gateway install"
        "ocmigrate cannot tell what would start this gateway again, so it could not keep a second poller from starting. \
         Gateways started by a systemd unit, cron, pm2, tmux, screen, a shell loop or by hand can be moved.";
    /// Configured, not running.
    NOT_RUNNING = "OM-S002" Inhibitor
        "start it, or remove its unit"
        "The gateway is not running, so its port, environment and health could not be seen.";
    /// Runs as root.
    RUNS_AS_ROOT = "OM-S003" Inhibitor
        "run the gateway as a user of its own"
        "The gateway runs as root. ocmigrate does not move such gateways yet.";
    /// Something else would start it again.
    REVIVER = "OM-S004" Inhibitor
        "disarm it as the inventory says"
        "Beside its starter something else would start this gateway again, and while the container runs that would be a second \
         poller of the same bots. ocmigrate disarms services and lines of crontabs (OM-S013); a timer, a path unit or an \
         application in another pm2 is disarmed by hand, and armed again after a rollback.";
    /// A starter that ocmigrate knows and does not disarm.
    FOREIGN_STARTER = "OM-S005" Inhibitor
        "run the gateway from its systemd unit: openclaw gateway install"
        "ocmigrate knows what started this gateway and cannot disarm it: a line of a crontab that was not found again, or an \
         application of pm2 whose name pm2 takes for a number, for all or for an option.";
    /// Could be started, but nothing does.
    SLEEPING_REVIVER = "OM-S006" Info
        "leave it as it is, or remove it"
        "Something stands on disk that could start this gateway and does so only when somebody asks: a disabled unit, or \
         an application in pm2's dump that nothing resurrects.";
    /// Asks the unit to start.
    ASKS_UNIT = "OM-S007" Info
        "expect its complaints in the log, or disarm it too"
        "Something asks the gateway's own unit to start, a watchdog for example. The unit refuses while it is disarmed, so \
         no second poller comes of it.";
    /// State that nobody runs.
    RESTING_STATE = "OM-S008" Info
        "leave it, or remove it when nobody misses it"
        "A state directory lies on disk, and neither a running gateway nor anything that starts one uses it.";
    /// A starter whose command could not be read to its end.
    UNCLEAR_STARTER = "OM-S009" High
        "read it, and disarm it where it starts a gateway"
        "Something that runs by itself speaks of OpenClaw's gateway, and whether it starts one could not be told: \
         ocmigrate reads scripts one level deep and does not run them.";
    /// Runs in a container.
    IN_CONTAINER = "OM-S010" Info
        "look whether it polls the same bots: docker logs"
        "OpenClaw runs in a container already. ocmigrate names it, reads its configuration where the host has it, compares its \
         logins with those of the gateways, and does not touch it.";
    /// Started through a script.
    THROUGH_SCRIPT = "OM-S011" Inhibitor
        "let the unit start the gateway itself: openclaw gateway install"
        "The starter runs a script, and the script starts the gateway. What the script does before and after would not \
         happen in the container, and a loop in it could outlive the unit's stop.";
    /// A neighbour on loopback.
    COMPANION = "OM-S012" Info
        "look whether it reaches the gateway, and is reached, once the gateway runs in a container"
        "A process on this host speaks to the gateway over loopback, or serves it there.";
    /// Something else would start it again, and is disarmed too.
    DISARMED_REVIVER = "OM-S013" Info
        "leave it: execute disarms it, and rollback arms it again"
        "Beside its starter something else would start this gateway again: another service, a line of a crontab. execute keeps \
         both from it while the container runs.";
    /// Started by cron through a script.
    SCRIPTED_LINE = "OM-S014" Info
        "look whether the script does anything that the gateway needs in its container"
        "cron runs a script, and the script starts the gateway. Its environment goes along into the container; what else the \
         script does happens only natively. rollback starts the gateway by the line's own command.";
    /// Moved already.
    MOVED = "OM-S015" Inhibitor
        "leave it, or bring it back: ocmigrate rollback --group GROUP"
        "ocmigrate moved this gateway into a container, which runs on its state directory. That it does not run natively, and that its \
         port is taken, is as it should be; ocmigrate status and ocmigrate verify say how it is.";
    /// More memory than there is.
    OVER_HOST = "OM-P001" Inhibitor
        "lower budgets or the reserve, move fewer groups, or accept it: --accept OM-P001"
        "The budgets and the reserve of the host together are more than the host's memory. Limits are not taken up front, so \
         this works for as long as the groups do not all use theirs at once; then the kernel kills what it likes.";
    /// Less than was used.
    UNDER_PEAK = "OM-P002" Inhibitor
        "raise the budget, or accept it: --accept OM-P002:GROUP"
        "A group's memory limit is below what its gateways were measured to use together at their peaks. At its limit a \
         container is killed and started again.";
    /// An edge over a border.
    CUT_EDGE = "OM-P003" Inhibitor
        "put both agents into one group, or accept this edge by name: --accept 'OM-P003:FROM -> TO'"
        "Two agents that are connected go to different groups. Calls between agents go through their gateway and do not leave \
         it, and the directories of other groups are covered in a container. What stops working is said for each edge, and \
         each is accepted by its name.";
    /// One gateway, two groups.
    SPLIT = "OM-P004" Inhibitor
        "keep its agents together in one group, or give agents gateways of their own first: openclaw --profile NAME"
        "The agents of one gateway go to several groups. A gateway is one process with one state directory; parting it is not \
         built yet. There are two ways out: keep the agents together, or give them gateways of their own and plan again.";
    /// One login, two containers.
    TOKEN_TWICE = "OM-P005" Inhibitor
        "put both gateways into one group, and take the login out of one of them"
        "A credential that only one process may use would be in two containers. For a bot's token that is two pollers, of \
         which each takes messages away from the other.";
    /// Ports that OpenClaw derives.
    DERIVED_PORTS = "OM-P006" Medium
        "put the two gateways into different groups, or give one another port"
        "OpenClaw takes more ports than the gateway's own: the browser's control at +2 (+3 in 2026.2) and browsers at +11 to \
         +110. In one container, or on the host's network, those of two gateways meet.";
    /// One image, two releases.
    MIXED_RELEASES = "OM-P007" Inhibitor
        "group gateways of one release together, upgrade the older one, or accept it: --accept OM-P007:GROUP"
        "A group's image has one release of OpenClaw, and the state of a gateway in it was written by another, or the release \
         in a given image is not known. A newer release changes the state for good; an older one may refuse it.";
    /// A neighbour that the container does not reach.
    LOST_SERVICE = "OM-P008" Inhibitor
        "decide in the group's loopback what becomes of it: relay, host_network or lost"
        "A gateway uses a service on the host's loopback, and the plan does not say how the container reaches it. Inside a \
         container that address is the container's own.";
    /// Sandboxes in containers.
    SANDBOX = "OM-P010" High
        "let the group's container be the sandbox: sandbox.mode off; or keep this gateway native for now"
        "Tools of agents are configured to run in containers of the host's Docker Engine. A group's container has no access to \
         the engine, because that would be root on the host, so these tools do not run.";
    /// Published by Tailscale.
    TAILSCALE = "OM-P011" High
        "publish the gateway's port from the host itself: tailscale serve PORT; and set gateway.tailscale.mode to off"
        "The gateway lets the host's Tailscale publish it, and a container has no tailscale. The port is published on the host's \
         loopback under the same number, where tailscale on the host finds it as before.";
    /// Announced in the local network.
    MDNS = "OM-P012" Info
        "put the group on the host's network where devices must find the gateway by itself"
        "The gateway announces itself in the local network by mDNS. Announcements do not leave a bridge; releases that know \
         they are in a container do not send any.";
    /// The host has graphics processors.
    GPU = "OM-P013" Info
        "keep what computes on them native, as a service that agents reach over loopback"
        "The host has graphics processors. Containers of groups do not get them: OpenClaw itself does not use any, and \
         programs of agents that do find none.";
    /// The browser is not in the image.
    BROWSER = "OM-P014" Medium
        "add a browser of the distribution to the group's packages (chromium), or give a base image with the one that is used"
        "Agents use a browser that lies on the host, and it is not among the packages of the image's base.";
    /// No Docker.
    NO_ENGINE = "OM-D001" Inhibitor
        "install and start Docker: apt-get install docker.io"
        "No Docker Engine answers on its unix socket.";
    /// Docker too old.
    OLD_ENGINE = "OM-D002" Inhibitor
        "upgrade Docker to 20.10 or newer"
        "The Docker Engine speaks an API older than 1.41; ocmigrate was tried with 1.41 (Engine 20.10) and newer.";
    /// Remapped users.
    REMAPPED_ENGINE = "OM-D003" Inhibitor
        "use a Docker Engine without rootless mode and without userns-remap"
        "The Docker Engine maps user ids (rootless mode or userns-remap), so a container could not run as the owner of \
         the files.";
    /// A config that does not parse.
    BAD_CONFIG = "OM-C001" Inhibitor
        "correct the file; OpenClaw itself says the same: openclaw config validate"
        "The configuration does not parse.";
    /// A link where the config should be.
    LINKED_CONFIG = "OM-C002" Inhibitor
        "replace the link by the file"
        "The configuration file is a symbolic link that does not lie in the state directory, or leads to a file of another \
         user. ocmigrate edits through links only from the state directory to a file of the gateway's own user.";
    /// A bind that cannot be rewritten.
    UNEDITABLE_BIND = "OM-C003" Inhibitor
        "write gateway as one object, with a bind that is loopback, lan or auto"
        "gateway or gateway.bind stands in a form that ocmigrate does not edit (twice, or as no object), or ties the gateway to \
         an address of this host, which a container does not have. A group on the host's network needs no edit.";
    /// Listening beyond loopback without a secret.
    OPEN_BIND = "OM-C004" Inhibitor
        "set gateway.auth.token"
        "A gateway in a container must listen on all of the container's addresses (bind `lan`), and OpenClaw refuses that \
         without a token or password. On the host's network it listens where it listens today, and nothing forbids that.";
    /// An include that does not come out.
    BAD_INCLUDE = "OM-C005" Inhibitor
        "correct the include, or write its content into the file; OpenClaw itself says the same: openclaw config validate"
        "An $include of the configuration cannot be put in: its file is missing, does not parse, includes itself, or is \
         nested too deep (ten files). OpenClaw refuses to start with it.";
    /// An include from elsewhere.
    OUTSIDE_INCLUDE = "OM-C006" Inhibitor
        "move the included file below the directory of the configuration, and name it relative to it"
        "An $include leads out of the directory of the configuration. OpenClaw refuses it unless OPENCLAW_INCLUDE_ROOTS \
         names its directory (2026.9.6; 2026.2.9 allowed it), and ocmigrate checks a configuration with what lies beside it.";
    /// A gateway's secret that everybody can read.
    EXPOSED_TOKEN = "OM-C007" Medium
        "chmod 600 the unit file and renew the token: openclaw doctor"
        "The token or password of the gateway stands in a unit file that every user of the host can read. OpenClaw 2026.2.9 \
         wrote such units. In the container the environment lies in a file that only its user can read.";
    /// No origins for the control page.
    NO_ORIGINS = "OM-C008" High
        "set gateway.controlUi.allowedOrigins to the addresses that browsers use"
        "The gateway listens beyond loopback without gateway.controlUi.allowedOrigins. Releases from 2026.2.26 to before \
         2026.9.6 do not start so; 2026.9.6 fills them in by itself. ocmigrate sets them where it changes the bind.";
    /// A path that begins where the gateway is started.
    RELATIVE_PATH = "OM-C009" Inhibitor
        "write the path from / or from ~ on"
        "A path in the configuration begins at the directory in which the gateway is started, and that is not the home of its \
         user, where a container starts it: in the container the path would lead elsewhere, and an agent would find an empty \
         workspace or no token.";
    /// A binding that leads nowhere.
    UNKNOWN_AGENT = "OM-B001" Medium
        "correct agentId in the binding"
        "A binding names an agent that there is none of. Until 2026.5 the agent marked as default answers, or the first one; \
         2026.9.6 does not answer (AGENT_SELECTION_REQUIRED), except for the id main.";
    /// An account that no binding names.
    UNREACHED_ACCOUNT = "OM-B002" Medium
        "bind the account to an agent, or bind accountId \"*\" of the channel"
        "There are several agents, and no binding reaches an account. The agent marked as default answers, or, until 2026.5, the \
         first one; 2026.9.6 does not answer where none is marked. A binding without accountId is for the account default only.";
    /// Upper and lower case.
    ACCOUNT_CASE = "OM-B003" Medium
        "write accountId as the account is written, best both in lower case"
        "A binding names an account in another case than the account has. 2026.9.6 compares both in lower case; 2026.2.9 \
         compares the binding's text with the account in lower case, and a binding with capitals is never used there.";
    /// OAuth logins in more than one store.
    SHARED_AUTH = "OM-A001" High
        "log each agent in by itself: openclaw models auth login --agent ID"
        "Agents share an OAuth login: their auth-profiles.json is the same file by a link, or holds the same refresh token. \
         Providers exchange a refresh token when it is used, so the store that is written last shuts the others out. Agents of \
         different groups must not share one.";
    /// Another process has the port.
    FOREIGN_PORT = "OM-N001" Inhibitor
        "stop the other process, or change the gateway's port"
        "Another process than the gateway listens on the gateway's port.";
    /// A release that was not tried.
    UNTRIED_RELEASE = "OM-R001" Inhibitor
        "upgrade OpenClaw to 2026.9.6"
        "This release of OpenClaw has not been moved by ocmigrate's tests: its health endpoint or its configuration \
         differ.";
    /// A starter that was not tried.
    UNTRIED_STARTER = "OM-R002" Inhibitor
        "let a unit of systemd start the gateway (openclaw gateway install), or accept it: --accept OM-R002"
        "ocmigrate knows how to keep this starter from starting the gateway and how to give the gateway back to it. It has done \
         so in its tests' machine in memory, and with a real server only for units of systemd, for lines of a user's crontab that \
         start the gateway themselves, and for pm2, tmux, screen, a shell loop and a start by hand.";
    /// A program that is not there.
    MISSING_PROGRAM = "OM-P009" Info
        "install it where the agents need it; what is missing here will be missing in the container"
        "A skill or a script of an agent asks for a program that is not on this host. OpenClaw leaves such skills out; the \
         script does not run.";
    /// Loopback services.
    LOOPBACK_URL = "OM-N002" Medium
        "decide in the plan what becomes of it: a relay in the container, which is the proposal, or lost"
        "The configuration names a service on the host's loopback address. Inside a container that address is the \
         container's own. A relay on the same port of the container's loopback hands on to the host, so that the URL stays.";
    /// Loopback services that no relay can stand for.
    LOOPBACK_PORTLESS = "OM-N003" Inhibitor
        "name the port in the URL, or accept that the agents lose it: --accept OM-N003"
        "The configuration names a service on the host's loopback address without a port that could be told. Inside a \
         container that address is the container's own, and without a port no relay can stand for it. On the host's network it is as \
         today.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_are_unique_and_every_kind_is_explained() {
        let ids: BTreeSet<_> = catalogued::ALL.iter().map(|kind| kind.id).collect();
        assert_eq!(ids.len(), catalogued::ALL.len());
        assert!(catalogued::ALL.iter().all(|kind| {
            kind.id.starts_with("OM-") && !kind.explanation.is_empty() && !kind.remedy.is_empty()
        }));
    }
}

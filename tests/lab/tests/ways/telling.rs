//! An inventory as sorted lines, each with the name of its block before it: what changes with every run left out, everything
//! else read, and what the box itself can tell compared with it.

use std::collections::{BTreeMap, BTreeSet};

use ocmigrate_lab::server::Server;
use serde_json::Value;

use crate::object::{Object, text};
use crate::truth::Truth;

/// The block of what belongs to no gateway.
const NOBODY: &str = "none";

pub(crate) fn tell(server: &Server, inventory: Value) -> Vec<String> {
    let mut telling = Telling {
        truth: Truth::of(server),
        lines: Vec::new(),
        held: BTreeMap::new(),
        block: NOBODY.to_owned(),
    };
    telling.inventory(server, Object::new("inventory", inventory));
    telling.shared();
    let Telling {
        truth, mut lines, ..
    } = telling;
    truth.end();
    lines.sort();
    lines
}

struct Telling<'a> {
    truth: Truth<'a>,
    lines: Vec<String>,
    /// Who holds a credential, by its hash, and what it is.
    held: BTreeMap<String, (String, Vec<String>)>,
    block: String,
}

impl Telling<'_> {
    fn say(&mut self, line: &str) {
        self.lines.push(format!("{}: {line}", self.block));
    }

    fn inventory(&mut self, server: &Server, mut all: Object) {
        assert_eq!(all.text("format"), "1");
        assert!(!all.text("made_by").is_empty());
        host(server, all.object("host"));
        let uids: Vec<_> = all.list("uids").iter().map(text).collect();
        for uid in ["0", "1001", "1002", "1003", "1004"] {
            assert!(uids.iter().any(|it| it == uid), "{uids:?}");
        }
        for gateway in all.objects("gateways") {
            self.gateway(gateway);
        }
        for container in all.objects("contained") {
            self.container(container);
        }
        NOBODY.clone_into(&mut self.block);
        for state in all.objects("states") {
            self.state(state);
        }
        let named = self.lines.iter().filter_map(|it| it.split_once(": "));
        let blocks: BTreeSet<_> = named.map(|(block, _)| block.to_owned()).collect();
        let block_of = |name: String| blocks.get(&name).cloned().unwrap_or(NOBODY.to_owned());
        for mut companion in all.objects("companions") {
            self.block = block_of(companion.text("gateway"));
            self.companion(companion);
        }
        for mut edge in all.objects("edges") {
            let (from, to) = (edge.object("from"), edge.object("to"));
            self.edge(edge, from, to);
        }
        for mut finding in all.objects("findings") {
            self.block = block_of(finding.text("about"));
            self.finding(finding);
        }
        NOBODY.clone_into(&mut self.block);
        for unseen in all.list("unseen") {
            self.say(&format!("unseen {}", text(&unseen)));
        }
        all.end();
    }

    fn gateway(&mut self, mut it: Object) {
        self.block = it.text("name");
        let user = user(it.object("user"));
        self.say(&format!("user {user}"));
        if let Value::Object(release) = it.take("release") {
            let mut release = Object::new("release", Value::Object(release));
            self.say(&format!(
                "release {} {}",
                release.text("version"),
                release.text("package")
            ));
            self.say(&format!("node {}", release.text("node")));
            if let Some(modules) = release.text_or_none("modules") {
                self.say(&format!("modules {modules}"));
            }
            release.end();
        }
        let state = it.text("state_directory");
        self.say(&format!("state {state}"));
        let port = it.text("port");
        self.say(&format!("port {port}"));
        let config = it.object("config");
        self.config(config);
        for address in it.list("listeners") {
            self.say(&format!("listens on {}", text(&address)));
        }
        let process = it.take("process");
        let is_running = !process.is_null();
        if is_running {
            self.process(&port, Object::new("process", process));
        }
        for mut agent in it.objects("agents") {
            self.say(&format!(
                "agent {} {}",
                agent.text("id"),
                agent.text("workspace")
            ));
            agent.end();
        }
        for account in it.objects("accounts") {
            self.account(account);
        }
        for credential in it.objects("credentials") {
            self.credential(credential);
        }
        self.starters(&mut it);
        self.variables(it.objects("environment"));
        for reference in it.objects("references") {
            self.reference(reference);
        }
        // What it weighs is compared in the test of the scales.
        assert!(!it.take("census").is_null(), "{}", self.block);
        assert_eq!(!it.take("memory").is_null(), is_running, "{}", self.block);
        assert_eq!(!it.take("load").is_null(), is_running, "{}", self.block);
        assert!(it.list("needs").len() > 1, "{}", self.block);
        let _ = it.take("last_boot_ms");
        assert!(
            it.list("host_files").contains(&"/etc/hosts".into()),
            "{}",
            self.block
        );
        // The findings tell these: OM-N002 of each address, OM-P010 to OM-P014 of what a plan says of the host.
        it.pass("loopback");
        it.pass("facilities");
        it.end();
    }

    fn config(&mut self, mut it: Object) {
        let mut auth = it.object("auth");
        let secret = match auth.text("has_secret").as_str() {
            "true" => "with secret",
            _ => "without secret",
        };
        let line = format!(
            "config {} bind {} port {} auth {} {secret}",
            it.text("path"),
            it.text("bind"),
            it.text("port"),
            auth.text("mode")
        );
        auth.end();
        self.say(&line);
        for file in it.list("includes") {
            self.say(&format!("includes {}", text(&file)));
        }
        assert!(it.take("allowed_origins").is_null(), "{}", self.block);
        assert!(!it.text("meaning").is_empty());
        it.end();
    }

    fn process(&mut self, port: &str, mut it: Object) {
        let main = self.identity(it.take("id"));
        let others: Vec<_> = it
            .objects("others")
            .into_iter()
            .map(|mut other| other.take("pid").as_i64().unwrap())
            .collect();
        assert!(it.take("uptime_secs").as_u64() < Some(3600));
        it.end();
        let shape = self.truth.shape(port.parse().unwrap(), main, &others);
        self.say(&format!("process {shape}"));
    }

    /// Compares a process with the box's and returns its id.
    fn identity(&mut self, id: Value) -> i64 {
        let mut id = Object::new("process id", id);
        let pid = id.take("pid").as_i64().unwrap();
        self.truth.started_at(pid, &id.text("start_ticks"));
        id.end();
        pid
    }

    fn account(&mut self, mut it: Object) {
        let agents: Vec<_> = it.list("agents").iter().map(text).collect();
        let agents = match agents.as_slice() {
            [] => "nobody at all".to_owned(),
            some => some.join(" "),
        };
        assert_eq!(it.text("enabled"), "true");
        let line = format!(
            "account {}/{} for {agents}",
            it.text("channel"),
            it.text("id")
        );
        it.end();
        self.say(&line);
    }

    fn credential(&mut self, mut it: Object) {
        let (kind, public) = (it.text("kind"), it.text("public_id"));
        let exclusivity = it.text("exclusivity");
        let of = match it.text("account").as_str() {
            "absent" => String::new(),
            account => format!(" of {account}"),
        };
        let mut places = Vec::new();
        for mut place in it.objects("places") {
            let (path, line) = (place.text("path"), place.take("line"));
            place.end();
            if let Some(line) = line.as_u64() {
                let pattern = "canary|botToken|apiKey|\"token\"";
                self.truth.names(&path, line, pattern);
            }
            places.push(path);
        }
        let what = format!("{exclusivity} {public}").trim_end().to_owned();
        let holder = self.block.clone();
        let held = self.held.entry(it.text("hash"));
        held.or_insert_with(|| (what, Vec::new())).1.push(holder);
        it.end();
        let public = match public.as_str() {
            "" => String::new(),
            public => format!("{public} "),
        };
        let places = places.join(" ");
        self.say(&format!(
            "credential {kind} {public}{exclusivity}{of} in {places}"
        ));
    }

    /// Says which credentials two hold.
    fn shared(&mut self) {
        for (_, (what, mut holders)) in std::mem::take(&mut self.held) {
            holders.sort();
            if let [first, rest @ ..] = holders.as_slice() {
                first.clone_into(&mut self.block);
                for other in rest {
                    self.say(&format!("shares {what} with {other}"));
                }
            }
        }
    }

    fn starters(&mut self, it: &mut Object) {
        let starter = self.starter(it.object("starter"));
        self.say(&format!("starter {starter}"));
        match it.text("script").as_str() {
            "absent" => {}
            script => self.say(&format!("script {script}")),
        }
        let mut arming = it.object("arming");
        for which in ["disarm", "arm"] {
            let how = without_numbers(&arming.text(which));
            self.say(&format!("{which} {how}"));
        }
        arming.end();
        for reviver in it.objects("revivers") {
            let reviver = self.reviver(reviver);
            self.say(&format!("reviver {reviver}"));
        }
    }

    fn reviver(&mut self, mut it: Object) -> String {
        let starter = self.starter(it.object("starter"));
        let does = match it.text("asks_unit").as_str() {
            "true" => "asks its unit",
            _ => "starts it",
        };
        assert_eq!(it.text("script"), "absent");
        let mut arming = it.object("arming");
        assert!(!arming.text("arm").is_empty() && !arming.text("disarm").is_empty());
        arming.end();
        let line = format!("{starter} {does} {}", it.text("when"));
        it.end();
        line
    }

    fn starter(&mut self, mut it: Object) -> String {
        let line = match it.text("kind").as_str() {
            "unit" => {
                let scope = match it.take("scope") {
                    Value::String(system) => system,
                    _ => "user".to_owned(),
                };
                format!(
                    "{} ({scope}) {} in {}",
                    it.text("name"),
                    it.text("enablement"),
                    it.text("file")
                )
            }
            "cron" => {
                let (file, line) = (it.text("file"), it.take("line").as_u64().unwrap());
                self.truth.names(&file, line, "^[^#].*gateway");
                format!(
                    "cron ({}, {}) in {file}",
                    it.text("schedule"),
                    it.text("user")
                )
            }
            "pm2" => format!(
                "pm2 ({} of {}) in {}",
                it.text("name"),
                it.text("user"),
                it.text("dump")
            ),
            "loop" => {
                assert!(it.take("pid").as_i64() > Some(1));
                format!("shell loop (pid N) in {}", it.text("script"))
            }
            "orphan" => "by hand (nohup)".to_owned(),
            "other" => format!("unknown ({})", it.text("seen")),
            plain => plain.to_owned(),
        };
        it.end();
        line
    }

    /// Only OpenClaw's own: the rest of an environment depends on how the box was entered.
    fn variables(&mut self, variables: Vec<Object>) {
        for mut variable in variables {
            let name = variable.text("name");
            assert!(!variable.text("hash").is_empty());
            variable.end();
            if name.starts_with("OPENCLAW_") || name.starts_with("CLAWDBOT_") {
                self.say(&format!("variable {name}"));
            }
        }
    }

    fn reference(&mut self, mut it: Object) {
        let mut place = it.object("place");
        let (path, line) = (place.text("path"), place.take("line").as_u64().unwrap());
        place.end();
        self.truth.names(&path, line, ".");
        let (agent, kind, what) = (it.text("agent"), it.text("kind"), it.text("what"));
        it.end();
        self.say(&format!("reference {agent} {kind} {what} in {path}"));
    }

    fn container(&mut self, mut it: Object) {
        let mut container = it.object("container");
        assert_eq!(container.text("id").len(), 64);
        self.block = format!("container {}", container.text("name"));
        container.end();
        self.identity(it.take("process"));
        let (uid, state) = (it.text("uid"), it.text("state_directory"));
        assert!(it.take("group").is_null(), "ocmigrate made no container");
        self.say(&format!("process of {uid}"));
        self.say(&format!("state {state}"));
        for credential in it.objects("credentials") {
            self.credential(credential);
        }
        it.end();
    }

    fn state(&mut self, mut it: Object) {
        let mut line = format!("state {} of {}", it.text("path"), it.text("user"));
        assert!(it.take("unchanged_secs").as_u64() < Some(3600));
        assert!(it.take("size").as_u64() > Some(0));
        assert_eq!(it.text("is_counted_whole"), "true");
        for reviver in it.objects("revivers") {
            line = format!("{line}, {}", self.reviver(reviver));
        }
        it.end();
        self.say(&line);
    }

    fn companion(&mut self, mut it: Object) {
        self.identity(it.take("process"));
        let over = match it.text("port").as_str() {
            "absent" => String::new(),
            port => format!(" over {port}"),
        };
        let line = format!(
            "companion {} {}{over} in {} of {} at {}",
            it.text("part"),
            it.text("name"),
            it.text("starter"),
            it.text("uid"),
            it.text("directory")
        );
        it.end();
        self.say(&line);
    }

    fn edge(&mut self, mut it: Object, mut from: Object, mut to: Object) {
        self.block = from.text("gateway");
        let line = format!(
            "edge of {}: {} {}:{}",
            from.text("agent"),
            it.text("kind"),
            to.text("gateway"),
            to.text("agent")
        );
        let _ = it.take("place");
        from.end();
        to.end();
        it.end();
        self.say(&line);
    }

    /// Findings about the files of a gateway, and of programs that OpenClaw's own skills want, are compared in the test of
    /// the scales.
    fn finding(&mut self, mut it: Object) {
        let (id, place) = (it.text("id"), it.text("place"));
        for key in ["summary", "remedy", "severity"] {
            assert!(!it.text(key).is_empty(), "{id} has no {key}");
        }
        it.end();
        let of_openclaw = id == "OM-P009" && !place.starts_with("/home/");
        if !id.starts_with("OM-O") && !of_openclaw {
            self.say(&format!("finding {id}"));
        }
    }
}

fn host(server: &Server, mut it: Object) {
    assert_eq!(it.text("name"), server.name());
    let mut distribution = it.object("distribution");
    assert_eq!(distribution.text("id"), "debian");
    assert_eq!(distribution.text("version"), "12");
    assert_eq!(distribution.text("codename"), "bookworm");
    distribution.end();
    let kernel = server.shell("uname -m; nproc").unwrap();
    let cores = it.text("cores");
    let told = format!("{}\n{cores}\n", it.text("architecture"));
    assert_eq!(told, kernel);
    let mut engine = it.object("engine");
    let version = server.shell("docker version --format '{{.Server.Version}}'");
    assert_eq!(engine.text("version"), version.unwrap().trim());
    for key in [
        "api_version",
        "security_options",
        "containerd_image_store",
        "compose_version",
    ] {
        let _ = engine.take(key);
    }
    engine.end();
    for key in [
        "machine",
        "memory_total",
        "memory_used",
        "file_systems",
        "cgroup",
    ] {
        assert!(!it.take(key).is_null(), "{key}");
    }
    // A box without the database of time zones has a link that tells none.
    let zone = server.shell("readlink -f /etc/localtime || true").unwrap();
    let zone = zone.trim().strip_prefix("/usr/share/zoneinfo/");
    assert_eq!(it.text_or_none("timezone").as_deref(), zone);
    // What the box sees of the machine below it differs from machine to machine.
    it.pass("gpus");
    it.end();
}

fn user(mut it: Object) -> String {
    let line = format!(
        "{} {}:{} {}",
        it.text("name"),
        it.text("uid"),
        it.text("gid"),
        it.text("home")
    );
    it.end();
    line
}

/// Puts `N` for the number at the end of what is done to a line of a crontab or a process.
fn without_numbers(how: &str) -> String {
    let words: Vec<_> = how.split(' ').collect();
    let words = words.iter().enumerate().map(|(at, word)| {
        let before = at.checked_sub(1).and_then(|at| words.get(at));
        let is_number = word.bytes().all(|byte| byte.is_ascii_digit()) && !word.is_empty();
        match before {
            Some(&"line" | &"kill") if is_number => "N",
            _ => word,
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

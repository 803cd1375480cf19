//! A booted box with a fleet, its Bot API and model outside of it, and `ocmigrate` inside.

use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ocmigrate_lab::bot_api::client::{Client, ClientError};
use ocmigrate_lab::bot_api::ledger::BotSummary;
use ocmigrate_lab::bot_api::wire::{SummaryQuery, Traffic};
use ocmigrate_lab::fleet::{Fleet, Gateway, Starter};
use ocmigrate_lab::server::{BASE_IMAGE, SERVER_IMAGE, Server, base_image_tar};
use ocmigrate_lab::services::{Options, Services};

/// The group that the proposal makes of the fleet.
pub(crate) const GROUP: &str = "oc-joe";
/// Where the plan lies in the box.
pub(crate) const PLAN: &str = "/root/plan.json";
/// The gateway's configuration.
pub(crate) const CONFIG: &str = "/home/joe/.openclaw/openclaw.json";
/// How long a message may wait for its answer: a start and a turn on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(3);

/// A gateway that answered nothing for so long answers no more: a start and two turns on a loaded machine.
pub(crate) const STANDSTILL: Duration = Duration::from_mins(2);

/// A box, what it talks to, and its fleet.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) fleet: Fleet,
    pub(crate) client: Client,
    failed: RefCell<Vec<String>>,
    _services: Services,
}

impl World {
    /// Boots a box, furnishes it and waits until its gateways are ready.
    pub(crate) fn boot(name: &str) -> Self {
        Self::boot_with(name, SERVER_IMAGE, |_| ())
    }

    /// Boots a box of an image with a gateway that differs from the usual one.
    pub(crate) fn boot_with(name: &str, image: &str, change: impl FnOnce(&mut Gateway)) -> Self {
        Self::boot_of(name, image, |fleet, _| {
            change(&mut fleet.users[0].gateways[0]);
        })
    }

    /// Boots a box of an image with a fleet that differs from the usual one, and something in the box before it settles.
    pub(crate) fn boot_of(
        name: &str,
        image: &str,
        change: impl FnOnce(&mut Fleet, &Server),
    ) -> Self {
        let services = Services::start(&Options::usual()).unwrap();
        let client = services.client();
        let mut fleet = Fleet::named("first-light").unwrap();
        let name = format!("ocmigrate-{name}-{}", std::process::id());
        let server = Server::boot(&name, image).unwrap();
        server.load_image(&base_image_tar()).unwrap();
        change(&mut fleet, &server);
        fleet.settle(&server).unwrap();
        let world = Self {
            server,
            fleet,
            client,
            failed: RefCell::default(),
            _services: services,
        };
        world.install("release/ocmigrate", "ocmigrate");
        world.install("ocmigrate-fault", "ocmigrate-fault");
        world.wait_until_answered_natively();
        world
    }

    /// Runs one part of the test and says how long it took. A part that fails does not keep the next from running: the
    /// group is brought back first, and the test fails at its end.
    pub(crate) fn step(&self, name: &str, part: impl FnOnce(&Self)) {
        let start = Instant::now();
        eprintln!("==== {name}");
        let result = std::panic::catch_unwind(AssertUnwindSafe(|| part(self)));
        eprintln!("==== {name}: {:.0} s", start.elapsed().as_secs_f64());
        if result.is_err() {
            self.failed.borrow_mut().push(name.to_owned());
            self.stop_traffic();
            let back = format!("ocmigrate rollback --group {GROUP} --yes");
            let _ = self.server.exec(&["bash", "-c", &back]).unwrap();
        }
    }

    /// Fails if a part failed.
    pub(crate) fn end(&self) {
        assert_eq!(
            *self.failed.borrow(),
            Vec::<String>::new(),
            "these parts failed"
        );
    }

    fn install(&self, build: &str, name: &str) {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
        let binary: PathBuf = target.join(build);
        assert!(
            binary.exists(),
            "{} is missing: run scripts/test",
            binary.display()
        );
        self.server
            .copy_in(&binary, &format!("/usr/local/bin/{name}"))
            .unwrap();
    }

    /// Runs a shell command that must succeed and returns what it printed.
    pub(crate) fn shell(&self, command: &str) -> String {
        self.server.shell(command).unwrap()
    }

    /// Runs a command that must end with this exit code and print no secret; returns both streams together.
    #[track_caller]
    pub(crate) fn run_to(&self, code: i32, command: &str) -> String {
        let (ended, text) = self.run(command);
        assert_eq!(ended, code, "{command}:\n{text}");
        text
    }

    /// Runs a command that must print no secret; returns its exit code and both streams together.
    #[track_caller]
    pub(crate) fn run(&self, command: &str) -> (i32, String) {
        let output = self.server.exec(&["bash", "-c", command]).unwrap();
        let text = format!("{}{}", output.stdout, output.stderr);
        let leaks = |canary: &str| text.contains(canary);
        let leaked = self.fleet.canaries().into_iter().any(leaks);
        assert!(!leaked, "`{command}` printed a secret");
        (output.status, text)
    }

    /// Plans the group anew.
    pub(crate) fn plan(&self) {
        self.run_to(
            0,
            &format!("ocmigrate plan --yes --base {BASE_IMAGE} -o {PLAN}"),
        );
    }

    /// Edits the memory limit of the plan's one group, as a person would, in bytes.
    pub(crate) fn limit_memory(&self, bytes: u64) {
        self.edit_plan(|plan| plan["groups"][0]["budget"]["memory"] = bytes.into());
    }

    /// Edits the plan, as a person would.
    pub(crate) fn edit_plan(&self, change: impl FnOnce(&mut serde_json::Value)) {
        let text = self.shell(&format!("cat {PLAN}"));
        let mut plan: serde_json::Value = serde_json::from_str(&text).unwrap();
        change(&mut plan);
        let text = serde_json::to_string_pretty(&plan).unwrap();
        let write = self.server.write_file(PLAN, text.as_bytes(), "root", "600");
        write.unwrap();
    }

    /// Sends one message to every bot and waits for all answers.
    pub(crate) fn wait_until_answered(&self) {
        let sent: Vec<_> = self
            .fleet
            .bot_tokens()
            .iter()
            .map(|token| self.client.send(token, 4711, "are you there").unwrap().mark)
            .collect();
        self.wait_until_these_are_answered(&sent);
    }

    /// Waits until the messages with these marks are answered.
    pub(crate) fn wait_until_these_are_answered(&self, marks: &[String]) {
        let waited = self.client.wait_until_these_are_answered(marks, PATIENCE);
        if let Err(ClientError::Unanswered(marks)) = &waited {
            self.print_logs_of(marks);
        }
        waited.unwrap();
    }

    fn wait_until_answered_natively(&self) {
        self.fleet.wait_until_ready(&self.server).unwrap();
        self.wait_until_answered();
        assert!(self.is_native());
    }

    /// Returns whether the native gateway serves, started as it should be, and the container does not run.
    pub(crate) fn is_native(&self) -> bool {
        self.find_native().is_some() && self.unit_state() != Some(false) && !self.container_runs()
    }

    /// Returns whether the container runs and no native process of the gateway does.
    pub(crate) fn is_in_container(&self) -> bool {
        // A process of the host is in the namespace of the box's first one.
        let native = "pgrep --ns 1 --nslist pid --uid joe --full openclaw || true";
        self.shell(native).is_empty() && self.unit_state() != Some(true) && self.container_runs()
    }

    /// The one gateway of the box.
    pub(crate) fn gateway(&self) -> &Gateway {
        &self.fleet.users[0].gateways[0]
    }

    /// Returns the process that serves natively, by the gateway's port; the engine's own proxy is none.
    pub(crate) fn find_native(&self) -> Option<u32> {
        let port = self.gateway().port;
        let listening = self.shell(&format!("ss -Hltnp 'sport = :{port}'"));
        let mut words = listening.split(['(', ',', ')']);
        let is_proxy = words.any(|word| word == "\"docker-proxy\"");
        let mut words = listening.split(['(', ',', ')']);
        let pid = words.find_map(|word| word.strip_prefix("pid="))?;
        (!is_proxy).then(|| pid.parse().unwrap())
    }

    /// Returns whether the unit of the gateway is active, where one starts it.
    fn unit_state(&self) -> Option<bool> {
        let command = self.systemctl("is-active")?;
        Some(self.shell(&format!("{command} || true")).trim() == "active")
    }

    /// Lets the gateway's unit start it again, as a person would, and waits until it is ready.
    pub(crate) fn restart_natively(&self) {
        let command = |verb| self.systemctl(verb).expect("a gateway of a unit");
        let (reset, restart) = (command("reset-failed"), command("restart"));
        self.shell(&format!("{reset} || true; {restart}"));
        self.fleet.wait_until_ready(&self.server).unwrap();
    }

    /// Returns a command about the gateway's unit, where one starts it.
    fn systemctl(&self, verb: &str) -> Option<String> {
        let command = match self.gateway().starter {
            Starter::SystemdUser => format!(
                "runuser -u joe -- env XDG_RUNTIME_DIR=/run/user/1001 \
                 systemctl --user {verb} openclaw-gateway.service"
            ),
            Starter::SystemdSystem => format!("systemctl {verb} openclaw-18789.service"),
            _ => return None,
        };
        Some(command)
    }

    pub(crate) fn container_runs(&self) -> bool {
        let command =
            format!("docker inspect -f '{{{{.State.Running}}}}' {GROUP} 2>/dev/null || true");
        self.shell(&command).trim() == "true"
    }

    /// Starts a message to every bot each so many milliseconds.
    pub(crate) fn start_traffic(&self, every_ms: u64) {
        for (number, token) in self.fleet.bot_tokens().into_iter().enumerate() {
            let traffic = Traffic {
                token: token.to_owned(),
                chat_id: 5000 + 100 * i64::try_from(number).unwrap(),
                chats: 3,
                every_ms,
                text: "how are you".to_owned(),
            };
            self.client.start_traffic(&traffic).unwrap();
        }
    }

    pub(crate) fn stop_traffic(&self) {
        for token in self.fleet.bot_tokens() {
            self.client.stop_traffic(token).unwrap();
        }
    }

    /// Checks the promises for everything sent since an instant; returns the silence of each bot in milliseconds.
    #[track_caller]
    pub(crate) fn check_ledger(&self, since: u64, what: &str) -> Vec<u64> {
        let silences = self.print_ledger(since, what);
        for bot in self.summaries(since) {
            let id = bot.token.split(':').next().unwrap().to_owned();
            assert!(bot.overlaps.is_empty(), "{what}: {:?}", bot.overlaps);
            assert_eq!(bot.undelivered, Vec::<String>::new(), "{what}: bot {id}");
            self.print_logs_of(&bot.unanswered);
            assert_eq!(bot.unanswered, Vec::<String>::new(), "{what}: bot {id}");
        }
        silences
    }

    /// Prints what became of messages that nobody answered: the log of the gateway, wherever it ran, around each of them.
    fn print_logs_of(&self, marks: &[String]) {
        let dropped = self.server.own_losses(marks).unwrap();
        if !dropped.is_empty() {
            eprintln!("OpenClaw itself dropped {dropped:?} after its start");
        }
        for mark in marks {
            let sent_ms: i64 = mark.rsplit('-').next().unwrap().parse().unwrap();
            let sent = jiff::Timestamp::from_millisecond(sent_ms).unwrap();
            eprintln!("==== {mark}, sent {sent}; what was logged in the two minutes from then on:");
            let find = format!("grep -l -r {mark} /home/joe 2>/dev/null || true");
            let logged = self.server.gateway_logs().unwrap() + &self.shell(&find);
            let minutes: Vec<String> = (0..=2)
                .map(|minute| sent + jiff::SignedDuration::from_mins(minute))
                .map(|time| time.strftime("%Y-%m-%dT%H:%M").to_string())
                .collect();
            let is_near = |line: &&str| {
                line.starts_with('/') || minutes.iter().any(|minute| line.contains(minute))
            };
            for line in logged.lines().filter(is_near).take(400) {
                let line: String = line.chars().take(400).collect();
                eprintln!("    {line}");
            }
        }
    }

    /// Checks that no two processes polled at once and that every message sent since an instant was taken in.
    #[track_caller]
    pub(crate) fn check_delivered(&self, since: u64, what: &str) {
        let is_delivered = |bot: &BotSummary| bot.undelivered.is_empty();
        Self::wait_until(|| self.summaries(since).iter().all(is_delivered));
        for bot in self.print_summaries(since, what) {
            assert!(bot.enqueued > 20, "{what}: {}", bot.enqueued);
            assert!(bot.overlaps.is_empty(), "{what}: {:?}", bot.overlaps);
            assert_eq!(bot.undelivered, Vec::<String>::new(), "{what}");
        }
    }

    /// Waits until something is so, or too long has passed; returns whether it is so.
    pub(crate) fn wait_until(is_so: impl Fn() -> bool) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while !is_so() {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(Duration::from_secs(1));
        }
        true
    }

    /// Waits until everything sent since an instant is answered, and prints the figures; returns the silence of each bot
    /// in milliseconds, up to the answer of the last.
    pub(crate) fn print_ledger(&self, since: u64, what: &str) -> Vec<u64> {
        self.wait_for_answers(since, STANDSTILL);
        self.print_silences(since, what)
    }

    /// Prints the figures of everything sent since an instant; returns the silence of each bot in milliseconds.
    pub(crate) fn print_silences(&self, since: u64, what: &str) -> Vec<u64> {
        let summaries = self.print_summaries(since, what);
        summaries.iter().map(|bot| bot.silence_ms).collect()
    }

    /// Waits until everything sent since an instant is answered, or nothing more is for so long; returns whether everything is.
    pub(crate) fn wait_for_answers(&self, since: u64, standstill: Duration) -> bool {
        let mut answered = 0;
        let mut progress = Instant::now();
        while progress.elapsed() < standstill {
            let summaries = self.summaries(since);
            if summaries.iter().all(|bot| bot.unanswered.is_empty()) {
                return true;
            }
            let now = summaries.iter().map(|bot| bot.answered).sum();
            if now > answered {
                (answered, progress) = (now, Instant::now());
            }
            std::thread::sleep(Duration::from_secs(1));
        }
        false
    }

    pub(crate) fn print_summaries(&self, since: u64, what: &str) -> Vec<BotSummary> {
        let summaries = self.summaries(since);
        for bot in &summaries {
            eprintln!(
                "{what}: bot {}: {} messages, {} answered, {} doubled, {} overlaps, {} conflicts, silence {} ms, \
                 slowest reply {:?} ms",
                bot.username,
                bot.enqueued,
                bot.answered,
                bot.duplicates.len(),
                bot.overlaps.len(),
                bot.conflicts,
                bot.silence_ms,
                bot.slowest_reply_ms
            );
        }
        summaries
    }

    /// The figures of every bot from an instant until now.
    pub(crate) fn summaries(&self, since: u64) -> Vec<BotSummary> {
        let query = SummaryQuery {
            since: Some(since),
            until: None,
            patience_ms: None,
        };
        let tokens = self.fleet.bot_tokens();
        tokens
            .iter()
            .map(|token| self.client.bot_summary(token, query).unwrap())
            .collect()
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap()
}

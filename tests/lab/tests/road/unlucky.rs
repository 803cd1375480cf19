//! What goes wrong on the host in the middle of a run: the gateway is native again by itself, and the reason is told.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use ocmigrate_lab::server::base_image_tar;

use crate::moment::{Record, once};
use crate::proof::{execute, main_pid, refused};
use crate::world::{CONFIG, World};

/// What is proven before the silence, and watched after it, has tests of its own.
const BARE: &str = "--no-rehearsal --soak 2";
/// The steps before the silence, and what a gateway may take until it is native again: 4 min.
const DEADLINE: Duration = Duration::from_mins(6);
/// A plugin that lies where no container looks.
const PLUGIN: &str = "/srv/plugins/hello";

/// Runs execute while something happens; in good time everything is native again, for a reason that is told.
#[track_caller]
fn fails_at(world: &World, record: Record, step: &str, act: &str, words: &[&str]) {
    world.plan();
    let begun = Instant::now();
    let command = format!("{} {} {BARE}", once(record, step, act), execute());
    refused(world, 4, words, &command);
    let took = begun.elapsed();
    assert!(took < DEADLINE, "{took:?}");
}

/// Somebody else listens where the gateway did, as soon as it lets go of the port, which it does some time before it ends,
/// and goes a minute and a half later.
pub(crate) fn a_port_that_a_stranger_takes_in_the_silence(world: &World) {
    let stranger = "timeout 300 perl -e 'use IO::Socket::INET; my $s; until ($s) { select(undef, undef, undef, 0.005); \
                    $s = IO::Socket::INET->new(LocalAddr => \"127.0.0.1\", LocalPort => 18789, Listen => 1, \
                    ReuseAddr => 1) } sleep 90'";
    // Whoever looks first tells it: the proof that the gateway is dead, or the start of the container.
    fails_at(
        world,
        Record::Started,
        "stop-gateway",
        stranger,
        &["port 18789", "taken"],
    );
}

/// Somebody tidies the engine up: container, network and image are gone when it should start.
pub(crate) fn an_engine_that_is_tidied_up_in_the_silence(world: &World) {
    let tidy = "docker system prune --all --force";
    let told = "o such container";
    fails_at(world, Record::Started, "stop-gateway", tidy, &[told]);
    assert_eq!(world.shell("docker image ls --quiet"), "");
    world.server.load_image(&base_image_tar()).unwrap();
}

/// Somebody wrote a key that OpenClaw does not know into the configuration since it was started: it goes on with what it has
/// read, and no start would get further.
pub(crate) fn a_configuration_that_openclaw_refuses(world: &World) {
    let process = main_pid(world);
    world.shell(&format!(
        "cp -p {CONFIG} /root/unlucky.json; sed 's/^  gateway: {{/&\\n    teapot: true,/' /root/unlucky.json > {CONFIG}; \
         grep -q teapot {CONFIG}"
    ));
    let result = std::panic::catch_unwind(AssertUnwindSafe(|| {
        world.plan();
        let told = "refuses the configuration: see gateway";
        refused(world, 4, &[told, CONFIG], &format!("{} {BARE}", execute()));
        assert_eq!(main_pid(world), process, "the gateway was stopped");
    }));
    world.shell(&format!("cp -p /root/unlucky.json {CONFIG}"));
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

/// OpenClaw starts without a plugin that it does not find, and only warns.
pub(crate) fn a_plugin_that_the_container_would_miss(world: &World) {
    let files = [
        (
            "openclaw.plugin.json",
            r#"{"id":"hello","name":"Hello","version":"1.0.0","configSchema":{"type":"object"}}"#,
        ),
        (
            "package.json",
            r#"{"name":"hello","version":"1.0.0","type":"module","openclaw":{"extensions":["./index.js"]}}"#,
        ),
        (
            "index.js",
            "export default { id: 'hello', name: 'Hello', register() {} };\n",
        ),
    ];
    world.shell(&format!("install -d -o joe -g joe {PLUGIN}"));
    for (name, text) in files {
        let path = format!("{PLUGIN}/{name}");
        world
            .server
            .write_file(&path, text.as_bytes(), "joe", "644")
            .unwrap();
    }
    let edit = format!("s|^  agents: {{|  plugins: {{ load: {{ paths: [\"{PLUGIN}\"] }} }},\\n&|");
    with_config(world, &edit, |world| {
        let process = main_pid(world);
        world.plan();
        // OpenClaw warns of its channels beside the path: they could come from what it cannot look into. 2026.9.6.
        let told = "would miss in the container what it has on this host: see channels.telegram, plugins.load.paths";
        refused(world, 4, &[told], &format!("{} {BARE}", execute()));
        assert_eq!(main_pid(world), process, "the gateway was stopped");
    });
    world.shell("rm -r /srv/plugins");
}

/// Restarts the gateway with a configuration that was edited, and in the end with the one of before, also where the test fails.
fn with_config(world: &World, edit: &str, test: impl FnOnce(&World)) {
    world.shell(&format!(
        "cp -p {CONFIG} /root/unlucky.json; sed '{edit}' /root/unlucky.json > {CONFIG}; ! cmp -s {CONFIG} /root/unlucky.json"
    ));
    let result = std::panic::catch_unwind(AssertUnwindSafe(|| {
        world.restart_natively();
        test(world);
    }));
    world.shell(&format!("cp -p /root/unlucky.json {CONFIG}"));
    world.restart_natively();
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

//! Scan, plan, dry run, execute, status, verify, rollback, under messages.

use serde_json::Value;

use crate::world::{CONFIG, GROUP, PLAN, World, now_ms};
use crate::{canaries, compose};

pub(crate) fn scan_finds_the_gateway(world: &World) {
    let trace = "strace -f -e trace=openat,openat2,open,creat,connect,unlink,rename,renameat2,mkdir,chmod,fchmodat -o /root/strace.txt";
    let inventory: Value =
        serde_json::from_str(&world.shell(&format!("{trace} ocmigrate scan --json"))).unwrap();
    let gateway = &inventory["gateways"][0];
    assert_eq!(
        inventory["gateways"].as_array().unwrap().len(),
        1,
        "{inventory:#}"
    );
    assert_eq!(gateway["user"]["name"], "joe");
    assert_eq!(gateway["release"]["version"], "2026.9.6");
    assert_eq!(
        gateway["release"]["package"],
        "/usr/local/lib/node_modules/openclaw"
    );
    assert_eq!(gateway["state_directory"], "/home/joe/.openclaw");
    assert_eq!(gateway["config"]["path"], CONFIG);
    assert_eq!(gateway["config"]["bind"], "loopback");
    assert_eq!(gateway["port"], 18789);
    assert_eq!(gateway["starter"]["name"], "openclaw-gateway.service");
    assert_eq!(gateway["starter"]["enablement"], "enabled");
    let agents: Vec<_> = gateway["agents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|agent| agent["id"].as_str().unwrap())
        .collect();
    assert_eq!(agents, ["main", "docomo-pj", "nobdata-pj"]);
    assert_eq!(gateway["accounts"].as_array().unwrap().len(), 3);
    assert_eq!(gateway["census"]["strays"], 1);
    let pid = world
        .server
        .shell_as(
            "joe",
            "systemctl --user show -P MainPID openclaw-gateway.service",
        )
        .unwrap();
    assert_eq!(gateway["process"]["id"]["pid"].to_string(), pid.trim());
    assert!(gateway["memory"]["pss"].as_u64().unwrap() > 200 << 20);
    nothing_was_written(world);
    eprintln!("{}", world.shell("ocmigrate scan"));
}

/// Nothing is opened for writing, nothing is changed, and only unix sockets are connected to.
fn nothing_was_written(world: &World) {
    let opened = "grep -E 'O_WRONLY|O_RDWR|O_CREAT|O_TRUNC' /root/strace.txt | grep -v ENOENT | grep -v '\"/dev/null\"' || true";
    assert_eq!(world.shell(opened), "");
    let changed =
        "grep -E '(unlink|rename|mkdir|chmod|creat)[a-z0-9]*\\(' /root/strace.txt || true";
    assert_eq!(world.shell(changed), "");
    let connected = "grep 'connect(' /root/strace.txt | grep -v AF_UNIX || true";
    assert_eq!(world.shell(connected), "");
    assert!(
        world
            .shell("wc -l < /root/strace.txt")
            .trim()
            .parse::<u32>()
            .unwrap()
            > 100
    );
}

pub(crate) fn messages_flow_all_the_way(world: &World) {
    let native = native_restart(world);
    world.plan();
    let before = host_state(world);
    let planned = dry_run(world);
    assert_eq!(host_state(world), before, "a dry run changed something");

    world.start_traffic(EVERY_MS);
    let (since, until) = during(|| {
        eprintln!(
            "{}",
            world.run_to(
                0,
                &format!("ocmigrate execute --group {GROUP} --plan {PLAN} --yes")
            )
        );
    });
    let forth = world.check_ledger_of_window(since, until, "execute");
    assert!(world.is_in_container());
    assert_eq!(journal_steps(world), planned);
    let status = world.run_to(0, "ocmigrate status");
    assert!(
        status.contains("in container") && status.contains("ready"),
        "{status}"
    );
    eprintln!("{status}{}", world.run_to(0, "ocmigrate verify"));
    canaries::are_nowhere(world);
    compose::works(world);
    world.run_to(0, "ocmigrate verify");

    let (since, until) = during(|| {
        eprintln!(
            "{}",
            world.run_to(0, &format!("ocmigrate rollback --group {GROUP} --yes"))
        );
    });
    let back = world.check_ledger_of_window(since, until, "rollback");
    world.stop_traffic();
    world.check_ledger(since, until, "after rollback");
    assert!(world.is_native());
    assert_eq!(host_state(world), before, "rollback left something behind");
    eprintln!(
        "silence per bot in ms: native restart {native:?}, execute {forth:?}, rollback {back:?}"
    );
}

/// Slow enough that the native gateway answers everything: three bots, one turn at a time.
const EVERY_MS: u64 = 6000;

impl World {
    /// Checks a window's promises, waiting for the answers of messages that were sent in it.
    #[track_caller]
    fn check_ledger_of_window(&self, since: u64, until: u64, what: &str) -> Vec<u64> {
        self.check_ledger(since, until, what)
    }
}

/// More than the gateway can answer meanwhile: still every message is taken in, there and back.
pub(crate) fn a_message_a_second_is_delivered(world: &World) {
    world.plan();
    world.start_traffic(1000);
    let (since, until) = during(|| {
        world.run_to(
            0,
            &format!("ocmigrate execute --group {GROUP} --plan {PLAN} --yes"),
        );
        world.run_to(0, &format!("ocmigrate rollback --group {GROUP} --yes"));
    });
    world.stop_traffic();
    world.check_delivered(since, until, "a message a second");
}

/// No base is named and none is there: debootstrap makes one before anything stops.
pub(crate) fn on_a_base_of_its_own(world: &World) {
    world.shell("docker image rm ocmigrate-lab/base");
    world.run_to(0, &format!("ocmigrate plan --yes -o {PLAN}"));
    let before = host_state(world);
    let execute = format!("ocmigrate execute --group {GROUP} --plan {PLAN} --yes");
    let said = world.run_to(0, &execute);
    assert!(said.contains("with debootstrap"), "{said}");
    assert!(world.is_in_container());
    world.run_to(0, "ocmigrate verify");
    world.wait_until_answered();
    world.run_to(0, &format!("ocmigrate rollback --group {GROUP} --yes"));
    assert!(world.is_native());
    assert_eq!(host_state(world), before);
}

/// Restarts the native gateway under the same traffic; returns the silence of each bot.
fn native_restart(world: &World) -> Vec<u64> {
    world.start_traffic(EVERY_MS);
    let (since, until) = during(|| {
        std::thread::sleep(std::time::Duration::from_secs(6));
        world
            .server
            .shell_as("joe", "systemctl --user restart openclaw-gateway.service")
            .unwrap();
        world.fleet.wait_until_ready(&world.server).unwrap();
        std::thread::sleep(std::time::Duration::from_secs(3));
    });
    world.stop_traffic();
    world.print_ledger(since, until, "native restart")
}

fn during(act: impl FnOnce()) -> (u64, u64) {
    let since = now_ms();
    act();
    (since, now_ms())
}

/// Runs the dry run in all its forms; returns the ids of its steps.
fn dry_run(world: &World) -> Vec<String> {
    let command = format!("ocmigrate execute --group {GROUP} --plan {PLAN} --dry-run");
    let text = world.run_to(0, &command);
    assert!(
        text.contains("silence, estimated from the last boot"),
        "{text}"
    );
    assert!(text.contains("\"lan\""), "{text}");
    eprintln!("{text}");
    let markdown = world.run_to(
        0,
        &format!("{command} --md /root/dry-run.md && cat /root/dry-run.md"),
    );
    assert!(markdown.contains("```diff"), "{markdown}");
    let report: Value = serde_json::from_str(&world.shell(&format!("{command} --json"))).unwrap();
    let ids = report["steps"].as_array().unwrap().iter();
    ids.map(|step| step["id"].as_str().unwrap().to_owned())
        .collect()
}

fn journal_steps(world: &World) -> Vec<String> {
    let line = world.shell(&format!(
        "head -n 1 /var/lib/ocmigrate/groups/{GROUP}/journal.jsonl"
    ));
    let record: Value = serde_json::from_str(&line).unwrap();
    serde_json::from_value(record["entry"]["steps"].clone()).unwrap()
}

/// Owners, modes and times of everything that a gateway does not write, the units, and the configuration's bytes.
pub(crate) fn host_state(world: &World) -> String {
    let config = "set +e +o pipefail; stat -c '%n %U:%G %a %y' $C; sha256sum $C";
    // Agents write the notes with capital names in their workspaces. A directory's own time tells only that something
    // was there for a while.
    let files = "find /home/joe /etc/systemd /etc/ocmigrate /var/lib/systemd/linger -xdev \
                 \\( -path /home/joe/.cache -o -path '/home/joe/.openclaw/*' -o -name '[A-Z]*.md' \\) -prune -o \
                 \\( -type d -printf '%p %u:%g %m\\n' -o -printf '%p %u:%g %m %T@ %l\\n' \\) 2>/dev/null | sort";
    let state = "find /home/joe/.openclaw -printf '%u:%g %p\\n' | grep -v '^joe:joe' | sort; \
                 stat -c '%n %U:%G %a %y' /home/joe/.openclaw/backup-before-upgrade.txt";
    let units = "systemctl --user show -p UnitFileState,FragmentPath,DropInPaths,ActiveState openclaw-gateway.service";
    let units = world.server.shell_as("joe", units).unwrap();
    let engine = world
        .shell("docker ps -a --format '{{.Names}}'; docker network ls --format '{{.Name}}' | sort");
    world.shell(&format!("C={CONFIG}; {config}; {files}; {state}")) + &units + &engine
}

//! What a rollback must give back.

use ocmigrate_lab::fleet::Starter;

use crate::world::{CONFIG, World};

/// Owners, modes and times of everything that a gateway does not write, the units, and the configuration's bytes.
pub(crate) fn host_state(world: &World) -> String {
    let config = "set +e +o pipefail; stat -c '%n %U:%G %a %y' $C; sha256sum $C";
    // Agents write the notes with capital names in their workspaces; OpenClaw makes a directory there while it starts, which
    // a power cut leaves. A directory's own time tells only that something was there for a while.
    let files = "find /home/joe /etc/systemd /etc/ocmigrate /var/lib/systemd/linger -xdev \
                 \\( -path /home/joe/.cache -o -path '/home/joe/.openclaw/*' -o -name '[A-Z]*.md' \
                 -o -name 'openclaw-bootstrap-??????' -o -name 'gateway-*.log' -o -path '/home/joe/.pm2/*' \\) -prune -o \
                 \\( -type d -printf '%p %u:%g %m\\n' -o -printf '%p %u:%g %m %T@ %l\\n' \\) 2>/dev/null | sort";
    let state = "find /home/joe/.openclaw -printf '%u:%g %p\\n' | grep -v '^joe:joe' | sort; \
                 stat -c '%n %U:%G %a %y' /home/joe/.openclaw/backup-before-upgrade.txt";
    let starter = match world.gateway().starter {
        Starter::SystemdUser => {
            "export XDG_RUNTIME_DIR=/run/user/1001; runuser -u joe -- systemctl --user show \
             -p UnitFileState,FragmentPath,DropInPaths,ActiveState openclaw-gateway.service"
        }
        Starter::SystemdSystem => {
            "systemctl show -p UnitFileState,FragmentPath,DropInPaths,ActiveState openclaw-18789.service"
        }
        Starter::CronReboot | Starter::CronWatchdog => {
            "cd /var/spool/cron/crontabs && stat -c '%n %U:%G %a %y' joe && cat joe"
        }
        // Its dump is written anew, with the same applications.
        Starter::Pm2 => {
            "runuser -l joe -c 'pm2 jlist' | jq -c '.[] | [.name, .pm2_env.status, .pm2_env.autorestart]'; \
             jq -c '.[] | [.name, .status, .autorestart]' /home/joe/.pm2/dump.pm2; systemctl is-enabled pm2-joe"
        }
        Starter::Tmux | Starter::Screen | Starter::ShellLoop | Starter::Nohup => "true",
        other => panic!("no test moves a gateway of {other:?} yet"),
    };
    let starter = world.shell(starter);
    let engine = world
        .shell("docker ps -a --format '{{.Names}}'; docker network ls --format '{{.Name}}' | sort");
    world.shell(&format!("C={CONFIG}; {config}; {files}; {state}")) + &starter + &engine
}

/// How the native gateway runs: its directory, output, user and environment, less what a manager sets anew each time.
pub(crate) fn how_it_runs(world: &World) -> String {
    let pid = world.find_native().unwrap();
    // What a manager sets anew each time; nothing else would set it.
    let anew = match world.gateway().starter {
        Starter::SystemdUser | Starter::SystemdSystem => {
            "^(INVOCATION_ID|JOURNAL_STREAM|SYSTEMD_EXEC_PID|MANAGERPID)="
        }
        Starter::Pm2 => {
            "^(created_at|pm_uptime|prev_restart_delay|restart_time|unique_id|unstable_restarts)="
        }
        // What its argv said before OpenClaw overwrote it is said by a variable.
        Starter::Tmux | Starter::Screen | Starter::Nohup => "^OPENCLAW_GATEWAY_PORT=",
        _ => "^$",
    };
    // It goes into the workspace of the agent whose turn it is: `process.chdir` of its embedded runner.
    let directory = match world.gateway().release.as_str() {
        "2026.2.9" => "",
        _ => "cwd",
    };
    // A window is not made again; what it showed goes nowhere.
    let output = match world.gateway().starter {
        Starter::Tmux | Starter::Screen => "",
        _ => "fd/1 fd/2",
    };
    // Node ignores SIGXFSZ at first, and OpenClaw takes that back while it starts; 2026.9.6.
    world.shell(&format!(
        "cd /proc/{pid}; readlink {directory} exe {output} | sed 's/:\\[.*//'; \
         grep -E '^(Umask|Uid|Gid|Groups):' status; \
         ignored=$(sed -n 's/^SigIgn:[[:space:]]*/0x/p' status); printf 'ignored %x\\n' $((ignored & ~0x1000000)); \
         tr '\\0' '\\n' < environ | grep -vE '{anew}' | sort"
    ))
}

//! What a rollback must give back.

use crate::world::{CONFIG, World};

/// Owners, modes and times of everything that a gateway does not write, the units, and the configuration's bytes.
pub(crate) fn host_state(world: &World) -> String {
    let config = "set +e +o pipefail; stat -c '%n %U:%G %a %y' $C; sha256sum $C";
    // Agents write the notes with capital names in their workspaces; OpenClaw makes a directory there while it starts, which
    // a power cut leaves. A directory's own time tells only that something
    // was there for a while.
    let files = "find /home/joe /etc/systemd /etc/ocmigrate /var/lib/systemd/linger -xdev \
                 \\( -path /home/joe/.cache -o -path '/home/joe/.openclaw/*' -o -name '[A-Z]*.md' \
                 -o -name 'openclaw-bootstrap-??????' \\) -prune -o \
                 \\( -type d -printf '%p %u:%g %m\\n' -o -printf '%p %u:%g %m %T@ %l\\n' \\) 2>/dev/null | sort";
    let state = "find /home/joe/.openclaw -printf '%u:%g %p\\n' | grep -v '^joe:joe' | sort; \
                 stat -c '%n %U:%G %a %y' /home/joe/.openclaw/backup-before-upgrade.txt";
    let units = "systemctl --user show -p UnitFileState,FragmentPath,DropInPaths,ActiveState openclaw-gateway.service";
    let units = world.server.shell_as("joe", units).unwrap();
    let engine = world
        .shell("docker ps -a --format '{{.Names}}'; docker network ls --format '{{.Name}}' | sort");
    world.shell(&format!("C={CONFIG}; {config}; {files}; {state}")) + &units + &engine
}

//! No secret leaves its place.

use crate::world::{CONFIG, GROUP, PLAN, World};

/// Looks for every canary wherever the tool writes or prints; the same search first finds a planted one.
pub(crate) fn are_nowhere(world: &World) {
    collect(world);
    world.shell("echo planted-canary-0815 > /root/leaks/planted");
    assert_eq!(
        count(world, "planted-canary-0815"),
        1,
        "the search finds nothing at all"
    );
    for canary in world.fleet.canaries() {
        assert_eq!(
            count(world, canary),
            0,
            "a canary leaked:\n{}",
            matches(world, canary)
        );
    }
    let lines = world.shell(&format!("grep -c canary {CONFIG}"));
    assert!(lines.trim().parse::<u32>().unwrap() >= 5);
}

/// Gathers every output, file, label, argument and image layer of the tool in one folder.
fn collect(world: &World) {
    world.shell(&format!(
        "set +e +o pipefail; rm -rf /root/leaks && mkdir /root/leaks && cd /root/leaks && cp {PLAN} . && \
         for c in 'scan' 'scan --json' 'status' 'status --json' 'verify' 'verify --json'; do ocmigrate $c; done > outputs 2>&1 && \
         cp -r /var/lib/ocmigrate state && cp -r /etc/ocmigrate etc && rm -f etc/groups/*/environment && \
         cp -r /etc/systemd/user units && \
         docker inspect {GROUP} $(docker image ls -q ocmigrate/openclaw) > inspect && \
         docker history --no-trunc $(docker image ls -q ocmigrate/openclaw | head -1) > history && \
         docker ps -a --no-trunc > ps && \
         for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline; echo; done > arguments 2>/dev/null; \
         docker save $(docker image ls -q ocmigrate/openclaw | head -1) | grep -a -o 'canary-[a-z]*-[a-z]*' > layers; true"
    ));
    let environment = world.shell(&format!(
        "stat -c '%a %U' /etc/ocmigrate/groups/{GROUP}/environment"
    ));
    assert_eq!(environment.trim(), "400 joe");
    let inspected = world.shell("wc -c < /root/leaks/inspect");
    assert!(inspected.trim().parse::<u32>().unwrap() > 1000);
}

fn count(world: &World, canary: &str) -> usize {
    matches(world, canary).lines().count()
}

fn matches(world: &World, canary: &str) -> String {
    // The pattern goes in as a file, so that the search does not find itself among the arguments.
    world
        .server
        .write_file("/root/pattern", canary.as_bytes(), "root", "0600")
        .unwrap();
    world.shell("grep -r -l -F -f /root/pattern /root/leaks || true")
}

//! No secret leaves its place. What the commands themselves print is looked through by `World::run_to`.

use crate::world::{CONFIG, GROUP, PLAN, World};

/// Goes the way of an image's layers through the search, so that it is known to find something.
const PLANTED: &str = "planted-canary-0815";

/// Looks for every canary wherever the tool writes or prints; the same search first finds a planted one.
pub(crate) fn are_nowhere(world: &World) {
    collect(world);
    let found = matches(world, PLANTED);
    assert_eq!(found.trim(), "/root/leaks/layers", "the search is blind");
    for canary in world.fleet.canaries() {
        assert_eq!(matches(world, canary), "", "a canary leaked");
    }
    // Where a part of the test has put a token into a file of its own, it stands there.
    let files = "find /srv/bots /home/joe/tokens -type f -exec cat {} + 2> /dev/null || true";
    let lines = world.shell(&format!("(cat {CONFIG}; {files}) | grep -o canary | wc -l"));
    assert!(lines.trim().parse::<u32>().unwrap() >= 5);
}

/// Gathers every output, file, label, argument and image layer of the tool in one folder.
fn collect(world: &World) {
    plant(world, "/root/planted", PLANTED);
    world.shell(&format!(
        "set +e +o pipefail; rm -rf /root/leaks && mkdir /root/leaks && cd /root/leaks && cp {PLAN} . && \
         for c in 'scan' 'scan --json' 'status' 'status --json' 'verify' 'verify --json'; do ocmigrate $c; done > outputs 2>&1 && \
         cp -r /var/lib/ocmigrate state && cp -r /etc/ocmigrate etc && rm -f etc/groups/*/environment && \
         cp -r /etc/systemd/user units && \
         docker inspect {GROUP} $(docker image ls -q ocmigrate/openclaw) > inspect && \
         docker history --no-trunc $(docker image ls -q ocmigrate/openclaw | head -1) > history && \
         docker ps -a --no-trunc > ps && \
         for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline; echo; done > arguments 2>/dev/null; \
         (docker save $(docker image ls -q ocmigrate/openclaw | head -1); cat /root/planted) \
         | grep -a -o '[A-Za-z0-9:-]*canary-[A-Za-z0-9-]*' > layers; true"
    ));
    let environment = world.shell(&format!(
        "stat -c '%a %U' /etc/ocmigrate/groups/{GROUP}/environment"
    ));
    assert_eq!(environment.trim(), "400 joe");
    let inspected = world.shell("wc -c < /root/leaks/inspect");
    assert!(inspected.trim().parse::<u32>().unwrap() > 1000);
}

/// Returns the files that hold a text.
fn matches(world: &World, secret: &str) -> String {
    plant(world, "/root/pattern", secret);
    world.shell("grep -r -l -F -f /root/pattern /root/leaks || true")
}

/// Puts a text into a file, so that it is no argument of a process that is searched itself.
fn plant(world: &World, path: &str, text: &str) {
    world
        .server
        .write_file(path, text.as_bytes(), "root", "0600")
        .unwrap();
}

//! Two executes at once: one moves the group while the other waits for its answer.

use crate::world::{GROUP, PLAN, World};

const SAID: &str = "/root/second.txt";

/// Starts an execute on a terminal of its own, and waits until it asks.
pub(crate) fn start_one_that_waits(world: &World) {
    world.shell(&format!(
        "rm -f /root/go {SAID}; \
         ((until [ -e /root/go ]; do sleep 0.2; done; printf y; sleep 5) \
         | setsid script -qfec 'ocmigrate execute --group {GROUP} --plan {PLAN}; echo it ended with $?' {SAID}) \
         > /dev/null 2>&1 < /dev/null &"
    ));
    let asks = || {
        world
            .shell(&format!("cat {SAID} || true"))
            .contains("Proceed?")
    };
    assert!(World::wait_until(asks), "it does not ask");
}

/// Answers it with yes once the other has moved the group: it says so, and the journal stays. The lock names its last holder.
pub(crate) fn the_one_that_waited_changes_nothing(world: &World) {
    let state = || {
        world.shell(
            "cd /var/lib/ocmigrate && find . -type f ! -name lock -exec sha256sum {} + | sort",
        )
    };
    let before = state();
    world.shell("touch /root/go");
    let said = || world.shell(&format!("cat {SAID}"));
    assert!(
        World::wait_until(|| said().contains("\nit ended with")),
        "{}",
        said()
    );
    assert!(said().contains("in its container already"), "{}", said());
    assert!(said().contains("\nit ended with 0"), "{}", said());
    assert_eq!(state(), before);
}

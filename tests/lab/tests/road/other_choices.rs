//! What a person may choose otherwise in a plan: node's heap, what the container sees of HOME, the host's network, an image
//! that is there; and a node below HOME, which nobody chooses and many have.

use serde_json::{Value, json};

use crate::host_state::host_state;
use crate::ways::under_messages;
use crate::world::{CONFIG, GROUP, PLAN, World};
use crate::{canaries, compose, moved};

const IMAGE: &str = "registry.example/openclaw:lab";
/// Stands in HOME, outside of the state directory and the workspaces.
const PRIVATE: &str = "/home/joe/letters.txt";

/// Files of one token each: outside of HOME, and in HOME outside of what the narrow sight leaves.
const HOSTS_TOKEN: &str = "/srv/bots/first.token";
const HOMES_TOKEN: &str = "/home/joe/tokens/second.token";

/// Plans, changes the group as a person would with an editor, and moves it there and back under messages.
fn there_and_back(world: &World, change: impl FnOnce(&mut Value), in_container: impl FnOnce()) {
    world.plan();
    world.edit_plan(|plan| change(&mut plan["groups"][0]));
    let before = host_state(world);
    let options = "--soak 10 --accept OM-P007 --accept OM-R002";
    let execute = format!("ocmigrate execute --group {GROUP} --plan {PLAN} {options} --yes");
    under_messages(world, "execute", &execute);
    assert!(world.is_in_container());
    world.run_to(0, "ocmigrate verify");
    in_container();
    moved::is_served_as_before(world);
    compose::works(world);
    world.run_to(0, "ocmigrate verify");
    let rollback = format!("ocmigrate rollback --group {GROUP} --yes");
    under_messages(world, "rollback", &rollback);
    assert!(world.is_native());
    assert_eq!(host_state(world), before, "rollback left something behind");
}

/// What a shell says in the group's container.
fn inside(world: &World, script: &str) -> String {
    world.run_to(0, &format!("docker exec {GROUP} sh -c '{script}'"))
}

/// Takes two bots' tokens out of the configuration, into a file of the host's and one in HOME that the narrow sight leaves out.
fn put_tokens_into_files(world: &World) {
    let files = [HOSTS_TOKEN, HOMES_TOKEN];
    for (token, file) in world.fleet.bot_tokens().into_iter().zip(files) {
        world.shell(&format!(
            "install -d $(dirname {file}); printf %s '{token}' > {file}; chown joe: {file}; chmod 600 {file}; \
             sed -i 's|botToken: \"{token}\"|tokenFile: \"{file}\"|' {CONFIG}; grep -q {file} {CONFIG}"
        ));
    }
    world.restart_natively();
    world.wait_until_answered();
}

pub(crate) fn a_heap_and_the_narrow_sight(world: &World) {
    put_tokens_into_files(world);
    world.shell(&format!("echo dear > {PRIVATE}; chown joe: {PRIVATE}"));
    let choose = |group: &mut Value| {
        group["budget"]["node_heap"] = json!(900 * 1024 * 1024);
        group["sight"] = json!("narrow");
    };
    there_and_back(world, choose, || {
        let environments = "for one in /proc/[0-9]*; do case $(readlink $one/exe) in */node) \
                            tr \"\\0\" \"\\n\" < $one/environ;; esac; done 2> /dev/null";
        let limited = inside(world, &format!("{environments} | grep NODE_OPTIONS="));
        assert!(limited.contains("--max-old-space-size=900"), "{limited}");
        canaries::are_nowhere(world);
        let home = inside(world, "ls -A /home/joe");
        eprintln!("HOME in the container: {home}");
        assert!(
            home.contains(".openclaw") && home.contains("docomo-pj"),
            "{home}"
        );
        assert!(!home.contains("letters"), "{home}");
        let tokens = inside(
            world,
            &format!("wc -c {HOSTS_TOKEN} {HOMES_TOKEN}; ls -A /home/joe/tokens"),
        );
        eprintln!("tokens in the container: {tokens}");
        let refused = format!("echo x > {HOSTS_TOKEN} || echo x > {HOMES_TOKEN} || echo read-only");
        assert!(inside(world, &refused).contains("read-only"));
    });
}

pub(crate) fn the_hosts_network(world: &World) {
    let config = || world.shell(&format!("sha256sum {CONFIG}"));
    let before = config();
    let choose = |group: &mut Value| {
        group["network"] = json!({ "kind": "host" });
        group["loopback"] = json!([]);
    };
    there_and_back(world, choose, || {
        let port = world.gateway().port;
        let listening = world.shell(&format!("ss -Hltn 'sport = :{port}'"));
        assert!(listening.contains("127.0.0.1:"), "{listening}");
        assert!(
            !listening.contains("0.0.0.0:18789") && !listening.contains("*:18789"),
            "{listening}"
        );
        moved::is_told_by_a_scan(world);
        assert_eq!(config(), before);
    });
}

/// The image of the parts before, as somebody else would have it: without any label.
pub(crate) fn a_given_image(world: &World) {
    let made = world
        .shell("docker images --format '{{.Repository}}:{{.Tag}}' ocmigrate/openclaw | head -n 1");
    let choose =
        |group: &mut Value| group["image"] = json!({ "kind": "given", "reference": IMAGE });
    world.plan();
    world.edit_plan(|plan| choose(&mut plan["groups"][0]));
    let execute = format!("ocmigrate execute --group {GROUP} --plan {PLAN} --accept OM-P007");
    let said = world.run_to(3, &format!("{execute} --dry-run"));
    assert!(said.contains(&format!("docker pull {IMAGE}")), "{said}");
    world.shell(&format!(
        "docker create --name whole {} true && docker export whole | docker import - {IMAGE} && docker rm whole",
        made.trim()
    ));
    there_and_back(world, choose, || {
        let image = world.shell(&format!(
            "docker inspect -f '{{{{.Config.Image}}}}' {GROUP}"
        ));
        assert_eq!(image.trim(), IMAGE);
    });
    world.shell(&format!(
        "docker image inspect {IMAGE} && docker rmi {IMAGE}"
    ));
}

/// Node and OpenClaw of nvm, in both sights.
pub(crate) fn a_node_below_home(world: &World) {
    for sight in ["home", "narrow"] {
        there_and_back(
            world,
            |group| group["sight"] = json!(sight),
            || {
                let node = inside(world, "readlink /proc/[0-9]*/exe; true");
                assert!(
                    node.contains("/home/joe/.nvm/versions/node/v22/bin/node"),
                    "{node}"
                );
            },
        );
    }
}

//! A model server on the host's loopback, as Ollama is: every answer of an agent has to cross the relay.

use ocmigrate_lab::fleet::Fleet;
use ocmigrate_lab::server::Server;

use crate::host_state::host_state;
use crate::ways::{boots_after_a_power_cut, under_messages};
use crate::world::{GROUP, PLAN, World};

/// Ollama's usual port.
const PORT: u16 = 11434;

/// Lets a service of the box listen on its loopback and answer as the model server, and has all agents talk to it.
pub(crate) fn put_the_model_on_loopback(fleet: &mut Fleet, server: &Server) {
    let (_, rest) = fleet.model_api.split_once("://").unwrap();
    let (address, path) = rest.split_once('/').unwrap();
    let socket =
        format!("[Socket]\nListenStream=127.0.0.1:{PORT}\n[Install]\nWantedBy=sockets.target\n");
    let service =
        format!("[Service]\nExecStart=/usr/lib/systemd/systemd-socket-proxyd {address}\n");
    for (name, text) in [("model.socket", socket), ("model.service", service)] {
        let file = format!("/etc/systemd/system/{name}");
        server
            .write_file(&file, text.as_bytes(), "root", "644")
            .unwrap();
    }
    server
        .shell("systemctl daemon-reload && systemctl enable --now model.socket")
        .unwrap();
    fleet.model_api = format!("http://127.0.0.1:{PORT}/{path}");
}

/// The plan needs no decision; all messages are answered in the container, after a boot, and natively again.
pub(crate) fn the_model_answers_all_the_way(world: &World) {
    let said = world.run_to(0, "ocmigrate scan");
    assert!(
        said.contains("OM-N002") && said.contains(&format!("127.0.0.1:{PORT}")),
        "{said}"
    );
    world.plan();
    let before = host_state(world);
    let execute = format!("ocmigrate execute --group {GROUP} --plan {PLAN} --soak 10");
    let said = world.run_to(0, &format!("{execute} --dry-run"));
    assert!(said.contains(&format!("relay  127.0.0.1:{PORT}")), "{said}");
    under_messages(world, "execute", &format!("{execute} --yes"));
    assert!(world.is_in_container());
    world.run_to(0, "ocmigrate verify");
    others_may_not_open_it(world);

    boots_after_a_power_cut(world, World::is_in_container);
    world.run_to(0, "ocmigrate verify");

    let socket = format!("ocmigrate-relay-{GROUP}-{PORT}.socket");
    world.shell(&format!("systemctl stop {socket}"));
    let said = world.run_to(3, "ocmigrate verify");
    let remedy = format!("systemctl start {socket}");
    assert!(said.contains(&remedy), "{said}");
    world.shell(&remedy);
    world.run_to(0, "ocmigrate verify");

    under_messages(
        world,
        "rollback",
        &format!("ocmigrate rollback --group {GROUP} --yes"),
    );
    assert!(world.is_native());
    assert_eq!(host_state(world), before, "rollback left something behind");
    assert_eq!(
        world
            .shell("systemctl list-units --all | grep -c ocmigrate-relay || true")
            .trim(),
        "0"
    );
}

/// The file that leads to the service is for the gateway's user alone.
fn others_may_not_open_it(world: &World) {
    let file = format!("/etc/ocmigrate/groups/{GROUP}/services/{PORT}.sock");
    let owner = world.shell(&format!("stat -c '%U %a %F' {file}"));
    assert_eq!(owner.trim(), "joe 600 socket");
}

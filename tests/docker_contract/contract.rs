//! What both engines do.

use std::collections::BTreeMap;

use ocmigrate::docker::fake::FakeDocker;
use ocmigrate::docker::{Confinement, ContainerState, Docker, HOST_NETWORK, RestartPolicy};
use ocmigrate::units::Bytes;

use crate::lab::{
    DEADLINE, Lab, SCRIPT, assert_refused, engine, image_spec, labels, script_output, shell, words,
};

#[test]
fn the_fake_keeps_the_contract() {
    contract(&FakeDocker::new().on_program(|_, _| script_output()));
}

#[test]
fn the_engine_keeps_the_contract() {
    contract(&engine());
}

fn contract(docker: &dyn Docker) {
    let lab = Lab::new();
    assert!(!docker.engine().unwrap().version.is_empty());
    images_are_made_and_found(docker, &lab);
    networks_come_and_go(docker, &lab);
    containers_live_and_die(docker, &lab);
    what_is_missing_is_refused(docker, &lab);
    networks_in_use_stay(docker, &lab);
    the_hosts_network_needs_no_making(docker, &lab);
    programs_run_once(docker, &lab);
    foreign_containers_stay(docker, &lab);
}

fn images_are_made_and_found(docker: &dyn Docker, lab: &Lab) {
    assert_eq!(docker.find_image(&lab.image("base")).unwrap(), None);
    let base = lab.base(docker);
    let image = docker.find_image(&base).unwrap().unwrap();
    assert_eq!(image.labels, lab.labels("base"));
    assert_eq!(docker.find_image(&image.id).unwrap(), Some(image.clone()));
    let labelled = docker
        .images_labelled("ocmigrate.test", &lab.named("base"))
        .unwrap();
    assert_eq!(
        labelled.iter().map(|image| &image.id).collect::<Vec<_>>(),
        [&image.id]
    );

    let progress = std::cell::Cell::new((Bytes(0), Bytes(0)));
    let spec = image_spec(lab, &base, "made");
    docker
        .make_image(&spec, &|sent, all| progress.set((sent, all)))
        .unwrap();
    let (sent, all) = progress.get();
    assert!(sent > Bytes(0) && sent == all, "{sent} of {all}");
    let made = docker.find_image(&spec.reference).unwrap().unwrap();
    assert_eq!(made.labels["nasty"], "a \"b\" $c \\ 'd' é");
    assert_eq!(made.labels["ocmigrate.test"], lab.named("base"));

    docker.make_image(&spec, &|_, _| {}).unwrap();
    assert_eq!(docker.find_image(&spec.reference).unwrap(), Some(made));
    assert_refused(docker.make_image(&image_spec(lab, &lab.image("none"), "x"), &|_, _| {}));
}

fn networks_come_and_go(docker: &dyn Docker, lab: &Lab) {
    let name = lab.named("net");
    assert_eq!(docker.find_network(&name).unwrap(), None);
    docker.create_network(&name, &lab.labels("net")).unwrap();
    assert_eq!(docker.find_network(&name).unwrap(), Some(lab.labels("net")));
    assert_refused(docker.create_network(&name, &BTreeMap::new()));
    docker.remove_network(&name).unwrap();
    docker.remove_network(&name).unwrap();
    assert_eq!(docker.find_network(&name).unwrap(), None);
}

fn containers_live_and_die(docker: &dyn Docker, lab: &Lab) {
    let spec = lab.sleeper("box", &lab.image("base"));
    let name = spec.name.as_str();
    docker.create_container(&spec).unwrap();
    assert_refused(docker.create_container(&spec));
    let made = docker.find_container(name).unwrap().unwrap();
    assert_eq!((made.state, made.pid), (ContainerState::Created, 0));
    assert_eq!(
        (made.restart_policy, made.memory),
        (RestartPolicy::No, spec.memory)
    );
    assert_eq!(made.labels["ocmigrate.test"], name);
    assert_eq!(
        docker.find_confinement(name).unwrap(),
        Some(Confinement::planned(&spec))
    );
    assert_eq!(
        Some(made.image),
        docker.find_image(&spec.image).unwrap().map(|it| it.id)
    );

    docker
        .set_restart_policy(name, RestartPolicy::UnlessStopped)
        .unwrap();
    docker.start(name).unwrap();
    docker.start(name).unwrap();
    runs(docker, name);
    docker.stop(name).unwrap();
    docker.stop(name).unwrap();
    is_stopped(docker, name);
    docker.start(name).unwrap();
    docker.stop(name).unwrap();
    docker.remove_container(name).unwrap();
    docker.remove_container(name).unwrap();
    assert_eq!(docker.find_container(name).unwrap(), None);
    assert_eq!(docker.find_confinement(name).unwrap(), None);
}

fn runs(docker: &dyn Docker, name: &str) {
    let container = docker.find_container(name).unwrap().unwrap();
    assert_eq!(container.state, ContainerState::Running);
    assert_eq!(container.restart_policy, RestartPolicy::UnlessStopped);
    assert!(
        docker
            .running()
            .unwrap()
            .contains(&(name.to_owned(), container.pid))
    );
    assert!(docker.memory_used(name).unwrap().unwrap() > Bytes(0));
    let mut lines = Vec::new();
    let mut keep = |line: &[u8]| lines.push(line.to_vec());
    let argv = words(&shell(SCRIPT));
    let output = docker.exec_watched(name, "0:0", &argv, &[], DEADLINE, &mut keep);
    assert_eq!(output.unwrap(), script_output());
    assert_eq!(lines, [b"out"]);
    assert_refused(docker.remove_container(name));
}

fn is_stopped(docker: &dyn Docker, name: &str) {
    let container = docker.find_container(name).unwrap().unwrap();
    assert!(matches!(container.state, ContainerState::Exited(_)));
    assert_eq!(container.pid, 0);
    assert!(
        docker
            .running()
            .unwrap()
            .iter()
            .all(|(running, _)| running != name)
    );
    assert_eq!(docker.memory_used(name).unwrap(), None);
    assert_refused(docker.exec(name, "0:0", &words(&["/bin/id"]), &[], DEADLINE));
}

fn what_is_missing_is_refused(docker: &dyn Docker, lab: &Lab) {
    let name = lab.named("none");
    assert_refused(docker.create_container(&lab.sleeper("x", &lab.image("none"))));
    assert_refused(docker.start(&name));
    assert_refused(docker.stop(&name));
    assert_refused(docker.set_restart_policy(&name, RestartPolicy::No));
    assert_refused(docker.log_tail(&name, 3));
    assert_refused(docker.exec(&name, "0:0", &words(&["/bin/id"]), &[], DEADLINE));
    assert_eq!(docker.memory_used(&name).unwrap(), None);
}

fn networks_in_use_stay(docker: &dyn Docker, lab: &Lab) {
    let network = lab.named("used");
    let mut spec = lab.sleeper("user", &lab.image("base"));
    spec.network = Some(network.clone());
    docker.create_container(&spec).unwrap();
    assert_refused(docker.start(&spec.name));
    docker.create_network(&network, &BTreeMap::new()).unwrap();
    docker.start(&spec.name).unwrap();
    assert_refused(docker.remove_network(&network));
    docker.stop(&spec.name).unwrap();
    docker.remove_container(&spec.name).unwrap();
    docker.remove_network(&network).unwrap();
}

fn the_hosts_network_needs_no_making(docker: &dyn Docker, lab: &Lab) {
    let mut spec = lab.sleeper("guest", &lab.image("base"));
    spec.network = Some(HOST_NETWORK.to_owned());
    spec.environment
        .push("NODE_OPTIONS=--max-old-space-size=768".to_owned());
    docker.create_container(&spec).unwrap();
    docker.start(&spec.name).unwrap();
    assert_eq!(
        docker.find_confinement(&spec.name).unwrap(),
        Some(Confinement::planned(&spec))
    );
    docker.stop(&spec.name).unwrap();
    docker.remove_container(&spec.name).unwrap();
}

fn programs_run_once(docker: &dyn Docker, lab: &Lab) {
    let spec = lab.spec("once", &lab.image("base"), &shell(SCRIPT));
    assert_eq!(docker.run_once(&spec, DEADLINE).unwrap(), script_output());
    assert_eq!(docker.find_container(&spec.name).unwrap(), None);
    docker.create_container(&spec).unwrap();
    assert_eq!(docker.run_once(&spec, DEADLINE).unwrap(), script_output());
    assert_eq!(docker.find_container(&spec.name).unwrap(), None);
}

fn foreign_containers_stay(docker: &dyn Docker, lab: &Lab) {
    let spec = lab.spec("foreign", &lab.image("base"), &shell(SCRIPT));
    let mut foreign = spec.clone();
    foreign.labels = labels([("ocmigrate.test", "somebody else's")]);
    docker.create_container(&foreign).unwrap();
    let before = docker.find_container(&spec.name).unwrap();
    assert_refused(docker.run_once(&spec, DEADLINE));
    assert_eq!(docker.find_container(&spec.name).unwrap(), before);
    docker.remove_container(&spec.name).unwrap();
}

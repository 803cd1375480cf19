//! Debian's docker-compose takes what we made for its own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ocmigrate::docker::compose::{self, Project};
use ocmigrate::docker::{ContainerSpec, Docker, DockerSocket, HOST_NETWORK, Mount};

use crate::lab::{Lab, engine, free_port, published, run, wait_until, words};

/// One container with everything, described in a compose file of its own project.
struct Composed {
    lab: Lab,
    docker: DockerSocket,
    file: PathBuf,
    name: String,
}

impl Composed {
    fn new(change: impl FnOnce(&mut ContainerSpec)) -> Self {
        let (lab, docker) = (Lab::new(), engine());
        let script = "echo up \"$0\"; while :; do sleep 0.1; done";
        let argv = ["/bin/sh", "-c", script, "a$b ${c} é: # \"q\" \u{1f600}"];
        let mut spec = lab.spec("oc-work", &lab.base(&docker), &argv);
        let (network, file) = (
            lab.named("net"),
            lab.files.path().join("docker-compose.yml"),
        );
        spec.network = Some(network.clone());
        change(&mut spec);
        let project = Project {
            name: &lab.name,
            file: &file,
            version: "1.29.2",
        };
        let service = compose::service(&spec);
        let mut network_labels = lab.labels("net");
        network_labels.extend(compose::network_labels(&project, &network));
        let networks = spec
            .network
            .iter()
            .filter(|name| *name != HOST_NETWORK)
            .map(|name| (name.clone(), network_labels.clone()));
        let services = BTreeMap::from([(spec.name.clone(), service.clone())]);
        std::fs::write(&file, compose::file(&services, &networks.collect())).unwrap();
        let image = docker.find_image(&spec.image).unwrap().unwrap();
        let hash = compose::config_hash(&service, &image.id);
        spec.labels
            .extend(compose::labels(&project, &spec.name, &hash));
        docker.create_network(&network, &network_labels).unwrap();
        docker.create_container(&spec).unwrap();
        let name = spec.name.clone();
        let composed = Self {
            lab,
            docker,
            file,
            name,
        };
        let theirs = composed.compose(&["config", "--hash", &spec.name]);
        assert_eq!(theirs, format!("{} {hash}\n", spec.name));
        composed
    }

    fn compose(&self, arguments: &[&str]) -> String {
        let project = ["-f", self.file.to_str().unwrap(), "-p", &self.lab.name];
        run("docker-compose", &[&project, arguments].concat())
    }
}

fn everything(spec: &mut ContainerSpec) {
    spec.mounts = vec![
        Mount::Bind {
            source: "/tmp".into(),
            target: "/home/a b/$x".into(),
            read_only: true,
        },
        Mount::Bind {
            source: "/tmp".into(),
            target: "/home/b".into(),
            read_only: false,
        },
        Mount::Empty {
            target: "/home/c".into(),
            mode: 0o700,
        },
    ];
    spec.ports = vec![published(free_port()), published(free_port())];
    spec.supplementary_groups = vec![27, 4711];
    spec.extra_hosts = words(&["b:10.0.0.2", "a:10.0.0.1"]);
    spec.environment = words(&["Z=no", "A=a$b \"q\" é", "EMPTY=", "E=x=y"]);
    spec.cpu_milli = 2000;
    spec.labels
        .insert("ocmigrate.plan".to_owned(), "1".to_owned());
}

#[test]
fn docker_compose_takes_a_container_with_everything_as_its_own() {
    let composed = Composed::new(everything);
    let (docker, name) = (&composed.docker, composed.name.as_str());
    docker.start(name).unwrap();
    let before = docker.find_container(name).unwrap().unwrap();
    let up = composed.compose(&["up", "-d"]);
    assert_eq!(up, format!("{name} is up-to-date\n"));
    assert_eq!(docker.find_container(name).unwrap(), Some(before.clone()));

    assert!(
        composed.compose(&["ps"]).contains("Up"),
        "{}",
        composed.compose(&["ps"])
    );
    wait_until(|| composed.compose(&["logs", name]).contains("up a$b ${c} é"));
    let restarted = composed.compose(&["restart", name]);
    assert!(restarted.contains("done"), "{restarted}");
    let after = docker.find_container(name).unwrap().unwrap();
    assert!(after.id == before.id && after.pid != before.pid);
    composed.compose(&["stop", name]);
    assert_eq!(docker.find_container(name).unwrap().unwrap().pid, 0);
    let up = composed.compose(&["up", "-d"]);
    assert!(up.starts_with("Starting"), "{up}");
    assert_eq!(docker.find_container(name).unwrap().unwrap().id, before.id);
}

#[test]
fn a_container_that_docker_compose_makes_is_confined_like_ours() {
    let composed = Composed::new(everything);
    let (docker, name) = (&composed.docker, composed.name.as_str());
    let ours = docker.find_confinement(name).unwrap().unwrap();
    docker.remove_container(name).unwrap();
    composed.compose(&["up", "-d"]);
    let theirs = docker.find_confinement(name).unwrap().unwrap();
    assert_eq!(ours.differences(&theirs), []);
}

#[test]
fn docker_compose_takes_a_bare_container_without_network_as_its_own() {
    let composed = Composed::new(|spec| {
        spec.network = None;
        spec.environment.clear();
    });
    composed.docker.start(&composed.name).unwrap();
    let up = composed.compose(&["up", "-d"]);
    assert_eq!(up, format!("{} is up-to-date\n", composed.name));
}

#[test]
fn docker_compose_takes_a_container_on_the_hosts_network_as_its_own() {
    let composed = Composed::new(|spec| spec.network = Some(HOST_NETWORK.to_owned()));
    composed.docker.start(&composed.name).unwrap();
    let up = composed.compose(&["up", "-d"]);
    assert_eq!(up, format!("{} is up-to-date\n", composed.name));
}

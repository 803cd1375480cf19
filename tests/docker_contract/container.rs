//! A real container: how it is confined, what it sees, how it ends.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ocmigrate::docker::{
    Aspect, Confinement, ContainerState, Docker, DockerError, HOST_NETWORK, Mount,
};

use crate::lab::{
    DEADLINE, Lab, assert_refused, engine, free_port, output_of, published, run, shell, wait_until,
    words,
};

#[test]
fn a_container_is_confined_as_asked() {
    let (lab, docker) = (Lab::new(), engine());
    let script = "id -u; id -g; pwd; hostname; echo $HOME; cat /etc/hosts; cat /proc/self/status; ls /sys/class/net";
    let mut spec = lab.spec("box", &lab.base(&docker), &shell(script));
    spec.extra_hosts = vec!["bus:10.1.2.3".to_owned()];
    spec.supplementary_groups = vec![27, 4711];
    let text = output_of(&docker, &spec);
    assert!(
        text.starts_with(&format!("1234\n2345\n/tmp\n{}\n/home/a b\n", spec.name)),
        "{text}"
    );
    assert!(text.contains("10.1.2.3\tbus"), "{text}");
    assert!(text.contains("Groups:\t27 2345 4711 \n"), "{text}");
    assert!(text.contains("CapBnd:\t0000000000000000"), "{text}");
    assert!(text.contains("NoNewPrivs:\t1"), "{text}");
    assert!(text.ends_with("\nlo\n"), "{text}");
}

#[test]
fn a_program_that_is_started_in_a_container_has_its_groups() {
    let (lab, docker) = (Lab::new(), engine());
    let mut spec = lab.sleeper("box", &lab.base(&docker));
    spec.supplementary_groups = vec![27, 4711];
    docker.create_container(&spec).unwrap();
    docker.start(&spec.name).unwrap();
    let argv = words(&["/bin/id", "-G"]);
    let output = docker.exec(&spec.name, &spec.user, &argv, &[], DEADLINE);
    let groups = String::from_utf8(output.unwrap().stdout).unwrap();
    let mut groups: Vec<_> = groups.split_whitespace().collect();
    groups.sort_unstable();
    assert_eq!(groups, ["2345", "27", "4711"]);
}

#[test]
fn limits_log_rotation_and_init_are_set() {
    let (lab, docker) = (Lab::new(), engine());
    let spec = lab.sleeper("box", &lab.base(&docker));
    docker.create_container(&spec).unwrap();
    let format = "{{with .HostConfig}}{{.Memory}} {{.MemorySwap}} {{.NanoCpus}} {{.PidsLimit}} {{.Init}} {{.LogConfig.Type}} {{.LogConfig.Config}}{{end}} {{.Config.StopTimeout}} {{.Config.StopSignal}}";
    let seen = run("docker", &["inspect", "-f", format, &spec.name]);
    let wanted =
        "268435456 268435456 1500000000 99 true json-file map[max-file:3 max-size:10m] 2 SIGTERM\n";
    assert_eq!(seen, wanted);
}

/// What `docker run` says of the same container, and of more.
#[test]
fn what_widens_a_container_is_told() {
    let (lab, docker) = (Lab::new(), engine());
    let spec = lab.sleeper("box", &lab.base(&docker));
    let label = format!("ocmigrate.test={}", spec.name);
    let wider = [
        "create",
        "--name",
        &spec.name,
        "--label",
        &label,
        "--user",
        "0:0",
        "--group-add",
        "998",
        "--privileged",
        "--cap-add",
        "NET_ADMIN",
        "--device",
        "/dev/null",
        "--pid",
        "host",
        "--env",
        "TOKEN=s3cret",
        "--volume",
        "/tmp:/tmp:ro",
        "--publish",
        "0.0.0.0:9:9",
        "--memory",
        "1g",
        "--memory-swap",
        "2g",
        "--pids-limit",
        "99",
        "--cpus",
        "0.5",
        &spec.image,
        "/bin/sleep",
        "600",
    ];
    run("docker", &wider);
    let found = docker.find_confinement(&spec.name).unwrap().unwrap();
    let differences = Confinement::planned(&spec).differences(&found);
    let told: Vec<_> = differences.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "user 0:0, group 998 instead of 1234:2345",
            "environment TOKEN instead of HOME",
            "mounts /tmp read-only instead of nothing",
            "memory 1 G, swap 1 G instead of 256 M",
            "cpus 0.5 instead of 1.5",
            "ports 0.0.0.0:9 to 9 instead of nothing",
            "network default instead of none",
            "privileges device /dev/null, label=disable, pid namespace host, privileged, with capability CAP_NET_ADMIN instead of no-new-privileges, without capability ALL",
        ]
    );
    run(
        "docker",
        &[
            "update",
            "--cpus",
            "1.5",
            "--memory",
            "256m",
            "--memory-swap",
            "256m",
            &spec.name,
        ],
    );
    let found = docker.find_confinement(&spec.name).unwrap().unwrap();
    let differences = Confinement::planned(&spec).differences(&found);
    assert!(
        !differences
            .iter()
            .any(|it| matches!(it.aspect, Aspect::Memory | Aspect::Processors))
    );
}

#[test]
fn mounts_are_what_they_say() {
    let (lab, docker) = (Lab::new(), engine());
    let shown = lab.files.path().join("shown");
    std::fs::create_dir(&shown).unwrap();
    std::fs::write(shown.join("file"), "content").unwrap();
    let script = "cat /home/a/deep/file; (echo x > /home/a/deep/file) 2>/dev/null || echo ' kept'; stat -c '%u %g %a' /home/a; echo 'echo ran' > /home/a/p; /bin/busybox chmod +x /home/a/p; /home/a/p";
    let mut spec = lab.spec("box", &lab.base(&docker), &shell(script));
    spec.mounts = vec![
        Mount::Bind {
            source: shown,
            target: "/home/a/deep".into(),
            read_only: true,
        },
        Mount::Empty {
            target: "/home/a".into(),
            mode: 0o700,
        },
    ];
    assert_eq!(
        output_of(&docker, &spec),
        "content kept\n1234 2345 700\nran\n"
    );
}

#[test]
fn a_missing_mount_source_is_refused_and_not_made() {
    let (lab, docker) = (Lab::new(), engine());
    let mut spec = lab.sleeper("box", &lab.base(&docker));
    let source = lab.files.path().join("missing");
    spec.mounts = vec![Mount::Bind {
        source: source.clone(),
        target: "/x".into(),
        read_only: false,
    }];
    assert_refused(docker.create_container(&spec));
    assert!(!source.exists());
}

#[test]
fn a_program_that_misses_its_deadline_is_removed() {
    let (lab, docker) = (Lab::new(), engine());
    let spec = lab.sleeper("late", &lab.base(&docker));
    let late = docker.run_once(&spec, Duration::from_millis(700));
    assert!(
        matches!(late, Err(DockerError::TimedOut { .. })),
        "{late:?}"
    );
    assert_eq!(docker.find_container(&spec.name).unwrap(), None);

    docker.create_container(&spec).unwrap();
    docker.start(&spec.name).unwrap();
    let argv = words(&["/bin/sleep", "9"]);
    let late = docker.exec(&spec.name, "0:0", &argv, &[], Duration::from_millis(700));
    assert!(
        matches!(late, Err(DockerError::TimedOut { .. })),
        "{late:?}"
    );
}

#[test]
fn a_line_of_a_program_is_handed_over_while_it_runs_on() {
    let (lab, docker) = (Lab::new(), engine());
    let spec = lab.sleeper("talks", &lab.base(&docker));
    docker.create_container(&spec).unwrap();
    docker.start(&spec.name).unwrap();
    let script = "echo one; sleep 2; echo two; echo no >&2";
    let (begun, mut lines) = (Instant::now(), Vec::new());
    let mut keep = |line: &[u8]| lines.push((line.to_vec(), begun.elapsed()));
    let argv = words(&shell(script));
    let output = docker.exec_watched(&spec.name, "0:0", &argv, &[], DEADLINE, &mut keep);
    assert_eq!(output.unwrap().stdout, b"one\ntwo\n");
    let [(one, early), (two, late)] = &lines[..] else {
        panic!("{lines:?}");
    };
    assert_eq!((&one[..], &two[..]), (&b"one"[..], &b"two"[..]));
    assert!(
        late.saturating_sub(*early) > Duration::from_secs(1),
        "{lines:?}"
    );
}

#[test]
fn a_stop_waits_as_long_as_the_container_asked() {
    let (lab, docker) = (Lab::new(), engine());
    let script = "trap 'sleep 3; exit 7' TERM; echo up; while :; do sleep 0.1; done";
    let mut spec = lab.spec("slow", &lab.base(&docker), &shell(script));
    spec.stop_timeout = Duration::from_secs(20);
    docker.create_container(&spec).unwrap();
    docker.start(&spec.name).unwrap();
    wait_until(|| docker.log_tail(&spec.name, 5).unwrap().contains("up"));
    docker.stop(&spec.name).unwrap();
    let state = docker.find_container(&spec.name).unwrap().unwrap().state;
    assert_eq!(state, ContainerState::Exited(7));
}

#[test]
fn long_output_is_cut_and_logs_have_a_tail() {
    let (lab, docker) = (Lab::new(), engine());
    let script = "head -c 3000000 /dev/zero; echo one >&2; echo two >&2; echo three >&2";
    let spec = lab.spec("much", &lab.base(&docker), &shell(script));
    let output = docker.run_once(&spec, DEADLINE).unwrap();
    assert_eq!(output.stdout.len(), 1024 * 1024);
    assert_eq!(output.stderr, b"one\ntwo\nthree\n");

    let spec = lab.spec(
        "said",
        &spec.image,
        &shell("echo one; echo two >&2; echo three"),
    );
    docker.create_container(&spec).unwrap();
    docker.start(&spec.name).unwrap();
    let ended = || docker.find_container(&spec.name).unwrap().unwrap().pid == 0;
    wait_until(ended);
    let tail = docker.log_tail(&spec.name, 2).unwrap();
    assert_eq!(tail.lines().count(), 2, "{tail}");
}

#[test]
fn a_published_port_answers_on_loopback_only() {
    let (lab, docker) = (Lab::new(), engine());
    let port = free_port();
    let inside = published(port).container;
    let listen = format!("echo hello | nc -l -p {inside}");
    let mut spec = lab.spec("port", &lab.base(&docker), &shell(&listen));
    let network = lab.named("ports");
    docker.create_network(&network, &BTreeMap::new()).unwrap();
    (spec.ports, spec.network) = (vec![published(port)], Some(network));
    docker.create_container(&spec).unwrap();
    docker.start(&spec.name).unwrap();
    let shown = run("docker", &["port", &spec.name]);
    assert_eq!(shown, format!("{inside}/tcp -> 127.0.0.1:{port}\n"));
    wait_until(|| greeting(port).is_some_and(|text| text == "hello\n"));
}

#[test]
fn a_container_on_the_hosts_network_listens_there_under_its_own_host_name() {
    let (lab, docker) = (Lab::new(), engine());
    let port = free_port();
    let listen = format!("hostname | nc -l -p {port}");
    let mut spec = lab.spec("guest", &lab.base(&docker), &shell(&listen));
    spec.network = Some(HOST_NETWORK.to_owned());
    docker.create_container(&spec).unwrap();
    docker.start(&spec.name).unwrap();
    assert_eq!(run("docker", &["port", &spec.name]), "");
    let name = format!("{}\n", spec.name);
    wait_until(|| greeting(port).is_some_and(|text| text == name));
}

fn greeting(port: u16) -> Option<String> {
    let stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    std::io::read_to_string(stream).ok()
}

#[test]
fn no_value_of_a_variable_gets_into_an_error() {
    let (lab, docker) = (Lab::new(), engine());
    let mut spec = lab.sleeper("env", &lab.base(&docker));
    spec.environment = vec!["=s3cret-value".to_owned()];
    let reason = assert_refused(docker.create_container(&spec));
    assert!(!reason.contains("s3cret"), "{reason}");
}

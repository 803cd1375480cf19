//! Holds the real engine and the fake to one contract, and the real one to what only a real one can show. Needs a Docker
//! Engine, docker-compose 1.29 and `/bin/busybox` (package busybox-static); without them these tests fail.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests make the files they show, and stop where something is wrong"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ocmigrate::docker::compose::{self, Project};
use ocmigrate::docker::fake::FakeDocker;
use ocmigrate::docker::{
    ContainerSpec, ContainerState, Docker, DockerError, DockerSocket, ImageSpec, LayerEntry, Mount,
    Output, Published, RestartPolicy,
};
use ocmigrate::units::Bytes;

const DEADLINE: Duration = Duration::from_mins(1);

/// Names for one test's objects, and a base to make containers of; everything is removed at the end.
struct Lab {
    name: String,
    files: tempfile::TempDir,
}

impl Lab {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self {
            name: format!("ocmigrate-test-{}-{count}", std::process::id()),
            files: tempfile::tempdir().unwrap(),
        }
    }

    fn named(&self, what: &str) -> String {
        format!("{}-{what}", self.name)
    }

    fn image(&self, what: &str) -> String {
        format!("{}:{what}", self.name)
    }

    fn labels(&self, what: &str) -> BTreeMap<String, String> {
        labels([("ocmigrate.test", &self.named(what))])
    }

    /// Imports a base that has a shell; returns its reference.
    fn base(&self, docker: &dyn Docker) -> String {
        let reference = self.image("base");
        let archive = self.base_archive();
        docker
            .import_base(&archive, &reference, &self.labels("base"))
            .unwrap();
        reference
    }

    fn base_archive(&self) -> PathBuf {
        let path = self.files.path().join("base.tar");
        let mut tar = tar::Builder::new(std::fs::File::create(&path).unwrap());
        tar.append_path_with_name("/bin/busybox", "bin/busybox")
            .unwrap();
        for program in [
            "sh", "sleep", "cat", "id", "stat", "env", "nc", "ls", "hostname", "seq", "head",
        ] {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            header.set_mode(0o777);
            tar.append_link(&mut header, format!("bin/{program}"), "busybox")
                .unwrap();
        }
        tar.into_inner().unwrap();
        path
    }

    fn spec(&self, what: &str, image: &str, argv: &[&str]) -> ContainerSpec {
        ContainerSpec {
            name: self.named(what),
            hostname: self.named(what),
            image: image.to_owned(),
            user: "1234:2345".to_owned(),
            directory: "/tmp".into(),
            argv: words(argv),
            environment: vec!["HOME=/home/a b".to_owned()],
            labels: self.labels(what),
            mounts: Vec::new(),
            memory: Bytes::mib(256),
            cpu_milli: 1500,
            pids: 99,
            ports: Vec::new(),
            network: None,
            extra_hosts: Vec::new(),
            stop_timeout: Duration::from_secs(2),
        }
    }

    fn sleeper(&self, what: &str, image: &str) -> ContainerSpec {
        self.spec(what, image, &["/bin/sleep", "600"])
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let list = |kind: &[&str], field: &str| {
            let filter = format!("name={}-", self.name);
            let arguments = ["--filter", &filter, "--format", field];
            words_of(&run("docker", &[kind, &arguments].concat()))
        };
        for name in list(&["ps", "-a"], "{{.Names}}") {
            run("docker", &["rm", "-f", "-v", &name]);
        }
        for name in list(&["network", "ls"], "{{.Name}}") {
            run("docker", &["network", "rm", &name]);
        }
        let images = run(
            "docker",
            &["images", &self.name, "--format", "{{.Repository}}:{{.Tag}}"],
        );
        for image in words_of(&images).iter().rev() {
            run("docker", &["rmi", image]);
        }
    }
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("`{program}`: {error}"));
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).into_owned()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn words_of(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn labels<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    let pair = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    pairs.into_iter().map(pair).collect()
}

fn engine() -> DockerSocket {
    DockerSocket::connect().expect("a Docker Engine must answer")
}

#[track_caller]
fn assert_refused<T: std::fmt::Debug>(result: Result<T, DockerError>) -> String {
    match result {
        Err(DockerError::Refused { reason, .. }) => reason,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

fn shell(text: &str) -> [&str; 3] {
    ["/bin/sh", "-c", text]
}

/// The script that programs of the contract run, and what the fake answers in its stead.
const SCRIPT: &str = "echo out; echo err >&2; exit 3";

fn script_output() -> Output {
    Output {
        code: 3,
        stdout: b"out\n".to_vec(),
        stderr: b"err\n".to_vec(),
    }
}

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

fn image_spec(lab: &Lab, base: &str, tag: &str) -> ImageSpec {
    let passwd = LayerEntry::File {
        path: "/etc/passwd".into(),
        text: "ann:x:1234:2345::/home/ann:/bin/sh\n".to_owned(),
        mode: 0o644,
    };
    ImageSpec {
        reference: lab.image(tag),
        base: base.to_owned(),
        entries: vec![passwd],
        labels: labels([("nasty", "a \"b\" $c \\ 'd' é")]),
    }
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
    let output = docker.exec(name, "0:0", &words(&shell(SCRIPT)), &[], DEADLINE);
    assert_eq!(output.unwrap(), script_output());
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

fn output_of(docker: &DockerSocket, spec: &ContainerSpec) -> String {
    let Output {
        code,
        stdout,
        stderr,
    } = docker.run_once(spec, DEADLINE).unwrap();
    let (stdout, stderr) = (String::from_utf8(stdout), String::from_utf8(stderr));
    assert_eq!((code, stderr.unwrap().as_str()), (0, ""));
    stdout.unwrap()
}

#[test]
fn a_container_is_confined_as_asked() {
    let (lab, docker) = (Lab::new(), engine());
    let script = "id -u; id -g; pwd; hostname; echo $HOME; cat /etc/hosts; cat /proc/self/status; ls /sys/class/net";
    let mut spec = lab.spec("box", &lab.base(&docker), &shell(script));
    spec.extra_hosts = vec!["bus:10.1.2.3".to_owned()];
    let text = output_of(&docker, &spec);
    assert!(
        text.starts_with(&format!("1234\n2345\n/tmp\n{}\n/home/a b\n", spec.name)),
        "{text}"
    );
    assert!(text.contains("10.1.2.3\tbus"), "{text}");
    assert!(text.contains("CapBnd:\t0000000000000000"), "{text}");
    assert!(text.contains("NoNewPrivs:\t1"), "{text}");
    assert!(text.ends_with("\nlo\n"), "{text}");
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

#[track_caller]
fn wait_until(claim: impl Fn() -> bool) {
    let start = Instant::now();
    while !claim() {
        assert!(start.elapsed() < DEADLINE, "it did not come about");
        std::thread::sleep(Duration::from_millis(50));
    }
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

/// The container listens on another port than the host's.
fn published(host: u16) -> Published {
    Published {
        host,
        container: host ^ 1,
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn greeting(port: u16) -> Option<String> {
    let stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    std::io::read_to_string(stream).ok()
}

#[test]
fn an_image_holds_the_hosts_tree_as_it_is() {
    let (lab, docker) = (Lab::new(), engine());
    let tree = lab.files.path().join("tree");
    make_tree(&tree);
    let mut spec = image_spec(&lab, &lab.base(&docker), "tree");
    let node = LayerEntry::Link {
        path: "/usr/local/bin/node".into(),
        target: "/opt/node".into(),
    };
    spec.entries
        .extend([LayerEntry::Tree { path: tree.clone() }, node]);
    docker.make_image(&spec, &|_, _| {}).unwrap();

    let format = "find . | sort | xargs stat -c '%n %f %u %g %s %Y %N'; stat -c %y file";
    let script = format!(
        "cd {0} && busybox {1}",
        tree.display(),
        format.replace("| ", "| busybox ")
    );
    let script = script
        .replace("; stat", "; busybox stat")
        .replace("xargs stat", "xargs busybox stat");
    let here = run("/bin/busybox", &["sh", "-c", &script]);
    assert!(here.contains(".123456789"), "{here}");
    let inside = output_of(&docker, &lab.spec("tree", &spec.reference, &shell(&script)));
    assert_eq!(inside, here);

    let parents = "stat -c '%u:%g %a' /usr/local/bin; /bin/busybox readlink /usr/local/bin/node; cat /etc/passwd";
    let text = output_of(
        &docker,
        &lab.spec("parents", &spec.reference, &shell(parents)),
    );
    assert_eq!(
        text,
        "0:0 755\n/opt/node\nann:x:1234:2345::/home/ann:/bin/sh\n"
    );
}

fn make_tree(tree: &Path) {
    let long = "long".repeat(40);
    std::fs::create_dir_all(tree.join(&long)).unwrap();
    let file = tree.join("file");
    std::fs::write(&file, "text").unwrap();
    std::fs::write(tree.join(&long).join("é"), "deep").unwrap();
    std::fs::hard_link(&file, tree.join("hard")).unwrap();
    std::os::unix::fs::symlink("file", tree.join("link")).unwrap();
    std::os::unix::fs::symlink(format!("/{long}/nowhere"), tree.join("dangling")).unwrap();
    std::os::unix::fs::chown(&file, Some(3_000_000), Some(77)).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o4751);
    std::fs::set_permissions(&file, mode).unwrap();
    let time = std::time::UNIX_EPOCH + Duration::new(1_600_000_000, 123_456_789);
    std::fs::File::open(&file)
        .unwrap()
        .set_modified(time)
        .unwrap();
}

#[test]
fn an_unreadable_layer_is_the_reason_given() {
    let (lab, docker) = (Lab::new(), engine());
    let mut spec = image_spec(&lab, &lab.base(&docker), "gone");
    spec.entries.push(LayerEntry::Tree {
        path: lab.files.path().join("gone"),
    });
    let failed = docker.make_image(&spec, &|_, _| {});
    assert!(
        matches!(failed, Err(DockerError::Layer { .. })),
        "{failed:?}"
    );
    let failed = docker.import_base(Path::new("/nowhere.tar"), "a:b", &BTreeMap::new());
    assert!(
        matches!(failed, Err(DockerError::Layer { .. })),
        "{failed:?}"
    );
}

#[test]
fn no_value_of_a_variable_gets_into_an_error() {
    let (lab, docker) = (Lab::new(), engine());
    let mut spec = lab.sleeper("env", &lab.base(&docker));
    spec.environment = vec!["=s3cret-value".to_owned()];
    let reason = assert_refused(docker.create_container(&spec));
    assert!(!reason.contains("s3cret"), "{reason}");
}

#[test]
fn no_engine_is_an_error_of_its_own() {
    let failed = DockerSocket::connect_to(Path::new("/nowhere/docker.sock"));
    assert!(
        matches!(failed, Err(DockerError::Unreachable { .. })),
        "{failed:?}"
    );
}

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
fn docker_compose_takes_a_bare_container_without_network_as_its_own() {
    let composed = Composed::new(|spec| {
        spec.network = None;
        spec.environment.clear();
    });
    composed.docker.start(&composed.name).unwrap();
    let up = composed.compose(&["up", "-d"]);
    assert_eq!(up, format!("{} is up-to-date\n", composed.name));
}

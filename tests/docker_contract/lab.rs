//! Names for one test's objects on the engine, and what all of these tests use.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ocmigrate::docker::{
    ContainerSpec, Docker, DockerError, DockerSocket, ImageSpec, LayerEntry, Output, Published,
};
use ocmigrate::units::Bytes;

pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// Names for one test's objects, and a base to make containers of; everything is removed at the end.
pub(crate) struct Lab {
    pub(crate) name: String,
    pub(crate) files: tempfile::TempDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self {
            name: format!("ocmigrate-test-{}-{count}", std::process::id()),
            files: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn named(&self, what: &str) -> String {
        format!("{}-{what}", self.name)
    }

    pub(crate) fn image(&self, what: &str) -> String {
        format!("{}:{what}", self.name)
    }

    pub(crate) fn labels(&self, what: &str) -> BTreeMap<String, String> {
        labels([("ocmigrate.test", &self.named(what))])
    }

    /// Imports a base that has a shell; returns its reference.
    pub(crate) fn base(&self, docker: &dyn Docker) -> String {
        let reference = self.image("base");
        let archive = self.base_archive();
        docker
            .import_base(&archive, &reference, &self.labels("base"))
            .unwrap();
        reference
    }

    pub(crate) fn base_archive(&self) -> PathBuf {
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

    pub(crate) fn spec(&self, what: &str, image: &str, argv: &[&str]) -> ContainerSpec {
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
            supplementary_groups: Vec::new(),
            extra_hosts: Vec::new(),
            stop_timeout: Duration::from_secs(2),
        }
    }

    pub(crate) fn sleeper(&self, what: &str, image: &str) -> ContainerSpec {
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

pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("`{program}`: {error}"));
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).into_owned()
}

pub(crate) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

pub(crate) fn words_of(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

pub(crate) fn labels<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    let pair = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    pairs.into_iter().map(pair).collect()
}

pub(crate) fn engine() -> DockerSocket {
    DockerSocket::connect().expect("a Docker Engine must answer")
}

#[track_caller]
pub(crate) fn assert_refused<T: std::fmt::Debug>(result: Result<T, DockerError>) -> String {
    match result {
        Err(DockerError::Refused { reason, .. }) => reason,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

pub(crate) fn shell(text: &str) -> [&str; 3] {
    ["/bin/sh", "-c", text]
}

/// The script that programs of the contract run, and what the fake answers in its stead.
pub(crate) const SCRIPT: &str = "echo out; echo err >&2; exit 3";

pub(crate) fn script_output() -> Output {
    Output {
        code: 3,
        stdout: b"out\n".to_vec(),
        stderr: b"err\n".to_vec(),
    }
}

pub(crate) fn image_spec(lab: &Lab, base: &str, tag: &str) -> ImageSpec {
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

pub(crate) fn output_of(docker: &DockerSocket, spec: &ContainerSpec) -> String {
    let Output {
        code,
        stdout,
        stderr,
    } = docker.run_once(spec, DEADLINE).unwrap();
    let (stdout, stderr) = (String::from_utf8(stdout), String::from_utf8(stderr));
    assert_eq!((code, stderr.unwrap().as_str()), (0, ""));
    stdout.unwrap()
}

#[track_caller]
pub(crate) fn wait_until(claim: impl Fn() -> bool) {
    let start = Instant::now();
    while !claim() {
        assert!(start.elapsed() < DEADLINE, "it did not come about");
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The container listens on another port than the host's.
pub(crate) fn published(host: u16) -> Published {
    Published {
        host,
        container: host ^ 1,
    }
}

//! The two programs that a scan runs, each with fixed arguments that only ask: `systemctl show`, and `docker-compose version`
//! where that is no Python.

use std::io::{self, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::{ReadError, Reader, Result};
use crate::host::UnitState;
use crate::inventory::{UnitScope, User};

/// How long a program may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// The most that a program may say; a pipe holds as much, so that it never waits for a reader. pipe(7).
const OUTPUT_LIMIT: u64 = 64 * 1024;
const PATH: &str = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const PROPERTIES: &str =
    "LoadState,ActiveState,UnitFileState,MainPID,FragmentPath,DropInPaths,NeedDaemonReload";

impl Reader {
    /// Asks a service manager what it knows of a service; `None` where it does not know it.
    ///
    /// The manager of `user` is asked as that user, for whom alone it answers.
    pub fn unit(&self, name: &str, scope: UnitScope, user: &User) -> Result<Option<UnitState>> {
        if !is_service_name(name) {
            return Ok(None);
        }
        let mut command = program("systemctl");
        if let UnitScope::User { uid } = scope {
            let runtime = format!("/run/user/{uid}");
            command.arg("--user").env("XDG_RUNTIME_DIR", &runtime);
            command.env(
                "DBUS_SESSION_BUS_ADDRESS",
                format!("unix:path={runtime}/bus"),
            );
            if rustix::process::geteuid().as_raw() != uid {
                command.uid(uid).gid(user.gid);
            }
        }
        command.args(["show", "--no-pager", "-p", PROPERTIES, "--", name]);
        answer(command, "systemctl show").map(|text| parse_unit(&text))
    }

    /// Returns the version of the `docker-compose` program, where there is one.
    ///
    /// One in Python takes half a second to say it: it is read from its package's metadata.
    #[must_use]
    pub fn compose_version(&self) -> Option<String> {
        let mut places = PATH
            .split(':')
            .map(|it| Path::new(it).join("docker-compose"));
        let begin = places.find_map(|path| self.head(&path, 2).ok()?)?;
        if begin == b"#!" {
            let homes = ["/usr/lib", "/usr/local/lib"].map(Path::new);
            return self.python_package("docker_compose", &homes);
        }
        let mut command = program("docker-compose");
        command.args(["version", "--short"]);
        let text = answer(command, "docker-compose version").ok()?;
        let version = text.trim().trim_start_matches('v');
        version
            .starts_with(|first: char| first.is_ascii_digit())
            .then(|| version.to_owned())
    }

    /// Returns the version of a package of Python below these directories: the name of its metadata, `NAME-VERSION.egg-info`
    /// or `NAME-VERSION.dist-info`; <https://packaging.python.org/en/latest/specifications/recording-installed-packages/>.
    fn python_package(&self, name: &str, homes: &[&Path]) -> Option<String> {
        let pythons = homes.iter().flat_map(|home| {
            let names = self.list(home).into_iter();
            let pythons = names.filter(|name| name.to_string_lossy().starts_with("python3"));
            pythons.map(move |python| home.join(python))
        });
        let mut packages = pythons
            .flat_map(|python| ["dist-packages", "site-packages"].map(|it| python.join(it)))
            .flat_map(|directory| self.list(&directory));
        packages.find_map(|package| {
            let rest = package.to_str()?.strip_prefix(name)?.strip_prefix('-')?;
            let stem = rest
                .strip_suffix(".egg-info")
                .or(rest.strip_suffix(".dist-info"))?;
            // Eggs name the Python that they are for: `1.29.2-py3.11`.
            let (version, _) = stem.split_once('-').unwrap_or((stem, ""));
            version
                .starts_with(|first: char| first.is_ascii_digit())
                .then(|| version.to_owned())
        })
    }
}

/// Returns whether this is a plain name of a service, without patterns; systemd.unit(5).
fn is_service_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
    name.ends_with(".service") && !name.starts_with('-') && name.bytes().all(is_allowed)
}

fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command
        .env_clear()
        .env("PATH", PATH)
        .env("LC_ALL", "C")
        .current_dir("/");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

fn answer(mut command: Command, program: &str) -> Result<String> {
    let failed = |said: String| ReadError::Program {
        program: program.to_owned(),
        said,
    };
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    let code = wait(&mut child).map_err(|error| failed(error.to_string()))?;
    if code != Some(0) {
        return Err(failed(format!("exit code {code:?}")));
    }
    output(&mut child).map_err(|error| failed(error.to_string()))
}

/// Waits for the end of a program, or kills it at the deadline.
fn wait(child: &mut Child) -> io::Result<Option<i32>> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or(io::ErrorKind::InvalidInput)?;
    let handle = pidfd_open(pid, PidfdFlags::empty())?;
    let deadline = Timespec::try_from(DEADLINE).map_err(io::Error::other)?;
    let ended = poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&deadline))? > 0;
    if !ended {
        child.kill()?;
    }
    Ok(child.wait()?.code())
}

/// Takes what the ended program left in its pipe, without waiting for anything that it left behind.
fn output(child: &mut Child) -> io::Result<String> {
    let Some(stdout) = child.stdout.take() else {
        return Ok(String::new());
    };
    rustix::io::ioctl_fionbio(&stdout, true)?;
    let mut bytes = Vec::new();
    match stdout.take(OUTPUT_LIMIT).read_to_end(&mut bytes) {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        Ok(_) | Err(_) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

fn parse_unit(text: &str) -> Option<UnitState> {
    let value = |name: &str| {
        let mut values = text.lines().filter_map(|line| line.split_once('='));
        values
            .find(|(key, _)| *key == name)
            .map_or("", |(_, value)| value)
    };
    if value("LoadState") == "not-found" || value("LoadState").is_empty() {
        return None;
    }
    Some(UnitState {
        active: value("ActiveState").to_owned(),
        enablement: value("UnitFileState").to_owned(),
        main_pid: value("MainPID").parse().unwrap_or(0),
        file: PathBuf::from(value("FragmentPath")),
        drop_ins: value("DropInPaths")
            .split_ascii_whitespace()
            .map(PathBuf::from)
            .collect(),
        needs_reload: value("NeedDaemonReload") == "yes",
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_managers_answer_is_read() {
        let text = "MainPID=1421\nFragmentPath=/home/joe/.config/systemd/user/o.service\nDropInPaths=/a /b\n\
            UnitFileState=enabled\nLoadState=loaded\nActiveState=active\nNeedDaemonReload=no\n";
        let state = parse_unit(text).unwrap();
        assert_eq!(
            (state.main_pid, state.enablement.as_str()),
            (1421, "enabled")
        );
        assert_eq!(state.drop_ins, [PathBuf::from("/a"), PathBuf::from("/b")]);
        assert_eq!(parse_unit("LoadState=not-found\nMainPID=0\n"), None);
        assert_eq!(parse_unit(""), None);
    }

    #[test]
    fn a_pattern_or_an_option_is_no_service_name() {
        assert!(is_service_name("openclaw-gateway@x\\x2d1.service"));
        for name in [
            "*.service",
            "--all.service",
            "a b.service",
            "a.timer",
            "a\n.service",
        ] {
            assert!(!is_service_name(name), "{name}");
        }
    }

    #[test]
    fn the_version_of_a_python_package_is_the_name_of_its_metadata() {
        let home = tempfile::tempdir().unwrap();
        let told = |name: &str| {
            let directory = home.path().join("python3.11/site-packages");
            let _ = std::fs::remove_dir_all(&directory);
            std::fs::create_dir_all(directory.join(name)).unwrap();
            Reader::new().python_package("docker_compose", &[home.path()])
        };
        let debians = told("docker_compose-1.29.2.egg-info");
        assert_eq!(debians.as_deref(), Some("1.29.2"));
        let egg = told("docker_compose-1.25.0-py3.11.egg-info");
        assert_eq!(egg.as_deref(), Some("1.25.0"));
        assert_eq!(told("docker_compose-2.0.dist-info").as_deref(), Some("2.0"));
        assert_eq!(told("docker_compose_more-2.0.dist-info"), None);
        assert_eq!(told("docker_compose-2.0"), None);
    }

    #[test]
    fn a_program_that_says_no_or_is_missing_is_an_error() {
        assert!(answer(program("false"), "false").is_err());
        assert!(answer(program("no-such-program"), "no-such-program").is_err());
        let mut echo = program("echo");
        echo.arg("yes");
        assert_eq!(answer(echo, "echo").unwrap(), "yes\n");
    }
}

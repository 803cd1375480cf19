//! A server in a box: a container with systemd as process 1, a Docker Engine of its own, and users whose services linger.
//! Driven through the `docker` program, so that what a test does to a box can be repeated by hand.

mod command;
mod files;
mod power;
mod wait;

use std::time::Duration;

pub use command::{Output, ServerError};
pub use files::base_image_tar;
pub use wait::poll;

use command::docker;

use crate::own_losses::is_dropped_at_start;
use crate::services::lab_address;

/// The image that `scripts/lab-image` builds.
pub const SERVER_IMAGE: &str = "ocmigrate-lab/server";

/// The image that `scripts/lab-releases` builds: older releases beside the newest, and what starts gateways there.
pub const RELEASES_IMAGE: &str = "ocmigrate-lab/releases";

/// The image of agents' containers; its archive is at [`base_image_tar`].
pub const BASE_IMAGE: &str = "ocmigrate-lab/base";

/// What a box may do; `--privileged` asks for more than every machine has.
const CAPABILITIES: [&str; 17] = [
    "SYS_ADMIN",
    "NET_ADMIN",
    "SYS_PTRACE",
    "SYS_CHROOT",
    "MKNOD",
    "NET_RAW",
    "DAC_READ_SEARCH",
    "SYS_NICE",
    "IPC_LOCK",
    "LINUX_IMMUTABLE",
    "SYSLOG",
    "SYS_BOOT",
    "SYS_TIME",
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "LEASE",
    "MAC_ADMIN",
];

const CREATE_OPTIONS: [&str; 12] = [
    "--security-opt=seccomp=unconfined",
    "--security-opt=apparmor=unconfined",
    "--tmpfs=/run",
    "--tmpfs=/run/lock",
    "--tmpfs=/tmp:exec",
    "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw",
    // An overlay cannot lie on an overlay: the nested engine needs a volume.
    "--volume=/var/lib/docker",
    "--env=container=docker",
    "--stop-signal=SIGRTMIN+3",
    "--label=ocmigrate-lab=server",
    "--log-driver=json-file",
    "--pull=never",
];

/// How long a box may take until systemd and the nested engine are there.
const BOOT_DEADLINE: Duration = Duration::from_secs(90);

/// Becomes a user in the way a login would, then runs the arguments.
const LOGIN: &str = r#"export USER="$(id -un)" LOGNAME="$(id -un)" XDG_RUNTIME_DIR="/run/user/$(id -u)"; cd "$HOME" && exec "$@""#;

/// A running box.
///
/// Dropping it removes the container and its volume, unless it was kept or `OCMIGRATE_LAB_KEEP=1` is set.
#[derive(Debug)]
pub struct Server {
    name: String,
    keep: bool,
}

impl Server {
    /// Boots a box and waits until systemd is `running` and the nested engine answers.
    ///
    /// The name is also the host name; a box of that name must not be there yet.
    ///
    /// # Errors
    /// [`ServerError::MissingImage`] where the image has not been built.
    pub fn boot(name: &str, image: &str) -> Result<Self, ServerError> {
        require_image(image)?;
        docker(["create", "--name", name, "--hostname", name])
            .args(CAPABILITIES.map(|capability| format!("--cap-add={capability}")))
            .args(CREATE_OPTIONS)
            // Releases that can be told no other address call this one.
            .arg(format!("--add-host=api.telegram.org:{}", lab_address()))
            .arg(image)
            .run()?
            .checked()?;
        // From here on a failure drops the value, and with it the container.
        let server = Self {
            name: name.to_owned(),
            keep: std::env::var_os("OCMIGRATE_LAB_KEEP").is_some_and(|value| value == "1"),
        };
        server.power_on()?;
        Ok(server)
    }

    /// Takes up a box that runs already; dropping the value leaves the box alone.
    pub fn attach(name: &str) -> Result<Self, ServerError> {
        docker([
            "inspect",
            "--type=container",
            "--format={{.State.Running}}",
            name,
        ])
        .run()?
        .checked()?;
        Ok(Self {
            name: name.to_owned(),
            keep: true,
        })
    }

    /// Returns the name of the container, which is the host name inside, too.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Leaves the box running when the value is dropped.
    pub fn keep(&mut self) {
        self.keep = true;
    }

    /// Removes the box and its volume.
    pub fn remove(mut self) -> Result<(), ServerError> {
        self.keep = true;
        remove(&self.name)
    }

    /// Runs a program in the box as root. A failing program is an [`Output`] with its status, no error.
    pub fn exec<S: AsRef<str>>(&self, arguments: &[S]) -> Result<Output, ServerError> {
        docker(["exec", &self.name])
            .args(arguments.iter().map(AsRef::as_ref))
            .run()
    }

    /// Runs a program as a user, in the home directory and with the environment of a login.
    pub fn exec_as<S: AsRef<str>>(
        &self,
        user: &str,
        arguments: &[S],
    ) -> Result<Output, ServerError> {
        docker(["exec", "--user", user, &self.name, "sh", "-c", LOGIN, "sh"])
            .args(arguments.iter().map(AsRef::as_ref))
            .run()
    }

    /// Runs a bash script in a login of a user, with a session of its own that ends with the script.
    ///
    /// What the script leaves in the background lives on, as after a connection that was closed.
    pub fn login(&self, user: &str, script: &str) -> Result<String, ServerError> {
        self.exec(&["su", "--login", user, "--command", script])?
            .checked()
    }

    /// Runs a bash script as root and returns what it printed; it stops at the first command that fails.
    ///
    /// # Errors
    /// [`ServerError::Failed`] with the script's standard error.
    pub fn shell(&self, script: &str) -> Result<String, ServerError> {
        self.exec(&["bash", "-euo", "pipefail", "-c", script])?
            .checked()
    }

    /// Runs a bash script as a user, like [`Server::shell`].
    pub fn shell_as(&self, user: &str, script: &str) -> Result<String, ServerError> {
        self.exec_as(user, &["bash", "-euo", "pipefail", "-c", script])?
            .checked()
    }

    /// Runs a `docker` command against the nested engine and returns what it printed.
    pub fn nested_docker(&self, arguments: &[&str]) -> Result<String, ServerError> {
        docker(["exec", &self.name, "docker"])
            .args(arguments)
            .run()?
            .checked()
    }

    /// Returns what the gateways logged, wherever they ran, and of what died with a container or a power cut nothing.
    pub fn gateway_logs(&self) -> Result<String, ServerError> {
        let script = "for container in $(docker ps --all --quiet); do docker logs --timestamps $container 2>&1; done; \
                      cat /tmp/openclaw/*.log /home/*/gateway*.log; journalctl --no-pager --output=cat; true";
        Ok(self.exec(&["bash", "-c", script])?.stdout)
    }

    /// Returns those of these marks whose message OpenClaw took in and dropped by itself.
    pub fn own_losses(&self, marks: &[String]) -> Result<Vec<String>, ServerError> {
        if marks.is_empty() {
            return Ok(Vec::new());
        }
        let logs = self.gateway_logs()?;
        let dropped = marks.iter().filter(|mark| is_dropped_at_start(&logs, mark));
        Ok(dropped.cloned().collect())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.keep {
            // A box that cannot be removed stays visible in `docker ps`; a test that passed is not failed by it.
            let _ = remove(&self.name);
        }
    }
}

fn remove(name: &str) -> Result<(), ServerError> {
    docker(["rm", "--force", "--volumes", name])
        .run()?
        .checked()
        .map(drop)
}

fn require_image(image: &str) -> Result<(), ServerError> {
    if docker(["image", "inspect", image]).run()?.is_success() {
        return Ok(());
    }
    Err(ServerError::MissingImage {
        image: image.to_owned(),
    })
}

//! Hands the host's loopback services that a group uses to its container, through sockets of files.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::confirm_native::Nothing;
use super::guard_boot::{refuse_foreign, write_unit};
use super::relay::SERVICES;
use super::{Context, Description, Drift, Kind, Result, Sign, StepError};
use crate::host::Ownership;
use crate::inventory::{UnitScope, UnitStarter};

/// What hands a socket's connections on to an address; systemd-socket-proxyd(8), a part of systemd.
const PROXY: &str = "/usr/lib/systemd/systemd-socket-proxyd";
const STOP_DEADLINE: Duration = Duration::from_secs(30);
/// How often, and after what pause, it is looked whether a socket listens.
const LOOKS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(100);

/// Writes for each service a socket unit of systemd, which listens on a file in the group's directory that only the
/// gateway's user may open, and a service unit that hands on to 127.0.0.1; both are there at every boot, by a drop-in of
/// `sockets.target`. In the container a relay listens on the same port of its own loopback address and hands on to the file.
///
/// `Before` holds nothing; files of those names that are not ours stop the step. Idempotent. Undo stops the units and
/// removes everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayServices {
    /// The group.
    pub group: String,
    /// The TCP ports of the services on 127.0.0.1, sorted.
    pub ports: Vec<u16>,
    /// The user who may open the files.
    pub uid: u32,
    /// That user's group.
    pub gid: u32,
    /// Where units of the system's manager lie.
    pub units: PathBuf,
}

impl Kind for RelayServices {
    type Before = Nothing;

    fn describe(&self) -> Description {
        let ports: Vec<_> = self
            .ports
            .iter()
            .map(|port| format!("127.0.0.1:{port}"))
            .collect();
        Description {
            id: "relay-services".to_owned(),
            sign: Sign::Add,
            what: format!("relay  {} of this host, by a socket unit each", ports.join(", ")),
            why: "inside the container that address is the container's own; a relay there listens on the same port".to_owned(),
            in_silence: false,
        }
    }

    fn capture(&self, context: &Context) -> Result<Nothing> {
        refuse_foreign(context, &self.files())?;
        if context.host.read(PROXY.as_ref())?.is_none() {
            return Err(StepError::unmet_with_hint(
                format!("`{PROXY}` is not there, which hands loopback services on"),
                "install systemd's socket proxy, or decide in the plan that the services are lost",
            ));
        }
        Ok(Nothing {})
    }

    fn apply(&self, _before: &Nothing, context: &Context) -> Result<()> {
        let root = Ownership::of_root(0o755);
        let directory = self.directory(context);
        context.host.make_directory(&directory, root)?;
        if let Some(parent) = self.wish().parent() {
            context.host.make_directory(parent, root)?;
        }
        for port in &self.ports {
            write_unit(
                context,
                &self.service_file(*port),
                &self.service_text(*port),
            )?;
            let text = self.socket_text(*port, context);
            write_unit(context, &self.socket_file(*port), &text)?;
        }
        write_unit(context, &self.wish(), &self.wish_text())?;
        for port in &self.ports {
            let socket = self.socket(*port);
            context.host.reload_units(&socket)?;
            context.host.start_unit(&socket)?;
            await_active(context, &socket)?;
        }
        Ok(())
    }

    fn undo(&self, _before: &Nothing, context: &Context) -> Result<()> {
        // The wish first, so that a boot in between starts none; the socket before what it starts.
        context.host.remove(&self.wish())?;
        if let Some(parent) = self.wish().parent() {
            context.host.remove_empty_directory(parent)?;
        }
        for port in &self.ports {
            let (socket, service) = (self.socket(*port), self.service(*port));
            context.host.stop_unit(&socket, STOP_DEADLINE)?;
            context.host.stop_unit(&service, STOP_DEADLINE)?;
            context.host.remove(&socket.file)?;
            context.host.remove(&service.file)?;
            context.host.reload_units(&socket)?;
        }
        // A boot that was cut off leaves the files that the sockets listened on.
        Ok(context.host.remove_tree(&self.directory(context))?)
    }

    fn verify(&self, _before: &Nothing, context: &Context) -> Result<Vec<Drift>> {
        let mut drifts = Vec::new();
        for port in &self.ports {
            let socket = self.socket(*port);
            if context.host.unit(&socket)?.active != "active" {
                drifts.push(Drift::new(
                    format!(
                        "unit `{}` does not listen: the agents do not reach 127.0.0.1:{port}",
                        socket.name
                    ),
                    format!("systemctl start {}", socket.name),
                ));
            }
        }
        if context.host.read(&self.wish())?.is_none() {
            drifts.push(Drift::new(
                format!(
                    "`{}` is gone: no relay after a boot",
                    crate::display::path(&self.wish())
                ),
                "ocmigrate rollback, then execute again",
            ));
        }
        Ok(drifts)
    }
}

impl RelayServices {
    fn name(&self, port: u16, kind: &str) -> String {
        format!("ocmigrate-relay-{}-{port}.{kind}", self.group)
    }

    fn unit(&self, port: u16, kind: &str) -> UnitStarter {
        let name = self.name(port, kind);
        UnitStarter {
            file: self.units.join(&name),
            name,
            scope: UnitScope::System,
            enablement: "static".to_owned(),
        }
    }

    fn socket(&self, port: u16) -> UnitStarter {
        self.unit(port, "socket")
    }

    fn service(&self, port: u16) -> UnitStarter {
        self.unit(port, "service")
    }

    fn socket_file(&self, port: u16) -> PathBuf {
        self.socket(port).file
    }

    fn service_file(&self, port: u16) -> PathBuf {
        self.service(port).file
    }

    /// A drop-in does what enabling would do, and is one file; systemd.unit(5).
    fn wish(&self) -> PathBuf {
        let name = format!("50-ocmigrate-relay-{}.conf", self.group);
        self.units.join("sockets.target.d").join(name)
    }

    fn files(&self) -> Vec<PathBuf> {
        let ports = self.ports.iter();
        let mut files: Vec<_> = ports
            .flat_map(|port| [self.socket_file(*port), self.service_file(*port)])
            .collect();
        files.push(self.wish());
        files
    }

    /// Where the sockets are, as the host names it; the container sees it below its group's files.
    fn directory(&self, context: &Context) -> PathBuf {
        context.paths.group_etc(&self.group).join(SERVICES)
    }

    /// systemd.socket(5).
    fn socket_text(&self, port: u16, context: &Context) -> String {
        let Self {
            group, uid, gid, ..
        } = self;
        let file = self.directory(context).join(format!("{port}.sock"));
        format!(
            "[Unit]\n\
             Description=ocmigrate: 127.0.0.1:{port} of this host for group {group}\n\n\
             [Socket]\n\
             ListenStream={}\n\
             SocketUser={uid}\n\
             SocketGroup={gid}\n\
             SocketMode=0600\n\
             RemoveOnStop=yes\n",
            file.display()
        )
    }

    fn service_text(&self, port: u16) -> String {
        let (group, socket) = (&self.group, self.name(port, "socket"));
        format!(
            "[Unit]\n\
             Description=ocmigrate: hands group {group} on to 127.0.0.1:{port}\n\
             Requires={socket}\n\
             After={socket}\n\n\
             [Service]\n\
             Type=notify\n\
             ExecStart={PROXY} 127.0.0.1:{port}\n\
             DynamicUser=yes\n"
        )
    }

    fn wish_text(&self) -> String {
        let names: Vec<_> = self
            .ports
            .iter()
            .map(|port| self.name(*port, "socket"))
            .collect();
        format!("[Unit]\nWants={}\n", names.join(" "))
    }
}

/// Waits until a socket listens; it does so at once, or not at all.
fn await_active(context: &Context, socket: &UnitStarter) -> Result<()> {
    for _ in 0..LOOKS {
        match context.host.unit(socket)?.active.as_str() {
            "active" => return Ok(()),
            "failed" => break,
            _ => context.host.sleep(PAUSE),
        }
    }
    Err(StepError::unmet_with_hint(
        format!("unit `{}` does not come to listen", socket.name),
        format!("systemctl status {}", socket.name),
    ))
}

//! The drivers: each does one piece of ocmigrate's work in a process of its own, and says what it did and its peak of memory.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Subcommand;
use ocmigrate::docker::{self, Docker as _, DockerSocket, ImageSpec, LayerEntry};
use ocmigrate::host::reader::{Glance, ProcessDetails, Reader};
use ocmigrate::host::{self, Host as _, OwnerChange, RealHost};
use ocmigrate::inventory::ProcessId;
use ocmigrate::openclaw::layout::is_candidate;

use crate::Outcome;
use crate::measure::{Argv, Said};
use crate::rows;

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Drive {
    /// Find the processes that could be gateways, with their details
    #[command(hide = true, name = "drive-processes")]
    Processes,
    /// Find which of these processes listen
    #[command(hide = true, name = "drive-sockets")]
    Sockets { pids: Vec<i32> },
    /// Plan for an inventory
    #[command(hide = true, name = "drive-plan")]
    Plan { inventory: PathBuf },
    /// Count a tree
    #[command(hide = true, name = "drive-census")]
    Census { root: PathBuf, owner: u32 },
    /// Note whose a tree is, durably, and give it to a user
    #[command(hide = true, name = "drive-give")]
    Give {
        root: PathBuf,
        owner: u32,
        manifest: PathBuf,
    },
    /// Give a tree back
    #[command(hide = true, name = "drive-give-back")]
    GiveBack { manifest: PathBuf },
    /// Write the tar of a tree into a pipe
    #[command(hide = true, name = "drive-tar")]
    Tar { root: PathBuf },
    /// Make an image of a base and a tree
    #[command(hide = true, name = "drive-image")]
    Image {
        root: PathBuf,
        base: String,
        reference: String,
    },
}

/// Returns the argv that runs a driver.
pub(crate) fn argv<const N: usize>(verb: &str, arguments: [String; N]) -> Outcome<Argv> {
    let own = std::env::current_exe()?;
    let own = own.to_str().ok_or("the bench's own path is not UTF-8")?;
    // A row may have the name of what it drives.
    let start = [own.to_owned(), format!("drive-{verb}")];
    Ok(start.into_iter().chain(arguments).collect())
}

impl Drive {
    /// Does the work and says what it was.
    pub(crate) fn run(self) -> Outcome {
        let count = match self {
            Self::Processes => processes(),
            Self::Sockets { pids } => sockets(&pids),
            Self::Plan { inventory } => rows::plan::plan(&inventory)?,
            Self::Census { root, owner } => census(&[root], owner)?,
            Self::Give {
                root,
                owner,
                manifest,
            } => give(root, owner, manifest)?,
            Self::GiveBack { manifest } => RealHost::new().restore_owners(&manifest)?.changed,
            Self::Tar { root } => tar(&root)?,
            Self::Image {
                root,
                base,
                reference,
            } => image(root, base, reference)?,
        };
        let said = Said {
            count,
            peak_kib: peak_kib(),
        };
        writeln!(io::stdout().lock(), "{}", serde_json::to_string(&said)?)?;
        Ok(())
    }
}

fn processes() -> u64 {
    let reader = Reader::new();
    let mut glances = reader.glance();
    glances.retain(|glance: &Glance| is_candidate(&glance.name));
    let is_held = |details: &&ProcessDetails| !details.sockets.is_empty();
    reader.details(&glances).iter().filter(is_held).count() as u64
}

fn sockets(pids: &[i32]) -> u64 {
    let reader = Reader::new();
    let listeners = reader.listeners();
    let listens = |pid: &&i32| {
        let id = ProcessId {
            pid: **pid,
            start_ticks: 0,
        };
        let held = reader.sockets(id);
        listeners.iter().any(|it| held.contains(&it.inode))
    };
    pids.iter().filter(listens).count() as u64
}

fn census(roots: &[PathBuf], owner: u32) -> Outcome<u64> {
    let ground = host::Ground {
        roots,
        inside: Vec::new(),
        owner: (owner, owner),
    };
    Ok(host::census(&ground, &|_| {})?.entries)
}

fn give(root: PathBuf, owner: u32, manifest: PathBuf) -> Outcome<u64> {
    let change = OwnerChange {
        roots: vec![root],
        uid: owner,
        gid: owner,
        manifest,
    };
    Ok(RealHost::new().change_owners(&change)?.changed)
}

fn tar(root: &Path) -> Outcome<u64> {
    let entries = [LayerEntry::Tree { path: root.into() }];
    let mut reader = Command::new("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    let pipe = reader.stdin.take().ok_or("no pipe")?;
    docker::write_tar(&entries, pipe)?;
    reader.wait()?;
    Ok(1)
}

fn image(root: PathBuf, base: String, reference: String) -> Outcome<u64> {
    let spec = ImageSpec {
        reference,
        base,
        entries: vec![LayerEntry::Tree { path: root }],
        labels: [("ocmigrate.bench".to_owned(), "1".to_owned())].into(),
    };
    DockerSocket::connect()?.make_image(&spec, &|_, _| {})?;
    Ok(1)
}

/// The peak of this process; `VmHWM` of `proc_pid_status(5)`.
fn peak_kib() -> u64 {
    let own = ProcessId {
        pid: std::process::id().cast_signed(),
        start_ticks: 0,
    };
    Reader::new().peak(own).map_or(0, |peak| peak.0 / 1024)
}

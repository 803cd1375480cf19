//! Which installed OpenClaw a gateway runs: found by the scripts that its processes name, read from its `package.json`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::sighting::Sighting;
use crate::host::reader::Reader;
use crate::inventory::Release;
use crate::openclaw::release::parse_package;

/// How far above a script its package's root may be: `ROOT/dist/process/spawn-broker/worker.js` is four.
const HEIGHT: usize = 6;
/// The command, under the names that it had.
const COMMANDS: [&str; 3] = ["openclaw", "clawdbot", "moltbot"];

/// Finds the release; `None` where it cannot be told, never a guess.
///
/// A title hides the arguments of `openclaw gateway run`, so its helpers are asked too, then the unit, and last the
/// `PATH` that the gateway was started with.
pub(super) fn release(reader: &Reader, sighting: &Sighting) -> Option<Release> {
    let absolute = scripts(sighting).filter(|path| path.is_absolute());
    let mut there = absolute.filter(|path| reader.kind(path).is_some());
    let (package, version) = there.find_map(|script| package(reader, &reader.resolve(&script)))?;
    Some(Release {
        version: crate::display::text(&version),
        package,
        node: node(reader, sighting)?,
    })
}

/// Returns the paths that may be OpenClaw's scripts, the surest first.
fn scripts(sighting: &Sighting) -> impl Iterator<Item = PathBuf> {
    let family = sighting.family.iter();
    let processes = family.flat_map(|family| [&family.main].into_iter().chain(&family.helpers));
    let arguments = processes
        .flat_map(|process| &process.arguments)
        .map(PathBuf::from);
    let launch = sighting.launch.iter();
    let launch = launch
        .flat_map(|launch| &launch.command.words)
        .map(PathBuf::from);
    let path = sighting.variables.get("PATH").map_or("", String::as_str);
    let commands =
        std::env::split_paths(path).flat_map(|directory| COMMANDS.map(|name| directory.join(name)));
    arguments.chain(launch).chain(commands)
}

fn package(reader: &Reader, script: &Path) -> Option<(PathBuf, String)> {
    let directories = script.ancestors().skip(1).take(HEIGHT);
    directories.into_iter().find_map(|directory| {
        let text = reader.file(&directory.join("package.json")).ok()??;
        Some((directory.to_path_buf(), parse_package(&text)?.version))
    })
}

/// Returns the node binary: that of the process, or the one that the command of its start names.
fn node(reader: &Reader, sighting: &Sighting) -> Option<PathBuf> {
    let running = sighting
        .family
        .as_ref()
        .and_then(|family| family.main.executable.clone());
    let is_node = |path: &PathBuf| {
        let names = ["node", "nodejs", "bun"].map(OsStr::new);
        path.file_name().is_some_and(|name| names.contains(&name))
    };
    let planned = || {
        let mut words = sighting.launch.as_ref()?.command.words.iter();
        words
            .find(|word| is_node(&PathBuf::from(word)))
            .map(PathBuf::from)
    };
    Some(reader.resolve(&running.or_else(planned)?)).filter(is_node)
}

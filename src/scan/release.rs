//! Which installed OpenClaw a gateway runs: found by the scripts that its processes name, read from its `package.json`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::sighting::Sighting;
use crate::host::reader::Reader;
use crate::inventory::Release;
use crate::openclaw::release::{Package, parse_package};

/// How far above a script its package's root may be: `ROOT/dist/process/spawn-broker/worker.js` is four.
const HEIGHT: usize = 6;
/// The command, under the names that it had.
const COMMANDS: [&str; 3] = ["openclaw", "clawdbot", "moltbot"];

/// The first line of a script that asks for the node of the `PATH`.
const ENV_NODE: &[u8] = b"#!/usr/bin/env node";
/// The `PATH` of services whose unit sets none; systemd.exec(5), "Environment Variables".
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Finds the release; `None` where it cannot be told, never a guess.
///
/// A title hides the arguments of `openclaw gateway run`, so its helpers are asked too, then the unit, and last the
/// `PATH` that the gateway was started with.
pub(super) fn release(reader: &Reader, sighting: &Sighting) -> Option<Release> {
    let absolute = scripts(sighting).filter(|path| path.is_absolute());
    let mut there = absolute.filter(|path| reader.kind(path).is_some());
    let (script, (directory, package)) = there.find_map(|script| {
        let found = package(reader, &reader.resolve(&script))?;
        Some((script, found))
    })?;
    Some(Release {
        version: crate::display::text(&package.version),
        node: node(reader, sighting, &script)?,
        modules: modules(reader, &directory, &package.dependencies),
        package: directory,
    })
}

/// Returns the paths that may be OpenClaw's scripts, the surest first.
fn scripts(sighting: &Sighting) -> impl Iterator<Item = PathBuf> {
    let family = sighting.family.iter();
    let processes = family.flat_map(|family| [&family.main].into_iter().chain(&family.helpers));
    // `node dist/index.js` is meant from the directory of the start.
    let here = |word: &OsStr| is_path(word).then(|| sighting.directory.join(word));
    let arguments = processes
        .flat_map(|process| &process.arguments)
        .filter_map(move |argument| here(argument));
    let launch = sighting.launch.iter();
    let launch = launch
        .flat_map(|launch| &launch.command.words)
        .filter_map(move |word| here(word.as_ref()));
    let path = sighting.variables.get("PATH").map_or("", String::as_str);
    let commands =
        std::env::split_paths(path).flat_map(|directory| COMMANDS.map(|name| directory.join(name)));
    arguments.chain(launch).chain(commands)
}

/// Whether a word names a file, not a command or a name.
fn is_path(word: &OsStr) -> bool {
    let ends = Path::new(word).extension().and_then(OsStr::to_str);
    word.as_bytes().contains(&b'/') || ends.is_some_and(|it| ["js", "mjs", "cjs"].contains(&it))
}

fn package(reader: &Reader, script: &Path) -> Option<(PathBuf, Package)> {
    let directories = script.ancestors().skip(1).take(HEIGHT);
    directories.into_iter().find_map(|directory| {
        let text = reader.file(&directory.join("package.json")).ok()??;
        Some((directory.to_path_buf(), parse_package(&text)?))
    })
}

/// Returns the outermost `node_modules` around a package that does not hold all that it depends on itself, where something
/// of that stands beside it. With pnpm what stands beside is links to what lies elsewhere in the outermost one.
fn modules(reader: &Reader, package: &Path, dependencies: &[String]) -> Option<PathBuf> {
    let is_modules = |path: &&Path| path.file_name() == Some(OsStr::new("node_modules"));
    let beside = package.parent().filter(is_modules)?;
    let is_there = |path: PathBuf| reader.kind(&path).is_some();
    let own = package.join("node_modules");
    let mut lent = dependencies.iter().filter(|name| !is_there(own.join(name)));
    let is_lent = lent.any(|name| is_there(beside.join(name)));
    let outermost = package.ancestors().filter(is_modules).last();
    outermost.filter(|_| is_lent).map(Path::to_owned)
}

/// Returns the node binary: that of the process, or the one that the command of its start names, or the one that the script's
/// first line, `#!/usr/bin/env node`, would find.
fn node(reader: &Reader, sighting: &Sighting, script: &Path) -> Option<PathBuf> {
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
    let found = || {
        let path = sighting.variables.get("PATH").map_or(PATH, String::as_str);
        let mut there = std::env::split_paths(path).map(|it| it.join("node"));
        let asks = reader.head(script, ENV_NODE.len() as u64).ok()??;
        (asks == ENV_NODE).then(|| there.find(|path| reader.kind(path).is_some()))?
    };
    let node = running.or_else(planned).or_else(found)?;
    Some(reader.resolve(&node)).filter(is_node)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests install a package")]
mod tests {
    use super::*;
    use crate::scan::sighting::tests::at_rest;

    const PACKAGE: &str = ".nvm/lib/node_modules/openclaw";

    /// Tells the release and the node of a gateway at rest, below its home.
    fn told(unit: &str, script: &str) -> Option<String> {
        let found = found(unit, script, &[])?;
        Some(format!("{} {} {}", found.0, found.1, found.2))
    }

    /// Returns the version, the package, the node and the modules of a gateway at rest, with these files beside the package.
    fn found(unit: &str, script: &str, more: &[&str]) -> Option<(String, String, String, String)> {
        let home = tempfile::tempdir().expect("a directory");
        let home = std::fs::canonicalize(home.path()).map(|it| (it, home));
        let (path, _kept) = home.expect("resolved");
        let write = |name: &str, text: &str| {
            let file = path.join(name);
            std::fs::create_dir_all(file.parent().expect("a parent")).expect("made");
            std::fs::write(file, text).expect("written");
        };
        let package = r#"{"name": "openclaw", "version": "2026.5.28", "dependencies": {"@grammyjs/runner": "1", "ws": "8"}}"#;
        write(&format!("{PACKAGE}/package.json"), package);
        write(&format!("{PACKAGE}/openclaw.mjs"), script);
        write(".nvm/bin/node", "");
        for name in more {
            write(name, "");
        }
        let target = "../lib/node_modules/openclaw/openclaw.mjs";
        std::os::unix::fs::symlink(target, path.join(".nvm/bin/openclaw")).expect("linked");
        let found = release(&Reader::new(), &at_rest(&path, unit))?;
        let below = |it: &Path| it.strip_prefix(&path).map(|it| it.display().to_string());
        let modules = found.modules.as_deref().map(below);
        let modules = modules.map_or(Some(String::new()), Result::ok)?;
        let (package, node) = (below(&found.package).ok()?, below(&found.node).ok()?);
        Some((found.version, package, node, modules))
    }

    #[test]
    fn modules_that_stand_beside_the_package_belong_to_the_release() {
        let unit = "[Service]\nExecStart=%h/.nvm/bin/node %h/.nvm/bin/openclaw gateway run\n";
        let modules = |more: &[&str]| found(unit, "import {}", more).map(|found| found.3);
        let own = [
            ".nvm/lib/node_modules/openclaw/node_modules/ws/package.json",
            ".nvm/lib/node_modules/openclaw/node_modules/@grammyjs/runner/package.json",
        ];
        let foreign = ".nvm/lib/node_modules/npm/package.json";
        let lent = ".nvm/lib/node_modules/@grammyjs/runner/package.json";
        let all = Some(".nvm/lib/node_modules".to_owned());
        assert_eq!(modules(&[own[0], own[1], lent]), Some(String::new()));
        assert_eq!(modules(&[own[0], foreign]), Some(String::new()));
        assert_eq!(modules(&[own[0], lent]), all);
    }

    #[test]
    fn a_launcher_runs_under_the_node_that_its_first_line_finds() {
        let unit = "[Service]\nEnvironment=PATH=%h/none:%h/.nvm/bin\nExecStart=%h/.nvm/bin/openclaw gateway run\n";
        let found = told(unit, "#!/usr/bin/env node\n\nimport {}");
        let expected = format!("2026.5.28 {PACKAGE} .nvm/bin/node");
        assert_eq!(found.as_deref(), Some(expected.as_str()));
        assert_eq!(told(unit, "import {}"), None);
        let relative = "[Service]\nWorkingDirectory=%h\n\
                        ExecStart=%h/.nvm/bin/node .nvm/lib/node_modules/openclaw/openclaw.mjs gateway run\n";
        assert_eq!(told(relative, "import {}").as_ref(), Some(&expected));
        let named = "[Service]\nExecStart=%h/.nvm/bin/node %h/.nvm/bin/openclaw gateway run\n";
        assert_eq!(told(named, "import {}"), Some(expected));
    }
}

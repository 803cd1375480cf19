//! Runs what the image holds once, before anything depends on it: libraries, programs, versions.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::confirm_native::Nothing;
use super::throwaway::{empty, remove_leftover, throwaway};
use super::{Context, Description, Drift, Kind, Result, Sign, StepError};
use crate::docker::ContainerSpec;

const SCRIPT: &str = include_str!("check_image.sh");
/// A first look into a cold layer was seen to take 52 s.
const DEADLINE: Duration = Duration::from_mins(4);
/// A module for another C library; packages carry several builds and load the one that fits. musl names its library so.
const OTHER_LIBC: &str = "libc.musl-";

/// Looks in a throwaway container of the image whether node and every native module of OpenClaw find their libraries,
/// whether the programs are there that the container needs, and whether both say their versions.
///
/// Changes nothing; `Before` holds nothing, undo removes a container that a crash left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckImage {
    /// The path of node.
    pub node: String,
    /// The directory of OpenClaw.
    pub package: String,
    /// The release that must answer.
    pub version: String,
    /// HOME, which is empty here.
    pub home: PathBuf,
    /// The container to be.
    pub container: ContainerSpec,
}

impl Kind for CheckImage {
    type Before = Nothing;

    fn describe(&self) -> Description {
        Description {
            id: "check-image".to_owned(),
            sign: Sign::Look,
            what: format!(
                "image  node and OpenClaw {} answer in it, no library is missing",
                self.version
            ),
            why: "what the image lacks shows here, and not when the bots are silent".to_owned(),
            in_silence: false,
        }
    }

    fn capture(&self, _context: &Context) -> Result<Nothing> {
        Ok(Nothing {})
    }

    fn apply(&self, _before: &Nothing, context: &Context) -> Result<()> {
        (context.say)("image: looking for its libraries");
        let output = context.docker.run_once(&self.once(), DEADLINE)?;
        let said = String::from_utf8_lossy(&output.stdout);
        match find_lack(&said, &self.version) {
            None => Ok(()),
            Some(lack) => Err(StepError::unmet_with_hint(
                format!("image `{}` {lack}", self.container.image),
                "name a base that has it: ocmigrate plan --base IMAGE",
            )),
        }
    }

    fn undo(&self, _before: &Nothing, context: &Context) -> Result<()> {
        remove_leftover(context, &self.once())
    }

    fn verify(&self, _before: &Nothing, _context: &Context) -> Result<Vec<Drift>> {
        Ok(Vec::new())
    }
}

impl CheckImage {
    fn once(&self) -> ContainerSpec {
        let argv = ["/bin/sh", "-c", SCRIPT, "check", &self.node, &self.package];
        let argv = argv.map(str::to_owned).to_vec();
        let mounts = vec![empty(&self.home)];
        let environment = vec![format!("HOME={}", crate::display::path(&self.home))];
        ContainerSpec {
            environment,
            ..throwaway(&self.container, "check", argv, mounts)
        }
    }
}

/// Returns what an image lacks, by what the script said of it.
fn find_lack(said: &str, version: &str) -> Option<String> {
    let mut libraries: BTreeMap<&str, &str> = BTreeMap::new();
    let mut versions = BTreeMap::new();
    for line in said.lines() {
        match line.split_once(' ') {
            Some(("program", name)) => {
                return Some(format!(
                    "lacks the program `{}`",
                    crate::display::text(name)
                ));
            }
            Some(("library", rest)) => {
                let (library, file) = rest.split_once(' ').unwrap_or((rest, ""));
                if !library.starts_with(OTHER_LIBC) {
                    libraries.entry(library).or_insert(file);
                }
            }
            Some((program @ ("node" | "openclaw"), said)) => {
                versions.insert(program, said);
            }
            _ => {}
        }
    }
    if !libraries.is_empty() {
        return Some(lacks_libraries(&libraries));
    }
    let is_node = versions
        .get("node")
        .is_some_and(|said| said.starts_with('v'));
    let is_openclaw = versions
        .get("openclaw")
        .is_some_and(|said| said.split_whitespace().any(|word| word == version));
    match (is_node, is_openclaw) {
        (false, _) => Some("cannot run node".to_owned()),
        (_, false) => Some(format!("does not run OpenClaw {version}")),
        _ => None,
    }
}

fn lacks_libraries(libraries: &BTreeMap<&str, &str>) -> String {
    let named: Vec<_> = libraries
        .iter()
        .map(|(library, file)| {
            let (library, file) = (crate::display::text(library), crate::display::text(file));
            format!("{library} for `{file}`")
        })
        .collect();
    format!("lacks {}", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::find_lack;

    const VERSIONS: &str = "node v26.10.0\nopenclaw OpenClaw 2026.9.6 (eb377ac)\n";

    #[test]
    fn an_image_that_answers_lacks_nothing() {
        assert_eq!(find_lack(VERSIONS, "2026.9.6"), None);
        assert_eq!(
            find_lack("node v22.1.0\nopenclaw 2026.2.9\n", "2026.2.9"),
            None
        );
    }

    #[test]
    fn a_module_for_another_libc_is_not_missed() {
        let said = format!("library libc.musl-x86_64.so.1 /a/koffi.node\n{VERSIONS}");
        assert_eq!(find_lack(&said, "2026.9.6"), None);
    }

    #[test]
    fn what_is_missing_is_named_with_what_needs_it() {
        let said = "library libatomic.so.1 /usr/bin/node\nlibrary libatomic.so.1 /b.node\nnode \nopenclaw \n";
        let lack = find_lack(said, "2026.9.6");
        assert_eq!(
            lack.as_deref(),
            Some("lacks libatomic.so.1 for `/usr/bin/node`")
        );
        let lack = find_lack(&format!("program ldd\n{VERSIONS}"), "2026.9.6");
        assert_eq!(lack.as_deref(), Some("lacks the program `ldd`"));
    }

    #[test]
    fn another_release_or_none_does_not_pass() {
        let lack = find_lack(VERSIONS, "2026.9.7");
        assert_eq!(lack.as_deref(), Some("does not run OpenClaw 2026.9.7"));
        assert_eq!(
            find_lack("", "2026.9.6").as_deref(),
            Some("cannot run node")
        );
    }
}

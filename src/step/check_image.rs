//! Runs what the image holds once, before anything depends on it: libraries, programs, versions.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::confirm_native::Nothing;
use super::throwaway::{empty, remove_leftover, shown, throwaway};
use super::{Context, Description, Drift, Kind, Result, Sign, StepError};
use crate::docker::ContainerSpec;
use crate::inventory::User;

const SCRIPT: &str = include_str!("check_image.sh");
/// A first look into a cold layer was seen to take 52 s.
const DEADLINE: Duration = Duration::from_mins(4);
/// Where the script finds its programs on the host, as in a container; environ(7).
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// A module for another C library; packages carry several builds and load the one that fits. musl names its library so.
const OTHER_LIBC: &str = "libc.musl-";

/// Looks in a throwaway container of the image whether node and every native module of OpenClaw find their libraries,
/// whether the programs are there that the container needs, and whether both say their versions. What the host lacks too
/// is no fault of the image: it is looked for there, as the gateway's user, once something is missing.
///
/// Changes nothing; `Before` holds nothing, undo removes a container that a crash left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckImage {
    /// The path of node.
    pub node: String,
    /// The directory of OpenClaw.
    pub package: String,
    /// The directory of all modules that it loads; empty in older lists of steps, which have them in `package`.
    #[serde(default)]
    pub modules: String,
    /// The release that must answer.
    pub version: String,
    /// HOME, which is empty here but for the runtime.
    pub home: PathBuf,
    /// What of node and OpenClaw lies below HOME, where the container sees that of the host.
    #[serde(default)]
    pub runtime: Vec<PathBuf>,
    /// The gateway's user; older lists of steps do not name it, and what the host lacks counts there.
    #[serde(default)]
    pub user: Option<User>,
    /// Whether the image was given, so that no step makes it.
    #[serde(default)]
    pub is_given: bool,
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

    fn capture(&self, context: &Context) -> Result<Nothing> {
        let image = &self.container.image;
        if self.is_given && context.docker.find_image(image)?.is_none() {
            return Err(StepError::unmet_with_hint(
                format!("the image `{image}` is not on this host"),
                format!("docker pull {image}"),
            ));
        }
        Ok(Nothing {})
    }

    fn apply(&self, _before: &Nothing, context: &Context) -> Result<()> {
        (context.say)("image: looking for its libraries");
        let output = context.docker.run_once(&self.once(), DEADLINE)?;
        let mut said = Said::of(&output.stdout);
        if said.lacks_anything() {
            said.forget_what_lacks_in(&self.host(context)?);
        }
        match said.find_fault(&self.version) {
            None => Ok(()),
            Some(fault) => Err(StepError::unmet_with_hint(
                format!("image `{}` {fault}", self.container.image),
                self.remedy(),
            )),
        }
    }

    fn undo(&self, _before: &Nothing, context: &Context) -> Result<()> {
        remove_leftover(context, &self.once())
    }

    /// One that this tool made is told of by the step that makes it.
    fn verify(&self, _before: &Nothing, context: &Context) -> Result<Vec<Drift>> {
        let image = &self.container.image;
        let is_gone = self.is_given && context.docker.find_image(image)?.is_none();
        let drift = || {
            Drift::new(
                format!("image `{image}` is gone"),
                format!("docker pull {image}"),
            )
        };
        Ok(is_gone.then(drift).into_iter().collect())
    }
}

impl CheckImage {
    fn once(&self) -> ContainerSpec {
        let mut mounts = vec![empty(&self.home)];
        mounts.extend(self.runtime.iter().map(|path| shown(path, path)));
        let environment = vec![format!("HOME={}", crate::display::path(&self.home))];
        ContainerSpec {
            environment,
            ..throwaway(&self.container, "check", self.argv(), mounts)
        }
    }

    /// Asks the host what it lacks. Its modules may be the user's own, and so is who looks at them.
    fn host(&self, context: &Context) -> Result<Said> {
        let Some(user) = &self.user else {
            return Ok(Said::default());
        };
        let argv: Vec<OsString> = self.argv().into_iter().map(OsString::from).collect();
        let environment = [("PATH".into(), PATH.into())];
        let output = context.host.run_as(user, &argv, &environment, DEADLINE)?;
        Ok(Said::of(&output.stdout))
    }

    fn remedy(&self) -> String {
        if !self.is_given {
            return "name a base that has it: ocmigrate plan --base IMAGE".to_owned();
        }
        format!(
            "give an image with node at `{}` and OpenClaw {} at `{}`, or plan one from this host",
            crate::display::text(&self.node),
            self.version,
            crate::display::text(&self.package)
        )
    }

    fn argv(&self) -> Vec<String> {
        let Self { node, package, .. } = self;
        let modules = Some(&self.modules).filter(|it| !it.is_empty());
        let modules = modules.unwrap_or(package);
        let argv = ["/bin/sh", "-c", SCRIPT, "check", node, package, modules];
        argv.map(str::to_owned).to_vec()
    }
}

/// What the script said.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    /// The programs that are not there.
    programs: Vec<String>,
    /// The libraries that are not there, each with the first file that needs it.
    libraries: BTreeMap<String, String>,
    node: String,
    openclaw: String,
}

impl Said {
    fn of(output: &[u8]) -> Self {
        let mut said = Self::default();
        for line in String::from_utf8_lossy(output).lines() {
            match line.split_once(' ') {
                Some(("program", name)) => said.programs.push(name.to_owned()),
                Some(("library", rest)) => {
                    let (library, file) = rest.split_once(' ').unwrap_or((rest, ""));
                    if !library.starts_with(OTHER_LIBC) {
                        let entry = said.libraries.entry(library.to_owned());
                        entry.or_insert_with(|| file.to_owned());
                    }
                }
                Some(("node", version)) => version.clone_into(&mut said.node),
                Some(("openclaw", version)) => version.clone_into(&mut said.openclaw),
                _ => {}
            }
        }
        said
    }

    fn lacks_anything(&self) -> bool {
        !self.programs.is_empty() || !self.libraries.is_empty()
    }

    /// Leaves out what another lacks too.
    fn forget_what_lacks_in(&mut self, other: &Self) {
        self.programs.retain(|it| !other.programs.contains(it));
        self.libraries
            .retain(|library, _| !other.libraries.contains_key(library));
    }

    /// Returns what is wrong with an image of which this was said.
    fn find_fault(&self, version: &str) -> Option<String> {
        if let Some(name) = self.programs.first() {
            let name = crate::display::text(name);
            return Some(format!("lacks the program `{name}`"));
        }
        if !self.libraries.is_empty() {
            return Some(lacks_libraries(&self.libraries));
        }
        if !self.node.starts_with('v') {
            return Some("cannot run node".to_owned());
        }
        let mut words = self.openclaw.split_whitespace();
        let is_it = words.any(|word| word == version);
        (!is_it).then(|| format!("does not run OpenClaw {version}"))
    }
}

fn lacks_libraries(libraries: &BTreeMap<String, String>) -> String {
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
    use super::Said;

    fn find_lack(said: &str, version: &str) -> Option<String> {
        Said::of(said.as_bytes()).find_fault(version)
    }

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
    fn what_the_host_lacks_too_is_no_fault_of_the_image() {
        let lack = |image: &str, host: &str| {
            let mut said = Said::of(format!("{image}{VERSIONS}").as_bytes());
            said.forget_what_lacks_in(&Said::of(host.as_bytes()));
            said.find_fault("2026.9.6")
        };
        let (vips, atomic) = (
            "library libvips.so.42 /a.node\n",
            "library libatomic.so.1 /b.node\n",
        );
        assert_eq!(lack(vips, vips), None);
        assert_eq!(lack("program ldd\n", "program ldd\n"), None);
        let both = format!("{vips}{atomic}");
        let told = lack(&both, vips);
        assert_eq!(told.as_deref(), Some("lacks libatomic.so.1 for `/b.node`"));
        assert!(lack(vips, "program ldd\n").is_some());
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

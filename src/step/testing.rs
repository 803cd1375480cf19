//! What tests of single steps share.

use std::path::Path;

use super::{Context, Paths};
use crate::docker::fake::FakeDocker;
use crate::host::fake::FakeHost;
use crate::secret::Hasher;

/// Hands a context over: this machine, an engine without containers, and who hears what is said.
pub(super) fn with_context<R>(
    host: &FakeHost,
    say: &dyn Fn(&str),
    act: impl FnOnce(&Context) -> R,
) -> R {
    let (docker, hasher) = (FakeDocker::new(), Hasher::for_machine("step"));
    let paths = Paths::installed(Path::new("/var/lib/ocmigrate"));
    act(&Context {
        host,
        docker: &docker,
        hasher: &hasher,
        paths: &paths,
        say,
    })
}

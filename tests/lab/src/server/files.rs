//! What goes into a box and what is kept of it.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::command::docker;
use super::{Server, ServerError};

/// Returns where `scripts/lab-image` puts the archive of [`super::BASE_IMAGE`].
#[must_use]
pub fn base_image_tar() -> PathBuf {
    let cache = std::env::var_os("OCMIGRATE_CACHE")
        .map_or_else(|| PathBuf::from("/var/cache/ocmigrate"), PathBuf::from);
    cache.join("base-image.tar")
}

impl Server {
    /// Copies a file or a directory of the machine into the box, owned by root.
    ///
    /// Not below `/tmp` and `/run`: the engine copies under a mount of those, where nobody sees it.
    pub fn copy_in(&self, from: &Path, to: &str) -> Result<(), ServerError> {
        docker(["cp"])
            .arg(from)
            .arg(format!("{}:{to}", self.name))
            .run()?
            .checked()
            .map(drop)
    }

    /// Writes a file with the owner and the octal mode given; its directory has to be there.
    pub fn write_file(
        &self,
        path: &str,
        content: &[u8],
        owner: &str,
        mode: &str,
    ) -> Result<(), ServerError> {
        docker([
            "exec",
            "--interactive",
            &self.name,
            "install",
            "--no-target-directory",
        ])
        .args([
            "--owner",
            owner,
            "--group",
            owner,
            "--mode",
            mode,
            "/dev/stdin",
            path,
        ])
        .bytes_in(content)
        .run()?
        .checked()
        .map(drop)
    }

    /// Makes a directory with the owner and the octal mode given; missing parents belong to root.
    pub fn make_directory(&self, path: &str, owner: &str, mode: &str) -> Result<(), ServerError> {
        let arguments = [
            "install",
            "--directory",
            "--owner",
            owner,
            "--group",
            owner,
            "--mode",
            mode,
            path,
        ];
        self.exec(&arguments)?.checked().map(drop)
    }

    /// Loads an image archive, as `docker save` writes it, into the nested engine.
    ///
    /// # Errors
    /// [`ServerError::Read`] where the archive cannot be opened.
    pub fn load_image(&self, archive: &Path) -> Result<(), ServerError> {
        let file = File::open(archive).map_err(|source| ServerError::Read {
            path: archive.to_owned(),
            source,
        })?;
        docker([
            "exec",
            "--interactive",
            &self.name,
            "docker",
            "load",
            "--quiet",
        ])
        .file_in(file)
        .run()?
        .checked()
        .map(drop)
    }

    /// Keeps the box's file system as an image that [`Server::boot`] takes.
    ///
    /// `/var/lib/docker` is a volume and not part of it: a box booted from the image has users, units and state
    /// directories, and an empty engine. `/tmp` and `/run` are gone as after any boot. Running gateways write on while
    /// it is taken: stop them first.
    pub fn snapshot(&self, tag: &str) -> Result<(), ServerError> {
        docker(["commit", &self.name, tag])
            .run()?
            .checked()
            .map(drop)
    }
}

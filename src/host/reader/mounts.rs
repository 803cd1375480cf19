//! Where the host has a file that a process in a container names.

use std::fs;
use std::path::{Path, PathBuf};

use super::Reader;
use crate::inventory::ProcessId;

/// A mount; `proc_pid_mountinfo(5)`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mount {
    /// The file system, as major and minor number.
    device: String,
    /// The directory of the file system that is mounted.
    root: PathBuf,
    /// Where it is mounted.
    point: PathBuf,
}

impl Reader {
    /// Returns the host's path of what a process in another mount namespace sees at `path`; `None` where the host has
    /// none, or the process may not be seen. Links on the way are not followed.
    #[must_use]
    pub fn host_path(&self, process: ProcessId, path: &Path) -> Option<PathBuf> {
        let inside = mounts(&format!("/proc/{}/mountinfo", process.pid))?;
        translate(&inside, &mounts("/proc/self/mountinfo")?, path)
    }
}

fn mounts(file: &str) -> Option<Vec<Mount>> {
    let text = fs::read(file).ok()?;
    Some(parse(&String::from_utf8_lossy(&text)))
}

fn parse(text: &str) -> Vec<Mount> {
    let mounts = text.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(2);
        Some(Mount {
            device: fields.next()?.to_owned(),
            root: unescaped(fields.next()?).into(),
            point: unescaped(fields.next()?).into(),
        })
    });
    mounts.collect()
}

/// The mount that covers the path inside is looked for outside, by its file system. The last of equal points lies on top.
fn translate(inside: &[Mount], outside: &[Mount], path: &Path) -> Option<PathBuf> {
    let covers = |mount: &&Mount| path.starts_with(&mount.point);
    let length = |mount: &&Mount| mount.point.components().count();
    let mount = inside.iter().filter(covers).max_by_key(length)?;
    let below = path.strip_prefix(&mount.point).ok()?;
    let in_file_system = mount.root.join(below);
    let holds =
        |other: &&Mount| other.device == mount.device && in_file_system.starts_with(&other.root);
    let holder = outside
        .iter()
        .filter(holds)
        .max_by_key(|it| it.root.components().count())?;
    let below = in_file_system.strip_prefix(&holder.root).ok()?;
    Some(holder.point.join(below))
}

/// Undoes the escapes of blanks, tabs, line ends and backslashes: `\040`.
fn unescaped(field: &str) -> String {
    let escapes = [
        (r"\040", " "),
        (r"\011", "\t"),
        (r"\012", "\n"),
        (r"\134", r"\"),
    ];
    let undo = |text: String, (from, to): (&str, &str)| text.replace(from, to);
    escapes.into_iter().fold(field.to_owned(), undo)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OUTSIDE: &str = "22 1 254:0 / / rw - ext4 /dev/vda rw\n23 22 0:40 / /var/lib/docker/overlay2/ab/merged rw - overlay overlay rw\n";
    const INSIDE: &str = "50 1 0:40 / / rw - overlay overlay rw\n51 50 254:0 /home/joe/my\\040claw /home/node rw - ext4 /dev/vda rw\n\
                          52 50 0:60 / /tmp rw - tmpfs tmpfs rw\n";

    fn translated(path: &str) -> Option<String> {
        let path = translate(&parse(INSIDE), &parse(OUTSIDE), Path::new(path))?;
        Some(path.to_string_lossy().into_owned())
    }

    #[test]
    fn a_bound_directory_and_the_containers_own_root_are_found_on_the_host() {
        assert_eq!(
            translated("/home/node/.openclaw").as_deref(),
            Some("/home/joe/my claw/.openclaw")
        );
        assert_eq!(
            translated("/etc/hosts").as_deref(),
            Some("/var/lib/docker/overlay2/ab/merged/etc/hosts")
        );
        assert_eq!(translated("/tmp/x"), None, "a file system of its own");
    }

    #[test]
    fn this_process_sees_its_own_files_where_they_are() {
        let pid = i32::try_from(std::process::id()).expect("a pid");
        let own = ProcessId {
            pid,
            start_ticks: 0,
        };
        let found = Reader::new().host_path(own, Path::new("/etc/passwd"));
        assert_eq!(found.as_deref(), Some(Path::new("/etc/passwd")));
    }

    proptest! {
        #[test]
        fn any_table_is_read(text in "[ -~\n\\PC]{0,300}") {
            let mounts = parse(&text);
            let _ = translate(&mounts, &mounts, Path::new("/a/b"));
        }
    }
}

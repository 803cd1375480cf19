//! What a walk over a gateway's files counted: whose they are, and what among them is out of the ordinary.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Bytes;

/// The files below a gateway's state directory and workspaces.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Census {
    /// All entries, directories and links included.
    pub entries: u64,
    /// The sum of the regular files' sizes.
    pub size: Bytes,
    /// Entries that belong to another user or group than the gateway's.
    pub strays: u64,
    /// Those of them that keep their owner, see [`Class::kept`].
    #[serde(default)]
    pub kept_strays: u64,
    /// The first of them, sorted by path; at most [`Census::SAMPLE`].
    pub sample: Vec<Stray>,
    /// Regular files with more than one name, counted where they are strays: their owner is not changed.
    pub hard_linked_strays: u64,
    /// Entries by owner, kind and permission bits, sorted; at most [`Census::CLASSES`].
    pub classes: Vec<Class>,
    /// Entries that fit into none of them.
    pub unclassed: u64,
    /// What is out of the ordinary, where there is any of it.
    pub oddities: BTreeMap<Oddity, Sampled>,
    /// Files with several names of which not all could be followed: more than [`Census::FOLLOWED`] at a time had names left.
    pub undecided: u64,
    /// The file systems that the directories lie on, each once.
    pub file_systems: Vec<FileSystem>,
}

/// Entries of one owner, kind and mode.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// The owner's user id.
    pub uid: u32,
    /// The group id.
    pub gid: u32,
    /// What they are.
    pub kind: EntryKind,
    /// Their permission bits, `0o7777` at most.
    pub mode: u32,
    /// How many there are.
    pub entries: u64,
    /// How many of them keep their owner, whoever gets the others: devices, files that are setuid or setgid, have
    /// capabilities (looked at as access lists are) or several names, and what is immutable or append-only.
    #[serde(default)]
    pub kept: u64,
}

/// Kinds of entries; inode(7).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link.
    Link,
    /// A socket.
    Socket,
    /// A named pipe.
    Fifo,
    /// A block or character device.
    Device,
}

/// Kinds of things that a person should look at before files change hands.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Oddity {
    /// Runs as its owner or group: setuid and setgid files; a setgid directory is none.
    SetId,
    /// Has file capabilities; capabilities(7).
    Capabilities,
    /// Has an access list beyond its mode; acl(5). Of the user's own files only what can be run is looked at, and what lies
    /// in a directory with attributes.
    AccessList,
    /// Has other extended attributes; xattr(7). Looked at as access lists are.
    Attribute,
    /// Cannot be changed, not even by root; chattr(1), `i`.
    Immutable,
    /// Can only be added to; chattr(1), `a`.
    AppendOnly,
    /// Has names outside of the counted directories (hard links).
    OutsideNames,
    /// A symbolic link whose target, read word for word, lies outside of the counted directories.
    LeavingLink,
    /// Another file system is mounted there; it was not entered.
    Mount,
    /// A socket.
    Socket,
    /// A named pipe.
    Fifo,
    /// A device.
    Device,
    /// A lock file by its name.
    Lock,
    /// Its name holds control characters or is no UTF-8.
    OddName,
}

/// How often something was met, and where at first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sampled {
    /// How many.
    pub count: u64,
    /// The first of them, sorted, control characters escaped; at most [`Census::SAMPLE`].
    pub sample: Vec<String>,
}

/// A file system that counted directories lie on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileSystem {
    /// Its type, for example `ext4`; `proc_pid_mountinfo(5)`.
    pub kind: String,
    /// Where it is mounted, control characters escaped.
    pub mounted_at: String,
    /// Its size.
    pub size: Bytes,
    /// What users other than root can still write.
    pub free: Bytes,
}

/// An entry that belongs to another user or group than its gateway.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stray {
    /// Its path, control characters escaped.
    pub path: String,
    /// Its owner's user id.
    pub uid: u32,
    /// Its group id.
    pub gid: u32,
}

/// What it would take that a user owns everything and can use it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Handover {
    /// Entries of another user or group that would get a new owner.
    pub changes: u64,
    /// Entries of another user or group that keep it.
    pub kept: u64,
    /// Entries that their mode keeps the user from reading or, being directories, from entering, as things stand.
    pub unreadable: u64,
    /// Files and directories that their mode keeps the user from writing, as things stand.
    pub unwritable: u64,
}

impl Census {
    /// The most entries of one sort that an inventory lists by name.
    pub const SAMPLE: usize = 20;
    /// The most classes that are told apart.
    pub const CLASSES: usize = 1_000;
    /// The most files with names left that are followed at a time.
    pub const FOLLOWED: usize = 65_536;

    /// Returns how much there is of something.
    #[must_use]
    pub fn count(&self, oddity: Oddity) -> u64 {
        self.oddities.get(&oddity).map_or(0, |it| it.count)
    }

    /// Returns how many entries get another owner when the gateway's user gets its strays.
    #[must_use]
    pub fn changing_strays(&self) -> u64 {
        self.strays.saturating_sub(self.kept_strays)
    }

    /// Returns what it would take to hand everything to a user, who has this group and no other, as in a container.
    #[must_use]
    pub fn handover_to(&self, uid: u32, gid: u32) -> Handover {
        let mut handover = Handover {
            changes: self.unclassed,
            ..Handover::default()
        };
        for class in &self.classes {
            if (class.uid, class.gid) != (uid, gid) {
                handover.changes += class.entries.saturating_sub(class.kept);
                handover.kept += class.kept;
            }
            let allowed = class.allowed_to(uid, gid);
            if allowed & class.needed_to_read() != class.needed_to_read() {
                handover.unreadable += class.entries;
            }
            if class.kind != EntryKind::Link && allowed & 0o2 == 0 {
                handover.unwritable += class.entries;
            }
        }
        handover
    }

    /// Returns the owners with the number of their entries, most first.
    #[must_use]
    pub fn owners(&self) -> Vec<((u32, u32), u64)> {
        let mut owners: BTreeMap<(u32, u32), u64> = BTreeMap::new();
        for class in &self.classes {
            *owners.entry((class.uid, class.gid)).or_default() += class.entries;
        }
        let mut owners: Vec<_> = owners.into_iter().collect();
        owners.sort_by_key(|(owner, entries)| (std::cmp::Reverse(*entries), *owner));
        owners
    }
}

impl Class {
    /// Returns the three bits that count for a user of one group; inode(7).
    fn allowed_to(&self, uid: u32, gid: u32) -> u32 {
        let shift = match () {
            () if uid == self.uid => 6,
            () if gid == self.gid => 3,
            () => 0,
        };
        (self.mode >> shift) & 0o7
    }

    fn needed_to_read(&self) -> u32 {
        match self.kind {
            EntryKind::Directory => 0o5,
            EntryKind::Link => 0,
            EntryKind::File | EntryKind::Socket | EntryKind::Fifo | EntryKind::Device => 0o4,
        }
    }
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SetId => "setuid or setgid",
            Self::Capabilities => "with capabilities",
            Self::AccessList => "with access lists",
            Self::Attribute => "with other attributes",
            Self::Immutable => "immutable",
            Self::AppendOnly => "append-only",
            Self::OutsideNames => "with names outside",
            Self::LeavingLink => "links leaving",
            Self::Mount => "mounts",
            Self::Socket => "sockets",
            Self::Fifo => "pipes",
            Self::Device => "devices",
            Self::Lock => "locks",
            Self::OddName => "unusual names",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(owner: (u32, u32), kind: EntryKind, mode: u32) -> Class {
        Class {
            uid: owner.0,
            gid: owner.1,
            kind,
            mode,
            entries: 1,
            kept: u64::from(mode & 0o6000 != 0),
        }
    }

    #[test]
    fn a_handover_counts_what_changes_what_keeps_its_owner_and_what_a_mode_forbids() {
        use EntryKind::{Directory, File, Link};
        let census = Census {
            classes: vec![
                class((1, 1), File, 0o600),
                class((1, 1), File, 0o044),
                class((0, 1), File, 0o640),
                class((0, 0), File, 0o644),
                class((0, 0), Directory, 0o754),
                class((0, 0), Link, 0o777),
                class((0, 0), File, 0o4755),
                class((1, 1), File, 0o2755),
            ],
            ..Census::default()
        };
        let expected = Handover {
            changes: 4,
            kept: 1,
            unreadable: 2,
            unwritable: 5,
        };
        assert_eq!(census.handover_to(1, 1), expected);
        assert_eq!(census.owners(), [((0, 0), 4), ((1, 1), 3), ((0, 1), 1)]);
    }
}

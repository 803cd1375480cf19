//! Directories of a manifest, packed: each says what differs from the one before it in its block.
//!
//! All numbers are LEB128, seven bits a byte, the lowest first; differences are folded so that small ones are short in
//! either direction. A directory is: a byte of flags (1: the root itself instead of what it holds; 2: the file system lists
//! other inode numbers than it tells; 4: the index of its root follows); bytes shared with the path before, bytes that
//! follow, those bytes; the latest birth of its entries, as a difference in nanoseconds; the number of runs. A run is: its
//! first inode, as a difference to the end of the run before; twice its length, plus one if user and group follow.

use std::io;

use rustix::io::Errno;

const IS_ITSELF: u8 = 1;
const LISTS_OTHERS: u8 = 2;
const HAS_ROOT: u8 = 4;

/// How many bytes a block holds beside the path that it begins with: less would repeat long paths too often.
const FULL_BYTES: usize = 16 * 1024;

/// Entries of one directory, or a root itself, that get another owner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::host) struct Noted {
    /// The index of its root in the header.
    pub(in crate::host) root: u16,
    /// The directory's path relative to the root.
    pub(in crate::host) path: Vec<u8>,
    /// Whether it is the root itself that gets another owner, not what it holds.
    pub(in crate::host) is_itself: bool,
    /// Whether the numbers that the directory lists are others than those of the runs.
    pub(in crate::host) lists_others: bool,
    /// When the youngest of the entries was born, in nanoseconds since 1970. A file that has the number of one of them
    /// and is younger got that number after the note. The largest number where the file system keeps no births.
    pub(in crate::host) last_born_ns: u64,
    /// The entries, by inode numbers.
    pub(in crate::host) runs: Vec<Run>,
}

/// Entries with inode numbers that follow each other, of one owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::host) struct Run {
    pub(in crate::host) first: u64,
    pub(in crate::host) count: u64,
    /// User and group.
    pub(in crate::host) owner: (u32, u32),
}

impl Noted {
    /// Adds the next entry; the inode numbers must rise.
    pub(in crate::host) fn push(&mut self, inode: u64, owner: (u32, u32), born_ns: u64) {
        self.last_born_ns = self.last_born_ns.max(born_ns);
        match self.runs.last_mut() {
            Some(run) if run.owner == owner && run.first + run.count == inode => run.count += 1,
            _ => self.runs.push(Run {
                first: inode,
                count: 1,
                owner,
            }),
        }
    }

    /// Returns the owner that an inode number had.
    pub(in crate::host) fn owner_of(&self, inode: u64) -> Option<(u32, u32)> {
        let after = self.runs.partition_point(|run| run.first <= inode);
        let run = self.runs.get(after.checked_sub(1)?)?;
        (inode - run.first < run.count).then_some(run.owner)
    }

    /// Returns how many entries there are.
    pub(in crate::host) fn entries(&self) -> u64 {
        self.runs.iter().map(|run| run.count).sum()
    }
}

/// What the next directory of a block is packed against.
#[derive(Default)]
struct Before {
    root: u16,
    path: Vec<u8>,
    born_ns: u64,
    /// The inode number after the last run.
    inode: u64,
    owner: (u32, u32),
}

/// Packs directories.
#[derive(Default)]
pub(in crate::host) struct Packer {
    bytes: Vec<u8>,
    before: Before,
    /// The length of the path that the block begins with.
    begins: usize,
    entries: u64,
}

impl Packer {
    pub(in crate::host) fn push(&mut self, noted: &Noted) {
        let before = &mut self.before;
        if self.bytes.is_empty() {
            self.begins = noted.path.len();
        }
        let flag = |is_so: bool, flag: u8| if is_so { flag } else { 0 };
        self.bytes.push(
            flag(noted.is_itself, IS_ITSELF)
                | flag(noted.lists_others, LISTS_OTHERS)
                | flag(noted.root != before.root, HAS_ROOT),
        );
        if noted.root != before.root {
            put(&mut self.bytes, u64::from(noted.root));
            before.root = noted.root;
        }
        let shared = shared(&noted.path, &before.path);
        let rest = noted.path.get(shared..).unwrap_or_default();
        put(&mut self.bytes, shared as u64);
        put(&mut self.bytes, rest.len() as u64);
        self.bytes.extend_from_slice(rest);
        before.path.truncate(shared);
        before.path.extend_from_slice(rest);
        put(&mut self.bytes, fold(before.born_ns, noted.last_born_ns));
        before.born_ns = noted.last_born_ns;
        put(&mut self.bytes, noted.runs.len() as u64);
        for run in &noted.runs {
            put(&mut self.bytes, fold(before.inode, run.first));
            before.inode = run.first.wrapping_add(run.count);
            let is_new = run.owner != before.owner;
            put(&mut self.bytes, run.count << 1 | u64::from(is_new));
            if is_new {
                put(&mut self.bytes, u64::from(run.owner.0));
                put(&mut self.bytes, u64::from(run.owner.1));
                before.owner = run.owner;
            }
        }
        self.entries += noted.entries();
    }

    pub(in crate::host) fn is_full(&self) -> bool {
        self.bytes.len() >= FULL_BYTES + self.begins
    }

    /// Returns the block and the number of its entries, and begins another one; `None` if nothing was packed.
    pub(in crate::host) fn take(&mut self) -> Option<(Vec<u8>, u64)> {
        let Self { bytes, entries, .. } = std::mem::take(self);
        (!bytes.is_empty()).then_some((bytes, entries))
    }
}

/// Unpacks the directories of a block.
pub(in crate::host) struct Unpacker<'b> {
    rest: &'b [u8],
    before: Before,
}

impl<'b> Unpacker<'b> {
    pub(in crate::host) fn new(block: &'b [u8]) -> Self {
        Self {
            rest: block,
            before: Before::default(),
        }
    }

    pub(in crate::host) fn next(&mut self) -> io::Result<Option<Noted>> {
        let Some((flags, rest)) = self.rest.split_first() else {
            return Ok(None);
        };
        self.rest = rest;
        if flags & HAS_ROOT != 0 {
            self.before.root = self.small()?;
        }
        let (shared, more) = (self.small::<usize>()?, self.small::<usize>()?);
        let (name, rest) = self.rest.split_at_checked(more).ok_or(Errno::BADMSG)?;
        self.rest = rest;
        self.before.path.truncate(shared);
        self.before.path.extend_from_slice(name);
        self.before.born_ns = unfold(self.before.born_ns, self.number()?);
        let mut runs = Vec::new();
        for _ in 0..self.number()? {
            runs.push(self.run()?);
        }
        Ok(Some(Noted {
            root: self.before.root,
            path: self.before.path.clone(),
            is_itself: flags & IS_ITSELF != 0,
            lists_others: flags & LISTS_OTHERS != 0,
            last_born_ns: self.before.born_ns,
            runs,
        }))
    }

    fn run(&mut self) -> io::Result<Run> {
        let first = unfold(self.before.inode, self.number()?);
        let length = self.number()?;
        let count = length >> 1;
        if length & 1 == 1 {
            self.before.owner = (self.small()?, self.small()?);
        }
        self.before.inode = first.wrapping_add(count);
        Ok(Run {
            first,
            count,
            owner: self.before.owner,
        })
    }

    fn small<N: TryFrom<u64>>(&mut self) -> io::Result<N> {
        N::try_from(self.number()?).map_err(|_| Errno::BADMSG.into())
    }

    fn number(&mut self) -> io::Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or(Errno::BADMSG)?;
            self.rest = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Errno::BADMSG.into())
    }
}

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            return bytes.push(low & 0x7f);
        }
        bytes.push(low | 0x80);
    }
}

/// A difference in either direction, as a number that is small where it is.
fn fold(from: u64, to: u64) -> u64 {
    let difference = to.wrapping_sub(from).cast_signed();
    ((difference << 1) ^ (difference >> 63)).cast_unsigned()
}

fn unfold(from: u64, folded: u64) -> u64 {
    from.wrapping_add((folded >> 1) ^ (folded & 1).wrapping_neg())
}

/// How many bytes two paths have in common. In pieces first: paths may be long.
fn shared(path: &[u8], other: &[u8]) -> usize {
    const PIECE: usize = 256;
    let pieces = path.chunks_exact(PIECE).zip(other.chunks_exact(PIECE));
    let whole = pieces.take_while(|(one, two)| one == two).count() * PIECE;
    let rest = path.iter().zip(other).skip(whole);
    whole + rest.take_while(|(one, two)| one == two).count()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unpacked(block: &[u8]) -> io::Result<Vec<Noted>> {
        let mut unpacker = Unpacker::new(block);
        std::iter::from_fn(|| unpacker.next().transpose()).collect()
    }

    fn any_noted() -> impl Strategy<Value = Noted> {
        let path = prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..40),
            (0..3_usize).prop_map(|length| b"a/deep/way/".repeat(length * 40)),
        ];
        let runs = (any::<u64>(), 1..1_u64 << 48, any::<(u32, u32)>());
        let run = runs.prop_map(|(first, count, owner)| Run {
            first,
            count,
            owner,
        });
        let runs = proptest::collection::vec(run, 0..5);
        let flags = any::<(u16, bool, bool, u64)>();
        (path, runs, flags).prop_map(|(path, runs, flags)| Noted {
            root: flags.0,
            path,
            is_itself: flags.1,
            lists_others: flags.2,
            last_born_ns: flags.3,
            runs,
        })
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_out_as_it_went_in(all in proptest::collection::vec(any_noted(), 1..6)) {
            let mut packer = Packer::default();
            for noted in &all {
                packer.push(noted);
            }
            let (block, _) = packer.take().unwrap();
            prop_assert_eq!(unpacked(&block).unwrap(), all);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = unpacked(&bytes);
        }
    }

    #[test]
    fn entries_that_were_made_together_are_one_run_and_keep_their_owner() {
        let mut noted = Noted::default();
        for inode in [7, 8, 9, 12] {
            noted.push(inode, (1, 2), inode * 10);
        }
        noted.push(13, (1, 3), 5);
        assert_eq!((noted.runs.len(), noted.entries()), (3, 5));
        assert_eq!(noted.last_born_ns, 120);
        let owners = [6, 7, 9, 10, 12, 13, 14].map(|inode| noted.owner_of(inode));
        let (one, other) = (Some((1, 2)), Some((1, 3)));
        assert_eq!(owners, [None, one, one, None, one, other, None]);
    }

    #[test]
    fn a_long_path_does_not_fill_a_block_by_itself() {
        let mut packer = Packer::default();
        let mut noted = Noted {
            path: b"way/".repeat(10_000),
            ..Noted::default()
        };
        noted.push(1, (1, 1), 0);
        packer.push(&noted);
        assert!(!packer.is_full());
        for _ in 0..20_000 {
            packer.push(&noted);
        }
        assert!(packer.is_full());
        assert_eq!(packer.take().unwrap().1, 20_001);
        assert_eq!(packer.take(), None);
    }
}

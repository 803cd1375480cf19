//! Changing owners such that it can be undone, and undoing it.

use std::io::Write as _;

use super::census::SIZES;
use crate::Outcome;
use crate::arguments::Choices;
use crate::row::{Contestant, Judged, Line, Row};
use crate::tree::{OWNER, Tree};

/// Whom the tree is given to.
const OTHER: u32 = OWNER + 1;
/// The most bytes of the manifest for an entry of a tidy tree.
const MANIFEST_GOAL: f64 = 3.0;

pub(super) fn measure(choices: &Choices) -> Outcome<Vec<Line>> {
    let mut lines = Vec::new();
    for size in choices.sizes(2_100, &SIZES) {
        let places = Places::of(Tree::make(&choices.under, size)?)?;
        let runs = choices.runs_of(size);
        lines.extend(places.all()?.measure(runs)?);
        lines.extend(places.some()?.measure(runs)?);
        lines.extend(places.undo()?.measure(runs)?);
        places.weigh_manifest()?;
    }
    Ok(lines)
}

/// The tree, as words of commands.
struct Places {
    tree: Tree,
    root: String,
    manifest: String,
    dump: String,
    list: String,
    listed: u64,
}

impl Places {
    fn of(tree: Tree) -> Outcome<Self> {
        let (list, listed) = tree.list_one_in_a_hundred()?;
        let word = |name: &str| tree.beside(name).display().to_string();
        Ok(Self {
            root: tree.root().display().to_string(),
            manifest: word("manifest"),
            dump: word("dump"),
            list: list.display().to_string(),
            listed,
            tree,
        })
    }

    /// Everything belongs to one and goes to another. Afterwards the disk is quiet, so that nobody pays for another.
    fn all(&self) -> Outcome<Row> {
        let Self { root, dump, .. } = self;
        let ready = format!("chown -R {OWNER}:{OWNER} {root}");
        let chown = format!("chown -R {OTHER}:{OTHER} {root}");
        let find = format!("find {root} -printf '%U %G %m %p\\n' > {dump}; {chown}");
        let getfacl = format!("getfacl -nR {root} > {dump} 2> {dump}.said; {chown}");
        Ok(Row {
            work: "change every owner",
            peers: vec![
                self.peer("find; chown -R", &find, Some(0.85), &ready),
                self.peer("chown -R", &chown, Some(1.5), &ready),
                self.peer("getfacl; chown -R", &getfacl, Some(0.35), &ready),
            ],
            ..self.give(&ready, self.tree.entries)?
        })
    }

    /// One entry in a hundred belongs to somebody else.
    fn some(&self) -> Outcome<Row> {
        let Self { root, list, .. } = self;
        let ready =
            format!("chown -R {OTHER}:{OTHER} {root}; xargs -a {list} chown {OWNER}:{OWNER}");
        let chown = format!("chown -R {OTHER}:{OTHER} {root}");
        Ok(Row {
            work: "change one owner in a hundred",
            peers: vec![self.peer("chown -R", &chown, Some(0.45), &ready)],
            ..self.give(&ready, self.listed)?
        })
    }

    fn give(&self, ready: &str, count: u64) -> Outcome<Row> {
        let Self { root, manifest, .. } = self;
        let driver = [root.clone(), OTHER.to_string(), manifest.clone()];
        let ours = Contestant::driver("give", driver, count)?;
        Ok(Row {
            work: "",
            size: format!("{} entries", self.tree.entries),
            judged: Judged::Wall,
            ours: ours.after(&self.quiet(&format!("rm -f {manifest}; {ready}"))),
            peers: Vec::new(),
        })
    }

    /// Everything was given away, and noted: in a manifest, and as getfacl notes it.
    fn undo(&self) -> Outcome<Row> {
        let Self {
            root,
            dump,
            manifest,
            tree,
            ..
        } = self;
        let own = format!("chown -R {OWNER}:{OWNER} {root}");
        let noted = format!("{own}; getfacl -pnR {root} > {dump}; rm -f {manifest}");
        crate::measure::shell(&noted)?;
        let driver = [root.clone(), OTHER.to_string(), manifest.clone()];
        crate::measure::run_driver(&crate::drive::argv("give", driver)?)?;
        let ready = format!("chown -R {OTHER}:{OTHER} {root}");
        let setfacl = format!("setfacl --restore={dump}");
        let ours = Contestant::driver("give-back", [manifest.clone()], tree.entries)?;
        Ok(Row {
            work: "give every owner back",
            size: format!("{} entries", tree.entries),
            judged: Judged::Wall,
            ours: ours.after(&self.quiet(&ready)),
            peers: vec![
                self.peer("setfacl --restore", &setfacl, Some(0.7), &ready),
                self.peer("chown -R", &own, None, &ready),
            ],
        })
    }

    fn peer(&self, name: &str, line: &str, goal: Option<f64>, ready: &str) -> Contestant {
        Contestant::shell(name, line, goal).after(&self.quiet(ready))
    }

    fn quiet(&self, ready: &str) -> String {
        format!("{ready}; sync -f {}", self.root)
    }

    fn weigh_manifest(&self) -> Outcome {
        let bytes = std::fs::metadata(&self.manifest)?.len();
        #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
        let each = bytes as f64 / self.tree.entries as f64;
        let verdict = if each <= MANIFEST_GOAL {
            "met"
        } else {
            "MISSED"
        };
        writeln!(
            std::io::stderr().lock(),
            "bench: manifest of {} entries: {bytes} bytes, {each:.2} an entry; goal {MANIFEST_GOAL} {verdict}",
            self.tree.entries
        )?;
        Ok(())
    }
}

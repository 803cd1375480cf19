//! The runtime of OpenClaw: as a tar, and as an image of the engine.

use std::path::{Path, PathBuf};

use super::pending::left_out;
use crate::Outcome;
use crate::arguments::Choices;
use crate::measure::in_shell;
use crate::row::{Contestant, Judged, Line, Row};

/// Where the lab keeps the releases that it downloaded.
const CACHE: &str = "/var/cache/ocmigrate";
/// The release that is measured, with the node that it runs on.
const RELEASE: &str = "openclaw-2026.9.6-node-";
/// Parts of the runtime that show how cost grows: a quarter of its entries, two thirds, all.
const PARTS: [&str; 3] = [
    "lib/node_modules/openclaw/dist",
    "lib/node_modules/openclaw/node_modules",
    "",
];
/// The share of GNU tar that the tar of a layer may take.
const TAR_GOAL: f64 = 0.8;
/// The share of `docker build` that making the image may take.
const IMAGE_GOAL: f64 = 0.2;
const OURS: &str = "ocmigrate-bench/ours:1";
const THEIRS: &str = "ocmigrate-bench/theirs:1";

pub(super) fn measure_tar(choices: &Choices) -> Outcome<Vec<Line>> {
    let mut lines = Vec::new();
    for tree in trees(choices)? {
        let path = tree.display().to_string();
        let row = Row {
            work: "tar of the runtime",
            size: entries(&tree),
            judged: Judged::Wall,
            ours: Contestant::driver("tar", [path.clone()], 1)?,
            peers: vec![Contestant::shell(
                "tar | cat",
                &format!("tar -cPf - {path} | cat > /dev/null"),
                Some(TAR_GOAL),
            )],
        };
        lines.extend(row.measure(choices.runs_of(0))?);
    }
    Ok(lines)
}

pub(super) fn measure(choices: &Choices) -> Outcome<Vec<Line>> {
    let has_base = in_shell(&format!("docker image inspect {}", choices.base));
    if crate::measure::run(&has_base).is_err() {
        return left_out(
            "image",
            "no engine answers, or it lacks the base: scripts/lab-image",
        );
    }
    let room = tempfile::tempdir()?;
    let dockerfile = room.path().join("Dockerfile");
    std::fs::write(
        &dockerfile,
        format!("FROM {}\nCOPY . /runtime\n", choices.base),
    )?;
    let mut lines = Vec::new();
    for tree in trees(choices)? {
        let row = image_row(choices, &tree, &dockerfile)?;
        let measured = row.measure(if choices.smoke { 1 } else { choices.runs });
        crate::measure::shell(&format!("docker rmi -f {OURS} {THEIRS}"))?;
        lines.extend(measured?);
    }
    Ok(lines)
}

fn image_row(choices: &Choices, tree: &Path, dockerfile: &Path) -> Outcome<Row> {
    let (path, dockerfile) = (tree.display().to_string(), dockerfile.display());
    let without = |image: &str| format!("docker rmi -f {image} 2> /dev/null || true; sync");
    let build =
        format!("docker build --quiet --no-cache --tag {THEIRS} --file {dockerfile} {path}");
    let ours = [path.clone(), choices.base.clone(), OURS.to_owned()];
    Ok(Row {
        work: "runtime into an image",
        size: entries(tree),
        judged: Judged::Wall,
        ours: Contestant::driver("image", ours, 1)?.after(&without(OURS)),
        peers: vec![
            Contestant::peer("docker build", &build, Some(IMAGE_GOAL)).after(&without(THEIRS)),
        ],
    })
}

/// Returns the trees to measure; none where OpenClaw was never downloaded.
fn trees(choices: &Choices) -> Outcome<Vec<PathBuf>> {
    let cached = std::fs::read_dir(CACHE).into_iter().flatten().flatten();
    let mut cached = cached.filter(|it| it.file_name().to_string_lossy().starts_with(RELEASE));
    let given = choices.runtime.clone();
    let Some(runtime) = given.or_else(|| cached.next().map(|it| it.path())) else {
        left_out(
            "tar, image",
            "no runtime of OpenClaw is here: scripts/lab-image, or --runtime",
        )?;
        return Ok(Vec::new());
    };
    let parts = PARTS.iter().map(|part| runtime.join(part));
    let parts: Vec<_> = parts.filter(|part| part.is_dir()).collect();
    Ok(parts
        .into_iter()
        .take(if choices.smoke { 1 } else { PARTS.len() })
        .collect())
}

fn entries(tree: &Path) -> String {
    let root = [tree.to_owned()];
    let ground = ocmigrate::host::Ground {
        roots: &root,
        inside: Vec::new(),
        owner: (0, 0),
    };
    let census = ocmigrate::host::census(&ground, &|_| {}).unwrap_or_default();
    format!("{} entries, {}", census.entries, census.size)
}

//! Starts the gateway on a copy of its state before anything is stopped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::candidate::Candidate;
use super::confirm_native::Nothing;
use super::throwaway::{empty, module_argv, remove_leftover, shown, throwaway};
use super::{Context, Description, Drift, Kind, Paths, Result, Sign, StepError};
use crate::docker::{ContainerSpec, Mount};
use crate::host::{FileMeta, Ownership};
use crate::openclaw::{layout, release};
use crate::units::Bytes;

const MODULE: &str = include_str!("rehearse.mjs");
/// How long a start may take; see the deadline of the health of a container.
const START_DEADLINE: Duration = Duration::from_mins(4);
/// How long it is watched once it is ready: sidecars start then.
const SETTLE: Duration = Duration::from_secs(3);
/// A start, and a copy before it.
const DEADLINE: Duration = Duration::from_mins(20);
/// A gateway that needs more of its limit without any work has no room for work.
const MOST_PERCENT: u64 = 90;
/// Where the container sees the live files, read-only, and the configuration to be.
const LIVE: &str = "/run/ocmigrate-live";
const CANDIDATE: &str = "/run/ocmigrate-candidate";
/// How deep the copy goes.
const DEPTH: u32 = 64;

/// Starts the group's container on a throwaway copy of its state: the final image, user, limits and configuration, no
/// network, no channels, no cron, until it reports ready. Measures the time and the memory that this takes.
///
/// `Before` holds nothing. The copy is made within the container, as the gateway's user: databases by `SQLite`'s own
/// backup, other files byte by byte, what can be made again not at all. Copy and container are removed at the end; undo
/// removes what a crash left. Apply begins anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearse {
    /// The group.
    pub group: String,
    /// The state directory, copied whole but for what can be made again.
    pub state_directory: PathBuf,
    /// The workspaces, of which only small files at the top are copied.
    pub workspaces: Vec<PathBuf>,
    /// What of the runtime may lie below HOME.
    pub runtime: Vec<PathBuf>,
    /// The configuration to be.
    pub candidate: Candidate,
    /// The argv that serves.
    pub serve: Vec<String>,
    /// The container to be.
    pub container: ContainerSpec,
}

/// What a rehearsal measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsed {
    /// From the start to being ready, in milliseconds.
    pub ready_ms: u64,
    /// The most memory that its processes held at once, without the page cache.
    pub peak: Bytes,
    /// The limit.
    pub limit: Bytes,
}

/// What the module is asked.
#[derive(Serialize)]
struct Wish<'a> {
    copies: Vec<Copied>,
    files: Vec<Copied>,
    skip: Vec<PathBuf>,
    shallow: &'a [PathBuf],
    argv: &'a [String],
    environment: BTreeMap<&'static str, &'static str>,
    port: u16,
    probe: &'static str,
    deadline_ms: u128,
    settle_ms: u128,
}

/// A tree or file that is copied.
#[derive(Serialize)]
struct Copied {
    from: PathBuf,
    to: PathBuf,
    depth: u32,
}

/// What it answers.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    ready_ms: Option<u64>,
    #[serde(default)]
    peak: u64,
    #[serde(default)]
    ended: Option<String>,
    #[serde(default)]
    oom_kills: Option<u64>,
    #[serde(default)]
    failed: Option<String>,
    #[serde(default)]
    log: String,
    #[serde(default)]
    copied: Amount,
}

#[derive(Default, Deserialize)]
struct Amount {
    files: u64,
    bytes: u64,
    databases: u64,
    unreadable: u64,
}

impl Rehearsed {
    /// Reads what the rehearsal of a group's open run measured; `None` where there was none.
    pub fn find(context: &Context, group: &str) -> Result<Option<Self>> {
        let file = context.host.read(&measured_path(context.paths, group))?;
        Ok(file.and_then(|file| serde_json::from_slice(&file.bytes).ok()))
    }
}

impl Kind for Rehearse {
    type Before = Nothing;

    fn describe(&self) -> Description {
        Description {
            id: "rehearse".to_owned(),
            sign: Sign::Look,
            what: format!("start  {} on a copy of its state, without network and channels", self.group),
            why: "proves image, user, mounts, config and memory limit, and measures the time to ready".to_owned(),
            in_silence: false,
        }
    }

    fn capture(&self, _context: &Context) -> Result<Nothing> {
        Ok(Nothing {})
    }

    fn apply(&self, before: &Nothing, context: &Context) -> Result<()> {
        self.undo(before, context)?;
        let result = self.run(context);
        self.remove_copy(context)?;
        let measured = self.judge(context, &result?)?;
        (context.say)(&format!(
            "rehearsal: ready after {:.1} s, {} of {}",
            Duration::from_millis(measured.ready_ms).as_secs_f64(),
            measured.peak,
            measured.limit
        ));
        let text = serde_json::to_vec(&measured).unwrap_or_default();
        let path = measured_path(context.paths, &self.group);
        Ok(context
            .host
            .replace(&path, &text, FileMeta::of_root(0o600))?)
    }

    fn undo(&self, _before: &Nothing, context: &Context) -> Result<()> {
        remove_leftover(context, &self.once(context.paths))?;
        self.remove_copy(context)?;
        Ok(context
            .host
            .remove(&measured_path(context.paths, &self.group))?)
    }

    fn verify(&self, _before: &Nothing, _context: &Context) -> Result<Vec<Drift>> {
        Ok(Vec::new())
    }
}

impl Rehearse {
    fn run(&self, context: &Context) -> Result<Answer> {
        (context.say)("rehearsal: copying the state, databases by SQLite's own backup");
        self.candidate
            .write(context, &self.candidate_path(context.paths))?;
        for (place, _, _) in self.places(context.paths) {
            let ownership = Ownership {
                uid: self.candidate.user.uid,
                gid: self.candidate.user.gid,
                mode: 0o700,
            };
            context.host.make_directory(&place, ownership)?;
        }
        let output = context
            .docker
            .run_once(&self.once(context.paths), DEADLINE)?;
        serde_json::from_slice(&output.stdout).map_err(|_| {
            let what = match output.code {
                137 => "was killed: its memory limit is too small".to_owned(),
                code => format!("ended with exit code {code} and no answer"),
            };
            self.refusal(&what)
        })
    }

    fn judge(&self, context: &Context, answer: &Answer) -> Result<Rehearsed> {
        if let Some(failed) = &answer.failed {
            let what = match failed.as_str() {
                "ENOSPC" => "needs more room for the copy than is free".to_owned(),
                other => format!("could not copy the state: {}", crate::display::text(other)),
            };
            return Err(self.refusal(&what));
        }
        let Amount {
            files,
            bytes,
            databases,
            unreadable,
        } = answer.copied;
        (context.say)(&format!(
            "rehearsal: {files} files, {} copied, {databases} of them databases; {unreadable} not readable by its user; \
             left out: {}, and what lies in folders of workspaces",
            Bytes(bytes),
            layout::NOT_NEEDED_TO_START.join(", ")
        ));
        let limit = self.container.memory;
        let is_full = answer.peak > limit.0 / 100 * MOST_PERCENT;
        match (answer.ready_ms, &answer.ended) {
            _ if answer.oom_kills.is_some_and(|kills| kills > 0) => {
                Err(self.failed(context, answer, &format!("ran out of memory at {limit}")))
            }
            (_, Some(ended)) => {
                let ended = crate::display::text(ended);
                Err(self.failed(context, answer, &format!("ended by itself ({ended})")))
            }
            (None, None) => {
                let waited = START_DEADLINE.as_secs();
                Err(self.failed(context, answer, &format!("was not ready after {waited} s")))
            }
            (Some(_), None) if is_full => Err(self.refusal(&format!(
                "needs {} of its {limit} before it has any work",
                Bytes(answer.peak)
            ))),
            (Some(ready_ms), None) => Ok(Rehearsed {
                ready_ms,
                peak: Bytes(answer.peak),
                limit,
            }),
        }
    }

    fn failed(&self, context: &Context, answer: &Answer, what: &str) -> StepError {
        let log = context.log_tail(&self.group, &self.candidate.config, &answer.log);
        self.refusal(&format!("{what}{log}"))
    }

    fn refusal(&self, what: &str) -> StepError {
        StepError::unmet_with_hint(
            format!("the rehearsal of {} {what}", self.group),
            "mend that, or raise the budget in the plan; --no-rehearsal leaves it unproven",
        )
    }

    fn once(&self, paths: &Paths) -> ContainerSpec {
        let home = &self.candidate.user.home;
        let mut mounts = vec![empty(home)];
        mounts.extend(self.read_only_mounts());
        let below_home = self.runtime.iter().filter(|path| path.starts_with(home));
        let unseen = below_home
            .filter(|path| !mounts.iter().any(|mount| mount.target() == path.as_path()))
            .map(|path| shown(path, path));
        let unseen: Vec<_> = unseen.collect();
        mounts.extend(unseen);
        for (index, (place, original, _)) in self.places(paths).into_iter().enumerate() {
            mounts.push(shown(&original, &Path::new(LIVE).join(index.to_string())));
            mounts.push(Mount::Bind {
                source: place,
                target: original,
                read_only: false,
            });
        }
        mounts.push(shown(&self.candidate_path(paths), Path::new(CANDIDATE)));
        let node = self.serve.first().map_or("", String::as_str);
        let argv = module_argv(node, MODULE, &self.wish(paths));
        throwaway(&self.container, "rehearsal", argv, mounts)
    }

    /// Writable mounts are places of the live state, which no rehearsal sees but for its copy.
    fn read_only_mounts(&self) -> Vec<Mount> {
        let mounts = self.container.mounts.iter();
        mounts
            .filter(|mount| {
                matches!(
                    mount,
                    Mount::Bind {
                        read_only: true,
                        ..
                    }
                )
            })
            .cloned()
            .collect()
    }

    fn wish(&self, paths: &Paths) -> Wish<'_> {
        let copies = self.places(paths).into_iter().enumerate();
        let copies = copies.map(|(index, (_, to, depth))| Copied {
            from: Path::new(LIVE).join(index.to_string()),
            to,
            depth,
        });
        Wish {
            copies: copies.collect(),
            files: vec![Copied {
                from: CANDIDATE.into(),
                to: self.candidate.config.clone(),
                depth: 0,
            }],
            skip: layout::NOT_NEEDED_TO_START
                .iter()
                .map(|name| self.state_directory.join(name))
                .collect(),
            shallow: &self.workspaces,
            argv: &self.serve,
            environment: release::IDLE.into(),
            port: self.candidate.port,
            probe: release::ready_path(&self.candidate.version),
            deadline_ms: START_DEADLINE.as_millis(),
            settle_ms: SETTLE.as_millis(),
        }
    }

    /// The directories that are copied: where to, what, how deep.
    fn places(&self, paths: &Paths) -> Vec<(PathBuf, PathBuf, u32)> {
        let mut originals = vec![(self.state_directory.clone(), DEPTH)];
        let beside = self.candidate.config.parent().map(Path::to_owned);
        for other in self.workspaces.iter().cloned().chain(beside) {
            let is_known = originals.iter().any(|(known, _)| *known == other);
            if !is_known && !other.starts_with(&self.state_directory) {
                originals.push((other, 0));
            }
        }
        let directory = copy_path(paths, &self.group);
        let numbered = originals.into_iter().enumerate();
        numbered
            .map(|(index, (original, depth))| (directory.join(index.to_string()), original, depth))
            .collect()
    }

    fn remove_copy(&self, context: &Context) -> Result<()> {
        context
            .host
            .remove_tree(&copy_path(context.paths, &self.group))?;
        Ok(context.host.remove(&self.candidate_path(context.paths))?)
    }

    fn candidate_path(&self, paths: &Paths) -> PathBuf {
        paths.group_state(&self.group).join("rehearsal.json5")
    }
}

fn copy_path(paths: &Paths, group: &str) -> PathBuf {
    paths.group_state(group).join("rehearsal")
}

fn measured_path(paths: &Paths, group: &str) -> PathBuf {
    paths.group_state(group).join("rehearsed.json")
}

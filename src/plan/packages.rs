//! The Debian packages in ocmigrate's own base image: what every container needs, and what the scan found agents use.

use std::collections::{BTreeMap, BTreeSet};

use crate::inventory::{Inventory, Need, NeedKind};

/// Debian packages of ocmigrate's own base image beside the minimal system.
///
/// `libatomic1` is needed by the node binary of the npm package `node`; `git`, `openssh-client` and `procps` by agents;
/// `s6` and `execline` supervise several gateways in one container.
const BASE: &[&str] = &[
    "ca-certificates",
    "curl",
    "execline",
    "git",
    "libatomic1",
    "libstdc++6",
    "openssh-client",
    "procps",
    "s6",
];

/// What the minimal system has already: the packages of Debian 12 with `Essential: yes`, and what they and apt pull in;
/// `dpkg-query -W -f '${Essential} ${Package}\n'` in a `debootstrap --variant=minbase` tree.
const MINIMAL: &[&str] = &[
    "apt",
    "base-files",
    "base-passwd",
    "bash",
    "bsdutils",
    "coreutils",
    "dash",
    "debianutils",
    "diffutils",
    "dpkg",
    "findutils",
    "gcc-12-base",
    "grep",
    "gzip",
    "hostname",
    "init-system-helpers",
    "libc-bin",
    "libc6",
    "libgcc-s1",
    "login",
    "mawk",
    "mount",
    "ncurses-base",
    "ncurses-bin",
    "passwd",
    "perl-base",
    "sed",
    "sysvinit-utils",
    "tar",
    "util-linux",
    "zlib1g",
];

/// What no mirror of the distribution has, or what comes with the runtime: named by its vendor's own repository.
const ELSEWHERE: &[&str] = &[
    "brave-browser",
    "google-chrome-stable",
    "microsoft-edge-stable",
    "nodejs",
];

/// Returns the packages that the proposal puts into the base, sorted.
pub(super) fn proposed(inventory: &Inventory) -> Vec<String> {
    let needed = needed(inventory);
    let all: BTreeSet<String> = needed
        .into_keys()
        .chain(BASE.iter().map(ToString::to_string))
        .collect();
    all.into_iter().collect()
}

/// Returns whether these are the packages that every container needs, and no others.
pub(super) fn are_plain(packages: &[String]) -> bool {
    packages == BASE
}

/// Returns the packages beside those that agents of the host use, with the first program or library of each.
pub(super) fn needed(inventory: &Inventory) -> BTreeMap<String, String> {
    let mut needed: BTreeMap<String, String> = BTreeMap::new();
    for need in inventory.gateways.iter().flat_map(|it| &it.needs) {
        if let Some(package) = package(need) {
            needed.entry(package).or_insert_with(|| need.name.clone());
        }
    }
    needed
}

fn package(need: &Need) -> Option<String> {
    let owner = need.package.as_deref()?;
    // A program that is a link to one version of itself: `python3` lies in a package of its own beside `python3.11-minimal`.
    let is_versioned = need.kind != NeedKind::Library
        && owner
            .strip_prefix(need.name.as_str())
            .is_some_and(|rest| rest.starts_with('.'));
    let package = if is_versioned { &need.name } else { owner };
    let is_there = [BASE, MINIMAL, ELSEWHERE]
        .iter()
        .any(|list| list.contains(&package));
    (!is_there && super::check::is_package(package)).then(|| package.to_owned())
}

//! The drop-ins of units; systemd.unit(5).

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use super::shelf::Shelf;
use super::units::Manager;

/// The directories of drop-ins of one manager, by their names, the strongest first: few units have one, so that each is looked
/// up here and not on disk.
pub(super) struct DropIns(HashMap<OsString, Vec<PathBuf>>);

impl DropIns {
    pub(super) fn of(shelf: &Shelf<'_>, manager: &Manager) -> Self {
        let mut all: HashMap<OsString, Vec<PathBuf>> = HashMap::new();
        for directory in &manager.directories {
            for name in shelf.list(directory).iter() {
                if name.as_bytes().ends_with(b".d") {
                    all.entry(name.clone())
                        .or_default()
                        .push(directory.join(name));
                }
            }
        }
        Self(all)
    }

    /// Returns the drop-ins of a unit in the order of their names. Of equal names the one in the strongest directory counts.
    pub(super) fn of_unit(&self, units: &Shelf<'_>, name: &str) -> Vec<PathBuf> {
        let (stem, end) = name.rsplit_once('.').unwrap_or((name, ""));
        let dashes = stem.match_indices('-').rev();
        let prefixes = dashes.filter_map(|(at, _)| Some(format!("{}-.{end}", stem.get(..at)?)));
        let own = [Some(name.to_owned()), template(name)];
        let forms = own.into_iter().flatten().chain(prefixes);
        let forms = forms.chain([end.to_owned()]);
        let mut found: BTreeMap<_, PathBuf> = BTreeMap::new();
        for form in forms {
            let there = self.0.get(OsStr::new(&(form + ".d")));
            for directory in there.into_iter().flatten() {
                for name in units.list(directory).iter() {
                    if name.as_bytes().ends_with(b".conf") {
                        found
                            .entry(name.clone())
                            .or_insert_with(|| directory.join(name));
                    }
                }
            }
        }
        found.into_values().collect()
    }
}

/// Returns the template of an instance: `a@.service` of `a@b.service`.
pub(super) fn template(name: &str) -> Option<String> {
    let (prefix, rest) = name.split_once('@')?;
    let (_, end) = rest.rsplit_once('.')?;
    Some(format!("{prefix}@.{end}"))
}

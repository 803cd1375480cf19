//! Which programs and libraries a gateway's agents use, where they lie on this host, and which packages own them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::load::members;
use super::own_files::OwnFiles;
use super::sighting::Sighting;
use super::{libraries, packages};
use crate::display;
use crate::host::reader::Reader;
use crate::inventory::{Finding, Gateway, Need, NeedKind, Place, catalogued};
use crate::openclaw::{Browser, SkillPrograms, skill_programs};

/// Where programs are looked for beside the gateway's `PATH`.
const USUAL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// What OpenClaw looks for where the configuration names no browser; docs/tools/browser-linux-troubleshooting.md of 2026.9.6.
const BROWSERS: [&str; 6] = [
    "google-chrome",
    "google-chrome-stable",
    "brave-browser",
    "microsoft-edge",
    "chromium",
    "chromium-browser",
];
/// The most skills of a directory that are read.
const SKILLS: usize = 1_000;

/// Returns what skills, scripts, the configuration and running processes need, sorted; libraries and packages come later.
pub(super) fn needs(
    reader: &Reader,
    sighting: &Sighting,
    gateway: &Gateway,
    own: &OwnFiles,
    browser: Option<&Browser>,
) -> Vec<Need> {
    let search = Search {
        reader,
        directories: directories(sighting),
    };
    let declared = own.programs.iter();
    let declared = declared.map(|((name, kind), place)| search.need(name, *kind, Some(place)));
    let mut needs: Vec<Need> = declared.collect();
    needs.extend(
        own.choices
            .iter()
            .map(|(names, place)| search.choice(names, place)),
    );
    needs.extend(search.bundled(gateway));
    needs.extend(browser.map(|browser| search.browser(browser)));
    needs.extend(search.running(gateway));
    needs.sort();
    needs.dedup_by(|one, other| (&one.name, one.kind) == (&other.name, other.kind));
    needs
}

/// Adds the libraries of each release, once read, and the packages that own what is there.
pub(super) fn complete(reader: &Reader, gateways: &mut [Gateway]) {
    let mut libraries: BTreeMap<(PathBuf, PathBuf), Vec<Need>> = BTreeMap::new();
    for gateway in gateways.iter_mut() {
        if let Some(release) = &gateway.release {
            let key = (release.tree().to_owned(), release.node.clone());
            let known = libraries
                .entry(key)
                .or_insert_with(|| libraries::of_release(reader, release));
            gateway.needs.extend(known.iter().cloned());
        }
        gateway.needs.sort();
    }
    let needs = || gateways.iter().flat_map(|gateway| &gateway.needs);
    let paths: Vec<PathBuf> = needs().filter_map(|need| need.path.clone()).collect();
    let owners = packages::owners(reader, &paths);
    for need in gateways.iter_mut().flat_map(|gateway| &mut gateway.needs) {
        need.package = need
            .path
            .as_ref()
            .and_then(|path| owners.get(path).cloned());
    }
}

/// Says which programs are not there.
pub(super) fn findings(gateway: &Gateway) -> Vec<Finding> {
    let missing = gateway.needs.iter().filter(|need| need.path.is_none());
    let findings = missing.map(|need| {
        let summary = format!("{}: {} is not there", need.kind, need.name);
        let finding = Finding::new(
            &catalogued::MISSING_PROGRAM,
            &gateway.name,
            display::text(&summary),
        );
        match &need.place {
            Some(place) => finding.at(place),
            None => finding,
        }
    });
    findings.collect()
}

/// The directories of the gateway's `PATH`, then the usual ones.
fn directories(sighting: &Sighting) -> Vec<PathBuf> {
    let own = sighting.variables.get("PATH").map_or("", String::as_str);
    let all = own.split(':').chain(USUAL_PATH.split(':'));
    all.filter(|it| it.starts_with('/'))
        .map(PathBuf::from)
        .collect()
}

struct Search<'s> {
    reader: &'s Reader,
    directories: Vec<PathBuf>,
}

impl Search<'_> {
    fn find(&self, name: &str) -> Option<PathBuf> {
        let paths = self.directories.iter().map(|it| it.join(name));
        let mut programs = paths.filter(|path| {
            let resolved = self.reader.resolve(path);
            self.reader.open(&resolved).is_some()
                && self
                    .reader
                    .mode(&resolved)
                    .is_some_and(|mode| mode & 0o111 != 0)
        });
        programs.next().map(|path| self.reader.resolve(&path))
    }

    fn need(&self, name: &str, kind: NeedKind, place: Option<&Place>) -> Need {
        Need {
            name: display::text(name),
            kind,
            path: self.find(name),
            package: None,
            place: place.cloned(),
        }
    }

    /// One of several: the first that is there, or all their names.
    fn choice(&self, names: &[String], place: &Place) -> Need {
        let found = names.iter().find(|name| self.find(name).is_some());
        let name = found.map_or_else(|| names.join(" or "), Clone::clone);
        self.need(&name, NeedKind::Skill, Some(place))
    }

    /// What OpenClaw's own skills, and those of the state directory, find on this host. What they do not find they do
    /// without, on the host as in a container.
    fn bundled(&self, gateway: &Gateway) -> Vec<Need> {
        let package = gateway.release.iter().map(|it| it.package.join("skills"));
        let roots = package.chain([gateway.state_directory.join("skills")]);
        let files = roots.flat_map(|root| {
            let names = self.reader.list(&root).into_iter().take(SKILLS);
            names.map(move |name| root.join(name).join("SKILL.md"))
        });
        let mut needs = Vec::new();
        for file in files {
            let text = self.reader.file(&file).ok().flatten().unwrap_or_default();
            let SkillPrograms { all, any } = skill_programs(&String::from_utf8_lossy(&text));
            let place = Place {
                path: file,
                line: None,
            };
            let named = all.iter().chain(&any);
            let named = named.map(|name| self.need(name, NeedKind::Skill, Some(&place)));
            needs.extend(named.filter(|need| need.path.is_some()));
        }
        needs
    }

    fn browser(&self, browser: &Browser) -> Need {
        let Some((path, place)) = &browser.executable else {
            let there = BROWSERS.iter().find(|name| self.find(name).is_some());
            return self.need(there.unwrap_or(&"chromium"), NeedKind::Browser, None);
        };
        Need {
            name: display::path(path),
            kind: NeedKind::Browser,
            path: self.reader.open(path).map(|_| self.reader.resolve(path)),
            package: None,
            place: Some(place.clone()),
        }
    }

    /// Other programs than node that were seen below the gateway.
    fn running(&self, gateway: &Gateway) -> Vec<Need> {
        let node = gateway.release.as_ref().map(|it| it.node.as_path());
        let processes = gateway.process.iter().flat_map(members);
        let programs = processes.filter_map(|id| self.reader.executable(id));
        let others = programs.filter(|path| Some(path.as_path()) != node && path.is_absolute());
        let others = others.filter(|path| self.reader.kind(path).is_some());
        let needs = others.map(|path| Need {
            name: display::path(Path::new(path.file_name().unwrap_or_default())),
            kind: NeedKind::Running,
            path: Some(path),
            package: None,
            place: None,
        });
        needs.collect()
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the test makes files and may panic"
)]
mod tests {
    use super::*;
    use crate::scan::sighting::tests::at_rest;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    fn place(line: u32) -> Place {
        Place {
            path: "/w/SKILL.md".into(),
            line: Some(line),
        }
    }

    #[test]
    fn programs_are_found_on_the_path_with_their_packages_and_missing_ones_are_findings() {
        let home = tempfile::tempdir().unwrap();
        let bin = home.path().join("bin");
        fs::create_dir(&bin).unwrap();
        fs::create_dir(home.path().join(".openclaw")).unwrap();
        fs::write(bin.join("own-tool"), "").unwrap();
        fs::set_permissions(bin.join("own-tool"), fs::Permissions::from_mode(0o755)).unwrap();
        let mut sighting = at_rest(home.path(), "");
        let path = bin.to_string_lossy().into_owned();
        sighting.variables.insert("PATH".into(), path);
        let mut own = OwnFiles::default();
        for (line, name) in (1..).zip(["own-tool", "env", "no-such-tool"]) {
            own.programs
                .insert((name.into(), NeedKind::Skill), place(line));
        }
        own.choices
            .push((vec!["no-such".into(), "cat".into()], place(9)));
        own.choices
            .push((vec!["no-such".into(), "neither".into()], place(10)));
        let mut gateway = crate::scan::findings::tests::gateway();
        gateway.release = None;
        gateway.needs = needs(&Reader::new(), &sighting, &gateway, &own, None);
        complete(&Reader::new(), std::slice::from_mut(&mut gateway));
        let shown: Vec<_> = gateway
            .needs
            .iter()
            .map(|need| {
                let package = need.package.as_deref().unwrap_or("-");
                format!("{} {} {package}", need.name, need.path.is_some())
            })
            .collect();
        let expected = [
            "cat true coreutils",
            "env true coreutils",
            "no-such or neither false -",
            "no-such-tool false -",
            "own-tool true -",
        ];
        assert_eq!(shown, expected);
        let findings = findings(&gateway);
        let ids: Vec<_> = findings
            .iter()
            .map(|it| format!("{} {}", it.id, it.place))
            .collect();
        assert_eq!(ids, ["OM-P009 /w/SKILL.md:10", "OM-P009 /w/SKILL.md:3"]);
    }
}

//! What would start a gateway and does not run, or would start a running one again: units, crontabs and pm2.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::launch::{Launch, Launches};
use super::shelf::Shelf;
use super::sighting::{self, Sighting};
use super::units::{self, Manager};
use super::{crontab, pm2, users};
use crate::host::reader::{Glance, Reader};
use crate::inventory::{Starter, UnitScope, User, When};

/// Finds everything on disk that starts a gateway.
pub(super) fn launches(reader: &Reader, glances: &[Glance], unseen: &mut Vec<String>) -> Launches {
    let all = users::all(reader);
    let (seen, hidden) = users::visible(reader, &all);
    if hidden > 0 {
        unseen.push(format!(
            "units, crontabs and pm2 of {hidden} other users: run as root to see them"
        ));
    }
    let mut launches = Launches::default();
    let managers = seen.iter().map(|user| Manager::of(reader, user));
    let shelf = Shelf::new(reader);
    for manager in managers.chain([Manager::system(reader)]) {
        units::find(&shelf, &manager, &all, &mut launches);
    }
    crontab::find(reader, &all, &mut launches);
    for (directory, when) in dumps(reader, glances, &seen, &launches) {
        let owner = reader.owner(&directory);
        let user = all
            .iter()
            .find(|user| owner.is_some_and(|(uid, _)| uid == user.uid));
        if let Some(user) = user {
            pm2::find(reader, &directory, when, user, &all, &mut launches);
        }
    }
    unseen.extend(launches.cut());
    launches
}

/// Returns the directories of pm2, each with when its dump comes back, the soonest of all.
fn dumps(
    reader: &Reader,
    glances: &[Glance],
    users: &[User],
    launches: &Launches,
) -> BTreeMap<PathBuf, When> {
    let daemons = glances.iter().filter(|it| it.name.starts_with(b"PM2 "));
    let daemons: Vec<_> = daemons.cloned().collect();
    let daemons = reader.details(&daemons).into_iter().filter_map(|daemon| {
        let words = daemon.arguments.iter().map(|it| it.to_string_lossy());
        let title = words.collect::<Vec<_>>().join(" ");
        pm2::daemon_directory(title.trim_end_matches(['\0', ' ']))
    });
    let usual = users
        .iter()
        .map(|user| (user.home.join(".pm2"), When::ByHand));
    let resurrected = launches.resurrected.iter().cloned();
    let mut dumps = BTreeMap::new();
    for (directory, when) in usual
        .chain(resurrected)
        .chain(daemons.map(|directory| (directory, When::AtOnce)))
    {
        let soonest = dumps.entry(directory).or_insert(when);
        *soonest = when.min(*soonest);
    }
    dumps
}

/// Gives every gateway what would start it again, and adds the gateways that do not run and would be started.
pub(super) fn place(
    reader: &Reader,
    launches: Vec<Launch>,
    sightings: &mut Vec<Sighting>,
) -> Vec<Launch> {
    let mut sleeping = Vec::new();
    let (asking, starting): (Vec<_>, Vec<_>) = launches
        .into_iter()
        .partition(|it| it.command.asks.is_some());
    for launch in starting {
        if sightings
            .iter()
            .any(|it| is_same(&it.starter, &launch.starter))
        {
            continue;
        }
        let directory = launch.state_directory(reader);
        let mut revived = 0;
        for known in sightings.iter_mut().filter(|it| match &directory {
            Some(directory) => it.state_directory == *directory,
            // Which gateway it means is hidden: it could be any of its user's.
            None => it.user.uid == launch.user.uid,
        }) {
            known.revivers.push(launch.reviver(false));
            revived += 1;
        }
        match launch.when {
            _ if revived > 0 => {}
            When::ByHand => sleeping.push(launch),
            _ => sightings.push(sighting::resting(reader, launch)),
        }
    }
    for launch in asking {
        // A unit that nothing wants runs all the same when something asks it to.
        let asked = |it: &mut Launch| is_asked(&it.starter, &launch) && launch.when != When::ByHand;
        for woken in sleeping.extract_if(.., asked) {
            sightings.push(sighting::resting(reader, woken));
        }
        ask(&launch, sightings);
    }
    sleeping
}

/// Gives a gateway what asks its unit to start. A unit that is not the gateway's starter could start it beside that.
fn ask(launch: &Launch, sightings: &mut [Sighting]) {
    for known in sightings {
        if is_asked(&known.starter, launch) {
            known.revivers.push(launch.reviver(true));
        } else if known
            .revivers
            .iter()
            .any(|it| is_asked(&it.starter, launch))
        {
            known.revivers.push(launch.reviver(false));
        }
    }
}

/// Returns whether a command asks this unit to start, of the manager that it speaks to.
fn is_asked(starter: &Starter, launch: &Launch) -> bool {
    let asked = launch.command.asks.as_deref().unwrap_or_default();
    let Starter::Unit(unit) = starter else {
        return false;
    };
    let is_named = unit.name == asked || unit.name == format!("{asked}.service");
    is_named && speaks_to(launch, unit.scope)
}

/// Returns whether a command speaks to this manager. A timer speaks to its own; root, and `--machine`, can reach any user's.
fn speaks_to(launch: &Launch, scope: UnitScope) -> bool {
    let says = |name: &str| launch.command.words.iter().any(|word| word == name);
    let of_machine = |word: &String| word.starts_with("-M") || word.starts_with("--machine");
    match (&launch.starter, scope) {
        (Starter::Unit(own), _) if !own.name.ends_with(".service") => own.scope == scope,
        (_, UnitScope::System) => !says("--user"),
        (_, UnitScope::User { uid }) => {
            let is_reached = [uid, 0].contains(&launch.user.uid);
            says("--user") && (is_reached || launch.command.words.iter().any(of_machine))
        }
    }
}

/// Returns whether two are the same starter; how a unit is enabled, and through which link it was found, do not count.
fn is_same(one: &Starter, other: &Starter) -> bool {
    match (one, other) {
        (Starter::Unit(one), Starter::Unit(other)) => {
            one.name == other.name && one.scope == other.scope
        }
        (one, other) => one == other,
    }
}

#[cfg(test)]
#[path = "rest_tests.rs"]
mod tests;

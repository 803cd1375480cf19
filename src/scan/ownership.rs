//! What is wrong with the files of one gateway, told from their census.

use crate::display;
use crate::inventory::{Catalogued, Census, Finding, Gateway, Oddity, catalogued};

/// Applies every rule to a gateway's files.
pub(super) fn findings(gateway: &Gateway) -> Vec<Finding> {
    let Some(census) = &gateway.census else {
        return Vec::new();
    };
    let rules = [
        strays(gateway, census),
        hard_links(gateway, census),
        closed(gateway, census),
    ];
    let oddities = ODDITIES
        .iter()
        .filter_map(|(oddity, kind)| odd(gateway, census, *oddity, kind));
    rules.into_iter().flatten().chain(oddities).collect()
}

/// What a person must act on. Sockets, pipes and locks are everyday things, devices never were seen.
const ODDITIES: [(Oddity, &Catalogued); 9] = [
    (Oddity::Immutable, &catalogued::IMMUTABLE),
    (Oddity::AppendOnly, &catalogued::IMMUTABLE),
    (Oddity::AccessList, &catalogued::ACCESS_LIST),
    (Oddity::LeavingLink, &catalogued::LEAVING_LINK),
    (Oddity::Mount, &catalogued::INNER_MOUNT),
    (Oddity::SetId, &catalogued::SET_ID),
    (Oddity::Capabilities, &catalogued::CAPABILITIES),
    (Oddity::OutsideNames, &catalogued::OUTSIDE_NAMES),
    (Oddity::OddName, &catalogued::ODD_NAME),
];

fn odd(gateway: &Gateway, census: &Census, oddity: Oddity, kind: &Catalogued) -> Option<Finding> {
    let sampled = census.oddities.get(&oddity)?;
    let entries = display::count(sampled.count, "entry", "entries");
    let finding = Finding::new(kind, &gateway.name, format!("{entries}: {oddity}"));
    Some(match sampled.sample.first() {
        Some(first) => finding.at(first),
        None => finding,
    })
}

fn strays(gateway: &Gateway, census: &Census) -> Option<Finding> {
    if census.strays == 0 {
        return None;
    }
    let mut summary = format!(
        "{} of {} entries do not belong to {}",
        census.strays, census.entries, gateway.user.name
    );
    if census.kept_strays > 0 {
        summary.push_str(&format!(
            "; {} of them keep their owner",
            census.kept_strays
        ));
    }
    let finding = Finding::new(&catalogued::STRAY_OWNER, &gateway.name, summary);
    Some(match census.sample.first() {
        Some(stray) => finding.at(&stray.path),
        None => finding,
    })
}

fn hard_links(gateway: &Gateway, census: &Census) -> Option<Finding> {
    if census.hard_linked_strays == 0 {
        return None;
    }
    let summary = format!(
        "{} files of another owner have several names",
        census.hard_linked_strays
    );
    let place = display::path(&gateway.state_directory);
    Some(Finding::new(&catalogued::HARD_LINKED_STRAY, &gateway.name, summary).at(place))
}

/// What the user could not read, were its files what they are now: ownership that is changed anyway does not count.
fn closed(gateway: &Gateway, census: &Census) -> Option<Finding> {
    let user = &gateway.user;
    let handover = census.handover_to(user.uid, user.gid);
    let summary = format!(
        "{} closed to {} by owner, group and mode",
        display::count(handover.unreadable, "entry is", "entries are"),
        user.name
    );
    let place = display::path(&gateway.state_directory);
    let finding = || Finding::new(&catalogued::CLOSED, &gateway.name, summary).at(place);
    (handover.unreadable > 0 && user.uid != 0).then(finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Class, EntryKind, Sampled};
    use crate::scan::findings::tests::gateway;

    /// Returns ids and places of what is found in a census.
    fn found(census: Census) -> Vec<String> {
        let mut gateway = gateway();
        gateway.census = Some(census);
        let found = findings(&gateway).into_iter();
        found.map(|it| format!("{} {}", it.id, it.place)).collect()
    }

    #[test]
    fn strays_and_what_is_closed_are_found() {
        let census = Census {
            entries: 9,
            strays: 2,
            hard_linked_strays: 1,
            classes: vec![Class {
                uid: 0,
                gid: 0,
                kind: EntryKind::File,
                mode: 0o600,
                entries: 2,
                kept: 0,
            }],
            ..Census::default()
        };
        let home = "/home/joe/.openclaw";
        let expected = [
            "OM-O002 ".to_owned(),
            format!("OM-O004 {home}"),
            format!("OM-O013 {home}"),
        ];
        assert_eq!(found(census), expected);
        assert_eq!(found(Census::default()), [""; 0]);
    }

    #[test]
    fn each_oddity_is_found_at_its_first_entry() {
        let found_of = |oddity| {
            let sampled = Sampled {
                count: 3,
                sample: vec!["/a".into()],
            };
            found(Census {
                oddities: [(oddity, sampled)].into(),
                ..Census::default()
            })
            .join(",")
        };
        let expected = [
            (Oddity::Immutable, "OM-O005 /a"),
            (Oddity::AppendOnly, "OM-O005 /a"),
            (Oddity::AccessList, "OM-O006 /a"),
            (Oddity::LeavingLink, "OM-O007 /a"),
            (Oddity::Mount, "OM-O008 /a"),
            (Oddity::SetId, "OM-O009 /a"),
            (Oddity::Capabilities, "OM-O010 /a"),
            (Oddity::OutsideNames, "OM-O011 /a"),
            (Oddity::OddName, "OM-O012 /a"),
            (Oddity::Socket, ""),
            (Oddity::Lock, ""),
        ];
        for (oddity, finding) in expected {
            assert_eq!(found_of(oddity), finding);
        }
    }
}

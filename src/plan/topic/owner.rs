//! Whom a group's files belong to.

use std::collections::BTreeSet;

use super::super::{Answer, Choice, Form, Group, OwnerPolicy, Plan, propose};
use super::{find_mut, unknown_choice};
use crate::display;
use crate::inventory::{Census, Gateway, Inventory, User};

const AS_OWNER: &str = "as_owner";
const ONE_IDENTITY: &str = "one_identity";
const EACH_ITS_OWN: &str = "each_its_own";

pub(super) fn is_one_identity(group: &Group) -> bool {
    matches!(group.owner, OwnerPolicy::OneIdentity { .. })
}

pub(super) fn ask(
    inventory: &Inventory,
    draft: &Plan,
    group: &str,
) -> (String, String, Form, Answer) {
    let gateways = gateways(inventory, draft, group);
    let users: BTreeSet<_> = gateways.iter().map(|it| shown(&it.user)).collect();
    let choices = choices(&gateways, &users.into_iter().collect::<Vec<_>>());
    let key = match draft.find_group(group).map(|group| &group.owner) {
        Some(OwnerPolicy::OneIdentity { .. }) => ONE_IDENTITY,
        Some(OwnerPolicy::EachItsOwn) => EACH_ITS_OWN,
        Some(OwnerPolicy::AsOwner { .. }) | None => AS_OWNER,
    };
    (
        format!("Owner of the files of {group}"),
        format!(
            "The container runs as the owner of the files at their own paths, so that no chown is needed; strays are given to \
             that owner, and rollback gives them back. One user and group of its own parts the group from the others, and \
             every file changes hands. {}",
            counted(&gateways)
        ),
        Form::One(choices),
        Answer::Text(key.to_owned()),
    )
}

fn choices(gateways: &[&Gateway], users: &[String]) -> Vec<Choice> {
    let usual = if users.len() > 1 {
        let text = format!("each gateway as its owner: {}", users.join(", "));
        (EACH_ITS_OWN, text)
    } else {
        let strays: u64 = censuses(gateways).map(Census::changing_strays).sum();
        let strays = display::count(strays, "stray changes", "strays change");
        let text = format!("as its owner {}; {strays} hands", users.join(""));
        (AS_OWNER, text)
    };
    let one = (ONE_IDENTITY, "one user and group for all of it".to_owned());
    [usual, one]
        .map(|(key, text)| Choice {
            key: key.to_owned(),
            text,
        })
        .into()
}

pub(super) fn apply(
    inventory: &Inventory,
    draft: &mut Plan,
    name: &str,
    key: &str,
) -> Result<(), String> {
    let gateways = gateways(inventory, draft, name);
    let usual = propose::owner(&gateways);
    let is_usual = match usual {
        OwnerPolicy::EachItsOwn => key == EACH_ITS_OWN,
        OwnerPolicy::AsOwner { .. } | OwnerPolicy::OneIdentity { .. } => key == AS_OWNER,
    };
    let first = gateways.first().map(|it| (it.user.uid, it.user.gid));
    let owner = match (key, first) {
        _ if is_usual => usual,
        (ONE_IDENTITY, Some((uid, gid))) => one(&gateways, uid, gid),
        (EACH_ITS_OWN, _) => return Err(format!("the gateways of {name} have one user")),
        (AS_OWNER, _) => return Err(format!("the gateways of {name} have several users")),
        _ => return Err(unknown_choice(key)),
    };
    let group = find_mut(draft, name)?;
    // The numbers come with the next question.
    if !(is_one_identity(group) && key == ONE_IDENTITY) {
        group.owner = owner;
    }
    Ok(())
}

pub(super) fn ask_identity(
    inventory: &Inventory,
    draft: &Plan,
    group: &str,
) -> (String, String, Form, Answer) {
    let gateways = gateways(inventory, draft, group);
    let owner = draft.find_group(group).map(|group| &group.owner);
    let (now, changes) = match owner {
        Some(OwnerPolicy::OneIdentity { uid, gid, changes }) => (format!("{uid}:{gid}"), *changes),
        _ => (String::new(), None),
    };
    let changes = changes.map_or_else(
        || "How much that is was not counted.".to_owned(),
        |changes| {
            let entries = display::count(changes, "entry", "entries");
            format!("With {now}, {entries} would change hands.")
        },
    );
    (
        format!("User and group of {group}, as uid:gid"),
        format!(
            "Both are numbers of this host, and the user must be there: getent passwd. {changes} {}",
            counted(&gateways)
        ),
        Form::Text,
        Answer::Text(now),
    )
}

pub(super) fn apply_identity(
    inventory: &Inventory,
    draft: &mut Plan,
    name: &str,
    text: &str,
) -> Result<(), String> {
    let numbers = text.trim().split_once(':');
    let numbers = numbers.and_then(|(uid, gid)| Some((uid.parse().ok()?, gid.parse().ok()?)));
    let Some((uid, gid)) = numbers else {
        let text = display::text(text);
        return Err(format!("`{text}` is no uid:gid; write `1001:1001`"));
    };
    if !draft.facts.uids.contains(&uid) {
        return Err(format!(
            "there is no user with the id {uid} on this host; make it first: useradd"
        ));
    }
    let owner = one(&gateways(inventory, draft, name), uid, gid);
    find_mut(draft, name)?.owner = owner;
    Ok(())
}

/// One user and group, with what chown would do.
fn one(gateways: &[&Gateway], uid: u32, gid: u32) -> OwnerPolicy {
    let changes = |gateway: &&Gateway| {
        let census = gateway.census.as_ref()?;
        Some(census.handover_to(uid, gid).changes)
    };
    OwnerPolicy::OneIdentity {
        uid,
        gid,
        changes: gateways.iter().map(changes).sum(),
    }
}

/// Says how many files there are, and how many of them never change hands.
fn counted(gateways: &[&Gateway]) -> String {
    let entries: u64 = censuses(gateways).map(|census| census.entries).sum();
    if entries == 0 {
        return "The files were not counted.".to_owned();
    }
    let kept = |census: &Census| census.classes.iter().map(|it| it.kept).sum::<u64>();
    let kept: u64 = censuses(gateways).map(kept).sum();
    let entries = display::count(entries, "entry", "entries");
    format!(
        "It has {entries}, of which {kept} keep their owner in any case (setuid, capabilities, immutable, several names, \
         devices)."
    )
}

fn censuses<'a>(gateways: &'a [&Gateway]) -> impl Iterator<Item = &'a Census> {
    gateways.iter().filter_map(|it| it.census.as_ref())
}

pub(super) fn gateways<'a>(
    inventory: &'a Inventory,
    draft: &Plan,
    group: &str,
) -> Vec<&'a Gateway> {
    let own = draft
        .find_group(group)
        .map(Group::gateways)
        .unwrap_or_default();
    let gateways = inventory.gateways.iter();
    gateways.filter(|it| own.contains(&it.name)).collect()
}

fn shown(user: &User) -> String {
    format!("{} ({}:{})", display::text(&user.name), user.uid, user.gid)
}

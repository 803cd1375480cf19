//! Which groups are decided about in detail.

use super::super::{Answer, Choice, Form, Group, Network, OwnerPolicy, Plan, Sight};
use super::image;
use crate::display;
use crate::inventory::Inventory;

pub(super) fn ask(inventory: &Inventory, draft: &Plan) -> (String, String, Form, Answer) {
    let unusual = draft.groups.iter();
    let unusual = unusual.filter(|group| is_unusual(inventory, group));
    let mut unusual: Vec<_> = unusual.map(|group| group.name.clone()).collect();
    unusual.sort();
    let width = draft.groups.iter().map(|it| it.name.len()).max();
    let width = width.unwrap_or_default();
    (
        "Decide more about which groups".to_owned(),
        "Behind each group stands what is proposed: whom its files belong to, what it sees of the home directory, how it is \
         reached, and what it runs. A marked group is asked about each of these. Of the others nothing more is asked, and \
         they stay as they are."
            .to_owned(),
        Form::Several(draft.groups.iter().map(|it| choice(it, width)).collect()),
        Answer::Several(unusual),
    )
}

fn choice(group: &Group, width: usize) -> Choice {
    let owner = match &group.owner {
        OwnerPolicy::AsOwner { .. } => "as its owner".to_owned(),
        OwnerPolicy::OneIdentity { uid, gid, .. } => format!("as {uid}:{gid}"),
        OwnerPolicy::EachItsOwn => "each as its owner".to_owned(),
    };
    let sight = match group.sight {
        Sight::Home => "sees HOME",
        Sight::Narrow => "sees its state only",
    };
    let network = match group.network {
        Network::Bridge { .. } => "bridge",
        Network::Host => "the host's network",
    };
    let image = if image::is_of_a_person(group) {
        display::text(image::short(group))
    } else {
        "this host's OpenClaw".to_owned()
    };
    Choice {
        key: group.name.clone(),
        text: format!(
            "{:width$}  {owner}, {sight}, {network}, {image}",
            group.name
        ),
    }
}

/// Whether something about a group differs from what is proposed for every group.
fn is_unusual(inventory: &Inventory, group: &Group) -> bool {
    matches!(group.owner, OwnerPolicy::OneIdentity { .. })
        || group.sight != Sight::Home
        || group.network == Network::Host
        || image::is_unusual(inventory, group)
}

pub(super) fn check(draft: &Plan, groups: &[String]) -> Result<(), String> {
    match groups.iter().find(|name| draft.find_group(name).is_none()) {
        None => Ok(()),
        Some(name) => Err(format!("there is no group `{}`", display::text(name))),
    }
}

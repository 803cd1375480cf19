//! Which group is moved first, and which after it.

use super::super::{Answer, Form, Plan};

pub(super) fn ask(draft: &Plan) -> (String, String, Form, Answer) {
    let names: Vec<&str> = draft
        .groups
        .iter()
        .map(|group| group.name.as_str())
        .collect();
    (
        "Order, canary first".to_owned(),
        "Groups are moved one after the other, in this order. The first is the canary: if it does badly, the others have not \
         been touched yet. So begin with the group that you can do without for an hour, and leave the one that all others \
         need for the end. Write all names, with spaces between them."
            .to_owned(),
        Form::Text,
        Answer::Text(names.join(" ")),
    )
}

pub(super) fn apply(draft: &mut Plan, text: &str) -> Result<(), String> {
    let names: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c == ',')
        .filter(|name| !name.is_empty())
        .collect();
    if let Some(unknown) = names.iter().find(|name| draft.find_group(name).is_none()) {
        return Err(format!(
            "there is no group `{}`",
            crate::display::text(unknown)
        ));
    }
    let place = |name: &str| names.iter().position(|other| *other == name);
    if let Some(missing) = draft
        .groups
        .iter()
        .find(|group| place(&group.name).is_none())
    {
        return Err(format!("`{}` is missing", missing.name));
    }
    if names.len() > draft.groups.len() {
        return Err("a group is named twice".to_owned());
    }
    draft.groups.sort_by_key(|group| place(&group.name));
    Ok(())
}

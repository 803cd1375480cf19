//! What a group's container runs.

use super::super::propose;
use super::super::{
    Answer, BaseImage, Choice, Form, Group, Image, ImageRecipe, Plan, check, packages,
};
use super::{find_mut, owner, unknown_choice};
use crate::display;
use crate::inventory::Inventory;

const HOST: &str = "host";
const BASE: &str = "base";
const GIVEN: &str = "given";

/// Returns whether its image, or the base of it, is one of a person's own.
pub(super) fn is_of_a_person(group: &Group) -> bool {
    key(&group.image) != HOST
}

/// Returns the packages in ocmigrate's own base, where it is built on that.
pub(super) fn packages(group: &Group) -> Option<&[String]> {
    match &group.image {
        Image::FromHost(ImageRecipe {
            base: BaseImage::Own { packages, .. },
            ..
        }) => Some(packages),
        Image::FromHost(_) | Image::Given { .. } => None,
    }
}

/// Names the image or its base, whichever tells more.
pub(super) fn short(group: &Group) -> &str {
    match &group.image {
        Image::FromHost(recipe) => recipe.base.reference(),
        Image::Given { reference } => reference,
    }
}

pub(super) fn is_unusual(inventory: &Inventory, group: &Group) -> bool {
    is_of_a_person(group)
        || packages(group).is_some_and(|own| *own != packages::proposed(inventory))
}

fn key(image: &Image) -> &'static str {
    match image {
        Image::FromHost(ImageRecipe { base, .. }) => match base {
            BaseImage::Own { .. } => HOST,
            BaseImage::Given { .. } => BASE,
        },
        Image::Given { .. } => GIVEN,
    }
}

pub(super) fn ask(
    inventory: &Inventory,
    draft: &Plan,
    group: &str,
) -> (String, String, Form, Answer) {
    let gateways = owner::gateways(inventory, draft, group);
    let release = gateways.iter().find_map(|it| it.release.as_ref());
    let release = release.map_or_else(
        || "OpenClaw".to_owned(),
        |release| format!("OpenClaw {}", display::text(&release.version)),
    );
    let choice = |key: &str, text: String| Choice {
        key: key.to_owned(),
        text,
    };
    let image = draft.find_group(group).map(|group| &group.image);
    (
        format!("Image of {group}"),
        "What runs today is what runs tomorrow: node and OpenClaw are taken from this host at their own paths, onto a base of \
         this host's distribution with the packages that the agents need. The base can be an image of yours that fits this \
         host's C library. An image of yours that holds everything must have the same OpenClaw and a node at the paths of this \
         host; what is in it shows only when execute looks, before anything stops, so that has to be accepted."
            .to_owned(),
        Form::One(vec![
            choice(HOST, format!("node and {release} of this host on ocmigrate's base")),
            choice(BASE, format!("node and {release} of this host on a base of yours")),
            choice(GIVEN, "an image of yours that holds everything".to_owned()),
        ]),
        Answer::Text(image.map_or(HOST, key).to_owned()),
    )
}

pub(super) fn apply(
    inventory: &Inventory,
    draft: &mut Plan,
    name: &str,
    chosen: &str,
) -> Result<(), String> {
    let group = find_mut(draft, name)?;
    if key(&group.image) == chosen {
        return Ok(());
    }
    let image = match chosen {
        HOST => {
            let base = propose::own_base(inventory, packages::proposed(inventory));
            from_host(inventory, draft, name, base)
        }
        // The reference comes with the next question.
        BASE => from_host(
            inventory,
            draft,
            name,
            BaseImage::Given {
                reference: String::new(),
            },
        ),
        GIVEN => Image::Given {
            reference: String::new(),
        },
        _ => return Err(unknown_choice(chosen)),
    };
    find_mut(draft, name)?.image = image;
    Ok(())
}

fn from_host(inventory: &Inventory, draft: &Plan, group: &str, base: BaseImage) -> Image {
    let gateways = owner::gateways(inventory, draft, group);
    Image::FromHost(propose::recipe(&gateways, base))
}

pub(super) fn ask_reference(draft: &Plan, group: &str) -> (String, String, Form, Answer) {
    let found = draft.find_group(group);
    let what = match found.map(|group| key(&group.image)) {
        Some(GIVEN) => "Image",
        _ => "Base image",
    };
    (
        format!("{what} of {group}"),
        "Its reference, as `docker images` shows it: name:tag. The engine must have it before execute: docker pull.".to_owned(),
        Form::Text,
        Answer::Text(found.map(short).unwrap_or_default().to_owned()),
    )
}

pub(super) fn apply_reference(
    inventory: &Inventory,
    draft: &mut Plan,
    name: &str,
    text: &str,
) -> Result<(), String> {
    check::check_reference(text)?;
    let reference = text.to_owned();
    let image = match find_mut(draft, name)?.image {
        Image::Given { .. } => Image::Given { reference },
        Image::FromHost(_) => from_host(inventory, draft, name, BaseImage::Given { reference }),
    };
    find_mut(draft, name)?.image = image;
    Ok(())
}

pub(super) fn ask_packages(
    inventory: &Inventory,
    draft: &Plan,
    group: &str,
) -> (String, String, Form, Answer) {
    let own = draft
        .find_group(group)
        .and_then(packages)
        .unwrap_or_default();
    let needed: Vec<_> = packages::needed(inventory)
        .into_iter()
        .map(|(package, program)| format!("{package} ({program})"))
        .collect();
    let needed = if needed.is_empty() {
        "Beside them the scan found no package that agents use.".to_owned()
    } else {
        format!("What the scan found agents use: {}.", needed.join(", "))
    };
    (
        format!("Packages of {group}"),
        format!(
            "Debian packages of the base image beside the minimal system, with spaces between them. A shell, git, curl and \
             ssh are among those that are proposed. Each must be in this host's distribution; groups with the same packages \
             share the base. {needed}"
        ),
        Form::Text,
        Answer::Text(own.join(" ")),
    )
}

pub(super) fn apply_packages(
    inventory: &Inventory,
    draft: &mut Plan,
    name: &str,
    text: &str,
) -> Result<(), String> {
    let words = text.split(|c: char| c.is_whitespace() || c == ',');
    let mut words: Vec<String> = words
        .filter(|it| !it.is_empty())
        .map(str::to_owned)
        .collect();
    words.sort();
    words.dedup();
    if let Some(strange) = words.iter().find(|word| !check::is_package(word)) {
        return Err(format!(
            "`{}` is no name of a package",
            display::text(strange)
        ));
    }
    let base = propose::own_base(inventory, words);
    let image = from_host(inventory, draft, name, base);
    find_mut(draft, name)?.image = image;
    Ok(())
}

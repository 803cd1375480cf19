//! Makes the image that the group runs: this host's node and OpenClaw at their own paths, as one layer on the base.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::image::{ImageBefore, recipe_hash};
use super::{Context, Description, Drift, Kind, Result, Sign, StepError};
use crate::docker::{ImageSpec, LayerEntry};

/// The label by which ocmigrate knows a runtime image of its own; its value is the recipe's hash.
const LABEL: &str = "ocmigrate.recipe";

/// Makes the runtime image by loading one layer onto the base.
///
/// `Before` says whether it was there. Idempotent: an image with the recipe's label is taken as it is. Undo leaves it:
/// the image is a cache that a second try uses, and nothing runs from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MakeImage {
    /// The reference that it gets.
    pub reference: String,
    /// The base.
    pub base: String,
    /// What its layer holds.
    pub entries: Vec<LayerEntry>,
    /// What it is, in words.
    pub content: String,
}

impl Kind for MakeImage {
    type Before = ImageBefore;

    fn describe(&self) -> Description {
        Description {
            id: "make-image".to_owned(),
            sign: Sign::Add,
            what: format!("image  {}, {}", self.reference, self.content),
            why: "what runs today is what runs tomorrow: the same version at the same paths"
                .to_owned(),
            in_silence: false,
        }
    }

    fn capture(&self, context: &Context) -> Result<ImageBefore> {
        let image = context.docker.find_image(&self.reference)?;
        match &image {
            Some(image) if !image.labels.contains_key(LABEL) => Err(StepError::Foreign {
                what: format!("image `{}`", self.reference),
            }),
            _ => Ok(ImageBefore {
                was_there: image.is_some(),
            }),
        }
    }

    fn apply(&self, _before: &ImageBefore, context: &Context) -> Result<()> {
        let recipe = self.recipe();
        let known = context.docker.find_image(&self.reference)?;
        if known.is_some_and(|image| image.labels.get(LABEL) == Some(&recipe)) {
            return Ok(());
        }
        let spec = ImageSpec {
            reference: self.reference.clone(),
            base: self.base.clone(),
            entries: self.entries.clone(),
            labels: BTreeMap::from([(LABEL.to_owned(), recipe)]),
        };
        let say = context.say;
        context
            .docker
            .make_image(&spec, &|sent, all| say(&format!("image: {sent} of {all}")))?;
        Ok(())
    }

    fn undo(&self, _before: &ImageBefore, _context: &Context) -> Result<()> {
        Ok(())
    }

    fn verify(&self, _before: &ImageBefore, context: &Context) -> Result<Vec<Drift>> {
        let remedy = "ocmigrate rollback, then execute again";
        Ok(match context.docker.find_image(&self.reference)? {
            Some(image) if image.labels.get(LABEL) == Some(&self.recipe()) => Vec::new(),
            Some(_) => vec![Drift::new(
                format!("image `{}` was replaced", self.reference),
                remedy,
            )],
            None => vec![Drift::new(
                format!("image `{}` is gone", self.reference),
                remedy,
            )],
        })
    }
}

impl MakeImage {
    fn recipe(&self) -> String {
        recipe_hash(&(&self.base, &self.entries))
    }
}

//! Makes the base image, where the engine does not have it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::image::{ImageBefore, recipe_hash};
use super::{Context, Description, Drift, Kind, Result, Sign, StepError};
use crate::plan::BaseImage;

/// The label by which ocmigrate knows a base image of its own; its value is the recipe's hash.
const LABEL: &str = "ocmigrate.base";

/// Makes the base image of the host's distribution with debootstrap, or looks that the given one is there.
///
/// `Before` says whether it was there. Idempotent: an image with the recipe's label is taken as it is. Undo removes the
/// archive that a crash left, and leaves the image: it is a cache that a second try uses, and nothing runs from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MakeBase {
    /// The image.
    pub base: BaseImage,
    /// Where the archive of its file system lies while it is made.
    pub archive: PathBuf,
}

impl Kind for MakeBase {
    type Before = ImageBefore;

    fn describe(&self) -> Description {
        let why = match &self.base {
            BaseImage::Given { .. } => "the base that was asked for".to_owned(),
            BaseImage::Own { codename, .. } => {
                format!(
                    "the distribution of this host ({codename}), so that its node and libraries fit"
                )
            }
        };
        Description {
            id: "make-base".to_owned(),
            sign: Sign::Add,
            what: format!("image  {}, unless the engine has it", self.base.reference()),
            why,
            in_silence: false,
        }
    }

    fn capture(&self, context: &Context) -> Result<ImageBefore> {
        let image = context.docker.find_image(self.base.reference())?;
        match (&self.base, &image) {
            (BaseImage::Given { reference }, None) => Err(StepError::unmet_with_hint(
                format!("the base image `{reference}` is not on this host"),
                format!("docker pull {reference}, or plan without --base"),
            )),
            (BaseImage::Own { .. }, Some(image)) if !image.labels.contains_key(LABEL) => {
                let what = format!("image `{}`", self.base.reference());
                Err(StepError::Foreign { what })
            }
            _ => Ok(ImageBefore {
                was_there: image.is_some(),
            }),
        }
    }

    fn apply(&self, _before: &ImageBefore, context: &Context) -> Result<()> {
        let BaseImage::Own {
            reference,
            codename,
            packages,
        } = &self.base
        else {
            return Ok(());
        };
        let recipe = recipe_hash(&self.base);
        let known = context.docker.find_image(reference)?;
        if known.is_some_and(|image| image.labels.get(LABEL) == Some(&recipe)) {
            return Ok(());
        }
        (context.say)(&format!(
            "making {reference} with debootstrap; this takes a minute or two"
        ));
        context.host.make_base(codename, packages, &self.archive)?;
        let labels = BTreeMap::from([(LABEL.to_owned(), recipe)]);
        context
            .docker
            .import_base(&self.archive, reference, &labels)?;
        context.host.remove(&self.archive)?;
        Ok(())
    }

    fn undo(&self, _before: &ImageBefore, context: &Context) -> Result<()> {
        Ok(context.host.remove(&self.archive)?)
    }

    fn verify(&self, _before: &ImageBefore, _context: &Context) -> Result<Vec<Drift>> {
        Ok(Vec::new())
    }
}

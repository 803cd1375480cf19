//! What a person wishes of the proposal, as flags.

use std::path::PathBuf;

use clap::Args;

use super::failure::{Code, Failure};
use super::setting;
use crate::plan;
use crate::units::Bytes;

#[derive(Debug, Args)]
pub(super) struct Wishes {
    /// Build the groups' images on IMAGE, which the engine must have
    #[arg(long, value_name = "IMAGE")]
    base: Option<String>,
    /// Leave SIZE of memory to the host [default: the larger of 2G and 6%]
    #[arg(long, value_name = "SIZE")]
    reserve: Option<Bytes>,
    /// Give budgets PERCENT above the measured peak [default: 50]
    #[arg(long, value_name = "PERCENT")]
    headroom: Option<u32>,
    /// Read the words that tell what agents are for from FILE
    #[arg(long, value_name = "FILE")]
    vocabulary: Option<PathBuf>,
}

impl Wishes {
    pub(super) fn read(&self) -> Result<plan::Wishes, Failure> {
        let vocabulary = match &self.vocabulary {
            None => plan::Vocabulary::default(),
            Some(path) => {
                plan::Vocabulary::parse(&setting::read_given(path)?).map_err(|error| {
                    let shown = crate::display::path(path);
                    Failure::new(Code::Usage, format!("{shown}: {error}"))
                        .hint("every line is `GROUP: WORD WORD*`, or a comment behind #")
                })?
            }
        };
        Ok(plan::Wishes {
            base: self.base.clone(),
            reserve: self.reserve,
            headroom_percent: self.headroom,
            vocabulary,
        })
    }
}

//! Creates the group's bridge network.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Context, Description, Drift, Kind, Result, Sign, StepError};

/// Creates the bridge network that the group's container joins.
///
/// `Before` says whether it was there. Idempotent: a network with the same labels is taken as the result of an earlier
/// try; one without them is foreign and stays. Undo removes the network that this run made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateNetwork {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// Whether the network was there.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Before {
    was_there: bool,
}

impl Kind for CreateNetwork {
    type Before = Before;

    fn describe(&self) -> Description {
        Description {
            id: "create-network".to_owned(),
            sign: Sign::Add,
            what: format!("network {}", self.name),
            why: "a group reaches the outside and no other group".to_owned(),
            in_silence: false,
        }
    }

    fn capture(&self, context: &Context) -> Result<Before> {
        match context.docker.find_network(&self.name)? {
            None => Ok(Before { was_there: false }),
            Some(labels) if labels == self.labels => Ok(Before { was_there: true }),
            Some(_) => Err(StepError::Foreign {
                what: format!("network `{}`", self.name),
            }),
        }
    }

    fn apply(&self, _before: &Before, context: &Context) -> Result<()> {
        if context.docker.find_network(&self.name)?.is_none() {
            context.docker.create_network(&self.name, &self.labels)?;
        }
        Ok(())
    }

    fn undo(&self, before: &Before, context: &Context) -> Result<()> {
        let ours = context
            .docker
            .find_network(&self.name)?
            .is_some_and(|labels| labels == self.labels);
        if ours && !before.was_there {
            context.docker.remove_network(&self.name)?;
        }
        Ok(())
    }

    fn verify(&self, _before: &Before, context: &Context) -> Result<Vec<Drift>> {
        Ok(match context.docker.find_network(&self.name)? {
            Some(labels) if labels == self.labels => Vec::new(),
            _ => vec![Drift::new(
                format!("network `{}` is not as it was made", self.name),
                "ocmigrate rollback, then execute again",
            )],
        })
    }
}

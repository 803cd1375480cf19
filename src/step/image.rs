//! What the two steps that make images share.

use serde::{Deserialize, Serialize};

/// Whether the image was there before.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ImageBefore {
    /// Whether it was.
    pub(super) was_there: bool,
}

/// Returns the hash of a recipe, which an image carries as a label: 16 hexadecimal digits.
pub(super) fn recipe_hash(recipe: &impl Serialize) -> String {
    let recipe = serde_json::to_vec(recipe).unwrap_or_default();
    let hash = blake3::hash(&recipe).to_hex();
    hash.as_str().get(..16).unwrap_or_default().to_owned()
}

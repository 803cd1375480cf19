//! The OAuth logins of agents, as `auth-profiles.json` has them; 2026.9.6 keeps them in its databases
//! (docs/concepts/oauth.md).

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::accounts::normal;
use crate::secret::Secret;

/// Returns where an agent's logins stand.
#[must_use]
pub fn auth_store(state_directory: &Path, agent: &str) -> PathBuf {
    let agent = format!("agents/{}/agent/auth-profiles.json", normal(agent));
    state_directory.join(agent)
}

/// Returns the OAuth logins of a store: the profile and its refresh token. What is no store has none.
#[must_use]
pub fn oauth_logins(store: &[u8]) -> Vec<(String, Secret)> {
    let store: Value = serde_json::from_slice(store).unwrap_or_default();
    let profiles = store.get("profiles").and_then(Value::as_object);
    let logins = profiles
        .into_iter()
        .flatten()
        .filter_map(|(name, profile)| {
            let token = profile.get("refresh").and_then(Value::as_str)?.trim();
            (!token.is_empty()).then(|| (name.clone(), Secret::new(token)))
        });
    logins.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refresh_tokens_are_taken_out_of_a_store() {
        let store =
            br#"{"version": 1, "profiles": {"openai:default": {"type": "oauth", "refresh": "r"},
            "x": {"type": "api_key", "key": "k"}, "y": 3}}"#;
        let logins = oauth_logins(store);
        let shown: Vec<_> = logins
            .iter()
            .map(|(name, token)| (name.as_str(), token.expose()))
            .collect();
        assert_eq!(shown, [("openai:default", "r")]);
        assert!(oauth_logins(b"SEKRET").is_empty());
        let path = auth_store(Path::new("/s"), "Big");
        assert_eq!(path, Path::new("/s/agents/big/agent/auth-profiles.json"));
    }
}

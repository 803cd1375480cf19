//! Paths of a configuration that begin at the directory in which the gateway is started: elsewhere they lead elsewhere.

use super::config::MAX_ENTRIES;
use super::merged::Merged;
use crate::inventory::Place;

/// Keys whose texts are paths; docs/gateway/configuration of 2026.9.6.
const PATH_KEYS: [&str; 6] = [
    "workspace",
    "agentDir",
    "tokenFile",
    "secretFile",
    "authDir",
    "executablePath",
];

/// Returns the keys of such paths and where they stand, at most [`MAX_ENTRIES`]: texts under a key of paths, and others that
/// begin with `./` or `../`.
pub(super) fn relative_paths(config: &Merged) -> Vec<(String, Place)> {
    let mut found = Vec::new();
    config.texts(&mut |path, text, at| {
        let text = text.trim();
        let is_path = path
            .last()
            .is_some_and(|key| PATH_KEYS.contains(&key.as_str()));
        let begins_here = text.starts_with("./") || text.starts_with("../");
        let is_plain = !text.is_empty() && !text.starts_with(['/', '~', '$']) && is_path;
        if (begins_here || is_plain) && found.len() < MAX_ENTRIES {
            found.push((path.join("."), config.place(at)));
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_begin_nowhere_are_told_and_others_are_not() {
        let text = "{agents: {defaults: {workspace: './w'}, list: [{id: 'a', workspace: 'w/a'},\n {id: 'b', workspace: '~/b'},
            {id: 'c', workspace: '/c'}, {id: 'd', workspace: '${W}/d'}]}, skills: {load: {extraDirs: ['../s', 'x/y']}},
            channels: {telegram: {tokenFile: 't'}}, messages: {prefix: '.'}}";
        let found = relative_paths(&Merged::alone(text)).into_iter();
        let found: Vec<_> = found
            .map(|(key, place)| format!("{key} {}", place.line.unwrap_or_default()))
            .collect();
        let expected = [
            "agents.defaults.workspace 1",
            "agents.list.0.workspace 1",
            "skills.load.extraDirs.0 3",
            "channels.telegram.tokenFile 4",
        ];
        assert_eq!(found, expected);
    }
}

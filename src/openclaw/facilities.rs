//! What of its host a gateway is configured to use beside files, ports and programs.

use serde_json::Value;

use super::facts::Context;
use super::merged::Merged;
use crate::display;
use crate::inventory::Facilities;

/// Reads what is switched on; docs/gateway/discovery.md, tailscale.md and sandboxing.md of 2026.9.6, and configuration.md of
/// 2026.2.9.
pub(super) fn facilities(config: &Merged, context: &Context<'_>) -> Facilities {
    let mode = |path: &[&str]| on(config.get(path).as_ref());
    let is_silenced = context
        .environment
        .get("OPENCLAW_DISABLE_BONJOUR")
        .is_some_and(|value| matches!(value.as_str(), "1" | "true" | "yes" | "on"));
    Facilities {
        mdns: mode(&["discovery", "mdns", "mode"]).filter(|_| !is_silenced),
        tailscale: mode(&["gateway", "tailscale", "mode"]),
        sandbox: sandbox(config),
    }
}

/// The mode of all agents, or of the first agent that has one.
fn sandbox(config: &Merged) -> Option<String> {
    let all = config.get(&["agents", "defaults", "sandbox", "mode"]);
    let [list, entries] = ["list", "entries"].map(|key| config.get(&["agents", key]));
    let list = list.as_ref().and_then(Value::as_array);
    let entries = entries.as_ref().and_then(Value::as_object);
    let agents = list.into_iter().flatten();
    let agents = agents.chain(entries.into_iter().flat_map(|it| it.values()));
    let own = agents.map(|agent| agent.pointer("/sandbox/mode"));
    std::iter::once(all.as_ref()).chain(own).find_map(on)
}

/// A mode that is set and is not `off`.
fn on(mode: Option<&Value>) -> Option<String> {
    let mode = mode?.as_str()?.trim();
    (!mode.is_empty() && mode != "off").then(|| display::text(mode))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::path::Path;

    fn read(text: &str, variables: &[(&str, &str)]) -> Facilities {
        let environment: BTreeMap<String, String> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let context = Context {
            home: Path::new("/home/joe"),
            directory: Path::new("/home/joe"),
            state_directory: Path::new("/home/joe/.openclaw"),
            environment: &environment,
        };
        facilities(&Merged::alone(text), &context)
    }

    #[test]
    fn what_is_switched_on_is_told_with_its_mode() {
        let text = "{discovery: {mdns: {mode: 'full'}}, gateway: {tailscale: {mode: 'serve'}},\n \
                    agents: {defaults: {sandbox: {mode: 'off'}}, list: [{id: 'a'}, {id: 'b', sandbox: {mode: 'all'}}]}}";
        let mut expected = Facilities {
            mdns: Some("full".to_owned()),
            tailscale: Some("serve".to_owned()),
            sandbox: Some("all".to_owned()),
        };
        assert_eq!(read(text, &[]), expected);
        expected.mdns = None;
        assert_eq!(read(text, &[("OPENCLAW_DISABLE_BONJOUR", "1")]), expected);
        let off = "{discovery: {mdns: {mode: 'off'}}, gateway: {tailscale: {mode: 'off'}}, agents: {list: {}}}";
        assert_eq!(read(off, &[]), Facilities::default());
        let all = "{agents: {defaults: {sandbox: {mode: 'non-main'}}}}";
        assert_eq!(read(all, &[]).sandbox.as_deref(), Some("non-main"));
        let entries = "{agents: {entries: {a: {sandbox: {mode: 'all'}}}}}";
        assert_eq!(read(entries, &[]).sandbox.as_deref(), Some("all"));
    }
}

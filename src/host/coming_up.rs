//! Whether a process is about to become a gateway: until its title, its lock and its port tell, its arguments do.

/// The names under which OpenClaw is started, less their endings.
const PROGRAMS: [&str; 3] = ["openclaw", "clawdbot", "moltbot"];

/// Returns whether these arguments make a process serve: OpenClaw's program or script, then `gateway`, alone, with options,
/// or with `run`. `gateway status`, `call` and others ask a gateway that is there.
pub(super) fn serves(words: &[String]) -> bool {
    let at = words.iter().position(|word| is_program(word));
    let mut after = words.iter().skip(at.map_or(words.len(), |at| at + 1));
    if !after.any(|word| word == "gateway") {
        return false;
    }
    after
        .next()
        .is_none_or(|word| word == "run" || word.is_empty() || word.starts_with('-'))
}

/// Returns the profile that the arguments name.
pub(super) fn profile(words: &[String]) -> Option<&str> {
    let joined = words
        .iter()
        .find_map(|word| word.strip_prefix("--profile="));
    let mut after = words.iter().skip_while(|word| *word != "--profile");
    joined.or_else(|| after.nth(1).map(String::as_str))
}

/// `openclaw`, `/x/bin/openclaw`, `/x/openclaw.mjs`, `/x/node_modules/openclaw/dist/index.js`.
fn is_program(word: &str) -> bool {
    let is_script = [".js", ".mjs", ".cjs"]
        .iter()
        .any(|end| word.ends_with(end));
    let mut parts = word
        .rsplit('/')
        .map(|part| part.split('.').next().unwrap_or(part));
    let is_named = |part: &str| PROGRAMS.contains(&part);
    parts.next().is_some_and(is_named) || (is_script && parts.any(is_named))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_serves_is_told_from_one_that_asks() {
        let told = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            serves(&words)
        };
        for line in [
            "node /usr/local/bin/openclaw gateway run",
            "openclaw gateway",
            "/usr/bin/node /opt/x/node_modules/openclaw/dist/index.js gateway --port 21000",
            "node openclaw.mjs --profile work gateway run --verbose",
        ] {
            assert!(told(line), "{line}");
        }
        for line in [
            "node /usr/local/bin/openclaw gateway status",
            "node /x/node_modules/openclaw/openclaw.mjs channels status --json",
            "node /x/node_modules/openclaw/openclaw.mjs gateway call gateway.suspend.prepare",
            "vim gateway openclaw.json",
            "node /srv/web.js gateway",
            "openclaw-gateway",
        ] {
            assert!(!told(line), "{line}");
        }
        let words = ["openclaw", "--profile=work", "gateway"].map(str::to_owned);
        assert_eq!(profile(&words), Some("work"));
    }
}

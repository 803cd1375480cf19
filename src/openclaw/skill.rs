//! The programs that a skill declares, in the front matter of its `SKILL.md`.

use super::config::Document;

/// What a skill asks for; docs/tools/skills.md of 2026.9.6.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SkillPrograms {
    /// `requires.bins`: all of these.
    pub all: Vec<String>,
    /// `requires.anyBins`: one of these.
    pub any: Vec<String>,
}

/// Reads the front matter: `metadata` as JSON5, which is what OpenClaw's own skills have, or as indented YAML.
#[must_use]
pub fn skill_programs(text: &str) -> SkillPrograms {
    let Some(matter) = front_matter(text) else {
        return SkillPrograms::default();
    };
    in_json(matter).unwrap_or_else(|| SkillPrograms {
        all: in_yaml(matter, "bins"),
        any: in_yaml(matter, "anyBins"),
    })
}

fn front_matter(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches('\u{feff}').strip_prefix("---")?;
    let end = rest.find("\n---")?;
    rest.get(..end)
}

fn in_json(matter: &str) -> Option<SkillPrograms> {
    let (_, after) = matter.split_once("metadata:")?;
    let json = after.trim_start();
    if !json.starts_with('{') {
        return None;
    }
    // What follows the object in the front matter, if anything does, begins at the margin.
    let end = json.match_indices('}').rev().map(|(at, _)| at + 1);
    let document = end
        .filter_map(|end| json.get(..end))
        .take(64)
        .find_map(|json| Document::parse(json.as_bytes()).ok())?;
    let value = document.value();
    let requires = value
        .as_object()?
        .values()
        .find_map(|owner| owner.get("requires"));
    let list = |key: &str| {
        let list = requires.and_then(|it| it.get(key)?.as_array());
        let names = list.into_iter().flatten().filter_map(|it| it.as_str());
        names
            .filter(|name| is_program(name))
            .map(str::to_owned)
            .collect()
    };
    Some(SkillPrograms {
        all: list("bins"),
        any: list("anyBins"),
    })
}

/// The list of a key below `requires:`, on its line or on those that follow with dashes.
fn in_yaml(matter: &str, key: &str) -> Vec<String> {
    let mut lines = matter.lines().skip_while(|line| line.trim() != "requires:");
    let depth = lines.next().map_or(0, indent);
    let inside: Vec<&str> = lines
        .take_while(|line| line.trim().is_empty() || indent(line) > depth)
        .collect();
    let mut rest = inside
        .iter()
        .skip_while(|line| value_of(line, key).is_none());
    let Some(first) = rest.next().and_then(|line| value_of(line, key)) else {
        return Vec::new();
    };
    let inline = first.trim_matches(['[', ']']).split(',');
    let below = rest.map_while(|line| line.trim().strip_prefix('-'));
    inline
        .chain(below)
        .map(|name| name.trim().trim_matches(['"', '\'']))
        .filter(|name| is_program(name))
        .map(str::to_owned)
        .collect()
}

fn value_of<'l>(line: &'l str, key: &str) -> Option<&'l str> {
    Some(line.trim().strip_prefix(key)?.strip_prefix(':')?.trim())
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// A bare name, as `PATH` is searched for.
fn is_program(name: &str) -> bool {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    !name.is_empty() && name.len() <= 128 && name.chars().all(is_fit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> (String, String) {
        let SkillPrograms { all, any } = skill_programs(text);
        (all.join(" "), any.join(" "))
    }

    #[test]
    fn programs_are_read_from_json_and_yaml() {
        let json = "---\nname: x\nmetadata:\n  {\n    \"openclaw\":\n      {\n        \"emoji\": \"}\",\n        \
                    \"requires\": { \"bins\": [\"git\", \"gh\"], \"env\": [\"K\"], },\n        \"install\": [{ \"bins\": [\"no\"], }],\n      },\n  }\n---\n# {}\n";
        assert_eq!(told(json), ("git gh".into(), String::new()));
        let line = "---\nmetadata: {\"clawdbot\":{\"requires\":{\"anyBins\":[\"ntn\",\"curl\",\"/x/y\"]}}}\nuser-invocable: true\n---\n";
        assert_eq!(told(line), (String::new(), "ntn curl".into()));
        let yaml = "---\nmetadata:\n  openclaw:\n    requires:\n      bins:\n        - ffmpeg\n        - 'jq'\n      anyBins: [a, \"b\"]\n    bins: [no]\n---\n";
        assert_eq!(told(yaml), ("ffmpeg jq".into(), "a b".into()));
    }

    #[test]
    fn what_declares_nothing_needs_nothing() {
        for text in [
            "",
            "---\n",
            "# x",
            "---\nname: x\n---\n",
            "---\nmetadata: {a: }\n---\nbins: [x]",
            "---\nmetadata:\n requires:\n---\n",
        ] {
            assert_eq!(told(text), (String::new(), String::new()), "{text}");
        }
    }
}

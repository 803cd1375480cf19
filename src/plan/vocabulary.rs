//! The words by which the proposal tells what an agent is for: general words and parts of words, in a file that a person
//! can replace.

/// The vocabulary that is compiled in.
const OWN: &str = include_str!("vocabulary.txt");

/// Groups with the words that speak for them, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    groups: Vec<(String, Vec<Word>)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    text: String,
    is_beginning: bool,
}

/// Why a text is no vocabulary.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line}: {reason}")]
pub struct VocabularyError {
    line: usize,
    reason: String,
}

/// A group that a name speaks for, and the part of the name that does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) group: String,
    pub(super) part: String,
}

impl Default for Vocabulary {
    fn default() -> Self {
        Self::parse(OWN).unwrap_or(Self { groups: Vec::new() })
    }
}

impl Vocabulary {
    /// Reads a vocabulary: lines of `GROUP: WORD...`, `WORD*` for the beginning of a word, `#` before a comment.
    ///
    /// # Errors
    ///
    /// Names the line that is none of these.
    pub fn parse(text: &str) -> Result<Self, VocabularyError> {
        let mut groups: Vec<(String, Vec<Word>)> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let error = |reason| VocabularyError {
                line: index + 1,
                reason,
            };
            let (group, words) = line
                .split_once(':')
                .ok_or_else(|| error("write `GROUP: WORD WORD*`".to_owned()))?;
            super::check::check_name(group.trim()).map_err(error)?;
            let words = words.split_whitespace().map(Word::new);
            match groups.iter_mut().find(|(name, _)| name == group.trim()) {
                Some((_, known)) => known.extend(words),
                None => groups.push((group.trim().to_owned(), words.collect())),
            }
        }
        Ok(Self { groups })
    }

    /// Returns what the parts of a name speak for, in the order of the name.
    pub(super) fn hits(&self, name: &str) -> Vec<Hit> {
        let hit = |part: String| {
            let mut groups = self.groups.iter();
            let (group, _) = groups.find(|(_, words)| words.iter().any(|word| word.fits(&part)))?;
            Some(Hit {
                group: group.clone(),
                part,
            })
        };
        parts(name).into_iter().filter_map(hit).collect()
    }
}

impl Word {
    fn new(text: &str) -> Self {
        let beginning = text.strip_suffix('*');
        Self {
            text: beginning.unwrap_or(text).to_lowercase(),
            is_beginning: beginning.is_some(),
        }
    }

    fn fits(&self, part: &str) -> bool {
        if self.is_beginning {
            part.starts_with(&self.text)
        } else {
            part == self.text
        }
    }
}

/// The words of a name in lower case: `docomo-pj` and `docomoPj` have the same two.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut was_small = false;
    for c in name.chars() {
        if !c.is_alphabetic() || (was_small && c.is_uppercase()) {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut().filter(|_| c.is_alphabetic()) {
            part.extend(c.to_lowercase());
        }
        was_small = c.is_lowercase();
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(name: &str) -> Vec<String> {
        let hits = Vocabulary::default().hits(name);
        hits.into_iter().map(|hit| hit.group).collect()
    }

    #[test]
    fn words_are_whole_parts_of_names_and_beginnings_where_marked() {
        assert_eq!(groups("docomo-pj"), ["oc-work"]);
        assert_eq!(groups("englishTutor"), ["oc-learning", "oc-learning"]);
        assert_eq!(groups("2nd_family_budget"), ["oc-personal", "oc-personal"]);
        assert_eq!(groups("workshop jobless"), [""; 0]);
    }

    #[test]
    fn a_vocabulary_of_ones_own_replaces_all_words() {
        let own =
            Vocabulary::parse("oc-garden: rose* # flowers\n\noc-garden: tree\n").expect("read");
        let hit = |part: &str| Hit {
            group: "oc-garden".to_owned(),
            part: part.to_owned(),
        };
        assert_eq!(own.hits("roses-work-tree"), [hit("roses"), hit("tree")]);
    }

    #[test]
    fn what_is_no_vocabulary_is_refused_with_its_line() {
        let said = |text| Vocabulary::parse(text).err().map(|error| error.to_string());
        insta::assert_snapshot!(said("# words\nwork pj\n").unwrap_or_default(), @"line 2: write `GROUP: WORD WORD*`");
        assert!(said("OC Work: pj").is_some());
    }
}

//! Marks: words such as `mark-alpha-1795392000123` that a message carries and its reply repeats.

/// How every mark begins.
pub const PREFIX: &str = "mark-";

/// Returns the mark of one update of one bot.
///
/// The name is cut down to letters and digits, so that no markup of a reply alters the mark.
#[must_use]
pub fn mark_of(username: &str, update_id: i64) -> String {
    let name: String = username
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    format!("{PREFIX}{}-{update_id}", name.to_ascii_lowercase())
}

/// Returns the marks in a text, each once, in the order of their first appearance.
#[must_use]
pub fn marks_in(text: &str) -> Vec<String> {
    let mut marks = Vec::new();
    for word in text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-') {
        let mark = word.trim_end_matches('-');
        let is_mark = mark.len() > PREFIX.len() && mark.starts_with(PREFIX);
        if is_mark && !marks.iter().any(|known| known == mark) {
            marks.push(mark.to_owned());
        }
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_as_a_whole_word() {
        let found = marks_in("echo <b>mark-a-10</b>, mark-a-1. mark- remark-a-2 mark-a-10");
        assert_eq!(found, ["mark-a-10", "mark-a-1"]);
    }

    #[test]
    fn a_name_with_markup_letters_yields_a_plain_mark() {
        assert_eq!(mark_of("Alpha_*Bot", 7), "mark-alphabot-7");
        assert_eq!(marks_in(&mark_of("Alpha_*Bot", 7)), ["mark-alphabot-7"]);
    }
}

//! The one way in which names from disk are shown: control characters are escaped, so that a file name cannot drive a
//! terminal.

use std::fmt::Write as _;
use std::path::Path;

/// Returns the path as text that is safe to print; bytes that are no UTF-8 become `\xNN`.
#[must_use]
pub fn path(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    bytes(path.as_os_str().as_bytes())
}

/// Returns the bytes as text that is safe to print.
#[must_use]
pub fn bytes(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            push(&mut shown, character);
        }
        for byte in chunk.invalid() {
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    shown
}

/// Returns a number with the word for one or for several: `1 bot`, `3 bots`.
#[must_use]
pub fn count(number: u64, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

/// Returns the text with its control characters escaped.
#[must_use]
pub fn text(text: &str) -> String {
    bytes(text.as_bytes())
}

/// Returns at most so many characters of a text, safe to print; `…` stands for the rest.
#[must_use]
pub fn short(text: &str, most: usize) -> String {
    let shown = self::text(text);
    match shown.char_indices().nth(most) {
        None => shown,
        Some(_) => shown.chars().take(most - 1).chain(['…']).collect(),
    }
}

/// Breaks a text into lines of at most `width` columns, each indented; a longer word has a line of its own.
#[must_use]
pub fn wrap(text: &str, width: usize, indent: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("{indent}{word}")),
        }
    }
    lines.join("\n")
}

fn push(shown: &mut String, character: char) {
    let turns_text_around = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if character.is_control() || turns_text_around {
        shown.extend(character.escape_default());
    } else {
        shown.push(character);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn control_characters_and_broken_utf8_are_escaped() {
        assert_eq!(super::bytes(b"a\x1b[2J\n\xffz"), "a\\u{1b}[2J\\n\\xffz");
        assert_eq!(super::text("życie 生活"), "życie 生活");
    }

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        assert_eq!(super::short("docomo-pj", 9), "docomo-pj");
        assert_eq!(super::short("docomo-pj-2", 9), "docomo-p…");
    }

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(super::wrap("one two  three", 9, "  "), "  one two\n  three");
        assert_eq!(
            super::wrap("incomprehensible it is", 8, ""),
            "incomprehensible\nit is"
        );
    }
}

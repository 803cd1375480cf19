//! Where in a JSON text a value stands. The text is known to be valid: serde has read it.

use std::collections::BTreeSet;

/// Returns the line, counted from 1, of the value at a path such as `groups[0].budget.memory`; of what is not there, the
/// line of what should hold it.
pub(super) fn line(text: &str, path: &str) -> Option<usize> {
    let mut cursor = Cursor { text, at: 0 };
    cursor.skip_space();
    for part in path.split(['.', '[']).filter(|part| !part.is_empty()) {
        let before = cursor.at;
        let found = match part.strip_suffix(']') {
            Some(index) => cursor.enter_element(index.parse().ok()?),
            None => cursor.enter_field(part),
        };
        if found.is_none() {
            cursor.at = before;
            break;
        }
    }
    cursor.line()
}

/// Returns the first key that stands twice in one object, with the line, counted from 1, where it stands again. serde takes
/// the last value of such a key, and nobody would know of the first.
pub(super) fn repeated_key(text: &str) -> Option<(usize, String)> {
    let mut cursor = Cursor { text, at: 0 };
    cursor.skip_space();
    let mut open: Vec<BTreeSet<&str>> = Vec::new();
    while let Some(character) = cursor.peek() {
        match character {
            '{' | '[' => open.push(BTreeSet::new()),
            '}' | ']' => drop(open.pop()),
            '"' => {
                let line = cursor.line();
                let key = cursor.string()?;
                let is_key = cursor.peek() == Some(':');
                if is_key && !open.last_mut()?.insert(key) {
                    return Some((line?, key.to_owned()));
                }
                continue;
            }
            ',' | ':' => {}
            _ => {
                cursor.word();
                continue;
            }
        }
        cursor.take(character)?;
    }
    None
}

/// A place in the text, always at the first character of a value or mark.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// The line that it is on, counted from 1.
    fn line(&self) -> Option<usize> {
        let before = self.text.get(..self.at)?;
        Some(before.matches('\n').count() + 1)
    }

    /// Moves from an array to its element.
    fn enter_element(&mut self, index: usize) -> Option<()> {
        self.take('[')?;
        for _ in 0..index {
            self.skip_value()?;
            self.take(',')?;
        }
        (self.peek()? != ']').then_some(())
    }

    /// Moves from an object to the value of its field.
    fn enter_field(&mut self, name: &str) -> Option<()> {
        self.take('{')?;
        loop {
            let key = self.string()?;
            self.take(':')?;
            if key == name {
                return Some(());
            }
            self.skip_value()?;
            self.take(',')?;
        }
    }

    /// Moves behind a value of any kind.
    fn skip_value(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                '"' => drop(self.string()?),
                open @ ('[' | '{') => {
                    self.take(open)?;
                    depth += 1;
                }
                close @ (']' | '}') => {
                    self.take(close)?;
                    depth = depth.checked_sub(1)?;
                }
                mark @ (',' | ':') => self.take(mark)?,
                _ => self.word(),
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    /// Moves behind a string and returns what stands between its quotes.
    fn string(&mut self) -> Option<&'a str> {
        let body = self.rest().strip_prefix('"')?;
        let mut is_escaped = false;
        let end = body.find(|c: char| {
            let is_end = c == '"' && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            is_end
        })?;
        self.at += end + 2;
        self.skip_space();
        body.get(..end)
    }

    /// Moves behind a number, `true`, `false` or `null`.
    fn word(&mut self) {
        let rest = self.rest();
        let is_end = |c: char| c.is_ascii_whitespace() || ",:]}".contains(c);
        self.at += rest.find(is_end).unwrap_or(rest.len());
        self.skip_space();
    }

    fn take(&mut self, mark: char) -> Option<()> {
        (self.peek()? == mark).then(|| {
            self.at += mark.len_utf8();
            self.skip_space();
        })
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_ascii_start().len();
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{
  "a": ["x,]", {"k\"": 1, "groups": [2]}, -1.5e3],
  "groups": [
    { "name": "one" },
    {
      "budget": { "pids": 1,
        "memory": 2 }
    }
  ]
}"#;

    #[test]
    fn a_value_is_found_on_its_line() {
        let lines = ["groups", "groups[0].name", "groups[1].budget.memory"];
        assert_eq!(
            lines.map(|path| line(TEXT, path)),
            [Some(3), Some(4), Some(7)]
        );
        assert_eq!(line(TEXT, "a[2]"), Some(2));
    }

    #[test]
    fn a_key_that_stands_twice_in_one_object_is_found_on_its_second_line() {
        let text = "{\"a\": {\"b\": [\"b\", \"b\"], \"c\": 1},\n \"c\": {\"b\": true,\n\"x\": [{\"x\": 2}],\n \"b\": {}}}";
        assert_eq!(repeated_key(text), Some((4, "b".to_owned())));
        assert_eq!(repeated_key(TEXT), None);
    }

    #[test]
    fn what_is_missing_is_looked_for_where_it_should_be() {
        assert_eq!(line(TEXT, "groups[1].owner.uid"), Some(5));
        assert_eq!(line(TEXT, "groups[7]"), Some(3));
    }
}

//! The files of a unit's `EnvironmentFile=`; systemd.exec(5).

use super::dotenv::Assignment;

/// Reads `NAME=value` lines: comments begin a line, quotes may go around parts of a value, a backslash joins lines.
pub(super) fn parse(text: &str) -> Vec<Assignment> {
    let mut assignments = Vec::new();
    let mut lines = text.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let mut whole = line.to_owned();
        while whole.ends_with('\\') {
            whole.pop();
            match lines.next() {
                Some((next, _)) => whole.push_str(next),
                None => break,
            }
        }
        let Some((name, value)) = whole.split_once('=') else {
            continue;
        };
        let name = name.trim();
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if !name.is_empty() && name.bytes().all(is_word) {
            assignments.push(Assignment {
                name: name.to_owned(),
                value: unquoted(value.trim()),
                line: number,
            });
        }
    }
    assignments
}

fn unquoted(value: &str) -> String {
    let (mut done, mut quote) = (String::new(), None);
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            (end, Some(begin)) if end == begin => quote = None,
            ('"' | '\'', None) => quote = Some(character),
            ('\\', None | Some('"')) => done.extend(characters.next()),
            (other, _) => done.push(other),
        }
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_quotes_and_joined_lines_are_read_as_systemd_does() {
        let text = "# A=0\n;A=0\nA=1 # no comment\n  B=\"two \\\"words\\\"\"\nC='a\\b' c\nexport D=1\nE=x\\\ny\nF\nG=\n";
        let read: Vec<_> = parse(text)
            .into_iter()
            .map(|it| format!("{} {}={}", it.line, it.name, it.value))
            .collect();
        let expected = [
            "3 A=1 # no comment",
            "4 B=two \"words\"",
            "5 C=a\\b c",
            "7 E=xy",
            "10 G=",
        ];
        assert_eq!(read, expected);
    }
}

//! Folds lines that are wider than a terminal at their spaces, so that no word is torn.

/// How much deeper a line goes on than it began.
const DEEPER: usize = 4;

/// Folds every line that has more characters than `width`; a word that is wider stays whole.
pub(super) fn fold(text: &str, width: usize) -> String {
    text.split_inclusive('\n')
        .map(|line| fold_line(line, width))
        .collect()
}

fn fold_line(line: &str, width: usize) -> String {
    let begun = line.len() - line.trim_start_matches(' ').len();
    let indent = (begun + DEEPER).min(width / 2);
    let mut folded = String::new();
    let mut rest = line.to_owned();
    while let Some((head, tail)) = split(&rest, begun.max(indent), width) {
        folded += head.trim_end();
        folded.push('\n');
        rest = " ".repeat(indent) + tail.trim_start();
    }
    folded + &rest
}

/// Splits a line that is too wide at its last space that fits, or else at its first; none of those in its first `least`
/// characters.
fn split(line: &str, least: usize, width: usize) -> Option<(&str, &str)> {
    if line.trim_end().chars().count() <= width {
        return None;
    }
    let spaces = line.char_indices().enumerate();
    let spaces = spaces.filter(|(count, (_, c))| *count > least && *c == ' ');
    let spaces: Vec<(usize, usize)> = spaces.map(|(count, (at, _))| (count, at)).collect();
    let fits = spaces.iter().rfind(|(count, _)| *count <= width);
    let (_, at) = *fits.or_else(|| spaces.first())?;
    let (head, tail) = line.split_at_checked(at)?;
    (!tail.trim().is_empty()).then_some((head, tail))
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn a_line_that_fits_stays() {
        let text = "one two\n    three   four\n\n";
        assert_eq!(fold(text, 20), text);
        assert_eq!(fold("exactly ten", 11), "exactly ten");
    }

    #[test]
    fn a_wide_line_goes_on_deeper_at_a_space() {
        let text = "  ? look   the gateway serves and polls\n";
        assert_eq!(
            fold(text, 24),
            "  ? look   the gateway\n      serves and polls\n"
        );
    }

    #[test]
    fn a_word_wider_than_the_terminal_stays_whole() {
        let text = "fix: remove /home/joe/.openclaw/backup\n";
        assert_eq!(
            fold(text, 16),
            "fix: remove\n    /home/joe/.openclaw/backup\n"
        );
        assert_eq!(
            fold("/home/joe/.openclaw/backup", 8),
            "/home/joe/.openclaw/backup"
        );
    }

    #[test]
    fn columns_wider_than_one_space_are_folded_between_them() {
        assert_eq!(fold("a…   b   c\n", 8), "a…   b\n    c\n");
    }
}

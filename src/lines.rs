//! The lines of a program that runs, one by one as it prints them.

/// Hands the lines of a growing stream over, each once and without its end.
pub(crate) struct Lines<'a> {
    /// How many bytes of the stream were.
    handed_over: usize,
    on_line: &'a mut dyn FnMut(&[u8]),
}

impl<'a> Lines<'a> {
    pub(crate) fn new(on_line: &'a mut dyn FnMut(&[u8])) -> Self {
        Self {
            handed_over: 0,
            on_line,
        }
    }

    /// Takes all of the stream that there is by now; what has no end yet waits for the next time.
    pub(crate) fn hand_over(&mut self, stream: &[u8]) {
        let new = stream.get(self.handed_over..).unwrap_or_default();
        for line in new.split_inclusive(|byte| *byte == b'\n') {
            let Some(whole) = line.strip_suffix(b"\n") else {
                break;
            };
            self.handed_over += line.len();
            (self.on_line)(whole);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_handed_over_once_and_whole() {
        let mut seen = Vec::new();
        let mut keep = |line: &[u8]| seen.push(line.to_vec());
        let mut lines = Lines::new(&mut keep);
        for stream in [
            "",
            "on",
            "one\n",
            "one\n\ntwo\nth",
            "one\n\ntwo\nthree\n",
            "one\n\ntwo\nthree\n",
        ] {
            lines.hand_over(stream.as_bytes());
        }
        assert_eq!(seen, [b"one".as_slice(), b"", b"two", b"three"]);
    }
}

//! Budgets as a person writes them: `6G 1.5 cpus 512 pids`, and `4G heap` where node is to have less than it takes.

use super::Budget;
use crate::units::{Bytes, thousandths};

impl Budget {
    /// Writes the budget so that [`Budget::with`] reads it back as it was.
    #[must_use]
    pub fn text(&self) -> String {
        let Self {
            memory,
            cpu_milli,
            pids,
            node_heap,
        } = self;
        let cpus = f64::from(*cpu_milli) / 1000.0;
        let heap = node_heap.map(|heap| format!(" {} heap", heap.exact()));
        let heap = heap.unwrap_or_default();
        format!("{} {cpus} cpus {pids} pids{heap}", memory.exact())
    }

    /// Returns this budget with the amounts that a text names; what it does not name stays.
    ///
    /// # Errors
    ///
    /// Says what in the text is no amount, or is named twice.
    pub fn with(mut self, text: &str) -> Result<Self, String> {
        let mut named = Vec::new();
        let mut rest = text;
        while let Some((amount, after)) = next_amount(rest)? {
            rest = after;
            let what = match amount {
                Amount::Memory(memory) => {
                    self.memory = memory;
                    "memory"
                }
                Amount::Cpus(milli) => {
                    self.cpu_milli = milli;
                    "cpus"
                }
                Amount::Pids(pids) => {
                    self.pids = pids;
                    "pids"
                }
                Amount::Heap(heap) => {
                    self.node_heap = heap;
                    "heap"
                }
            };
            if named.contains(&what) {
                return Err(format!("it names {what} twice"));
            }
            named.push(what);
        }
        if named.is_empty() {
            return Err(format!("it names no amount; {EXAMPLE}"));
        }
        Ok(self)
    }
}

const EXAMPLE: &str = "write `6G`, `1.5 cpus`, `512 pids`";

enum Amount {
    Memory(Bytes),
    Cpus(u32),
    Pids(u32),
    Heap(Option<Bytes>),
}

/// Takes the first amount, a number and its unit, off a text; `None` at its end.
fn next_amount(text: &str) -> Result<Option<(Amount, &str)>, String> {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
    if text.is_empty() {
        return Ok(None);
    }
    if let (word, rest) = split(text, char::is_alphabetic)
        && word.eq_ignore_ascii_case("no")
        && let Some(rest) = after_heap(rest)
    {
        return Ok(Some((Amount::Heap(None), rest)));
    }
    let (number, rest) = split(text, |c| c.is_ascii_digit() || c == '.');
    let (unit, rest) = split(rest.trim_start(), char::is_alphabetic);
    let shown = crate::display::text(text);
    if number.is_empty() {
        return Err(format!("`{shown}` does not begin with a number; {EXAMPLE}"));
    }
    let wrong = || format!("`{number}{unit}` is no amount; {EXAMPLE}");
    let amount = match unit.to_ascii_lowercase().as_str() {
        "" => {
            return Err(format!(
                "`{number}` has no unit: `{number}G`, `{number} cpus` or `{number} pids`?"
            ));
        }
        "cpu" | "cpus" | "core" | "cores" => {
            let milli = thousandths(number).and_then(|milli| u32::try_from(milli).ok());
            Amount::Cpus(milli.ok_or_else(wrong)?)
        }
        "pid" | "pids" => Amount::Pids(number.parse().map_err(|_| wrong())?),
        _ => {
            let memory = format!("{number}{unit}").parse().map_err(|_| wrong())?;
            if let Some(rest) = after_heap(rest) {
                return Ok(Some((Amount::Heap(Some(memory)), rest)));
            }
            Amount::Memory(memory)
        }
    };
    Ok(Some((amount, rest)))
}

/// Takes the word `heap` off the beginning of a text.
fn after_heap(text: &str) -> Option<&str> {
    let (word, rest) = split(text.trim_start(), char::is_alphabetic);
    word.eq_ignore_ascii_case("heap").then_some(rest)
}

/// Splits a text after the characters at its beginning that fit.
fn split(text: &str, fits: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !fits(c)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{GIB, MIB};

    const BUDGET: Budget = Budget {
        memory: Bytes(1536 * MIB),
        cpu_milli: 2000,
        pids: 512,
        node_heap: None,
    };

    #[test]
    fn a_budget_is_read_back_as_it_was_written() {
        assert_eq!(BUDGET.text(), "1.5G 2 cpus 512 pids");
        let odd = Budget {
            memory: Bytes(6 * GIB + 1),
            cpu_milli: 1501,
            pids: 77,
            node_heap: None,
        };
        assert_eq!(BUDGET.with(&odd.text()), Ok(odd));
    }

    #[test]
    fn what_a_text_does_not_name_stays() {
        let memory = Bytes(6 * GIB);
        assert_eq!(BUDGET.with("6G"), Ok(Budget { memory, ..BUDGET }));
        assert_eq!(
            BUDGET.with("1.5cpus, 6 g"),
            Ok(Budget {
                memory,
                cpu_milli: 1500,
                ..BUDGET
            })
        );
    }

    #[test]
    fn a_heap_is_read_back_as_it_was_written_and_taken_off_by_its_word() {
        let with_heap = Budget {
            node_heap: Some(Bytes(768 * MIB)),
            ..BUDGET
        };
        assert_eq!(with_heap.text(), "1.5G 2 cpus 512 pids 768M heap");
        assert_eq!(BUDGET.with(&with_heap.text()), Ok(with_heap));
        assert_eq!(with_heap.with("2 cpus"), Ok(with_heap));
        assert_eq!(with_heap.with("no heap, 1.5G"), Ok(BUDGET));
        let twice = BUDGET.with("1G heap no heap");
        assert_eq!(twice, Err("it names heap twice".to_owned()));
    }

    #[test]
    fn a_wrong_budget_is_refused_with_the_reason() {
        let reason = |text| BUDGET.with(text).err().unwrap_or_default();
        insta::assert_snapshot!(
            ["16", "a lot", "6X", "6G 7G", "", "1.5 pids", "99999999 cpus", "6G -1 cpus"]
                .map(reason)
                .join("\n"),
            @r"
        `16` has no unit: `16G`, `16 cpus` or `16 pids`?
        `a lot` does not begin with a number; write `6G`, `1.5 cpus`, `512 pids`
        `6X` is no amount; write `6G`, `1.5 cpus`, `512 pids`
        it names memory twice
        it names no amount; write `6G`, `1.5 cpus`, `512 pids`
        `1.5pids` is no amount; write `6G`, `1.5 cpus`, `512 pids`
        `99999999cpus` is no amount; write `6G`, `1.5 cpus`, `512 pids`
        `-1 cpus` does not begin with a number; write `6G`, `1.5 cpus`, `512 pids`
        "
        );
    }
}

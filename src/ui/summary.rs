//! The summary line at the end of a command: the number of definitions, their outcomes, the
//! amount of data that was fetched, and the time.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Report;
use crate::util::sanitize;

/// The outcome of a definition whose archive was downloaded; it is shown with the size.
pub const FETCHED: &str = "fetched";

/// The outcomes of the definitions.
pub struct Summary {
    meant: usize,
    noun: &'static str,
    became: Vec<(String, Outcome)>,
}

/// The outcome of a definition, in a few words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Something was done.
    Done(&'static str),
    /// Nothing had to be done.
    Found(&'static str),
}

impl Summary {
    /// Creates a summary of `meant` definitions without outcomes.
    #[must_use]
    pub fn of(meant: usize) -> Self {
        Self {
            meant,
            noun: "definition",
            became: Vec::new(),
        }
    }

    /// Creates a summary of `meant` hosts without outcomes.
    #[must_use]
    pub fn of_hosts(meant: usize) -> Self {
        Self {
            noun: "host",
            ..Self::of(meant)
        }
    }

    /// Records the outcome of the definition `name`. Definitions without an outcome have
    /// failed.
    pub fn add(&mut self, name: &str, became: Outcome) {
        self.became.push((name.to_owned(), became));
    }

    /// Returns the sentence, if it is worth a line: for a single definition if something was
    /// done, for several if at least one has an outcome.
    fn sentence(&self, received: u64, time: Duration) -> Option<String> {
        let size = (received > 0).then(|| sanitize::size(received));
        let with_size = |word: &str| match &size {
            Some(size) if word == FETCHED => format!("{word} ({size})"),
            _ => word.to_owned(),
        };
        let mut parts = Vec::new();
        match &self.became[..] {
            [] => return None,
            [(_, Outcome::Found(_))] if self.meant == 1 => return None,
            [(name, Outcome::Done(word))] if self.meant == 1 => {
                parts.extend([name.clone(), with_size(word)]);
            }
            several => {
                parts.push(sanitize::count(self.meant, self.noun));
                let mut counts: BTreeMap<Outcome, usize> = BTreeMap::new();
                for (_, became) in several {
                    *counts.entry(*became).or_default() += 1;
                }
                for (became, count) in counts {
                    let (Outcome::Done(word) | Outcome::Found(word)) = became;
                    parts.push(format!("{count} {}", with_size(word)));
                }
                let failed = self.meant.saturating_sub(several.len());
                parts.extend((failed > 0).then(|| format!("{failed} failed")));
            }
        }
        let told = |became: &Outcome| *became == Outcome::Done(FETCHED);
        if let Some(size) = size
            && !self.became.iter().any(|(_, became)| told(became))
        {
            parts.push(format!("{size} fetched"));
        }
        Some(format!("{} in {}", parts.join(", "), precise(time)))
    }
}

/// Returns a time, with tenths of a second if it is short.
fn precise(time: Duration) -> String {
    let tenths = (time.as_millis() + 50) / 100;
    if tenths < 600 {
        format!("{}.{} s", tenths / 10, tenths % 10)
    } else {
        sanitize::time(time + Duration::from_millis(50))
    }
}

impl Report {
    /// Prints the last line of a command that did something for definitions.
    pub fn finished(&self, summary: &Summary) {
        let sentence = summary.sentence(self.console.received(), self.began.elapsed());
        if let Some(sentence) = sentence {
            self.status("Finished", &sentence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAGED: Outcome = Outcome::Done("staged");
    const UNCHANGED: Outcome = Outcome::Found("unchanged");
    const FETCHED: Outcome = Outcome::Done(super::FETCHED);

    fn sentence(meant: usize, became: &[Outcome], received: u64) -> Option<String> {
        let mut summary = Summary::of(meant);
        for (at, one) in became.iter().enumerate() {
            summary.add(["a", "b", "c"][at], *one);
        }
        summary.sentence(received, Duration::from_millis(4060))
    }

    #[test]
    fn one_definition_is_named() {
        assert_eq!(sentence(1, &[STAGED], 0).unwrap(), "a, staged in 4.1 s");
        let text = "a, staged, 1.5 KiB fetched in 4.1 s";
        assert_eq!(sentence(1, &[STAGED], 1536).unwrap(), text);
        let text = "a, fetched (1.5 KiB) in 4.1 s";
        assert_eq!(sentence(1, &[FETCHED], 1536).unwrap(), text);
    }

    #[test]
    fn several_are_counted() {
        let text = "3 definitions, 2 staged, 1 unchanged, 1.5 KiB fetched in 4.1 s";
        assert_eq!(
            sentence(3, &[STAGED, UNCHANGED, STAGED], 1536).unwrap(),
            text
        );
        let text = "3 definitions, 2 fetched (1.5 KiB), 1 failed in 4.1 s";
        assert_eq!(sentence(3, &[FETCHED, FETCHED], 1536).unwrap(), text);
        let text = "3 definitions, 3 unchanged in 4.1 s";
        assert_eq!(sentence(3, &[UNCHANGED; 3], 0).unwrap(), text);
        let text = "3 definitions, 1 unchanged, 2 failed in 4.1 s";
        assert_eq!(sentence(3, &[UNCHANGED], 0).unwrap(), text);
    }

    #[test]
    fn what_says_nothing_new_is_not_said() {
        assert_eq!(sentence(1, &[UNCHANGED], 0), None);
        assert_eq!(sentence(1, &[], 1536), None);
        assert_eq!(sentence(3, &[], 1536), None);
    }

    #[test]
    fn times_lose_their_tenths() {
        let text = |millis| precise(Duration::from_millis(millis));
        assert_eq!(
            [text(0), text(149), text(59_949), text(59_950), text(62_000)],
            ["0.0 s", "0.1 s", "59.9 s", "1 min 0 s", "1 min 2 s"]
        );
    }
}

//! What there is to say of each trap: the sections of docs/traps.md, which is compiled in.

use schemars::JsonSchema;
use serde::Serialize;

/// The traps, a section each: `## T1: title`.
const TRAPS: &str = include_str!("../../docs/traps.md");

/// One trap.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[schemars(rename = "Trap")]
pub struct Guide {
    /// Its name, such as `T11`.
    pub id: &'static str,
    /// What it is.
    pub title: &'static str,
    /// What it does, and how to mend it; Markdown.
    pub text: &'static str,
}

/// Every trap, in the order of its number.
#[must_use]
pub fn guides() -> Vec<Guide> {
    let parts = TRAPS.split("\n## ").skip(1);
    let guide = |part: &'static str| {
        let (heading, text) = part.split_once('\n')?;
        let (id, title) = heading.split_once(": ")?;
        Some(Guide {
            id,
            title,
            text: text.trim_start_matches('\n'),
        })
    };
    parts.filter_map(guide).collect()
}

#[cfg(test)]
mod tests {
    use super::guides;

    #[test]
    fn every_trap_has_a_section() {
        let ids: Vec<&str> = guides().iter().map(|guide| guide.id).collect();
        let expected: Vec<String> = (1..=crate::preflight::TRAPS)
            .map(|n| format!("T{n}"))
            .collect();
        assert_eq!(ids, expected);
    }
}

//! The variables of an Earthfile, and the expansion of words.

use std::collections::BTreeMap;

/// The variables that a recipe sees. A value is `None` if it cannot be determined.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    values: BTreeMap<String, Option<String>>,
}

impl Scope {
    /// Sets `name`.
    pub(super) fn set(&mut self, name: &str, value: Option<String>) {
        self.values.insert(name.to_owned(), value);
    }

    /// Sets all variables of `other`.
    pub(super) fn extend(&mut self, other: &Self) {
        let values = other.values.iter();
        self.values
            .extend(values.map(|(name, value)| (name.clone(), value.clone())));
    }

    /// Returns the value of `name`; `None` if it is not set here or cannot be determined.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name)?.as_deref()
    }

    /// Whether `name` is set here.
    pub(super) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Returns a word without its quotes and with its variables expanded; `None` if only a run
    /// can determine a part of it.
    pub(super) fn expand(&self, word: &str) -> Option<String> {
        let mut expanded = String::new();
        let mut rest = word.chars().peekable();
        let mut quote = None;
        while let Some(c) = rest.next() {
            match (c, quote) {
                ('\'' | '"', None) => quote = Some(c),
                (c, Some(open)) if c == open => quote = None,
                ('\\', quote) if quote != Some('\'') => expanded.push(rest.next()?),
                ('`', quote) if quote != Some('\'') => return None,
                ('$', quote) if quote != Some('\'') => {
                    expanded.push_str(self.get(&variable(&mut rest)?)?);
                }
                (c, _) => expanded.push(c),
            }
        }
        quote.is_none().then_some(expanded)
    }
}

/// Reads the name after a dollar sign, with or without braces.
fn variable(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<String> {
    let braces = rest.next_if_eq(&'{').is_some();
    let mut name = String::new();
    while let Some(c) = rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
        name.push(c);
    }
    if braces && rest.next() != Some('}') {
        return None;
    }
    (!name.is_empty()).then_some(name)
}

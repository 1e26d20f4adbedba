//! Typed reading of a TOML table that remembers positions and collects every problem.
//!
//! A reader never stops at the first mistake: an accessor that finds something wrong
//! notes it and answers `None`, so that one run shows all that is wrong with a file.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use serde::de::IntoDeserializer as _;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::source::is_secret_key;
use crate::diagnostic::{Code, Diagnostic, Source};
use crate::util::sanitize;
use crate::util::suggest::nearest;

/// What is read here is what this version knows.
const OWN: &str = env!("CARGO_PKG_VERSION");

/// A value of the file and where it stands, in bytes.
#[derive(Debug, Clone)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: Range<usize>,
}

impl<T> At<T> {
    /// Another value at the same place.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> At<U> {
        At {
            value: f(self.value),
            span: self.span,
        }
    }
}

/// The most problems of one file that are told: whoever has more fixes a cause, not each.
pub(super) const MOST: usize = 100;

/// The problems of one file.
pub(super) struct Problems {
    source: Arc<Source>,
    list: Vec<Diagnostic>,
    /// Those that are about something that is not there.
    lacks: Vec<Diagnostic>,
    /// Where the lines of the file begin, once somebody asks.
    lines: OnceCell<Vec<usize>>,
}

/// The first of `list`, and how many more there are.
pub(super) fn bounded(mut list: Vec<Diagnostic>) -> Vec<Diagnostic> {
    if let Some(more) = list.len().checked_sub(MOST).filter(|more| *more > 0) {
        list.truncate(MOST);
        let more = sanitize::count(more, "more mistake");
        list.push(
            Diagnostic::error(Code::MoreMistakes, format!("the file has {more}"))
                .help("fix those above, and run the command again"),
        );
    }
    list
}

impl Problems {
    /// No problems yet in `source`.
    pub(super) fn new(source: &Arc<Source>) -> Self {
        Self {
            source: Arc::clone(source),
            list: Vec::new(),
            lacks: Vec::new(),
            lines: OnceCell::new(),
        }
    }

    /// The number of the line, from 1, that the byte `offset` is in.
    pub(super) fn line(&self, offset: usize) -> usize {
        let lines = self.lines.get_or_init(|| {
            let breaks = self.source.text.match_indices('\n');
            breaks.map(|(at, _)| at).collect()
        });
        1 + lines.partition_point(|at| *at < offset)
    }

    /// The file.
    pub(super) fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Notes a problem at `span`.
    pub(super) fn add(
        &mut self,
        code: Code,
        span: Range<usize>,
        title: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(
            Diagnostic::error(code, title)
                .at(&self.source, span, label)
                .help(help),
        );
    }

    /// Notes a ready diagnostic.
    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    /// Notes something that is missing at `span`. Where a line cannot be read, it may be
    /// there all the same.
    pub(super) fn add_lack(
        &mut self,
        code: Code,
        span: Range<usize>,
        title: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        let lack = Diagnostic::error(code, title).at(&self.source, span, label);
        self.push_lack(lack.help(help));
    }

    /// Notes a ready diagnostic about something that is missing.
    pub(super) fn push_lack(&mut self, diagnostic: Diagnostic) {
        self.lacks.push(diagnostic);
    }

    /// Forgets what is missing.
    pub(super) fn forget_lacks(&mut self) {
        self.lacks.clear();
    }

    /// All of them, in the order of the file.
    pub(super) fn finish(&mut self) -> Vec<Diagnostic> {
        let mut list = std::mem::take(&mut self.list);
        list.append(&mut self.lacks);
        list.sort_by_key(|d| d.excerpt.as_ref().map_or(0, |excerpt| excerpt.span.start));
        list
    }
}

/// A table being read. Which keys it may have is learnt from the accessors that are
/// called, so the list cannot drift from what is read.
pub(super) struct Table<'t, 'i> {
    /// What it is called in messages, such as `[palette]`.
    pub name: String,
    /// Its header or braces.
    pub span: Range<usize>,
    entries: &'t DeTable<'i>,
    known: BTreeSet<&'static str>,
    /// Keys that were told already.
    told: BTreeSet<&'t str>,
}

/// How a value's type is called in messages.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

impl<'t, 'i> Table<'t, 'i> {
    /// The table `value`, or a problem where it is something else.
    pub(super) fn new(
        name: impl Into<String>,
        value: &'t Spanned<DeValue<'i>>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let name = name.into();
        match value.get_ref() {
            DeValue::Table(entries) => Some(Self::of(name, entries, value.span())),
            other => {
                wrong_type(problems, value.span(), &name, "a table", other);
                None
            }
        }
    }

    /// A table that is known to be one.
    pub(super) fn of(
        name: impl Into<String>,
        entries: &'t DeTable<'i>,
        span: Range<usize>,
    ) -> Self {
        Self {
            name: name.into(),
            span,
            entries,
            known: BTreeSet::new(),
            told: BTreeSet::new(),
        }
    }

    /// Every key with its place and value, for tables whose keys are the user's.
    pub(super) fn entries(&self) -> impl Iterator<Item = (At<&'t str>, &'t Spanned<DeValue<'i>>)> {
        self.entries.iter().map(|(key, value)| {
            let key = At {
                value: key.get_ref().as_ref(),
                span: key.span(),
            };
            (key, value)
        })
    }

    /// The value under `key`, of whatever type.
    pub(super) fn value(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'i>>> {
        self.known.insert(key);
        self.entries.get(key)
    }

    /// Whether `key` is missing, and no other key looks like it: else a mistake is told
    /// already. Call it when all other keys were asked for.
    pub(super) fn lacks(&self, key: &str) -> bool {
        let mut unknown = self
            .entries()
            .filter(|(other, _)| self.is_unknown(other.value));
        let is_it = |other: &str| self.nearest(other) == Some(key);
        !self.entries.contains_key(key) && !unknown.any(|(other, _)| is_it(other.value))
    }

    /// Whether any of `keys` is there, whatever its value, or one that is not known.
    pub(super) fn has_any(&self, keys: &[&str]) -> bool {
        let mut entries = self.entries().map(|(key, _)| key.value);
        entries.any(|key| keys.contains(&key) || self.is_unknown(key))
    }

    /// Leaves `key` out of those that nobody asked for: it has been told.
    pub(super) fn tell(&mut self, key: &'t str) {
        self.told.insert(key);
    }

    fn is_unknown(&self, key: &str) -> bool {
        !self.known.contains(key) && !self.told.contains(key)
    }

    /// The known key that `given` is probably meant for.
    fn nearest(&self, given: &str) -> Option<&'static str> {
        nearest(given, self.known.iter().copied())
    }

    /// The table under `key`.
    pub(super) fn table(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<Table<'t, 'i>> {
        let value = self.value(key)?;
        Table::new(format!("[{key}]"), value, problems)
    }

    /// The string under `key`; an empty one is a problem.
    pub(super) fn string(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<At<String>> {
        let value = self.value(key)?;
        let text = string(value, key, problems)?;
        if text.value.trim().is_empty() {
            let help = format!("write a value, or remove the line `{key}`");
            problems.add(
                Code::InvalidValue,
                text.span,
                format!("`{key}` is empty"),
                "",
                help,
            );
            return None;
        }
        Some(text)
    }

    /// The whole number under `key`, at least `least`.
    pub(super) fn integer(
        &mut self,
        key: &'static str,
        least: u64,
        problems: &mut Problems,
    ) -> Option<u64> {
        let value = self.value(key)?;
        let DeValue::Integer(_) = value.get_ref() else {
            wrong_type(
                problems,
                value.span(),
                key,
                "a whole number",
                value.get_ref(),
            );
            return None;
        };
        let number: Option<u64> = read(value).filter(|n| *n >= least);
        if number.is_none() {
            problems.add(
                Code::InvalidValue,
                value.span(),
                format!("`{key}` is out of range"),
                format!("not a whole number of at least {least}"),
                format!("write a whole number of at least {least}"),
            );
        }
        number
    }

    /// The boolean under `key`.
    pub(super) fn boolean(&mut self, key: &'static str, problems: &mut Problems) -> Option<bool> {
        let value = self.value(key)?;
        if let DeValue::Boolean(boolean) = value.get_ref() {
            return Some(*boolean);
        }
        wrong_type(
            problems,
            value.span(),
            key,
            "true or false",
            value.get_ref(),
        );
        None
    }

    /// The array of strings under `key`.
    pub(super) fn strings(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<At<Vec<At<String>>>> {
        let array = self.array(key, "an array of strings", problems)?;
        let strings = array
            .value
            .iter()
            .filter_map(|item| string(item, key, problems));
        Some(At {
            value: strings.collect(),
            span: array.span,
        })
    }

    /// The command under `key`: an array of strings that is not empty.
    pub(super) fn command(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<Vec<String>> {
        let argv = self.strings(key, problems)?;
        if argv.value.is_empty() {
            let help = format!(
                "write the program and its arguments: `{key} = [\"program\", \"argument\"]`"
            );
            problems.add(
                Code::InvalidValue,
                argv.span,
                format!("`{key}` names no program"),
                "empty",
                help,
            );
            return None;
        }
        Some(argv.value.into_iter().map(|part| part.value).collect())
    }

    /// The array under `key`.
    pub(super) fn array(
        &mut self,
        key: &'static str,
        expected: &str,
        problems: &mut Problems,
    ) -> Option<At<&'t [Spanned<DeValue<'i>>]>> {
        let value = self.value(key)?;
        if let DeValue::Array(items) = value.get_ref() {
            return Some(At {
                value: items,
                span: value.span(),
            });
        }
        wrong_type(problems, value.span(), key, expected, value.get_ref());
        None
    }

    /// Notes every key that no accessor asked for. A key that holds a secret is told
    /// apart: the file is meant for version control. Call it last.
    pub(super) fn finish(self, problems: &mut Problems) {
        for (key, _) in self.entries() {
            if !self.is_unknown(key.value) {
                continue;
            }
            if is_secret_key(key.value) {
                let title = format!("the API key must not be in this file: `{}`", key.value);
                let label = "a secret in a file that is meant to be committed";
                let told = Diagnostic::error(Code::SecretInManifest, title)
                    .at(problems.source(), key.span, label)
                    .help("remove the line, and set `PALETTE_API_KEY` instead")
                    .help("revoke the key in Palette if anybody else has had the file");
                problems.push(told);
                continue;
            }
            let title = format!(
                "unknown key `{}` in {}",
                key.value.escape_debug(),
                self.name
            );
            let known: Vec<&str> = self.known.iter().copied().collect();
            match self.nearest(key.value) {
                Some(near) => problems.add(
                    Code::UnknownKey,
                    key.span,
                    title,
                    format!("did you mean `{near}`?"),
                    format!("write `{near}`"),
                ),
                None => problems.push(
                    Diagnostic::error(Code::UnknownKey, title)
                        .at(problems.source(), key.span, "unknown")
                        .help(format!("remove it; {} knows {}", self.name, list(&known)))
                        .help(format!("or it belongs to a newer edgestage: this is {OWN}")),
                ),
            }
        }
    }
}

/// `a`, `b` and `c`.
pub(super) fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// Reads a scalar with serde's own range checks.
fn read<T: serde::de::DeserializeOwned>(value: &Spanned<DeValue<'_>>) -> Option<T> {
    T::deserialize(value.clone().into_deserializer()).ok()
}

/// The string `value`, or a problem.
pub(super) fn string(
    value: &Spanned<DeValue<'_>>,
    what: &str,
    problems: &mut Problems,
) -> Option<At<String>> {
    if let DeValue::String(text) = value.get_ref() {
        return Some(At {
            value: text.to_string(),
            span: value.span(),
        });
    }
    wrong_type(problems, value.span(), what, "a string", value.get_ref());
    None
}

/// Notes a value of the wrong type.
pub(super) fn wrong_type(
    problems: &mut Problems,
    span: Range<usize>,
    what: &str,
    expected: &str,
    found: &DeValue<'_>,
) {
    // A name of ours is not a key of the file.
    let what = if what.starts_with('[') || what.starts_with("a ") {
        what.to_owned()
    } else {
        format!("`{what}`")
    };
    let found = kind(found);
    problems.add(
        Code::WrongType,
        span,
        format!("{what} must be {expected}"),
        format!("this is {found}"),
        format!("write {expected}"),
    );
}

//! The format version of `profiles.lock`, and messages about versions that cannot be read.
//!
//! This module also documents the guarantee for later versions: whatever the format, the file
//! is TOML with a whole number under `version`, and one that needs a newer edgestage may name
//! that version under `edgestage` (docs/upgrading.md).

use std::sync::Arc;

use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{VERSION, messages};
use crate::diagnostic::{Diagnostic, Place, Source};
use crate::manifest::type_of;

/// Returns why the format of `text`, in the file that is called `shown`, cannot be read.
/// Returns `None` if it can be read or is not TOML.
pub(super) fn refused(text: &str, shown: &str) -> Option<Diagnostic> {
    let form = DeTable::parse(text).ok()?;
    let source = Arc::new(Source::whole(shown.to_owned(), text.to_owned()));
    let at = |span| Place {
        source: &source,
        span,
    };
    let Some(version) = form.get_ref().get("version") else {
        let start = first_line(text);
        return Some(messages::no_version(at(&(start..start)), shown));
    };
    let span = version.span();
    let place = at(&span);
    if !version.get_ref().is_integer() {
        let found = type_of(version.get_ref());
        return Some(messages::version_not_a_number(place, shown, found));
    }
    let number = i64::deserialize(version.clone().into_deserializer()).ok()?;
    match u64::try_from(number) {
        Ok(VERSION) => None,
        Ok(newer) if newer > VERSION => {
            let needed = form.get_ref().get("edgestage").and_then(needed);
            Some(messages::newer(place, shown, newer, needed))
        }
        _ => Some(messages::impossible_version(place, shown)),
    }
}

/// Returns the version that a file says it needs.
fn needed<'t>(edgestage: &'t Spanned<DeValue<'_>>) -> Option<&'t str> {
    let is_version = |text: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b".-+".contains(&byte);
        text.starts_with(|c: char| c.is_ascii_digit())
            && text.len() <= 40
            && text.bytes().all(known)
    };
    let text = edgestage.get_ref().as_str();
    text.filter(|text| is_version(text))
}

/// Returns where the first line that is not a comment begins.
fn first_line(text: &str) -> usize {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if !line.trim().is_empty() && !line.starts_with('#') {
            return start;
        }
        start += line.len();
    }
    0
}

//! The form of `profiles.lock`: what is said of a file whose form is not read here.
//!
//! What is promised to later versions stands here too: whatever a form looks like, it is
//! TOML with a whole number under `version`, and one that needs a newer edgestage may say
//! under `edgestage` which one (docs/upgrading.md).

use std::sync::Arc;

use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::VERSION;
use crate::diagnostic::{Code, Diagnostic, Source};
use crate::manifest::type_of;

/// Why the form of `text`, in the file that is called `shown`, cannot be read; `None`
/// where it can be, and where the text is not TOML.
pub(super) fn refused(text: &str, shown: &str) -> Option<Diagnostic> {
    let form = DeTable::parse(text).ok()?;
    let source = Arc::new(Source::whole(shown.to_owned(), text.to_owned()));
    let Some(version) = form.get_ref().get("version") else {
        let start = first_line(text);
        let missing = format!("`version = {VERSION}` is missing");
        return Some(
            Diagnostic::error(Code::InvalidLockfile, format!("`{shown}` has no `version`")).at(
                &source,
                start..start,
                missing,
            ),
        );
    };
    let span = version.span();
    if !version.get_ref().is_integer() {
        let found = format!("this is {}", type_of(version.get_ref()));
        let title = format!("`version` in `{shown}` is not a whole number");
        return Some(Diagnostic::error(Code::InvalidLockfile, title).at(&source, span, found));
    }
    let number = i64::deserialize(version.clone().into_deserializer()).ok()?;
    match u64::try_from(number) {
        Ok(VERSION) => None,
        Ok(newer) if newer > VERSION => {
            let own = env!("CARGO_PKG_VERSION");
            let label = format!("version {newer}, and edgestage {own} reads version {VERSION}");
            let error = Diagnostic::error(
                Code::NewerLockfile,
                format!("`{shown}` was written by a newer edgestage"),
            );
            Some(
                error
                    .at(&source, span, label)
                    .help(install(form.get_ref().get("edgestage"))),
            )
        }
        _ => {
            let title = format!("`{shown}` has a version that edgestage never writes");
            Some(Diagnostic::error(Code::InvalidLockfile, title).at(
                &source,
                span,
                "versions begin with 1",
            ))
        }
    }
}

fn install(needed: Option<&Spanned<DeValue<'_>>>) -> String {
    let is_version = |text: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b".-+".contains(&byte);
        text.starts_with(|c: char| c.is_ascii_digit())
            && text.len() <= 40
            && text.bytes().all(known)
    };
    match needed.and_then(|needed| needed.get_ref().as_str()) {
        Some(version) if is_version(version) => {
            format!("install edgestage {version} or later")
        }
        _ => "install the edgestage that wrote it, or a later one".into(),
    }
}

/// Where the first line begins that is not a comment.
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

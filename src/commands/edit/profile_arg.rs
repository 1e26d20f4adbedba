//! The names of profiles and definitions as people enter them, on command lines and at a
//! terminal.

use std::path::Path;

use crate::commands::messages;
use crate::error::Error;
use crate::manifest::edit::NewProfile;
use crate::manifest::reference::{self, InvalidReference, Parsed, Reference};
use crate::manifest::{self, Manifest};
use crate::ui::prompt::unquoted;
use crate::util::endpoint::Endpoint;
use crate::util::sanitize;
use crate::util::uid::Uid;

/// A reference as a person entered it.
#[derive(Debug, Clone)]
pub(crate) struct ProfileArg {
    pub text: String,
    parsed: Parsed,
}

impl ProfileArg {
    /// Parses `text`.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidReference> {
        let text = unquoted(text);
        let parsed = reference::parse(text)?;
        Ok(Self {
            // What follows the page's address in a browser is not part of the reference.
            text: reference::page(text).to_owned(),
            parsed,
        })
    }

    /// Returns the reference.
    pub(crate) fn reference(&self) -> &Reference {
        &self.parsed.reference
    }

    /// Whether both refer to the same profile.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.parsed.reference == other.parsed.reference
    }

    /// Returns the project that the reference names.
    pub(crate) fn project(&self) -> Option<&Uid> {
        self.parsed.project.as_ref()
    }

    /// Returns the endpoint of the Palette whose console page the URL is from.
    pub(crate) fn endpoint(&self) -> Option<Endpoint> {
        Endpoint::of_console(&self.text)
    }

    /// Returns the reference as it is written into the file: the way it was typed.
    pub(crate) fn written(&self) -> NewProfile {
        NewProfile {
            reference: self.text.clone(),
            comment: String::new(),
        }
    }
}

/// Parses the references of a command line, without duplicates. Returns all mistakes if there
/// are any.
pub(crate) fn given(texts: &[String]) -> Result<Vec<ProfileArg>, Error> {
    let mut given: Vec<ProfileArg> = Vec::new();
    let mut wrong = Vec::new();
    for text in texts {
        match ProfileArg::parse(text) {
            Ok(one) if given.iter().any(|other| other.is_same(&one)) => {}
            Ok(one) => given.push(one),
            Err(why) => {
                // As in the file, a password in a URL is never shown.
                let shown = manifest::source_of(text, Path::new("")).text.clone();
                let shown = sanitize::line(shown.as_bytes());
                wrong.push(Error::usage(messages::invalid_reference(&shown, &why)));
            }
        }
    }
    Error::all(wrong).map_or(Ok(given), Err)
}

/// Fails if `name` is not allowed as the name of a definition.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    if Manifest::is_name(name) {
        return Ok(());
    }
    let shown = sanitize::line(name.as_bytes());
    Err(Error::usage(messages::invalid_definition_name(&shown)))
}

//! What people call profiles and definitions, on command lines and at a terminal.

use std::path::Path;

use crate::commands::messages;
use crate::error::Error;
use crate::manifest::Manifest;
use crate::manifest::edit::NewProfile;
use crate::manifest::reference::{self, InvalidReference, Parsed, Reference};
use crate::ui::prompt::unquoted;
use crate::util::endpoint::Endpoint;
use crate::util::sanitize;
use crate::util::uid::Uid;

/// A reference as a person gave it.
#[derive(Debug, Clone)]
pub(crate) struct ProfileArg {
    pub text: String,
    parsed: Parsed,
}

impl ProfileArg {
    /// Reads `text`.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidReference> {
        let text = unquoted(text);
        let parsed = reference::parse(text)?;
        Ok(Self {
            // What a browser has behind the page's address is nobody's reference.
            text: reference::page(text).to_owned(),
            parsed,
        })
    }

    /// Which profile it means.
    pub(crate) fn reference(&self) -> &Reference {
        &self.parsed.reference
    }

    /// Whether the other one means the same profile.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.parsed.reference == other.parsed.reference
    }

    /// The project that it names.
    pub(crate) fn project(&self) -> Option<&Uid> {
        self.parsed.project.as_ref()
    }

    /// The Palette whose console's page it is the URL of.
    pub(crate) fn endpoint(&self) -> Option<Endpoint> {
        Endpoint::of_console(&self.text)
    }

    /// As it is written into the file: the way it was typed.
    pub(crate) fn written(&self) -> NewProfile {
        NewProfile {
            reference: self.text.clone(),
            comment: String::new(),
        }
    }
}

/// The references of a command line, each once, or all that is wrong with them.
pub(crate) fn given(texts: &[String]) -> Result<Vec<ProfileArg>, Error> {
    let mut given: Vec<ProfileArg> = Vec::new();
    let mut wrong = Vec::new();
    for text in texts {
        match ProfileArg::parse(text) {
            Ok(one) if given.iter().any(|other| other.is_same(&one)) => {}
            Ok(one) => given.push(one),
            Err(why) => {
                // As in the file, a password in a URL is shown to nobody.
                let shown = Manifest::source(text, Path::new("")).text.clone();
                let shown = sanitize::line(shown.as_bytes());
                wrong.push(Error::usage(messages::invalid_reference(&shown, &why)));
            }
        }
    }
    Error::all(wrong).map_or(Ok(given), Err)
}

/// Refuses what no definition may be called.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    if Manifest::is_name(name) {
        return Ok(());
    }
    let shown = sanitize::line(name.as_bytes());
    Err(Error::usage(messages::invalid_definition_name(&shown)))
}

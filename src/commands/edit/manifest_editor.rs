//! `profiles.toml` while a run changes it.

use std::path::PathBuf;

use crate::commands::messages;
use crate::diagnostic::{Code, Diagnostic, Place};
use crate::error::Error;
use crate::manifest::edit::EditError;
use crate::manifest::{self, Located, Manifest, ManifestError};
use crate::util::atomic_file;
use crate::util::file_lock::FileLock;
use crate::util::files;
use crate::util::path_error::PathError;
use crate::util::sanitize;
use crate::workflow::context::Context;

/// UTF-8's byte order mark, which is kept because some editors need it.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// `profiles.toml` while it is changed: no other run writes it or its lock.
pub(in crate::commands) struct ManifestEditor {
    pub path: PathBuf,
    pub text: String,
    marked: bool,
    /// The parsed text, or what is wrong with it.
    pub manifest: Result<Manifest, Vec<Diagnostic>>,
    _hold: FileLock,
}

impl ManifestEditor {
    /// Reads the file as soon as no other run writes it.
    pub(in crate::commands) fn open(context: &Context<'_>) -> Result<Self, Error> {
        let path = context.environment.resolve(&context.settings.file);
        let file = &context.settings.file;
        // If the file is missing, this gives the same error as for any other command.
        context.manifest_text()?;
        let hold = context.lock_lockfile(&path)?;
        let text = context.manifest_text()?;
        let bytes = files::read(&path, files::TEXT).map_err(PathError::when("read", &path))?;
        Ok(Self {
            manifest: Manifest::parse(&text, &path, file),
            marked: bytes.starts_with(MARK),
            path,
            text,
            _hold: hold,
        })
    }

    /// Returns the manifest, if nothing is wrong with it.
    pub(in crate::commands) fn manifest(&self) -> Result<&Manifest, Error> {
        let invalid = |list: &Vec<Diagnostic>| ManifestError::Invalid(list.clone()).into();
        self.manifest.as_ref().map_err(invalid)
    }

    /// Parses `text`, then writes it. If it is refused, mistakes of the current file are
    /// reported first; otherwise the error has no location, because the text is in no file.
    pub(in crate::commands) fn write(
        &self,
        context: &Context<'_>,
        text: &str,
    ) -> Result<(), Error> {
        if let Err(wrong) = Manifest::parse(text, &self.path, &context.settings.file) {
            self.manifest()?;
            let refused = wrong.into_iter().map(messages::refused_edit);
            let refused = refused.map(Error::usage);
            return Error::all(refused.collect()).map_or(Ok(()), Err);
        }
        let mark = if self.marked { MARK } else { &[] };
        atomic_file::write(&self.path, &[mark, text.as_bytes()].concat())?;
        if let Located::Above(file) = &context.settings.located {
            context.report.status("Edited", &sanitize::path(file));
        }
        Ok(())
    }

    /// Describes why an edit is refused, with its location. Mistakes of the file are reported
    /// first.
    pub(in crate::commands) fn refuse(
        &self,
        context: &Context<'_>,
        error: EditError,
        name: &str,
    ) -> Error {
        if let (Err(error), false) = (self.manifest(), self.only_lacks_profiles()) {
            return error;
        }
        Error::usage(match error {
            EditError::Absent => messages::not_editable(name, None),
            EditError::Inline(span) => {
                let source = manifest::source_of(&self.text, &context.settings.file);
                let place = Place {
                    source: &source,
                    span: &span,
                };
                messages::not_editable(name, Some(place))
            }
        })
    }

    /// Whether the only mistakes are those that `add` fixes.
    fn only_lacks_profiles(&self) -> bool {
        let fixes = |problem: &Diagnostic| problem.code == Code::NoProfiles;
        self.manifest
            .as_ref()
            .err()
            .is_some_and(|problems| problems.iter().all(fixes))
    }
}

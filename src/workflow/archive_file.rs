//! An archive or a content bundle that the user named: opened, and read with progress.
//!
//! Input: a path. Output: a reader of the archive in it, which is not checked yet. A bundle was
//! read to its end by then; only its archive is in a temporary file without a name.

use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use crate::archive::ArchiveSubject;
use crate::bundle::{self, ArchiveReader, BundleError, Source};
use crate::download::Progress;
use crate::error::Error;
use crate::http::Observer;
use crate::manifest::Manifest;
use crate::ui::Download;
use crate::util::files::{self, Piped};
use crate::util::limits::Limits;
use crate::util::path_error::PathError;
use crate::util::sanitize;
use crate::workflow::context::{Context, near};

/// An archive that was found in a file.
pub(crate) struct ArchiveFile<'a> {
    /// The archive, from its first byte.
    pub archive: ArchiveReader<Watched<'a>>,
    /// The archive, for messages.
    pub subject: ArchiveSubject,
    /// The name of the archive in the bundle, or `None` if the file itself is the archive.
    pub reference: Option<String>,
    /// Whether the file is a pipe or a device, which may stay silent for minutes.
    pub is_pipe: bool,
}

/// A file that is read with progress.
pub(crate) struct Watched<'a> {
    source: Piped,
    progress: Download<'a>,
}

/// Opens `file`, relative to the working directory, and finds the archive in it.
///
/// # Errors
/// Fails if there is no such file, if it cannot be read, or if it has no archive.
pub(crate) fn open<'a>(
    context: &'a Context<'_>,
    manifest: Option<&Manifest>,
    file: &Path,
) -> Result<ArchiveFile<'a>, Error> {
    let path = context.environment.resolve(file);
    let shown = sanitize::path(file);
    let source = Piped::open(&path).map_err(|error| {
        if files::is_absent(&error) {
            return missing(&path, &shown);
        }
        PathError::when("read", &path)(error).into()
    })?;
    let size = source.size().map_err(PathError::when("read", &path))?;
    let name = path.file_name().unwrap_or(path.as_os_str());
    let progress = context
        .report
        .reading(&sanitize::line(name.as_encoded_bytes()));
    progress.begins(size);
    let source = Watched { source, progress };
    let limits = manifest.map_or_else(Limits::default, |manifest| manifest.limits);
    let spool = match context.cache(manifest) {
        Ok(cache) => cache.directory().join("tmp"),
        // Without a cache directory, an archive can still be shown.
        Err(_) => std::env::temp_dir(),
    };
    let located = bundle::locate(source, &spool, &limits).map_err(|error| match error {
        BundleError::Refused(refusal) => Error::Bundle {
            file: shown.clone(),
            refusal,
        },
        BundleError::Read(error) => PathError::when("read", &path)(error).into(),
        BundleError::Spool(error) => error.into(),
    })?;
    Ok(ArchiveFile {
        archive: located.archive,
        subject: match located.reference {
            None => ArchiveSubject::File(shown),
            Some(_) => ArchiveSubject::InBundle(shown),
        },
        reference: located.reference,
        is_pipe: size.is_none(),
    })
}

/// Opens `path`, whose progress is shown while it is read.
///
/// # Errors
/// Fails if the operating system reports an error, or if it is not a file, a pipe or a terminal.
pub(crate) fn watch<'a>(context: &'a Context<'_>, path: &Path) -> io::Result<Watched<'a>> {
    let source = Piped::open(path)?;
    let size = source.size()?;
    let name = path.file_name().unwrap_or(path.as_os_str());
    let progress = context
        .report
        .reading(&sanitize::line(name.as_encoded_bytes()));
    progress.begins(size);
    Ok(Watched { source, progress })
}

/// Checks that `file` exists, before anything else is done for it.
///
/// # Errors
/// Fails if there is no such file.
pub(crate) fn ensure_exists(context: &Context<'_>, file: &Path) -> Result<(), Error> {
    let path = context.environment.resolve(file);
    match path.metadata() {
        Err(error) if files::is_absent(&error) => Err(missing(&path, &sanitize::path(file))),
        // Whatever else is wrong is an error of `open`.
        _ => Ok(()),
    }
}

fn missing(path: &Path, shown: &str) -> Error {
    let near = near(path);
    Error::usage(bundle::messages::file_missing(shown, near.as_deref()))
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.source.read(buffer)?;
        self.progress.advances(n as u64);
        Ok(n)
    }
}

impl Source for Watched<'_> {
    fn rewind(&mut self) -> io::Result<bool> {
        self.progress.begins(self.source.size()?);
        self.source.rewind()
    }
}

/// Shows no progress: [`Watched`] does.
pub(super) struct Silent;

impl Observer for Silent {
    fn asks(&self, _: &str) {}

    fn is_answered(&self, _: &str) {}

    fn retrying(&self, _: &str, _: &str, _: Duration) {}
}

impl Progress for Silent {
    fn begins(&self, _: Option<u64>) {}

    fn advances(&self, _: u64) {}
}

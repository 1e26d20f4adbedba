//! `edgestage attest`: an in-toto statement about what is staged, and about built images.
//!
//! In: the lock, the checkout, the images. Out: the statement, or an error and nothing else: a
//! statement is for signing, so it must never say what was not just verified. The digest of an
//! image is of the bytes that were examined: if the file changes meanwhile, that is an error. So
//! is a content bundle that was not read: it may have another definition (T37).

use std::fs::{self, File};
use std::io;
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use url::Url;

use super::image_report::Proof;
use super::{messages, verify};
use crate::bundle::LargeBundles;
use crate::cli::{self, AttestArgs};
use crate::error::Error;
use crate::evidence::Timestamp;
use crate::evidence::statement::{self, Claim, Inputs, Statement, UNKNOWN_BUILDER};
use crate::lockfile::{Lockfile, Meanwhile};
use crate::manifest::{Definition, Manifest};
use crate::ui::{CommandOutput, fields};
use crate::util::digest::Digest;
use crate::util::endpoint::Endpoint;
use crate::util::failpoint;
use crate::util::files;
use crate::util::path_error::PathError;
use crate::util::sanitize;
use crate::util::stamp::Stamp;
use crate::workflow::context::{Context, current, load_lockfile, one};

/// The name of the staged archive in the statement.
const ARCHIVE: &str = "spc.tgz";

/// The document of `attest`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Attest")]
pub(super) struct Document<'a> {
    /// Name of the definition.
    definition: &'a str,
    /// `content-sha256` of the lock entry.
    content_sha256: Digest,
    /// The in-toto statement, as `attest` prints it without `--json`.
    #[schemars(with = "Map<String, Value>")]
    statement: &'a Statement,
}

pub(super) fn run(arguments: &AttestArgs, context: &Context<'_>) -> Result<CommandOutput, Error> {
    let finished = timestamp(arguments.timestamp, context)?;
    if arguments.builder_id.as_deref().is_some_and(has_credentials) {
        return Err(Error::usage(messages::builder_with_credentials()));
    }
    let manifest = context.manifest()?;
    let definition = one(&manifest, arguments.name.as_deref())?;
    let checkout = context.checkout(&manifest, definition)?;
    let lock = load_lockfile(&manifest)?;
    let locked = current(&lock, definition)?;
    let endpoint = Endpoint::parse(&locked.endpoint)
        .map_err(|why| cli::messages::invalid_endpoint("endpoint of profiles.lock", &why))
        .map_err(Error::usage)?;
    let inputs = inputs(&manifest, definition, &lock)?;
    let name = &definition.name;
    let staged = verify::staged_archive(&checkout, name, locked, &manifest.limits)?;
    context
        .report
        .status("Verified", &format!("{name} in {ARCHIVE}"));
    let mut subjects = vec![statement::File {
        name: ARCHIVE.to_owned(),
        sha256: staged,
    }];
    if !arguments.images.image.is_empty() {
        let proof = Proof::new(context, &manifest, &lock, Some((definition, locked)))?
            .with_bundles(LargeBundles::of(arguments.bundles), &[])
            .with_all_bundles_read();
        subjects.extend(images(arguments, &proof, context)?);
    }
    let statement = Statement::new(Claim {
        definition: name,
        locked,
        endpoint: &endpoint,
        subjects,
        inputs,
        builder: arguments.builder_id.as_deref().unwrap_or(UNKNOWN_BUILDER),
        finished,
    });
    Ok(CommandOutput {
        text: context.report.json_text(fields(&statement)),
        json: fields(&Document {
            definition: name,
            content_sha256: locked.content_sha256,
            statement: &statement,
        }),
        error: None,
    })
}

/// Returns whether a URI contains a user name or password, as addresses of repositories do that CI
/// systems give their jobs.
fn has_credentials(uri: &str) -> bool {
    Url::parse(uri).is_ok_and(|uri| !uri.username().is_empty() || uri.password().is_some())
}

/// Returns the time for a document if it is asked for.
pub(super) fn timestamp(is_asked: bool, context: &Context<'_>) -> Result<Option<Timestamp>, Error> {
    const VARIABLE: &str = "SOURCE_DATE_EPOCH";
    if !is_asked {
        return Ok(None);
    }
    match Timestamp::of(context.environment.variable(VARIABLE)) {
        Some(timestamp) => Ok(Some(timestamp)),
        None => Err(Error::usage(cli::messages::not_seconds(VARIABLE))),
    }
}

/// Returns the files that decide what is fetched, with the digests of what was read.
fn inputs(manifest: &Manifest, definition: &Definition, lock: &Lockfile) -> Result<Inputs, Error> {
    let read = files::read(&manifest.path, files::TEXT);
    let bytes = read.map_err(PathError::when("read", &manifest.path))?;
    // The text is without the byte order mark that the file may have.
    let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    if text != manifest.source().text.as_bytes() {
        return Err(Error::ChangedMeanwhile {
            definition: definition.name.clone(),
            how: Meanwhile::Changed,
        });
    }
    let packs = definition.profiles.iter().flat_map(|one| &one.packs);
    let mut values: Vec<statement::File> = packs
        .filter_map(|pack| {
            Some(statement::File {
                name: name_beside(pack.values_file.as_deref()?, &manifest.path),
                sha256: Digest::of(pack.values.as_ref()?),
            })
        })
        .collect();
    // Files of several directories elsewhere can have the same name.
    values.sort();
    values.dedup();
    Ok(Inputs {
        manifest: statement::File {
            name: name_of(&manifest.path),
            sha256: Digest::of(&bytes),
        },
        lockfile: statement::File {
            name: name_of(lock.path()),
            sha256: Digest::of(lock.text().unwrap_or_default()),
        },
        values,
    })
}

/// Returns the path of a file relative to the directory of `manifest`, or its name if it is not
/// below it.
fn name_beside(file: &Path, manifest: &Path) -> String {
    let directory = manifest.parent().unwrap_or(Path::new(""));
    match file.strip_prefix(directory) {
        Ok(relative) => sanitize::path(relative),
        Err(_) => name_of(file),
    }
}

fn name_of(path: &Path) -> String {
    sanitize::line(path.file_name().unwrap_or_default().as_encoded_bytes())
}

/// Verifies the images, and returns their digests.
fn images(
    arguments: &AttestArgs,
    proof: &Proof<'_>,
    context: &Context<'_>,
) -> Result<Vec<statement::File>, Error> {
    let paths = arguments.images.image.iter();
    let paths: Vec<_> = paths
        .map(|path| context.environment.resolve(path))
        .collect();
    // An image that cannot be opened is reported with the others.
    let opened: Vec<Option<ImageFile>> = paths
        .iter()
        .map(|path| ImageFile::open(path).ok())
        .collect();
    proof.require_good(&proof.asked(&arguments.images))?;
    failpoint::hit("image-examined");
    let mut subjects: Vec<statement::File> = Vec::new();
    for (path, opened) in paths.iter().zip(opened) {
        let name = name_of(path);
        let waiting = context.report.waiting("Hashing", &name);
        let digest = opened.map(|image| image.digest(path)).transpose();
        let digest = digest.map_err(PathError::when("read", path))?;
        drop(waiting);
        let Some(sha256) = digest.flatten() else {
            let shown = sanitize::path(path);
            return Err(Error::staged(messages::images::image_changed(&shown)));
        };
        context
            .report
            .status("Verified", &format!("the locked definition in {name}"));
        if !subjects
            .iter()
            .any(|one| (&one.name, one.sha256) == (&name, sha256))
        {
            subjects.push(statement::File { name, sha256 });
        }
    }
    Ok(subjects)
}

/// An image that was opened before it was examined.
struct ImageFile {
    file: File,
    stamp: Stamp,
}

impl ImageFile {
    fn open(path: &Path) -> io::Result<Self> {
        let file = files::open(path)?;
        let stamp = Stamp::of(&file.metadata()?);
        Ok(Self { file, stamp })
    }

    /// Reads the image, and returns its digest. Returns `None` if what is at `path` is another
    /// file or has changed since it was opened: then other bytes may have been examined.
    fn digest(mut self, path: &Path) -> io::Result<Option<Digest>> {
        let (digest, _) = Digest::of_reader(&mut self.file)?;
        let is_same = Stamp::of(&fs::metadata(path)?) == self.stamp;
        Ok(is_same.then_some(digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_that_changed_since_it_was_opened_has_no_digest() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("image.iso");
        let changes: [fn(&Path); 3] = [
            |path| fs::write(path, "other").unwrap(),
            // The same bytes in another file.
            |path| {
                fs::rename(path, path.with_extension("old")).unwrap();
                fs::write(path, "image").unwrap();
            },
            |path| {
                let file = File::options().append(true).open(path).unwrap();
                file.set_len(9).unwrap();
            },
        ];
        for change in changes {
            fs::write(&path, "image").unwrap();
            let unchanged = ImageFile::open(&path).unwrap().digest(&path).unwrap();
            assert_eq!(unchanged, Some(Digest::of("image")));
            let opened = ImageFile::open(&path).unwrap();
            // The change time has the resolution of the kernel's clock.
            std::thread::sleep(std::time::Duration::from_millis(20));
            change(&path);
            assert_eq!(opened.digest(&path).unwrap(), None);
        }
    }

    #[test]
    fn names_are_without_directories_of_this_machine() {
        let manifest = Path::new("/home/a/profiles.toml");
        let name = |file: &str| name_beside(Path::new(file), manifest);
        assert_eq!(name("/home/a/values/hello.yaml"), "values/hello.yaml");
        assert_eq!(name("/home/b/hello.yaml"), "hello.yaml");
        assert_eq!(name_of(Path::new("/home/a\nb/x\ny")), "x\\ny");
    }
}

//! `edgestage verify --image`: the contents of built images, compared with the lock.
//!
//! The input is images, and what they must hold. The output is an [`ImageReport`] for each, and
//! an error if something is wrong. `build` and `check` use it too.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use super::messages::{self, images::BadImages};
use crate::bundle::LargeBundles;
use crate::canvos::build::BuildCommand;
use crate::cli::{Images, VerifyArgs};
use crate::diagnostic::{Diagnostic, Trap};
use crate::error::Error;
use crate::image::{
    self, Checksum, Image, ImageError, ImageFormat, Judge, PlaceEntry, ReadEdgeConfig,
};
use crate::lockfile::{LockEntry, Lockfile};
use crate::manifest::{Definition, Manifest};
use crate::signing::PublicKey;
use crate::ui::{CommandOutput, fields};
use crate::util::digest::Digest;
use crate::util::files;
use crate::util::sanitize;
use crate::workflow::context::{Context, allowed, current, expected_key, near, one, shown};

mod bundles;
mod neighbours;
mod explain;
mod judge;
mod report;

pub(super) use report::{Advice, ImageReport, text};

use explain::{BuildOrigin, Why};
use judge::{Expectation, UnreadBundles};
use report::ImageFinding;

/// The document of `verify` with `--image`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "VerifyImages")]
pub(super) struct Document<'a> {
    /// Name of the definition; null with `--expect-none`.
    definition: Option<&'a str>,
    /// `content-sha256` of the lock entry; null with `--expect-none`.
    content_sha256: Option<Digest>,
    /// Images, in the order of the command line.
    images: &'a [ImageReport],
}

/// How images are compared with the lock.
pub(super) struct Proof<'a> {
    context: &'a Context<'a>,
    manifest: &'a Manifest,
    lock: &'a Lockfile,
    /// The definition that the images must hold; `None` if they must hold nothing.
    expected: Option<(&'a Definition, &'a LockEntry)>,
    /// The public key that the images must carry, if one is expected.
    key: Option<PublicKey>,
    /// The directory for parts of compressed images.
    spool: PathBuf,
    /// The checkout that the images may have been built from.
    origin: BuildOrigin<'a>,
    /// Whether large content bundles are read.
    large_bundles: LargeBundles,
    /// What a content bundle that was not read means.
    unread_bundles: UnreadBundles,
    /// The traps that are accepted.
    allowed: Vec<Trap>,
}

/// Whether an image is compared with its `.sha256`, which reads the whole image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checksums {
    /// Compare if there is such a file.
    Compare,
    /// `--no-checksum`.
    Ignore,
}

/// Which build wrote an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WrittenBy {
    /// The build of this run: the image is never an old one.
    ByThisRun,
    /// An earlier build.
    Before,
}

/// How to read images.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub(super) checksums: Checksums,
    pub(super) written: WrittenBy,
}

pub(super) fn run(arguments: &VerifyArgs, context: &Context<'_>) -> Result<CommandOutput, Error> {
    let manifest = context.manifest()?;
    let lock = context.lockfile(&manifest)?;
    let expected = if arguments.expect_none {
        None
    } else {
        let definition = one(&manifest, arguments.name.as_deref())?;
        Some((definition, current(&lock, definition)?))
    };
    let allowed = expected.map(|(definition, _)| allowed(definition, &[]));
    let proof = Proof::new(context, &manifest, &lock, expected)?.with_bundles(
        LargeBundles::of(arguments.bundles),
        &allowed.unwrap_or_default(),
    );
    let proof = match &arguments.public_key {
        Some(path) => Proof {
            key: Some(PublicKey::read(&context.environment.resolve(path))?),
            ..proof
        },
        None => proof,
    };
    Ok(proof.outcome(&proof.asked(&arguments.images)))
}

impl<'a> Proof<'a> {
    pub(super) fn new(
        context: &'a Context<'a>,
        manifest: &'a Manifest,
        lock: &'a Lockfile,
        expected: Option<(&'a Definition, &'a LockEntry)>,
    ) -> Result<Self, Error> {
        let checkout = expected.and_then(|(definition, _)| {
            let checkout = context.checkout(manifest, definition);
            checkout.ok()
        });
        Ok(Self {
            context,
            manifest,
            lock,
            expected,
            // An image without a definition may carry any key.
            key: match expected {
                Some(_) => expected_key(manifest)?,
                None => None,
            },
            spool: context.cache(Some(manifest))?.directory().join("tmp"),
            origin: BuildOrigin::of(
                context,
                checkout,
                &BuildCommand::new(manifest.build.as_deref(), &[], context.environment),
            ),
            large_bundles: LargeBundles::Skip,
            unread_bundles: UnreadBundles::Warn,
            allowed: Vec::new(),
        })
    }

    /// Sets whether large content bundles are read, and the traps that are accepted.
    pub(super) fn with_bundles(self, large_bundles: LargeBundles, allowed: &[Trap]) -> Self {
        Self {
            large_bundles,
            allowed: allowed.to_vec(),
            ..self
        }
    }

    /// Refuses images with a content bundle that was not read.
    pub(super) fn with_all_bundles_read(self) -> Self {
        Self {
            unread_bundles: UnreadBundles::Refuse,
            ..self
        }
    }

    /// Sets the command of the build that wrote the images.
    pub(super) fn of_build(self, argv: &[String]) -> Self {
        Self {
            origin: self.origin.started_with(argv),
            ..self
        }
    }

    /// Examines the images that were given.
    pub(super) fn asked(&self, images: &Images) -> Vec<ImageReport> {
        let checksums = if images.no_checksum {
            Checksums::Ignore
        } else {
            Checksums::Compare
        };
        let environment = self.context.environment;
        let paths = images.image.iter();
        let paths: Vec<PathBuf> = paths.map(|path| environment.resolve(path)).collect();
        let reading = Reading {
            checksums,
            written: WrittenBy::Before,
        };
        self.verdicts(&paths, reading)
    }

    /// Examines the images `paths`.
    pub(super) fn verdicts(&self, paths: &[PathBuf], reading: Reading) -> Vec<ImageReport> {
        let verdict = |path: &PathBuf| self.verdict(path, reading);
        let mut verdicts: Vec<ImageReport> = paths.iter().map(verdict).collect();
        report::mark_neglected(&mut verdicts);
        verdicts
    }

    /// Examines the image `path`.
    fn verdict(&self, path: &Path, reading: Reading) -> ImageReport {
        let name = path.file_name().unwrap_or(path.as_os_str());
        let name = sanitize::line(name.as_encoded_bytes());
        let _reading = self.context.report.waiting("Reading", &name);
        let judge = Judge {
            limits: &self.manifest.limits,
            edge_config: match self.key {
                Some(_) => ReadEdgeConfig::Yes,
                None => ReadEdgeConfig::No,
            },
            bundles: self.large_bundles,
        };
        let base = ImageReport {
            path: shown(path),
            ..ImageReport::default()
        };
        match image::examine(path, &self.spool, &judge) {
            Ok(image) => self.judged(base, path, &image, reading),
            Err(ImageError::Disk(error))
                if reading.written == WrittenBy::Before && files::is_absent(&error.source) =>
            {
                ImageReport {
                    found: ImageFinding::absent(&error),
                    help: Some(messages::images::check_path(near(path).as_deref())),
                    ..base
                }
            }
            Err(error) => ImageReport {
                found: judge::unreadable(&error),
                ..base
            },
        }
    }

    fn judged(
        &self,
        base: ImageReport,
        path: &Path,
        image: &Image,
        reading: Reading,
    ) -> ImageReport {
        let locked = self.expected.map(|(_, locked)| locked);
        let expectation = Expectation {
            lock: self.lock,
            locked: self
                .expected
                .map(|(definition, locked)| (&*definition.name, locked)),
            key: self.key.as_ref(),
            unread_bundles: self.unread_bundles,
            allowed: &self.allowed,
        };
        let why = Why {
            origin: &self.origin,
            format: &image.format,
            path,
            locked,
        };
        let (found, partitions) = expectation.judge(&image.places, &why);
        let (format, label) = match &image.format {
            ImageFormat::Iso(label) => ("iso", Some(label.clone())),
            ImageFormat::Disk => ("raw", None),
            ImageFormat::CompressedDisk => ("raw.gz", None),
        };
        let older = match reading.written {
            WrittenBy::ByThisRun => Some(false),
            WrittenBy::Before => self.origin.is_older(image.changed),
        };
        let no_partition = matches!(image.places[..], [ref place] if matches!(place.entry, PlaceEntry::NoPartition));
        let verdict = ImageReport {
            format: Some(format),
            label,
            found,
            partitions,
            older: older.filter(|_| locked.is_some()),
            no_partition,
            ..base
        };
        if !verdict.found.good {
            return verdict;
        }
        self.warn_of_neighbours(&verdict);
        let warnings = expectation.bundle_warnings(&verdict.path, &image.places);
        self.context.report.warn_all(&warnings);
        match reading.checksums {
            Checksums::Compare => with_checksum(path, verdict),
            Checksums::Ignore => verdict,
        }
    }

    /// Warns of an image that holds the right definition, but not alone.
    fn warn_of_neighbours(&self, verdict: &ImageReport) {
        let Some(trap) = verdict.found.trap else {
            return;
        };
        let told = verdict.found.detail.as_deref().unwrap_or_default();
        let warning = messages::more_than_locked(&verdict.path, trap, told);
        self.context.report.warn(&warning);
    }

    /// Returns the table, and the error if something is wrong.
    pub(super) fn outcome(&self, verdicts: &[ImageReport]) -> CommandOutput {
        let (absent, bad) = faulty(verdicts);
        let mut errors: Vec<Error> = absent.into_iter().map(not_found).collect();
        errors.extend((!bad.is_empty()).then(|| Error::staged(self.error(&bad))));
        CommandOutput {
            text: text(verdicts, self.context.report.width()),
            json: fields(&Document {
                definition: self.expected.map(|(definition, _)| &*definition.name),
                content_sha256: self.expected.map(|(_, locked)| locked.content_sha256),
                images: verdicts,
            }),
            error: Error::all(errors),
        }
    }

    /// Checks that every image is as it should be.
    ///
    /// # Errors
    /// Fails otherwise, and names each image that is not: nothing else shows the reports.
    pub(super) fn require_good(&self, verdicts: &[ImageReport]) -> Result<(), Error> {
        let (absent, bad) = faulty(verdicts);
        let mut errors: Vec<Error> = absent.into_iter().map(not_found).collect();
        if !bad.is_empty() {
            let rows = bad.iter().map(|report| report.line());
            errors.push(Error::staged(rows.fold(self.error(&bad), Diagnostic::note)));
        }
        Error::all(errors).map_or(Ok(()), Err)
    }

    fn error(&self, bad: &[&ImageReport]) -> Diagnostic {
        let first = bad[0].found.advice;
        let advice = if bad.iter().all(|verdict| verdict.found.advice == first) {
            first
        } else {
            Advice::Build
        };
        let name = self.expected.map(|(definition, _)| &definition.name[..]);
        let is_unexpected =
            |report: &&ImageReport| report.found.verdict == report::ImageVerdict::Unexpected;
        // What is wrong inside explains more than an image's age.
        let trap = bad.iter().find_map(|verdict| verdict.found.trap);
        let old = bad.iter().any(|verdict| verdict.older == Some(true));
        let trap = trap.or(old.then_some(Trap::OldImage));
        messages::images::bad_images(&BadImages {
            count: bad.len(),
            advice,
            definition: name,
            has_unexpected: bad.iter().any(is_unexpected),
            trap,
        })
    }
}

/// Returns the images that do not exist, and those that are not as they should be.
fn faulty(verdicts: &[ImageReport]) -> (Vec<&ImageReport>, Vec<&ImageReport>) {
    verdicts
        .iter()
        .filter(|verdict| !verdict.found.good)
        .partition(|report| report.found.verdict == report::ImageVerdict::NotFound)
}

fn not_found(verdict: &ImageReport) -> Error {
    let help = verdict.help.clone().unwrap_or_default();
    Error::usage(messages::images::missing_image(&verdict.path, &help))
}

/// Applies the result of the checksum. An image with the right contents may still not be the
/// file that its `.sha256` was made for.
fn with_checksum(path: &Path, verdict: ImageReport) -> ImageReport {
    let detail = match image::checksum(path) {
        Ok(Checksum::None | Checksum::Agrees) => return verdict,
        Ok(Checksum::Disagrees) => {
            "the `.sha256` file next to it belongs to another image".to_owned()
        }
        Ok(Checksum::Unreadable) => "the `.sha256` file next to it contains no digest".to_owned(),
        Err(error) => error.to_string(),
    };
    let found = ImageFinding {
        verdict: report::ImageVerdict::ChecksumDiffers,
        detail: Some(detail),
        trap: Some(Trap::OldImage),
        good: false,
        ..verdict.found
    };
    ImageReport { found, ..verdict }
}

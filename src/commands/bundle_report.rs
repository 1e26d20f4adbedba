//! `edgestage verify --bundle`: the cluster definition in a content bundle, compared with the
//! lock.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use crate::archive::{self, ArchiveIdentity, InspectError, Inventory};
use crate::bundle::{self, BundleRefusal};
use crate::error::Error;
use crate::lockfile::{LockEntry, Lockfile};
use crate::manifest::{Definition, Manifest};
use crate::ui::table;
use crate::ui::{CommandOutput, fields};
use crate::util::digest::{Digest, HashingReader};
use crate::util::path_error::PathError;
use crate::util::sanitize;
use crate::workflow::archive_file::{self, ArchiveFile};
use crate::workflow::context::{Context, current, one, shown};
use crate::workflow::messages::{self, FileDiffers};

/// The document of `verify` with `--bundle`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "VerifyBundle")]
pub(super) struct Document<'a> {
    /// Name of the definition.
    definition: &'a str,
    /// `content-sha256` of the lock entry.
    content_sha256: Digest,
    /// The bundle.
    bundle: BundleReport,
}

/// Result for the bundle.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Bundle")]
struct BundleReport {
    /// Path of the bundle.
    path: String,
    /// Result of the comparison with the lock.
    verdict: BundleVerdict,
    /// Reason, if there is more to report.
    detail: Option<String>,
    /// Name of the archive in the bundle; null if there is none, or if the file itself is the
    /// archive.
    reference: Option<String>,
    /// Archive that was found; null if there is none.
    archive: Option<ArchiveIdentity>,
    /// Kinds of manifests that the bundle has, if it has no definition; otherwise empty.
    kinds: Vec<String>,
}

/// The definition in a bundle, compared with the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum BundleVerdict {
    /// The locked archive.
    AsLocked,
    /// Another archive with the locked content.
    SameContent,
    /// Another definition.
    AnotherDefinition,
    /// No definition.
    NoDefinition,
}

impl BundleVerdict {
    fn text(self) -> &'static str {
        match self {
            Self::AsLocked => "as locked",
            Self::SameContent => "same content",
            Self::AnotherDefinition => "another definition",
            Self::NoDefinition => "no definition",
        }
    }
}

pub(super) fn run(
    name: Option<&str>,
    file: &Path,
    context: &Context<'_>,
) -> Result<CommandOutput, Error> {
    let manifest = context.manifest()?;
    let lock = context.lockfile(&manifest)?;
    let definition = one(&manifest, name)?;
    let expected = Expected {
        definition,
        locked: current(&lock, definition)?,
        lock: &lock,
        file,
    };
    let path = shown(&context.environment.resolve(file));
    let (bundle, error) = match archive_file::open(context, Some(&manifest), file) {
        Err(Error::Bundle {
            refusal: BundleRefusal::NoDefinition { kinds, manifests },
            ..
        }) => expected.without_definition(path, kinds, manifests),
        Err(error) => return Err(error),
        Ok(opened) => {
            let reference = opened.reference.clone();
            let (identity, inventory) = read(opened, context, &manifest, file)?;
            expected.judge(path, reference, identity, &inventory)
        }
    };
    let detail = bundle.detail.as_deref().unwrap_or_default();
    let row = table::row(&[&bundle.path, bundle.verdict.text(), detail]);
    Ok(CommandOutput {
        text: table::fitted(&[row], context.report.width()),
        json: fields(&Document {
            definition: &definition.name,
            content_sha256: expected.locked.content_sha256,
            bundle,
        }),
        error,
    })
}

/// Reads the archive to its end.
fn read(
    opened: ArchiveFile<'_>,
    context: &Context<'_>,
    manifest: &Manifest,
    file: &Path,
) -> Result<(ArchiveIdentity, Inventory), Error> {
    let mut source = HashingReader::new(opened.archive);
    let inventory = archive::inspect(&mut source, &manifest.limits, archive::NOTHING);
    let inventory = inventory.map_err(|error| match error {
        InspectError::Refused(refusal) => Error::Archive {
            of: opened.subject,
            refusal,
        },
        InspectError::Io(error) => {
            let path = context.environment.resolve(file);
            PathError::when("read", &path)(error).into()
        }
    })?;
    let (sha256, size) = source.finish();
    let identity = ArchiveIdentity {
        sha256,
        size,
        content_sha256: inventory.content_sha256,
    };
    Ok((identity, inventory))
}

/// What the bundle must contain.
struct Expected<'a> {
    definition: &'a Definition,
    locked: &'a LockEntry,
    lock: &'a Lockfile,
    file: &'a Path,
}

impl Expected<'_> {
    fn judge(
        &self,
        path: String,
        reference: Option<String>,
        identity: ArchiveIdentity,
        inventory: &Inventory,
    ) -> (BundleReport, Option<Error>) {
        let contents = inventory.contents();
        let mut report = BundleReport {
            path,
            verdict: BundleVerdict::AsLocked,
            detail: None,
            reference,
            archive: Some(identity),
            kinds: Vec::new(),
        };
        if self.locked.describes(&contents) {
            if identity.sha256 != self.locked.sha256 {
                report.verdict = BundleVerdict::SameContent;
            }
            return (report, None);
        }
        let owner = self.lock.owner_of(&contents).map(|(name, _)| name);
        report.verdict = BundleVerdict::AnotherDefinition;
        report.detail = Some(match owner {
            Some(owner) => format!("it is `{owner}`"),
            None => format!("content {}", contents.sha256.short()),
        });
        let error = Error::staged(messages::file_differs(&FileDiffers {
            definition: &self.definition.name,
            file: &sanitize::path(self.file),
            locked: self.locked.content_sha256,
            found: contents.sha256,
            owner,
            changes: &[],
        }));
        (report, Some(error))
    }

    fn without_definition(
        &self,
        path: String,
        kinds: Vec<String>,
        manifests: usize,
    ) -> (BundleReport, Option<Error>) {
        let seen = bundle::messages::seen(&kinds, manifests);
        let file = sanitize::path(self.file);
        let error = messages::no_definition_in(&file, &self.definition.name, &seen);
        let report = BundleReport {
            path,
            verdict: BundleVerdict::NoDefinition,
            detail: Some(seen),
            reference: None,
            archive: None,
            kinds,
        };
        (report, Some(Error::staged(error)))
    }
}

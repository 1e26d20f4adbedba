//! `edgestage verify`: what is staged, compared with the lock.

use schemars::JsonSchema;
use serde::Serialize;

use super::bundle_report;
use super::image_report;
use super::messages;
use super::sign;
use super::unstage::shared;
use crate::canvos::{Checkout, PlacementState, State};
use crate::cli::VerifyArgs;
use crate::error::Error;
use crate::lockfile::{LockEntry, Lockfile};
use crate::manifest::Manifest;
use crate::ui::table;
use crate::ui::{CommandOutput, fields};
use crate::util::digest::Digest;
use crate::util::limits::Limits;
use crate::workflow::context::{Context, current, one, shown};

/// The document of `verify` without `--image` and `--bundle`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Verify")]
pub(super) struct Document {
    /// Name of the definition; null with `--expect-none`.
    definition: Option<String>,
    /// `content-sha256` of the lock entry; null with `--expect-none`.
    content_sha256: Option<Digest>,
    /// Path of the checkout.
    canvos: String,
    /// Both placements, and other files that would be shipped by mistake.
    placements: Vec<PlacementReport>,
}

/// Result for one placement.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Placement")]
struct PlacementReport {
    /// Path, relative to the checkout.
    path: String,
    /// State of the placement, compared with the lock; `none` and `unexpected` with
    /// `--expect-none`.
    verdict: PlacementVerdict,
    /// Reason, if there is more to report.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip)]
    good: bool,
}

/// State of a placement.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum PlacementVerdict {
    /// The locked archive.
    AsLocked,
    /// Another archive with the locked content.
    SameContent,
    /// Nothing.
    Missing,
    /// Another definition, or no definition.
    Differs,
    /// Not a regular file with mode 0644 and a single link.
    WrongKind,
    /// Nothing, as expected.
    None,
    /// Something, although nothing is expected.
    Unexpected,
    /// A temporary file that a killed run left, and that would be shipped.
    Leftover,
}

impl PlacementVerdict {
    fn text(self) -> &'static str {
        match self {
            Self::AsLocked => "as locked",
            Self::SameContent => "same content",
            Self::Missing => "missing",
            Self::Differs => "differs",
            Self::WrongKind => "wrong kind",
            Self::None => "none",
            Self::Unexpected => "unexpected",
            Self::Leftover => "leftover",
        }
    }
}

pub(super) fn run(arguments: &VerifyArgs, context: &Context<'_>) -> Result<CommandOutput, Error> {
    if !arguments.images.image.is_empty() {
        return image_report::run(arguments, context);
    }
    if let Some(file) = &arguments.signature {
        return sign::verify(arguments, file, context);
    }
    if let Some(file) = &arguments.bundle {
        return bundle_report::run(arguments.name.as_deref(), file, context);
    }
    let manifest = context.manifest()?;
    if arguments.expect_none {
        return expect_none(&manifest, context);
    }
    let definition = one(&manifest, arguments.name.as_deref())?;
    let checkout = context.checkout(&manifest, definition)?;
    let lock = context.lockfile(&manifest)?;
    let locked = current(&lock, definition)?;
    let found = checkout.found(Some(locked), &manifest.limits)?;
    let mut reports: Vec<PlacementReport> =
        found.iter().map(|found| report(found, &lock)).collect();
    let command = format!("edgestage stage {}", definition.name);
    let left = leftovers(&checkout, &command);
    reports.extend(checkout.shipped_leftovers().into_iter().map(leftover));
    let error = Error::all(
        not_staged(&found, &definition.name)
            .into_iter()
            .chain(left)
            .collect(),
    );
    Ok(outcome(
        context,
        &Document {
            definition: Some(definition.name.clone()),
            content_sha256: Some(locked.content_sha256),
            canvos: shown(checkout.directory()),
            placements: reports,
        },
        error,
    ))
}

fn expect_none(manifest: &Manifest, context: &Context<'_>) -> Result<CommandOutput, Error> {
    let checkout = shared(manifest, context)?;
    let lock = context.lockfile(manifest)?;
    let found = checkout.found(None, &manifest.limits)?;
    let mut reports: Vec<PlacementReport> = found
        .iter()
        .map(|found| match found.state {
            State::Missing => PlacementReport {
                path: found.placement.path().into(),
                verdict: PlacementVerdict::None,
                detail: None,
                good: true,
            },
            _ => PlacementReport {
                verdict: PlacementVerdict::Unexpected,
                good: false,
                ..report(found, &lock)
            },
        })
        .collect();
    let unexpected = reports
        .iter()
        .any(|report| !report.good)
        .then(|| Error::staged(messages::staged_unexpected()));
    let left = leftovers(&checkout, "edgestage unstage");
    reports.extend(checkout.shipped_leftovers().into_iter().map(leftover));
    let error = Error::all(unexpected.into_iter().chain(left).collect());
    Ok(outcome(
        context,
        &Document {
            definition: None,
            content_sha256: None,
            canvos: shown(checkout.directory()),
            placements: reports,
        },
        error,
    ))
}

/// Returns what is wrong with the placements, if they are not what `stage` makes of the
/// definition `name`.
pub(super) fn not_staged(found: &[PlacementState], name: &str) -> Option<Error> {
    if Checkout::is_staged(found) {
        return None;
    }
    let is_right = |found: &PlacementState| {
        matches!(found.state, State::Equal | State::SameContent) && found.well_formed
    };
    Some(Error::staged(if found.iter().all(is_right) {
        messages::staged_in_other_bytes(name)
    } else {
        messages::staged_differs(name)
    }))
}

/// Returns the digest of the archive of the definition `name` that is staged in `checkout`.
///
/// # Errors
/// Fails, with everything that is wrong, if what is staged is not what `stage` makes of `locked`.
pub(super) fn staged_archive(
    checkout: &Checkout,
    name: &str,
    locked: &LockEntry,
    limits: &Limits,
) -> Result<Digest, Error> {
    let found = checkout.found(Some(locked), limits)?;
    let left = leftovers(checkout, &format!("edgestage stage {name}"));
    let errors = not_staged(&found, name).into_iter().chain(left);
    if let Some(error) = Error::all(errors.collect()) {
        return Err(error);
    }
    // What is staged is the same regular file at every placement.
    let staged = found.first().and_then(|found| found.sha256);
    staged.ok_or_else(|| Error::staged(messages::staged_differs(name)))
}

/// Returns an error if there are temporary files that would be shipped; `command` removes them.
pub(super) fn leftovers(checkout: &Checkout, command: &str) -> Option<Error> {
    let left = checkout.shipped_leftovers();
    let first = left.first()?;
    Some(Error::staged(messages::staged_leftover(first, command)))
}

fn leftover(path: String) -> PlacementReport {
    PlacementReport {
        path,
        verdict: PlacementVerdict::Leftover,
        detail: Some("a temporary file of a killed run".into()),
        good: false,
    }
}

fn report(found: &PlacementState, lock: &Lockfile) -> PlacementReport {
    let (verdict, detail, good) = match &found.state {
        State::Equal => (PlacementVerdict::AsLocked, None, true),
        State::SameContent => (PlacementVerdict::SameContent, None, true),
        State::Missing => (PlacementVerdict::Missing, None, false),
        State::WrongKind(kind) => (PlacementVerdict::WrongKind, Some((*kind).to_owned()), false),
        State::Differs { contents: None } => (
            PlacementVerdict::Differs,
            Some("not an archive of a cluster definition".into()),
            false,
        ),
        State::Differs {
            contents: Some(contents),
        } => {
            let whose = match found.owner(lock) {
                Some(name) => format!("it is `{name}`"),
                None => format!("content {}", contents.sha256.short()),
            };
            (PlacementVerdict::Differs, Some(whose), false)
        }
    };
    let path = found.placement.path().to_owned();
    // The bytes are right, but a build cannot read the file, or it has a second hard link.
    if good && !found.well_formed {
        return PlacementReport {
            path,
            verdict: PlacementVerdict::WrongKind,
            detail: Some("not a file of mode 0644 with one name".into()),
            good: false,
        };
    }
    PlacementReport {
        path,
        verdict,
        detail,
        good,
    }
}

fn outcome(context: &Context<'_>, document: &Document, error: Option<Error>) -> CommandOutput {
    let rows: Vec<Vec<String>> = document
        .placements
        .iter()
        .map(|v| {
            table::row(&[
                &v.path,
                v.verdict.text(),
                v.detail.as_deref().unwrap_or_default(),
            ])
        })
        .collect();
    CommandOutput {
        text: table::fitted(&rows, context.report.width()),
        json: fields(document),
        error,
    }
}

//! Messages about the public key for signatures that an image carries (T35).
//!
//! `shown` is a value prepared for messages: shortened, and without control characters.

use super::FAILS;
use super::clusterconfig::{title_of_failed, title_of_missed};
use crate::canvos::preflight::Origin;
use crate::canvos::preflight::arg::EDGE_CUSTOM_CONFIG as KEY;
use crate::canvos::preflight::copy::{Failure, Missed};
use crate::diagnostic::{Diagnostic, Trap};
use crate::signing::PublicKey;
use crate::signing::edge_config::NoEdgeKey;
use crate::signing::messages::{no_edge_key, public_help};

/// What becomes of a host without a key.
const ACCEPTS_ALL: &str = "a host without a key accepts uploads that nobody signed";
/// The line that is right for every target.
const FIX: &str = "name a file of the checkout by its relative path: `EDGE_CUSTOM_CONFIG=edge-custom-config.yaml`";

fn lost(title: impl Into<String>) -> Diagnostic {
    Diagnostic::warning(Trap::SigningKeyLost, title)
}

/// Adds where the value comes from.
pub(in crate::canvos::preflight) fn with_origin(
    told: Diagnostic,
    origin: Option<&Origin>,
) -> Diagnostic {
    match origin {
        Some(origin) => told.note(format!("it is set in {origin}")),
        None => told.note(format!(
            "nothing sets {KEY}: this is the Earthfile's default"
        )),
    }
}

/// The value finds nothing.
pub(in crate::canvos::preflight) fn missed(
    missed: &Missed,
    shown: &str,
    similar: Option<&str>,
) -> Diagnostic {
    let told = lost(title_of_missed(KEY, missed, shown)).note(ACCEPTS_ALL);
    match similar {
        Some(similar) => told.help(format!("write `{KEY}={similar}`")),
        None => told.help(FIX),
    }
}

/// The value makes the build fail.
pub(in crate::canvos::preflight) fn failed(failure: &Failure, shown: &str) -> Diagnostic {
    lost(title_of_failed(KEY, failure, shown))
        .note(FAILS)
        .help(FIX)
}

/// Earthly reads the value as the artifact of a target.
pub(in crate::canvos::preflight) fn artifact(shown: &str) -> Diagnostic {
    lost(format!(
        "{KEY} is `{shown}`, which Earthly reads as the artifact of a target"
    ))
    .help(FIX)
}

/// The value is empty: the image gets an empty directory in the place of the file.
pub(in crate::canvos::preflight) fn empty_value() -> Diagnostic {
    lost(format!("{KEY} is empty"))
        .note("the image gets an empty directory in the place of the file")
        .note(ACCEPTS_ALL)
        .help("name a file, or remove the line")
}

/// The image gets something other than a file.
pub(in crate::canvos::preflight) fn not_a_file(path: &str, kind: &str) -> Diagnostic {
    lost(format!("{KEY} names {kind}: `{path}`"))
        .note(ACCEPTS_ALL)
        .help(FIX)
}

/// The image gets an empty file, because the build cannot read this one.
pub(in crate::canvos::preflight) fn unreadable(path: &str) -> Diagnostic {
    lost(format!(
        "the build cannot read `{path}`, so it is empty in the image"
    ))
    .note(ACCEPTS_ALL)
    .help("make the file readable")
}

/// Several files become the custom configuration, and the last one stays.
pub(in crate::canvos::preflight) fn several(shown: &str, path: &str) -> Diagnostic {
    lost(format!(
        "{KEY} is `{shown}`, which matches several files: `{path}` replaces the others"
    ))
    .help(FIX)
}

/// Nothing copies the file for these targets.
pub(in crate::canvos::preflight) fn not_copied() -> Diagnostic {
    lost(format!("the Earthfile does not copy {KEY} into the image"))
        .note(ACCEPTS_ALL)
        .help("use a CanvOS version that copies it")
}

/// It cannot be determined what is copied.
pub(in crate::canvos::preflight) fn unclear() -> Diagnostic {
    lost(format!(
        "edgestage cannot determine which file {KEY} puts into the image"
    ))
    .help("build with `--allow T35`, then run `edgestage verify --image FILE --public-key FILE`")
}

/// `earthly.sh` has no value for the script of `+maas-image`.
pub(in crate::canvos::preflight) fn not_set_for_maas() -> Diagnostic {
    lost(format!("{KEY} is not set in `.arg`"))
        .note("the script of `+maas-image` does not know the Earthfile's default")
        .note(ACCEPTS_ALL)
        .help(FIX)
}

/// The script of `+maas-image` finds no such file.
pub(in crate::canvos::preflight) fn no_file_for_maas(shown: &str) -> Diagnostic {
    lost(format!("{KEY} names a file that does not exist: `{shown}`"))
        .note(ACCEPTS_ALL)
        .help(FIX)
}

/// The overlay is lost, and the file with it.
pub(in crate::canvos::preflight) fn overlay_dropped() -> Diagnostic {
    lost("the image has no public key, because the overlay is lost (T23)").note(ACCEPTS_ALL)
}

/// The file that arrives has no usable key.
pub(in crate::canvos::preflight) fn no_key(path: &str, why: NoEdgeKey) -> Diagnostic {
    let told = lost(format!("`{path}` has no public key for signatures"))
        .note(no_edge_key(why))
        .note(ACCEPTS_ALL);
    match why {
        NoEdgeKey::Fault(why) => told.help(public_help(why)),
        _ => told.help("write the base64 of the public key's PEM file there: `base64 -w0 PUBLIC`"),
    }
}

/// The file that arrives has the private key: whoever has the image can sign.
pub(in crate::canvos::preflight) fn private_key(path: &str) -> Diagnostic {
    lost(format!(
        "`{path}` has a private key, which would go into the image"
    ))
    .note("everybody who has the image could sign with it")
    .help("replace it by its public half: `openssl pkey -in KEY -pubout | base64 -w0`")
}

/// The file cannot be read here.
pub(in crate::canvos::preflight) fn unread(path: &str, why: &str) -> Diagnostic {
    lost(format!("cannot read `{path}`: {why}")).help("make the file readable")
}

/// The file that arrives has another key.
pub(in crate::canvos::preflight) fn another_key(
    path: &str,
    expected: &PublicKey,
    found: &PublicKey,
) -> Diagnostic {
    lost(format!("`{path}` has another public key than `[signing]`"))
        .note(format!("`public-key` is {}", expected.fingerprint()))
        .note(format!("`{path}` has {}", found.fingerprint()))
        .help("write the base64 of `public-key` there, or name the other key in `[signing]`")
}

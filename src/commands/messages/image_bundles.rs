//! Messages about content bundles in images: T28 and T37.

use crate::canvos::preflight::accepted;
use crate::diagnostic::{Diagnostic, Trap};
use crate::image::BundleContent;
use crate::util::sanitize;

const EMBEDDED: &str = "a cluster definition in it is embedded, too";

/// The bundle `subject` has another definition, which is accepted.
pub(in crate::commands) fn other_definition(subject: &str, is: &str) -> Diagnostic {
    let title = format!("{subject} has {is}, which is not the locked one");
    let told = Diagnostic::warning(Trap::BundleDefinition, title)
        .note("it is not known which of the two a host takes");
    accepted(told).help("build the bundle without a definition, or with the locked one")
}

/// The bundle `subject` has several definitions, or one that is refused, which is accepted.
pub(in crate::commands) fn refused_definition(subject: &str, why: &str) -> Diagnostic {
    let title = format!("the cluster definition of {subject} cannot be compared: {why}");
    let told = Diagnostic::warning(Trap::BundleDefinition, title)
        .note("it is not known what a host takes from it");
    accepted(told).help("build the bundle without a definition, or with the locked one")
}

/// The bundle `subject` is damaged.
pub(in crate::commands) fn damaged(subject: &str, why: &str) -> Diagnostic {
    let title = format!("{subject} is not a content bundle that edgestage can read: {why}");
    Diagnostic::warning(Trap::BadBundle, title)
        .note("if a bundle cannot be unpacked on the host, the definition is not copied either")
        .help("build the bundle again, then build the image again")
}

/// The bundle `subject` was not read.
pub(in crate::commands) fn unread(subject: &str, content: &BundleContent) -> Diagnostic {
    let title = format!("{subject} was not read: {}", why_unread(content));
    Diagnostic::warning(Trap::BundleDefinition, title)
        .note(EMBEDDED)
        .help(match content {
            BundleContent::Large { .. } | BundleContent::Many(_) => {
                "add `--bundles`: edgestage reads all bundles of the image"
            }
            _ => "fix this, then verify the image again",
        })
}

/// Returns why a bundle was not read.
pub(in crate::commands) fn why_unread(content: &BundleContent) -> String {
    match content {
        BundleContent::Large { size, most } => format!(
            "it has {}, more than {}",
            sanitize::size(*size),
            sanitize::size(*most)
        ),
        BundleContent::Many(most) => {
            format!("only the first {most} bundles are read without `--bundles`")
        }
        BundleContent::Unreadable(why) => why.clone(),
        BundleContent::Read(_) => String::new(),
    }
}

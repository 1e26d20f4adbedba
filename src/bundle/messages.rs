//! Messages about content bundles, and about files that are used in place of a download. Paths
//! in the data must be printable.

use super::BundleRefusal;
use crate::archive::Refusal;
use crate::diagnostic::{Code, Diagnostic};

/// Returns the message about a bundle that is refused.
pub(crate) fn refused(file: &str, refusal: &BundleRefusal) -> Diagnostic {
    let title = format!("`{file}` is refused: {refusal}");
    let error = Diagnostic::error(Code::BundleRefused, title);
    match refusal {
        BundleRefusal::OtherFormat { .. }
        | BundleRefusal::OtherContent { .. }
        | BundleRefusal::NoIndex => error.help(
            "name an archive (`spc.tgz`), or a content bundle that `palette content build` has written",
        ),
        BundleRefusal::Window => error.help(
            "decompress the bundle with `zstd -d --long=31`, and use the result, which is a tar",
        ),
        BundleRefusal::NoDefinition { kinds, manifests } => error
            .note(seen(kinds, *manifests))
            .help("build the bundle with `palette content build --cluster-definition-name NAME`"),
        BundleRefusal::SeveralDefinitions(_) => error
            .note("edgestage does not guess which of them a host would use")
            .help("build a bundle with a single cluster definition"),
        BundleRefusal::NeedsAnotherPass => {
            error.help("save it to a file, and use that")
        }
        BundleRefusal::LargeArchive(_) => {
            error.help("if the bundle is genuine, raise the limit in `[limits]`")
        }
        BundleRefusal::Tar(Refusal::TooLarge(limit)) if limit.is_adjustable() => {
            error.help("if the bundle is genuine, raise the limit in `[limits]`")
        }
        _ => error.help("copy the bundle again from where it was built, or build it again"),
    }
}

/// Describes what a bundle without a cluster definition contains.
pub(crate) fn seen(kinds: &[String], manifests: usize) -> String {
    match (kinds, manifests) {
        ([], 0) => "its index.json lists nothing".to_owned(),
        ([], _) => "no manifest in its index.json has the annotation \
                    `io.image.ref.spectrocloud.type`"
            .to_owned(),
        (kinds, _) => format!(
            "its index.json lists manifests of the kinds {}",
            kinds.join(", ")
        ),
    }
}

/// A file that does not exist; another one may have been meant.
pub(crate) fn file_missing(file: &str, near: Option<&str>) -> Diagnostic {
    Diagnostic::error(Code::FileMissing, format!("cannot find `{file}`")).help(match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "check the path".to_owned(),
    })
}

//! Messages about images that are not what they should be. The rows of the table give details
//! of each.

use crate::commands::image_report::Advice;
use crate::diagnostic::{Code, Diagnostic, Trap};
use crate::util::sanitize;

/// Images that are not as they should be. All have the same reason, unless the advice is
/// [`Advice::Build`].
pub(in crate::commands) struct BadImages<'a> {
    /// The number of images.
    pub count: usize,
    /// What to do about them.
    pub advice: Advice,
    /// The definition that the images should hold; `None` if they should hold none.
    pub definition: Option<&'a str>,
    /// Whether an image holds a definition although none is expected.
    pub has_unexpected: bool,
    /// The trap that explains the images.
    pub trap: Option<Trap>,
}

pub(in crate::commands) fn bad_images(bad: &BadImages<'_>) -> Diagnostic {
    let images = sanitize::count(bad.count, "image");
    let verb = if bad.count == 1 {
        "contains"
    } else {
        "contain"
    };
    let does_not = if bad.count == 1 { "does not" } else { "do not" };
    let unread = format!("{images} could not be verified");
    let (title, help) = match (bad.advice, bad.definition) {
        (Advice::Access, _) => (
            format!("{images} cannot be read"),
            "check the path and your permission to read it".to_owned(),
        ),
        (Advice::Copy, _) => (
            unread,
            "copy the image again from where it was built, or build it again".to_owned(),
        ),
        (Advice::OtherImage, _) => (unread, "name an image that CanvOS has built".to_owned()),
        (Advice::Earthfile, Some(name)) => (
            format!("{images} {does_not} contain the locked `{name}`"),
            "fix the Earthfile of the checkout, then build again".to_owned(),
        ),
        (Advice::Unmount, _) => (
            unread,
            "unmount the content partition everywhere, then build again".to_owned(),
        ),
        (Advice::Features, _) => (
            unread,
            "create the content partition with the default features of `mkfs.ext4`".to_owned(),
        ),
        (Advice::Decompress, _) => (
            unread,
            "decompress the image, then verify the result".to_owned(),
        ),
        (Advice::Remove, Some(name)) => (
            format!("{images} {verb} more than the locked `{name}`"),
            "remove the other files, then build again".to_owned(),
        ),
        (Advice::Rename, Some(name)) => (
            format!("{images} {verb} the locked `{name}` under another name"),
            "name the file `spc.tgz`, then build again".to_owned(),
        ),
        (Advice::SigningKey, _) => (
            format!("{images} {does_not} carry the expected public key"),
            "have EDGE_CUSTOM_CONFIG name a file with the key, then build again".to_owned(),
        ),
        (Advice::Bundle, Some(name)) => (
            format!("{images} {verb} a bundle with a definition that is not the locked `{name}`"),
            "build the bundle without a definition, or with the locked one, then build again"
                .to_owned(),
        ),
        (Advice::Bundle, None) => (
            format!("{images} {verb} a bundle with an unexpected definition"),
            "build the bundle without a definition, then build again".to_owned(),
        ),
        (Advice::ReadBundles, _) => (
            unread,
            "add `--bundles`: edgestage reads all bundles of the image".to_owned(),
        ),
        (Advice::RebuildBundle, _) => (
            unread,
            "build the bundle again, then build the image again".to_owned(),
        ),
        (_, Some(name)) => (
            format!("{images} {does_not} contain the locked `{name}`"),
            format!("run `edgestage stage {name}`, then build again"),
        ),
        (_, None) if bad.has_unexpected => (
            format!("{images} {verb} an unexpected definition, or cannot be read"),
            "run `edgestage unstage`, then build again".to_owned(),
        ),
        (_, None) => (unread, "build again".to_owned()),
    };
    Diagnostic::error(Code::ImageDiffers, title)
        .help(help)
        .caused_by(bad.trap)
}

/// Describes an image that does not exist, and what to do about it.
pub(in crate::commands) fn missing_image(path: &str, help: &str) -> Diagnostic {
    Diagnostic::error(Code::ImageMissing, format!("cannot find image `{path}`")).help(help)
}

/// Describes an image that changed between its examination and the end of its digest.
pub(in crate::commands) fn image_changed(path: &str) -> Diagnostic {
    Diagnostic::error(
        Code::ImageDiffers,
        format!("`{path}` changed while it was verified"),
    )
    .help("wait until the build has ended, then try again")
}

/// Returns what to do about an image that does not exist; its name may be mistyped.
pub(in crate::commands) fn check_path(near: Option<&str>) -> String {
    match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "check the path".to_owned(),
    }
}

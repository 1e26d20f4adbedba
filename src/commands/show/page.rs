//! A definition as one page, for the hand-over documents of a release.
//!
//! In: a [`View`] and a commit. Out: HTML that is the same for the same two: no time, no
//! machine. It needs nothing else, neither a script nor a font nor a picture, and its own
//! policy forbids them. The template escapes text from outside, and keeps it apart from its
//! neighbours whatever direction it is written in (`bdi`).

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::view::View;
use crate::ui::table::Table;
use crate::util::digest::Digest;

/// Has no `<` in it, so that nothing ends it early.
const STYLE: &str = include_str!("../../../templates/show.css");

/// How anybody repeats the content's digest (docs/reference.md, content-sha256).
const RECIPE: &str = "mkdir x && tar -xzf spc.tgz -C x && cd x && find . -type f -printf '%P\\0' \
                      | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum";

#[derive(Template)]
#[template(path = "show.html")]
struct Page<'v> {
    view: &'v View,
    commit: Option<&'v str>,
    /// The packs, if any of them has a digest.
    packs: Option<Table>,
    policy: String,
    style: &'static str,
    recipe: &'static str,
    version: &'static str,
}

/// The page. `commit` is the one that the lock entry is from. Writing into memory does not
/// fail, nor does anything that the template shows.
pub(super) fn html(view: &View, commit: Option<&str>) -> String {
    let page = Page {
        view,
        commit,
        packs: Some(view.packs().without_empty()).filter(has_digests),
        policy: policy(),
        style: STYLE,
        recipe: RECIPE,
        version: env!("CARGO_PKG_VERSION"),
    };
    page.to_string() + "\n"
}

fn has_digests(packs: &Table) -> bool {
    packs.headings.contains(&"digest")
}

/// Nothing may be loaded or run; the one style is known by its digest.
fn policy() -> String {
    let style = STANDARD.encode(Digest::of(STYLE).bytes());
    format!("default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'")
}

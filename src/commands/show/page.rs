//! A definition as a single page, for the hand-over documents of a release.
//!
//! The input is a [`View`] and a commit. The output is HTML that depends on these two only: it
//! has no time and no machine name. The page needs no script, font or picture, and its own
//! policy forbids them. The template escapes external text, and isolates it from its neighbors
//! whatever its writing direction (`bdi`).

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::view::View;
use crate::ui::table::Table;
use crate::util::digest::Digest;

/// The style of the page. It has no `<`, so nothing ends it early.
const STYLE: &str = include_str!("../../../templates/show.css");

/// The commands that reproduce the content's digest (docs/reference.md, content-sha256).
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

/// Returns the page. `commit` is the one that the lock entry is from. Writing into memory does
/// not fail, nor does anything that the template shows.
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

/// Returns the content security policy: nothing may be loaded or run, and the only style is
/// identified by its digest.
fn policy() -> String {
    let style = STANDARD.encode(Digest::of(STYLE).bytes());
    format!("default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'")
}

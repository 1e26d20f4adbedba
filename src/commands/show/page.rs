//! A definition as one page, for the hand-over documents of a release.
//!
//! In: a [`View`]. Out: HTML that is the same for the same view: no time, no machine. It
//! needs nothing else, neither a script nor a font nor a picture, and its own policy
//! forbids them. The template escapes text from outside, and keeps it apart from its
//! neighbours whatever direction it is written in (`bdi`).

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::view::View;
use crate::ui::table::Table;
use crate::util::digest::Digest;
use crate::util::sanitize;

/// Has no `<` in it, so that nothing ends it early.
const STYLE: &str = include_str!("../../../templates/show.css");

/// How anybody repeats the content's digest (docs/reference.md, content-sha256).
const RECIPE: &str = "mkdir x && tar -xzf spc.tgz -C x && cd x && find . -type f -printf '%P\\0' \
                      | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum";

#[derive(Template)]
#[template(path = "show.html")]
struct Page<'v> {
    view: &'v View,
    packs: Table,
    summary: String,
    policy: String,
    style: &'static str,
    recipe: &'static str,
    version: &'static str,
}

/// The page. Writing into memory does not fail, nor does anything that the template shows.
pub(super) fn html(view: &View) -> String {
    let page = Page {
        view,
        packs: view.packs(),
        summary: summary(view),
        policy: policy(),
        style: STYLE,
        recipe: RECIPE,
        version: env!("CARGO_PKG_VERSION"),
    };
    page.to_string() + "\n"
}

/// Nothing may be loaded or run; the one style is known by its digest.
fn policy() -> String {
    let style = STANDARD.encode(Digest::of(STYLE).bytes());
    format!("default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'")
}

fn summary(view: &View) -> String {
    let packs = view.profiles.iter().map(|profile| profile.packs.len());
    let asked = view
        .profiles
        .iter()
        .filter_map(|profile| profile.asked.as_ref());
    [
        sanitize::count(view.profiles.len(), "profile"),
        sanitize::count(packs.sum(), "pack"),
        sanitize::count(asked.map(Vec::len).sum(), "variable"),
    ]
    .join(", ")
}

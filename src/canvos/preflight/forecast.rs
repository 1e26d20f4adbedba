//! What each target would embed: the copies of its recipe, applied one after the other to a
//! checkout as it is, or as it will be after a definition is staged.

use std::path::Path;

use super::arg::KEY;
use super::bash::Value;
use super::copy::{self, Copied};
use super::earthfile::{Copy, Earthfile, Recipe, Runs, Source};
use super::ignore::{Ignore, Rule};
use super::invocation::{Failure, Invocation, UnknownInvocation};
use super::target::{Target, Via};
use super::{Assume, Preflight};
use crate::canvos::Placement;
use crate::util::files;

/// The directory, relative to the checkout, that ISO targets copy.
const OVERLAY: &str = "overlay/files-iso";

/// What a target would embed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Embeds {
    /// Nothing: the checkout has no such target.
    NoTarget,
    /// Nothing: the target never carries a definition (T13).
    Never,
    /// Nothing.
    Nothing,
    /// A directory in place of the definition.
    Directory,
    /// A symbolic link in place of the definition. In an image, the link leads nowhere.
    Link,
    /// An empty file in place of one that cannot be read.
    Empty,
    /// Nothing: the build fails.
    Fails,
    /// Something that cannot be determined.
    Unclear,
    /// This file.
    File {
        /// The path, relative to the checkout; it may be absolute for the MAAS script.
        path: String,
        /// How the file gets into the image.
        via: Via,
    },
}

impl Preflight<'_> {
    /// Returns what `target` would embed.
    #[must_use]
    pub fn forecast(&self, target: Target, assume: Assume) -> Embeds {
        self.forecast_by(&self.invocation, target, assume)
    }

    pub(super) fn forecast_by(
        &self,
        invocation: &Invocation,
        target: Target,
        assume: Assume,
    ) -> Embeds {
        match target {
            Target::KairosRawImage if self.earthfile.has(target.name()) => Embeds::Never,
            Target::KairosRawImage => Embeds::NoTarget,
            Target::MaasImage => self.maas(invocation, assume),
            _ if self.recipe(target).is_none() => Embeds::NoTarget,
            _ if invocation.failure.is_some() => Embeds::Fails,
            _ if std::ptr::eq(invocation, &raw const self.invocation) => {
                match self.recipe(target) {
                    Some(recipe) => self.earthly(recipe, assume, self.ignore.as_ref()),
                    None => Embeds::NoTarget,
                }
            }
            _ => match recipe(&self.earthfile, invocation, target) {
                Some(recipe) => self.earthly(&recipe, assume, self.ignore.as_ref()),
                None => Embeds::NoTarget,
            },
        }
    }

    /// Returns what the Earthfile does for `target`; `None` if it has no such target.
    pub(super) fn recipe(&self, target: Target) -> Option<&Recipe> {
        self.recipes.get(&target)?.as_ref()
    }

    /// Returns what `target` would embed if there were no ignore rules.
    pub(super) fn without_rules(&self, target: Target) -> Option<Embeds> {
        let recipe = self.recipe(target)?;
        Some(self.earthly(recipe, Assume::Staged, Some(&Ignore::default())))
    }

    /// Applies the copies of a recipe; a later one replaces the file of an earlier one.
    fn earthly(&self, recipe: &Recipe, assume: Assume, ignore: Option<&Ignore>) -> Embeds {
        // With both ignore files, or with a rule that cannot be parsed, nothing is built.
        let Some(ignore) = ignore.filter(|ignore| ignore.error().is_none()) else {
            return Embeds::Fails;
        };
        // No branch is for this architecture, and the build requires the ISO that it would have
        // made.
        if recipe.makes_iso == Some(Runs::No) {
            return Embeds::Fails;
        }
        // If the overlay is dropped, nothing of it reaches the image (T23).
        if recipe.drops_overlay.is_some() {
            return Embeds::Nothing;
        }
        // The build fails if a plain copy does not find its source.
        if self.hidden_copy(&recipe.needs, ignore).is_some() {
            return Embeds::Fails;
        }
        let mut embeds = Embeds::Nothing;
        for copy in &recipe.copies {
            if copy.runs == Runs::No {
                continue;
            }
            let after = self.after(copy, &embeds, assume, ignore);
            embeds = match copy.runs {
                _ if after == embeds => embeds,
                Runs::Yes => after,
                _ => Embeds::Unclear,
            };
            // Later copies do not replace these.
            if matches!(embeds, Embeds::Fails | Embeds::Link | Embeds::Directory) {
                return embeds;
            }
        }
        if recipe.unresolved
            || self
                .invocation
                .unjudged
                .contains(&UnknownInvocation::Features)
        {
            return Embeds::Unclear;
        }
        embeds
    }

    /// Returns the first of the paths that a build needs and that an ignore rule hides, with
    /// the rule.
    pub(super) fn hidden_copy<'r>(
        &self,
        needs: &'r [String],
        ignore: &'r Ignore,
    ) -> Option<(&'r str, &'r Rule)> {
        needs.iter().find_map(|path| {
            let rule = ignore.hides(path)?;
            let there = self.directory.join(path).exists();
            let sent = copy::sends_directory(path, self.directory, ignore, &[]);
            (there && sent != Some(true)).then_some((path.as_str(), rule))
        })
    }

    /// Returns what the image holds after one copy.
    fn after(&self, copy: &Copy, before: &Embeds, assume: Assume, ignore: &Ignore) -> Embeds {
        match &copy.source {
            Source::Overlay => self.overlay(before, assume, ignore),
            Source::Content => match self.content_definition(ignore) {
                Some(path) => Embeds::File {
                    path,
                    via: Via::Content,
                },
                None => before.clone(),
            },
            Source::Path(None) => Embeds::Unclear,
            Source::Path(Some(value)) => {
                let staged = staged(assume);
                let copied = copy::resolve(value, self.directory, ignore, staged);
                named(copied, before, copy.if_exists)
            }
        }
    }

    fn overlay(&self, before: &Embeds, assume: Assume, ignore: &Ignore) -> Embeds {
        match copy::sends_directory(OVERLAY, self.directory, ignore, staged(assume)) {
            None => return Embeds::Unclear,
            Some(false) => return Embeds::Fails,
            Some(true) => {}
        }
        let placement = Placement::Overlay.path();
        if ignore.hides(placement).is_some() {
            return before.clone();
        }
        if assume == Assume::Staged {
            return overlay_file();
        }
        let ends = placement.match_indices('/').map(|(at, _)| at);
        let below = ends
            .filter(|at| *at > OVERLAY.len())
            .chain([placement.len()]);
        for path in below.map(|end| self.directory.join(&placement[..end])) {
            match std::fs::symlink_metadata(&path) {
                Err(_) => return before.clone(),
                // Within the overlay, the target of the link is copied too.
                Ok(metadata) if metadata.is_symlink() && !self.leads_within_overlay(&path) => {
                    return Embeds::Link;
                }
                Ok(_) => {}
            }
        }
        let file = self.directory.join(placement);
        match std::fs::metadata(&file) {
            Ok(metadata) if metadata.is_dir() => Embeds::Directory,
            Ok(_) if !is_readable(&file) => Embeds::Empty,
            _ => overlay_file(),
        }
    }

    /// Whether a link leads to a directory of the overlay.
    fn leads_within_overlay(&self, link: &Path) -> bool {
        let overlay = self.directory.join(OVERLAY).canonicalize();
        let target = link.canonicalize();
        matches!((overlay, target), (Ok(overlay), Ok(target)) if target.starts_with(&overlay) && target.is_dir())
    }

    /// Returns the `spc.tgz` of a content directory that a flattening copy includes; the last
    /// one if there are several (T42).
    pub(super) fn content_definition(&self, ignore: &Ignore) -> Option<String> {
        let name = Placement::Root.path();
        let mut directories = super::checks::names_in(self.directory).ok()?;
        directories.sort();
        let mut found = directories.into_iter().rev().filter_map(|directory| {
            let path = format!("{directory}/{name}");
            let is_file = self.directory.join(&path).is_file();
            (directory.starts_with("content-") && is_file).then_some(path)
        });
        found.find(|path| ignore.hides(path).is_none())
    }

    /// Returns the targets of `asked` that the checkout does not have.
    #[must_use]
    pub fn lacks(&self, asked: &[Target]) -> Vec<Target> {
        let lacks = |t: &Target| self.forecast(*t, Assume::Staged) == Embeds::NoTarget;
        asked.iter().copied().filter(lacks).collect()
    }

    /// Returns what `+maas-image` would embed: `./spc.tgz` first, then `CLUSTERCONFIG` as bash
    /// reads it (canvos.md, 1).
    fn maas(&self, invocation: &Invocation, assume: Assume) -> Embeds {
        if !self.earthfile.maas {
            return Embeds::NoTarget;
        }
        // The script first builds with Earthly, without the arguments of this build.
        let file = matches!(invocation.failure, Some(Failure::File { .. }));
        if file || invocation.is_maas() && invocation.failure.is_some() {
            return Embeds::Fails;
        }
        let root = Placement::Root.path();
        if assume == Assume::Staged || self.directory.join(root).is_file() {
            return Embeds::File {
                path: root.to_owned(),
                via: Via::Root,
            };
        }
        match invocation
            .shell_variable(KEY)
            .map(|variable| &variable.value)
        {
            Some(Value::Unknown) => Embeds::Unclear,
            Some(Value::Set(value)) if self.names_file(value) => Embeds::File {
                path: value.clone(),
                via: Via::Clusterconfig,
            },
            _ => Embeds::Nothing,
        }
    }

    fn names_file(&self, value: &str) -> bool {
        !value.is_empty() && self.directory.join(value).is_file()
    }
}

/// Returns what `earthfile` does for `target`; `None` if it has no such target.
pub(super) fn recipe(
    earthfile: &Earthfile,
    invocation: &Invocation,
    target: Target,
) -> Option<Recipe> {
    let argument = |name: &str| Some(invocation.argument(name)?.0.to_owned());
    // An Earthfile without targets is treated as one whose ISO target is like CanvOS's.
    if earthfile.is_empty() && target == Target::Iso {
        return Some(Recipe::of_canvos(&argument));
    }
    if !earthfile.has(target.name()) {
        return None;
    }
    Some(earthfile.recipe(target.name(), &argument))
}

/// Returns what the image holds after a copy of one named source.
fn named(copied: Copied, before: &Embeds, if_exists: bool) -> Embeds {
    match copied {
        Copied::File { path, .. } => Embeds::File {
            path,
            via: Via::Clusterconfig,
        },
        Copied::Empty { .. } => Embeds::Empty,
        Copied::Nothing(_) if if_exists => before.clone(),
        Copied::Nothing(_) | Copied::Fails(_) | Copied::Artifact => Embeds::Fails,
        // A directory cannot be copied onto a file.
        Copied::NotAFile { .. } if *before != Embeds::Nothing => Embeds::Fails,
        Copied::NotAFile { .. } => Embeds::Directory,
        Copied::Unclear => Embeds::Unclear,
    }
}

fn overlay_file() -> Embeds {
    Embeds::File {
        path: Placement::Overlay.path().to_owned(),
        via: Via::Overlay,
    }
}

fn is_readable(file: &Path) -> bool {
    files::try_open(file).is_ok()
}

/// Returns the paths that count as regular files, whether they exist or not.
pub(super) fn staged(assume: Assume) -> &'static [&'static str] {
    const BOTH: [&str; 2] = [Placement::ALL[0].path(), Placement::ALL[1].path()];
    match assume {
        Assume::Present => &[],
        Assume::Staged => &BOTH,
    }
}

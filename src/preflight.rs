//! Before the build: what each CanvOS target would embed, and why.
//!
//! In: a checkout and how a build is started. Out: a forecast for each target, and the
//! traps (canvos.md, 3) that would replace the definition, lose it, or are worth a word.
//! What a target does is read from the checkout's own files. Nothing is written, but by
//! [`fix_arg`], which is asked for.

use std::path::Path;

use crate::canvos::Placement;
use crate::diagnostic::{Diagnostic, Severity};
use crate::disk::PathError;

mod arg;
pub mod bash;
pub mod dotenv;
mod earthfile;
mod findings;
mod fix;
mod ignore;
pub mod invocation;
mod lost;
mod value;

pub use arg::{Arg, Assignment, parse as parse_arg, shown as shown_value};
pub use fix::{FixError, fix_arg};
pub use value::{Origin, Start};

use earthfile::{Recipe, Recipes};
use ignore::{Found, Ignore};
use value::Values;

/// The line that is right for every target (canvos.md, 4).
pub const RIGHT: &str = "CLUSTERCONFIG=spc.tgz";

/// How many traps canvos.md, 3, has: T1 to T34.
pub const TRAPS: u32 = 34;

/// Whether `id` is the name of a trap.
#[must_use]
pub fn is_trap(id: &str) -> bool {
    let number = id.strip_prefix('T').and_then(|number| number.parse().ok());
    number.is_some_and(|number: u32| (1..=TRAPS).contains(&number) && id == format!("T{number}"))
}

/// What CanvOS builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// `+iso`.
    Iso,
    /// `+uki-iso`.
    UkiIso,
    /// `+cloud-image`.
    CloudImage,
    /// `+maas-image`, a case of `earthly.sh`.
    MaasImage,
    /// `+kairos-raw-image`.
    KairosRawImage,
    /// `+iso-disk-image`.
    IsoDiskImage,
}

impl Target {
    /// Every target, in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::Iso,
        Self::UkiIso,
        Self::CloudImage,
        Self::MaasImage,
        Self::KairosRawImage,
        Self::IsoDiskImage,
    ];
    /// Those that a definition is staged for where nothing is said.
    pub const ISOS: [Self; 3] = [Self::Iso, Self::UkiIso, Self::IsoDiskImage];

    /// Its name, without the plus sign.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Iso => "iso",
            Self::UkiIso => "uki-iso",
            Self::CloudImage => "cloud-image",
            Self::MaasImage => "maas-image",
            Self::KairosRawImage => "kairos-raw-image",
            Self::IsoDiskImage => "iso-disk-image",
        }
    }

    /// The target of that name, with or without the plus sign.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.strip_prefix('+').unwrap_or(name);
        Self::ALL.into_iter().find(|target| target.name() == name)
    }
}

/// Which way a definition gets into an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// As a file of the overlay.
    Overlay,
    /// Named by `CLUSTERCONFIG`.
    Clusterconfig,
    /// As `spc.tgz` in the checkout's root.
    Root,
}

impl Via {
    /// For tables and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Overlay => "overlay",
            Self::Clusterconfig => "CLUSTERCONFIG",
            Self::Root => "spc.tgz",
        }
    }
}

/// What a target would embed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Embeds {
    /// The checkout has no such target.
    NoTarget,
    /// The target never carries a definition (T13).
    Never,
    /// Nothing.
    Nothing,
    /// It cannot be told: `CLUSTERCONFIG` is no plain path.
    Unclear,
    /// This file.
    File {
        /// Relative to the checkout, or absolute for the MAAS script.
        path: String,
        /// How it gets there.
        via: Via,
    },
}

/// Whether the placements are taken as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assume {
    /// As they are.
    Present,
    /// As they will be when a definition is staged.
    Staged,
}

/// A trap that was found.
#[derive(Debug)]
pub struct Finding {
    /// The targets that would lose or exchange the definition.
    pub hits: Vec<Target>,
    diagnostic: Diagnostic,
}

impl Finding {
    /// Its stable name.
    #[must_use]
    pub fn id(&self) -> &'static str {
        self.diagnostic.id.unwrap_or_default()
    }

    /// In words, for somebody who builds `targets`: an error if one of them is hit and
    /// the finding is not among `allowed`.
    #[must_use]
    pub fn told(&self, targets: &[Target], allowed: &[String]) -> Diagnostic {
        let mut diagnostic = self.diagnostic.clone();
        let hit = self.hits.iter().any(|hit| targets.contains(hit));
        let allowed = allowed.iter().any(|id| id == self.id());
        diagnostic.severity = match (hit, allowed) {
            (true, false) => Severity::Error,
            _ => Severity::Warning,
        };
        if !self.hits.is_empty() {
            let names: Vec<String> = self
                .hits
                .iter()
                .map(|t| format!("`+{}`", t.name()))
                .collect();
            diagnostic = diagnostic.note(format!("it hits {}", names.join(", ")));
        }
        if hit && allowed {
            diagnostic = diagnostic.note("accepted: `--allow` has it");
        }
        diagnostic
    }
}

/// A checkout, read for what its builds would do.
pub struct Preflight<'a> {
    directory: &'a Path,
    recipes: Recipes,
    values: Values,
    ignore: Option<Ignore>,
    arguments: &'a [String],
}

impl<'a> Preflight<'a> {
    /// Reads the checkout in `directory`.
    ///
    /// # Errors
    /// Files that are there and cannot be read.
    pub fn read(directory: &'a Path, start: Start<'a>) -> Result<Self, PathError> {
        let values = value::read(directory, start)?;
        Ok(Self {
            directory,
            recipes: earthfile::read(directory, values.arch.as_deref())?,
            values,
            ignore: match ignore::read(directory)? {
                Found::Rules(ignore) => Some(ignore),
                Found::Both => None,
            },
            arguments: start.arguments,
        })
    }

    /// The checkout.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory
    }

    /// The value of `CLUSTERCONFIG` that Earthly takes, and where it comes from.
    #[must_use]
    pub fn clusterconfig(&self) -> Option<(&str, Origin)> {
        let (value, origin) = self.values.earthly.as_ref()?;
        Some((value, *origin))
    }

    /// What `target` would embed.
    #[must_use]
    pub fn forecast(&self, target: Target, assume: Assume) -> Embeds {
        self.forecast_with(target, assume, self.ignore.as_ref())
    }

    fn forecast_with(&self, target: Target, assume: Assume, ignore: Option<&Ignore>) -> Embeds {
        match target {
            Target::KairosRawImage if self.recipes.raw.exists => Embeds::Never,
            Target::KairosRawImage => Embeds::NoTarget,
            Target::MaasImage => self.maas(assume),
            _ => match self.recipe(target) {
                Some(recipe) => self.earthly(&recipe, assume, ignore),
                None => Embeds::NoTarget,
            },
        }
    }

    /// What the Earthfile does for `target`; `None` where it has no such target.
    fn recipe(&self, target: Target) -> Option<Recipe> {
        let iso = if self.iso_is_uki() {
            self.recipes.uki
        } else {
            self.recipes.iso
        };
        let recipe = match target {
            Target::Iso => iso,
            Target::UkiIso => self.recipes.uki,
            Target::CloudImage => self.recipes.cloud,
            Target::IsoDiskImage if self.recipes.iso_disk.exists => iso,
            _ => return None,
        };
        recipe.exists.then_some(recipe)
    }

    /// Whether `+iso` makes what `+uki-iso` makes.
    fn iso_is_uki(&self) -> bool {
        self.values.uki && self.recipes.is_uki
    }

    /// The overlay first, then what `CLUSTERCONFIG` names, over it (canvos.md, 1).
    fn earthly(&self, recipe: &Recipe, assume: Assume, ignore: Option<&Ignore>) -> Embeds {
        // With both ignore files there Earthly builds nothing at all, nor with a file of
        // build arguments that it cannot read.
        let Some(ignore) = ignore.filter(|_| !self.is_arg_refused()) else {
            return Embeds::Nothing;
        };
        let overlay = Placement::Overlay.path();
        let carried = recipe.overlay && recipe.drops_overlay.is_none();
        let mut embeds = Embeds::Nothing;
        if carried && ignore.hides(overlay).is_none() && self.has(overlay, assume) {
            embeds = Embeds::File {
                path: overlay.to_owned(),
                via: Via::Overlay,
            };
        }
        if recipe.drops_overlay.is_some() {
            return embeds;
        }
        match self.clusterconfig().filter(|_| recipe.clusterconfig) {
            None | Some(("", _)) => embeds,
            Some((value, _)) => match self.named(value, assume) {
                Named::Nothing => embeds,
                Named::Unclear => Embeds::Unclear,
                Named::File(path) if ignore.hides(&path).is_some() => embeds,
                Named::File(path) => Embeds::File {
                    path,
                    via: Via::Clusterconfig,
                },
            },
        }
    }

    /// What Earthly finds for a value of `CLUSTERCONFIG`.
    fn named(&self, value: &str, assume: Assume) -> Named {
        // Neither ever matches a file of the checkout (canvos.md, T4 and T5).
        if arg::is_url(value) || value.starts_with("~/") {
            return Named::Nothing;
        }
        if !is_plain(value) {
            return Named::Unclear;
        }
        // Earthly itself cuts one leading `./`, and no more.
        let path = value.strip_prefix("./").unwrap_or(value);
        let outside =
            value.starts_with('/') || path.split('/').any(|part| matches!(part, "" | "." | ".."));
        if outside {
            return Named::Nothing;
        }
        if Placement::ALL.iter().any(|p| p.path() == path) && assume == Assume::Staged {
            return Named::File(path.to_owned());
        }
        // Of a linked directory only the link is in the build's context.
        if self.link_above(path).is_some() {
            return Named::Nothing;
        }
        match std::fs::symlink_metadata(self.directory.join(path)) {
            Ok(metadata) if metadata.is_file() => Named::File(path.to_owned()),
            Ok(_) => Named::Unclear,
            Err(_) => Named::Nothing,
        }
    }

    /// The first directory on the way to `path` that is a link.
    fn link_above(&self, path: &str) -> Option<String> {
        let ends = path.match_indices('/').map(|(at, _)| &path[..at]);
        let mut links = ends.filter(|above| self.directory.join(above).is_symlink());
        links.next().map(str::to_owned)
    }

    /// Those of `asked` that the checkout does not have.
    #[must_use]
    pub fn lacks(&self, asked: &[Target]) -> Vec<Target> {
        let lacks = |t: &Target| self.forecast(*t, Assume::Staged) == Embeds::NoTarget;
        asked.iter().copied().filter(lacks).collect()
    }

    /// `./spc.tgz` first, then `CLUSTERCONFIG` as bash has it (canvos.md, 1).
    fn maas(&self, assume: Assume) -> Embeds {
        if !self.recipes.maas {
            return Embeds::NoTarget;
        }
        // Earthly makes the image that the definition is added to.
        if self.is_arg_refused() {
            return Embeds::Nothing;
        }
        let root = Placement::Root.path();
        if self.has(root, assume) {
            return Embeds::File {
                path: root.to_owned(),
                via: Via::Root,
            };
        }
        match &self.values.maas {
            bash::Value::Unknown => Embeds::Unclear,
            bash::Value::Set(value)
                if !value.is_empty() && self.directory.join(value).is_file() =>
            {
                Embeds::File {
                    path: value.clone(),
                    via: Via::Clusterconfig,
                }
            }
            _ => Embeds::Nothing,
        }
    }

    /// Whether Earthly refuses the file of build arguments.
    fn is_arg_refused(&self) -> bool {
        let file = self.values.file.as_ref();
        file.is_some_and(|arg| arg.error.is_some())
    }

    /// Whether a placement is there, as a regular file.
    fn has(&self, placement: &str, assume: Assume) -> bool {
        assume == Assume::Staged
            || std::fs::symlink_metadata(self.directory.join(placement))
                .is_ok_and(|metadata| metadata.is_file())
    }
}

enum Named {
    Nothing,
    Unclear,
    File(String),
}

/// A value that every parser takes for the path that it is (canvos.md, T6, T33, T34).
fn is_plain(value: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._/-".contains(&b);
    value.bytes().all(plain) && !value.starts_with('-')
}

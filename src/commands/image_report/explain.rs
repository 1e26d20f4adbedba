//! Why an image is the way it is, as far as the checkout shows that it may have been built
//! from.
//!
//! The input is the current checkout and the build command. The output is traps and ages. They
//! are explanations only: no verdict depends on them.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::judge::Explain;
use crate::canvos::build::BuildCommand;
use crate::canvos::preflight::Target;
use crate::canvos::{Checkout, Placement};
use crate::diagnostic::Trap;
use crate::image::{HeldFile, ImageFormat, changed};
use crate::lockfile::LockEntry;
use crate::util::digest::Digest;
use crate::workflow::context::Context;

/// The name of the image that `+kairos-raw-image` writes (canvos.md, 1).
const KAIROS: &str = "kairos.raw";
/// The traps that replace a definition and never lose one.
const REPLACE: [Trap; 1] = [Trap::AnotherFile];

/// The checkout that images may have been built from.
pub(super) struct BuildOrigin<'a> {
    context: &'a Context<'a>,
    checkout: Option<Checkout>,
    /// The metadata of the regular files at the placements.
    staged: Vec<Metadata>,
    /// The build command.
    argv: Vec<String>,
}

impl<'a> BuildOrigin<'a> {
    /// Reads the current state of `checkout`, which `command` builds; returns `None` if there
    /// is no checkout.
    pub(super) fn of(
        context: &'a Context<'a>,
        checkout: Option<Checkout>,
        command: &BuildCommand,
    ) -> Self {
        let seen = |placement: &Placement| {
            let path = checkout.as_ref()?.directory().join(placement.path());
            let metadata = fs::symlink_metadata(path).ok()?;
            metadata.is_file().then_some(metadata)
        };
        Self {
            staged: Placement::ALL.iter().filter_map(seen).collect(),
            context,
            checkout,
            argv: command.argv.clone(),
        }
    }

    /// Sets the command line with which the build was started.
    pub(super) fn started_with(self, argv: &[String]) -> Self {
        Self {
            argv: argv.to_vec(),
            ..self
        }
    }

    /// Whether an image that was last changed at `image` is older than the staged definition;
    /// `None` if that cannot be determined.
    pub(super) fn is_older(&self, image: Option<SystemTime>) -> Option<bool> {
        // The later of the two files counts. A copy may keep an older modification time, and
        // changed permissions give a later change time: the earlier of the two times is the
        // safe one.
        let written = |metadata: &Metadata| {
            let times = [metadata.modified().ok(), changed(metadata)];
            times.into_iter().flatten().min()
        };
        let staged = self.staged.iter().filter_map(written).max()?;
        Some(image? < staged)
    }

    /// Returns the trap that makes a build of `targets` lose the definition.
    fn forecast(&self, targets: &[Target]) -> Option<Trap> {
        let checkout = self.checkout.as_ref()?;
        let directory = checkout.directory();
        let preflight = self.context.preflight(directory, &self.argv).ok()?;
        let findings = preflight.findings(&[]).ok()?;
        let loses = |target: &Target| {
            let mut hits = findings
                .iter()
                .filter(|finding| finding.hits.contains(target));
            hits.find_map(|hit| hit.trap().filter(|trap| !REPLACE.contains(trap)))
        };
        targets.iter().find_map(loses)
    }

    /// Whether an empty archive is staged.
    fn has_empty(&self) -> bool {
        self.staged.iter().any(|metadata| metadata.len() == 0)
    }

    /// Returns the file `content-*/spc.tgz` with the bytes of `held`.
    fn in_content(&self, held: &HeldFile) -> Option<PathBuf> {
        let directory = self.checkout.as_ref()?.directory();
        let entries = fs::read_dir(directory).ok()?.flatten();
        let names = entries.map(|entry| entry.file_name());
        let mut files = names
            .filter(|name| name.as_encoded_bytes().starts_with(b"content-"))
            .map(|name| Path::new(&name).join(Placement::Root.path()));
        files.find(|path| has_bytes(&directory.join(path), held))
    }
}

fn has_bytes(path: &Path, held: &HeldFile) -> bool {
    let is_as_large = |metadata: Metadata| metadata.is_file() && metadata.len() == held.size;
    fs::metadata(path).is_ok_and(is_as_large)
        && Digest::of_file(path).is_ok_and(|sha256| sha256 == held.sha256)
}

/// Why one image is the way it is.
pub(super) struct Why<'a> {
    pub origin: &'a BuildOrigin<'a>,
    pub format: &'a ImageFormat,
    /// The path of the image.
    pub path: &'a Path,
    /// The lock entry of the definition that the image must hold, if any.
    pub locked: Option<&'a LockEntry>,
}

impl Why<'_> {
    /// Returns the targets that may have built an image of this format, the most likely one
    /// first.
    fn targets(&self) -> &'static [Target] {
        match self.format {
            ImageFormat::Iso(_) => &Target::ISOS,
            ImageFormat::Disk => &[Target::CloudImage],
            ImageFormat::CompressedDisk => &[Target::MaasImage, Target::CloudImage],
        }
    }
}

impl Explain for Why<'_> {
    fn missing(&self, has_partition: bool) -> Trap {
        // Without other content, an empty archive makes no partition.
        if !has_partition && self.origin.has_empty() {
            return Trap::EmptyFile;
        }
        if !has_partition && self.path.file_name().is_some_and(|name| name == KAIROS) {
            return Trap::RawImage;
        }
        self.origin
            .forecast(self.targets())
            .unwrap_or(Trap::NoSuchFile)
    }

    fn empty(&self) -> Trap {
        let staged = &self.origin.staged;
        if staged.is_empty() || self.origin.has_empty() {
            return Trap::EmptyFile;
        }
        // The staged file is not empty, so the build could not read it, or read another one.
        self.origin
            .forecast(self.targets())
            .filter(|trap| *trap == Trap::EmptyFile)
            .unwrap_or(Trap::UnreadableFile)
    }

    fn other(&self, held: &HeldFile) -> Option<(Trap, String)> {
        if !matches!(self.format, ImageFormat::Iso(_))
            && let Some(path) = self.origin.in_content(held)
        {
            let path = crate::util::sanitize::path(&path);
            return Some((
                Trap::ContentDefinition,
                format!("from `{path}` of the checkout"),
            ));
        }
        // The build cache distinguishes files by their size and time.
        let is_as_large = self.locked.is_some_and(|locked| locked.size == held.size);
        is_as_large.then(|| {
            (
                Trap::BuildCache,
                "as large as the locked archive".to_owned(),
            )
        })
    }
}

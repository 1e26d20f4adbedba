//! The traps that a checkout has, each by its number in canvos.md, 3.

use std::path::{Path, PathBuf};

use super::arg::{self, KEY};
use super::bash::Value;
use super::value::Origin;
use super::{Assume, Embeds, Finding, Preflight, RIGHT, Target};
use crate::canvos::{OVERLAY_DIRECTORY, Placement};
use crate::diagnostic::{Diagnostic, Source};
use crate::disk::{self, PathError};
use crate::printable;

/// How far below `content/` bundles are looked for.
const DEPTH: usize = 4;

impl Preflight<'_> {
    /// Every trap that can be seen, for a definition that is staged or is about to be.
    /// `chosen` are the targets that somebody wants to build.
    ///
    /// # Errors
    /// Directories that cannot be read.
    pub fn findings(&self, chosen: &[Target]) -> Result<Vec<Finding>, PathError> {
        let mut found = Vec::new();
        found.extend(self.refused_arg());
        found.extend(self.arg_file());
        found.extend(self.origin());
        found.extend(self.clusterconfig_value());
        found.extend(self.links());
        found.extend(self.two_parsers());
        found.extend(self.assigned_twice());
        found.extend(self.ignored());
        found.extend(self.dropped_overlay());
        found.extend(self.neighbours()?);
        found.extend(self.arch());
        found.extend(self.maas_arguments());
        found.extend(self.content_bundles());
        found.extend(self.unhidden_from_git());
        if chosen.contains(&Target::KairosRawImage) && self.recipes.raw.exists {
            found.push(raw_image());
        }
        found.extend(self.otherwise_lost(&found));
        Ok(found)
    }

    /// The targets of `among` that this Earthfile has and whose recipe reads
    /// `CLUSTERCONFIG`.
    pub(super) fn that_read_it(&self, among: &[Target]) -> Vec<Target> {
        let reads = |target: &&Target| self.recipe(**target).is_some_and(|r| r.clusterconfig);
        among.iter().filter(reads).copied().collect()
    }

    /// T16: which file counts.
    fn arg_file(&self) -> Option<Finding> {
        if let Some(path) = &self.values.redirected {
            let path = printable::path(path);
            if self.values.file.is_none() {
                let title =
                    format!("`EARTHLY_ARG_FILE_PATH` names a file that is not there: `{path}`");
                return Some(warning("T16", title, "unset it: `.arg` is the place"));
            }
            let title = format!("`EARTHLY_ARG_FILE_PATH` makes Earthly read `{path}`");
            let help = "unset it, or keep the file like `.arg`";
            return Some(warning("T16", title, help));
        }
        self.values.misnamed.then(|| {
            let title = "the checkout has `.args`, which nobody reads, and no `.arg`";
            warning("T16", title, "rename it to `.arg`")
        })
    }

    /// T17: a file that Earthly refuses.
    fn refused_arg(&self) -> Option<Finding> {
        let diagnostic = self.values.file.as_ref()?.refusal()?;
        Some(Finding {
            hits: self.carriers(),
            diagnostic: diagnostic.help("correct this line, or remove it"),
        })
    }

    /// T15: a value that is not `.arg`'s.
    fn origin(&self) -> Option<Finding> {
        let (value, origin) = self.clusterconfig()?;
        if origin == Origin::File {
            return None;
        }
        let title = match value {
            "" => format!("{KEY} is set to nothing by {}", origin.name()),
            _ => format!("{KEY} is `{}`, from {}", arg::shown(value), origin.name()),
        };
        let mut finding = warning("T15", title, "leave it out: `.arg` is the place for it");
        finding.diagnostic = finding.diagnostic.note("it counts more than `.arg`");
        Some(finding)
    }

    /// T8: a link where a staged file belongs, or on the way there. It would get into the
    /// image as a link, and nothing is written through it.
    fn links(&self) -> Vec<Finding> {
        let first = |placement: &Placement| {
            let parts: Vec<&str> = placement.path().split('/').collect();
            let paths = (1..=parts.len()).map(|length| parts[..length].join("/"));
            paths
                .map(|path| (self.directory.join(&path), path))
                .find(|(full, _)| full.is_symlink())
        };
        let told = |path: String| {
            let title = format!("`{path}` in the checkout is a symbolic link");
            let mut finding = warning("T8", title, "remove it");
            let note = "it is neither followed nor replaced";
            finding.diagnostic = finding.diagnostic.note(note);
            finding.hits = self.carriers();
            finding
        };
        let linked = Placement::ALL.iter().filter_map(first);
        linked.map(|(_, path)| told(path)).collect()
    }

    /// The targets that this checkout has and that carry a definition.
    fn carriers(&self) -> Vec<Target> {
        let carries = |target: &Target| {
            let embeds = self.forecast(*target, Assume::Staged);
            !matches!(embeds, Embeds::NoTarget | Embeds::Never)
        };
        Target::ALL.into_iter().filter(carries).collect()
    }

    /// T17: Earthly and bash read another value.
    fn two_parsers(&self) -> Option<Finding> {
        let arg = self.values.file.as_ref()?;
        let last = arg.assignments.last()?;
        let earthly = arg::shown(&last.value);
        let title = match &arg.bash {
            Value::Set(value) if *value == last.value && !arg.foreign_to_bash => return None,
            // Another line is read in two ways then.
            Value::Set(value) if *value == last.value => {
                "`earthly.sh` reads `.arg` in another way than Earthly".to_owned()
            }
            Value::Set(value) => {
                let bash = arg::shown(value);
                format!("`earthly.sh` reads `{bash}` where Earthly reads `{earthly}`")
            }
            Value::Unset => format!("`earthly.sh` reads nothing where Earthly reads `{earthly}`"),
            Value::Unknown => {
                format!("`earthly.sh` may read anything where Earthly reads `{earthly}`")
            }
        };
        let diagnostic = Diagnostic::warning(title)
            .named("T17")
            .at(&arg.source, last.span.clone(), "")
            .note("bash takes no CRLF, no byte order mark and no spaces around `=`")
            .help(format!(
                "write `{RIGHT}`, and end lines with a newline only"
            ));
        Some(Finding {
            hits: Vec::new(),
            diagnostic,
        })
    }

    /// T18: the last assignment wins.
    fn assigned_twice(&self) -> Option<Finding> {
        let arg = self.values.file.as_ref()?;
        let [.., before, last] = &arg.assignments[..] else {
            return None;
        };
        let line = arg.source.position(last.span.start).0;
        let diagnostic = Diagnostic::warning(format!("`.arg` sets {KEY} more than once"))
            .named("T18")
            .at(&arg.source, before.span.clone(), "not this one")
            .note(format!("line {line} counts"))
            .help("remove this line, or run `edgestage stage --fix-arg`");
        Some(Finding {
            hits: Vec::new(),
            diagnostic,
        })
    }

    /// T9: what is staged is not in the build's context.
    fn ignored(&self) -> Vec<Finding> {
        let Some(ignore) = &self.ignore else {
            let title = "the checkout has both `.earthlyignore` and `.earthignore`";
            let mut finding = warning("T9", title, "remove `.earthignore`");
            finding.diagnostic = finding.diagnostic.note("Earthly refuses to build then");
            finding.hits = Target::ALL
                .into_iter()
                .filter(|target| self.recipe(*target).is_some())
                .collect();
            return vec![finding];
        };
        let free = super::ignore::Ignore::default();
        let hidden = Placement::ALL.map(|placement| (placement, ignore.hides(placement.path())));
        let hits: Vec<Target> = Target::ALL
            .into_iter()
            .filter(|target| {
                let with = self.forecast(*target, Assume::Staged);
                with != self.forecast_with(*target, Assume::Staged, Some(&free))
            })
            // Either of the two equal files will do.
            .filter(|target| !self.is_staged_file(&self.forecast(*target, Assume::Staged)))
            .collect();
        hidden
            .into_iter()
            .filter_map(|(placement, rule)| {
                let rule = rule?;
                let (source, span) = rule.source(self.directory);
                let diagnostic = Diagnostic::warning(format!(
                    "`{}` line {} keeps `{}` out of every build",
                    rule.file,
                    rule.line,
                    placement.path()
                ))
                .named("T9")
                .at(&source, span, "this rule")
                .help(format!("add the line `!{}` behind it", placement.path()));
                Some(Finding {
                    hits: hits.clone(),
                    diagnostic,
                })
            })
            .collect()
    }

    /// T23: the tool that makes the ISO never sees the overlay.
    fn dropped_overlay(&self) -> Vec<Finding> {
        let all = [Target::Iso, Target::IsoDiskImage, Target::UkiIso];
        let (of_iso, of_uki) = all.split_at(if self.iso_is_uki() { 0 } else { 2 });
        let recipes = [
            (self.recipes.iso, of_iso.to_vec()),
            (self.recipes.uki, of_uki.to_vec()),
        ];
        let told = |(recipe, hits): (super::Recipe, Vec<Target>)| {
            let line = recipe.drops_overlay.filter(|_| !hits.is_empty())?;
            let source = std::sync::Arc::new(Source::whole(
                printable::path(&self.directory.join("Earthfile")),
                self.recipes.text.clone(),
            ));
            let start = source
                .text
                .split_inclusive('\n')
                .take(line - 1)
                .map(str::len)
                .sum::<usize>();
            let text = source.text[start..].lines().next().unwrap_or_default();
            let start = start + (text.len() - text.trim_start().len());
            let length = text.trim().len();
            let diagnostic = Diagnostic::warning("the Earthfile makes an ISO without its overlay")
                .named("T23")
                .at(
                    &source,
                    start..start + length,
                    "the source stands before a flag",
                )
                .note("AuroraBoot reads no flag behind its first argument")
                .help("take a CanvOS in which `dir:…` comes last");
            Some(Finding { hits, diagnostic })
        };
        recipes.into_iter().filter_map(told).collect()
    }

    /// T10: other files in the overlay's directory are shipped too.
    fn neighbours(&self) -> Result<Vec<Finding>, PathError> {
        let overlay = self.directory.join(OVERLAY_DIRECTORY);
        let mut names = names_in(&overlay)?;
        names.retain(|name| name != "spc.tgz");
        names.sort();
        let told = |name: String| {
            let title = format!("`{OVERLAY_DIRECTORY}/{name}` will be in the image too");
            warning("T10", title, "remove it, unless it is meant to be there")
        };
        Ok(names.into_iter().map(told).collect())
    }

    /// T29: architectures that a target does not build.
    fn arch(&self) -> Option<Finding> {
        let arch = self.values.arch.as_deref()?;
        let shown = printable::line(arch.as_bytes());
        match arch {
            "arm64" if self.recipes.maas => Some(warning(
                "T29",
                "ARCH is `arm64`: a MAAS image is for amd64 only, a UKI ISO gets the label COS_LIVE",
                "set `ARCH=amd64` for a MAAS image",
            )),
            "amd64" | "arm64" | "" => None,
            _ => Some(warning(
                "T29",
                format!("ARCH is `{shown}`: `+build-all-images` makes no ISO then, without a word"),
                "set `ARCH=amd64` or `ARCH=arm64`",
            )),
        }
    }

    /// T14: `earthly.sh` hands nothing on for a MAAS image, which takes `./spc.tgz`.
    fn maas_arguments(&self) -> Option<Finding> {
        let maas = self
            .arguments
            .iter()
            .any(|argument| argument == "+maas-image");
        let set = self.arguments.iter().any(|argument| argument.contains(KEY));
        (maas && set).then(|| {
            let title = format!("`earthly.sh +maas-image` ignores {KEY} among its arguments");
            let mut finding = warning("T14", title, "leave it out");
            let note = "a MAAS image gets what is staged as `spc.tgz`, whatever they say";
            finding.diagnostic = finding.diagnostic.note(note);
            finding
        })
    }

    /// T28: a bad content bundle stops the host's script before the definition.
    fn content_bundles(&self) -> Option<Finding> {
        let bundle = names_in(self.directory).ok()?.into_iter().find(|name| {
            let directory = self.directory.join(name);
            (name.starts_with("content-") || name == "content") && has_bundle(&directory, DEPTH)
        })?;
        self.recipes.maas.then(|| {
            let title = format!("`{bundle}` goes into a MAAS image beside the definition");
            let mut finding = warning("T28", title, "try the image on a host before a roll-out");
            finding.diagnostic = finding
                .diagnostic
                .note("a bundle that cannot be unpacked keeps the definition from being copied");
            finding
        })
    }

    /// T21: git would take the archive for a file of its own.
    fn unhidden_from_git(&self) -> Option<Finding> {
        let git = self.directory.join(".git");
        if !git.exists() {
            return None;
        }
        let read = |path: &Path| {
            let bytes = std::fs::read(path).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        // What stands in `.gitignore` counts more.
        let exclude = exclude_of(&git);
        let exclude = exclude.map_or_else(String::new, |path| read(&path));
        let rules = exclude + "\n" + &read(&self.directory.join(".gitignore"));
        let rules = super::ignore::Ignore::of_git(&rules);
        let mut seen = Placement::ALL.iter().map(|placement| placement.path());
        let path = seen.find(|path| rules.hides(path).is_none())?;
        let title = format!("git does not ignore `{path}` in this checkout");
        let help = "add `spc.tgz` to `.git/info/exclude`, so that it is not committed";
        Some(warning("T21", title, help))
    }
}

/// Whether there is a content bundle in `directory`, or so many levels below.
fn has_bundle(directory: &Path, levels: usize) -> bool {
    let names = names_in(directory).unwrap_or_default();
    names.iter().any(|name| {
        let is_bundle = |end: &std::ffi::OsStr| end == "zst" || end == "tar";
        let path = directory.join(name);
        Path::new(name).extension().is_some_and(is_bundle)
            || levels > 0 && !path.is_symlink() && has_bundle(&path, levels - 1)
    })
}

/// Where git keeps what only this clone ignores. In a worktree `.git` is a file that
/// names a directory, and that one names the clone's.
fn exclude_of(git: &Path) -> Option<PathBuf> {
    let read = |path: &Path| std::fs::read_to_string(path).ok();
    let directory = if git.is_file() {
        let named = read(git)?;
        let named = git.parent()?.join(named.strip_prefix("gitdir:")?.trim());
        match read(&named.join("commondir")) {
            Some(common) => named.join(common.trim()),
            None => named,
        }
    } else {
        git.to_owned()
    };
    Some(directory.join("info/exclude"))
}

/// T13: a raw image never carries a definition.
fn raw_image() -> Finding {
    let title = "`+kairos-raw-image` never carries a cluster definition";
    let mut finding = warning("T13", title, "build `+cloud-image` or `+maas-image`");
    finding.hits = vec![Target::KairosRawImage];
    finding
}

/// A finding that hits nothing yet.
pub(super) fn warning(id: &'static str, title: impl Into<String>, help: &str) -> Finding {
    Finding {
        hits: Vec::new(),
        diagnostic: Diagnostic::warning(title).named(id).help(help),
    }
}

/// The names in a directory, printable; none where there is no directory.
pub(super) fn names_in(directory: &Path) -> Result<Vec<String>, PathError> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if disk::is_absent(&error) => return Ok(Vec::new()),
        Err(error) => return Err(PathError::when("read", directory)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry
            .map_err(PathError::when("read", directory))?
            .file_name();
        names.push(printable::line(name.as_encoded_bytes()));
    }
    Ok(names)
}

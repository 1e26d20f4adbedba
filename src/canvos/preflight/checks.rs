//! The checks for the traps of a checkout, each with its number in canvos.md, 3.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::bash::Value;
use super::earthfile::{Recipe, Runs};
use super::ignore::Ignore;
use super::messages;
use super::{Assume, Embeds, Finding, Preflight, Target, Via};
use crate::canvos::{OVERLAY_DIRECTORY, Placement};
use crate::diagnostic::{Place, Source};
use crate::util::files;
use crate::util::path_error::PathError;
use crate::util::sanitize;

/// How many levels below `content/` are searched for bundles.
const DEPTH: usize = 4;

impl Preflight<'_> {
    /// Returns all traps that can be detected, for a definition that is staged or is about to
    /// be. `chosen` are the targets that the user wants to build.
    ///
    /// # Errors
    /// Fails if a directory cannot be read.
    pub fn findings(&self, chosen: &[Target]) -> Result<Vec<Finding>, PathError> {
        let mut found = Vec::new();
        found.extend(self.start_findings());
        found.extend(self.clusterconfig_value());
        found.extend(self.links());
        found.extend(self.two_parsers());
        found.extend(self.assigned_twice());
        found.extend(self.ignored());
        found.extend(self.content_definitions());
        found.extend(self.unreadable());
        found.extend(self.dropped_overlay());
        found.extend(self.neighbours()?);
        found.extend(self.arch());
        found.extend(self.content_bundles());
        found.extend(self.unhidden_from_git());
        if chosen.contains(&Target::KairosRawImage)
            && self.earthfile.has(Target::KairosRawImage.name())
        {
            found.push(Finding {
                hits: vec![Target::KairosRawImage],
                diagnostic: messages::raw_image(),
            });
        }
        found.extend(self.otherwise_lost(&found));
        Ok(found)
    }

    /// Returns the targets of `among` that this Earthfile has and whose recipe reads
    /// `CLUSTERCONFIG`.
    pub(super) fn that_read_it(&self, among: &[Target]) -> Vec<Target> {
        let reads = |target: &&Target| {
            self.recipe(**target)
                .is_some_and(Recipe::reads_clusterconfig)
        };
        among.iter().filter(reads).copied().collect()
    }

    /// T8: a symbolic link is in the place of a staged file, or on the way there. The image
    /// would contain it as a link, and edgestage writes nothing through it.
    fn links(&self) -> Vec<Finding> {
        let first = |placement: &Placement| {
            let parts: Vec<&str> = placement.path().split('/').collect();
            let paths = (1..=parts.len()).map(|length| parts[..length].join("/"));
            paths
                .map(|path| (self.directory.join(&path), path))
                .find(|(full, _)| full.is_symlink())
        };
        let told = |path: String| Finding {
            hits: self.carriers(),
            diagnostic: messages::symbolic_link(&path),
        };
        let linked = Placement::ALL.iter().filter_map(first);
        linked.map(|(_, path)| told(path)).collect()
    }

    /// Returns the targets that this checkout has and that carry a definition.
    fn carriers(&self) -> Vec<Target> {
        let carries = |target: &Target| {
            let embeds = self.forecast(*target, Assume::Staged);
            !matches!(embeds, Embeds::NoTarget | Embeds::Never)
        };
        Target::ALL.into_iter().filter(carries).collect()
    }

    /// T17: Earthly and bash read different values. T34: bash runs a part of the value as a
    /// command.
    fn two_parsers(&self) -> Option<Finding> {
        let arg = self.arg.as_ref()?;
        let last = arg.assignments.last()?;
        let diagnostic = match &arg.bash {
            Value::Set(value) if *value == last.value => {
                if arg.carriage_return.is_none() && !arg.foreign_to_bash {
                    return None;
                }
                messages::other_line_in_bash(arg, last)
            }
            Value::Set(value) => messages::other_value_in_bash(arg, last, Some(value)),
            Value::Unset => messages::other_value_in_bash(arg, last, None),
            Value::Unknown => messages::commands_in_arg(arg, last),
        };
        Some(Finding::without_hits(diagnostic))
    }

    /// T18: `CLUSTERCONFIG` is assigned twice; the last assignment wins.
    fn assigned_twice(&self) -> Option<Finding> {
        let arg = self.arg.as_ref()?;
        let [.., before, last] = &arg.assignments[..] else {
            return None;
        };
        let line = arg.source.position(last.span.start).0;
        Some(Finding::without_hits(messages::set_twice(
            arg, before, line,
        )))
    }

    /// T9: an ignore rule keeps a staged file out of the build context.
    fn ignored(&self) -> Vec<Finding> {
        let Some(ignore) = &self.ignore else {
            return vec![Finding {
                hits: self.targets_of_earthfile(),
                diagnostic: messages::two_ignore_files(),
            }];
        };
        if let Some((rule, fault)) = ignore.error() {
            return vec![Finding {
                hits: self.targets_of_earthfile(),
                diagnostic: messages::bad_rule(self.directory, rule, fault),
            }];
        }
        let needed = self.hidden_needs(ignore);
        let voiding = ignore.voiding();
        let voiding = voiding.map(|rule| messages::voiding_rule(self.directory, rule));
        let hidden = Placement::ALL.map(|placement| (placement, ignore.hides(placement.path())));
        let lost = |target: &Target| {
            let without = self.without_rules(*target);
            let with = self.forecast(*target, Assume::Staged);
            let changed = without.is_some_and(|without| without != with);
            // Either of the two identical files is enough.
            changed && with != Embeds::Never && !self.is_staged_file(&with)
        };
        let hits: Vec<Target> = Target::ALL.into_iter().filter(lost).collect();
        let hiding = hidden.into_iter().filter_map(|(placement, rule)| {
            let rule = rule?;
            Some(Finding {
                hits: hits.clone(),
                diagnostic: messages::hidden_placement(self.directory, rule, placement.path()),
            })
        });
        let voiding = voiding.map(Finding::without_hits).into_iter();
        let others = voiding.chain(needed);
        others.chain(hiding).collect()
    }

    /// T9: a rule hides a file that the build needs.
    fn hidden_needs(&self, ignore: &Ignore) -> Option<Finding> {
        let mut found: Option<Finding> = None;
        for target in Target::ALL {
            let Some(recipe) = self.recipe(target) else {
                continue;
            };
            let Some((path, rule)) = self.hidden_copy(&recipe.needs, ignore) else {
                continue;
            };
            let finding = found.get_or_insert_with(|| {
                Finding::without_hits(messages::hidden_need(self.directory, rule, path))
            });
            finding.hits.push(target);
        }
        found
    }

    fn targets_of_earthfile(&self) -> Vec<Target> {
        let all = Target::ALL.into_iter();
        all.filter(|target| self.recipe(*target).is_some())
            .collect()
    }

    /// T42: a content directory has a definition of its own.
    fn content_definitions(&self) -> Option<Finding> {
        let Embeds::File {
            path,
            via: Via::Content,
        } = self.forecast(Target::CloudImage, Assume::Staged)
        else {
            return None;
        };
        Some(Finding {
            hits: vec![Target::CloudImage],
            diagnostic: messages::content_definition(&path),
        })
    }

    /// T40: a file that the build cannot read is empty in the image.
    fn unreadable(&self) -> Vec<Finding> {
        let closed = |placement: &&Placement| {
            let file = self.directory.join(placement.path());
            let denied =
                |error: &std::io::Error| error.kind() == std::io::ErrorKind::PermissionDenied;
            files::try_open(&file).is_err_and(|error| denied(&error))
        };
        let finding = |placement: &Placement| Finding {
            hits: self.carriers(),
            diagnostic: messages::unreadable(placement.path()),
        };
        Placement::ALL.iter().filter(closed).map(finding).collect()
    }

    /// T23: the tool that makes the ISO never sees the overlay.
    fn dropped_overlay(&self) -> Vec<Finding> {
        let mut lines: BTreeMap<usize, Vec<Target>> = BTreeMap::new();
        for target in [Target::Iso, Target::IsoDiskImage, Target::UkiIso] {
            let line = self.recipe(target).and_then(|recipe| recipe.drops_overlay);
            if let Some(line) = line {
                lines.entry(line).or_default().push(target);
            }
        }
        let finding = |(line, hits)| {
            let (source, span) = self.earthfile_line(line);
            let place = Place {
                source: &source,
                span: &span,
            };
            Finding {
                hits,
                diagnostic: messages::dropped_overlay(place),
            }
        };
        lines.into_iter().map(finding).collect()
    }

    /// Returns the location of a line of the Earthfile, for an excerpt.
    fn earthfile_line(&self, line: usize) -> (Arc<Source>, Range<usize>) {
        let text = self
            .earthfile
            .text
            .lines()
            .nth(line - 1)
            .unwrap_or_default();
        let indent = text.len() - text.trim_start().len();
        let source = Source {
            path: sanitize::path(&self.directory.join("Earthfile")),
            text: text.to_owned(),
            first_line: line,
        };
        (Arc::new(source), indent..text.trim_end().len())
    }

    /// T10: other files in the overlay's directory are shipped too.
    fn neighbours(&self) -> Result<Vec<Finding>, PathError> {
        let overlay = self.directory.join(OVERLAY_DIRECTORY);
        let mut names = names_in(&overlay)?;
        names.retain(|name| name != "spc.tgz");
        names.sort();
        let told = |name: String| Finding::without_hits(messages::neighbour(&name));
        Ok(names.into_iter().map(told).collect())
    }

    /// T29: the architecture is one that a target does not build.
    fn arch(&self) -> Option<Finding> {
        // It is unknown what a build that ends at once would have read.
        if self.invocation.failure.is_some() {
            return None;
        }
        let arch = self.invocation.argument("ARCH").map(|(arch, _)| arch);
        let shown = arch.map(|arch| sanitize::line(arch.as_bytes()));
        let none = |target: &Target| {
            self.recipe(*target)
                .is_some_and(|recipe| recipe.makes_iso == Some(Runs::No))
        };
        let hits: Vec<Target> = Target::ALL.into_iter().filter(none).collect();
        if !hits.is_empty() {
            let has = |name: &str| self.directory.join(name).exists();
            let has_only_template = !has(".arg") && has(".arg.template");
            return Some(Finding {
                hits,
                diagnostic: messages::no_iso_for(shown.as_deref(), has_only_template),
            });
        }
        let diagnostic = match arch? {
            "arm64" if self.earthfile.maas => messages::arm64(),
            "amd64" | "arm64" | "" => return None,
            _ => messages::unknown_arch(&shown?),
        };
        Some(Finding::without_hits(diagnostic))
    }

    /// T28: a bad content bundle stops the host's script before it reads the definition.
    fn content_bundles(&self) -> Option<Finding> {
        let bundle = names_in(self.directory).ok()?.into_iter().find(|name| {
            let directory = self.directory.join(name);
            (name.starts_with("content-") || name == "content") && has_bundle(&directory, DEPTH)
        })?;
        let told = || Finding::without_hits(messages::content_bundle(&bundle));
        self.earthfile.maas.then(told)
    }

    /// T21: git would take the archive for a file of the repository.
    fn unhidden_from_git(&self) -> Option<Finding> {
        let git = self.directory.join(".git");
        if !git.exists() {
            return None;
        }
        let read = |path: &Path| files::text_or_empty(path);
        // `.gitignore` takes precedence.
        let exclude = exclude_of(&git);
        let exclude = exclude.map_or_else(String::new, |path| read(&path));
        let rules = exclude + "\n" + &read(&self.directory.join(".gitignore"));
        let rules = super::ignore::Ignore::of_git(&rules);
        let mut seen = Placement::ALL.iter().map(|placement| placement.path());
        let path = seen.find(|path| rules.hides(path).is_none())?;
        Some(Finding::without_hits(messages::not_ignored_by_git(path)))
    }
}

/// Whether `directory`, or a directory up to `levels` below it, has a content bundle.
fn has_bundle(directory: &Path, levels: usize) -> bool {
    let names = names_in(directory).unwrap_or_default();
    names.iter().any(|name| {
        let is_bundle = |end: &std::ffi::OsStr| end == "zst" || end == "tar";
        let path = directory.join(name);
        Path::new(name).extension().is_some_and(is_bundle)
            || levels > 0 && !path.is_symlink() && has_bundle(&path, levels - 1)
    })
}

/// Returns the path of git's ignore file for this clone. In a worktree, `.git` is a file that
/// names a directory, and a file there names the clone's.
fn exclude_of(git: &Path) -> Option<PathBuf> {
    let read = |path: &Path| String::from_utf8(files::read(path, files::TEXT).ok()?).ok();
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

/// Returns the names in a directory, printable; none if the directory does not exist.
pub(super) fn names_in(directory: &Path) -> Result<Vec<String>, PathError> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if files::is_absent(&error) => return Ok(Vec::new()),
        Err(error) => return Err(PathError::when("read", directory)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry
            .map_err(PathError::when("read", directory))?
            .file_name();
        names.push(sanitize::line(name.as_encoded_bytes()));
    }
    Ok(names)
}

//! The traps that a checkout has, each by its number in canvos.md, 3.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::arg::{self, KEY};
use super::bash::Value;
use super::earthfile::{Recipe, Runs};
use super::ignore::{Ignore, Rule, RuleFault};
use super::{Arg, Assignment, Assume, Embeds, Finding, Preflight, RIGHT, Target, Via};
use crate::canvos::{OVERLAY_DIRECTORY, Placement};
use crate::diagnostic::{Diagnostic, Source, Trap};
use crate::util::path_error::{self, PathError};
use crate::util::sanitize;

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
            found.push(raw_image());
        }
        found.extend(self.otherwise_lost(&found));
        Ok(found)
    }

    /// The targets of `among` that this Earthfile has and whose recipe reads
    /// `CLUSTERCONFIG`.
    pub(super) fn that_read_it(&self, among: &[Target]) -> Vec<Target> {
        let reads = |target: &&Target| {
            self.recipe(**target)
                .is_some_and(Recipe::reads_clusterconfig)
        };
        among.iter().filter(reads).copied().collect()
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
            let mut finding = warning(Trap::SymbolicLink, title, "remove it");
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

    /// T17: Earthly and bash read another value. T34: bash runs a part of it.
    fn two_parsers(&self) -> Option<Finding> {
        let arg = self.arg.as_ref()?;
        let last = arg.assignments.last()?;
        let bash = match &arg.bash {
            Value::Set(value) if *value == last.value => return foreign(arg, last),
            Value::Set(value) => format!("`{}`", arg::shown(value)),
            Value::Unset => "nothing".to_owned(),
            Value::Unknown => {
                let title = "`.arg` has commands: `earthly.sh` runs them when it reads the file";
                let diagnostic = Diagnostic::warning(Trap::Expansion, title)
                    .at(&arg.source, last.span.clone(), "")
                    .note("what it reads then is not known; Earthly runs nothing")
                    .help(format!("write `{RIGHT}`, without `$(…)` or a backtick"));
                return Some(Finding {
                    hits: Vec::new(),
                    diagnostic,
                });
            }
        };
        let earthly = arg::shown(&last.value);
        Some(two_readings(
            format!("`earthly.sh` reads {bash} where Earthly reads `{earthly}`"),
            arg,
            last,
        ))
    }

    /// T18: the last assignment wins.
    fn assigned_twice(&self) -> Option<Finding> {
        let arg = self.arg.as_ref()?;
        let [.., before, last] = &arg.assignments[..] else {
            return None;
        };
        let line = arg.source.position(last.span.start).0;
        let diagnostic =
            Diagnostic::warning(Trap::SetTwice, format!("`.arg` sets {KEY} more than once"))
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
            let mut finding = warning(Trap::IgnoreRule, title, "remove `.earthignore`");
            finding.diagnostic = finding.diagnostic.note("Earthly refuses to build then");
            finding.hits = self.targets_of_earthfile();
            return vec![finding];
        };
        if let Some((rule, fault)) = ignore.error() {
            return vec![self.bad_rule(rule, fault)];
        }
        let needed = self.hidden_needs(ignore);
        let voiding = ignore.voiding().map(|rule| self.voiding_rule(rule));
        let hidden = Placement::ALL.map(|placement| (placement, ignore.hides(placement.path())));
        let lost = |target: &Target| {
            let without = self.without_rules(*target);
            let changed =
                without.is_some_and(|without| without != self.forecast(*target, Assume::Staged));
            // Either of the two equal files will do.
            changed && !self.is_staged_file(&self.forecast(*target, Assume::Staged))
        };
        let hits: Vec<Target> = Target::ALL.into_iter().filter(lost).collect();
        let hiding = hidden.into_iter().filter_map(|(placement, rule)| {
            let rule = rule?;
            let (source, span) = rule.source(self.directory);
            let diagnostic = Diagnostic::warning(
                Trap::IgnoreRule,
                format!(
                    "`{}` line {} keeps `{}` out of every build",
                    rule.file,
                    rule.line,
                    placement.path()
                ),
            )
            .at(&source, span, "this rule")
            .help(format!("add the line `!{}` after it", placement.path()));
            Some(Finding {
                hits: hits.clone(),
                diagnostic,
            })
        });
        let others = voiding.into_iter().chain(needed);
        others.chain(hiding).collect()
    }

    /// T9: a rule that ends every build.
    fn bad_rule(&self, rule: &Rule, fault: RuleFault) -> Finding {
        let why = match fault {
            RuleFault::Control => "has a tab or another control character",
            RuleFault::Syntax => "is not a pattern",
            RuleFault::TooLong => "is longer than a rule may be",
        };
        let (source, span) = rule.source(self.directory);
        let title = format!("`{}` line {} {why}", rule.file, rule.line);
        let mut finding = warning(Trap::IgnoreRule, title, "fix or remove the rule");
        let diagnostic = finding.diagnostic.at(&source, span, "this rule");
        finding.diagnostic = diagnostic.note("Earthly refuses to build then");
        finding.hits = self.targets_of_earthfile();
        finding
    }

    /// T9: a rule that hides what a build cannot do without.
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
                let (source, span) = rule.source(self.directory);
                let title = format!(
                    "`{}` line {} keeps `{path}` out of every build, which the Earthfile copies",
                    rule.file, rule.line
                );
                let mut finding = warning(Trap::IgnoreRule, title, "remove the rule");
                let diagnostic = finding.diagnostic.at(&source, span, "this rule");
                finding.diagnostic = diagnostic.note("the build stops with an error");
                finding
            });
            finding.hits.push(target);
        }
        found
    }

    /// T9: a rule that leaves others without effect.
    fn voiding_rule(&self, rule: &Rule) -> Finding {
        let (source, span) = rule.source(self.directory);
        let title = format!(
            "`{}` line {} has a character that is not ASCII",
            rule.file, rule.line
        );
        let mut finding = warning(
            Trap::IgnoreRule,
            title,
            "write the rule without it, for example with `?`",
        );
        let note = "Earthly then ignores every rule that has other characters than letters, digits, \
                    `-`, `_`, `.` and `~`";
        finding.diagnostic = finding.diagnostic.at(&source, span, "this rule").note(note);
        finding
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
        let title = format!("`{path}` becomes the definition of a cloud image");
        let mut finding = warning(
            Trap::ContentDefinition,
            title,
            "remove it, and write `CLUSTERCONFIG=spc.tgz`",
        );
        let note = "CLUSTERCONFIG finds nothing, and content directories are flattened";
        finding.diagnostic = finding.diagnostic.note(note);
        finding.hits = vec![Target::CloudImage];
        Some(finding)
    }

    /// T40: what the build cannot read is empty in the image.
    fn unreadable(&self) -> Vec<Finding> {
        let closed = |placement: &&Placement| {
            let file = self.directory.join(placement.path());
            let denied =
                |error: &std::io::Error| error.kind() == std::io::ErrorKind::PermissionDenied;
            path_error::try_open(&file).is_err_and(|error| denied(&error))
        };
        let finding = |placement: &Placement| {
            let title = format!("`{}` cannot be read", placement.path());
            let help = format!("run `chmod u+r {}`", placement.path());
            let mut finding = warning(Trap::UnreadableFile, title, &help);
            let note = "a file that the build cannot read is an empty file in the image";
            finding.diagnostic = finding.diagnostic.note(note);
            finding.hits = self.carriers();
            finding
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
            let diagnostic = Diagnostic::warning(
                Trap::OverlayDropped,
                "the Earthfile makes an ISO without its overlay",
            )
            .at(&source, span, "the source stands before a flag")
            .note("AuroraBoot reads no flags after its first argument")
            .help("take a CanvOS in which `dir:…` comes last");
            Finding { hits, diagnostic }
        };
        lines.into_iter().map(finding).collect()
    }

    /// A line of the Earthfile, for an excerpt.
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
        let told = |name: String| {
            let title = format!("`{OVERLAY_DIRECTORY}/{name}` will be in the image too");
            warning(
                Trap::OverlayLeftover,
                title,
                "remove it, unless it is meant to be there",
            )
        };
        Ok(names.into_iter().map(told).collect())
    }

    /// T29: architectures that a target does not build.
    fn arch(&self) -> Option<Finding> {
        // What a build that ends at once would have read is not known.
        if self.invocation.failure.is_some() {
            return None;
        }
        let arch = self.invocation.argument("ARCH").map(|(arch, _)| arch);
        let shown = sanitize::line(arch.unwrap_or_default().as_bytes());
        let none = |target: &Target| {
            self.recipe(*target)
                .is_some_and(|recipe| recipe.makes_iso == Some(Runs::No))
        };
        let hits: Vec<Target> = Target::ALL.into_iter().filter(none).collect();
        if !hits.is_empty() {
            let title = match arch {
                None | Some("") => {
                    "ARCH is not set, and the Earthfile builds no ISO without it".to_owned()
                }
                Some(_) => format!("ARCH is `{shown}`, for which the Earthfile makes no ISO"),
            };
            let has = |name: &str| self.directory.join(name).exists();
            let help = if arch.is_none() && !has(".arg") && has(".arg.template") {
                "copy `.arg.template` to `.arg`, which sets ARCH"
            } else {
                "set `ARCH=amd64` or `ARCH=arm64`"
            };
            let mut finding = warning(Trap::Architecture, title, help);
            finding.diagnostic = finding.diagnostic.note("the build stops with an error");
            finding.hits = hits;
            return Some(finding);
        }
        match arch? {
            "arm64" if self.earthfile.maas => Some(warning(
                Trap::Architecture,
                "ARCH is `arm64`: a MAAS image is for amd64 only, a UKI ISO gets the label COS_LIVE",
                "set `ARCH=amd64` for a MAAS image",
            )),
            "amd64" | "arm64" | "" => None,
            _ => Some(warning(
                Trap::Architecture,
                format!("ARCH is `{shown}`: `+build-all-images` silently builds no ISO"),
                "set `ARCH=amd64` or `ARCH=arm64`",
            )),
        }
    }

    /// T28: a bad content bundle stops the host's script before the definition.
    fn content_bundles(&self) -> Option<Finding> {
        let bundle = names_in(self.directory).ok()?.into_iter().find(|name| {
            let directory = self.directory.join(name);
            (name.starts_with("content-") || name == "content") && has_bundle(&directory, DEPTH)
        })?;
        self.earthfile.maas.then(|| {
            let title = format!("`{bundle}` goes into a MAAS image beside the definition");
            let mut finding = warning(
                Trap::BadBundle,
                title,
                "try the image on a host before a roll-out",
            );
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
        let read = |path: &Path| path_error::text_or_empty(path);
        // What stands in `.gitignore` counts more.
        let exclude = exclude_of(&git);
        let exclude = exclude.map_or_else(String::new, |path| read(&path));
        let rules = exclude + "\n" + &read(&self.directory.join(".gitignore"));
        let rules = super::ignore::Ignore::of_git(&rules);
        let mut seen = Placement::ALL.iter().map(|placement| placement.path());
        let path = seen.find(|path| rules.hides(path).is_none())?;
        let title = format!("git does not ignore `{path}` in this checkout");
        let help = "add `spc.tgz` to `.git/info/exclude`, so that it is not committed";
        Some(warning(Trap::GitTracking, title, help))
    }
}

/// T17: another line is read in two ways.
fn foreign(arg: &Arg, last: &Assignment) -> Option<Finding> {
    let title = "`earthly.sh` reads `.arg` differently from Earthly";
    let Some(carriage_return) = &arg.carriage_return else {
        return arg
            .foreign_to_bash
            .then(|| two_readings(title.to_owned(), arg, last));
    };
    let label = "this line ends with a carriage return";
    let diagnostic = Diagnostic::warning(Trap::TwoParsers, title)
        .at(&arg.source, carriage_return.clone(), label)
        .note("both read the same CLUSTERCONFIG; to bash a carriage return is part of the other values")
        .help(format!("end lines with a newline only: {WITHOUT_RETURNS}"));
    Some(Finding {
        hits: Vec::new(),
        diagnostic,
    })
}

/// What takes all carriage returns before ends of lines out of the file.
const WITHOUT_RETURNS: &str = "`sed -i 's/\\r$//' .arg`";

/// T17.
fn two_readings(title: String, arg: &Arg, last: &Assignment) -> Finding {
    let diagnostic = Diagnostic::warning(Trap::TwoParsers, title)
        .at(&arg.source, last.span.clone(), "")
        .note(arg.why_bash_differs())
        .help(format!(
            "write `{RIGHT}`, and end lines with a newline only"
        ));
    let diagnostic = match arg.carriage_return {
        Some(_) => diagnostic.help(format!("for all lines: {WITHOUT_RETURNS}")),
        None => diagnostic,
    };
    Finding {
        hits: Vec::new(),
        diagnostic,
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
    let read = |path: &Path| String::from_utf8(path_error::read(path, path_error::TEXT).ok()?).ok();
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
    let mut finding = warning(
        Trap::RawImage,
        title,
        "build `+cloud-image` or `+maas-image`",
    );
    finding.hits = vec![Target::KairosRawImage];
    finding
}

/// A finding that hits nothing yet.
pub(super) fn warning(trap: Trap, title: impl Into<String>, help: &str) -> Finding {
    Finding {
        hits: Vec::new(),
        diagnostic: Diagnostic::warning(trap, title).help(help),
    }
}

/// The names in a directory, printable; none where there is no directory.
pub(super) fn names_in(directory: &Path) -> Result<Vec<String>, PathError> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if path_error::is_absent(&error) => return Ok(Vec::new()),
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

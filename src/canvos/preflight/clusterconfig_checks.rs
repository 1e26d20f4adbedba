//! The traps in the value of `CLUSTERCONFIG` itself: what it names that is not what was
//! staged.

use std::path::Path;

use super::checks::warning;
use super::copy::{self, Copied, Failure, Missed};
use super::forecast::staged;
use super::{Assume, Embeds, Finding, Origin, Preflight, RIGHT, Target};
use crate::canvos::Placement;
use crate::canvos::preflight::arg;
use crate::diagnostic::{Diagnostic, Trap};
use crate::util::digest::Digest;
use crate::util::limits::Limits;
use crate::util::path_error;

/// The Earthfile's targets that read `CLUSTERCONFIG`.
const READERS: [Target; 4] = [
    Target::Iso,
    Target::UkiIso,
    Target::IsoDiskImage,
    Target::CloudImage,
];
/// What the targets do where it leads nowhere, in a checkout with and without
/// `+cloud-image`.
const ELSEWHERE: [&str; 2] = [
    "the ISO targets still embed the staged definition; `+cloud-image` embeds none",
    "the ISO targets still embed the staged definition",
];

/// What is wrong with a value.
struct Fault {
    trap: Trap,
    title: String,
    note: &'static str,
    effect: Effect,
}

/// What a wrong value does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// The copy is left out: the overlay stays, and `+cloud-image` has nothing.
    Misses,
    /// The image gets something else, or the build fails.
    Replaces,
}

/// What the build does where a copy is an error.
const FAILS: &str = "the build stops with an error";

impl Preflight<'_> {
    /// T1 to T8, T11, T17, T24, T32, T33, T40.
    pub(super) fn clusterconfig_value(&self) -> Option<Finding> {
        if self.invocation.failure.is_some() || self.that_read_it(&READERS).is_empty() {
            // The first releases of CanvOS have the overlay only (canvos.md, 2).
            return None;
        }
        let nowhere = self.that_read_it(&[Target::CloudImage]);
        let Some((value, origin)) = self.clusterconfig() else {
            return Some(self.not_set(nowhere));
        };
        if value.is_empty() {
            let title = format!("CLUSTERCONFIG is empty in {origin}");
            let mut finding = unset(&title, &fix(origin), nowhere);
            finding.diagnostic = self.at_assignment(finding.diagnostic, origin);
            return Some(finding);
        }
        let fault = self.fault(value)?;
        let hits = match fault.effect {
            Effect::Replaces => self.that_read_it(&READERS),
            Effect::Misses => nowhere,
        };
        let diagnostic = Diagnostic::warning(fault.trap, fault.title).note(fault.note);
        let diagnostic = self.at_assignment(diagnostic, origin);
        Some(Finding {
            hits,
            diagnostic: diagnostic.help(fix(origin)),
        })
    }

    /// T2: nothing sets it.
    fn not_set(&self, nowhere: Vec<Target>) -> Finding {
        let named = self.invocation.arg_file.as_ref();
        let named = named.and_then(|file| file.named_by.as_ref());
        let (title, help) = match (&self.arg, named) {
            (Some(_), Some(setting)) => (
                format!("the file that {setting} names does not set CLUSTERCONFIG"),
                "unset it, and set CLUSTERCONFIG in `.arg`".to_owned(),
            ),
            (None, _) => (
                "the checkout has no `.arg`".to_owned(),
                "copy `.arg.template` to `.arg`".to_owned(),
            ),
            (Some(_), None) => (
                "`.arg` does not set CLUSTERCONFIG".to_owned(),
                format!("add the line `{RIGHT}` to it, or run `edgestage stage --fix-arg`"),
            ),
        };
        unset(&title, &help, nowhere)
    }

    /// Adds the line of `.arg` that counts, where the value is from there.
    fn at_assignment(&self, diagnostic: Diagnostic, origin: &Origin) -> Diagnostic {
        let last = self.arg.as_ref();
        let last = last.and_then(|arg| Some((&arg.source, arg.assignments.last()?)));
        match last.filter(|_| matches!(origin, Origin::ArgFile { .. })) {
            Some((source, last)) => diagnostic.at(source, last.span.clone(), ""),
            None => diagnostic,
        }
    }

    /// What happens to the definition where a value leads nowhere.
    fn elsewhere(&self) -> &'static str {
        ELSEWHERE[usize::from(self.that_read_it(&[Target::CloudImage]).is_empty())]
    }

    /// What is wrong with what a value finds; `None` for a staged file.
    fn fault(&self, value: &str) -> Option<Fault> {
        let shown = arg::shown(value);
        let ignore = self.ignore.as_ref()?;
        let copied = copy::resolve(value, self.directory, ignore, staged(Assume::Staged));
        let replaces = |trap, title: String, note| {
            Some(Fault {
                trap,
                title,
                note,
                effect: Effect::Replaces,
            })
        };
        match copied {
            Copied::File { path, replaced } => self.other_file(&path, &replaced, &shown),
            Copied::Empty { path, .. } => {
                let title = format!("CLUSTERCONFIG names `{path}`, which the build cannot read");
                replaces(
                    Trap::UnreadableFile,
                    title,
                    "an image gets an empty file in its place, and no error",
                )
            }
            Copied::Nothing(missed) => Some(self.missed(&missed, &shown, Effect::Misses)),
            Copied::NotAFile { path, kind } => {
                let path = if path.is_empty() {
                    ".".to_owned()
                } else {
                    path
                };
                let title = format!("CLUSTERCONFIG names {kind}: `{path}`");
                let note = "a cloud image gets no definition; an ISO build stops with an error";
                replaces(Trap::Directory, title, note)
            }
            Copied::Artifact => {
                let title =
                    format!("CLUSTERCONFIG is `{shown}`: Earthly takes `+` for an artifact");
                replaces(Trap::PlusSign, title, FAILS)
            }
            // The rule is told on its own.
            Copied::Fails(Failure::Rule(..)) => None,
            Copied::Fails(failure) => Some(self.failed(&failure, &shown)),
            Copied::Unclear => {
                let title =
                    format!("CLUSTERCONFIG is `{shown}`, a pattern that fits too much to tell");
                let note =
                    "another file may match it and replace the staged definition in the image";
                replaces(Trap::Pattern, title, note)
            }
        }
    }

    /// A file that is found and is none of ours, or not alone.
    fn other_file(&self, path: &str, replaced: &[String], shown: &str) -> Option<Fault> {
        let ours = Placement::ALL
            .iter()
            .any(|placement| placement.path() == path);
        let quoted = |path: &String| format!("`{path}`");
        let (trap, title, note) = if !replaced.is_empty() {
            let names: Vec<String> = replaced.iter().map(quoted).collect();
            (
                Trap::Pattern,
                format!(
                    "CLUSTERCONFIG is `{shown}`, which fits `{path}` and {}",
                    names.join(", ")
                ),
                "all of them are copied onto one name, and the last one stays",
            )
        } else if ours {
            return None;
        } else if path != shown.strip_prefix("./").unwrap_or(shown)
            && shown.contains(['*', '[', '\\'])
        {
            (
                Trap::Pattern,
                format!("CLUSTERCONFIG is `{shown}`, a pattern that fits `{path}`"),
                "it replaces the staged definition in the image",
            )
        } else if std::fs::metadata(self.directory.join(path)).is_ok_and(|file| file.len() == 0) {
            (
                Trap::EmptyFile,
                format!("CLUSTERCONFIG names an empty file: `{path}`"),
                "an image gets no content partition for it, and no error",
            )
        } else {
            (
                Trap::AnotherFile,
                format!("CLUSTERCONFIG names another file: `{path}`"),
                "it would replace the staged definition in the image; a MAAS image would still \
                 get `spc.tgz`",
            )
        };
        Some(Fault {
            trap,
            title,
            note,
            effect: Effect::Replaces,
        })
    }

    /// A value that finds nothing.
    fn missed(&self, missed: &Missed, shown: &str, effect: Effect) -> Fault {
        let is = |what: &str| format!("CLUSTERCONFIG is `{shown}`{what}");
        let names = |what: String| format!("CLUSTERCONFIG names `{shown}`, {what}");
        let (trap, title) = match missed {
            Missed::Unset => (
                Trap::ClusterconfigUnset,
                "CLUSTERCONFIG is empty".to_owned(),
            ),
            Missed::NotAscii(c) => (
                Trap::Pattern,
                is(&format!(
                    ": with `{c}`, which is not ASCII, Earthly finds nothing"
                )),
            ),
            Missed::Blank => (
                Trap::TwoParsers,
                is(", with a blank at its end or beginning, which Earthly finds nowhere"),
            ),
            Missed::Url => (
                Trap::Url,
                "CLUSTERCONFIG is a URL, which Earthly takes for a path and finds nowhere"
                    .to_owned(),
            ),
            Missed::Home => (
                Trap::OutsideCheckout,
                is(": Earthly knows no `~`, bash does"),
            ),
            Missed::Absolute => (
                Trap::AbsolutePath,
                is(": Earthly finds nothing outside of the checkout"),
            ),
            Missed::Dots => (Trap::OutsideCheckout, is(", which Earthly finds nowhere")),
            Missed::Pattern => (
                Trap::Pattern,
                is(", which Earthly reads as a pattern that fits no file"),
            ),
            Missed::Ignored(rule) => (
                Trap::IgnoreRule,
                names(format!(
                    "which `{}` line {} keeps out of every build",
                    rule.file, rule.line
                )),
            ),
            Missed::BelowLink(link) => (
                Trap::SymbolicLink,
                names(format!("but `{link}` is a symbolic link")),
            ),
            Missed::Closed(directory) => (
                Trap::UnreadableFile,
                names(format!("but `{directory}` cannot be read")),
            ),
            Missed::OtherCase(name) => (
                Trap::LetterCase,
                is(&format!(", but the file is called `{name}`")),
            ),
            Missed::Absent => (
                Trap::NoSuchFile,
                format!("CLUSTERCONFIG names a file that is not in the checkout: `{shown}`"),
            ),
        };
        Fault {
            trap,
            title,
            note: match effect {
                Effect::Misses => self.elsewhere(),
                Effect::Replaces => FAILS,
            },
            effect,
        }
    }

    /// A value that ends the build.
    fn failed(&self, failure: &Failure, shown: &str) -> Fault {
        let (trap, title) = match failure {
            Failure::Crash => (
                Trap::OutsideCheckout,
                format!("CLUSTERCONFIG is `{shown}`, which makes Earthly crash"),
            ),
            Failure::BadPattern => (
                Trap::Pattern,
                format!("CLUSTERCONFIG is `{shown}`, which is not a pattern to Earthly"),
            ),
            Failure::Control => (
                Trap::Pattern,
                "CLUSTERCONFIG has a tab or another control character".to_owned(),
            ),
            Failure::NotThere(missed) => return self.missed(missed, shown, Effect::Replaces),
            Failure::Link { path } => (
                Trap::SymbolicLink,
                format!("CLUSTERCONFIG names a symbolic link: `{path}`"),
            ),
            Failure::DirectoryOverFile { path } => (
                Trap::Directory,
                format!("CLUSTERCONFIG is `{shown}`, which also fits the directory `{path}`"),
            ),
            Failure::Closed { path } => (
                Trap::UnreadableFile,
                format!("CLUSTERCONFIG names the directory `{path}`, which cannot be read"),
            ),
            Failure::Rule(rule, _) => (
                Trap::IgnoreRule,
                format!("`{}` line {} is not a pattern", rule.file, rule.line),
            ),
        };
        Fault {
            trap,
            title,
            note: FAILS,
            effect: Effect::Replaces,
        }
    }

    /// Whether `file` has the bytes that are staged.
    fn equals_staged(&self, file: &Path) -> bool {
        let staged = self.directory.join(Placement::Root.path());
        let length = |path: &Path| Some(path.metadata().ok()?.len());
        if length(&staged) != length(file)
            || length(file).is_none_or(|n| Limits::default().no_archive(n))
        {
            return false;
        }
        let digest = |path: &Path| {
            let mut file = path_error::open(path).ok()?;
            Some(Digest::of_reader(&mut file).ok()?.0)
        };
        digest(&staged).is_some_and(|staged| Some(staged) == digest(file))
    }

    pub(super) fn is_staged_file(&self, embeds: &Embeds) -> bool {
        match embeds {
            Embeds::File { path, .. } => {
                Placement::ALL.iter().any(|p| p.path() == path)
                    || self.equals_staged(&self.directory.join(path))
            }
            _ => false,
        }
    }

    /// Targets that would not embed what is staged, for a reason that no trap has named:
    /// what is not understood is not passed over.
    pub(super) fn otherwise_lost(&self, found: &[Finding]) -> Vec<Finding> {
        let known = |target: &Target| found.iter().any(|finding| finding.hits.contains(target));
        let mut unclear = Vec::new();
        let mut lost = Vec::new();
        for target in Target::ALL.into_iter().filter(|target| !known(target)) {
            match self.forecast(target, Assume::Staged) {
                Embeds::NoTarget | Embeds::Never => {}
                Embeds::Unclear => unclear.push(target),
                embeds if self.is_staged_file(&embeds) => {}
                _ => lost.push(target),
            }
        }
        let lost = (!lost.is_empty()).then(|| {
            let title = "the Earthfile copies nothing that is staged";
            let help = "take a CanvOS that copies `overlay/files-iso/` or CLUSTERCONFIG";
            Finding {
                hits: lost,
                ..warning(Trap::NotCopied, title, help)
            }
        });
        let unclear = (!unclear.is_empty()).then(|| {
            let title = "edgestage cannot determine what the Earthfile embeds";
            let help =
                "look into the image: `edgestage verify --image FILE`; `--allow T12` builds it";
            let mut finding = warning(Trap::NotCopied, title, help);
            let note = "a copy may not run, or is made by an Earthfile that is not read";
            finding.diagnostic = finding.diagnostic.note(note);
            finding.hits = unclear;
            finding
        });
        lost.into_iter().chain(unclear).collect()
    }
}

/// What to do about a value that is wrong.
fn fix(origin: &Origin) -> String {
    match origin {
        Origin::ArgFile { named_by: None, .. } => {
            format!("write `{RIGHT}`, or run `edgestage stage --fix-arg`")
        }
        _ => format!("leave it out, and write `{RIGHT}` into `.arg`"),
    }
}

/// T2.
fn unset(title: &str, help: &str, hits: Vec<Target>) -> Finding {
    let mut finding = warning(Trap::ClusterconfigUnset, title, help);
    let note = ELSEWHERE[usize::from(hits.is_empty())];
    finding.diagnostic = finding.diagnostic.note(note);
    finding.hits = hits;
    finding
}

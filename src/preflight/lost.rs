//! The traps in the value of `CLUSTERCONFIG` itself: what it names that is not what was
//! staged.

use std::path::Path;

use super::findings::{names_in, warning};
use super::value::Origin;
use super::{Assume, Embeds, Finding, Preflight, RIGHT, Target, arg, is_plain};
use crate::canvos::Placement;
use crate::diagnostic::Diagnostic;
use crate::digest::Digest;

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
    "the ISO targets embed the staged definition all the same; `+cloud-image` embeds none",
    "the ISO targets embed the staged definition all the same",
];

/// What is wrong with a value.
struct Fault {
    id: &'static str,
    title: String,
    note: &'static str,
    /// Whether the image may get another file, not only none.
    replaces: bool,
}

impl Preflight<'_> {
    /// T1 to T8, T11, T24, T32 to T34.
    pub(super) fn clusterconfig_value(&self) -> Option<Finding> {
        // The first releases of CanvOS have the overlay only (canvos.md, 2).
        if self.that_read_it(&READERS).is_empty() || self.is_arg_refused() {
            return None;
        }
        let nowhere = self.that_read_it(&[Target::CloudImage]);
        let Some((value, origin)) = self.clusterconfig() else {
            let (title, help) = match &self.values.file {
                None if self.values.redirected.is_some() => (
                    "no file sets CLUSTERCONFIG",
                    "unset `EARTHLY_ARG_FILE_PATH`: `.arg` is the place".to_owned(),
                ),
                None => (
                    "the checkout has no `.arg`",
                    "copy `.arg.template` to `.arg`".to_owned(),
                ),
                Some(_) => (
                    "`.arg` does not set CLUSTERCONFIG",
                    format!("add the line `{RIGHT}` to it, or run `edgestage stage --fix-arg`"),
                ),
            };
            return Some(unset(title, &help, nowhere));
        };
        if value.is_empty() {
            let title = format!("CLUSTERCONFIG is empty in {}", origin.name());
            let mut finding = unset(&title, &mend(origin), nowhere);
            finding.diagnostic = self.at_assignment(finding.diagnostic, origin);
            return Some(finding);
        }
        let fault = self.fault(value)?;
        let hits = if fault.replaces {
            self.that_read_it(&READERS)
        } else {
            nowhere
        };
        let diagnostic = Diagnostic::warning(fault.title)
            .named(fault.id)
            .note(fault.note);
        let diagnostic = self.at_assignment(diagnostic, origin);
        Some(Finding {
            hits,
            diagnostic: diagnostic.help(mend(origin)),
        })
    }

    /// Adds the line of `.arg` that counts, where the value is from there.
    fn at_assignment(&self, diagnostic: Diagnostic, origin: Origin) -> Diagnostic {
        let file = self.values.file.as_ref();
        let last = file.and_then(|arg| Some((&arg.source, arg.assignments.last()?)));
        match last.filter(|_| origin == Origin::File) {
            Some((source, last)) => diagnostic.at(source, last.span.clone(), ""),
            None => diagnostic,
        }
    }

    /// What happens to the definition where a value leads nowhere.
    fn elsewhere(&self) -> &'static str {
        ELSEWHERE[usize::from(self.that_read_it(&[Target::CloudImage]).is_empty())]
    }

    fn fault(&self, value: &str) -> Option<Fault> {
        let elsewhere = self.elsewhere();
        let shown = arg::shown(value);
        let fault = |id, title: String, note, replaces| {
            Some(Fault {
                id,
                title,
                note,
                replaces,
            })
        };
        let path = value.strip_prefix("./").unwrap_or(value);
        if Placement::ALL
            .iter()
            .any(|placement| placement.path() == path)
        {
            return None;
        }
        if arg::is_url(value) {
            let title = "CLUSTERCONFIG is a URL, which Earthly takes for a path and finds nowhere";
            return fault("T5", title.to_owned(), elsewhere, false);
        }
        if value.starts_with("~/") {
            let title = format!("CLUSTERCONFIG is `{shown}`: Earthly knows no `~`, bash does");
            return fault("T4", title, elsewhere, false);
        }
        if value.contains(['$', '`', '"', '\'', '\\']) {
            let title = format!("CLUSTERCONFIG is `{shown}`, which its two parsers expand");
            return fault("T34", title, "bash even runs what is in `$(…)`", true);
        }
        if value.contains('+') {
            let title = format!("CLUSTERCONFIG is `{shown}`: Earthly takes `+` for an artifact");
            return fault("T33", title, "the build stops with an error", true);
        }
        if !is_plain(value) {
            let title = format!("CLUSTERCONFIG is `{shown}`, which Earthly reads as a pattern");
            let note = "another file may match it and replace the staged definition in the image";
            return fault("T6", title, note, true);
        }
        if value.starts_with('/') {
            let title = format!(
                "CLUSTERCONFIG is `{shown}`: Earthly finds nothing outside of the checkout"
            );
            return fault("T3", title, elsewhere, false);
        }
        if path.split('/').any(|part| matches!(part, "." | "..")) {
            let title = format!("CLUSTERCONFIG is `{shown}`, which Earthly finds nowhere");
            return fault("T4", title, elsewhere, false);
        }
        Some(self.named_file(path, &shown))
    }

    /// A plain path that is none of ours.
    fn named_file(&self, path: &str, shown: &str) -> Fault {
        let file = self.directory.join(path);
        if let Some(rule) = self.ignore.as_ref().and_then(|ignore| ignore.hides(path)) {
            return Fault {
                id: "T9",
                title: format!(
                    "CLUSTERCONFIG names `{shown}`, which `{}` line {} keeps out of every build",
                    rule.file, rule.line
                ),
                note: self.elsewhere(),
                replaces: false,
            };
        }
        if let Some(link) = self.link_above(path) {
            return Fault {
                id: "T8",
                title: format!("CLUSTERCONFIG names `{shown}`, but `{link}` is a symbolic link"),
                note: self.elsewhere(),
                replaces: false,
            };
        }
        if let Some(name) = self.other_case(path) {
            return Fault {
                id: "T32",
                title: format!("CLUSTERCONFIG is `{shown}`, but the file is called `{name}`"),
                note: self.elsewhere(),
                replaces: false,
            };
        }
        let (id, title, note, replaces) = match std::fs::symlink_metadata(&file) {
            Err(_) => (
                "T1",
                format!("CLUSTERCONFIG names a file that is not in the checkout: `{shown}`"),
                self.elsewhere(),
                false,
            ),
            Ok(metadata) if metadata.is_dir() => (
                "T7",
                format!("CLUSTERCONFIG names a directory: `{shown}`"),
                "its files would lie in a directory `spc.tgz` of the image",
                true,
            ),
            Ok(metadata) if metadata.is_symlink() => (
                "T8",
                format!("CLUSTERCONFIG names a symbolic link: `{shown}`"),
                "Earthly copies the link and not the file, and stops with an error",
                true,
            ),
            Ok(metadata) if metadata.len() == 0 => (
                "T24",
                format!("CLUSTERCONFIG names an empty file: `{shown}`"),
                "an image gets no content partition for it, and no error",
                true,
            ),
            Ok(_) => (
                "T11",
                format!("CLUSTERCONFIG names another file: `{shown}`"),
                "it would replace the staged definition in the image; a MAAS image would still \
                 get `spc.tgz`",
                true,
            ),
        };
        Fault {
            id,
            title,
            note,
            replaces,
        }
    }

    /// Whether `file` has the bytes that are staged.
    fn equals_staged(&self, file: &Path) -> bool {
        let digest = |path: &Path| {
            let mut file = std::fs::File::open(path).ok()?;
            Some(Digest::of_reader(&mut file).ok()?.0)
        };
        let staged = digest(&self.directory.join(Placement::Root.path()));
        staged.is_some() && staged == digest(file)
    }

    /// The file that is meant, where only upper and lower case differ (T32). A host that
    /// does not tell them apart would find the file; Earthly does not.
    fn other_case(&self, path: &str) -> Option<String> {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        let names = names_in(&self.directory.join(directory)).unwrap_or_default();
        if names.iter().any(|other| other == name) {
            return None;
        }
        let mut ours = Placement::ALL.iter().map(|placement| placement.path());
        if let Some(ours) = ours.find(|ours| ours.eq_ignore_ascii_case(path)) {
            return Some(ours.to_owned());
        }
        let mut others = names.into_iter();
        others.find(|other| other.eq_ignore_ascii_case(name))
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
    pub(super) fn otherwise_lost(&self, found: &[Finding]) -> Option<Finding> {
        let lost = |target: &Target| {
            let embeds = self.forecast(*target, Assume::Staged);
            let carries = !matches!(embeds, Embeds::NoTarget | Embeds::Never);
            carries && !self.is_staged_file(&embeds)
        };
        let known = |target: &Target| found.iter().any(|finding| finding.hits.contains(target));
        let hits: Vec<Target> = Target::ALL
            .into_iter()
            .filter(|target| lost(target) && !known(target))
            .collect();
        if hits.is_empty() {
            return None;
        }
        let title = "the Earthfile copies nothing that is staged";
        let mut finding = warning(
            "T12",
            title,
            "take a CanvOS that copies `overlay/files-iso/` or CLUSTERCONFIG",
        );
        finding.hits = hits;
        Some(finding)
    }
}

/// What to do about a value that is wrong.
fn mend(origin: Origin) -> String {
    match origin {
        Origin::File => format!("write `{RIGHT}`, or run `edgestage stage --fix-arg`"),
        _ => format!("leave it out, and write `{RIGHT}` into `.arg`"),
    }
}

/// T2.
fn unset(title: &str, help: &str, hits: Vec<Target>) -> Finding {
    let mut finding = warning("T2", title, help);
    let note = ELSEWHERE[usize::from(hits.is_empty())];
    finding.diagnostic = finding.diagnostic.note(note);
    finding.hits = hits;
    finding
}

//! Reduces the `COPY` lines of a body.
//!
//! Input: a `COPY`. Output: the line that copies the same from the copy of the checkout, and for
//! an artifact of a target that carries a definition the lines that bring its records.

use super::super::super::lines::Line;
use super::super::super::walk::{local, reference};
use super::super::copies::{CopyLine, is_git, plain};
use super::super::decisions::runs_program;
use super::super::listing::{Destination, Kind};
use super::super::{Obstacle, RECORD_PREFIX, RECORDS, Unreducible, changes};
use super::{Fact, Writer, at};

impl Writer<'_, '_> {
    /// Reduces a `COPY`: what it takes from the checkout stays, and of what other targets have
    /// made their records, with the definition if it is among it.
    pub(super) fn copy(&mut self, line: &Line) -> Result<(), Unreducible> {
        let Some(copy) = CopyLine::of(line) else {
            self.keep(line);
            return Ok(());
        };
        let is_carrying = self.file.carries(line);
        if self.is(Fact::Omitted) && runs_program(&line.text) {
            let covers = changes::covers(&copy.target, self.state());
            return if is_carrying || covers {
                Err(at(line, Obstacle::ShellOut))
            } else {
                Ok(())
            };
        }
        if is_carrying && self.is(Fact::CallsTool) {
            return Err(at(line, Obstacle::OtherOverlay));
        }
        if is_carrying {
            self.check_known(line)?;
        }
        let sources = copy.sources.iter().filter(|source| !is_git(source));
        let (artifacts, sources): (Vec<_>, Vec<_>) =
            sources.partition(|source| CopyLine::is_artifact(source));
        for artifact in artifacts {
            self.note_if(true, Fact::Omitted);
            self.artifact(line, &copy, artifact)?;
        }
        if sources.is_empty() || !self.is_relevant {
            return Ok(());
        }
        let words = ["COPY"]
            .into_iter()
            .chain(copy.flags.iter().map(String::as_str));
        let words = words.chain(sources.iter().map(|source| source.as_str()));
        let words: Vec<&str> = words.chain([copy.target.as_str()]).collect();
        self.push(&words.join(" "));
        self.note_if(true, Fact::Copied);
        if is_carrying {
            let kind = self.file.kind(line, &copy);
            self.note(Destination {
                kind,
                word: copy.target.clone(),
            });
        }
        Ok(())
    }

    /// What another target has made: its records, and the definition where that is among it.
    fn artifact(
        &mut self,
        line: &Line,
        copy: &CopyLine,
        artifact: &str,
    ) -> Result<(), Unreducible> {
        let name = reference(artifact).and_then(local);
        let relevant = name.filter(|name| self.file.relevant.contains(*name));
        let Some(name) = relevant else {
            let covers = changes::covers(&copy.target, self.state());
            return if self.is_relevant && covers {
                Err(at(line, Obstacle::Changes))
            } else {
                Ok(())
            };
        };
        self.body.references.push(name.to_owned());
        let hands_on = |flag: &&String| {
            [
                "--platform",
                "--allow-privileged",
                "--pass-args",
                "--build-arg",
            ]
            .iter()
            .any(|known| flag.split('=').next() == Some(known))
        };
        let flags: Vec<&str> = (copy.flags.iter().filter(hands_on))
            .map(String::as_str)
            .collect();
        let flags = flags.join(" ");
        let records = with_path(artifact, &format!("{RECORD_PREFIX}*"));
        self.push(&format!("COPY {flags} --if-exists {records} {RECORDS}").replace("  ", " "));
        self.note_if(true, Fact::Receives);
        let path = reference(artifact).unwrap_or_default();
        let path = path.split_once('/').map_or("", |(_, path)| path);
        let Some(hands_on) = self.file.hands_on(name, path) else {
            return Err(at(line, Obstacle::Command));
        };
        if !hands_on && self.is(Fact::Carries) && changes::covers(&copy.target, self.state()) {
            return Err(at(line, Obstacle::Changes));
        }
        if hands_on {
            let flags = copy.flags.iter().map(String::as_str);
            let words = ["COPY"]
                .into_iter()
                .chain(flags)
                .chain([artifact, &copy.target]);
            self.push(&words.collect::<Vec<_>>().join(" "));
            self.note_if(true, Fact::Copied);
            let kind = if plain(&copy.target).ends_with("spc.tgz") {
                Kind::File
            } else {
                Kind::Overlay
            };
            self.note(Destination {
                kind,
                word: copy.target.clone(),
            });
        }
        Ok(())
    }
}

/// `artifact`, with another path behind its target.
fn with_path(artifact: &str, path: &str) -> String {
    let artifact = artifact.trim_matches(['"', '\'']);
    let (artifact, arguments) = match artifact.split_once(' ') {
        Some((artifact, arguments)) if artifact.starts_with('(') => (artifact, arguments),
        _ => (artifact, ""),
    };
    let plus = artifact.find('+').unwrap_or_default();
    let end = artifact[plus..]
        .find('/')
        .map_or(artifact.len(), |at| plus + at);
    let target = artifact[..end].trim_end_matches(')');
    match (target.starts_with('('), arguments) {
        (true, "") => format!("{}/{path}", &target[1..]),
        (true, arguments) => format!("{target}/{path} {arguments}"),
        _ => format!("{target}/{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_artifact_with_another_path() {
        for (artifact, expected) in [
            ("+build-iso/", "+build-iso/x"),
            ("+build-iso/*.iso", "+build-iso/x"),
            ("\"+build-iso/a b\"", "+build-iso/x"),
            ("+build-iso", "+build-iso/x"),
            ("(+build-iso/y)", "+build-iso/x"),
            (
                "(+third-party/luet --binary=luet)",
                "(+third-party/x --binary=luet)",
            ),
        ] {
            assert_eq!(with_path(artifact, "x"), expected, "{artifact}");
        }
    }
}

//! Markup that CI systems read in the log of a job: GitHub's annotations and GitLab's sections.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Report;
use crate::cli::Verbosity;
use crate::diagnostic::{Diagnostic, Severity};
use crate::util::environment::Environment;

/// Annotations of GitHub Actions: errors and warnings at the lines of a change, and on the page
/// of a run.
pub(super) struct Annotations {
    /// The directory of the job's repository.
    workspace: Option<PathBuf>,
    /// The directory that paths in diagnostics are relative to.
    directory: PathBuf,
}

impl Annotations {
    /// Returns the annotations if the variables indicate a job of GitHub Actions.
    pub(super) fn of(environment: &Environment) -> Option<Self> {
        let workspace = environment.variable("GITHUB_WORKSPACE");
        is_true(environment, "GITHUB_ACTIONS").then(|| Self {
            workspace: workspace.and_then(|path| Path::new(path).canonicalize().ok()),
            directory: environment.directory.clone(),
        })
    }

    /// Returns the workflow command for `diagnostic`, in a single line. Each text passes `mask`
    /// before it is escaped, since escaping changes how a key is written.
    pub(super) fn command(&self, diagnostic: &Diagnostic, mask: impl Fn(&str) -> String) -> String {
        let level = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let mut properties = Vec::new();
        if let Some(excerpt) = &diagnostic.excerpt {
            let (line, column) = excerpt.source.position(excerpt.span.start);
            let file = mask(&self.within(&excerpt.source.path));
            properties.push(format!("file={}", escape_property(&file)));
            properties.push(format!("line={line},col={column}"));
        }
        let title = format!("edgestage {}", diagnostic.code.token());
        properties.push(format!("title={}", escape_property(&title)));
        let mut text = vec![diagnostic.title.clone()];
        let label = diagnostic.excerpt.as_ref().map(|excerpt| &excerpt.label);
        text.extend(label.filter(|label| !label.is_empty()).cloned());
        text.extend(diagnostic.notes.iter().map(|note| format!("note: {note}")));
        text.extend(diagnostic.help.iter().map(|help| format!("help: {help}")));
        let text = mask(&text.join("\n"));
        format!("::{level} {}::{}", properties.join(","), escape_data(&text))
    }

    /// Returns `path` relative to the repository, if it is inside it, as GitHub expects.
    fn within(&self, path: &str) -> String {
        let found = self.directory.join(path).canonicalize().ok();
        let relative = found
            .as_deref()
            .zip(self.workspace.as_deref())
            .and_then(|(found, workspace)| found.strip_prefix(workspace).ok());
        match relative {
            Some(relative) => relative.to_string_lossy().into_owned(),
            None => path.to_owned(),
        }
    }
}

/// Escapes the message of a workflow command, after its colons.
fn escape_data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Escapes a property of a workflow command, in which two more characters are special.
fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Returns whether this is a job of GitLab CI.
pub(super) fn is_gitlab(environment: &Environment) -> bool {
    is_true(environment, "GITLAB_CI")
}

fn is_true(environment: &Environment, variable: &str) -> bool {
    environment
        .variable(variable)
        .is_some_and(|value| value == "true")
}

/// A section of a log that GitLab folds, until this value is dropped. Has no effect elsewhere.
pub struct LogSection<'r> {
    report: &'r Report,
    /// The name of the section, if there is one to end.
    name: Option<String>,
}

impl Report {
    /// Begins a section `name` for possibly long output of other programs, below a line with a
    /// verb and its object.
    #[must_use]
    pub fn section(&self, name: &str, verb: &str, object: &str) -> LogSection<'_> {
        let folds = self.sections && self.verbosity() >= Verbosity::Normal;
        let name = folds.then(|| name.to_owned());
        if let Some(name) = &name {
            let begins = format!("section_start:{}:{name}[collapsed=true]", unix_time());
            self.console.mark(&format!("\x1b[0K{begins}\r\x1b[0K"));
        }
        self.status(verb, object);
        LogSection { report: self, name }
    }
}

impl Drop for LogSection<'_> {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            let ends = format!("section_end:{}:{name}", unix_time());
            self.report
                .console
                .mark(&format!("\x1b[0K{ends}\r\x1b[0K\n"));
        }
    }
}

/// Returns the Unix time, in seconds.
fn unix_time() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Excerpt, Source, Trap};
    use std::sync::Arc;

    #[test]
    fn what_means_something_to_the_runner_is_escaped() {
        let annotations = Annotations {
            workspace: None,
            directory: "/nowhere".into(),
        };
        let mut diagnostic = Diagnostic::warning(Trap::AnotherFile, "100 % of it,\r\nall: gone");
        diagnostic.excerpt = Some(Excerpt {
            source: Arc::new(Source::whole("a,b:c%.toml".into(), "one\ntwo three".into())),
            span: 8..13,
            label: "here".into(),
        });
        let diagnostic = diagnostic.note("why").help("run `x`");
        let command = annotations.command(&diagnostic, str::to_owned);
        assert_eq!(
            command,
            "::warning file=a%2Cb%3Ac%25.toml,line=2,col=5,title=edgestage T11::\
             100 %25 of it,%0D%0Aall: gone%0Ahere%0Anote: why%0Ahelp: run `x`"
        );
    }
}

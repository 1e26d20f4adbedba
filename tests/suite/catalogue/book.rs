//! The catalogue under construction.

use std::fmt::Write as _;

use edgestage::diagnostic::Diagnostic;
use edgestage::error::Error;
use edgestage::ui::render;

use crate::support::Run;

/// Entries one after the other.
#[derive(Default)]
pub struct Book {
    text: String,
}

impl Book {
    /// Begins a part.
    pub fn part(&mut self, title: &str) {
        let _ = write!(self.text, "\n\n{title}\n{}\n", "=".repeat(title.len()));
    }

    /// What a run says that ends with `code`.
    #[track_caller]
    pub fn run(&mut self, what: &str, code: i32, run: Run<'_>) {
        let place = run.place();
        let typed = normal(&run.typed(), &place);
        let run = run.any_stdout().any_stderr();
        let done = match code {
            0 => run.success(),
            code => run.fails(code),
        };
        let said = messages(&normal(&done.stderr, &place));
        assert!(!said.trim().is_empty(), "{what}: nothing is said");
        self.entry(what, &format!("$ {typed}\n[{code}]\n"), &said);
    }

    /// What a run says that is parked at `failpoint` until something is done.
    #[track_caller]
    pub fn parked(
        &mut self,
        (what, code): (&str, i32),
        run: Run<'_>,
        failpoint: &str,
        meanwhile: impl FnOnce(),
    ) {
        let place = run.place();
        let typed = normal(&run.typed(), &place);
        let going = run.any_stdout().any_stderr().park_at(failpoint);
        meanwhile();
        let said = messages(&normal(&going.fails(code).stderr, &place));
        self.entry(what, &format!("$ {typed}\n[{code}]\n"), &said);
    }

    /// An error that no run of a test brings about.
    pub fn told(&mut self, what: &str, error: &Error) {
        let said: Vec<String> = error.diagnostics().iter().map(plain).collect();
        let code = error.exit().code();
        self.entry(what, &format!("[{code}]\n"), &said.join("\n\n"));
    }

    /// A warning that only a terminal shows.
    pub fn warned(&mut self, what: &str, warning: &Diagnostic) {
        self.entry(what, "[0]\n", &plain(warning));
    }

    fn entry(&mut self, what: &str, how: &str, said: &str) {
        let _ = write!(self.text, "\n--- {what}\n{how}{}\n", said.trim_end());
    }

    /// All of it.
    pub fn text(self) -> String {
        self.text
    }
}

/// Without colours.
fn plain(diagnostic: &Diagnostic) -> String {
    let mut out = String::new();
    let mut escape = false;
    for c in render(diagnostic).chars() {
        match (escape, c) {
            (false, '\u{1b}') => escape = true,
            (true, 'm') => escape = false,
            (true, _) => {}
            (false, c) => out.push(c),
        }
    }
    out
}

/// Without what differs from run to run.
fn normal(text: &str, place: &str) -> String {
    let text = text.replace(place, "");
    let text = without_directory(&text, "/edgestage-images-");
    let text = numbers_behind(&text, "127.0.0.1:", "PORT");
    let text = numbers_behind(&text, "`, port ", "PORT");
    let text = numbers_behind(&text, ", process ", "NUMBER");
    let text = without_digests(&text);
    let mut lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    // clap's reminder of the syntax is the same for all.
    lines.retain(|line| !line.starts_with("Usage: ") && !line.starts_with("For more information"));
    lines.join("\n")
}

/// Without the temporary directories that begin like this, and what is above them.
fn without_directory(text: &str, begins: &str) -> String {
    let begins = format!("{}{begins}", std::env::temp_dir().display());
    let mut parts = text.split(&begins);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(&part[part.find('/').unwrap_or(0)..]);
    }
    out
}

/// Replaces the number after each `mark` with a word.
fn numbers_behind(text: &str, mark: &str, word: &str) -> String {
    let mut parts = text.split(mark);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        out.extend([mark, word, rest]);
    }
    out
}

fn without_digests(text: &str) -> String {
    let mut out = String::new();
    let mut digits = String::new();
    for c in text.chars().chain(['\0']) {
        if c.is_ascii_hexdigit() && !c.is_ascii_uppercase() {
            digits.push(c);
            continue;
        }
        out.push_str(if digits.len() == 64 {
            "DIGEST"
        } else {
            &digits
        });
        digits.clear();
        out.extend((c != '\0').then_some(c));
    }
    out
}

/// Without the lines that say what is being done: a verb that ends in column 12, and what
/// it is about.
fn messages(text: &str) -> String {
    let is_status = |line: &str| {
        let Some((verb, rest)) = line.split_at_checked(12) else {
            return false;
        };
        let bare = verb.trim_start();
        let is_verb = bare.starts_with(|c: char| c.is_ascii_uppercase())
            && bare.chars().all(|c| c.is_ascii_alphabetic());
        is_verb && rest.starts_with(' ')
    };
    let lines: Vec<&str> = text.lines().filter(|line| !is_status(line)).collect();
    lines.join("\n").trim().to_owned()
}

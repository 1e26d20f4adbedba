//! One run of the binary, checked strictly: every test states the exit code, and a stream that
//! it does not mention must be empty.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use edgestage::diagnostic::Severity;
use edgestage::lockfile::Lockfile;
use edgestage::manifest::Manifest;

use super::codes::{self, Shown, code_of};
use super::schema::{LOCK, OUTPUT, PROFILES};
use super::signals::interruptible;
use super::{KEY, Test, secrets, tree};

/// The binary under test.
const BINARY: &str = env!("CARGO_BIN_EXE_edgestage");

/// What a stream must contain.
enum Expected {
    /// Exactly this.
    Exactly(String),
    /// Each of these texts, and anything else.
    Having(Vec<String>),
}

/// A run that is being described. Nothing happens before [`Run::success`], [`Run::fails`] or
/// [`Run::spawn`].
#[must_use]
pub struct Run<'t> {
    test: &'t Test,
    arguments: Vec<OsString>,
    variables: BTreeMap<OsString, OsString>,
    directory: PathBuf,
    prelude: Option<String>,
    stdout: Expected,
    stderr: Expected,
    /// The errors and warnings that the run must show, if the test lists them.
    codes: Option<Vec<Shown>>,
    keeps_files: bool,
}

/// A run that ended as it should.
pub struct Done<'t> {
    pub stdout: String,
    pub stderr: String,
    run: Run<'t>,
}

impl<'t> Run<'t> {
    pub(super) fn new(test: &'t Test, arguments: &str) -> Self {
        let variable = |name: &str, value: OsString| (OsString::from(name), value);
        let variables = [
            variable("PATH", std::env::var_os("PATH").unwrap_or_default()),
            variable("HOME", test.home().into()),
            variable("PALETTE_API_KEY", KEY.into()),
        ];
        Self {
            test,
            arguments: arguments.split_whitespace().map(Into::into).collect(),
            variables: variables.into(),
            directory: test.site(),
            prelude: None,
            stdout: Expected::Exactly(String::new()),
            stderr: Expected::Exactly(String::new()),
            codes: None,
            keeps_files: false,
        }
    }

    /// Adds an argument without splitting it; `{dir}` and `{endpoint}` are replaced.
    pub fn arg(mut self, argument: &str) -> Self {
        self.arguments.push(self.test.fill(argument).into());
        self
    }

    /// Sets a variable; `{dir}` and `{endpoint}` in it are replaced.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        let value = self.test.fill(value);
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Removes a variable.
    pub fn without(mut self, name: &str) -> Self {
        self.variables.remove(OsStr::new(name));
        self
    }

    /// Removes the key.
    pub fn without_key(self) -> Self {
        self.without("PALETTE_API_KEY")
    }

    /// Starts in another directory.
    pub fn within(mut self, directory: &str) -> Self {
        self.directory = self.test.path(directory);
        std::fs::create_dir_all(&self.directory).unwrap();
        self
    }

    /// Runs the binary from a shell that has run this before, for example a umask or a limit.
    pub fn prelude(mut self, prelude: impl Into<String>) -> Self {
        self.prelude = Some(self.test.fill(&prelude.into()));
        self
    }

    /// Requires exactly this standard output; `{dir}` and `{endpoint}` are replaced.
    pub fn stdout(mut self, text: &str) -> Self {
        self.stdout = Expected::Exactly(self.test.fill(text));
        self
    }

    /// Requires that standard output contains this.
    pub fn stdout_has(mut self, text: &str) -> Self {
        let text = self.test.fill(text);
        self.stdout = self.stdout.and(text);
        self
    }

    /// Accepts any standard output.
    pub fn any_stdout(mut self) -> Self {
        self.stdout = Expected::Having(Vec::new());
        self
    }

    /// Requires exactly this standard error; `{dir}` and `{endpoint}` are replaced. `{time}`
    /// stands for the duration at the end of the summary.
    pub fn stderr(mut self, text: &str) -> Self {
        self.stderr = Expected::Exactly(self.test.fill(text));
        self
    }

    /// Requires that standard error contains this.
    pub fn stderr_has(mut self, text: &str) -> Self {
        let text = self.test.fill(text);
        self.stderr = self.stderr.and(text);
        self
    }

    /// Accepts any standard error.
    pub fn any_stderr(mut self) -> Self {
        self.stderr = Expected::Having(Vec::new());
        self
    }

    /// Requires an error with this code on standard error. The errors and warnings that a test
    /// names must be all that are shown, in this order; other lines do not matter then.
    pub fn error(self, code: &str) -> Self {
        self.shows(Severity::Error, code)
    }

    /// Requires a warning in the same way.
    pub fn warning(self, code: &str) -> Self {
        self.shows(Severity::Warning, code)
    }

    fn shows(mut self, severity: Severity, code: &str) -> Self {
        let codes = self.codes.get_or_insert_default();
        codes.push(Shown(severity, code_of(code)));
        if let Expected::Exactly(text) = &self.stderr
            && text.is_empty()
        {
            self.stderr = Expected::Having(Vec::new());
        }
        self
    }

    /// Requires that no file changes: bytes, mode, inode and modification time, including those
    /// of the cache and the lock.
    pub fn keeps_files(mut self) -> Self {
        self.keeps_files = true;
        self
    }

    /// Returns the directory of the test in the form of messages.
    pub fn place(&self) -> String {
        let site = self.test.site();
        site.parent().unwrap().to_str().unwrap().to_owned()
    }

    /// Returns the command as somebody would type it, with the variables that a test set.
    pub fn typed(&self) -> String {
        let own = ["PATH", "HOME", "PALETTE_API_KEY"].map(OsStr::new);
        let variables = self.variables.iter();
        let variables = variables.filter(|(name, _)| !own.contains(&name.as_os_str()));
        let variables = variables.map(|(name, value)| {
            let [name, value] = [name, value].map(|text| text.to_string_lossy());
            format!("{name}={value}")
        });
        let arguments = self.arguments.iter();
        let arguments = arguments.map(|argument| argument.to_string_lossy().into_owned());
        let words = variables.chain(["edgestage".to_owned()]).chain(arguments);
        words.collect::<Vec<_>>().join(" ")
    }

    /// Runs the command, which must succeed.
    #[track_caller]
    pub fn success(self) -> Done<'t> {
        self.ends(0)
    }

    /// Runs the command, which must fail with this exit code.
    #[track_caller]
    pub fn fails(self, code: i32) -> Done<'t> {
        assert_ne!(code, 0);
        self.ends(code)
    }

    /// Starts the command and does not wait. The key is not searched for in this case.
    pub fn spawn(self) -> std::process::Child {
        self.command().spawn().unwrap()
    }

    pub(super) fn test(&self) -> &'t Test {
        self.test
    }

    /// Returns the current state of the files, if none may change.
    pub(super) fn stamps_to_keep(&self) -> Option<Vec<String>> {
        self.keeps_files.then(|| self.test.stamps())
    }

    pub(super) fn command(&self) -> Command {
        let mut command = match &self.prelude {
            None => interruptible(BINARY),
            Some(prelude) => {
                let mut shell = interruptible("/bin/sh");
                let script = format!("{prelude} && exec \"$0\" \"$@\"");
                shell.args(["-c", script.as_str(), BINARY]);
                shell
            }
        };
        command
            .args(&self.arguments)
            .env_clear()
            .envs(&self.variables)
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the command, which must end with this exit code, whichever it is.
    #[track_caller]
    pub fn ends(self, code: i32) -> Done<'t> {
        let before = self.stamps_to_keep();
        let output = self.command().output().unwrap();
        self.judge(code, &output, before)
    }

    /// Compares the result of the run with the requirements.
    #[track_caller]
    pub(super) fn judge(self, code: i32, output: &Output, before: Option<Vec<String>>) -> Done<'t> {
        let mut wrong = Vec::new();
        if output.status.code() != Some(code) {
            wrong.push(format!("it ended with {}, not {code}", output.status));
        }
        let [stdout, stderr] =
            [&output.stdout, &output.stderr].map(|bytes| String::from_utf8(bytes.clone()).unwrap());
        wrong.extend(self.stdout.miss("standard output", &stdout));
        wrong.extend(self.stderr.miss("standard error", &without_times(&stderr)));
        wrong.extend(self.other_codes(&stderr));
        wrong.extend(self.leaks(output));
        wrong.extend(self.foreign());
        wrong.extend(self.against_schema(&stdout));
        wrong.extend(files_against_schema(&self.test.site()));
        if let Some(before) = before {
            let after = self.test.stamps();
            let gone = before.iter().filter(|line| !after.contains(line));
            wrong.extend(gone.map(|line| format!("gone: {line}")));
            let new = after.iter().filter(|line| !before.contains(line));
            wrong.extend(new.map(|line| format!("new: {line}")));
        }
        assert!(wrong.is_empty(), "{}", self.account(&wrong, output));
        Done {
            stdout,
            stderr,
            run: self,
        }
    }

    /// Returns the errors and warnings that differ from those that the test names.
    fn other_codes(&self, stderr: &str) -> Option<String> {
        let expected = self.codes.as_ref()?;
        let shown = codes::shown(stderr);
        let [shown_list, expected_list] = [&shown, expected].map(|all| codes::list(all));
        (shown != *expected).then(|| format!("it shows {shown_list}, not {expected_list}"))
    }

    /// Returns the places where the key leaked.
    pub(super) fn leaks(&self, output: &Output) -> Vec<String> {
        let mut leaks = Vec::new();
        let places = [
            ("standard output", &output.stdout),
            ("standard error", &output.stderr),
        ];
        for (place, bytes) in places {
            leaks.extend(secrets::leaked(KEY, bytes).map(|form| format!("{place} has {form}")));
        }
        let known = self.test.key_files.borrow();
        for path in tree::files(self.test.root.path()) {
            // The path is canonical, like the paths of the files that the test wrote.
            let Ok(path) = path.canonicalize() else {
                continue;
            };
            if known.contains(&path) {
                continue;
            }
            let found = std::fs::read(&path).ok();
            let found = found.and_then(|bytes| secrets::leaked(KEY, &bytes));
            leaks.extend(found.map(|form| format!("{} has {form}", path.display())));
        }
        leaks
    }

    /// Returns the files in `HOME` that are not in the cache.
    fn foreign(&self) -> Vec<String> {
        let home = self.test.home();
        let cache = home.join(".cache/edgestage");
        let files = tree::files(&home).into_iter();
        files
            .filter(|path| !path.starts_with(&cache))
            .map(|path| format!("HOME has {}", path.display()))
            .collect()
    }

    /// Returns what in a document differs from the schema, or is missing there.
    fn against_schema(&self, stdout: &str) -> Vec<String> {
        let asked = |flag: &str| self.arguments.iter().any(|argument| argument == flag);
        if stdout.is_empty() || !asked("--json") || asked("--help") {
            return Vec::new();
        }
        match serde_json::from_str(stdout) {
            Ok(document) => OUTPUT.wrong(&document),
            Err(error) => vec![format!("standard output is not a document: {error}")],
        }
    }

    fn account(&self, wrong: &[String], output: &Output) -> String {
        let mut text = format!(
            "\n$ {:?}\nin {}\n",
            self.arguments,
            self.directory.display()
        );
        for line in wrong {
            let _ = writeln!(text, "* {line}");
        }
        for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            let _ = writeln!(text, "--- {name}\n{}", String::from_utf8_lossy(bytes));
        }
        let _ = writeln!(text, "--- tree\n{}", self.test.tree());
        text
    }
}

/// Returns the differences between the reader and the schema of a file. The reader may refuse a
/// `profiles.toml` that the schema accepts, because of other files or because two places
/// contradict each other.
fn files_against_schema(site: &Path) -> Vec<String> {
    let read = |name: &str| std::fs::read_to_string(site.join(name)).ok();
    let mut wrong = Vec::new();
    let lock = read("profiles.lock").and_then(|text| LOCK.wrong_in_toml(&text));
    if let Some(problems) = lock {
        match Lockfile::load(&site.join("profiles.lock")) {
            Ok(_) => wrong.extend(problems),
            Err(_) if problems.is_empty() => wrong.push("a lock for its schema only".into()),
            Err(_) => {}
        }
    }
    let path = site.join("profiles.toml");
    if let Some(text) = read("profiles.toml")
        && Manifest::parse(&text, &path, &path).is_ok()
    {
        wrong.extend(PROFILES.wrong_in_toml(&text).into_iter().flatten());
    }
    wrong
}

impl<'t> Done<'t> {
    /// Returns a run of the same command in the same directory; its requirements have to be
    /// stated again.
    pub fn again(self) -> Run<'t> {
        Run {
            stdout: Expected::Exactly(String::new()),
            stderr: Expected::Exactly(String::new()),
            codes: None,
            ..self.run
        }
    }

    /// Returns standard output as the single JSON document that it must be.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// Checks that standard error contains this text that many times.
    #[track_caller]
    pub fn says(&self, text: &str, times: usize) -> &Self {
        assert_eq!(self.stderr.matches(text).count(), times, "{}", self.stderr);
        self
    }
}

/// Returns the output of a run with `{time}` in place of the summary's duration, such as `4.1
/// s`.
fn without_times(stderr: &str) -> String {
    let tenths = |text: &str| {
        let seconds = text.strip_suffix(" s\n")?;
        let (whole, tenth) = seconds.split_once('.')?;
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        (digits(whole) && digits(tenth) && tenth.len() == 1).then_some(())
    };
    let line = |line: &str| match line.rsplit_once(" in ") {
        Some((what, time)) if what.starts_with("    Finished ") && tenths(time).is_some() => {
            format!("{what} in {{time}}\n")
        }
        _ => line.to_owned(),
    };
    stderr.split_inclusive('\n').map(line).collect()
}

impl Expected {
    fn and(self, text: String) -> Self {
        match self {
            Self::Exactly(_) => Self::Having(vec![text]),
            Self::Having(mut parts) => {
                parts.push(text);
                Self::Having(parts)
            }
        }
    }

    fn miss(&self, stream: &str, text: &str) -> Vec<String> {
        match self {
            Self::Exactly(expected) if expected == text => Vec::new(),
            Self::Exactly(expected) if expected.is_empty() => {
                vec![format!("{stream} is not empty")]
            }
            Self::Exactly(expected) => vec![format!("{stream} is not\n{expected}")],
            Self::Having(parts) => parts
                .iter()
                .filter(|part| !text.contains(part.as_str()))
                .map(|part| format!("{stream} lacks {part:?}"))
                .collect(),
        }
    }
}

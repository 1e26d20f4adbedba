//! The codes of the messages that a run shows, parsed from their first lines.

use std::fmt;

use edgestage::diagnostic::{Code, Severity, Trap};

/// The first line of a message: `error[key-refused]: Palette does not accept the API key`.
pub struct Headline<'l> {
    pub severity: Severity,
    pub code: Code,
    pub title: &'l str,
}

impl<'l> Headline<'l> {
    /// Parses the line; returns `None` if it is not the first line of a message. Panics if the
    /// code does not exist, because no message has such a code.
    pub fn parse(line: &'l str) -> Option<Self> {
        let (severity, rest) = if let Some(rest) = line.strip_prefix("error[") {
            (Severity::Error, rest)
        } else {
            (Severity::Warning, line.strip_prefix("warning[")?)
        };
        let (code, title) = rest.split_once("]: ")?;
        Some(Self {
            severity,
            code: code_of(code),
            title,
        })
    }
}

/// Returns the code with this token, which may be the number of a trap.
pub fn code_of(token: &str) -> Code {
    let trap = || Trap::ALL.iter().find(|trap| trap.code() == token);
    let code = Code::parse(token).or_else(|| trap().map(|trap| Code::from(*trap)));
    code.unwrap_or_else(|| panic!("there is no code `{token}`"))
}

/// An error or a warning, by its code: `error[T11]`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Shown(pub Severity, pub Code);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.0 {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}[{}]", self.1.token())
    }
}

/// Returns all errors and warnings of a stream, in their order.
pub fn shown(stream: &str) -> Vec<Shown> {
    let lines = stream.lines().filter_map(Headline::parse);
    lines.map(|line| Shown(line.severity, line.code)).collect()
}

/// Returns the same in one line.
pub fn list(shown: &[Shown]) -> String {
    let all: Vec<String> = shown.iter().map(Shown::to_string).collect();
    all.join(", ")
}

//! What `source FILE` leaves in the variables of bash 5, for files of assignments.
//!
//! In: the bytes of a file and the caller's environment. Out: for each variable its value,
//! or that it cannot be told. bash reads a command line, runs it, and reads the next, so
//! that a line that fails changes nothing further down, and a syntax error ends the file.
//! Followed are quotes, expansions of variables, lists, pipelines, groups, `if` and the
//! builtins that assign. Nothing is run and no file is looked at: the status of any other
//! command is unknown, and with it whether what depends on it is run. Whatever is beyond
//! this reader makes everything that it might change [`Value::Unknown`], which is every
//! variable after the likes of `eval`, a loop or a function. It never guesses.
//!
//! Reading takes time and memory in proportion to the file; values that grow beyond that
//! are unknown.

use shell::Shell;

mod builtins;
mod expand;
mod lexer;
mod parser;
mod shell;
mod syntax;
mod variables;
mod word;

/// What a variable holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// It is not set.
    Unset,
    /// This; a byte that is not UTF-8 is U+FFFD.
    Set(String),
    /// Only bash can tell.
    Unknown,
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        value.map_or(Self::Unset, Self::Set)
    }
}

/// The variables after a file was sourced.
pub struct Sourced<'e> {
    shell: Shell<'e>,
    end: End,
}

/// Where bash stops reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// At the end of the file, or at `return`.
    Whole,
    /// In the command that begins in this line, from 1, which bash refuses.
    Syntax(usize),
    /// The command that begins in this line, from 1, may change anything, or is not
    /// understood: every variable is unknown.
    Unknown(usize),
}

/// Sources `text` in a shell whose variables are those of `environment` so far. What is
/// set there counts as exported.
pub fn source<'e>(text: &[u8], environment: &'e dyn Fn(&str) -> Value) -> Sourced<'e> {
    let mut shell = Shell::new(environment, text.len());
    let end = shell.source(text);
    Sourced { shell, end }
}

impl Sourced<'_> {
    /// What the variable `name` holds.
    #[must_use]
    pub fn value(&self, name: &str) -> Value {
        match self.end {
            End::Unknown(_) => Value::Unknown,
            _ => self.shell.value(name),
        }
    }

    /// Whether the programs that the script starts get the variable `name`. That of a
    /// variable whose value is unknown is so too.
    #[must_use]
    pub fn exported(&self, name: &str) -> bool {
        self.shell.exported(name)
    }

    /// The variables that commands of the file set or change, in no order.
    pub fn assigned(&self) -> impl Iterator<Item = &str> {
        self.shell.variables.changed()
    }

    /// Whether names of files were given to a builtin that sets variables. They change
    /// nothing, but for a file that is called like an assignment.
    #[must_use]
    pub fn matches_files(&self) -> bool {
        self.shell.matches_files
    }

    /// Where bash stops reading.
    #[must_use]
    pub fn end(&self) -> End {
        self.end
    }
}

#[cfg(test)]
mod tests;

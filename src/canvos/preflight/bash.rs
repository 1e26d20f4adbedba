//! What `source FILE` leaves in the variables of bash 5, for files that consist of assignments.
//!
//! The input is the bytes of a file and the caller's environment. The output is the value of
//! each variable, or that it cannot be determined. bash reads a command line, runs it, and
//! reads the next, so a line that fails changes nothing further down, and a syntax error ends
//! the file. This module follows quotes, expansions of variables, lists, pipelines, groups,
//! `if`, and the builtins that assign. It runs nothing and reads no other file: the exit status
//! of any other command is unknown, and so is whether anything that depends on it runs.
//! Everything that a construct beyond this reader might change becomes [`Value::Unknown`];
//! after `eval`, a loop, a function and the like, that is every variable. The module never
//! guesses.
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

/// The value of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// The variable is not set.
    Unset,
    /// The variable has this value. A byte that is not UTF-8 becomes U+FFFD.
    Set(String),
    /// Only bash can determine the value.
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
    /// In the command that begins in this line, counted from 1, which bash refuses.
    Syntax(usize),
    /// At the command that begins in this line, counted from 1. It may change anything, or is
    /// not understood, so every variable is unknown.
    Unknown(usize),
}

/// Sources `text` in a shell that starts with the variables of `environment`. A variable that
/// is set there counts as exported.
pub fn source<'e>(text: &[u8], environment: &'e dyn Fn(&str) -> Value) -> Sourced<'e> {
    let mut shell = Shell::new(environment, text.len());
    let end = shell.source(text);
    Sourced { shell, end }
}

impl Sourced<'_> {
    /// Returns the value of the variable `name`.
    #[must_use]
    pub fn value(&self, name: &str) -> Value {
        match self.end {
            End::Unknown(_) => Value::Unknown,
            _ => self.shell.value(name),
        }
    }

    /// Returns the value of the variable `name` in the programs that the script starts. If it
    /// is unknown whether a variable is exported, so is the value.
    #[must_use]
    pub fn exported(&self, name: &str) -> bool {
        self.shell.exported(name)
    }

    /// Returns the variables that the file's commands set or change, in no particular order.
    pub fn assigned(&self) -> impl Iterator<Item = &str> {
        self.shell.variables.changed()
    }

    /// Whether file names were given to a builtin that sets variables. They change nothing,
    /// unless a file's name looks like an assignment.
    #[must_use]
    pub fn matches_files(&self) -> bool {
        self.shell.matches_files
    }

    /// Returns where bash stops reading.
    #[must_use]
    pub fn end(&self) -> End {
        self.end
    }
}

#[cfg(test)]
mod tests;

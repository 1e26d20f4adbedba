//! Running the commands of a file, insofar as they change variables.

use super::builtins::{self, Argument};
use super::expand;
use super::lexer::Lexer;
use super::parser;
use super::syntax::{AndOr, Command, Condition, List, Piece, Pipeline, Simple, Stop, Word};
use super::variables::{Held, Variables};
use super::{End, Value};

/// The number of bytes that all values may have together, beyond the size of the file.
const MOST_EXPANDED: usize = 16 << 20;

/// Variables that change how bash reads or runs a file.
const MODES: [&str; 4] = ["BASHOPTS", "BASH_COMPAT", "POSIXLY_CORRECT", "SHELLOPTS"];

/// Whether a command succeeded; `None` if that cannot be determined.
pub(super) type Status = Option<bool>;

/// A reason to leave more than the current command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Jump {
    /// The rest of the command line that was read is not run.
    Discard,
    /// The rest of the file is not read.
    Return,
    /// Anything may have changed.
    Unknown,
}

/// Whether bash runs what is run here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Certainty {
    Runs,
    MayRun,
    /// Like everything that follows up to the end of the file.
    MayRunToTheEnd,
}

pub(super) struct Shell<'e> {
    pub(super) variables: Variables<'e>,
    certainty: Certainty,
    /// Whether words may be split at something other than white space.
    pub(super) splits_otherwise: bool,
    /// Whether file names were given to a builtin that sets variables.
    pub(super) matches_files: bool,
    budget: usize,
}

impl<'e> Shell<'e> {
    pub(super) fn new(environment: &'e dyn Fn(&str) -> Value, size: usize) -> Self {
        Self {
            variables: Variables::new(environment),
            certainty: Certainty::Runs,
            splits_otherwise: false,
            matches_files: false,
            budget: size + MOST_EXPANDED,
        }
    }

    pub(super) fn value(&self, name: &str) -> Value {
        self.variables.look(name).held.into()
    }

    pub(super) fn exported(&self, name: &str) -> bool {
        self.variables.look(name).exported
    }

    /// Runs a file line by line.
    pub(super) fn source(&mut self, text: &[u8]) -> End {
        if MODES.iter().any(|mode| self.variables.has(mode)) {
            return End::Unknown(1);
        }
        // bash drops the first of these bytes, and marks its own quotes with the others.
        if let Some(at) = text.iter().position(|byte| matches!(byte, 0 | 0x01 | 0x7f)) {
            return End::Unknown(line_of(text, at));
        }
        let mut lexer = Lexer::new(text, 0);
        loop {
            let start = lexer.at;
            let ran = match parser::line(&mut lexer) {
                Ok(None) => return End::Whole,
                Ok(Some(list)) => self.list(&list),
                Err(Stop::Syntax) => return End::Syntax(first_line(text, start)),
                Err(Stop::Unsupported) => Err(Jump::Unknown),
            };
            match ran {
                Ok(_) | Err(Jump::Discard) => {}
                Err(Jump::Return) => return End::Whole,
                Err(Jump::Unknown) => return End::Unknown(first_line(text, start)),
            }
        }
    }

    fn list(&mut self, list: &List) -> Result<Status, Jump> {
        let mut status = Some(true);
        for and_or in list {
            status = self.and_or(and_or)?;
        }
        Ok(status)
    }

    fn and_or(&mut self, and_or: &AndOr) -> Result<Status, Jump> {
        // It runs in a process of its own.
        if and_or.background {
            return Ok(Some(true));
        }
        let mut status = self.pipeline(&and_or.first)?;
        for (condition, pipeline) in &and_or.rest {
            status = match (status, condition) {
                (None, _) => self.maybe(|shell| shell.pipeline(pipeline))?,
                (Some(true), Condition::And) | (Some(false), Condition::Or) => {
                    self.pipeline(pipeline)?
                }
                (status, _) => status,
            };
        }
        Ok(status)
    }

    fn pipeline(&mut self, pipeline: &Pipeline) -> Result<Status, Jump> {
        let status = match &pipeline.commands[..] {
            [command] => self.command(command)?,
            // Each command of a pipeline with several runs in a process of its own.
            _ => None,
        };
        Ok(status.map(|status| status != pipeline.negated))
    }

    fn command(&mut self, command: &Command) -> Result<Status, Jump> {
        match command {
            Command::Simple(simple) => self.simple(simple),
            Command::Subshell => Ok(None),
            Command::Group { list, redirected } => {
                self.redirected(*redirected, |shell| shell.list(list))
            }
            Command::If {
                branches,
                otherwise,
                redirected,
            } => self.redirected(*redirected, |shell| shell.conditional(branches, otherwise)),
        }
    }

    fn conditional(&mut self, branches: &[(List, List)], otherwise: &List) -> Result<Status, Jump> {
        let mut branches = branches.iter();
        for (condition, then) in branches.by_ref() {
            match self.list(condition)? {
                Some(true) => return self.list(then),
                Some(false) => {}
                None => {
                    self.maybe(|shell| shell.list(then))?;
                    for (condition, then) in branches {
                        self.maybe(|shell| shell.list(condition))?;
                        self.maybe(|shell| shell.list(then))?;
                    }
                    return self.maybe(|shell| shell.list(otherwise));
                }
            }
        }
        self.list(otherwise)
    }

    /// Runs something that does not run if a redirection fails.
    fn redirected(
        &mut self,
        redirected: bool,
        run: impl FnOnce(&mut Self) -> Result<Status, Jump>,
    ) -> Result<Status, Jump> {
        if redirected {
            self.maybe(run)
        } else {
            run(self)
        }
    }

    /// Runs something that bash may or may not run.
    pub(super) fn maybe<T>(
        &mut self,
        run: impl FnOnce(&mut Self) -> Result<T, Jump>,
    ) -> Result<Status, Jump> {
        let before = self.certainty;
        self.certainty = before.max(Certainty::MayRun);
        match run(self) {
            Err(Jump::Unknown) => return Err(Jump::Unknown),
            Err(Jump::Discard | Jump::Return) => self.certainty = Certainty::MayRunToTheEnd,
            Ok(_) if self.certainty == Certainty::MayRun => self.certainty = before,
            Ok(_) => {}
        }
        Ok(None)
    }

    /// Whether the current command may not run.
    pub(super) fn is_unsure(&self) -> bool {
        self.certainty != Certainty::Runs
    }

    fn simple(&mut self, simple: &Simple) -> Result<Status, Jump> {
        let mut leading = simple.words.iter();
        let leading = leading.position(|word| word.assignment.is_none());
        let (assignments, words) = simple.words.split_at(leading.unwrap_or(simple.words.len()));
        let declares = words.first().is_some_and(builtins::declares);
        let mut name = None;
        let mut arguments = Vec::new();
        for word in words {
            if let (Some(target), true) = (&word.assignment, declares) {
                let held = self.value_of(&word.pieces)?;
                arguments.push(if expand::has_braces(&word.pieces) {
                    Argument::Unknown
                } else {
                    Argument::Assignment(target, held)
                });
                continue;
            }
            match self.fields(word)? {
                Some(fields) => arguments.extend(fields.into_iter().map(Argument::from)),
                None => arguments.push(Argument::Unknown),
            }
            if name.is_none() && !arguments.is_empty() {
                name = Some(arguments.remove(0));
            }
        }
        // For some commands, another process does this.
        for file in &simple.files {
            self.maybe(|shell| shell.expand(&file.pieces))?;
        }
        let Some(name) = name else {
            let status = self.assign_all(assignments)?;
            return Ok(status.filter(|_| !simple.redirected));
        };
        let name = match name {
            Argument::Text(name) => name,
            // The pattern matches no builtin.
            Argument::Pattern(name) if builtins::is_foreign(&name) => name,
            _ => return Err(Jump::Unknown),
        };
        let mut own = Vec::new();
        for word in assignments {
            if let Some(target) = &word.assignment {
                self.value_of(&word.pieces)?;
                own.push(target.name.as_str());
            }
        }
        self.redirected(simple.redirected, |shell| {
            builtins::run(shell, &name, &own, arguments)
        })
    }

    /// Runs a command that consists of assignments only.
    fn assign_all(&mut self, assignments: &[Word]) -> Result<Status, Jump> {
        let mut status = Some(true);
        for word in assignments {
            let Some(target) = &word.assignment else {
                continue;
            };
            let mut held = self.value_of(&word.pieces)?;
            if target.appends {
                held = self.appended(&target.name, held)?;
            }
            if !self.assign(&target.name, held)? {
                return Err(Jump::Discard);
            }
            if target.array {
                self.variables.change(&target.name).odd = true;
            }
            // The status is that of the last substitution.
            if word
                .pieces
                .iter()
                .any(|piece| matches!(piece, Piece::Opaque))
            {
                status = None;
            }
        }
        Ok(status)
    }

    /// Sets a variable; returns `false` if it cannot be assigned.
    pub(super) fn assign(&mut self, name: &str, held: Held) -> Result<bool, Jump> {
        if MODES.contains(&name) {
            return Err(Jump::Unknown);
        }
        self.splits_otherwise |= name == "IFS";
        let unsure = self.is_unsure();
        let variable = self.variables.change(name);
        if variable.read_only {
            return Ok(false);
        }
        let same = variable.held == held;
        variable.hold(if same || !unsure { held } else { Held::Unknown });
        Ok(true)
    }

    /// Counts bytes that were copied against the limit.
    pub(super) fn charge(&mut self, bytes: usize) -> Result<(), Jump> {
        self.budget = self.budget.checked_sub(bytes).ok_or(Jump::Unknown)?;
        Ok(())
    }
}

/// Returns the line number of the first command at or after `start`.
fn first_line(text: &[u8], start: usize) -> usize {
    let mut at = start;
    loop {
        let rest = &text[at..];
        at += match rest {
            [b' ' | b'\t' | b'\n', ..] => 1,
            [b'\\', b'\n', ..] => 2,
            [b'#', ..] => {
                let length = rest.iter().position(|byte| *byte == b'\n');
                length.unwrap_or(rest.len())
            }
            _ => break,
        };
    }
    line_of(text, at)
}

fn line_of(text: &[u8], at: usize) -> usize {
    1 + text[..at].iter().filter(|byte| **byte == b'\n').count()
}

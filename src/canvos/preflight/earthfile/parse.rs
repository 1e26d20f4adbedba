//! The structure of an Earthfile: its base recipe, its targets and functions, and the blocks in
//! them. This module does not interpret the words.

use std::collections::BTreeMap;

use super::lines::{Line, logical_lines};

/// The depth to which blocks are read. A deeper block is an unknown command.
const DEPTH: usize = 100;

/// An Earthfile.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    /// The statements before the first target.
    pub base: Vec<Statement>,
    /// The targets and functions, by name.
    pub targets: BTreeMap<String, Vec<Statement>>,
    /// The numbers of the lines on which targets and functions begin, with their names.
    pub headers: Vec<(usize, String)>,
    /// Whether only `ARG --global` reaches the targets (VERSION 0.7 and later).
    pub explicit_global: bool,
}

/// A command, or a block of them.
#[derive(Debug)]
pub(super) enum Statement {
    /// A command in one logical line.
    Command(Line),
    /// `IF` with its `ELSE IF` and `ELSE`.
    If(Vec<Branch>),
    /// A block that may run several times, once, or never: `FOR`, `CATCH`, `FINALLY`.
    Maybe(Block),
    /// A block that runs once: `WAIT`, `WITH DOCKER`, `TRY`.
    Once(Block),
}

/// A block with its first line.
#[derive(Debug)]
pub(super) struct Block {
    /// The first line: `FOR …`, `WAIT`, `WITH DOCKER …`.
    pub header: Line,
    /// The statements of the block.
    pub body: Vec<Statement>,
}

/// A branch of an `IF`.
#[derive(Debug)]
pub(super) struct Branch {
    /// The line `IF …`, `ELSE IF …` or `ELSE`.
    pub line: Line,
    /// The words of the condition; `None` for `ELSE`.
    pub condition: Option<Vec<String>>,
    /// The statements of the branch.
    pub body: Vec<Statement>,
}

/// Parses the structure of `text`.
pub(super) fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let mut target = None;
    let mut recipe: Vec<Line> = Vec::new();
    for line in logical_lines(text) {
        if let Some(name) = target_of(&line) {
            parsed.headers.push((line.number(), name.clone()));
            parsed.close(target.replace(name), std::mem::take(&mut recipe));
        } else if target.is_none() && line.arguments().first() == Some(&"VERSION") {
            parsed.explicit_global = needs_global(&line);
        } else {
            recipe.push(line);
        }
    }
    parsed.close(target, recipe);
    parsed
}

impl Parsed {
    fn close(&mut self, target: Option<String>, recipe: Vec<Line>) {
        let mut lines = recipe.into_iter().peekable();
        let mut body = Vec::new();
        loop {
            body.extend(statements(&mut lines, 0));
            // A stray `END` or `ELSE` ends nothing.
            if lines.next().is_none() {
                break;
            }
        }
        match target {
            Some(name) => drop(self.targets.insert(name, body)),
            None => self.base = body,
        }
    }
}

/// Returns the name that a line at the margin defines with a colon: a target or a function.
fn target_of(line: &Line) -> Option<String> {
    if line.is_indented() {
        return None;
    }
    let name = line.text.trim_end().strip_suffix(':')?;
    let first = name.chars().next()?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (first.is_ascii_alphabetic() && name.chars().all(fits)).then(|| name.to_owned())
}

/// Whether `VERSION …` makes each `ARG` of the base recipe local to it.
fn needs_global(line: &Line) -> bool {
    let arguments = line.arguments();
    let flag = arguments
        .iter()
        .any(|word| matches!(*word, "--explicit-global" | "--explicit-global=true"));
    let version = arguments.last().and_then(|version| {
        let (major, minor) = version.split_once('.')?;
        Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?))
    });
    flag || version.is_some_and(|version| version >= (0, 7))
}

type Lines = std::iter::Peekable<std::vec::IntoIter<Line>>;

/// Whether a line ends a list of statements.
fn ends(line: &Line) -> bool {
    let first = line.arguments().first().copied();
    matches!(first, Some("END" | "ELSE" | "CATCH" | "FINALLY"))
}

/// Reads the statements up to the end of the block. The line that ends it is left to the
/// caller.
fn statements(lines: &mut Lines, depth: usize) -> Vec<Statement> {
    let mut statements = Vec::new();
    while let Some(line) = lines.next_if(|line| !ends(line)) {
        let words = line.arguments();
        match words[..] {
            _ if depth >= DEPTH => statements.push(Statement::Command(line)),
            ["IF", ref condition @ ..] => {
                let condition = owned(condition);
                statements.push(Statement::If(branches(line, condition, lines, depth + 1)));
            }
            ["FOR", ..] => statements.push(Statement::Maybe(block(line, lines, depth + 1))),
            ["WAIT" | "WITH", ..] => {
                statements.push(Statement::Once(block(line, lines, depth + 1)));
            }
            ["TRY", ..] => attempts(line, lines, depth + 1, &mut statements),
            _ => statements.push(Statement::Command(line)),
        }
    }
    statements
}

fn block(header: Line, lines: &mut Lines, depth: usize) -> Block {
    let body = statements(lines, depth);
    lines.next_if(ends);
    Block { header, body }
}

/// Reads `TRY` and the blocks that follow it.
fn attempts(header: Line, lines: &mut Lines, depth: usize, into: &mut Vec<Statement>) {
    let body = statements(lines, depth);
    into.push(Statement::Once(Block { header, body }));
    while let Some(header) = lines.next_if(ends) {
        if header.arguments().first() == Some(&"END") {
            break;
        }
        let body = statements(lines, depth);
        into.push(Statement::Maybe(Block { header, body }));
    }
}

fn branches(line: Line, condition: Vec<String>, lines: &mut Lines, depth: usize) -> Vec<Branch> {
    let mut branches = vec![Branch {
        line,
        condition: Some(condition),
        body: statements(lines, depth),
    }];
    while let Some(line) = lines.next_if(ends) {
        let condition = match line.arguments()[..] {
            ["ELSE", "IF", ref condition @ ..] => Some(owned(condition)),
            ["ELSE", ..] => None,
            _ => break,
        };
        branches.push(Branch {
            line,
            condition,
            body: statements(lines, depth),
        });
    }
    branches
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

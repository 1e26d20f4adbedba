//! Reduces the body of a target or function.
//!
//! Input: the parsed file and the name of a target or function. Output: the lines of its reduced
//! body and the names that they refer to, or the line that prevents the reduction.

use std::collections::BTreeSet;

use super::super::lines::Line;
use super::super::parse::{Block, Branch, Statement};
use super::super::walk::{assignment, grouped, local, named, reference};
use super::argument_uses::variables;
use super::decisions::{runs_program, tests_variables};
use super::effects::State;
use super::listing::{self, Destination, Kind};
use super::{File, Obstacle, Unreducible, changes, each_line};

mod copying;
mod omitted;

/// What a branch has in which nothing is left: an empty one is refused.
pub(super) const FILLER: &str = "ARG edgestage_nothing";

/// What is set where the file calls the tool that makes an ISO of the overlay.
const CALLED: &str = "ENV EDGESTAGE_ISO_TOOL=called";

/// A reduced body.
pub(super) struct Body {
    /// Its lines, indented.
    pub lines: Vec<String>,
    /// The targets and functions that it needs.
    pub references: Vec<String>,
}

impl Body {
    /// Reduces the body of `name`; it is the target that was `asked` for, or not.
    pub(super) fn of(file: &File<'_>, name: &str, asked: bool) -> Result<Self, Unreducible> {
        let Some(body) = file.parsed.targets.get(name) else {
            // The program says that it is not there.
            return Ok(Self {
                lines: vec![format!("    FROM +{name}")],
                references: Vec::new(),
            });
        };
        let is_function = name.starts_with(|c: char| c.is_ascii_uppercase());
        let mut writer = Writer {
            file,
            name,
            is_function,
            is_relevant: file.relevant.contains(name),
            body: Self {
                lines: Vec::new(),
                references: Vec::new(),
            },
            depth: 1,
            destinations: Vec::new(),
            workdir: None,
            known: BTreeSet::new(),
            facts: BTreeSet::new(),
        };
        each_line(&file.parsed.base, &mut |line| writer.declare(line));
        // What is left out of those that call it is not known here.
        writer.note_if(is_function, Fact::Omitted);
        writer.statements(body)?;
        // What a target without any `SAVE` is for, it does by a `RUN`.
        writer.note_if(asked && !writer.is(Fact::Saves), Fact::Exports);
        let exports = writer.is(Fact::Exports);
        if !writer.is_function || exports {
            writer.save(exports);
        }
        if writer.body.lines.is_empty() {
            writer.push(FILLER);
        }
        Ok(writer.body)
    }
}

/// What is known of a body, as far as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fact {
    /// There is something to list.
    Carries,
    /// Records of other targets are copied.
    Receives,
    /// Something was copied, which another base takes away again.
    Copied,
    /// Something was left out. Until then programs find what they find in the whole target.
    Omitted,
    /// There is a `SAVE` anywhere.
    Saves,
    /// A `SAVE` outside of blocks exports what is saved.
    Exports,
    /// There is a call of the tool that makes an ISO, in whatever branch.
    CallsTool,
    /// The target is made of one that carries a definition.
    Inherits,
    /// The base is an image that a rehearsal does not use.
    OtherBase,
    /// Something is set that another base takes away again.
    Sets,
}

struct Writer<'f, 'e> {
    file: &'f File<'e>,
    name: &'f str,
    is_function: bool,
    is_relevant: bool,
    body: Body,
    /// How deep the next line is indented.
    depth: usize,
    /// Where definitions were copied to, so far.
    destinations: Vec<Destination>,
    /// The directory of relative paths, where it is known.
    workdir: Option<String>,
    /// The variables that are declared so far.
    known: BTreeSet<String>,
    facts: BTreeSet<Fact>,
}

impl Writer<'_, '_> {
    fn is(&self, fact: Fact) -> bool {
        self.facts.contains(&fact)
    }

    fn note_if(&mut self, holds: bool, fact: Fact) {
        if holds {
            self.facts.insert(fact);
        }
    }

    fn push(&mut self, line: &str) {
        let indented = format!("{}{line}", "    ".repeat(self.depth));
        self.body.lines.push(indented);
    }

    /// A line as it is.
    fn keep(&mut self, line: &Line) {
        self.push(line.text.trim());
    }

    fn statements(&mut self, body: &[Statement]) -> Result<(), Unreducible> {
        for statement in body {
            match statement {
                Statement::Command(line) => self.command(line)?,
                Statement::If(branches) => self.branches(branches)?,
                Statement::Once(block) if block.header.arguments() == ["WAIT"] => {
                    self.wait(block)?;
                }
                Statement::Once(block) => self.leave_out(block, Obstacle::Command)?,
                Statement::Maybe(block) => self.leave_out(block, Obstacle::Loop)?,
            }
        }
        Ok(())
    }

    fn command(&mut self, line: &Line) -> Result<(), Unreducible> {
        let words = line.arguments();
        self.declare(line);
        match words[..] {
            ["ARG" | "LET" | "SET" | "ENV", ref rest @ ..] => {
                self.note_if(words[0] == "ENV", Fact::Sets);
                if !self.is(Fact::Omitted) || !runs_program(&line.text) {
                    self.keep(line);
                } else if assigned(rest).is_some_and(|name| self.file.is_used(name)) {
                    return Err(at(line, Obstacle::ShellOut));
                } else {
                    self.check_left_out(line)?;
                }
            }
            ["WORKDIR", ref rest @ ..] => {
                self.refuse_program(line)?;
                let to = rest.first().filter(|_| self.depth == 1);
                self.workdir = to.and_then(|to| changes::entered(self.workdir.as_deref(), to));
                self.note_if(true, Fact::Sets);
                self.keep(line);
            }
            ["COMMAND" | "FUNCTION", ..] => self.keep(line),
            ["FROM", ref rest @ ..] => self.base(line, rest)?,
            ["COPY", ..] => self.copy(line)?,
            ["BUILD", ref rest @ ..] => {
                let named = grouped(rest);
                let named = named.iter().find_map(|word| local(reference(word)?));
                if let Some(name) = named.filter(|name| self.file.relevant.contains(*name)) {
                    self.refuse_program(line)?;
                    self.keep(line);
                    self.body.references.push(name.to_owned());
                }
            }
            ["DO", ref rest @ ..] => self.function(line, rest)?,
            ["SAVE", ref rest @ ..] => self.saved(line, rest)?,
            ["LOCALLY", ..] if self.is_relevant => return Err(at(line, Obstacle::Command)),
            _ => {
                self.note_if(
                    matches!(words[..], ["RUN" | "GIT" | "CACHE" | "USER", ..]),
                    Fact::Omitted,
                );
                self.check_left_out(line)?;
                self.note_call(line)?;
            }
        }
        Ok(())
    }

    /// Notes which variables a line declares.
    fn declare(&mut self, line: &Line) {
        if let ["ARG" | "LET" | "SET" | "ENV", ref rest @ ..] = line.arguments()[..] {
            self.known.extend(assigned(rest).map(str::to_owned));
        }
    }

    /// CanvOS calls the tool for the architectures that it knows, and then wants its result. The
    /// image gets what is in the overlay at that time.
    fn note_call(&mut self, line: &Line) -> Result<(), Unreducible> {
        if !self.is_relevant || !changes::makes_image(line) {
            return Ok(());
        }
        if !self.is_function && !self.is(Fact::Carries) {
            return Err(at(line, Obstacle::OtherOverlay));
        }
        self.push(CALLED);
        self.note_if(true, Fact::CallsTool);
        if let Some(word) = changes::overlay_of(line) {
            let kind = Kind::Image;
            self.note(Destination { kind, word });
        }
        Ok(())
    }

    /// The calls in a block that is left out: they may have taken place.
    fn note_calls(&mut self, body: &[Statement]) -> Result<(), Unreducible> {
        let mut calls = Vec::new();
        each_line(body, &mut |line| calls.push(line.clone()));
        calls.iter().try_for_each(|line| self.note_call(line))
    }

    fn refuse_program(&self, line: &Line) -> Result<(), Unreducible> {
        if self.is(Fact::Omitted) && runs_program(&line.text) {
            return Err(at(line, Obstacle::ShellOut));
        }
        Ok(())
    }

    /// `FROM`: another base image is not needed for copying.
    fn base(&mut self, line: &Line, words: &[&str]) -> Result<(), Unreducible> {
        let base = match words {
            ["DOCKERFILE", ..] => None,
            words => named(words),
        };
        self.note_if(true, Fact::Omitted);
        self.workdir = None;
        match base.map(local) {
            None | Some(Some("base")) => {
                let before = [Fact::Copied, Fact::Carries, Fact::Inherits, Fact::Sets];
                if before.iter().any(|fact| self.is(*fact)) {
                    self.push("FROM +base");
                }
                for fact in before.into_iter().chain([Fact::Receives]) {
                    self.facts.remove(&fact);
                }
                self.destinations.clear();
                self.note_if(base.is_none(), Fact::OtherBase);
            }
            Some(None) => return Err(at(line, Obstacle::OtherEarthfile)),
            Some(Some(name)) => {
                if runs_program(&line.text) {
                    return Err(at(line, Obstacle::ShellOut));
                }
                self.keep(line);
                self.body.references.push(name.to_owned());
                let is_relevant = self.file.relevant.contains(name);
                self.note_if(is_relevant, Fact::Carries);
                self.note_if(is_relevant, Fact::Receives);
                self.note_if(is_relevant, Fact::Inherits);
                // Its own base may be another image, which is not followed here.
                self.note_if(true, Fact::OtherBase);
            }
        }
        Ok(())
    }

    /// Notes a place. Where it cannot be told later which one it was, at once.
    fn note(&mut self, destination: Destination) {
        self.note_if(true, Fact::Carries);
        if self.is_function || !destination.is_absolute() {
            self.push(&listing::note(&destination));
        } else {
            self.destinations.push(destination);
        }
    }

    /// What has been copied so far.
    fn state(&self) -> State<'_> {
        State {
            targets: &self.file.paths,
            // What has been copied where a function is called is not known here.
            is_copied: self.is_function || self.is(Fact::Carries) || self.is(Fact::Copied),
            directory: self.workdir.as_deref(),
        }
    }

    fn function(&mut self, line: &Line, words: &[&str]) -> Result<(), Unreducible> {
        let named = words.iter().find_map(|word| reference(word));
        let Some(name) = named.and_then(local) else {
            // A function is kept for targets that are.
            return if self.is_relevant || self.is_function {
                Err(at(line, Obstacle::OtherEarthfile))
            } else {
                Ok(())
            };
        };
        if self.file.has_effect(name) {
            self.refuse_program(line)?;
            self.keep(line);
            self.body.references.push(name.to_owned());
            self.workdir = None;
            self.note_if(true, Fact::Sets);
            if self.file.relevant.contains(name) {
                self.note_if(true, Fact::Carries);
                self.note_if(true, Fact::Receives);
                self.note_if(true, Fact::Copied);
            }
            // Its lines are reduced as well.
            self.note_if(true, Fact::Omitted);
        } else if let Some(body) = self.file.parsed.targets.get(name) {
            self.note_if(true, Fact::Omitted);
            self.check_all(body)?;
            self.note_calls(body)?;
        }
        self.note_saves_of(name);
        Ok(())
    }

    /// What a function saves and calls, it does for those that call it.
    fn note_saves_of(&mut self, name: &str) {
        let (mut saves, mut exports, mut calls) = (false, false, false);
        if let Some(body) = self.file.parsed.targets.get(name) {
            each_line(body, &mut |line| {
                calls |= changes::makes_image(line);
                if let ["SAVE", ref words @ ..] = line.arguments()[..] {
                    saves = true;
                    exports |= words.contains(&"LOCAL") || words.first() == Some(&"IMAGE");
                }
            });
        }
        self.note_if(saves, Fact::Saves);
        self.note_if(exports, Fact::Exports);
        self.note_if(calls, Fact::CallsTool);
    }

    /// A copy, or a condition on which one depends, has variables that are declared. Others may
    /// be set by an image that a rehearsal does not use, and so may its shell.
    fn check_known(&self, line: &Line) -> Result<(), Unreducible> {
        let is_declared = |name: String| self.known.contains(&name);
        let is_strange = !variables(&line.text).all(is_declared) || uses_bash(line);
        if self.is(Fact::OtherBase) && is_strange && !self.is_function {
            return Err(at(line, Obstacle::Condition));
        }
        Ok(())
    }

    /// `SAVE`: the records, where the file saves what it has made; outside of blocks in the
    /// end.
    fn saved(&mut self, line: &Line, words: &[&str]) -> Result<(), Unreducible> {
        self.note_if(true, Fact::Saves);
        let local = words.windows(2).any(|two| two == ["AS", "LOCAL"]);
        let local = local || words.first() == Some(&"IMAGE");
        if self.file.saves_definition(words, self.workdir.as_deref()) {
            let end = words.iter().position(|word| *word == "AS");
            let words = &words[..end.unwrap_or(words.len())];
            self.push(&format!("SAVE {}", words.join(" ")));
        }
        if self.depth == 1 {
            self.note_if(local, Fact::Exports);
        } else if local {
            self.save(true);
            match &self.workdir {
                _ if !self.is(Fact::Receives) => {}
                Some(workdir) => self.push(&format!("WORKDIR {workdir}")),
                None => return Err(at(line, Obstacle::Command)),
            }
        }
        Ok(())
    }

    fn save(&mut self, local: bool) {
        // If a tool makes an image of this target's files, what is copied elsewhere is not in it.
        let is_around_tool = self.file.around_tool.contains(self.name);
        let is_image = !is_around_tool || self.is(Fact::CallsTool) || self.is(Fact::Inherits);
        let own = self.is(Fact::Carries) && !self.is_function && is_image;
        if own {
            let places: Vec<&Destination> = self.destinations.iter().collect();
            let tool = self.is(Fact::CallsTool);
            for line in listing::list(self.name, &places, tool, self.file.is_marked) {
                self.push(&line);
            }
        }
        for line in listing::save(own, self.is(Fact::Receives), local) {
            self.push(&line);
        }
    }

    fn branches(&mut self, branches: &[Branch]) -> Result<(), Unreducible> {
        let decided = |branch: &&Branch| {
            branch
                .condition
                .as_ref()
                .is_none_or(|it| tests_variables(it))
        };
        if branches.iter().any(|branch| self.carries(&branch.body)) {
            for branch in branches {
                self.check_known(&branch.line)?;
            }
        }
        let undecided = branches.iter().find(|branch| !decided(branch));
        if let Some(undecided) = undecided.filter(|_| self.is(Fact::Omitted)) {
            self.note_if(true, Fact::Omitted);
            for branch in branches {
                self.check_left_out(&branch.line)?;
                self.check_block(&branch.body, &undecided.line, Obstacle::Condition)?;
                self.note_calls(&branch.body)?;
            }
            return Ok(());
        }
        let start = self.body.lines.len();
        let mut kept = false;
        for branch in branches {
            self.keep(&branch.line);
            let before = self.body.lines.len();
            self.depth += 1;
            self.statements(&branch.body)?;
            if self.body.lines.len() == before {
                self.push(FILLER);
            } else {
                kept = true;
            }
            self.depth -= 1;
        }
        if kept {
            self.push("END");
        } else {
            self.body.lines.truncate(start);
        }
        Ok(())
    }

    /// Whether a block copies a definition.
    fn carries(&self, body: &[Statement]) -> bool {
        let mut carries = false;
        each_line(body, &mut |line| carries |= self.file.carries(line));
        carries
    }

    fn wait(&mut self, block: &Block) -> Result<(), Unreducible> {
        self.push("WAIT");
        let before = self.body.lines.len();
        self.depth += 1;
        self.statements(&block.body)?;
        self.depth -= 1;
        if self.body.lines.len() == before {
            self.body.lines.pop();
        } else {
            self.push("END");
        }
        Ok(())
    }
}

/// Whether a condition has an operator that not every shell knows.
fn uses_bash(line: &Line) -> bool {
    line.arguments()
        .iter()
        .any(|word| matches!(*word, "==" | "[[" | "=~"))
}

fn at(line: &Line, why: Obstacle) -> Unreducible {
    Unreducible::Line {
        line: line.number(),
        why,
    }
}

/// The variable that an `ARG`, `LET`, `SET` or `ENV` sets.
fn assigned<'w>(words: &[&'w str]) -> Option<&'w str> {
    let flags = words.iter().take_while(|word| word.starts_with("--"));
    let words = &words[flags.count()..];
    let name = assignment(words).map(|(name, _)| name);
    name.or_else(|| words.first().copied())
}

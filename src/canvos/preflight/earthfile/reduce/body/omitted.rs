//! Checks the lines that a reduced body leaves out.
//!
//! Input: a block or line that is left out. Output: the line that prevents the reduction, if one
//! affects what is copied.

use std::collections::BTreeSet;

use super::super::super::lines::Line;
use super::super::super::parse::{Block, Statement};
use super::super::super::walk::local;
use super::super::{Obstacle, Unreducible, changes, each_line, references_of};
use super::{Fact, Writer, assigned, at};

impl Writer<'_, '_> {
    /// A block that is left out.
    pub(super) fn leave_out(&mut self, block: &Block, why: Obstacle) -> Result<(), Unreducible> {
        self.note_if(true, Fact::Omitted);
        let hands_over = references_of(&block.header);
        let mut names = hands_over.iter().filter_map(|name| local(name));
        if self.is_relevant && names.any(|name| self.file.relevant.contains(name)) {
            return Err(at(&block.header, why));
        }
        self.check_left_out(&block.header)?;
        self.check_block(&block.body, &block.header, why)?;
        self.note_calls(&block.body)
    }

    /// Nothing in a block that is left out has a part in what is copied.
    pub(super) fn check_block(
        &self,
        body: &[Statement],
        header: &Line,
        why: Obstacle,
    ) -> Result<(), Unreducible> {
        let mut matters = false;
        each_line(body, &mut |line| {
            let words = line.arguments();
            matters |= match words[..] {
                ["ARG" | "LET" | "SET" | "ENV", ref rest @ ..] => {
                    assigned(rest).is_some_and(|name| self.file.is_used(name))
                }
                ["WORKDIR" | "LOCALLY", ..] => self.is_relevant,
                ["SAVE", ref rest @ ..] => rest.contains(&"LOCAL") && self.is_relevant,
                _ => {
                    let names: BTreeSet<String> = references_of(line).into_iter().collect();
                    let mut names = names.iter().filter_map(|name| local(name));
                    self.file.carries(line) || names.any(|name| self.file.relevant.contains(name))
                }
            };
        });
        if matters {
            return Err(at(header, why));
        }
        self.check_all(body)
    }

    pub(super) fn check_all(&self, body: &[Statement]) -> Result<(), Unreducible> {
        let mut checked = Ok(());
        each_line(body, &mut |line| {
            if checked.is_ok() {
                checked = self.check_left_out(line);
            }
        });
        checked
    }

    /// A line that is left out does not change what was copied.
    pub(super) fn check_left_out(&self, line: &Line) -> Result<(), Unreducible> {
        let state = self.state();
        let words = line.arguments();
        let text = |words: &[&str]| words.join(" ");
        let why = match words[..] {
            _ if !self.is_relevant => None,
            ["RUN", ..] => changes::of_run(line, state),
            ["IF", ref condition @ ..] | ["ELSE", "IF", ref condition @ ..] => {
                let flags = condition.iter().take_while(|word| word.starts_with("--"));
                changes::of_commands(&text(&condition[flags.count()..]), state)
            }
            [
                "FOR" | "ARG" | "LET" | "SET" | "ENV" | "DO" | "BUILD" | "WITH" | "SAVE",
                ..,
            ] => changes::of_substitutions(&text(&words[1..]), state),
            ["GIT" | "CACHE" | "COPY", .., target] => {
                changes::covers(target, state).then_some(Obstacle::Changes)
            }
            _ => None,
        };
        why.map_or(Ok(()), |why| Err(at(line, why)))
    }
}

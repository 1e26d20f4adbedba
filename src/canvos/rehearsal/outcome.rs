//! Determines the outcome of a rehearsal from how the program ended and what it left.
//!
//! Input: the end of the program, the copy of the checkout, and the reduced Earthfile. Output: an
//! [`Outcome`]. If the command is unknown, every build of a target must have left its record;
//! otherwise what the image will contain is not known, whatever the other records say.

use super::failure::{self, Failure};
use super::mark::Marks;
use super::program::{Ended, Output};
use super::{
    CheckoutCopy, CopiedEntry, Inconclusive, Outcome, Record, RehearsalError, Request, record,
    unseen,
};
use crate::canvos::preflight::{Reduced, Unreducible};

/// What a program left.
struct Left<'a> {
    said: &'a str,
    output: &'a Output,
    records: Vec<Record>,
    /// The builds of an unknown command.
    marks: Option<Marks>,
}

impl Request<'_> {
    /// The outcome if the Earthfile, or a target that was built, is not reduced.
    pub(super) fn outcome_without(&self, why: &Unreducible) -> Outcome {
        Outcome::Inconclusive(match *why {
            Unreducible::NoCopy => return Outcome::NotCarried,
            Unreducible::NoTarget => Inconclusive::Command(self.program()),
            Unreducible::Line { line, why } => Inconclusive::Line {
                line,
                text: self.preflight.text_of_line(line),
                why,
            },
        })
    }

    /// The outcome of a program that has `ended`. `is_elsewhere` is whether the built images of
    /// the checkout have changed.
    pub(super) fn outcome(
        &self,
        ended: Ended,
        copy: &CheckoutCopy,
        reduced: &Reduced,
        is_elsewhere: bool,
    ) -> Result<Outcome, RehearsalError> {
        let Ended {
            status,
            timed_out,
            output,
        } = ended;
        if timed_out {
            return Err(RehearsalError::TimedOut {
                program: self.program(),
                after: self.timeout,
                output: output.last_lines(),
            });
        }
        let said = &output.text();
        let mut left = Left {
            said,
            output: &output,
            records: record::read(copy.path(), &reduced.kept)?,
            marks: None,
        };
        if reduced.is_marked {
            let marks = Marks::read(copy.path(), said)?;
            left.records
                .extend(record::read_elsewhere(copy.path(), &reduced.kept));
            left.records.retain(|record| marks.is_of(record));
            if let Some(outcome) = self.of_unknown_command(&marks, reduced, said, is_elsewhere) {
                return Ok(outcome);
            }
            left.marks = Some(marks);
        }
        if status.success() {
            Ok(self.of_success(left, copy))
        } else {
            self.of_failure(&left, reduced)
        }
    }

    /// The outcome if an unknown command built something that no record can describe.
    fn of_unknown_command(
        &self,
        marks: &Marks,
        reduced: &Reduced,
        said: &str,
        is_elsewhere: bool,
    ) -> Option<Outcome> {
        let mut built = marks.targets();
        if let Some(why) = built.find_map(|name| reduced.unreducible.get(name)) {
            return Some(self.outcome_without(why));
        }
        if failure::is_strict(said) {
            return Some(Outcome::Inconclusive(Inconclusive::Strict(self.program())));
        }
        if is_elsewhere {
            let why = Inconclusive::Checkout(self.program());
            return Some(Outcome::Inconclusive(why));
        }
        let other = unseen::other_target(said)?;
        Some(Outcome::Inconclusive(Inconclusive::OtherEarthfile(other)))
    }

    fn of_failure(&self, left: &Left<'_>, reduced: &Reduced) -> Result<Outcome, RehearsalError> {
        let program = self.program();
        let is_known = self.preflight.knows_program();
        // The real target may well have it.
        if !is_known && failure::lacks_artifact(left.said) {
            return Ok(Outcome::Inconclusive(Inconclusive::Artifact(program)));
        }
        let output = left.output.last_lines();
        match failure::of(left.said, reduced.added) {
            Failure::Unknown if !is_known => {
                Ok(Outcome::Inconclusive(Inconclusive::Command(program)))
            }
            Failure::Unavailable | Failure::Ours => {
                Err(RehearsalError::Unavailable { program, output })
            }
            // A command that is not known may fail in a copy for reasons of its own.
            Failure::Copying if !is_known && !failure::names_failed_target(left.said) => {
                Ok(Outcome::Inconclusive(Inconclusive::Command(program)))
            }
            Failure::Unknown | Failure::Copying => Ok(Outcome::Failed { output }),
        }
    }

    fn of_success(&self, left: Left<'_>, copy: &CheckoutCopy) -> Outcome {
        let Left {
            said,
            output,
            records,
            marks,
        } = left;
        let is_known = self.preflight.knows_program();
        // `earthly.sh` of some releases ends well after a failed build (T41).
        let has_failed =
            failure::names_failed_target(said) || records.is_empty() && failure::says_failed(said);
        if is_known && has_failed {
            return Outcome::Failed {
                output: output.last_lines(),
            };
        }
        if let Some(target) = marks.and_then(|marks| marks.without_record(&records)) {
            return Outcome::Inconclusive(Inconclusive::Unrecorded(target));
        }
        if records.is_empty() {
            return if is_known {
                Outcome::NoImage
            } else {
                Outcome::Inconclusive(Inconclusive::Command(self.program()))
            };
        }
        copied(records, copy)
    }
}

/// The outcome of records of all that was built.
fn copied(records: Vec<Record>, copy: &CheckoutCopy) -> Outcome {
    if let Some(record) = records.iter().find(|record| record.lacks_tool) {
        return Outcome::Inconclusive(Inconclusive::NoTool(record.target.clone()));
    }
    let has_good_links = copy.has_good_links();
    let records: Vec<Record> = (records.into_iter())
        .map(|record| {
            if record.is_through_link && !has_good_links {
                record.behind_link()
            } else {
                record
            }
        })
        .collect();
    let empty =
        |record: &Record| matches!(record.copied_entry(), Ok(CopiedEntry::File { size: 0, .. }));
    if let Some(path) = copy.unreadable().filter(|_| records.iter().any(empty)) {
        return Outcome::Inconclusive(Inconclusive::Unreadable(path));
    }
    Outcome::Copied(records)
}

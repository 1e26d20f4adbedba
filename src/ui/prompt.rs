//! Questions to a person at a terminal.
//!
//! Questions and answers stand on standard error, so that a result on standard output can
//! be redirected. The API key is never asked for: what is typed stays on the screen.

use std::io;

use inquire::list_option::ListOption;
use inquire::ui::RenderConfig;
use inquire::validator::Validation;
use inquire::{InquireError, MultiSelect, Select};

use crate::error::Error;
use crate::ui::Look;
use crate::util::interrupt::Deferred;

mod line;
mod screen;

pub(crate) use line::bare;
use line::{Line, Step};
use screen::{Frame, Keys, Screen, abandon};

/// Asks one person.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prompt {
    look: RenderConfig<'static>,
    is_coloured: bool,
    lines: usize,
}

impl Prompt {
    /// With colours, or without.
    #[must_use]
    pub(crate) fn new(look: Look) -> Self {
        Self {
            look: match look {
                Look::Coloured => RenderConfig::default_colored(),
                Look::Plain => RenderConfig::empty(),
            },
            is_coloured: look == Look::Coloured,
            lines: 12,
        }
    }

    /// A line of text, without what surrounds it where it was copied from. `check` says what
    /// is wrong with it. An empty answer is `default`.
    ///
    /// # Errors
    /// [`Error::Stopped`] and [`Error::Unasked`].
    pub(crate) fn text(
        &self,
        question: &str,
        (default, help): (&str, &str),
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Result<String, Error> {
        let offered = match default {
            "" => String::new(),
            default => format!("({default}) "),
        };
        let asked = format!("{} {question} {offered}", self.mark("?"));
        undisturbed(|| {
            let mut screen = Screen::new();
            let mut line = Line::default();
            let mut error: Option<String> = None;
            loop {
                screen.draw(&Frame {
                    error: error.as_deref(),
                    question: &asked,
                    text: &line.text(),
                    before: &line.before(),
                    help,
                })?;
                match line.press(&screen.key()?) {
                    Step::GoOn => {}
                    Step::Stop => {
                        screen.leave(&format!("{} {question}", self.mark(">")))?;
                        return Err(InquireError::OperationCanceled);
                    }
                    Step::Interrupt => return Err(InquireError::OperationInterrupted),
                    Step::Done => {
                        let text = line.text();
                        let answer = match bare(&text) {
                            "" => default,
                            text => text,
                        };
                        match check(answer) {
                            Ok(()) => {
                                let told = format!("{} {question} {answer}", self.mark(">"));
                                screen.leave(&told)?;
                                return Ok(answer.to_owned());
                            }
                            Err(why) => error = Some(why),
                        }
                    }
                }
            }
        })
    }

    fn mark(&self, mark: &str) -> String {
        let green = anstyle::AnsiColor::Green.on_default();
        if self.is_coloured {
            format!("{green}{mark}{green:#}")
        } else {
            mark.to_owned()
        }
    }

    /// The place of one of `options`, which can be searched by typing.
    ///
    /// # Errors
    /// [`Error::Stopped`] and [`Error::Unasked`].
    pub(crate) fn one(&self, question: &str, options: Vec<String>) -> Result<usize, Error> {
        let select = Select::new(question, options)
            .with_render_config(self.look)
            .with_page_size(self.lines)
            .with_help_message("↑↓ to move, type to search, enter to choose");
        Ok(undisturbed(|| select.raw_prompt())?.index)
    }

    /// The places of at least one of `options`, which can be searched by typing. `check`
    /// says what is wrong with those that are chosen.
    ///
    /// # Errors
    /// [`Error::Stopped`] and [`Error::Unasked`].
    pub(crate) fn many(
        &self,
        question: &str,
        options: Vec<String>,
        check: impl Fn(&[usize]) -> Result<(), String> + Clone + 'static,
    ) -> Result<Vec<usize>, Error> {
        let validator = move |chosen: &[ListOption<&String>]| {
            let places: Vec<usize> = chosen.iter().map(|option| option.index).collect();
            let wrong = match places[..] {
                [] => Err("choose at least one, with the space bar".into()),
                _ => check(&places),
            };
            Ok(wrong.map_or_else(
                |why| Validation::Invalid(why.into()),
                |()| Validation::Valid,
            ))
        };
        let select = MultiSelect::new(question, options)
            .with_render_config(self.look)
            .with_page_size(self.lines)
            .with_validator(validator)
            .with_formatter(&|chosen| crate::util::sanitize::count(chosen.len(), "profile"))
            .with_help_message("type to search, space to choose, enter when done");
        let chosen = undisturbed(|| select.raw_prompt())?;
        Ok(chosen.into_iter().map(|option| option.index).collect())
    }
}

/// Asks with the keyboard to itself. Ctrl-C ends the run by the signal, once the terminal
/// is as it was and the cursor is in a line of its own; a run that was started to ignore
/// the signal is stopped all the same.
fn undisturbed<T>(ask: impl FnOnce() -> Result<T, InquireError>) -> Result<T, Error> {
    let deferred = Deferred::begin();
    let keys = Keys::take();
    let answer = ask();
    drop(keys);
    let is_interrupted = match &answer {
        Err(InquireError::OperationInterrupted) => true,
        Err(InquireError::IO(error)) => error.kind() == io::ErrorKind::Interrupted,
        _ => false,
    };
    if is_interrupted {
        abandon();
        deferred.interrupt();
    }
    drop(deferred);
    answer.map_err(|error| match error {
        InquireError::OperationCanceled => Error::Stopped,
        _ if is_interrupted => Error::Stopped,
        error => Error::Unasked(error.to_string()),
    })
}

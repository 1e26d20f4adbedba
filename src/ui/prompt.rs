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

pub(crate) use line::unquoted;
use line::{KeyAction, Line};
use screen::{Frame, Keys, Screen, abandon};

/// A question that a line of text answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'q> {
    /// What is asked.
    pub text: &'q str,
    /// The answer if nothing is typed; may be empty, and is not shown then.
    pub default: &'q str,
    /// A hint below the line.
    pub help: &'q str,
}

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
    /// is wrong with it. An empty answer is the default.
    ///
    /// # Errors
    /// [`Error::Stopped`] and [`Error::Unasked`].
    pub(crate) fn text(
        &self,
        question: &Question<'_>,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Result<String, Error> {
        let Question {
            text: asked,
            default,
            help,
        } = *question;
        let offered = match default {
            "" => String::new(),
            default => format!("({default}) "),
        };
        let prompt = format!("{} {asked} {offered}", self.mark("?"));
        with_raw_terminal(|| {
            let mut screen = Screen::new();
            let mut line = Line::default();
            let mut error: Option<String> = None;
            loop {
                screen.draw(&Frame {
                    error: error.as_deref(),
                    question: &prompt,
                    text: &line.text(),
                    before: &line.before(),
                    help,
                })?;
                match line.press(&screen.key()?) {
                    KeyAction::Continue => {}
                    KeyAction::Cancel => {
                        screen.leave(&format!("{} {asked}", self.mark(">")))?;
                        return Err(InquireError::OperationCanceled);
                    }
                    KeyAction::Interrupt => return Err(InquireError::OperationInterrupted),
                    KeyAction::Submit => {
                        let text = line.text();
                        let answer = match unquoted(&text) {
                            "" => default,
                            text => text,
                        };
                        match check(answer) {
                            Ok(()) => {
                                let told = format!("{} {asked} {answer}", self.mark(">"));
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
    pub(crate) fn select(&self, question: &str, options: Vec<String>) -> Result<usize, Error> {
        let select = Select::new(question, options)
            .with_render_config(self.look)
            .with_page_size(self.lines)
            .with_help_message("↑↓ to move, type to search, enter to choose");
        Ok(with_raw_terminal(|| select.raw_prompt())?.index)
    }

    /// The places of at least one of `options`, which can be searched by typing. `check`
    /// says what is wrong with those that are chosen.
    ///
    /// # Errors
    /// [`Error::Stopped`] and [`Error::Unasked`].
    pub(crate) fn multi_select(
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
        let chosen = with_raw_terminal(|| select.raw_prompt())?;
        Ok(chosen.into_iter().map(|option| option.index).collect())
    }
}

/// Asks with the keyboard to itself. Ctrl-C ends the run by the signal, once the terminal
/// is as it was and the cursor is in a line of its own; a run that was started to ignore
/// the signal is stopped all the same.
fn with_raw_terminal<T>(ask: impl FnOnce() -> Result<T, InquireError>) -> Result<T, Error> {
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

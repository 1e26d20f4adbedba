//! Questions to a person at a terminal.
//!
//! Questions and answers are on standard error, so that a result on standard output can be
//! redirected. The API key is never asked for, since typed text stays on the screen.

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

/// A question that is answered with a line of text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'q> {
    /// The text of the question.
    pub text: &'q str,
    /// The answer if nothing is typed; an empty default is not shown.
    pub default: &'q str,
    /// A hint below the line.
    pub help: &'q str,
}

/// Asks questions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prompt {
    look: RenderConfig<'static>,
    is_coloured: bool,
    lines: usize,
}

impl Prompt {
    /// Creates a prompt with or without colors.
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

    /// Asks for a line of text, and removes what surrounds it if it was copied. `check` returns
    /// what is wrong with it. An empty answer means the default.
    ///
    /// # Errors
    /// Returns [`Error::Stopped`] if the question is cancelled, or [`Error::Unasked`] if it
    /// cannot be asked.
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

    /// Asks for one of `options`, which can be searched by typing, and returns its index.
    ///
    /// # Errors
    /// Returns [`Error::Stopped`] if the question is cancelled, or [`Error::Unasked`] if it
    /// cannot be asked.
    pub(crate) fn select(&self, question: &str, options: Vec<String>) -> Result<usize, Error> {
        let select = Select::new(question, options)
            .with_render_config(self.look)
            .with_page_size(self.lines)
            .with_help_message("↑↓ to move, type to search, enter to choose");
        Ok(with_raw_terminal(|| select.raw_prompt())?.index)
    }

    /// Asks for at least one of `options`, which can be searched by typing, and returns their
    /// indexes. `check` returns what is wrong with the selection.
    ///
    /// # Errors
    /// Returns [`Error::Stopped`] if the question is cancelled, or [`Error::Unasked`] if it
    /// cannot be asked.
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

/// Asks a question with the terminal in raw mode. Ctrl-C ends the run by the signal after the
/// terminal is restored and the cursor is on a line of its own. A run that was started to
/// ignore the signal is stopped, too.
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

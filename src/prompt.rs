//! Questions to a person at a terminal.
//!
//! Questions and answers stand on standard error, so that a result on standard output can
//! be redirected. The API key is never asked for: what is typed stays on the screen.

use std::io;

use inquire::list_option::ListOption;
use inquire::ui::RenderConfig;
use inquire::validator::Validation;
use inquire::{InquireError, MultiSelect, Select, Text};

use crate::error::Error;
use crate::report::Look;

/// Why there is no answer, as the run's error.
fn no_answer(error: InquireError) -> Error {
    match error {
        InquireError::OperationCanceled | InquireError::OperationInterrupted => Error::Stopped,
        // Ctrl-C at the keyboard of a run that was started to ignore it as a signal.
        InquireError::IO(error) if error.kind() == io::ErrorKind::Interrupted => Error::Stopped,
        error => Error::Unasked(error.to_string()),
    }
}

/// Asks one person.
#[derive(Debug, Clone, Copy)]
pub struct Prompt {
    look: RenderConfig<'static>,
    lines: usize,
}

impl Prompt {
    /// With colours, or without.
    #[must_use]
    pub fn new(look: Look) -> Self {
        Self {
            look: match look {
                Look::Coloured => RenderConfig::default_colored(),
                Look::Plain => RenderConfig::empty(),
            },
            lines: 12,
        }
    }

    /// A line of text. `check` says what is wrong with it.
    ///
    /// # Errors
    /// [`Error::Stopped`] and [`Error::Unasked`].
    pub fn text(
        &self,
        question: &str,
        (default, help): (&str, &str),
        check: impl Fn(&str) -> Result<(), String> + Clone + 'static,
    ) -> Result<String, Error> {
        let validator = move |text: &str| {
            Ok(match check(text) {
                Ok(()) => Validation::Valid,
                Err(why) => Validation::Invalid(why.into()),
            })
        };
        let mut prompt = Text::new(question)
            .with_render_config(self.look)
            .with_validator(validator);
        if !default.is_empty() {
            prompt = prompt.with_default(default);
        }
        if !help.is_empty() {
            prompt = prompt.with_help_message(help);
        }
        Ok(prompt.prompt().map_err(no_answer)?.trim().to_owned())
    }

    /// The place of one of `options`, which can be searched by typing.
    ///
    /// # Errors
    /// [`Error::Stopped`] and [`Error::Unasked`].
    pub fn one(&self, question: &str, options: Vec<String>) -> Result<usize, Error> {
        let select = Select::new(question, options)
            .with_render_config(self.look)
            .with_page_size(self.lines)
            .with_help_message("↑↓ to move, type to search, enter to choose");
        Ok(select.raw_prompt().map_err(no_answer)?.index)
    }

    /// The places of at least one of `options`, which can be searched by typing. `check`
    /// says what is wrong with those that are chosen.
    ///
    /// # Errors
    /// [`Error::Stopped`] and [`Error::Unasked`].
    pub fn many(
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
            .with_formatter(&|chosen| crate::printable::count(chosen.len(), "profile"))
            .with_help_message("type to search, space to choose, enter when done");
        let chosen = select.raw_prompt().map_err(no_answer)?;
        Ok(chosen.into_iter().map(|option| option.index).collect())
    }
}

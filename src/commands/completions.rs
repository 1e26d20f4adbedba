//! `edgestage completions`: prints the completion script of a shell.

use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::CompletionsArgs;
use crate::cli::completion;
use crate::ui::{CommandOutput, fields};

/// The document of `completions`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Completions")]
pub(super) struct Document {
    /// The requested shell.
    shell: &'static str,
    /// Completion script for that shell.
    script: String,
}

pub(super) fn run(arguments: &CompletionsArgs) -> CommandOutput {
    let script = completion::registration(arguments.shell);
    CommandOutput {
        json: fields(&Document {
            shell: arguments.shell.name(),
            script: script.clone(),
        }),
        text: script,
        error: None,
    }
}

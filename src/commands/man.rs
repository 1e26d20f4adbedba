//! `edgestage man`: prints the manual, or writes it to files.

use schemars::JsonSchema;
use serde::Serialize;

use super::output::{self, Guard};
use crate::cli::ManArgs;
use crate::cli::manual;
use crate::error::Error;
use crate::ui::table;
use crate::ui::{CommandOutput, fields};
use crate::util::atomic_file;
use crate::util::path_error::PathError;
use crate::workflow::context::{Context, shown};

/// The document of `man`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Man")]
pub(super) struct Document {
    /// Page of edgestage itself, in roff; null with `--output`.
    page: Option<String>,
    /// Paths of the pages that were written.
    written: Vec<String>,
}

/// Prints the page of edgestage itself, or writes all pages.
pub(super) fn run(arguments: &ManArgs, context: &Context<'_>) -> Result<CommandOutput, Error> {
    let Some(directory) = &arguments.output else {
        let page = manual::overview().text;
        return Ok(CommandOutput {
            json: fields(&Document {
                page: Some(page.clone()),
                written: Vec::new(),
            }),
            text: page,
            error: None,
        });
    };
    let directory = context.environment.resolve(directory);
    output::check_directory(&directory)?;
    let guard = Guard::new(context, None);
    atomic_file::make_directories(&directory).map_err(PathError::when("make", &directory))?;
    let mut written = Vec::new();
    for page in manual::pages() {
        let path = directory.join(&page.file);
        guard.check(&path)?;
        atomic_file::write(&path, page.text.as_bytes())?;
        written.push(shown(&path));
    }
    Ok(CommandOutput {
        text: table::lines(&written),
        json: fields(&Document {
            page: None,
            written,
        }),
        error: None,
    })
}

//! `edgestage man`: the manual, on standard output or as files.

use schemars::JsonSchema;
use serde::Serialize;

use super::output::{self, Guard};
use super::{Context, shown, table};
use crate::cli::ManArgs;
use crate::disk::PathError;
use crate::error::Error;
use crate::manual;
use crate::publish;
use crate::report::{Outcome, fields};

/// The document of `man`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Man")]
pub struct Document {
    /// The page of edgestage itself, in roff; null with `--output`.
    page: Option<String>,
    /// The paths of the pages that were written.
    written: Vec<String>,
}

/// Prints the page of edgestage itself, or writes all of them.
pub fn run(arguments: &ManArgs, context: &Context<'_>) -> Result<Outcome, Error> {
    let Some(directory) = &arguments.output else {
        let page = manual::overview().text;
        return Ok(Outcome {
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
    publish::make_directories(&directory).map_err(PathError::when("make", &directory))?;
    let mut written = Vec::new();
    for page in manual::pages() {
        let path = directory.join(&page.file);
        guard.check(&path)?;
        publish::write(&path, page.text.as_bytes())?;
        written.push(shown(&path));
    }
    Ok(Outcome {
        text: table::lines(&written),
        json: fields(&Document {
            page: None,
            written,
        }),
        error: None,
    })
}

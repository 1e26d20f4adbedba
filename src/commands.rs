//! The commands, one file each, and the dispatch. Only the commands know the order of the
//! stages.

use crate::cli::{CacheCommand, Command, HostCommand};
use crate::error::Error;
use crate::ui::CommandOutput;
use crate::workflow::context::Context;

mod attest;
mod build;
mod bundle_report;
mod cache;
mod check;
mod completions;
mod diff;
mod edit;
mod explain;
mod fetch;
mod host;
mod init;
mod layer;
mod list;
mod locked_bytes;
mod man;
mod messages;
mod outdated;
mod output;
mod pull;
mod push;
mod registry_check;
mod image_report;
mod rehearsal_report;
mod rehearse;
mod schema;
mod show;
mod sign;
mod stage;
mod states;
mod targets;
mod unstage;
mod upgrade;
mod verify;

/// Returns the command's name, for the JSON document.
#[must_use]
pub(crate) fn name(command: &Command) -> &'static str {
    match command {
        Command::Init(_) => "init",
        Command::Add(_) => "add",
        Command::Remove(_) => "remove",
        Command::Rename(_) => "rename",
        Command::Check(_) => "check",
        Command::Fetch(_) => "fetch",
        Command::Stage(_) => "stage",
        Command::Rehearse(_) => "rehearse",
        Command::Build(_) => "build",
        Command::Unstage(_) => "unstage",
        Command::Diff(_) => "diff",
        Command::Update(_) => "update",
        Command::Outdated(_) => "outdated",
        Command::Upgrade(_) => "upgrade",
        Command::Push(_) => "push",
        Command::Pull(_) => "pull",
        Command::Host(HostCommand::Check(_)) => "host check",
        Command::Host(HostCommand::Upload(_)) => "host upload",
        Command::Verify(_) => "verify",
        Command::Show(_) => "show",
        Command::Sign(_) => "sign",
        Command::Attest(_) => "attest",
        Command::Explain(_) => "explain",
        Command::List(_) => "list",
        Command::Schema(_) => "schema",
        Command::Cache(CacheCommand::List) => "cache list",
        Command::Cache(CacheCommand::Clean(_)) => "cache clean",
        Command::Completions(_) => "completions",
        Command::Man(_) => "man",
    }
}

/// Returns the command and its definitions, which runs that wait for this one show.
#[must_use]
pub(crate) fn who(command: &Command) -> String {
    let names: Vec<&str> = match command {
        Command::Fetch(arguments) => list_of(&arguments.fleet.definitions.names),
        Command::Update(arguments) => list_of(&arguments.fleet.definitions.names),
        Command::Push(fleet) | Command::Pull(fleet) => list_of(&fleet.definitions.names),
        Command::Stage(arguments) => list_of(&arguments.names),
        Command::Build(arguments) => list_of(&arguments.names),
        Command::Unstage(arguments) => arguments.name.as_deref().into_iter().collect(),
        _ => Vec::new(),
    };
    let words = ["edgestage", name(command)].into_iter().chain(names);
    words.collect::<Vec<_>>().join(" ")
}

fn list_of(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

/// Runs `command`.
///
/// # Errors
/// Returns an [`Error`] and leaves nothing half-done behind.
pub(crate) fn run(command: &Command, context: &Context<'_>) -> Result<CommandOutput, Error> {
    match command {
        Command::Init(arguments) => init::run(arguments, context),
        Command::Add(arguments) => edit::add(arguments, context),
        Command::Remove(arguments) => edit::remove(arguments, context),
        Command::Rename(arguments) => edit::rename(arguments, context),
        Command::Check(arguments) => check::run(arguments, context),
        Command::Fetch(arguments) => fetch::run(arguments, context),
        Command::Stage(arguments) => stage::run(arguments, context),
        Command::Rehearse(arguments) => rehearse::run(arguments, context),
        Command::Build(arguments) => build::run(arguments, context),
        Command::Unstage(arguments) => unstage::run(arguments.name.as_deref(), context),
        Command::Diff(arguments) => diff::run(arguments, context),
        Command::Update(arguments) => fetch::update(arguments, context),
        Command::Outdated(arguments) => outdated::run(arguments, context),
        Command::Upgrade(arguments) => upgrade::run(arguments, context),
        Command::Push(arguments) => push::run(arguments, context),
        Command::Pull(arguments) => pull::run(arguments, context),
        Command::Host(HostCommand::Check(arguments)) => host::check::run(arguments, context),
        Command::Host(HostCommand::Upload(arguments)) => host::upload::run(arguments, context),
        Command::Verify(arguments) => verify::run(arguments, context),
        Command::Show(arguments) => show::run(arguments, context),
        Command::Sign(arguments) => sign::run(arguments, context),
        Command::Attest(arguments) => attest::run(arguments, context),
        Command::Explain(arguments) => Ok(explain::run(arguments.id)),
        Command::List(arguments) => list::run(arguments, context),
        Command::Schema(arguments) => Ok(schema::run(arguments.of)),
        Command::Cache(CacheCommand::List) => cache::list(context),
        Command::Cache(CacheCommand::Clean(arguments)) => cache::clean(arguments, context),
        Command::Completions(arguments) => Ok(completions::run(arguments)),
        Command::Man(arguments) => man::run(arguments, context),
    }
}

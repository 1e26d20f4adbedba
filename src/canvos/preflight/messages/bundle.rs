//! Messages about content bundles: T28, T36, T37.

use crate::canvos::preflight::bundle_checks::UnreadBundle;
use crate::diagnostic::{Diagnostic, Trap};
use crate::util::sanitize;

/// T36: the bundle `path` has the agent of another version than the image.
pub(in crate::canvos::preflight) fn other_agent(
    path: &str,
    agent: &str,
    image: &str,
) -> Diagnostic {
    let title = format!("`{path}` has version {agent} of the host's agent, and the image {image}");
    Diagnostic::warning(Trap::BundleAgent, title)
        .note("the host may change its agent when it uses the bundle, or fail to")
        .help(format!(
            "set `PE_VERSION={agent}`, or build the bundle for {image}"
        ))
}

/// T37: the bundle `path` has a definition that is not the locked one.
pub(in crate::canvos::preflight) fn other_definition(path: &str, content: &str) -> Diagnostic {
    let title = format!("`{path}` has a cluster definition that is not the locked one");
    Diagnostic::warning(Trap::BundleDefinition, title)
        .note(format!("its content is {content}"))
        .note("it is not known which of the two a host takes")
        .help("build the bundle without a definition, or with the locked one: `edgestage fetch --output FILE`")
}

/// T37: the bundle `path` has a definition, and nothing is locked to compare it with.
pub(in crate::canvos::preflight) fn nothing_locked(path: &str) -> Diagnostic {
    let title = format!("`{path}` has a cluster definition, which was not compared");
    Diagnostic::warning(Trap::BundleDefinition, title)
        .note("there is no locked definition for this checkout yet")
        .help("run `edgestage check` again when it is locked")
}

/// T37: the bundle `path` has several definitions, or one that is refused.
pub(in crate::canvos::preflight) fn refused_definition(path: &str, why: &str) -> Diagnostic {
    let title = format!("the cluster definition of `{path}` cannot be compared: {why}");
    Diagnostic::warning(Trap::BundleDefinition, title)
        .note("it is not known what a host takes from it")
        .help("build the bundle without a definition, or with the locked one")
}

/// T28: the bundle `path` cannot be read.
pub(in crate::canvos::preflight) fn damaged(path: &str, why: &str) -> Diagnostic {
    let title = format!("`{path}` is not a content bundle that edgestage can read: {why}");
    Diagnostic::warning(Trap::BadBundle, title)
        .note("if a bundle cannot be unpacked on the host, the definition is not copied either")
        .help("build the bundle again")
}

/// T37: the bundle `path` was not read.
pub(in crate::canvos::preflight) fn unread(path: &str, why: &UnreadBundle) -> Diagnostic {
    let (title, help) = match why {
        UnreadBundle::Large { size, most } => (
            format!(
                "`{path}` was not read: it has {}, more than {}",
                sanitize::size(*size),
                sanitize::size(*most)
            ),
            "add `--bundles`: edgestage reads it once, and remembers what it holds",
        ),
        UnreadBundle::Unreadable(why) => (
            format!("`{path}` cannot be read: {why}"),
            "make the file readable",
        ),
    };
    Diagnostic::warning(Trap::BundleDefinition, title)
        .note("a cluster definition in it would be embedded, too")
        .help(help)
}

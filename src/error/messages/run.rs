//! Messages about resources that a run cannot get, and about what it was to find.

use std::time::Duration;

use crate::diagnostic::{Code, Diagnostic};
use crate::util::sanitize;

pub(super) fn busy(what: &str, holder: &str, waited: Duration) -> Diagnostic {
    Diagnostic::error(Code::Busy, format!("another run is still using {what}"))
        .note(format!("it is {holder}; edgestage waited {} s", waited.as_secs()))
        .help("check whether that process is still running; pass `--lock-timeout SECONDS` to wait longer")
}

pub(super) fn offline(definition: &str, lacks: &str) -> Diagnostic {
    Diagnostic::error(Code::Offline, format!("`{definition}` {lacks}"))
        .note("with `--offline`, edgestage opens no connections")
        .help(format!(
            "run `edgestage fetch {definition}` with network access"
        ))
}

/// `--exit-code`, and profiles have newer versions.
pub(super) fn newer_versions(profiles: &[String], upgrade: Option<&str>) -> Diagnostic {
    let many = sanitize::count(profiles.len(), "profile");
    let verb = if profiles.len() == 1 { "has" } else { "have" };
    Diagnostic::error(
        Code::NewerVersions,
        format!("{many} in profiles.toml {verb} a newer version"),
    )
    .note(sanitize::excerpt(profiles.join(", ").as_bytes(), 200))
    .help(match upgrade {
        Some(command) => {
            format!("run `{command}`, then `edgestage update`, and review the changes")
        }
        None => "write `name@version` with the newer version in place of the uid or URL, then run \
                 `edgestage update`, and review the changes"
            .to_owned(),
    })
}

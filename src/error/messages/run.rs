//! Messages about resources that a run cannot get.

use std::time::Duration;

use crate::diagnostic::{Code, Diagnostic};

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

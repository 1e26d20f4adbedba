//! Messages about resources that a run cannot get.

use std::time::Duration;

use crate::diagnostic::{Code, Diagnostic};

pub(super) fn busy(what: &str, holder: &str, waited: Duration) -> Diagnostic {
    Diagnostic::error(Code::Busy, format!("another run still has {what}"))
        .note(format!("it is {holder}; waited {} s", waited.as_secs()))
        .help("check whether that process is still running; pass `--lock-timeout SECONDS` to wait longer")
}

pub(super) fn offline(definition: &str, lacks: &str) -> Diagnostic {
    Diagnostic::error(Code::Offline, format!("`{definition}` {lacks}"))
        .note("`--offline` opens no connection")
        .help(format!("run `edgestage fetch {definition}` with a network"))
}

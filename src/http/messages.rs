//! Messages about what every client needs: proxy variables, certificates, threads.

use crate::diagnostic::{Code, Diagnostic};

/// The file with certificate authorities, `what`, has none.
pub(crate) fn no_certificate(what: &str) -> Diagnostic {
    Diagnostic::error(
        Code::UnusableCaCert,
        format!("the {what} contains no PEM certificate"),
    )
    .help("name a file that contains `-----BEGIN CERTIFICATE-----`")
}

/// The operating system starts no more threads, for the reason `why`.
pub(crate) fn no_thread(why: &str) -> Diagnostic {
    Diagnostic::error(Code::NoThread, format!("cannot start a thread: {why}"))
        .note("this user or container has reached its process limit")
        .help("raise the limit (`ulimit -u`, `pids.max`), or end other processes")
}

/// An entry in the list of exceptions has a form that the library does not know and was
/// probably `meant` for `host`. All texts are printable.
pub(super) fn exception_not_understood(
    variable: &str,
    host: &str,
    entry: &str,
    meant: &str,
) -> Diagnostic {
    proxy_variable(format!("`{variable}` does not exclude `{host}`"))
        .note(format!(
            "it contains `{entry}`, which edgestage does not understand"
        ))
        .help(format!(
            "write `{meant}`, and separate the entries with commas"
        ))
}

pub(super) fn proxy_ignored(variable: &str) -> Diagnostic {
    proxy_variable(format!("`{variable}` is not the address of a proxy"))
        .note("edgestage ignores it and connects directly")
        .help(PLAIN_ADDRESS)
}

/// The empty variable `empty` takes precedence over `variable`.
pub(super) fn proxy_shadowed(variable: &str, empty: &str) -> Diagnostic {
    proxy_variable(format!("`{variable}` is ignored"))
        .note(format!(
            "`{empty}` is set to an empty value and takes precedence"
        ))
        .help(format!("unset `{empty}`"))
}

/// Why the library reads an address differently than intended, or cannot use it.
pub(super) enum Misread {
    /// A SOCKS proxy.
    Socks,
    /// The user name or the password is not percent-encoded.
    Credentials,
    /// The host is invalid.
    Host,
    /// The address is not a URL.
    Url(url::ParseError),
}

pub(super) fn proxy_misread(variable: &str, why: &Misread) -> Diagnostic {
    if let Misread::Socks = why {
        return proxy_variable(format!("`{variable}` names a SOCKS proxy"))
            .note("edgestage supports HTTP proxies only")
            .help("name an HTTP proxy, or exclude the host with `NO_PROXY`");
    }
    let told = proxy_variable(format!(
        "`{variable}` cannot be read as the address of a proxy"
    ));
    match why {
        Misread::Credentials => told
            .note("its user name or password has a character that is special in a URL")
            .help("write `@`, `:`, `/`, `?` and `#` as `%40`, `%3A`, `%2F`, `%3F` and `%23`"),
        Misread::Url(wrong) => told.note(format!("not a URL: {wrong}")).help(PLAIN_ADDRESS),
        _ => told
            .note("its host contains a character that is not valid in a host name")
            .help(PLAIN_ADDRESS),
    }
}

const PLAIN_ADDRESS: &str = "write it as `http://HOST:PORT`, without quotes or spaces around it";

fn proxy_variable(title: String) -> Diagnostic {
    Diagnostic::warning(Code::ProxyVariable, title)
}

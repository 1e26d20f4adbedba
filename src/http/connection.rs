//! Sets up a connection.

use std::io;
use std::time::Duration;

use reqwest::blocking::Client;
use rustls::ClientConfig;

use super::{GRACE, threads, transport};
use crate::util::endpoint::Endpoint;

/// Which certificate authorities are trusted.
pub(crate) enum Trust<'a> {
    /// Those of the system.
    System,
    /// Those of the system, and the PEM certificates.
    And(&'a [u8]),
    /// What this configuration says, without any proxy.
    Of(Box<ClientConfig>),
}

/// How to connect.
pub(crate) struct ConnectionOptions<'a> {
    /// The address that is connected to.
    pub endpoint: &'a Endpoint,
    /// The longest silence while connecting, waiting for an answer or reading it.
    pub timeout: Duration,
    /// Which certificate authorities are trusted.
    pub trust: Trust<'a>,
}

/// Why a connection cannot be set up.
pub(crate) enum SetupError {
    /// The operating system does not give this process more threads.
    NoThread(io::Error),
    /// There is no certificate in the PEM file.
    NoCertificate,
    /// Another reason, such as a trust store that cannot be read.
    Other(String),
}

/// Creates a client, which opens a connection with its first request.
///
/// # Errors
/// Returns [`SetupError`].
pub(crate) fn connect(options: &ConnectionOptions<'_>) -> Result<Client, SetupError> {
    threads::can_start(0).map_err(SetupError::NoThread)?;
    // Fails only if a provider is already installed, which is just as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("edgestage/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(options.timeout)
        // The time-out applies until the head arrives, and to each read of the body.
        .timeout(options.timeout.saturating_add(GRACE));
    if let Trust::Of(config) = &options.trust {
        builder = builder.tls_backend_preconfigured(ClientConfig::clone(config));
    }
    if options.endpoint.is_plain_loopback() || matches!(options.trust, Trust::Of(_)) {
        // A proxy would receive secrets unencrypted although the server is on this machine.
        builder = builder.no_proxy();
    }
    match options.trust {
        Trust::And(pem) => builder = builder.tls_certs_merge(certificates(pem)?),
        // TLS is not used, so the system's store need not be read or exist.
        Trust::System if options.endpoint.join("/").scheme() == "http" => {
            builder = builder.tls_certs_only([]);
        }
        Trust::System | Trust::Of(_) => {}
    }
    builder
        .build()
        .map_err(|error| SetupError::Other(transport::innermost(&error)))
}

fn certificates(pem: &[u8]) -> Result<Vec<reqwest::Certificate>, SetupError> {
    reqwest::Certificate::from_pem_bundle(pem)
        .ok()
        .filter(|certificates| !certificates.is_empty())
        .ok_or(SetupError::NoCertificate)
}

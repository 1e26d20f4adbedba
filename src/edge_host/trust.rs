//! Whom to believe that it is the host: a certificate by its digest, or one that is signed by an
//! authority of a file.
//!
//! There is no way to accept any certificate. A digest stands above names and dates, since it
//! already says which certificate it is; the handshake's signature is always verified, which
//! proves that the server has the certificate's key.

use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore,
    SignatureScheme,
};

use super::certificate::Certificate;
use crate::util::digest::Digest;
use crate::util::sync::lock;

/// Which certificate of a host is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trust {
    /// The digest of the certificate. If it is set, nothing else counts.
    pub pin: Option<Digest>,
    /// The content of `ca-cert`: authorities, or the host's own certificate.
    pub ca_cert: Option<Vec<u8>>,
}

/// The certificate that a host presented, and whether it was known.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen(Arc<Mutex<Option<Presented>>>);

/// A certificate, and why it is not known.
#[derive(Debug, Clone)]
pub(super) struct Presented {
    pub certificate: Certificate,
    pub refused: Option<TlsError>,
}

impl Seen {
    /// Returns the certificate that was presented last.
    pub(super) fn last(&self) -> Option<Presented> {
        lock(&self.0).clone()
    }
}

/// `ca-cert` contains no certificate.
#[derive(Debug)]
pub(super) struct NoCertificate;

/// Returns the TLS configuration for a host, and where the presented certificate will be.
pub(super) fn configure(trust: &Trust) -> Result<(ClientConfig, Seen), NoCertificate> {
    let provider = Arc::new(ring::default_provider());
    let own = match &trust.ca_cert {
        Some(pem) => certificates(pem)?,
        None => Vec::new(),
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(own.iter().cloned());
    let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .ok();
    let seen = Seen::default();
    let verifier = Verifier {
        pin: trust.pin,
        own,
        chain,
        seen: seen.clone(),
        provider: Arc::clone(&provider),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        // Fails only for a provider without cipher suites.
        .map_err(|_| NoCertificate)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok((config, seen))
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, NoCertificate> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    found
        .ok()
        .filter(|list| !list.is_empty())
        .ok_or(NoCertificate)
}

#[derive(Debug)]
struct Verifier {
    pin: Option<Digest>,
    /// The certificates of `ca-cert`.
    own: Vec<CertificateDer<'static>>,
    /// Verifies chains that end at a certificate of `ca-cert`; `None` if there is none that can
    /// be an authority.
    chain: Option<Arc<WebPkiServerVerifier>>,
    seen: Seen,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), TlsError> {
        let unknown = TlsError::InvalidCertificate(CertificateError::UnknownIssuer);
        if let Some(pin) = self.pin {
            return if Digest::of(end_entity) == pin {
                Ok(())
            } else {
                Err(unknown)
            };
        }
        // The host's own certificate in the file is as good as its digest.
        if self.own.iter().any(|own| own == end_entity) {
            return Ok(());
        }
        let chain = self.chain.as_ref().ok_or(unknown)?;
        chain
            .verify_server_cert(end_entity, intermediates, name, &[], now)
            .map(|_| ())
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let judged = self.judge(end_entity, intermediates, server_name, now);
        let clock = SystemTime::now().duration_since(UNIX_EPOCH);
        let clock = clock.map_or(0, |time| time.as_secs());
        *lock(&self.seen.0) = Some(Presented {
            certificate: Certificate::read(end_entity, clock),
            refused: judged.as_ref().err().cloned(),
        });
        judged.map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

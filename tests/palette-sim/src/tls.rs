//! Certificates for a simulator that talks TLS: a CA of its own and a leaf below it,
//! made in memory for each test. Nothing is written; keys die with the value.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// What a server needs to talk TLS, and what its clients need to trust it.
pub struct Tls {
    chain: Vec<CertificateDer<'static>>,
    key: PrivatePkcs8KeyDer<'static>,
    ca: String,
    leaf_pem: String,
    key_pem: String,
}

impl Tls {
    /// A certificate for these DNS names and IP addresses, signed by a fresh CA.
    ///
    /// # Panics
    /// Where a name is neither.
    #[must_use]
    pub fn self_signed(names: &[&str]) -> Self {
        make(names, (2020, 2120))
    }

    /// The same, but it expired years ago.
    ///
    /// # Panics
    /// Where a name is neither a DNS name nor an IP address.
    #[must_use]
    pub fn expired(names: &[&str]) -> Self {
        make(names, (2018, 2019))
    }

    /// What an edge host makes at its first boot: a certificate that is its own authority,
    /// valid from the first to the second year.
    ///
    /// # Panics
    /// Where a name is neither a DNS name nor an IP address.
    #[must_use]
    pub fn of_edge_host(names: &[&str], (from, until): (i32, i32)) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut own = CertificateParams::new(names).expect("DNS names or IP addresses");
        own.distinguished_name = DistinguishedName::new();
        own.distinguished_name
            .push(DnType::OrganizationName, "edge-host-sim");
        own.not_before = date_time_ymd(from, 1, 1);
        own.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().expect("ring makes a key");
        let own = own.self_signed(&key).expect("it signs itself");
        Self {
            chain: vec![own.der().clone()],
            key: PrivatePkcs8KeyDer::from(key.serialize_der()),
            ca: own.pem(),
            leaf_pem: own.pem(),
            key_pem: key.serialize_pem(),
        }
    }

    /// The certificate itself, in DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.chain[0]
    }

    /// A valid certificate for a name that the simulator does not have.
    #[must_use]
    pub fn wrong_name() -> Self {
        Self::self_signed(&["somebody-else.invalid"])
    }

    /// The CA's certificate in PEM, for the clients that are to trust it.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca
    }

    /// The certificate and its key in PEM, for a server of another make.
    #[must_use]
    pub fn server_pem(&self) -> (&str, &str) {
        (&self.leaf_pem, &self.key_pem)
    }

    /// The server's side of it. Offers HTTP/1.1 alone.
    pub(crate) fn config(self) -> Result<Arc<ServerConfig>, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(self.chain, PrivateKeyDer::Pkcs8(self.key))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// A CA, and a leaf that is valid from the first to the second year.
fn make(names: &[&str], (from, until): (i32, i32)) -> Tls {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut ca = CertificateParams::default();
    ca.distinguished_name
        .push(DnType::CommonName, "palette-sim test CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_key = KeyPair::generate().expect("ring makes a key");
    let ca = CertifiedIssuer::self_signed(ca, ca_key).expect("the CA signs itself");

    let mut leaf = CertificateParams::new(names).expect("DNS names or IP addresses");
    leaf.distinguished_name
        .push(DnType::CommonName, "palette-sim");
    leaf.not_before = date_time_ymd(from, 1, 1);
    leaf.not_after = date_time_ymd(until, 1, 1);
    leaf.use_authority_key_identifier_extension = true;
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().expect("ring makes a key");
    let leaf = leaf.signed_by(&key, &ca).expect("the CA signs the leaf");
    Tls {
        chain: vec![leaf.der().clone(), ca.der().clone()],
        key: PrivatePkcs8KeyDer::from(key.serialize_der()),
        ca: ca.pem(),
        leaf_pem: leaf.pem(),
        key_pem: key.serialize_pem(),
    }
}

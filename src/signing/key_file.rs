//! The files of keys: PEM, with one key each.

use rustls_pki_types::pem::{Error, PemObject as _, SectionKind};
use secrecy::zeroize::Zeroizing;

use super::KeyFault;

/// The one key of a PEM file. The bytes are wiped when it is dropped.
pub(super) struct KeySection {
    /// The kind of the section.
    pub kind: SectionKind,
    /// The DER in it.
    pub der: Zeroizing<Vec<u8>>,
}

/// Returns the one key in `pem`.
///
/// # Errors
/// Returns why there is none.
pub(super) fn read(pem: &[u8]) -> Result<KeySection, KeyFault> {
    let has = |text: &str| pem.windows(text.len()).any(|part| part == text.as_bytes());
    // Either a label of its own (PKCS #8), or a header in the section (PKCS #1).
    if has("ENCRYPTED") {
        return Err(KeyFault::Encrypted);
    }
    let mut keys = Vec::new();
    let mut has_certificate = false;
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
        let (kind, der) = section.map_err(|error| match error {
            Error::NoItemsFound => KeyFault::NotPem,
            _ => KeyFault::Damaged,
        })?;
        let der = Zeroizing::new(der);
        match kind {
            SectionKind::PublicKey
            | SectionKind::PrivateKey
            | SectionKind::RsaPrivateKey
            | SectionKind::EcPrivateKey => keys.push(KeySection { kind, der }),
            SectionKind::Certificate => has_certificate = true,
            _ => {}
        }
    }
    match (keys.pop(), keys.is_empty()) {
        (Some(key), true) => Ok(key),
        (Some(_), false) => Err(KeyFault::Several),
        (None, _) if has_certificate => Err(KeyFault::Certificate),
        (None, _) if has("BEGIN RSA PUBLIC KEY") => Err(KeyFault::Pkcs1Public),
        (None, _) => Err(KeyFault::NotPem),
    }
}

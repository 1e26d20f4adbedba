//! The public half of a signing key.
//!
//! The input is PEM (`BEGIN PUBLIC KEY`), or its base64 as images and hosts have it. Two keys
//! are equal if their numbers are, however they are encoded.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use rustls_pki_types::pem::SectionKind;
use spki::SubjectPublicKeyInfoRef;
use spki::der::asn1::UintRef;
use spki::der::{Decode as _, Encode as _, Reader as _, SliceReader};
use std::path::Path;

use super::{KeyFault, LARGEST, Signature, SigningError, key_file};
use crate::util::digest::Digest;
use crate::util::files;
use crate::util::path_error::PathError;
use crate::util::sanitize;

/// `rsaEncryption` (RFC 8017, appendix C).
const RSA: spki::ObjectIdentifier = spki::ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// The least number of bits of a modulus that ring accepts.
const FEWEST: usize = 2048;
/// The largest number of bits of a modulus that ring accepts in a public key.
const MOST: usize = 8192;

/// An RSA public key of 2048 to 8192 bits.
#[derive(Debug, Clone)]
pub struct PublicKey {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
    fingerprint: Digest,
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        (&self.modulus, &self.exponent) == (&other.modulus, &other.exponent)
    }
}

impl Eq for PublicKey {}

impl PublicKey {
    /// Reads the PEM file `path`.
    ///
    /// # Errors
    /// Fails if the file cannot be read or does not contain exactly one usable public key.
    pub fn read(path: &Path) -> Result<Self, SigningError> {
        let failed = |error| PathError::when("read", path)(error);
        let (pem, _) = files::read_piped(path, LARGEST)
            .map_err(|error| SigningError::UnreadablePublicKey(failed(error)))?;
        Self::from_pem(&pem).map_err(|why| SigningError::PublicKey {
            file: sanitize::path(path),
            why,
        })
    }

    /// Reads a key in PEM.
    ///
    /// # Errors
    /// Returns why it is not a usable public key.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyFault> {
        let section = key_file::read(pem).map_err(|why| match why {
            KeyFault::Encrypted => KeyFault::Private,
            why => why,
        })?;
        if section.kind != SectionKind::PublicKey {
            return Err(KeyFault::Private);
        }
        Self::from_der(&section.der)
    }

    /// Reads the base64 of a key in PEM, which may have line breaks.
    ///
    /// # Errors
    /// Returns why it is not a usable public key.
    pub fn from_base64(text: &str) -> Result<Self, KeyFault> {
        let digits = text.replace(['\r', '\n'], "");
        let pem = STANDARD.decode(digits).map_err(|_| KeyFault::NotBase64)?;
        Self::from_pem(&pem)
    }

    /// Reads a key as a host answers it: the base64 of a key in PEM, or the PEM itself.
    ///
    /// # Errors
    /// Returns why it is not a usable public key.
    pub fn from_host(text: &str) -> Result<Self, KeyFault> {
        let text = text.trim();
        if text.contains("-----BEGIN") {
            return Self::from_pem(text.as_bytes());
        }
        Self::from_base64(text)
    }

    /// Reads a `SubjectPublicKeyInfo`.
    fn from_der(der: &[u8]) -> Result<Self, KeyFault> {
        let spki = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| KeyFault::Damaged)?;
        if spki.algorithm.oid != RSA {
            return Err(KeyFault::NotRsa);
        }
        let numbers = spki.subject_public_key.as_bytes();
        Self::from_pkcs1(numbers.ok_or(KeyFault::Damaged)?)
    }

    /// Reads an `RSAPublicKey` (RFC 8017, A.1.1).
    pub(super) fn from_pkcs1(der: &[u8]) -> Result<Self, KeyFault> {
        let (modulus, exponent) = numbers(der).map_err(|_| KeyFault::Damaged)?;
        let bits = modulus.first().map_or(0, |first| {
            8 * modulus.len() - first.leading_zeros() as usize
        });
        if bits < FEWEST {
            return Err(KeyFault::TooSmall(bits));
        }
        if bits > MOST {
            return Err(KeyFault::TooLarge);
        }
        Ok(Self {
            modulus,
            exponent,
            fingerprint: fingerprint(der).map_err(|_| KeyFault::Damaged)?,
        })
    }

    /// Returns the SHA-256 of the key's `SubjectPublicKeyInfo`, which is what `openssl pkey
    /// -pubin -outform DER | sha256sum` prints.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        self.fingerprint
    }

    /// Returns whether `signature` is this key's signature of `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &Signature) -> bool {
        let key = RsaPublicKeyComponents {
            n: &self.modulus,
            e: &self.exponent,
        };
        key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature.bytes())
            .is_ok()
    }
}

/// Returns the modulus and the exponent, without leading zeros.
fn numbers(der: &[u8]) -> spki::der::Result<(Vec<u8>, Vec<u8>)> {
    let mut reader = SliceReader::new(der)?;
    let numbers = reader.sequence(|reader| -> spki::der::Result<_> {
        let modulus = UintRef::decode(reader)?.as_bytes().to_vec();
        let exponent = UintRef::decode(reader)?.as_bytes().to_vec();
        Ok((modulus, exponent))
    })?;
    reader.finish()?;
    Ok(numbers)
}

/// Returns the SHA-256 of the `SubjectPublicKeyInfo` around an `RSAPublicKey`.
fn fingerprint(pkcs1: &[u8]) -> spki::der::Result<Digest> {
    let info = spki::SubjectPublicKeyInfo {
        algorithm: spki::AlgorithmIdentifier {
            oid: RSA,
            parameters: Some(spki::der::asn1::Null),
        },
        subject_public_key: spki::der::asn1::BitStringRef::from_bytes(pkcs1)?,
    };
    Ok(Digest::of(&info.to_der()?))
}

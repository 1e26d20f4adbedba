//! Detached signatures of archives, and the keys that make and check them.
//!
//! A host whose image carries a public key accepts an upload only with a signature: RSA,
//! PKCS#1 v1.5 over the SHA-256 of the whole archive, which is what `openssl dgst -sha256 -sign`
//! writes (docs/facts.md, 4). The input is the archive in memory, since ring reads a message in
//! one piece; the archive is at most as large as `[limits]` allow. The output is a
//! [`Signature`]. A private key is never printed, copied or kept: it is read, used and wiped
//! where that is in our hands. A signature that does not match the public half is never
//! returned.

use crate::util::path_error::PathError;

pub mod edge_config;
mod key_file;
pub(crate) mod messages;
mod public_key;
mod signature;
mod signer;
#[cfg(test)]
mod tests;

pub use public_key::PublicKey;
pub use signature::Signature;
pub use signer::Signer;

/// The maximum size of a key file and of a signature file, in bytes.
pub(crate) const LARGEST: u64 = 64 << 10;

/// Why a file or a text is not a usable key. Never contains any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyFault {
    /// There is no key in PEM in it.
    NotPem,
    /// The PEM section cannot be decoded.
    Damaged,
    /// The private key is protected with a passphrase.
    Encrypted,
    /// There are several keys in it.
    Several,
    /// It is a certificate.
    Certificate,
    /// It is a private key, and a public key is expected.
    Private,
    /// It is a public key, and a private key is expected.
    Public,
    /// It is a public key in the form of PKCS #1.
    Pkcs1Public,
    /// It is not a key for RSA.
    NotRsa,
    /// The modulus has this number of bits, which is less than 2048.
    TooSmall(usize),
    /// The modulus is larger than ring supports: 4096 bits for a private key, 8192 for a public
    /// one.
    TooLarge,
    /// ring does not accept the key, for this reason.
    Rejected(&'static str),
    /// It is not base64.
    NotBase64,
}

/// Why a signature cannot be made or checked.
#[derive(Debug)]
pub enum SigningError {
    /// Neither `private-key-file` nor `sign-command` is set.
    NoKey,
    /// `public-key` is not set, and `--public-key` was not used.
    NoPublicKey,
    /// The file of the private key cannot be read.
    UnreadablePrivateKey(PathError),
    /// The private key cannot be used.
    PrivateKey {
        /// The file, printable.
        file: String,
        /// The reason.
        why: KeyFault,
    },
    /// The file of the public key cannot be read.
    UnreadablePublicKey(PathError),
    /// The public key cannot be used.
    PublicKey {
        /// The file, printable.
        file: String,
        /// The reason.
        why: KeyFault,
    },
    /// `private-key-file` is not the private half of `public-key`.
    OtherKey {
        /// The fingerprint of the private key's public half.
        own: String,
        /// The fingerprint of `public-key`.
        expected: String,
    },
    /// `sign-command` failed.
    CommandFailed {
        /// The program, printable.
        program: String,
        /// The reason.
        why: String,
    },
    /// `sign-command` did not print a raw RSA signature.
    NotASignature {
        /// The program, printable.
        program: String,
        /// The number of bytes that it printed.
        length: usize,
        /// Whether these are text.
        is_text: bool,
    },
    /// What `sign-command` printed is not a signature of the archive by `public-key`.
    OtherSignature {
        /// The program, printable.
        program: String,
        /// The fingerprint of `public-key`.
        expected: String,
    },
    /// There is no randomness, or the private key contradicts itself.
    Failed,
}

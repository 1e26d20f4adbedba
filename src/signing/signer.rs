//! Makes signatures, with a private key or with the program that has it.

use std::path::{Path, PathBuf};

use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::RSA_PKCS1_SHA256;
use rustls_pki_types::pem::SectionKind;
use secrecy::zeroize::Zeroizing;

use super::{KeyFault, LARGEST, PublicKey, Signature, SigningError, key_file, messages};
use crate::diagnostic::Diagnostic;
use crate::manifest::SigningTable;
use crate::util::environment::Environment;
use crate::util::files;
use crate::util::path_error::PathError;
use crate::util::sanitize;
use crate::util::user_command;

/// Whatever makes signatures, according to `[signing]`.
pub struct Signer<'a> {
    with: With<'a>,
    /// The half that signatures are compared with.
    public_key: Option<PublicKey>,
    /// A warning about the private key's file.
    warning: Option<Diagnostic>,
}

enum With<'a> {
    Key(Box<KeyPair>),
    Command {
        argv: &'a [String],
        manifest: &'a Path,
        environment: &'a Environment,
    },
}

impl<'a> Signer<'a> {
    /// Reads the keys that `table` names. The file `manifest` is the one that has the table.
    ///
    /// # Errors
    /// Fails if nothing is named that makes signatures, if a key cannot be used, or if the two
    /// keys do not belong together.
    pub fn new(
        table: Option<&'a SigningTable>,
        manifest: &'a Path,
        environment: &'a Environment,
    ) -> Result<Self, SigningError> {
        let table = table.ok_or(SigningError::NoKey)?;
        let public_key = table.public_key.as_deref().map(PublicKey::read);
        let public_key = public_key.transpose()?;
        if let Some(path) = &table.private_key_file {
            return Self::with_file(path, public_key.as_ref());
        }
        let argv = table.sign_command.as_ref().ok_or(SigningError::NoKey)?;
        Ok(Self {
            with: With::Command {
                argv,
                manifest,
                environment,
            },
            public_key,
            warning: None,
        })
    }

    fn with_file(path: &Path, expected: Option<&PublicKey>) -> Result<Self, SigningError> {
        let failed =
            |error| SigningError::UnreadablePrivateKey(PathError::when("read", path)(error));
        let (pem, metadata) = files::read_piped(path, LARGEST).map_err(failed)?;
        let pem = Zeroizing::new(pem);
        let unusable = |why| SigningError::PrivateKey {
            file: sanitize::path(path),
            why,
        };
        let pair = key_pair(&pem).map_err(unusable)?;
        let own = PublicKey::from_pkcs1(pair.public().as_ref()).map_err(unusable)?;
        if let Some(expected) = expected
            && *expected != own
        {
            return Err(SigningError::OtherKey {
                own: own.fingerprint().to_string(),
                expected: expected.fingerprint().to_string(),
            });
        }
        let mode = files::mode_that_others_read(&metadata);
        Ok(Self {
            with: With::Key(Box::new(pair)),
            public_key: Some(own),
            warning: mode.map(|mode| messages::exposed(&sanitize::path(path), mode)),
        })
    }

    /// Returns the public half: that of the private key, or `public-key`. `None` if a command
    /// signs and `public-key` is not set.
    #[must_use]
    pub fn public_key(&self) -> Option<&PublicKey> {
        self.public_key.as_ref()
    }

    /// Returns whether a command signs, which reads a file.
    #[must_use]
    pub fn runs_command(&self) -> bool {
        matches!(self.with, With::Command { .. })
    }

    /// Returns what is unsafe about the private key's file.
    #[must_use]
    pub fn warning(&self) -> Option<&Diagnostic> {
        self.warning.as_ref()
    }

    /// Signs `archive`. `file` is a file with the same bytes that nobody else changes, for the
    /// command. The signature was checked with [`Self::public_key`] if there is one.
    ///
    /// # Errors
    /// Fails if the command fails, or if what it prints is not the signature.
    pub fn sign(&self, archive: &[u8], file: &Path) -> Result<Signature, SigningError> {
        match &self.with {
            With::Key(pair) => {
                let signature = sign(pair, archive)?;
                match &self.public_key {
                    Some(key) if !key.verifies(archive, &signature) => Err(SigningError::Failed),
                    _ => Ok(signature),
                }
            }
            With::Command {
                argv,
                manifest,
                environment,
            } => {
                let program = argv.first().map_or("", String::as_str);
                let program = sanitize::line(program.as_bytes());
                let printed =
                    user_command::output(argv, Some(file.as_os_str()), manifest, environment)
                        .map_err(|why| SigningError::CommandFailed {
                            program: program.clone(),
                            why,
                        })?;
                let length = printed.len();
                let is_text = printed
                    .iter()
                    .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
                let signature = Signature::from_raw(printed).filter(|_| !is_text);
                let signature = signature.ok_or_else(|| SigningError::NotASignature {
                    program: program.clone(),
                    length,
                    is_text,
                })?;
                match &self.public_key {
                    Some(key) if !key.verifies(archive, &signature) => {
                        Err(SigningError::OtherSignature {
                            program,
                            expected: key.fingerprint().to_string(),
                        })
                    }
                    _ => Ok(signature),
                }
            }
        }
    }

    /// Returns the files that hold keys, which must not be overwritten.
    #[must_use]
    pub fn key_files(table: &SigningTable) -> Vec<PathBuf> {
        let files = [&table.private_key_file, &table.public_key];
        files.into_iter().flatten().cloned().collect()
    }
}

fn sign(pair: &KeyPair, archive: &[u8]) -> Result<Signature, SigningError> {
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        archive,
        &mut signature,
    )
    .map_err(|_| SigningError::Failed)?;
    Signature::from_raw(signature).ok_or(SigningError::Failed)
}

/// Reads a private key in PEM, PKCS #8 or PKCS #1.
fn key_pair(pem: &[u8]) -> Result<KeyPair, KeyFault> {
    let section = key_file::read(pem)?;
    let pair = match section.kind {
        SectionKind::PrivateKey => KeyPair::from_pkcs8(&section.der),
        SectionKind::RsaPrivateKey => KeyPair::from_der(&section.der),
        SectionKind::EcPrivateKey => return Err(KeyFault::NotRsa),
        _ => return Err(KeyFault::Public),
    };
    // ring has its reasons as text only.
    pair.map_err(|rejected| match rejected.to_string().as_str() {
        "InvalidEncoding" => KeyFault::Damaged,
        "WrongAlgorithm" => KeyFault::NotRsa,
        "TooSmall" => KeyFault::TooSmall(0),
        "TooLarge" => KeyFault::TooLarge,
        "PrivateModulusLenNotMultipleOf512Bits" => {
            KeyFault::Rejected("the number of its bits is not a multiple of 512")
        }
        "InconsistentComponents" => KeyFault::Rejected("its numbers contradict each other"),
        "VersionNotSupported" => KeyFault::Rejected("it has more than two primes"),
        _ => KeyFault::Rejected("its numbers are not those of an RSA key"),
    })
}

//! Signatures of uploads, for hosts whose image has a public key.
//!
//! The input is the archives of a run and `[signing]`. The output is the signature of each
//! archive, made at most once, when the first host asks for it: hosts without a key need no
//! private key on this machine. A signature that a host's key does not verify is never returned.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};

use crate::cache::Artifact;
use crate::commands::sign::{in_memory, sign_archive};
use crate::diagnostic::Diagnostic;
use crate::edge_host::{self, HostError, SigningFailure, messages};
use crate::error::{Error, Exit};
use crate::manifest::Manifest;
use crate::signing::{self, PublicKey, Signature, Signer, SigningError};
use crate::util::digest::Digest;
use crate::util::sync::lock;
use crate::workflow::context::Context;
use crate::workflow::session::Session;

/// What signs the archives of a run.
pub(super) struct Signatures<'a> {
    session: &'a Session<'a>,
    manifest: &'a Manifest,
    context: &'a Context<'a>,
    signer: OnceLock<Result<Signer<'a>, HostError>>,
}

/// Signs one archive.
pub(super) struct ArchiveSigner<'a> {
    signatures: &'a Signatures<'a>,
    archive: Artifact,
    made: OnceLock<Result<Signature, HostError>>,
    /// Whether the keys with these digests verify the signature. The lock is held while the
    /// archive is in memory, so that it is there once.
    verified: Mutex<BTreeMap<Digest, bool>>,
}

impl<'a> Signatures<'a> {
    /// Reads no key yet.
    pub(super) fn new(
        session: &'a Session<'a>,
        manifest: &'a Manifest,
        context: &'a Context<'a>,
    ) -> Self {
        Self {
            session,
            manifest,
            context,
            signer: OnceLock::new(),
        }
    }

    /// Returns what signs `archive`.
    pub(super) fn of(&'a self, archive: Artifact) -> ArchiveSigner<'a> {
        ArchiveSigner {
            signatures: self,
            archive,
            made: OnceLock::new(),
            verified: Mutex::default(),
        }
    }

    fn signer(&self) -> Result<&Signer<'a>, HostError> {
        let Self {
            manifest, context, ..
        } = *self;
        let signer = self.signer.get_or_init(|| {
            let signing = manifest.signing.as_ref();
            let signer = Signer::new(signing, &manifest.path, context.environment);
            let signer = signer.map_err(|error| match error {
                SigningError::NoKey => HostError::SignatureNeeded,
                error => failed(&Error::Signing(error)),
            })?;
            context.report.warn_all(&signer.warning().cloned());
            Ok(signer)
        });
        signer.as_ref().map_err(HostError::clone)
    }
}

impl ArchiveSigner<'_> {
    /// Returns whether `key` verifies the signature. Each key is tried once.
    fn is_verified(&self, key: &PublicKey, signature: &Signature) -> Result<bool, HostError> {
        let mut verified = lock(&self.verified);
        if let Some(known) = verified.get(&key.fingerprint()) {
            return Ok(*known);
        }
        let bytes = in_memory(&self.archive).map_err(|error| failed(&error))?;
        let is_verified = key.verifies(&bytes, signature);
        verified.insert(key.fingerprint(), is_verified);
        Ok(is_verified)
    }
}

impl edge_host::Signer for ArchiveSigner<'_> {
    fn sign(&self, host_key: &str) -> Result<String, HostError> {
        let signer = self.signatures.signer()?;
        let key = PublicKey::from_host(host_key).map_err(|why| {
            let why = signing::messages::note(why);
            refused(messages::unusable_host_key(&why), false)
        })?;
        let expected = key.fingerprint().to_string();
        if let Some(own) = signer.public_key()
            && *own != key
        {
            let own = own.fingerprint().to_string();
            return Err(refused(
                messages::other_signing_key(Some(&own), &expected),
                true,
            ));
        }
        let session = self.signatures.session;
        let made = self.made.get_or_init(|| {
            sign_archive(session, &self.archive, signer).map_err(|error| failed(&error))
        });
        let signature = made.as_ref().map_err(HostError::clone)?;
        // Otherwise, nothing has checked what the command printed.
        if signer.public_key().is_none() && !self.is_verified(&key, signature)? {
            return Err(refused(messages::other_signing_key(None, &expected), true));
        }
        Ok(signature.hex())
    }
}

fn failed(error: &Error) -> HostError {
    let is_usage = error.exit() == Exit::Usage;
    let told = error.diagnostics().into_iter().next();
    let told = told.unwrap_or_else(|| signing::messages::error(&SigningError::Failed));
    refused(told, is_usage)
}

fn refused(told: Diagnostic, is_usage: bool) -> HostError {
    HostError::Signing(SigningFailure {
        told: Box::new(told),
        is_usage,
    })
}

//! `edgestage sign`: a detached signature of the locked archive.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use super::locked_bytes::locked_bytes;
use super::output::{self, Guard};
use crate::cache::Artifact;
use crate::cli::{SignArgs, VerifyArgs};
use crate::error::Error;
use crate::lockfile::LockEntry;
use crate::manifest::{Definition, Manifest};
use crate::signing::{LARGEST, PublicKey, Signature, Signer, SigningError, messages};
use crate::ui::{CommandOutput, fields};
use crate::util::digest::Digest;
use crate::util::files;
use crate::util::path_error::PathError;
use crate::util::sanitize;
use crate::workflow::context::{Context, current, expected_key, one, shown};
use crate::workflow::session::Session;

/// The document of `sign`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Sign")]
pub(super) struct Document {
    /// Name of the definition.
    definition: String,
    /// Path of the signature.
    signature: String,
    /// How the signature is written.
    encoding: Encoding,
    /// Digest of the archive that is signed: the `sha256` of the lock entry.
    sha256: Digest,
    /// SHA-256 of the public key that the signature was checked with; null if it was not
    /// checked.
    public_key_sha256: Option<Digest>,
}

/// How a signature is written.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Encoding {
    /// The bytes of the signature.
    Raw,
    /// Lower-case hexadecimal digits without a newline.
    Hex,
}

/// The document of `verify --signature`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "VerifySignature")]
pub(super) struct Verified {
    /// Path of the signature.
    signature: String,
    /// Name of the definition.
    definition: String,
    /// Digest of the archive: the `sha256` of the lock entry.
    sha256: Digest,
    /// SHA-256 of the public key.
    public_key_sha256: Digest,
    /// Whether the signature is one of the locked archive.
    verdict: SignatureVerdict,
}

/// What a signature file is.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum SignatureVerdict {
    /// A signature of the locked archive.
    AsLocked,
    /// A signature by another key, of other bytes, or no signature.
    Differs,
}

pub(super) fn run(arguments: &SignArgs, context: &Context<'_>) -> Result<CommandOutput, Error> {
    let manifest = context.manifest()?;
    let definition = one(&manifest, arguments.name.as_deref())?;
    // These are checked before anything is asked or written.
    let signer = Signer::new(
        manifest.signing.as_ref(),
        &manifest.path,
        context.environment,
    )?;
    context.report.warn_all(&signer.warning().cloned());
    let guard = Guard::new(context, Some(&manifest));
    let extension = if arguments.hex { "hex" } else { "bin" };
    let output = arguments.output.clone();
    let output =
        output.unwrap_or_else(|| PathBuf::from(format!("{}.sig.{extension}", definition.name)));
    let output = context.environment.resolve(&output);
    guard.check(&output)?;
    let session = Session::open(context, &manifest)?;
    let locked = current(&session.lock, definition)?;
    let signature = sign(context, &session, definition, locked, &signer)?;
    if signer.public_key().is_none() {
        context.report.warn(&messages::unchecked());
    }
    session.still_locked(&definition.name, locked)?;
    let real = guard.check(&output)?;
    if arguments.hex {
        output::write_bytes(signature.hex().as_bytes(), &real)?;
    } else {
        output::write_bytes(signature.bytes(), &real)?;
    }
    let path = shown(&real);
    context
        .report
        .status("Signed", &format!("{} in {path}", definition.name));
    Ok(CommandOutput {
        text: format!("{path}\n"),
        json: fields(&Document {
            definition: definition.name.clone(),
            signature: path,
            encoding: if arguments.hex {
                Encoding::Hex
            } else {
                Encoding::Raw
            },
            sha256: locked.sha256,
            public_key_sha256: signer.public_key().map(PublicKey::fingerprint),
        }),
        error: None,
    })
}

/// Signs the locked archive.
fn sign(
    context: &Context<'_>,
    session: &Session<'_>,
    definition: &Definition,
    locked: &LockEntry,
    signer: &Signer<'_>,
) -> Result<Signature, Error> {
    let archive = locked_bytes(context, session, definition, locked)?;
    sign_archive(session, &archive.artifact, signer)
}

/// Signs the archive, whose bytes are the locked ones.
pub(super) fn sign_archive(
    session: &Session<'_>,
    archive: &Artifact,
    signer: &Signer<'_>,
) -> Result<Signature, Error> {
    let bytes = in_memory(archive)?;
    if !signer.runs_command() {
        return Ok(signer.sign(&bytes, archive.path())?);
    }
    // The path in the cache may get other bytes of the same content meanwhile; a command signs
    // these bytes and no others.
    let mut copy = session.cache.slot()?;
    let (file, path) = copy.file();
    file.write_all(&bytes)
        .map_err(PathError::when("write", &path))?;
    Ok(signer.sign(&bytes, &path)?)
}

/// Returns the bytes of an archive, which is at most as large as `[limits]` allow.
pub(super) fn in_memory(artifact: &Artifact) -> Result<Vec<u8>, Error> {
    let size = usize::try_from(artifact.identity().size).unwrap_or(usize::MAX);
    let mut bytes = Vec::new();
    // Doubling it on the way would take twice the memory.
    bytes
        .try_reserve_exact(size.saturating_add(1))
        .map_err(|_| std::io::ErrorKind::OutOfMemory.into())
        .map_err(PathError::when("read", artifact.path()))?;
    artifact
        .open()?
        .take(artifact.identity().size + 1)
        .read_to_end(&mut bytes)
        .map_err(PathError::when("read", artifact.path()))?;
    // Whoever writes into the cache's own file now would be found here.
    let found = Digest::of(&bytes);
    if found != artifact.identity().sha256 {
        return Err(Error::CacheDamaged(sanitize::path(artifact.path())));
    }
    Ok(bytes)
}

/// Returns the public key of `--public-key`, else of `[signing]`.
pub(super) fn public_key(
    arguments: &VerifyArgs,
    manifest: &Manifest,
    context: &Context<'_>,
) -> Result<Option<PublicKey>, Error> {
    match &arguments.public_key {
        Some(path) => Ok(Some(PublicKey::read(&context.environment.resolve(path))?)),
        None => expected_key(manifest),
    }
}

/// Verifies the signature of `--signature`.
pub(super) fn verify(
    arguments: &VerifyArgs,
    file: &std::path::Path,
    context: &Context<'_>,
) -> Result<CommandOutput, Error> {
    let manifest = context.manifest()?;
    let definition = one(&manifest, arguments.name.as_deref())?;
    let key = public_key(arguments, &manifest, context)?
        .ok_or(Error::Signing(SigningError::NoPublicKey))?;
    let name = sanitize::path(file);
    let path = context.environment.resolve(file);
    let bytes = files::read(&path, LARGEST)
        .map_err(|error| messages::unreadable_signature(&PathError::when("read", file)(error)))
        .map_err(Error::usage)?;
    let length = bytes.len();
    let session = Session::open(context, &manifest)?;
    let locked = current(&session.lock, definition)?;
    let error = match Signature::from_file(bytes) {
        None => Some(messages::not_a_signature(&name, length)),
        Some(signature) => {
            let archive = locked_bytes(context, &session, definition, locked)?;
            let is_signed = key.verifies(&in_memory(&archive.artifact)?, &signature);
            let fingerprint = key.fingerprint().to_string();
            (!is_signed).then(|| messages::differs(&name, &definition.name, &fingerprint))
        }
    };
    let verdict = match error {
        None => SignatureVerdict::AsLocked,
        Some(_) => SignatureVerdict::Differs,
    };
    if verdict == SignatureVerdict::AsLocked {
        let what = format!("{name} is a signature of {} as locked", definition.name);
        context.report.status("Verified", &what);
    }
    let word = match verdict {
        SignatureVerdict::AsLocked => "as locked",
        SignatureVerdict::Differs => "differs",
    };
    Ok(CommandOutput {
        text: format!("{name}  {word}\n"),
        json: fields(&Verified {
            signature: name,
            definition: definition.name.clone(),
            sha256: locked.sha256,
            public_key_sha256: key.fingerprint(),
            verdict,
        }),
        error: error.map(Error::staged),
    })
}

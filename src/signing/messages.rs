//! Messages about signatures and their keys, which never contain any of a key's file.

use super::edge_config::{KEY_PATH, NoEdgeKey};
use super::{KeyFault, SigningError};
use crate::diagnostic::{Code, Diagnostic};
use crate::util::path_error::PathError;
use crate::util::sanitize;
use crate::util::suggest::nearest_file;

/// Returns the message about `error`.
pub(crate) fn error(error: &SigningError) -> Diagnostic {
    match error {
        SigningError::NoKey => Diagnostic::error(
            Code::NoSigningKey,
            "profiles.toml does not say what makes signatures",
        )
        .help("set `private-key-file` or `sign-command` in `[signing]`"),
        SigningError::NoPublicKey => {
            Diagnostic::error(Code::NoSigningKey, "no public key is named")
                .help("add `--public-key FILE`, or set `public-key` in `[signing]`")
        }
        SigningError::UnreadablePrivateKey(error) => {
            unreadable(Code::UnusableSigningKey, "the private key", error)
        }
        SigningError::UnreadablePublicKey(error) => {
            unreadable(Code::UnusablePublicKey, "the public key", error)
        }
        SigningError::PrivateKey { file, why } => Diagnostic::error(
            Code::UnusableSigningKey,
            format!("`{file}` is not a private key that edgestage can sign with"),
        )
        .note(note(*why))
        .help(private_help(*why)),
        SigningError::PublicKey { file, why } => Diagnostic::error(
            Code::UnusablePublicKey,
            format!("`{file}` is not the public key of a signer"),
        )
        .note(note(*why))
        .help(public_help(*why)),
        SigningError::OtherKey { own, expected } => Diagnostic::error(
            Code::OtherSigningKey,
            "`private-key-file` is not the private half of `public-key`",
        )
        .note(format!("`private-key-file` has the public half {own}"))
        .note(format!("`public-key` is {expected}"))
        .help("set both keys of `[signing]` to halves of one key"),
        SigningError::CommandFailed { program, why } => Diagnostic::error(
            Code::SignCommandFailed,
            format!("no signature: `{program}` failed: {why}"),
        )
        .help("run the `sign-command` of `[signing]` by hand, with the path of a file as its last argument, to see why"),
        SigningError::NotASignature {
            program,
            length,
            is_text,
        } => {
            let told = Diagnostic::error(
                Code::SignCommandFailed,
                format!("what `{program}` printed is not a raw RSA signature"),
            )
            .note(format!(
                "it printed {}{}",
                sanitize::count(*length, "byte"),
                if *is_text && *length > 0 { " of text" } else { "" },
            ));
            told.help(if *is_text && *length > 0 {
                "have `sign-command` print the signature itself, not its hexadecimal digits or base64"
            } else {
                "have `sign-command` print the signature and nothing else: 256 to 1024 bytes"
            })
        }
        SigningError::OtherSignature { program, expected } => Diagnostic::error(
            Code::OtherSigningKey,
            format!("what `{program}` printed is not a signature of the archive by `public-key`"),
        )
        .note(format!("`public-key` is {expected}"))
        .note("a signature is RSA, PKCS#1 v1.5, over the SHA-256 of the archive's bytes")
        .help("have `sign-command` sign with the private half of `public-key`, or name the public half of its key there"),
        SigningError::Failed => Diagnostic::error(
            Code::UnusableSigningKey,
            "the signature cannot be made with the private key",
        )
        .help("create a new key pair"),
    }
}

fn unreadable(code: Code, what: &str, error: &PathError) -> Diagnostic {
    let told = Diagnostic::error(code, format!("{what} cannot be used: {error}"));
    let is_gone = error.source.kind() == std::io::ErrorKind::NotFound;
    match nearest_file(&error.path).filter(|_| is_gone) {
        Some(near) => told.help(format!("did you mean `{}`?", sanitize::path(&near))),
        None => told.help("name a PEM file that contains nothing but the key"),
    }
}

/// Returns what was found in place of a usable key.
pub(crate) fn note(why: KeyFault) -> String {
    match why {
        KeyFault::NotPem => "there is no key in PEM in it".into(),
        KeyFault::Damaged => "the key in it cannot be decoded".into(),
        KeyFault::Encrypted => "the key in it is protected with a passphrase".into(),
        KeyFault::Several => "there are several keys in it".into(),
        KeyFault::Certificate => "there is a certificate in it".into(),
        KeyFault::Private => "there is a private key in it".into(),
        KeyFault::Public => "there is only a public key in it".into(),
        KeyFault::Pkcs1Public => "the public key in it begins with `BEGIN RSA PUBLIC KEY`".into(),
        KeyFault::NotRsa => "the key in it is not for RSA".into(),
        KeyFault::TooSmall(0) => "the key has fewer than 2048 bits".into(),
        KeyFault::TooSmall(bits) => format!("the key has {bits} bits, fewer than 2048"),
        KeyFault::TooLarge => "the key has more bits than edgestage supports".into(),
        KeyFault::Rejected(why) => why.into(),
        KeyFault::NotBase64 => "it is not base64".into(),
    }
}

fn private_help(why: KeyFault) -> &'static str {
    match why {
        KeyFault::Encrypted => {
            "sign with `sign-command`, such as `openssl dgst -sha256 -sign KEY`, which asks for the passphrase"
        }
        KeyFault::TooLarge | KeyFault::Rejected(_) => {
            "sign with `sign-command`, such as `openssl dgst -sha256 -sign KEY`"
        }
        _ => "name an RSA private key of 2048 to 4096 bits in PEM, PKCS #8 or PKCS #1",
    }
}

/// Returns what to do about a public key that cannot be used.
pub(crate) fn public_help(why: KeyFault) -> &'static str {
    match why {
        KeyFault::Private => {
            "name its public half: `openssl pkey -in KEY -pubout -out PUBLIC`; never put a private key into an image"
        }
        KeyFault::Pkcs1Public => {
            "convert it: `openssl rsa -RSAPublicKey_in -in KEY -pubout -out PUBLIC`"
        }
        KeyFault::Certificate => "extract its key: `openssl x509 -in CERTIFICATE -noout -pubkey`",
        _ => "name an RSA public key of 2048 to 8192 bits in PEM: `openssl pkey -in KEY -pubout`",
    }
}

/// Returns why a custom configuration has no usable key.
pub(crate) fn no_edge_key(why: NoEdgeKey) -> String {
    let path = KEY_PATH.join(".");
    match why {
        NoEdgeKey::EmptyFile => "it is empty".into(),
        NoEdgeKey::NotText => "it is not UTF-8".into(),
        NoEdgeKey::NotYaml(line) => format!("it is not YAML: see line {line}"),
        NoEdgeKey::Twice => format!("a name of `{path}` is in it twice"),
        NoEdgeKey::Alias => {
            "it has an alias or a merge key, which edgestage does not follow".into()
        }
        NoEdgeKey::Missing => format!("`{path}` is not in it"),
        NoEdgeKey::Empty => format!("`{path}` is empty"),
        NoEdgeKey::Fault(KeyFault::NotBase64) => format!("`{path}` is not base64"),
        NoEdgeKey::Fault(why) => format!("`{path}` cannot be used: {}", note(why)),
    }
}

/// Describes a private key that other users can read.
pub(super) fn exposed(file: &str, mode: u32) -> Diagnostic {
    Diagnostic::warning(
        Code::SigningKeyExposed,
        format!("other users can read the private key `{file}`"),
    )
    .note(format!("its mode is {mode:04o}"))
    .help("give it the mode 600")
}

/// Describes a signature that nothing was compared with.
pub(crate) fn unchecked() -> Diagnostic {
    Diagnostic::warning(
        Code::SignatureUnchecked,
        "edgestage did not check the signature that `sign-command` made",
    )
    .note("`public-key` is not set")
    .help("set `public-key` in `[signing]`, and edgestage compares each signature with it")
}

/// Describes a signature that is not one of the locked archive.
pub(crate) fn differs(file: &str, definition: &str, fingerprint: &str) -> Diagnostic {
    Diagnostic::error(
        Code::SignatureDiffers,
        format!("`{file}` is not a signature of the locked archive of `{definition}`"),
    )
    .note(format!("the public key is {fingerprint}"))
    .help(format!(
        "sign the locked archive: `edgestage sign {definition}`"
    ))
}

/// Describes a file that cannot be a signature.
pub(crate) fn not_a_signature(file: &str, length: usize) -> Diagnostic {
    Diagnostic::error(
        Code::SignatureDiffers,
        format!("`{file}` is not a signature"),
    )
    .note(format!("it has {}", sanitize::count(length, "byte")))
    .help("name a raw RSA signature, or its hexadecimal digits")
}

/// Describes a signature file that cannot be read.
pub(crate) fn unreadable_signature(error: &PathError) -> Diagnostic {
    let told = Diagnostic::error(
        Code::SignatureUnreadable,
        format!("the signature cannot be used: {error}"),
    );
    match nearest_file(&error.path) {
        Some(near) => told.help(format!("did you mean `{}`?", sanitize::path(&near))),
        None => told.help("create it with `edgestage sign`"),
    }
}

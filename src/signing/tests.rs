//! Keys and signatures of openssl.

use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{KeyFault, PublicKey, Signature, Signer, SigningError};
use crate::manifest::SigningTable;
use crate::util::digest::Digest;
use crate::util::environment::Environment;

/// A directory with keys.
struct Keys(tempfile::TempDir);

impl Keys {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Creates the pair `name`, `name.pub`.
    fn pair(self, name: &str, bits: u32) -> Self {
        let options = format!("rsa_keygen_bits:{bits}");
        self.openssl(&[
            "genpkey",
            "-quiet",
            "-algorithm",
            "RSA",
            "-pkeyopt",
            &options,
            "-out",
            name,
        ]);
        self.openssl(&[
            "pkey",
            "-in",
            name,
            "-pubout",
            "-out",
            &format!("{name}.pub"),
        ]);
        self
    }

    /// Runs openssl and returns its output.
    fn openssl(&self, arguments: &[&str]) -> Vec<u8> {
        let output = Command::new("openssl")
            .args(arguments)
            .current_dir(self.0.path())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments:?}: {stderr}");
        output.stdout
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    fn public(&self, name: &str) -> Result<PublicKey, KeyFault> {
        PublicKey::from_pem(&self.read(name))
    }

    /// Signs `message` with the private key `name`.
    fn sign(&self, name: &str, message: &[u8]) -> Result<Signature, SigningError> {
        let table = SigningTable {
            private_key_file: Some(self.path(name)),
            ..SigningTable::default()
        };
        let environment = environment();
        Signer::new(Some(&table), Path::new("profiles.toml"), &environment)?
            .sign(message, Path::new("unused"))
    }

    fn fault(&self, name: &str) -> KeyFault {
        match self.sign(name, b"").unwrap_err() {
            SigningError::PrivateKey { why, .. } => why,
            other => panic!("{other:?}"),
        }
    }
}

fn environment() -> Environment {
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into();
    Environment {
        variables: [("PATH".into(), path)].into(),
        directory: PathBuf::new(),
        terminal: false,
        interactive: false,
        columns: None,
    }
}

#[test]
fn openssl_makes_the_same_signature() {
    for bits in [2048, 3072, 4096] {
        let name = format!("key{bits}");
        let keys = Keys::new().pair(&name, bits);
        std::fs::write(keys.path("archive"), b"the archive").unwrap();
        keys.openssl(&["rsa", "-in", &name, "-traditional", "-out", "pkcs1"]);
        assert!(
            keys.read("pkcs1")
                .starts_with(b"-----BEGIN RSA PRIVATE KEY")
        );
        let theirs = keys.openssl(&["dgst", "-sha256", "-sign", &name, "archive"]);
        for private in [name.as_str(), "pkcs1"] {
            let ours = keys.sign(private, b"the archive").unwrap();
            assert_eq!(ours.bytes(), theirs);
        }
        let public = keys.public(&format!("{name}.pub")).unwrap();
        let theirs = Signature::from_raw(theirs).unwrap();
        assert!(public.verifies(b"the archive", &theirs));
        assert!(!public.verifies(b"the archive.", &theirs));
        let mut other = theirs.bytes().to_vec();
        other[7] ^= 1;
        assert!(!public.verifies(b"the archive", &Signature::from_raw(other).unwrap()));
        let der = keys.openssl(&["pkey", "-in", &name, "-pubout", "-outform", "DER"]);
        assert_eq!(public.fingerprint(), Digest::of(&der));
    }
}

#[test]
fn a_signature_is_raw_or_hexadecimal() {
    let raw: Vec<u8> = (0..=255).collect();
    let signature = Signature::from_raw(raw.clone()).unwrap();
    assert!(signature.hex().starts_with("000102") && signature.hex().ends_with("fdfeff"));
    let upper = signature.hex().to_uppercase() + "\n";
    for file in [raw, signature.hex().into_bytes(), upper.into_bytes()] {
        assert_eq!(Signature::from_file(file).unwrap(), signature);
    }
    for wrong in [&b""[..], b"abc", &[b'a'; 511], &[7; 255], &[7; 1025]] {
        assert_eq!(Signature::from_file(wrong.to_vec()), None);
    }
}

#[test]
fn a_public_key_is_read_as_images_and_hosts_have_it() {
    let keys = Keys::new().pair("a", 2048).pair("b", 2048);
    let [a, b] = ["a.pub", "b.pub"].map(|name| keys.public(name).unwrap());
    assert!(a == a.clone() && a != b);
    let base64 = STANDARD.encode(keys.read("a.pub"));
    let wrapped: Vec<&str> = base64
        .as_bytes()
        .chunks(76)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    for text in [&base64, &wrapped.join("\n"), &wrapped.join("\r\n")] {
        assert_eq!(PublicKey::from_base64(text).unwrap(), a);
        assert_eq!(PublicKey::from_host(text).unwrap(), a);
    }
    let pem = String::from_utf8(keys.read("a.pub")).unwrap();
    assert_eq!(PublicKey::from_host(&pem).unwrap(), a);
    assert_eq!(
        PublicKey::from_base64(&pem).unwrap_err(),
        KeyFault::NotBase64
    );
    // The private key in the place of the public one.
    let private = STANDARD.encode(keys.read("a"));
    assert_eq!(
        PublicKey::from_base64(&private).unwrap_err(),
        KeyFault::Private
    );
    let empty = PublicKey::from_base64("");
    assert_eq!(empty.unwrap_err(), KeyFault::NotPem);
}

#[test]
fn keys_that_cannot_be_used_are_named() {
    let keys = Keys::new()
        .pair("a", 2048)
        .pair("small", 1024)
        .pair("large", 5120);
    let pem = |name: &str| keys.read(name);
    keys.openssl(&[
        "pkey",
        "-in",
        "a",
        "-aes256",
        "-passout",
        "pass:x",
        "-out",
        "encrypted",
    ]);
    keys.openssl(&[
        "rsa",
        "-in",
        "a",
        "-traditional",
        "-aes256",
        "-passout",
        "pass:x",
        "-out",
        "old",
    ]);
    keys.openssl(&[
        "genpkey",
        "-algorithm",
        "EC",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-out",
        "ec",
    ]);
    keys.openssl(&["ec", "-in", "ec", "-out", "sec1"]);
    keys.openssl(&["genpkey", "-algorithm", "ed25519", "-out", "ed"]);
    keys.openssl(&["pkey", "-in", "ec", "-pubout", "-out", "ec.pub"]);
    keys.openssl(&["rsa", "-in", "a", "-RSAPublicKey_out", "-out", "pkcs1.pub"]);
    keys.openssl(&[
        "req",
        "-x509",
        "-key",
        "a",
        "-subj",
        "/CN=x",
        "-out",
        "certificate",
    ]);
    std::fs::write(keys.path("two"), [pem("a"), pem("small")].concat()).unwrap();
    std::fs::write(keys.path("text"), "no key").unwrap();
    let cut = pem("a").len() / 2;
    std::fs::write(keys.path("cut"), &pem("a")[..cut]).unwrap();
    for (private, why) in [
        ("small", KeyFault::TooSmall(0)),
        ("large", KeyFault::TooLarge),
        ("encrypted", KeyFault::Encrypted),
        ("old", KeyFault::Encrypted),
        ("ec", KeyFault::NotRsa),
        ("sec1", KeyFault::NotRsa),
        ("ed", KeyFault::NotRsa),
        ("a.pub", KeyFault::Public),
        ("two", KeyFault::Several),
        ("text", KeyFault::NotPem),
        ("cut", KeyFault::Damaged),
        ("certificate", KeyFault::Certificate),
    ] {
        assert_eq!(keys.fault(private), why, "{private}");
    }
    for (public, why) in [
        ("small.pub", KeyFault::TooSmall(1024)),
        ("a", KeyFault::Private),
        ("encrypted", KeyFault::Private),
        ("old", KeyFault::Private),
        ("ec.pub", KeyFault::NotRsa),
        ("pkcs1.pub", KeyFault::Pkcs1Public),
        ("certificate", KeyFault::Certificate),
        ("text", KeyFault::NotPem),
    ] {
        assert_eq!(keys.public(public).unwrap_err(), why, "{public}");
    }
    // A public key may be larger than a private one.
    assert!(keys.public("large.pub").is_ok());
}

#[test]
fn the_halves_belong_together() {
    let keys = Keys::new().pair("a", 2048).pair("b", 2048);
    let environment = environment();
    let table = |public: &str| SigningTable {
        private_key_file: Some(keys.path("a")),
        public_key: Some(keys.path(public)),
        ..SigningTable::default()
    };
    let (right, wrong) = (table("a.pub"), table("b.pub"));
    let new = |table| Signer::new(Some(table), Path::new("profiles.toml"), &environment);
    let signer = new(&right).unwrap();
    assert_eq!(signer.public_key(), Some(&keys.public("a.pub").unwrap()));
    let refused = new(&wrong).err().unwrap();
    assert!(
        matches!(refused, SigningError::OtherKey { .. }),
        "{refused:?}"
    );
    let none = Signer::new(None, Path::new("profiles.toml"), &environment);
    assert!(matches!(none.err(), Some(SigningError::NoKey)));
}

#[test]
fn what_a_command_prints_is_compared_with_the_public_key() {
    let keys = Keys::new().pair("a", 2048).pair("b", 2048);
    std::fs::write(keys.path("archive"), b"the archive").unwrap();
    let environment = environment();
    let manifest = keys.path("profiles.toml");
    let sign = |command: &str, public: Option<&str>| {
        let table = SigningTable {
            sign_command: Some(command.split(' ').map(str::to_owned).collect()),
            public_key: public.map(|name| keys.path(name)),
            ..SigningTable::default()
        };
        let signer = Signer::new(Some(&table), &manifest, &environment).unwrap();
        assert_eq!(signer.public_key().is_some(), public.is_some());
        signer.sign(b"the archive", &keys.path("archive"))
    };
    let openssl = "openssl dgst -sha256 -sign a";
    for public in [Some("a.pub"), None] {
        let signature = sign(openssl, public).unwrap();
        assert!(
            keys.public("a.pub")
                .unwrap()
                .verifies(b"the archive", &signature)
        );
    }
    let other = sign(openssl, Some("b.pub")).unwrap_err();
    assert!(
        matches!(other, SigningError::OtherSignature { .. }),
        "{other:?}"
    );
    // PSS in place of PKCS#1 v1.5, and another digest.
    for options in ["-sigopt rsa_padding_mode:pss", "-sha512"] {
        let other = sign(&format!("{openssl} {options}"), Some("a.pub")).unwrap_err();
        assert!(
            matches!(other, SigningError::OtherSignature { .. }),
            "{other:?}"
        );
    }
    for (command, length, text) in [
        (format!("{openssl} -hex"), None, true),
        ("true".into(), Some(0), true),
        // The archive is a further file, of 11 bytes.
        ("head -q -c 200 /dev/zero".into(), Some(211), false),
        ("cat a".into(), None, true),
    ] {
        match sign(&command, None).unwrap_err() {
            SigningError::NotASignature {
                length: found,
                is_text,
                ..
            } => {
                assert_eq!(is_text, text, "{command}");
                assert!(
                    length.is_none_or(|length| length == found),
                    "{command}: {found}"
                );
            }
            other => panic!("{command}: {other:?}"),
        }
    }
    let failed = sign("false", None).unwrap_err();
    assert!(
        matches!(failed, SigningError::CommandFailed { .. }),
        "{failed:?}"
    );
    let failed = sign("./no-such-program", None).unwrap_err();
    assert!(
        matches!(failed, SigningError::CommandFailed { .. }),
        "{failed:?}"
    );
}

#[test]
fn the_key_of_a_custom_configuration() {
    use super::edge_config::{NoEdgeKey, public_key};
    let keys = Keys::new().pair("a", 2048);
    let key = keys.public("a.pub").unwrap();
    let base64 = STANDARD.encode(keys.read("a.pub"));
    let lines: Vec<String> = base64
        .as_bytes()
        .chunks(60)
        .map(|line| format!("        {}\n", std::str::from_utf8(line).unwrap()))
        .collect();
    let lines = lines.concat();
    let head = "content:\n  signing:\n    publicKey:\n      base64EncodedValue:";
    for text in [
        format!("{head} {base64}\n"),
        format!("{head} '{base64}'\n"),
        format!("{head} |\n{lines}"),
        format!("{head} \"{base64}\" # comment\n"),
        format!("\u{feff}---\n{head} {base64}\n---\n{{[\n"),
        format!("a: [content, {{signing: 1}}]\n? [x]\n: y\n{head} {base64}\nz: *\n"),
        format!("{{content: {{signing: {{x: [], publicKey: {{base64EncodedValue: {base64}}}}}}}}}"),
    ] {
        let found = public_key(text.as_bytes());
        // An alias without a name is not YAML.
        if text.contains("z: *") {
            assert!(matches!(found, Err(NoEdgeKey::NotYaml(_))), "{found:?}");
        } else {
            assert_eq!(found.as_ref(), Ok(&key), "{text}");
        }
    }
    for (text, why) in [
        (
            format!("- {{content: {{signing: {{publicKey: {{base64EncodedValue: {base64}}}}}}}}}"),
            NoEdgeKey::Missing,
        ),
        (
            format!("x:\n  {}", head.replace('\n', "\n  ") + " " + &base64),
            NoEdgeKey::Missing,
        ),
        (format!("{head}\n        x: {base64}\n"), NoEdgeKey::Missing),
        (format!("a: &a {base64}\n{head} *a\n"), NoEdgeKey::Alias),
        (
            format!("a: &a 1\nb: {{<<: 2}}\n{head} {base64}\n"),
            NoEdgeKey::Alias,
        ),
        (format!("{head} {base64}\ncontent: 1\n"), NoEdgeKey::Twice),
        (format!("{head} ~\n"), NoEdgeKey::Empty),
        ("# nothing\n".into(), NoEdgeKey::Missing),
        ("  \n".into(), NoEdgeKey::EmptyFile),
    ] {
        assert_eq!(public_key(text.as_bytes()).unwrap_err(), why, "{text}");
    }
    assert_eq!(public_key(&[0xff]).unwrap_err(), NoEdgeKey::NotText);
}

/// Aliases that would make a tree of 10^9 nodes, and 100,000 levels, are only read.
#[test]
fn a_hostile_custom_configuration_costs_nothing() {
    use super::edge_config::{NoEdgeKey, public_key};
    let mut bomb = vec!["a0: &a0 [x, x]\n".to_owned()];
    for level in 1..40 {
        let before = format!("*a{}", level - 1);
        let line = format!("a{level}: &a{level} [{before}, {before}, {before}]\n");
        bomb.push(line);
    }
    let bomb = bomb.concat();
    assert_eq!(public_key(bomb.as_bytes()).unwrap_err(), NoEdgeKey::Alias);
    for open in ["[", "{a: ", "- "] {
        let deep = open.repeat(100_000);
        assert!(public_key(deep.as_bytes()).is_err());
    }
}

//! `host upload` to hosts whose image has a public key: the signature that is sent, held against
//! openssl, and what happens without one that the host would accept.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::{Host, Test, host_world, leaked, openssl};

const UPLOAD: &str = "/upload-clusterconfig";

/// Returns a test with a key pair whose definition is locked, and `count` hosts that have
/// its public half, and `lines` in `[signing]`.
pub fn signed(count: usize, lines: &str) -> (Test, Vec<Host>) {
    let test = Test::new().key_pair("signer").key_pair("other");
    let public = STANDARD.encode(test.read("signer.pub"));
    let hosts: Vec<Host> = (1..=count)
        .map(|_| Host::start(host_world().key(&public)))
        .collect();
    let tables: Vec<String> = hosts
        .iter()
        .enumerate()
        .map(|(at, host)| host.table(&format!("line-{}", at + 1)))
        .collect();
    let test = test.hosts(&tables).signing(lines);
    test.run("fetch -q").any_stdout().success();
    (test, hosts)
}

/// Verifies with openssl that `host` got the locked archive with a signature of it.
fn is_signed(test: &Test, host: &Host) {
    let uploads = host.world(|world| world.uploads().to_vec());
    let [(archive, Some(signature))] = &uploads[..] else {
        panic!("{} uploads, or no signature", uploads.len());
    };
    let digits = std::str::from_utf8(signature).unwrap();
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    assert!(digits.len() == 512 && digits.bytes().all(is_digit));
    let raw: Vec<u8> = (0..256)
        .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    test.put("uploaded.tgz", archive);
    test.put("uploaded.sig", raw);
    let verify = "dgst -sha256 -verify signer.pub -signature uploaded.sig uploaded.tgz";
    assert_eq!(openssl(test, verify), b"Verified OK\n");
}

#[test]
fn openssl_verifies_what_a_host_gets() {
    let (test, hosts) = signed(1, "private-key-file = \"signer.pem\"");
    test.host_run("host upload line-1")
        .stdout("line-1  factory  uploaded\n")
        .any_stderr()
        .success();
    is_signed(&test, &hosts[0]);
    // Some hosts answer the PEM text itself.
    let (test, hosts) = signed(1, "private-key-file = \"signer.pem\"");
    let pem = test.text("signer.pub");
    hosts[0].world(|world| world.signing_key = Some(pem));
    test.host_run("host upload line-1")
        .any_stdout()
        .any_stderr()
        .success();
    is_signed(&test, &hosts[0]);
}

/// The command runs once, however many hosts need its signature, and what it prints is checked
/// with the host's key even if no `public-key` is set.
#[test]
fn a_command_signs_once_for_all_hosts() {
    let sign = "echo run >> runs; exec openssl dgst -sha256 -sign signer.pem $1";
    let lines = format!("sign-command = [\"sh\", \"-c\", \"{sign}\", \"sh\"]");
    let (test, hosts) = signed(3, &lines);
    test.host_run("host upload --all")
        .any_stdout()
        .any_stderr()
        .success();
    for host in &hosts {
        is_signed(&test, host);
    }
    assert_eq!(test.text("runs"), "run\n");
}

#[test]
fn a_signature_that_the_host_would_not_accept_is_not_sent() {
    let other = "[\"openssl\", \"dgst\", \"-sha256\", \"-sign\", \"other.pem\"]";
    for (lines, error, code) in [
        ("private-key-file = \"other.pem\"", "other-signing-key", 2),
        (&format!("sign-command = {other}"), "other-signing-key", 2),
        (
            &format!("sign-command = {other}\npublic-key = \"other.pub\""),
            "other-signing-key",
            2,
        ),
        (
            "private-key-file = \"signer.pub\"",
            "unusable-signing-key",
            2,
        ),
        (
            "private-key-file = \"missing.pem\"",
            "unusable-signing-key",
            2,
        ),
        ("sign-command = [\"true\"]", "sign-command-failed", 2),
        ("sign-command = [\"false\"]", "sign-command-failed", 1),
        // Only images are to have it; this machine cannot sign.
        ("public-key = \"signer.pub\"", "signature-needed", 2),
    ] {
        let (test, hosts) = signed(2, lines);
        test.host_run("host upload --all")
            .any_stdout()
            .error(error)
            .error(error)
            .stderr_has("`line-1`")
            .stderr_has("`line-2`")
            .stderr_has("nothing was sent")
            .fails(code);
        for host in &hosts {
            assert!(host.asked(UPLOAD).is_empty(), "{lines}");
            assert_eq!(host.asked("/logout").len(), 1, "{lines}");
        }
    }
}

/// The host's own key is the measure, so without a usable one nothing can be proven.
#[test]
fn a_host_whose_key_cannot_be_used() {
    let (test, hosts) = signed(1, "private-key-file = \"signer.pem\"");
    for key in ["rsa", "LS0tLS1CRUdJTg==", "-----BEGIN PUBLIC KEY-----"] {
        hosts[0].world(|world| world.signing_key = Some(key.into()));
        test.host_run("host upload line-1")
            .any_stdout()
            .error("unusable-public-key")
            .fails(1);
        assert!(hosts[0].asked(UPLOAD).is_empty());
    }
}

/// A host without a key gets no signature, and no private key need be on the machine.
#[test]
fn a_host_without_a_key_needs_none_of_ours() {
    let (test, hosts) = signed(1, "private-key-file = \"missing.pem\"");
    hosts[0].world(|world| world.signing_key = None);
    test.host_run("host upload line-1")
        .any_stdout()
        .any_stderr()
        .success();
    assert_eq!(hosts[0].world(|world| world.uploads()[0].1.clone()), None);
}

#[test]
fn a_private_key_that_others_can_read_is_a_warning_once() {
    use std::os::unix::fs::PermissionsExt as _;
    let (test, _hosts) = signed(2, "private-key-file = \"signer.pem\"");
    let mode = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(test.path("signer.pem"), mode).unwrap();
    let done = test
        .host_run("host upload --all")
        .any_stdout()
        .warning("signing-key-exposed")
        .success();
    assert_eq!(done.stderr.matches("signing-key-exposed").count(), 1);
}

/// The private key is in no output and no request, whatever happens.
#[test]
fn the_private_key_stays_where_it_is() {
    for (lines, code) in [
        ("private-key-file = \"signer.pem\"", 0),
        (
            "private-key-file = \"signer.pem\"\npublic-key = \"other.pub\"",
            2,
        ),
        ("sign-command = [\"cat\", \"signer.pem\"]", 2),
        (
            "sign-command = [\"sh\", \"-c\", \"cat signer.pem; exit 1\"]",
            1,
        ),
    ] {
        for form in ["", "-vv", "--json"] {
            let (test, hosts) = signed(1, lines);
            let run = test.host_run(&format!("host upload line-1 {form}"));
            let done = run.any_stdout().any_stderr().ends(code);
            let output = format!("{}{}", done.stdout, done.stderr);
            let pem = test.text("signer.pem");
            let secrets = pem.lines().filter(|line| line.len() == 64);
            let mut count = 0;
            for line in secrets {
                count += 1;
                assert_eq!(leaked(line, output.as_bytes()), None, "{lines}: {output}");
                for request in hosts[0].asked("") {
                    assert_eq!(leaked(line, &request.body), None, "{lines}");
                }
            }
            assert!(count > 20);
        }
    }
}

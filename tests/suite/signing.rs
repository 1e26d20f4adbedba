//! `sign` and `verify --signature`, held against openssl; and the private key, which is nowhere
//! but in its file.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::support::{
    DockerRegistry, Done, Run, Test, archive, leaked, openssl, sha256, try_openssl,
};

/// Returns a test whose definition is locked, with a private key.
fn ready() -> Test {
    let test = Test::new()
        .key_pair("signer")
        .signing("private-key-file = \"signer.pem\"\npublic-key = \"signer.pub\"");
    test.run("fetch -q").any_stdout().success();
    test
}

/// Writes the locked archive to `archive.tgz`, for openssl.
fn export(test: &Test) {
    test.run("fetch --offline -q --output archive.tgz")
        .any_stdout()
        .success();
    let locked = test.locked("factory").sha256.to_string();
    assert_eq!(sha256(&test.read("archive.tgz")), locked);
}

#[test]
fn openssl_verifies_what_sign_writes() {
    let test = ready();
    let done = test
        .run("sign factory")
        .stdout("{dir}/factory.sig.bin\n")
        .stderr_has("Signed factory in")
        .success();
    export(&test);
    let verify = "dgst -sha256 -verify signer.pub -signature factory.sig.bin archive.tgz";
    assert_eq!(openssl(&test, verify), b"Verified OK\n");
    let theirs = openssl(&test, "dgst -sha256 -sign signer.pem archive.tgz");
    assert_eq!(test.read("factory.sig.bin"), theirs);
    // A second run writes nothing.
    let before = fs::metadata(test.path("factory.sig.bin")).unwrap();
    done.again()
        .stdout("{dir}/factory.sig.bin\n")
        .any_stderr()
        .success();
    let after = fs::metadata(test.path("factory.sig.bin")).unwrap();
    assert_eq!(before.modified().unwrap(), after.modified().unwrap());
}

#[test]
fn hex_is_lower_case_and_has_no_newline() {
    let test = ready();
    test.run("sign --hex -q")
        .stdout("{dir}/factory.sig.hex\n")
        .success();
    test.run("sign --output other -q")
        .stdout("{dir}/other\n")
        .success();
    let raw = test.read("other");
    let digits: Vec<String> = raw.iter().map(|byte| format!("{byte:02x}")).collect();
    let hex = digits.concat();
    assert_eq!(test.text("factory.sig.hex"), hex);
    for file in ["other", "factory.sig.hex"] {
        test.run(&format!(
            "verify factory --signature {file} --public-key signer.pub"
        ))
        .stdout(&format!("{file}  as locked\n"))
        .stderr_has("is a signature of factory as locked")
        .success();
    }
}

#[test]
fn the_document_names_the_archive_and_the_key() {
    let test = ready();
    let done = test.run("sign --json").any_stdout().any_stderr().success();
    let json = done.json();
    let locked = test.locked("factory").sha256.to_string();
    let der = openssl(&test, "pkey -pubin -in signer.pub -outform DER");
    assert_eq!(json["encoding"], "raw");
    assert_eq!(json["sha256"], locked);
    assert_eq!(json["public_key_sha256"], sha256(&der));
    let done = test
        .run("verify --signature factory.sig.bin --json")
        .any_stdout()
        .any_stderr()
        .success();
    assert_eq!(done.json()["verdict"], "as-locked");
    assert_eq!(done.json()["public_key_sha256"], sha256(&der));
}

/// A signature covers the archive's bytes, and verification takes no others.
#[test]
fn another_signature_is_drift() {
    let test = ready().key_pair("other");
    test.put("archive.tgz", archive(&[("spc/x", "y")]));
    openssl(
        &test,
        "dgst -sha256 -sign signer.pem -out of-another archive.tgz",
    );
    export(&test);
    openssl(
        &test,
        "dgst -sha256 -sign other.pem -out by-another archive.tgz",
    );
    openssl(
        &test,
        "dgst -sha256 -sign signer.pem -out right archive.tgz",
    );
    openssl(
        &test,
        "dgst -sha512 -sign signer.pem -out sha512 archive.tgz",
    );
    let right = test.read("right");
    test.put("cut", &right[..255]);
    test.put("empty", "");
    for file in ["of-another", "by-another", "sha512", "cut", "empty"] {
        let done = test
            .run(&format!("verify --signature {file} --json"))
            .any_stdout()
            .any_stderr()
            .fails(3);
        assert_eq!(done.json()["verdict"], "differs", "{file}");
        assert_eq!(done.json()["error"]["code"], "signature-differs", "{file}");
    }
    test.run("verify --signature right --public-key other.pub")
        .stdout("right  differs\n")
        .error("signature-differs")
        .fails(3);
    test.run("verify --signature right")
        .stdout("right  as locked\n")
        .any_stderr()
        .success();
    test.run("verify --signature no-such-file")
        .error("signature-unreadable")
        .fails(2);
}

/// Other bytes of the locked content have another signature.
#[test]
fn only_the_locked_bytes_are_signed() {
    let test = ready();
    let cached = test.cached().remove(0);
    export(&test);
    let tar = {
        use std::io::Read as _;
        let mut tar = Vec::new();
        flate2::read::MultiGzDecoder::new(fs::File::open(&cached).unwrap())
            .read_to_end(&mut tar)
            .unwrap();
        tar
    };
    fs::write(&cached, crate::support::gzip(&tar)).unwrap();
    test.run("sign").error("not-the-locked-bytes").fails(3);
    assert!(!test.path("factory.sig.bin").exists());
    // The registry has them.
    let registry = DockerRegistry::open();
    let right = test.read("archive.tgz");
    fs::write(&cached, &right).unwrap();
    let test = test.repository(&registry.repository());
    test.run("push -q").any_stdout().success();
    fs::write(&cached, crate::support::gzip(&tar)).unwrap();
    test.run("sign -q").any_stdout().success();
    let verify = "dgst -sha256 -verify signer.pub -signature factory.sig.bin archive.tgz";
    openssl(&test, verify);
    // So it has for a machine with an empty cache and no key of Palette.
    test.forget_cache();
    fs::remove_file(test.path("factory.sig.bin")).unwrap();
    test.run("sign -q").without_key().any_stdout().success();
    openssl(&test, verify);
}

#[test]
fn a_lock_that_does_not_match_is_not_signed() {
    let test = ready().definition("profiles = [\"edge-infra@2.0.0\"]");
    let test = test.signing("private-key-file = \"signer.pem\"");
    test.run("sign").error("outdated").fails(3);
    fs::remove_file(test.path("profiles.lock")).unwrap();
    test.run("sign").error("no-lockfile").fails(3);
    assert!(!test.path("factory.sig.bin").exists());
}

#[test]
fn a_command_signs_a_copy_of_the_archive() {
    let test = ready();
    let command = "sign-command = [\"./sign\", \"--key\", \"the key's name\"]";
    let manifest = test.text("profiles.toml");
    let manifest = manifest.replace("private-key-file = \"signer.pem\"", command);
    let test = test.write("profiles.toml", &manifest).write(
        "sign",
        "#!/bin/sh\nprintf '%s\\n' \"$@\" > seen\nenv >> seen\npwd > where\n\
         sha256sum < \"$3\" > digest\nexec openssl dgst -sha256 -sign signer.pem \"$3\"\n",
    );
    fs::set_permissions(test.path("sign"), fs::Permissions::from_mode(0o755)).unwrap();
    test.run("sign -q")
        .env("CI_JOB_TOKEN", "t0ken-of-the-job")
        .stdout("{dir}/factory.sig.bin\n")
        .success();
    export(&test);
    openssl(
        &test,
        "dgst -sha256 -verify signer.pub -signature factory.sig.bin archive.tgz",
    );
    let seen = test.text("seen");
    assert!(seen.starts_with("--key\nthe key's name\n/"), "{seen}");
    assert!(
        !seen.contains("t0ken") && !seen.contains("PALETTE"),
        "{seen}"
    );
    assert_eq!(test.text("where").trim_end(), test.site().to_str().unwrap());
    let locked = test.locked("factory").sha256.to_string();
    assert!(test.text("digest").starts_with(&locked));
    // The copy is gone.
    let copy = seen.lines().nth(2).unwrap();
    assert!(!Path::new(copy).exists(), "{copy}");
    // Without `public-key` nothing is compared, which is said.
    let manifest = manifest.replace("public-key = \"signer.pub\"\n", "");
    let test = test.write("profiles.toml", manifest);
    test.run("sign")
        .any_stdout()
        .warning("signature-unchecked")
        .success();
}

#[test]
fn a_command_that_makes_no_signature_leaves_none() {
    let test = ready().key_pair("other");
    let manifest = test.text("profiles.toml");
    for (command, error, code) in [
        ("[\"false\"]", "sign-command-failed", 1),
        ("[\"./missing\"]", "sign-command-failed", 1),
        ("[\"true\"]", "sign-command-failed", 2),
        (
            "[\"openssl\", \"dgst\", \"-sha256\", \"-sign\", \"other.pem\"]",
            "other-signing-key",
            2,
        ),
        (
            "[\"openssl\", \"dgst\", \"-sha256\", \"-hex\", \"-sign\", \"signer.pem\"]",
            "sign-command-failed",
            2,
        ),
    ] {
        let line = format!("sign-command = {command}");
        test.put(
            "profiles.toml",
            manifest.replace("private-key-file = \"signer.pem\"", &line),
        );
        test.run("sign").any_stderr().error(error).fails(code);
        assert!(!test.path("factory.sig.bin").exists());
    }
}

#[test]
fn a_key_that_cannot_be_used_ends_the_run_before_anything_else() {
    let test = ready().key_pair("other");
    let manifest = test.text("profiles.toml");
    openssl(
        &test,
        "pkey -in signer.pem -aes256 -passout pass:x -out encrypted",
    );
    openssl(
        &test,
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec",
    );
    test.sim.clear_requests();
    test.forget_cache();
    for (private, public, error) in [
        ("encrypted", "signer.pub", "unusable-signing-key"),
        ("ec", "signer.pub", "unusable-signing-key"),
        ("missing", "signer.pub", "unusable-signing-key"),
        ("CanvOS", "signer.pub", "unusable-signing-key"),
        ("signer.pem", "signer.pem", "unusable-public-key"),
        ("signer.pem", "missing", "unusable-public-key"),
        ("signer.pem", "other.pub", "other-signing-key"),
    ] {
        let text = manifest
            .replace("\"signer.pem\"", &format!("\"{private}\""))
            .replace("\"signer.pub\"", &format!("\"{public}\""));
        test.put("profiles.toml", text);
        test.run("sign").error(error).fails(2);
    }
    let both = manifest.replace("public-key", "sign-command = [\"x\"]\npublic-key");
    test.put("profiles.toml", both);
    test.run("sign").error("invalid-value").fails(2);
    test.put("profiles.toml", manifest.replace("[signing]", "[signed]"));
    test.run("sign").error("unknown-key").fails(2);
    let test = test.definition(crate::support::FACTORY);
    test.run("sign").error("no-signing-key").fails(2);
    test.run("verify --signature signer.pub")
        .error("no-signing-key")
        .fails(2);
    assert!(test.sim.requests().is_empty());
    assert!(!test.path("factory.sig.bin").exists());
}

#[test]
fn the_output_is_never_a_key() {
    let test = ready();
    for output in ["signer.pem", "signer.pub", "profiles.toml", "profiles.lock"] {
        test.run(&format!("sign --output {output}"))
            .error("unusable-output")
            .keeps_files()
            .fails(2);
    }
}

#[test]
fn a_private_key_that_others_can_read_is_a_warning() {
    let test = ready();
    let path = test.path("signer.pem");
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    test.run("sign")
        .any_stdout()
        .warning("signing-key-exposed")
        .success();
}

/// Every run here, good or bad, in every form: the private key is in its own file only.
#[test]
fn the_private_key_is_nowhere_but_in_its_file() {
    let test = ready();
    let manifest = test.text("profiles.toml");
    let pem = test.text("signer.pem");
    // The lines of the file, and the primes as bytes.
    let der = openssl(&test, "rsa -in signer.pem -traditional -outform DER");
    let secrets: Vec<&str> = pem.lines().filter(|line| !line.contains("--")).collect();
    assert!(secrets.len() > 20);
    let prime = &der[600..664];
    let check = |done: &Done<'_>, what: &str| {
        let output = format!("{}{}", done.stdout, done.stderr);
        // Not the last line, which is short.
        for line in &secrets[..secrets.len() - 1] {
            assert_eq!(leaked(line, output.as_bytes()), None, "{what}: {output}");
        }
        for file in files(&test.site()) {
            if file.ends_with("signer.pem") {
                continue;
            }
            let bytes = fs::read(&file).unwrap();
            let has = |part: &[u8]| bytes.windows(part.len()).any(|found| found == part);
            assert!(!has(prime), "{what}: {}", file.display());
            assert!(!has(secrets[3].as_bytes()), "{what}: {}", file.display());
        }
    };
    let variants = [
        ("", "sign", 0),
        (
            "",
            "verify --signature factory.sig.bin --public-key signer.pem",
            2,
        ),
        ("", "verify --signature signer.pem", 3),
        ("", "sign --output signer.pem", 2),
        ("", "check --offline", 3),
        ("public-key = \"signer.pem\"", "sign", 2),
        ("sign-command = [\"cat\", \"signer.pem\"]", "sign", 2),
    ];
    for (line, command, code) in variants {
        let text = match line.split_once(' ') {
            None => manifest.clone(),
            Some(("public-key", _)) => manifest.replace("public-key = \"signer.pub\"", line),
            Some(_) => manifest.replace("private-key-file = \"signer.pem\"", line),
        };
        test.put("profiles.toml", text);
        for form in ["", "-vv", "--json"] {
            let run = test.run(&format!("{command} {form}"));
            let run: Run<'_> = run.any_stdout().any_stderr();
            let done = if code == 0 {
                run.success()
            } else {
                run.fails(code)
            };
            check(&done, &format!("{line} {command} {form}"));
        }
    }
}

/// Returns the files below `directory`.
fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// openssl refuses what edgestage refuses.
#[test]
fn openssl_agrees_about_what_is_wrong() {
    let test = ready();
    test.run("sign -q").any_stdout().success();
    export(&test);
    let mut bytes = test.read("archive.tgz");
    *bytes.last_mut().unwrap() ^= 1;
    test.put("archive.tgz", bytes);
    let verify = "dgst -sha256 -verify signer.pub -signature factory.sig.bin archive.tgz";
    assert!(!try_openssl(&test, verify).status.success());
}

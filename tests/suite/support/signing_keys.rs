//! Signing keys, made by openssl.

use std::process::Command;

use super::Test;

/// Runs openssl in the test's directory, which must succeed, and returns what it prints.
pub fn openssl(test: &Test, arguments: &str) -> Vec<u8> {
    let output = try_openssl(test, arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments}: {stderr}");
    output.stdout
}

/// Runs openssl in the test's directory.
pub fn try_openssl(test: &Test, arguments: &str) -> std::process::Output {
    Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(test.site())
        .output()
        .unwrap_or_else(|error| panic!("`openssl` is needed: run `scripts/setup test` ({error})"))
}

impl Test {
    /// Adds `[signing]` with these lines to `profiles.toml`.
    pub fn signing(self, lines: &str) -> Self {
        let manifest = self.text("profiles.toml");
        let manifest = manifest.replacen(
            "[definition.",
            &format!("[signing]\n{lines}\n\n[definition."),
            1,
        );
        self.write("profiles.toml", manifest)
    }

    /// Creates a pair of keys: `NAME.pem`, which only its owner can read, and `NAME.pub`.
    pub fn key_pair(self, name: &str) -> Self {
        openssl(
            &self,
            &format!("genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out {name}.pem"),
        );
        openssl(
            &self,
            &format!("pkey -in {name}.pem -pubout -out {name}.pub"),
        );
        self
    }
}

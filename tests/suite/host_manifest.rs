//! `[hosts]` and `[host.NAME]` in `profiles.toml`.

use crate::support::Test;

/// A manifest with these lines behind the definition.
fn with(lines: &str) -> Test {
    let test = Test::new();
    let manifest = test.text("profiles.toml");
    test.write("profiles.toml", format!("{manifest}\n{lines}\n"))
}

#[test]
fn hosts_that_are_right() {
    let pin = "9c1e".repeat(16);
    with(&format!(
        "[hosts]\nuser = \"kairos\"\npassword-command = [\"pass\", \"edge/local-ui\"]\n\
         ca-cert = \"ca.pem\"\n\n\
         [host.line-1]\naddress = \"192.168.7.21\"\ndefinition = \"factory\"\n\
         certificate-sha256 = \"{pin}\"\n\n\
         [host.\"line.2\"]\naddress = \"[fd00::21]:8443\"\nuser = \"me\"\n\
         password-file = \"p\"\nca-cert = \"own.pem\"\n"
    ))
    .run("list")
    .any_stdout()
    .success();
}

#[test]
fn hosts_that_are_wrong() {
    let address = "address = \"192.0.2.1\"";
    for (lines, code) in [
        ("[host.a]\n", "missing-key"),
        ("[host.a]\nadress = \"192.0.2.1\"\n", "unknown-key"),
        ("[host.a]\naddress = 5\n", "wrong-type"),
        (
            "[host.a]\naddress = \"http://192.0.2.1\"\n",
            "invalid-value",
        ),
        ("[host.a]\naddress = \"fd00::21\"\n", "invalid-value"),
        ("[host.a]\naddress = \"192.0.2.1:99999\"\n", "invalid-value"),
        (
            &format!("[host.a]\n{address}\ndefinition = \"factori\"\n"),
            "invalid-value",
        ),
        (
            &format!("[host.a]\n{address}\ncertificate-sha256 = \"9c\"\n"),
            "invalid-value",
        ),
        (
            &format!("[host.a]\n{address}\n[host.b]\n{address}\n"),
            "invalid-value",
        ),
        (&format!("[host.\"a b\"]\n{address}\n"), "invalid-value"),
        ("[host]\na = 1\n", "wrong-type"),
        ("host = 1\n", "wrong-type"),
        ("[hosts]\npassword-command = []\n", "invalid-value"),
        ("[hosts]\naddress = \"192.0.2.1\"\n", "unknown-key"),
    ] {
        let test = with(lines);
        let manifest = test.text("profiles.toml");
        // A bare key belongs before the first table.
        let test = match lines.strip_prefix("host = ") {
            Some(_) => test.write(
                "profiles.toml",
                format!("{lines}{manifest}").replacen(&format!("\n{lines}"), "", 1),
            ),
            None => test,
        };
        test.run("list").error(code).fails(2);
    }
}

/// What names a definition follows it.
#[test]
fn a_renamed_definition_is_renamed_in_its_hosts() {
    let test = with(
        "[host.a] # the first\naddress = \"192.0.2.1\"\ndefinition = 'factory' # here\n\n\
         [host]\nb = { address = \"192.0.2.2\", definition = \"factory\" }\n\n\
         [host.c]\naddress = \"192.0.2.3\"\n",
    );
    test.run("rename factory plant").any_stderr().success();
    let manifest = test.text("profiles.toml");
    assert!(manifest.contains("[definition.plant]"));
    assert!(
        manifest.contains("definition = \"plant\" # here"),
        "{manifest}"
    );
    assert!(manifest.contains("definition = \"plant\" }"));
    assert!(!manifest.contains("factory"));
    test.run("list").any_stdout().success();
}

/// Files that profiles.toml names for hosts are not overwritten.
#[test]
fn no_output_over_a_password() {
    let test = with(
        "[hosts]\nuser = \"kairos\"\npassword-file = \"secret\"\n\n\
         [host.a]\naddress = \"192.0.2.1\"\nca-cert = \"own.pem\"\n",
    );
    for path in ["secret", "own.pem"] {
        test.run(&format!("fetch --output {path}"))
            .error("unusable-output")
            .fails(2);
    }
}

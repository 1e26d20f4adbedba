//! Tests of `profiles.toml`: what is read, and what is reported.

use super::*;

mod causes;
mod indexed;

fn parse(text: &str) -> Result<Manifest, Vec<Diagnostic>> {
    Manifest::parse(
        text,
        Path::new("/site/profiles.toml"),
        Path::new("profiles.toml"),
    )
}

/// Returns `title: label` and the line of every problem.
fn problems(text: &str) -> Vec<String> {
    let tell = |d: &Diagnostic| {
        let excerpt = d.excerpt.as_ref().unwrap();
        assert!(!d.help.is_empty(), "no help: {}", d.title);
        let (line, _) = excerpt.source.position(excerpt.span.start);
        format!("{line}: {} ({})", d.title, excerpt.label)
    };
    parse(text).unwrap_err().iter().map(tell).collect()
}

const UID: &str = "65c90a1b2c3d4e5f770daee5";
const PROJECT: &str = "5fbbf0c1d2e3f4a5b6c7d8e9";

#[test]
fn the_file_is_masked_when_a_message_shows_it() {
    let text =
        "[palette]\nendpoint = 'https://palette.example'\n[definition.a]\nprofiles = ['e@1']\n";
    let manifest = parse(text).unwrap();
    assert!(manifest.source.0.source.get().is_none());
    assert_eq!(manifest.source().text, text);
    assert_eq!(manifest.source().path, "profiles.toml");
    assert!(manifest.source.0.source.get().is_some());
}

#[test]
fn the_whole_schema() {
    let manifest = parse(&format!(
        r#"
[palette]
endpoint = "https://palette.example.com/"
project = "Default"
ca-cert = "ca.pem"
api-key-command = ["pass", "palette"]
api-key-file = "/run/key"
timeout = 7
retries = 0
allow-http = true

[canvos]
dir = "../CanvOS"
build = ["./earthly.sh", "+iso"]

[cache]
dir = "vendor"

[limits]
archive = "1 GiB"
unpacked = 5000000000
entries = 7

[definition.factory]
name = "n"
cloud-type = "c"
allow = ["profile-missing"]
canvos = "other"
project = "{PROJECT}"
profiles = [
  "{UID}",
  "https://c.example/admin/profiles/cluster/65c90a1b2c3d4e5f770daee6",
  "edge@1.0.0",
  {{ name = "edge", version = "2.0.0", packs = [ {{ name = "p", tag = "1" }} ] }},
  {{ uid = "65c90a1b2c3d4e5f770daee7" }},
  {{ url = "https://c.example/projects/{PROJECT}/profiles/cluster/65c90a1b2c3d4e5f770daee8" }},
]
"#
    ))
    .unwrap();
    assert_eq!(
        manifest.endpoint().unwrap().to_string(),
        "https://palette.example.com"
    );
    assert_eq!(manifest.palette.ca_cert, Some("/site/ca.pem".into()));
    assert_eq!(manifest.palette.api_key_file, Some("/run/key".into()));
    assert_eq!(manifest.palette.timeout, Some(7));
    assert_eq!(manifest.palette.retries, Some(0));
    assert!(manifest.palette.allow_http);
    assert_eq!(manifest.canvos, Path::new("/site/../CanvOS"));
    assert_eq!(manifest.build.as_ref().unwrap()[1], "+iso");
    assert_eq!(manifest.cache, Some("/site/vendor".into()));
    assert_eq!(
        manifest.limits,
        Limits {
            archive: 1 << 30,
            unpacked: 5_000_000_000,
            entries: 7
        }
    );
    let definition = &manifest.definitions["factory"];
    assert_eq!(definition.canvos, Some("/site/other".into()));
    assert_eq!(definition.metadata_name, "n");
    assert_eq!(definition.cloud_type, "c");
    let references: Vec<String> = definition
        .profiles
        .iter()
        .map(|p| p.reference.to_string())
        .collect();
    assert_eq!(references.len(), 6);
    assert_eq!(references[3], "edge@2.0.0");
    assert_eq!(definition.profiles[3].packs[0].tag.as_deref(), Some("1"));
}

/// A date is not a valid value of any key. If a key accepts a date, the reader does not read
/// that key.
#[test]
fn every_key_that_is_described_is_read() {
    const REST: &str = "[definition.z]\nprofiles = ['z@1']\n";
    for (spec, title, file) in [
        (&keys::FILE, "[KEY]", "KEY = VALUE\n".to_owned()),
        (
            &keys::PALETTE,
            "`KEY`",
            format!("[palette]\nKEY = VALUE\n{REST}"),
        ),
        (
            &keys::CANVOS,
            "`KEY`",
            format!("[canvos]\nKEY = VALUE\n{REST}"),
        ),
        (
            &keys::CACHE,
            "`KEY`",
            format!("[cache]\nKEY = VALUE\n{REST}"),
        ),
        (
            &keys::LIMITS,
            "`KEY`",
            format!("[limits]\nKEY = VALUE\n{REST}"),
        ),
        (
            &keys::DEFINITION,
            "`KEY`",
            "[definition.a]\nKEY = VALUE\n".to_owned(),
        ),
        (
            &keys::PROFILE,
            "`KEY`",
            "[definition.a]\nprofiles = [{ KEY = VALUE }]".to_owned(),
        ),
        (
            &keys::PACK,
            "`KEY`",
            "[definition.a]\nprofiles = [{ packs = [{ KEY = VALUE }] }]".to_owned(),
        ),
    ] {
        for key in spec.keys {
            let text = file.replace("KEY", key.name).replace("VALUE", "1979-05-27");
            let title = title.replace("KEY", key.name);
            let expected = format!("{title} must be {}", key.kind.expected());
            let found = parse(&text).unwrap_err();
            let mut wrong = found.iter().filter(|d| d.code == Code::WrongType);
            assert!(wrong.any(|d| d.title == expected), "{expected}: {found:?}");
        }
    }
}

#[test]
fn defaults() {
    let manifest = parse("[definition.a]\nprofiles = ['e@1']").unwrap();
    assert_eq!(manifest.canvos, Path::new("/site"));
    let definition = &manifest.definitions["a"];
    assert_eq!(definition.metadata_name, "cluster-profiles");
    assert_eq!(definition.cloud_type, "edge-native");
    assert_eq!(definition.project_asked(), None);
    assert_eq!(manifest.limits, Limits::default());
}

#[test]
fn the_project_is_its_own_else_its_urls_else_the_files() {
    let asked = |palette: &str, own: &str, profile: &str| {
        let text = format!("[palette]\n{palette}\n[definition.a]\n{own}\nprofiles = ['{profile}']");
        parse(&text).unwrap().definitions["a"]
            .project_asked()
            .unwrap()
            .to_string()
    };
    let url = format!("https://c.example/projects/{PROJECT}/profiles/cluster/{UID}");
    assert_eq!(asked("project = 'P'", "", "e@1"), "P");
    assert_eq!(asked("project = 'P'", "", &url), PROJECT);
    assert_eq!(asked("project = 'P'", "project = 'Own'", "e@1"), "Own");
}

#[test]
fn every_problem_is_told_in_one_run() {
    let text = r#"
[palette]
timeout = 0
retries = "many"
endpoint = "ftp://x"
[canvos]
dir = ""
build = []
[limits]
archive = "2 GB"
[definition.a]
profiles = [1, "65c9", { uid = "x" }, { name = "n" }, "e@1", "e@1", {packs = [{ name = "p" }, {}], uid = "65c90a1b2c3d4e5f770daee5"}]
[definition."b c"]
profiles = "e@1"
[definition.c]
[cach]
"#;
    assert_eq!(
        problems(text),
        [
            "3: `timeout` is out of range (expected a whole number of at least 1)",
            "4: `retries` must be a whole number (this is a string)",
            "5: `endpoint` is not a Palette address (the scheme is `ftp`, not https)",
            "7: `dir` is empty ()",
            "8: `build` does not name a program (empty)",
            "10: `archive` is not a size (expected a number with B, KiB, MiB or GiB)",
            "12: a profile must be a string or a table (this is an integer)",
            "12: invalid profile reference (a uid has 24 hexadecimal digits, but this has 4)",
            "12: invalid profile reference (not a uid, a console URL or name@version)",
            "12: invalid profile reference (`version` is missing)",
            "12: `a` has the same profile twice (already on line 12)",
            "12: pack `p` overrides nothing (neither `tag` nor `values` is set)",
            "12: the pack has no name (`name` is missing)",
            "13: invalid definition name (a name consists of letters, digits, `.`, `_` and `-`, and starts with neither `.` nor `-`)",
            "14: `profiles` must be an array of profiles (this is a string)",
            "15: `c` has no profiles (`profiles` is missing)",
            "16: unknown key `cach` in the file (did you mean `cache`?)",
        ]
    );
}

#[test]
fn a_syntax_error_does_not_hide_the_others_nor_make_up_more() {
    let told =
        problems("[palette]\nproject = \"x\nretires = 1\n[definition.a]\nprofiles = ['e@1']\n");
    assert!(
        told[0].starts_with("2: the file is not valid TOML"),
        "{told:?}"
    );
    assert!(
        told.iter().any(|t| t.contains("unknown key `retires`")),
        "{told:?}"
    );
    assert_eq!(told.len(), 2, "{told:?}");
}

#[test]
fn projects_must_agree() {
    let other = "5fbbf0c1d2e3f4a5b6c7d8e0";
    let url = |project: &str, last: char| {
        format!(
            "https://c.example/projects/{project}/profiles/cluster/65c90a1b2c3d4e5f770daee{last}"
        )
    };
    let text = format!(
        "[definition.a]\nprofiles = [\n'{}',\n'{}']",
        url(PROJECT, '1'),
        url(other, '2')
    );
    assert_eq!(
        problems(&text),
        [format!(
            "4: `a` has profiles from two projects (the profile on line 3 belongs to project `{PROJECT}`)"
        )]
    );
    let text = format!(
        "[definition.a]\nproject = '{other}'\nprofiles = ['{}']",
        url(PROJECT, '1')
    );
    assert_eq!(problems(&text).len(), 1);
    assert!(problems(&text)[0].contains("has profiles from another project"));
}

#[test]
fn no_definition_at_all() {
    assert_eq!(
        problems("")[0],
        "1: the file contains no definition (the file ends here)"
    );
    assert_eq!(
        problems("[definition]\n")[0],
        "1: the file contains no definition (empty)"
    );
}

#[test]
fn a_key_in_the_file_is_refused_and_not_shown() {
    for text in [
        "[palette]\napi-key = 'hunter2'\n[definition.a]\nprofiles = ['e@1']",
        "apiKey = 'hunter2'\n[definition.a]\nprofiles = ['e@1']",
        "palette = { token = 'hunter2' }\n[definition.a]\nprofiles = ['e@1']",
    ] {
        let told = parse(text).unwrap_err();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].title.contains("must not be in this file"));
        assert!(
            !told[0]
                .excerpt
                .as_ref()
                .unwrap()
                .source
                .text
                .contains("hunter2")
        );
    }
}

#[test]
fn what_is_asked_is_digested_not_how_it_is_spelled() {
    let asked = |body: &str| {
        parse(&format!("[definition.a]\n{body}"))
            .unwrap()
            .definitions["a"]
            .asked()
    };
    let base = asked(&format!("profiles = ['{UID}']"));
    assert_eq!(
        base,
        asked(&format!(
            "# comment\nprofiles = [ {{ uid = '{}' }} ]",
            UID.to_uppercase()
        ))
    );
    assert_eq!(
        base,
        asked(&format!(
            "profiles = ['https://c.example/admin/profiles/cluster/{UID}']"
        ))
    );
    for other in [
        format!("name = 'x'\nprofiles = ['{UID}']"),
        format!("cloud-type = 'x'\nprofiles = ['{UID}']"),
        format!("project = 'x'\nprofiles = ['{UID}']"),
        format!("profiles = ['{UID}', 'e@1']"),
        format!("profiles = [ {{ uid = '{UID}', packs = [ {{ name = 'p', tag = '1' }} ] }} ]"),
    ] {
        assert_ne!(base, asked(&other), "{other}");
    }
}

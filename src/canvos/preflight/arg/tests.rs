use super::*;
use bash::Value;

/// What the real programs answered: godotenv 1.5.1, and bash 5.2 with `HOME=/nonexist`.
const ROWS: &str = include_str!("../../../../tests/fixtures/real/arg.jsonl");

fn read_text(text: &str) -> Arg {
    let home = |name: &str| (name == "HOME").then(|| "/nonexist".to_owned());
    parse(text.as_bytes(), Path::new(".arg"), &home)
}

#[test]
fn both_readers_read_what_the_real_programs_read() {
    let mut count = (0, 0);
    for row in ROWS.lines() {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        let text = row["text"].as_str().unwrap();
        let arg = read_text(text);
        let refused = row.get("godotenv_error").is_some();
        assert_eq!(arg.error.is_some(), refused, "{text:?}");
        let of_key = arg.assignments.last().map(|last| last.value.as_str());
        assert_eq!(of_key, row["godotenv"].as_str(), "{text:?}");
        assert_eq!(arg.value(KEY), of_key, "{text:?}");
        let of_bash = Value::from(row["bash"].as_str().map(str::to_owned));
        assert_eq!(arg.bash, of_bash, "{text:?}");
        count = (count.0 + 1, count.1 + usize::from(refused));
    }
    assert_eq!(count, (700, 247));
}

#[test]
fn the_last_assignment_counts_to_each_reader() {
    for (text, earthly, bash) in [
        ("CLUSTERCONFIG=spc.tgz\r\n", "spc.tgz", Some("spc.tgz\r")),
        ("CLUSTERCONFIG = 'x.tgz'", "x.tgz", None),
        ("CLUSTERCONFIG=a b\n", "a b", None),
        ("CLUSTERCONFIG=a\nCLUSTERCONFIG = b\n", "b", Some("a")),
        ("A=\"1\" CLUSTERCONFIG=a # b\n", "a", Some("a")),
        ("CLUSTERCONFIG=~/a", "~/a", Some("/nonexist/a")),
    ] {
        let arg = read_text(text);
        assert_eq!(arg.value(KEY), Some(earthly), "{text:?}");
        assert_eq!(arg.bash, bash.map(str::to_owned).into(), "{text:?}");
    }
}

#[test]
fn other_build_arguments_are_read_too() {
    let arg = read_text("ARCH=arm64\nA=${ARCH}-x\nARCH=amd64\nIS_UKI=\"true\"\n");
    assert_eq!(arg.value("ARCH"), Some("amd64"));
    assert_eq!(arg.value("A"), Some("arm64-x"));
    assert_eq!(arg.value("IS_UKI"), Some("true"));
    assert_eq!(arg.value("CLUSTERCONFIG"), None);
}

#[test]
fn what_earthly_gets_from_its_wrapper() {
    let exported = |name: &str| (name == BUILD_ARGS).then(|| "A=1".to_owned());
    for (text, environment, expected) in [
        ("", false, Value::Unset),
        ("", true, Value::Set("A=1".to_owned())),
        ("EARTHLY_BUILD_ARGS=B=2", false, Value::Unset),
        ("EARTHLY_BUILD_ARGS=B=2", true, Value::Set("B=2".to_owned())),
        (
            "export EARTHLY_BUILD_ARGS=B=2",
            false,
            Value::Set("B=2".to_owned()),
        ),
        ("export EARTHLY_BUILD_ARGS=$(date)", false, Value::Unknown),
        ("unset EARTHLY_BUILD_ARGS", true, Value::Unset),
        (
            "export EARTHLY_BUILD_ARGS=$PE_VERSION",
            false,
            Value::Unknown,
        ),
    ] {
        let variable = |name: &str| exported(name).filter(|_| environment);
        let arg = parse(text.as_bytes(), Path::new(".arg"), &variable);
        assert_eq!(arg.build_args, expected, "{text:?}");
    }
}

#[test]
fn a_file_that_earthly_refuses_has_no_values() {
    let arg = read_text("CLUSTERCONFIG=a.tgz\nunset S3CRET\n");
    assert_eq!(arg.value(KEY), None);
    assert!(arg.assignments.is_empty());
    assert_eq!(arg.bash, Value::Set("a.tgz".to_owned()));
    assert_eq!(arg.error.as_ref().unwrap().line, 2);
    let refusal = arg.refusal().unwrap();
    assert_eq!(
        refusal.title,
        "Earthly cannot read `.arg`: the line has no `=`"
    );
    let excerpt = refusal.excerpt.unwrap();
    assert_eq!(excerpt.source.position(excerpt.span.start), (2, 1));
    assert_eq!(excerpt.source.text.trim(), "");
    assert!(read_text("CLUSTERCONFIG=a.tgz\n").refusal().is_none());
}

#[test]
fn what_may_be_secret_in_the_line_is_not_shown() {
    for text in [
        "CLUSTERCONFIG=https://me:hunter2@host/spc.tgz?sig=hunter2",
        "CLUSTERCONFIG=\"https://me:hunter2@host/spc.tgz\"",
        "CLUSTERCONFIG=spc.tgz # password hunter2",
        "CLUSTERCONFIG=\"a.tgz\" hunter2=hunter2",
        "A=hunter2\rCLUSTERCONFIG=a\rB=hunter2",
        "A=\"hunter2\" CLUSTERCONFIG=x\n",
        "hunter2",
        "A=1\nhunter2\n",
        "hunter2 hunter2-=1\n",
        "A=\"hunter2\n",
        "A='CLUSTERCONFIG=hunter2'\n",
    ] {
        let arg = read_text(text);
        let shown = &arg.source.text;
        assert!(!shown.contains("hunter2"), "{shown}");
        for assignment in &arg.assignments {
            assert!(shown[assignment.span.clone()].starts_with("CLUSTERCONFIG="));
        }
        if let Some(refusal) = arg.refusal() {
            assert!(!format!("{refusal:?}").contains("hunter2"), "{text:?}");
        }
    }
}

/// A value that also occurs in the name, and an empty value.
#[test]
fn the_assignment_is_shown_whole() {
    for line in [
        "export CLUSTERCONFIG=",
        "CLUSTERCONFIG=C",
        "CLUSTERCONFIG : ON",
        "CLUSTERCONFIG = \"a\nb\"",
    ] {
        let arg = read_text(&format!("{line}\n"));
        assert_eq!(&arg.source.text[arg.assignments[0].span.clone()], line);
    }
}

#[test]
fn other_lines_are_not_shown() {
    let text = "TOKEN=s3cret-ü\nB='ü' CLUSTERCONFIG=a.tgz\nPASSWORD=hidden\nARCH=arm64\n";
    let arg = read_text(text);
    let shown = &arg.source.text;
    assert!(!shown.contains("s3cret") && !shown.contains("hidden"));
    let span = arg.assignments[0].span.clone();
    assert_eq!(&shown[span.clone()], "CLUSTERCONFIG=a.tgz");
    assert_eq!(arg.source.position(span.start), (2, 7));
}

#[test]
fn a_reason_why_bash_differs_is_told() {
    for (text, said) in [
        ("CLUSTERCONFIG = a\n", "nor spaces around `=`"),
        ("CLUSTERCONFIG=a\nA=it's\n", "line 2 is a syntax error"),
        ("CLUSTERCONFIG=a\nA=1; eval x\n", "any variable in line 2"),
        ("CLUSTERCONFIG=$(date)\n", "only bash knows its value"),
    ] {
        let told = messages::why_bash_differs(&read_text(text));
        assert!(told.contains(said), "{told}");
    }
}

#[test]
fn lines_of_other_systems_are_told() {
    assert!(read_text("A=1\r\nB=2\n").foreign_to_bash);
    assert!(read_text("\u{feff}A=1\n").foreign_to_bash);
    assert!(!read_text("A=1\nB=2\r").foreign_to_bash);
}

/// `export *.tgz` exports nothing, unless a file's name looks like an assignment.
#[test]
fn names_of_files_may_be_assignments() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(".arg");
    std::fs::write(&path, "CLUSTERCONFIG=a\nexport X *.tgz\n").unwrap();
    let environment = Environment {
        variables: [].into(),
        directory: directory.path().to_owned(),
        terminal: false,
        interactive: false,
        columns: None,
    };
    let value = || read(&path, &environment).unwrap().unwrap().bash;
    assert_eq!(value(), Value::Set("a".to_owned()));
    std::fs::write(directory.path().join("CLUSTERCONFIG=b.tgz"), "").unwrap();
    assert_eq!(value(), Value::Unknown);
}

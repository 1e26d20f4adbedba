use super::*;

const ROWS: &str = include_str!("../../../../tests/fixtures/real/arg.jsonl");

fn fixed_text(text: &str) -> Option<String> {
    let fixed = fixed(text.as_bytes()).ok()?;
    Some(String::from_utf8(fixed).unwrap())
}

#[test]
fn one_statement_changes_and_nothing_else() {
    for (before, after) in [
        (
            "A=1\nCLUSTERCONFIG=x.tgz\nB=2",
            "A=1\nCLUSTERCONFIG=spc.tgz\nB=2",
        ),
        (
            "CLUSTERCONFIG=a\nA=1\n  CLUSTERCONFIG = b # c\n",
            "A=1\nCLUSTERCONFIG=spc.tgz\n",
        ),
        (
            "A=1\r\nCLUSTERCONFIG=spc.tgz\r\nB=2\r\n",
            "A=1\r\nCLUSTERCONFIG=spc.tgz\nB=2\r\n",
        ),
        ("A=1", "A=1\nCLUSTERCONFIG=spc.tgz\n"),
        ("A=1\r\nB=2", "A=1\r\nB=2\nCLUSTERCONFIG=spc.tgz\n"),
        ("A=1\r", "A=1\r\nCLUSTERCONFIG=spc.tgz\n"),
        ("", "CLUSTERCONFIG=spc.tgz\n"),
        (
            "CLUSTERCONFIG=spc.tgz\n# end",
            "CLUSTERCONFIG=spc.tgz\n# end",
        ),
        ("CLUSTERCONFIG=x", "CLUSTERCONFIG=spc.tgz"),
        (
            "CLUSTERCONFIG='x\ny' # c\nA=1",
            "CLUSTERCONFIG=spc.tgz\nA=1",
        ),
    ] {
        assert_eq!(fixed_text(before).as_deref(), Some(after), "{before:?}");
        assert_eq!(fixed_text(after).as_deref(), Some(after), "{after:?}");
    }
    assert_eq!(
        fixed(b"A=\xff\nCLUSTERCONFIG=x\n").unwrap(),
        b"A=\xff\nCLUSTERCONFIG=spc.tgz\n"
    );
}

#[test]
fn what_shares_a_line_stays() {
    for (before, after) in [
        (
            "A=\"1\" CLUSTERCONFIG=x # c\nB=2\n",
            "A=\"1\" \nCLUSTERCONFIG=spc.tgz\nB=2\n",
        ),
        ("CLUSTERCONFIG=\"x\" B=2\n", "CLUSTERCONFIG=spc.tgz\n B=2\n"),
        (
            "A=\"1\" CLUSTERCONFIG=\"x\" B=2\nCLUSTERCONFIG=y\n",
            "A=\"1\"  B=2\nCLUSTERCONFIG=spc.tgz\n",
        ),
        (
            "A=1\rCLUSTERCONFIG=x\rB=2\n",
            "A=1\r\nCLUSTERCONFIG=spc.tgz\n\rB=2\n",
        ),
        (
            "A='1' CLUSTERCONFIG=x\r\n",
            "A='1' \nCLUSTERCONFIG=spc.tgz\n",
        ),
    ] {
        assert_eq!(fixed_text(before).as_deref(), Some(after), "{before:?}");
    }
}

#[test]
fn what_only_looks_like_an_assignment_stays() {
    for (before, after) in [
        (
            "A=\"x\nCLUSTERCONFIG=y\nz\"\n",
            "A=\"x\nCLUSTERCONFIG=y\nz\"\nCLUSTERCONFIG=spc.tgz\n",
        ),
        (
            "# CLUSTERCONFIG=x\nCLUSTERCONFIG_OLD=x\nA=1\n",
            "# CLUSTERCONFIG=x\nCLUSTERCONFIG_OLD=x\nA=1\nCLUSTERCONFIG=spc.tgz\n",
        ),
        // A text that bash takes for another assignment would take precedence.
        (
            "CLUSTERCONFIG=a\nexport A=1 CLUSTERCONFIG=b\n",
            "export A=1 CLUSTERCONFIG=b\nCLUSTERCONFIG=spc.tgz\n",
        ),
        // bash is within a quote at the end of the file.
        ("A=it's\n", "CLUSTERCONFIG=spc.tgz\nA=it's\n"),
        (
            "A=it's\nCLUSTERCONFIG=x\nB=that's\n",
            "A=it's\nB=that's\nCLUSTERCONFIG=spc.tgz\n",
        ),
    ] {
        assert_eq!(fixed_text(before).as_deref(), Some(after), "{before:?}");
    }
}

#[test]
fn a_file_that_no_edit_makes_right_is_left_alone() {
    for (text, said) in [
        ("CLUSTERCONFIG=x\nunset A\n", "the line has no `=`"),
        (
            "CLUSTERCONFIG=x\nNO-PROXY=y\n",
            "`-` cannot be part of a name",
        ),
        ("A=$(date)\nA=x; eval \"$A\"\n", "no edit of `.arg`"),
        (
            "A=1; readonly CLUSTERCONFIG=x\nB=$CLUSTERCONFIG\n",
            "no edit",
        ),
        // `B` would no longer be exported.
        ("export CLUSTERCONFIG=\"x\" B=2\n", "no edit"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(".arg");
        std::fs::write(&path, text).unwrap();
        let Err(FixError::Refused(refusal)) = fix_arg(directory.path()) else {
            panic!("{text:?}");
        };
        let told = format!("{} {}", refusal.title, refusal.notes.join(" "));
        assert!(told.contains(said), "{told}");
        assert!(!refusal.help.is_empty());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}

/// Every input of the real programs is either refused, or right for both readers.
#[test]
fn every_edit_is_right_to_both_readers() {
    let home = |name: &str| Value::from((name == "HOME").then(|| "/nonexist".to_owned()));
    let (mut right, mut refused, mut unreadable) = (0, 0, 0);
    for row in ROWS.lines() {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        let text = row["text"].as_str().unwrap();
        let Some(fixed) = fixed_text(text) else {
            let is_unreadable = row.get("godotenv_error").is_some();
            unreadable += usize::from(is_unreadable);
            refused += usize::from(!is_unreadable);
            continue;
        };
        right += 1;
        let lines = fixed.lines().filter(|line| *line == RIGHT).count();
        let (before, after) = [text, &fixed]
            .map(|text| dotenv::parse(text.as_bytes()).unwrap())
            .into();
        let others = |file: &Dotenv| {
            let others = file.assignments.iter().filter(|it| it.name != KEY);
            others
                .map(|it| (it.name.clone(), it.value.clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(others(&before), others(&after), "{text:?}");
        assert_eq!(after.value(KEY), Some(VALUE), "{text:?}");
        assert!(lines >= 1, "{text:?}");
        let of_bash = bash::source(fixed.as_bytes(), &home).value(KEY);
        assert_eq!(of_bash, Value::Set(VALUE.to_owned()), "{text:?}");
        // A second run changes nothing.
        assert_eq!(fixed_text(&fixed).as_deref(), Some(&fixed[..]), "{text:?}");
    }
    assert_eq!((right, refused, unreadable), (416, 37, 247));
}

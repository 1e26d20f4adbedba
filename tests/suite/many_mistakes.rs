//! Twenty thousand mistakes in one file, on a line each and all on one line: the run ends in
//! time, prints the first hundred, and says how many more there are.

use std::time::{Duration, Instant};

use crate::support::Test;

const MANY: usize = 20_000;
/// The time limit. A debug build takes two seconds on a slow machine.
const IN_TIME: Duration = Duration::from_secs(60);

fn all(one: impl Fn(usize) -> String, between: &str) -> String {
    let all: Vec<String> = (0..MANY).map(one).collect();
    all.join(between)
}

#[test]
fn twenty_thousand_mistakes() {
    let body = |rest: &str| format!("[definition.f]\n{rest}\n");
    let wrong = |at: usize| format!("\"wrong{at}\"");
    for (what, text) in [
        (
            "references on one line",
            body(&format!("profiles = [{}]", all(wrong, ", "))),
        ),
        (
            "references on lines",
            body(&format!("profiles = [\n{}\n]", all(wrong, ",\n"))),
        ),
        (
            "numbers",
            body(&format!("profiles = [{}]", all(|at| at.to_string(), ","))),
        ),
        (
            "the same reference",
            body(&format!("profiles = [{}]", all(|_| "\"a@1\"".into(), ","))),
        ),
        (
            "unknown keys on lines",
            body(&format!(
                "profiles = [\"a@1\"]\n{}",
                all(|at| format!("k{at} = 1"), "\n")
            )),
        ),
        (
            "unknown keys on one line",
            body(&format!(
                "profiles = [\"a@1\", {{ {} }}]",
                all(|at| format!("nam{at} = 1"), ", ")
            )),
        ),
        (
            "packs",
            body(&format!(
                "profiles = [{{ name = \"a\", version = \"1\", packs = [{}] }}]",
                all(|_| "{ name = \"p\" }".into(), ", ")
            )),
        ),
        (
            "values files",
            body(&format!(
                "profiles = [{{ name = \"a\", version = \"1\", packs = [{}] }}]",
                all(
                    |at| format!("{{ name = \"p{at}\", values = \"v{at}\" }}"),
                    ", "
                )
            )),
        ),
        ("syntax", body(&all(|at| format!("k{at} = = 1"), "\n"))),
        ("definitions", all(|at| format!("[definition.d{at}]"), "\n")),
    ] {
        let test = Test::new().manifest(&text);
        let began = Instant::now();
        let done = test.run("check --offline").any_stderr().fails(2);
        assert!(began.elapsed() < IN_TIME, "{what}: {:?}", began.elapsed());
        let errors = done.stderr.matches("error[").count();
        assert_eq!(errors, 101, "{what}");
        assert!(done.stderr.contains("more errors"), "{what}");
        assert!(done.stderr.len() < 40_000, "{what}: {}", done.stderr.len());
        let done = test.run("check --offline --json").any_stdout().fails(2);
        let problems = done.json()["error"]["problems"]
            .as_array()
            .map_or(0, Vec::len);
        assert_eq!(problems, 101, "{what}");
    }
}

/// No mistake is left out if there are few.
#[test]
fn a_hundred_mistakes_are_all_told() {
    for (count, errors, more) in [(100, 100, ""), (101, 101, "the file has 1 more error\n")] {
        let wrong: Vec<String> = (0..count).map(|at| format!("\"wrong{at}\"")).collect();
        let text = format!("[definition.f]\nprofiles = [\n{}\n]\n", wrong.join(",\n"));
        let test = Test::new().manifest(&text);
        let done = test.run("check --offline").any_stderr().fails(2);
        assert_eq!(done.stderr.matches("error[").count(), errors);
        assert!(done.stderr.contains(more), "{}", done.stderr);
    }
}

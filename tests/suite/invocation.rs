//! How a build is started, compared with what the real programs answered.

use std::collections::BTreeSet;

use edgestage::canvos::preflight::invocation::{
    self, Export, Invocation, NoExport, Program, Target, UnknownInvocation,
};

use crate::support::real::{self, Answer};

/// What ends the programs before they read the Earthfile, of `earthly.jsonl`. All other
/// failures are those of the Earthfile.
const FAILURES: [&str; 17] = [
    "EARTHLY_BUILD_ARGS in .env, empty in the environment",
    "EARTHLY_BUILD_ARGS: a comma alone",
    "EARTHLY_BUILD_ARGS: a built-in name",
    "--build-arg with a comma in the value",
    "argument without a value at the end, variable set",
    "two targets",
    "a built-in name as an argument",
    "EARTHLY_ARG_FILE_PATH of a file that is missing",
    "EARTHLY_ARG_FILE_PATH empty",
    "EARTHLY_ARG_FILE_PATH=.arg, missing",
    ".env that cannot be parsed",
    ".env with a byte order mark",
    ".secret that cannot be parsed",
    ".arg with a byte order mark",
    ".env names an .arg that is missing",
    ".arg right, EARTHLY_ARG_FILE_PATH empty",
    ".arg right, .env that cannot be parsed",
];

/// The same of `canvos.jsonl`.
const FAILURES_OF_CANVOS: [&str; 11] = [
    "arg-bom-own",
    "arg-dash-key",
    "arg-dashes",
    "arg-dir",
    "arg-utf16",
    "e-EBA-empty",
    "e-EBA-pass",
    "e-afp-missing",
    "env-broken",
    "env-secretfile",
    "t-wrapper-sub",
];

/// Every row with each program that answered so.
fn each(answers: &[Answer]) -> impl Iterator<Item = (&Answer, &str)> {
    answers.iter().flat_map(|answer| {
        let programs = answer.programs().into_iter();
        programs.map(move |program| (answer, program))
    })
}

fn read(answer: &Answer, program: &str) -> Invocation {
    let situation = answer.lay_out(program);
    invocation::read(situation.call())
}

/// The value that a `RUN` sees. Without a setting the Earthfile's default counts, which is
/// none.
fn value(read: &Invocation) -> &str {
    read.argument("CLUSTERCONFIG")
        .map_or("", |(value, _)| value)
}

#[test]
fn the_value_of_clusterconfig_is_the_one_that_a_build_sees() {
    let answers = real::of_earthly();
    let mut values = 0;
    for (answer, program) in each(&answers) {
        let label = format!("{program}: {}", answer.label());
        let read = read(answer, program);
        assert_eq!(read.unjudged, [], "{label}");
        assert_eq!(read.program.name(), program, "{label}");
        // That target runs nothing that could tell.
        let tells = answer
            .typed(program)
            .iter()
            .all(|word| word != "+cloud-image");
        let Some(expected) = answer.text("value").filter(|_| tells) else {
            continue;
        };
        assert_eq!(read.failure, None, "{label}");
        assert_eq!(value(&read), expected, "{label}");
        let exported = answer.exported();
        match &read.export {
            Export::Writes => assert_eq!(exported, ["build/out.txt"], "{label}"),
            Export::Artifact { destination, .. } => {
                let destination = destination.trim_start_matches("./");
                assert!(exported[0].starts_with(destination), "{label}");
            }
            Export::Nothing(why) => panic!("{label}: {why}"),
        }
        values += 1;
    }
    assert_eq!(values, 268);
}

#[test]
fn the_same_builds_end_early_and_the_same_write_nothing() {
    let answers = real::of_earthly();
    let (mut failed, mut quiet) = (BTreeSet::new(), BTreeSet::new());
    for (answer, program) in each(&answers) {
        let read = read(answer, program);
        let label = answer.label();
        let fails = answer.text("outcome") == Some("build-fails");
        if let Some(failure) = &read.failure {
            assert!(fails, "{program}: {label}: {failure}");
            failed.insert(label);
        } else if let Export::Nothing(why) = &read.export {
            let nothing = answer.text("outcome") == Some("no-export");
            assert!(nothing, "{program}: {label}: {why}");
            quiet.insert(label);
        }
    }
    assert_eq!(failed, FAILURES.into());
    // The fifth of the table is a target that saves nothing.
    let expected = [
        "--image",
        "--no-output",
        ".arg right, --ci",
        ".arg right, EARTHLY_CI in .env",
    ];
    assert_eq!(quiet, expected.into());
}

/// Build arguments that the Earthfile of these rows has, with their defaults.
const DEFAULTS: [(&str, &str); 5] = [
    ("CLUSTERCONFIG", ""),
    ("EDGE_CUSTOM_CONFIG", "default.yaml"),
    ("ARCH", ""),
    ("IS_UKI", "false"),
    ("N", ""),
];

#[test]
fn builds_that_are_started_in_all_kinds_of_ways_see_the_same_arguments() {
    let answers = real::of_invocations();
    let (mut built, mut failed, mut quiet, mut unjudged) = (0, 0, 0, 0);
    for (answer, program) in each(&answers) {
        let label = format!("{program}: {}", answer.label());
        let read = read(answer, program);
        // Whether another Earthfile is there is not asked here.
        let here = matches!(&read.target, None | Some(Target::Checkout { .. }));
        if !read.unjudged.is_empty() || !here {
            unjudged += 1;
            continue;
        }
        let outcome = answer.text("outcome").unwrap();
        if let Some(failure) = &read.failure {
            assert_eq!(outcome, "build-fails", "{label}: {failure}");
            failed += 1;
        } else if let Export::Nothing(why) = &read.export {
            // For `--help` with a target they look for a topic of that name, and fail.
            let expected = outcome == "no-export" || *why == NoExport::Help;
            assert!(expected, "{label}: {why}");
            quiet += 1;
        } else {
            assert_eq!(outcome, "builds", "{label}");
            for (name, default) in DEFAULTS {
                let expected = answer.argument(name).unwrap_or(default);
                let found = read.argument(name).map_or(default, |(value, _)| value);
                assert_eq!(found, expected, "{label}: {name}");
            }
            built += 1;
        }
    }
    assert_eq!((built, failed, quiet, unjudged), (311, 297, 56, 12));
}

/// The rows of whole CanvOS builds that are about `CLUSTERCONFIG`: the archive in the image
/// reveals its value.
#[test]
fn whole_builds_see_the_same_value() {
    let answers = real::of_canvos();
    let mut told = 0;
    for (answer, program) in each(&answers) {
        let label = format!("{program}: {}", answer.label());
        let about_it = ["p-", "e-", "env-", "secret-", "arg-link"];
        if !about_it
            .iter()
            .any(|start| answer.label().starts_with(start))
        {
            continue;
        }
        let expected = match answer.text("outcome").unwrap() {
            "other:b.tgz" => "b.tgz",
            "root" => "spc.tgz",
            "overlay" => "",
            _ => continue,
        };
        let read = read(answer, program);
        assert_eq!(read.failure, None, "{label}");
        assert_eq!(value(&read).trim_start_matches("./"), expected, "{label}");
        told += 1;
    }
    assert_eq!(told, 58);
}

#[test]
fn whole_builds_end_early_for_the_same_reasons() {
    let answers = real::of_canvos();
    let (mut failed, mut quiet, mut unjudged) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (answer, program) in each(&answers) {
        let read = read(answer, program);
        let label = answer.label();
        let outcome = answer.text("outcome").unwrap();
        let wrapper = answer.text("start") == Some("./earthly.sh");
        assert_eq!(read.program == Program::Wrapper, wrapper, "{label}");
        if let Some(failure) = &read.failure {
            assert_eq!(outcome, "build-fails", "{label}: {failure}");
            failed.insert(label);
        } else if let Export::Nothing(why) = &read.export {
            assert_eq!(outcome, "no-image", "{label}: {why}");
            quiet.insert(label);
        }
        for why in &read.unjudged {
            unjudged.insert((label, why.clone()));
        }
    }
    assert_eq!(failed, FAILURES_OF_CANVOS.into());
    assert_eq!(quiet, ["env-nooutput", "p-ci"].into());
    let list = UnknownInvocation::WrapperVariable("EARTHLY_BUILD_ARGS".to_owned());
    let expected = [
        // What bash makes of a file with zero bytes is not known.
        ("arg-nul", list.clone()),
        ("arg-utf16", list),
        ("env-vfo2", UnknownInvocation::Features),
        ("p-autoskip", UnknownInvocation::AutoSkip),
    ];
    assert_eq!(unjudged, expected.into());
}

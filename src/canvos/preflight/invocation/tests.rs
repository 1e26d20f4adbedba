use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use super::*;

mod messages;
mod wrapper;

/// A checkout, and an environment in which builds are started.
struct Place {
    root: tempfile::TempDir,
    variables: BTreeMap<OsString, OsString>,
}

/// The relevant parts of CanvOS's script.
const SCRIPT: &str = r#"#!/bin/bash
function run() {
    EARTHLY_VERSION=v0
    docker run --privileged ${MOUNT:+"$MOUNT"} \
        --rm --env EARTHLY_BUILD_ARGS -t -e GLOBAL_CONFIG="$global_config" \
        -e EARTHLY_BUILDKIT_HOST=tcp://0.0.0.0:8372 -v "$(pwd)":/workspace \
        "$REPO"/earthly/earthly:"$EARTHLY_VERSION" --allow-privileged "${EARTHLY_SECRET_ARGS[@]}" "$@"
}
PE_VERSION=$(git describe --abbrev=0 --tags)
EARTHLY_VERSION=v0.8.15
source .arg
if [[ "$1" == "+maas-image" ]]; then
    run "+kairos-raw-image" --IS_MAAS=true
fi
run "$@"
if $? -ne 0 ; then
    exit 1
fi
"#;

impl Place {
    fn new(files: &[(&str, &str)]) -> Self {
        let place = Self {
            root: tempfile::tempdir().unwrap(),
            variables: BTreeMap::new(),
        };
        place.put("earthly.sh", SCRIPT);
        for (path, text) in files {
            place.put(path, text);
        }
        place
    }

    fn put(&self, path: &str, text: &str) {
        let file = self.checkout().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn checkout(&self) -> PathBuf {
        self.root.path().join("CanvOS")
    }

    fn with(mut self, variables: &[(&str, &str)]) -> Self {
        let pairs = variables
            .iter()
            .map(|(name, value)| (name.into(), value.into()));
        self.variables.extend(pairs);
        self
    }

    fn read(&self, argv: &[&str]) -> Invocation {
        self.call(argv, None)
    }

    fn call(&self, argv: &[&str], program: Option<&Program>) -> Invocation {
        let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
        let checkout = self.checkout();
        let environment = Environment {
            variables: self.variables.clone(),
            directory: checkout.clone(),
            terminal: false,
            interactive: false,
            columns: None,
        };
        let call = Call {
            argv: &argv,
            environment: &environment,
            directory: &checkout,
            checkout: &checkout,
        };
        match program {
            Some(program) => read_as(program, call),
            None => read(call),
        }
    }
}

fn value<'a>(invocation: &'a Invocation, name: &str) -> Option<&'a str> {
    invocation.argument(name).map(|(value, _)| value)
}

fn origin(invocation: &Invocation) -> String {
    invocation.argument("CLUSTERCONFIG").unwrap().1.to_string()
}

fn other(name: &str) -> Program {
    Program::Other(name.to_owned())
}

#[test]
fn commands_that_only_start_another_one_are_looked_through() {
    let place = Place::new(&[("sub/x", "")]);
    for (argv, program) in [
        (&["earthly", "+iso", "--A=b"][..], Program::Earthly),
        (&["/opt/bin/earthly", "+iso", "--A=b"], Program::Earthly),
        (&["earthly-linux-amd64", "+iso", "--A=b"], Program::Earthly),
        (&["earth", "+iso", "--A=b"], Program::Earth),
        (&["earth-darwin-arm64", "+iso", "--A=b"], Program::Earth),
        (&["./earthly.sh", "+iso", "--A=b"], Program::Wrapper),
        (&["././earthly.sh", "+iso", "--A=b"], Program::Wrapper),
        (&["bash", "earthly.sh", "+iso", "--A=b"], Program::Wrapper),
        (
            &["bash", "-x", "./earthly.sh", "+iso", "--A=b"],
            Program::Wrapper,
        ),
        (
            &["env", "X=1", "earthly", "+iso", "--A=b"],
            Program::Earthly,
        ),
        (
            &["env", "-u", "X", "--", "earth", "+iso", "--A=b"],
            Program::Earth,
        ),
        (
            &["sudo", "-E", "earthly", "+iso", "--A=b"],
            Program::Earthly,
        ),
        (
            &["sudo", "-n", "X=1", "earthly", "+iso", "--A=b"],
            Program::Earthly,
        ),
        (
            &["time", "-p", "earthly", "+iso", "--A=b"],
            Program::Earthly,
        ),
        (
            &["nice", "-n", "10", "earthly", "+iso", "--A=b"],
            Program::Earthly,
        ),
        (
            &["nice", "-n10", "earthly", "+iso", "--A=b"],
            Program::Earthly,
        ),
        (
            &["ionice", "-c2", "-n", "7", "earthly", "+iso", "--A=b"],
            Program::Earthly,
        ),
        (
            &["timeout", "-k", "5", "1h", "earthly", "+iso", "--A=b"],
            Program::Earthly,
        ),
        (
            &["nohup", "nice", "env", "A=1", "earth", "+iso", "--A=b"],
            Program::Earth,
        ),
        (
            &["stdbuf", "-oL", "earthly", "+iso", "--A=b"],
            Program::Earthly,
        ),
        (&["sh", "-c", "earthly +iso --A=b"], Program::Earthly),
        (
            &["bash", "-ec", "exec './earthly.sh' +iso \"--A=b\""],
            Program::Wrapper,
        ),
        (
            &["sh", "-c", "EARTHLY_CI=0 earth +iso --A=b", "ignored"],
            Program::Earth,
        ),
    ] {
        let read = place.read(argv);
        assert_eq!(read.program, program, "{argv:?}");
        assert_eq!(value(&read, "A"), Some("b"), "{argv:?}");
        assert_eq!(read.unjudged, [], "{argv:?}");
        let iso = Target::Checkout { name: "iso".into() };
        assert_eq!(read.target, Some(iso), "{argv:?}");
    }
}

#[test]
fn any_other_command_is_not_judged() {
    let place = Place::new(&[(".arg", "CLUSTERCONFIG=a.tgz\n")]);
    for (argv, name) in [
        (&["make", "iso"][..], "make"),
        (&["docker", "buildx", "bake"], "docker"),
        (&["sh", "-c", "cd CanvOS && earthly +iso"], "sh"),
        (&["sh", "-c", "earthly +iso --CLUSTERCONFIG=$X"], "sh"),
        (&["sh", "-lc", "earthly +iso"], "sh"),
        (&["sh", "earthly.sh", "+iso"], "sh"),
        (&["bash", "-e", "earthly.sh", "+iso"], "bash"),
        (&["bash", "build.sh", "+iso"], "bash"),
        (&["env", "-S", "earthly +iso"], "env"),
        (&["env", "X=1"], "env"),
        (&["sudo", "-i", "earthly", "+iso"], "sudo"),
        (&["time", "-q", "earthly", "+iso"], "time"),
        (&["earthly-wrapper", "+iso"], "earthly-wrapper"),
        (&["op", "run", "--", "earthly", "+iso"], "op"),
    ] {
        let read = place.read(argv);
        assert_eq!(read.program, other(name), "{argv:?}");
        assert_eq!(
            read.unjudged,
            [UnknownInvocation::Program(name.to_owned())],
            "{argv:?}"
        );
        assert_eq!(
            (read.target.as_ref(), read.failure.as_ref()),
            (None, None),
            "{argv:?}"
        );
        assert_eq!(value(&read, "CLUSTERCONFIG"), Some("a.tgz"), "{argv:?}");
    }
}

#[test]
fn a_command_can_change_variables_and_the_directory() {
    let files = [
        (".arg", "CLUSTERCONFIG=a\n"),
        ("sub/.arg", "CLUSTERCONFIG=s\n"),
    ];
    let place = Place::new(&files).with(&[("EARTHLY_BUILD_ARGS", "CLUSTERCONFIG=e")]);
    for (argv, expected) in [
        (&["earthly", "+iso"][..], "e"),
        (
            &[
                "env",
                "EARTHLY_BUILD_ARGS=CLUSTERCONFIG=c",
                "earthly",
                "+iso",
            ],
            "c",
        ),
        (&["env", "-u", "EARTHLY_BUILD_ARGS", "earthly", "+iso"], "a"),
        (
            &["env", "--unset=EARTHLY_BUILD_ARGS", "earthly", "+iso"],
            "a",
        ),
        (&["env", "-i", "earthly", "+iso"], "a"),
        (&["env", "-i", "-C", "sub", "earthly", "../+iso"], "s"),
        (
            &[
                "sudo",
                "EARTHLY_BUILD_ARGS=CLUSTERCONFIG=c",
                "earthly",
                "+iso",
            ],
            "c",
        ),
        (&["sudo", "earthly", "+iso"], "a"),
        (&["sudo", "-E", "earthly", "+iso"], "e"),
        (
            &[
                "sh",
                "-c",
                "EARTHLY_BUILD_ARGS=CLUSTERCONFIG=c earthly +iso",
            ],
            "c",
        ),
    ] {
        let read = place.read(argv);
        assert_eq!(value(&read, "CLUSTERCONFIG"), Some(expected), "{argv:?}");
        let iso = Target::Checkout { name: "iso".into() };
        assert_eq!(read.target, Some(iso), "{argv:?}");
        let sudo = argv[0] == "sudo" && argv[1] != "-E";
        assert_eq!(
            read.unjudged == [UnknownInvocation::SudoEnvironment],
            sudo,
            "{argv:?}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_link_goes_by_the_program_that_it_leads_to() {
    let place = Place::new(&[("bin/earth", ""), ("other/earthly", "")]);
    let bin = place.checkout().join("bin");
    std::os::unix::fs::symlink("earth", bin.join("earthly")).unwrap();
    let at = |directory: &str| {
        place
            .checkout()
            .join(directory)
            .to_str()
            .unwrap()
            .to_owned()
    };
    for (path, program) in [("bin", Program::Earth), ("other", Program::Earthly)] {
        let path = format!("/nonexistent:{}", at(path));
        let place = Place {
            root: tempfile::tempdir().unwrap(),
            variables: [("PATH".into(), path.into())].into(),
        };
        assert_eq!(place.read(&["earthly", "+iso"]).program, program);
    }
    let linked = at("bin/earthly");
    assert_eq!(place.read(&[&linked, "+iso"]).program, Program::Earth);
}

#[test]
fn targets_are_of_this_checkout_or_not() {
    let place = Place::new(&[("sub/x", "")]).with(&[("HOME", "/nonexistent")]);
    let checkout = place.checkout().to_str().unwrap().to_owned();
    let absolute = format!("{checkout}+iso");
    let of = |text: &str| place.read(&["earthly", text]);
    for text in [
        "+iso",
        "./+iso",
        ".+iso",
        "+iso+",
        "./no/..//+iso",
        "../CanvOS+iso",
        &absolute,
    ] {
        let iso = Target::Checkout { name: "iso".into() };
        assert_eq!(of(text).target, Some(iso), "{text}");
    }
    for text in ["./sub+iso", "..+iso", "~/CanvOS+iso", "/tmp+iso"] {
        let target = Target::Elsewhere {
            reference: if text.starts_with('~') { "…" } else { text }.into(),
            name: "iso".into(),
        };
        assert_eq!(of(text).target, Some(target), "{text}");
    }
    for text in ["github.com/spectrocloud/CanvOS+iso", "edge/CanvOS:main+iso"] {
        let target = Target::Remote {
            reference: text.into(),
            name: "iso".into(),
        };
        assert_eq!(of(text).target, Some(target), "{text}");
    }
    let import = of("CanvOS+iso").failure;
    assert!(matches!(import, Some(Failure::Import { .. })));
    for text in ["iso", "+Iso", "+", "+iso/x", "+a+b", "+iso\\", "+i_so"] {
        assert_eq!(
            of(text).failure,
            Some(Failure::InvalidTarget { position: 1 }),
            "{text}"
        );
    }
}

#[cfg(unix)]
#[test]
fn another_program_is_told_for_the_same_situation() {
    let files = [
        ("o.arg", "CLUSTERCONFIG=o\n"),
        (".arg", "CLUSTERCONFIG=a\n"),
    ];
    let place = Place::new(&files).with(&[("EARTH_ARG_FILE_PATH", "o.arg")]);
    let argv = ["earthly", "+iso", "-N=1"];
    let told = |program: &Program| {
        let read = place.call(&argv, Some(program));
        assert_eq!(read.program, *program);
        (
            value(&read, "CLUSTERCONFIG").map(str::to_owned),
            read.failure,
        )
    };
    assert_eq!(told(&Program::Earthly), (Some("a".into()), None));
    let dash = Failure::SingleDash {
        argument: "-N".into(),
    };
    assert_eq!(told(&Program::Earth), (None, Some(dash)));
    assert_eq!(told(&Program::Wrapper), (Some("a".into()), None));
    assert_eq!(place.read(&argv).program, Program::Earthly);
}

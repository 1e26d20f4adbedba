//! Messages about an invocation.

use super::*;
use crate::canvos::preflight::dotenv;

#[test]
fn messages_name_the_place_and_no_value() {
    let files = [
        (".arg", "A=1\n\nCLUSTERCONFIG=hunter2\n"),
        ("o.arg", "CLUSTERCONFIG=hunter2\n"),
        ("bad.env", "A=1\nhunter2 x\n"),
        (
            ".env",
            "EARTHLY_BUILD_ARGS=CLUSTERCONFIG=hunter2\nEARTHLY_NO_OUTPUT=true\n",
        ),
    ];
    let place = Place::new(&files);
    let path = |name: &str| format!("`{}`", place.checkout().join(name).display());
    let read = place.read(&["earthly", "+iso"]);
    let env = path(".env");
    assert_eq!(
        origin(&read),
        format!("`EARTHLY_BUILD_ARGS` of line 1 of {env}")
    );
    let Export::Nothing(why) = &read.export else {
        panic!("{read:?}");
    };
    let expected = format!("`EARTHLY_NO_OUTPUT` of line 2 of {env} turns off the output of images");
    assert_eq!(why.to_string(), expected);
    assert!(!format!("{read:?}").contains("hunter2"));

    place.put(".env", "");
    let read = place.read(&["earthly", "+iso"]);
    assert_eq!(origin(&read), format!("line 3 of {}", path(".arg")));
    let read = place.read(&["earthly", "--arg-file-path=o.arg", "+iso"]);
    let named = format!("line 1 of {}, which `--arg-file-path` names", path("o.arg"));
    assert_eq!(origin(&read), named);
    let read = place.read(&["earthly", "+iso", "--CLUSTERCONFIG=x"]);
    assert_eq!(origin(&read), "`--CLUSTERCONFIG` of the build command");
    let read = place.read(&["earthly", "--build-arg", "A=1,CLUSTERCONFIG=x", "+iso"]);
    assert_eq!(origin(&read), "`--build-arg`");

    for argv in [
        &["--env-file-path", "bad.env", "+iso"][..],
        &["+iso", "hunter2"],
        &["hunter2"],
        &["--build-arg", "TOKEN=a,hunter2", "+iso"],
        &["--secret", "A=b,hunter2", "+iso"],
        &["--secret", "hunter2", "+iso"],
        &["--ci=hunter2", "+iso"],
    ] {
        for program in ["earthly", "earth"] {
            let argv = [&[program], argv].concat();
            let read = place.read(&argv);
            let failure = read.failure.as_ref().unwrap();
            assert!(
                !format!("{failure} {read:?}").contains("hunter2"),
                "{failure}"
            );
        }
    }
}

#[test]
fn a_failure_says_what_and_what_to_do() {
    let files = [("bad.arg", "A=1\nNO-PROXY=x\n"), (".secret", "S=1\n")];
    let place = Place::new(&files);
    let path = place.checkout().join("bad.arg").display().to_string();
    let syntax = dotenv::parse(files[0].1.as_bytes()).unwrap_err().message;
    let missing = place.checkout().join("no.arg").display().to_string();
    for (argv, failure, help) in [
        (
            &["earthly", "--CLUSTERCONFIG=x", "+iso"][..],
            "`--CLUSTERCONFIG` is not a flag".to_owned(),
            "put build arguments after the target: `+iso --NAME=VALUE`",
        ),
        (
            &["earthly", "--arg-file-path", "bad.arg", "+iso"],
            format!("`{path}` cannot be parsed: line 2: {syntax}"),
            "write line 2 as `NAME=VALUE`, or remove it",
        ),
        (
            &["env", "EARTHLY_ARG_FILE_PATH=no.arg", "earthly", "+iso"],
            format!("`EARTHLY_ARG_FILE_PATH` names `{missing}`, which does not exist"),
            "create the file, or remove `EARTHLY_ARG_FILE_PATH`",
        ),
        (
            &["env", "EARTHLY_CI=on", "earthly", "+iso"],
            "`EARTHLY_CI` is not a boolean".to_owned(),
            "set `EARTHLY_CI` to `true` or `false`, or unset it",
        ),
        (
            &["earth", "+iso", "-ARCH=amd64"],
            "`-ARCH` has one dash: build arguments have two".to_owned(),
            "write `--ARCH=VALUE`",
        ),
        (
            &["earthly", "+iso", "--ARCH"],
            "the build argument `--ARCH` has no value".to_owned(),
            "write `--ARCH=VALUE`",
        ),
        (
            &["earthly", "+iso", "--A=b", "+cloud-image"],
            "`+cloud-image` is a second target".to_owned(),
            "keep one target, and write build arguments as `--NAME=VALUE`",
        ),
        (
            &["earthly", "+iso", "A=b"],
            "argument 2 is not a target or a build argument".to_owned(),
            "keep one target, and write build arguments as `--NAME=VALUE`",
        ),
        (
            &["earthly", "CanvOS+iso"],
            "`CanvOS+iso` names an import, not a directory: a directory begins with `./`"
                .to_owned(),
            "write `./CanvOS+iso`",
        ),
        (
            &["earthly", "--build-arg=ARCH,A=b", "+iso"],
            "`--build-arg` takes the variable `ARCH`, which is not set".to_owned(),
            "write each item as `NAME=VALUE`, without a comma in the value",
        ),
        (
            &["earthly", "--secret", "A=1,S=2", "+iso"],
            "secret 2 of `--secret` is set twice".to_owned(),
            "give each secret once, as `NAME=VALUE` or as the name of a variable",
        ),
        (
            &["earthly", "-V", "--verbose", "+iso"],
            "both `--verbose` and `-V` are given".to_owned(),
            "keep one of the two",
        ),
        (
            &["earthly", "--platform=a,b", "+iso"],
            "more than one platform is given".to_owned(),
            "give one platform",
        ),
        (
            &["earth", "--version-flag-overrides=x", "+iso"],
            "`--version-flag-overrides` has an unknown feature".to_owned(),
            "remove what `--version-flag-overrides` has, or correct it",
        ),
    ] {
        let read = place.read(argv);
        let told = read.failure.expect("a failure");
        assert_eq!(told.to_string(), failure, "{argv:?}");
        assert_eq!(told.help(), help, "{argv:?}");
    }
}

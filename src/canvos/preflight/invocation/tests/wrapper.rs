//! What `earthly.sh` passes on, and what is visible in its container.

use super::*;
use crate::canvos::preflight::bash::Value;

#[test]
fn the_container_sees_the_working_directory_only() {
    let files = [
        (".arg", "CLUSTERCONFIG=a\n"),
        (".env", "EARTHLY_SECRET_FILE_PATH=/etc/none\n"),
        ("o.arg", "CLUSTERCONFIG=o\n"),
    ];
    let place = Place::new(&files);
    let read = place.read(&["./earthly.sh", "+iso"]);
    let Some(Failure::File { path, problem }) = read.failure else {
        panic!("{read:?}");
    };
    assert_eq!(path, PathBuf::from("/etc/none"));
    let named_by = "EARTHLY_SECRET_FILE_PATH".to_owned();
    assert_eq!(problem, FileProblem::Missing { named_by });

    place.put(".env", "");
    for (target, inside) in [
        ("+iso", true),
        ("/workspace+iso", true),
        ("../workspace+iso", true),
        ("../CanvOS+iso", false),
        ("~/CanvOS+iso", false),
    ] {
        let read = place.read(&["./earthly.sh", "--arg-file-path", "./o.arg", target]);
        let outside = matches!(read.failure, Some(Failure::OutsideContainer { .. }));
        assert_eq!(!outside, inside, "{target}");
        assert_eq!(value(&read, "CLUSTERCONFIG"), Some("o"), "{target}");
    }
}

#[test]
fn a_link_that_the_container_cannot_follow_is_no_file() {
    let place = Place::new(&[("my.arg", "CLUSTERCONFIG=a\n")]);
    let (link, target) = (
        place.checkout().join(".arg"),
        place.checkout().join("my.arg"),
    );
    std::os::unix::fs::symlink(&target, &link).unwrap();
    assert_eq!(
        value(&place.read(&["earthly", "+iso"]), "CLUSTERCONFIG"),
        Some("a")
    );
    assert_eq!(
        value(&place.read(&["./earthly.sh", "+iso"]), "CLUSTERCONFIG"),
        None
    );
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("my.arg", &link).unwrap();
    assert_eq!(
        value(&place.read(&["./earthly.sh", "+iso"]), "CLUSTERCONFIG"),
        Some("a")
    );
}

#[test]
fn the_wrapper_passes_on_the_list_of_build_arguments_only() {
    let files = [
        (".arg", "CLUSTERCONFIG=a\n"),
        ("o.arg", "CLUSTERCONFIG=o\n"),
        ("o.env", "EARTHLY_CI=true\n"),
    ];
    let place = Place::new(&files).with(&[
        ("EARTHLY_ARG_FILE_PATH", "o.arg"),
        ("EARTHLY_ENV_FILE_PATH", "o.env"),
        ("EARTHLY_NO_OUTPUT", "true"),
        ("CLUSTERCONFIG", "e"),
    ]);
    let read = place.read(&["./earthly.sh", "+iso"]);
    assert_eq!((&read.failure, &read.export), (&None, &Export::Writes));
    assert_eq!(value(&read, "CLUSTERCONFIG"), Some("a"));
    assert!(read.allow_privileged);

    let place = place.with(&[("EARTHLY_BUILD_ARGS", "CLUSTERCONFIG")]);
    let read = place.read(&["./earthly.sh", "+iso"]);
    let failure = Failure::UnsetVariable {
        list: "EARTHLY_BUILD_ARGS".into(),
        number: 1,
        name: Some("CLUSTERCONFIG"),
    };
    assert_eq!(read.failure, Some(failure));
    // What `.env` sets counts there too.
    place.put(".env", "CLUSTERCONFIG=d\n");
    let read = place.read(&["./earthly.sh", "+iso"]);
    assert_eq!(value(&read, "CLUSTERCONFIG"), Some("d"));
    let file = place.checkout().join(".env").display().to_string();
    let from = format!("`EARTHLY_BUILD_ARGS`, which takes the variable of line 1 of `{file}`");
    assert_eq!(origin(&read), from);
}

#[test]
fn a_script_is_judged_by_what_it_says() {
    let wrapper = Wrapper::parse(SCRIPT).unwrap();
    assert_eq!(wrapper.flags, ["--allow-privileged"]);
    assert_eq!(wrapper.passes, ["EARTHLY_BUILD_ARGS".to_owned()].into());
    assert_eq!(wrapper.swallows_failure, Some(16));
    assert!(wrapper.builds_maas && wrapper.adds_secret);
    let checked = SCRIPT.replace("if $? -ne 0 ;", "if [ $? -ne 0 ];");
    assert_eq!(Wrapper::parse(&checked).unwrap().swallows_failure, None);

    let podman = SCRIPT.replace("docker run", "$ENGINE run");
    assert_eq!(Wrapper::parse(&podman), Some(wrapper));
    let earth = SCRIPT.replace("/earthly/earthly:", "/earthbuild/earthbuild:");
    let place = Place::new(&[("earthly.sh", &earth), (".env", "EARTH_CI=1\n")]);
    let read = place.read(&["./earthly.sh", "+iso"]);
    assert!(matches!(read.export, Export::Nothing(_)));

    let more = SCRIPT.replace("--rm", "--rm -e EARTHLY_ARG_FILE_PATH -e EARTHLY_CI=$CI");
    let more = more.replace("--allow-privileged", "--allow-privileged --no-cache");
    let files = [
        ("earthly.sh", more.as_str()),
        ("o.arg", "CLUSTERCONFIG=o\n"),
    ];
    let place = Place::new(&files).with(&[("EARTHLY_ARG_FILE_PATH", "o.arg")]);
    let read = place.read(&["./earthly.sh", "+iso"]);
    assert_eq!(value(&read, "CLUSTERCONFIG"), Some("o"));
    assert_eq!(
        read.unjudged,
        [UnknownInvocation::WrapperVariable("EARTHLY_CI".into())]
    );

    for foreign in [
        "#!/bin/sh\nexec earthly \"$@\"\n",
        &SCRIPT.replace("--rm", "--rm --env-file x.env"),
        &SCRIPT.replace("--allow-privileged", "$FLAGS"),
        &SCRIPT.replace("/workspace", "/src"),
        &SCRIPT.replace(" \"$@\"\n}", "\n}"),
    ] {
        let place = Place::new(&[("earthly.sh", foreign)]);
        let read = place.read(&["./earthly.sh", "+iso"]);
        assert_eq!(read.unjudged, [UnknownInvocation::Wrapper], "{foreign}");
    }
}

#[test]
fn what_the_script_exports_reaches_the_container() {
    let given = [("EARTHLY_BUILD_ARGS", "CLUSTERCONFIG=given")];
    for (arg, variables, expected) in [
        (
            "export EARTHLY_BUILD_ARGS=CLUSTERCONFIG=b\n",
            &[][..],
            Some("b"),
        ),
        ("EARTHLY_BUILD_ARGS=CLUSTERCONFIG=b\n", &[], None),
        ("EARTHLY_BUILD_ARGS=CLUSTERCONFIG=b\n", &given, Some("b")),
        ("unset EARTHLY_BUILD_ARGS\n", &given, None),
        ("", &given, Some("given")),
    ] {
        let place = Place::new(&[]).with(variables);
        // Earthly refuses `unset`, so it has a file of its own.
        place.put(".arg", arg);
        place.put("own.arg", "");
        let read = place.read(&["./earthly.sh", "--arg-file-path=own.arg", "+iso"]);
        assert_eq!(read.failure, None, "{arg}");
        assert_eq!(value(&read, "CLUSTERCONFIG"), expected, "{arg}");
        let sourced = expected == Some("b");
        let says = |read: &Invocation| origin(read).contains("`, which `earthly.sh` runs");
        assert_eq!(expected.is_some() && says(&read), sourced, "{arg}");
    }
    // Values that only bash can determine; a file's name looks like an assignment.
    for arg in [
        "export *=x\n",
        "export EARTHLY_BUILD_ARGS=N=$(date)\n",
        "export EARTHLY_BUILD_ARGS=N=$PE_VERSION\n",
    ] {
        let files = [(".arg", "N=1\n"), ("N=1", ""), ("own.arg", "")];
        let place = Place::new(&files);
        place.put(".arg", arg);
        let read = place.read(&["./earthly.sh", "--arg-file-path=own.arg", "+iso"]);
        let unknown = UnknownInvocation::WrapperVariable("EARTHLY_BUILD_ARGS".into());
        assert_eq!(read.unjudged, [unknown], "{arg}");
    }
}

#[test]
fn the_script_of_maas_images_sees_what_bash_sees() {
    let arg = "OS_DISTRIBUTION=ubuntu\nCLUSTERCONFIG=a.tgz\r\n";
    let place = Place::new(&[(".arg", arg)]).with(&[("EDGE_CUSTOM_CONFIG", "e.yaml")]);
    let argv = [
        "./earthly.sh",
        "+maas-image",
        "--CLUSTERCONFIG=x.tgz",
        "--ci",
    ];
    let read = place.read(&argv);
    assert!(read.is_maas());
    assert_eq!((&read.failure, &read.export), (&None, &Export::Writes));
    let maas = Target::Checkout {
        name: "maas-image".into(),
    };
    assert_eq!(read.target, Some(maas.clone()));
    // Earthly is run without the arguments.
    assert_eq!(value(&read, "CLUSTERCONFIG"), Some("a.tgz"));
    assert_eq!(value(&read, "IS_MAAS"), Some("true"));
    let shell = |name: &str| {
        read.shell_variable(name)
            .map(|it| (it.value.clone(), it.origin.clone()))
    };
    let path = place.checkout().join(".arg");
    let sourced = VariableOrigin::Sourced { path };
    let own = Value::Set("a.tgz\r".into());
    assert_eq!(shell("CLUSTERCONFIG"), Some((own, sourced)));
    let inherited = (Value::Set("e.yaml".into()), VariableOrigin::Environment);
    assert_eq!(shell("EDGE_CUSTOM_CONFIG"), Some(inherited));

    // After a flag, it is a target like any other.
    let read = place.read(&["./earthly.sh", "--ci", "+maas-image"]);
    assert!(!read.is_maas());
    assert!(matches!(read.export, Export::Nothing(_)));
    assert_eq!(read.target, Some(maas));

    place.put(".arg", "OS_DISTRIBUTION=rhel\n");
    assert_eq!(place.read(&argv).failure, Some(Failure::MaasDistribution));
    place.put(
        ".arg",
        "CLUSTERCONFIG=site-$PE_VERSION.tgz\nOS_DISTRIBUTION=ubuntu\n",
    );
    let read = place.read(&argv);
    let value = read.shell_variable("CLUSTERCONFIG").map(|it| &it.value);
    assert_eq!(value, Some(&Value::Unknown));
    let scripts = SCRIPT.replace("+maas-image", "+other");
    place.put("earthly.sh", &scripts);
    assert!(!place.read(&argv).is_maas());
}

//! `templates/Makefile` with real make: an image is built where its definition changed,
//! and only there.

use std::time::Duration;

use crate::markdown::{blocks, read};
use crate::site::{Run, Site};

const STAGED: [&str; 2] = [
    "CanvOS/spc.tgz",
    "CanvOS/overlay/files-iso/opt/spectrocloud/clusterconfig/spc.tgz",
];

struct Project(Site);

impl Project {
    fn new() -> Self {
        let site = Site::with_palette();
        let run = site.edgestage(&["init", "--make"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        Self(site)
    }

    fn make(&self, arguments: &[&str]) -> Run {
        // Some file systems count time in steps of ten milliseconds; people are slower.
        std::thread::sleep(Duration::from_millis(20));
        self.0.run("make", arguments)
    }

    /// `make` succeeds, and there were so many builds since the beginning.
    fn makes(&self, arguments: &[&str], builds: usize) {
        let run = self.make(arguments);
        assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
        assert_eq!(self.builds(), builds, "{arguments:?}: {}", run.stdout);
    }

    fn builds(&self) -> usize {
        std::fs::read_to_string(self.0.path("CanvOS/calls"))
            .map_or(0, |calls| calls.lines().count())
    }

    /// Edits the stand-in for the build program, which make does not look at.
    fn replace_in_build(&self, from: &str, to: &str) {
        let path = "CanvOS/earthly.sh";
        let text = std::fs::read_to_string(self.0.path(path)).unwrap();
        assert!(text.contains(from), "{from}");
        self.0.write(path, &text.replace(from, to));
    }

    /// Nothing of a recipe stays behind.
    fn is_clean(&self) {
        let entries = std::fs::read_dir(self.0.path("CanvOS/build")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.retain(|name| name != "edge-site.iso" && name != "edge-site.iso.sha256");
        assert_eq!(names, [""; 0]);
    }

    fn image(&self) -> Vec<u8> {
        std::fs::read(self.0.path("CanvOS/build/edge-site.iso")).unwrap()
    }
}

#[test]
fn nothing_changed_nothing_is_built() {
    let project = Project::new();
    project.makes(&["iso"], 1);
    let before = STAGED.map(|path| project.0.path(path).metadata().unwrap().modified().unwrap());
    project.makes(&["iso"], 1);
    project.makes(&["-j4", "iso", "EDGESTAGE_FLAGS=--locked"], 1);
    project.makes(&["stage"], 1);
    let after = STAGED.map(|path| project.0.path(path).metadata().unwrap().modified().unwrap());
    assert_eq!(before, after);
    project.makes(&["verify"], 1);
    project.makes(&["check"], 1);
}

/// Build programs date what they write 2020-04-16, and a proven image gets another time.
#[test]
fn an_image_of_the_year_2020_is_not_built_again() {
    let project = Project::new();
    project.makes(&["iso"], 1);
    let image = project.0.path("CanvOS/build/edge-site.iso");
    let sum = project.0.path("CanvOS/build/edge-site.iso.sha256");
    let time = |path: &std::path::Path| path.metadata().unwrap().modified().unwrap();
    let staged = STAGED.map(|path| time(&project.0.path(path)));
    assert!(staged.iter().all(|staged| *staged <= time(&image)));
    assert_eq!(time(&image), time(&sum));
    project.makes(&["iso"], 1);
    // As the build program left it, it is older than everything.
    project
        .0
        .run("touch", &["-d", "2020-04-16", "CanvOS/build/edge-site.iso"]);
    project.makes(&["iso"], 2);
    project.makes(&["iso"], 2);
    project.is_clean();
}

/// An edit while the build runs is not in its image.
#[test]
fn what_is_edited_during_the_build_is_built_again() {
    let project = Project::new();
    project.replace_in_build(": before", "sleep 0.1; touch user-data; sleep 0.1");
    project.0.write("CanvOS/user-data", "#cloud-config\n");
    project.makes(&["iso"], 1);
    project.replace_in_build("touch user-data", "true");
    project.makes(&["iso"], 2);
    project.makes(&["iso"], 2);
}

#[test]
fn a_wrong_image_is_not_taken_for_done() {
    let project = Project::new();
    let image = project.0.path("CanvOS/build/edge-site.iso");
    let lose = "rm overlay/files-iso/opt/spectrocloud/clusterconfig/spc.tgz";
    project.replace_in_build(": before", lose);
    let run = project.make(&["iso"]);
    assert_eq!(run.code, 2, "{}", run.stdout);
    assert!(run.stdout.contains("missing"), "{}", run.stdout);
    assert!(!image.exists(), "make takes it for done");
    project.is_clean();
    assert_eq!(project.make(&["verify"]).code, 2);
    project.replace_in_build(lose, ": before");
    project.makes(&["iso"], 2);
    project.makes(&["iso"], 2);

    // One that was right before is not, either.
    project.0.run("touch", &["CanvOS/Earthfile"]);
    project.replace_in_build(": before", lose);
    assert_eq!(project.make(&["iso"]).code, 2);
    assert_eq!(project.builds(), 3);
    assert_eq!(project.make(&["iso"]).code, 2);
    assert_eq!(project.builds(), 4);
}

#[test]
fn a_failed_build_leaves_the_old_image_and_is_built_again() {
    let project = Project::new();
    project.makes(&["iso"], 1);
    let first = project.image();
    project.0.run("touch", &["CanvOS/Earthfile"]);
    project.replace_in_build(": before", "exit 7");
    assert_eq!(project.make(&["iso"]).code, 2);
    assert_eq!(project.image(), first);
    project.is_clean();
    project.replace_in_build("exit 7", ": before");
    project.makes(&["iso"], 3);
}

/// With `--ci` alone a build program ends with 0 and writes nothing.
#[test]
fn a_build_that_writes_nothing() {
    let project = Project::new();
    let run = project.make(&["iso", "BUILD_ARGS=--ci +iso"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("add `--output`"), "{}", run.stderr);
    // It is refused before anything is built.
    project.makes(&["iso", "BUILD_ARGS=--ci --output +iso"], 1);
    project.makes(&["iso"], 1);
    // An image of another name stays what it is.
    let image = project.0.path("CanvOS/build/other.iso");
    std::fs::copy(project.0.path("CanvOS/build/edge-site.iso"), &image).unwrap();
    project
        .0
        .run("touch", &["-d", "2020-04-16", "CanvOS/build/other.iso"]);
    let run = project.make(&["iso", "ISO_NAME=other"]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("did not write CanvOS/build/other.iso"),
        "{}",
        run.stderr
    );
}

#[test]
fn verify_never_leaves_the_image_out() {
    let project = Project::new();
    project.makes(&["stage"], 0);
    let run = project.make(&["verify"]);
    assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
    let named = run.stdout.contains("edge-site.iso  not found");
    assert!(named, "{}{}", run.stdout, run.stderr);
    project.makes(&["iso", "verify"], 1);
}

#[test]
fn the_build_never_has_the_key() {
    let project = Project::new();
    project.makes(&["iso"], 1);
    let calls = std::fs::read_to_string(project.0.path("CanvOS/calls")).unwrap();
    assert_eq!(calls, "+iso key=none\n");
    // As an argument it would be in every process list, and in MAKEFLAGS.
    for name in ["PALETTE_API_KEY", "SPECTROCLOUD_APIKEY"] {
        let run = project.make(&["iso", &format!("{name}=demo-palette-api-key")]);
        assert_eq!(run.code, 2);
        let why = "belongs in the environment";
        assert!(run.stderr.contains(why), "{}", run.stderr);
        assert!(!run.stderr.contains("demo-palette"), "{}", run.stderr);
    }
}

/// It would start itself for ever.
#[test]
fn a_build_that_is_this_makefile_is_refused() {
    let project = Project::new();
    let manifest = std::fs::read_to_string(project.0.path("profiles.toml")).unwrap();
    let own = manifest.replace(
        "[\"./earthly.sh\", \"+iso\"]",
        "[\"make\", \"-C\", \"..\", \"iso\"]",
    );
    assert_ne!(own, manifest);
    project.0.write("profiles.toml", &own);
    let run = project.make(&["iso"]);
    assert_eq!(run.code, 2);
    let why = "which runs `edgestage build`";
    assert_eq!(run.stderr.matches(why).count(), 1, "{}", run.stderr);
}

#[test]
fn an_image_without_a_name_in_arg_has_canvos_own() {
    let project = Project::new();
    project.0.write("CanvOS/.arg", "CLUSTERCONFIG=spc.tgz\n");
    project.replace_in_build(". ./.arg", ". ./.arg; ISO_NAME=installer");
    project.makes(&["iso"], 1);
    assert!(project.0.path("CanvOS/build/installer.iso").exists());
    project.makes(&["iso"], 1);
}

#[test]
fn a_changed_definition_is_built() {
    let project = Project::new();
    project.makes(&["iso"], 1);
    let first = project.image();

    // Palette moves on: the locked definition is still the one that is staged.
    project.0.publish("edge-k3s", "1.31.1");
    project.makes(&["iso"], 1);

    // Accepting it is a change.
    assert_eq!(project.0.edgestage(&["update", "factory"]).code, 0);
    project.makes(&["iso"], 2);
    assert_ne!(project.image(), first);
    project.makes(&["verify"], 2);
    project.makes(&["iso"], 2);
}

#[test]
fn another_definition_and_other_arguments_are_built() {
    let project = Project::new();
    project.makes(&["iso"], 1);
    project.makes(&["iso", "DEFINITION=warehouse"], 2);
    assert_eq!(project.make(&["verify"]).code, 2, "make's own code");
    project.makes(&["iso"], 3);
    std::thread::sleep(Duration::from_millis(20));
    let arg = "ISO_NAME=edge-site\nCLUSTERCONFIG=spc.tgz\nOS_VERSION=24.04\n";
    project.0.write("CanvOS/.arg", arg);
    project.makes(&["iso"], 4);
    project.makes(&["iso"], 4);
    project.makes(&["unstage"], 4);
    assert!(STAGED.iter().all(|path| !project.0.path(path).exists()));
    project.makes(&["iso"], 5);
}

#[test]
fn a_stage_that_fails_builds_nothing() {
    let project = Project::new();
    project.0.write("CanvOS/other.tgz", "another file");
    project.0.write(
        "CanvOS/.arg",
        "ISO_NAME=edge-site\nCLUSTERCONFIG=other.tgz\n",
    );
    let run = project.make(&["iso"]);
    assert_eq!(run.code, 2, "make's own code");
    assert!(run.stderr.contains("other.tgz"), "{}", run.stderr);
    assert_eq!(project.builds(), 0);
}

#[test]
fn the_core_in_the_readme_is_in_the_makefile() {
    let makefile = read("templates/Makefile");
    let cores = blocks(&read("README.md"), "make");
    assert_eq!(cores.len(), 1);
    for line in cores[0].lines() {
        assert!(makefile.contains(line), "{line}");
    }
}

#[test]
fn the_staged_paths_are_those_of_the_code() {
    use edgestage::canvos::Placement;
    let earthfile = read("Earthfile");
    let makefile = read("templates/Makefile");
    for placement in Placement::ALL {
        let path = placement.path();
        assert!(makefile.contains(&format!("$(CANVOS)/{path}")), "{path}");
        let saved = format!("AS LOCAL $canvos/{path}\n");
        assert!(earthfile.contains(&saved), "{path}");
    }
}

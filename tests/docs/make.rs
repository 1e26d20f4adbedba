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

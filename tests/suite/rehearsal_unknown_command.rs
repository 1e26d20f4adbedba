//! `rehearse` with a build command that edgestage does not know, so that it may build any target.

use crate::build::program;
use crate::checkout::{builds_with, full};
use crate::rehearsal::{nothing_is_left, rehearse};

/// An earthly that builds its last argument: a target that only records that it was built does
/// so, and others do as `EARTHLY` does.
const EARTHLY_BY_TARGET: &str = r#"#!/bin/sh
echo "this is earthly $*" >> "$LOG"
for target; do :; done
sed -n "/^${target#+}:\$/,/^\$/p" Earthfile > body
if grep -q unreducible body; then
  sed -n "s#/.edgestage/#$PWD/out/#g; s/^ *RUN //p" body > run
  sh -e run && cp out/own/* .edgestage-rehearsal/
else
  SIZE=$(stat -c %s spc.tgz) SHA=$(sha256sum spc.tgz | cut -d ' ' -f 1)
  { echo "edgestage-rehearsal build-iso"
    echo "o file $SIZE $SHA /overlay/opt/spectrocloud/clusterconfig/spc.tgz"
    printf 'value-set spc.tgz'; } > .edgestage-rehearsal/edgestage-rehearsal-1
fi
"#;
/// Like targets of CanvOS, of which no ISO is made.
const IMAGES: &str = "
images:
    ARG TARGET=provider-image
    BUILD +$TARGET --K8S_VERSION=1

all:
    BUILD +images
    BUILD +iso
";

/// What `make` runs is only known when it has run. A target that no rehearsal can follow is no
/// obstacle unless it is built.
#[test]
fn a_command_that_may_build_any_target() {
    let test = full().stage();
    program(&test, "bin/earthly", EARTHLY_BY_TARGET);
    let text = test.text("CanvOS/Earthfile");
    test.put("CanvOS/Earthfile", format!("{text}{IMAGES}"));
    test.put(
        "CanvOS/Makefile",
        "iso:\n\tearthly +iso\nall:\n\tearthly +all\nboth:\n\tearthly +iso\n\t-@earthly +images >/dev/null\n",
    );
    let make = |target: &str| {
        builds_with(&test, &["make", target]);
        rehearse(&test, "")
    };
    make("iso")
        .stdout_has("`factory` as locked")
        .stderr_has("Rehearsing factory: make iso")
        .success();
    for target in ["all", "both"] {
        make(target)
            .stdout_has("unknown")
            .stderr_has("error[rehearsal-unjudged]")
            .stderr_has("of the Earthfile: `BUILD +$TARGET --K8S_VERSION=1`")
            .fails(1);
    }
    // The record does not arrive, since only artifacts are exported; its name is printed.
    let printed = "#!/bin/sh\nearthly +iso\n\
        echo '+images | --> RUN echo >/.edgestage/own/edgestage-rehearsal-images.unreducible'\n";
    program(&test, "bin/artifacts", printed);
    builds_with(&test, &["artifacts"]);
    rehearse(&test, "")
        .stdout_has("unknown")
        .stderr_has("of the Earthfile: `BUILD +$TARGET --K8S_VERSION=1`")
        .fails(1);
    nothing_is_left(&test);
}

//! A directory with a `profiles.toml`, a stand-in CanvOS checkout and, on request, a
//! simulated Palette.

use std::path::PathBuf;
use std::process::Command;

use palette_sim::{Sim, World};

const MANIFEST: &str = r#"
[palette]
project = "Default"

[canvos]
dir = "CanvOS"
build = ["./earthly.sh", "+iso"]

[definition.factory]
profiles = ["edge-infra@2.1.0", "hello-universe@1.2.0"]

[definition.warehouse]
profiles = ["edge-infra@2.0.0"]
"#;

/// Counts its calls and tells whether it was given the key, takes the name of the image from
/// `.arg`, and makes it of the overlay, as CanvOS does. What it writes are new files, dated as
/// Earthly dates them. With `--ci` and without `--output` it writes nothing.
pub const BUILD: &str = r#"#!/bin/sh
set -e
. ./.arg
echo "$* key=${PALETTE_API_KEY-none}" >> calls
if [ -n "$EDGESTAGE_REHEARSAL" ]; then
  spc=opt/spectrocloud/clusterconfig/spc.tgz file=overlay/files-iso/$spc
  printf 'edgestage-rehearsal build-iso\no file %s %s /overlay/%s\nx mark edgestage-built-1\nvalue-set %s' \
    "$(stat -c %s $file)" "$(sha256sum < $file | cut -c 1-64)" $spc "$CLUSTERCONFIG" \
    > .edgestage-rehearsal/edgestage-rehearsal-1
  echo edgestage-built-1 build-iso > .edgestage-rehearsal/edgestage-built-1
  exit
fi
: before
case "$*" in
  *--output*) ;;
  *--ci*) exit 0 ;;
esac
mkdir -p build out
xorriso -volid COS_LIVE -joliet on -padding 0 -outdev "out/$ISO_NAME.iso" \
  -map overlay/files-iso / -chmod 0755 -- >/dev/null 2>&1
(cd out && sha256sum "$ISO_NAME.iso" > "$ISO_NAME.iso.sha256")
touch -d '2020-04-16 12:00:00 UTC' out/*
mv out/* build/
"#;

/// Two of CanvOS's targets, as far as they carry a definition.
const EARTHFILE: &str = "VERSION --arg-scope-and-set --shell-out-anywhere 0.6
ARG CLUSTERCONFIG
FROM alpine
iso:
    COPY +build-iso/ .

build-iso:
    COPY overlay/files-iso/ /overlay/
    IF [ \"$CLUSTERCONFIG\" != \"\" ]
        COPY --if-exists \"$CLUSTERCONFIG\" /overlay/opt/spectrocloud/clusterconfig/spc.tgz
    END

cloud-image:
    COPY --if-exists \"$CLUSTERCONFIG\" /workdir/spc.tgz
";

/// A directory of its own. Removed in the end.
pub struct Site {
    directory: tempfile::TempDir,
    palette: Option<Sim>,
}

/// How a program ended, and what it said.
#[derive(Debug)]
pub struct Run {
    /// The exit code; -1 for a signal.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Site {
    /// Nothing in it.
    pub fn empty() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            palette: None,
        }
    }

    /// Two definitions, a checkout, and a Palette that serves the demo's world.
    pub fn with_palette() -> Self {
        let mut site = Self::empty();
        site.palette = Some(Sim::listen(World::demo(), None, 0).unwrap());
        site.write("profiles.toml", MANIFEST);
        site.write("CanvOS/Earthfile", EARTHFILE);
        site.write(
            "CanvOS/.arg",
            "ISO_NAME=\"edge-site\"\nCLUSTERCONFIG=spc.tgz\n",
        );
        site.write("CanvOS/earthly.sh", BUILD);
        site.run("chmod", &["+x", "CanvOS/earthly.sh"]);
        std::fs::create_dir_all(site.path("CanvOS/overlay/files-iso")).unwrap();
        site
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.directory.path().join(relative)
    }

    pub fn write(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Moves a pack to another version in Palette.
    pub fn publish(&self, pack: &str, version: &str) {
        let profiles = self.edit(|world| world.publish(pack, version));
        assert!(profiles > 0);
    }

    /// Edits what Palette has.
    pub fn edit<R>(&self, change: impl FnOnce(&mut World) -> R) -> R {
        self.palette.as_ref().unwrap().world(change)
    }

    /// Where Palette is.
    pub fn palette_url(&self) -> &str {
        self.palette.as_ref().unwrap().url()
    }

    pub fn edgestage(&self, arguments: &[&str]) -> Run {
        self.run(env!("CARGO_BIN_EXE_edgestage"), arguments)
    }

    /// Runs `program` here, with no more environment than it needs.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Run {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.directory.path())
            .env("EDGESTAGE", env!("CARGO_BIN_EXE_edgestage"));
        if let Some(palette) = &self.palette {
            command
                .env("PALETTE_HOST", palette.url())
                .env("PALETTE_API_KEY", "demo-palette-api-key");
        }
        let output = command
            .output()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        Run {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

//! Images like those that CanvOS builds, made with the tools that CanvOS uses; and runs that
//! verify them.
//!
//! The images are outside of the test's directory: an image may be large, and holds no key.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Run, Test, gzip};

/// The path of the definition in an ISO, and what is beside it.
pub const IN_ISO: &str = "opt/spectrocloud/clusterconfig/spc.tgz";
pub const CANARY: &str = "opt/spectrocloud/content/Readme.txt";
/// The path of the definition in a content partition.
pub const IN_PARTITION: &str = "spc-config/spc.tgz";

/// The note about an image that is older than the staged definition.
pub const OLDER: &str = "it was last changed before the definition was staged (T22)";

/// A staged definition, and images that may hold it.
pub struct Proof {
    pub test: Test,
    directory: tempfile::TempDir,
}

impl Proof {
    /// Stages the definition `factory`.
    pub fn new() -> Self {
        Self::of(Test::new().stage())
    }

    /// Uses what `test` has staged.
    pub fn of(test: Test) -> Self {
        Self {
            test,
            directory: temporary(),
        }
    }

    /// Returns the path of the image `name`, whether it exists or not.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join(name)
    }

    /// Writes an image.
    pub fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Copies an image with the definition to `installer.iso` beside `profiles.toml`.
    pub fn beside_manifest(self) -> Test {
        let image = self.iso("installer.iso", &self.overlay());
        self.test.put("installer.iso", fs::read(image).unwrap());
        self.test
    }

    /// Writes an ISO, a disk and a compressed disk.
    pub fn in_three_forms(&self, iso: &Tree, disk: &[u8]) -> [PathBuf; 3] {
        [
            self.iso("a.iso", iso),
            self.put("a.raw", disk),
            self.put("a.raw.gz", gzip(disk)),
        ]
    }

    /// Returns the contents of the image's overlay: the definition as it is staged, and the
    /// file that CanvOS tracks.
    pub fn overlay(&self) -> Tree {
        Tree::overlay(&self.test.staged())
    }

    /// Creates a live ISO of this tree.
    pub fn iso(&self, name: &str, tree: &Tree) -> PathBuf {
        let path = self.path(name);
        // xorriso would add a session to an existing image.
        let _ = fs::remove_file(&path);
        tree.live(&path);
        path
    }

    /// Returns a run of `verify` with these images and without a key, which must change no
    /// file.
    pub fn run(&self, images: &[&Path]) -> Run<'_> {
        let run = self.test.run("verify").without_key().keeps_files();
        images.iter().fold(run, |run, image| {
            run.arg("--image").arg(image.to_str().unwrap())
        })
    }

    /// Checks that `verify` prints exactly this after the image's path, that the JSON says the
    /// same, and that the exit code matches; nothing is requested from Palette, and there is a
    /// warning only for files beside a definition that is right.
    #[track_caller]
    pub fn says(&self, image: &Path, row: &str) {
        self.judged(|| self.run(&[image]), image, row);
    }

    /// Returns a run of `verify` for the definition `name` with this image.
    pub fn run_of(&self, name: &str, image: &Path) -> Run<'_> {
        self.run(&[image]).arg(name)
    }

    /// Does the same as [`Proof::says`] for the definition `name`.
    #[track_caller]
    pub fn says_of(&self, name: &str, image: &Path, row: &str) {
        self.judged(|| self.run_of(name, image), image, row);
    }

    /// Does the same as [`Proof::says`] with `--expect-none`.
    #[track_caller]
    pub fn says_of_none(&self, image: &Path, row: &str) {
        self.judged(|| self.run(&[image]).arg("--expect-none"), image, row);
    }

    /// Does the same as [`Proof::says`] for an image that is meant to cost time or memory: the
    /// run may use no more than 500 MB of address space, and far less time than reading the
    /// claimed contents would take.
    #[track_caller]
    pub fn says_soon(&self, image: &Path, row: &str) {
        let begun = Instant::now();
        let run = self.run(&[image]).prelude("ulimit -v 500000");
        let run = run.stdout(&format!("{}  {row}\n", image.display()));
        if is_good(row) {
            run.success();
        } else {
            run.any_stderr().fails(3);
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{row}");
    }

    #[track_caller]
    fn judged<'t>(&self, run: impl Fn() -> Run<'t>, image: &Path, row: &str) {
        let asked = self.test.sim.connections();
        let (word, rest) = row.split_once("  ").unwrap_or((row, ""));
        let text = format!("{}  {row}\n", image.display());
        let (run, json) = (run().stdout(&text), run().arg("--json").any_stdout());
        let json = if is_good(word) && rest.contains("(T25)") {
            run.stderr_has("warning[T25]: `").success();
            json.stderr_has("warning[T25]: `").success()
        } else if is_good(word) {
            run.success();
            json.success()
        } else {
            let code = if word == "not found" { 2 } else { 3 };
            run.any_stderr().fails(code);
            json.any_stderr().fails(code)
        };
        let said = &json.json()["images"][0];
        assert_eq!(said["verdict"], token(word), "{said}");
        assert_eq!(in_json(said), rest, "{said}");
        assert_eq!(self.test.sim.connections(), asked);
    }
}

/// Returns the text of a JSON document that corresponds to the table.
fn in_json(said: &Value) -> String {
    let field = |name: &str| said[name].as_str().map(str::to_owned);
    let trap = said["trap"]["code"].as_str();
    let trap = trap.map(|trap| format!("({trap})"));
    let parts: Vec<String> = [field("detail"), trap].into_iter().flatten().collect();
    let old = said["older"] == true
        && !GOOD
            .map(token)
            .contains(&said["verdict"].as_str().unwrap().to_owned());
    let told = Some(parts.join(" ")).filter(|told| !told.is_empty());
    let told = told.into_iter().chain(old.then(|| OLDER.to_owned()));
    told.collect::<Vec<_>>().join("; ")
}

const GOOD: [&str; 3] = ["as locked", "same content", "none"];

fn is_good(word: &str) -> bool {
    GOOD.contains(&word)
}

/// Returns the JSON token for a word of the table.
fn token(word: &str) -> String {
    match word {
        "not a CanvOS image" => "not-canvos".into(),
        word => word.replace(' ', "-"),
    }
}

fn temporary() -> tempfile::TempDir {
    tempfile::Builder::new()
        .prefix("edgestage-images-")
        .tempdir()
        .unwrap()
}

/// The contents of an image.
pub struct Tree {
    directory: tempfile::TempDir,
}

impl Tree {
    /// Returns an empty tree.
    pub fn empty() -> Self {
        Self {
            directory: temporary(),
        }
    }

    /// Returns an overlay with this definition.
    pub fn overlay(definition: &[u8]) -> Self {
        Self::empty()
            .with(CANARY, "Content bundles go here.\n")
            .with("boot/grub2/grub.cfg", "set timeout=5\n")
            .with(IN_ISO, definition)
    }

    /// Returns a content partition with this definition.
    pub fn partition(definition: &[u8]) -> Self {
        Self::empty().with(IN_PARTITION, definition)
    }

    /// Returns a path in the tree.
    pub fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    /// Writes a file.
    pub fn with(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        let to = self.path(path);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, content).unwrap();
        self
    }

    /// Creates a directory.
    pub fn with_directory(self, path: &str) -> Self {
        fs::create_dir_all(self.path(path)).unwrap();
        self
    }

    /// Creates a symbolic link.
    pub fn with_link(self, path: &str, target: &str) -> Self {
        let to = self.path(path);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, to).unwrap();
        self
    }

    /// Removes a file or a directory.
    pub fn without(self, path: &str) -> Self {
        let path = self.path(path);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
        self
    }

    /// Creates an ISO as `+iso` does (canvos.md, 5).
    pub fn live(&self, to: &Path) {
        let options = ["-volid", "COS_LIVE", "-joliet", "on", "-padding", "0"];
        self.native(to, &options);
    }

    /// Creates an ISO with xorriso's own commands.
    pub fn native(&self, to: &Path, options: &[&str]) {
        let mut run = xorriso();
        run.args(options).arg("-outdev").arg(to);
        run.arg("-map").arg(self.directory.path());
        finish(run.args(["/", "-chmod", "0755", "--"]));
    }

    /// Creates an ISO as `+uki-iso` does: with the options of `mkisofs`, without Joliet, and
    /// with a partition table for USB sticks.
    pub fn uki(self, to: &Path) {
        let tree = self.with("efiboot.img", vec![0x5a; 64 * 1024]);
        let options = "-as mkisofs -V UKI_ISO_INSTALL -e --interval:appended_partition_2:all:: \
             -no-emul-boot -append_partition 2 0xef {efi} -appended_part_as_gpt";
        let efi = tree.path("efiboot.img");
        let mut run = xorriso();
        for option in options.split_whitespace() {
            let efi = efi.to_str().unwrap();
            run.arg(option.replace("{efi}", efi));
        }
        finish(run.arg("-o").arg(to).arg(tree.directory.path()));
    }

    /// Returns a file system with this label and size in KiB.
    #[track_caller]
    pub fn file_system(&self, label: &str, kib: u32, options: &[&str]) -> Vec<u8> {
        let made = self.try_file_system(label, kib, options);
        made.unwrap_or_else(|said| panic!("{said}"))
    }

    /// Returns the same, or the error of `mke2fs` about these options.
    pub fn try_file_system(
        &self,
        label: &str,
        kib: u32,
        options: &[&str],
    ) -> Result<Vec<u8>, String> {
        let made = temporary();
        let file = made.path().join("fs");
        let mut run = Command::new("mke2fs");
        run.env("PATH", path_of_tools());
        run.args(["-q", "-F", "-L", label]);
        if !options.contains(&"-t") {
            run.args(["-t", "ext4"]);
        }
        run.args([
            "-U",
            "clear",
            "-E",
            "hash_seed=12345678-1234-1234-1234-123456789abc",
        ]);
        run.args(options).arg("-d").arg(self.directory.path());
        try_finish(run.arg(&file).arg(format!("{kib}k")))?;
        Ok(fs::read(file).unwrap())
    }
}

/// Returns a command for xorriso without any user's configuration.
pub fn xorriso() -> Command {
    let mut command = Command::new("xorriso");
    command.arg("-no_rc");
    command
}

/// Returns a `PATH` with the directories in which Debian has the tools that create file
/// systems. By default, only root's `PATH` has them.
pub fn path_of_tools() -> OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin:/sbin");
    path
}

/// Runs a tool that creates an image.
#[track_caller]
pub fn finish(command: &mut Command) {
    try_finish(command).unwrap_or_else(|said| panic!("{said}"));
}

fn try_finish(command: &mut Command) -> Result<(), String> {
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{command:?}: {said}"))
    }
}

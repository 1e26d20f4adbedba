//! How GNU tar, bsdtar, Python and, on request, Go read an archive: a tree of paths, each with
//! its type, size, digest or link target.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File, Permissions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::sha256;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    Directory,
    File {
        size: u64,
        sha256: String,
    },
    Link(Vec<u8>),
    /// A FIFO: of an archive that is refused.
    Other,
}

pub type Tree = BTreeMap<Vec<u8>, Seen>;

/// A tree, or an error: a reader that ends with an error counts as reading nothing.
pub type Answer = Result<Tree, String>;

/// The readers, each in a long-running process if possible.
pub struct Readers {
    directory: TempDir,
    listers: Vec<(&'static str, Lister)>,
}

/// Programs that read the paths of archives, and print what is in them as JSON.
struct Lister {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Readers {
    /// `go` is a program that `list.go` was built to.
    pub fn start(go: Option<&Path>) -> Self {
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/suite/archive_readers/list.py"
        );
        let mut python = Command::new("python3");
        python.arg(script);
        let mut listers = vec![("Python", Lister::start(python))];
        listers.extend(go.map(|program| ("Go", Lister::start(Command::new(program)))));
        Self {
            directory: tempfile::tempdir().unwrap(),
            listers,
        }
    }

    /// Returns the result of each reader.
    pub fn read(&mut self, archive: &[u8]) -> Vec<(&'static str, Answer)> {
        let file = self.directory.path().join("spc.tgz");
        fs::write(&file, archive).unwrap();
        let mut answers = vec![
            (
                "GNU tar",
                // Modes of directories last: another entry may have to get in.
                self.unpack("tar", &["-x", "-z", "--delay-directory-restore"], &file),
            ),
            (
                "bsdtar",
                self.unpack(
                    "bsdtar",
                    &["-x", "--no-acls", "--no-fflags", "--no-xattrs"],
                    &file,
                ),
            ),
        ];
        for (name, lister) in &mut self.listers {
            answers.push((name, lister.list(&file)));
        }
        answers
    }

    /// Unpacks like an ordinary user, whoever runs this.
    fn unpack(&self, program: &str, arguments: &[&str], archive: &Path) -> Answer {
        let into = self.directory.path().join(program);
        fs::create_dir(&into).unwrap();
        let output = Command::new(program)
            .args(arguments)
            .args(["--no-same-owner", "--no-same-permissions", "-f"])
            .arg(archive)
            .arg("-C")
            .arg(&into)
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        let answer = if output.status.success() {
            let mut tree = Tree::new();
            walk(&into, b"", &mut tree);
            Ok(tree)
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        };
        make_readable(&into);
        fs::remove_dir_all(&into).unwrap();
        answer
    }
}

/// Changes modes, which do not count, so that the files can be read and removed.
fn make_readable(directory: &Path) {
    fs::set_permissions(directory, Permissions::from_mode(0o755)).unwrap();
    let directory = File::open(directory).unwrap();
    for (path, _) in children(&directory) {
        if fs::symlink_metadata(&path).unwrap().is_dir() {
            make_readable(&path);
        }
    }
}

/// Lists an open directory, whose path may be too long for the system.
fn children(directory: &File) -> Vec<(PathBuf, Vec<u8>)> {
    let by_number = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()));
    let entries = fs::read_dir(&by_number).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name());
    names
        .map(|name| (by_number.join(&name), name.as_bytes().to_owned()))
        .collect()
}

fn walk(directory: &Path, at: &[u8], tree: &mut Tree) {
    fs::set_permissions(directory, Permissions::from_mode(0o755)).unwrap();
    let directory = File::open(directory).unwrap();
    for (file, name) in children(&directory) {
        let path = match at {
            b"" => name,
            at => [at, b"/", &name].concat(),
        };
        let kind = fs::symlink_metadata(&file).unwrap().file_type();
        let seen = if kind.is_symlink() {
            Seen::Link(
                fs::read_link(&file)
                    .unwrap()
                    .as_os_str()
                    .as_bytes()
                    .to_owned(),
            )
        } else if kind.is_dir() {
            walk(&file, &path, tree);
            Seen::Directory
        } else if !kind.is_file() {
            Seen::Other
        } else {
            fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
            let content = fs::read(&file).unwrap();
            Seen::File {
                size: content.len() as u64,
                sha256: sha256(&content),
            }
        };
        tree.insert(path, seen);
    }
}

impl Lister {
    fn start(mut command: Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        Self {
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    fn list(&mut self, archive: &Path) -> Answer {
        writeln!(self.input, "{}", archive.display()).unwrap();
        self.input.flush().unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let Some(entries) = said["entries"].as_array() else {
            return Err(said["error"].as_str().unwrap().to_owned());
        };
        let mut tree = Tree::new();
        for entry in entries {
            let name = bytes(&entry["name"]);
            let seen = match entry["type"].as_str().unwrap() {
                "directory" => Seen::Directory,
                "link" => Seen::Link(bytes(&entry["target"])),
                "file" => Seen::File {
                    size: entry["size"].as_u64().unwrap(),
                    sha256: entry["sha256"].as_str().unwrap().to_owned(),
                },
                other => return Err(format!("{} is {other}", name.escape_ascii())),
            };
            add(&mut tree, &name, seen)?;
        }
        Ok(tree)
    }
}

impl Drop for Lister {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn bytes(hexadecimal: &Value) -> Vec<u8> {
    let digits = hexadecimal.as_str().unwrap();
    (0..digits.len() / 2)
        .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap())
        .collect()
}

/// Adds what a program would make of the name: a file whose name ends as a directory's is
/// an error of the system's.
fn add(tree: &mut Tree, name: &[u8], seen: Seen) -> Result<(), String> {
    let is_directory = seen == Seen::Directory;
    let parts = name.split(|byte| *byte == b'/');
    if name.is_empty()
        || name.starts_with(b"/")
        || parts.clone().any(|part| part == b"..")
        || !is_directory && matches!(parts.clone().next_back(), Some(b"" | b"."))
    {
        return Err(format!("{} is not a name", name.escape_ascii()));
    }
    let parts: Vec<&[u8]> = parts.filter(|part| !matches!(*part, b"" | b".")).collect();
    for length in 1..parts.len() {
        tree.entry(parts[..length].join(&b'/'))
            .or_insert(Seen::Directory);
    }
    match tree.insert(parts.join(&b'/'), seen) {
        _ if parts.is_empty() => {
            tree.remove(&b""[..]);
        }
        None => {}
        Some(Seen::Directory) if is_directory => {}
        Some(_) => return Err(format!("{} is in it twice", name.escape_ascii())),
    }
    Ok(())
}

/// Returns the differences of two trees, one line each.
pub fn differences(one: &Tree, other: &Tree) -> String {
    let mut said = String::new();
    let paths: std::collections::BTreeSet<&Vec<u8>> = one.keys().chain(other.keys()).collect();
    for path in paths {
        let (one, other) = (one.get(path), other.get(path));
        if one != other {
            let _ = writeln!(said, "  {}: {one:?}, {other:?}", path.escape_ascii());
        }
    }
    said
}

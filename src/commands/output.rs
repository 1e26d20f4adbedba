//! `--output`: a file that the user names and the run writes.
//!
//! The input is the path, and the files that the run works with. The output is the file,
//! written by rename, or a refusal before anything is asked or written. The file must never be
//! the manifest, its lock, a file that `profiles.toml` names, a file that decides a build, or
//! anything inside `.git`, whatever path leads there: one with `..`, a link, or one on a file
//! system that ignores case.

use std::fs::Metadata;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use super::messages::{self, OutputFault};
use crate::cache::Artifact;
use crate::canvos::Placement;
use crate::error::Error;
use crate::lockfile::Lockfile;
use crate::manifest::{Manifest, PasswordSource};
use crate::signing::Signer;
use crate::util::atomic_file;
use crate::util::digest::Digest;
use crate::util::files;
use crate::util::path_error::PathError;
use crate::workflow::context::Context;

/// Directories that only other programs write to.
const OWNED: [&str; 3] = [".git", ".edgestage", ".hg"];

/// The number of links that are followed, as in Linux (`path_resolution(7)`).
const LINKS: usize = 40;

/// The names of files that decide what a build does, in whichever directory.
const OF_BUILDS: [&str; 9] = [
    "Earthfile",
    ".arg",
    ".env",
    ".earthlyignore",
    ".earthignore",
    ".gitignore",
    ".gitmodules",
    "earthly.sh",
    "Makefile",
];

/// The files that an output must not be.
pub(super) struct Guard {
    files: Vec<(PathBuf, OutputFault)>,
    cache: Option<PathBuf>,
}

impl Guard {
    /// Returns the guard for a run that works with `manifest`, or with none.
    pub(super) fn new(context: &Context<'_>, manifest: Option<&Manifest>) -> Self {
        let path = context.environment.resolve(&context.settings.file);
        let mut files = vec![
            (Lockfile::path_for(&path), OutputFault::Lockfile),
            (path, OutputFault::Manifest),
        ];
        let key = context.settings.api_key_file.as_ref();
        let key = key.map(|path| context.environment.resolve(path));
        files.extend(key.map(|path| (path, OutputFault::Key)));
        let Some(manifest) = manifest else {
            return Self { files, cache: None };
        };
        let definitions = || manifest.definitions.values();
        let packs = definitions().flat_map(|definition| &definition.profiles);
        let values = packs
            .flat_map(|profile| &profile.packs)
            .filter_map(|pack| pack.values_file.clone());
        let palette = &manifest.palette;
        let named = [&palette.ca_cert, &palette.api_key_file];
        let hosts = manifest.hosts.values().map(|host| &host.login);
        let of_hosts = hosts.chain([&manifest.host_login]).flat_map(|login| {
            let password = match &login.password {
                Some(PasswordSource::File(path)) => Some(path.clone()),
                _ => None,
            };
            [login.ca_cert.clone(), password].into_iter().flatten()
        });
        let keys = manifest.signing.as_ref().map(Signer::key_files);
        let named = named.into_iter().flatten().cloned().chain(values);
        let named = named.chain(keys.into_iter().flatten()).chain(of_hosts);
        files.extend(named.map(|path| (path, OutputFault::NamedInManifest)));
        let mut checkouts = vec![context.canvos_directory(manifest, None)];
        checkouts.extend(definitions().map(|one| context.canvos_directory(manifest, Some(one))));
        checkouts.sort();
        checkouts.dedup();
        let placements = checkouts
            .iter()
            .flat_map(|directory| Placement::ALL.map(|placement| directory.join(placement.path())));
        files.extend(placements.map(|path| (path, OutputFault::Placement)));
        let of_builds = checkouts
            .iter()
            .flat_map(|directory| OF_BUILDS.map(|name| directory.join(name)));
        files.extend(of_builds.map(|path| (path, OutputFault::OfABuild)));
        let cache = context.cache(Some(manifest)).ok();
        Self {
            files,
            cache: cache.map(|cache| cache.directory().to_owned()),
        }
    }

    /// Fails if `output` must not be written; returns the path with links followed, because a
    /// link is the user's own name for its target.
    pub(super) fn check(&self, output: &Path) -> Result<PathBuf, Error> {
        let refused = |fault| refuse(output, fault);
        if is_stream(output) {
            return Err(refused(OutputFault::Stream));
        }
        let directory = output.parent().filter(|parent| *parent != Path::new(""));
        let directory = directory.unwrap_or(Path::new("."));
        let name = output.file_name().filter(|name| *name != "-");
        let (Some(name), Ok(directory)) = (name, directory.canonicalize()) else {
            return Err(refused(OutputFault::NoDirectory));
        };
        if !directory.is_dir() {
            return Err(refused(OutputFault::NoDirectory));
        }
        let real = end_of_links(directory.join(name));
        let metadata = real.metadata().ok();
        if let Some(metadata) = &metadata
            && !metadata.is_file()
        {
            let kind = files::kind_of(metadata.file_type());
            return Err(refused(OutputFault::Kind(kind)));
        }
        if let Some(owner) = owner_of(&real) {
            return Err(refused(OutputFault::Inside(owner)));
        }
        if OF_BUILDS
            .iter()
            .any(|name| is_called(&real, Path::new(name)))
        {
            return Err(refused(OutputFault::OfABuild));
        }
        if self
            .cache
            .as_ref()
            .is_some_and(|cache| is_below(&real, cache))
        {
            return Err(refused(OutputFault::InCache));
        }
        let same = |(file, _): &&(PathBuf, _)| is_same(&real, metadata.as_ref(), file);
        match self.files.iter().find(same) {
            Some((_, fault)) => Err(refused(*fault)),
            None => Ok(real),
        }
    }
}

/// Fails if a directory that is to be created is inside one that belongs to another program.
pub(super) fn check_directory(directory: &Path) -> Result<(), Error> {
    // A path that does not exist is not a link.
    let there = directory.ancestors().find(|ancestor| ancestor.exists());
    let real = there.and_then(|there| there.canonicalize().ok());
    match owner_of(directory).or_else(|| owner_of(&real?)) {
        Some(owner) => Err(refuse(directory, OutputFault::Inside(owner))),
        None => Ok(()),
    }
}

/// Returns the directory of another program that `path` is in.
fn owner_of(path: &Path) -> Option<&'static str> {
    path.components().find_map(|component| match component {
        Component::Normal(name) => {
            let mut owners = OWNED.into_iter();
            owners.find(|owner| name.eq_ignore_ascii_case(owner))
        }
        _ => None,
    })
}

fn refuse(output: &Path, fault: OutputFault) -> Error {
    Error::usage(messages::unusable_output(output, fault))
}

/// Follows the links at `path`, whether the target exists or not: a link to a lock that does
/// not exist yet leads to the lock as soon as it does.
fn end_of_links(mut path: PathBuf) -> PathBuf {
    for _ in 0..LINKS {
        if let Ok(real) = path.canonicalize() {
            return real;
        }
        match (path.read_link(), path.parent()) {
            (Ok(target), Some(directory)) => path = directory.join(target),
            _ => break,
        }
    }
    path
}

/// Whether a path stands for an open stream of this process.
fn is_stream(path: &Path) -> bool {
    let streams = ["/dev/stdout", "/dev/stderr", "/dev/stdin", "/dev/tty"];
    streams.iter().any(|stream| path == Path::new(stream))
        || path.starts_with("/dev/fd")
        || path.starts_with("/proc")
}

fn is_called(path: &Path, name: &Path) -> bool {
    match (path.file_name(), name.file_name()) {
        (Some(path), Some(name)) => path.eq_ignore_ascii_case(name),
        _ => false,
    }
}

fn is_below(path: &Path, directory: &Path) -> bool {
    let directory = directory.canonicalize();
    directory.is_ok_and(|directory| path.starts_with(directory))
}

/// Whether `file` is the file at `real`, or will be as soon as it exists.
fn is_same(real: &Path, metadata: Option<&Metadata>, file: &Path) -> bool {
    if let (Some(metadata), Ok(other)) = (metadata, file.metadata()) {
        return is_one_file(metadata, &other);
    }
    let parent = |path: &Path| match path.parent() {
        Some(parent) if parent != Path::new("") => parent.canonicalize().ok(),
        _ => Path::new(".").canonicalize().ok(),
    };
    is_called(real, file) && parent(real).is_some_and(|it| Some(it) == parent(file))
}

#[cfg(unix)]
fn is_one_file(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_one_file(_: &Metadata, _: &Metadata) -> bool {
    false
}

/// Writes the archive to `output`, by rename, unless it is there already. An existing file
/// keeps its mode.
pub(super) fn write(artifact: &Artifact, output: &Path) -> Result<(), Error> {
    let there = output.metadata().ok();
    if there
        .as_ref()
        .is_some_and(|there| there.len() == artifact.identity().size)
    {
        let sha256 = Digest::of_file(output).map_err(PathError::when("read", output))?;
        if sha256 == artifact.identity().sha256 {
            return Ok(());
        }
    }
    write_from(&mut artifact.open()?, output, there)
}

/// Writes `bytes` to `output`, by rename, unless they are there already. An existing file keeps
/// its mode.
pub(super) fn write_bytes(bytes: &[u8], output: &Path) -> Result<(), Error> {
    if files::read(output, bytes.len() as u64).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    write_from(&mut &*bytes, output, output.metadata().ok())
}

fn write_from(source: &mut dyn Read, output: &Path, there: Option<Metadata>) -> Result<(), Error> {
    let directory = output.parent().unwrap_or(Path::new("."));
    let mut copy = atomic_file::temporary_in(directory)?;
    std::io::copy(source, copy.as_file_mut()).map_err(PathError::when("write", output))?;
    atomic_file::rename_keeping(copy, output, there.map(|there| there.permissions()))?;
    Ok(())
}

//! What `COPY --if-exists "$CLUSTERCONFIG"` finds in a checkout (canvos.md, T1 to T9, T33,
//! T40).
//!
//! The input is the value, the checkout and its ignore rules. The output is the file that ends
//! up in the image, or the reason why there is none. Earthly interprets a value three times,
//! each time in a different way: as a reference to another target's artifact, as the pattern of
//! what is sent to the build, and as the pattern of what is copied out of that. The last one
//! puts the first character into a class, so that a pattern without a match is not an error.
//! Whatever passes all three is copied to the same name; if there are several files, the last
//! one stays.
//!
//! The model follows Earthly 0.8.15 and `EarthBuild` and was compared with both. It looks at
//! directories, not into files, and never writes.

use std::path::Path;

use super::glob;
use super::ignore::{self, Ignore, Patterns, Rule, RuleFault};
use super::invocation::is_target_name;

mod context;
mod missed;
#[cfg(test)]
mod tests;

pub(super) use missed::Missed;

use context::{BuildContext, Entry, Kind, Stop};

use crate::util::files;

/// The number of links below a copied directory that are followed.
const DIRECTORIES: usize = 1_000;

/// What a COPY puts at its destination if nothing was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Copied {
    /// A regular file.
    File {
        /// The path in the checkout, as it is written there.
        path: String,
        /// The other matching files, which this one replaces.
        replaced: Vec<String>,
    },
    /// An empty file in place of one that cannot be read (T40).
    Empty {
        /// The path in the checkout.
        path: String,
        /// Why the file is empty.
        cause: Unread,
    },
    /// Nothing; the build continues.
    Nothing(Missed),
    /// A directory, a pipe or a device; the build continues.
    NotAFile {
        /// The path in the checkout; empty for the checkout itself.
        path: String,
        /// The kind of file.
        kind: &'static str,
    },
    /// The artifact of another target: Earthly reads the value as `path+target/artifact`.
    Artifact,
    /// The build fails.
    Fails(Failure),
    /// The search was not completed, because the pattern matches too many directories.
    Unclear,
}

/// Why a file arrives empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// The user of this run may not read the file.
    Forbidden,
    /// The file is a socket.
    Socket,
}

/// Why the build fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The value is `/` or `./`: Earthly has no first character left, and crashes.
    Crash,
    /// The pattern is malformed: it begins with `-`, `^`, `\` or `]`, or a class is not closed.
    BadPattern,
    /// The value has a tab or another control character.
    Control,
    /// The path loses its first part to a `..`. It is no longer a pattern then, so the file
    /// must exist.
    NotThere(Missed),
    /// The value matches a symbolic link, whose target is not sent to the build with it.
    Link {
        /// The path in the checkout.
        path: String,
    },
    /// The value matches a directory after a file.
    DirectoryOverFile {
        /// The path in the checkout.
        path: String,
    },
    /// The value matches a directory that cannot be read.
    Closed {
        /// The path in the checkout.
        path: String,
    },
    /// An ignore rule makes every build fail.
    Rule(Rule, RuleFault),
}

/// Returns what `COPY --if-exists` finds for `value` in the checkout in `directory`. The paths
/// `staged` count as readable regular files, whether they exist or not. An empty value copies
/// an empty directory.
#[must_use]
pub(super) fn resolve(value: &str, directory: &Path, ignore: &Ignore, staged: &[&str]) -> Copied {
    if is_artifact(value) {
        return Copied::Artifact;
    }
    if let Some((rule, fault)) = ignore.error() {
        return Copied::Fails(Failure::Rule(rule.clone(), fault));
    }
    // If no artifact is meant, Earthly unescapes the plus signs.
    let value = &value.replace("\\+", "+");
    let wanted = match sent_pattern(value) {
        Ok(wanted) => wanted,
        Err(failure) => return Copied::Fails(failure),
    };
    let context = BuildContext::new(directory, &wanted, ignore, staged);
    let source = match source_pattern(value) {
        Ok(source) => source,
        Err(failure) => return Copied::Fails(failure),
    };
    let missed = || missed::why(value, directory, ignore, staged, context.closed());
    match copy(&source, &context) {
        Ok(copied) => copied.unwrap_or_else(|| Copied::Nothing(missed())),
        Err(Failed::NotThere) => Copied::Fails(Failure::NotThere(missed())),
        Err(Failed::Because(failure)) => Copied::Fails(failure),
        Err(Failed::Stop(Stop::TooMany)) => Copied::Unclear,
        Err(Failed::Stop(Stop::BadPattern)) => Copied::Fails(Failure::BadPattern),
        Err(Failed::Stop(Stop::Closed(path))) => Copied::Fails(Failure::Closed { path }),
        Err(Failed::Stop(Stop::Circle(path))) => Copied::Fails(Failure::Link { path }),
        Err(Failed::Stop(Stop::BadRule(place))) => match ignore.rule(place) {
            Some(rule) => Copied::Fails(Failure::Rule(rule.clone(), RuleFault::Syntax)),
            None => Copied::Unclear,
        },
    }
}

/// Whether the directory `source` of the checkout is sent to a build that copies it; `None` if
/// there was too much to search. A COPY without `--if-exists` fails if the directory is not
/// sent, and copies what is left of it if the rules hide only some of its contents.
#[must_use]
pub(super) fn sends_directory(
    source: &str,
    directory: &Path,
    ignore: &Ignore,
    staged: &[&str],
) -> Option<bool> {
    let wanted = sent_pattern(source).ok()?;
    let context = BuildContext::new(directory, &wanted, ignore, staged);
    let found = match context.follow(&glob::clean(source)) {
        Err(Stop::TooMany) => return None,
        Err(_) => None,
        Ok(found) => found,
    };
    let sent = found.is_some_and(|entry| entry.kind == Kind::Directory);
    Some(sent && ignore.error().is_none())
}

/// Why a copy is not completed.
enum Failed {
    NotThere,
    Because(Failure),
    Stop(Stop),
}

impl From<Stop> for Failed {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// Whether Earthly reads `value` as an artifact: the text between a plus sign and a slash is
/// the name of a target (T33).
fn is_artifact(value: &str) -> bool {
    let parts = split_at_plus(value);
    let Some([_, artifact]) = parts.as_deref() else {
        return false;
    };
    let Some((target, _)) = artifact.split_once('/') else {
        return false;
    };
    is_target_name(target)
}

/// Splits `value` at plus signs that have no `\` before them, without an empty last part.
/// Returns `None` if the value ends with a `\`.
fn split_at_plus(value: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next()? {
                '+' => part.push('+'),
                c => part.extend(['\\', c]),
            },
            '+' => parts.push(std::mem::take(&mut part)),
            c => part.push(c),
        }
    }
    parts.extend((!part.is_empty()).then_some(part));
    Some(parts)
}

/// Returns the pattern of what is sent to the build.
fn sent_pattern(value: &str) -> Result<Patterns, Failure> {
    let pattern = match value.strip_suffix("/.") {
        _ if value == "." => "./*".to_owned(),
        Some(directory) => format!("{directory}/*"),
        None => value.to_owned(),
    };
    let mut escaped = String::with_capacity(pattern.len());
    for c in pattern.chars() {
        if matches!(c, '+' | '?' | '{' | '}') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    // As with ignore rules, a pattern that is not ASCII is sent encoded, and is not decoded.
    if !escaped.is_ascii() {
        escaped = ignore::query_escape(&escaped);
    } else if escaped.contains(|c: char| c.is_ascii_control()) {
        return Err(Failure::Control);
    }
    Patterns::new([escaped.as_str()]).map_err(|_| Failure::BadPattern)
}

/// Returns the pattern of what is copied out of that, as an absolute path.
fn source_pattern(value: &str) -> Result<String, Failure> {
    if value.is_empty() {
        return Ok("/".to_owned());
    }
    let path = value.strip_prefix("./").unwrap_or(value);
    let path = path.strip_prefix('/').unwrap_or(path);
    // Earthly takes the first byte for a character.
    let first = *path.as_bytes().first().ok_or(Failure::Crash)?;
    let rest = ignore::decode(&path.as_bytes()[1..]);
    let pattern = glob::clean(&format!("[{}]{rest}", char::from(first)));
    Ok(glob::clean(&format!("/{pattern}")))
}

/// Copies all files that match `source` to one name, one after the other.
fn copy(source: &str, context: &BuildContext<'_>) -> Result<Option<Copied>, Failed> {
    if source == "/" {
        return Ok(Some(directory(&context.root())));
    }
    if !glob::has_wildcards(source) {
        let entry = context.follow(source)?.ok_or(Failed::NotThere)?;
        return Ok(Some(copied(&[(source[1..].to_owned(), entry)])?));
    }
    let found = find(source, context)?;
    let mut sources = Vec::new();
    for entry in found {
        let link = || {
            Failed::Because(Failure::Link {
                path: entry.path.clone(),
            })
        };
        let target = match entry.kind {
            Kind::Link => context.follow(&entry.path)?.ok_or_else(link)?,
            Kind::Directory => {
                check_links(&entry, context)?;
                entry.clone()
            }
            _ => entry.clone(),
        };
        sources.push((entry.path, target));
    }
    if sources.is_empty() {
        return Ok(None);
    }
    Ok(Some(copied(&sources)?))
}

/// Returns the sent entries that match `source`, in the order of a walk. The contents of a
/// matching directory are not included.
fn find(source: &str, context: &BuildContext<'_>) -> Result<Vec<Entry>, Failed> {
    let bad = |glob::BadPattern| Failed::Because(Failure::BadPattern);
    glob::matches(source, "").map_err(bad)?;
    let parts: Vec<&str> = source[1..].split('/').collect();
    let plain = parts.iter().take_while(|part| !glob::has_wildcards(part));
    let (above, pattern) = parts.split_at(plain.count());
    // The part before the first wildcard must exist.
    let start = context.follow(&above.join("/"))?.ok_or(Failed::NotThere)?;
    let pattern = pattern.join("/");
    let mut found = Vec::new();
    walk(&start, &start, &pattern, context, &mut found)?;
    Ok(found)
}

fn walk(
    start: &Entry,
    directory: &Entry,
    pattern: &str,
    context: &BuildContext<'_>,
    found: &mut Vec<Entry>,
) -> Result<(), Failed> {
    if directory.kind != Kind::Directory {
        return Ok(());
    }
    // A class matches one character, which may be a slash.
    let deepest = pattern.bytes().filter(|b| b"/[".contains(b)).count();
    for entry in context.entries(directory)? {
        let path = entry.path[start.path.len()..].trim_start_matches('/');
        let matched = glob::matches(pattern, path);
        if matched.map_err(|_| Failed::Because(Failure::BadPattern))? {
            found.push(entry);
        } else if path.matches('/').count() < deepest {
            walk(start, &entry, pattern, context, found)?;
        }
    }
    Ok(())
}

/// Checks that the links in a matching directory lead somewhere within the context.
fn check_links(directory: &Entry, context: &BuildContext<'_>) -> Result<(), Failed> {
    let mut ahead = vec![directory.clone()];
    let mut read = 0;
    while let Some(directory) = ahead.pop() {
        read += 1;
        if read > DIRECTORIES {
            // Whether the build fails or copies a directory, no definition arrives.
            return Ok(());
        }
        for entry in context.entries(&directory)? {
            match entry.kind {
                Kind::Directory => ahead.push(entry),
                Kind::Link if context.follow(&entry.path)?.is_none() => {
                    let path = entry.path;
                    return Err(Failed::Because(Failure::Link { path }));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Returns what is at the destination in the end.
fn copied(sources: &[(String, Entry)]) -> Result<Copied, Failed> {
    let mut files: Vec<&Entry> = Vec::new();
    let mut first_directory: Option<&Entry> = None;
    for (path, entry) in sources {
        match entry.kind {
            Kind::Directory if !files.is_empty() => {
                let path = path.clone();
                return Err(Failed::Because(Failure::DirectoryOverFile { path }));
            }
            // Later files are copied into the directory.
            Kind::Directory => drop(first_directory.get_or_insert(entry)),
            _ if first_directory.is_some() => {}
            _ => files.push(entry),
        }
    }
    if let Some(entry) = first_directory {
        return Ok(directory(entry));
    }
    let Some((last, before)) = files.split_last() else {
        return Err(Failed::NotThere);
    };
    Ok(file(last, before))
}

fn directory(entry: &Entry) -> Copied {
    Copied::NotAFile {
        path: entry.path.clone(),
        kind: "a directory",
    }
}

fn file(entry: &Entry, before: &[&Entry]) -> Copied {
    let path = entry.path.clone();
    let forbidden = || !entry.staged && files::try_open(&entry.real).is_err();
    match entry.kind {
        Kind::Socket => Copied::Empty {
            path,
            cause: Unread::Socket,
        },
        Kind::Special => Copied::NotAFile {
            path,
            kind: "a pipe or a device",
        },
        _ if forbidden() => Copied::Empty {
            path,
            cause: Unread::Forbidden,
        },
        _ => Copied::File {
            path,
            replaced: before.iter().map(|entry| entry.path.clone()).collect(),
        },
    }
}

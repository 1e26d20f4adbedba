//! The content bundles in an image.
//!
//! The input is the directory in which CanvOS puts them: files `*.zst` and `*.tar`, or their
//! parts, which `split --numeric-suffixes` has numbered (canvos.md, T37). The output is what each
//! of them holds. The amount that is read without being asked is limited; what exceeds the limit
//! is reported as unread, and never counts as harmless.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use super::place::{ImageFileSystem, Node};
use super::{ImageError, Judge, cut};
use crate::bundle::{self, BundleDefinition, BundleError, LargeBundles, Source, UNASKED};
use crate::util::sanitize;

/// The largest number of bundles that are read without being asked.
const MOST_BUNDLES: usize = 16;
/// What `split` is told to put between the name of a bundle and the number of its part.
const PART: &[u8] = b"_part";

/// A content bundle in an image.
#[derive(Debug)]
pub struct ImageBundle {
    /// The name of the bundle, without the number of a part; or the path of the directory, if not
    /// all of it was examined.
    pub name: Vec<u8>,
    /// What the bundle holds.
    pub content: BundleContent,
}

/// What a content bundle in an image holds, or why that is not known.
#[derive(Debug)]
pub enum BundleContent {
    /// It was read.
    Read(BundleDefinition),
    /// It is larger than what is read without being asked.
    Large {
        /// Its size, in bytes.
        size: u64,
        /// The limit, in bytes.
        most: u64,
    },
    /// There are more bundles than this number, which are read without being asked.
    Many(usize),
    /// It cannot be read, for this reason.
    Unreadable(String),
}

/// The parts of a bundle, by number.
type Parts<F> = BTreeMap<Vec<u8>, Node<F>>;
/// Names in a directory, each with what it refers to.
type Named<T> = Vec<(Vec<u8>, T)>;

/// What is stored under the name of a bundle.
enum Stored<F> {
    /// One file, or all parts in their order.
    Files(Vec<F>),
    /// The part with this number is missing.
    Lacking(String),
    /// Not a regular file, but a file of this kind.
    Odd(&'static str),
}

/// Returns the content bundles in `directory`, by name.
pub(super) fn look<F: ImageFileSystem>(
    files: &F,
    directory: &[&str],
    spool: &Path,
    judge: &Judge<'_>,
) -> Result<Vec<ImageBundle>, ImageError> {
    match bundles_in(files, directory, spool, judge) {
        // What is known of the definition counts all the same.
        Err(ImageError::Truncated) => {
            let why = "the image ends before its content does";
            Ok(vec![unreadable(directory, why.to_owned())])
        }
        Err(ImageError::Damaged(place)) => {
            Ok(vec![unreadable(directory, format!("damaged: {place}"))])
        }
        bundles => bundles,
    }
}

/// Describes a directory that was not examined, or not wholly.
fn unreadable(directory: &[&str], why: String) -> ImageBundle {
    ImageBundle {
        name: directory.join("/").into_bytes(),
        content: BundleContent::Unreadable(why),
    }
}

fn bundles_in<F: ImageFileSystem>(
    files: &F,
    directory: &[&str],
    spool: &Path,
    judge: &Judge<'_>,
) -> Result<Vec<ImageBundle>, ImageError> {
    match files.find(directory)? {
        Node::Odd("a directory") => {}
        Node::Odd(kind @ "a symbolic link") => {
            return Ok(vec![unreadable(directory, format!("it is {kind}"))]);
        }
        _ => return Ok(Vec::new()),
    }
    let listed = files.list(directory, None)?;
    let mut found = Vec::new();
    let mut read = 0;
    for (name, stored) in stored(files, listed.nodes)? {
        let content = match stored {
            Stored::Odd(kind) => BundleContent::Unreadable(format!("it is {kind}")),
            Stored::Lacking(number) => BundleContent::Read(BundleDefinition::Unreadable(format!(
                "its part `{}{number}` is missing",
                String::from_utf8_lossy(PART)
            ))),
            Stored::Files(parts) => {
                let size = parts.iter().map(F::size).fold(0, u64::saturating_add);
                match judge.bundles {
                    LargeBundles::Skip if size > UNASKED => BundleContent::Large {
                        size,
                        most: UNASKED,
                    },
                    LargeBundles::Skip if read == MOST_BUNDLES => BundleContent::Many(MOST_BUNDLES),
                    _ => {
                        read += 1;
                        content(files, &parts, spool, judge)
                    }
                }
            }
        };
        found.push(ImageBundle { name, content });
    }
    if listed.more > 0 {
        let more = sanitize::count(listed.more, "file");
        let why = format!("it has {more} more than edgestage examines");
        found.push(unreadable(directory, why));
    }
    Ok(found)
}

/// Returns the bundles among the entries of a directory, by name.
fn stored<F: ImageFileSystem>(
    files: &F,
    nodes: Named<Node<F::File>>,
) -> Result<Named<Stored<F::File>>, ImageError> {
    let mut whole = Vec::new();
    let mut parts: BTreeMap<Vec<u8>, Parts<F::File>> = BTreeMap::new();
    for (name, node) in nodes {
        if let Some((bundle, number)) = part_of(&name) {
            let numbers = parts.entry(bundle.to_owned()).or_default();
            // It is not known which of them a host sees.
            let node = if numbers.contains_key(number) {
                Node::Odd("two files with one name")
            } else {
                node
            };
            numbers.insert(number.to_owned(), node);
            continue;
        }
        match node {
            Node::Odd(kind) if is_bundle(&name) => whole.push((name, Stored::Odd(kind))),
            Node::File(file) if is_bundle(&name) || begins_like_one(files, &file)? => {
                whole.push((name, Stored::Files(vec![file])));
            }
            _ => {}
        }
    }
    whole.extend(parts.into_iter().map(|(name, parts)| (name, joined(parts))));
    whole.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(whole)
}

/// Joins the parts of a bundle, whose numbers sort in their order.
fn joined<F>(parts: Parts<F>) -> Stored<F> {
    let mut files = Vec::new();
    for (index, (number, node)) in parts.into_iter().enumerate() {
        let expected = number_of(index);
        if number != expected.as_bytes() {
            return Stored::Lacking(expected);
        }
        match node {
            Node::File(file) => files.push(file),
            Node::Odd(kind) => return Stored::Odd(kind),
            Node::Missing => return Stored::Lacking(expected),
        }
    }
    Stored::Files(files)
}

/// Returns the number that `split --numeric-suffixes` gives to a part: 00 to 89, then 9000 to
/// 9899, then 990000 to 998999, so that the names sort in this order.
fn number_of(mut index: usize) -> String {
    let mut nines = 0;
    let mut count = 90;
    while index >= count {
        index -= count;
        count = count.saturating_mul(10);
        nines += 1;
    }
    format!("{}{index:0width$}", "9".repeat(nines), width = nines + 2)
}

/// Splits the name of a part into the name of its bundle and its number.
fn part_of(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let digits = name.iter().rev().take_while(|byte| byte.is_ascii_digit());
    let (name, number) = name.split_at(name.len() - digits.count());
    let bundle = name.strip_suffix(PART)?;
    (!number.is_empty() && is_bundle(bundle)).then_some((bundle, number))
}

fn is_bundle(name: &[u8]) -> bool {
    let end = name.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    end.len() < name.len()
        && [&b"zst"[..], b"tar"]
            .iter()
            .any(|is| end.eq_ignore_ascii_case(is))
}

/// Whether a file begins like a bundle. An ISO without long names has cut its name.
fn begins_like_one<F: ImageFileSystem>(files: &F, file: &F::File) -> Result<bool, ImageError> {
    let mut first = Vec::new();
    let most = F::size(file).min(bundle::FIRST);
    let read = files.read(file).take(most).read_to_end(&mut first);
    read.map_err(cut)?;
    Ok(bundle::begins_like_a_bundle(&first))
}

/// Reads the bundle that consists of `parts`.
fn content<F: ImageFileSystem>(
    files: &F,
    parts: &[F::File],
    spool: &Path,
    judge: &Judge<'_>,
) -> BundleContent {
    let joined = Joined {
        files,
        parts,
        next: 0,
        current: None,
    };
    match bundle::survey(joined, spool, judge.limits) {
        Ok(held) => BundleContent::Read(held.definition),
        Err(BundleError::Read(error)) => BundleContent::Unreadable(sanitize::io(&error)),
        Err(BundleError::Spool(error)) => BundleContent::Unreadable(error.to_string()),
        Err(BundleError::Refused(refusal)) => BundleContent::Unreadable(refusal.to_string()),
    }
}

/// The parts of a bundle, one after the other.
struct Joined<'f, F: ImageFileSystem> {
    files: &'f F,
    parts: &'f [F::File],
    /// The index of the part after the current one.
    next: usize,
    /// The reader of the current part, and how many bytes it has left.
    current: Option<(Box<dyn Read + 'f>, u64)>,
}

impl<F: ImageFileSystem> Read for Joined<'_, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some((part, left)) = &mut self.current
                && *left > 0
            {
                let most = usize::try_from(*left).unwrap_or(usize::MAX);
                let most = most.min(buffer.len());
                let n = part.read(&mut buffer[..most])?;
                if n == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                *left -= n as u64;
                return Ok(n);
            }
            let Some(part) = self.parts.get(self.next) else {
                return Ok(0);
            };
            self.next += 1;
            self.current = Some((Box::new(self.files.read(part)), F::size(part)));
        }
    }
}

impl<F: ImageFileSystem> Source for Joined<'_, F> {
    fn rewind(&mut self) -> io::Result<bool> {
        self.next = 0;
        self.current = None;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::{number_of, part_of};

    #[test]
    fn numbers_are_those_of_split() {
        for (index, number) in [
            (0, "00"),
            (9, "09"),
            (89, "89"),
            (90, "9000"),
            (989, "9899"),
            (990, "990000"),
            (9989, "998999"),
            (9990, "99900000"),
        ] {
            assert_eq!(number_of(index), number);
        }
    }

    #[test]
    fn a_part_is_recognized_by_its_name() {
        for (name, is) in [
            ("site.tar.zst_part00", Some(("site.tar.zst", "00"))),
            ("site.tar_part9000", Some(("site.tar", "9000"))),
            ("SITE.ZST_part1", Some(("SITE.ZST", "1"))),
            ("site.tar.zst_part", None),
            ("site.tar.zst_partab", None),
            ("site.tar.zst", None),
            ("notes_part00", None),
            ("zst_part00", None),
            ("_part00", None),
            ("00", None),
        ] {
            let is = is.map(|(name, number): (&str, &str)| (name.as_bytes(), number.as_bytes()));
            assert_eq!(part_of(name.as_bytes()), is, "{name}");
        }
    }
}

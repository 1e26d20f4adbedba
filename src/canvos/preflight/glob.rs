//! Paths and glob patterns as Go's `path` and `path/filepath` packages interpret them.
//!
//! Earthly and `BuildKit` are Go programs, and what a build finds depends on the corner cases
//! of these functions: which malformed pattern is an error, and which `..` is removed. Inputs
//! and outputs are texts; nothing is read. A byte of a file name that is not UTF-8 is one
//! `\u{fffd}` here, as it is to a Go program.

/// A pattern that Go refuses: an unclosed class, a range without an end, or a `\` at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadPattern;

/// How much of a pattern is checked after the name has failed to match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    /// All of it, as `path.Match` does.
    Whole,
    /// Up to the next `*`, as `path/filepath.Match` does.
    Chunk,
}

/// Returns the shortest equivalent path, like Go's `path.Clean`: `.` for an empty path.
#[must_use]
pub(super) fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}

/// Whether a pattern matches all of `name`, like Go's `path.Match`.
///
/// # Errors
/// Fails if the pattern is malformed, whatever the name is.
pub(super) fn matches(pattern: &str, name: &str) -> Result<bool, BadPattern> {
    match_all(pattern.as_bytes(), name.as_bytes(), Check::Whole)
}

/// Checks a pattern as `BuildKit` checks ignore rules, which misses some errors.
///
/// # Errors
/// Fails if the pattern is malformed before the first `*` that the name `.` cannot match.
pub(super) fn check(pattern: &str) -> Result<(), BadPattern> {
    match_all(pattern.as_bytes(), b".", Check::Chunk).map(drop)
}

/// Whether a path has wildcards. A `\` escapes the character after it.
#[must_use]
pub(super) fn has_wildcards(path: &str) -> bool {
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'*' | b'?' | b'[' => return true,
            _ => {}
        }
    }
    false
}

fn match_all(mut pattern: &[u8], mut name: &[u8], check: Check) -> Result<bool, BadPattern> {
    'pattern: while !pattern.is_empty() {
        let (star, chunk, rest) = split_chunk(pattern);
        pattern = rest;
        if star && chunk.is_empty() {
            return Ok(!name.contains(&b'/'));
        }
        // The last chunk must reach the end of the name.
        let fits = |left: &[u8]| left.is_empty() || !pattern.is_empty();
        if let Some(left) = match_chunk(chunk, name)?.filter(|left| fits(left)) {
            name = left;
            continue;
        }
        if star {
            let skipped = name.iter().take_while(|byte| **byte != b'/').count();
            for at in 1..=skipped {
                if let Some(left) = match_chunk(chunk, &name[at..])?.filter(|left| fits(left)) {
                    name = left;
                    continue 'pattern;
                }
            }
        }
        while check == Check::Whole && !pattern.is_empty() {
            let (_, chunk, rest) = split_chunk(pattern);
            match_chunk(chunk, b"")?;
            pattern = rest;
        }
        return Ok(false);
    }
    Ok(name.is_empty())
}

/// Returns whether the pattern begins with stars, the text up to the next star, and the rest.
fn split_chunk(pattern: &[u8]) -> (bool, &[u8], &[u8]) {
    let stars = pattern.iter().take_while(|byte| **byte == b'*').count();
    let pattern = &pattern[stars..];
    let mut in_class = false;
    let mut at = 0;
    while at < pattern.len() {
        match pattern[at] {
            b'\\' if at + 1 < pattern.len() => at += 1,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'*' if !in_class => break,
            _ => {}
        }
        at += 1;
    }
    (stars > 0, &pattern[..at], &pattern[at..])
}

/// Returns the rest of `name` after a chunk that matches its beginning. The chunk is read to
/// its end even if it does not match.
fn match_chunk<'a>(mut chunk: &[u8], name: &'a [u8]) -> Result<Option<&'a [u8]>, BadPattern> {
    let mut left = Some(name);
    while let [first, rest @ ..] = chunk {
        left = left.filter(|name| !name.is_empty());
        match first {
            b'[' => {
                let next = left.map(first_char);
                let (class, rest) = read_class(rest, next.map(|(c, _)| c))?;
                left = next.and_then(|(_, name)| class.then_some(name));
                chunk = rest;
            }
            b'?' => {
                left = left
                    .filter(|name| name[0] != b'/')
                    .map(|name| first_char(name).1);
                chunk = rest;
            }
            _ => {
                let (literal, rest) = match chunk {
                    [b'\\'] => return Err(BadPattern),
                    [b'\\', literal, rest @ ..] | [literal, rest @ ..] => (literal, rest),
                    [] => break,
                };
                left = left.and_then(|name| name.strip_prefix(&[*literal]));
                chunk = rest;
            }
        }
    }
    Ok(left)
}

/// Returns whether the class after a `[` contains `c`, and the rest after the class.
fn read_class(mut class: &[u8], c: Option<char>) -> Result<(bool, &[u8]), BadPattern> {
    let negated = class.first() == Some(&b'^');
    class = &class[usize::from(negated)..];
    let mut has = false;
    let mut empty = true;
    loop {
        if !empty && class.first() == Some(&b']') {
            return Ok((has != negated, &class[1..]));
        }
        let (low, rest) = class_char(class)?;
        let (high, rest) = match rest {
            [b'-', rest @ ..] => class_char(rest)?,
            rest => (low, rest),
        };
        has |= c.is_some_and(|c| (low..=high).contains(&c));
        class = rest;
        empty = false;
    }
}

/// Reads one end of a range of a class. Something must follow it.
fn class_char(class: &[u8]) -> Result<(char, &[u8]), BadPattern> {
    let class = match class {
        [] | [b'-' | b']', ..] | [b'\\'] => return Err(BadPattern),
        [b'\\', rest @ ..] => rest,
        class => class,
    };
    let (c, rest) = first_char(class);
    if rest.is_empty() {
        return Err(BadPattern);
    }
    Ok((c, rest))
}

/// Returns the first character and the bytes after it. A byte that begins no character is one
/// by itself, because a star may end within a character. `text` must not be empty.
fn first_char(text: &[u8]) -> (char, &[u8]) {
    let length = text.len().min(4);
    let first = (1..=length).find_map(|end| std::str::from_utf8(&text[..end]).ok());
    match first.and_then(|first| first.chars().next()) {
        Some(c) => (c, &text[c.len_utf8()..]),
        None => (char::REPLACEMENT_CHARACTER, &text[1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned() {
        for (path, cleaned) in [
            ("", "."),
            (".", "."),
            ("./", "."),
            ("/", "/"),
            ("//", "/"),
            ("/..", "/"),
            ("/../x", "/x"),
            ("..", ".."),
            ("../x", "../x"),
            ("x/../..", ".."),
            ("x/..", "."),
            ("x/../y/", "y"),
            ("./x//y/.", "x/y"),
            ("[.]./x", "[.]./x"),
        ] {
            assert_eq!(clean(path), cleaned, "{path:?}");
        }
    }

    #[test]
    fn a_pattern_matches_the_whole_name() {
        for (pattern, name, matched) in [
            ("[s]pc.tgz", "spc.tgz", true),
            ("[s]*.tgz", "spc.tgz", true),
            ("[s]*.tgz", "sub/b.tgz", false),
            ("*.tgz", "a.tgz.tgz", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYb", false),
            ("?.tgz", "/.tgz", false),
            ("?.tgz", "é.tgz", true),
            ("[^a]x", "/x", true),
            ("[a-c]x", "bx", true),
            ("[]", "]", false),
            ("\\*", "*", true),
            ("*", "a/b", false),
            ("", "", true),
        ] {
            let expected = if pattern == "[]" {
                Err(BadPattern)
            } else {
                Ok(matched)
            };
            assert_eq!(matches(pattern, name), expected, "{pattern:?} {name:?}");
        }
    }

    #[test]
    fn the_two_checks_see_different_errors() {
        for (pattern, whole, chunk) in [
            ("[", true, true),
            ("a[", true, true),
            ("[-]x", true, true),
            ("[^]x", true, true),
            ("a\\", true, true),
            // After a star that `.` does not reach, only one of them checks the pattern.
            ("spc*[", true, false),
            ("a*\\", true, false),
            ("*[", true, true),
            ("[z-a]", false, false),
        ] {
            assert_eq!(matches(pattern, "x").is_err(), whole, "{pattern:?}");
            assert_eq!(check(pattern).is_err(), chunk, "{pattern:?}");
        }
    }
}

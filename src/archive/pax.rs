//! Parses PAX headers (POSIX.1-2001, pax, "Extended Header Keywords") strictly.
//!
//! Readers differ on malformed records, such as an empty line, a wrong length or a sign before
//! the length, which makes two readers see two archives. Therefore, anything but the documented
//! form is refused, as are keywords that change the content of a file only for some readers.

use icu_normalizer::ComposingNormalizerBorrowed;

/// The records of a header, as far as they concern the next entry.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pax {
    pub path: Option<Vec<u8>>,
    pub target: Option<Vec<u8>>,
    pub size: Option<u64>,
}

/// The keywords of POSIX.
const STANDARD: [&[u8]; 13] = [
    b"atime",
    b"charset",
    b"comment",
    b"ctime",
    b"gid",
    b"gname",
    b"hdrcharset",
    b"linkpath",
    b"mtime",
    b"path",
    b"size",
    b"uid",
    b"uname",
];
/// Prefixes of the keywords of GNU tar, Solaris, star and libarchive. Such keywords are refused
/// unless they are in [`METADATA`]: they concern sparse files, volumes, types and access lists,
/// which not every bsdtar can read.
const VENDORS: [&[u8]; 4] = [b"GNU.", b"SUN.", b"SCHILY.", b"LIBARCHIVE."];
/// Prefixes of keywords that do not change the content of a file.
const METADATA: [&[u8]; 7] = [
    b"SCHILY.dev",
    b"SCHILY.ino",
    b"SCHILY.nlink",
    b"SCHILY.fflags",
    b"SCHILY.xattr.",
    b"LIBARCHIVE.creationtime",
    b"LIBARCHIVE.xattr.",
];
/// The character set of names in binary. All readers take names in it, and in UTF-8, for the
/// same bytes.
const BINARY: &[u8] = b"BINARY";
const UTF_8: &[u8] = b"ISO-IR 10646 2000 UTF-8";

impl Pax {
    /// Parses the records of a header.
    ///
    /// # Errors
    /// Returns what is wrong with them, as the end of a sentence.
    pub(super) fn read(data: &[u8]) -> Result<Self, String> {
        if data.is_empty() {
            return Err("its PAX header is malformed".into());
        }
        let mut pax = Self::default();
        let mut seen: Vec<&[u8]> = Vec::new();
        let is_binary = records(data).any(|record| record == Some((b"hdrcharset", BINARY)));
        for record in records(data) {
            let (keyword, value) = record.ok_or("its PAX header is malformed")?;
            let shown = || crate::util::sanitize::excerpt(keyword, 40);
            // Of two records, some readers use the first and others the last.
            if seen.contains(&keyword) {
                return Err(format!("its PAX header has `{}` twice", shown()));
            }
            if STANDARD.contains(&keyword) {
                seen.push(keyword);
            }
            if is_special(keyword) {
                return Err(format!("its PAX header has `{}`", shown()));
            }
            let is_text = matches!(keyword, b"path" | b"linkpath" | b"uname" | b"gname");
            if is_text && !is_binary && str::from_utf8(value).is_err() {
                // bsdtar fails.
                return Err(format!("`{}` in its PAX header is not UTF-8", shown()));
            }
            // bsdtar writes the composed form of a name; GNU tar writes the name unchanged.
            if matches!(keyword, b"path" | b"linkpath") && !is_binary && !is_composed(value) {
                return Err(format!(
                    "`{}` in its PAX header is not in Unicode normalization form C",
                    shown()
                ));
            }
            if !is_readable(keyword, value) {
                let shown = shown();
                return Err(format!("`{shown}` in its PAX header has an invalid value"));
            }
            match keyword {
                b"path" => pax.path = Some(value.to_owned()),
                b"linkpath" => pax.target = Some(value.to_owned()),
                b"size" => pax.size = number(value),
                _ => {}
            }
        }
        Ok(pax)
    }

    /// Checks a global header, whose records would apply to every later entry. `git archive`
    /// writes a harmless one.
    ///
    /// # Errors
    /// Fails for the same reasons as [`Pax::read`].
    pub(super) fn check_global(data: &[u8]) -> Result<(), String> {
        Self::read(data)?;
        let counts = |(keyword, _): &(&[u8], &[u8])| {
            matches!(*keyword, b"path" | b"linkpath" | b"size" | b"hdrcharset")
        };
        match records(data).flatten().find(counts) {
            None => Ok(()),
            Some((keyword, _)) => {
                let keyword = String::from_utf8_lossy(keyword);
                Err(format!("a global PAX header sets `{keyword}`"))
            }
        }
    }
}

fn is_special(keyword: &[u8]) -> bool {
    let begins = |with: &&[u8]| keyword.starts_with(with);
    VENDORS.iter().any(begins) && !METADATA.iter().any(begins)
}

/// Returns whether a name is in Unicode normalization form C.
fn is_composed(name: &[u8]) -> bool {
    let form_c = ComposingNormalizerBorrowed::new_nfc();
    str::from_utf8(name).is_ok_and(|name| form_c.is_normalized(name))
}

/// Returns whether all readers can parse the value: a reader that cannot refuses the archive,
/// or considers it to be at its end.
fn is_readable(keyword: &[u8], value: &[u8]) -> bool {
    match keyword {
        b"size" => number(value).is_some_and(|size| i64::try_from(size).is_ok()),
        b"uid" | b"gid" => number(value).is_some_and(|number| number < u32::MAX.into()),
        b"SCHILY.dev" | b"SCHILY.ino" | b"SCHILY.nlink" => number(value).is_some(),
        b"mtime" | b"atime" | b"ctime" | b"LIBARCHIVE.creationtime" => is_time(value),
        b"uname" | b"gname" => !value.contains(&0),
        b"hdrcharset" => value == BINARY || value == UTF_8,
        _ => true,
    }
}

/// Returns whether a value is a time: seconds, with an optional sign and fraction.
fn is_time(value: &[u8]) -> bool {
    let value = value.strip_prefix(b"-").unwrap_or(value);
    let mut parts = value.splitn(2, |byte| *byte == b'.');
    let seconds = parts.next().and_then(number);
    // The range that fits into the octal field of a header.
    seconds.is_some_and(|seconds| seconds < 1 << 36)
        && parts
            .next()
            .is_none_or(|fraction| !fraction.is_empty() && fraction.iter().all(u8::is_ascii_digit))
}

/// Returns the records of an extended header: keyword and value. `None` stands for a malformed
/// record and is then the last item.
fn records(mut data: &[u8]) -> impl Iterator<Item = Option<(&[u8], &[u8])>> {
    std::iter::from_fn(move || {
        if data.is_empty() {
            return None;
        }
        let Some((record, rest)) = first(data) else {
            data = &[];
            return Some(None);
        };
        data = rest;
        Some(Some(record))
    })
}

type Record<'a> = (&'a [u8], &'a [u8]);

/// Splits off the first record, `LENGTH KEYWORD=VALUE\n`, whose length is that of the whole
/// record. A value may contain newlines and zeros.
fn first(data: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let space = data.iter().position(|byte| *byte == b' ')?;
    let length = number(&data[..space])?;
    let (record, rest) = data.split_at_checked(usize::try_from(length).ok()?)?;
    let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    let (keyword, value) = (&record[..equals], &record[equals + 1..]);
    // GNU tar skips blanks before a keyword and ends it at a zero.
    let is_odd = matches!(keyword, [] | [b' ', ..]) || keyword.iter().any(u8::is_ascii_control);
    (!is_odd).then_some(((keyword, value), rest))
}

/// Parses a decimal number that consists only of digits.
fn number(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::records;

    #[test]
    fn only_well_formed_records_are_read() {
        let read = |data| records(data).collect::<Option<Vec<_>>>();
        assert_eq!(read(b""), Some(vec![]));
        assert_eq!(
            read(b"8 a=b=c\n7 x=\n\0\n"),
            Some(vec![(&b"a"[..], &b"b=c"[..]), (b"x", b"\n\0")])
        );
        for wrong in [
            &b"\n6 a=b\n"[..],
            b"+6 a=b\n",
            b"7 a=b\n",
            b"5 a=b\n",
            b"6 a=bc",
            b"7  a=b\n",
            b"7 \ta=b\n",
            b"7 a\0=b\n",
            b"7 a\n=b\n",
            b"5 abc\n",
            b"5 =b\n",
            b"6 a=b\n\0\0",
            b"1 ",
            b"0 a=b\n",
            b" a=b\n",
            b"99999999999999999999 a=b\n",
        ] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }
}

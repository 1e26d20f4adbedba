//! PAX records (POSIX.1-2001, pax, "Extended Header Keywords"), read to the letter.
//!
//! Readers differ in what they make of records that are not well formed, such as an
//! empty line, a length that lies or a sign before it: that is how two of them are made
//! to see two archives. So anything but the documented form is refused. A value may
//! hold newlines and zeros; its length says where it ends.

/// The records of an extended header: keyword and value. `None` stands for what is no
/// record, and is the last item then.
pub fn records(mut data: &[u8]) -> impl Iterator<Item = Option<(&[u8], &[u8])>> {
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

/// The first record, and what is behind it: `LENGTH KEYWORD=VALUE\n`, where the length
/// is the whole record's.
fn first(data: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let space = data.iter().position(|byte| *byte == b' ')?;
    let length = number(&data[..space])?;
    let (record, rest) = data.split_at_checked(usize::try_from(length).ok()?)?;
    let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    let (keyword, value) = (&record[..equals], &record[equals + 1..]);
    // GNU tar skips blanks before a keyword, and ends it at a zero.
    let odd = matches!(keyword.first(), None | Some(b' ' | b'\t')) || keyword.contains(&0);
    (!odd).then_some(((keyword, value), rest))
}

/// A decimal number of nothing but digits.
pub fn number(text: &[u8]) -> Option<u64> {
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

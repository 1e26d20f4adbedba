//! `--fix-arg`: one bare `CLUSTERCONFIG=spc.tgz` in `.arg`, every other byte as it was.

use std::path::Path;

use super::RIGHT;
use super::arg;
use crate::disk::PathError;
use crate::publish;

/// Mends `.arg` of the checkout in `directory`; says whether it had to. `None` where
/// there is no `.arg`: it has more to say than this, so none is made.
///
/// # Errors
/// A file that cannot be read or written.
pub fn fix_arg(directory: &Path) -> Result<Option<bool>, PathError> {
    let path = directory.join(".arg");
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(PathError::when("read", &path)(error)),
    };
    let mended = mend(&bytes);
    if mended == bytes {
        return Ok(Some(false));
    }
    publish::write(&path, &mended)?;
    Ok(Some(true))
}

/// The last assignment's line becomes the right one; the others go. Bytes that are no
/// UTF-8 stay what they are.
fn mend(bytes: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let assigns = |line: &[u8]| {
        let text = String::from_utf8_lossy(line);
        !arg::parse(&text, Path::new("")).assignments.is_empty()
    };
    let last = lines.iter().rposition(|line| assigns(line));
    let mut mended = Vec::with_capacity(bytes.len() + RIGHT.len() + 2);
    for (at, line) in lines.iter().enumerate() {
        if last == Some(at) {
            mended.extend_from_slice(RIGHT.as_bytes());
            if line.ends_with(b"\n") {
                mended.push(b'\n');
            }
        } else if !assigns(line) {
            mended.extend_from_slice(line);
        }
    }
    if last.is_none() {
        if !mended.is_empty() && !mended.ends_with(b"\n") {
            mended.push(b'\n');
        }
        mended.extend_from_slice(RIGHT.as_bytes());
        mended.push(b'\n');
    }
    mended
}

#[cfg(test)]
mod tests {
    use super::mend;

    #[test]
    fn one_line_changes_and_nothing_else() {
        for (before, after) in [
            (
                "A=1\nCLUSTERCONFIG=x.tgz\nB=2",
                "A=1\nCLUSTERCONFIG=spc.tgz\nB=2",
            ),
            (
                "CLUSTERCONFIG=a\nA=1\nCLUSTERCONFIG = b\n",
                "A=1\nCLUSTERCONFIG=spc.tgz\n",
            ),
            (
                "A=1\r\nCLUSTERCONFIG=spc.tgz\r\n",
                "A=1\r\nCLUSTERCONFIG=spc.tgz\n",
            ),
            ("A=1", "A=1\nCLUSTERCONFIG=spc.tgz\n"),
            ("", "CLUSTERCONFIG=spc.tgz\n"),
            (
                "CLUSTERCONFIG=spc.tgz\n# end",
                "CLUSTERCONFIG=spc.tgz\n# end",
            ),
            ("CLUSTERCONFIG=x", "CLUSTERCONFIG=spc.tgz"),
        ] {
            assert_eq!(
                String::from_utf8_lossy(&mend(before.as_bytes())),
                after,
                "{before:?}"
            );
        }
        assert_eq!(
            mend(b"A=\xff\nCLUSTERCONFIG=x\n"),
            b"A=\xff\nCLUSTERCONFIG=spc.tgz\n"
        );
    }
}

//! Restores the words of a line as a person typed them. Bash splits words at `=` and `@`, and
//! replaces only the last part.

use std::ffi::OsString;

/// The words of a line, with the parts that Bash split joined again.
pub(super) struct BashWords {
    /// The words as they were typed, up to the cursor.
    pub words: Vec<OsString>,
    /// The index of the word at the cursor.
    pub index: usize,
    /// The beginning of that word, which Bash does not replace.
    pub kept: String,
}

impl BashWords {
    /// Joins `words` as Bash passes them, with the cursor in the word `cursor`.
    pub(super) fn rejoined(words: &[OsString], cursor: usize) -> Option<Self> {
        let mut line = None;
        let mut joined: Vec<OsString> = Vec::new();
        let mut glued = false;
        for (at, word) in words.iter().enumerate() {
            let splits = word == "=" || word == "@";
            let kept = match joined.last_mut() {
                Some(last) if splits => {
                    last.push(word);
                    last.to_str()?.to_owned()
                }
                Some(last) if glued => {
                    let kept = last.to_str()?.to_owned();
                    last.push(word);
                    kept
                }
                _ => {
                    joined.push(word.clone());
                    String::new()
                }
            };
            glued = splits;
            if at == cursor {
                line = Some((joined.len() - 1, kept));
                break;
            }
        }
        let (index, kept) = line?;
        Some(Self {
            words: joined,
            index,
            kept,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::BashWords;

    fn words(words: &[&str]) -> Vec<OsString> {
        words.iter().map(Into::into).collect()
    }

    #[test]
    fn what_bash_split_is_put_together_again() {
        let split = words(&["edgestage", "add", "edge-infra", "@", "2.", "behind"]);
        for (cursor, word, kept) in [
            (2, "edge-infra", ""),
            (3, "edge-infra@", "edge-infra@"),
            (4, "edge-infra@2.", "edge-infra@"),
        ] {
            let line = BashWords::rejoined(&split, cursor).unwrap_or_else(|| panic!("{cursor}"));
            assert_eq!((line.index, line.words.len()), (2, 3));
            assert_eq!((line.words[2].to_str(), &*line.kept), (Some(word), kept));
        }
        assert!(BashWords::rejoined(&split, 9).is_none());
    }
}

//! Expanding words to values: variables, tildes, and field splitting.

use super::shell::{Jump, Shell};
use super::syntax::{Default, Piece, Target, Word};
use super::variables::Held;

/// A part of an expanded word.
pub(super) struct Segment {
    text: Vec<u8>,
    quoted: bool,
    /// Whether white space in the segment separates fields.
    splits: bool,
}

/// A word of a command after expansion.
#[derive(Default)]
pub(super) struct Field {
    pub(super) text: Vec<u8>,
    /// The part of the word that was written without quotes.
    bare: Vec<u8>,
}

impl Shell<'_> {
    /// Expands pieces of a word; returns `None` if the result cannot be determined.
    pub(super) fn expand(&mut self, pieces: &[Piece]) -> Result<Option<Vec<Segment>>, Jump> {
        let mut segments = Some(Vec::new());
        for piece in pieces {
            // Even an unknown expansion may set a variable.
            let expanded = self.expand_one(piece)?;
            segments = segments.zip(expanded).map(|(mut segments, expanded)| {
                segments.extend(expanded);
                segments
            });
        }
        Ok(segments)
    }

    fn expand_one(&mut self, piece: &Piece) -> Result<Option<Vec<Segment>>, Jump> {
        match piece {
            Piece::Literal { text, quoted } => {
                self.charge(text.len())?;
                Ok(Some(vec![Segment {
                    text: text.clone(),
                    quoted: *quoted,
                    splits: false,
                }]))
            }
            Piece::Variable {
                name,
                default,
                quoted,
            } => match default {
                None => {
                    let held = self.look(name)?;
                    Ok(segments_of(held, *quoted))
                }
                Some(default) => self.default(name, default, *quoted),
            },
            Piece::Echo { words, quoted } => {
                let output = self.echo(words)?;
                Ok(output.and_then(|text| segments_of(Held::Set(text), *quoted)))
            }
            Piece::Opaque => Ok(None),
        }
    }

    fn look(&mut self, name: &str) -> Result<Held, Jump> {
        let held = self.variables.look(name).held;
        if let Held::Set(text) = &held {
            self.charge(text.len())?;
        }
        Ok(held)
    }

    /// Expands `${NAME-…}` and related forms.
    fn default(
        &mut self,
        name: &str,
        default: &Default,
        quoted: bool,
    ) -> Result<Option<Vec<Segment>>, Jump> {
        let held = self.look(name)?;
        let counts = match &held {
            Held::Unset => Some(false),
            Held::Set(text) => Some(!(default.colon && text.is_empty())),
            Held::Unknown => None,
        };
        match (default.operator, counts) {
            (b'-' | b'=' | b'?', Some(true)) => Ok(segments_of(held, quoted)),
            (b'+', Some(false)) => Ok(Some(Vec::new())),
            (b'-' | b'+', Some(_)) => {
                let mut segments = self.expand(&default.word)?;
                for segment in segments.iter_mut().flatten() {
                    segment.splits = !segment.quoted;
                }
                Ok(segments)
            }
            (b'=', Some(false)) => {
                let held = joined(self.expand(&default.word)?);
                if !self.assign(name, held.clone())? {
                    return Err(Jump::Discard);
                }
                Ok(segments_of(held, quoted))
            }
            (b'-' | b'+', None) => {
                self.maybe(|shell| shell.expand(&default.word))?;
                Ok(None)
            }
            // The script may end here, or a variable may be set.
            _ => Err(Jump::Unknown),
        }
    }

    /// Returns the output of `echo`, without trailing newlines.
    fn echo(&mut self, words: &[Word]) -> Result<Option<Vec<u8>>, Jump> {
        let mut arguments = Vec::new();
        for word in words {
            match self.fields(word)? {
                Some(fields) if !fields.iter().any(Field::is_pattern) => {
                    arguments.extend(fields.into_iter().map(|field| field.text));
                }
                _ => return Ok(None),
            }
        }
        if arguments
            .first()
            .is_some_and(|first| first.starts_with(b"-"))
        {
            return Ok(None);
        }
        let mut output = arguments.join(&b' ');
        while output.ends_with(b"\n") {
            output.pop();
        }
        Ok(Some(output))
    }

    /// Returns the value of an assignment.
    pub(super) fn value_of(&mut self, pieces: &[Piece]) -> Result<Held, Jump> {
        let mut segments = Some(Vec::new());
        for (at, piece) in pieces.iter().enumerate() {
            let expanded = match piece {
                Piece::Literal {
                    text,
                    quoted: false,
                } => {
                    self.charge(text.len())?;
                    self.tildes(text, at == 0, at + 1 < pieces.len())?
                }
                piece => self.expand_one(piece)?,
            };
            segments = segments.zip(expanded).map(|(mut segments, expanded)| {
                segments.extend(expanded);
                segments
            });
        }
        Ok(joined(segments))
    }

    /// Returns the value of a variable after `+=`.
    pub(super) fn appended(&mut self, name: &str, value: Held) -> Result<Held, Jump> {
        match (self.look(name)?, value) {
            (Held::Unset, value) => Ok(value),
            (Held::Set(mut text), Held::Set(value)) => {
                text.extend(value);
                Ok(Held::Set(text))
            }
            _ => Ok(Held::Unknown),
        }
    }

    /// Expands tildes at the beginning of a value and after its colons. `followed` is whether
    /// more of the word touches the text.
    fn tildes(
        &mut self,
        text: &[u8],
        starts: bool,
        followed: bool,
    ) -> Result<Option<Vec<Segment>>, Jump> {
        let mut expanded = Vec::new();
        for (at, part) in text.split_inclusive(|byte| *byte == b':').enumerate() {
            let user = part.strip_prefix(b"~").filter(|_| starts || at > 0);
            let end = user.and_then(|user| user.iter().position(|byte| b"/:".contains(byte)));
            match (user, end) {
                (Some(user), end) if end.is_some() || !followed || part.ends_with(b":") => {
                    let end = end.unwrap_or(user.len());
                    // Only bash knows the home directories of other users.
                    let Held::Set(home) = self.look("HOME")? else {
                        return Ok(None);
                    };
                    if end > 0 || home.is_empty() || home.ends_with(b"/") {
                        return Ok(None);
                    }
                    expanded.extend(home);
                    expanded.extend_from_slice(user);
                }
                _ => expanded.extend_from_slice(part),
            }
        }
        Ok(Some(vec![Segment {
            text: expanded,
            quoted: true,
            splits: false,
        }]))
    }

    /// Returns the fields that a word of a command becomes; `None` if they cannot be
    /// determined.
    pub(super) fn fields(&mut self, word: &Word) -> Result<Option<Vec<Field>>, Jump> {
        let mut segments = Vec::new();
        let mut pieces = &word.pieces[..];
        if let Some((
            Piece::Literal {
                text,
                quoted: false,
            },
            rest,
        )) = pieces.split_first()
        {
            let tilde = word.assignment.is_none() && text.starts_with(b"~");
            // In a command's word, a colon does not end a tilde prefix.
            if tilde && text.contains(&b':') {
                return Ok(None);
            }
            if tilde {
                let Some(expanded) = self.tildes(text, true, !rest.is_empty())? else {
                    return Ok(None);
                };
                segments.extend(expanded);
                pieces = rest;
            }
        }
        let Some(expanded) = self.expand(pieces)? else {
            return Ok(None);
        };
        segments.extend(expanded);
        let mut bare = segments.iter().filter(|segment| !segment.quoted);
        let tildes = word.assignment.is_some() && bare.any(|segment| segment.text.contains(&b'~'));
        // A lone dollar sign keeps bash from splitting the word.
        let otherwise = self.splits_otherwise || bare_text(&word.pieces).contains(&b'$');
        let splits = otherwise && segments.iter().any(|segment| segment.splits);
        if tildes || splits || has_braces(&word.pieces) {
            return Ok(None);
        }
        let first = word.assignment.as_ref().map(Field::of);
        Ok(Some(split(segments, first)))
    }
}

/// Joins the segments of a word into fields.
fn split(segments: Vec<Segment>, first: Option<Field>) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut field = first;
    for segment in segments {
        if !segment.splits {
            let field = field.get_or_insert_default();
            if !segment.quoted {
                field.bare.extend_from_slice(&segment.text);
            }
            field.text.extend(segment.text);
            continue;
        }
        for byte in segment.text {
            if matches!(byte, b' ' | b'\t' | b'\n') {
                fields.extend(field.take());
            } else {
                let field = field.get_or_insert_default();
                field.bare.push(byte);
                field.text.push(byte);
            }
        }
    }
    fields.extend(field);
    fields
}

impl Field {
    fn of(target: &Target) -> Self {
        Self {
            text: target.prefix(),
            bare: Vec::new(),
        }
    }

    /// Whether bash may replace the field with file names.
    pub(super) fn is_pattern(&self) -> bool {
        let open = self.bare.iter().position(|byte| *byte == b'[');
        let set = open.is_some_and(|open| self.bare[open..].contains(&b']'));
        set || self.bare.iter().any(|byte| matches!(byte, b'*' | b'?'))
    }
}

fn segments_of(held: Held, quoted: bool) -> Option<Vec<Segment>> {
    match held {
        Held::Unset => Some(Vec::new()),
        Held::Set(text) => Some(vec![Segment {
            text,
            quoted,
            splits: !quoted,
        }]),
        Held::Unknown => None,
    }
}

fn joined(segments: Option<Vec<Segment>>) -> Held {
    let Some(segments) = segments else {
        return Held::Unknown;
    };
    let texts = segments.into_iter().map(|segment| segment.text);
    Held::Set(
        texts
            .reduce(|mut all, text| {
                all.extend(text);
                all
            })
            .unwrap_or_default(),
    )
}

/// Whether brace expansion may make several words of one.
pub(super) fn has_braces(pieces: &[Piece]) -> bool {
    let text = bare_text(pieces);
    let open = text.iter().position(|byte| *byte == b'{');
    let close = text.iter().rposition(|byte| *byte == b'}');
    let (Some(open), Some(close)) = (open, close) else {
        return false;
    };
    open < close && {
        let inner = &text[open..close];
        inner.contains(&b',') || inner.windows(2).any(|pair| pair == b"..")
    }
}

/// Returns the part of a word that is written without quotes.
fn bare_text(pieces: &[Piece]) -> Vec<u8> {
    let bare = pieces.iter().filter_map(|piece| match piece {
        Piece::Literal {
            text,
            quoted: false,
        } => Some(&text[..]),
        _ => None,
    });
    bare.collect::<Vec<_>>().concat()
}

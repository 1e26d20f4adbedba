//! Parsing `.arg`, `.env` and `.secret` as Earthly does: the format of godotenv 1.5.1.
//!
//! The input is the bytes of a file. The output is its assignments in order, each with its
//! value and location, or the first thing that godotenv refuses, which ends the build. A file
//! is a sequence of statements, not of lines: a quoted value spans lines, a second statement
//! may follow on the same line, and a lone carriage return ends an unquoted value. The quirks
//! of the original are kept on purpose. Among them: names are checked byte by byte (as
//! Latin-1), and a last word without `=` sets the variable with the empty name.
//!
//! Reading takes time and memory in proportion to the file; a file whose variables refer
//! to each other so often that the values grow without bound is refused.

use std::collections::HashMap;
use std::ops::Range;

mod expand;

use expand::{expand_escapes, expand_variables};

/// The number of bytes that all values of a file may have beyond the size of the file.
const MOST_EXPANDED: usize = 16 << 20;

/// A file that godotenv accepts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dotenv {
    /// Every assignment, in the order of the file.
    pub assignments: Vec<Assignment>,
}

/// One assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The name, without `export`.
    pub name: String,
    /// The value, without quotes and with escapes and variables expanded. Each byte that is not
    /// UTF-8 becomes U+FFFD.
    pub value: String,
    /// The byte range of the statement in the file, from `export` or the name to the end of the
    /// value.
    pub span: Range<usize>,
    /// The byte range of the value in the file, including quotes. For an empty value without
    /// quotes, it is an empty range directly after the separator.
    pub value_span: Range<usize>,
}

/// Why godotenv refuses a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DotenvError {
    /// The line of the error, counted from 1.
    pub line: usize,
    /// The byte range of the error in the file; empty at the end of the file.
    pub span: Range<usize>,
    /// A description of the error, in lower case and without a full stop. It shows nothing of
    /// the file except one character of a name.
    pub message: String,
}

impl Dotenv {
    /// Returns the assignment of `name` that is in effect, which is the last one.
    #[must_use]
    pub fn last(&self, name: &str) -> Option<&Assignment> {
        self.assignments.iter().rfind(|it| it.name == name)
    }

    /// Returns the value of `name`; `None` if the file does not set it.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        Some(&self.last(name)?.value)
    }
}

/// Parses the file `text`.
///
/// # Errors
/// Returns the first thing that godotenv refuses. Earthly builds nothing then.
pub fn parse(text: &[u8]) -> Result<Dotenv, DotenvError> {
    let (text, line_ends) = without_crlf(text);
    let mut parser = Parser {
        text: &text,
        at: 0,
        nameless_from: None,
        values: HashMap::new(),
        budget: text.len() + MOST_EXPANDED,
    };
    let place = |offset: usize| offset + line_ends.partition_point(|end| *end < offset);
    let mut assignments = Vec::new();
    while parser.skip_to_statement() {
        let statement = parser.statement().map_err(|refusal| DotenvError {
            line: 1 + count_newlines(&text[..refusal.span.start]),
            span: place(refusal.span.start)..place(refusal.span.end),
            message: refusal.message,
        })?;
        assignments.push(Assignment {
            name: to_text(&statement.name),
            value: to_text(&statement.value),
            span: place(statement.span.start)..place(statement.span.end),
            value_span: place(statement.value_span.start)..place(statement.value_span.end),
        });
        parser.values.insert(statement.name, statement.value);
    }
    Ok(Dotenv { assignments })
}

/// Returns the text with each CRLF replaced by LF, as godotenv does first, and the offsets of
/// those newlines.
fn without_crlf(text: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let mut plain = Vec::with_capacity(text.len());
    let mut line_ends = Vec::new();
    for (at, byte) in text.iter().enumerate() {
        if *byte == b'\r' && text.get(at + 1) == Some(&b'\n') {
            line_ends.push(plain.len());
        } else {
            plain.push(*byte);
        }
    }
    (plain, line_ends)
}

/// Decodes bytes as Go does: each byte that is not UTF-8 becomes a U+FFFD of its own.
fn to_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

fn count_newlines(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte == b'\n').count()
}

/// A statement in the text without CRLF.
struct Statement {
    name: Vec<u8>,
    value: Vec<u8>,
    span: Range<usize>,
    value_span: Range<usize>,
}

/// A [`DotenvError`] whose location is not yet one in the file.
struct Refusal {
    span: Range<usize>,
    message: String,
}

struct Parser<'a> {
    text: &'a [u8],
    /// The offset of the next byte.
    at: usize,
    /// The offset after which there is neither a separator nor a byte that cannot be part of a
    /// name.
    nameless_from: Option<usize>,
    values: HashMap<Vec<u8>, Vec<u8>>,
    /// The number of bytes that further values may have.
    budget: usize,
}

impl Parser<'_> {
    /// Skips white space, line ends and comments; returns `false` at the end of the file. Only
    /// a newline ends a comment.
    fn skip_to_statement(&mut self) -> bool {
        loop {
            self.at = skip(self.text, self.at, char::is_whitespace);
            match self.text.get(self.at) {
                None => return false,
                Some(b'#') => self.at = find(self.text, self.at, |byte| byte == b'\n'),
                Some(_) => return true,
            }
        }
    }

    fn statement(&mut self) -> Result<Statement, Refusal> {
        let start = self.at;
        let name = self.name()?;
        let separator_end = self.at;
        self.at = skip(self.text, self.at, is_blank);
        let (value, value_span) = match self.text.get(self.at) {
            Some(quote @ (b'"' | b'\'')) => self.quoted(*quote)?,
            _ => self.unquoted(separator_end)?,
        };
        self.budget = match self.budget.checked_sub(value.len()) {
            Some(rest) => rest,
            None => return Err(too_large(value_span)),
        };
        Ok(Statement {
            name,
            value,
            span: start..value_span.end,
            value_span,
        })
    }

    /// Reads a name and the separator after it. At the end of the file both may be missing: the
    /// name is empty then, and the word is the value.
    fn name(&mut self) -> Result<Vec<u8>, Refusal> {
        let start = self.at;
        if self.text[start..].starts_with(b"export") {
            let end = start + b"export".len();
            self.at = match skip(self.text, end, is_blank) {
                behind if behind > end => behind,
                _ => start,
            };
            if self.at == self.text.len() {
                return Err(Refusal {
                    span: start..end,
                    message: "nothing follows `export`".to_owned(),
                });
            }
        }
        let from = self.at;
        if self.nameless_from.is_some() {
            return Ok(Vec::new());
        }
        let end = find(self.text, from, |byte| !is_of_name(byte));
        match self.text.get(end) {
            None => {
                self.nameless_from = Some(from);
                Ok(Vec::new())
            }
            Some(b'=' | b':') => {
                self.at = end + 1;
                Ok(trim_end(&self.text[from..end], char::is_whitespace).to_vec())
            }
            Some(b'\n') => Err(Refusal {
                span: start..from + trim_end(&self.text[from..end], is_blank).len(),
                message: match trim_end(&self.text[from..end], is_blank) {
                    // The rest of a heredoc is not a secret.
                    b"EOF" => "the line `EOF` has no `=`".to_owned(),
                    _ => "the line has no `=`".to_owned(),
                },
            }),
            Some(_) => Err(self.not_of_name(end)),
        }
    }

    /// Describes why the byte at `at` cannot be part of a name.
    fn not_of_name(&self, at: usize) -> Refusal {
        // A name is checked byte by byte, but people see whole characters.
        let starts = (at.saturating_sub(3)..=at).rev();
        let whole = starts
            .map(|start| (start, char_at(self.text, start)))
            .find(|(start, (found, length))| found.is_some() && start + length > at);
        let (start, (found, length)) = whole.unwrap_or((at, (None, 1)));
        let message = match found {
            Some('\u{feff}') => "a byte order mark cannot be part of a name".to_owned(),
            Some(found) if !found.is_control() => {
                let found = crate::util::sanitize::line(found.encode_utf8(&mut [0; 4]).as_bytes());
                format!("`{found}` cannot be part of a name")
            }
            _ => format!("byte 0x{:02x} cannot be part of a name", self.text[at]),
        };
        Refusal {
            span: start..start + length,
            message,
        }
    }

    /// Reads to the end of the line, or to a lone carriage return. The last `#` after white
    /// space begins a comment.
    fn unquoted(&mut self, separator_end: usize) -> Result<(Vec<u8>, Range<usize>), Refusal> {
        let start = self.at;
        self.at = find(self.text, start, |byte| matches!(byte, b'\n' | b'\r'));
        let line = &self.text[start..self.at];
        let hashes = (1..line.len()).rev().filter(|at| line[*at] == b'#');
        let mut comments = hashes.filter(|at| ends_with_blank(&line[..*at]));
        let line = &line[..comments.next().unwrap_or(line.len())];
        let trimmed = trim_end(line, is_blank);
        let span = match trimmed.len() {
            0 => separator_end..separator_end,
            length => start..start + length,
        };
        let text = to_text(trimmed);
        let value = expand_variables(text.as_bytes(), &self.values, self.budget);
        Ok((value.ok_or_else(|| too_large(span.clone()))?, span))
    }

    /// Reads up to the next quote without a backslash before it, across line ends.
    fn quoted(&mut self, quote: u8) -> Result<(Vec<u8>, Range<usize>), Refusal> {
        let start = self.at;
        let closes = |at: &usize| self.text[*at] == quote && self.text[at - 1] != b'\\';
        let Some(end) = (start + 1..self.text.len()).find(closes) else {
            return Err(Refusal {
                span: start..start + 1,
                message: "this quote is never closed".to_owned(),
            });
        };
        self.at = end + 1;
        let span = start..self.at;
        // All quotes at both ends are removed, including those of the value itself.
        let mut value = &self.text[start..end];
        while let Some(rest) = value.strip_prefix(&[quote]) {
            value = rest;
        }
        while let Some(rest) = value.strip_suffix(&[quote]) {
            value = rest;
        }
        if quote == b'\'' {
            return Ok((value.to_vec(), span));
        }
        let value = expand_variables(&expand_escapes(value), &self.values, self.budget);
        Ok((value.ok_or_else(|| too_large(span.clone()))?, span))
    }
}

fn too_large(span: Range<usize>) -> Refusal {
    Refusal {
        span,
        message: "the variables of this file grow too large".to_owned(),
    }
}

/// Whether godotenv treats a character as white space: not the newline, but the carriage
/// return.
fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}'
    )
}

/// Whether a byte, interpreted as Latin-1, may be part of a name.
fn is_of_name(byte: u8) -> bool {
    let c = char::from(byte);
    is_blank(c) || c.is_alphabetic() || c.is_numeric() || matches!(c, '_' | '.')
}

/// Returns the first offset at or after `from` whose byte is `wanted`, or the length of the
/// text.
fn find(text: &[u8], from: usize, wanted: impl Fn(u8) -> bool) -> usize {
    let found = text[from..].iter().position(|byte| wanted(*byte));
    found.map_or(text.len(), |at| from + at)
}

/// Returns the first offset at or after `from` whose character is not `skipped`, or the length
/// of the text.
fn skip(text: &[u8], from: usize, skipped: impl Fn(char) -> bool) -> usize {
    let mut at = from;
    loop {
        match char_at(text, at) {
            (Some(c), length) if skipped(c) => at += length,
            _ => return at,
        }
    }
}

/// Returns the character at `at` and its length in bytes; the character is `None` at the end,
/// and if it is not UTF-8.
fn char_at(text: &[u8], at: usize) -> (Option<char>, usize) {
    let end = text.len().min(at + 4);
    let chunk = text[at..end].utf8_chunks().next();
    let first = chunk.and_then(|chunk| chunk.valid().chars().next());
    (first, first.map_or(1, char::len_utf8))
}

/// Returns the text without trailing characters that are `trimmed`.
fn trim_end(text: &[u8], trimmed: impl Fn(char) -> bool) -> &[u8] {
    let mut text = text;
    while let Some((c, length)) = last_char(text)
        && trimmed(c)
    {
        text = &text[..text.len() - length];
    }
    text
}

fn ends_with_blank(text: &[u8]) -> bool {
    last_char(text).is_some_and(|(c, _)| is_blank(c))
}

/// Returns the last character and its length in bytes, if it is UTF-8.
fn last_char(text: &[u8]) -> Option<(char, usize)> {
    let starts = (text.len().saturating_sub(4)..text.len()).rev();
    let mut tails = starts.map(|start| &text[start..]);
    tails.find_map(|tail| {
        let mut chars = std::str::from_utf8(tail).ok()?.chars();
        Some((chars.next()?, tail.len()))
    })
}

#[cfg(test)]
mod tests;

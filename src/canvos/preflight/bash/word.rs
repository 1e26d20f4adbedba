//! Reading the words of a file: quotes, backslashes and expansions.

use super::lexer::{Lexer, is_name, is_of_name};
use super::parser;
use super::syntax::{Command, Default, List, Piece, Stop, Target, Word};

/// The pieces that were read so far. Adjacent literals are merged.
#[derive(Default)]
struct Pieces(Vec<Piece>);

impl Pieces {
    fn literal(&mut self, bytes: &[u8], is_quoted: bool) {
        match self.0.last_mut() {
            Some(Piece::Literal { text, quoted }) if *quoted == is_quoted => {
                text.extend_from_slice(bytes);
            }
            _ => self.0.push(Piece::Literal {
                text: bytes.to_vec(),
                quoted: is_quoted,
            }),
        }
    }

    /// Returns the only piece, if it is an unquoted literal.
    fn plain(&self) -> Option<&[u8]> {
        match &self.0[..] {
            [
                Piece::Literal {
                    text,
                    quoted: false,
                },
            ] => Some(text),
            _ => None,
        }
    }
}

impl Lexer<'_> {
    /// Reads the word that begins here. `begins` is whether it may be an array assignment or a
    /// part of one; `declares` is whether it is an argument that may be one.
    pub(super) fn word(&mut self, begins: bool, declares: bool) -> Result<Word, Stop> {
        let mut pieces = Pieces(Vec::new());
        while let Some(byte) = self.peek() {
            match byte {
                b'(' if begins || declares => {
                    let target = pieces.plain().and_then(target_of);
                    match target {
                        Some((target, 0)) if begins => return self.array(target),
                        Some((_, 0)) => return Err(Stop::Unsupported),
                        _ => break,
                    }
                }
                b'[' if (begins || declares) && pieces.plain().is_some_and(is_name) => {
                    return Err(Stop::Unsupported);
                }
                b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' => break,
                b'<' | b'>' if !self.opens_process(byte) => break,
                _ => self.piece(&mut pieces)?,
            }
        }
        // After a newline in quotes, bash may drop a backslash that ends the file.
        let read = &self.text[self.line..self.at];
        if self.at == self.text.len() && read.ends_with(b"\\") && read.contains(&b'\n') {
            return Err(Stop::Unsupported);
        }
        Ok(word_of(pieces.0))
    }

    /// Reads what stands outside double quotes.
    fn piece(&mut self, pieces: &mut Pieces) -> Result<(), Stop> {
        match self.raw() {
            Some(b'\\') => match self.raw() {
                None => pieces.literal(b"\\", true),
                Some(byte) => pieces.literal(&[byte], true),
            },
            Some(b'\'') => {
                let start = self.at;
                while self.raw().ok_or(Stop::Syntax)? != b'\'' {}
                pieces.literal(&self.text[start..self.at - 1], true);
            }
            Some(b'"') => self.nest(|lexer| lexer.double_quoted(pieces))?,
            Some(b'$') => self.dollar(pieces, false)?,
            Some(b'`') => self.backquoted(pieces, false)?,
            Some(b'<' | b'>') => {
                self.accept(b'(');
                self.substitution(parser::substituted)?;
                pieces.0.push(Piece::Opaque);
            }
            Some(byte) => pieces.literal(&[byte], false),
            None => {}
        }
        Ok(())
    }

    fn double_quoted(&mut self, pieces: &mut Pieces) -> Result<(), Stop> {
        pieces.literal(b"", true);
        loop {
            match self.raw().ok_or(Stop::Syntax)? {
                b'"' => return Ok(()),
                b'\\' => match self.raw().ok_or(Stop::Syntax)? {
                    b'\n' => {}
                    byte @ (b'$' | b'`' | b'"' | b'\\') => pieces.literal(&[byte], true),
                    byte => pieces.literal(&[b'\\', byte], true),
                },
                b'$' => self.dollar(pieces, true)?,
                b'`' => self.backquoted(pieces, true)?,
                byte => pieces.literal(&[byte], true),
            }
        }
    }

    /// Reads what follows a dollar sign.
    fn dollar(&mut self, pieces: &mut Pieces, quoted: bool) -> Result<(), Stop> {
        match self.peek() {
            Some(b'(') => {
                self.at += 1;
                if self.peek() == Some(b'(') {
                    return Err(Stop::Unsupported);
                }
                let list = self.substitution(parser::substituted)?;
                pieces.0.push(output_of(list, quoted));
            }
            Some(b'[') => return Err(Stop::Unsupported),
            Some(b'{') => {
                self.at += 1;
                let piece = self.nest(|lexer| lexer.in_braces(quoted))?;
                pieces.0.push(piece);
            }
            Some(b'\'') if !quoted => {
                self.at += 1;
                let text = self.ansi_c()?;
                match text {
                    Some(text) => pieces.literal(&text, true),
                    None => pieces.0.push(Piece::Opaque),
                }
            }
            Some(b'"') if !quoted => {
                self.at += 1;
                self.nest(|lexer| lexer.double_quoted(pieces))?;
            }
            Some(byte) if is_of_name(byte) && !byte.is_ascii_digit() => {
                let name = self.name();
                pieces.0.push(Piece::Variable {
                    name,
                    default: None,
                    quoted,
                });
            }
            Some(byte @ (b'0'..=b'9' | b'@' | b'*' | b'#' | b'?' | b'-' | b'$' | b'!')) => {
                self.at += 1;
                // bash's lexer takes `$${` for the start of a brace expansion, its expansion
                // code does not.
                if byte == b'$' && matches!(self.peek(), Some(b'{' | b'(' | b'[')) {
                    return Err(Stop::Unsupported);
                }
                pieces.0.push(Piece::Opaque);
            }
            _ => pieces.literal(b"$", quoted),
        }
        Ok(())
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(byte) = self.peek().filter(|byte| is_of_name(*byte)) {
            name.push(char::from(byte));
            self.at += 1;
        }
        name
    }

    /// Reads `${…}` after its opening brace.
    fn in_braces(&mut self, quoted: bool) -> Result<Piece, Stop> {
        let length = self.accept(b'#');
        let name = self.name();
        if !is_name(name.as_bytes()) {
            // `${1}`
            let known = !length && !name.is_empty() && self.accept(b'}');
            return if known {
                Ok(Piece::Opaque)
            } else {
                Err(Stop::Unsupported)
            };
        }
        if self.accept(b'}') {
            return Ok(if length {
                Piece::Opaque
            } else {
                Piece::Variable {
                    name,
                    default: None,
                    quoted,
                }
            });
        }
        if length {
            return Err(Stop::Unsupported);
        }
        let colon = self.accept(b':');
        match self.peek().ok_or(Stop::Syntax)? {
            operator @ (b'-' | b'+' | b'=' | b'?') => {
                self.at += 1;
                let word = self.default(quoted)?;
                Ok(Piece::Variable {
                    name,
                    default: Some(Default {
                        operator,
                        colon,
                        word,
                    }),
                    quoted,
                })
            }
            b'%' | b'#' | b'^' | b',' | b'/' if !colon => self.pattern(),
            _ => Err(Stop::Unsupported),
        }
    }

    /// Skips a pattern that expands to nothing but itself.
    fn pattern(&mut self) -> Result<Piece, Stop> {
        loop {
            let byte = self.peek().ok_or(Stop::Syntax)?;
            self.at += 1;
            match byte {
                b'}' => return Ok(Piece::Opaque),
                _ if byte.is_ascii_alphanumeric() || b"%#^,/.*?_-".contains(&byte) => {}
                _ => return Err(Stop::Unsupported),
            }
        }
    }

    /// Reads the word after `${NAME:-`, with the closing brace.
    fn default(&mut self, quoted: bool) -> Result<Vec<Piece>, Stop> {
        let mut pieces = Pieces(Vec::new());
        loop {
            let byte = self.peek().ok_or(Stop::Syntax)?;
            match (byte, quoted) {
                (b'}', _) => {
                    self.at += 1;
                    return Ok(pieces.0);
                }
                (b'~', false) | (b'\'' | b'"' | b'\\', true) | (b'<' | b'>', _) => {
                    return Err(Stop::Unsupported);
                }
                (b'$', true) => {
                    self.at += 1;
                    self.dollar(&mut pieces, true)?;
                }
                (b'`', true) => {
                    self.at += 1;
                    self.backquoted(&mut pieces, true)?;
                }
                (_, true) => {
                    self.at += 1;
                    pieces.literal(&[byte], true);
                }
                (_, false) => self.piece(&mut pieces)?,
            }
        }
    }

    /// Reads a substitution in backquotes, after the first of them.
    fn backquoted(&mut self, pieces: &mut Pieces, quoted: bool) -> Result<(), Stop> {
        let mut script = Vec::new();
        loop {
            match self.raw().ok_or(Stop::Syntax)? {
                b'`' => break,
                // A comment there hides the closing backquote.
                b'#' => return Err(Stop::Unsupported),
                b'\\' => match self.raw().ok_or(Stop::Syntax)? {
                    byte @ (b'$' | b'`' | b'\\') => script.push(byte),
                    b'"' if quoted => script.push(b'"'),
                    byte => script.extend([b'\\', byte]),
                },
                byte => script.push(byte),
            }
        }
        if self.depth > 8 {
            return Err(Stop::Unsupported);
        }
        // The substitution is a shell of its own: a syntax error in it does not affect the
        // file.
        let mut lexer = Lexer::new(&script, self.depth + 1);
        let list = match parser::script(&mut lexer) {
            Err(Stop::Syntax) => List::new(),
            list => list?,
        };
        pieces.0.push(output_of(list, quoted));
        Ok(())
    }

    /// Reads `$'…'` after its opening quote; returns `None` if the result depends on the
    /// locale.
    fn ansi_c(&mut self) -> Result<Option<Vec<u8>>, Stop> {
        let mut text = Vec::new();
        let mut plain = true;
        loop {
            let byte = self.raw().ok_or(Stop::Syntax)?;
            match byte {
                b'\'' => return Ok(plain.then_some(text)),
                b'\\' => {}
                _ => {
                    text.push(byte);
                    continue;
                }
            }
            match self.raw().ok_or(Stop::Syntax)? {
                b'a' => text.push(7),
                b'b' => text.push(8),
                b'e' | b'E' => text.push(27),
                b'f' => text.push(12),
                b'n' => text.push(b'\n'),
                b'r' => text.push(b'\r'),
                b't' => text.push(b'\t'),
                b'v' => text.push(11),
                byte @ (b'\\' | b'\'' | b'"' | b'?') => text.push(byte),
                b'0'..=b'7' | b'x' | b'u' | b'U' | b'c' => plain = false,
                byte => text.extend([b'\\', byte]),
            }
        }
    }

    /// Reads an array after `NAME=`.
    fn array(&mut self, target: Target) -> Result<Word, Stop> {
        self.at += 1;
        self.nest(|lexer| {
            loop {
                match lexer.peek().ok_or(Stop::Syntax)? {
                    b')' => break,
                    b' ' | b'\t' | b'\n' => lexer.at += 1,
                    // bash goes on after a syntax error in an array.
                    b'#' | b'[' | b';' | b'&' | b'|' | b'(' => return Err(Stop::Unsupported),
                    byte @ (b'<' | b'>') if !lexer.opens_process(byte) => {
                        return Err(Stop::Unsupported);
                    }
                    _ => drop(lexer.word(false, false)?),
                }
            }
            lexer.at += 1;
            match lexer.peek() {
                None | Some(b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b')') => {
                    Ok(())
                }
                Some(_) => Err(Stop::Unsupported),
            }
        })?;
        let target = Target {
            array: true,
            ..target
        };
        Ok(Word {
            pieces: vec![Piece::Opaque],
            assignment: Some(target),
        })
    }
}

/// Returns the target at the beginning of a literal, and how many bytes follow the `=`.
fn target_of(plain: &[u8]) -> Option<(Target, usize)> {
    let equals = plain.iter().position(|byte| *byte == b'=')?;
    let (name, value) = (&plain[..equals], &plain[equals + 1..]);
    let appends = name.ends_with(b"+");
    let name = name.strip_suffix(b"+").unwrap_or(name);
    let target = is_name(name).then(|| Target {
        name: String::from_utf8_lossy(name).into_owned(),
        appends,
        array: false,
    })?;
    Some((target, value.len()))
}

fn word_of(mut pieces: Vec<Piece>) -> Word {
    let mut assignment = None;
    if let Some(Piece::Literal {
        text,
        quoted: false,
    }) = pieces.first_mut()
        && let Some((target, rest)) = target_of(text)
    {
        text.drain(..text.len() - rest);
        assignment = Some(target);
    }
    Word { pieces, assignment }
}

/// Returns the output of a substitution. Only that of `echo` can be determined.
fn output_of(mut list: List, quoted: bool) -> Piece {
    let simple = match &mut list[..] {
        [one] if one.rest.is_empty() && !one.background && !one.first.negated => {
            match &mut one.first.commands[..] {
                [Command::Simple(simple)] if !simple.redirected => simple,
                _ => return Piece::Opaque,
            }
        }
        _ => return Piece::Opaque,
    };
    let calm = |piece: &Piece| {
        matches!(
            piece,
            Piece::Literal { .. } | Piece::Variable { default: None, .. }
        )
    };
    let echo = simple.words.first().is_some_and(|word| word.is(b"echo"));
    let mut arguments = simple.words.iter().skip(1);
    if !echo || !arguments.all(|word| word.assignment.is_none() && word.pieces.iter().all(calm)) {
        return Piece::Opaque;
    }
    Piece::Echo {
        words: simple.words.drain(1..).collect(),
        quoted,
    }
}

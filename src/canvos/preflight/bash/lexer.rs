//! Splitting bytes into tokens as bash does: words with their quotes, operators, comments, and
//! here-documents.
//!
//! A backslash followed by a newline disappears everywhere except in single quotes, comments
//! and quoted here-documents, even between the two characters of `&&`. Where the meaning
//! depends on a token's position (whether `A=(` begins an array), the lexer tracks the previous
//! token, as bash does.

use super::syntax::{Piece, Redirection, Stop, Target, Token, Word};

/// The operators. Every prefix of an operator is an operator too.
const OPERATORS: [&str; 21] = [
    "&", "&&", "&>", "&>>", "|", "||", "|&", ";", ";;", ";&", ";;&", "<", "<<", "<<-", "<<<", "<&",
    "<>", ">", ">>", ">|", ">&",
];

/// Builtins whose arguments may be arrays.
const DECLARING: [&[u8]; 8] = [
    b"alias",
    b"declare",
    b"eval",
    b"export",
    b"let",
    b"local",
    b"readonly",
    b"typeset",
];

/// The greatest nesting depth of commands, quotes and expansions.
const DEEPEST: usize = 64;

pub(super) struct Lexer<'a> {
    pub(super) text: &'a [u8],
    /// The offset of the next byte.
    pub(super) at: usize,
    /// The offset at which the input begins that bash reads before it runs anything.
    pub(super) line: usize,
    pub(super) depth: usize,
    peeked: Option<Token>,
    /// Whether the next token begins a command, or follows the command's first assignments.
    begins: bool,
    /// Whether the command is a builtin of [`DECLARING`].
    declares: bool,
    /// Here-documents whose bodies follow the next newline.
    documents: Vec<Document>,
    /// The number of open command substitutions.
    pub(super) substitutions: usize,
}

struct Document {
    delimiter: Vec<u8>,
    strips_tabs: bool,
    quoted: bool,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a [u8], depth: usize) -> Self {
        Self {
            text,
            at: 0,
            line: 0,
            depth,
            peeked: None,
            begins: true,
            declares: false,
            documents: Vec::new(),
            substitutions: 0,
        }
    }

    /// Returns the next token without consuming it.
    pub(super) fn peek_token(&mut self) -> Result<&Token, Stop> {
        let token = match self.peeked.take() {
            Some(token) => token,
            None => self.read_token()?,
        };
        Ok(self.peeked.insert(token))
    }

    pub(super) fn next_token(&mut self) -> Result<Token, Stop> {
        match self.peeked.take() {
            Some(token) => Ok(token),
            None => self.read_token(),
        }
    }

    /// Reads something one nesting level deeper.
    pub(super) fn nest<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        if self.depth == DEEPEST {
            return Err(Stop::Unsupported);
        }
        self.depth += 1;
        let read = read(self)?;
        self.depth -= 1;
        Ok(read)
    }

    /// Reads the commands of a substitution, up to its closing parenthesis.
    pub(super) fn substitution<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        if !self.documents.is_empty() {
            return Err(Stop::Unsupported);
        }
        let (begins, declares) = (self.begins, self.declares);
        (self.begins, self.declares) = (true, false);
        self.substitutions += 1;
        // How bash treats an error there differs between versions.
        let read = self.nest(read).map_err(|_| Stop::Unsupported)?;
        self.substitutions -= 1;
        (self.begins, self.declares) = (begins, declares);
        Ok(read)
    }

    /// Returns the next byte after line continuations.
    pub(super) fn peek(&mut self) -> Option<u8> {
        while self.text[self.at..].starts_with(b"\\\n") {
            self.at += 2;
        }
        self.text.get(self.at).copied()
    }

    /// Returns the next byte as it is.
    pub(super) fn raw(&mut self) -> Option<u8> {
        let byte = self.text.get(self.at).copied();
        self.at += usize::from(byte.is_some());
        byte
    }

    /// Whether the next byte is `byte`, which is consumed if so.
    pub(super) fn accept(&mut self, byte: u8) -> bool {
        let next = self.peek() == Some(byte);
        self.at += usize::from(next);
        next
    }

    fn read_token(&mut self) -> Result<Token, Stop> {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        if self.peek() == Some(b'#') {
            let rest = &self.text[self.at..];
            let length = rest.iter().position(|byte| *byte == b'\n');
            self.at += length.unwrap_or(rest.len());
        }
        let token = match self.peek() {
            None => {
                self.documents.clear();
                Token::End
            }
            Some(b'\n') => {
                self.at += 1;
                self.read_documents()?;
                Token::Newline
            }
            Some(b'(') => self.single("("),
            Some(b')') => self.single(")"),
            Some(byte @ (b'<' | b'>')) if self.opens_process(byte) => self.read_word()?,
            Some(b'&' | b'|' | b';' | b'<' | b'>') => self.read_operator()?,
            Some(_) => self.read_word()?,
        };
        match &token {
            Token::Word(word) => {
                let starts = word.assignment.is_some() || word.reserved();
                self.declares = self.begins && DECLARING.iter().any(|name| word.is(name))
                    || self.declares && !self.begins;
                self.begins = self.begins && starts;
            }
            // After the redirections at the beginning of a command there may be arrays.
            Token::Redirection(_) => {
                self.declares |= self.begins;
                self.begins = false;
            }
            _ => (self.begins, self.declares) = (true, false),
        }
        Ok(token)
    }

    fn single(&mut self, operator: &'static str) -> Token {
        self.at += 1;
        Token::Operator(operator)
    }

    fn read_operator(&mut self) -> Result<Token, Stop> {
        let mut read = String::new();
        let mut longest = None;
        while let Some(byte) = self.peek() {
            read.push(char::from(byte));
            let Some(found) = OPERATORS.iter().find(|operator| **operator == read) else {
                break;
            };
            longest = Some(*found);
            self.at += 1;
        }
        match longest.unwrap_or_default() {
            operator @ ("<<" | "<<-") => self.read_delimiter(operator == "<<-"),
            operator if operator.contains(['<', '>']) => Ok(Token::Redirection(Redirection::File)),
            operator => Ok(Token::Operator(operator)),
        }
    }

    /// Whether a process substitution begins here.
    pub(super) fn opens_process(&mut self, byte: u8) -> bool {
        let here = self.at;
        self.at += 1;
        let opens = matches!(byte, b'<' | b'>') && self.peek() == Some(b'(');
        self.at = here;
        opens
    }

    fn read_word(&mut self) -> Result<Token, Stop> {
        let word = self.word(self.begins, self.declares)?;
        if self.belongs_to_redirection(&word)? {
            return self.read_operator();
        }
        Ok(Token::Word(word))
    }

    /// Whether a word is the number right before a redirection. A variable in braces may be
    /// there, too.
    fn belongs_to_redirection(&self, word: &Word) -> Result<bool, Stop> {
        if !matches!(self.text.get(self.at), Some(b'<' | b'>')) {
            return Ok(false);
        }
        let plain = word.plain().unwrap_or_default();
        if plain.starts_with(b"{") && plain.ends_with(b"}") {
            return Err(Stop::Unsupported);
        }
        Ok(!plain.is_empty() && plain.iter().all(u8::is_ascii_digit))
    }

    /// Reads the word that ends a here-document.
    fn read_delimiter(&mut self, strips_tabs: bool) -> Result<Token, Stop> {
        if self.substitutions > 0 {
            return Err(Stop::Unsupported);
        }
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        match self.peek() {
            None | Some(b'\n' | b'#' | b'&' | b'|' | b';' | b'<' | b'>' | b'(' | b')') => {
                return Err(Stop::Syntax);
            }
            Some(_) => {}
        }
        let word = self.word(false, false)?;
        if self.belongs_to_redirection(&word)? {
            return Err(Stop::Syntax);
        }
        let mut document = Document {
            delimiter: word
                .assignment
                .as_ref()
                .map(Target::prefix)
                .unwrap_or_default(),
            strips_tabs,
            quoted: false,
        };
        for piece in &word.pieces {
            let Piece::Literal { text, quoted } = piece else {
                return Err(Stop::Unsupported);
            };
            document.delimiter.extend_from_slice(text);
            document.quoted |= quoted;
        }
        self.documents.push(document);
        Ok(Token::Redirection(Redirection::Document))
    }

    /// Reads the bodies that follow a newline. They set nothing, but expansions in them may.
    fn read_documents(&mut self) -> Result<(), Stop> {
        for document in std::mem::take(&mut self.documents) {
            let start = self.at;
            loop {
                let end = self.at;
                let Some(line) = self.document_line(document.quoted) else {
                    break;
                };
                let tabs = line.iter().take_while(|byte| **byte == b'\t').count();
                let line = &line[if document.strips_tabs { tabs } else { 0 }..];
                if line == document.delimiter {
                    if !document.quoted && has_effects(&self.text[start..end]) {
                        return Err(Stop::Unsupported);
                    }
                    break;
                }
                if self.at == self.text.len()
                    && !document.quoted
                    && has_effects(&self.text[start..])
                {
                    return Err(Stop::Unsupported);
                }
            }
        }
        Ok(())
    }

    /// Returns a line of a here-document without its newline; `None` at the end.
    fn document_line(&mut self, quoted: bool) -> Option<Vec<u8>> {
        let mut line = Vec::new();
        self.text.get(self.at)?;
        loop {
            match self.raw() {
                None | Some(b'\n') => return Some(line),
                Some(b'\\') if !quoted => match self.raw() {
                    Some(b'\n') => {}
                    next => line.extend([b'\\'].into_iter().chain(next)),
                },
                Some(byte) => line.push(byte),
            }
        }
    }
}

/// Whether expanding a here-document may set a variable or fail.
fn has_effects(body: &[u8]) -> bool {
    let dollars = body.iter().enumerate().filter(|(_, byte)| **byte == b'$');
    let mut behind = dollars.map(|(at, _)| &body[at + 1..]);
    body.contains(&b'`')
        || behind.any(|rest| match rest {
            [b'(' | b'[' | b'\\', ..] => true,
            [b'{', name @ ..] => {
                let length = name.iter().take_while(|byte| is_of_name(**byte)).count();
                !is_name(&name[..length]) || name.get(length) != Some(&b'}')
            }
            _ => false,
        })
}

/// Whether a byte may be part of a variable's name; a digit may not be the first one.
pub(super) fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether `name` is a valid name of a variable.
pub(super) fn is_name(name: &[u8]) -> bool {
    name.first().is_some_and(|first| !first.is_ascii_digit())
        && name.iter().all(|byte| is_of_name(*byte))
}

impl Word {
    /// Whether the word is exactly this text, without quotes.
    pub(super) fn is(&self, text: &[u8]) -> bool {
        self.plain() == Some(text)
    }
}

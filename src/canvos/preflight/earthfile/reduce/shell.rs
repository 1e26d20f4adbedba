//! Splits the shell commands of a `RUN` into simple commands.
//!
//! Input: the text of a command line. Output: its simple commands with their words and the files
//! that they redirect output to, or [`Unclear`] if the text has something that this module does
//! not read, such as a here-document. A [`Word`] says which parts of it are literal: what a
//! variable, a pattern or a program's output stands for is known only at run time. Commands in
//! `$(…)` are among the commands.

use std::collections::BTreeMap;

/// The text has something that this module does not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unclear;

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text.
    Literal(String),
    /// The value of a variable.
    Variable(String),
    /// A pattern, which names files of one directory.
    Pattern,
    /// Anything.
    Unknown,
}

/// A word of a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Word(pub Vec<Piece>);

/// A simple command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SimpleCommand {
    /// The program and its arguments.
    pub words: Vec<Word>,
    /// The files that it writes its output to.
    pub outputs: Vec<Word>,
}

/// The commands of a text.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// In the order of the text, those in `$(…)` before the command that they are in.
    pub commands: Vec<SimpleCommand>,
    /// Every value that the text assigns to a variable.
    pub values: BTreeMap<String, Vec<Word>>,
}

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        Self(vec![Piece::Literal(text.to_owned())])
    }
}

impl Word {
    /// The text of a word, if all of it is literal.
    pub(super) fn literal(&self) -> Option<&str> {
        match &self.0[..] {
            [] => Some(""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The literal text that the word begins with.
    pub(super) fn start(&self) -> &str {
        match self.0.first() {
            Some(Piece::Literal(text)) => text,
            _ => "",
        }
    }

    /// The words that the shell makes of an unquoted variable with this value.
    pub(super) fn split(&self) -> Vec<Word> {
        let mut words = Vec::new();
        let mut word = Word::default();
        for piece in &self.0 {
            let Piece::Literal(text) = piece else {
                word.0.push(piece.clone());
                continue;
            };
            for (at, part) in text.split(char::is_whitespace).enumerate() {
                if at > 0 && !word.0.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                if !part.is_empty() {
                    word.0.push(Piece::Literal(part.to_owned()));
                }
            }
        }
        if !word.0.is_empty() {
            words.push(word);
        }
        words
    }

    fn push(&mut self, c: char) {
        match self.0.last_mut() {
            Some(Piece::Literal(text)) => text.push(c),
            _ => self.0.push(Piece::Literal(c.into())),
        }
    }

    /// The name and the value, if the word assigns a variable.
    pub(super) fn assignment(&self) -> Option<(&str, Word)> {
        let (name, value) = self.start().split_once('=')?;
        let mut letters = name.bytes();
        let begins = letters
            .next()
            .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        if !begins || !letters.all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return None;
        }
        let mut pieces = self.0.clone();
        pieces.remove(0);
        if !value.is_empty() {
            pieces.insert(0, Piece::Literal(value.to_owned()));
        }
        Some((name, Word(pieces)))
    }
}

/// Reads `text`.
pub(super) fn read(text: &str) -> Result<Script, Unclear> {
    let mut script = Script::default();
    script.read(text, 0)?;
    Ok(script)
}

/// Returns the commands in `$(…)` of `text`, which is no command itself.
pub(super) fn substitutions(text: &str) -> Result<Vec<String>, Unclear> {
    if !text.contains("$(") && !text.contains('`') {
        return Ok(Vec::new());
    }
    let mut lexer = Lexer::new(text);
    let mut word = Word::default();
    while let Some(c) = lexer.peek() {
        lexer.at += 1;
        match c {
            '\'' => lexer.until('\'', &mut word)?,
            '"' => lexer.quoted(&mut word)?,
            '\\' => drop(lexer.escaped()?),
            '$' => lexer.expansion(&mut word)?,
            '`' => lexer.backticks(&mut word)?,
            _ => {}
        }
    }
    Ok(lexer.inner)
}

/// How deep `$(…)` may be nested.
const DEPTH: usize = 8;
/// Words after which a command begins.
const RESERVED: [&str; 13] = [
    "if", "then", "else", "elif", "fi", "while", "until", "do", "done", "!", "{", "}", "time",
];

/// Commands that assign their arguments to variables.
const DECLARES: [&str; 4] = ["export", "readonly", "local", "declare"];

/// A token of the shell.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(Word),
    /// The end of a simple command.
    End,
    /// `>`, `>>` and the like: a file follows.
    Output,
    /// `<`: a file follows.
    Input,
}

impl Script {
    fn read(&mut self, text: &str, depth: usize) -> Result<(), Unclear> {
        if depth > DEPTH {
            return Err(Unclear);
        }
        let mut lexer = Lexer::new(text);
        let mut command = SimpleCommand::default();
        let mut redirects = None;
        let mut list = None;
        while let Some(token) = lexer.next()? {
            for inner in std::mem::take(&mut lexer.inner) {
                self.read(&inner, depth + 1)?;
            }
            let word = match token {
                Token::End => {
                    self.end(&mut command);
                    list = None;
                    continue;
                }
                Token::Output | Token::Input => {
                    redirects = Some(token == Token::Output);
                    continue;
                }
                Token::Word(word) => word,
            };
            if let Some(is_output) = redirects.take() {
                if is_output {
                    command.outputs.push(word);
                }
                continue;
            }
            let text = word.literal().unwrap_or_default();
            match &mut list {
                // The words of `for NAME in WORDS`.
                Some(List::Name) => list = Some(List::In(text.to_owned())),
                Some(List::In(name)) if text == "in" => list = Some(List::Words(name.clone())),
                Some(List::In(_)) => return Err(Unclear),
                Some(List::Words(name)) => self.assign(name.clone(), word),
                None if !command.words.is_empty() => {
                    let program = command.words[0].literal().unwrap_or_default();
                    match word.assignment() {
                        Some((name, value)) if DECLARES.contains(&program) => {
                            self.assign(name.to_owned(), value);
                        }
                        _ => command.words.push(word),
                    }
                }
                None if RESERVED.contains(&text) => {}
                None if text == "for" => list = Some(List::Name),
                None if ["case", "select", "function"].contains(&text) => {
                    return Err(Unclear);
                }
                None => match word.assignment() {
                    Some((name, value)) => self.assign(name.to_owned(), value),
                    None => command.words.push(word),
                },
            }
        }
        for inner in std::mem::take(&mut lexer.inner) {
            self.read(&inner, depth + 1)?;
        }
        self.end(&mut command);
        Ok(())
    }

    fn assign(&mut self, name: String, value: Word) {
        self.values.entry(name).or_default().push(value);
    }

    fn end(&mut self, command: &mut SimpleCommand) {
        let command = std::mem::take(command);
        if !command.words.is_empty() || !command.outputs.is_empty() {
            self.commands.push(command);
        }
    }
}

/// What follows `for`.
enum List {
    Name,
    In(String),
    Words(String),
}

struct Lexer {
    text: Vec<char>,
    at: usize,
    /// The commands in `$(…)` of the last word.
    inner: Vec<String>,
}

impl Lexer {
    fn new(text: &str) -> Self {
        Self {
            text: text.chars().collect(),
            at: 0,
            inner: Vec::new(),
        }
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        self.at += usize::from(found);
        found
    }

    fn next(&mut self) -> Result<Option<Token>, Unclear> {
        while self.peek().is_some_and(|c| c.is_whitespace() && c != '\n') {
            self.at += 1;
        }
        let Some(c) = self.peek() else {
            return Ok(None);
        };
        if c.is_ascii_digit() && matches!(self.text.get(self.at + 1), Some('<' | '>')) {
            self.at += 1;
        }
        match self.peek() {
            Some('&') if self.text.get(self.at + 1) == Some(&'>') => {
                self.at += 1;
                self.output()
            }
            Some(';' | '&' | '|' | '(' | ')' | '\n') => {
                self.at += 1;
                Ok(Some(Token::End))
            }
            Some('>') => self.output(),
            Some('<') => {
                self.at += 1;
                match self.peek() {
                    // A here-document, or a command that reads.
                    Some('<' | '(') => Err(Unclear),
                    Some('&') => {
                        self.at += 1;
                        Ok(Some(Token::Input))
                    }
                    _ => Ok(Some(Token::Input)),
                }
            }
            _ => Ok(Some(Token::Word(self.word()?))),
        }
    }

    /// A redirection of output; one to a file descriptor counts as input.
    fn output(&mut self) -> Result<Option<Token>, Unclear> {
        self.at += 1;
        if self.peek() == Some('(') {
            return Err(Unclear);
        }
        let _ = self.take('>') || self.take('|');
        if !self.take('&') {
            return Ok(Some(Token::Output));
        }
        let to = self.peek();
        Ok(Some(
            if to.is_some_and(|c| c.is_ascii_digit() || c == '-') {
                Token::Input
            } else {
                Token::Output
            },
        ))
    }

    fn word(&mut self) -> Result<Word, Unclear> {
        let mut word = Word::default();
        while let Some(c) = self.peek() {
            if c.is_whitespace() || ";&|()<>".contains(c) {
                break;
            }
            self.at += 1;
            match c {
                '\'' => self.until('\'', &mut word)?,
                '"' => self.quoted(&mut word)?,
                '\\' => word.push(self.escaped()?),
                '$' => self.expansion(&mut word)?,
                '`' => self.backticks(&mut word)?,
                '[' if word.0.is_empty() && self.ends_word() => word.push('['),
                ']' if word.0.is_empty() && self.ends_word() => word.push(']'),
                '*' | '?' | '[' | ']' => word.0.push(Piece::Pattern),
                '{' | '}' if word.0.is_empty() && self.ends_word() => word.push(c),
                '{' | '}' => word.0.push(Piece::Unknown),
                '~' if word.0.is_empty() => word.0.push(Piece::Unknown),
                c => word.push(c),
            }
        }
        if word.0.is_empty() {
            // An empty word in quotes.
            word.0.push(Piece::Literal(String::new()));
        }
        Ok(word)
    }

    fn ends_word(&self) -> bool {
        self.peek()
            .is_none_or(|c| c.is_whitespace() || ";&|()<>".contains(c))
    }

    fn escaped(&mut self) -> Result<char, Unclear> {
        let c = self.peek().ok_or(Unclear)?;
        self.at += 1;
        Ok(c)
    }

    fn until(&mut self, end: char, word: &mut Word) -> Result<(), Unclear> {
        loop {
            match self.escaped()? {
                c if c == end => return Ok(()),
                c => word.push(c),
            }
        }
    }

    fn quoted(&mut self, word: &mut Word) -> Result<(), Unclear> {
        loop {
            match self.escaped()? {
                '"' => return Ok(()),
                '\\' => word.push(self.escaped()?),
                '$' if matches!(self.peek(), Some('\'' | '"')) => word.push('$'),
                '$' => self.expansion(word)?,
                '`' => self.backticks(word)?,
                c => word.push(c),
            }
        }
    }

    fn backticks(&mut self, word: &mut Word) -> Result<(), Unclear> {
        let mut inner = Word::default();
        self.until('`', &mut inner)?;
        self.inner
            .push(inner.literal().unwrap_or_default().to_owned());
        word.0.push(Piece::Unknown);
        Ok(())
    }

    /// What follows a `$`.
    fn expansion(&mut self, word: &mut Word) -> Result<(), Unclear> {
        match self.peek() {
            // Text in an encoding of its own.
            Some('\'' | '"') => return Err(Unclear),
            Some('(') if self.text.get(self.at + 1) == Some(&'(') => {
                let inner = self.enclosed('(', ')')?;
                if inner.contains('`') || inner.contains("$(") {
                    return Err(Unclear);
                }
                word.0.push(Piece::Unknown);
            }
            Some('(') => {
                let inner = self.enclosed('(', ')')?;
                self.inner.push(inner);
                word.0.push(Piece::Unknown);
            }
            Some('{') => {
                let inner = self.enclosed('{', '}')?;
                if inner.contains(['$', '`']) {
                    return Err(Unclear);
                }
                word.0.push(if is_name(&inner) {
                    Piece::Variable(inner)
                } else {
                    Piece::Unknown
                });
            }
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let rest = self.text[self.at..].iter();
                let name: String = rest
                    .take_while(|c| c.is_ascii_alphanumeric() || **c == '_')
                    .collect();
                self.at += name.len();
                word.0.push(Piece::Variable(name));
            }
            Some(c) if c.is_ascii_digit() || "?@*#!-$".contains(c) => {
                self.at += 1;
                word.0.push(Piece::Unknown);
            }
            _ => word.push('$'),
        }
        Ok(())
    }

    /// The text between the brackets at the current place.
    fn enclosed(&mut self, open: char, close: char) -> Result<String, Unclear> {
        let start = self.at + 1;
        let (mut depth, mut quote) = (0, None);
        loop {
            let c = self.escaped()?;
            match (c, quote) {
                ('\\', quote) if quote != Some('\'') => drop(self.escaped()?),
                (c, Some(end)) if c == end => quote = None,
                (_, Some('\'')) => {}
                ('\'' | '"', None) => quote = Some(c),
                (c, _) if c == open => depth += 1,
                (c, _) if c == close => {
                    depth -= 1;
                    if depth == 0 {
                        return Ok(self.text[start..self.at - 1].iter().collect());
                    }
                }
                _ => {}
            }
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

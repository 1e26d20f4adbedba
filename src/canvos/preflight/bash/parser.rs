//! Parsing tokens into commands: the part of bash's grammar that files of assignments use.
//!
//! Loops, `case`, functions, `[[`, `((` and the like are [`Stop::Unsupported`]: what they would
//! run is not followed.

use super::lexer::Lexer;
use super::syntax::{
    AndOr, Command, Condition, List, Pipeline, Redirection, Simple, Stop, Token, Word,
};

/// The token that ends a list of commands.
#[derive(Clone, Copy)]
enum End {
    /// A newline, which ends what bash reads before it runs it.
    Line,
    /// The closing parenthesis.
    Parenthesis,
    /// One of these reserved words.
    Words(&'static [&'static str]),
    /// The end of the text.
    Text,
}

/// Reads what bash reads before it runs anything; returns `None` at the end.
pub(super) fn line(lexer: &mut Lexer<'_>) -> Result<Option<List>, Stop> {
    loop {
        lexer.line = lexer.at;
        match lexer.peek_token()? {
            Token::End => return Ok(None),
            Token::Newline => drop(lexer.next_token()?),
            _ => return Ok(Some(list(lexer, End::Line)?)),
        }
    }
}

/// Reads a whole text.
pub(super) fn script(lexer: &mut Lexer<'_>) -> Result<List, Stop> {
    let list = list(lexer, End::Text)?;
    Ok(list)
}

/// Reads the commands of a substitution, and the parenthesis that ends it.
pub(super) fn substituted(lexer: &mut Lexer<'_>) -> Result<List, Stop> {
    let list = list(lexer, End::Parenthesis)?;
    match lexer.next_token()? {
        Token::Operator(")") => Ok(list),
        _ => Err(Stop::Syntax),
    }
}

/// Reads commands up to the token that ends the list. The token is not consumed, except for the
/// newline of [`End::Line`].
fn list(lexer: &mut Lexer<'_>, end: End) -> Result<List, Stop> {
    let mut list = Vec::new();
    loop {
        if !matches!(end, End::Line) {
            newlines(lexer)?;
        }
        if ends(lexer, end)? {
            return Ok(list);
        }
        let mut and_or = and_or(lexer)?;
        let separator = lexer.peek_token()?;
        and_or.background = matches!(separator, Token::Operator("&"));
        let separated = matches!(separator, Token::Operator("&" | ";") | Token::Newline);
        list.push(and_or);
        if separated {
            let newline = matches!(lexer.next_token()?, Token::Newline);
            if newline && matches!(end, End::Line) {
                return Ok(list);
            }
        } else if !ends(lexer, end)? {
            return Err(Stop::Syntax);
        }
    }
}

/// Whether the next token ends the list.
fn ends(lexer: &mut Lexer<'_>, end: End) -> Result<bool, Stop> {
    let token = lexer.peek_token()?;
    match (end, token) {
        (End::Line, Token::Newline) => {
            lexer.next_token()?;
            Ok(true)
        }
        (End::Line | End::Text, Token::End) | (End::Parenthesis, Token::Operator(")")) => Ok(true),
        (End::Words(words), Token::Word(word)) => {
            Ok(words.iter().any(|end| word.is(end.as_bytes())))
        }
        (_, Token::End) => Err(Stop::Syntax),
        _ => Ok(false),
    }
}

fn newlines(lexer: &mut Lexer<'_>) -> Result<(), Stop> {
    while matches!(lexer.peek_token()?, Token::Newline) {
        lexer.next_token()?;
    }
    Ok(())
}

fn and_or(lexer: &mut Lexer<'_>) -> Result<AndOr, Stop> {
    let first = pipeline(lexer)?;
    let mut rest = Vec::new();
    loop {
        let condition = match lexer.peek_token()? {
            Token::Operator("&&") => Condition::And,
            Token::Operator("||") => Condition::Or,
            _ => {
                return Ok(AndOr {
                    first,
                    rest,
                    background: false,
                });
            }
        };
        lexer.next_token()?;
        newlines(lexer)?;
        rest.push((condition, pipeline(lexer)?));
    }
}

fn pipeline(lexer: &mut Lexer<'_>) -> Result<Pipeline, Stop> {
    let mut pipeline = Pipeline {
        negated: false,
        commands: Vec::new(),
    };
    while matches!(lexer.peek_token()?, Token::Word(word) if word.is(b"!")) {
        lexer.next_token()?;
        pipeline.negated = !pipeline.negated;
        if matches!(
            lexer.peek_token()?,
            Token::Newline | Token::End | Token::Operator(";")
        ) {
            return Ok(pipeline);
        }
    }
    loop {
        pipeline.commands.push(lexer.nest(command)?);
        match lexer.peek_token()? {
            Token::Operator("|" | "|&") => {
                lexer.next_token()?;
                newlines(lexer)?;
            }
            _ => return Ok(pipeline),
        }
    }
}

fn command(lexer: &mut Lexer<'_>) -> Result<Command, Stop> {
    match lexer.peek_token()? {
        Token::Word(word) if word.reserved() => {}
        Token::Operator("(") => {
            lexer.next_token()?;
            if lexer.peek() == Some(b'(') {
                return Err(Stop::Unsupported);
            }
            let list = list(lexer, End::Parenthesis)?;
            lexer.next_token()?;
            redirections(lexer)?;
            return some(&list).map(|()| Command::Subshell);
        }
        Token::Word(_) | Token::Redirection(_) => return simple(lexer),
        _ => return Err(Stop::Syntax),
    }
    let Token::Word(word) = lexer.next_token()? else {
        return Err(Stop::Syntax);
    };
    if word.is(b"{") {
        let list = list(lexer, End::Words(&["}"]))?;
        some(&list)?;
        lexer.next_token()?;
        let redirected = redirections(lexer)?;
        Ok(Command::Group { list, redirected })
    } else if word.is(b"if") {
        conditional(lexer)
    } else if [
        "then", "elif", "else", "fi", "do", "done", "esac", "in", "}", "]]",
    ]
    .iter()
    .any(|stray| word.is(stray.as_bytes()))
    {
        Err(Stop::Syntax)
    } else {
        Err(Stop::Unsupported)
    }
}

/// Reads the rest of an `if` command.
fn conditional(lexer: &mut Lexer<'_>) -> Result<Command, Stop> {
    let mut branches = Vec::new();
    let mut otherwise = Vec::new();
    loop {
        let condition = list(lexer, End::Words(&["then"]))?;
        some(&condition)?;
        lexer.next_token()?;
        let list_of_then = list(lexer, End::Words(&["elif", "else", "fi"]))?;
        some(&list_of_then)?;
        branches.push((condition, list_of_then));
        match lexer.next_token()? {
            Token::Word(word) if word.is(b"elif") => continue,
            Token::Word(word) if word.is(b"else") => {
                otherwise = list(lexer, End::Words(&["fi"]))?;
                some(&otherwise)?;
                lexer.next_token()?;
            }
            _ => {}
        }
        break;
    }
    Ok(Command::If {
        branches,
        otherwise,
        redirected: redirections(lexer)?,
    })
}

/// Checks that a list within another command is not empty.
fn some(list: &List) -> Result<(), Stop> {
    if list.is_empty() {
        return Err(Stop::Syntax);
    }
    Ok(())
}

/// Skips the redirections of a compound command; returns whether there are any.
fn redirections(lexer: &mut Lexer<'_>) -> Result<bool, Stop> {
    let mut found = false;
    while let Token::Redirection(redirection) = lexer.peek_token()? {
        let redirection = *redirection;
        lexer.next_token()?;
        found = true;
        let calm = redirection == Redirection::Document || file(lexer)?.plain().is_some();
        if !calm {
            return Err(Stop::Unsupported);
        }
    }
    Ok(found)
}

fn file(lexer: &mut Lexer<'_>) -> Result<Word, Stop> {
    match lexer.next_token()? {
        Token::Word(word) => Ok(word),
        _ => Err(Stop::Syntax),
    }
}

fn simple(lexer: &mut Lexer<'_>) -> Result<Command, Stop> {
    let mut simple = Simple {
        words: Vec::new(),
        files: Vec::new(),
        redirected: false,
    };
    loop {
        match lexer.peek_token()? {
            Token::Word(_) => {}
            Token::Redirection(redirection) => {
                let redirection = *redirection;
                lexer.next_token()?;
                simple.redirected = true;
                if redirection == Redirection::File {
                    simple.files.push(file(lexer)?);
                }
                continue;
            }
            Token::Operator("(") => {
                let named = simple.words.len() == 1 && simple.words[0].assignment.is_none();
                lexer.next_token()?;
                // `name ()` begins a function.
                return match lexer.peek_token()? {
                    Token::Operator(")") if named => Err(Stop::Unsupported),
                    _ => Err(Stop::Syntax),
                };
            }
            _ => return Ok(Command::Simple(simple)),
        }
        if let Token::Word(word) = lexer.next_token()? {
            simple.words.push(word);
        }
    }
}

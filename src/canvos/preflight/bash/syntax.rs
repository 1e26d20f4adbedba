//! What a file is made of, to bash: words, and the commands that consist of them.

/// Why reading ends before the end of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// bash refuses it: nothing from this line on is run.
    Syntax,
    /// It is beyond this reader.
    Unsupported,
}

#[derive(Debug)]
pub(super) enum Token {
    Word(Word),
    Operator(&'static str),
    Redirection(Redirection),
    Newline,
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Redirection {
    /// A word follows.
    File,
    /// The word is read already.
    Document,
}

#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) pieces: Vec<Piece>,
    /// For `NAME=…` and `NAME+=…`; the pieces are the value's then.
    pub(super) assignment: Option<Target>,
}

/// What an assignment sets.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) name: String,
    /// Whether it is `+=`.
    pub(super) appends: bool,
    /// Whether it is an array.
    pub(super) array: bool,
}

impl Target {
    /// What stands before the value.
    pub(super) fn prefix(&self) -> Vec<u8> {
        let plus = if self.appends { "+" } else { "" };
        format!("{}{plus}=", self.name).into_bytes()
    }
}

/// A part of a word.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    Literal {
        text: Vec<u8>,
        quoted: bool,
    },
    Variable {
        name: String,
        default: Option<Default>,
        quoted: bool,
    },
    /// `$(echo …)`.
    Echo {
        words: Vec<Word>,
        quoted: bool,
    },
    /// What only bash can tell, and what changes no variable.
    Opaque,
}

/// `-`, `+`, `=` or `?` in `${NAME…}`.
#[derive(Debug, Clone)]
pub(super) struct Default {
    pub(super) operator: u8,
    /// Whether a colon stands before it: an empty value counts as none.
    pub(super) colon: bool,
    pub(super) word: Vec<Piece>,
}

/// Commands, one after the other.
pub(super) type List = Vec<AndOr>;

#[derive(Debug)]
pub(super) struct AndOr {
    pub(super) first: Pipeline,
    pub(super) rest: Vec<(Condition, Pipeline)>,
    /// Whether `&` ends it.
    pub(super) background: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    And,
    Or,
}

#[derive(Debug)]
pub(super) struct Pipeline {
    pub(super) negated: bool,
    /// None for a lone `!`.
    pub(super) commands: Vec<Command>,
}

#[derive(Debug)]
pub(super) enum Command {
    Simple(Simple),
    /// `(…)`, whose variables are its own.
    Subshell,
    /// `{ …; }`.
    Group {
        list: List,
        redirected: bool,
    },
    If {
        /// Conditions with what follows `then`.
        branches: Vec<(List, List)>,
        otherwise: List,
        redirected: bool,
    },
}

#[derive(Debug)]
pub(super) struct Simple {
    /// Every word, the assignments at the beginning among them.
    pub(super) words: Vec<Word>,
    /// The files of redirections.
    pub(super) files: Vec<Word>,
    pub(super) redirected: bool,
}

impl Word {
    /// The text of a word that is one unquoted literal and no assignment.
    pub(super) fn plain(&self) -> Option<&[u8]> {
        match (&self.assignment, &self.pieces[..]) {
            (
                None,
                [
                    Piece::Literal {
                        text,
                        quoted: false,
                    },
                ],
            ) => Some(text),
            _ => None,
        }
    }

    /// Whether it is a reserved word, at the beginning of a command.
    pub(super) fn reserved(&self) -> bool {
        let words = [
            "!", "[[", "]]", "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for",
            "function", "if", "in", "select", "then", "time", "until", "while", "{", "}",
        ];
        let plain = self.plain();
        plain.is_some_and(|plain| words.iter().any(|word| word.as_bytes() == plain))
    }
}

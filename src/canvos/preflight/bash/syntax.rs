//! The syntax tree of a file: words, and the commands that consist of them.

/// Why parsing stops before the end of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// bash refuses the syntax: nothing from this line on runs.
    Syntax,
    /// The syntax is beyond this parser.
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
    /// The word that follows is a file name.
    File,
    /// The word was read already.
    Document,
}

#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) pieces: Vec<Piece>,
    /// The variable that `NAME=…` or `NAME+=…` assigns; the pieces are those of the value then.
    pub(super) assignment: Option<Target>,
}

/// The variable that an assignment sets.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) name: String,
    /// Whether the operator is `+=`.
    pub(super) appends: bool,
    /// Whether the value is an array.
    pub(super) array: bool,
}

impl Target {
    /// Returns the text before the value.
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
    /// A part whose value only bash can determine, and which changes no variable.
    Opaque,
}

/// The operator `-`, `+`, `=` or `?` in `${NAME…}`.
#[derive(Debug, Clone)]
pub(super) struct Default {
    pub(super) operator: u8,
    /// Whether a colon precedes the operator, so that an empty value counts as unset.
    pub(super) colon: bool,
    pub(super) word: Vec<Piece>,
}

/// Commands that run one after the other.
pub(super) type List = Vec<AndOr>;

#[derive(Debug)]
pub(super) struct AndOr {
    pub(super) first: Pipeline,
    pub(super) rest: Vec<(Condition, Pipeline)>,
    /// Whether the list ends with `&`.
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
    /// The commands; empty for a lone `!`.
    pub(super) commands: Vec<Command>,
}

#[derive(Debug)]
pub(super) enum Command {
    Simple(Simple),
    /// `(…)`, which has its own variables.
    Subshell,
    /// `{ …; }`.
    Group {
        list: List,
        redirected: bool,
    },
    If {
        /// The conditions, each with the list after `then`.
        branches: Vec<(List, List)>,
        otherwise: List,
        redirected: bool,
    },
}

#[derive(Debug)]
pub(super) struct Simple {
    /// All words, including the assignments at the beginning.
    pub(super) words: Vec<Word>,
    /// The files of redirections.
    pub(super) files: Vec<Word>,
    pub(super) redirected: bool,
}

impl Word {
    /// Returns the text of a word that is a single unquoted literal and not an assignment.
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

    /// Whether the word is reserved at the beginning of a command.
    pub(super) fn reserved(&self) -> bool {
        let words = [
            "!", "[[", "]]", "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for",
            "function", "if", "in", "select", "then", "time", "until", "while", "{", "}",
        ];
        let plain = self.plain();
        plain.is_some_and(|plain| words.iter().any(|word| word.as_bytes() == plain))
    }
}

//! The builtins that set variables. Of all other commands, only a few have a known status, and
//! none changes a variable.

use super::expand::Field;
use super::lexer::is_name;
use super::shell::{Jump, Shell, Status};
use super::syntax::{Target, Word};
use super::variables::Held;

/// Builtins that may change anything, end the script, or set a variable named in an argument.
const ANYTHING: [&[u8]; 20] = [
    b".",
    b"builtin",
    b"command",
    b"compgen",
    b"enable",
    b"eval",
    b"exec",
    b"exit",
    b"fc",
    b"getopts",
    b"let",
    b"mapfile",
    b"read",
    b"readarray",
    b"shopt",
    b"source",
    b"suspend",
    b"trap",
    b"wait",
    b"kill",
];

/// An argument of a command.
pub(super) enum Argument<'a> {
    Text(Vec<u8>),
    /// A pattern, which bash may replace with file names.
    Pattern(Vec<u8>),
    /// A word that was an assignment before expansion, and the value that it assigns.
    Assignment(&'a Target, Held),
    Unknown,
}

impl From<Field> for Argument<'_> {
    fn from(field: Field) -> Self {
        if field.is_pattern() {
            Self::Pattern(field.text)
        } else {
            Self::Text(field.text)
        }
    }
}

/// What `export` and related builtins do to a variable.
#[derive(Clone, Copy, Default)]
struct Attributes {
    export: Option<bool>,
    read_only: bool,
}

/// Whether a command treats words that look like assignments as assignments.
pub(super) fn declares(word: &Word) -> bool {
    let names: [&[u8]; 5] = [b"declare", b"export", b"local", b"readonly", b"typeset"];
    names.iter().any(|name| word.is(name))
}

/// Whether the name of a command neither is one of bash's own nor, as a pattern, matches one.
pub(super) fn is_foreign(name: &[u8]) -> bool {
    let foreign = |byte: &u8| byte.is_ascii_uppercase() || b"/=".contains(byte);
    name.iter().any(foreign)
}

/// Runs the command `name`, which has the temporary variables `own`.
pub(super) fn run(
    shell: &mut Shell<'_>,
    name: &[u8],
    own: &[&str],
    arguments: Vec<Argument<'_>>,
) -> Result<Status, Jump> {
    match name {
        b":" | b"true" | b"echo" => Ok(Some(true)),
        // `local` fails outside functions.
        b"false" | b"local" => Ok(Some(false)),
        b"export" | b"readonly" | b"declare" | b"typeset" => declare(shell, name, own, arguments),
        b"unset" => unset(shell, own, arguments),
        b"set" => set(&arguments),
        b"return" => leave(&arguments),
        b"printf" | b"test" | b"[" if sets_variable(&arguments) => Err(Jump::Unknown),
        // Without arguments, these do nothing or fail.
        b"." | b"builtin" | b"command" | b"eval" | b"exec" | b"source" if arguments.is_empty() => {
            Ok(None)
        }
        _ if ANYTHING.contains(&name) => Err(Jump::Unknown),
        // No program has such a name.
        _ if name.iter().any(u8::is_ascii_control) && !name.contains(&b'/') => Ok(Some(false)),
        _ => Ok(None),
    }
}

/// Whether an argument is `-v`, or may be.
fn sets_variable(arguments: &[Argument<'_>]) -> bool {
    arguments.iter().any(|argument| match argument {
        Argument::Text(text) => text.starts_with(b"-v"),
        Argument::Assignment(..) => false,
        Argument::Pattern(_) | Argument::Unknown => true,
    })
}

/// Runs `set`, which sets nothing but the positional parameters if it has no options.
fn set(arguments: &[Argument<'_>]) -> Result<Status, Jump> {
    match arguments.first() {
        Some(Argument::Unknown) => Err(Jump::Unknown),
        Some(Argument::Pattern(text)) if text.first().is_some_and(|b| b"*?[".contains(b)) => {
            Err(Jump::Unknown)
        }
        Some(Argument::Text(text) | Argument::Pattern(text))
            if text.starts_with(b"+") || text.starts_with(b"-") && text != b"--" =>
        {
            Err(Jump::Unknown)
        }
        _ => Ok(Some(true)),
    }
}

fn leave(arguments: &[Argument<'_>]) -> Result<Status, Jump> {
    match arguments {
        [] => Err(Jump::Return),
        [Argument::Text(status)]
            if status.len() < 4 && status.iter().all(u8::is_ascii_digit) && !status.is_empty() =>
        {
            Err(Jump::Return)
        }
        _ => Err(Jump::Unknown),
    }
}

/// Splits leading options from the other arguments.
fn options(arguments: Vec<Argument<'_>>) -> Result<(Vec<Vec<u8>>, Vec<Argument<'_>>), Jump> {
    let mut options = Vec::new();
    let mut rest = Vec::new();
    let mut arguments = arguments.into_iter();
    for argument in arguments.by_ref() {
        match argument {
            Argument::Unknown => return Err(Jump::Unknown),
            // A file name may look like an option.
            Argument::Pattern(text)
                if text.first().is_some_and(|first| b"*?[-+".contains(first)) =>
            {
                return Err(Jump::Unknown);
            }
            Argument::Text(text) if text == b"--" => break,
            Argument::Text(text)
                if text.len() > 1 && (text.starts_with(b"-") || text.starts_with(b"+")) =>
            {
                options.push(text);
            }
            argument => {
                rest.push(argument);
                break;
            }
        }
    }
    rest.extend(arguments);
    Ok((options, rest))
}

/// Runs `export`, `readonly`, `declare` or `typeset`.
fn declare(
    shell: &mut Shell<'_>,
    name: &[u8],
    own: &[&str],
    arguments: Vec<Argument<'_>>,
) -> Result<Status, Jump> {
    let (options, arguments) = options(arguments)?;
    let attributes = attributes(name, &options, arguments.is_empty())?;
    let mut succeeded = Some(true);
    for argument in arguments {
        let declaration = match argument {
            Argument::Assignment(target, value) => Declaration {
                target: target.clone(),
                value: Some(value),
            },
            Argument::Text(text) => {
                let Some(declaration) = Declaration::of(&text)? else {
                    succeeded = succeeded.and(Some(false));
                    continue;
                };
                declaration
            }
            Argument::Pattern(text) if is_dull(&text) => {
                shell.matches_files = true;
                succeeded = None;
                continue;
            }
            Argument::Pattern(_) | Argument::Unknown => return Err(Jump::Unknown),
        };
        if own.contains(&declaration.target.name.as_str()) {
            return Err(Jump::Unknown);
        }
        if !declaration.apply(shell, name, attributes)? {
            succeeded = succeeded.and(Some(false));
        }
    }
    Ok(succeeded)
}

/// Returns what the builtin `name` does, with its options, to its variables.
fn attributes(name: &[u8], options: &[Vec<u8>], bare: bool) -> Result<Attributes, Jump> {
    let mut attributes = Attributes {
        export: (name == b"export").then_some(true),
        read_only: name == b"readonly",
    };
    let declares = matches!(name, b"declare" | b"typeset");
    for option in options {
        match &option[..] {
            b"-n" if name == b"export" => attributes.export = Some(false),
            b"+x" if declares => attributes.export = Some(false),
            b"-x" if declares => attributes.export = Some(true),
            b"-r" if declares => attributes.read_only = true,
            b"-g" if declares => {}
            b"-p" if bare => {}
            _ => return Err(Jump::Unknown),
        }
    }
    Ok(attributes)
}

/// `NAME`, `NAME=VALUE` or `NAME+=VALUE`.
struct Declaration {
    target: Target,
    value: Option<Held>,
}

impl Declaration {
    /// Parses a declaration; returns `None` if the text is not one.
    fn of(text: &[u8]) -> Result<Option<Self>, Jump> {
        let equals = text.iter().position(|byte| *byte == b'=');
        let (name, value) = match equals {
            Some(at) => (&text[..at], Some(text[at + 1..].to_vec())),
            None => (text, None),
        };
        let appends = value.is_some() && name.ends_with(b"+");
        let name = &name[..name.len() - usize::from(appends)];
        // It assigns an element of an array.
        if name.contains(&b'[') {
            return Err(Jump::Unknown);
        }
        Ok(is_name(name).then(|| Self {
            target: Target {
                name: String::from_utf8_lossy(name).into_owned(),
                appends,
                array: false,
            },
            value: value.map(Held::Set),
        }))
    }

    /// Applies the declaration for the builtin `name`; returns `false` if the variable cannot
    /// be assigned.
    fn apply(
        self,
        shell: &mut Shell<'_>,
        name: &[u8],
        attributes: Attributes,
    ) -> Result<bool, Jump> {
        let Target {
            name: variable,
            appends,
            array,
        } = self.target;
        let mut assigned = true;
        if let Some(mut value) = self.value {
            if appends {
                value = shell.appended(&variable, value)?;
            }
            assigned = shell.assign(&variable, value)?;
            shell.variables.change(&variable).odd |= array;
        }
        // `export` marks a variable that it cannot assign.
        if assigned || name == b"export" {
            mark(shell, &variable, attributes);
        }
        Ok(assigned)
    }
}

/// Whether a pattern cannot match the name of a variable, and can match an assignment only in a
/// file's name.
fn is_dull(pattern: &[u8]) -> bool {
    pattern.iter().any(|byte| b"./:,".contains(byte)) && !pattern.contains(&b'=')
}

fn mark(shell: &mut Shell<'_>, name: &str, attributes: Attributes) {
    let unsure = shell.is_unsure();
    let variable = shell.variables.change(name);
    let exported = attributes.export.unwrap_or(variable.exported);
    let read_only = attributes.read_only || variable.read_only;
    let changes = exported != variable.exported || read_only != variable.read_only;
    if unsure && changes {
        variable.odd = true;
        variable.hold(Held::Unknown);
        return;
    }
    variable.exported = exported;
    variable.read_only = read_only;
}

fn unset(
    shell: &mut Shell<'_>,
    own: &[&str],
    arguments: Vec<Argument<'_>>,
) -> Result<Status, Jump> {
    let (options, arguments) = options(arguments)?;
    match options.iter().map(Vec::as_slice).collect::<Vec<_>>()[..] {
        [] | [b"-v"] => {}
        [b"-f"] => return Ok(None),
        _ => return Err(Jump::Unknown),
    }
    let unsure = shell.is_unsure();
    let mut succeeded = Some(true);
    for argument in arguments {
        let name = match argument {
            Argument::Text(text) if text.contains(&b'[') => return Err(Jump::Unknown),
            Argument::Text(text) if is_name(&text) => String::from_utf8_lossy(&text).into_owned(),
            Argument::Text(_) | Argument::Assignment(..) => {
                succeeded = None;
                continue;
            }
            Argument::Pattern(text) if is_dull(&text) => {
                shell.matches_files = true;
                succeeded = None;
                continue;
            }
            Argument::Pattern(_) | Argument::Unknown => return Err(Jump::Unknown),
        };
        if own.contains(&name.as_str()) {
            return Err(Jump::Unknown);
        }
        let variable = shell.variables.change(&name);
        if variable.read_only {
            succeeded = succeeded.and(Some(false));
        } else if unsure {
            // Whether a later assignment is exported is unknown, too.
            variable.odd |= variable.exported;
            if variable.odd || variable.held != Held::Unset {
                variable.hold(Held::Unknown);
            }
        } else {
            variable.hold(Held::Unset);
            variable.exported = false;
        }
    }
    Ok(succeeded)
}

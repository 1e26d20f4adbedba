//! The regular expressions that ignore rules become, interpreted as Go's `regexp` package does.
//!
//! A rule is translated character by character, so its meaning depends on Go's syntax: `\d` is
//! a digit, `a|b` an alternative, `x{2}` a repetition, `[*]` a class that ends elsewhere, `\o`
//! an error. The input is the translation. The output is whether a path matches, and whether a
//! path below a directory could. All reachable states are followed at once, so no rule takes
//! long.
//!
//! Sets of Unicode by a long name (`\p{Greek}`) are not known here and count as an error, as
//! do repetitions that make an expression very large. A small letter (`\pl`) names a set
//! for Go since 1.25; to an older Go it is an error, which is loud.

/// The number of steps that an expression may have.
const STEPS: usize = 1 << 16;
/// The largest count of a repetition that Go accepts.
const REPEAT: usize = 1000;

/// Whether a character is in a set.
pub(super) type Set = fn(char) -> bool;

/// A compiled expression.
#[derive(Debug, Clone)]
pub(super) struct Regexp {
    /// The alternatives, separated by `|`.
    branches: Vec<Vec<Step>>,
}

/// An element of an expression.
#[derive(Debug, Clone)]
enum Step {
    /// One character of the class.
    One(Class),
    /// One character of the class, or nothing.
    Optional(Class),
    /// Any number of characters of the class.
    Star(Class),
    /// `(.*/)?`: nothing, or anything that ends with a slash.
    Directories,
    /// `.*`: anything on one line.
    Rest,
    /// `^`, `\A`: the beginning.
    Start,
    /// `$`, `\z`: the end.
    End,
    /// `\b` or, if false, `\B`: between a letter and what is not one.
    Boundary(bool),
}

/// A set of characters.
#[derive(Debug, Clone)]
struct Class {
    negated: bool,
    items: Vec<Item>,
}

#[derive(Debug, Clone, Copy)]
enum Item {
    Range(char, char),
    /// A named set; with `false`, all characters outside of it.
    Named(Set, bool),
}

impl Class {
    fn of(item: Item) -> Self {
        Self {
            negated: false,
            items: vec![item],
        }
    }

    fn has(&self, c: char) -> bool {
        let has = self.items.iter().any(|item| match item {
            Item::Range(low, high) => (*low..=*high).contains(&c),
            Item::Named(set, positive) => set(c) == *positive,
        });
        has != self.negated
    }
}

impl Regexp {
    /// Compiles `text`; returns `None` if Go refuses it.
    #[must_use]
    pub(super) fn compile(text: &str) -> Option<Self> {
        let mut reader = Reader {
            text,
            branches: vec![Vec::new()],
            repeated: false,
        };
        while !reader.text.is_empty() {
            reader.step()?;
            if reader.branches.iter().map(Vec::len).sum::<usize>() > STEPS {
                return None;
            }
        }
        Some(Self {
            branches: reader.branches,
        })
    }

    /// Whether a part of `path` matches. Most expressions are anchored at both ends.
    #[must_use]
    pub(super) fn is_match(&self, path: &str) -> bool {
        let path: Vec<char> = path.chars().collect();
        let mut branches = self.branches.iter();
        branches.any(|steps| follow(steps, &path).0)
    }

    /// Whether a path that begins with `beginning` could match.
    #[must_use]
    pub(super) fn may_continue(&self, beginning: &str) -> bool {
        let beginning: Vec<char> = beginning.chars().collect();
        let mut branches = self.branches.iter();
        branches.any(|steps| follow(steps, &beginning).1)
    }
}

/// Returns whether the last step is reached anywhere in `path`, and whether any step reaches
/// its end.
fn follow(steps: &[Step], path: &[char]) -> (bool, bool) {
    let end = path.len();
    // A match may begin anywhere.
    let mut reached = vec![true; end + 1];
    let mut open = !matches!(steps.first(), Some(Step::Start)) || end == 0;
    for step in steps {
        let mut next = vec![false; end + 1];
        for at in (0..=end).filter(|at| reached[*at]) {
            match step {
                Step::One(class) | Step::Optional(class) => {
                    next[at] |= matches!(step, Step::Optional(_));
                    if path.get(at).is_some_and(|c| class.has(*c)) {
                        next[at + 1] = true;
                    }
                }
                Step::Star(class) => {
                    let many = path[at..].iter().take_while(|c| class.has(**c)).count();
                    next[at..=at + many].fill(true);
                }
                Step::Rest => next[at..=line_end(path, at)].fill(true),
                Step::Directories => {
                    next[at] = true;
                    let line = line_end(path, at);
                    let slashes = (at..line).filter(|slash| path[*slash] == '/');
                    slashes.for_each(|slash| next[slash + 1] = true);
                    // A slash may still follow.
                    open |= line == end;
                }
                Step::Start => next[at] |= at == 0,
                Step::End => next[at] |= at == end,
                Step::Boundary(wanted) => {
                    let word = |c: Option<&char>| c.is_some_and(|c| is_word(*c));
                    let before = at.checked_sub(1).and_then(|before| path.get(before));
                    next[at] |= (word(before) != word(path.get(at))) == *wanted;
                }
            }
        }
        open |= next[end];
        reached = next;
    }
    (reached.contains(&true), open)
}

/// Returns the end of the line that contains `at`.
fn line_end(path: &[char], at: usize) -> usize {
    at + path[at..].iter().take_while(|c| **c != '\n').count()
}

/// Go refuses the expression.
struct Refused;

struct Reader<'a> {
    text: &'a str,
    branches: Vec<Vec<Step>>,
    /// Whether the last element was a repetition, which another one must not follow.
    repeated: bool,
}

impl Reader<'_> {
    fn take(&mut self) -> Option<char> {
        let c = self.text.chars().next()?;
        self.text = &self.text[c.len_utf8()..];
        Some(c)
    }

    fn skip(&mut self, text: &str) -> bool {
        let rest = self.text.strip_prefix(text);
        self.text = rest.unwrap_or(self.text);
        rest.is_some()
    }

    fn push(&mut self, step: Step) {
        if let Some(branch) = self.branches.last_mut() {
            branch.push(step);
        }
    }

    /// Reads one element. Of the quantifiers and groups that Go knows, the translation
    /// generates only those handled here, and escapes those in a rule.
    fn step(&mut self) -> Option<()> {
        let repeated = std::mem::take(&mut self.repeated);
        if self.skip("(.*/)?") {
            self.repeated = true;
            self.push(Step::Directories);
        } else if self.skip(".*") {
            self.repeated = true;
            self.push(Step::Rest);
        } else if let Some((least, most)) = self.repetition() {
            if repeated {
                return None;
            }
            self.repeated = true;
            self.repeat(least?, most)?;
        } else if self.text.starts_with('\\') {
            self.escape()?;
        } else {
            match self.take()? {
                '^' => self.push(Step::Start),
                '$' => self.push(Step::End),
                '|' => self.branches.push(Vec::new()),
                '[' => {
                    let class = self.class()?;
                    self.repeated = self.skip("*");
                    let star = self.repeated;
                    self.push(if star {
                        Step::Star(class)
                    } else {
                        Step::One(class)
                    });
                }
                c => self.push(one(c)),
            }
        }
        Some(())
    }

    /// Reads `{2}`, `{2,}` or `{2,3}` as the minimum and the maximum. A malformed repetition is
    /// a literal brace; a number that is too large is `None` inside.
    fn repetition(&mut self) -> Option<(Option<usize>, Option<usize>)> {
        let (least, rest) = number(self.text.strip_prefix('{')?)?;
        let (most, rest) = match rest.strip_prefix(',') {
            None => (Some(least), rest),
            Some(rest) if rest.starts_with('}') => (None, rest),
            Some(rest) => {
                let (most, rest) = number(rest)?;
                (Some(most), rest)
            }
        };
        self.text = rest.strip_prefix('}')?;
        let highest = most.unwrap_or(least).max(least);
        let valid = highest <= REPEAT && most.is_none_or(|most| least <= most);
        Some((valid.then_some(least), most))
    }

    /// Repeats the last step.
    fn repeat(&mut self, least: usize, most: Option<usize>) -> Option<()> {
        let branch = self.branches.last_mut()?;
        let step = branch.pop()?;
        let Step::One(class) = &step else {
            // A state that is reached twice is evaluated once.
            branch.extend((least > 0).then_some(step));
            return Some(());
        };
        branch.extend(std::iter::repeat_n(step.clone(), least));
        match most {
            None => branch.push(Step::Star(class.clone())),
            Some(most) => {
                let optional = Step::Optional(class.clone());
                branch.extend(std::iter::repeat_n(optional, most - least));
            }
        }
        Some(())
    }

    fn escape(&mut self) -> Option<()> {
        let step = match self.text.as_bytes().get(1)? {
            b'A' => Step::Start,
            b'z' => Step::End,
            b'b' => Step::Boundary(true),
            b'B' => Step::Boundary(false),
            b'C' => return None,
            b'Q' => {
                let text = &self.text[2..];
                let (literal, rest) = text.split_once("\\E").unwrap_or((text, ""));
                literal.chars().for_each(|c| self.push(one(c)));
                self.text = rest;
                return Some(());
            }
            _ => {
                let item = match self.named().ok()? {
                    Some(item) => item,
                    None => self.escaped().map(|c| Item::Range(c, c))?,
                };
                self.push(Step::One(Class::of(item)));
                return Some(());
            }
        };
        self.text = &self.text[2..];
        self.push(step);
        Some(())
    }

    /// Reads the class after a `[`.
    fn class(&mut self) -> Option<Class> {
        let mut class = Class {
            negated: self.skip("^"),
            items: Vec::new(),
        };
        let mut first = true;
        while first || !self.text.starts_with(']') {
            first = false;
            if let Some(item) = self.posix().ok()? {
                class.items.push(item);
                continue;
            }
            if let Some(item) = self.named().ok()? {
                class.items.push(item);
                continue;
            }
            let low = self.class_char()?;
            let mut high = low;
            if self.text.len() > 1 && self.text.starts_with('-') && !self.text.starts_with("-]") {
                self.take();
                high = self.class_char()?;
            }
            if high < low {
                return None;
            }
            class.items.push(Item::Range(low, high));
        }
        self.take();
        Some(class)
    }

    fn class_char(&mut self) -> Option<char> {
        if self.text.starts_with('\\') {
            self.escaped()
        } else {
            self.take()
        }
    }

    /// Reads `[:alpha:]` in a class; an unknown name is an error.
    fn posix(&mut self) -> Result<Option<Item>, Refused> {
        let Some(rest) = self.text.strip_prefix("[:") else {
            return Ok(None);
        };
        let Some((name, rest)) = rest.split_once(":]") else {
            return Ok(None);
        };
        let (name, positive) = match name.strip_prefix('^') {
            Some(name) => (name, false),
            None => (name, true),
        };
        let set = posix_class(name).ok_or(Refused)?;
        self.text = rest;
        Ok(Some(Item::Named(set, positive)))
    }

    /// Reads `\d`, `\s`, `\w`, `\pL` and their negations; an unknown category is an error.
    fn named(&mut self) -> Result<Option<Item>, Refused> {
        let mut chars = self.text.chars();
        if chars.next() != Some('\\') {
            return Ok(None);
        }
        let Some(c) = chars.next() else {
            return Ok(None);
        };
        let mut positive = c.is_lowercase();
        let set: Set = match c {
            'd' | 'D' => |c| c.is_ascii_digit(),
            's' | 'S' => |c| matches!(c, '\t' | '\n' | '\x0c' | '\r' | ' '),
            'w' | 'W' => is_word,
            'p' | 'P' => {
                let mut letter = chars.next().ok_or(Refused)?;
                if letter == '{' {
                    let (name, rest) = chars.as_str().split_once('}').ok_or(Refused)?;
                    positive ^= name.starts_with('^');
                    let mut name = name.trim_start_matches('^').chars();
                    letter = name
                        .next()
                        .filter(|_| name.as_str().is_empty())
                        .ok_or(Refused)?;
                    chars = rest.chars();
                }
                category(letter).ok_or(Refused)?
            }
            _ => return Ok(None),
        };
        self.text = chars.as_str();
        Ok(Some(Item::Named(set, positive)))
    }

    /// Returns the character that a `\` and the text after it stand for.
    fn escaped(&mut self) -> Option<char> {
        self.take()?;
        let octal = |text: &str| text.starts_with(|c: char| c.is_digit(8));
        match self.take()? {
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(c),
            c @ '0'..='7' if c == '0' || octal(self.text) => {
                let mut value = c.to_digit(8)?;
                for _ in 0..2 {
                    if octal(self.text) {
                        value = value * 8 + self.take()?.to_digit(8)?;
                    }
                }
                char::from_u32(value)
            }
            'x' if self.skip("{") => {
                let (digits, rest) = self.text.split_once('}')?;
                self.text = rest;
                let hexadecimal = digits.chars().all(|c| c.is_ascii_hexdigit());
                char::from_u32(
                    u32::from_str_radix(digits, 16)
                        .ok()
                        .filter(|_| hexadecimal)?,
                )
            }
            'x' => {
                let (high, low) = (self.take()?.to_digit(16)?, self.take()?.to_digit(16)?);
                char::from_u32(high * 16 + low)
            }
            'a' => Some('\x07'),
            'f' => Some('\x0c'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'v' => Some('\x0b'),
            _ => None,
        }
    }
}

fn one(c: char) -> Step {
    Step::One(Class::of(Item::Range(c, c)))
}

/// Reads a number without a leading zero; returns it with what follows.
fn number(text: &str) -> Option<(usize, &str)> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (digits, rest) = text.split_at(digits);
    if digits.is_empty() || digits.len() > 1 && digits.starts_with('0') {
        return None;
    }
    Some((digits.parse().unwrap_or(usize::MAX), rest))
}

/// Returns the POSIX class of this name.
pub(super) fn posix_class(name: &str) -> Option<Set> {
    Some(match name {
        "alnum" => |c| c.is_ascii_alphanumeric(),
        "alpha" => |c| c.is_ascii_alphabetic(),
        "ascii" => |c| c.is_ascii(),
        "blank" => |c| matches!(c, ' ' | '\t'),
        "cntrl" => |c| c.is_ascii_control(),
        "digit" => |c| c.is_ascii_digit(),
        "graph" => |c| c.is_ascii_graphic(),
        "lower" => |c| c.is_ascii_lowercase(),
        "print" => |c| matches!(c, ' '..='~'),
        "punct" => |c| c.is_ascii_punctuation(),
        "space" => |c| matches!(c, '\t'..='\r' | ' '),
        "upper" => |c| c.is_ascii_uppercase(),
        "word" => is_word,
        "xdigit" => |c| c.is_ascii_hexdigit(),
        _ => return None,
    })
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Returns a general category of Unicode by its letter. It is exact for ASCII; of other
/// characters, it knows letters and numbers. No path that is staged has any of them.
fn category(letter: char) -> Option<Set> {
    Some(match letter.to_ascii_uppercase() {
        'C' => |c| c.is_control(),
        'L' => |c| c.is_alphabetic(),
        'M' => |_| false,
        'N' => |c| c.is_numeric(),
        'P' => |c| c.is_ascii_punctuation() && !is_symbol(c),
        'S' => is_symbol,
        'Z' => |c| c.is_whitespace() && !c.is_control(),
        _ => return None,
    })
}

fn is_symbol(c: char) -> bool {
    matches!(c, '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~')
}

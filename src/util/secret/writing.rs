//! Encodings of a key in text: literal, or escaped by one or several programs.
//!
//! Input: the characters of one form of the key, and a text. Output: the length of the prefix
//! of the text that is this form. Every reading of an escape is tried, since a key may contain
//! what looks like an escape.

use secrecy::zeroize::Zeroizing;

/// The number of characters of the key before a `…` that count as a part of the key.
const CUT: usize = 4;
/// The maximum number of programs that may have escaped a key one after the other.
const LAYERS: usize = 3;
/// The maximum length of an escape in characters, without its first sign: `&#0000047;` occurs
/// in practice, `&DiacriticalGrave;` does not.
const LONGEST: usize = 12;
/// The ASCII characters that HTML has names for, with longer names first.
const ENTITIES: [(&str, u8); 36] = [
    ("amp", b'&'),
    ("lt", b'<'),
    ("gt", b'>'),
    ("quot", b'"'),
    ("apos", b'\''),
    ("plus", b'+'),
    ("sol", b'/'),
    ("equals", b'='),
    ("bsol", b'\\'),
    ("percnt", b'%'),
    ("num", b'#'),
    ("excl", b'!'),
    ("quest", b'?'),
    ("dollar", b'$'),
    ("lpar", b'('),
    ("rpar", b')'),
    ("lsqb", b'['),
    ("rsqb", b']'),
    ("lbrack", b'['),
    ("rbrack", b']'),
    ("lcub", b'{'),
    ("rcub", b'}'),
    ("lbrace", b'{'),
    ("rbrace", b'}'),
    ("midast", b'*'),
    ("ast", b'*'),
    ("comma", b','),
    ("period", b'.'),
    ("colon", b':'),
    ("semi", b';'),
    ("commat", b'@'),
    ("lowbar", b'_'),
    ("hat", b'^'),
    ("grave", b'`'),
    ("verbar", b'|'),
    ("vert", b'|'),
];

/// A form of the key as a text may contain it. In addition, each of its characters may be
/// escaped in each of the ways of [`escape`].
pub(super) struct Form {
    pub digits: Zeroizing<String>,
    pub alphabet: Alphabet,
}

/// Which characters count as equal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// Upper-case and lower-case letters are equal.
    Any,
    /// The digits of the two alphabets of RFC 4648 are equal.
    Base64,
}

impl Alphabet {
    fn is_same(self, one: u8, other: u8) -> bool {
        match self {
            Self::Any => one.eq_ignore_ascii_case(&other),
            Self::Base64 => one == other || matches!((one, other), (b'+', b'-') | (b'/', b'_')),
        }
    }
}

impl Form {
    /// Returns whether the first character is `byte`.
    pub(super) fn begins_with(&self, byte: u8) -> bool {
        let first = self.digits.bytes().next();
        first.is_some_and(|digit| self.alphabet.is_same(digit, byte))
    }

    /// Returns the length in bytes of the prefix of `text` that is this form.
    pub(super) fn begins(&self, text: &str) -> Option<usize> {
        // A key may contain what looks like an escape, so every reading is tried.
        let mut ends = vec![0];
        for (known, digit) in self.digits.bytes().enumerate() {
            let mut next = Vec::new();
            for end in &ends {
                readings(&text.as_bytes()[*end..], |byte, length| {
                    let end = end + length;
                    if self.alphabet.is_same(digit, byte) && !next.contains(&end) {
                        next.push(end);
                    }
                });
            }
            if next.is_empty() {
                let cut = |end: usize| Some(end + cut(text.get(end..)?)?);
                return ends
                    .into_iter()
                    .filter_map(cut)
                    .max()
                    .filter(|_| known >= CUT);
            }
            ends = next;
        }
        ends.into_iter().max()
    }
}

/// Returns where `text` was cut, if it was cut here or inside an escaped character.
fn cut(text: &str) -> Option<usize> {
    let at = text.find('…').filter(|at| *at < LONGEST)?;
    let escape = &text[..at];
    let in_escape = |byte: u8| byte.is_ascii_alphanumeric() || b"%&#;\\".contains(&byte);
    let is_cut = escape.is_empty() || escape.starts_with(['%', '\\', '&']);
    (is_cut && escape.bytes().all(in_escape)).then_some(at)
}

/// Calls `see` with each possible first character of `text` and its length in bytes: literally,
/// and with the escapes of up to [`LAYERS`] programs removed.
pub(super) fn readings(text: &[u8], mut see: impl FnMut(u8, usize)) {
    let Some(byte) = text.first() else { return };
    see(*byte, 1);
    // A space in a form (WHATWG URL, "application/x-www-form-urlencoded"), which a password may
    // contain.
    if *byte == b'+' {
        see(b' ', 1);
    }
    if !matches!(byte, b'%' | b'&' | b'\\') {
        return;
    }
    for layers in 1..=LAYERS {
        if let Some((byte, length)) = unescaped(text, layers) {
            see(byte, length);
        }
    }
}

/// Returns the first character of `text` with `layers` escapes removed, and its length.
fn unescaped(text: &[u8], layers: usize) -> Option<(u8, usize)> {
    if layers == 0 {
        return text.first().map(|byte| (*byte, 1));
    }
    let (byte, sign) = unescaped(text, layers - 1)?;
    if !matches!(byte, b'%' | b'&' | b'\\') {
        return Some((byte, sign));
    }
    // The text of the layer below, up to the length of one escape.
    let mut end = sign;
    let mut behind = Vec::with_capacity(LONGEST);
    let mut ends = Vec::with_capacity(LONGEST);
    while behind.len() < LONGEST {
        let Some((next, length)) = unescaped(&text[end..], layers - 1) else {
            break;
        };
        end += length;
        behind.push(next);
        ends.push(end);
        // The search ends here: otherwise, a long row of signs would be scanned again for each
        // of them.
        if !next.is_ascii_alphanumeric() && next != b'#' {
            break;
        }
    }
    match escape(byte, &behind) {
        Some((byte, used)) => Some((byte, ends[used - 1])),
        None => Some((byte, sign)),
    }
}

/// Decodes an escape that begins with `sign`, followed by the characters `behind`. Returns the
/// decoded byte and the number of characters of `behind` that the escape takes: `%2f` (RFC
/// 3986, 2.1), `\/`, `\u002f` (RFC 8259, 7) and `\x2f`, `&#47;`, `&#x2f;` and `&sol;` (HTML,
/// 13.5).
fn escape(sign: u8, behind: &[u8]) -> Option<(u8, usize)> {
    let number = |digits: &[u8], radix: u32| {
        let text = std::str::from_utf8(digits).ok()?;
        let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let number = u32::from_str_radix(text, radix).ok().filter(|_| is_plain)?;
        u8::try_from(number).ok()
    };
    match (sign, behind) {
        (b'%', [high, low, ..]) => Some((number(&[*high, *low], 16)?, 2)),
        (b'\\', [b'u', digits @ ..]) => Some((number(digits.get(..4)?, 16)?, 5)),
        (b'\\', [b'x', digits @ ..]) if digits.len() > 1 => Some((number(&digits[..2], 16)?, 3)),
        (b'\\', [byte, ..]) => Some((*byte, 1)),
        (b'&', [b'#', rest @ ..]) => {
            let (radix, start) = match rest {
                [b'x' | b'X', ..] => (16, 1),
                _ => (10, 0),
            };
            let is_digit = |byte: &&u8| char::from(**byte).is_digit(radix);
            let length = rest[start..].iter().take_while(is_digit).count();
            let end = start + length;
            let semicolon = usize::from(rest.get(end) == Some(&b';'));
            Some((number(&rest[start..end], radix)?, 1 + end + semicolon))
        }
        (b'&', _) => ENTITIES.iter().find_map(|(name, byte)| {
            let found = behind
                .get(..name.len())?
                .eq_ignore_ascii_case(name.as_bytes());
            let semicolon = usize::from(behind.get(name.len()) == Some(&b';'));
            found.then_some((*byte, name.len() + semicolon))
        }),
        _ => None,
    }
}

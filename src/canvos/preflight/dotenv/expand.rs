//! How godotenv expands a value: escapes in double quotes, and variables.
//!
//! In godotenv, the rules are three regular expressions. All of them look at single ASCII
//! bytes, so bytes that are not UTF-8 pass unchanged.

use std::collections::HashMap;

/// Expands the escapes of a value in double quotes: `\n` and `\r` become control characters,
/// and every other backslash is removed except one before `$`, which the expansion of variables
/// needs.
pub(super) fn expand_escapes(value: &[u8]) -> Vec<u8> {
    let mut controls = Vec::with_capacity(value.len());
    let mut bytes = value.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            controls.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'n') => controls.push(b'\n'),
            Some(b'r') => controls.push(b'\r'),
            escaped => controls.extend([b'\\'].into_iter().chain(escaped)),
        }
    }
    // godotenv makes a second pass too: the result of the first one may read differently now.
    let mut plain = Vec::with_capacity(controls.len());
    let mut bytes = controls.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let escapes = byte == b'\\' && bytes.peek().is_some_and(|next| *next != b'$');
        let kept = if escapes { bytes.next() } else { None };
        plain.push(kept.unwrap_or(byte));
    }
    plain
}

/// Expands `$NAME` and `${NAME}` from `values`; names are upper case, and an unset variable is
/// empty. `\$` is a dollar sign. `$(NAME` counts too, a quirk of the original. Returns `None`
/// if the result has more than `most` bytes.
pub(super) fn expand_variables(
    value: &[u8],
    values: &HashMap<Vec<u8>, Vec<u8>>,
    most: usize,
) -> Option<Vec<u8>> {
    let mut expanded = Vec::with_capacity(value.len());
    let mut at = 0;
    while let Some(byte) = value.get(at) {
        let escaped = *byte == b'\\' && value.get(at + 1) == Some(&b'$');
        if *byte != b'$' && !escaped {
            expanded.push(*byte);
            at += 1;
            continue;
        }
        let dollar = at + usize::from(escaped);
        let opened = [b'(', b'{'].iter().fold(dollar + 1, |at, bracket| {
            at + usize::from(value.get(at) == Some(bracket))
        });
        let of_name = |byte: &u8| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_');
        let length = value[opened..].iter().take_while(|byte| of_name(byte));
        let named = opened + length.count();
        let end = named + usize::from(value.get(named) == Some(&b'}'));
        let name = &value[opened..named];
        match (escaped, name) {
            (false, [_, ..]) => expanded.extend_from_slice(values.get(name).map_or(b"", |v| v)),
            _ => expanded.extend_from_slice(&value[dollar..end]),
        }
        if expanded.len() > most {
            return None;
        }
        at = end;
    }
    Some(expanded)
}

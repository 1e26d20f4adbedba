//! What godotenv makes of a value: escapes in double quotes, and variables.
//!
//! The rules are three regular expressions there; all of them look at single ASCII bytes,
//! so that bytes that are not UTF-8 pass as they are.

use std::collections::HashMap;

/// Expands the escapes of a value in double quotes: `\n` and `\r` become control
/// characters, every other backslash goes but one before `$`, which the variables need.
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
    // A second pass, as there: what the first one left may read in another way now.
    let mut plain = Vec::with_capacity(controls.len());
    let mut bytes = controls.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let escapes = byte == b'\\' && bytes.peek().is_some_and(|next| *next != b'$');
        let kept = if escapes { bytes.next() } else { None };
        plain.push(kept.unwrap_or(byte));
    }
    plain
}

/// Expands `$NAME` and `${NAME}` from `values`, where names are upper case; one that is
/// not set is empty. `\$` is a dollar sign. `$(NAME` counts too, a quirk of the original.
/// `None` if the result has more than `most` bytes.
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

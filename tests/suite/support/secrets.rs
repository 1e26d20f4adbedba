//! The forms in which the key could leak.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Returns `key` as it is and in the encodings of other programs: in base64 at any offset in
/// what is encoded, URL-encoded once or twice, in JSON and HTML, in another case, as
/// hexadecimal digits, and as a list of bytes.
pub fn forms(key: &str) -> BTreeSet<String> {
    let mut forms: BTreeSet<String> = (0..3).map(|at| base64(key.as_bytes(), at)).collect();
    forms.extend(forms.clone().iter().map(|form| url_safe(form)));
    let encoded: String = url::form_urlencoded::byte_serialize(key.as_bytes()).collect();
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    for encoded in [
        encoded,
        each(key, |byte| {
            (!unreserved(byte)).then(|| format!("%{byte:02X}"))
        }),
        each(key, |byte| Some(format!("%{byte:02X}"))),
        // The form in a path, where a slash and most other signs are not encoded.
        each(key, |byte| (byte == b'+').then(|| "%2B".into())),
    ] {
        forms.insert(lower_escapes(&encoded));
        forms.insert(encoded);
    }
    let json = serde_json::to_string(key).unwrap();
    let json = json.trim_matches('"').to_owned();
    forms.insert(json.replace('/', "\\/"));
    forms.insert(json);
    let unusual = |byte: u8| !byte.is_ascii_alphanumeric();
    forms.insert(each(key, |byte| {
        unusual(byte).then(|| format!("\\u{byte:04x}"))
    }));
    forms.insert(each(key, |byte| Some(format!("{byte:02x}"))));
    forms.insert(each(key, |byte| Some(format!("{byte:02X}"))));
    // The form in HTML, with numeric entities and with the five named ones that XML has too.
    forms.insert(each(key, |byte| {
        unusual(byte).then(|| format!("&#{byte};"))
    }));
    forms.insert(each(key, |byte| {
        unusual(byte).then(|| format!("&#x{byte:x};"))
    }));
    let names = [(b'&', "amp"), (b'<', "lt"), (b'>', "gt"), (b'"', "quot")];
    let named = |byte: u8| {
        let (_, name) = names.into_iter().find(|(sign, _)| *sign == byte)?;
        Some(format!("&{name};"))
    };
    forms.insert(each(key, named));
    // Encoded twice, and in another case.
    let percent = |byte: u8| (!unreserved(byte)).then(|| format!("%25{byte:02X}"));
    forms.insert(each(key, percent));
    forms.insert(key.to_ascii_uppercase());
    forms.insert(key.to_ascii_lowercase());
    let list = format!("{:?}", key.as_bytes());
    forms.insert(list.trim_matches(['[', ']']).to_owned());
    forms.insert(key.to_owned());
    forms
}

/// Returns the first form of `key` that is in `bytes`.
pub fn leaked(key: &str, bytes: &[u8]) -> Option<String> {
    let forms = forms(key);
    let mut begins = [false; 256];
    for form in &forms {
        begins[usize::from(form.as_bytes()[0])] = true;
    }
    // A single pass, because the file may be a large image.
    let starts = (0..bytes.len()).filter(|at| begins[usize::from(bytes[*at])]);
    let found = starts.filter_map(|at| {
        let here = |form: &&String| bytes[at..].starts_with(form.as_bytes());
        forms.iter().find(here)
    });
    found.into_iter().next().cloned()
}

/// Returns `key` with some bytes written differently.
fn each(key: &str, write: impl Fn(u8) -> Option<String>) -> String {
    let plain = |byte: u8| char::from(byte).to_string();
    key.bytes()
        .map(|byte| write(byte).unwrap_or_else(|| plain(byte)))
        .collect()
}

/// Returns a text with `%2b` in place of `%2B`; text that is not an escape is not changed.
fn lower_escapes(text: &str) -> String {
    let mut parts = text.split('%');
    let mut lower = parts.next().unwrap().to_owned();
    for part in parts {
        let (escape, rest) = part.split_at(2);
        let _ = write!(lower, "%{}{rest}", escape.to_lowercase());
    }
    lower
}

/// Returns the text in the other alphabet of RFC 4648.
fn url_safe(base64: &str) -> String {
    base64.replace('+', "-").replace('/', "_")
}

/// Returns `bytes` in base64.
pub fn base64_of(bytes: &[u8]) -> String {
    use ::base64::Engine as _;
    ::base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Returns the digits that depend only on `bytes`, which follow `offset` other bytes.
fn base64(bytes: &[u8], offset: usize) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = String::new();
    for byte in bytes {
        let _ = write!(bits, "{byte:08b}");
    }
    let shared = (6 - 8 * offset % 6) % 6;
    let digits = bits.as_bytes()[shared..].chunks_exact(6);
    digits
        .map(|six| {
            let six = std::str::from_utf8(six).unwrap();
            char::from(DIGITS[usize::from_str_radix(six, 2).unwrap()])
        })
        .collect()
}

/// Compares the forms of `a+b/c=~>?` with the output of other programs, including `base64` and
/// Python's `urllib`.
#[test]
fn a_leak_is_found_however_it_is_written() {
    const KEY: &str = "a+b/c=~>?";
    for written in [
        "a+b/c=~>?",
        // Behind nothing, `x`, `xy` and `xyz`, and in front of something.
        "YStiL2M9fj4/",
        "YStiL2M9fj4_",
        "eGErYi9jPX4+Pw==",
        "eGErYi9jPX4-Pw",
        "eHlhK2IvYz1+Pj8=",
        "eHlhK2IvYz1-Pj8",
        "eHl6YStiL2M9fj4/YWJj",
        "a%2Bb%2Fc%3D%7E%3E%3F",
        "a%2bb%2fc%3d%7e%3e%3f",
        "a%2Bb%2Fc%3D~%3E%3F",
        "a%2bb%2fc%3d~%3e%3f",
        r"a+b\/c=~>?",
        r"a\u002bb\u002fc\u003d\u007e\u003e\u003f",
        "a&#43;b&#47;c&#61;&#126;&#62;&#63;",
        "a&#x2b;b&#x2f;c&#x3d;&#x7e;&#x3e;&#x3f;",
        "a+b/c=~&gt;?",
        "a%252Bb%252Fc%253D~%253E%253F",
        "A+B/C=~>?",
        "612b622f633d7e3e3f",
        "97, 43, 98, 47, 99, 61, 126, 62, 63",
    ] {
        let text = format!("before {written} behind");
        assert!(leaked(KEY, text.as_bytes()).is_some(), "{written}");
        assert!(leaked(KEY, &text.as_bytes()[..10]).is_none(), "{written}");
    }
}

#[test]
fn what_is_not_the_key_is_no_leak() {
    for text in [
        "",
        "a+b/c=~>",
        "YStiL2M9fj5",
        "a%2Bb%2Fc",
        "612b622f633d7e3e",
    ] {
        assert_eq!(leaked("a+b/c=~>?", text.as_bytes()), None);
    }
}

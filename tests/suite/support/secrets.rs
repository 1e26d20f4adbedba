//! The key in the forms in which it could leak.

use std::fmt::Write as _;

/// `key` as it is, in base64, and URL-encoded.
pub fn forms(key: &str) -> [String; 3] {
    let encoded: String = url::form_urlencoded::byte_serialize(key.as_bytes()).collect();
    [key.to_owned(), base64(key.as_bytes()), encoded]
}

/// The first form of `key` that is in `bytes`.
pub fn leaked(key: &str, bytes: &[u8]) -> Option<String> {
    forms(key).into_iter().find(|form| {
        bytes
            .windows(form.len())
            .any(|part| part == form.as_bytes())
    })
}

/// Without padding: a search must find it in front of more text, too.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = String::new();
    for byte in bytes {
        let _ = write!(bits, "{byte:08b}");
    }
    // The last, partial digit depends on what follows.
    let digits = bits.as_bytes().chunks_exact(6);
    digits
        .map(|six| {
            let six = std::str::from_utf8(six).unwrap();
            char::from(DIGITS[usize::from_str_radix(six, 2).unwrap()])
        })
        .collect()
}

#[test]
fn the_three_forms() {
    assert_eq!(forms("a+b/c="), ["a+b/c=", "YStiL2M9", "a%2Bb%2Fc%3D"]);
    assert!(leaked("a+b/c=", b"x YStiL2M9 y").is_some());
    assert!(leaked("a+b/c=", b"a+b/c").is_none());
}

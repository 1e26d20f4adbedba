//! A text within a PNG: the chunk `tEXt` of the PNG specification (11.3.4.3), in ASCII.

/// The signature, and the chunk `IHDR`.
const HEAD: usize = 8 + 25;
const KEYWORD: &[u8] = b"Description\0";

/// `png` with a text.
pub fn with_text(png: &[u8], text: &str) -> Vec<u8> {
    assert!(text.is_ascii());
    let typed = [b"tEXt", KEYWORD, text.as_bytes()].concat();
    let length = u32::try_from(typed.len() - 4).unwrap().to_be_bytes();
    let mut crc = flate2::Crc::new();
    crc.update(&typed);
    let (head, rest) = png.split_at(HEAD);
    [head, &length, &typed, &crc.sum().to_be_bytes(), rest].concat()
}

/// The text that [`with_text`] wrote.
pub fn text(png: &[u8]) -> String {
    let chunk = &png[HEAD..];
    let length = number(&chunk[..4]);
    let text = chunk[4..8 + length].strip_prefix(b"tEXt").unwrap();
    let text = text.strip_prefix(KEYWORD).expect("no recorded text");
    String::from_utf8(text.to_vec()).unwrap()
}

/// Width and height, in pixels.
pub fn size(png: &[u8]) -> (u32, u32) {
    let [width, height] = [&png[16..20], &png[20..24]].map(number);
    (width.try_into().unwrap(), height.try_into().unwrap())
}

fn number(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | usize::from(*byte))
}

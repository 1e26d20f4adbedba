//! The text of error pages.

/// Returns the text of an HTML page, or any other body unchanged.
pub(crate) fn page_text(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    if !text.trim_start().starts_with('<') {
        return text.into_owned();
    }
    let mut out = String::new();
    for part in text.split('<') {
        let (tag, shown) = part.split_once('>').unwrap_or((part, ""));
        // The content of these elements is not visible.
        let name = tag.get(..5).unwrap_or(tag).to_ascii_lowercase();
        if name != "style" && name != "scrip" {
            out.push(' ');
            out.push_str(shown);
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::page_text;

    #[test]
    fn the_text_of_a_page() {
        for (body, text) in [
            ("default backend - 404", "default backend - 404"),
            (
                "<html>\r\n<head><title>404 Not Found</title><style>p {}</style></head>\r\n<hr>nginx</html>",
                "404 Not Found nginx",
            ),
            ("<", ""),
            ("<p", ""),
            ("a < b", "a < b"),
        ] {
            assert_eq!(page_text(body.as_bytes()), text);
        }
    }
}

//! `multipart/form-data` (RFC 7578) as a client sends it.

/// A part of a form.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) file_name: Option<String>,
    pub(crate) content: Vec<u8>,
}

/// The parts of a body; `None` where it is not a form, or not a whole one.
pub(crate) fn parts(content_type: Option<&str>, body: &[u8]) -> Option<Vec<Part>> {
    let (media, rest) = content_type?.split_once(';')?;
    if !media.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = rest.trim().strip_prefix("boundary=")?.trim_matches('"');
    let delimiter = format!("\r\n--{boundary}");
    let mut left = body.strip_prefix(delimiter.trim_start().as_bytes())?;
    let mut parts = Vec::new();
    loop {
        if left.strip_prefix(b"--".as_slice()) == Some(b"\r\n") {
            return Some(parts);
        }
        left = left.strip_prefix(b"\r\n".as_slice())?;
        let head = find(left, b"\r\n\r\n")?;
        let end = find(left, delimiter.as_bytes())?;
        let text = std::str::from_utf8(left.get(..head)?).ok()?;
        parts.push(Part {
            name: parameter(text, "name")?,
            file_name: parameter(text, "filename"),
            content: left.get(head + 4..end)?.to_vec(),
        });
        left = left.get(end + delimiter.len()..)?;
    }
}

/// A parameter of `Content-Disposition`.
fn parameter(head: &str, name: &str) -> Option<String> {
    let line = head.lines().find(|line| {
        line.to_ascii_lowercase()
            .starts_with("content-disposition:")
    })?;
    let (_, rest) = line.split_once(&format!(" {name}=\""))?;
    Some(rest.split('"').next()?.to_owned())
}

/// Where `needle` begins. Long bodies hold few of its first byte's line breaks.
fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(next) = text.get(at..)?.iter().position(|byte| *byte == needle[0]) {
        at += next;
        if text[at..].starts_with(needle) {
            return Some(at);
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn a_form_is_taken_apart() {
        let body = b"--x\r\nContent-Disposition: form-data; name=\"uploadFile\"; \
            filename=\"spc.tgz\"\r\nContent-Type: application/gzip\r\n\r\na\r\nb\r\n--x\r\n\
            Content-Disposition: form-data; name=\"signature\"\r\n\r\n0a\r\n--x--\r\n";
        let found = parts(Some("multipart/form-data; boundary=x"), body).unwrap();
        assert_eq!(found[0].content, b"a\r\nb");
        assert_eq!(found[0].file_name.as_deref(), Some("spc.tgz"));
        assert_eq!((found[1].name.as_str(), found.len()), ("signature", 2));
        let cut = &body[..body.len() - 4];
        assert!(parts(Some("multipart/form-data; boundary=x"), cut).is_none());
        assert!(parts(Some("application/json"), body).is_none());
    }
}

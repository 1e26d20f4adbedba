//! Sanitizing text from outside for a terminal or a log.
//!
//! A file name in an archive, a server's message or a reference in a file may contain escape
//! sequences that move the cursor, recolor text or hide what a reader sees. All of these are
//! escaped before anything is printed.

use std::fmt::Write as _;
use std::ops::Range;
use std::time::Duration;

/// Returns `bytes` as one line of printable text. Control characters and bytes that are not
/// UTF-8 are escaped (`\n`, `\u{1b}`, `\xff`); everything else is kept.
#[must_use]
pub fn line(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() || is_deceptive(c) {
                out.extend(c.escape_default());
            } else {
                out.push(c);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// Returns at most `limit` characters of `bytes`, sanitized like [`line()`], with `…` if they
/// were cut.
#[must_use]
pub fn excerpt(bytes: &[u8], limit: usize) -> String {
    let line = line(bytes);
    match line.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Returns `text` for an excerpt. Each deceptive character that [`line()`] would escape becomes
/// one `\u{fffd}`, so that a caret still points at the right column. Control characters are
/// kept, since the layout of the excerpt makes them visible. `span` is translated accordingly.
#[must_use]
pub fn source(text: &str, span: &Range<usize>) -> (String, Range<usize>) {
    let mut out = String::with_capacity(text.len());
    let (mut start, mut end) = (None, None);
    for (at, c) in text.char_indices() {
        if at >= span.start {
            start.get_or_insert(out.len());
        }
        if at >= span.end {
            end.get_or_insert(out.len());
        }
        out.push(if is_deceptive(c) { '\u{fffd}' } else { c });
    }
    let span = start.unwrap_or(out.len())..end.unwrap_or(out.len());
    (out, span)
}

/// Returns the JSON document `text` with every control character and deceptive character as an
/// escape of JSON, except line feeds. These characters are in texts only, so the document stays
/// the same.
#[must_use]
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && (c.is_control() || is_deceptive(c)) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Returns whether a character reorders or hides its neighbors: bidirectional controls,
/// zero-width characters, invisible tags and annotations, and separators at which some
/// terminals break lines.
fn is_deceptive(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Returns the message of an operating system error, without its number.
#[must_use]
pub fn io(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => "input or output failed".to_owned(),
    }
}

/// Returns how a program ended: `exit code 7`, or the signal that ended it.
#[must_use]
pub fn ended(status: std::process::ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exit code {code}"),
        // The library prints, for example, `signal: 9 (SIGKILL)`.
        None => status.to_string().replacen(": ", " ", 1),
    }
}

/// Returns a path in printable form.
#[must_use]
pub fn path(path: &std::path::Path) -> String {
    line(path.as_os_str().as_encoded_bytes())
}

/// Returns a count with its noun: `1 file`, `2 files`.
#[must_use]
pub fn count(n: usize, noun: &str) -> String {
    if n == 1 {
        format!("1 {noun}")
    } else {
        format!("{n} {noun}s")
    }
}

/// Returns a size in readable form: `512 B`, `1.5 MiB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut tenths = u128::from(bytes) * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10 * 1024 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// Returns a duration in whole units: `4 s`, `2 min 5 s`, `1 h 2 min`.
#[must_use]
pub fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min {} s", seconds % 60),
        _ => format!("{hours} h {} min", minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_a_cursor_passes() {
        assert_eq!(line(b"a\x1b[2Jb\nc"), "a\\u{1b}[2Jb\\nc");
        assert_eq!(line(b"\xff\xfeok"), "\\xff\\xfeok");
        assert_eq!(
            line("gr\u{fc}n \u{202e}x".as_bytes()),
            "gr\u{fc}n \\u{202e}x"
        );
        for hidden in ["\u{ad}", "\u{61c}", "\u{200b}", "\u{feff}", "\u{e0041}"] {
            assert!(line(hidden.as_bytes()).starts_with("\\u{"), "{hidden:?}");
        }
    }

    #[test]
    fn an_excerpt_says_that_it_was_cut() {
        assert_eq!(excerpt(b"abcdef", 3), "abc…");
        assert_eq!(excerpt(b"abc", 3), "abc");
    }

    #[test]
    fn sizes_are_binary_and_short() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (200 * 1024 * 1024, "200.0 MiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn times_have_two_units_at_most() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min 0 s"),
            (3599, "59 min 59 s"),
            (3600, "1 h 0 min"),
            (90_061, "25 h 1 min"),
        ] {
            assert_eq!(time(Duration::from_secs(seconds)), text);
        }
    }
}

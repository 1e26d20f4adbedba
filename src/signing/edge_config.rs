//! The public key in a host's custom configuration, the YAML file that `EDGE_CUSTOM_CONFIG`
//! names (docs/facts.md, 4).
//!
//! The input is the bytes of the file, from a checkout or from an untrusted image. The output
//! is the key at `content.signing.publicKey.base64EncodedValue` of the first document, or why
//! there is none. The events of the parser are followed one by one: nothing is built from them,
//! so that neither nesting nor aliases cost memory.

use yaml_rust2::Event;
use yaml_rust2::parser::Parser;

use super::{KeyFault, PublicKey};

/// The path of the value.
pub const KEY_PATH: [&str; 4] = ["content", "signing", "publicKey", "base64EncodedValue"];

/// Why a custom configuration has no usable key. Never contains any of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoEdgeKey {
    /// The file is empty.
    EmptyFile,
    /// The file is not UTF-8.
    NotText,
    /// The file is not YAML, from this line on.
    NotYaml(usize),
    /// A name on the path of the value is there twice.
    Twice,
    /// The file has an alias or a merge key, which edgestage does not follow.
    Alias,
    /// The value is not there.
    Missing,
    /// The value is empty, as in CanvOS's template.
    Empty,
    /// The value is not a usable public key.
    Fault(KeyFault),
}

/// Returns the key in the custom configuration `bytes`.
///
/// # Errors
/// Returns why there is none.
pub fn public_key(bytes: &[u8]) -> Result<PublicKey, NoEdgeKey> {
    let text = std::str::from_utf8(bytes).map_err(|_| NoEdgeKey::NotText)?;
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Err(NoEdgeKey::EmptyFile);
    }
    let value = value(text)?.ok_or(NoEdgeKey::Missing)?;
    if value.trim().is_empty() || matches!(value.as_str(), "~" | "null") {
        return Err(NoEdgeKey::Empty);
    }
    PublicKey::from_base64(&value).map_err(NoEdgeKey::Fault)
}

/// A mapping or a sequence that is open.
enum Open {
    /// A mapping; the number of names of the path that lead to it, and the name whose value
    /// comes next.
    Mapping(Option<usize>, Option<String>),
    /// A sequence.
    Sequence,
}

/// Returns the text at [`KEY_PATH`] of the first document.
fn value(text: &str) -> Result<Option<String>, NoEdgeKey> {
    let mut parser = Parser::new_from_str(text);
    let mut open: Vec<Open> = Vec::new();
    let mut seen = [false; KEY_PATH.len()];
    let mut found = None;
    loop {
        let (event, _) = parser
            .next_token()
            .map_err(|error| NoEdgeKey::NotYaml(error.marker().line()))?;
        match event {
            Event::DocumentEnd | Event::StreamEnd => return Ok(found),
            Event::Alias(_) => return Err(NoEdgeKey::Alias),
            Event::MappingStart(..) => {
                let depth = if open.is_empty() {
                    Some(0)
                } else {
                    entered(&mut open, &mut seen)?
                };
                open.push(Open::Mapping(depth, None));
            }
            Event::SequenceStart(..) => {
                entered(&mut open, &mut seen)?;
                open.push(Open::Sequence);
            }
            Event::MappingEnd | Event::SequenceEnd => drop(open.pop()),
            Event::Scalar(text, ..) => match open.last_mut() {
                Some(Open::Mapping(_, name @ None)) => {
                    if text == "<<" {
                        return Err(NoEdgeKey::Alias);
                    }
                    *name = Some(text);
                }
                _ => {
                    if entered(&mut open, &mut seen)? == Some(KEY_PATH.len()) {
                        found = Some(text);
                    }
                }
            },
            Event::Nothing | Event::StreamStart | Event::DocumentStart => {}
        }
    }
}

/// Takes the name whose value begins, and returns how much of the path leads to that value.
fn entered(
    open: &mut [Open],
    seen: &mut [bool; KEY_PATH.len()],
) -> Result<Option<usize>, NoEdgeKey> {
    let Some(Open::Mapping(depth, name)) = open.last_mut() else {
        return Ok(None);
    };
    // A mapping in the place of a name leaves an empty one.
    let taken = name.take();
    if taken.is_none() {
        *name = Some(String::new());
    }
    let (Some(depth), Some(name)) = (*depth, taken) else {
        return Ok(None);
    };
    if KEY_PATH.get(depth) != Some(&name.as_str()) {
        return Ok(None);
    }
    if std::mem::replace(&mut seen[depth], true) {
        return Err(NoEdgeKey::Twice);
    }
    Ok(Some(depth + 1))
}

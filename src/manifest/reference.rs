//! References to a cluster profile as people write them: a uid, a URL pasted from the console,
//! or `name@version`.

use url::Url;

use crate::util::uid::{DIGITS, Uid};

/// A reference to a profile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// The profile with this uid.
    Uid(Uid),
    /// The profile with this name and version.
    Version {
        /// `metadata.name` in Palette.
        name: String,
        /// `spec.version` in Palette.
        version: String,
    },
}

/// A parsed reference, with the other information in its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The reference to the profile.
    pub reference: Reference,
    /// The project in a console URL; the URL of a tenant-scoped profile does not name one.
    pub project: Option<Uid>,
}

/// Why a text is not a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidReference {
    /// Only hexadecimal digits, but not 24 of them; contains their number.
    UidLength(usize),
    /// 24 characters, most of them hexadecimal; contains those that are not.
    UidDigits(Vec<char>),
    /// A URL of something other than a cluster profile.
    OtherPage,
    /// A URL that contains a user name or a password.
    Credentials,
    /// A console URL with an invalid uid.
    UrlUid(String),
    /// A URL that cannot be parsed.
    Url(String),
    /// `name@version` with an empty name or version.
    EmptyPart,
    /// A name without a version.
    NoVersion,
    /// Surrounding white space, or control characters.
    Space,
    /// An empty text.
    Empty,
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Uid(uid) => uid.fmt(f),
            Self::Version { name, version } => write!(f, "{name}@{version}"),
        }
    }
}

/// Returns whether `text` has neither white space around it nor control characters.
pub(super) fn is_word(text: &str) -> bool {
    text.trim() == text && !text.chars().any(char::is_control)
}

/// Parses a reference.
///
/// # Errors
/// Returns [`InvalidReference`]. Abbreviated and mistyped uids are common, so they have their
/// own variants.
pub fn parse(text: &str) -> Result<Parsed, InvalidReference> {
    let plain = |reference| Parsed {
        reference,
        project: None,
    };
    if text.is_empty() {
        return Err(InvalidReference::Empty);
    }
    if !is_word(text) {
        return Err(InvalidReference::Space);
    }
    if let Some(uid) = Uid::parse(text) {
        return Ok(plain(Reference::Uid(uid)));
    }
    if text.contains("://") {
        return parse_url(text);
    }
    if let Some((name, version)) = text.rsplit_once('@') {
        if name.is_empty() || version.is_empty() {
            return Err(InvalidReference::EmptyPart);
        }
        return Ok(plain(Reference::Version {
            name: name.to_owned(),
            version: version.to_owned(),
        }));
    }
    Err(mistyped_uid(text).unwrap_or(InvalidReference::NoVersion))
}

/// Returns the mistake in a text that is probably meant as a uid.
fn mistyped_uid(text: &str) -> Option<InvalidReference> {
    let wrong: Vec<char> = text.chars().filter(|c| !c.is_ascii_hexdigit()).collect();
    let length = text.chars().count();
    let digits = text.chars().any(|c| c.is_ascii_digit());
    if wrong.is_empty() && digits {
        Some(InvalidReference::UidLength(length))
    } else if length == DIGITS && digits && wrong.len() <= 6 && !text.contains('-') {
        Some(InvalidReference::UidDigits(wrong))
    } else {
        None
    }
}

/// Parses a console URL: `/projects/<uid>/profiles/cluster/<uid>`, or
/// `/admin/profiles/cluster/<uid>` for a tenant-scoped profile (facts.md, 1). A path before
/// that belongs to a reverse proxy, and a path after it to a part of the profile's page.
fn parse_url(text: &str) -> Result<Parsed, InvalidReference> {
    let url = Url::parse(text).map_err(|error| InvalidReference::Url(error.to_string()))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(InvalidReference::OtherPage);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(InvalidReference::Credentials);
    }
    let segments: Vec<&str> = url
        .path_segments()
        .into_iter()
        .flatten()
        .filter(|segment| !segment.is_empty())
        .collect();
    let uid =
        |text: &str| Uid::parse(text).ok_or_else(|| InvalidReference::UrlUid(text.to_owned()));
    let page = segments.windows(3).position(|three| {
        let [first, second, _] = three else {
            return false;
        };
        [*first, *second] == PAGE
    });
    let Some(page) = page else {
        return Err(InvalidReference::OtherPage);
    };
    let project = match segments[..page] {
        [.., "projects", project] => Some(uid(project)?),
        [.., "admin"] => None,
        _ => return Err(InvalidReference::OtherPage),
    };
    Ok(Parsed {
        project,
        reference: Reference::Uid(uid(segments[page + PAGE.len()])?),
    })
}

/// The path segments before the uid of a profile in the URL of its page.
const PAGE: [&str; 2] = ["profiles", "cluster"];

/// Returns the URL of the profile's page for the reference `text`: without the part of the page
/// that was open, and without a query. Returns any other reference unchanged.
#[must_use]
pub fn page(text: &str) -> &str {
    if !text.contains("://") {
        return text;
    }
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let page = &text[..end];
    let uid = page
        .find("/profiles/cluster/")
        .map(|at| at + "/profiles/cluster/".len());
    let behind = uid.and_then(|uid| Some(uid + page[uid..].find('/')?));
    behind.map_or(page, |behind| &page[..behind])
}

#[cfg(test)]
mod tests {
    use super::*;

    const UID: &str = "65c90a1b2c3d4e5f770daee5";
    const PROJECT: &str = "5fbbf0c1d2e3f4a5b6c7d8e9";

    fn uid(text: &str) -> Uid {
        Uid::parse(text).unwrap()
    }

    #[test]
    fn the_three_forms() {
        assert_eq!(parse(UID).unwrap().reference, Reference::Uid(uid(UID)));
        assert_eq!(
            parse(&UID.to_uppercase()).unwrap().reference,
            Reference::Uid(uid(UID))
        );
        let url =
            format!("https://console.spectrocloud.com/projects/{PROJECT}/profiles/cluster/{UID}");
        for text in [
            url.clone(),
            format!("{url}/"),
            format!("{url}?tab=1#x"),
            url.replace(
                "https://console.spectrocloud.com",
                "https://palette.example.com:8443",
            ),
        ] {
            let parsed = parse(&text).unwrap();
            assert_eq!(parsed.reference, Reference::Uid(uid(UID)), "{text}");
            assert_eq!(parsed.project, Some(uid(PROJECT)), "{text}");
        }
        let tenant = parse(&format!("https://p.example/admin/profiles/cluster/{UID}")).unwrap();
        assert_eq!(tenant.project, None);
        // With a part of the page, and with the path of a reverse proxy.
        for text in [
            format!("{url}/edit"),
            format!("{url}/settings/variables?tab=1#x"),
            url.replace(".com/", ".com/palette/"),
            url.replace("console.", "acme.console."),
        ] {
            let parsed = parse(&text).unwrap();
            assert_eq!(parsed.reference, Reference::Uid(uid(UID)), "{text}");
            assert_eq!(parsed.project, Some(uid(PROJECT)), "{text}");
            let shown = page(&text);
            assert!(
                shown.ends_with(UID) && parse(shown) == Ok(parsed),
                "{shown}"
            );
        }
        assert_eq!(page("edge/x@1?2"), "edge/x@1?2");
        assert_eq!(
            parse("edge-infra@2.1.0").unwrap().reference.to_string(),
            "edge-infra@2.1.0"
        );
    }

    #[test]
    fn everything_else_says_what_it_looks_like() {
        use InvalidReference as I;
        for (text, expected) in [
            ("", I::Empty),
            (" edge@1.0.0", I::Space),
            ("65c90a1b2c3d4e5f770daee", I::UidLength(23)),
            ("65c90a1b2c3d4e5f770daeO5", I::UidDigits(vec!['O'])),
            ("edge-infra", I::NoVersion),
            ("edge-infra@", I::EmptyPart),
            ("@1.0.0", I::EmptyPart),
            (
                "https://c.example/projects/5fbb/profiles/cluster/65c9",
                I::UrlUid("5fbb".into()),
            ),
            (
                "https://c.example/projects/5fbb/clusters/65c9/overview",
                I::OtherPage,
            ),
            (
                "https://c.example/projects/5fbb/profiles/cluster",
                I::OtherPage,
            ),
            (
                "https://c.example/profiles/cluster/65c90a1b2c3d4e5f770daee5",
                I::OtherPage,
            ),
            ("ftp://c.example/admin/profiles/cluster/65c9", I::OtherPage),
            (
                "https://me:secret@c.example/admin/profiles/cluster/65c9",
                I::Credentials,
            ),
        ] {
            assert_eq!(parse(text).unwrap_err(), expected, "{text}");
        }
        assert!(matches!(parse("https://"), Err(I::Url(_))));
    }
}

//! Lists, which are read item by item, since no command needs all of them and any item may be
//! malformed.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::super::node::{InvalidField, Node, kind, says_nothing};
use super::{Answer, NoAnswer, profile_type, version};
use crate::util::sanitize;
use crate::util::uid::Uid;

/// An item of a list, which is read independently of the others.
pub trait ListItem: Sized {
    /// Reads the item.
    ///
    /// # Errors
    /// Fails if the item cannot be identified.
    fn read(item: &Node<'_>) -> Result<Self, InvalidField>;
}

/// A list, or a page of one: `v1ClusterProfilesMetadata`, `v1ProjectsMetadata`,
/// `v1ClusterProfilesSummary`.
#[derive(Debug)]
pub struct List<T> {
    /// `items`, without empty items.
    pub items: Vec<T>,
    /// The first item that cannot be identified.
    pub unreadable: Option<InvalidField>,
    /// The number of items that are not empty.
    pub held: usize,
    /// `listmeta.count`: the total number of items, if Palette provides it.
    pub count: Option<u64>,
    /// `listmeta.continue`: the token of the next page; empty on the last page.
    pub next: String,
}

/// Why a list does not prove that something does not exist: Palette has been seen to omit items
/// that it counts (facts.md, 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gap {
    /// The list counts more items than it contains.
    Counted {
        /// The number of items in the list.
        held: u64,
        /// The number of items that the list counts.
        count: u64,
    },
    /// The list claims to continue but does not.
    Endless {
        /// The number of items in the list.
        held: u64,
    },
    /// An item cannot be identified.
    Unreadable(InvalidField),
    /// An item that Palette has is not in the list; contains its name, printable.
    Lacks(String),
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Counted { held, count } => {
                write!(f, "it contains {held} of {count} items")
            }
            Self::Endless { held } => {
                let items = sanitize::count(usize::try_from(*held).unwrap_or(usize::MAX), "item");
                write!(f, "it contains {items} and announces more")
            }
            Self::Unreadable(odd) => write!(f, "one of its items cannot be read: {odd}"),
            Self::Lacks(item) => write!(f, "it does not contain `{item}`"),
        }
    }
}

impl<T> List<T> {
    /// Returns what is missing from this list, which is not one of several pages.
    #[must_use]
    pub fn gap(&self) -> Option<Gap> {
        let held = self.held as u64;
        match &self.unreadable {
            _ if self.count.is_some_and(|count| count > held) => Some(Gap::Counted {
                held,
                count: self.count.unwrap_or_default(),
            }),
            _ if !self.next.is_empty() && self.count.is_none() => Some(Gap::Endless { held }),
            Some(odd) => Some(Gap::Unreadable(odd.clone())),
            None => None,
        }
    }
}

/// The parts of a list, not yet parsed. JSON without `items`, which the API requires, comes
/// from another server.
#[derive(Deserialize)]
struct Parts<'a> {
    #[serde(borrow)]
    items: &'a RawValue,
    #[serde(borrow, default)]
    listmeta: Option<&'a RawValue>,
}

impl<T: ListItem> Answer for List<T> {
    fn read(body: &str) -> Result<Self, NoAnswer> {
        let parts: Parts<'_> = serde_json::from_str(body)?;
        let raw = parts.items.get();
        // Items are parsed one by one: a list may be long, and a tree of all of it many times
        // as large.
        let Ok(raw) = serde_json::from_str::<Option<Vec<&RawValue>>>(raw) else {
            let value: Value = serde_json::from_str(raw)?;
            return Err(NoAnswer::Field(InvalidField {
                path: "items".to_owned(),
                expected: "a list",
                found: kind(&value),
            }));
        };
        let mut list = Self {
            items: Vec::new(),
            unreadable: None,
            held: 0,
            count: None,
            next: String::new(),
        };
        for (at, raw) in raw.into_iter().flatten().enumerate() {
            let value: Value = serde_json::from_str(raw.get())?;
            if says_nothing(&value) {
                continue;
            }
            list.held += 1;
            match T::read(&Node::item(&value, "items", at)) {
                Ok(item) => list.items.push(item),
                Err(odd) => drop(list.unreadable.get_or_insert(odd)),
            }
        }
        if let Some(raw) = parts.listmeta {
            let value: Value = serde_json::from_str(raw.get())?;
            list.count = value.get("count").and_then(Value::as_u64);
            list.next = Node::root(&value).loose_text("continue");
        }
        Ok(list)
    }
}

/// `v1ProjectMetadata`.
#[derive(Debug, Clone)]
pub struct ProjectMetadata {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: Result<Uid, InvalidField>,
}

impl ListItem for ProjectMetadata {
    fn read(item: &Node<'_>) -> Result<Self, InvalidField> {
        let metadata = item.get("metadata")?;
        Ok(Self {
            name: metadata.text("name")?,
            uid: metadata.uid("uid"),
        })
    }
}

/// `v1ClusterProfileMetadata`.
#[derive(Debug, Clone)]
pub struct ProfileMetadata {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: Result<Uid, InvalidField>,
    /// `spec.version`, or [`FIRST_VERSION`](super::FIRST_VERSION).
    pub version: Result<String, InvalidField>,
}

impl ListItem for ProfileMetadata {
    fn read(item: &Node<'_>) -> Result<Self, InvalidField> {
        let metadata = item.get("metadata")?;
        let spec = item.get("spec");
        Ok(Self {
            name: metadata.text("name")?,
            uid: metadata.uid("uid"),
            version: spec.and_then(|spec| spec.text("version")).map(version),
        })
    }
}

/// `v1ClusterProfileSummary`.
#[derive(Debug, Clone)]
pub struct ProfileSummary {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: Result<Uid, InvalidField>,
    /// `metadata.lastModifiedTimestamp` (RFC 3339); empty if Palette does not provide it.
    pub changed: String,
    /// `specSummary.version`: the latest version, which is not always that of this profile.
    pub version: Result<String, InvalidField>,
    /// `specSummary.versions`: all versions with that name, as far as they can be parsed.
    pub versions: Vec<ProfileVersion>,
    /// `specSummary.published`: the only part that is exported.
    pub published: Option<TemplateSummary>,
}

/// `v1ClusterProfileVersion`.
#[derive(Debug, Clone)]
pub struct ProfileVersion {
    /// `uid`.
    pub uid: Uid,
    /// `version`, or [`FIRST_VERSION`](super::FIRST_VERSION).
    pub version: String,
}

/// `v1ClusterProfileTemplateSummary`.
#[derive(Debug, Clone)]
pub struct TemplateSummary {
    /// `cloudType`.
    pub cloud_type: String,
    /// `type`: cluster, infra, add-on or system.
    pub kind: String,
}

impl ListItem for ProfileSummary {
    fn read(item: &Node<'_>) -> Result<Self, InvalidField> {
        let metadata = item.get("metadata")?;
        let spec = item.loose("specSummary");
        let known = spec.list("versions").unwrap_or_default();
        let known = known.iter().filter_map(|known| {
            Some(ProfileVersion {
                uid: known.uid("uid").ok()?,
                version: version(known.text("version").ok()?),
            })
        });
        let published = spec.loose("published");
        Ok(Self {
            name: metadata.text("name")?,
            uid: metadata.uid("uid"),
            changed: metadata.loose_text("lastModifiedTimestamp"),
            version: spec.text("version").map(version),
            versions: known.collect(),
            published: (!says_nothing(published.value())).then(|| TemplateSummary {
                cloud_type: published.loose_text("cloudType"),
                kind: profile_type(&published.loose_text("type")),
            }),
        })
    }
}

impl ProfileSummary {
    /// Returns the profile's own version, which is found by uid, since `specSummary.version` is
    /// the latest one.
    ///
    /// # Errors
    /// Fails if the version cannot be determined.
    pub fn own_version(&self) -> Result<&str, &InvalidField> {
        let uid = self.uid.as_ref()?;
        let own = self.versions.iter().find(|known| known.uid == *uid);
        match own {
            Some(own) => Ok(&own.version),
            None => self.version.as_ref().map(String::as_str),
        }
    }

    /// Returns this profile and the other versions with its name, as the list of all profiles
    /// contains them.
    pub fn listed(&self) -> impl Iterator<Item = ProfileMetadata> {
        let own = ProfileMetadata {
            name: self.name.clone(),
            uid: self.uid.clone(),
            version: self.own_version().map(str::to_owned).map_err(Clone::clone),
        };
        let others = self.versions.iter().map(|known| ProfileMetadata {
            name: self.name.clone(),
            uid: Ok(known.uid.clone()),
            version: Ok(known.version.clone()),
        });
        let others: Vec<ProfileMetadata> = others.filter(|other| other.uid != own.uid).collect();
        std::iter::once(own).chain(others)
    }
}

//! The targets of CanvOS, and the ways in which a definition gets into an image.

use schemars::JsonSchema;
use serde::Serialize;

/// A target of CanvOS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// `+iso`.
    Iso,
    /// `+uki-iso`.
    UkiIso,
    /// `+cloud-image`.
    CloudImage,
    /// `+maas-image`, a case of `earthly.sh`.
    MaasImage,
    /// `+kairos-raw-image`.
    KairosRawImage,
    /// `+iso-disk-image`.
    IsoDiskImage,
}

impl Target {
    /// All targets, in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::Iso,
        Self::UkiIso,
        Self::CloudImage,
        Self::MaasImage,
        Self::KairosRawImage,
        Self::IsoDiskImage,
    ];
    /// The targets for which a definition is staged by default.
    pub const ISOS: [Self; 3] = [Self::Iso, Self::UkiIso, Self::IsoDiskImage];

    /// Returns the name, without the plus sign.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Iso => "iso",
            Self::UkiIso => "uki-iso",
            Self::CloudImage => "cloud-image",
            Self::MaasImage => "maas-image",
            Self::KairosRawImage => "kairos-raw-image",
            Self::IsoDiskImage => "iso-disk-image",
        }
    }

    /// Returns the target of this name, with or without the plus sign.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.strip_prefix('+').unwrap_or(name);
        Self::ALL.into_iter().find(|target| target.name() == name)
    }
}

/// How a definition gets into an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// As a file of the overlay.
    Overlay,
    /// As the file that `CLUSTERCONFIG` names.
    Clusterconfig,
    /// As `spc.tgz` in the checkout's root.
    Root,
    /// As `spc.tgz` in a content directory (T42).
    Content,
}

impl Via {
    /// Returns the description of the way.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Overlay => "overlay",
            Self::Clusterconfig => "CLUSTERCONFIG",
            Self::Root => "spc.tgz",
            Self::Content => "content",
        }
    }
}

//! The variables of a profile.
//!
//! [`Variable`] is the contract's `v1Variable`, serialized as it is, both by the API
//! and into the archive's `variables.json`.

use serde::{Deserialize, Serialize};

/// The contract's `v1Variable`. Fields that it marks `x-omitempty: false` are always
/// written, the others only when they say something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "the contract's fields")]
pub struct Variable {
    /// Unique in its profile.
    pub name: String,
    /// As the console shows it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// Free text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The value where a cluster sets none.
    #[serde(default)]
    pub default_value: String,
    /// A mandatory variable has a default value.
    #[serde(default)]
    pub required: bool,
    /// What a value must match.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub regex: String,
    /// What a value is.
    #[serde(default)]
    pub format: Format,
    /// Not offered for overriding.
    #[serde(default)]
    pub hidden: bool,
    /// Fixed once a cluster exists.
    #[serde(default)]
    pub immutable: bool,
    /// The API masks the default value.
    #[serde(default)]
    pub is_sensitive: bool,
    /// How the console asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_type: Option<InputType>,
    /// What a dropdown offers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<VariableOption>,
}

impl Variable {
    /// An optional string without a default.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            display_name: String::new(),
            description: String::new(),
            default_value: String::new(),
            required: false,
            regex: String::new(),
            format: Format::String,
            hidden: false,
            immutable: false,
            is_sensitive: false,
            input_type: None,
            options: Vec::new(),
        }
    }

    /// Sets the display name.
    #[must_use]
    pub fn shown_as(mut self, name: &str) -> Self {
        self.display_name = name.into();
        self
    }

    /// Makes it mandatory, with the default that then must exist.
    #[must_use]
    pub fn required(mut self, default: &str) -> Self {
        self.required = true;
        self.default_value = default.into();
        self
    }

    /// Sets the default value.
    #[must_use]
    pub fn default_value(mut self, value: &str) -> Self {
        self.default_value = value.into();
        self
    }

    /// Sets the format.
    #[must_use]
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// Hides it.
    #[must_use]
    pub fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// Makes the API mask its default.
    #[must_use]
    pub fn sensitive(mut self) -> Self {
        self.is_sensitive = true;
        self
    }
}

/// The contract's `v1VariableFormat`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names are the contract's and say it")]
pub enum Format {
    #[default]
    String,
    Number,
    Boolean,
    Ipv4,
    Ipv4Cidr,
    Ipv6,
    Version,
    Base64,
}

/// The contract's `v1VariableInputType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names are the contract's and say it")]
pub enum InputType {
    Text,
    Dropdown,
    Multiline,
}

/// The contract's `v1VariableOption`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariableOption {
    /// The value itself.
    pub value: String,
    /// What is shown for it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// A tooltip.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether it is preselected.
    #[serde(default)]
    pub default: bool,
}

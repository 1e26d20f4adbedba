//! The layers of a stack, in the order in which a host is built from them (`v1PackLayer`
//! of Palette's API; facts.md, 1).

/// A layer. The variants are in the order of the stack, from the bottom up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    /// `kernel`.
    Kernel,
    /// `os`.
    Os,
    /// `k8s`.
    K8s,
    /// `cni`.
    Cni,
    /// `csi`.
    Csi,
    /// `addon`.
    AddOn,
    /// A layer that Palette did not have when this was written.
    Other,
}

impl Layer {
    /// Returns the layer of this name.
    pub(super) fn of(name: &str) -> Self {
        match name {
            "kernel" => Self::Kernel,
            "os" => Self::Os,
            "k8s" => Self::K8s,
            "cni" => Self::Cni,
            "csi" => Self::Csi,
            "addon" => Self::AddOn,
            _ => Self::Other,
        }
    }

    /// Returns the name that people use for the layer.
    pub(super) fn title(self) -> Option<&'static str> {
        match self {
            Self::Kernel => Some("Kernel"),
            Self::Os => Some("Operating system"),
            Self::K8s => Some("Kubernetes"),
            Self::Cni => Some("Network"),
            Self::Csi => Some("Storage"),
            Self::AddOn => Some("Add-on"),
            Self::Other => None,
        }
    }

    /// Returns a name that is safe in a page's class attributes.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Os => "os",
            Self::K8s => "k8s",
            Self::Cni => "cni",
            Self::Csi => "csi",
            Self::AddOn => "addon",
            Self::Other => "other",
        }
    }
}

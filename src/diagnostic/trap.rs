//! The traps: properties of a checkout, or of how a build is started, that keep a staged
//! definition out of the image. docs/traps.md has a section for each.
//!
//! People and scripts use the numbers and names, so they do not change. The numbers have gaps.

macro_rules! traps {
    ($($number:literal $trap:ident = $name:literal,)*) => {
        /// A trap.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Trap {
            $(
                #[doc = concat!("T", $number, ", `", $name, "`.")]
                $trap,
            )*
        }

        impl Trap {
            /// Every trap, in the order of the numbers.
            pub const ALL: &[Self] = &[$(Self::$trap,)*];

            /// Returns the number of the trap, such as `T23`.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$trap => concat!("T", $number),)*
                }
            }

            /// Returns the name of the trap, such as `overlay-dropped`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$trap => $name,)*
                }
            }
        }
    };
}

traps! {
    1 NoSuchFile = "no-such-file",
    2 ClusterconfigUnset = "clusterconfig-unset",
    3 AbsolutePath = "absolute-path",
    4 OutsideCheckout = "outside-checkout",
    5 Url = "url",
    6 Pattern = "pattern",
    7 Directory = "directory",
    8 SymbolicLink = "symbolic-link",
    9 IgnoreRule = "ignore-rule",
    10 OverlayLeftover = "overlay-leftover",
    11 AnotherFile = "another-file",
    12 NotCopied = "not-copied",
    13 RawImage = "raw-image",
    14 MaasArguments = "maas-arguments",
    15 ValueOverridden = "value-overridden",
    16 OtherArgFile = "other-arg-file",
    17 TwoParsers = "two-parsers",
    18 SetTwice = "set-twice",
    19 WrapperContinues = "wrapper-continues",
    20 RemoteTarget = "remote-target",
    21 GitTracking = "git-tracking",
    22 OldImage = "old-image",
    23 OverlayDropped = "overlay-dropped",
    24 EmptyFile = "empty-file",
    25 OtherName = "other-name",
    26 SeveralRawImages = "several-raw-images",
    27 UncheckedScripts = "unchecked-scripts",
    28 BadBundle = "bad-bundle",
    29 Architecture = "architecture",
    30 SharedCheckout = "shared-checkout",
    31 Leftovers = "leftovers",
    32 LetterCase = "letter-case",
    33 PlusSign = "plus-sign",
    34 Expansion = "expansion",
    35 SigningKeyLost = "signing-key-lost",
    36 BundleAgent = "bundle-agent",
    37 BundleDefinition = "bundle-definition",
    38 OtherBuildSystem = "other-build-system",
    39 BuildCache = "build-cache",
    40 UnreadableFile = "unreadable-file",
    41 SwallowedFailure = "swallowed-failure",
    42 ContentDefinition = "content-definition",
}

impl Trap {
    /// Returns the trap with this number or name, ignoring case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is = |trap: &&Self| {
            trap.code().eq_ignore_ascii_case(text) || trap.name().eq_ignore_ascii_case(text)
        };
        Self::ALL.iter().find(is).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::Trap;

    #[test]
    fn a_trap_is_found_by_its_number_and_its_name() {
        for trap in Trap::ALL {
            for text in [trap.code(), trap.name()] {
                assert_eq!(Trap::parse(text), Some(*trap));
                assert_eq!(Trap::parse(&text.to_uppercase()), Some(*trap));
            }
        }
        assert_eq!(Trap::parse("t23"), Some(Trap::OverlayDropped));
        for unknown in ["", "T", "T98", "T99", "23", "overlay"] {
            assert_eq!(Trap::parse(unknown), None);
        }
    }
}

//! The first line of a page: how what is shown compares with the lock.
//!
//! The input is what this run has compared. The output is a few words, and what they are based
//! on. They never claim more than was checked: `show` asks neither Palette nor a checkout nor
//! an image.

/// How what is shown compares with the lock.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    /// What is known about the archive.
    pub archive: ArchiveCheck,
    /// The definition that the archive is locked for, if it was not requested by its name.
    pub owner: Option<String>,
    /// Why the lock entry does not match its definition.
    pub outdated: Option<&'static str>,
}

/// What is known about the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ArchiveCheck {
    /// The archive was read completely, and holds what is locked.
    AsLocked,
    /// The archive was not read, because it is not in the cache.
    NotCached,
    /// The archive was read completely, and is not in the lock.
    NotLocked,
    /// The archive was read completely. No lock was read.
    NoLock,
}

impl Verdict {
    /// Whether nothing that was compared differs.
    pub(super) fn is_good(&self) -> bool {
        self.archive == ArchiveCheck::AsLocked && self.outdated.is_none()
    }

    /// Returns the verdict in a few words.
    pub(super) fn text(&self) -> String {
        let owner = self.owner.as_ref();
        let owner = owner.map_or_else(String::new, |owner| format!(" for {owner}"));
        match (self.archive, self.outdated) {
            (ArchiveCheck::AsLocked, None) => format!("as locked{owner}"),
            (ArchiveCheck::AsLocked, Some(why)) if owner.is_empty() => why.to_owned(),
            (ArchiveCheck::AsLocked, Some(why)) => format!("locked{owner}, {why}"),
            (ArchiveCheck::NotCached, None) => "locked, archive not checked".to_owned(),
            (ArchiveCheck::NotCached, Some(why)) => format!("{why}, archive not checked"),
            (ArchiveCheck::NotLocked, _) => "not in profiles.lock".to_owned(),
            (ArchiveCheck::NoLock, _) => "not compared with a lock".to_owned(),
        }
    }

    /// Returns what was compared, and what was not.
    pub(super) fn basis(&self) -> String {
        let current = "profiles.toml has not changed since it was locked";
        let checked = match (self.archive, self.outdated) {
            (ArchiveCheck::AsLocked, None) => {
                format!("the archive has the locked content and profiles, and {current}")
            }
            (ArchiveCheck::AsLocked, Some(_)) => {
                "the archive has the locked content and profiles".to_owned()
            }
            (ArchiveCheck::NotCached, None) => current.to_owned(),
            (ArchiveCheck::NotCached, Some(_)) => "only the lock entry".to_owned(),
            (ArchiveCheck::NotLocked | ArchiveCheck::NoLock, _) => {
                "the archive can be read to its end".to_owned()
            }
        };
        let unchecked = match self.archive {
            ArchiveCheck::AsLocked => "names, versions and packs (profiles.lock has them), ",
            ArchiveCheck::NotCached => "the archive, ",
            ArchiveCheck::NoLock => "profiles.lock, ",
            ArchiveCheck::NotLocked => "",
        };
        format!("Checked: {checked}. Not checked: {unchecked}Palette, the CanvOS checkout, images.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_as_locked_unless_all_of_it_was_compared() {
        let mut good = Vec::new();
        for archive in [
            ArchiveCheck::AsLocked,
            ArchiveCheck::NotCached,
            ArchiveCheck::NotLocked,
            ArchiveCheck::NoLock,
        ] {
            for outdated in [None, Some("outdated: edited by hand")] {
                for owner in [None, Some("factory".to_owned())] {
                    let verdict = Verdict {
                        archive,
                        owner,
                        outdated,
                    };
                    let text = verdict.text();
                    assert_eq!(verdict.is_good(), text.starts_with("as locked"), "{text}");
                    let read = verdict.basis().contains("Checked: the archive");
                    assert_eq!(read, archive != ArchiveCheck::NotCached);
                    good.extend(verdict.is_good().then_some(text));
                }
            }
        }
        assert_eq!(good, ["as locked", "as locked for factory"]);
    }
}

//! What Palette answers in one run. Definitions share projects and profiles: each is
//! asked for once, by whoever needs it first, while the others wait for the answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::palette::wire::{
    ClusterProfile, Gap, List, ProfileMetadata, ProfileSummary, ProjectMetadata,
};
use crate::palette::{Observer, Palette, PaletteError};
use crate::util::uid::Uid;

/// A client and its answers so far.
pub struct Catalogue {
    palette: Palette,
    profiles: Answers<(Option<Uid>, Uid), ClusterProfile>,
    lists: Answers<Option<Uid>, Known>,
    projects: Answers<Option<String>, List<ProjectMetadata>>,
}

/// The profiles that Palette lists.
pub(super) struct Known {
    /// Each once.
    pub profiles: Vec<ProfileMetadata>,
    /// What the list lacks.
    pub gap: Option<Gap>,
    /// Why the rest of it could not be had, if it was asked for.
    pub failed: Option<PaletteError>,
}

impl Catalogue {
    /// No answers yet.
    #[must_use]
    pub fn new(palette: Palette) -> Self {
        Self {
            palette,
            profiles: Answers::default(),
            lists: Answers::default(),
            projects: Answers::default(),
        }
    }

    /// The client, for what is never the same twice.
    #[must_use]
    pub fn palette(&self) -> &Palette {
        &self.palette
    }

    /// The profile `uid`, seen from `project`.
    pub(super) fn profile(
        &self,
        uid: &Uid,
        project: Option<&Uid>,
        observer: &dyn Observer,
    ) -> Answer<ClusterProfile> {
        let key = (project.cloned(), uid.clone());
        self.profiles
            .ask(key, || self.palette.profile(uid, project, observer))
    }

    /// All profiles that `project` sees. Where the one answer that should have all of them
    /// lacks some, the pages of the dashboard are asked for them.
    pub(super) fn profiles(&self, project: Option<&Uid>, observer: &dyn Observer) -> Answer<Known> {
        self.lists.ask(project.cloned(), || {
            let list = self.palette.profiles_metadata(project, observer)?;
            let gap = list.gap();
            let mut known = Known {
                profiles: Vec::new(),
                gap,
                failed: None,
            };
            known.add(list.items);
            if known.gap.is_some() {
                match self.palette.profile_summaries(project, observer) {
                    Ok(pages) => {
                        let listed = pages.profiles.iter().flat_map(ProfileSummary::listed);
                        known.add(listed);
                        known.gap = known.still_lacks(pages.gap);
                    }
                    Err(error) => known.failed = Some(error),
                }
            }
            Ok(known)
        })
    }

    /// The projects called `name`, or all.
    pub(super) fn projects(
        &self,
        name: Option<&str>,
        observer: &dyn Observer,
    ) -> Answer<List<ProjectMetadata>> {
        self.projects.ask(name.map(str::to_owned), || {
            self.palette.projects(name, observer)
        })
    }
}

impl Known {
    /// Adds those of `more` that it has not; an item comes more than once in some answers.
    fn add(&mut self, more: impl IntoIterator<Item = ProfileMetadata>) {
        let uid = |profile: &ProfileMetadata| profile.uid.clone().ok();
        let mut known: BTreeSet<Uid> = self.profiles.iter().filter_map(uid).collect();
        for profile in more {
            // One without a uid is a profile all the same.
            if uid(&profile).is_none_or(|uid| known.insert(uid)) {
                self.profiles.push(profile);
            }
        }
    }

    /// What is lacking now that pages have been added, which lack `of_pages`.
    fn still_lacks(&self, of_pages: Option<Gap>) -> Option<Gap> {
        let held = self.profiles.len() as u64;
        match self.gap {
            Some(Gap::Counted { count, .. }) if held >= count => None,
            Some(Gap::Counted { count, .. }) => Some(Gap::Counted { held, count }),
            _ => of_pages,
        }
    }
}

type Answer<V> = Result<Arc<V>, PaletteError>;

/// Answers by what was asked. An error is an answer too: it was retried already.
struct Answers<K, V>(Mutex<BTreeMap<K, Arc<OnceLock<Answer<V>>>>>);

impl<K, V> Default for Answers<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Ord, V> Answers<K, V> {
    fn ask(&self, what: K, call: impl FnOnce() -> Result<V, PaletteError>) -> Answer<V> {
        // Held for as long as it takes to look, not for as long as the call takes.
        let answer = {
            let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(cells.entry(what).or_default())
        };
        answer.get_or_init(|| call().map(Arc::new)).clone()
    }
}

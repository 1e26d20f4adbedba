//! Palette's answers during a run. Definitions share projects and profiles: the first that
//! needs an answer requests it, while the others wait for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock};

use crate::http::Observer;
use crate::palette::wire::{
    ClusterProfile, Gap, List, ProfileMetadata, ProfileSummary, ProjectMetadata,
};
use crate::palette::{Palette, PaletteError};
use crate::util::sync::lock;
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
    /// The profiles, each once.
    pub profiles: Vec<ProfileMetadata>,
    /// What is missing from the list, if anything.
    pub gap: Option<Gap>,
    /// Why the rest of the list could not be read, if it was requested.
    pub failed: Option<PaletteError>,
}

impl Catalogue {
    /// Creates a catalogue without answers.
    #[must_use]
    pub fn new(palette: Palette) -> Self {
        Self {
            palette,
            profiles: Answers::default(),
            lists: Answers::default(),
            projects: Answers::default(),
        }
    }

    /// Returns the client, for calls whose answers are not shared.
    #[must_use]
    pub fn palette(&self) -> &Palette {
        &self.palette
    }

    /// Returns the profile `uid`, as seen from `project`.
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

    /// Returns all profiles that `project` sees. If the answer with the whole list is
    /// incomplete, the pages of the dashboard are read, too.
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

    /// Returns the projects called `name`, or all projects.
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
    /// Adds the profiles in `more` that are not known yet; some answers contain an item more
    /// than once.
    fn add(&mut self, more: impl IntoIterator<Item = ProfileMetadata>) {
        let uid = |profile: &ProfileMetadata| profile.uid.clone().ok();
        let mut known: BTreeSet<Uid> = self.profiles.iter().filter_map(uid).collect();
        for profile in more {
            // A profile without a uid counts as a profile of its own.
            if uid(&profile).is_none_or(|uid| known.insert(uid)) {
                self.profiles.push(profile);
            }
        }
    }

    /// Returns what is still missing after adding pages, which themselves lack `of_pages`.
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

/// Answers by request. An error is an answer, too, since the call was already retried.
struct Answers<K, V>(Mutex<BTreeMap<K, Arc<OnceLock<Answer<V>>>>>);

impl<K, V> Default for Answers<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Ord, V> Answers<K, V> {
    fn ask(&self, what: K, call: impl FnOnce() -> Result<V, PaletteError>) -> Answer<V> {
        // The map is locked for the lookup only, not for the duration of the call.
        let answer = {
            let mut cells = lock(&self.0);
            Arc::clone(cells.entry(what).or_default())
        };
        answer.get_or_init(|| call().map(Arc::new)).clone()
    }
}

//! Palette's answers during a run. Definitions share projects and profiles: the first that
//! needs an answer requests it, while the others wait for it. Requests whose answers will
//! probably be needed can begin earlier; nothing is requested twice because of that.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock};

use super::Selection;
use crate::http::Observer;
use crate::manifest::Reference;
use crate::palette::wire::{
    ClusterProfile, Gap, List, ProfileMetadata, ProfileSummary, ProjectMetadata,
};
use crate::palette::{FirstAttempt, Palette, PaletteError};
use crate::util::sync::lock;
use crate::util::uid::Uid;

/// A client and its answers so far.
pub struct Catalogue {
    palette: Arc<Palette>,
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
            palette: Arc::new(palette),
            profiles: Answers::default(),
            lists: Answers::default(),
            projects: Answers::default(),
        }
    }

    /// Returns the client, for calls whose answers are not shared.
    #[must_use]
    pub fn palette(&self) -> &Arc<Palette> {
        &self.palette
    }

    /// Begins the requests for what is needed if a definition selects what is `expected`, as far
    /// as threads can be started for them. If the names lead to another selection, the answers
    /// are discarded.
    pub fn begin(&self, expected: &Selection<'_>) {
        let project = expected.project.as_ref();
        let mut profiles = expected.definition.profiles.iter();
        if profiles.any(|profile| matches!(profile.reference, Reference::Version { .. })) {
            self.lists.begin(project.cloned(), || {
                self.palette.begin_profiles_metadata(project)
            });
        }
        for uid in &expected.uids {
            let key = (project.cloned(), uid.clone());
            self.profiles
                .begin(key, || self.palette.begin_profile(uid, project));
        }
    }

    /// Returns the profile `uid`, as seen from `project`.
    pub(super) fn profile(
        &self,
        uid: &Uid,
        project: Option<&Uid>,
        observer: &dyn Observer,
    ) -> Answer<ClusterProfile> {
        let key = (project.cloned(), uid.clone());
        self.profiles.ask(key, |first| {
            self.palette.profile(uid, project, first, observer)
        })
    }

    /// Returns all profiles that `project` sees. If the answer with the whole list is
    /// incomplete, the pages of the dashboard are read, too.
    pub(super) fn profiles(&self, project: Option<&Uid>, observer: &dyn Observer) -> Answer<Known> {
        self.lists.ask(project.cloned(), |first| {
            let list = self.palette.profiles_metadata(project, first, observer)?;
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
        self.projects.ask(name.map(str::to_owned), |_| {
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
struct Answers<K, V>(Mutex<BTreeMap<K, Arc<Cell<V>>>>);

/// The place of one answer.
struct Cell<V> {
    /// The first attempt, if it began before the answer was needed.
    first: Mutex<Option<FirstAttempt<Vec<u8>>>>,
    answer: OnceLock<Answer<V>>,
}

impl<V> Cell<V> {
    fn new(first: Option<FirstAttempt<Vec<u8>>>) -> Arc<Self> {
        Arc::new(Self {
            first: Mutex::new(first),
            answer: OnceLock::new(),
        })
    }
}

impl<K, V> Default for Answers<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Ord, V> Answers<K, V> {
    /// Returns the answer. `call` requests it, and gets the first attempt if that has begun.
    fn ask(
        &self,
        what: K,
        call: impl FnOnce(Option<FirstAttempt<Vec<u8>>>) -> Result<V, PaletteError>,
    ) -> Answer<V> {
        // The map is locked for the lookup only, not for the duration of the call.
        let place = {
            let mut cells = lock(&self.0);
            Arc::clone(cells.entry(what).or_insert_with(|| Cell::new(None)))
        };
        let first = || lock(&place.first).take();
        let answer = place.answer.get_or_init(|| call(first()).map(Arc::new));
        answer.clone()
    }

    /// Begins the request for an answer that nobody has requested yet.
    fn begin(&self, what: K, begin: impl FnOnce() -> Option<FirstAttempt<Vec<u8>>>) {
        let mut cells = lock(&self.0);
        if let Entry::Vacant(place) = cells.entry(what)
            && let Some(first) = begin()
        {
            place.insert(Cell::new(Some(first)));
        }
    }
}

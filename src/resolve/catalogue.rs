//! What Palette answers in one run. Definitions share projects and profiles: each is
//! asked for once, by whoever needs it first, while the others wait for the answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::palette::wire::{ClusterProfile, List, ProfileMetadata, ProjectMetadata};
use crate::palette::{Observer, Palette, PaletteError};
use crate::uid::Uid;

/// A client and its answers so far.
pub struct Catalogue {
    palette: Palette,
    profiles: Answers<(Option<Uid>, Uid), ClusterProfile>,
    lists: Answers<Option<Uid>, List<ProfileMetadata>>,
    projects: Answers<Option<String>, List<ProjectMetadata>>,
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

    /// All profiles that `project` sees.
    pub(super) fn profiles(
        &self,
        project: Option<&Uid>,
        observer: &dyn Observer,
    ) -> Answer<List<ProfileMetadata>> {
        self.lists.ask(project.cloned(), || {
            self.palette.profiles_metadata(project, observer)
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

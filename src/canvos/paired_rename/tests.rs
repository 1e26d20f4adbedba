#![cfg(unix)]

use std::fs;
use std::io::Write as _;
use std::path::Path;

use super::*;

/// Returns a directory for temporary files, and one with `old` for each placement.
struct Two {
    root: tempfile::TempDir,
    beside: Arc<Directory>,
}

const PLACES: [(Placement, &str); 2] = [(Placement::Overlay, "a"), (Placement::Root, "b")];

impl Two {
    fn new(old: Option<&str>) -> Self {
        let root = tempfile::tempdir().unwrap();
        let top = Directory::open(root.path()).unwrap();
        for name in ["a", "b"] {
            top.make(name.as_ref()).unwrap();
            if let Some(old) = old {
                fs::write(root.path().join(name).join(NAME), old).unwrap();
            }
        }
        let beside = Arc::new(top.make("beside".as_ref()).unwrap());
        Self { root, beside }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.root.path().join(name)
    }

    fn place(&self, placement: Placement, name: &str) -> RenameTarget {
        let directory = Directory::open(&self.path(name)).unwrap();
        let was = directory.entry(NAME).unwrap().map(|entry| entry.stamp);
        RenameTarget {
            placement,
            beside: Arc::clone(&self.beside),
            directory,
            was,
        }
    }

    fn ready(&self) -> Vec<(RenameTarget, PendingFile)> {
        let ready = |(placement, name)| {
            let pending = PendingFile::create(&self.beside).unwrap();
            pending.file().write_all(b"new").unwrap();
            pending.seal().unwrap();
            (self.place(placement, name), pending)
        };
        PLACES.map(ready).into()
    }

    /// Returns what is at both placements, and checks that no temporary file is left.
    fn now(&self) -> [Option<String>; 2] {
        assert_eq!(self.beside.names().unwrap(), [""; 0], "temporary files");
        ["a", "b"].map(|name| fs::read_to_string(self.path(name).join(NAME)).ok())
    }
}

fn both(text: Option<&str>) -> [Option<String>; 2] {
    [(); 2].map(|()| text.map(str::to_owned))
}

const RIGHT: Check<'_> = &|_| Ok(());

/// Returns a check that passes before the renames and fails once `path` holds the new file.
fn second_look_fails(path: &Path) -> impl Fn(&RenameTarget) -> Result<(), CanvosError> {
    move |place| {
        if fs::read(path).is_ok_and(|text| text == b"new") {
            return Err(CanvosError::Foreign(place.placement));
        }
        Ok(())
    }
}

#[test]
fn both_are_exchanged() {
    for old in [None, Some("old")] {
        let two = Two::new(old);
        publish(two.ready(), RIGHT).unwrap();
        assert_eq!(two.now(), both(Some("new")));
        withdraw(
            PLACES
                .map(|(placement, name)| two.place(placement, name))
                .into(),
            RIGHT,
        )
        .unwrap();
        assert_eq!(two.now(), both(None));
    }
}

#[test]
fn what_is_found_after_the_renames_undoes_both() {
    for old in [None, Some("old")] {
        let two = Two::new(old);
        let path = two.path("b").join(NAME);
        let error = publish(two.ready(), &second_look_fails(&path)).unwrap_err();
        assert!(matches!(error, CanvosError::Foreign(_)), "{error:?}");
        assert_eq!(two.now(), both(old));
    }
}

/// Another program wrote the file after it was examined.
#[test]
fn a_file_that_is_not_the_one_that_was_judged_stays() {
    for name in ["a", "b"] {
        let two = Two::new(Some("old"));
        let ready = two.ready();
        fs::write(two.path(name).join(NAME), "other").unwrap();
        publish(ready, RIGHT).unwrap_err();
        let text = |at| if at == name { "other" } else { "old" };
        let expected = ["a", "b"].map(|at| Some(text(at).to_owned()));
        assert_eq!(two.now(), expected);
        let places = PLACES.map(|(placement, name)| two.place(placement, name));
        fs::write(two.path(name).join(NAME), "another one").unwrap();
        withdraw(places.into(), RIGHT).unwrap_err();
        assert!(two.now().iter().all(Option::is_some));
    }
    // A file appeared where there was none.
    let two = Two::new(None);
    let ready = two.ready();
    fs::write(two.path("b").join(NAME), "other").unwrap();
    publish(ready, RIGHT).unwrap_err();
    assert_eq!(two.now(), [None, Some("other".to_owned())]);
}

/// Like NFS: the old and the new file never exchange names in one step, but the pair still
/// changes.
#[test]
fn a_file_system_that_exchanges_no_names() {
    let two = Two::new(Some("old"));
    let cannot: Exchange = |_, _, _, _| Err(io::ErrorKind::Unsupported.into());
    let mut moved = Vec::new();
    for (place, pending) in two.ready() {
        moved.push(put(place, pending, cannot).unwrap());
    }
    assert!(moved.iter().all(|moved| !moved.exchanged));
    for moved in &moved {
        moved.check_old().unwrap();
    }
    let error = roll_back(moved, CanvosError::Foreign(Placement::Root));
    assert!(matches!(error, CanvosError::Foreign(_)), "{error:?}");
    assert_eq!(two.now(), both(Some("old")));
    for (place, pending) in two.ready() {
        put(place, pending, cannot).unwrap();
    }
    assert_eq!(two.now(), both(Some("new")));
}

#[test]
fn a_rollback_that_fails_is_said() {
    let two = Two::new(Some("old"));
    let mut ready = two.ready().into_iter();
    let (place, pending) = ready.next().unwrap();
    let moved = put(place, pending, Directory::exchange).unwrap();
    fs::remove_dir_all(two.path("a")).unwrap();
    let error = roll_back(vec![moved], CanvosError::Foreign(Placement::Root));
    let CanvosError::PartialChange {
        placement, cause, ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(placement, Placement::Overlay);
    assert!(matches!(*cause, CanvosError::Foreign(Placement::Root)));
}

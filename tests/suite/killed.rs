//! `kill -9` between every two steps: whatever was usable stays usable, and the next run works
//! without manual cleanup.
//!
//! Each [`Scenario`] runs a command and kills it, in a new environment every time, at each
//! failpoint that it reaches and each time that it reaches it. A release has no failpoints.
#![cfg(debug_assertions)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use edgestage::util::failpoint::ALL;

use crate::support::{HEAD, OVERLAY, Proof, ROOT, Test, content_sha256, sha256};

/// A command that writes.
struct Scenario {
    /// Creates the environment, up to the moment before the command.
    place: fn() -> Test,
    command: &'static str,
    /// The failpoints that the command reaches, in the order of [`ALL`].
    failpoints: &'static [&'static str],
    /// The commands that must succeed after the command was run again.
    proofs: &'static [&'static str],
}

const SCENARIOS: [&Scenario; 11] = [
    &FIRST, &CHANGED, &TURN, &OVER, &SEVERAL, &FETCH, &UPDATE, &UNSTAGE, &CLEAN, &KEEP, &ATTEST,
];

/// Two definitions with a checkout each.
const TWO: &str = "
[definition.a]
profiles = [\"edge-infra@2.1.0\"]
canvos = \"CanvOS-a\"
[definition.b]
profiles = [\"edge-infra@2.0.0\"]
canvos = \"CanvOS-b\"
";

/// The name of the manifest before it was changed. Runs do not read it.
const FORMER: &str = "former.toml";
const LOCK: &str = "site/profiles.lock";
const CACHE: &str = "home/.cache/edgestage";

/// The first run in a new environment.
const FIRST: Scenario = Scenario {
    place: Test::new,
    command: "stage -q",
    failpoints: &[
        "archive-begun",
        "archive-received",
        "archive-cached",
        "lock-held",
        "written-aside",
        "lock-written",
        "checkout-held",
        "overlay-copied",
        "root-copied",
        "stage-remembered",
        "overlay-renamed",
        "root-renamed",
    ],
    proofs: &["verify"],
};

/// The profiles differ from those that are staged.
const CHANGED: Scenario = Scenario {
    place: || {
        let test = Test::new().stage();
        test.put(FORMER, test.text("profiles.toml"));
        test.definition("profiles = [\"edge-infra@2.0.0\"]")
    },
    ..FIRST
};

/// Two definitions take turns in a checkout, from the cache.
const TURN: Scenario = Scenario {
    place: taking_turns,
    command: "stage -q b",
    failpoints: &[
        "written-aside",
        "checkout-held",
        "overlay-copied",
        "root-copied",
        "stage-remembered",
        "overlay-renamed",
        "root-renamed",
    ],
    proofs: &["verify b"],
};

/// `stage` replaces files that somebody else has put there, a different one at each placement.
const OVER: Scenario = Scenario {
    place: || {
        let test = Test::new();
        test.run("fetch -q").any_stdout().success();
        test.put(&Test::placement(OVERLAY), "mine");
        test.put(&Test::placement(ROOT), "mine too");
        test
    },
    command: "stage -q",
    failpoints: &[
        "written-aside",
        "checkout-held",
        "overlay-copied",
        "root-copied",
        "replaced-kept",
        "stage-remembered",
        "overlay-renamed",
        "root-renamed",
    ],
    proofs: &["verify"],
};

/// Two definitions with a checkout each.
const SEVERAL: Scenario = Scenario {
    place: apart,
    command: "stage -q --jobs 1 a b",
    proofs: &["verify a", "verify b"],
    ..FIRST
};

const FETCH: Scenario = Scenario {
    place: apart,
    command: "fetch -q",
    failpoints: &[
        "archive-begun",
        "archive-received",
        "archive-cached",
        "lock-held",
        "written-aside",
        "lock-written",
    ],
    proofs: &["fetch -q --locked --offline"],
};

/// Palette has changed, and `update` accepts the change.
const UPDATE: Scenario = Scenario {
    place: || {
        let test = Test::new().stage();
        test.sim.world(|world| world.publish("edge-k3s", "1.31.1"));
        test
    },
    command: "update -q",
    proofs: &["stage -q --locked --offline", "verify"],
    ..FETCH
};

const UNSTAGE: Scenario = Scenario {
    place: || Test::new().stage(),
    command: "unstage -q",
    failpoints: &[
        "checkout-held",
        "overlay-removed",
        "root-removed",
        "directories-removed",
    ],
    proofs: &["verify --expect-none"],
};

const CLEAN: Scenario = Scenario {
    place: taking_turns,
    command: "cache clean -q",
    failpoints: &["entry-removed"],
    proofs: &["verify a"],
};

/// The archive from before an update is removed, and the one from after it stays.
const KEEP: Scenario = Scenario {
    place: || {
        let test = (UPDATE.place)();
        test.run("update -q").any_stdout().success();
        test
    },
    command: "cache clean -q --keep-locked",
    failpoints: &["entry-removed"],
    proofs: &["stage -q --locked --offline", "verify"],
};

/// A statement is all that `attest` writes.
const ATTEST: Scenario = Scenario {
    place: || Proof::new().beside_manifest(),
    command: "attest -q --image installer.iso",
    failpoints: &["image-examined"],
    proofs: &["verify"],
};

/// Returns a test with `a` and `b`, which have a checkout each and are not fetched yet.
fn apart() -> Test {
    let test = Test::new().manifest(&format!("{HEAD}{TWO}"));
    test.checkout("CanvOS-a");
    test.checkout("CanvOS-b");
    test
}

/// Returns a test with `a` and `b` in one checkout, in which `a` is staged next.
fn taking_turns() -> Test {
    let two = TWO
        .replace("CanvOS-a", "CanvOS")
        .replace("CanvOS-b", "CanvOS");
    let test = Test::new().manifest(&format!("{HEAD}{two}"));
    test.run("fetch -q").any_stdout().success();
    test.run("stage -q a").any_stdout().success();
    test
}

/// Every file of a test with its bytes.
type Files = BTreeMap<PathBuf, Vec<u8>>;

/// The files of a test before the kill, after it, and after the next run.
struct Moments {
    before: Files,
    killed: Files,
    after: Files,
}

/// The meaning of a file to edgestage.
enum Kind<'p> {
    Lock,
    Placement,
    /// A cached archive, with the content digest that its name promises.
    Entry(&'p str),
    /// A temporary file of edgestage, or a claim.
    Passing,
    /// A file in `.edgestage/` of a checkout.
    Own,
    /// A replaced file that was kept, with the digest that its name promises.
    Kept(&'p str),
    /// A file of somebody else.
    Foreign,
}

impl Scenario {
    fn is_killed_everywhere(&self) {
        let mut reached = Vec::new();
        for failpoint in ALL {
            let times = (1..).take_while(|nth| self.is_killed_at(failpoint, *nth));
            if times.count() > 0 {
                reached.push(failpoint);
            }
        }
        assert_eq!(reached, self.failpoints);
    }

    /// Returns whether the command reaches the failpoint for the `nth` time. This runs in a
    /// thread named after the failpoint, so that a panic shows it.
    fn is_killed_at(&self, failpoint: &str, nth: usize) -> bool {
        std::thread::scope(|scope| {
            std::thread::Builder::new()
                .name(format!("{} killed at {failpoint}, {nth}", self.command))
                .spawn_scoped(scope, || self.kill(failpoint, nth))
                .unwrap()
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn kill(&self, failpoint: &str, nth: usize) -> bool {
        let test = (self.place)();
        let before = test.contents();
        let run = test.run(self.command).any_stdout();
        if !run.kill_at(failpoint, nth) {
            return false;
        }
        let killed = test.contents();
        if !self.empties_cache() {
            restage_aside(&test, &before, &killed);
        }
        test.run(self.command).any_stdout().success();
        for proof in self.proofs {
            test.run(proof).any_stdout().success();
        }
        let after = test.contents();
        Moments {
            before,
            killed,
            after,
        }
        .check(self);
        true
    }

    fn empties_cache(&self) -> bool {
        self.command == CLEAN.command
    }
}

/// Everything that was locked when the run was killed can be staged from a copy of that moment,
/// without network and key.
fn restage_aside(test: &Test, before: &Files, killed: &Files) {
    let Some(lock) = killed.get(Path::new(LOCK)) else {
        return;
    };
    for (path, bytes) in killed {
        test.put(&format!("../aside/{}", path.display()), bytes);
    }
    let former = before.get(&Path::new("site").join(FORMER));
    if let Some(former) = former.filter(|_| before.get(Path::new(LOCK)) == Some(lock)) {
        test.put("../aside/site/profiles.toml", former);
    }
    for name in entries(lock).keys().filter(|name| !name.is_empty()) {
        for command in ["stage -q --locked --offline", "verify"] {
            test.run(command)
                .arg(name)
                .env("HOME", "{dir}/../aside/home")
                .within("../aside/site")
                .without_key()
                .any_stdout()
                .success();
        }
    }
    std::fs::remove_dir_all(test.path("../aside")).unwrap();
}

/// Returns the text of each entry of a lock, by name; the text above the first entry has an
/// empty name.
fn entries(lock: &[u8]) -> BTreeMap<String, String> {
    let text = std::str::from_utf8(lock).unwrap();
    let table: toml::Table = toml::from_str(text).unwrap();
    let mut known = table["definition"].as_table().unwrap().keys();
    let parts = text.split("\n[definition.").enumerate();
    let named = parts.map(|(at, part)| match at {
        0 => (String::new(), part.to_owned()),
        _ => (part.split(']').next().unwrap().to_owned(), part.to_owned()),
    });
    let entries: BTreeMap<_, _> = named.collect();
    assert!(known.all(|name| entries.contains_key(name)), "{text}");
    entries
}

impl Moments {
    fn check(&self, scenario: &Scenario) {
        let all = [&self.before, &self.killed, &self.after];
        let paths: BTreeSet<&PathBuf> = all.iter().flat_map(|files| files.keys()).collect();
        for path in paths {
            let [was, is, will] = all.map(|files| files.get(path));
            let shown = path.display();
            match Kind::of(path) {
                Kind::Lock => self.check_lock(),
                Kind::Placement => {
                    assert!(is == was || is == will, "{shown} is neither");
                    if let Some(mine) = was.filter(|was| was.starts_with(b"mine")) {
                        let kept = format!("{}.tgz", sha256(mine));
                        let mut files = self.killed.keys();
                        let is_kept = files.any(|path| path.ends_with(&kept));
                        assert!(is == was || is_kept, "{shown} is lost");
                    }
                }
                Kind::Kept(digest) => {
                    assert!(will.is_some(), "{shown} is lost");
                    for bytes in [is, will].into_iter().flatten() {
                        assert_eq!(sha256(bytes), digest, "{shown}");
                    }
                }
                Kind::Entry(content) => {
                    for bytes in [was, is, will].into_iter().flatten() {
                        assert_eq!(content_sha256(bytes), content, "{shown}");
                    }
                    let removed = scenario.command.starts_with("cache clean");
                    assert!(was.is_none() || is == was || removed, "{shown} changed");
                    assert!(will.is_none() || !scenario.empties_cache(), "{shown}");
                }
                Kind::Passing => assert!(was.or(will).is_none(), "{shown} is still there"),
                Kind::Own => assert!(was.is_none() || is.is_some(), "{shown} is gone"),
                Kind::Foreign => assert!(was == is && was == will, "{shown} is not ours"),
            }
        }
    }

    /// Checks that each entry is the old one or the new one, and that no old one is lost.
    fn check_lock(&self) {
        let of = |files: &Files| {
            let lock = files.get(Path::new(LOCK));
            lock.map_or_else(BTreeMap::new, |lock| entries(lock))
        };
        let [was, is, will] = [of(&self.before), of(&self.killed), of(&self.after)];
        for (name, entry) in &is {
            let known = [was.get(name), will.get(name)];
            assert!(known.contains(&Some(entry)), "{entry}");
        }
        assert!(was.keys().all(|name| is.contains_key(name)), "{is:#?}");
    }
}

impl<'p> Kind<'p> {
    fn of(path: &'p Path) -> Self {
        let directory = path.parent().unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let own = directory.ends_with(".edgestage");
        let cache = |part: &str| directory == Path::new(CACHE).join(part);
        let digest = |end: &str| name.strip_suffix(end).filter(|digest| digest.len() == 64);
        if path == Path::new(LOCK) {
            return Self::Lock;
        }
        if let Some(content) = digest(".tgz").filter(|_| cache("archives")) {
            return Self::Entry(content);
        }
        if let Some(kept) = digest(".tgz").filter(|_| directory.ends_with(".edgestage/replaced")) {
            return Self::Kept(kept);
        }
        let claim = digest(".claim").is_some() && cache("tmp");
        let beside = own || cache("tmp") || directory == Path::new("site");
        if claim || beside && is_temporary(name) {
            return Self::Passing;
        }
        match name {
            "spc.tgz" => Self::Placement,
            "lock" | ".gitignore" | "staged" if own => Self::Own,
            _ => Self::Foreign,
        }
    }
}

/// Whether a name has the form `.edgestage-??????.tmp`.
fn is_temporary(name: &str) -> bool {
    let random = name.strip_prefix(".edgestage-");
    let random = random.and_then(|rest| rest.strip_suffix(".tmp"));
    random.is_some_and(|random| random.len() == 6)
}

#[test]
fn every_failpoint_is_one_where_a_run_is_killed() {
    let killed: BTreeSet<_> = SCENARIOS.iter().flat_map(|each| each.failpoints).collect();
    assert_eq!(killed, ALL.iter().collect());
}

#[test]
fn the_first_stage_of_all() {
    FIRST.is_killed_everywhere();
}

#[test]
fn stage_of_other_profiles() {
    CHANGED.is_killed_everywhere();
}

#[test]
fn stage_of_another_definition() {
    TURN.is_killed_everywhere();
}

#[test]
fn stage_over_files_of_somebody_else() {
    OVER.is_killed_everywhere();
}

#[test]
fn stage_of_several_definitions() {
    SEVERAL.is_killed_everywhere();
}

#[test]
fn fetch_of_several_definitions() {
    FETCH.is_killed_everywhere();
}

#[test]
fn update_after_drift() {
    UPDATE.is_killed_everywhere();
}

#[test]
fn unstage() {
    UNSTAGE.is_killed_everywhere();
}

#[test]
fn cache_clean() {
    CLEAN.is_killed_everywhere();
}

#[test]
fn cache_clean_that_keeps_what_is_locked() {
    KEEP.is_killed_everywhere();
}

/// The run is killed again while it completes what a killed run left.
#[test]
fn a_second_kill() {
    for place in [FIRST.place, CHANGED.place] {
        for second in TURN.failpoints {
            let test = place();
            let stage = || test.run("stage -q").any_stdout();
            assert!(stage().kill_at("overlay-renamed", 1));
            // The first of the two is right by now, and is not written again.
            let is_reached = !second.starts_with("overlay");
            assert_eq!(stage().kill_at(second, 1), is_reached, "{second}");
            stage().success();
            test.run("verify").any_stdout().success();
            assert!(!test.tree().contains(".tmp\n"), "{}", test.tree());
        }
    }
}

/// `unstage` removes the files that a killed `stage` left, including its copies.
#[test]
fn unstage_after_a_killed_stage() {
    for place in [FIRST.place, CHANGED.place] {
        for failpoint in FIRST.failpoints {
            let test = place();
            let stage = test.run("stage -q").any_stdout();
            assert!(stage.kill_at(failpoint, 1), "{failpoint}");
            test.run("unstage -q").any_stdout().success();
            test.run("verify --expect-none").any_stdout().success();
            let tree = test.tree();
            assert!(
                !tree.contains(".edgestage/.edgestage-"),
                "{failpoint}\n{tree}"
            );
        }
    }
}

/// The next run also removes the directories that it created.
#[test]
fn unstage_again_removes_the_directories() {
    for failpoint in UNSTAGE.failpoints {
        let test = Test::new().stage();
        let unstage = || test.run("unstage -q").any_stdout();
        assert!(unstage().kill_at(failpoint, 1));
        unstage().success();
        let overlay = test.path("CanvOS/overlay/files-iso/opt/spectrocloud");
        assert!(!overlay.join("clusterconfig").exists(), "{failpoint}");
        assert!(overlay.join("content/Readme.txt").exists());
    }
}

#[test]
fn attest_about_an_image() {
    ATTEST.is_killed_everywhere();
}

//! The archive check compared with other readers: GNU tar, bsdtar and Python's tarfile read
//! every archive that it accepts as the same files, directories and links, with the same
//! content.
//!
//! Archives in the formats of common archivers are changed in one to three places, mostly where
//! readers are known to differ. The suite tries a few hundred archives, always the same ones;
//! `MINUTES=10 ./scripts/fuzz readers` tries others for that long, includes Go if it is
//! installed, and prints the results. `SEED` repeats a run.

mod draft;
mod mutations;
mod names;
mod readers;
mod records;
mod writers;

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use edgestage::archive::{self, InspectError, Inventory, NOTHING};
use edgestage::util::limits::Limits;
use fastrand::Rng;

use draft::Draft;
use mutations::MUTATIONS;
use readers::{Answer, Readers, Seen, Tree, differences};

/// The number of archives that the suite tries.
const TRIED: u64 = 800;
/// One in this many refused archives is given to the readers, to find out whether it was
/// refused needlessly.
const REFUSED_AND_ASKED: u64 = 10;

/// The results for the archives.
#[derive(Default)]
struct Ledger {
    tried: u64,
    accepted: u64,
    /// The numbers of archives tried and accepted, by mutation.
    mutations: BTreeMap<&'static str, (u64, u64)>,
    /// The numbers by the text of the refusal: all, those given to the readers, and those on
    /// which the readers agreed.
    refusals: BTreeMap<String, (u64, u64, u64)>,
    faults: Vec<String>,
}

/// Returns an archive, and what was changed in it.
fn mutated(seed: u64) -> (Vec<&'static str>, Draft) {
    let mut rng = Rng::with_seed(seed);
    let mut draft = draft::draft(&mut rng);
    let names = (0..rng.usize(..4)).map(|_| {
        let (name, mutation) = MUTATIONS[rng.usize(..MUTATIONS.len())];
        mutation(&mut rng, &mut draft);
        name
    });
    let names = names.collect();
    draft.let_owner_in();
    (names, draft)
}

/// Returns the archive's tree in the form of the check, which keeps only files.
fn files(tree: &Tree) -> Vec<(Vec<u8>, u64, String)> {
    let files = tree.iter().filter_map(|(path, seen)| match seen {
        Seen::File { size, sha256 } => Some((path.clone(), *size, sha256.clone())),
        _ => None,
    });
    files.collect()
}

fn same_files(inventory: &Inventory, tree: &Tree) -> bool {
    let ours = inventory.files.iter();
    let ours: Vec<_> = ours
        .map(|(path, file)| (path.clone(), file.size, file.digest.to_string()))
        .collect();
    ours == files(tree)
}

/// Returns how the readers differ from each other or from the check.
fn disagreement(answers: &[(&str, Answer)], inventory: Option<&Inventory>) -> Option<String> {
    let mut said = String::new();
    for (name, answer) in answers {
        if let Err(error) = answer {
            let _ = writeln!(said, "{name}: {}", error.trim());
        }
    }
    let trees = answers.iter().filter_map(|(name, answer)| {
        let tree = answer.as_ref().ok()?;
        Some((*name, tree))
    });
    let trees: Vec<(&str, &Tree)> = trees.collect();
    for pair in trees.windows(2) {
        if pair[0].1 != pair[1].1 {
            let _ = writeln!(said, "{} and {}:", pair[0].0, pair[1].0);
            said += &differences(pair[0].1, pair[1].1);
        }
    }
    for (name, tree) in trees {
        if inventory.is_some_and(|inventory| !same_files(inventory, tree)) {
            let _ = writeln!(said, "{name} has not the files that were digested");
        }
    }
    (!said.is_empty()).then_some(said)
}

/// Returns a refusal without the parts that differ between archives.
fn kind_of(refusal: &str) -> String {
    let words = refusal.split('`').step_by(2);
    words.collect::<Vec<_>>().join("…")
}

fn try_one(seed: u64, readers: &mut Readers, ledger: &Mutex<Ledger>) {
    let (names, draft) = mutated(seed);
    let archive = draft.gzip();
    let judged = archive::inspect(&archive[..], &Limits::default(), NOTHING);
    let inventory = match &judged {
        Ok(inventory) => Some(inventory),
        Err(InspectError::Refused(_)) => None,
        Err(InspectError::Io(error)) => panic!("seed {seed}: {error}"),
    };
    // Nobody is to unpack a device here.
    let is_harmless = !draft
        .members
        .iter()
        .any(|member| matches!(member.kind(), b'3' | b'4' | b'6'));
    let is_asked = inventory.is_some() || is_harmless && seed.is_multiple_of(REFUSED_AND_ASKED);
    let differ = is_asked.then(|| disagreement(&readers.read(&archive), inventory));
    let mut ledger = ledger.lock().unwrap();
    ledger.tried += 1;
    ledger.accepted += u64::from(inventory.is_some());
    for name in &names {
        let counts = ledger.mutations.entry(name).or_default();
        counts.0 += 1;
        counts.1 += u64::from(inventory.is_some());
    }
    if names.is_empty() && inventory.is_none() {
        let said = format!("seed {seed}: nothing was changed, and it is refused");
        ledger.faults.push(said);
    }
    match judged {
        Ok(_) => {
            if let Some(Some(differ)) = differ {
                let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{seed}.tgz"));
                std::fs::write(&file, &archive).unwrap();
                let said = format!("{} ({names:?})\n{differ}", file.display());
                ledger.faults.push(said);
            }
        }
        Err(InspectError::Refused(refusal)) => {
            let kind = kind_of(&refusal.to_string());
            let counts = ledger.refusals.entry(kind).or_default();
            counts.0 += 1;
            counts.1 += u64::from(is_asked);
            counts.2 += u64::from(differ == Some(None));
        }
        Err(InspectError::Io(_)) => {}
    }
}

/// Tries archives of these seeds until there are `most`, or until the time `until`.
fn try_all(first: u64, most: u64, until: Option<Instant>, go: Option<&Path>) -> Ledger {
    let ledger = Mutex::new(Ledger::default());
    let next = AtomicU64::new(0);
    let work = || {
        let mut readers = Readers::start(go);
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= most || until.is_some_and(|until| Instant::now() > until) {
                return;
            }
            try_one(first.wrapping_add(number), &mut readers, &ledger);
        }
    };
    let workers = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    ledger.into_inner().unwrap()
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>8} archives", self.tried)?;
        writeln!(f, "{:>8} accepted", self.accepted)?;
        writeln!(f, "{:>8} read differently\n", self.faults.len())?;
        writeln!(f, "   tried accepted, by what was changed")?;
        for (name, (tried, accepted)) in &self.mutations {
            writeln!(f, "{tried:>8} {accepted:>8} {name}")?;
        }
        writeln!(f, "\n refused    asked    alike, by the refusal")?;
        for (kind, (all, asked, alike)) in &self.refusals {
            writeln!(f, "{all:>8} {asked:>8} {alike:>8} {kind}")?;
        }
        for fault in self.faults.iter().take(100) {
            writeln!(f, "\n{fault}")?;
        }
        Ok(())
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap())
}

/// Returns `list.go` as a program, if Go is installed and builds it.
fn go(into: &Path) -> Option<PathBuf> {
    let source = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/suite/archive_readers/list.go"
    );
    let program = into.join("list");
    let built = Command::new("go")
        .arg("build")
        .arg("-o")
        .args([&program, Path::new(source)])
        .status();
    built
        .is_ok_and(|status| status.success())
        .then_some(program)
}

/// Prints past the capture of the test harness.
fn print(text: &str) {
    std::io::stdout().write_all(text.as_bytes()).unwrap();
}

#[test]
fn what_is_accepted_all_readers_read_alike() {
    let seed = number("READERS_SEED").unwrap_or(0);
    let ledger = match number("READERS_MINUTES") {
        None => try_all(seed, TRIED, None, None),
        Some(minutes) => {
            let directory = tempfile::tempdir().unwrap();
            let go = go(directory.path());
            if go.is_none() {
                print("Go is not asked: there is none that builds list.go\n");
            }
            let until = Instant::now() + Duration::from_secs(60 * minutes);
            let ledger = try_all(seed, u64::MAX, Some(until), go.as_deref());
            print(&format!("\n{ledger}"));
            ledger
        }
    };
    assert!(ledger.faults.is_empty(), "{ledger}");
    // A check that refuses everything would pass until here.
    let share = 100 * ledger.accepted / ledger.tried;
    assert!(share > 30, "{share} % are accepted: {ledger}");
}

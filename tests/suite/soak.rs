//! Many runs against a Palette of which every third answer fails, some of them killed:
//! afterwards all files are intact, and every failure had a reason.
//!
//! The suite does a few runs; `SOAK=1000 cargo test --test suite -- soak --nocapture` does that
//! many and prints the ledger. `SOAK_SEED` repeats a run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use edgestage::lockfile::Lockfile;
use palette_sim::{Act, Fault, Route};
use serde_json::json;

use crate::support::{HEAD, OVERLAY, ROOT, Test, content_sha256};

/// The definitions, and what each is made of.
const DEFINITIONS: [(&str, &str); 3] = [
    ("factory", r#"["edge-infra@2.1.0", "hello-universe@1.2.0"]"#),
    ("store", r#"["edge-infra@2.0.0"]"#),
    ("depot", r#"["edge-infra@2.1.0"]"#),
];

/// A small generator, so that the seed is enough to repeat a run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn act(&mut self) -> Act {
        let at = self.roll(1500);
        match self.roll(18) {
            0 => Act::status(408),
            1 => Act::status(429).header("Retry-After", "0"),
            2 => Act::status(500),
            3 => Act::status(502),
            4 => Act::text(503, "over capacity").header("Retry-After", "0"),
            5 => Act::text(504, "gateway timeout"),
            6 => Act::ResetBeforeHead,
            7 => Act::CloseBeforeHead,
            8 => Act::ResetInHead,
            9 => Act::ResetInBody(at),
            10 => Act::CloseInBody(at),
            11 => Act::CloseAfter,
            12 => Act::WrongLength(1 + i64::try_from(at).unwrap()),
            13 => Act::Html200,
            14 => Act::Json200(json!({"code": "Oops", "message": "not an archive"})),
            15 => Act::EmptyBody,
            16 => Act::status(404),
            _ => Act::Bytes(b"\x1f\x8b\x08\x00 no archive at all".to_vec()),
        }
    }
}

/// What happened, how often.
#[derive(Default)]
struct Ledger(BTreeMap<String, u64>);

impl Ledger {
    fn note(&mut self, what: impl Into<String>, times: u64) {
        *self.0.entry(what.into()).or_default() += times;
    }

    fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or_default()
    }

    fn sum(&self, prefix: &str) -> u64 {
        let of = self.0.iter().filter(|(what, _)| what.starts_with(prefix));
        of.map(|(_, times)| times).sum()
    }
}

struct Soak {
    test: Test,
    dice: Dice,
    ledger: Ledger,
    /// The content of each definition.
    known: BTreeMap<String, String>,
}

impl Soak {
    fn new(seed: u64) -> Self {
        let mut manifest = HEAD.replace("retries = 0", "retries = 3");
        for (name, profiles) in DEFINITIONS {
            write!(manifest, "\n[definition.{name}]\nprofiles = {profiles}\n").unwrap();
        }
        let test = Test::new().manifest(&manifest);
        let mut known = BTreeMap::new();
        for (name, _) in DEFINITIONS {
            test.run(&format!("stage -q {name}")).any_stdout().success();
            known.insert(name.to_owned(), content_sha256(&test.staged()));
        }
        Self {
            test,
            dice: Dice(seed | 1),
            ledger: Ledger::default(),
            known,
        }
    }

    /// Runs `stage` once; kills it at some time if `kill` is true.
    fn stage(&mut self, kill: bool) {
        if self.dice.roll(2) == 0 {
            self.test.forget_cache();
        }
        if self.dice.roll(4) == 0 {
            let _ = std::fs::remove_file(self.test.path("profiles.lock"));
        }
        let (name, _) = DEFINITIONS[usize::try_from(self.dice.roll(3)).unwrap()];
        self.test.sim.clear_faults();
        self.test.sim.clear_requests();
        for number in 0..12 {
            let fault = Fault::on(Route::Any, self.dice.act());
            self.test.sim.fault(fault.skip(2 + 2 * number));
        }
        let mut child = self.test.run(&format!("stage {name}")).spawn();
        if kill {
            std::thread::sleep(Duration::from_millis(self.dice.roll(120)));
            let _ = child.kill();
        }
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let asked = self.test.sim.requests().len() as u64;
        let faults = asked / 3;
        let retries = said.matches("Retrying").count() as u64;
        self.ledger.note("answers", asked);
        self.ledger.note("answers that went wrong", faults);
        self.ledger.note("retries", retries);
        let ended = match (output.status.code(), output.status.signal()) {
            (Some(code), _) => format!("exit code {code}"),
            (None, signal) => format!("killed by signal {}", signal.unwrap_or_default()),
        };
        self.ledger.note(format!("run: {ended}"), 1);
        match output.status.code() {
            Some(0) => {
                assert!(
                    retries <= faults,
                    "{retries} retries, {faults} faults: {said}"
                );
                assert_eq!(content_sha256(&self.test.staged()), self.known[name]);
            }
            // Rejected, unreachable, no archive: each for a fault that is told.
            Some(1) => assert!(faults > 0 && said.contains("Palette rejected"), "{said}"),
            Some(2 | 4 | 5 | 6) => assert!(faults > 0 && said.contains("error["), "{said}"),
            Some(code) => panic!("exit code {code}: {said}"),
            None => assert!(kill, "{ended}: {said}"),
        }
    }

    /// Checks that every file is intact: an old one or a new one.
    fn look(&mut self) {
        for placement in [OVERLAY, ROOT] {
            if let Ok(bytes) = std::fs::read(self.test.path(&Test::placement(placement))) {
                let content = content_sha256(&bytes);
                assert!(
                    self.known.values().any(|known| *known == content),
                    "{placement}"
                );
            }
        }
        for path in self.test.cached() {
            let content = content_sha256(&std::fs::read(&path).unwrap());
            assert_eq!(path.file_stem().unwrap().to_str(), Some(&content[..]));
        }
        let lock = Lockfile::load(&self.test.path("profiles.lock")).unwrap();
        for (name, locked) in lock.definitions.iter() {
            assert_eq!(locked.content_sha256.to_string(), self.known[name]);
        }
        self.ledger
            .note("locks, caches and checkouts found whole", 1);
    }

    /// Runs each definition once without a fault, and checks that nothing is left of the other
    /// runs.
    fn end(mut self, runs: u64) -> Ledger {
        self.test.sim.clear_faults();
        for (name, _) in DEFINITIONS {
            self.test
                .run(&format!("stage -q {name}"))
                .any_stdout()
                .success();
            self.test
                .run(&format!("verify {name}"))
                .any_stdout()
                .success();
        }
        let tree = self.test.tree();
        assert!(!tree.contains("/.edgestage-"), "{tree}");
        assert_eq!(self.ledger.sum("run: "), runs);
        assert_eq!(
            self.ledger.of("locks, caches and checkouts found whole"),
            runs
        );
        std::mem::take(&mut self.ledger)
    }
}

fn number(variable: &str, default: u64) -> u64 {
    let text = std::env::var(variable).ok();
    text.map_or(default, |text| text.parse().expect(variable))
}

#[test]
fn many_runs_with_faults_and_kills() {
    let runs = number("SOAK", 40);
    let seed = number("SOAK_SEED", 0x9e37_79b9_7f4a_7c15);
    let mut soak = Soak::new(seed);
    for run in 1..=runs {
        soak.stage(run % 10 == 0);
        soak.look();
    }
    let ledger = soak.end(runs);
    let mut told = format!("{runs} runs, seed {seed}\n");
    for (what, times) in &ledger.0 {
        writeln!(told, "{times:>8} {what}").unwrap();
    }
    std::io::stdout().write_all(told.as_bytes()).unwrap();
    // A soak without a fault would prove nothing.
    assert!(ledger.of("answers that went wrong") > runs / 4);
    assert!(ledger.of("run: exit code 0") > 0 && ledger.of("retries") > 0);
}

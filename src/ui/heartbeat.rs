//! Heartbeats in a log: a line now and then while something takes long and nothing else is
//! printed. Many CI systems end a silent job, and people then read the log.

use std::time::{Duration, Instant};

use super::work::{Phase, Transfer, TransferKind, What, Work};
use crate::util::sanitize;

/// The longest silence, as a multiple of the first one.
const LONGEST: u32 = 4;

/// The time of the next heartbeat.
pub(super) struct Beat {
    /// The length of the first silence.
    first: Duration,
    /// The length of the current silence.
    silence: Duration,
    /// The time of the last output.
    last: Instant,
}

impl Beat {
    /// Creates the heartbeat of a log in which silence of this length is broken.
    pub(super) fn new(first: Duration) -> Self {
        Self {
            first,
            silence: first,
            last: Instant::now(),
        }
    }

    /// Records that a line was printed, so that silence begins anew.
    pub(super) fn said(&mut self) {
        self.last = Instant::now();
        self.silence = self.first;
    }

    /// Returns when the next heartbeat is due. Returns `None` if nothing is in progress, or if
    /// the silence is longer than the clock can represent.
    pub(super) fn due(&self, work: &Work) -> Option<Instant> {
        work.since()?.max(self.last).checked_add(self.silence)
    }

    /// Records a heartbeat; the next silence is longer.
    pub(super) fn beaten(&mut self, now: Instant) {
        self.last = now;
        let longest = self.first.saturating_mul(LONGEST);
        self.silence = self.silence.saturating_mul(2).min(longest);
    }
}

/// Returns what is in progress, as the object of `Still`; `received` is the number of bytes of
/// all downloads.
pub(super) fn sentence(work: &Work, received: u64, now: Instant) -> String {
    let waited = |since: Instant| sanitize::time(now.saturating_duration_since(since));
    let mut tasks = work.tasks();
    if let (Some(only), None, None) = (tasks.next(), tasks.next(), &work.fleet) {
        let waited = waited(only.since);
        return match &only.what {
            What::Question(call) => format!("asking Palette: {call}, {waited}"),
            What::Wait(verb, object) => format!("{} {object}, {waited}", verb.to_lowercase()),
            What::Download(transfer) => download(transfer, &waited, now),
        };
    }
    let mut parts = Vec::new();
    if let Some(fleet) = &work.fleet {
        parts.push(format!("{} of {} done", fleet.done, fleet.total));
        if fleet.failed > 0 {
            parts.push(format!("{} failed", fleet.failed));
        }
    }
    let count = |is: fn(&What) -> bool| work.tasks().filter(|task| is(&task.what)).count();
    for (n, noun) in [
        (count(|what| matches!(what, What::Download(_))), "download"),
        (count(|what| matches!(what, What::Question(_))), "request"),
        (count(|what| matches!(what, What::Wait(..))), "wait"),
    ] {
        parts.extend((n > 0).then(|| sanitize::count(n, noun)));
    }
    parts.extend((received > 0).then(|| sanitize::size(received)));
    parts.extend(work.since().map(waited));
    format!("working: {}", parts.join(", "))
}

fn download(transfer: &Transfer, waited: &str, now: Instant) -> String {
    let Transfer { name, .. } = transfer;
    let came = sanitize::size(transfer.received());
    let verb = transfer.kind.verb();
    match transfer.phase {
        Phase::Asked(_) if transfer.kind == TransferKind::Push => {
            format!("waiting for the registry: {name}, {waited}")
        }
        Phase::Asked(_) => format!("waiting for the archive of {name}, {waited}"),
        Phase::Receiving(None) => format!("{verb} {name}: {came}, {waited}"),
        Phase::Receiving(Some(length)) => {
            let length = sanitize::size(length);
            format!("{verb} {name}: {came} of {length}, {waited}")
        }
        Phase::Paused(until) => {
            let left = sanitize::time(until.saturating_duration_since(now));
            format!("fetching {name}: next attempt in {left}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::work::Fleet;
    use std::sync::atomic::Ordering;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn silence_is_broken_less_and_less_often() {
        let mut beat = Beat::new(15 * SECOND);
        let mut work = Work::default();
        assert_eq!(beat.due(&work), None);
        let start = Instant::now() + SECOND;
        work.begin(What::Question("GET /".into()), start);
        let mut at = Vec::new();
        for _ in 0..5 {
            let due = beat.due(&work).unwrap();
            at.push(due.duration_since(start).as_secs());
            beat.beaten(due);
        }
        assert_eq!(at, [15, 45, 105, 165, 225]);
        beat.said();
        let due = beat.due(&work).unwrap();
        assert_eq!(due.duration_since(start), 15 * SECOND);
    }

    #[test]
    fn a_silence_that_no_clock_can_count_is_never_broken() {
        let mut work = Work::default();
        work.begin(What::Question("GET /".into()), Instant::now());
        for first in [u64::MAX, i64::MAX.unsigned_abs()] {
            let mut beat = Beat::new(Duration::from_secs(first));
            assert_eq!(beat.due(&work), None);
            beat.beaten(Instant::now());
            assert_eq!(beat.due(&work), None);
        }
    }

    #[test]
    fn what_is_said_of_it() {
        let mut work = Work::default();
        let now = Instant::now();
        let id = work.begin(
            What::Download(Transfer::new("factory", TransferKind::Fetch)),
            now,
        );
        let said = |work: &Work| sentence(work, 3 << 20, now + 30 * SECOND);
        assert_eq!(said(&work), "waiting for the archive of factory, 30 s");
        let transfer = work.transfer(id).unwrap();
        transfer.begins(Some(900 << 20), now);
        transfer.bytes.store(120 << 20, Ordering::Relaxed);
        let text = "downloading factory: 120.0 MiB of 900.0 MiB, 30 s";
        assert_eq!(said(&work), text);
        work.transfer(id).unwrap().phase = Phase::Receiving(None);
        assert_eq!(said(&work), "downloading factory: 120.0 MiB, 30 s");
        work.transfer(id).unwrap().phase = Phase::Paused(now + 50 * SECOND);
        let text = "fetching factory: next attempt in 20 s";
        assert_eq!(said(&work), text);
        work.begin(What::Question("GET /".into()), now);
        work.begin(What::Question("GET /".into()), now);
        let text = "working: 1 download, 2 requests, 3.0 MiB, 30 s";
        assert_eq!(said(&work), text);
        work.fleet = Some(Fleet {
            since: now,
            total: 50,
            done: 12,
            failed: 1,
        });
        let text = "working: 12 of 50 done, 1 failed, 1 download, 2 requests, 3.0 MiB, 30 s";
        assert_eq!(said(&work), text);
        let mut work = Work::default();
        work.begin(What::Wait("Waiting", "for the checkout".into()), now);
        assert_eq!(said(&work), "waiting for the checkout, 30 s");
        let mut work = Work::default();
        work.begin(What::Question("GET /v1/x".into()), now);
        assert_eq!(said(&work), "asking Palette: GET /v1/x, 30 s");
    }
}

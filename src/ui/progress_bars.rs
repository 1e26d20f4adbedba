//! Progress lines for a terminal: a bar for each download, a spinner for work that cannot be
//! counted, and a counter for several definitions. Lines are narrower than the terminal.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::screen::{Line, Size, width};
use super::work::{Fleet, Phase, Task, Transfer, What, Work};
use crate::util::sanitize;

/// The time before work gets a line.
const DELAY: Duration = Duration::from_millis(300);
/// The frames of a spinner.
const SPINNER_FRAMES: [char; 4] = ['-', '\\', '|', '/'];
/// The time for each frame, in milliseconds.
const FRAME_TIME: u128 = 120;
/// The column at which verbs and names end.
const HEAD: usize = 12;
/// The maximum width of a bar in columns, without its brackets.
const WIDEST: usize = 30;
/// The minimum width of a bar, in columns.
const NARROWEST: usize = 6;

/// Returns the lines for `work`; `received` is the number of bytes of all downloads.
pub(super) fn lines(work: &Work, received: u64, now: Instant, size: Size) -> Vec<Line> {
    let columns = size.columns.saturating_sub(1);
    let elapsed = |since: Instant| now.saturating_duration_since(since);
    let seen = |since: Instant| elapsed(since) >= DELAY;
    let mut bars = Vec::new();
    let mut below = Vec::new();
    let mut questions: Vec<(&Task, &str)> = Vec::new();
    for task in work.tasks().filter(|task| seen(task.since)) {
        match &task.what {
            What::Download(transfer) => {
                let spinner_frame = spinner_frame(elapsed(task.since));
                bars.push(download(transfer, spinner_frame, now, columns));
            }
            What::Question(call) => questions.push((task, call)),
            What::Wait(verb, object) => {
                let object = std::slice::from_ref(object);
                below.push(spinner(verb, object, elapsed(task.since), columns));
            }
        }
    }
    if let Some((oldest, call)) = questions.first() {
        let texts = match questions.len() {
            // A part of an address would be useless.
            1 => [format!("Palette: {call}"), "Palette".into()],
            n => {
                let count = sanitize::count(n, "request");
                [format!("Palette, {count}"), "Palette".into()]
            }
        };
        below.insert(0, spinner("Asking", &texts, elapsed(oldest.since), columns));
    }
    let fleet = work.fleet.as_ref().filter(|fleet| seen(fleet.since));
    below.extend(fleet.map(|fleet| counter(fleet, received, now, columns)));
    // More lines than fit could not be redrawn.
    let room = size.rows.saturating_sub(1).max(1);
    below.truncate(room);
    let room = room - below.len();
    if bars.len() > room {
        let hidden = bars.len() - room.saturating_sub(1);
        bars.truncate(room.saturating_sub(1));
        let more = format!(" {}", sanitize::count(hidden, "more download"));
        bars.extend((room > 0).then(|| line(&format!("{:HEAD$}", ""), &more, columns)));
    }
    bars.extend(below);
    bars
}

fn download(transfer: &Transfer, spinner_frame: char, now: Instant, columns: usize) -> Line {
    let name = truncate(&transfer.name, HEAD.max(columns / 3));
    let head = format!("{name:>HEAD$}");
    let received = transfer.received();
    let speed = match transfer.speed.per_second() {
        Some(speed) => format!(", {}/s", sanitize::size(speed)),
        None => String::new(),
    };
    match transfer.phase {
        Phase::Asked(asked) => {
            let waited = sanitize::time(now.saturating_duration_since(asked));
            let text = format!(
                " waiting for {}, {waited} {spinner_frame}",
                transfer.kind.server()
            );
            line(&head, &text, columns)
        }
        Phase::Paused(until) => {
            let left = sanitize::time(until.saturating_duration_since(now));
            let text = format!(" next attempt in {left} {spinner_frame}");
            line(&head, &text, columns)
        }
        Phase::Receiving(None) => {
            let came = sanitize::size(received);
            let text = format!(" {came}{speed} {spinner_frame}");
            line(&head, &text, columns)
        }
        Phase::Receiving(Some(length)) => {
            let missing = length.saturating_sub(received);
            let left = transfer.speed.left(missing).filter(|_| missing > 0);
            let left = left.map_or(String::new(), |left| format!(", {}", sanitize::time(left)));
            let of = format!("{} of {}", sanitize::size(received), sanitize::size(length));
            let long = if left.is_empty() { "" } else { " left" };
            let share = Share {
                done: received,
                all: length,
            };
            let percent = format!("{} %", share.of(100));
            let tails = [
                format!("{of}{speed}{left}{long}"),
                format!("{percent}{speed}{left}{long}"),
                format!("{percent}{speed}{left}"),
                format!("{percent}{left}"),
                percent,
            ];
            bar(&head, share, &tails, columns)
        }
    }
}

/// Returns the progress of a run with several definitions.
fn counter(fleet: &Fleet, received: u64, now: Instant, columns: usize) -> Line {
    let mut tail = format!("{} of {}", fleet.done, fleet.total);
    let mut tails = vec![tail.clone()];
    if fleet.failed > 0 {
        let _ = write!(tail, ", {} failed", fleet.failed);
        tails.insert(0, tail.clone());
    }
    if received > 0 {
        let _ = write!(tail, ", {}", sanitize::size(received));
        tails.insert(0, tail.clone());
    }
    let time = sanitize::time(now.saturating_duration_since(fleet.since));
    tails.insert(0, format!("{tail}, {time}"));
    let share = Share {
        done: fleet.done as u64,
        all: fleet.total as u64,
    };
    bar(&format!("{:>HEAD$}", "Fleet"), share, &tails, columns)
}

/// Returns a bar with the first of `tails` that leaves room for it, or a line without a bar if
/// none does.
fn bar(head: &str, share: Share, tails: &[String], columns: usize) -> Line {
    // The space, the two brackets, and the space after them.
    let taken = |tail: &String| width(head) + width(tail) + 4;
    let fitting = tails.iter().find(|tail| taken(tail) + NARROWEST <= columns);
    let Some(tail) = fitting else {
        let shortest = tails.iter().find(|tail| taken(tail) <= columns + 3);
        let shortest = shortest.or(tails.last()).map_or("", String::as_str);
        return line(head, &format!(" {shortest}"), columns);
    };
    let inside = (columns - taken(tail)).min(WIDEST);
    let full = usize::try_from(share.of(inside as u64)).unwrap_or(inside);
    let tip = if full < inside { ">" } else { "" };
    let bar = "=".repeat(full) + tip;
    line(head, &format!(" [{bar:inside$}] {tail}"), columns)
}

/// The completed part of a whole.
#[derive(Clone, Copy)]
struct Share {
    done: u64,
    all: u64,
}

impl Share {
    /// Returns the same share of `whole`, rounded down and at most `whole`.
    fn of(self, whole: u64) -> u64 {
        let parts = u128::from(self.done) * u128::from(whole) / u128::from(self.all.max(1));
        u64::try_from(parts).unwrap_or(whole).min(whole)
    }
}

/// Returns a spinner with a verb, the first of `objects` that fits, and the elapsed time.
fn spinner(verb: &str, objects: &[String], elapsed: Duration, columns: usize) -> Line {
    let tail = format!(", {} {}", sanitize::time(elapsed), spinner_frame(elapsed));
    let room = columns.saturating_sub(HEAD + 1 + width(&tail));
    let fitting = objects.iter().find(|object| width(object) <= room);
    let object = fitting.or(objects.last()).map_or("", String::as_str);
    let text = format!(" {}{tail}", truncate(object, room));
    line(&format!("{verb:>HEAD$}"), &text, columns)
}

/// Returns the frame of a spinner after this time.
fn spinner_frame(elapsed: Duration) -> char {
    let shown = elapsed.as_millis() / FRAME_TIME;
    SPINNER_FRAMES[usize::try_from(shown % 4).unwrap_or_default()]
}

/// Returns a line of both parts, truncated to the terminal's width.
fn line(head: &str, rest: &str, columns: usize) -> Line {
    let head = truncate(head, columns);
    let rest = truncate(rest, columns - width(&head));
    Line { head, rest }
}

/// Returns at most `columns` columns of `text`, with `…` if it was truncated.
fn truncate(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        if width(&kept) + width(c.encode_utf8(&mut [0; 4])) + width("…") > columns {
            break;
        }
        kept.push(c);
    }
    if columns >= width("…") {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::work::TransferKind;
    use std::sync::atomic::Ordering;

    const MIB: u64 = 1 << 20;

    fn shown(work: &Work, received: u64, now: Instant, size: (usize, usize)) -> String {
        let (columns, rows) = size;
        let lines = lines(work, received, now, Size { columns, rows });
        let text = |line: &Line| line.head.clone() + &line.rest;
        let lines: Vec<String> = lines.iter().map(text).collect();
        for line in &lines {
            assert!(line.chars().count() < columns.max(1), "{columns}: {line:?}");
        }
        assert!(lines.len() < rows.max(2), "{rows}: {lines:#?}");
        lines.join("\n")
    }

    /// A download that has received 90 of 900 MiB in 30 s.
    fn download(work: &mut Work, name: &str) -> Instant {
        let start = Instant::now();
        let id = work.begin(
            What::Download(Transfer::new(name, TransferKind::Fetch)),
            start,
        );
        let transfer = work.transfer(id).unwrap();
        transfer.begins(Some(900 * MIB), start);
        let now = start + Duration::from_secs(30);
        transfer.bytes.store(90 * MIB, Ordering::Relaxed);
        transfer.speed.measure(now, 90 * MIB);
        now
    }

    #[test]
    fn a_bar_says_as_much_as_fits() {
        let mut work = Work::default();
        let now = download(&mut work, "factory");
        for (columns, text) in [
            (
                100,
                "     factory [===>                          ] 90.0 MiB of 900.0 MiB, 3.0 MiB/s, 4 min 30 s left",
            ),
            (
                80,
                "     factory [=>            ] 90.0 MiB of 900.0 MiB, 3.0 MiB/s, 4 min 30 s left",
            ),
            (
                60,
                "     factory [=>         ] 10 %, 3.0 MiB/s, 4 min 30 s left",
            ),
            (40, "     factory [>      ] 10 %, 4 min 30 s"),
            (20, "     factory 10 %"),
            (8, "     …"),
            (1, ""),
            (0, ""),
        ] {
            assert_eq!(shown(&work, 0, now, (columns, 24)), text, "{columns}");
        }
    }

    #[test]
    fn what_a_download_is_about() {
        let mut work = Work::default();
        let start = Instant::now();
        let long = Transfer::new(&"long-name-".repeat(5), TransferKind::Fetch);
        let id = work.begin(What::Download(long), start);
        let now = start + Duration::from_millis(4100);
        let transfer = work.transfer(id).unwrap();
        transfer.phase = Phase::Asked(start);
        let text = shown(&work, 0, now, (80, 24));
        assert!(text.starts_with("long-name-long-name-long… waiting for Palette, 4 s "));
        let transfer = work.transfer(id).unwrap();
        transfer.phase = Phase::Paused(now + Duration::from_secs(7));
        let text = shown(&work, 0, now, (80, 24));
        assert!(text.contains(" next attempt in 7 s "), "{text}");
        let transfer = work.transfer(id).unwrap();
        transfer.begins(None, now);
        transfer.bytes.store(MIB, Ordering::Relaxed);
        let text = shown(&work, 0, now, (80, 24));
        assert!(text.contains(" 1.0 MiB "), "{text}");
        // The whole download, and more than was announced.
        let transfer = work.transfer(id).unwrap();
        transfer.begins(Some(MIB), now);
        for bytes in [MIB, 3 * MIB] {
            let transfer = work.transfer(id).unwrap();
            transfer.bytes.store(bytes, Ordering::Relaxed);
            let text = shown(&work, 0, now, (50, 24));
            assert!(text.contains(" [===========] "), "{text}");
        }
        // An empty download.
        work.transfer(id).unwrap().begins(Some(0), now);
        assert!(shown(&work, 0, now, (80, 24)).contains("0 B of 0 B"));
    }

    #[test]
    fn questions_share_a_line() {
        let mut work = Work::default();
        let call = "GET /v1/clusterprofiles/65c90a1b2c3d4e5f770daee5";
        let start = Instant::now();
        work.begin(What::Question(call.into()), start);
        let later = |millis| start + Duration::from_millis(millis);
        assert_eq!(shown(&work, 0, start, (80, 24)), "", "too soon");
        let text = shown(&work, 0, later(12_010), (80, 24));
        assert!(text.starts_with(&format!("      Asking Palette: {call}, 12 s ")));
        let text = shown(&work, 0, later(75_010), (40, 24));
        assert!(
            text.starts_with("      Asking Palette, 1 min 15 s "),
            "{text}"
        );
        work.begin(What::Question("GET /b".into()), start);
        let text = shown(&work, 0, later(2010), (40, 24));
        assert!(
            text.starts_with("      Asking Palette, 2 requests, 2 s "),
            "{text}"
        );
        work.begin(What::Wait("Waiting", "for the checkout".into()), start);
        let text = shown(&work, 0, later(2010), (40, 24));
        assert!(
            text.contains("\n     Waiting for the checkout, 2 s "),
            "{text}"
        );
    }

    #[test]
    fn a_fleet_fits_the_terminal() {
        let mut work = Work::default();
        let mut now = Instant::now();
        for n in 0..16 {
            now = download(&mut work, &format!("site-{n}"));
        }
        work.fleet = Some(Fleet {
            since: now,
            total: 50,
            done: 25,
            failed: 2,
        });
        now += Duration::from_secs(8);
        let text = shown(&work, 45 * MIB, now, (80, 24));
        assert_eq!(text.lines().count(), 17);
        let last = text.lines().last().unwrap();
        assert_eq!(
            last,
            "       Fleet [===============>              ] 25 of 50, 2 failed, 45.0 MiB, 8 s"
        );
        let text = shown(&work, 45 * MIB, now, (40, 6));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text}");
        assert_eq!(lines[3], "             13 more downloads");
        assert_eq!(lines[4], "       Fleet [=======>       ] 25 of 50");
        assert_eq!(shown(&work, 0, now, (40, 2)).lines().count(), 1);
        assert_eq!(shown(&work, 0, now, (40, 0)).lines().count(), 1);
    }
}

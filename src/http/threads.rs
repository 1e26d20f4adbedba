//! Checks whether enough threads are available for a download.

use std::io;
use std::sync::mpsc;
use std::thread;

/// The maximum number of threads of a download: the HTTP library's own, its resolver's, the
/// reader of a body and the inspector of an archive.
const THREADS: usize = 4;

/// Checks that the needed threads and `more` can be started. The HTTP library panics if it cannot
/// start one.
pub(crate) fn can_start(more: usize) -> io::Result<()> {
    thread::scope(|scope| {
        // All threads run at the same time; each ends with its channel.
        let mut all = Vec::new();
        for _ in 0..THREADS.saturating_add(more) {
            let (end, ended) = mpsc::channel::<()>();
            all.push(end);
            thread::Builder::new().spawn_scoped(scope, move || ended.recv())?;
        }
        Ok(())
    })
}

//! Whether there are threads enough for a download.

use std::io;
use std::sync::mpsc;
use std::thread;

/// The threads that one download takes at most: the HTTP library's own, its resolver's, the
/// reader of a body and the one that inspects an archive.
const THREADS: usize = 4;

/// Whether there are as many threads as are needed. The HTTP library panics where it lacks one.
pub(super) fn can_start() -> io::Result<()> {
    thread::scope(|scope| {
        // All at once: each of them ends with its channel.
        let mut all = Vec::new();
        for _ in 0..THREADS {
            let (end, ended) = mpsc::channel::<()>();
            all.push(end);
            thread::Builder::new().spawn_scoped(scope, move || ended.recv())?;
        }
        Ok(())
    })
}

//! The progress of downloads.

use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::{Report, lock};
use crate::fetch::Progress;
use crate::palette::Observer;

/// The progress of one download.
pub struct Download<'r> {
    report: &'r Report,
    name: String,
    bar: Mutex<Option<ProgressBar>>,
}

impl Report {
    /// The progress of the download of `definition`.
    #[must_use]
    pub fn download(&self, definition: &str) -> Download<'_> {
        Download {
            report: self,
            name: definition.to_owned(),
            bar: Mutex::new(None),
        }
    }
}

impl Observer for Download<'_> {
    fn retrying(&self, call: &str, why: &str, wait: Duration) {
        self.report.retrying(call, why, wait);
    }
}

impl Progress for Download<'_> {
    fn begins(&self, length: Option<u64>) {
        if !self.report.terminal {
            return;
        }
        let bar = match length {
            Some(length) => ProgressBar::new(length).with_style(style(
                "{prefix:>12} [{bar:30}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta}",
            )),
            None => ProgressBar::new_spinner()
                .with_style(style("{prefix:>12} {bytes}, {bytes_per_sec}")),
        };
        let bar = self.report.bars.add(bar.with_prefix(self.name.clone()));
        *lock(&self.bar) = Some(bar);
    }

    fn advances(&self, bytes: u64) {
        if let Some(bar) = &*lock(&self.bar) {
            bar.inc(bytes);
        }
    }

    fn ends(&self) {
        if let Some(bar) = lock(&self.bar).take() {
            bar.finish_and_clear();
            self.report.bars.remove(&bar);
        }
    }
}

/// The templates are constants; a bad one would fall back to the default look.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

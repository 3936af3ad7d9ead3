//! What is known of snapshots: when the last one was taken, when the next one is due, how the one
//! that is being taken gets on.

use super::loading::Load;
use crate::base::time::Now;
use crate::config::Config;
use crate::config::checks::SavePoint;

/// Microseconds in a second.
const SECOND: u64 = 1_000_000;
/// Microseconds after a failure before a snapshot is due again.
const RETRY_US: u64 = 5 * SECOND;

/// The engine's knowledge of its snapshots.
pub struct Persistence {
    /// When to take one by itself.
    points: Vec<SavePoint>,
    /// Changes since the start when the last one was taken.
    saved_dirty: u64,
    /// The same for the one that is being taken.
    pub(super) forked_dirty: u64,
    /// When the last one was taken; at first, when the engine was made.
    pub last_save: Now,
    /// When one was last begun.
    pub(super) last_try_us: u64,
    /// Whether the last one came to its end.
    pub is_ok: bool,
    /// How long the last one took, in seconds.
    pub took_s: Option<u64>,
    /// How many there were.
    pub saves: u64,
    /// Bytes of memory that were copied for the last one.
    pub copied_bytes: u64,
    /// One is to be taken as soon as nothing is in the way.
    pub is_scheduled: bool,
    /// Keys that the one that is being taken will have.
    pub keys_total: u64,
    /// Keys that were due, and keys that were taken in, when a snapshot was last loaded.
    pub loaded_keys: (u64, u64),
    /// Libraries of functions, as snapshots hold them.
    pub functions: Vec<Vec<u8>>,
    /// What is being loaded.
    pub loading: Option<Box<Load>>,
    /// Why the server cannot go on.
    pub failure: Option<String>,
    /// Sums of payloads and snapshots do not matter (DEBUG SET-SKIP-CHECKSUM-VALIDATION).
    pub skips_sums: bool,
}

impl Persistence {
    pub(super) fn new(config: &Config, now: Now) -> Persistence {
        Persistence {
            points: config.save_points(),
            saved_dirty: 0,
            forked_dirty: 0,
            last_save: now,
            last_try_us: 0,
            is_ok: true,
            took_s: None,
            saves: 0,
            copied_bytes: 0,
            is_scheduled: false,
            keys_total: 0,
            loaded_keys: (0, 0),
            functions: Vec::new(),
            loading: None,
            failure: None,
            skips_sums: false,
        }
    }

    /// Takes parameters into effect.
    pub fn follow(&mut self, config: &Config) {
        self.points = config.save_points();
    }

    /// True if snapshots are taken by themselves.
    pub fn has_points(&self) -> bool {
        !self.points.is_empty()
    }

    /// True while data is being loaded that clients have to wait for.
    #[inline]
    pub fn is_loading(&self) -> bool {
        self.loading.as_ref().is_some_and(|load| !load.serves_old())
    }

    /// True while data is being loaded and clients are served from the data that was there.
    #[inline]
    pub fn is_loading_aside(&self) -> bool {
        self.loading.as_ref().is_some_and(|load| load.serves_old())
    }

    /// True while something can be loaded now.
    #[inline]
    pub fn can_load_on(&self) -> bool {
        self.loading.as_ref().is_some_and(|load| !load.comes())
    }

    /// Changes since the last snapshot, of so many since the start.
    pub fn changes(&self, dirty: u64) -> u64 {
        dirty.saturating_sub(self.saved_dirty)
    }

    /// Notes that a snapshot is there that has the first so many changes.
    pub(super) fn note_saved(&mut self, dirty: u64, now: Now) {
        (self.saved_dirty, self.last_save) = (dirty, now);
        self.is_ok = true;
    }

    /// Counts changes from here: the data is what is kept.
    pub(super) fn forget_changes(&mut self, dirty: u64) {
        self.saved_dirty = dirty;
    }

    /// When a snapshot is due by itself after so many changes, on the monotonic clock in
    /// microseconds, and by which point.
    #[inline]
    pub(super) fn next_save(&self, dirty: u64) -> Option<(u64, SavePoint)> {
        let changes = self.changes(dirty);
        let reached = self.points.iter().filter(|point| changes >= point.changes);
        let first = reached.min_by_key(|point| point.seconds)?;
        let at = self.last_save.mono_us + first.seconds * SECOND;
        let not_before = if self.is_ok { 0 } else { self.last_try_us + RETRY_US };
        Some((at.max(not_before), *first))
    }

    /// When one that waits for nothing but a child may be begun.
    pub(super) fn scheduled_us(&self) -> Option<u64> {
        let not_before = if self.is_ok { 0 } else { self.last_try_us + RETRY_US };
        self.is_scheduled.then_some(not_before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_due_when_enough_has_changed_for_long_enough() {
        let config = Config { save: "900 1 60 10".to_owned(), ..Config::default() };
        let now = Now { unix_us: 0, mono_us: 5 * SECOND };
        let mut persistence = Persistence::new(&config, now);
        let due = |persistence: &Persistence, dirty| {
            persistence.next_save(dirty).map(|(at_us, _)| at_us / SECOND)
        };
        assert_eq!(due(&persistence, 0), None);
        assert_eq!(due(&persistence, 1), Some(905));
        assert_eq!(due(&persistence, 10), Some(65));
        persistence.note_saved(10, now.after(std::time::Duration::from_secs(60)));
        assert_eq!(due(&persistence, 10), None);
        assert_eq!(due(&persistence, 20), Some(125));
        (persistence.is_ok, persistence.last_try_us) = (false, 200 * SECOND);
        assert_eq!(due(&persistence, 20), Some(205));
    }
}

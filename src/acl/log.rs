//! What has been denied lately.

use crate::base::num;
use std::collections::VecDeque;

/// Entries that are looked at for one like the new one.
const ALIKE_AMONG: usize = 10;
/// Milliseconds within which entries are alike.
const ALIKE_MS: u64 = 60_000;
/// Bytes that are kept of what was denied, and of a user's name.
const TEXT_BYTES_MAX: usize = 16 * 1024;

/// What was denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A command.
    Command,
    /// A key.
    Key,
    /// A channel.
    Channel,
    /// A password.
    Auth,
}

impl Reason {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Command => "command",
            Reason::Key => "key",
            Reason::Channel => "channel",
            Reason::Auth => "auth",
        }
    }
}

/// Where the request stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// Alone.
    TopLevel,
    /// In a transaction.
    Multi,
    /// In a script.
    Script,
}

impl Context {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Context::TopLevel => "toplevel",
            Context::Multi => "multi",
            Context::Script => "lua",
        }
    }
}

/// A denial, or several that are alike.
#[derive(Clone, Debug)]
pub struct Entry {
    /// How many.
    pub count: u64,
    /// What was denied.
    pub reason: Reason,
    /// Where the request stood.
    pub context: Context,
    /// The name of the command, key or channel.
    pub object: Vec<u8>,
    /// Whom it was denied.
    pub user: Vec<u8>,
    /// Whose request the latest was, as CLIENT INFO tells it.
    pub client: String,
    /// Counts up from 0.
    pub id: u64,
    /// When the first one was, in milliseconds since 1970.
    pub created_ms: i64,
    /// When the latest one was.
    pub updated_ms: i64,
}

impl Entry {
    /// One denial at this moment.
    pub fn new(
        (reason, context): (Reason, Context),
        object: &[u8],
        user: &[u8],
        client: String,
        now_ms: i64,
    ) -> Entry {
        let kept = |text: &[u8]| text[..text.len().min(TEXT_BYTES_MAX)].to_vec();
        Entry {
            count: 1,
            reason,
            context,
            object: kept(object),
            user: kept(user),
            client,
            id: 0,
            created_ms: now_ms,
            updated_ms: now_ms,
        }
    }

    fn is_like(&self, other: &Entry) -> bool {
        (self.reason, self.context) == (other.reason, other.context)
            && self.updated_ms.abs_diff(other.updated_ms) <= ALIKE_MS
            && (&self.object, &self.user) == (&other.object, &other.user)
    }

    /// Seconds since the latest one.
    pub fn age_seconds(&self, now_ms: i64) -> f64 {
        let ms = u64::try_from(now_ms.saturating_sub(self.updated_ms)).unwrap_or(0);
        num::float(ms) / 1_000.0
    }
}

/// The latest denials, the youngest first.
#[derive(Default)]
pub struct Log {
    entries: VecDeque<Entry>,
    next_id: u64,
}

impl Log {
    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True without entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries, the youngest first.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Forgets all entries; numbers go on.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Counts a denial to one like it, or adds it and drops the oldest ones over `max`.
    pub fn add(&mut self, new: Entry, max: usize) {
        let alike = self.entries.iter().take(ALIKE_AMONG).position(|entry| entry.is_like(&new));
        if let Some(mut entry) = alike.and_then(|at| self.entries.remove(at)) {
            entry.count += 1;
            (entry.client, entry.updated_ms) = (new.client, new.updated_ms);
            self.entries.push_front(entry);
            return;
        }
        self.entries.push_front(Entry { id: self.next_id, ..new });
        self.next_id += 1;
        self.entries.truncate(max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(object: &str, now_ms: i64) -> Entry {
        let why = (Reason::Command, Context::TopLevel);
        Entry::new(why, object.as_bytes(), b"me", format!("at={now_ms}"), now_ms)
    }

    fn shown(log: &Log) -> Vec<String> {
        let show = |entry: &Entry| {
            let object = String::from_utf8_lossy(&entry.object).into_owned();
            format!("{} {object} {} {}", entry.id, entry.count, entry.client)
        };
        log.iter().map(show).collect()
    }

    #[test]
    fn what_is_alike_is_counted() {
        let mut log = Log::default();
        log.add(entry("get", 0), 9);
        log.add(entry("set", 1), 9);
        log.add(entry("get", 60_000), 9);
        assert_eq!(shown(&log), ["0 get 2 at=60000", "1 set 1 at=1"]);
        assert_eq!(log.iter().next().unwrap().age_seconds(61_500), 1.5);
        log.add(entry("set", 60_002), 9);
        assert_eq!(shown(&log)[0], "2 set 1 at=60002");
        let multi = Entry { context: Context::Multi, ..entry("set", 60_002) };
        log.add(multi, 9);
        assert_eq!(log.len(), 4);
    }

    #[test]
    fn the_oldest_make_room_and_only_the_youngest_are_compared() {
        let mut log = Log::default();
        (0..12).for_each(|i| log.add(entry(&i.to_string(), 0), 11));
        assert_eq!(log.len(), 11);
        log.add(entry("1", 0), 11);
        assert_eq!(shown(&log)[0], "12 1 1 at=0");
        log.add(entry("5", 0), 11);
        assert_eq!(shown(&log)[0], "5 5 2 at=0");
        log.clear();
        log.add(entry("x", 0), 0);
        assert!(log.is_empty());
    }

    #[test]
    fn long_names_are_cut() {
        let long = entry(&"x".repeat(100_000), 0);
        assert_eq!(long.object.len(), TEXT_BYTES_MAX);
    }
}

//! Which clients watch which keys for their transactions.

use crate::base::id::{ClientId, DbIndex};
use std::collections::BTreeMap;

/// The clients that watch one key, and whether it was there when they began to.
type Watchers = BTreeMap<ClientId, bool>;

/// The keys that are watched.
#[derive(Default)]
pub struct Watches {
    keys: BTreeMap<DbIndex, BTreeMap<Box<[u8]>, Watchers>>,
}

impl Watches {
    /// Has a client watch a key; false if it does already.
    pub fn add(&mut self, client: ClientId, db: DbIndex, key: &[u8], exists: bool) -> bool {
        let watchers = self.keys.entry(db).or_default().entry(key.into()).or_default();
        if watchers.contains_key(&client) {
            return false;
        }
        watchers.insert(client, exists);
        true
    }

    /// Has a client watch a key no more.
    pub fn remove(&mut self, client: ClientId, db: DbIndex, key: &[u8]) {
        let Some(keys) = self.keys.get_mut(&db) else { return };
        let Some(watchers) = keys.get_mut(key) else { return };
        watchers.remove(&client);
        if watchers.is_empty() {
            keys.remove(key);
        }
        if keys.is_empty() {
            self.keys.remove(&db);
        }
    }

    /// True if nobody watches anything.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Number of keys that are watched.
    pub fn len(&self) -> usize {
        self.keys.values().map(BTreeMap::len).sum()
    }

    /// Who watches a key, and whether it was there when that began.
    pub fn of(&self, db: DbIndex, key: &[u8]) -> impl Iterator<Item = (ClientId, bool)> {
        let watchers = self.keys.get(&db).and_then(|keys| keys.get(key));
        watchers.into_iter().flatten().map(|(client, existed)| (*client, *existed))
    }

    /// The keys of a database that are watched: each with who watches it, and whether it was there
    /// when that began.
    pub fn of_db(&self, db: DbIndex) -> impl Iterator<Item = (&[u8], ClientId, bool)> {
        self.keys.get(&db).into_iter().flatten().flat_map(|(key, watchers)| {
            watchers.iter().map(|(client, existed)| (&**key, *client, *existed))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_lasts_until_it_is_taken_away() {
        let mut watches = Watches::default();
        let (a, b) = (ClientId { serial: 1, slot: 0 }, ClientId { serial: 2, slot: 1 });
        assert!(watches.add(a, 0, b"k", true) && watches.add(b, 0, b"k", false));
        assert!(!watches.add(a, 0, b"k", false));
        assert!(watches.add(a, 1, b"k", true));
        assert_eq!(watches.len(), 2);
        assert_eq!(watches.of(0, b"k").collect::<Vec<_>>(), [(a, true), (b, false)]);
        assert_eq!(watches.of_db(0).collect::<Vec<_>>(), [(&b"k"[..], a, true), (b"k", b, false)]);
        watches.remove(a, 0, b"k");
        assert_eq!(watches.of(0, b"k").collect::<Vec<_>>(), [(b, false)]);
        watches.remove(b, 0, b"k");
        watches.remove(a, 1, b"k");
        assert!(watches.is_empty() && watches.of(0, b"k").next().is_none());
    }
}

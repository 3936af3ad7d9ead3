//! Which clients wait for which keys, in order of arrival, and until when.

use crate::base::id::{ClientId, DbIndex};
use std::collections::{BTreeMap, BTreeSet};

/// The clients that wait for one key, by ticket.
type Queue = BTreeMap<u64, ClientId>;

/// The clients that wait.
#[derive(Default)]
pub struct Waiters {
    keys: BTreeMap<DbIndex, BTreeMap<Box<[u8]>, Queue>>,
    timeouts: BTreeSet<(u64, ClientId)>,
    tickets: u64,
    len: usize,
}

impl Waiters {
    /// Has a client wait for keys of a database, and at most until a moment if one is given; the
    /// ticket tells its place.
    pub fn add<'k>(
        &mut self,
        client: ClientId,
        db: DbIndex,
        keys: impl Iterator<Item = &'k [u8]>,
        until_us: Option<u64>,
    ) -> u64 {
        self.tickets += 1;
        self.len += 1;
        let queues = self.keys.entry(db).or_default();
        for key in keys {
            queues.entry(key.into()).or_default().insert(self.tickets, client);
        }
        if let Some(until_us) = until_us {
            self.timeouts.insert((until_us, client));
        }
        self.tickets
    }

    /// Moves the moment until which a client waits.
    pub fn move_timeout(&mut self, client: ClientId, from_us: Option<u64>, to_us: Option<u64>) {
        if from_us != to_us {
            from_us.map(|at| self.timeouts.remove(&(at, client)));
            self.timeouts.extend(to_us.map(|at| (at, client)));
        }
    }

    /// Has a client wait no more; the arguments are those of [`Waiters::add`], and its ticket.
    pub fn remove<'k>(
        &mut self,
        client: ClientId,
        db: DbIndex,
        keys: impl Iterator<Item = &'k [u8]>,
        until_us: Option<u64>,
        ticket: u64,
    ) {
        self.len -= 1;
        if let Some(until_us) = until_us {
            self.timeouts.remove(&(until_us, client));
        }
        let Some(queues) = self.keys.get_mut(&db) else { return };
        for key in keys {
            if let Some(queue) = queues.get_mut(key) {
                queue.remove(&ticket);
                if queue.is_empty() {
                    queues.remove(key);
                }
            }
        }
        if queues.is_empty() {
            self.keys.remove(&db);
        }
    }

    /// Number of clients that wait.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True if nobody waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of keys that someone waits for.
    pub fn key_count(&self) -> usize {
        self.keys.values().map(BTreeMap::len).sum()
    }

    /// Number of clients that do not wait for ever.
    pub fn timeout_count(&self) -> usize {
        self.timeouts.len()
    }

    /// The first client with a ticket from `from` on that waits for a key, and its ticket.
    pub fn next(&self, db: DbIndex, key: &[u8], from: u64) -> Option<(u64, ClientId)> {
        let queue = self.keys.get(&db)?.get(key)?;
        queue.range(from..).next().map(|(ticket, client)| (*ticket, *client))
    }

    /// The keys of a database that someone waits for, in the order in which the first came.
    pub fn keys_of(&self, db: DbIndex) -> Vec<Box<[u8]>> {
        let queues = self.keys.get(&db).into_iter().flatten();
        let mut keys: Vec<_> = queues
            .map(|(key, queue)| (queue.first_key_value().map(|(ticket, _)| *ticket), key))
            .collect();
        keys.sort_unstable();
        keys.into_iter().map(|(_, key)| key.clone()).collect()
    }

    /// When the first of those who do not wait for ever is to be told, and who that is.
    pub fn first_timeout(&self) -> Option<(u64, ClientId)> {
        self.timeouts.first().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(serial: u64) -> ClientId {
        ClientId { serial, slot: 0 }
    }

    #[test]
    fn who_came_first_is_first() {
        let mut waiters = Waiters::default();
        let keys = [&b"a"[..], b"b"];
        let first = waiters.add(client(2), 0, keys.into_iter(), Some(70));
        let second = waiters.add(client(1), 0, [&b"b"[..]].into_iter(), Some(60));
        assert_eq!(waiters.next(0, b"b", 0), Some((first, client(2))));
        assert_eq!(waiters.next(0, b"b", first + 1), Some((second, client(1))));
        assert_eq!(waiters.next(0, b"b", second + 1), None);
        assert_eq!((waiters.next(1, b"b", 0), waiters.next(0, b"c", 0)), (None, None));
        assert_eq!(waiters.first_timeout(), Some((60, client(1))));
        assert_eq!((waiters.len(), waiters.key_count(), waiters.timeout_count()), (2, 2, 2));
        assert_eq!(waiters.keys_of(0), keys.map(Box::from));
        waiters.remove(client(2), 0, keys.into_iter(), Some(70), first);
        assert_eq!(waiters.next(0, b"b", 0), Some((second, client(1))));
        waiters.remove(client(1), 0, [&b"b"[..]].into_iter(), Some(60), second);
        assert!(waiters.is_empty() && waiters.key_count() == 0 && waiters.timeout_count() == 0);
    }
}

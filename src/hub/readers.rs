//! Which clients have read which keys: the keys that are noted for those who track.
//!
//! What is noted of a key is hardly ever in the processor's cache, so as little of it as can be is
//! looked at. An item of the table has all that it takes to find a key and to add one more client
//! to a few: 95 bits of two hashes stand for its name there. Its name and further clients are in an
//! allocation of their own. And reads are collected and noted a few at a time, so that waiting for
//! memory is done once for all of them. Nobody else sees the difference: what has been collected is
//! noted before anything is asked or forgotten.
//!
//! Clients are known by number. One that is gone stays noted until the key changes, or lacks room
//! for another client; then its number is free once no key knows it.

use super::tracking::TrackerId;
use crate::base::hash::KeyHasher;
use crate::base::num;
use crate::data::table::{Pieces, Place, Prefetch, Table};
use crate::data::thin::Thin;
use crate::sys::cache;
use slab::Slab;
use std::collections::BTreeSet;
use std::mem::take;

/// Bytes of a number in the table.
const NUMBER_BYTES: usize = size_of::<u32>();
/// Clients of a key whose numbers stand in the table.
const NEAR: usize = 5;
/// Further ones whose numbers stand beside its name; still more are kept apart.
const BESIDE_MAX: usize = 32;
/// In place of the count of those beside the name: they are kept apart, and what follows is the
/// number of the crowd.
const APART: u8 = u8::MAX;
/// In place of a client.
const NOBODY: u32 = u32::MAX;
/// Bytes in front of the numbers: for how many there is room, and how many there are.
const HEAD_BYTES: usize = 2;
/// Reads that are noted together.
const READS_MAX: usize = 64;
/// Bytes of names after which fewer are.
const READS_BYTES: usize = 4096;

/// Something that a client has read, and that is to be noted.
struct Read {
    id: KeyId,
    number: u32,
    /// Whether it takes what is not in the table.
    is_late: bool,
    /// Where its name ends among the names; it begins where the one before it ends.
    end: usize,
}

/// What stands for the name of a key: two keys that are noted have the same one never in practice.
#[derive(Clone, Copy, PartialEq, Eq)]
struct KeyId {
    hash: u64,
    /// Another hash, with an empty lowest bit.
    mark: u32,
}

/// A key that is noted.
struct Noted {
    hash: u64,
    /// As in [`KeyId`]; the lowest bit tells whether `rest` has clients.
    mark: u32,
    /// The first clients, then [`NOBODY`].
    clients: [u32; NEAR],
    /// Further clients, and the name.
    rest: Thin,
}

impl Noted {
    fn new(id: KeyId, client: u32, key: &[u8]) -> Noted {
        let mut clients = [NOBODY; NEAR];
        clients[0] = client;
        Noted { hash: id.hash, mark: id.mark, clients, rest: rest_of(&[], key) }
    }

    fn is(&self, id: KeyId) -> bool {
        self.hash == id.hash && self.mark & !1 == id.mark
    }

    fn has_rest(&self) -> bool {
        self.mark & 1 != 0
    }

    /// Has a client stand in the table if there is room; whether it is new there.
    fn put_near(&mut self, client: u32) -> Option<bool> {
        let slot = self.clients.iter_mut().find(|one| **one == client || **one == NOBODY)?;
        let is_new = *slot == NOBODY;
        *slot = client;
        Some(is_new)
    }

    /// The clients that stand in the table.
    fn near(&self) -> impl Iterator<Item = u32> {
        self.clients.into_iter().take_while(|client| *client != NOBODY)
    }
}

impl Prefetch for Noted {
    #[inline]
    fn prefetch(&self) {
        cache::prefetch(self);
    }
}

/// What is known of a client: few bytes, since each read of a key looks at them.
#[derive(Clone, Copy, Default)]
struct Owner {
    /// Keys that are noted for it.
    keys: usize,
    is_gone: bool,
}

/// The keys that are noted, and the clients of each.
pub(super) struct Readers {
    keys: Table<Noted>,
    /// Reads that are to be noted, at most [`READS_MAX`].
    reads: Vec<Read>,
    /// Their names, one behind the other.
    names: Vec<u8>,
    /// The clients of keys that have many.
    crowds: Slab<BTreeSet<u32>>,
    /// By number.
    owners: Vec<Owner>,
    /// Numbers of those who are gone, and for whom no key is noted.
    free: Vec<TrackerId>,
    /// Clients of all keys together.
    items: usize,
    /// Tables that were emptied at once, and are freed a piece at a time.
    remains: Vec<Pieces<Noted>>,
    hashers: [KeyHasher; 2],
}

impl Readers {
    /// No key is noted. Keys will be told apart by `hashers`.
    pub(super) fn new(hashers: [KeyHasher; 2]) -> Readers {
        Readers {
            keys: Table::new(),
            reads: Vec::new(),
            names: Vec::new(),
            crowds: Slab::new(),
            owners: Vec::new(),
            free: Vec::new(),
            items: 0,
            remains: Vec::new(),
            hashers,
        }
    }

    /// Number of keys that are noted.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The number of their clients, all together.
    pub(super) fn items(&self) -> usize {
        self.items
    }

    /// A client may read, which has this number.
    pub(super) fn join(&mut self, id: TrackerId) {
        if id >= self.owners.len() {
            self.owners.resize(id + 1, Owner::default());
        }
        self.owners[id].is_gone = false;
    }

    /// A client is gone.
    pub(super) fn leave(&mut self, id: TrackerId) {
        self.note_all();
        self.owners[id].is_gone = true;
        self.release(id);
    }

    /// Takes a number that is free.
    #[inline]
    pub(super) fn next_free(&mut self) -> Option<TrackerId> {
        self.free.pop()
    }

    /// Notes that a client has read a key, now or a little later.
    #[inline]
    pub(super) fn note_later(&mut self, client: TrackerId, key: &[u8]) {
        let id = self.id_of(key);
        self.names.extend_from_slice(key);
        let end = self.names.len();
        self.reads.push(Read { id, number: number(client), is_late: false, end });
        if self.reads.len() == READS_MAX || end > READS_BYTES {
            self.note_all();
        }
    }

    /// True if something has been read that is not noted yet.
    #[inline]
    pub(super) fn has_reads(&self) -> bool {
        !self.reads.is_empty()
    }

    /// Notes what has been read.
    #[inline(never)] // A name of its own in profiles.
    pub(super) fn note_all(&mut self) {
        self.reads.iter().for_each(|read| self.keys.prefetch_line(read.id.hash));
        self.reads.iter().for_each(|read| self.keys.prefetch_item(read.id.hash));
        let (mut reads, mut names) = (take(&mut self.reads), take(&mut self.names));
        let mut start = 0;
        for read in &mut reads {
            read.is_late = !self.note_near(read.id, read.number, &names[start..read.end]);
            start = read.end;
        }
        for read in reads.drain(..).filter(|read| read.is_late) {
            if let Some(place) = self.find_key(read.id) {
                self.note_beside(place, read.number);
            }
        }
        names.clear();
        names.shrink_to(2 * READS_BYTES);
        (self.reads, self.names) = (reads, names);
    }

    /// Adds a client to a key within the table, or asks the cache for what it takes beyond; false
    /// then.
    fn note_near(&mut self, id: KeyId, number: u32, key: &[u8]) -> bool {
        let Some(place) = self.find_key(id) else {
            self.keys.insert(id.hash, Noted::new(id, number, key), |noted| noted.hash);
            self.count(number);
            return true;
        };
        let noted = self.keys.at_mut(place);
        if let Some(is_new) = noted.put_near(number) {
            self.count_if(is_new, number);
            return true;
        }
        if noted.has_rest() || !self.replace_near(place, number) {
            self.keys.at(place).rest.prefetch();
            return false;
        }
        true
    }

    /// Puts a client in the place of those in the table that are gone; false if there is none.
    fn replace_near(&mut self, place: Place, number: u32) -> bool {
        let noted = self.keys.at_mut(place);
        let before = noted.clients;
        let (mut kept, mut count) = ([NOBODY; NEAR], 0);
        for client in before {
            if !self.owners[index(client)].is_gone {
                kept[count] = client;
                count += 1;
            }
        }
        let Some(slot) = kept.get_mut(count) else { return false };
        *slot = number;
        noted.clients = kept;
        self.count(number);
        for client in before.into_iter().filter(|client| !kept.contains(client)) {
            self.uncount(client);
        }
        true
    }

    /// Adds a client to a key whose clients in the table are others, and here to stay.
    fn note_beside(&mut self, place: Place, number: u32) {
        let noted = self.keys.at_mut(place);
        // Another one may have made some go while this one waited.
        if let Some(is_new) = noted.put_near(number) {
            self.count_if(is_new, number);
            return;
        }
        noted.mark |= 1;
        let bytes = noted.rest.as_bytes_mut();
        let (room, count) = (usize::from(bytes[0]), usize::from(bytes[1]));
        let is_new = if bytes[1] == APART {
            self.crowds[crowd_of(bytes)].insert(number)
        } else if numbers_beside(bytes).any(|other| other == number) {
            false
        } else if count < room {
            bytes[1] += 1;
            put_number(bytes, count, number);
            true
        } else {
            let all = noted.near().chain(numbers_beside(noted.rest.as_bytes())).collect();
            self.put_clients(place, all, number);
            return;
        };
        self.count_if(is_new, number);
    }

    /// Sets the clients of a key that lacks room: those who are here still of the ones that it has,
    /// and one more.
    #[cold]
    fn put_clients(&mut self, place: Place, all: Vec<u32>, number: u32) {
        let (mut present, gone): (Vec<u32>, Vec<u32>) =
            all.into_iter().partition(|client| !self.is_gone(*client));
        gone.into_iter().for_each(|client| self.uncount(client));
        present.push(number);
        self.count(number);
        let rest = present.split_off(NEAR.min(present.len()));
        let noted = self.keys.at_mut(place);
        noted.clients = [NOBODY; NEAR];
        noted.clients.iter_mut().zip(present).for_each(|(slot, client)| *slot = client);
        noted.mark = noted.mark & !1 | u32::from(!rest.is_empty());
        let key = key_of(&noted.rest);
        noted.rest = if rest.len() <= BESIDE_MAX {
            rest_of(&rest, key)
        } else {
            let crowd = self.crowds.insert(rest.into_iter().collect());
            let mut apart = rest_of(&[self::number(crowd)], key);
            apart.as_bytes_mut()[1] = APART;
            apart
        };
    }

    fn is_gone(&self, number: u32) -> bool {
        self.owners[index(number)].is_gone
    }

    fn count_if(&mut self, is_new: bool, number: u32) {
        if is_new {
            self.count(number);
        }
    }

    /// Counts a key that is noted for a client.
    fn count(&mut self, number: u32) {
        self.items += 1;
        self.owners[index(number)].keys += 1;
    }

    /// The other way.
    fn uncount(&mut self, number: u32) {
        let id = index(number);
        self.items -= 1;
        self.owners[id].keys -= 1;
        self.release(id);
    }

    /// Forgets a key, and shows the clients that have read it, the first first.
    pub(super) fn forget(&mut self, key: &[u8], mut visit: impl FnMut(TrackerId)) {
        self.note_all();
        let Some(place) = self.find_key(self.id_of(key)) else { return };
        for number in self.take(place) {
            visit(index(number));
            self.uncount(number);
        }
    }

    /// Forgets all keys at once.
    pub(super) fn forget_all(&mut self) {
        self.reads.clear();
        self.names.clear();
        if !self.keys.is_empty() {
            self.remains.push(take(&mut self.keys).into_pieces());
        }
        (self.items, self.crowds) = (0, Slab::new());
        for id in 0..self.owners.len() {
            if take(&mut self.owners[id].keys) > 0 {
                self.release(id);
            }
        }
    }

    /// The name of a key chosen by chance.
    pub(super) fn sample(&self, rng: &mut fastrand::Rng) -> Option<&[u8]> {
        self.keys.sample(rng).map(|noted| key_of(&noted.rest))
    }

    /// True while something waits to be freed.
    pub(super) fn has_remains(&self) -> bool {
        !self.remains.is_empty()
    }

    /// Frees a piece of what waits.
    pub(super) fn free_some(&mut self) {
        if let Some(pieces) = self.remains.last_mut()
            && !pieces.free_one(|_| {})
        {
            self.remains.pop();
        }
    }

    fn id_of(&self, key: &[u8]) -> KeyId {
        let [first, second] = &self.hashers;
        let mark = u32::try_from(second.hash(key) >> 33).unwrap_or_default() << 1;
        KeyId { hash: first.hash(key), mark }
    }

    #[inline]
    fn find_key(&self, id: KeyId) -> Option<Place> {
        self.keys.find(id.hash, |noted| noted.is(id))
    }

    /// Takes a key out; its clients.
    fn take(&mut self, place: Place) -> Vec<u32> {
        let hash = self.keys.at(place).hash;
        let noted = self.keys.remove(place, hash, |noted| noted.hash);
        let mut taken: Vec<u32> = noted.near().collect();
        if noted.has_rest() {
            let bytes = noted.rest.as_bytes();
            if bytes[1] == APART {
                taken.extend(self.crowds.remove(crowd_of(bytes)));
            } else {
                taken.extend(numbers_beside(bytes));
            }
        }
        taken
    }

    /// Has a number be free, if its client is gone and no key is noted for it.
    fn release(&mut self, id: TrackerId) {
        let owner = self.owners[id];
        if owner.is_gone && owner.keys == 0 {
            self.free.push(id);
        }
    }
}

/// Further clients of a key and its name, with room for as many more as its memory has.
fn rest_of(clients: &[u32], key: &[u8]) -> Thin {
    let bytes = HEAD_BYTES + clients.len() * NUMBER_BYTES + key.len();
    let spare = Thin::spare_beside(bytes) / NUMBER_BYTES;
    let room = (clients.len() + spare).min(BESIDE_MAX);
    let byte = |count: usize| u8::try_from(count).unwrap_or(APART);
    let empty = [0; BESIDE_MAX * NUMBER_BYTES];
    let head = [byte(room), byte(clients.len())];
    let mut rest = Thin::new(&[&head, &empty[..room * NUMBER_BYTES], key]);
    let bytes = rest.as_bytes_mut();
    clients.iter().enumerate().for_each(|(at, number)| put_number(bytes, at, *number));
    rest
}

/// The name of a key that is noted.
#[inline]
fn key_of(rest: &Thin) -> &[u8] {
    let bytes = rest.as_bytes();
    &bytes[HEAD_BYTES + usize::from(bytes[0]) * NUMBER_BYTES..]
}

/// The number of the crowd of a key whose clients are kept apart.
fn crowd_of(bytes: &[u8]) -> usize {
    let number = numbers(&bytes[HEAD_BYTES..HEAD_BYTES + NUMBER_BYTES]).next().unwrap_or_default();
    num::index(u64::from(number))
}

/// The numbers of the clients of a key beside whose name they stand.
#[inline]
fn numbers_beside(bytes: &[u8]) -> impl Iterator<Item = u32> {
    numbers(&bytes[HEAD_BYTES..HEAD_BYTES + usize::from(bytes[1]) * NUMBER_BYTES])
}

#[inline]
fn numbers(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.as_chunks().0.iter().map(|number| u32::from_le_bytes(*number))
}

#[inline]
fn put_number(bytes: &mut [u8], at: usize, number: u32) {
    let from = HEAD_BYTES + at * NUMBER_BYTES;
    bytes[from..from + NUMBER_BYTES].copy_from_slice(&number.to_le_bytes());
}

/// Clients and crowds are numbered in 32 bits: each takes more memory than that leaves room for.
fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn index(number: u32) -> TrackerId {
    num::index(u64::from(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn those_who_are_here_are_shown_whoever_else_has_read_and_gone() {
        (0..8).for_each(read_and_go);
    }

    fn read_and_go(seed: u64) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut readers = Readers::new(std::array::from_fn(|_| KeyHasher::new(&mut rng)));
        let mut here: BTreeSet<usize> = (0..80).collect();
        here.iter().for_each(|id| readers.join(*id));
        let (mut expected, mut had_crowds) = (BTreeMap::<u8, BTreeSet<usize>>::new(), false);
        for _ in 0..30_000 {
            let id = rng.usize(0..80);
            let key = rng.u8(0..30);
            match rng.usize(0..200) {
                0 if here.remove(&id) => {
                    readers.leave(id);
                    expected.values_mut().for_each(|ids| ids.retain(|other| *other != id));
                }
                1..=3 if key > 3 || rng.u8(0..20) == 0 => {
                    let mut shown = BTreeSet::new();
                    readers.forget(&[key; 20], |id| assert!(shown.insert(id), "{id} twice"));
                    let all = expected.remove(&key).unwrap_or_default();
                    assert!(shown.intersection(&here).eq(&all), "{shown:?} {all:?}");
                }
                _ if here.contains(&id) => {
                    readers.note_later(id, &[key; 20]);
                    expected.entry(key).or_default().insert(id);
                }
                _ => {}
            }
            had_crowds |= !readers.crowds.is_empty();
            while let Some(id) = readers.next_free() {
                assert!(here.insert(id), "{id} was not gone");
                readers.join(id);
            }
        }
        readers.forget_all();
        let free = std::iter::from_fn(|| readers.next_free()).count();
        assert_eq!((readers.len(), readers.items(), free + here.len()), (0, 0, 80));
        assert!(had_crowds && readers.has_remains());
    }
}

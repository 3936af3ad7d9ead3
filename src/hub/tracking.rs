//! Which clients may hold copies of which keys, to be told when these change.
//!
//! A client that tracks has a number here for as long as it is connected, and longer if keys are
//! still noted for it: they forget it when they change, or when they lack room for another one.
//! Keys are not told apart by database, as in Redis.
//!
//! What is noted of a key is hardly ever in the processor's cache, so as little of it as can be is
//! looked at. An item of the table has all that it takes to find a key and to add one more client
//! to a few: 95 bits of two hashes stand for its name there. Its name and further clients are in an
//! allocation of their own. And reads are collected and noted a few at a time, so that waiting for
//! memory is done once for all of them. Nobody else sees the difference: what has been collected is
//! noted before anything is asked or forgotten.

use crate::base::hash::KeyHasher;
use crate::base::id::ClientId;
use crate::base::num;
use crate::data::table::{Pieces, Place, Prefetch, Table};
use crate::data::thin::Thin;
use crate::sys::cache;
use slab::Slab;
use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;
use std::ops::Bound;

/// Number of a client that tracks, or has tracked.
pub type TrackerId = usize;

/// Bytes of a number in the table.
const NUMBER_BYTES: usize = size_of::<u32>();
/// Clients of a key whose numbers stand in the table.
const NEAR: usize = 3;
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
const READS_MAX: usize = 32;
/// Bytes of names after which fewer are.
const READS_BYTES: usize = 4096;

/// What is no longer true of what clients hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// What they have read of some keys: a list of these in the form of the wire.
    Keys(Box<[u8]>),
    /// Anything.
    All,
}

/// How a client wants to track.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mode {
    /// It is told of all keys with some prefixes, whether it has read them or not.
    pub broadcasts: bool,
    /// Keys are noted only if CLIENT CACHING YES came before.
    pub opts_in: bool,
    /// Keys are noted unless CLIENT CACHING NO came before.
    pub opts_out: bool,
    /// It is not told of what it has changed itself.
    pub skips_own: bool,
    /// Who is told in its place.
    pub redirect: Option<ClientId>,
}

/// A client that tracks, or has tracked.
pub struct Tracker {
    /// `None` once it is gone.
    client: Option<ClientId>,
    /// How it tracks; `None` if it does not at present.
    mode: Option<Mode>,
    /// Whether CLIENT CACHING has said something of the next command.
    pub has_chosen: bool,
    /// Whether who is told in its place was found to be gone.
    pub is_broken: bool,
    prefixes: BTreeSet<Box<[u8]>>,
    /// Bytes of memory that these take, here and where they are shared.
    prefix_bytes: usize,
    /// Keys that are noted for it.
    keys: usize,
}

impl Tracker {
    /// The client, if it is there.
    pub fn client(&self) -> Option<ClientId> {
        self.client
    }

    /// How it tracks, if it does.
    pub fn mode(&self) -> Option<Mode> {
        self.mode
    }

    /// The number of who is told in its place: zero for nobody, -1 if it does not track.
    pub fn redirect_serial(&self) -> i64 {
        let Some(mode) = self.mode else { return -1 };
        mode.redirect.map_or(0, |other| num::signed_u64(other.serial))
    }

    /// The prefixes of which it is told, in order.
    pub fn prefixes(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.prefixes.iter().map(|prefix| &**prefix)
    }

    /// The first of its prefixes that begins like another one, or with which that begins. None of
    /// them begins with another but for the empty one, so it is next to where that would stand.
    pub fn overlapping(&self, other: &[u8]) -> Option<&[u8]> {
        let behind = self.prefixes.range::<[u8], _>((Bound::Included(other), Bound::Unbounded));
        let before = self.prefixes.range::<[u8], _>((Bound::Unbounded, Bound::Excluded(other)));
        let empty = self.prefixes.first().filter(|prefix| prefix.is_empty());
        let longer = behind.take(1).find(|prefix| prefix.starts_with(other));
        let shorter = before.rev().take(1).find(|prefix| other.starts_with(prefix));
        empty.or(longer).or(shorter).map(|prefix| &**prefix)
    }

    /// Bytes of memory that its prefixes take, here and where they are shared.
    pub fn memory_bytes(&self) -> usize {
        self.prefix_bytes
    }

    /// True if the keys that it reads at present are to be noted.
    fn notes_keys(&self) -> bool {
        self.mode.is_some_and(|mode| {
            let by_choice = mode.opts_in && !self.has_chosen || mode.opts_out && self.has_chosen;
            !mode.broadcasts && !by_choice
        })
    }
}

/// Bytes that a prefix takes apart from its name: two names in trees, and what is shared.
const PREFIX_BYTES: usize = 2 * size_of::<Box<[u8]>>() + size_of::<Prefix>();

/// A prefix of whose keys clients are told.
#[derive(Default)]
struct Prefix {
    trackers: BTreeSet<TrackerId>,
    /// The keys that have changed since these were told, and which of them changed each last.
    changed: BTreeMap<Box<[u8]>, Option<TrackerId>>,
}

/// What the clients of a prefix are to be told.
pub struct Broadcast {
    /// Who is to be told.
    pub trackers: BTreeSet<TrackerId>,
    /// The keys that have changed, and who changed each last.
    pub changed: BTreeMap<Box<[u8]>, Option<TrackerId>>,
}

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
        let clients = [client, NOBODY, NOBODY];
        Noted { hash: id.hash, mark: id.mark, clients, rest: rest_of(&[], key) }
    }

    fn is(&self, id: KeyId) -> bool {
        self.hash == id.hash && self.mark & !1 == id.mark
    }

    fn has_rest(&self) -> bool {
        self.mark & 1 != 0
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

/// Who tracks what.
pub struct Tracking {
    trackers: Slab<Tracker>,
    /// How many of them track at present.
    active: usize,
    keys: Table<Noted>,
    /// Reads that are to be noted, at most [`READS_MAX`].
    reads: Vec<Read>,
    /// Their names, one behind the other.
    names: Vec<u8>,
    /// The clients of keys that have many.
    crowds: Slab<BTreeSet<u32>>,
    /// Clients of all keys together.
    items: usize,
    prefixes: BTreeMap<Box<[u8]>, Prefix>,
    /// Prefixes of which some key has changed.
    changed_prefixes: bool,
    /// What clients will be told once the command that runs has replied.
    pub postponed: Vec<(TrackerId, Notice)>,
    /// Tables that were emptied at once, and are freed a piece at a time.
    remains: Vec<Pieces<Noted>>,
    hashers: [KeyHasher; 2],
}

impl Tracking {
    /// Nobody tracks anything. Keys will be told apart by `hashers`.
    pub fn new(hashers: [KeyHasher; 2]) -> Tracking {
        Tracking {
            trackers: Slab::new(),
            active: 0,
            keys: Table::new(),
            reads: Vec::new(),
            names: Vec::new(),
            crowds: Slab::new(),
            items: 0,
            prefixes: BTreeMap::new(),
            changed_prefixes: false,
            postponed: Vec::new(),
            remains: Vec::new(),
            hashers,
        }
    }

    /// True if some client tracks, or keys are noted for one that has tracked.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.active | self.keys.len() != 0
    }

    /// Number of clients that track.
    pub fn active(&self) -> usize {
        self.active
    }

    /// Number of keys that are noted, and of the clients of each, all together.
    pub fn key_counts(&mut self) -> (usize, usize) {
        self.note_reads();
        (self.keys.len(), self.items)
    }

    /// Number of prefixes of which clients are told.
    pub fn prefix_count(&self) -> usize {
        self.prefixes.len()
    }

    /// A client that tracks, or has tracked.
    pub fn get(&self, id: TrackerId) -> &Tracker {
        &self.trackers[id]
    }

    /// The same, if it is known still.
    pub fn find(&self, id: TrackerId) -> Option<&Tracker> {
        self.trackers.get(id)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, id: TrackerId) -> &mut Tracker {
        &mut self.trackers[id]
    }

    /// The numbers of those who track at present.
    pub fn active_ids(&self) -> Vec<TrackerId> {
        let active = self.trackers.iter().filter(|(_, tracker)| tracker.mode.is_some());
        active.map(|(id, _)| id).collect()
    }

    /// Has a client track, which has the number already if it ever did; its number. The prefixes
    /// are added to those that it has.
    pub fn enable(
        &mut self,
        client: ClientId,
        id: Option<TrackerId>,
        mode: Mode,
        prefixes: &[&[u8]],
    ) -> TrackerId {
        let id = id.unwrap_or_else(|| {
            self.trackers.insert(Tracker {
                client: Some(client),
                mode: None,
                has_chosen: false,
                is_broken: false,
                prefixes: BTreeSet::new(),
                prefix_bytes: 0,
                keys: 0,
            })
        });
        let tracker = &mut self.trackers[id];
        self.active += usize::from(tracker.mode.is_none());
        tracker.mode = Some(mode);
        tracker.is_broken = false;
        let all: &[&[u8]] = if mode.broadcasts && prefixes.is_empty() { &[b""] } else { prefixes };
        for prefix in all {
            if tracker.prefixes.insert((*prefix).into()) {
                tracker.prefix_bytes += 2 * prefix.len() + PREFIX_BYTES;
            }
            self.prefixes.entry((*prefix).into()).or_default().trackers.insert(id);
        }
        id
    }

    /// Has a client track no more. Keys that are noted for it stay so.
    pub fn disable(&mut self, id: TrackerId) {
        self.note_reads();
        let tracker = &mut self.trackers[id];
        self.active -= usize::from(tracker.mode.take().is_some());
        (tracker.has_chosen, tracker.is_broken, tracker.prefix_bytes) = (false, false, 0);
        for prefix in std::mem::take(&mut tracker.prefixes) {
            let Some(shared) = self.prefixes.get_mut(&prefix) else { continue };
            shared.trackers.remove(&id);
            if shared.trackers.is_empty() {
                self.prefixes.remove(&prefix);
            }
        }
    }

    /// Notes that a client is gone.
    pub fn leave(&mut self, id: TrackerId) {
        self.disable(id);
        self.trackers[id].client = None;
        self.release(id);
    }

    /// Notes that a client has read a key, if it wants such noted.
    #[inline]
    pub fn note_read(&mut self, tracker: TrackerId, key: &[u8]) {
        if !self.trackers[tracker].notes_keys() {
            return;
        }
        let id = self.id_of(key);
        self.names.extend_from_slice(key);
        let end = self.names.len();
        self.reads.push(Read { id, number: number(tracker), is_late: false, end });
        if self.reads.len() == READS_MAX || end > READS_BYTES {
            self.note_collected();
        }
    }

    /// True if something has been read that is not noted yet.
    #[inline]
    pub fn has_reads(&self) -> bool {
        !self.reads.is_empty()
    }

    /// Notes what has been read.
    #[inline]
    pub fn note_reads(&mut self) {
        if self.has_reads() {
            self.note_collected();
        }
    }

    #[inline(never)] // A name of its own in profiles.
    fn note_collected(&mut self) {
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
        if let Some(slot) = noted.clients.iter_mut().find(|one| **one == number || **one == NOBODY)
        {
            if *slot == NOBODY {
                *slot = number;
                self.count(number);
            }
            return true;
        }
        if !noted.has_rest() {
            let all: Vec<u32> = noted.near().collect();
            if all.iter().any(|client| self.is_gone(*client)) {
                self.put_clients(place, all, number);
                return true;
            }
        }
        self.keys.at(place).rest.prefetch();
        false
    }

    /// Adds a client to a key whose clients in the table are others, and here to stay.
    fn note_beside(&mut self, place: Place, number: u32) {
        let noted = self.keys.at_mut(place);
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
        if is_new {
            self.count(number);
        }
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
        self.trackers[num::index(u64::from(number))].client.is_none()
    }

    /// Counts a key that is noted for a client.
    fn count(&mut self, number: u32) {
        self.items += 1;
        self.trackers[num::index(u64::from(number))].keys += 1;
    }

    /// The other way.
    fn uncount(&mut self, number: u32) {
        let id = num::index(u64::from(number));
        self.items -= 1;
        self.trackers[id].keys -= 1;
        self.release(id);
    }

    /// Forgets a key that has changed; `tell` is called with those who may hold a copy and track at
    /// present.
    pub fn forget_key(&mut self, key: &[u8], mut tell: impl FnMut(TrackerId, Mode)) {
        self.note_reads();
        let Some(place) = self.find_key(self.id_of(key)) else { return };
        for number in self.take(place) {
            let id = num::index(u64::from(number));
            if let Some(mode) = self.trackers[id].mode.filter(|mode| !mode.broadcasts) {
                tell(id, mode);
            }
            self.uncount(number);
        }
    }

    /// Forgets all keys at once.
    pub fn forget_all(&mut self) {
        self.reads.clear();
        self.names.clear();
        if !self.keys.is_empty() {
            self.remains.push(std::mem::take(&mut self.keys).into_pieces());
        }
        (self.items, self.crowds) = (0, Slab::new());
        self.trackers.iter_mut().for_each(|(_, tracker)| tracker.keys = 0);
        self.trackers.retain(|_, tracker| tracker.client.is_some());
    }

    /// True if more keys are noted than so many.
    #[inline]
    pub fn has_excess(&self, max: usize) -> bool {
        self.keys.len() > max
    }

    /// A key chosen by chance, if there are more than so many.
    pub fn excess_key(&self, max: usize, rng: &mut fastrand::Rng) -> Option<Box<[u8]>> {
        if !self.has_excess(max) {
            return None;
        }
        self.keys.sample(rng).map(|noted| key_of(&noted.rest).into())
    }

    /// Notes that a key has changed, and who did it, for those who are told of its prefix.
    pub fn note_change(&mut self, key: &[u8], by: Option<TrackerId>) {
        let shared = self.prefixes.iter_mut().filter(|(prefix, _)| key.starts_with(prefix));
        for (_, prefix) in shared {
            prefix.changed.insert(key.into(), by);
            self.changed_prefixes = true;
        }
    }

    /// True if clients are to be told of keys by their prefix.
    #[inline]
    pub fn has_broadcasts(&self) -> bool {
        self.changed_prefixes
    }

    /// Takes what clients are to be told by prefix.
    pub fn take_broadcasts(&mut self) -> Vec<Broadcast> {
        self.changed_prefixes = false;
        let prefixes = self.prefixes.values_mut().filter(|prefix| !prefix.changed.is_empty());
        let take = |prefix: &mut Prefix| Broadcast {
            trackers: prefix.trackers.clone(),
            changed: std::mem::take(&mut prefix.changed),
        };
        prefixes.map(take).collect()
    }

    /// True while something waits to be freed.
    pub fn has_remains(&self) -> bool {
        !self.remains.is_empty()
    }

    /// Frees a piece of what waits.
    pub fn free_some(&mut self) {
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

    /// Gives the number of a client that is gone back, once no key is noted for it.
    fn release(&mut self, id: TrackerId) {
        let tracker = &self.trackers[id];
        if tracker.client.is_none() && tracker.keys == 0 {
            self.trackers.remove(id);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn tracking() -> Tracking {
        let mut rng = fastrand::Rng::with_seed(1);
        Tracking::new(std::array::from_fn(|_| KeyHasher::new(&mut rng)))
    }

    const fn client(serial: u64) -> ClientId {
        ClientId { serial, slot: 0 }
    }

    fn told(tracking: &mut Tracking, key: &[u8]) -> Vec<TrackerId> {
        let mut told = Vec::new();
        tracking.forget_key(key, |id, _| told.push(id));
        told
    }

    #[test]
    fn any_reads_and_changes_are_told_as_a_plain_map_says() {
        let mut rng = fastrand::Rng::with_seed(5);
        let mut tracking = tracking();
        let ids: Vec<TrackerId> =
            (0..60).map(|n| tracking.enable(client(n), None, Mode::default(), &[])).collect();
        let mut expected: BTreeMap<u8, BTreeSet<TrackerId>> = BTreeMap::new();
        for _ in 0..20_000 {
            // Some keys change rarely, so that many clients come together.
            let key = rng.u8(0..40);
            if rng.usize(0..if key < 5 { 400 } else { 10 }) == 0 {
                let mut told = told(&mut tracking, &[key; 20]);
                told.sort_unstable();
                let keys = expected.remove(&key).unwrap_or_default();
                assert!(told.iter().eq(&keys), "{told:?} {keys:?}");
            } else {
                let id = ids[rng.usize(0..ids.len())];
                tracking.note_read(id, &[key; 20]);
                expected.entry(key).or_default().insert(id);
            }
            let items = expected.values().map(BTreeSet::len).sum();
            assert_eq!(tracking.key_counts(), (expected.len(), items));
        }
        assert!(!tracking.crowds.is_empty());
    }

    #[test]
    fn a_number_is_used_again_once_no_key_knows_it() {
        let mut tracking = tracking();
        let id = tracking.enable(client(1), None, Mode::default(), &[]);
        tracking.note_read(id, b"k");
        tracking.leave(id);
        assert!(tracking.is_on() && tracking.active() == 0 && tracking.key_counts() == (1, 1));
        let other = tracking.enable(client(2), None, Mode::default(), &[]);
        assert_ne!(id, other);
        assert!(told(&mut tracking, b"k").is_empty());
        assert_eq!(tracking.enable(client(3), None, Mode::default(), &[]), id);
        tracking.note_read(id, b"k");
        tracking.leave(id);
        tracking.forget_all();
        assert_eq!((tracking.key_counts(), tracking.trackers.len()), ((0, 0), 1));
        while tracking.has_remains() {
            tracking.free_some();
        }
    }

    #[test]
    fn keys_are_noted_as_the_client_chooses() {
        let mut tracking = tracking();
        let (plain, bcast) = (Mode::default(), Mode { broadcasts: true, ..Mode::default() });
        let opts_in = Mode { opts_in: true, ..plain };
        let opts_out = Mode { opts_out: true, ..plain };
        let cases = [
            (plain, false, true),
            (bcast, false, false),
            (opts_in, false, false),
            (opts_in, true, true),
            (opts_out, false, true),
            (opts_out, true, false),
        ];
        for (mode, has_chosen, is_noted) in cases {
            let id = tracking.enable(client(1), None, mode, &[]);
            tracking.get_mut(id).has_chosen = has_chosen;
            tracking.note_read(id, b"k");
            assert_eq!(told(&mut tracking, b"k").len(), usize::from(is_noted), "{mode:?}");
            tracking.leave(id);
        }
        let id = tracking.enable(client(1), None, plain, &[]);
        tracking.note_read(id, b"k");
        tracking.disable(id);
        assert!(told(&mut tracking, b"k").is_empty() && !tracking.is_on());
    }

    #[test]
    fn prefixes_overlap_where_one_begins_with_the_other() {
        let mut tracking = tracking();
        let mode = Mode { broadcasts: true, ..Mode::default() };
        let id = tracking.enable(client(1), None, mode, &[b"ab", b"ad", b"b"]);
        let cases: [(&[u8], Option<&[u8]>); 8] = [
            (b"", Some(b"ab")),
            (b"a", Some(b"ab")),
            (b"ab", Some(b"ab")),
            (b"abc", Some(b"ab")),
            (b"ac", None),
            (b"adz", Some(b"ad")),
            (b"bz", Some(b"b")),
            (b"c", None),
        ];
        for (prefix, found) in cases {
            assert_eq!(tracking.get(id).overlapping(prefix), found, "{prefix:?}");
        }
        tracking.enable(client(1), Some(id), mode, &[]);
        assert_eq!(tracking.get(id).overlapping(b"c"), Some(&b""[..]));
    }

    #[test]
    fn a_prefix_collects_what_has_changed() {
        let mut tracking = tracking();
        let mode = Mode { broadcasts: true, ..Mode::default() };
        let a = tracking.enable(client(1), None, mode, &[b"x", b"y"]);
        let b = tracking.enable(client(2), None, mode, &[]);
        assert_eq!(tracking.prefix_count(), 3);
        assert!(tracking.get(a).memory_bytes() > 2 * size_of::<Prefix>());
        tracking.note_change(b"x1", Some(a));
        tracking.note_change(b"x1", None);
        tracking.note_change(b"z", Some(b));
        let broadcasts = tracking.take_broadcasts();
        let shown: Vec<_> = broadcasts
            .iter()
            .map(|broadcast| (broadcast.trackers.clone(), broadcast.changed.clone()))
            .collect();
        let changed = |keys: &[(&[u8], Option<usize>)]| {
            keys.iter().map(|(key, by)| (Box::from(*key), *by)).collect::<BTreeMap<_, _>>()
        };
        assert_eq!(shown[0], (BTreeSet::from([b]), changed(&[(b"x1", None), (b"z", Some(b))])));
        assert_eq!(shown[1], (BTreeSet::from([a]), changed(&[(b"x1", None)])));
        assert!(shown.len() == 2 && tracking.take_broadcasts().is_empty());
        tracking.leave(b);
        tracking.disable(a);
        assert_eq!(tracking.prefix_count(), 0);
    }
}

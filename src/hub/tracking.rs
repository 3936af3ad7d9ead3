//! Which clients may hold copies of which keys, to be told when these change.
//!
//! A client that tracks has a number here for as long as it is connected, and longer if keys are
//! still noted for it: they forget it when they change, or when they lack room for another one
//! (`hub/readers`). Keys are not told apart by database, as in Redis.

use super::readers::Readers;
use crate::base::hash::KeyHasher;
use crate::base::id::ClientId;
use crate::base::num;
use slab::Slab;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// Number of a client that tracks, or has tracked.
pub type TrackerId = usize;

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

/// Who tracks what.
pub struct Tracking {
    trackers: Slab<Tracker>,
    /// How many of them track at present.
    active: usize,
    /// The keys that are noted.
    readers: Readers,
    prefixes: BTreeMap<Box<[u8]>, Prefix>,
    /// Prefixes of which some key has changed.
    changed_prefixes: bool,
    /// What clients will be told once the command that runs has replied.
    pub postponed: Vec<(TrackerId, Notice)>,
}

impl Tracking {
    /// Nobody tracks anything. Keys will be told apart by `hashers`.
    pub fn new(hashers: [KeyHasher; 2]) -> Tracking {
        Tracking {
            trackers: Slab::new(),
            active: 0,
            readers: Readers::new(hashers),
            prefixes: BTreeMap::new(),
            changed_prefixes: false,
            postponed: Vec::new(),
        }
    }

    /// True if some client tracks, or keys are noted for one that has tracked.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.active | self.readers.len() != 0
    }

    /// Number of clients that track.
    pub fn active(&self) -> usize {
        self.active
    }

    /// Number of keys that are noted, and of the clients of each, all together.
    pub fn key_counts(&mut self) -> (usize, usize) {
        self.note_reads();
        (self.readers.len(), self.readers.items())
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
            })
        });
        self.readers.join(id);
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
        self.readers.leave(id);
        self.release();
    }

    /// Notes that a client has read a key, if it wants such noted.
    #[inline]
    pub fn note_read(&mut self, tracker: TrackerId, key: &[u8]) {
        if !self.trackers[tracker].notes_keys() {
            return;
        }
        self.readers.note_later(tracker, key);
    }

    /// Notes what has been read and is not noted yet.
    #[inline]
    pub fn note_reads(&mut self) {
        if self.readers.has_reads() {
            self.readers.note_all();
            self.release();
        }
    }

    /// Forgets a key that has changed; `tell` is called with those who may hold a copy and track at
    /// present.
    pub fn forget_key(&mut self, key: &[u8], mut tell: impl FnMut(TrackerId, Mode)) {
        self.readers.forget(key, |id| {
            if let Some(mode) = self.trackers[id].mode.filter(|mode| !mode.broadcasts) {
                tell(id, mode);
            }
        });
        self.release();
    }

    /// Forgets all keys at once.
    pub fn forget_all(&mut self) {
        self.readers.forget_all();
        self.release();
    }

    /// True if more keys are noted than so many.
    #[inline]
    pub fn has_excess(&self, max: usize) -> bool {
        self.readers.len() > max
    }

    /// A key chosen by chance, if there are more than so many.
    pub fn excess_key(&self, max: usize, rng: &mut fastrand::Rng) -> Option<Box<[u8]>> {
        if !self.has_excess(max) {
            return None;
        }
        self.readers.sample(rng).map(Box::from)
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
        self.readers.has_remains()
    }

    /// Frees a piece of what waits.
    pub fn free_some(&mut self) {
        self.readers.free_some();
    }

    /// Gives numbers back of clients that are gone, and for which no key is noted.
    #[inline]
    fn release(&mut self) {
        while let Some(id) = self.readers.next_free() {
            self.trackers.remove(id);
        }
    }
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

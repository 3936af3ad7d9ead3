//! What has changed since anyone looked: written by the doors of `db`, read by whoever must hear of
//! it.

use crate::base::id::DbIndex;
use crate::config::notify::EventClasses;
use crate::sys::memory;

/// The classes of events that tell of a key's end without a command for it.
const DEATHS: EventClasses = EventClasses::EXPIRED.union(EventClasses::EVICTED);

/// One keyspace event, kept only if someone listens.
#[derive(Debug, PartialEq, Eq)]
pub struct Event {
    /// The database it happened in.
    pub db: DbIndex,
    /// Its class, one only.
    pub class: EventClasses,
    /// Its name, such as `set` or `expired`.
    pub name: &'static str,
    /// The key it happened to.
    pub key: Box<[u8]>,
    /// The fields of a hash that have died of age, if that is what happened.
    pub fields: Box<[Box<[u8]>]>,
}

impl Event {
    /// True if it tells that a key, and not a field, has died of age or was evicted.
    pub fn is_death(&self) -> bool {
        DEATHS.contains(self.class)
    }
}

/// What has changed while some client waited for keys.
#[derive(Debug, PartialEq, Eq)]
pub enum Touched {
    /// A key of a database.
    Key(DbIndex, Box<[u8]>),
    /// A key of a database that has died of age: nothing new for those who took it for gone.
    Dead(DbIndex, Box<[u8]>),
    /// A key that holds what it held, where those who wait have something to hear.
    Woken(DbIndex, Box<[u8]>),
    /// All keys of a database.
    Database(DbIndex),
}

/// Counts that INFO shows.
#[derive(Default)]
pub struct Counters {
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Keys whose memory was freed, or is being freed, after the reply.
    pub freed_later: u64,
    /// Keys that died of age.
    pub expired: u64,
    /// Fields that died of age.
    pub expired_fields: u64,
    /// Keys that were evicted for memory.
    pub evicted: u64,
}

/// The report of changes.
#[derive(Default)]
pub struct Changes {
    /// Changes since the start; a command that leaves this as it was has changed nothing.
    pub dirty: u64,
    /// Counts that INFO shows.
    pub counters: Counters,
    /// Keys that are due are gone for everybody but stay where they are (CLIENT PAUSE).
    pub keeps_due: bool,
    /// Keys and fields that are due are like any others (while changes are replayed).
    pub shows_due: bool,
    /// Whether some client waits for keys.
    lists_touched: bool,
    /// Keys that have changed while some client waited for keys, in order.
    touched: Vec<Touched>,
    /// Bytes of the keys in `touched`.
    touched_bytes: usize,
    /// How many of them those who may hold copies have been told of.
    told: usize,
    wanted: EventClasses,
    lists_deaths: bool,
    events: Vec<Event>,
    /// How many of them have been published.
    published: usize,
    /// How many of them those who replay changes have been told of.
    fed: usize,
    /// Bytes of the keys in `events`.
    key_bytes: usize,
}

impl Changes {
    /// Sets which events are published; others are not even noted.
    pub fn publish(&mut self, wanted: EventClasses) {
        self.wanted = wanted;
    }

    /// Sets whether keys that die of age or are evicted are noted even if no event is published for
    /// them.
    pub fn list_deaths(&mut self, on: bool) {
        self.lists_deaths = on;
    }

    /// Sets whether the keys that change are listed.
    pub fn list_touched(&mut self, on: bool) {
        self.lists_touched = on;
    }

    /// True if keys have changed that are listed.
    #[inline]
    pub fn has_touched(&self) -> bool {
        !self.touched.is_empty()
    }

    /// Takes the keys listed so far, in the order in which they changed.
    pub fn take_touched(&mut self) -> Vec<Touched> {
        (self.told, self.touched_bytes) = (0, 0);
        std::mem::take(&mut self.touched)
    }

    /// The keys listed that nobody who may hold copies has been told of.
    #[inline]
    pub fn untold(&self) -> &[Touched] {
        &self.touched[self.told..]
    }

    /// Notes that those who may hold copies have been told of all keys listed so far.
    pub fn note_told(&mut self) {
        self.told = self.touched.len();
    }

    /// True if anyone wants to know which keys change, or of events.
    #[inline]
    pub(super) fn is_heard(&self) -> bool {
        self.lists_touched || !self.wanted.is_empty()
    }

    /// Lists a key that has changed, if anyone wants to know. Costs one comparison otherwise.
    #[inline]
    pub(super) fn touch(&mut self, db: DbIndex, key: &[u8]) {
        self.list(key, |key| Touched::Key(db, key));
    }

    /// Lists a key of which those who wait for it are to hear, and nobody else.
    pub(super) fn wake(&mut self, db: DbIndex, key: &[u8]) {
        self.list(key, |key| Touched::Woken(db, key));
    }

    /// Lists a key that has died of age.
    pub(super) fn touch_death(&mut self, db: DbIndex, key: &[u8]) {
        self.list(key, |key| Touched::Dead(db, key));
    }

    #[inline]
    fn list(&mut self, key: &[u8], touched: impl FnOnce(Box<[u8]>) -> Touched) {
        if self.lists_touched {
            self.touched_bytes += memory::size_class(key.len());
            self.touched.push(touched(key.into()));
        }
    }

    /// Lists a database that has got other keys.
    pub fn touch_all(&mut self, db: DbIndex) {
        if self.lists_touched {
            self.touched.push(Touched::Database(db));
        }
    }

    /// True if there are events to take.
    #[inline]
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// The events noted so far, in order.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The events that have not been published, in order.
    pub fn unpublished(&self) -> &[Event] {
        &self.events[self.published..]
    }

    /// Notes that all events so far have been published.
    pub fn note_published(&mut self) {
        self.published = self.events.len();
    }

    /// The events that those who replay changes have not been told of, in order.
    #[inline]
    pub fn unfed(&self) -> &[Event] {
        &self.events[self.fed..]
    }

    /// Notes that those who replay changes have been told of all events so far.
    #[inline]
    pub fn note_fed(&mut self) {
        self.fed = self.events.len();
    }

    /// Takes the events noted so far, in order.
    pub fn take_events(&mut self) -> Vec<Event> {
        (self.key_bytes, self.published, self.fed) = (0, 0, 0);
        std::mem::take(&mut self.events)
    }

    /// Bytes of memory that the events and the list of keys take until they are taken.
    pub fn memory_bytes(&self) -> usize {
        let events = self.events.capacity() * size_of::<Event>() + self.key_bytes;
        events + self.touched.capacity() * size_of::<Touched>() + self.touched_bytes
    }

    /// The classes that are published.
    pub fn wanted(&self) -> EventClasses {
        self.wanted
    }

    #[inline]
    pub(super) fn note(
        &mut self,
        class: EventClasses,
        name: &'static str,
        db: DbIndex,
        key: &[u8],
    ) {
        let listed = self.lists_deaths && DEATHS.contains(class);
        if listed || self.wanted.wants(class) {
            self.key_bytes += memory::size_class(key.len());
            self.events.push(Event { db, class, name, key: key.into(), fields: Box::default() });
        }
    }

    /// True if someone wants to know which fields die.
    pub(super) fn lists_fields(&self) -> bool {
        self.lists_deaths
    }

    /// Notes that fields of a hash have died of age.
    pub(super) fn note_fields(&mut self, db: DbIndex, key: &[u8], fields: Vec<Box<[u8]>>) {
        let (class, name) = (EventClasses::HASH, "hexpired");
        if self.lists_deaths || self.wanted.wants(class) {
            self.key_bytes += memory::size_class(key.len());
            let fields = fields.into_boxed_slice();
            self.events.push(Event { db, class, name, key: key.into(), fields });
        }
    }
}

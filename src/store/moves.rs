//! Keys on the move: under another name, to another database, as a copy; and databases that change
//! places. Nothing long is copied but by a copy.

use super::Store;
use super::db::{Db, Parcel};
use crate::base::id::DbIndex;
use crate::config::notify::EventClasses;
use crate::data::collection::Type;

/// Where a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address<'k> {
    /// Its database.
    pub db: DbIndex,
    /// Its name.
    pub key: &'k [u8],
}

/// What has become of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// It is done.
    Done,
    /// There is no such key.
    NoSource,
    /// There is a key already where it should go.
    Occupied,
}

impl Store {
    /// Gives a key another name; one that has it already goes if the new one `replaces` it.
    pub fn rename(&mut self, from: Address<'_>, to: &[u8], replaces: bool, now_ms: i64) -> Moved {
        let mut db = self.db(from.db, now_ms);
        let is_occupied = db.look(to).exists();
        let source = db.look(from.key);
        if !source.exists() {
            return Moved::NoSource;
        }
        if is_occupied && !replaces {
            return Moved::Occupied;
        }
        if from.key == to {
            return Moved::Done;
        }
        let Some(parcel) = db.take(source) else { return Moved::NoSource };
        let overwritten = db.bring(parcel.under(to));
        db.note(EventClasses::GENERIC, "rename_from", from.key);
        db.note(EventClasses::GENERIC, "rename_to", to);
        note_overwritten(&mut db, overwritten, to);
        Moved::Done
    }

    /// Moves a key to another database, unless it is there already.
    pub fn move_key(&mut self, from: Address<'_>, to: DbIndex, now_ms: i64) -> Moved {
        let is_occupied = self.db(to, now_ms).look(from.key).exists();
        let mut source = self.db(from.db, now_ms);
        let spot = source.look(from.key);
        if spot.exists() && is_occupied {
            return Moved::Occupied;
        }
        let Some(parcel) = source.take(spot) else { return Moved::NoSource };
        self.db(to, now_ms).bring(parcel);
        self.db(from.db, now_ms).note(EventClasses::GENERIC, "move_from", from.key);
        self.db(to, now_ms).note(EventClasses::GENERIC, "move_to", from.key);
        Moved::Done
    }

    /// Copies a key with its deadline; a key that is there already goes if the copy `replaces` it.
    pub fn copy(
        &mut self,
        from: Address<'_>,
        to: Address<'_>,
        replaces: bool,
        now_ms: i64,
    ) -> Moved {
        let is_occupied = self.db(to.db, now_ms).look(to.key).exists();
        let mut source = self.db(from.db, now_ms);
        let spot = source.read(from.key);
        if spot.exists() && is_occupied && !replaces {
            return Moved::Occupied;
        }
        let Some(parcel) = source.copy(&spot, to.key) else { return Moved::NoSource };
        let mut target = self.db(to.db, now_ms);
        let overwritten = target.bring(parcel);
        target.report(EventClasses::GENERIC, "copy_to", to.key);
        note_overwritten(&mut target, overwritten, to.key);
        Moved::Done
    }

    /// Lets two databases change places.
    ///
    /// # Panics
    /// If one of them does not exist.
    pub fn swap(&mut self, a: DbIndex, b: DbIndex) {
        if a.max(b) >= self.spaces.len() {
            self.create(a.max(b));
        }
        self.changes.dirty += 1;
        if a != b {
            self.spaces.swap(a, b);
            [a, b].into_iter().for_each(|index| self.changes.touch_all(index));
        }
    }
}

/// Notes that a value had to go, of the first type, for one of the second.
fn note_overwritten(db: &mut Db<'_>, types: Option<(Type, Type)>, key: &[u8]) {
    let Some((old, new)) = types else { return };
    db.note(EventClasses::OVERWRITTEN, "overwritten", key);
    if old != new {
        db.note(EventClasses::TYPE_CHANGED, "type_changed", key);
    }
}

impl Parcel {
    /// The same under another key.
    fn under(self, key: &[u8]) -> Parcel {
        let Parcel { entry, deadline_ms } = self;
        Parcel { entry: entry.with_key(key, deadline_ms.is_some()), deadline_ms }
    }
}

//! What has been removed and takes long to free: freed a slice at a time, between commands.

use super::entry::Entry;
use crate::data::collection::Collection;
use crate::data::table::Pieces;

/// Pieces of a collection up to which it is freed at once.
const PIECES_AT_ONCE: usize = 64;

/// One thing that waits to be freed.
enum Rest {
    Keys(Pieces<Entry>),
    Value(Box<Collection>),
}

/// What waits to be freed.
#[derive(Default)]
pub(super) struct Remains(Vec<Rest>);

impl Remains {
    /// True if nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes what is left of a table.
    pub(super) fn add_keys(&mut self, pieces: Pieces<Entry>) {
        self.0.push(Rest::Keys(pieces));
    }

    /// Takes the value out of an entry that is removed or about to be overwritten, if it would take
    /// long to free; true if so.
    #[inline]
    pub(super) fn add_value(&mut self, entry: &mut Entry) -> bool {
        entry.is_large() && self.add_large(entry)
    }

    #[cold]
    fn add_large(&mut self, entry: &mut Entry) -> bool {
        entry.take_large().is_some_and(|collection| self.add_collection(collection))
    }

    /// Takes a collection; false if it is freed at once.
    pub(super) fn add_collection(&mut self, collection: Box<Collection>) -> bool {
        let takes_long = collection.piece_count() > PIECES_AT_ONCE;
        if takes_long {
            self.0.push(Rest::Value(collection));
        }
        takes_long
    }

    /// Frees one slice of what waits: a piece of a table, some hundred entries at most.
    pub(super) fn free_slice(&mut self) {
        match self.0.pop() {
            None => {}
            Some(Rest::Keys(mut pieces)) => {
                let mut values = Remains::default();
                let has_more = pieces.free_one(|entry| {
                    values.add_value(entry);
                });
                if has_more {
                    self.0.push(Rest::Keys(pieces));
                }
                self.0.append(&mut values.0);
            }
            Some(Rest::Value(mut collection)) => {
                let has_more = collection.free_some();
                if has_more {
                    self.0.push(Rest::Value(collection));
                }
            }
        }
    }
}

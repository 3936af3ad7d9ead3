//! Streams made of bytes from outside, such as a file.

use super::block::{self, Block};
use super::id::StreamId;
use super::{Facts, Stream};
use crate::data::packed::Packed;

/// That bytes or numbers from outside make no stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsound;

impl Stream {
    /// Adds a block behind all others: the id to which the ids of its entries are relative, and a
    /// listpack.
    ///
    /// # Errors
    /// That it is no block, or does not come behind all others.
    pub fn restore_block(&mut self, first_id: StreamId, bytes: Vec<u8>) -> Result<(), Unsound> {
        let (counts, last_id) = block::check(&bytes, first_id).ok_or(Unsound)?;
        if self.facts.entries_added > 0 && first_id <= self.facts.last_id {
            return Err(Unsound);
        }
        self.facts.last_id = last_id;
        self.facts.entries_added += counts.live + counts.deleted;
        self.facts.len += counts.live;
        // Redis keeps blocks of which all entries are deleted; nothing is lost without them.
        if counts.live > 0 {
            self.blocks.insert(first_id, Block::from_packed(Packed::from_bytes(bytes)));
        }
        Ok(())
    }

    /// Ends what [`Stream::restore_block`] has begun. Facts that an older file does not tell can be
    /// worked out by [`Stream::plain_facts`].
    ///
    /// # Errors
    /// That the entries are not so many, or that some are above the last id.
    pub fn restore_facts(&mut self, facts: Facts) -> Result<(), Unsound> {
        let is_below = self.facts.entries_added == 0 || self.facts.last_id <= facts.last_id;
        if facts.len != self.facts.len || !is_below {
            return Err(Unsound);
        }
        self.facts = facts;
        self.find_first();
        Ok(())
    }

    /// What is known of a stream of which only its entries and its last id are known.
    pub fn plain_facts(&self, last_id: StreamId) -> Facts {
        let first = self.range(StreamId::MIN, StreamId::MAX).next();
        Facts {
            len: self.facts.len,
            first_id: first.map_or(StreamId::MIN, |entry| entry.id),
            last_id,
            max_deleted_id: StreamId::MIN,
            entries_added: self.facts.len,
        }
    }
}

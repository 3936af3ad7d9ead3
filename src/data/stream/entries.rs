//! The entries of a stream from one id to another, in either direction.

use super::block::{Block, Cursor, Entry};
use super::id::StreamId;
use std::collections::BTreeMap;
use std::collections::btree_map;

/// Entries that are there, in order or backwards.
pub struct Entries<'a> {
    blocks: btree_map::Range<'a, StreamId, Block>,
    cursor: Option<Cursor<'a>>,
    from: StreamId,
    to: StreamId,
    is_backward: bool,
}

impl<'a> Entries<'a> {
    /// Those with ids between two, both included.
    #[inline]
    pub(super) fn forward(
        blocks: &'a BTreeMap<StreamId, Block>,
        from: StreamId,
        to: StreamId,
    ) -> Entries<'a> {
        let first = blocks.range(..=from).next_back().map_or(from, |(first_id, _)| *first_id);
        let blocks = blocks.range(first..=to.max(first));
        Entries { blocks, cursor: None, from, to, is_backward: false }
    }

    /// The same, the last one first.
    pub(super) fn backward(
        blocks: &'a BTreeMap<StreamId, Block>,
        from: StreamId,
        to: StreamId,
    ) -> Entries<'a> {
        Entries { blocks: blocks.range(..=to), cursor: None, from, to, is_backward: true }
    }

    fn next_forward(&mut self) -> Option<Entry<'a>> {
        loop {
            while let Some(entry) = self.cursor.as_mut().and_then(Cursor::next) {
                if entry.id > self.to {
                    self.blocks = btree_map::Range::default();
                    self.cursor = None;
                    return None;
                }
                if entry.id >= self.from && !entry.is_deleted {
                    return Some(entry);
                }
            }
            let (first_id, block) = self.blocks.next()?;
            self.cursor = Some(block.cursor(*first_id));
        }
    }

    fn next_backward(&mut self) -> Option<Entry<'a>> {
        loop {
            while let Some(entry) = self.cursor.as_mut().and_then(Cursor::prev) {
                if entry.id < self.from {
                    self.blocks = btree_map::Range::default();
                    self.cursor = None;
                    return None;
                }
                if entry.id <= self.to && !entry.is_deleted {
                    return Some(entry);
                }
            }
            let (first_id, block) = self.blocks.next_back()?;
            self.cursor = Some(block.cursor_back(*first_id));
        }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        if self.is_backward { self.next_backward() } else { self.next_forward() }
    }
}

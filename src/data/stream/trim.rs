//! What goes from the front of a stream.

use super::Stream;
use super::block::Counts;
use super::id::StreamId;

/// How far a stream is trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// To so many entries.
    MaxLen(u64),
    /// To those from an id on.
    MinId(StreamId),
}

/// What becomes of what groups hold of an entry that goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum References {
    /// It stays pending there.
    #[default]
    Keep,
    /// It is taken off.
    Delete,
    /// Only entries go that every group has read and acknowledged.
    Acked,
}

/// How a stream is trimmed.
#[derive(Clone, Copy, Debug)]
pub struct Trim {
    /// How far.
    pub bound: Bound,
    /// Only by whole blocks.
    pub is_approximate: bool,
    /// Most entries that may go; zero for any number.
    pub limit: u64,
    /// What groups hold.
    pub references: References,
}

impl Stream {
    /// Removes entries from the front; how many.
    pub fn trim(&mut self, trim: &Trim) -> u64 {
        let mut removed = 0;
        // Where entries are that may not go, later ones may.
        let mut from = StreamId::MIN;
        while let Some((first_id, block)) = self.blocks.range(from..).next() {
            let first_id = *first_id;
            let Counts { live, .. } = block.counts();
            if self.is_within(trim, first_id) || (trim.limit > 0 && removed + live > trim.limit) {
                break;
            }
            if self.may_go(trim, first_id, live) {
                self.drop_block(trim, first_id, live);
                removed += live;
                continue;
            }
            if trim.is_approximate {
                break;
            }
            removed += self.trim_block(trim, first_id);
            match first_id.next() {
                Some(next) if trim.references == References::Acked => from = next,
                _ => break,
            }
        }
        if removed > 0 {
            self.find_first();
        }
        removed
    }

    /// Whether nothing of a block and of those behind it is to go.
    fn is_within(&self, trim: &Trim, first_id: StreamId) -> bool {
        match trim.bound {
            Bound::MaxLen(max) => self.facts.len <= max,
            Bound::MinId(min) => first_id >= min,
        }
    }

    /// Whether a block goes as a whole.
    fn may_go(&self, trim: &Trim, first_id: StreamId, live: u64) -> bool {
        let is_outside = match trim.bound {
            Bound::MaxLen(max) => self.facts.len.saturating_sub(live) >= max,
            Bound::MinId(min) => {
                let block = self.blocks.get(&first_id);
                block.and_then(|block| block.last_id(first_id)).is_none_or(|last| last < min)
            }
        };
        is_outside
            && (trim.references != References::Acked
                || !self.ids_of(first_id).iter().any(|id| self.is_referenced(*id)))
    }

    /// The ids of the entries of a block; none if no group could hold one of them.
    fn ids_of(&self, first_id: StreamId) -> Vec<StreamId> {
        let block = self.blocks.get(&first_id).filter(|_| !self.groups.is_empty());
        let mut cursor = block.map(|block| block.cursor(first_id));
        let entries = std::iter::from_fn(|| cursor.as_mut()?.next());
        entries.filter(|entry| !entry.is_deleted).map(|entry| entry.id).collect()
    }

    fn drop_block(&mut self, trim: &Trim, first_id: StreamId, live: u64) {
        if trim.references == References::Delete {
            for id in self.ids_of(first_id) {
                self.forget(id);
            }
        }
        self.blocks.remove(&first_id);
        self.facts.len -= live;
    }

    /// Marks entries of a block as deleted; how many.
    fn trim_block(&mut self, trim: &Trim, first_id: StreamId) -> u64 {
        let Some(block) = self.blocks.get(&first_id) else { return 0 };
        let mut cursor = block.cursor(first_id);
        let (mut left, mut doomed) = (self.facts.len, Vec::new());
        while let Some(entry) = cursor.next() {
            let is_within = match trim.bound {
                Bound::MaxLen(max) => left <= max,
                Bound::MinId(min) => entry.id >= min,
            };
            if is_within {
                break;
            }
            let is_held = trim.references == References::Acked && self.is_referenced(entry.id);
            if !entry.is_deleted && !is_held {
                left -= 1;
                doomed.push((entry.id, entry.place()));
            }
        }
        if trim.references == References::Delete {
            for (id, _) in &doomed {
                self.forget(*id);
            }
        }
        self.facts.len = left;
        let places: Vec<usize> = doomed.iter().map(|(_, at)| *at).collect();
        if let Some(block) = self.blocks.get_mut(&first_id) {
            block.delete(&places);
            if block.counts().live == 0 {
                self.blocks.remove(&first_id);
            }
        }
        doomed.len() as u64
    }
}

//! Some entries in one piece: the bytes in which Redis keeps and saves a node of a stream.
//!
//! ```text
//! live | deleted | names | name .. | 0                        in front of all entries
//! flags | ms | seq | value .. | elements                      an entry with the names in front
//! flags | ms | seq | fields | name | value .. | elements      an entry with names of its own
//! ```
//!
//! Each of these is an element of a listpack. `ms` and `seq` are what the id is more than that of
//! the block, which stands elsewhere. `elements` says how many elements there were from `flags` on,
//! for those who read backwards; the zero stops them.

use super::id::StreamId;
use crate::base::num;
use crate::data::packed::{Packed, Run};
use crate::data::text::Text;
use crate::sys::memory;

/// Flag: the entry is deleted.
const DELETED: i64 = 1;
/// Flag: the names of the fields are those in front of all entries.
const SAME_NAMES: i64 = 2;

/// Bytes that a block has room for at the least.
const ROOM_MIN: usize = 64;

/// Entries in one piece.
#[derive(Clone)]
pub(super) struct Block(Packed);

/// An entry of a block.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    /// Its id.
    pub id: StreamId,
    /// Whether it is deleted.
    pub(super) is_deleted: bool,
    run: Run<'a>,
    /// Where it begins.
    at: usize,
    /// Where the names begin, if they are those in front of all entries.
    names_at: Option<usize>,
    /// Where its fields or, with common names, its values begin.
    fields_at: usize,
    fields: usize,
}

/// The fields of an entry with their values.
#[derive(Clone)]
pub struct Fields<'a> {
    run: Run<'a>,
    names_at: Option<usize>,
    at: usize,
    left: usize,
}

/// The entries of a block from a place on, or back from there.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    run: Run<'a>,
    first_id: StreamId,
    /// Number of the names in front, and where they begin.
    names: usize,
    names_at: usize,
    at: usize,
}

/// How many entries there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) live: u64,
    pub(super) deleted: u64,
}

impl Block {
    /// A block without entries, for some that have these fields and values; with room for so many
    /// bytes.
    pub(super) fn new<'t>(pairs: impl Iterator<Item = &'t [u8]> + Clone, room: usize) -> Block {
        let mut packed = Packed::with_capacity(room.max(ROOM_MIN));
        let names = pairs.clone().count() / 2;
        let mut tail = packed.extend();
        tail.int(0);
        tail.int(0);
        tail.int(signed(names as u64));
        pairs.step_by(2).for_each(|name| tail.text(name));
        tail.int(0);
        tail.close();
        Block(packed)
    }

    /// Takes bytes that [`check`] has found sound.
    pub(super) fn from_packed(packed: Packed) -> Block {
        Block(packed)
    }

    /// The bytes: a listpack.
    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Bytes of memory.
    pub(super) fn memory_bytes(&self) -> usize {
        memory::size_class(self.0.capacity())
    }

    /// Gives back the room for more entries.
    pub(super) fn shrink(&mut self) {
        if memory::size_class(self.bytes().len()) < self.memory_bytes() {
            self.0.bytes_mut().shrink_to_fit();
        }
    }

    /// How many entries there are.
    #[inline]
    pub(super) fn counts(&self) -> Counts {
        let run = self.0.run();
        let (live, next) = run.step(0);
        Counts { live: unsigned(live), deleted: unsigned(run.get(next)) }
    }

    /// Adds an entry behind all others; `first_id` is the id of the block.
    #[inline]
    pub(super) fn push<'t>(
        &mut self,
        first_id: StreamId,
        id: StreamId,
        pairs: impl Iterator<Item = &'t [u8]> + Clone,
    ) {
        let run = self.0.run();
        let (live, next) = run.step(0);
        let (names, names_at) = run.step(run.next(next));
        let (live, names) = (unsigned(live), unsigned(names));
        let fields = pairs.clone().count() as u64 / 2;
        let mut at = names_at;
        let has_same_names = fields == names
            && pairs.clone().step_by(2).all(|name| {
                let (common, next) = run.step(at);
                at = next;
                is_text(common, name)
            });
        self.0.replace_int(0, signed(live + 1));
        let mut tail = self.0.extend();
        tail.int(if has_same_names { SAME_NAMES } else { 0 });
        tail.int(id.ms.wrapping_sub(first_id.ms).cast_signed());
        tail.int(id.seq.wrapping_sub(first_id.seq).cast_signed());
        if has_same_names {
            pairs.skip(1).step_by(2).for_each(|value| tail.text(value));
            tail.int(signed(fields + 3));
        } else {
            tail.int(signed(fields));
            pairs.for_each(|text| tail.text(text));
            tail.int(signed(2 * fields + 4));
        }
        tail.close();
    }

    /// Marks entries as deleted that are not yet, and that begin at these places.
    pub(super) fn delete(&mut self, places: &[usize]) {
        for at in places {
            let flags = self.0.run().get(*at).to_int().unwrap_or(0);
            self.0.replace_int(*at, flags | DELETED);
        }
        let count = places.len() as u64;
        let Counts { live, deleted } = self.counts();
        let next = self.0.run().next(0);
        self.0.replace_int(next, signed(deleted + count));
        self.0.replace_int(0, signed(live.saturating_sub(count)));
    }

    /// The entries from the first one on.
    #[inline]
    pub(super) fn cursor(&self, first_id: StreamId) -> Cursor<'_> {
        let run = self.0.run();
        let deleted_at = run.next(0);
        let (names, names_at) = run.step(run.next(deleted_at));
        let names = num_of(names);
        let at = (0..=names).fold(names_at, |at, _| run.next(at));
        Cursor { run, first_id, names, names_at, at }
    }

    /// The entries back from the last one.
    #[inline]
    pub(super) fn cursor_back(&self, first_id: StreamId) -> Cursor<'_> {
        let run = self.0.run();
        let deleted_at = run.next(0);
        let (names, names_at) = run.step(run.next(deleted_at));
        Cursor { run, first_id, names: num_of(names), names_at, at: run.bytes().len() }
    }

    /// The id of the last entry, deleted or not.
    pub(super) fn last_id(&self, first_id: StreamId) -> Option<StreamId> {
        self.cursor_back(first_id).prev().map(|entry| entry.id)
    }
}

impl<'a> Cursor<'a> {
    /// The next entry.
    #[inline]
    pub(super) fn next(&mut self) -> Option<Entry<'a>> {
        if self.at >= self.run.bytes().len() {
            return None;
        }
        let entry = self.read();
        self.at = entry.end();
        Some(entry)
    }

    /// The entry before the place, which becomes the place.
    pub(super) fn prev(&mut self) -> Option<Entry<'a>> {
        let count_at = self.run.prev(self.at)?;
        let elements = num_of(self.run.get(count_at));
        if elements == 0 {
            return None;
        }
        self.at = (0..elements).try_fold(count_at, |at, _| self.run.prev(at))?;
        Some(self.read())
    }

    /// The entry that begins at the place.
    #[inline]
    fn read(&self) -> Entry<'a> {
        let run = self.run;
        let (flags, at) = run.step(self.at);
        let (ms, at) = run.step(at);
        let (seq, at) = run.step(at);
        let flags = flags.to_int().unwrap_or(0);
        let more = |base: u64, by: Text<'_>| base.wrapping_add_signed(by.to_int().unwrap_or(0));
        let id = StreamId { ms: more(self.first_id.ms, ms), seq: more(self.first_id.seq, seq) };
        let has_same_names = flags & SAME_NAMES != 0;
        let (fields, fields_at) = if has_same_names {
            (self.names, at)
        } else {
            let (fields, at) = run.step(at);
            (num_of(fields), at)
        };
        let names_at = has_same_names.then_some(self.names_at);
        let is_deleted = flags & DELETED != 0;
        Entry { id, is_deleted, run, at: self.at, names_at, fields_at, fields }
    }
}

impl<'a> Entry<'a> {
    /// Number of fields.
    #[inline]
    pub fn len(&self) -> usize {
        self.fields
    }

    /// True without fields, which no command makes.
    pub fn is_empty(&self) -> bool {
        self.fields == 0
    }

    /// The fields with their values, in order.
    #[inline]
    pub fn fields(&self) -> Fields<'a> {
        Fields { run: self.run, names_at: self.names_at, at: self.fields_at, left: self.fields }
    }

    /// Where it begins in its block.
    pub(super) fn place(&self) -> usize {
        self.at
    }

    /// Where the next entry begins.
    #[inline]
    fn end(&self) -> usize {
        let elements = if self.names_at.is_some() { self.fields } else { 2 * self.fields };
        (0..=elements).fold(self.fields_at, |at, _| self.run.next(at))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Text<'a>, Text<'a>);

    #[inline]
    fn next(&mut self) -> Option<(Text<'a>, Text<'a>)> {
        self.left = self.left.checked_sub(1)?;
        let name = match &mut self.names_at {
            Some(at) => {
                let (name, next) = self.run.step(*at);
                *at = next;
                name
            }
            None => {
                let (name, next) = self.run.step(self.at);
                self.at = next;
                name
            }
        };
        let (value, next) = self.run.step(self.at);
        self.at = next;
        Some((name, value))
    }
}

/// What bytes from outside hold if they are a sound block with this id: how many entries, and the
/// id of the last one.
pub(super) fn check(bytes: &[u8], first_id: StreamId) -> Option<(Counts, StreamId)> {
    if !Packed::check(bytes) {
        return None;
    }
    let mut elements = Run::of_packed(bytes).iter();
    let mut int = || elements.next()?.to_int();
    let (live, deleted, names) = (int()?, int()?, int()?);
    let is_plausible = |count: i64| usize::try_from(count).ok().filter(|n| *n <= bytes.len());
    let names = is_plausible(names)?;
    elements.nth(names.checked_sub(1)?)?;
    if elements.next()?.to_int()? != 0 {
        return None;
    }
    let (mut found, mut last) = (Counts { live: 0, deleted: 0 }, None::<StreamId>);
    while let Some(flags) = elements.next() {
        let flags = flags.to_int().filter(|flags| (0..=DELETED | SAME_NAMES).contains(flags))?;
        let (ms, seq) = (elements.next()?.to_int()?, elements.next()?.to_int()?);
        let id = StreamId {
            ms: first_id.ms.wrapping_add_signed(ms),
            seq: first_id.seq.wrapping_add_signed(seq),
        };
        if last.is_some_and(|last| last >= id) || id < first_id {
            return None;
        }
        last = Some(id);
        let (texts, head) = match flags & SAME_NAMES {
            0 => (2 * is_plausible(elements.next()?.to_int()?)?, 4),
            _ => (names, 3),
        };
        elements.nth(texts.checked_sub(1)?)?;
        if elements.next()?.to_int()? != i64::try_from(texts + head).ok()? {
            return None;
        }
        if flags & DELETED == 0 {
            found.live += 1;
        } else {
            found.deleted += 1;
        }
    }
    let told = Counts { live: live.try_into().ok()?, deleted: deleted.try_into().ok()? };
    (found == told).then_some((found, last?))
}

/// Whether an element is this text.
#[inline]
fn is_text(element: Text<'_>, text: &[u8]) -> bool {
    match element {
        Text::Bytes(bytes) => bytes == text,
        Text::Int(_) => element == Text::compact(text),
    }
}

#[inline]
fn num_of(element: Text<'_>) -> usize {
    element.to_int().and_then(|count| usize::try_from(count).ok()).unwrap_or(0)
}

#[inline]
fn unsigned(element: Text<'_>) -> u64 {
    element.to_int().and_then(|count| u64::try_from(count).ok()).unwrap_or(0)
}

#[inline]
fn signed(count: u64) -> i64 {
    num::signed_u64(count)
}

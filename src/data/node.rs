//! A node of a long list: elements one behind the other, with room at both ends.

use super::list::NodeRef;
use super::packed::{self, Elements, Run};
use super::text::Text;
use crate::sys::memory;

/// Bytes of a listpack around its elements, by which Redis counts more than stands here.
const AROUND: usize = 7;
/// Bytes up to which a node doubles when it grows.
const DOUBLES_TO: usize = 8 * 1024;

/// The two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The front, which commands call left or head.
    Front,
    /// The back, which commands call right or tail.
    Back,
}

/// Elements one behind the other; or one element that is too long to be packed.
#[derive(Clone)]
pub(super) struct Node {
    /// The elements with the room around them.
    bytes: Box<[u8]>,
    /// Where the elements begin and end.
    start: usize,
    end: usize,
    count: usize,
    /// Whether this is the bytes of one element as they are.
    is_plain: bool,
}

/// The elements of a node in order, from either end.
#[derive(Clone)]
pub(super) enum Items<'a> {
    Packed(Elements<'a>),
    Plain(Option<&'a [u8]>),
}

impl<'a> Iterator for Items<'a> {
    type Item = Text<'a>;

    #[inline]
    fn next(&mut self) -> Option<Text<'a>> {
        match self {
            Items::Packed(elements) => elements.next(),
            Items::Plain(element) => element.take().map(Text::compact),
        }
    }
}

impl DoubleEndedIterator for Items<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        match self {
            Items::Packed(elements) => elements.next_back(),
            Items::Plain(element) => element.take().map(Text::compact),
        }
    }
}

impl Node {
    /// A node of elements that are packed, `count` of them.
    pub(super) fn of_run(run: Run<'_>, count: usize) -> Node {
        let end = run.bytes().len();
        let mut bytes = room_of(end);
        bytes[..end].copy_from_slice(run.bytes());
        Node { bytes, start: 0, end, count, is_plain: false }
    }

    /// A node of one element, with room for so many bytes if it is packed.
    pub(super) fn of_one(text: &[u8], is_plain: bool, room: usize) -> Node {
        if is_plain {
            return Node { bytes: text.into(), start: 0, end: text.len(), count: 1, is_plain };
        }
        let bytes = room_of(room.max(packed::encoded_len(text)));
        let mut node = Node { bytes, start: 0, end: 0, count: 0, is_plain };
        node.push(End::Back, text);
        node
    }

    /// Number of elements.
    #[inline]
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Whether it is one element that is not packed.
    pub(super) fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// Bytes of the elements, which is the place behind the last one too.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    /// Bytes that the elements would take as a listpack.
    #[inline]
    pub(super) fn packed_bytes(&self) -> usize {
        self.len() + AROUND
    }

    /// Bytes of memory.
    pub(super) fn memory_bytes(&self) -> usize {
        memory::size_class(self.bytes.len())
    }

    /// The packed elements.
    #[inline]
    pub(super) fn run(&self) -> Run<'_> {
        debug_assert!(!self.is_plain, "the elements are packed");
        Run::new(&self.bytes[self.start..self.end])
    }

    /// What it is made of.
    pub(super) fn show(&self) -> NodeRef<'_> {
        let bytes = &self.bytes[self.start..self.end];
        if self.is_plain { NodeRef::Plain(bytes) } else { NodeRef::Packed(self.run(), self.count) }
    }

    /// The elements.
    #[inline]
    pub(super) fn items(&self) -> Items<'_> {
        self.items_between(0, self.len())
    }

    /// The elements between two places.
    #[inline]
    pub(super) fn items_between(&self, from: usize, to: usize) -> Items<'_> {
        let bytes = &self.bytes[self.start + from..self.start + to];
        match self.is_plain {
            true => Items::Plain(Some(bytes).filter(|bytes| from == 0 && to == bytes.len())),
            false => Items::Packed(Run::new(bytes).iter()),
        }
    }

    /// The place of the element of that number, or of the end.
    pub(super) fn seek(&self, index: usize) -> usize {
        if index >= self.count {
            return self.len();
        }
        if self.is_plain {
            return 0;
        }
        let run = self.run();
        let near_back = index > self.count / 2;
        let at = if near_back { run.seek_back(self.count - 1 - index) } else { run.seek(index) };
        at.unwrap_or(self.len())
    }

    /// The place behind the element at a place.
    pub(super) fn next(&self, at: usize) -> usize {
        if self.is_plain { self.len() } else { self.run().next(at) }
    }

    /// The place of the first element that is `text`, from a place on.
    pub(super) fn find(&self, from: usize, text: &[u8]) -> Option<usize> {
        match self.is_plain {
            true => (from == 0 && *self.bytes == *text).then_some(0),
            false => self.run().find(from, text, 1),
        }
    }

    /// Adds an element at an end.
    #[inline]
    pub(super) fn push(&mut self, end: End, text: &[u8]) {
        let len = packed::encoded_len(text);
        self.count += 1;
        match end {
            End::Front => {
                if self.start < len {
                    self.make_room(len, 0);
                }
                self.start -= len;
                packed::write_element(&mut self.bytes, self.start, text);
            }
            End::Back => {
                if self.bytes.len() - self.end < len {
                    self.make_room(0, len);
                }
                self.end = packed::write_element(&mut self.bytes, self.end, text);
            }
        }
    }

    /// Takes one of several packed elements at an end. It holds until the node is changed.
    #[inline]
    pub(super) fn pop(&mut self, end: End) -> Option<Text<'_>> {
        debug_assert!(self.count > 1, "some are left");
        let mut elements = Run::new(&self.bytes[self.start..self.end]).iter();
        let text = match end {
            End::Front => elements.next(),
            End::Back => elements.next_back(),
        };
        match end {
            End::Front => self.start = self.end - elements.bytes_left(),
            End::Back => self.end = self.start + elements.bytes_left(),
        }
        self.count -= 1;
        text
    }

    /// Removes so many elements at an end, fewer than there are.
    #[inline]
    pub(super) fn cut(&mut self, end: End, count: usize) {
        debug_assert!(count < self.count, "some are left");
        match end {
            End::Front if count == 1 => self.start += self.next(0),
            End::Front => self.start += self.seek(count),
            End::Back => self.end = self.start + self.seek(self.count - count),
        }
        self.count -= count;
    }

    /// Puts an element in front of the one at a place, or at the end.
    pub(super) fn insert(&mut self, at: usize, text: &[u8]) {
        self.splice(at, at, text);
        self.count += 1;
    }

    /// Replaces the element at a place, if it is packed.
    pub(super) fn replace(&mut self, at: usize, text: &[u8]) {
        self.splice(at, self.run().next(at), text);
    }

    /// Removes the element at a place, one of several.
    pub(super) fn remove(&mut self, at: usize) {
        let (from, to) = (self.start + at, self.start + self.next(at));
        self.bytes.copy_within(to..self.end, from);
        self.end -= to - from;
        self.count -= 1;
        self.give_back();
    }

    /// Removes elements that are `text`, but the first `skip` of them, and no more than `max`;
    /// returns how many there were.
    pub(super) fn remove_equal(&mut self, text: &[u8], skip: usize, max: usize) -> usize {
        let (mut found, mut removed) = (0, 0);
        // What is kept so far ends at `kept`; what stands from `from` on has not been looked at.
        let (mut kept, mut from, mut at) = (0, 0, 0);
        while removed < max
            && let Some(place) = self.find(at, text)
        {
            at = self.next(place);
            found += 1;
            if found > skip {
                self.bytes.copy_within(self.start + from..self.start + place, self.start + kept);
                kept += place - from;
                from = at;
                removed += 1;
            }
        }
        if removed > 0 {
            self.bytes.copy_within(self.start + from..self.end, self.start + kept);
            self.end -= from - kept;
            self.count -= removed;
            self.give_back();
        }
        removed
    }

    /// Number of elements that are `text`.
    pub(super) fn count_equal(&self, text: &[u8]) -> usize {
        let (mut at, mut count) = (0, 0);
        while let Some(place) = self.find(at, text) {
            at = self.next(place);
            count += 1;
        }
        count
    }

    /// Takes the elements from a place on into a node of their own; there are `count` before them.
    pub(super) fn split(&mut self, at: usize, count: usize) -> Node {
        let moved = Node::of_run(Run::new(&self.run().bytes()[at..]), self.count - count);
        self.end = self.start + at;
        self.count = count;
        self.give_back();
        moved
    }

    /// Takes the elements of a node that stands behind this one.
    pub(super) fn append(&mut self, other: &Node) {
        self.make_room(0, other.len());
        let end = self.end + other.len();
        self.bytes[self.end..end].copy_from_slice(other.run().bytes());
        self.end = end;
        self.count += other.count;
    }

    /// Gives memory back that will not be needed: nothing is to be added at the ends any more.
    pub(super) fn close(&mut self) {
        if self.bytes.len() - self.len() > self.bytes.len() / 8 {
            self.shift(self.len(), 0);
        }
    }

    /// Gives memory back if most of it is not in use.
    fn give_back(&mut self) {
        if !self.is_plain && self.len() < self.bytes.len() / 2 {
            self.shift(self.len(), 0);
        }
    }

    /// Replaces what stands between two places by an element.
    fn splice(&mut self, from: usize, to: usize, text: &[u8]) {
        let len = packed::encoded_len(text);
        let old = to - from;
        self.make_room(0, len.saturating_sub(old));
        let at = self.start + from;
        self.bytes.copy_within(at + old..self.end, at + len);
        self.end = self.end + len - old;
        packed::write_element(&mut self.bytes, at, text);
    }

    /// Makes room for so many bytes in front and behind.
    fn make_room(&mut self, front: usize, back: usize) {
        if self.start >= front && self.bytes.len() - self.end >= back {
            return;
        }
        let needed = self.len() + front + back;
        if needed <= self.bytes.len() - self.bytes.len() / 8 {
            // There is room, but on the other side; both sides get some.
            let spare = (self.bytes.len() - needed) / 2;
            let start = front + spare;
            self.bytes.copy_within(self.start..self.end, start);
            (self.start, self.end) = (start, start + self.len());
            return;
        }
        let now = self.bytes.len();
        let grown = if now < DOUBLES_TO { (2 * now).min(DOUBLES_TO) } else { now + now / 4 };
        let size = memory::size_class(needed.max(grown));
        let spare = size - needed;
        self.shift(size, if front > 0 { front + spare } else { 0 });
    }

    /// Moves the elements to an offset of new memory.
    fn shift(&mut self, size: usize, start: usize) {
        let mut bytes = room_of(size);
        let end = start + self.len();
        bytes[start..end].copy_from_slice(&self.bytes[self.start..self.end]);
        (self.bytes, self.start, self.end) = (bytes, start, end);
    }
}

fn room_of(len: usize) -> Box<[u8]> {
    vec![0; memory::size_class(len)].into_boxed_slice()
}

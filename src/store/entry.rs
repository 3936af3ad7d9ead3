//! One key with its value in one allocation, behind a pointer of eight bytes.
//!
//! ```text
//! meta 1 | access 3 | [heap slot 4] | key length 1 or 4 | [text length 1 or 2] | key | body
//! ```
//!
//! The access bytes are for whoever tells when or how often the key is used. The heap slot is there
//! once the key has had a deadline, the text length if the body is text beside its key. The body is
//! an integer in eight bytes, the bytes of a string up to [`INLINE_MAX`], a pointer to a longer
//! string, the form and the bytes of a small collection up to [`SMALL_MAX`], or a pointer to a
//! larger collection. A key of 16 bytes with a value of 32 takes 54 bytes, 58 with a deadline: 64
//! from the allocator.
//!
//! The file knows nothing of databases, hashes or time.
#![allow(unsafe_code, reason = "a thin allocation of its own layout; docs/decisions.md has why")]

use crate::base::num;
use crate::data::collection::{Collection, Form, Kind, Type};
use crate::data::deadlines::Timed;
use crate::data::table::Prefetch;
use crate::data::text::{EMBSTR_MAX, Text};
use crate::sys::cache;
use crate::sys::memory::size_class;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// Longest string kept beside its key; longer ones are worth an allocation of their own.
pub const INLINE_MAX: usize = 1_024;

/// Most bytes of a small collection kept beside its key. They are copied out and back whenever it
/// changes.
pub const SMALL_MAX: usize = 512;

/// Heap slot of an entry without a deadline.
const NO_SLOT: u32 = u32::MAX;
/// Where the access bytes stand.
const ACCESS_AT: usize = 1;
/// Bytes of the heap slot.
const SLOT_BYTES: usize = 4;
/// Where the heap slot or, without one, the key length stands.
const SLOT_AT: usize = ACCESS_AT + 3;

/// Meta bit: there is room for a heap slot.
const HAS_SLOT: u8 = 1;
/// Meta bit: the key's length takes four bytes, not one.
const WIDE_KEY: u8 = 1 << 1;
/// Meta bit: the length of what stands beside the key takes two bytes, not one.
const WIDE_TEXT: u8 = 1 << 2;
/// Meta bits of the kind of body.
const KIND: u8 = 7 << 3;
const KIND_INT: u8 = 0;
const KIND_INLINE: u8 = 1 << 3;
const KIND_LONG: u8 = 2 << 3;
const KIND_SMALL: u8 = 3 << 3;
const KIND_LARGE: u8 = 4 << 3;
/// Meta bit: the string has been changed in place, so that Redis would call it raw.
const RAW: u8 = 1 << 6;

/// A value as a reader sees it.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    /// A string.
    Text(Text<'a>),
    /// A small collection: what its bytes are, and the bytes.
    Small(Form, &'a [u8]),
    /// A larger one.
    Large(&'a Collection),
}

/// A value that comes in whole.
pub enum Arrival<'a> {
    /// A string.
    Text(Text<'a>),
    /// A long string, which is not copied.
    Long(Vec<u8>),
    /// A small collection: what its bytes are, and the bytes.
    Small(Form, &'a [u8]),
    /// Any collection.
    Whole(Collection),
}

/// A value on its way into an entry.
enum Body<'a> {
    Int(i64),
    Inline(&'a [u8]),
    Long(Vec<u8>),
    Small(Form, &'a [u8]),
    Large(Box<Collection>),
}

impl<'a> Body<'a> {
    fn of(text: Text<'a>) -> Body<'a> {
        match text {
            Text::Int(value) => Body::Int(value),
            Text::Bytes(bytes) if bytes.len() <= INLINE_MAX => Body::Inline(bytes),
            Text::Bytes(bytes) => Body::Long(bytes.to_vec()),
        }
    }
}

/// A key and its value; owns both.
pub struct Entry(NonNull<u8>);

/// Where the parts of an entry stand.
#[derive(Clone, Copy)]
struct Shape {
    meta: u8,
    key_at: usize,
    body_at: usize,
    end: usize,
}

impl Entry {
    /// A new entry without a deadline; `with_slot` leaves room for one to come.
    pub fn new(key: &[u8], text: Text<'_>, with_slot: bool) -> Entry {
        Entry::of_body(key, Body::of(text), with_slot)
    }

    /// A new entry with a collection, without a deadline; `with_slot` leaves room for one to come.
    pub fn collect(key: &[u8], mut collection: Collection, with_slot: bool) -> Entry {
        match collection.small() {
            Some((form, bytes)) if bytes.len() <= SMALL_MAX => {
                Entry::of_body(key, Body::Small(form, bytes), with_slot)
            }
            _ => Entry::of_body(key, Body::Large(Box::new(collection)), with_slot),
        }
    }

    /// A new entry with a value that comes in whole; see [`Entry::new`].
    pub fn arrive(key: &[u8], value: Arrival<'_>, with_slot: bool) -> Entry {
        match value {
            Arrival::Text(text) => Entry::new(key, text, with_slot),
            Arrival::Long(bytes) => Entry::of_body(key, Body::Long(bytes), with_slot),
            Arrival::Small(form, bytes) if bytes.len() <= SMALL_MAX => {
                Entry::of_body(key, Body::Small(form, bytes), with_slot)
            }
            Arrival::Small(form, bytes) => {
                Entry::collect(key, Collection::thaw(form, bytes.to_vec()), with_slot)
            }
            Arrival::Whole(collection) => Entry::collect(key, collection, with_slot),
        }
    }

    fn of_body(key: &[u8], body: Body<'_>, with_slot: bool) -> Entry {
        let shape = Shape::plan(key.len(), &body, with_slot);
        let mut entry = Entry::allocate(shape);
        let bytes = entry.bytes_mut(shape.end);
        shape.write_lengths(bytes);
        bytes[shape.key_at..shape.body_at].copy_from_slice(key);
        shape.write_body(bytes, body);
        if with_slot {
            entry.set_heap_slot(None);
        }
        entry
    }

    /// The key.
    #[inline]
    pub fn key(&self) -> &[u8] {
        let shape = self.shape();
        &self.bytes(shape.body_at)[shape.key_at..]
    }

    /// The value, if it is a string.
    #[inline]
    pub fn text(&self) -> Option<Text<'_>> {
        let shape = self.shape();
        let body = &self.bytes(shape.end)[shape.body_at..];
        match shape.meta & KIND {
            KIND_INT => Some(Text::Int(i64::from_le_bytes(eight(body)))),
            KIND_INLINE => Some(Text::Bytes(body)),
            // SAFETY: a long body is the pointer that `write_body` leaked from a box and only
            // `drop_body` frees.
            KIND_LONG => Some(Text::Bytes(unsafe { &*pointer::<Vec<u8>>(body) })),
            _ => None,
        }
    }

    /// The value.
    #[inline]
    pub fn value(&self) -> Value<'_> {
        if self.is_large() {
            // SAFETY: as for a long string.
            return Value::Large(unsafe { &*self.large() });
        }
        if let Some(text) = self.text() {
            return Value::Text(text);
        }
        let shape = self.shape();
        let body = &self.bytes(shape.end)[shape.body_at..];
        Value::Small(Form::of_number(body[0]), &body[1..])
    }

    /// The value, if it is a collection of this type.
    #[inline]
    pub fn view<K: Kind>(&self) -> Option<K::Ref<'_>> {
        match self.value() {
            Value::Text(_) => None,
            Value::Small(form, bytes) => {
                (form.type_of() == K::TYPE).then(|| K::view_small(form, bytes))
            }
            Value::Large(collection) => K::of(collection).map(K::view),
        }
    }

    /// The type of the value.
    pub fn type_of(&self) -> Type {
        match self.value() {
            Value::Text(_) => Type::String,
            Value::Small(form, _) => form.type_of(),
            Value::Large(collection) => collection.type_of(),
        }
    }

    /// Changes a collection of this type in place; key and deadline stay. `None` if the value is of
    /// another type. A small one is changed in `room`, whose bytes do not matter.
    #[inline]
    pub fn edit<K: Kind, R>(
        &mut self,
        room: &mut Vec<u8>,
        change: impl FnOnce(&mut K) -> R,
    ) -> Option<R> {
        let mut small = None;
        let value = if self.is_large() {
            // SAFETY: the pointer came from a box that this entry owns.
            K::of_mut(unsafe { &mut *self.large() })?
        } else {
            small.insert(self.thaw::<K>(room)?)
        };
        let result = change(value);
        if let Some(value) = small {
            self.freeze(value, room);
        }
        Some(result)
    }

    /// A small collection of this type, in `room`.
    #[inline(never)] // The large ones that change often pay nothing for it.
    fn thaw<K: Kind>(&self, room: &mut Vec<u8>) -> Option<K> {
        let Value::Small(form, bytes) = self.value() else { return None };
        (form.type_of() == K::TYPE).then(|| {
            room.clear();
            room.extend_from_slice(bytes);
            K::thaw(form, std::mem::take(room))
        })
    }

    /// Replaces the value by a collection, whose memory becomes `room` if it is small.
    #[inline(never)] // As above.
    fn freeze<K: Kind>(&mut self, mut value: K, room: &mut Vec<u8>) {
        match value.small() {
            Some((form, bytes)) if bytes.len() <= SMALL_MAX => {
                self.set_body(Body::Small(form, bytes));
                *room = std::mem::take(bytes);
            }
            _ => self.set_body(Body::Large(Box::new(value.wrap()))),
        }
    }

    /// True if the value is a collection that stands by itself.
    #[inline]
    pub fn is_large(&self) -> bool {
        self.bytes(1)[0] & KIND == KIND_LARGE
    }

    /// The large collection that the body points to.
    #[inline]
    fn large(&self) -> *mut Collection {
        let shape = self.shape();
        pointer(&self.bytes(shape.end)[shape.body_at..])
    }

    /// Takes a large collection out, so that it can be freed a little at a time; an empty string is
    /// left.
    pub fn take_large(&mut self) -> Option<Box<Collection>> {
        if !self.is_large() {
            return None;
        }
        let collection = self.large();
        let shape = self.shape();
        // The body is of no kind that `set_body` would free.
        let bytes = self.bytes_mut(shape.end);
        bytes[0] = shape.meta & !KIND | KIND_INT;
        self.set_body(Body::Inline(b""));
        // SAFETY: the pointer came from a box, and the body that held it is overwritten.
        Some(unsafe { Box::from_raw(collection) })
    }

    /// Replaces the value; key and deadline stay.
    pub fn set_text(&mut self, text: Text<'_>) {
        self.set_body(Body::of(text));
    }

    /// Changes the bytes of a string in place; key and deadline stay. Its encoding is `raw` from
    /// then on. A long string is not copied for it; one of another type counts as empty.
    pub fn modify<R>(&mut self, change: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        let shape = self.shape();
        let result = if shape.meta & KIND == KIND_LONG {
            // SAFETY: the pointer came from a box that this entry owns.
            change(unsafe { &mut *pointer(&self.bytes(shape.end)[shape.body_at..]) })
        } else {
            let text = self.text().unwrap_or(Text::EMPTY);
            let mut bytes = text.with_bytes(<[u8]>::to_vec);
            let result = change(&mut bytes);
            if bytes.len() <= INLINE_MAX {
                self.set_body(Body::Inline(&bytes));
            } else {
                self.set_body(Body::Long(bytes));
            }
            result
        };
        self.bytes_mut(1)[0] |= RAW;
        result
    }

    /// The same value under another key, without a deadline; `with_slot` leaves room for one to
    /// come. A long string is not copied for it.
    #[must_use]
    pub fn with_key(self, key: &[u8], with_slot: bool) -> Entry {
        let old = self.shape();
        let mut moved = self.of_key(old, key, with_slot);
        moved.set_access(self.access());
        self.release(old);
        moved
    }

    /// A copy of the value under another key, without a deadline and not used yet; `with_slot`
    /// leaves room for a deadline to come.
    pub fn copy(&self, key: &[u8], with_slot: bool) -> Entry {
        let shape = self.shape();
        match self.value() {
            Value::Large(collection) => Entry::collect(key, collection.clone(), with_slot),
            Value::Text(text) if shape.meta & KIND == KIND_LONG => {
                let mut copy = Entry::new(key, text, with_slot);
                copy.bytes_mut(1)[0] |= shape.meta & RAW;
                copy
            }
            Value::Text(_) | Value::Small(..) => self.of_key(shape, key, with_slot),
        }
    }

    /// How the value is kept, in the words of OBJECT ENCODING.
    pub fn encoding(&self) -> &'static str {
        match self.value() {
            Value::Text(Text::Int(_)) => "int",
            Value::Text(Text::Bytes(bytes)) if bytes.len() > EMBSTR_MAX => "raw",
            Value::Text(_) if self.shape().meta & RAW != 0 => "raw",
            Value::Text(_) => "embstr",
            Value::Small(form, _) => form.encoding(),
            Value::Large(collection) => collection.encoding(),
        }
    }

    /// What [`Entry::set_access`] noted last, in 24 bits; zero for a new entry.
    #[inline]
    pub fn access(&self) -> u32 {
        let bytes = self.bytes(SLOT_AT);
        u32::from_le_bytes([bytes[ACCESS_AT], bytes[ACCESS_AT + 1], bytes[ACCESS_AT + 2], 0])
    }

    /// Notes when or how often the key is used, in the lower 24 bits.
    #[inline]
    pub fn set_access(&mut self, access: u32) {
        let [a, b, c, _] = access.to_le_bytes();
        self.bytes_mut(SLOT_AT)[ACCESS_AT..].copy_from_slice(&[a, b, c]);
    }

    /// Another entry with the same bytes as body; a long body must not belong to both.
    fn of_key(&self, shape: Shape, key: &[u8], with_slot: bool) -> Entry {
        let new = shape.for_key(key.len(), with_slot);
        let mut entry = Entry::allocate(new);
        let bytes = entry.bytes_mut(new.end);
        new.write_lengths(bytes);
        bytes[new.key_at..new.body_at].copy_from_slice(key);
        bytes[new.body_at..].copy_from_slice(&self.bytes(shape.end)[shape.body_at..]);
        if with_slot {
            entry.set_heap_slot(None);
        }
        entry
    }

    fn set_body(&mut self, body: Body<'_>) {
        let old = self.shape();
        let key_len = old.body_at - old.key_at;
        let new = Shape::plan(key_len, &body, old.meta & HAS_SLOT != 0);
        self.drop_body(old);
        if (old.meta & !RAW, old.end) == (new.meta, new.end) {
            // Nothing but the body is another one.
            let bytes = self.bytes_mut(new.end);
            bytes[0] = new.meta;
            new.write_body(bytes, body);
            return;
        }
        if size_class(old.end) == size_class(new.end) {
            // SAFETY: both key ranges lie within the allocation, whose class holds old and new
            // shape alike.
            unsafe {
                let base = self.0.as_ptr();
                std::ptr::copy(base.add(old.key_at), base.add(new.key_at), key_len);
            }
        } else {
            let mut moved = Entry::allocate(new);
            let head = SLOT_AT + new.slot_bytes();
            moved.bytes_mut(head)[ACCESS_AT..].copy_from_slice(&self.bytes(head)[ACCESS_AT..]);
            moved.bytes_mut(new.body_at)[new.key_at..]
                .copy_from_slice(&self.bytes(old.body_at)[old.key_at..]);
            std::mem::swap(self, &mut moved);
            moved.release(old);
        }
        let bytes = self.bytes_mut(new.end);
        new.write_lengths(bytes);
        new.write_body(bytes, body);
    }

    /// Bytes of memory that the entry takes, as the allocator rounds them.
    pub fn memory_bytes(&self) -> usize {
        let shape = self.shape();
        let body = match self.value() {
            Value::Large(collection) => {
                size_class(size_of::<Collection>()) + collection.memory_bytes()
            }
            Value::Text(_) if shape.meta & KIND == KIND_LONG => {
                let long = pointer::<Vec<u8>>(&self.bytes(shape.end)[shape.body_at..]);
                // SAFETY: the pointer came from a box that this entry owns.
                let capacity = unsafe { &*long }.capacity();
                size_class(capacity) + size_class(size_of::<Vec<u8>>())
            }
            Value::Text(_) | Value::Small(..) => 0,
        };
        size_class(shape.end) + body
    }

    /// Makes room for a heap slot behind the meta byte.
    fn insert_slot(&mut self) {
        let old = self.shape();
        let new = Shape {
            meta: old.meta | HAS_SLOT,
            key_at: old.key_at + SLOT_BYTES,
            body_at: old.body_at + SLOT_BYTES,
            end: old.end + SLOT_BYTES,
        };
        let mut moved = Entry::allocate(new);
        moved.bytes_mut(SLOT_AT)[ACCESS_AT..].copy_from_slice(&self.bytes(SLOT_AT)[ACCESS_AT..]);
        moved.bytes_mut(new.end)[SLOT_AT + SLOT_BYTES..]
            .copy_from_slice(&self.bytes(old.end)[SLOT_AT..]);
        std::mem::swap(self, &mut moved);
        moved.release(old);
    }

    #[inline]
    fn shape(&self) -> Shape {
        // SAFETY: every entry begins with its meta byte.
        let meta = unsafe { self.0.read() };
        let at = SLOT_AT + usize::from(meta & HAS_SLOT) * SLOT_BYTES;
        let lengths = Lengths::of(meta);
        // SAFETY: the lengths stand behind the slot, in as many bytes as the meta byte says.
        let head = unsafe { std::slice::from_raw_parts(self.0.as_ptr().add(at), lengths.bytes()) };
        lengths.read(meta, at, head)
    }

    /// The first `len` bytes; `len` must not be over the end of the entry's shape.
    #[inline]
    fn bytes(&self, len: usize) -> &[u8] {
        // SAFETY: the allocation is at least as long as the shape, and `new`, `set_text` and
        // `insert_slot` have written all of it.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr(), len) }
    }

    /// The first `len` bytes, to be written; `len` must not be over the end of the entry's shape.
    #[inline]
    fn bytes_mut(&mut self, len: usize) -> &mut [u8] {
        // SAFETY: as in `bytes`; memory fresh from `allocate` holds zeros.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_ptr(), len) }
    }

    fn allocate(shape: Shape) -> Entry {
        let layout = layout_of(shape.end);
        // SAFETY: the size is not zero, since a class never is.
        let Some(base) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        // SAFETY: within the allocation. Bytes that a shape does not reach are never read.
        unsafe {
            base.as_ptr().write_bytes(0, shape.end);
            base.as_ptr().write(shape.meta);
        }
        Entry(base)
    }

    /// Frees what the body points to, if it does.
    fn drop_body(&mut self, shape: Shape) {
        if !matches!(shape.meta & KIND, KIND_LONG | KIND_LARGE) {
            return;
        }
        let body = &self.bytes(shape.end)[shape.body_at..];
        // SAFETY: the pointer came from a box of the kind's type, and the body is overwritten or
        // freed right after.
        unsafe {
            match shape.meta & KIND {
                KIND_LONG => drop(Box::from_raw(pointer::<Vec<u8>>(body))),
                _ => drop(Box::from_raw(pointer::<Collection>(body))),
            }
        }
    }

    /// Frees the allocation alone, without what the body points to.
    fn release(self, shape: Shape) {
        // SAFETY: allocated with the same layout, since a shape's class does not change while the
        // shape holds.
        unsafe { dealloc(self.0.as_ptr(), layout_of(shape.end)) };
        std::mem::forget(self);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let shape = self.shape();
        self.drop_body(shape);
        // SAFETY: as in `release`; nothing uses the entry after this.
        unsafe { dealloc(self.0.as_ptr(), layout_of(shape.end)) };
    }
}

impl Prefetch for Entry {
    #[inline]
    fn prefetch(&self) {
        // SAFETY: every entry begins with its meta byte.
        cache::prefetch(unsafe { self.0.as_ref() });
    }
}

impl Timed for Entry {
    #[inline]
    fn heap_slot(&self) -> Option<u32> {
        let shape = self.shape();
        if shape.meta & HAS_SLOT == 0 {
            return None;
        }
        let bytes = &self.bytes(SLOT_AT + SLOT_BYTES)[SLOT_AT..];
        let slot = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        (slot != NO_SLOT).then_some(slot)
    }

    fn set_heap_slot(&mut self, slot: Option<u32>) {
        if self.shape().meta & HAS_SLOT == 0 {
            if slot.is_none() {
                return;
            }
            self.insert_slot();
        }
        let value = slot.unwrap_or(NO_SLOT);
        self.bytes_mut(SLOT_AT + SLOT_BYTES)[SLOT_AT..].copy_from_slice(&value.to_le_bytes());
    }
}

impl Shape {
    /// The shape of an entry for a key of that length and this value.
    fn plan(key_len: usize, body: &Body<'_>, with_slot: bool) -> Shape {
        let (kind, body_len) = match body {
            Body::Int(_) => (KIND_INT, size_of::<i64>()),
            Body::Inline(bytes) => (KIND_INLINE, bytes.len()),
            Body::Long(_) => (KIND_LONG, size_of::<*mut Vec<u8>>()),
            Body::Small(_, bytes) => (KIND_SMALL, 1 + bytes.len()),
            Body::Large(_) => (KIND_LARGE, size_of::<*mut Collection>()),
        };
        let mut meta = kind;
        meta |= if with_slot { HAS_SLOT } else { 0 };
        meta |= if key_len > usize::from(u8::MAX) { WIDE_KEY } else { 0 };
        meta |= if body_len > usize::from(u8::MAX) { WIDE_TEXT } else { 0 };
        let at = SLOT_AT + usize::from(with_slot) * SLOT_BYTES;
        let key_at = at + Lengths::of(meta).bytes();
        let body_at = key_at + key_len;
        Shape { meta, key_at, body_at, end: body_at + body_len }
    }

    /// The shape of the same body behind a key of that length.
    fn for_key(self, key_len: usize, with_slot: bool) -> Shape {
        let mut meta = self.meta & !(HAS_SLOT | WIDE_KEY);
        meta |= if with_slot { HAS_SLOT } else { 0 };
        meta |= if key_len > usize::from(u8::MAX) { WIDE_KEY } else { 0 };
        let at = SLOT_AT + usize::from(with_slot) * SLOT_BYTES;
        let key_at = at + Lengths::of(meta).bytes();
        let body_at = key_at + key_len;
        Shape { meta, key_at, body_at, end: body_at + self.end - self.body_at }
    }

    fn slot_bytes(self) -> usize {
        usize::from(self.meta & HAS_SLOT) * SLOT_BYTES
    }

    /// Writes the meta byte and the lengths in front of the key.
    fn write_lengths(self, bytes: &mut [u8]) {
        bytes[0] = self.meta;
        let key_len = (self.body_at - self.key_at) as u64;
        let text_len = (self.end - self.body_at) as u64;
        let lengths = Lengths::of(self.meta);
        let at = SLOT_AT + self.slot_bytes();
        bytes[at..at + lengths.key].copy_from_slice(&key_len.to_le_bytes()[..lengths.key]);
        bytes[at + lengths.key..self.key_at]
            .copy_from_slice(&text_len.to_le_bytes()[..lengths.text]);
    }

    fn write_body(self, bytes: &mut [u8], body: Body<'_>) {
        let room = &mut bytes[self.body_at..self.end];
        match body {
            Body::Int(value) => room.copy_from_slice(&value.to_le_bytes()),
            Body::Inline(value) => room.copy_from_slice(value),
            Body::Long(value) => room.copy_from_slice(&address(Box::new(value))),
            Body::Small(form, bytes) => {
                room[0] = form.number();
                room[1..].copy_from_slice(bytes);
            }
            Body::Large(collection) => room.copy_from_slice(&address(collection)),
        }
    }
}

/// How many bytes the two lengths take.
#[derive(Clone, Copy)]
struct Lengths {
    key: usize,
    text: usize,
}

impl Lengths {
    #[inline]
    fn of(meta: u8) -> Lengths {
        let key = if meta & WIDE_KEY == 0 { 1 } else { 4 };
        let text = match meta & KIND {
            KIND_INLINE | KIND_SMALL if meta & WIDE_TEXT == 0 => 1,
            KIND_INLINE | KIND_SMALL => 2,
            _ => 0,
        };
        Lengths { key, text }
    }

    fn bytes(self) -> usize {
        self.key + self.text
    }

    /// The shape that these length bytes describe; they stand at `at`.
    #[inline]
    fn read(self, meta: u8, at: usize, head: &[u8]) -> Shape {
        let key_len = match head {
            [a, b, c, d, ..] if self.key == 4 => u32::from_le_bytes([*a, *b, *c, *d]) as usize,
            _ => usize::from(head[0]),
        };
        let body_len = match &head[self.key..] {
            [] => size_of::<u64>(),
            [low] => usize::from(*low),
            [low, high, ..] => usize::from(u16::from_le_bytes([*low, *high])),
        };
        let key_at = at + self.bytes();
        let body_at = key_at + key_len;
        Shape { meta, key_at, body_at, end: body_at + body_len }
    }
}

/// The pointer in a body that is one.
fn pointer<T>(body: &[u8]) -> *mut T {
    std::ptr::with_exposed_provenance_mut(num::index(u64::from_le_bytes(eight(body))))
}

/// The bytes of a body that is the pointer of a box.
fn address<T>(value: Box<T>) -> [u8; 8] {
    (Box::into_raw(value).expose_provenance() as u64).to_le_bytes()
}

#[inline]
fn eight(bytes: &[u8]) -> [u8; 8] {
    let mut out = [0; 8];
    out.copy_from_slice(&bytes[..8]);
    out
}

fn layout_of(size: usize) -> Layout {
    match Layout::from_size_align(size_class(size), align_of::<u64>()) {
        Ok(layout) => layout,
        Err(_) => unreachable!("keys are shorter than 2^32 bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(entry: &Entry, key: &[u8], value: &[u8], slot: Option<u32>) {
        assert_eq!(entry.key(), key);
        entry.text().unwrap().with_bytes(|bytes| assert_eq!(bytes, value));
        assert_eq!(entry.heap_slot(), slot);
        assert!(entry.memory_bytes() >= 16);
    }

    fn value(rng: &mut fastrand::Rng) -> Vec<u8> {
        let len = match rng.u8(0..8) {
            0 => return rng.i64(..).to_string().into_bytes(),
            1 => 0,
            2..6 => rng.usize(0..300),
            6 => rng.usize(INLINE_MAX - 2..INLINE_MAX + 3),
            _ => rng.usize(0..100_000),
        };
        std::iter::repeat_with(|| rng.u8(..)).take(len).collect()
    }

    #[test]
    fn an_entry_keeps_key_value_and_slot_through_any_change() {
        let mut rng = fastrand::Rng::with_seed(11);
        for _ in 0..300 {
            let key_len = match rng.u8(0..6) {
                0 => rng.usize(254..258),
                1 => rng.usize(0..70_000),
                _ => rng.usize(0..40),
            };
            let mut key: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(key_len).collect();
            let mut now = value(&mut rng);
            let (mut slot, mut access) = (None, 0);
            let mut entry = Entry::new(&key, Text::compact(&now), rng.bool());
            for _ in 0..30 {
                match rng.u8(0..7) {
                    0 => slot = Some(rng.u32(0..1_000)),
                    1 => slot = None,
                    2 => {
                        access = rng.u32(0..1 << 24);
                        entry.set_access(access);
                    }
                    3 => {
                        let more = value(&mut rng);
                        entry.modify(|bytes| bytes.extend_from_slice(&more));
                        now.extend(more);
                        assert_eq!(entry.encoding(), "raw");
                    }
                    4 => {
                        let len = [rng.usize(0..40), rng.usize(250..260)][rng.usize(0..2)];
                        key = std::iter::repeat_with(|| rng.u8(..)).take(len).collect();
                        let encoding = entry.encoding();
                        let with_slot = rng.bool();
                        entry = if rng.bool() {
                            entry.copy(&key, with_slot)
                        } else {
                            entry.with_key(&key, with_slot)
                        };
                        assert_eq!(entry.encoding(), encoding);
                        entry.set_access(access);
                    }
                    _ => {
                        now = value(&mut rng);
                        entry.set_text(Text::compact(&now));
                    }
                }
                entry.set_heap_slot(slot);
                check(&entry, &key, &now, slot);
                assert_eq!(entry.access(), access);
            }
        }
    }

    #[test]
    fn a_long_string_moves_without_being_copied() {
        let entry = Entry::new(b"k", Text::Bytes(&[b'x'; 100_000]), true);
        let address = |entry: &Entry| entry.text().unwrap().with_bytes(<[u8]>::as_ptr);
        let before = address(&entry);
        let moved = entry.with_key(b"another key", true);
        assert_eq!(address(&moved), before);
        assert_ne!(address(&moved.copy(b"k", false)), before);
    }

    #[test]
    fn common_entries_fit_their_classes() {
        let key = [b'k'; 16];
        let size =
            |len: usize, slot| Entry::new(&key, Text::Bytes(&vec![b'v'; len]), slot).memory_bytes();
        assert_eq!((size(32, false), size(32, true)), (64, 64));
        assert_eq!(size(200, false), 224);
        assert_eq!(Entry::new(&key, Text::Int(5), false).memory_bytes(), 32);
    }

    #[test]
    fn encodings_are_those_of_redis() {
        let encoding = |text| Entry::new(b"k", text, false).encoding();
        assert_eq!(encoding(Text::Int(1)), "int");
        assert_eq!(encoding(Text::Bytes(&[b'x'; EMBSTR_MAX])), "embstr");
        assert_eq!(encoding(Text::Bytes(&[b'x'; EMBSTR_MAX + 1])), "raw");
        let mut entry = Entry::new(b"k", Text::Int(12), false);
        entry.modify(|bytes| bytes.push(b'3'));
        assert_eq!((entry.text(), entry.encoding()), (Some(Text::Bytes(b"123")), "raw"));
        entry.set_text(Text::Bytes(b"x"));
        assert_eq!(entry.encoding(), "embstr");
    }

    #[test]
    fn a_pointer_of_eight_bytes_is_all_a_table_holds() {
        assert_eq!(size_of::<Option<Entry>>(), 8);
    }
}

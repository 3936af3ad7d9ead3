//! Elements packed one behind the other: the bytes of Redis's listpack.
//!
//! ```text
//! all bytes 4 | elements 2 | element .. | 0xFF
//! element: head 1 to 9 | bytes of a string | length of both, readable backwards 1 to 5
//! ```
//!
//! An element is an integer if its bytes spell one, otherwise a string. Numbers are little-endian.
//! The format is that of <https://github.com/antirez/listpack/blob/master/listpack.md>. [`Run`] is
//! the elements alone; places are offsets into it. Bytes from outside are to be checked before
//! ([`Packed::check`]); those that are no listpack make readers panic.

use super::text::Text;
use crate::base::num;

/// Bytes in front of the elements.
const HEADER: usize = 6;
/// The byte behind the elements.
const END: u8 = 0xFF;
/// The count of elements that means that they have to be counted.
const MANY: u16 = u16::MAX;
/// Most bytes that the head of an element takes.
const HEAD_MAX: usize = 9;
/// Most bytes of one element: what 28 bits of a length can tell, with its head.
const ELEMENT_MAX: usize = u32::MAX as usize;

/// Elements one behind the other, without what stands around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run<'a>(&'a [u8]);

/// An owned listpack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed(Vec<u8>);

/// One element on its way in: the bytes in front of its text, and the text.
struct Encoded<'a> {
    head: [u8; HEAD_MAX],
    head_len: usize,
    text: &'a [u8],
}

impl<'a> Run<'a> {
    /// Elements as they stand in a listpack or in a part of one.
    pub fn new(bytes: &'a [u8]) -> Run<'a> {
        Run(bytes)
    }

    /// The elements of a whole listpack.
    #[inline]
    pub fn of_packed(bytes: &'a [u8]) -> Run<'a> {
        Run(&bytes[HEADER..bytes.len() - 1])
    }

    /// The bytes.
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// True without elements.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Number of elements; they are counted one by one.
    pub fn count(self) -> usize {
        let mut at = 0;
        std::iter::from_fn(|| (at < self.0.len()).then(|| at = self.next(at))).count()
    }

    /// The element at a place.
    #[inline]
    pub fn get(self, at: usize) -> Text<'a> {
        self.step(at).0
    }

    /// The place behind an element, which may be the end.
    #[inline]
    pub fn next(self, at: usize) -> usize {
        self.step(at).1
    }

    /// The element at a place, and the place behind it, which may be the end.
    #[inline]
    pub fn step(self, at: usize) -> (Text<'a>, usize) {
        match &self.0[at..] {
            // A string of up to 63 bytes, as most are.
            [head @ 0x80..0xC0, rest @ ..] => {
                let len = usize::from(head & 0x3F);
                (Text::Bytes(&rest[..len]), at + len + 2)
            }
            bytes => {
                let (text, len) = Run::decode_any(bytes);
                (text, at + len + back_len(len))
            }
        }
    }

    /// The place of the element that ends where `at` begins; `None` at the start.
    #[inline]
    pub fn prev(self, at: usize) -> Option<usize> {
        let (mut len, mut shift, mut end) = (0usize, 0, at);
        if at == 0 {
            return None;
        }
        loop {
            end -= 1;
            let byte = self.0[end];
            len |= usize::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Some(end - len);
            }
            shift += 7;
        }
    }

    /// The place of the last element.
    pub fn last(self) -> Option<usize> {
        self.prev(self.0.len())
    }

    /// The place of the element of that number, counted from the front.
    pub fn seek(self, index: usize) -> Option<usize> {
        let mut at = 0;
        for _ in 0..index {
            if at == self.0.len() {
                return None;
            }
            at = self.next(at);
        }
        (at < self.0.len()).then_some(at)
    }

    /// The place of the element of that number, counted from the back, zero being the last.
    pub fn seek_back(self, index: usize) -> Option<usize> {
        let mut at = self.last()?;
        for _ in 0..index {
            at = self.prev(at)?;
        }
        Some(at)
    }

    /// The elements in order.
    pub fn iter(self) -> Elements<'a> {
        Elements { run: self, front: 0, back: self.0.len() }
    }

    /// The elements in pairs, such as fields with their values.
    pub fn pairs(self) -> impl Iterator<Item = (Text<'a>, Text<'a>)> {
        let mut elements = self.iter();
        std::iter::from_fn(move || Some((elements.next()?, elements.next()?)))
    }

    /// The place of the first element that is `text`, from a place on, where only each `step`th
    /// element is looked at.
    pub fn find(self, from: usize, text: &[u8], step: usize) -> Option<usize> {
        let wanted = Text::compact(text);
        let (mut at, mut skip) = (from, 0);
        while at < self.0.len() {
            let (element, next) = self.step(at);
            if skip == 0 {
                if element.is(wanted) {
                    return Some(at);
                }
                skip = step;
            }
            skip -= 1;
            at = next;
        }
        None
    }

    /// The first of some elements, and the bytes of its head and text.
    fn decode_any(bytes: &'a [u8]) -> (Text<'a>, usize) {
        let string = |head: usize, len: usize| (Text::Bytes(&bytes[head..head + len]), head + len);
        let int = |size: usize| {
            let mut wide = [0; 8];
            wide[8 - size..].copy_from_slice(&bytes[1..=size]);
            // The sign is in the highest byte; what is below the number is shifted out.
            let value = i64::from_le_bytes(wide) >> (64 - 8 * size);
            (Text::Int(value), 1 + size)
        };
        match bytes[0] {
            head @ 0..0x80 => (Text::Int(i64::from(head)), 1),
            head @ 0x80..0xC0 => string(1, usize::from(head & 0x3F)),
            head @ 0xC0..0xE0 => {
                let value = i64::from(head & 0x1F) << 8 | i64::from(bytes[1]);
                (Text::Int(if value < 1 << 12 { value } else { value - (1 << 13) }), 2)
            }
            head @ 0xE0..0xF0 => string(2, usize::from(head & 0x0F) << 8 | usize::from(bytes[1])),
            0xF0 => {
                let len = u32::from_le_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]);
                string(5, len as usize)
            }
            0xF1 => int(2),
            0xF2 => int(3),
            0xF3 => int(4),
            _ => int(8),
        }
    }
}

/// Elements in order, from either end.
#[derive(Clone)]
pub struct Elements<'a> {
    run: Run<'a>,
    front: usize,
    back: usize,
}

impl<'a> Elements<'a> {
    /// Bytes of the elements that are still to come.
    #[inline]
    pub fn bytes_left(&self) -> usize {
        self.back - self.front
    }

    /// Shows at most `max` elements to `visit`; how many there were.
    #[inline]
    pub fn visit(self, max: usize, mut visit: impl FnMut(Text<'a>)) -> usize {
        let Elements { run: Run(bytes), front: mut at, back } = self;
        let run = Run(&bytes[..back]);
        for count in 0..max {
            if at >= run.0.len() {
                return count;
            }
            let (text, next) = run.step(at);
            visit(text);
            at = next;
        }
        max
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Text<'a>;

    #[inline]
    fn next(&mut self) -> Option<Text<'a>> {
        if self.front >= self.back {
            return None;
        }
        let (text, next) = self.run.step(self.front);
        self.front = next;
        Some(text)
    }
}

impl DoubleEndedIterator for Elements<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        self.back = self.run.prev(self.back)?;
        Some(self.run.get(self.back))
    }
}

impl Default for Packed {
    fn default() -> Packed {
        Packed::new()
    }
}

impl Packed {
    /// A listpack without elements.
    pub fn new() -> Packed {
        Packed::with_capacity(HEADER + 1)
    }

    /// The same, with room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Packed {
        let mut packed = Vec::with_capacity(bytes);
        packed.extend_from_slice(&[7, 0, 0, 0, 0, 0, END]);
        Packed(packed)
    }

    /// A listpack of elements that are packed already, `count` of them.
    pub fn of_run(run: Run<'_>, count: usize) -> Packed {
        let total = u32::try_from(HEADER + run.0.len() + 1).unwrap_or(u32::MAX);
        let count = u16::try_from(count).unwrap_or(MANY);
        let (total, count) = (total.to_le_bytes(), count.to_le_bytes());
        Packed([&total[..], &count[..], run.0, &[END]].concat())
    }

    /// Takes bytes that are a listpack.
    pub fn from_bytes(bytes: Vec<u8>) -> Packed {
        debug_assert!(Packed::check(&bytes));
        Packed(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, to be taken or put back as a whole.
    pub fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    /// Bytes that there is room for.
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// The elements.
    #[inline]
    pub fn run(&self) -> Run<'_> {
        Run::of_packed(&self.0)
    }

    /// Number of elements.
    #[inline]
    pub fn count(&self) -> usize {
        count_of(&self.0)
    }

    /// True without elements.
    pub fn is_empty(&self) -> bool {
        self.run().is_empty()
    }

    /// Puts an element in front of the one at a place, or behind all of them.
    pub fn insert(&mut self, at: usize, text: &[u8]) {
        self.splice(at, at, &[text], 0);
    }

    /// Puts several elements, one behind the other, in front of the one at a place, or behind all.
    pub fn insert_all(&mut self, at: usize, texts: &[&[u8]]) {
        self.splice(at, at, texts, 0);
    }

    /// Puts an element behind all others.
    pub fn push_back(&mut self, text: &[u8]) {
        self.insert(self.run().0.len(), text);
    }

    /// Puts an element in front of all others.
    pub fn push_front(&mut self, text: &[u8]) {
        self.insert(0, text);
    }

    /// Replaces the element at a place.
    pub fn replace(&mut self, at: usize, text: &[u8]) {
        let end = self.run().next(at);
        self.splice(at, end, &[text], 1);
    }

    /// Replaces the element at a place by an integer, where it stands if that takes as many bytes.
    pub fn replace_int(&mut self, at: usize, value: i64) {
        let encoded = Encoded::of_int(value);
        let (start, len) = (HEADER + at, encoded.head_len);
        if self.run().next(at) == at + len + back_len(len) {
            self.0[start..start + len].copy_from_slice(&encoded.head[..len]);
            self.0[start + len] = num::low_byte(len as u64);
        } else {
            self.replace(at, itoa::Buffer::new().format(value).as_bytes());
        }
    }

    /// Begins to add elements behind all others, one after the other.
    pub fn extend(&mut self) -> Tail<'_> {
        self.0.pop();
        Tail { bytes: &mut self.0, added: 0 }
    }

    /// Removes so many elements from a place on, or all that there are; the place stays.
    pub fn remove(&mut self, at: usize, count: usize) {
        let (run, mut end, mut removed) = (self.run(), at, 0);
        while removed < count && end < run.0.len() {
            end = run.next(end);
            removed += 1;
        }
        self.splice(at, end, &[], removed);
    }

    /// Replaces what stands between two places, `removed` elements, by others.
    fn splice(&mut self, start: usize, end: usize, texts: &[&[u8]], removed: usize) {
        let room: usize = texts.iter().map(|text| encoded_len(text)).sum();
        let (start, end, old_len) = (HEADER + start, HEADER + end, self.0.len());
        let new_end = start + room;
        if new_end > end {
            self.0.resize(old_len + new_end - end, 0);
        }
        self.0.copy_within(end..old_len, new_end);
        self.0.truncate(old_len + new_end - end);
        let mut at = start;
        for text in texts {
            at = write_element(&mut self.0, at, text);
        }
        let count = u16::from_le_bytes([self.0[4], self.0[5]]);
        let total = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0[..4].copy_from_slice(&total.to_le_bytes());
        let count = match count {
            // There may be few enough now to tell; Redis leaves it at that.
            MANY => MANY,
            count => {
                let count = usize::from(count) + texts.len() - removed;
                u16::try_from(count).unwrap_or(MANY)
            }
        };
        self.0[4..HEADER].copy_from_slice(&count.to_le_bytes());
    }

    /// True if bytes are a listpack that can be read.
    pub fn check(bytes: &[u8]) -> bool {
        let [a, b, c, d, low, high, elements @ .., END] = bytes else { return false };
        if u32::from_le_bytes([*a, *b, *c, *d]) as usize != bytes.len() {
            return false;
        }
        let mut rest = elements;
        let mut count = 0usize;
        while let Some(len) = checked_len(rest) {
            rest = &rest[len..];
            count += 1;
        }
        let told = u16::from_le_bytes([*low, *high]);
        rest.is_empty() && (told == MANY || usize::from(told) == count)
    }
}

/// The end of a listpack while elements are added to it.
#[must_use = "it is no listpack before it is closed"]
pub struct Tail<'a> {
    bytes: &'a mut Vec<u8>,
    added: usize,
}

impl Tail<'_> {
    /// Adds an integer.
    #[inline]
    pub fn int(&mut self, value: i64) {
        match u8::try_from(value) {
            Ok(value @ 0..0x80) => self.bytes.extend_from_slice(&[value, 1]),
            _ => self.encoded(&Encoded::of_int(value)),
        }
        self.added += 1;
    }

    /// Adds an element, which is an integer if its bytes spell one.
    #[inline]
    pub fn text(&mut self, text: &[u8]) {
        self.encoded(&Encoded::of(text));
        self.added += 1;
    }

    fn encoded(&mut self, encoded: &Encoded<'_>) {
        let len = encoded.len();
        self.bytes.extend_from_slice(&encoded.head[..encoded.head_len]);
        self.bytes.extend_from_slice(encoded.text);
        if len <= 127 {
            self.bytes.push(num::low_byte(len as u64));
        } else {
            let at = self.bytes.len();
            self.bytes.resize(at + back_len(len), 0);
            write_back_len(&mut self.bytes[at..], len);
        }
    }

    /// No more elements come.
    pub fn close(self) {
        self.bytes.push(END);
        let total = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        self.bytes[..4].copy_from_slice(&total.to_le_bytes());
        let count = u16::from_le_bytes([self.bytes[4], self.bytes[5]]);
        let count = match count {
            MANY => MANY,
            count => u16::try_from(usize::from(count) + self.added).unwrap_or(MANY),
        };
        self.bytes[4..HEADER].copy_from_slice(&count.to_le_bytes());
    }
}

/// Number of elements of a whole listpack.
#[inline]
pub fn count_of(bytes: &[u8]) -> usize {
    match u16::from_le_bytes([bytes[4], bytes[5]]) {
        MANY => Run::of_packed(bytes).count(),
        count => usize::from(count),
    }
}

/// Bytes that an element will take.
pub fn encoded_len(text: &[u8]) -> usize {
    let len = Encoded::of(text).len();
    len + back_len(len)
}

/// Writes an element at an offset of bytes that have room for it; where it ends.
pub fn write_element(bytes: &mut [u8], at: usize, text: &[u8]) -> usize {
    let encoded = Encoded::of(text);
    let (text_at, back_at) = (at + encoded.head_len, at + encoded.len());
    bytes[at..text_at].copy_from_slice(&encoded.head[..encoded.head_len]);
    bytes[text_at..back_at].copy_from_slice(encoded.text);
    let (len, size) = (encoded.len(), back_len(encoded.len()));
    write_back_len(&mut bytes[back_at..back_at + size], len);
    back_at + size
}

/// Writes the length of an element into the bytes behind it, all of them.
fn write_back_len(bytes: &mut [u8], len: usize) {
    let size = bytes.len();
    for (step, byte) in bytes.iter_mut().rev().enumerate() {
        let more = if step + 1 < size { 0x80 } else { 0 };
        *byte = num::low_byte((len >> (7 * step)) as u64 & 0x7F) | more;
    }
}

impl<'a> Encoded<'a> {
    #[inline]
    fn of(text: &'a [u8]) -> Encoded<'a> {
        match Text::compact(text) {
            Text::Int(value) => Encoded::of_int(value),
            Text::Bytes(text) => {
                let len = text.len() as u64;
                let [a, b, c, d, ..] = len.to_le_bytes();
                match text.len() {
                    0..0x40 => Encoded::with_head(&[0x80 | a], text),
                    0x40..0x1000 => Encoded::with_head(&[0xE0 | b, a], text),
                    _ => Encoded::with_head(&[0xF0, a, b, c, d], text),
                }
            }
        }
    }

    fn of_int(value: i64) -> Encoded<'a> {
        let bytes = value.to_le_bytes();
        let [a, b, c, d, ..] = bytes;
        match value {
            0..0x80 => Encoded::with_head(&[a], b""),
            -0x1000..0x1000 => Encoded::with_head(&[0xC0 | b & 0x1F, a], b""),
            -0x8000..0x8000 => Encoded::with_head(&[0xF1, a, b], b""),
            -0x80_0000..0x80_0000 => Encoded::with_head(&[0xF2, a, b, c], b""),
            -0x8000_0000..0x8000_0000 => Encoded::with_head(&[0xF3, a, b, c, d], b""),
            _ => {
                let mut head = [0xF4; HEAD_MAX];
                head[1..].copy_from_slice(&bytes);
                Encoded { head, head_len: HEAD_MAX, text: b"" }
            }
        }
    }

    #[inline]
    fn with_head(bytes: &[u8], text: &'a [u8]) -> Encoded<'a> {
        let mut head = [0; HEAD_MAX];
        head[..bytes.len()].copy_from_slice(bytes);
        Encoded { head, head_len: bytes.len(), text }
    }

    fn len(&self) -> usize {
        self.head_len + self.text.len()
    }
}

/// Bytes that the length of an element takes behind it.
#[inline]
fn back_len(len: usize) -> usize {
    match len {
        0..=127 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    }
}

/// The length of the element at the front of bytes, if it is whole and what stands behind it says
/// the same.
fn checked_len(bytes: &[u8]) -> Option<usize> {
    let at = |index: usize| bytes.get(index).copied().map(usize::from);
    let head = *bytes.first()?;
    let len = match head {
        0..0x80 => 1,
        0x80..0xC0 => 1 + usize::from(head & 0x3F),
        0xC0..0xE0 => 2,
        0xE0..0xF0 => 2 + (usize::from(head & 0x0F) << 8 | at(1)?),
        0xF0 => 5 + (at(1)? | at(2)? << 8 | at(3)? << 16 | at(4)? << 24),
        0xF1 => 3,
        0xF2 => 4,
        0xF3 => 5,
        0xF4 => 9,
        0xF5.. => return None,
    };
    let total = len + back_len(len);
    if len > ELEMENT_MAX || total > bytes.len() {
        return None;
    }
    let back = bytes[len..total].iter().enumerate().try_fold(0usize, |value, (step, byte)| {
        let has_more = byte & 0x80 != 0;
        (has_more == (step > 0)).then_some(value << 7 | usize::from(byte & 0x7F))
    });
    (back == Some(len)).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(texts: &[&[u8]]) -> Packed {
        let mut packed = Packed::new();
        texts.iter().for_each(|text| packed.push_back(text));
        packed
    }

    fn texts(packed: &Packed) -> Vec<Vec<u8>> {
        packed.run().iter().map(|text| text.to_bytes().into_owned()).collect()
    }

    #[test]
    fn bytes_are_those_of_the_format() {
        let cases: &[(&[u8], &[u8])] = &[
            (b"0", b"\x00\x01"),
            (b"127", b"\x7F\x01"),
            (b"128", b"\xC0\x80\x02"),
            (b"-1", b"\xDF\xFF\x02"),
            (b"4095", b"\xCF\xFF\x02"),
            (b"4096", b"\xF1\x00\x10\x03"),
            (b"-32768", b"\xF1\x00\x80\x03"),
            (b"32768", b"\xF2\x00\x80\x00\x04"),
            (b"8388608", b"\xF3\x00\x00\x80\x00\x05"),
            (b"2147483648", b"\xF4\x00\x00\x00\x80\x00\x00\x00\x00\x09"),
            (b"", b"\x80\x01"),
            (b"abc", b"\x83abc\x04"),
            (b"01", b"\x8201\x03"),
        ];
        for (text, bytes) in cases {
            let packed = packed(&[text]);
            assert_eq!(packed.run().bytes(), *bytes, "{}", text.escape_ascii());
        }
        let long = vec![b'x'; 5_000];
        let bytes = packed(&[&long]);
        let run = bytes.run().bytes();
        assert_eq!((&run[..5], &run[5_005..]), (&b"\xF0\x88\x13\0\0"[..], &b"\x27\x8D"[..]));
        assert_eq!(packed(&[b"a"]).as_bytes(), b"\x0A\0\0\0\x01\0\x81a\x02\xFF");
    }

    #[test]
    fn a_listpack_behaves_like_a_vector() {
        let mut rng = fastrand::Rng::with_seed(5);
        for _ in 0..200 {
            let (mut packed, mut model) = (Packed::new(), Vec::<Vec<u8>>::new());
            for _ in 0..60 {
                let text = match rng.u8(0..8) {
                    0..3 => (rng.i64(..) >> rng.u32(0..64)).to_string().into_bytes(),
                    3 => vec![b'y'; rng.usize(0..20_000)],
                    4 => vec![b'y'; rng.usize(60..68)],
                    _ => vec![b'z'; rng.usize(0..10)],
                };
                let index = rng.usize(0..=model.len());
                let end = packed.run().bytes().len();
                let at = packed.run().seek(index).unwrap_or(end);
                match rng.u8(0..8) {
                    0 if index < model.len() => {
                        packed.replace(at, &text);
                        model[index] = text;
                    }
                    1 if index < model.len() => {
                        let count = rng.usize(0..4);
                        packed.remove(at, count);
                        model.drain(index..model.len().min(index + count));
                    }
                    2 => {
                        packed.insert_all(at, &[&text, b"7"]);
                        model.splice(index..index, [text, b"7".to_vec()]);
                    }
                    3 => {
                        let int = rng.i64(..) >> rng.u32(0..64);
                        let mut tail = packed.extend();
                        tail.text(&text);
                        tail.int(int);
                        tail.close();
                        model.extend([text, int.to_string().into_bytes()]);
                    }
                    4 if index < model.len() => {
                        let int = rng.i64(..) >> rng.u32(0..64);
                        packed.replace_int(at, int);
                        model[index] = int.to_string().into_bytes();
                    }
                    _ => {
                        packed.insert(at, &text);
                        model.insert(index, text);
                    }
                }
                assert!(Packed::check(packed.as_bytes()));
                assert_eq!((texts(&packed), packed.count()), (model.clone(), model.len()));
            }
            let run = packed.run();
            let backwards: Vec<_> = run.iter().rev().map(|text| text.to_bytes()).collect();
            assert!(backwards.iter().rev().eq(&model));
            for (index, text) in model.iter().enumerate() {
                let at = run.seek(index).unwrap();
                assert_eq!(run.seek_back(model.len() - 1 - index), Some(at));
                let first = model.iter().position(|other| other == text);
                assert_eq!(run.find(0, text, 1), first.and_then(|first| run.seek(first)));
                let even = model.iter().step_by(2).position(|other| other == text);
                assert_eq!(run.find(0, text, 2), even.and_then(|even| run.seek(2 * even)));
            }
        }
    }

    #[test]
    fn damaged_bytes_are_found_out() {
        let whole = packed(&[b"a", b"12", &[b'x'; 300], b"-70000"]);
        assert!(Packed::check(whole.as_bytes()) && Packed::check(Packed::new().as_bytes()));
        let mut rng = fastrand::Rng::with_seed(6);
        for len in 0..whole.as_bytes().len() {
            assert!(!Packed::check(&whole.as_bytes()[..len]));
        }
        for _ in 0..20_000 {
            let mut bytes = whole.as_bytes().to_vec();
            let at = rng.usize(..bytes.len());
            bytes[at] = rng.u8(..);
            if Packed::check(&bytes) {
                // What passes can be read.
                assert_eq!(Run::of_packed(&bytes).iter().count(), count_of(&bytes));
                assert_eq!(Run::of_packed(&bytes).iter().rev().count(), count_of(&bytes));
            }
        }
    }

    #[test]
    fn more_elements_than_the_header_can_tell_are_counted() {
        let mut packed = Packed::new();
        let many = vec![&b"1"[..]; 70_000];
        packed.insert_all(0, &many);
        assert_eq!(packed.count(), 70_000);
        packed.remove(0, 69_999);
        assert_eq!(packed.count(), 1);
        assert!(Packed::check(packed.as_bytes()));
    }
}

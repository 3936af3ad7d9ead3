//! The small forms of former times: ziplists and zipmaps.
//!
//! ```text
//! ziplist  all bytes 4 | place of the last entry 4 | entries 2 | entry .. | 0xFF
//! entry    length of the one before 1 or 5 | head | bytes of a string
//! zipmap   entries 1 | (length | field | length | unused bytes 1 | value | unused) .. | 0xFF
//! ```
//!
//! Both are turned into listpacks as they are read. Numbers are little-endian, but for the lengths
//! in the head of an entry.

use super::vet::Complaint;
use crate::base::num;
use crate::data::packed::{Packed, encoded_len, write_element};

/// Bytes in front of the entries of a ziplist.
const ZIPLIST_HEADER: usize = 10;
/// The byte behind the last entry of either.
const END: u8 = 0xFF;
/// The count of entries that means that they have to be counted.
const MANY: u16 = u16::MAX;
/// What stands for a length of four bytes that follows.
const WIDE: u8 = 0xFE;

/// Turns a ziplist into a listpack.
pub(super) fn ziplist(bytes: &[u8]) -> Result<Vec<u8>, Complaint> {
    const DAMAGED: Complaint = "a ziplist is damaged";
    let mut elements = Elements::default();
    read_ziplist(bytes, &mut elements).ok_or(DAMAGED)?;
    Ok(elements.into_listpack())
}

/// Turns a zipmap into a listpack of fields and values.
pub(super) fn zipmap(bytes: &[u8]) -> Result<Vec<u8>, Complaint> {
    const DAMAGED: Complaint = "a zipmap is damaged";
    let mut elements = Elements::default();
    read_zipmap(bytes, &mut elements).ok_or(DAMAGED)?;
    Ok(elements.into_listpack())
}

/// Elements as they stand in a listpack.
#[derive(Default)]
struct Elements {
    run: Vec<u8>,
    count: usize,
}

impl Elements {
    fn push(&mut self, text: &[u8]) {
        let at = self.run.len();
        self.run.resize(at + encoded_len(text), 0);
        write_element(&mut self.run, at, text);
        self.count += 1;
    }

    fn push_int(&mut self, value: i64) {
        self.push(itoa::Buffer::new().format(value).as_bytes());
    }

    fn into_listpack(self) -> Vec<u8> {
        let mut packed = Packed::of_run(crate::data::packed::Run::new(&self.run), self.count);
        std::mem::take(packed.bytes_mut())
    }
}

fn read_ziplist(bytes: &[u8], into: &mut Elements) -> Option<()> {
    let (header, rest) = bytes.split_first_chunk::<ZIPLIST_HEADER>()?;
    let [a, b, c, d, e, f, g, h, low, high] = *header;
    let all = u32::from_le_bytes([a, b, c, d]) as usize;
    let last = u32::from_le_bytes([e, f, g, h]) as usize;
    let told = u16::from_le_bytes([low, high]);
    let [entries @ .., END] = rest else { return None };
    let (mut at, mut before, mut begin) = (0, 0, 0);
    while at < entries.len() {
        begin = at;
        let (told_before, head) = length_before(&entries[at..])?;
        if told_before != before {
            return None;
        }
        at += head;
        at += read_entry(entries.get(at..)?, into)?;
        before = at - begin;
    }
    let is_counted = told == MANY || usize::from(told) == into.count;
    (all == bytes.len() && last == ZIPLIST_HEADER + begin && is_counted).then_some(())
}

/// The length of the entry before, and the bytes that tell it.
fn length_before(entry: &[u8]) -> Option<(usize, usize)> {
    match entry {
        [WIDE, a, b, c, d, ..] => Some((u32::from_le_bytes([*a, *b, *c, *d]) as usize, 5)),
        [WIDE | END, ..] | [] => None,
        [len, ..] => Some((usize::from(*len), 1)),
    }
}

/// Reads the head of an entry and what follows; how many bytes they are.
fn read_entry(bytes: &[u8], into: &mut Elements) -> Option<usize> {
    let (&head, rest) = bytes.split_first()?;
    let mut string = |head: usize, len: usize| {
        into.push(bytes.get(head..head.checked_add(len)?)?);
        Some(head + len)
    };
    let width = match head {
        0x00..0x40 => return string(1, usize::from(head)),
        0x40..0x80 => {
            return string(2, usize::from(head & 0x3F) << 8 | usize::from(*rest.first()?));
        }
        0x80 => {
            let len = u32::from_be_bytes(*rest.first_chunk::<4>()?);
            return string(5, len as usize);
        }
        0xF1..=0xFD => {
            into.push_int(i64::from(head & 0x0F) - 1);
            return Some(1);
        }
        0xFE => 1,
        0xC0 => 2,
        0xF0 => 3,
        0xD0 => 4,
        0xE0 => 8,
        _ => return None,
    };
    let mut wide = [0; 8];
    wide[8 - width..].copy_from_slice(rest.get(..width)?);
    // The sign is in the highest byte; what is below the number is shifted out.
    into.push_int(i64::from_le_bytes(wide) >> (64 - 8 * width));
    Some(1 + width)
}

fn read_zipmap(bytes: &[u8], into: &mut Elements) -> Option<()> {
    let (&told, mut rest) = bytes.split_first()?;
    loop {
        if rest == [END] {
            break;
        }
        let (field, behind) = split_length(rest)?;
        let (field, behind) = behind.split_at_checked(field)?;
        let (value, behind) = split_length(behind)?;
        let (&unused, behind) = behind.split_first()?;
        let (value, behind) = behind.split_at_checked(value)?;
        rest = behind.get(usize::from(unused)..)?;
        into.push(field);
        into.push(value);
    }
    (told >= WIDE || usize::from(told) == into.count / 2).then_some(())
}

/// A length of a zipmap, and what is behind it.
fn split_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes {
        [WIDE, a, b, c, d, rest @ ..] => {
            Some((num::index(u64::from(u32::from_le_bytes([*a, *b, *c, *d]))), rest))
        }
        [END, ..] | [] => None,
        [len, rest @ ..] => Some((usize::from(*len), rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::packed::Run;

    fn texts(listpack: &[u8]) -> Vec<String> {
        let text = |text: crate::data::text::Text<'_>| {
            String::from_utf8_lossy(&text.to_bytes()).into_owned()
        };
        assert!(Packed::check(listpack));
        Run::of_packed(listpack).iter().map(text).collect()
    }

    /// A ziplist of entries without the length before.
    fn zip(entries: &[&[u8]]) -> Vec<u8> {
        let (mut body, mut before, mut last) = (Vec::new(), 0usize, 0usize);
        for entry in entries {
            last = body.len();
            match u8::try_from(before) {
                Ok(len @ 0..0xFE) => body.push(len),
                _ => {
                    body.push(WIDE);
                    body.extend(u32::try_from(before).unwrap().to_le_bytes());
                }
            }
            body.extend_from_slice(entry);
            before = body.len() - last;
        }
        let all = u32::try_from(ZIPLIST_HEADER + body.len() + 1).unwrap();
        let last = u32::try_from(ZIPLIST_HEADER + last).unwrap();
        let count = u16::try_from(entries.len()).unwrap();
        let header = [&all.to_le_bytes()[..], &last.to_le_bytes(), &count.to_le_bytes()].concat();
        [header, body, vec![END]].concat()
    }

    #[test]
    fn a_ziplist_becomes_a_listpack() {
        let long = [&[0x41, 0x2C][..], &[b'x'; 300]].concat();
        let longest = [&[0x80, 0, 0, 0, 2][..], b"zz"].concat();
        let entries: &[&[u8]] = &[
            b"\x02ab",
            &long,
            &longest,
            b"\xF1",
            b"\xFD",
            b"\xFE\x80",
            b"\xC0\x00\x80",
            b"\xF0\xFF\xFF\xFF",
            b"\xD0\x00\x00\x00\x80",
            b"\xE0\x01\x00\x00\x00\x00\x00\x00\x80",
        ];
        let expected = [
            "ab",
            &"x".repeat(300),
            "zz",
            "0",
            "12",
            "-128",
            "-32768",
            "-1",
            "-2147483648",
            "-9223372036854775807",
        ];
        assert_eq!(texts(&ziplist(&zip(entries)).unwrap()), expected);
        assert!(texts(&ziplist(&zip(&[])).unwrap()).is_empty());
    }

    #[test]
    fn a_zipmap_becomes_a_listpack() {
        let map = b"\x02\x03foo\x03\x00bar\x05hello\x05\x02worldxx\xFF";
        assert_eq!(texts(&zipmap(map).unwrap()), ["foo", "bar", "hello", "world"]);
        assert!(zipmap(b"\x00\xFF").is_ok());
    }

    #[test]
    fn damaged_bytes_are_found_out() {
        let good = zip(&[b"\x02ab", b"\xC0\x00\x80", b"\x01c"]);
        let map = b"\x02\x03foo\x03\x00bar\x05hello\x05\x02worldxx\xFF".to_vec();
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..20_000 {
            let mut bytes = if rng.bool() { good.clone() } else { map.clone() };
            for _ in 0..rng.usize(1..4) {
                let at = rng.usize(0..bytes.len());
                bytes[at] = rng.u8(..);
            }
            bytes.truncate(rng.usize(0..=bytes.len()));
            for listpack in [ziplist(&bytes), zipmap(&bytes)].into_iter().flatten() {
                assert!(Packed::check(&listpack));
            }
        }
        assert!(ziplist(&good[..good.len() - 1]).is_err());
    }
}

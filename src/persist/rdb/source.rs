//! Bytes on their way in: read through a small buffer, counted and summed, taken piece by piece.

use super::codes::string;
use crate::base::{crc64, lzf, num};
use std::borrow::Cow;
use std::fmt::{self, Display};
use std::io::{self, ErrorKind, Read};

/// Bytes of the buffer.
const BUFFER: usize = 256 << 10;
/// Bytes by which a long string grows while it is read.
const PIECE: u64 = 1 << 20;

/// Why something cannot be read.
#[derive(Debug)]
pub enum Reason {
    /// The system says so.
    Io(io::Error),
    /// There are no more bytes.
    End,
    /// The next bytes have not come yet.
    Dry,
    /// What is there is wrong.
    Bad(Cow<'static, str>),
}

/// What is wrong, and where.
#[derive(Debug)]
pub struct Fault {
    /// The number of bytes that had been taken.
    pub offset: u64,
    /// What is wrong.
    pub reason: Reason,
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offset = self.offset;
        match &self.reason {
            Reason::Io(error) => write!(f, "cannot read on at offset {offset}: {error}"),
            Reason::End => write!(f, "the data ends too early, at offset {offset}"),
            Reason::Dry => write!(f, "the data has not come yet, at offset {offset}"),
            Reason::Bad(what) => write!(f, "{what}, at offset {offset}"),
        }
    }
}

/// What can be read, or why it cannot.
pub type Result<T> = std::result::Result<T, Fault>;

/// Where bytes come from.
pub struct Source<'r> {
    input: Input<'r>,
    buffer: Vec<u8>,
    /// What has been taken of the buffer, and what is in it.
    start: usize,
    end: usize,
    /// Bytes before those in the buffer.
    before: u64,
    /// The sum of all that has been taken, if it is wanted, but for what has been since this place
    /// of the buffer.
    sum: Option<(crc64::Sum, usize)>,
    /// Room for compressed bytes.
    packed: Vec<u8>,
}

/// How more bytes are had.
enum Input<'r> {
    /// They are read.
    Read(Box<dyn Read + 'r>),
    /// They are fed as they come. What has been begun with too few of them is begun again.
    Fed {
        /// The place of the buffer from which that is.
        mark: usize,
        /// Bytes that there are to be before it is tried again.
        wanted: usize,
        /// Whether no more will come.
        is_over: bool,
    },
}

/// A length, or how a string is written instead.
enum Length {
    Plain(u64),
    Encoded(u8),
}

impl<'r> Source<'r> {
    /// Reads from `input`, of which so many bytes may be there; sums them up if asked to.
    pub fn new(input: Box<dyn Read + 'r>, len: Option<u64>, sums: bool) -> Source<'r> {
        let size = len.map_or(BUFFER, |len| num::index(len).clamp(16, BUFFER));
        Source::of(Input::Read(input), size, sums)
    }

    /// Takes bytes as they come; see [`Source::feed`].
    pub fn fed(sums: bool) -> Source<'r> {
        Source::of(Input::Fed { mark: 0, wanted: 0, is_over: false }, BUFFER, sums)
    }

    fn of(input: Input<'r>, size: usize, sums: bool) -> Source<'r> {
        Source {
            input,
            buffer: vec![0; size],
            start: 0,
            end: 0,
            before: 0,
            sum: sums.then(|| (crc64::Sum::default(), 0)),
            packed: Vec::new(),
        }
    }

    /// Bytes have come. Only where nothing is begun, or after [`Source::rewind`].
    pub fn feed(&mut self, bytes: &[u8]) {
        self.drop_taken();
        let needed = self.end + bytes.len();
        if needed > self.buffer.len() {
            self.buffer.resize(needed.next_power_of_two(), 0);
        }
        self.buffer[self.end..needed].copy_from_slice(bytes);
        self.end = needed;
    }

    /// No more bytes will come than have been fed.
    pub fn end_feed(&mut self) {
        if let Input::Fed { is_over, .. } = &mut self.input {
            *is_over = true;
        }
    }

    /// Whether it is worth to try what is next. A long piece is not tried again for each byte.
    pub fn is_worth_trying(&self) -> bool {
        match self.input {
            Input::Read(_) => true,
            Input::Fed { wanted, is_over, .. } => is_over || self.end - self.start >= wanted,
        }
    }

    /// Something begins here that may have to be begun again.
    #[inline]
    pub fn mark(&mut self) {
        if let Input::Fed { mark, wanted, .. } = &mut self.input {
            (*mark, *wanted) = (self.start, 0);
        }
    }

    /// Goes back to where that began, until there are more bytes.
    pub fn rewind(&mut self) {
        if let Input::Fed { mark, wanted, .. } = &mut self.input {
            self.start = *mark;
            *wanted = (self.end - self.start) * 2;
        }
    }

    /// The number of bytes taken.
    #[inline]
    pub fn offset(&self) -> u64 {
        self.before + self.start as u64
    }

    /// The sum of the bytes taken; `None` if none is wanted.
    pub fn sum(&mut self) -> Option<u64> {
        let (sum, from) = self.sum.as_mut()?;
        sum.add(&self.buffer[*from..self.start]);
        *from = self.start;
        Some(sum.value())
    }

    /// That something is wrong here.
    #[cold]
    pub fn fault(&self, what: impl Into<Cow<'static, str>>) -> Fault {
        Fault { offset: self.offset(), reason: Reason::Bad(what.into()) }
    }

    /// Sees to it that so many bytes, which fit the buffer, are in it.
    #[inline]
    fn need(&mut self, len: usize) -> Result<()> {
        if self.end - self.start >= len { Ok(()) } else { self.fill(len) }
    }

    #[cold]
    fn fill(&mut self, len: usize) -> Result<()> {
        if !self.is_fed() {
            self.drop_taken();
        }
        while self.end - self.start < len {
            let reason = match &mut self.input {
                Input::Fed { is_over: true, .. } => Reason::End,
                Input::Fed { .. } => Reason::Dry,
                Input::Read(input) => match input.read(&mut self.buffer[self.end..]) {
                    Ok(0) => Reason::End,
                    Ok(count) => {
                        self.end += count;
                        continue;
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(error) => Reason::Io(error),
                },
            };
            return Err(Fault { offset: self.offset(), reason });
        }
        Ok(())
    }

    fn is_fed(&self) -> bool {
        matches!(self.input, Input::Fed { .. })
    }

    /// Makes room in the buffer: what has been taken goes.
    fn drop_taken(&mut self) {
        if let Some((sum, from)) = &mut self.sum {
            // After a rewind it may have more than has been taken.
            sum.add(self.buffer.get(*from..self.start).unwrap_or_default());
            *from = from.saturating_sub(self.start);
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.before += self.start as u64;
        (self.start, self.end) = (0, self.end - self.start);
    }

    /// The next bytes, of which so many must fit the buffer.
    #[inline]
    fn take(&mut self, len: usize) -> Result<&[u8]> {
        self.need(len)?;
        self.start += len;
        Ok(&self.buffer[self.start - len..self.start])
    }

    /// The next bytes, so many of them.
    ///
    /// # Errors
    /// That there are no more, or the system's.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    /// The next byte.
    ///
    /// # Errors
    /// That there is none, or the system's.
    #[inline]
    pub fn byte(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    /// Appends the next bytes to `into`, which grows as they come.
    ///
    /// # Errors
    /// That there are not so many, or the system's.
    pub fn bytes(&mut self, len: u64, into: &mut Vec<u8>) -> Result<()> {
        if len <= self.buffer.len() as u64 {
            into.extend_from_slice(self.take(num::index(len))?);
            return Ok(());
        }
        if self.is_fed() {
            // All of it is there, or it is begun again.
            self.need(num::index(len))?;
        }
        let mut rest = len;
        while rest > 0 {
            if rest >= PIECE {
                into.reserve(num::index(PIECE));
            }
            let piece = rest.min(self.buffer.len() as u64);
            into.extend_from_slice(self.take(num::index(piece))?);
            rest -= piece;
        }
        Ok(())
    }

    #[inline]
    fn length_or_encoding(&mut self) -> Result<Length> {
        let first = self.byte()?;
        let low = first & 0x3F;
        Ok(match (first >> 6, first) {
            (0, _) => Length::Plain(u64::from(low)),
            (1, _) => Length::Plain(u64::from(low) << 8 | u64::from(self.byte()?)),
            (_, 0x80) => Length::Plain(u64::from(u32::from_be_bytes(self.array()?))),
            (_, 0x81) => Length::Plain(u64::from_be_bytes(self.array()?)),
            (3, _) => Length::Encoded(low),
            _ => return Err(self.fault(format!("unknown length encoding {first}"))),
        })
    }

    /// A length or a count.
    ///
    /// # Errors
    /// That it is none, or the system's.
    pub fn count(&mut self) -> Result<u64> {
        match self.length_or_encoding()? {
            Length::Plain(len) => Ok(len),
            Length::Encoded(_) => Err(self.fault("a string where a length should be")),
        }
    }

    /// A string: an integer, or bytes which are put into `into` in place of what is there.
    ///
    /// # Errors
    /// That it is none, or the system's.
    #[inline]
    pub fn string(&mut self, into: &mut Vec<u8>) -> Result<Option<i64>> {
        into.clear();
        match self.length_or_encoding()? {
            Length::Plain(len) => {
                self.bytes(len, into)?;
                Ok(None)
            }
            Length::Encoded(string::INT_8) => Ok(Some(i64::from(i8::from_le_bytes(self.array()?)))),
            Length::Encoded(string::INT_16) => {
                Ok(Some(i64::from(i16::from_le_bytes(self.array()?))))
            }
            Length::Encoded(string::INT_32) => {
                Ok(Some(i64::from(i32::from_le_bytes(self.array()?))))
            }
            Length::Encoded(string::LZF) => self.compressed(into).map(|()| None),
            Length::Encoded(code) => Err(self.fault(format!("unknown string encoding {code}"))),
        }
    }

    /// A string as its bytes, which are put into `into` in place of what is there.
    ///
    /// # Errors
    /// As [`Source::string`].
    #[inline]
    pub fn text(&mut self, into: &mut Vec<u8>) -> Result<()> {
        if let Some(value) = self.string(into)? {
            num::push_i64(into, value);
        }
        Ok(())
    }

    fn compressed(&mut self, into: &mut Vec<u8>) -> Result<()> {
        let (packed_len, len) = (self.count()?, self.count()?);
        let mut packed = std::mem::take(&mut self.packed);
        packed.clear();
        self.bytes(packed_len, &mut packed)?;
        let is_right = lzf::decompress(&packed, num::index(len), into);
        self.packed = packed;
        if is_right { Ok(()) } else { Err(self.fault("a compressed string is damaged")) }
    }
}

//! Bytes on their way out: gathered, summed, and written in large pieces.

use super::codes::string;
use crate::base::{crc64, lzf, num};
use std::io::{self, Write};

/// Bytes that are gathered before they are written.
const PIECE: usize = 64 << 10;
/// Shortest string that compression is tried on.
const COMPRESSED_MIN: usize = 21;
/// Bytes that compression must save.
const SAVED_MIN: usize = 4;
/// Most letters of an integer of four bytes.
const INT_32_TEXT_MAX: usize = 11;

/// Where bytes go, or nowhere: then they stay gathered.
pub struct Sink<'w> {
    out: Option<&'w mut dyn Write>,
    gathered: Vec<u8>,
    sum: Option<crc64::Sum>,
    compressor: Option<lzf::Compressor>,
    /// Room for a compressed string.
    room: Vec<u8>,
}

impl<'w> Sink<'w> {
    /// Writes to `out`.
    pub fn new(out: &'w mut dyn Write, compresses: bool, sums: bool) -> Sink<'w> {
        Sink {
            out: Some(out),
            gathered: Vec::with_capacity(PIECE),
            sum: sums.then(crc64::Sum::default),
            compressor: compresses.then(lzf::Compressor::default),
            room: Vec::new(),
        }
    }

    /// Gathers all bytes, without a sum.
    pub fn gathering(compresses: bool) -> Sink<'static> {
        let compressor = compresses.then(lzf::Compressor::default);
        Sink { out: None, gathered: Vec::new(), sum: None, compressor, room: Vec::new() }
    }

    /// What has been gathered.
    pub fn into_gathered(self) -> Vec<u8> {
        self.gathered
    }

    /// Writes bytes.
    ///
    /// # Errors
    /// The system's.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.gathered.len() + bytes.len() >= PIECE {
            return self.long_bytes(bytes);
        }
        self.gathered.extend_from_slice(bytes);
        Ok(())
    }

    #[cold]
    fn long_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.pass_on()?;
        match &mut self.out {
            Some(out) if bytes.len() >= PIECE => {
                // It is not copied before it is written.
                self.sum.iter_mut().for_each(|sum| sum.add(bytes));
                out.write_all(bytes)?;
            }
            _ => self.gathered.extend_from_slice(bytes),
        }
        Ok(())
    }

    /// Writes a byte.
    ///
    /// # Errors
    /// The system's.
    #[inline]
    pub fn byte(&mut self, byte: u8) -> io::Result<()> {
        self.gathered.push(byte);
        Ok(())
    }

    /// Writes a length or a count.
    ///
    /// # Errors
    /// The system's.
    #[inline]
    pub fn count(&mut self, count: u64) -> io::Result<()> {
        match count {
            0..0x40 => self.byte(num::low_byte(count)),
            0x40..0x4000 => self.bytes(&[0x40 | num::low_byte(count >> 8), num::low_byte(count)]),
            _ => match u32::try_from(count) {
                Ok(count) => {
                    self.byte(0x80)?;
                    self.bytes(&count.to_be_bytes())
                }
                Err(_) => {
                    self.byte(0x81)?;
                    self.bytes(&count.to_be_bytes())
                }
            },
        }
    }

    /// Writes an integer as a string.
    ///
    /// # Errors
    /// The system's.
    #[inline]
    pub fn int(&mut self, value: i64) -> io::Result<()> {
        let code = |code: u8| 0xC0 | code;
        if let Ok(value) = i8::try_from(value) {
            self.byte(code(string::INT_8))?;
            self.bytes(&value.to_le_bytes())
        } else if let Ok(value) = i16::try_from(value) {
            self.byte(code(string::INT_16))?;
            self.bytes(&value.to_le_bytes())
        } else if let Ok(value) = i32::try_from(value) {
            self.byte(code(string::INT_32))?;
            self.bytes(&value.to_le_bytes())
        } else {
            let mut digits = itoa::Buffer::new();
            let digits = digits.format(value).as_bytes();
            self.count(digits.len() as u64)?;
            self.bytes(digits)
        }
    }

    /// Writes a string: an integer in fewer bytes, and a longer one compressed, if that is wanted.
    ///
    /// # Errors
    /// The system's.
    #[inline]
    pub fn string(&mut self, text: &[u8]) -> io::Result<()> {
        if text.len() <= INT_32_TEXT_MAX {
            let value = num::parse_i64(text).filter(|value| i32::try_from(*value).is_ok());
            if let Some(value) = value {
                return self.int(value);
            }
        } else if text.len() >= COMPRESSED_MIN && self.compressed(text)? {
            return Ok(());
        }
        self.count(text.len() as u64)?;
        self.bytes(text)
    }

    fn compressed(&mut self, text: &[u8]) -> io::Result<bool> {
        let Some(compressor) = &mut self.compressor else { return Ok(false) };
        self.room.clear();
        if !compressor.compress(text, &mut self.room, text.len() - SAVED_MIN) {
            return Ok(false);
        }
        let room = std::mem::take(&mut self.room);
        self.byte(0xC0 | string::LZF)?;
        self.count(room.len() as u64)?;
        self.count(text.len() as u64)?;
        self.bytes(&room)?;
        self.room = room;
        Ok(true)
    }

    /// Writes the sum of all bytes so far, zero if none is wanted, and all that has been gathered.
    ///
    /// # Errors
    /// The system's.
    pub fn finish(mut self) -> io::Result<()> {
        self.pass_on()?;
        let sum = self.sum.as_ref().map_or(0, crc64::Sum::value);
        self.gathered.extend_from_slice(&sum.to_le_bytes());
        self.pass_on()
    }

    fn pass_on(&mut self) -> io::Result<()> {
        let Some(out) = &mut self.out else { return Ok(()) };
        if let Some(sum) = &mut self.sum {
            sum.add(&self.gathered);
        }
        out.write_all(&self.gathered)?;
        self.gathered.clear();
        Ok(())
    }
}

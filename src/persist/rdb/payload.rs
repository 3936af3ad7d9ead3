//! One value with a version and a sum behind it: what DUMP gives and RESTORE takes.
//!
//! ```text
//! way of writing 1 | value | version 2 | sum 8
//! ```
//!
//! Numbers are little-endian.

use super::codes;
use super::read::{Forms, Values};
use super::sink::Sink;
use super::source::Source;
use super::write::Written;
use crate::base::crc64;
use crate::store::entry::Value;
use std::io;

/// Bytes of version and sum.
const FOOTER: usize = 10;

/// Why a payload is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is too short, of an unknown version, or has another sum.
    Footer,
    /// What it holds is no value.
    Value,
}

/// A value as a payload, for readers of this version and newer ones.
///
/// # Errors
/// None, as nothing is written anywhere.
pub fn dump(value: Value<'_>, version: u32, compresses: bool) -> io::Result<Vec<u8>> {
    let written = Written::new(value, version);
    let mut sink = Sink::gathering(compresses);
    sink.byte(written.code())?;
    written.put(&mut sink)?;
    let version = u16::try_from(written.version().max(version)).unwrap_or(u16::MAX);
    sink.bytes(&version.to_le_bytes())?;
    let mut bytes = sink.into_gathered();
    bytes.extend_from_slice(&crc64::of(&bytes).to_le_bytes());
    Ok(bytes)
}

/// Bytes that a value takes in a snapshot.
pub fn len_of(value: Value<'_>, version: u32, compresses: bool) -> usize {
    dump(value, version, compresses).map_or(0, |bytes| bytes.len() - FOOTER - 1)
}

/// Reads a payload; the value is taken from what is returned.
///
/// # Errors
/// Why it is not taken.
pub fn restore(bytes: &[u8], forms: Forms, checks_sum: bool) -> Result<Values, Refused> {
    let body = check(bytes, checks_sum).ok_or(Refused::Footer)?;
    let mut source = Source::new(Box::new(body), Some(body.len() as u64), false);
    let mut values = Values::new(forms);
    let read = source.byte().and_then(|code| values.begin(code, &mut source));
    let read = read.and_then(|()| values.go_on(&mut source, u64::MAX));
    match read {
        // What may stand behind it does not matter, as in Redis.
        Ok(_) => Ok(values),
        Err(fault) => {
            log::warn!("a payload is refused: {fault}");
            Err(Refused::Value)
        }
    }
}

/// What stands in front of version and sum, if they are right.
fn check(bytes: &[u8], checks_sum: bool) -> Option<&[u8]> {
    let (body, footer) = bytes.split_at_checked(bytes.len().checked_sub(FOOTER)?)?;
    let (version, sum) = footer.split_first_chunk::<2>()?;
    if u32::from(u16::from_le_bytes(*version)) > codes::VERSION_MAX {
        return None;
    }
    let sum = u64::from_le_bytes(*sum.first_chunk()?);
    let is_right = !checks_sum || sum == crc64::of(&bytes[..body.len() + 2]);
    is_right.then_some(body)
}

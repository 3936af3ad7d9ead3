//! Plain helpers that know nothing of Redis: numbers, patterns, time, identities, buffers.

pub mod big;
pub mod buf;
pub mod crc64;
pub mod extended;
pub mod float;
pub mod glob;
pub mod hash;
pub mod id;
pub mod lzf;
pub mod num;
pub mod paged;
pub mod quoted;
pub mod short;
pub mod time;

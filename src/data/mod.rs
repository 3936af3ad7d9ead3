//! Data structures and value types: no key names, no clients, no clock, no replies.

pub mod bitfield;
pub mod bitop;
pub mod bits;
pub mod lcs;
pub mod table;
pub mod text;
pub mod topk;

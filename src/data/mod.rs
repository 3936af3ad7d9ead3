//! Data structures and value types: no key names, no clients, no clock, no replies.

pub mod bitfield;
pub mod bitop;
pub mod bits;
pub mod collection;
pub mod deadlines;
pub mod hash;
pub mod lcs;
pub mod list;
pub mod packed;
pub mod set;
pub mod sorted_set;
pub mod table;
pub mod text;
pub mod thin;
pub mod topk;

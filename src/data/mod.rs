//! Data structures and value types: no key names, no clients, no clock, no replies.

pub mod bitfield;
pub mod bitop;
pub mod bits;
pub mod collection;
pub mod hash;
pub mod intset;
pub mod lcs;
pub mod list;
pub mod packed;
pub mod set;
pub mod set_algebra;
pub mod sorted_set;
pub mod table;
pub mod text;
pub mod thin;
pub mod topk;

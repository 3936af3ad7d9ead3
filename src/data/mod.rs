//! Data structures and value types: no key names, no clients, no clock, no replies.

pub mod bitfield;
pub mod bitop;
pub mod bits;
mod chain;
pub mod collection;
pub mod deadlines;
pub mod geo;
pub mod hash;
pub mod hll;
pub mod intset;
pub mod lcs;
mod line;
pub mod list;
mod node;
pub mod packed;
mod place;
pub mod ranked;
pub mod scored;
pub mod set;
pub mod set_algebra;
pub mod sorted_set;
pub mod stream;
pub mod table;
pub mod text;
pub mod thin;
pub mod topk;

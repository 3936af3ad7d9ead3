//! Data structures and value types: no key names, no clients, no clock, no replies.

pub mod lcs;
pub mod table;
pub mod text;

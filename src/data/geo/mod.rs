//! Places on the globe: as numbers that a sorted set can hold, and areas with what is in them.
//!
//! Numbers, distances and the order of cells are those of Redis, to the last bit.

pub mod grid;
pub mod shape;
pub mod sphere;

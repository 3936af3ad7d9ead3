//! Snapshots in Redis's format, RDB: written, read, and checked.
//!
//! [`mod@write`] turns values into bytes and [`read`] bytes into values; [`save`] and [`load`] do
//! so for whole files, [`payload`] for what DUMP and RESTORE exchange. Both ways the bytes pass
//! through buffers of some kilobytes ([`sink`], [`source`]). What is read is believed in nothing: a
//! fault is told with the offset where it was found, and no length is believed before its bytes
//! have come.
//!
//! The format is not documented by Redis; <https://rdb.fnordig.de/file_format.html> describes most
//! of it.

pub mod check;
pub mod codes;
pub mod load;
mod old;
pub mod payload;
pub mod read;
pub mod save;
pub mod sink;
pub mod source;
mod stream;
mod vet;
pub mod write;

pub use load::{Loaded, Loader};
pub use read::Forms;
pub use save::Saving;
pub use source::{Fault, Reason};

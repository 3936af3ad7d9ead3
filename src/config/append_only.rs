//! Parameters of the append-only file.

use super::checks;
use super::kinds::{Fsync, Kind, Slot};
use super::table::{Change, Parameter, row};

/// The values of these parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendOnly {
    /// Whether changes are logged.
    pub is_on: bool,
    /// What the names of its files begin with.
    pub filename: String,
    /// The directory in which they stand, within the working directory.
    pub dirname: String,
    /// When what has been written is synced.
    pub fsync: Fsync,
    /// Whether nothing is synced while a child writes.
    pub no_fsync_on_rewrite: bool,
    /// Whether a file that ends early is loaded up to its last whole request.
    pub load_truncated: bool,
    /// Most bytes of a broken end that are cut off so that the rest can be loaded; 0 for none.
    pub load_corrupt_tail_max_size: i64,
    /// Whether the time is written into the file.
    pub timestamp_enabled: bool,
    /// Whether a rewritten file begins with a snapshot, or is requests throughout.
    pub use_rdb_preamble: bool,
    /// Whether files that are not needed any more stay.
    pub disable_auto_gc: bool,
    /// Growth in percent upon which the file is rewritten; 0 for never.
    pub auto_rewrite_percentage: i64,
    /// Bytes below which it is not.
    pub auto_rewrite_min_size: i64,
    /// Whether a new base is synced piece by piece while it is written.
    pub rewrite_incremental_fsync: bool,
}

impl Default for AppendOnly {
    fn default() -> AppendOnly {
        AppendOnly {
            is_on: false,
            filename: "appendonly.aof".to_owned(),
            dirname: "appendonlydir".to_owned(),
            fsync: Fsync::EverySecond,
            no_fsync_on_rewrite: false,
            load_truncated: true,
            load_corrupt_tail_max_size: 0,
            timestamp_enabled: false,
            use_rdb_preamble: true,
            disable_auto_gc: false,
            auto_rewrite_percentage: 100,
            auto_rewrite_min_size: 64 << 20,
            rewrite_incremental_fsync: true,
        }
    }
}

/// All of them, by name.
pub(super) const PARAMETERS: &[Parameter] = &[
    row("aof-disable-auto-gc", Change::Live, "Keep old append-only files.", |c| {
        Slot::Bool(&mut c.aof.disable_auto_gc)
    }),
    row(
        "aof-load-corrupt-tail-max-size",
        Change::Live,
        "Bytes of a broken end of the append-only file that may be cut off to load it; 0: none.",
        |c| Slot::Memory(&mut c.aof.load_corrupt_tail_max_size, 0),
    ),
    row("aof-load-truncated", Change::Live, "Load an append-only file that ends early.", |c| {
        Slot::Bool(&mut c.aof.load_truncated)
    }),
    row(
        "aof-rewrite-incremental-fsync",
        Change::Live,
        "Sync a new append-only file piece by piece.",
        |c| Slot::Bool(&mut c.aof.rewrite_incremental_fsync),
    ),
    row("aof-timestamp-enabled", Change::Live, "Write the time into the append-only file.", |c| {
        Slot::Bool(&mut c.aof.timestamp_enabled)
    }),
    row("aof-use-rdb-preamble", Change::Live, "Begin the append-only file with a snapshot.", |c| {
        Slot::Bool(&mut c.aof.use_rdb_preamble)
    }),
    row("appenddirname", Change::AtStart, "Directory of the append-only file.", |c| {
        let kind = Kind::Checked(checks::log_dir_name, "name of a directory");
        Slot::Kept(&mut c.aof.dirname, kind)
    }),
    row("appendfilename", Change::AtStart, "Name of the append-only file.", |c| {
        let kind = Kind::Checked(checks::log_name, "name of a file");
        Slot::Kept(&mut c.aof.filename, kind)
    }),
    row("appendfsync", Change::Live, "When the append-only file is synced.", |c| {
        Slot::Choice(&mut c.aof.fsync)
    }),
    row("appendonly", Change::Live, "Log every change to a file.", |c| {
        Slot::Bool(&mut c.aof.is_on)
    }),
    row(
        "auto-aof-rewrite-min-size",
        Change::Live,
        "Size from which on the append-only file is written anew.",
        |c| Slot::Memory(&mut c.aof.auto_rewrite_min_size, 0),
    ),
    row(
        "auto-aof-rewrite-percentage",
        Change::Live,
        "Growth upon which the append-only file is written anew; 0: none.",
        |c| Slot::Int(&mut c.aof.auto_rewrite_percentage, 0, i32::MAX as i64),
    ),
    row(
        "no-appendfsync-on-rewrite",
        Change::Live,
        "Sync no append-only file while another is written.",
        |c| Slot::Bool(&mut c.aof.no_fsync_on_rewrite),
    ),
];

//! Parameters of Redis that are accepted without effect: checked, shown and kept, so that its files
//! and tools work. One that gets an effect moves to [`super::table`].

use super::checks;
use super::kinds::Kind;
use super::table::{Change, Parameter, kept};

const INT_MAX: i64 = i32::MAX as i64;
/// Why memory is not defragmented, in Redis's words where its allocator cannot do it.
const NO_DEFRAGMENTATION: &str = "Active defragmentation cannot be enabled: it requires a Redis \
    server compiled with a modified Jemalloc like the one shipped by default with the Redis source \
    distribution";

/// All of them, by name, but for those of [`super::unbuilt`].
pub const PARAMETERS: &[Parameter] = &[
    kept(
        "active-defrag-cycle-max",
        Change::Live,
        "Most effort of defragmentation, in percent of the CPU.",
        "25",
        Kind::Int(1, 99),
    ),
    kept(
        "active-defrag-cycle-min",
        Change::Live,
        "Least effort of defragmentation, in percent of the CPU.",
        "1",
        Kind::Int(1, 99),
    ),
    kept(
        "active-defrag-ignore-bytes",
        Change::Live,
        "Waste that is not worth defragmentation.",
        "104857600",
        Kind::Memory(1),
    ),
    kept(
        "active-defrag-max-scan-fields",
        Change::Live,
        "Fields of a key that are defragmented at once.",
        "1000",
        Kind::Int(1, i64::MAX),
    ),
    kept(
        "active-defrag-threshold-lower",
        Change::Live,
        "Percentage of waste at which defragmentation begins.",
        "10",
        Kind::Int(0, 1_000),
    ),
    kept(
        "active-defrag-threshold-upper",
        Change::Live,
        "Percentage of waste at which it uses most effort.",
        "100",
        Kind::Int(0, 1_000),
    ),
    kept(
        "active-expire-effort",
        Change::Live,
        "Effort spent on keys that are due. Here all of them die on time.",
        "1",
        Kind::Int(1, 10),
    ),
    kept(
        "activedefrag",
        Change::Live,
        "Defragment memory.",
        "no",
        Kind::Only(&Kind::Bool, "no", NO_DEFRAGMENTATION),
    ),
    kept(
        "activerehashing",
        Change::Live,
        "Rehash tables in idle time. Here no table rehashes.",
        "yes",
        Kind::Bool,
    ),
    kept(
        "always-show-logo",
        Change::AtStart,
        "Draw a logo at start. There is none.",
        "no",
        Kind::Bool,
    ),
    kept(
        "bio_cpulist",
        Change::AtStart,
        "Processors for background threads. There are none.",
        "",
        Kind::Text,
    ),
    kept("crash-memcheck-enabled", Change::Live, "Test memory after a crash.", "yes", Kind::Bool),
    kept("dynamic-hz", Change::Live, "Raise `hz` with the number of clients.", "yes", Kind::Bool),
    kept(
        "hz",
        Change::Live,
        "Background work a second. Here nothing runs at a fixed rate.",
        "10",
        Kind::Checked(checks::hz, "1 to 500"),
    ),
    kept(
        "ignore-warnings",
        Change::Live,
        "Warnings at start that are of no interest.",
        "",
        Kind::Text,
    ),
    kept(
        "io-threads",
        Change::AtStart,
        "Threads for sockets. There is one thread.",
        "1",
        Kind::Int(1, 128),
    ),
    kept("io-threads-do-reads", Change::AtStart, "Read in these threads.", "no", Kind::Bool),
    kept(
        "jemalloc-bg-thread",
        Change::Live,
        "Give memory back in a thread. Here the loop does it.",
        "yes",
        Kind::Bool,
    ),
    kept(
        "lazyfree-lazy-user-del",
        Change::Live,
        "DEL frees large values later, as UNLINK does.",
        "no",
        Kind::Bool,
    ),
    kept(
        "list-compress-depth",
        Change::Live,
        "Nodes at the ends of a list that are not compressed.",
        "0",
        Kind::Int(0, INT_MAX),
    ),
    kept("locale-collate", Change::Live, "Locale in which strings are compared.", "", Kind::Text),
    kept("server_cpulist", Change::AtStart, "Processors for the server.", "", Kind::Text),
    kept(
        "socket-mark-id",
        Change::AtStart,
        "Mark of listening sockets for the firewall.",
        "0",
        Kind::Int(0, u32::MAX as i64),
    ),
    kept(
        "use-exit-on-panic",
        Change::Live,
        "End without a core when a fault is found.",
        "no",
        Kind::Bool,
    )
    .hidden(),
    kept(
        "watchdog-period",
        Change::Live,
        "Milliseconds after which a standstill is logged.",
        "0",
        Kind::Int(0, INT_MAX),
    )
    .hidden(),
];

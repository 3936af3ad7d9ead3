//! Parameters of replication, of both sides.

use super::checks;
use super::kinds::{DisklessLoad, Kind, Slot, choice};
use super::table::{Change, Parameter, row};

const INT_MAX: i64 = i32::MAX as i64;

choice! {
    /// What is done when a request cannot be run that another server, or an earlier process, has
    /// run.
    Divergence {
        /// It is logged.
        Ignored = "ignore",
        /// The server stops.
        Fatal = "panic",
        /// The server stops if it is a replica that takes no writes of its own.
        FatalOnReplicas = "panic-on-replicas",
    }
}

/// The values of these parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replication {
    /// Host and port of the primary; empty for none.
    pub primary: String,
    /// Address from which the primary is connected; empty for any.
    pub source: String,
    /// User for the primary; empty for the default one.
    pub user: String,
    /// Password for the primary; empty for none.
    pub password: String,
    /// Replicas without which writes are refused.
    pub least_replicas: i64,
    /// Seconds after which a replica counts as missing.
    pub lag_max_s: i64,
    /// Bytes of the stream that are kept, as text.
    pub backlog_size: String,
    /// Seconds for which they are kept without replicas; 0 for ever.
    pub backlog_ttl_s: i64,
    /// Whether packets to replicas are collected for longer.
    pub delays_packets: bool,
    /// How a snapshot is loaded.
    pub diskless_load: DisklessLoad,
    /// Whether a snapshot is sent as it is made.
    pub diskless_sync: bool,
    /// Seconds to wait for more replicas before that.
    pub diskless_sync_delay_s: i64,
    /// With how many to wait no longer; 0 for none.
    pub diskless_sync_enough: i64,
    /// Seconds between pings to replicas.
    pub ping_period_s: i64,
    /// Seconds of silence after which a link is broken.
    pub timeout_s: i64,
    /// Address that the primary is told; empty for none.
    pub announced_ip: String,
    /// Port that the primary is told; 0 for that which is listened on.
    pub announced_port: i64,
    /// Whether Sentinel is to tell of this replica.
    pub is_announced: bool,
    /// Whether a replica evicts nothing.
    pub ignores_maxmemory: bool,
    /// Whether old data of a replica is freed later.
    pub flushes_later: bool,
    /// In which order Sentinel chooses replicas; 0 for never.
    pub priority: i64,
    /// Whether writes of clients are refused by a replica.
    pub is_read_only: bool,
    /// Whether clients are served without the primary.
    pub serves_stale: bool,
    /// Seconds to wait for replicas before the server stops.
    pub shutdown_timeout_s: i64,
    /// What is done when a request fails that was run elsewhere.
    pub divergence: Divergence,
    /// Whether snapshots of a synchronization go where nothing is kept otherwise.
    pub deletes_sync_files: bool,
    /// Whether a replica follows on when it cannot keep what changes.
    pub ignores_disk_errors: bool,
}

impl Default for Replication {
    fn default() -> Replication {
        Replication {
            primary: String::new(),
            source: String::new(),
            user: String::new(),
            password: String::new(),
            least_replicas: 0,
            lag_max_s: 10,
            backlog_size: "1048576".to_owned(),
            backlog_ttl_s: 3_600,
            delays_packets: false,
            diskless_load: DisklessLoad::Disabled,
            diskless_sync: true,
            diskless_sync_delay_s: 5,
            diskless_sync_enough: 0,
            ping_period_s: 10,
            timeout_s: 60,
            announced_ip: String::new(),
            announced_port: 0,
            is_announced: true,
            ignores_maxmemory: true,
            flushes_later: false,
            priority: 100,
            is_read_only: true,
            serves_stale: true,
            shutdown_timeout_s: 10,
            divergence: Divergence::Ignored,
            deletes_sync_files: false,
            ignores_disk_errors: false,
        }
    }
}

impl Replication {
    /// Bytes of the stream that are kept.
    pub fn backlog_bytes(&self) -> usize {
        self.backlog_size.parse().unwrap_or(1 << 20)
    }

    /// Host and port of the primary, if there is to be one.
    pub fn primary(&self) -> Option<(&str, u16)> {
        let (host, port) = self.primary.split_once(' ')?;
        Some((host, port.parse().ok()?))
    }

    /// Microseconds of silence after which a link is broken.
    pub fn timeout_us(&self) -> u64 {
        micros(self.timeout_s)
    }
}

/// Seconds as microseconds.
pub fn micros(seconds: i64) -> u64 {
    u64::try_from(seconds).unwrap_or(0).saturating_mul(1_000_000)
}

/// All of them, by name.
pub(super) const PARAMETERS: &[Parameter] = &[
    row("bind-source-addr", Change::Live, "Address from which a replica connects.", |c| {
        Slot::Text(&mut c.repl.source)
    }),
    row("masterauth", Change::Live, "Password for the primary.", |c| {
        Slot::Text(&mut c.repl.password)
    }),
    row("masteruser", Change::Live, "User for the primary.", |c| Slot::Text(&mut c.repl.user)),
    row(
        "min-replicas-max-lag",
        Change::Live,
        "Seconds after which a replica counts as missing.",
        |c| Slot::Int(&mut c.repl.lag_max_s, 0, INT_MAX),
    )
    .or_named("min-slaves-max-lag"),
    row("min-replicas-to-write", Change::Live, "Replicas without which writes are refused.", |c| {
        Slot::Int(&mut c.repl.least_replicas, 0, INT_MAX)
    })
    .or_named("min-slaves-to-write"),
    row(
        "propagation-error-behavior",
        Change::Live,
        "Whether to stop when a request fails that comes from the primary or the log.",
        |c| Slot::Choice(&mut c.repl.divergence),
    ),
    row(
        "rdb-del-sync-files",
        Change::Live,
        "Without snapshots and log of its own, keep no file of a synchronization.",
        |c| Slot::Bool(&mut c.repl.deletes_sync_files),
    ),
    row("repl-backlog-size", Change::Live, "Changes kept for replicas that come back.", |c| {
        let kind = Kind::Checked(checks::backlog, "memory from 16,384 on");
        Slot::Kept(&mut c.repl.backlog_size, kind)
    }),
    row(
        "repl-backlog-ttl",
        Change::Live,
        "Seconds for which they are kept without replicas; 0: for ever.",
        |c| Slot::Int(&mut c.repl.backlog_ttl_s, 0, i64::MAX),
    ),
    row("repl-disable-tcp-nodelay", Change::Live, "Send replicas full packets, later.", |c| {
        Slot::Bool(&mut c.repl.delays_packets)
    }),
    row(
        "repl-diskless-load",
        Change::Live,
        "Load a snapshot as it comes: never, in place of old data, if there is none, or beside it.",
        |c| Slot::Choice(&mut c.repl.diskless_load),
    ),
    row("repl-diskless-sync", Change::Live, "Send snapshots without a file.", |c| {
        Slot::Bool(&mut c.repl.diskless_sync)
    }),
    row(
        "repl-diskless-sync-delay",
        Change::Live,
        "Seconds to wait for more replicas before that.",
        |c| Slot::Int(&mut c.repl.diskless_sync_delay_s, 0, INT_MAX),
    ),
    row(
        "repl-diskless-sync-max-replicas",
        Change::Live,
        "Replicas upon which to wait no longer; 0: none.",
        |c| Slot::Int(&mut c.repl.diskless_sync_enough, 0, INT_MAX),
    ),
    row("repl-ping-replica-period", Change::Live, "Seconds between pings to replicas.", |c| {
        Slot::Int(&mut c.repl.ping_period_s, 1, INT_MAX)
    })
    .or_named("repl-ping-slave-period"),
    row("repl-timeout", Change::Live, "Seconds after which a link counts as broken.", |c| {
        Slot::Int(&mut c.repl.timeout_s, 1, INT_MAX)
    }),
    row("replica-announce-ip", Change::Live, "Address that the primary is told.", |c| {
        Slot::Text(&mut c.repl.announced_ip)
    })
    .or_named("slave-announce-ip"),
    row("replica-announce-port", Change::Live, "Port that the primary is told.", |c| {
        Slot::Int(&mut c.repl.announced_port, 0, 65_535)
    })
    .or_named("slave-announce-port"),
    row("replica-announced", Change::Live, "Let Sentinel tell of this replica.", |c| {
        Slot::Bool(&mut c.repl.is_announced)
    }),
    row(
        "replica-ignore-disk-write-errors",
        Change::Live,
        "Follow on as replica, rather than stop, when changes cannot be kept.",
        |c| Slot::Bool(&mut c.repl.ignores_disk_errors),
    ),
    row("replica-ignore-maxmemory", Change::Live, "Evict nothing as replica.", |c| {
        Slot::Bool(&mut c.repl.ignores_maxmemory)
    })
    .or_named("slave-ignore-maxmemory"),
    row("replica-lazy-flush", Change::Live, "Free old data of a replica later.", |c| {
        Slot::Bool(&mut c.repl.flushes_later)
    })
    .or_named("slave-lazy-flush"),
    row(
        "replica-priority",
        Change::Live,
        "Order in which Sentinel chooses replicas; 0: never.",
        |c| Slot::Int(&mut c.repl.priority, 0, INT_MAX),
    )
    .or_named("slave-priority"),
    row("replica-read-only", Change::Live, "Refuse writes as replica.", |c| {
        Slot::Bool(&mut c.repl.is_read_only)
    })
    .or_named("slave-read-only"),
    row("replica-serve-stale-data", Change::Live, "Serve clients without the primary.", |c| {
        Slot::Bool(&mut c.repl.serves_stale)
    })
    .or_named("slave-serve-stale-data"),
    row("replicaof", Change::AtStart, "Host and port of the primary.", |c| {
        Slot::Kept(&mut c.repl.primary, Kind::List(checks::primary, "host and port"))
    })
    .or_named("slaveof"),
    row("shutdown-timeout", Change::Live, "Seconds to wait for replicas before stopping.", |c| {
        Slot::Int(&mut c.repl.shutdown_timeout_s, 0, INT_MAX)
    }),
];

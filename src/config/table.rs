//! The table of parameters: what each is called, where its value lives, what it may be, and when it
//! may change.

use super::kinds::{Kind, Refusal, Slot};
use super::{Config, append_only, checks, idle, replication, unbuilt};
use crate::base::glob;

/// When a parameter may be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// At any time.
    Live,
    /// At start only.
    AtStart,
    /// At any time where `enable-protected-configs` allows it.
    Protected,
}

/// One parameter.
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Another name, from earlier times.
    pub alias: Option<&'static str>,
    /// When it may be changed.
    pub change: Change,
    /// Whether CONFIG GET shows it only when asked for it by its full name.
    pub is_hidden: bool,
    /// What it is for, in a sentence.
    pub about: &'static str,
    place: Place,
}

/// Where the value of a parameter lives.
enum Place {
    /// In a field, which this lends.
    Field(fn(&mut Config) -> Slot<'_>),
    /// Among those that are kept without effect; its default and its kind.
    Kept(&'static str, Kind),
}

/// Most databases: each that is used takes memory, and so do those with lower numbers.
const DATABASES_MAX: i64 = 1_000_000;

const INT_MIN: i64 = i32::MIN as i64;
const INT_MAX: i64 = i32::MAX as i64;

/// What says how to stop upon a signal.
const HOW_TO_STOP: &str = "default, or some of save, nosave, now, force";

/// Those that have an effect, by name, but for those of [`append_only`] and [`replication`];
/// [`idle`] and [`unbuilt`]
/// have the others.
pub const PARAMETERS: &[Parameter] = &[
    row("acl-pubsub-default", Change::Live, "Channels that a new ACL user may use.", |c| {
        Slot::Choice(&mut c.acl_pubsub_default)
    }),
    row("aclfile", Change::AtStart, "File of ACL users, instead of `user` lines.", |c| {
        Slot::Text(&mut c.aclfile)
    }),
    row("acllog-max-len", Change::Live, "Entries of ACL LOG.", |c| {
        Slot::Int(&mut c.acllog_max_len, 0, i64::MAX)
    }),
    row("bind", Change::Live, "Addresses to listen on; a leading `-` lets one be missing.", |c| {
        Slot::Addresses(&mut c.bind)
    }),
    row(
        "client-output-buffer-limit",
        Change::Live,
        "Output that may wait for a client before it is closed.",
        |c| Slot::Limits(&mut c.client_output_buffer_limit),
    ),
    row(
        "client-output-pause",
        Change::Live,
        "Read no more from a client for whom so many bytes wait; 0: never. Not in Redis.",
        |c| Slot::Memory(&mut c.client_output_pause, 0),
    ),
    row(
        "client-query-buffer-limit",
        Change::Live,
        "Request bytes that may wait of one client before it is closed.",
        |c| Slot::Memory(&mut c.client_query_buffer_limit, 1 << 20),
    ),
    row(
        "crash-log-enabled",
        Change::Live,
        "Write a report to the log when the process crashes.",
        |c| Slot::Bool(&mut c.crash_log_enabled),
    ),
    row("daemonize", Change::AtStart, "Run in the background.", |c| Slot::Bool(&mut c.daemonize)),
    row("databases", Change::AtStart, "Number of databases.", |c| {
        Slot::Int(&mut c.databases, 1, DATABASES_MAX)
    }),
    row("dbfilename", Change::Protected, "Name of the snapshot file.", |c| {
        Slot::Kept(&mut c.dbfilename, Kind::Checked(checks::snapshot_name, "name of a file"))
    }),
    row("dir", Change::Protected, "Working directory.", |c| Slot::Text(&mut c.dir)),
    row("disable-thp", Change::AtStart, "Keep the kernel from using huge pages of memory.", |c| {
        Slot::Bool(&mut c.disable_thp)
    }),
    row("enable-debug-command", Change::AtStart, "Who may use DEBUG.", |c| {
        Slot::Choice(&mut c.enable_debug_command)
    }),
    row("enable-module-command", Change::AtStart, "Who may use MODULE; no module loads.", |c| {
        Slot::Choice(&mut c.enable_module_command)
    }),
    row(
        "enable-protected-configs",
        Change::AtStart,
        "Who may change `dir` and `dbfilename`.",
        |c| Slot::Choice(&mut c.enable_protected_configs),
    ),
    row("hash-max-listpack-entries", Change::Live, "Fields of a compact hash.", |c| {
        Slot::Int(&mut c.hash_max_listpack_entries, 0, i64::MAX)
    })
    .or_named("hash-max-ziplist-entries"),
    row(
        "hash-max-listpack-value",
        Change::Live,
        "Longest field or value of a compact hash.",
        |c| Slot::Memory(&mut c.hash_max_listpack_value, 0),
    )
    .or_named("hash-max-ziplist-value"),
    row("hll-sparse-max-bytes", Change::Live, "Longest sparse HyperLogLog.", |c| {
        Slot::Memory(&mut c.hll_sparse_max_bytes, 0)
    }),
    row(
        "key-load-delay",
        Change::Live,
        "Microseconds of pause for each key that is loaded.",
        |c| Slot::Int(&mut c.key_load_delay, INT_MIN, INT_MAX),
    )
    .hidden(),
    row(
        "latency-monitor-threshold",
        Change::Live,
        "Milliseconds from which on LATENCY notes an event; 0: never.",
        |c| Slot::Int(&mut c.latency_monitor_threshold, 0, i64::MAX),
    ),
    row(
        "latency-tracking",
        Change::Live,
        "Keep how the times of each command are distributed.",
        |c| Slot::Bool(&mut c.latency_tracking),
    ),
    row(
        "latency-tracking-info-percentiles",
        Change::Live,
        "Which percentiles of them INFO shows.",
        |c| Slot::Percentiles(&mut c.latency_tracking_info_percentiles),
    ),
    row(
        "lazyfree-lazy-eviction",
        Change::Live,
        "Evicted keys are logged and replicated as UNLINK, not DEL; they are freed later anyway.",
        |c| Slot::Bool(&mut c.lazyfree_lazy_eviction),
    ),
    row("lazyfree-lazy-expire", Change::Live, "The same for keys that die of age.", |c| {
        Slot::Bool(&mut c.lazyfree_lazy_expire)
    }),
    row(
        "lazyfree-lazy-server-del",
        Change::Live,
        "The same for keys that a command removes beside what it is for.",
        |c| Slot::Bool(&mut c.lazyfree_lazy_server_del),
    ),
    row(
        "lazyfree-lazy-user-flush",
        Change::Live,
        "FLUSHALL and FLUSHDB without an option free memory later.",
        |c| Slot::Bool(&mut c.lazyfree_lazy_user_flush),
    ),
    row(
        "lfu-decay-time",
        Change::Live,
        "Minutes after which the counters of LFU policies fall by one; 0: never.",
        |c| Slot::Int(&mut c.lfu_decay_time, 0, i32::MAX as i64),
    ),
    row("lfu-log-factor", Change::Live, "How slowly the counters of LFU policies grow.", |c| {
        Slot::Int(&mut c.lfu_log_factor, 0, i32::MAX as i64)
    }),
    row(
        "list-max-listpack-size",
        Change::Live,
        "Elements of a node of a list, or its size: -1 to -5 for 4 to 64 KiB.",
        |c| Slot::Int(&mut c.list_max_listpack_size, i64::from(i32::MIN), i64::from(i32::MAX)),
    )
    .or_named("list-max-ziplist-size"),
    row(
        "loading-process-events-interval-bytes",
        Change::Live,
        "Bytes loaded between looks at clients.",
        |c| Slot::Int(&mut c.loading_process_events_interval_bytes, 1_024, INT_MAX),
    )
    .hidden(),
    row(
        "logfile",
        Change::AtStart,
        "File that the log is appended to; empty: standard output.",
        |c| Slot::Text(&mut c.logfile),
    ),
    row("loglevel", Change::Live, "How much is logged.", |c| Slot::Choice(&mut c.loglevel)),
    row("maxclients", Change::Live, "Clients at one time.", |c| {
        Slot::Int(&mut c.maxclients, 1, u32::MAX as i64)
    }),
    row(
        "maxmemory",
        Change::Live,
        "Memory in use above which keys are evicted or commands refused; 0: none.",
        |c| Slot::Memory(&mut c.maxmemory, 0),
    ),
    row(
        "maxmemory-clients",
        Change::Live,
        "Memory of all clients together, over which the largest are closed; 0: any.",
        |c| Slot::Share(&mut c.maxmemory_clients),
    ),
    row(
        "maxmemory-eviction-tenacity",
        Change::Live,
        "How much time a command may spend on evicting keys; 100: all it takes.",
        |c| Slot::Int(&mut c.maxmemory_eviction_tenacity, 0, 100),
    ),
    row("maxmemory-policy", Change::Live, "Which keys are evicted.", |c| {
        Slot::Choice(&mut c.maxmemory_policy)
    }),
    row(
        "maxmemory-samples",
        Change::Live,
        "Keys looked at, at least, to choose one to evict.",
        |c| Slot::Int(&mut c.maxmemory_samples, 1, i32::MAX as i64),
    ),
    row("notify-keyspace-events", Change::Live, "Which keyspace events are published.", |c| {
        Slot::Events(&mut c.notify_keyspace_events)
    }),
    row(
        "oom-score-adj",
        Change::Live,
        "Tell the kernel what to kill first when memory is out.",
        |c| Slot::Choice(&mut c.oom_score_adj),
    ),
    row(
        "oom-score-adj-values",
        Change::Live,
        "Its values for a primary, for a replica, for a child process.",
        |c| {
            let kind = Kind::List(checks::oom_words, "three numbers, -2000 to 2000");
            Slot::Kept(&mut c.oom_score_adj_values, kind)
        },
    ),
    row(
        "pidfile",
        Change::AtStart,
        "File for the id of the process; empty: none, or /var/run/redis.pid if daemonized.",
        |c| Slot::Text(&mut c.pidfile),
    ),
    row("port", Change::Live, "TCP port; 0: none.", |c| Slot::Int(&mut c.port, 0, 65_535)),
    row("proc-title-template", Change::Live, "Title of the process.", |c| {
        let kind = Kind::Checked(checks::title_template, "text with fields in braces");
        Slot::Kept(&mut c.proc_title_template, kind)
    }),
    row(
        "protected-mode",
        Change::Live,
        "Refuse clients of other machines while there is no password.",
        |c| Slot::Bool(&mut c.protected_mode),
    ),
    row("proto-max-bulk-len", Change::Live, "Longest argument.", |c| {
        Slot::Memory(&mut c.proto_max_bulk_len, 1 << 20)
    }),
    row(
        "rdb-key-save-delay",
        Change::Live,
        "Microseconds of pause for each key that is saved.",
        |c| Slot::Int(&mut c.rdb_key_save_delay, INT_MIN, INT_MAX),
    )
    .hidden(),
    row("rdb-save-incremental-fsync", Change::Live, "Sync a snapshot piece by piece.", |c| {
        Slot::Bool(&mut c.rdb_save_incremental_fsync)
    }),
    row(
        "rdb-version",
        Change::Live,
        "Version of the format of snapshots and of DUMP; newer where the data needs it. 10 is what \
         Redis 7.0 reads. Not in Redis.",
        |c| Slot::Int(&mut c.rdb_version, 10, 12),
    ),
    row("rdbchecksum", Change::AtStart, "Check sums in snapshots.", |c| {
        Slot::Bool(&mut c.rdbchecksum)
    }),
    row("rdbcompression", Change::Live, "Compress strings in snapshots.", |c| {
        Slot::Bool(&mut c.rdbcompression)
    }),
    row("requirepass", Change::Live, "Password of the default user; empty: none.", |c| {
        Slot::Text(&mut c.requirepass)
    }),
    row(
        "sanitize-dump-payload",
        Change::Live,
        "Check that no element of a value is there twice, before it is loaded.",
        |c| Slot::Choice(&mut c.sanitize_dump_payload),
    ),
    row(
        "save",
        Change::Live,
        "When to take a snapshot: after so many seconds, if there were so many changes.",
        |c| Slot::Kept(&mut c.save, Kind::List(checks::save_points, "seconds, changes; repeated")),
    ),
    row(
        "set-max-intset-entries",
        Change::Live,
        "Members of a set of integers that is kept compact.",
        |c| Slot::Int(&mut c.set_max_intset_entries, 0, i64::MAX),
    ),
    row("set-max-listpack-entries", Change::Live, "Members of a compact set.", |c| {
        Slot::Int(&mut c.set_max_listpack_entries, 0, i64::MAX)
    }),
    row("set-max-listpack-value", Change::Live, "Longest member of a compact set.", |c| {
        Slot::Int(&mut c.set_max_listpack_value, 0, i64::MAX)
    }),
    row("set-proc-title", Change::AtStart, "Set the title of the process.", |c| {
        Slot::Bool(&mut c.set_proc_title)
    }),
    row("shutdown-on-sigint", Change::Live, "How to stop upon SIGINT.", |c| {
        Slot::Kept(&mut c.shutdown_on_sigint, Kind::List(checks::shutdown_words, HOW_TO_STOP))
    }),
    row("shutdown-on-sigterm", Change::Live, "How to stop upon SIGTERM.", |c| {
        Slot::Kept(&mut c.shutdown_on_sigterm, Kind::List(checks::shutdown_words, HOW_TO_STOP))
    }),
    row(
        "slowlog-log-slower-than",
        Change::Live,
        "Microseconds from which on a command is in the slow log; -1: never.",
        |c| Slot::Int(&mut c.slowlog_log_slower_than, -1, i64::MAX),
    ),
    row("slowlog-max-len", Change::Live, "Entries of the slow log.", |c| {
        Slot::Int(&mut c.slowlog_max_len, 0, i64::MAX)
    }),
    row(
        "stop-writes-on-bgsave-error",
        Change::Live,
        "Refuse changes after a snapshot failed.",
        |c| Slot::Bool(&mut c.stop_writes_on_bgsave_error),
    ),
    row(
        "stream-node-max-bytes",
        Change::Live,
        "Bytes from which on a stream begins another block; 0: a gigabyte.",
        |c| Slot::Memory(&mut c.stream_node_max_bytes, 0),
    ),
    row(
        "stream-node-max-entries",
        Change::Live,
        "Most entries of a block of a stream; 0: any number.",
        |c| Slot::Int(&mut c.stream_node_max_entries, 0, i64::MAX),
    ),
    row("supervised", Change::AtStart, "Who is told when the server is ready and ends.", |c| {
        Slot::Choice(&mut c.supervised)
    }),
    row("syslog-enabled", Change::AtStart, "Log to the system's log as well.", |c| {
        Slot::Bool(&mut c.syslog_enabled)
    }),
    row("syslog-facility", Change::AtStart, "Part of the system that it is told.", |c| {
        Slot::Choice(&mut c.syslog_facility)
    }),
    row("syslog-ident", Change::AtStart, "Name that it is told.", |c| {
        Slot::Text(&mut c.syslog_ident)
    }),
    row("tcp-backlog", Change::AtStart, "Connections that may wait to be accepted.", |c| {
        Slot::Int(&mut c.tcp_backlog, 0, i32::MAX as i64)
    }),
    row("tcp-keepalive", Change::Live, "Seconds between probes of a silent peer; 0: none.", |c| {
        Slot::Int(&mut c.tcp_keepalive, 0, i32::MAX as i64)
    }),
    row("timeout", Change::Live, "Seconds after which an idle client is closed; 0: never.", |c| {
        Slot::Int(&mut c.timeout, 0, i32::MAX as i64)
    }),
    row("tracking-table-max-keys", Change::Live, "Keys that are noted for those who track.", |c| {
        Slot::Int(&mut c.tracking_table_max_keys, 0, i64::MAX)
    }),
    row("unixsocket", Change::AtStart, "Path of the Unix socket; empty: none.", |c| {
        Slot::Text(&mut c.unixsocket)
    }),
    row(
        "unixsocketperm",
        Change::AtStart,
        "Permissions of the Unix socket; 0: as they come.",
        |c| Slot::Octal(&mut c.unixsocketperm),
    ),
    row("zset-max-listpack-entries", Change::Live, "Members of a compact sorted set.", |c| {
        Slot::Int(&mut c.zset_max_listpack_entries, 0, i64::MAX)
    })
    .or_named("zset-max-ziplist-entries"),
    row("zset-max-listpack-value", Change::Live, "Longest member of a compact sorted set.", |c| {
        Slot::Memory(&mut c.zset_max_listpack_value, 0)
    })
    .or_named("zset-max-ziplist-value"),
];

pub(super) const fn row(
    name: &'static str,
    change: Change,
    about: &'static str,
    slot: fn(&mut Config) -> Slot<'_>,
) -> Parameter {
    Parameter { name, alias: None, change, is_hidden: false, about, place: Place::Field(slot) }
}

/// A parameter without effect.
pub(super) const fn kept(
    name: &'static str,
    change: Change,
    about: &'static str,
    default: &'static str,
    kind: Kind,
) -> Parameter {
    let place = Place::Kept(default, kind);
    Parameter { name, alias: None, change, is_hidden: false, about, place }
}

/// All parameters: first those that have an effect.
pub fn all() -> impl Iterator<Item = &'static Parameter> {
    let persistence = append_only::PARAMETERS;
    let replication = replication::PARAMETERS;
    PARAMETERS
        .iter()
        .chain(persistence)
        .chain(replication)
        .chain(idle::PARAMETERS)
        .chain(unbuilt::PARAMETERS)
}

impl Parameter {
    pub(super) const fn or_named(self, alias: &'static str) -> Parameter {
        Parameter { alias: Some(alias), ..self }
    }

    pub(super) const fn hidden(self) -> Parameter {
        Parameter { is_hidden: true, ..self }
    }

    /// The parameter of that name, in any case.
    pub fn named(name: &str) -> Option<&'static Parameter> {
        all().find(|parameter| parameter.names().any(|own| own.eq_ignore_ascii_case(name)))
    }

    /// Its name, and the other one if it has two.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        std::iter::once(self.name).chain(self.alias)
    }

    /// The parameters whose names match a glob pattern, in any case, by these names; hidden ones
    /// are left out.
    pub fn matching(pattern: &[u8]) -> impl Iterator<Item = (&'static str, &'static Parameter)> {
        let shown = all().filter(|parameter| !parameter.is_hidden);
        let names =
            shown.flat_map(|parameter| parameter.names().map(move |name| (name, parameter)));
        names.filter(move |(name, _)| glob::matches_any_case(pattern, name.as_bytes()))
    }

    /// Whether it does more than to be shown.
    pub fn has_effect(&self) -> bool {
        match self.place {
            Place::Field(_) => true,
            Place::Kept(..) => false,
        }
    }

    /// Lends its value.
    pub fn slot<'a>(&self, config: &'a mut Config) -> Slot<'a> {
        match self.place {
            Place::Field(lend) => lend(config),
            Place::Kept(default, kind) => {
                let value = config.idle.entry(self.name).or_insert_with(|| default.to_owned());
                Slot::Kept(value, kind)
            }
        }
    }

    /// The value as CONFIG GET shows it.
    pub fn show(&self, config: &mut Config) -> String {
        self.slot(config).show()
    }

    /// Reads the value from words and sets it, whenever that may be.
    ///
    /// # Errors
    /// Why the value is not acceptable.
    pub fn set(&self, config: &mut Config, words: &[String]) -> Result<(), Refusal> {
        self.slot(config).set(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_defaults_read_back() {
        assert!(PARAMETERS.is_sorted_by_key(|parameter| parameter.name));
        assert!(idle::PARAMETERS.is_sorted_by_key(|parameter| parameter.name));
        assert!(unbuilt::PARAMETERS.is_sorted_by_key(|parameter| parameter.name));
        let mut config = Config::default();
        for parameter in all() {
            let shown = parameter.show(&mut config);
            parameter.set(&mut config, std::slice::from_ref(&shown)).unwrap();
            assert_eq!(parameter.show(&mut config), shown, "{}", parameter.name);
        }
    }

    #[test]
    fn refusals_are_told_in_rediss_words() {
        let mut config = Config::default();
        let cases = [
            ("port", "70000", "argument must be between 0 and 65535 inclusive"),
            ("port", "abc", "argument couldn't be parsed into an integer"),
            ("protected-mode", "maybe", "argument must be 'yes' or 'no'"),
            ("client-query-buffer-limit", "1x", "argument must be a memory value"),
            ("unixsocketperm", "888", "argument couldn't be parsed as an octal number"),
            ("appendonly", "maybe", "argument must be 'yes' or 'no'"),
            ("slave-priority", "-1", "argument must be between 0 and 2147483647 inclusive"),
        ];
        for (name, value, refusal) in cases {
            let parameter = Parameter::named(name).unwrap();
            assert_eq!(parameter.set(&mut config, &[value.to_owned()]).unwrap_err(), refusal);
        }
    }

    #[test]
    fn patterns_find_names() {
        let names = |pattern: &[u8]| Parameter::matching(pattern).map(|(name, _)| name).collect();
        let found: Vec<&str> = names(b"CLIENT-*");
        assert_eq!(found.len(), 3);
        let found: Vec<&str> = names(b"*of");
        assert_eq!(found, ["replicaof", "slaveof"]);
        let found: Vec<&str> = names(b"*-delay");
        assert_eq!(found, ["repl-diskless-sync-delay"]);
        assert!(Parameter::named("MaxClients").is_some() && Parameter::named("nosuch").is_none());
    }

    #[test]
    fn every_name_stands_for_one_parameter() {
        let mut names: Vec<&str> = all().flat_map(Parameter::names).collect();
        let len = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), len);
    }

    #[test]
    fn what_cannot_be_honoured_is_refused() {
        let mut config = Config::default();
        let cases = [("cluster-enabled", "yes"), ("tls-port", "6380")];
        for (name, value) in cases {
            let parameter = Parameter::named(name).unwrap();
            let refusal = parameter.set(&mut config, &[value.to_owned()]).unwrap_err();
            assert!(refusal.contains("not built yet"), "{name}: {refusal}");
        }
    }
}

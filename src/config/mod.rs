//! Parameters: tables of them by what they do ([`table`], [`idle`], [`unbuilt`]), read from
//! redis.conf, from flags and from CONFIG SET, and written back to redis.conf.

pub mod append_only;
pub mod args;
pub mod checks;
pub mod file;
pub mod idle;
pub mod kinds;
pub mod notify;
pub mod output_limits;
pub mod replication;
pub mod rewrite;
pub mod table;
pub mod unbuilt;

use crate::base::num;
use kinds::{Access, EvictionPolicy};
use notify::EventClasses;
use output_limits::OutputLimits;
use std::collections::BTreeMap;

/// The values of all parameters. [`table::PARAMETERS`] says what each one is called and may be.
#[derive(Clone, Debug)]
pub struct Config {
    /// Addresses to listen on; one with a leading `-` may be missing, `*` and `::*` mean all.
    pub bind: Vec<String>,
    /// TCP port; 0 for none.
    pub port: i64,
    /// Path of the Unix socket; empty for none.
    pub unixsocket: String,
    /// Permissions of the Unix socket; 0 leaves them as they come.
    pub unixsocketperm: u32,
    /// Title of the process, with fields in braces.
    pub proc_title_template: String,
    /// Whether the process has that title.
    pub set_proc_title: bool,
    /// Whether the kernel is told to give the process no huge pages.
    pub disable_thp: bool,
    /// Connections that may wait to be accepted.
    pub tcp_backlog: i64,
    /// Seconds between probes of a silent peer; 0 for none.
    pub tcp_keepalive: i64,
    /// Seconds after which an idle client is closed; 0 for never.
    pub timeout: i64,
    /// Clients at one time.
    pub maxclients: i64,
    /// `tracking-table-max-keys`; zero for any number.
    pub tracking_table_max_keys: i64,
    /// Refuse clients from elsewhere while there is no password.
    pub protected_mode: bool,
    /// Number of databases.
    pub databases: i64,
    /// Whether new users may use all channels.
    pub acl_pubsub_default: kinds::NewChannels,
    /// File of users; empty for none.
    pub aclfile: String,
    /// Entries of the log of denials.
    pub acllog_max_len: i64,
    /// The `user` lines, until their users are made.
    pub users: Vec<UserLine>,
    /// Password of the default user; empty for none.
    pub requirepass: String,
    /// Output that may wait for a client, by kind of client.
    pub client_output_buffer_limit: OutputLimits,
    /// Request bytes that may wait of one client.
    pub client_query_buffer_limit: i64,
    /// Waiting output bytes from which on a client's requests are not read; 0 for never.
    pub client_output_pause: i64,
    /// Longest argument.
    pub proto_max_bulk_len: i64,
    /// Which keyspace events are published.
    pub notify_keyspace_events: EventClasses,
    /// Who may use DEBUG.
    pub enable_debug_command: Access,
    /// Who may use what loads modules.
    pub enable_module_command: Access,
    /// Who may change protected parameters.
    pub enable_protected_configs: Access,
    /// Working directory.
    pub dir: String,
    /// Of replication.
    pub repl: replication::Replication,
    /// Name of the snapshot file.
    pub dbfilename: String,
    /// When to take snapshots, as [`Config::save_points`] reads it.
    pub save: String,
    /// Whether a line of a file has told when to take snapshots.
    pub has_read_save: bool,
    /// Changes are refused after a snapshot failed.
    pub stop_writes_on_bgsave_error: bool,
    /// Strings in snapshots are compressed.
    pub rdbcompression: bool,
    /// Snapshots have a sum at the end, which is checked.
    pub rdbchecksum: bool,
    /// Snapshots are synced while they are written.
    pub rdb_save_incremental_fsync: bool,
    /// The least version of the format of snapshots.
    pub rdb_version: i64,
    /// Microseconds of pause for each key that is saved.
    pub rdb_key_save_delay: i64,
    /// Microseconds of pause for each key that is loaded.
    pub key_load_delay: i64,
    /// Bytes that are loaded before clients are looked at.
    pub loading_process_events_interval_bytes: i64,
    /// How closely values are looked at that come from outside.
    pub sanitize_dump_payload: kinds::Sanitize,
    /// How to stop upon SIGINT, in words.
    pub shutdown_on_sigint: String,
    /// How to stop upon SIGTERM, in words.
    pub shutdown_on_sigterm: String,
    /// Of the append-only file.
    pub aof: append_only::AppendOnly,
    /// Evicted keys are told of as UNLINK.
    pub lazyfree_lazy_eviction: bool,
    /// Keys that die of age are told of as UNLINK.
    pub lazyfree_lazy_expire: bool,
    /// Keys that are removed beside what a command is for are told of as UNLINK.
    pub lazyfree_lazy_server_del: bool,
    /// FLUSHALL and FLUSHDB without an option free in the background.
    pub lazyfree_lazy_user_flush: bool,
    /// Most fields of a small hash.
    pub hash_max_listpack_entries: i64,
    /// Most bytes of a field or a value of a small hash.
    pub hash_max_listpack_value: i64,
    /// Most bytes of a sparse HyperLogLog.
    pub hll_sparse_max_bytes: i64,
    /// Most elements of a node of a list or, from -1 to -5, 4 to 64 KiB.
    pub list_max_listpack_size: i64,
    /// Bytes from which on a stream begins another block; zero for a gigabyte.
    pub stream_node_max_bytes: i64,
    /// Most entries of a block of a stream; zero for any number.
    pub stream_node_max_entries: i64,
    /// Most members of a small set of integers.
    pub set_max_intset_entries: i64,
    /// Most members of a small set.
    pub set_max_listpack_entries: i64,
    /// Most bytes of a member of a small set.
    pub set_max_listpack_value: i64,
    /// Most members of a small sorted set.
    pub zset_max_listpack_entries: i64,
    /// Most bytes of a member of a small sorted set.
    pub zset_max_listpack_value: i64,
    /// Crashes write a report to the log.
    pub crash_log_enabled: bool,
    /// Memory in use above which keys are evicted or commands refused, in bytes; 0 for none.
    pub maxmemory: i64,
    /// Which keys are evicted.
    pub maxmemory_policy: EvictionPolicy,
    /// Keys looked at to choose one, at least.
    pub maxmemory_samples: i64,
    /// How much time a command may spend on evicting keys: 0 for hardly any, 100 for all it takes.
    pub maxmemory_eviction_tenacity: i64,
    /// How slowly the counters of the LFU policies grow.
    pub lfu_log_factor: i64,
    /// Minutes after which those counters fall by one; 0 for never.
    pub lfu_decay_time: i64,
    /// Microseconds from which on a command is in the slow log; negative for never.
    pub slowlog_log_slower_than: i64,
    /// Entries of the slow log.
    pub slowlog_max_len: i64,
    /// Milliseconds from which on the latency monitor notes an event; 0 for never.
    pub latency_monitor_threshold: i64,
    /// Whether the distribution of each command's times is kept.
    pub latency_tracking: bool,
    /// Which percentiles of it INFO shows.
    pub latency_tracking_info_percentiles: kinds::Percentiles,
    /// Memory that all clients may take together; 0 for any.
    pub maxmemory_clients: kinds::Share,
    /// Least severe message that is logged.
    pub loglevel: kinds::LogLevel,
    /// File that the log is appended to; empty for standard output.
    pub logfile: String,
    /// Whether the system's log has it, too.
    pub syslog_enabled: bool,
    /// The name that the system's log is told.
    pub syslog_ident: String,
    /// The part of the system that it is told.
    pub syslog_facility: kinds::Facility,
    /// Run in the background.
    pub daemonize: bool,
    /// File for the id of the process; empty for none.
    pub pidfile: String,
    /// Who watches over the process.
    pub supervised: kinds::Supervised,
    /// Whether the kernel is told what to kill first.
    pub oom_score_adj: kinds::OomScore,
    /// What it is told, as [`checks::oom_values`] reads it.
    pub oom_score_adj_values: String,
    /// Commands by name, and what they are called instead; empty for not to be called at all.
    pub renames: Vec<(String, String)>,
    /// Those without effect that have been looked at, by name.
    pub idle: BTreeMap<&'static str, String>,
}

/// A `user` line of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserLine {
    /// The user's name.
    pub name: Vec<u8>,
    /// Its rules.
    pub rules: Vec<Vec<u8>>,
    /// Where it stands, for messages.
    pub place: String,
}

impl Default for Config {
    #[allow(clippy::too_many_lines, reason = "a line for each parameter, and nothing else")]
    fn default() -> Config {
        Config {
            bind: vec!["*".to_owned(), "-::*".to_owned()],
            port: 6379,
            unixsocket: String::new(),
            unixsocketperm: 0,
            proc_title_template: "{title} {listen-addr} {server-mode}".to_owned(),
            set_proc_title: true,
            disable_thp: true,
            tcp_backlog: 511,
            tcp_keepalive: 300,
            timeout: 0,
            maxclients: 10_000,
            tracking_table_max_keys: 1_000_000,
            protected_mode: true,
            databases: 16,
            acl_pubsub_default: kinds::NewChannels::None,
            aclfile: String::new(),
            acllog_max_len: 128,
            users: Vec::new(),
            requirepass: String::new(),
            client_output_buffer_limit: OutputLimits::default(),
            client_query_buffer_limit: 1 << 30,
            client_output_pause: 0,
            proto_max_bulk_len: 512 << 20,
            notify_keyspace_events: EventClasses::empty(),
            enable_debug_command: Access::No,
            enable_module_command: Access::No,
            enable_protected_configs: Access::No,
            dir: ".".to_owned(),
            repl: replication::Replication::default(),
            dbfilename: "dump.rdb".to_owned(),
            save: "3600 1 300 100 60 10000".to_owned(),
            has_read_save: false,
            stop_writes_on_bgsave_error: true,
            rdbcompression: true,
            rdbchecksum: true,
            rdb_save_incremental_fsync: true,
            rdb_version: 10,
            rdb_key_save_delay: 0,
            key_load_delay: 0,
            loading_process_events_interval_bytes: 2 << 20,
            sanitize_dump_payload: kinds::Sanitize::No,
            shutdown_on_sigint: "default".to_owned(),
            shutdown_on_sigterm: "default".to_owned(),
            aof: append_only::AppendOnly::default(),
            lazyfree_lazy_eviction: false,
            lazyfree_lazy_expire: false,
            lazyfree_lazy_server_del: false,
            lazyfree_lazy_user_flush: false,
            hash_max_listpack_entries: 512,
            hash_max_listpack_value: 64,
            hll_sparse_max_bytes: 3000,
            list_max_listpack_size: -2,
            stream_node_max_bytes: 4096,
            stream_node_max_entries: 100,
            set_max_intset_entries: 512,
            set_max_listpack_entries: 128,
            set_max_listpack_value: 64,
            zset_max_listpack_entries: 128,
            zset_max_listpack_value: 64,
            crash_log_enabled: true,
            maxmemory: 0,
            maxmemory_policy: EvictionPolicy::NoEviction,
            maxmemory_samples: 5,
            maxmemory_eviction_tenacity: 10,
            lfu_log_factor: 10,
            lfu_decay_time: 1,
            slowlog_log_slower_than: 10_000,
            slowlog_max_len: 128,
            latency_monitor_threshold: 0,
            latency_tracking: true,
            latency_tracking_info_percentiles: kinds::Percentiles::default(),
            maxmemory_clients: kinds::Share::Bytes(0),
            loglevel: kinds::LogLevel::Notice,
            logfile: String::new(),
            syslog_enabled: false,
            syslog_ident: "redis".to_owned(),
            syslog_facility: kinds::Facility::Local0,
            daemonize: false,
            pidfile: String::new(),
            supervised: kinds::Supervised::No,
            oom_score_adj: kinds::OomScore::No,
            oom_score_adj_values: "0 200 800".to_owned(),
            renames: Vec::new(),
            idle: BTreeMap::new(),
        }
    }
}

/// Least memory that all clients can be held to; with less nobody could be talked to.
const CLIENT_MEMORY_LEAST: usize = 128 << 10;

impl Config {
    /// When to take snapshots.
    pub fn save_points(&self) -> Vec<checks::SavePoint> {
        checks::read_save_points(&self.save)
    }

    /// Memory that all clients may take together, in bytes; 0 for any. A part of `maxmemory` is no
    /// bound while that is none.
    #[inline]
    pub fn client_memory_max(&self) -> usize {
        match self.maxmemory_clients {
            kinds::Share::Bytes(0) => 0,
            kinds::Share::Percent(_) if self.maxmemory == 0 => 0,
            kinds::Share::Percent(percent) => {
                let whole = u64::try_from(self.maxmemory).unwrap_or(0);
                // In this order: the product might be too large.
                let part = whole / 100 * percent + whole % 100 * percent / 100;
                num::index(part).max(CLIENT_MEMORY_LEAST)
            }
            kinds::Share::Bytes(bytes) => num::index(bytes).max(CLIENT_MEMORY_LEAST),
        }
    }
}

//! The table of parameters: what each is called, where its value lives, what it may be, and when it
//! may change.

use super::Config;
use super::kinds::{Refusal, Slot};
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
    /// When it may be changed.
    pub change: Change,
    /// What it is for, in a sentence.
    pub about: &'static str,
    /// Lends its value.
    pub slot: fn(&mut Config) -> Slot<'_>,
}

/// Most databases: each that is used takes memory, and so do those with lower numbers.
const DATABASES_MAX: i64 = 1_000_000;

const NO_SNAPSHOTS: &str = "snapshots are not built yet, so nothing but \"\" can be kept";
const NO_LOG: &str = "the append-only file is not built yet, so nothing but \"no\" can be kept";

/// All parameters, by name.
pub const PARAMETERS: &[Parameter] = &[
    row("appendonly", Change::AtStart, "Log every change to a file. Not built yet.", |c| {
        Slot::Fixed(&mut c.appendonly, &["no"], NO_LOG)
    }),
    row("bind", Change::Live, "Addresses to listen on; a leading `-` lets one be missing.", |c| {
        Slot::Words(&mut c.bind)
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
        |c| Slot::Memory(&mut c.client_output_pause, 0, i64::MAX),
    ),
    row(
        "client-query-buffer-limit",
        Change::Live,
        "Request bytes that may wait of one client before it is closed.",
        |c| Slot::Memory(&mut c.client_query_buffer_limit, 1 << 20, i64::MAX),
    ),
    row("databases", Change::AtStart, "Number of databases.", |c| {
        Slot::Int(&mut c.databases, 1, DATABASES_MAX)
    }),
    row("dbfilename", Change::Protected, "Name of the snapshot file.", |c| {
        Slot::Text(&mut c.dbfilename)
    }),
    row("dir", Change::Protected, "Working directory.", |c| Slot::Text(&mut c.dir)),
    row("enable-debug-command", Change::AtStart, "Who may use DEBUG.", |c| {
        Slot::Choice(&mut c.enable_debug_command)
    }),
    row(
        "enable-module-command",
        Change::AtStart,
        "Who may use MODULE, which does not exist.",
        |c| Slot::Choice(&mut c.enable_module_command),
    ),
    row(
        "enable-protected-configs",
        Change::AtStart,
        "Who may change `dir` and `dbfilename`.",
        |c| Slot::Choice(&mut c.enable_protected_configs),
    ),
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
        "lazyfree-lazy-user-flush",
        Change::Live,
        "FLUSHALL and FLUSHDB without an option free memory later.",
        |c| Slot::Bool(&mut c.lazyfree_lazy_user_flush),
    ),
    row("loglevel", Change::Live, "How much is logged.", |c| Slot::Choice(&mut c.loglevel)),
    row("maxclients", Change::Live, "Clients at one time.", |c| {
        Slot::Int(&mut c.maxclients, 1, u32::MAX as i64)
    }),
    row(
        "maxmemory-clients",
        Change::Live,
        "Memory of all clients together, over which the largest are closed; 0: any.",
        |c| Slot::Share(&mut c.maxmemory_clients),
    ),
    row("notify-keyspace-events", Change::Live, "Which keyspace events are published.", |c| {
        Slot::Events(&mut c.notify_keyspace_events)
    }),
    row("port", Change::Live, "TCP port; 0: none.", |c| Slot::Int(&mut c.port, 0, 65_535)),
    row(
        "protected-mode",
        Change::Live,
        "Refuse clients of other machines while there is no password.",
        |c| Slot::Bool(&mut c.protected_mode),
    ),
    row("proto-max-bulk-len", Change::Live, "Longest argument.", |c| {
        Slot::Memory(&mut c.proto_max_bulk_len, 1 << 20, i64::MAX)
    }),
    row("requirepass", Change::Live, "Password of the default user; empty: none.", |c| {
        Slot::Text(&mut c.requirepass)
    }),
    row("save", Change::Live, "When to take snapshots. Not built yet.", |c| {
        Slot::Fixed(&mut c.save, &[""], NO_SNAPSHOTS)
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
    row("tcp-backlog", Change::AtStart, "Connections that may wait to be accepted.", |c| {
        Slot::Int(&mut c.tcp_backlog, 0, i32::MAX as i64)
    }),
    row("tcp-keepalive", Change::Live, "Seconds between probes of a silent peer; 0: none.", |c| {
        Slot::Int(&mut c.tcp_keepalive, 0, i32::MAX as i64)
    }),
    row("timeout", Change::Live, "Seconds after which an idle client is closed; 0: never.", |c| {
        Slot::Int(&mut c.timeout, 0, i32::MAX as i64)
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
];

const fn row(
    name: &'static str,
    change: Change,
    about: &'static str,
    slot: fn(&mut Config) -> Slot<'_>,
) -> Parameter {
    Parameter { name, change, about, slot }
}

impl Parameter {
    /// The parameter of that name, in any case.
    pub fn named(name: &str) -> Option<&'static Parameter> {
        PARAMETERS.iter().find(|parameter| parameter.name.eq_ignore_ascii_case(name))
    }

    /// The parameters whose names match a glob pattern, in any case.
    pub fn matching(pattern: &[u8]) -> impl Iterator<Item = &'static Parameter> {
        let names = PARAMETERS.iter();
        names.filter(move |parameter| glob::matches_any_case(pattern, parameter.name.as_bytes()))
    }

    /// The value as CONFIG GET shows it.
    pub fn show(&self, config: &mut Config) -> String {
        (self.slot)(config).show()
    }

    /// Reads the value from words and sets it, whenever that may be.
    ///
    /// # Errors
    /// Why the value is not acceptable.
    pub fn set(&self, config: &mut Config, words: &[String]) -> Result<(), Refusal> {
        (self.slot)(config).set(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_defaults_read_back() {
        assert!(PARAMETERS.is_sorted_by_key(|parameter| parameter.name));
        let mut config = Config::default();
        for parameter in PARAMETERS {
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
            ("save", "900 1", NO_SNAPSHOTS),
        ];
        for (name, value, refusal) in cases {
            let parameter = Parameter::named(name).unwrap();
            assert_eq!(parameter.set(&mut config, &[value.to_owned()]).unwrap_err(), refusal);
        }
    }

    #[test]
    fn patterns_find_names() {
        let names: Vec<&str> = Parameter::matching(b"CLIENT-*").map(|p| p.name).collect();
        assert_eq!(names.len(), 3);
        assert!(Parameter::named("MaxClients").is_some() && Parameter::named("nosuch").is_none());
    }
}

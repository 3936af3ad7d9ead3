//! INFO: the server's state, in sections.

use super::connection::REDIS_VERSION;
use crate::base::num;
use crate::config::Config;
use crate::config::kinds::Choice;
use crate::exec::{Call, Client, ClientKind, Command, Flow, Outcome, Rate};
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::{Group, Spec};
use crate::sys::{limits, memory};
use std::fmt::{Display, Write};

pub(super) const INFO: Command = Command::new(
    Spec {
        name: "info",
        group: Group::Server,
        arity: -1,
        flags: Flags::LOADING.union(Flags::STALE),
        categories: Categories::DANGEROUS,
        tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        summary: "Tells the state of the server, by section.",
        syntax: "[section [section ...]]",
        history: &[("7.0.0", "several sections")],
        ..Spec::NEW
    },
    info,
);

/// A section: its name, its title, and what fills it.
struct Section {
    name: &'static str,
    title: &'static str,
    /// Shown without being asked for.
    is_default: bool,
    fill: fn(&mut Fields, &mut Call<'_>),
}

const fn section(
    name: &'static str,
    title: &'static str,
    fill: fn(&mut Fields, &mut Call<'_>),
) -> Section {
    Section { name, title, is_default: true, fill }
}

const SECTIONS: &[Section] = &[
    section("server", "Server", server),
    section("clients", "Clients", clients),
    section("memory", "Memory", memory_use),
    section("persistence", "Persistence", persistence),
    section("stats", "Stats", stats),
    section("replication", "Replication", replication),
    section("cpu", "CPU", cpu),
    section("modules", "Modules", |_, _| {}),
    Section { is_default: false, ..section("commandstats", "Commandstats", command_stats) },
    section("errorstats", "Errorstats", error_stats),
    section("cluster", "Cluster", |fields, _| fields.add("cluster_enabled", 0)),
    section("keyspace", "Keyspace", keyspace),
];

fn info(call: &mut Call<'_>) -> Outcome {
    let asked: Vec<Vec<u8>> = call.argv.from(1).map(<[u8]>::to_ascii_lowercase).collect();
    let is_asked = |name: &str| asked.iter().any(|word| word == name.as_bytes());
    let wants_default = asked.is_empty() || is_asked("default");
    let wants_all = is_asked("all") || is_asked("everything");
    let mut fields = Fields::default();
    for section in SECTIONS {
        if wants_all || wants_default && section.is_default || is_asked(section.name) {
            fields.title(section.title);
            (section.fill)(&mut fields, call);
        }
    }
    call.out.verbatim("txt", &fields.0);
    Ok(Flow::Done)
}

/// The text of INFO as it grows.
#[derive(Default)]
struct Fields(String);

impl Fields {
    fn title(&mut self, title: &str) {
        let gap = if self.0.is_empty() { "" } else { "\r\n" };
        self.line(format_args!("{gap}# {title}"));
    }

    fn add(&mut self, name: &str, value: impl Display) {
        self.line(format_args!("{name}:{value}"));
    }

    /// A number of bytes, and the same for people.
    fn add_bytes(&mut self, name: &str, bytes: u64) {
        self.add(name, bytes);
        self.line(format_args!("{name}_human:{}", human(bytes)));
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        self.0.write_fmt(text).unwrap_or_default();
        self.0.push_str("\r\n");
    }
}

fn human(bytes: u64) -> String {
    let units = [("T", 1u64 << 40), ("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)];
    match units.into_iter().find(|(_, size)| bytes >= *size) {
        Some((unit, size)) => format!("{:.2}{unit}", num::float(bytes) / num::float(size)),
        None => format!("{bytes}B"),
    }
}

fn server(fields: &mut Fields, call: &mut Call<'_>) {
    let (state, os) = (&call.state, rustix::system::uname());
    let uptime = state.now.seconds_since(state.started);
    let text = |name: &std::ffi::CStr| name.to_string_lossy().into_owned();
    let (name, release, machine) = (text(os.sysname()), text(os.release()), text(os.machine()));
    fields.add("redis_version", REDIS_VERSION);
    fields.add("spindle_version", env!("CARGO_PKG_VERSION"));
    fields.add("redis_mode", "standalone");
    fields.add("os", format_args!("{name} {release} {machine}"));
    fields.add("arch_bits", usize::BITS);
    fields.add("monotonic_clock", "POSIX clock_gettime");
    fields.add("multiplexing_api", "epoll");
    fields.add("process_id", state.facts.pid);
    fields.add("process_supervised", state.facts.supervisor.unwrap_or("no"));
    fields.add("run_id", &state.run_id);
    fields.add("tcp_port", state.config.port);
    fields.add("server_time_usec", state.now.unix_us);
    fields.add("uptime_in_seconds", uptime);
    fields.add("uptime_in_days", uptime / 86_400);
    fields.add("executable", &state.facts.executable);
    fields.add("config_file", &state.facts.config_file);
    listeners(fields, &state.config);
}

/// A line for each kind of socket that clients can come by.
fn listeners(fields: &mut Fields, config: &Config) {
    let mut lines = Vec::new();
    if config.port != 0 && !config.bind.is_empty() {
        let addresses: Vec<String> =
            config.bind.iter().map(|word| format!("bind={word}")).collect();
        lines.push(format!("name=tcp,{},port={}", addresses.join(","), config.port));
    }
    if !config.unixsocket.is_empty() {
        lines.push(format!("name=unix,bind={}", config.unixsocket));
    }
    for (number, line) in lines.iter().enumerate() {
        fields.line(format_args!("listener{number}:{line}"));
    }
}

fn clients(fields: &mut Fields, call: &mut Call<'_>) {
    let mut all: Vec<&Client> = call.peers.iter().map(|peer| &peer.client).collect();
    all.push(call.client);
    let largest_input = all.iter().map(|client| client.query_capacity).max().unwrap_or(0);
    let outputs = call.peers.iter().map(|peer| peer.out.len());
    let largest_output = outputs.chain([call.out.len()]).max().unwrap_or(0);
    let subscribers = all.iter().filter(|client| client.kind() == ClientKind::PubSub).count();
    fields.add("connected_clients", all.len());
    fields.add("cluster_connections", 0);
    fields.add("maxclients", call.state.config.maxclients);
    fields.add("client_recent_max_input_buffer", largest_input);
    fields.add("client_recent_max_output_buffer", largest_output);
    fields.add("blocked_clients", 0);
    fields.add("tracking_clients", 0);
    fields.add("pubsub_clients", subscribers);
    fields.add("clients_in_timeout_table", 0);
    fields.add("total_blocking_keys", 0);
}

fn memory_use(fields: &mut Fields, call: &mut Call<'_>) {
    let used = call.state.memory_used();
    let (resident, peak) = (memory::resident_bytes(), call.state.memory_peak);
    let allocator = memory::allocator_stats();
    let buffers: usize =
        call.peers.iter().map(|p| p.out.memory_bytes() + p.client.query_capacity).sum();
    let overhead = (call.store.overhead_bytes() + buffers) as u64;
    let ratio = |part: u64, whole: u64| num::float(part) / num::float(whole.max(1));
    fields.add_bytes("used_memory", used);
    fields.add_bytes("used_memory_rss", resident);
    fields.add_bytes("used_memory_peak", peak);
    fields.add("used_memory_peak_perc", format_args!("{:.2}%", 100.0 * ratio(used, peak)));
    fields.add("used_memory_overhead", overhead);
    fields.add("used_memory_dataset", used.saturating_sub(overhead));
    fields.add("allocator_allocated", allocator.allocated);
    fields.add("allocator_active", allocator.active);
    fields.add("allocator_resident", allocator.resident);
    fields.add_bytes("total_system_memory", memory::machine_bytes());
    fields.add_bytes("maxmemory", u64::try_from(call.state.config.maxmemory).unwrap_or(0));
    fields.add("maxmemory_policy", call.state.config.maxmemory_policy.name());
    fields.add("mem_fragmentation_ratio", format_args!("{:.2}", ratio(resident, used)));
    fields.add("mem_fragmentation_bytes", num::signed_u64(resident) - num::signed_u64(used));
    fields.add("mem_clients_normal", buffers);
    fields.add("mem_allocator", "jemalloc");
    fields.add("lazyfree_pending_objects", usize::from(call.store.has_remains()));
}

fn persistence(fields: &mut Fields, call: &mut Call<'_>) {
    fields.add("loading", 0);
    fields.add("async_loading", 0);
    fields.add("rdb_changes_since_last_save", call.store.changes.dirty);
    fields.add("rdb_bgsave_in_progress", 0);
    fields.add("aof_enabled", 0);
    fields.add("aof_rewrite_in_progress", 0);
}

fn stats(fields: &mut Fields, call: &mut Call<'_>) {
    let now = call.state.now;
    call.state.stats.sample(now);
    let (stats, counters) = (&call.state.stats, &call.store.changes.counters);
    fields.add("total_connections_received", stats.connections);
    fields.add("total_commands_processed", stats.commands_processed);
    let per_second = |rate: &Rate, count| rate.per_second(count, now);
    let kilobytes =
        |rate: &Rate, count| format!("{:.2}", num::float(per_second(rate, count)) / 1_024.0);
    let commands = per_second(&stats.command_rate, stats.commands_processed);
    fields.add("instantaneous_ops_per_sec", commands);
    fields.add("total_net_input_bytes", stats.net_in);
    fields.add("total_net_output_bytes", stats.net_out);
    fields.add("instantaneous_input_kbps", kilobytes(&stats.net_in_rate, stats.net_in));
    fields.add("instantaneous_output_kbps", kilobytes(&stats.net_out_rate, stats.net_out));
    fields.add("rejected_connections", stats.connections_rejected);
    fields.add("expired_keys", counters.expired);
    fields.add("evicted_keys", counters.evicted);
    fields.add("evicted_clients", 0);
    fields.add("total_eviction_exceeded_time", call.state.excess.total_us(now) / 1_000);
    fields.add("current_eviction_exceeded_time", call.state.excess.current_us(now) / 1_000);
    fields.add("keyspace_hits", counters.hits);
    fields.add("keyspace_misses", counters.misses);
    fields.add("pubsub_channels", call.pubsub.len());
    fields.add("pubsub_patterns", 0);
    fields.add("total_error_replies", stats.error_replies);
    fields.add("total_reads_processed", stats.reads);
    fields.add("total_writes_processed", stats.writes);
    fields.add("client_query_buffer_limit_disconnections", stats.closed_for_query);
    fields.add("client_output_buffer_limit_disconnections", stats.closed_for_output);
}

fn replication(fields: &mut Fields, call: &mut Call<'_>) {
    fields.add("role", "master");
    fields.add("connected_slaves", 0);
    fields.add("master_failover_state", "no-failover");
    fields.add("master_replid", &call.state.replication_id);
    fields.add("master_replid2", "0".repeat(40));
    fields.add("master_repl_offset", 0);
    fields.add("second_repl_offset", -1);
    fields.add("repl_backlog_active", 0);
}

fn cpu(fields: &mut Fields, _: &mut Call<'_>) {
    let used = limits::cpu_use();
    fields.add("used_cpu_sys", format_args!("{:.6}", used.sys));
    fields.add("used_cpu_user", format_args!("{:.6}", used.user));
}

fn command_stats(fields: &mut Fields, call: &mut Call<'_>) {
    let ticks_per_us = call.host.ticks_per_us();
    for (id, row) in call.table.rows() {
        let stats = &call.state.stats.commands[id.index()];
        if stats.calls + stats.rejected == 0 {
            continue;
        }
        let usec = num::float(stats.ticks) / ticks_per_us;
        let per_call = usec / num::float(stats.calls.max(1));
        fields.line(format_args!(
            "cmdstat_{}:calls={},usec={usec:.0},usec_per_call={per_call:.2},rejected_calls={},\
             failed_calls={}",
            row.name, stats.calls, stats.rejected, stats.failed
        ));
    }
}

fn error_stats(fields: &mut Fields, call: &mut Call<'_>) {
    for (code, count) in &call.state.stats.errors {
        let code = String::from_utf8_lossy(code);
        fields.line(format_args!("errorstat_{code}:count={count}"));
    }
}

fn keyspace(fields: &mut Fields, call: &mut Call<'_>) {
    for index in 0..call.store.databases() {
        let (keys, timed) = call.store.lens(index);
        if keys > 0 {
            fields
                .line(format_args!("db{index}:keys={keys},expires={timed},avg_ttl=0,subexpiry=0"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_readable() {
        let cases = [(0, "0B"), (1_023, "1023B"), (1_536, "1.50K"), (3 << 30, "3.00G")];
        for (bytes, text) in cases {
            assert_eq!(human(bytes), text);
        }
    }
}

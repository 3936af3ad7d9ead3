//! INFO: the server's state, in sections.

use super::memory::{Usage, over, ratio};
use super::replication;
use crate::base::num;
use crate::base::time::Now;
use crate::config::Config;
use crate::config::kinds::Choice;
use crate::config::table::Parameter;
use crate::exec::{
    Call, ChildKind, Client, ClientKind, Command, Flow, Outcome, Rate, Sink, State, Stats, snapshot,
};
use crate::hub::pubsub::Kind;
use crate::persist::aof::LogState;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::{Group, REDIS_VERSION, Spec};
use crate::sys::limits;
use crate::sys::memory::AllocatorStats;
use std::collections::BTreeSet;
use std::fmt::{Display, Write};

/// The clock by which Redis notes the use of keys has 24 bits.
pub(super) const LRU_CLOCK_MAX: i64 = (1 << 24) - 1;

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

/// When a section is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// Without being asked for.
    Always,
    /// When all are asked for.
    WithAll,
    /// When it is asked for itself.
    Alone,
}

/// A section: its name, its title, and what fills it.
struct Section {
    name: &'static str,
    title: &'static str,
    shown: Shown,
    fill: fn(&mut Fields, &mut Call<'_>),
}

const fn section(
    name: &'static str,
    title: &'static str,
    fill: fn(&mut Fields, &mut Call<'_>),
) -> Section {
    Section { name, title, shown: Shown::Always, fill }
}

const SECTIONS: &[Section] = &[
    section("server", "Server", server),
    section("clients", "Clients", clients),
    section("memory", "Memory", memory_use),
    section("persistence", "Persistence", persistence),
    section("stats", "Stats", stats),
    section("replication", "Replication", replication::report::fill),
    section("cpu", "CPU", cpu),
    section("modules", "Modules", |_, _| {}),
    Section { shown: Shown::WithAll, ..section("commandstats", "Commandstats", command_stats) },
    section("errorstats", "Errorstats", error_stats),
    Section { shown: Shown::WithAll, ..section("latencystats", "Latencystats", latency_stats) },
    section("cluster", "Cluster", |fields, _| fields.add("cluster_enabled", 0)),
    section("keyspace", "Keyspace", keyspace),
    Section { shown: Shown::Alone, ..section("debug", "Debug", debug) },
];

fn info(call: &mut Call<'_>) -> Outcome {
    let asked: Vec<Vec<u8>> = call.argv.from(1).map(<[u8]>::to_ascii_lowercase).collect();
    let is_asked = |name: &str| asked.iter().any(|word| word == name.as_bytes());
    let wants_default = asked.is_empty() || is_asked("default");
    let wants_all = is_asked("all") || is_asked("everything");
    let mut fields = Fields::default();
    for section in SECTIONS {
        let is_shown = match section.shown {
            Shown::Always => wants_all || wants_default,
            Shown::WithAll => wants_all,
            Shown::Alone => false,
        };
        if is_shown || is_asked(section.name) {
            fields.title(section.title);
            (section.fill)(&mut fields, call);
        }
    }
    call.out.verbatim("txt", &fields.0);
    Ok(Flow::Done)
}

/// The text of INFO as it grows.
#[derive(Default)]
pub(super) struct Fields(String);

impl Fields {
    fn title(&mut self, title: &str) {
        let gap = if self.0.is_empty() { "" } else { "\r\n" };
        self.line(format_args!("{gap}# {title}"));
    }

    pub(super) fn add(&mut self, name: &str, value: impl Display) {
        self.line(format_args!("{name}:{value}"));
    }

    /// A number of bytes, and the same for people.
    fn add_bytes(&mut self, name: &str, bytes: u64) {
        self.add(name, bytes);
        self.line(format_args!("{name}_human:{}", human(bytes)));
    }

    pub(super) fn line(&mut self, text: std::fmt::Arguments<'_>) {
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
    let hz = Parameter::named("hz").map(|hz| hz.show(&mut call.state.config)).unwrap_or_default();
    let state = &call.state;
    let uptime = state.now.seconds_since(state.started);
    fields.add("redis_version", REDIS_VERSION);
    fields.add("redis_git_sha1", "00000000");
    fields.add("redis_git_dirty", 0);
    fields.add("redis_build_id", 0);
    fields.add("spindle_version", env!("CARGO_PKG_VERSION"));
    fields.add("redis_mode", "standalone");
    fields.add("os", &state.facts.os);
    fields.add("arch_bits", usize::BITS);
    fields.add("monotonic_clock", "POSIX clock_gettime");
    fields.add("multiplexing_api", "epoll");
    fields.add("atomicvar_api", "c11-builtin");
    // What Redis tells where another compiler than gcc has made it.
    fields.add("gcc_version", "0.0.0");
    fields.add("process_id", state.facts.pid);
    fields.add("process_supervised", state.facts.supervisor.unwrap_or("no"));
    fields.add("run_id", &state.run_id);
    fields.add("tcp_port", state.config.port);
    fields.add("server_time_usec", state.now.unix_us);
    fields.add("uptime_in_seconds", uptime);
    fields.add("uptime_in_days", uptime / 86_400);
    // As it is set; here nothing runs at a fixed rate.
    fields.add("hz", &hz);
    fields.add("configured_hz", &hz);
    fields.add("lru_clock", state.now.unix_s() & LRU_CLOCK_MAX);
    fields.add("executable", &state.facts.executable);
    fields.add("config_file", &state.facts.config_file);
    fields.add("io_threads_active", 0);
    if let Some(shutdown) = &state.shutdown {
        let us = shutdown.until_us.saturating_sub(state.now.mono_us);
        fields.add("shutdown_in_milliseconds", us / 1_000);
    }
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
    let blocked = all.iter().filter(|client| client.postponed.is_some() || client.parked.is_some());
    let blocked = blocked.count();
    let watching = all.iter().filter(|client| !client.watching.is_empty()).count();
    let replicas = call.state.replication.replicas.len();
    fields.add("connected_clients", all.len().saturating_sub(replicas));
    fields.add("cluster_connections", 0);
    fields.add("maxclients", call.state.config.maxclients);
    fields.add("client_recent_max_input_buffer", largest_input);
    fields.add("client_recent_max_output_buffer", largest_output);
    fields.add("blocked_clients", blocked);
    fields.add("tracking_clients", call.tracking.active());
    fields.add("pubsub_clients", subscribers);
    fields.add("watching_clients", watching);
    fields.add("clients_in_timeout_table", call.waiters.timeout_count());
    fields.add("total_watched_keys", call.watches.len());
    fields.add("total_blocking_keys", call.waiters.key_count());
    let for_gone = all.iter().filter_map(|client| client.parked.as_ref());
    let for_gone: BTreeSet<_> = for_gone.flat_map(|parked| parked.keys_even_gone()).collect();
    fields.add("total_blocking_keys_on_nokey", for_gone.len());
}

fn memory_use(fields: &mut Fields, call: &mut Call<'_>) {
    let usage = Usage::measure(call);
    let Usage { used, peak, resident, overhead, .. } = usage;
    let startup = call.state.memory_startup;
    let percent = |part, whole| format!("{:.2}%", 100.0 * ratio(part, whole));
    fields.add_bytes("used_memory", used);
    fields.add_bytes("used_memory_rss", resident);
    fields.add_bytes("used_memory_peak", peak);
    fields.add("used_memory_peak_perc", percent(used, peak));
    fields.add("used_memory_overhead", overhead);
    fields.add("used_memory_startup", startup);
    fields.add("used_memory_dataset", usage.dataset());
    let net = used.saturating_sub(startup);
    fields.add("used_memory_dataset_perc", percent(usage.dataset(), net));
    fields.add("allocator_allocated", usage.allocator.allocated);
    fields.add("allocator_active", usage.allocator.active);
    fields.add("allocator_resident", usage.allocator.resident);
    fields.add("allocator_muzzy", 0);
    fields.add_bytes("total_system_memory", call.state.facts.machine_bytes);
    no_scripts(fields);
    fields.add_bytes("maxmemory", u64::try_from(call.state.config.maxmemory).unwrap_or(0));
    fields.add("maxmemory_policy", call.state.config.maxmemory_policy.name());
    fragmentation(fields, &usage);
    fields.add("mem_not_counted_for_evict", call.state.uncounted_bytes());
    fields.add("mem_replication_backlog", usage.backlog);
    fields.add("mem_total_replication_buffers", usage.stream);
    fields.add("mem_clients_slaves", usage.replicas);
    fields.add("mem_clients_normal", usage.clients);
    fields.add("mem_cluster_links", 0);
    fields.add("mem_aof_buffer", 0);
    fields.add("mem_allocator", "jemalloc");
    fields.add("active_defrag_running", 0);
    fields.add("lazyfree_pending_objects", usize::from(call.store.has_remains()));
    fields.add("lazyfreed_objects", call.store.changes.counters.freed_later);
}

/// What Redis tells where there are no scripts and no functions.
fn no_scripts(fields: &mut Fields) {
    fields.add_bytes("used_memory_lua", 0);
    fields.add("used_memory_vm_eval", 0);
    fields.add("used_memory_scripts_eval", 0);
    fields.add("number_of_cached_scripts", 0);
    fields.add("number_of_functions", 0);
    fields.add("number_of_libraries", 0);
    fields.add("used_memory_vm_functions", 0);
    fields.add_bytes("used_memory_vm_total", 0);
    fields.add("used_memory_functions", 0);
    fields.add_bytes("used_memory_scripts", 0);
}

fn fragmentation(fields: &mut Fields, usage: &Usage) {
    let AllocatorStats { allocated, active, resident: mapped } = usage.allocator;
    let [allocated, active, mapped] = [allocated, active, mapped].map(|bytes| bytes as u64);
    let pairs = [
        ("allocator_frag", active, allocated),
        ("allocator_rss", mapped, active),
        ("rss_overhead", usage.resident, mapped),
        ("mem_fragmentation", usage.resident, usage.used),
    ];
    for (name, part, whole) in pairs {
        fields.line(format_args!("{name}_ratio:{:.2}", ratio(part, whole)));
        fields.line(format_args!("{name}_bytes:{}", over(part, whole)));
    }
}

fn persistence(fields: &mut Fields, call: &mut Call<'_>) {
    let (now, persistence) = (call.state.now, &call.state.persistence);
    fields.add("loading", u8::from(persistence.is_loading()));
    fields.add("async_loading", u8::from(persistence.is_loading_aside()));
    child(fields, call);
    let (now, persistence) = (now, &call.state.persistence);
    let seconds = |seconds: Option<u64>| seconds.map_or(-1, num::signed_u64);
    let saving = call.state.children.saving();
    let (expired, loaded) = persistence.loaded_keys;
    fields.add("rdb_changes_since_last_save", persistence.changes(call.store.changes.dirty));
    fields.add("rdb_bgsave_in_progress", u8::from(saving.is_some()));
    fields.add("rdb_last_save_time", persistence.last_save.unix_s());
    fields.add("rdb_last_bgsave_status", if persistence.is_ok { "ok" } else { "err" });
    fields.add("rdb_last_bgsave_time_sec", seconds(persistence.took_s));
    let current = saving.map(|child| now.seconds_since(child.started));
    fields.add("rdb_current_bgsave_time_sec", seconds(current));
    fields.add("rdb_saves", persistence.saves);
    fields.add("rdb_last_cow_size", persistence.copied_bytes);
    fields.add("rdb_last_load_keys_expired", expired);
    fields.add("rdb_last_load_keys_loaded", loaded);
    append_only(fields, call);
    fields.add("module_fork_in_progress", 0);
    fields.add("module_fork_last_cow_size", 0);
    append_only_sizes(fields, call);
    loading(fields, call);
}

fn append_only(fields: &mut Fields, call: &Call<'_>) {
    let State { log, rewrites, children, now, .. } = &*call.state;
    let seconds = |seconds: Option<u64>| seconds.map_or(-1, num::signed_u64);
    let rewriting = children.of(ChildKind::LogRewrite);
    let current = rewriting.map(|child| now.seconds_since(child.started));
    let status = |is_ok: bool| if is_ok { "ok" } else { "err" };
    fields.add("aof_enabled", u8::from(log.state != LogState::Off));
    fields.add("aof_rewrite_in_progress", u8::from(rewriting.is_some()));
    fields.add("aof_rewrite_scheduled", u8::from(rewrites.is_scheduled));
    fields.add("aof_last_rewrite_time_sec", seconds(rewrites.took_s));
    fields.add("aof_current_rewrite_time_sec", seconds(current));
    fields.add("aof_last_bgrewrite_status", status(!rewrites.has_failed));
    fields.add("aof_rewrites", rewrites.count);
    fields.add("aof_rewrites_consecutive_failures", rewrites.failures);
    fields.add("aof_last_write_status", status(!log.refuses()));
    fields.add("aof_last_cow_size", rewrites.copied_bytes);
}

/// What is told of the log only while there is one.
fn append_only_sizes(fields: &mut Fields, call: &Call<'_>) {
    let State { log, rewrites, feed, config, .. } = &*call.state;
    if !config.aof.is_on {
        return;
    }
    fields.add("aof_current_size", log.size);
    fields.add("aof_base_size", log.base_size);
    fields.add("aof_pending_rewrite", u8::from(rewrites.is_scheduled));
    fields.add("aof_buffer_length", feed.waiting(Sink::Log).len());
    fields.add("aof_pending_bio_fsync", u8::from(log.is_syncing()));
    fields.add("aof_delayed_fsync", log.delayed_syncs);
}

/// How far the child has come that does something with a picture of the data.
fn child(fields: &mut Fields, call: &mut Call<'_>) {
    let (mut done, mut copied_bytes) = call.host.child_progress();
    let State { children, persistence, .. } = &call.state;
    let total = if children.current().is_some() { persistence.keys_total } else { 0 };
    if children.current().is_none() {
        (done, copied_bytes) = (0, 0);
    }
    fields.add("current_cow_peak", copied_bytes);
    fields.add("current_cow_size", copied_bytes);
    fields.add("current_cow_size_age", u8::from(copied_bytes > 0));
    fields.add("current_fork_perc", format!("{:.2}", snapshot::percent(done, total)));
    fields.add("current_save_keys_processed", done);
    fields.add("current_save_keys_total", total);
}

/// How far a snapshot has been loaded.
fn loading(fields: &mut Fields, call: &mut Call<'_>) {
    let Some(load) = &call.state.persistence.loading else { return };
    let (loaded, total) = (load.loaded_bytes(), load.total_bytes);
    fields.add("loading_start_time", load.started.unix_s());
    fields.add("loading_total_bytes", total);
    fields.add("loading_rdb_used_mem", load.used_bytes());
    fields.add("loading_loaded_bytes", loaded);
    fields.add("loading_loaded_perc", format!("{:.2}", snapshot::percent(loaded, total)));
    fields.add("loading_eta_seconds", load.rest_s(call.state.now));
}

fn stats(fields: &mut Fields, call: &mut Call<'_>) {
    let now = call.state.now;
    call.state.stats.sample(now);
    traffic(fields, &call.state.stats, now);
    let (stats, counters) = (&call.state.stats, &call.store.changes.counters);
    let ticks_per_us = call.host.ticks_per_us();
    let us = |ticks: u64| num::whole(num::float(ticks) / ticks_per_us);
    fields.add("rejected_connections", stats.connections_rejected);
    fields.add("sync_full", call.state.replication.counts.full);
    fields.add("sync_partial_ok", call.state.replication.counts.partial);
    fields.add("sync_partial_err", call.state.replication.counts.refused);
    fields.add("expired_subkeys", 0);
    fields.add("expired_keys", counters.expired);
    fields.add("expired_stale_perc", "0.00");
    fields.add("expired_time_cap_reached_count", 0);
    fields.add("expire_cycle_cpu_milliseconds", us(stats.expiry_ticks) / 1_000);
    fields.add("expiry_lag_usec", stats.expiry_lag_us);
    fields.add("expiry_lag_max_usec", stats.expiry_lag_max_us);
    fields.add("evicted_keys", counters.evicted);
    fields.add("evicted_clients", stats.clients_evicted);
    fields.add("evicted_scripts", 0);
    fields.add("total_eviction_exceeded_time", call.state.excess.total_us(now) / 1_000);
    fields.add("current_eviction_exceeded_time", call.state.excess.current_us(now) / 1_000);
    fields.add("keyspace_hits", counters.hits);
    fields.add("keyspace_misses", counters.misses);
    fields.add("pubsub_channels", call.pubsub.len(Kind::Channel));
    fields.add("pubsub_patterns", call.pubsub.len(Kind::Pattern));
    fields.add("pubsubshard_channels", call.pubsub.len(Kind::Shard));
    fields.add("latest_fork_usec", call.state.children.fork_us);
    fields.add("total_forks", call.state.children.forks);
    fields.add("migrate_cached_sockets", call.state.remotes.len());
    fields.add("slave_expires_tracked_keys", 0);
    no_defragmentation(fields);
    let (tracked_keys, tracked_items) = call.tracking.key_counts();
    fields.add("tracking_total_keys", tracked_keys);
    fields.add("tracking_total_items", tracked_items);
    fields.add("tracking_total_prefixes", call.tracking.prefix_count());
    fields.add("unexpected_error_replies", call.state.stats.errors_between_servers);
    fields.add("total_error_replies", stats.error_replies);
    fields.add("dump_payload_sanitizations", 0);
    fields.add("total_reads_processed", stats.reads);
    fields.add("total_writes_processed", stats.writes);
    fields.add("io_threaded_reads_processed", 0);
    fields.add("io_threaded_writes_processed", 0);
    fields.add("client_query_buffer_limit_disconnections", stats.closed_for_query);
    fields.add("client_output_buffer_limit_disconnections", stats.closed_for_output);
    fields.add("reply_buffer_shrinks", 0);
    fields.add("reply_buffer_expands", 0);
    let in_commands: u64 = stats.commands.iter().map(|command| command.ticks).sum();
    let cycles = stats.cycle_rate.per_second(stats.cycles, now);
    let loop_us = us(stats.loop_rate.per_second(stats.loop_ticks, now));
    fields.add("eventloop_cycles", stats.cycles);
    fields.add("eventloop_duration_sum", us(stats.loop_ticks));
    fields.add("eventloop_duration_cmd_sum", us(in_commands));
    fields.add("instantaneous_eventloop_cycles_per_sec", cycles);
    fields.add("instantaneous_eventloop_duration_usec", loop_us / cycles.max(1));
    fields.add("acl_access_denied_auth", stats.denied.auth);
    fields.add("acl_access_denied_cmd", stats.denied.command);
    fields.add("acl_access_denied_key", stats.denied.key);
    fields.add("acl_access_denied_channel", stats.denied.channel);
}

fn debug(fields: &mut Fields, call: &mut Call<'_>) {
    let (stats, ticks_per_us) = (&call.state.stats, call.host.ticks_per_us());
    let us = |ticks: u64| num::whole(num::float(ticks) / ticks_per_us);
    fields.add("eventloop_duration_aof_sum", 0);
    fields.add("eventloop_duration_cron_sum", us(stats.scheduled_ticks));
    fields.add("eventloop_duration_max", us(stats.loop_ticks_max));
    fields.add("eventloop_cmd_per_cycle_max", stats.loop_commands_max);
}

fn traffic(fields: &mut Fields, stats: &Stats, now: Now) {
    let per_second = |rate: &Rate, count| rate.per_second(count, now);
    let kilobytes =
        |rate: &Rate, count| format!("{:.2}", num::float(per_second(rate, count)) / 1_024.0);
    let commands = per_second(&stats.command_rate, stats.commands_processed);
    fields.add("total_connections_received", stats.connections);
    fields.add("total_commands_processed", stats.commands_processed);
    fields.add("instantaneous_ops_per_sec", commands);
    fields.add("total_net_input_bytes", stats.net_in);
    fields.add("total_net_output_bytes", stats.net_out);
    fields.add("total_net_repl_input_bytes", 0);
    fields.add("total_net_repl_output_bytes", 0);
    fields.add("instantaneous_input_kbps", kilobytes(&stats.net_in_rate, stats.net_in));
    fields.add("instantaneous_output_kbps", kilobytes(&stats.net_out_rate, stats.net_out));
    fields.add("instantaneous_input_repl_kbps", "0.00");
    fields.add("instantaneous_output_repl_kbps", "0.00");
}

/// What Redis tells where memory is not defragmented.
fn no_defragmentation(fields: &mut Fields) {
    for name in [
        "active_defrag_hits",
        "active_defrag_misses",
        "active_defrag_key_hits",
        "active_defrag_key_misses",
        "total_active_defrag_time",
        "current_active_defrag_time",
    ] {
        fields.add(name, 0);
    }
}

fn cpu(fields: &mut Fields, _: &mut Call<'_>) {
    let used = limits::cpu_use();
    let seconds = [
        ("used_cpu_sys", used.sys),
        ("used_cpu_user", used.user),
        ("used_cpu_sys_children", used.children_sys),
        ("used_cpu_user_children", used.children_user),
        // There is one thread.
        ("used_cpu_sys_main_thread", used.sys),
        ("used_cpu_user_main_thread", used.user),
    ];
    for (name, seconds) in seconds {
        fields.add(name, format_args!("{seconds:.6}"));
    }
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

fn latency_stats(fields: &mut Fields, call: &mut Call<'_>) {
    if !call.state.config.latency_tracking {
        return;
    }
    let ticks_per_us = call.host.ticks_per_us();
    let percentiles = &call.state.config.latency_tracking_info_percentiles.0;
    for (id, row) in call.table.rows() {
        let Some(times) = &call.state.stats.commands[id.index()].times else { continue };
        let one = |percent: &f64| {
            let us = num::float(times.value_at_percentile(*percent)) / ticks_per_us;
            format!("p{percent}={us:.3}")
        };
        let all: Vec<String> = percentiles.iter().map(one).collect();
        let name = &row.name;
        fields.line(format_args!("latency_percentiles_usec_{name}:{}", all.join(",")));
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

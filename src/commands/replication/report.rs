//! What INFO tells of replication.

use crate::base::num;
use crate::commands::info::Fields;
use crate::exec::{Bond, Call, Primary};

/// Fills the section of INFO.
pub(in crate::commands) fn fill(fields: &mut Fields, call: &mut Call<'_>) {
    let state = &call.state;
    let replication = &state.replication;
    match &replication.primary {
        None => fields.add("role", "master"),
        Some(primary) => following(fields, call, primary),
    }
    let now = state.now;
    fields.add("connected_slaves", replication.replicas.len());
    let config = &state.config.repl;
    if config.least_replicas > 0 && config.lag_max_s > 0 {
        let lag_max_s = u64::try_from(config.lag_max_s).unwrap_or(0);
        fields.add("min_slaves_good_slaves", replication.replicas.count_good(lag_max_s, now));
    }
    for (index, replica) in replication.replicas.iter().enumerate() {
        fields.line(format_args!(
            "slave{index}:ip={},port={},state={},offset={},lag={}",
            replica.address(),
            replica.about.port,
            replica.stage.name(),
            replica.acked,
            if replica.stage.name() == "online" { replica.lag_s(now) } else { 0 },
        ));
    }
    fields.add("master_failover_state", replication.failover_name());
    let history = &replication.history;
    let (former, until) = match &history.former {
        Some((id, until)) => (id.clone(), num::signed_u64(until + 1)),
        None => ("0".repeat(history.id.len()), -1),
    };
    fields.add("master_replid", &history.id);
    fields.add("master_replid2", former);
    fields.add("master_repl_offset", state.replication_offset());
    fields.add("second_repl_offset", until);
    let stream = replication.stream.as_ref();
    fields.add("repl_backlog_active", u8::from(stream.is_some()));
    fields.add("repl_backlog_size", &config.backlog_size);
    fields.add("repl_backlog_first_byte_offset", stream.map_or(0, |stream| stream.start() + 1));
    let behind = state.replication_offset() - replication.offset();
    fields.add("repl_backlog_histlen", stream.map_or(0, |stream| stream.len() + behind));
}

fn following(fields: &mut Fields, call: &Call<'_>, primary: &Primary) {
    let state = &call.state;
    let now = state.now;
    let seconds_since = |us: u64| now.mono_us.saturating_sub(us) / 1_000_000;
    fields.add("role", "slave");
    fields.add("master_host", &primary.host);
    fields.add("master_port", primary.port);
    fields.add("master_link_status", if primary.is_up() { "up" } else { "down" });
    let heard_s = num::signed_u64(seconds_since(primary.heard_us));
    fields.add("master_last_io_seconds_ago", if primary.is_up() { heard_s } else { -1 });
    let sync = primary.sync();
    fields.add("master_sync_in_progress", u8::from(sync.is_some()));
    let offset = state.replication.offset();
    let read = match primary.bond {
        Bond::Up(client) => offset + waiting_bytes(call, client),
        Bond::Down(_) | Bond::Opening(_) | Bond::Loading(_) => offset,
    };
    fields.add("slave_read_repl_offset", read);
    fields.add("slave_repl_offset", offset);
    if let Some(sync) = sync {
        let total = sync.total_bytes.unwrap_or(0);
        let left = total.saturating_sub(sync.read_bytes);
        let part = num::float(sync.read_bytes) * 100.0 / num::float(total.max(1));
        fields.add("master_sync_total_bytes", total);
        fields.add("master_sync_read_bytes", sync.read_bytes);
        fields.add("master_sync_left_bytes", left);
        fields.add("master_sync_perc", format_args!("{part:.2}"));
        fields.add("master_sync_last_io_seconds_ago", heard_s);
    }
    if !primary.is_up() {
        fields.add("master_link_down_since_seconds", seconds_since(primary.down_since_us));
    }
    let config = &state.config.repl;
    fields.add("slave_priority", config.priority);
    fields.add("slave_read_only", u8::from(config.is_read_only));
    fields.add("replica_announced", u8::from(config.is_announced));
}

/// Bytes of the stream that have arrived and have not been run.
fn waiting_bytes(call: &Call<'_>, primary: crate::base::id::ClientId) -> u64 {
    let peer = call.peers.get(primary);
    peer.map_or(0, |peer| (peer.client.query_bytes + peer.client.argv_bytes) as u64)
}

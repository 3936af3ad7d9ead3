//! A client as operators see it: the line of CLIENT LIST, which the log of denials has, too.

use super::client::{Client, Closing};
use super::replication::Side;
use super::state::State;
use super::table::Table;
use crate::base::num;
use crate::hub::pubsub::Kind;
use crate::hub::tracking::{Tracker, Tracking};
use crate::resp::output::{LENT_BYTES, Output, Protocol};
use std::fmt::Write;

/// The least that is shown as the buffer for a client's replies, as in Redis. Here it is what the
/// client is lent when there are some; in between it holds none.
const REPLY_BUFFER_MIN: usize = 1_024;

/// What CLIENT LIST tells of a client, without the end of the line.
pub fn client_line(
    (client, out): (&Client, &Output),
    tracking: &Tracking,
    state: &State,
    table: &Table,
) -> String {
    let now = state.now;
    let command = client.last_command.map_or("NULL", |id| &table.row(id).name);
    let user = String::from_utf8_lossy(&state.acl.users.get(client.user).name);
    let resp = if out.protocol == Protocol::Resp3 { 3 } else { 2 };
    let connection = &client.connection;
    let memory = out.memory_bytes();
    let (list_len, waiting) = (out.chunks_waiting(), out.len());
    let (buffered, listed) = if list_len == 0 { (waiting, 0) } else { (0, memory) };
    let total = client.memory_bytes(out);
    let tracker = client.tracker.map(|id| tracking.get(id));
    let redirect = tracker.map_or(-1, Tracker::redirect_serial);
    let topics = |kind| client.subscriptions.as_ref().map_or(0, |own| own.len(kind));
    let queue_len = client.multi.as_ref().map(|multi| multi.len()).or(client.running);
    let peak = client.reply_peak.bytes(now, state.reply_peak_reset_us).max(waiting);
    let reply_buffer = memory.max(peak).clamp(REPLY_BUFFER_MIN, LENT_BYTES);
    let fields: [(&str, &dyn std::fmt::Display); 35] = [
        ("id", &client.id.serial),
        ("addr", &connection.addr),
        ("laddr", &connection.local_addr),
        ("fd", &connection.fd),
        ("name", &client.name),
        ("age", &now.seconds_since(client.connected)),
        ("idle", &now.seconds_since(client.active)),
        ("flags", &flags(client, tracker)),
        ("db", &client.db),
        ("sub", &topics(Kind::Channel)),
        ("psub", &topics(Kind::Pattern)),
        ("ssub", &topics(Kind::Shard)),
        ("multi", &queue_len.map_or(-1, num::signed)),
        ("qbuf", &client.query_bytes),
        (
            "qbuf-free",
            &client.query_capacity.saturating_sub(client.query_bytes + client.argv_bytes),
        ),
        ("argv-mem", &client.argv_bytes),
        ("multi-mem", &client.multi.as_ref().map_or(0, |multi| multi.memory_bytes())),
        ("rbs", &reply_buffer),
        ("rbp", &peak),
        ("obl", &buffered),
        ("oll", &list_len),
        ("omem", &listed),
        ("tot-mem", &total),
        ("events", &if waiting > 0 { "rw" } else { "r" }),
        ("cmd", &command),
        ("user", &user),
        ("redir", &redirect),
        ("resp", &resp),
        ("lib-name", &client.lib_name),
        ("lib-ver", &client.lib_ver),
        ("watch", &client.watching.len()),
        ("io-thread", &0),
        ("tot-net-in", &client.net_in),
        ("tot-net-out", &client.net_out),
        ("tot-cmds", &client.commands),
    ];
    let mut text = String::new();
    for (at, (name, value)) in fields.iter().enumerate() {
        let space = if at == 0 { "" } else { " " };
        // Writing to a string cannot fail.
        write!(text, "{space}{name}={value}").unwrap_or_default();
    }
    text
}

/// One letter for each state of the client; `N` for none.
fn flags(client: &Client, tracker: Option<&Tracker>) -> String {
    let mode = tracker.and_then(Tracker::mode);
    let letters = [
        (client.is_monitor, 'O'),
        (client.side == Side::Replica && !client.is_monitor, 'S'),
        (client.side == Side::Primary, 'M'),
        (client.is_subscribed(), 'P'),
        (client.multi.is_some() || client.is_in_transaction(), 'x'),
        (client.postponed.is_some() || client.parked.is_some(), 'b'),
        (mode.is_some(), 't'),
        (tracker.is_some_and(|tracker| tracker.is_broken), 'R'),
        (mode.is_some_and(|mode| mode.broadcasts), 'B'),
        (client.watching.has_changed, 'd'),
        (client.closing == Some(Closing::AfterReply), 'c'),
        (client.connection.is_unix, 'U'),
        (client.is_spared, 'e'),
        (client.no_touch, 'T'),
    ];
    let set: String = letters.iter().filter(|(is_set, _)| *is_set).map(|(_, c)| *c).collect();
    if set.is_empty() { "N".to_owned() } else { set }
}

//! CLIENT LIST, INFO and KILL: connections as operators see them.

use crate::base::id::ClientId;
use crate::base::num;
use crate::exec::{Call, Client, ClientKind, Closing, Flow, Outcome, Side};
use crate::hub::pubsub::Kind;
use crate::resp::argv::Argv;
use crate::resp::error::Error;
use crate::resp::output::{LENT_BYTES, Output, Protocol};
use std::fmt::Write;

/// The least that is shown as the buffer for a client's replies, as in Redis. Here it is what the
/// client is lent when there are some; in between it holds none.
const REPLY_BUFFER_MIN: usize = 1_024;

/// CLIENT INFO.
pub(super) fn info(call: &mut Call<'_>) -> Outcome {
    let mut text = String::new();
    describe(&mut text, call, call.client, call.out);
    call.out.verbatim("txt", &text);
    Ok(Flow::Done)
}

/// CLIENT LIST.
pub(super) fn list(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    let mut filter = Filter::default();
    if argv.len() == 4 && argv.at(2).eq_ignore_ascii_case(b"TYPE") {
        filter.kind = Some(parse_kind(argv.at(3))?);
    } else if argv.len() > 3 && argv.at(2).eq_ignore_ascii_case(b"ID") {
        for id in argv.from(3) {
            let id = num::parse_i64(id).ok_or(Error::new("ERR Invalid client ID"))?;
            // No client has a number below 1.
            filter.ids.push(u64::try_from(id).unwrap_or(0));
        }
    } else if argv.len() != 2 {
        return Err(Error::SYNTAX);
    }
    let mut others: Vec<_> = call.peers.iter().map(|peer| (&peer.client, &peer.out)).collect();
    others.push((call.client, call.out));
    others.sort_by_key(|(client, _)| client.id);
    let mut text = String::new();
    for (client, out) in others {
        if filter.matches(client, call.state.now.seconds_since(client.connected)) {
            describe(&mut text, call, client, out);
        }
    }
    call.out.verbatim("txt", &text);
    Ok(Flow::Done)
}

/// CLIENT KILL.
pub(super) fn kill(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    let by_address = argv.len() == 3;
    let filter = if by_address {
        let addr = Some(String::from_utf8_lossy(argv.at(2)).into_owned());
        Filter { addr, ..Filter::default() }
    } else {
        Filter::parse(argv)?
    };
    let now = call.state.now;
    let matches = |client: &Client| filter.matches(client, now.seconds_since(client.connected));
    let ids: Vec<ClientId> =
        call.peers.iter().map(|peer| &peer.client).filter(|c| matches(c)).map(|c| c.id).collect();
    let kills_self = !filter.skips_self && matches(call.client);
    ids.iter().for_each(|id| call.peers.doom(*id));
    if kills_self {
        call.client.closing = Some(Closing::AfterReply);
    }
    let count = ids.len() + usize::from(kills_self);
    match (by_address, count) {
        (true, 0) => return Err(Error::new("ERR No such client")),
        (true, _) => call.out.ok(),
        (false, count) => call.out.len_int(count),
    }
    Ok(Flow::Done)
}

/// Which clients are meant; what is not set does not matter.
#[derive(Default)]
struct Filter {
    ids: Vec<u64>,
    kind: Option<ClientKind>,
    addr: Option<String>,
    local_addr: Option<String>,
    max_age: Option<u64>,
    skips_self: bool,
}

impl Filter {
    fn parse(argv: Argv<'_>) -> Result<Filter, Error> {
        let mut filter = Filter { skips_self: true, ..Filter::default() };
        for at in (2..argv.len()).step_by(2) {
            let value = argv.get(at + 1).ok_or(Error::SYNTAX)?;
            let text = || Some(String::from_utf8_lossy(value).into_owned());
            match argv.at(at).to_ascii_uppercase().as_slice() {
                b"ID" => {
                    let id = num::parse_i64(value).and_then(|id| u64::try_from(id).ok());
                    let id = id.filter(|id| *id > 0);
                    let id = id.ok_or(Error::new("ERR client-id should be greater than 0"))?;
                    filter.ids = vec![id];
                }
                b"TYPE" => filter.kind = Some(parse_kind(value)?),
                b"ADDR" => filter.addr = text(),
                b"LADDR" => filter.local_addr = text(),
                b"USER" if value == b"default" => {}
                b"USER" => return Err(Error::quoting("ERR No such user '", value, "'")),
                b"SKIPME" if value.eq_ignore_ascii_case(b"yes") => filter.skips_self = true,
                b"SKIPME" if value.eq_ignore_ascii_case(b"no") => filter.skips_self = false,
                b"MAXAGE" => filter.max_age = Some(parse_age(value)?),
                _ => return Err(Error::SYNTAX),
            }
        }
        Ok(filter)
    }

    fn matches(&self, client: &Client, age: u64) -> bool {
        // One that is closed at the end of this tick is gone.
        client.closing != Some(Closing::Now)
            && (self.ids.is_empty() || self.ids.contains(&client.id.serial))
            && self.kind.is_none_or(|kind| kind == client.kind())
            && self.addr.as_ref().is_none_or(|addr| *addr == client.connection.addr)
            && self.local_addr.as_ref().is_none_or(|addr| *addr == client.connection.local_addr)
            && self.max_age.is_none_or(|least| age >= least)
    }
}

fn parse_kind(name: &[u8]) -> Result<ClientKind, Error> {
    ClientKind::by_name(name).ok_or_else(|| Error::quoting("ERR Unknown client type '", name, "'"))
}

fn parse_age(text: &[u8]) -> Result<u64, Error> {
    let age = num::parse_i64(text);
    let age = age.ok_or(Error::new("ERR maxage is not an integer or out of range"))?;
    let age = u64::try_from(age).ok().filter(|age| *age > 0);
    age.ok_or(Error::new("ERR maxage should be greater than 0"))
}

/// Appends the line of one client.
fn describe(text: &mut String, call: &Call<'_>, client: &Client, out: &Output) {
    let now = call.state.now;
    let command = client.last_command.map_or("NULL", |id| &call.table.row(id).name);
    let resp = if out.protocol == Protocol::Resp3 { 3 } else { 2 };
    let connection = &client.connection;
    let memory = out.memory_bytes();
    let (list_len, waiting) = (out.chunks_waiting(), out.len());
    let (buffered, listed) = if list_len == 0 { (waiting, 0) } else { (0, memory) };
    let total = client.memory_bytes(out);
    let topics = |kind| client.subscriptions.as_ref().map_or(0, |own| own.len(kind));
    let peak = client.reply_peak.bytes(now, call.state.reply_peak_reset_us).max(waiting);
    let reply_buffer = memory.max(peak).clamp(REPLY_BUFFER_MIN, LENT_BYTES);
    let fields: [(&str, &dyn std::fmt::Display); 35] = [
        ("id", &client.id.serial),
        ("addr", &connection.addr),
        ("laddr", &connection.local_addr),
        ("fd", &connection.fd),
        ("name", &client.name),
        ("age", &now.seconds_since(client.connected)),
        ("idle", &now.seconds_since(client.active)),
        ("flags", &flags(client)),
        ("db", &client.db),
        ("sub", &topics(Kind::Channel)),
        ("psub", &topics(Kind::Pattern)),
        ("ssub", &topics(Kind::Shard)),
        ("multi", &client.multi.as_ref().map_or(-1, |multi| num::signed(multi.len()))),
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
        ("user", &"default"),
        ("redir", &-1),
        ("resp", &resp),
        ("lib-name", &client.lib_name),
        ("lib-ver", &client.lib_ver),
        ("watch", &client.watching.len()),
        ("io-thread", &0),
        ("tot-net-in", &client.net_in),
        ("tot-net-out", &client.net_out),
        ("tot-cmds", &client.commands),
    ];
    for (at, (name, value)) in fields.iter().enumerate() {
        let space = if at == 0 { "" } else { " " };
        // Writing to a string cannot fail.
        write!(text, "{space}{name}={value}").unwrap_or_default();
    }
    text.push('\n');
}

/// One letter for each state of the client; `N` for none.
fn flags(client: &Client) -> String {
    let letters = [
        (client.is_monitor, 'O'),
        (client.side == Side::Replica && !client.is_monitor, 'S'),
        (client.side == Side::Primary, 'M'),
        (client.is_subscribed(), 'P'),
        (client.multi.is_some(), 'x'),
        (client.postponed.is_some() || client.parked.is_some(), 'b'),
        (client.watching.has_changed, 'd'),
        (client.closing == Some(Closing::AfterReply), 'c'),
        (client.connection.is_unix, 'U'),
        (client.is_spared, 'e'),
        (client.no_touch, 'T'),
    ];
    let set: String = letters.iter().filter(|(is_set, _)| *is_set).map(|(_, c)| *c).collect();
    if set.is_empty() { "N".to_owned() } else { set }
}

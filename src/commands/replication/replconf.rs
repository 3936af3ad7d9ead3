//! REPLCONF: what a replica and its primary tell each other beside the stream.

use crate::base::num;
use crate::exec::{Call, Command, Flow, Outcome, Side, int};
use crate::repl::Filter;
use crate::resp::error::Error;
use crate::spec::flags::Flags;
use crate::spec::{Group, Spec};

/// Longest address of a replica.
const ADDRESS_MAX: usize = 255;

pub(in crate::commands) const REPLCONF: Command = Command::new(
    Spec {
        name: "replconf",
        group: Group::Server,
        since: "3.0.0",
        arity: -1,
        flags: Flags::ADMIN
            .union(Flags::NOSCRIPT)
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::ALLOW_BUSY),
        summary: "Tells a primary of a replica, or how far it is.",
        ..Spec::NEW
    },
    replconf,
);

fn replconf(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    if argv.len().is_multiple_of(2) {
        return Err(Error::SYNTAX);
    }
    for at in (1..argv.len()).step_by(2) {
        let (option, value) = (argv.at(at), argv.at(at + 1));
        match option.to_ascii_lowercase().as_slice() {
            b"ack" => return note_ack(call),
            b"getack" => {
                if call.client.side == Side::Primary {
                    call.state.write_ack(call.out);
                }
                return Ok(Flow::Pushed);
            }
            name => describe(call, name, value, option)?,
        }
    }
    call.out.ok();
    Ok(Flow::Done)
}

/// Notes what a replica says of itself.
fn describe(call: &mut Call<'_>, name: &[u8], value: &[u8], option: &[u8]) -> Result<(), Error> {
    let about = call.client.about.get_or_insert_default();
    match name {
        b"listening-port" => {
            let port = num::parse_i64(value).and_then(|port| u16::try_from(port).ok());
            about.port = port.ok_or(Error::NOT_AN_INTEGER)?;
        }
        b"ip-address" => {
            if value.len() > ADDRESS_MAX {
                return Err(Error::text(format!(
                    "ERR REPLCONF ip-address provided by replica instance is too long: {} bytes",
                    value.len()
                )));
            }
            // It stands in INFO and in the log.
            if !value.iter().all(u8::is_ascii_graphic) {
                return Err(Error::new("ERR REPLCONF ip-address is not an address"));
            }
            about.address = String::from_utf8_lossy(value).into_owned();
        }
        b"capa" if value.eq_ignore_ascii_case(b"eof") => about.takes_eof = true,
        b"capa" if value.eq_ignore_ascii_case(b"psync2") => about.takes_psync2 = true,
        // What is not known is no use to us.
        b"capa" => {}
        b"rdb-only" => about.is_snapshot_only = int(value)? == 1,
        b"rdb-filter-only" => about.filter = parse_filter(value)?,
        b"version" => {}
        _ => return Err(Error::quoting("ERR Unrecognized REPLCONF option: ", option, "")),
    }
    Ok(())
}

fn parse_filter(list: &[u8]) -> Result<Filter, Error> {
    let mut filter = Filter { no_keys: true, no_functions: true };
    for word in list.split(|byte| *byte == b' ').filter(|word| !word.is_empty()) {
        if !word.eq_ignore_ascii_case(b"functions") {
            return Err(Error::quoting("ERR Unsupported rdb-filter-only option: ", word, ""));
        }
        filter.no_functions = false;
    }
    Ok(filter)
}

/// REPLCONF ACK offset [FACK offset]: how far a replica is, and how far its disk.
fn note_ack(call: &mut Call<'_>) -> Outcome {
    if call.client.side != Side::Replica {
        return Ok(Flow::Pushed);
    }
    let offset = |at: usize| {
        let offset = call.argv.get(at).and_then(num::parse_i64);
        offset.and_then(|offset| u64::try_from(offset).ok())
    };
    let is_disk = call.argv.get(3).is_some_and(|word| word.eq_ignore_ascii_case(b"fack"));
    let disk = offset(4).filter(|_| is_disk);
    if let Some(offset) = offset(2) {
        call.state.note_ack(call.client.id, offset, disk);
    }
    Ok(Flow::Pushed)
}

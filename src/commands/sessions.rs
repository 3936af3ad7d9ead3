//! CLIENT LIST, INFO and KILL: connections as operators see them.

use crate::acl::{UserId, Users};
use crate::base::id::ClientId;
use crate::base::num;
use crate::exec::{Call, Client, ClientKind, Closing, Flow, Outcome, client_line};
use crate::resp::argv::Argv;
use crate::resp::error::Error;

/// CLIENT INFO.
pub(super) fn info(call: &mut Call<'_>) -> Outcome {
    let line = client_line((call.client, call.out), call.tracking, call.state, call.table);
    call.out.verbatim("txt", &(line + "\n"));
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
            text += &client_line((client, out), call.tracking, call.state, call.table);
            text.push('\n');
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
        Filter::parse(argv, &call.state.acl.users)?
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
    user: Option<UserId>,
    addr: Option<String>,
    local_addr: Option<String>,
    max_age: Option<u64>,
    skips_self: bool,
}

impl Filter {
    fn parse(argv: Argv<'_>, users: &Users) -> Result<Filter, Error> {
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
                b"USER" => {
                    let nobody = || Error::quoting("ERR No such user '", value, "'");
                    filter.user = Some(users.find(value).ok_or_else(nobody)?);
                }
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
            && self.user.is_none_or(|user| user == client.user)
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

//! Lists: elements in a row, taken from either end.

mod change;
mod pop;
mod push;
mod read;
mod transfer;

use crate::base::num;
use crate::data::list::{End, Fill};
use crate::exec::{Call, Command};
use crate::resp::error::Error;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::keys::KeyFlags;
use crate::spec::{Group, Spec};

/// All commands of the group.
pub(super) const COMMANDS: &[&Command] = &[
    &transfer::BLMOVE,
    &pop::BLMPOP,
    &pop::BLPOP,
    &pop::BRPOP,
    &transfer::BRPOPLPUSH,
    &read::LINDEX,
    &change::LINSERT,
    &read::LLEN,
    &transfer::LMOVE,
    &pop::LMPOP,
    &pop::LPOP,
    &read::LPOS,
    &push::LPUSH,
    &push::LPUSHX,
    &read::LRANGE,
    &change::LREM,
    &change::LSET,
    &change::LTRIM,
    &pop::RPOP,
    &transfer::RPOPLPUSH,
    &push::RPUSH,
    &push::RPUSHX,
];

const READS: Spec =
    Spec { group: Group::List, flags: Flags::READONLY, categories: Categories::LIST, ..Spec::NEW };
const WRITES: Spec = Spec { flags: Flags::WRITE.union(Flags::DENYOOM), ..READS };
/// Changes that take no more memory.
const REMOVES: Spec = Spec { flags: Flags::WRITE, ..READS };

const ACCESSES: KeyFlags = KeyFlags::RO.union(KeyFlags::ACCESS);
const TAKES: KeyFlags = KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE);
const INSERTS: KeyFlags = KeyFlags::RW.union(KeyFlags::INSERT);
const DELETES: KeyFlags = KeyFlags::RW.union(KeyFlags::DELETE);

/// How much a node of a list holds.
#[inline]
pub(super) fn fill(call: &Call<'_>) -> Fill {
    Fill::new(call.state.config.list_max_listpack_size, call.state.plain_bytes)
}

/// The event of an element that comes in at an end.
const fn push_event(end: End) -> &'static str {
    match end {
        End::Front => "lpush",
        End::Back => "rpush",
    }
}

/// The event of an element that goes at an end.
const fn pop_event(end: End) -> &'static str {
    match end {
        End::Front => "lpop",
        End::Back => "rpop",
    }
}

/// The end that LEFT or RIGHT names.
fn side(argument: &[u8]) -> Result<End, Error> {
    match argument {
        _ if argument.eq_ignore_ascii_case(b"LEFT") => Ok(End::Front),
        _ if argument.eq_ignore_ascii_case(b"RIGHT") => Ok(End::Back),
        _ => Err(Error::SYNTAX),
    }
}

/// A count of at least `min`, or an error of this text.
fn count(argument: &[u8], min: i64, text: &'static str) -> Result<usize, Error> {
    let count = num::parse_i64(argument).filter(|count| *count >= min);
    count.and_then(|count| usize::try_from(count).ok()).ok_or(Error::new(text))
}

/// The element that a place names in a list of `len`, where negative places count from the end.
fn index(place: i64, len: usize) -> Option<usize> {
    let place = if place < 0 { place + num::signed(len) } else { place };
    usize::try_from(place).ok()
}

//! Strings: values of bytes, and numbers that count.

mod compare;
mod count;
mod get;
mod lcs;
mod many;
mod range;
mod set;

use super::text::{write_text, write_text_or_null};
use crate::exec::{Call, Command};
use crate::resp::error::Error;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::keys::KeyFlags;
use crate::spec::{Group, Spec};

/// All commands of the group.
pub(super) const COMMANDS: &[&Command] = &[
    &range::APPEND,
    &count::DECR,
    &count::DECRBY,
    &compare::DELEX,
    &compare::DIGEST,
    &get::GET,
    &get::GETDEL,
    &get::GETEX,
    &range::GETRANGE,
    &set::GETSET,
    &count::INCR,
    &count::INCRBY,
    &count::INCRBYFLOAT,
    &lcs::LCS,
    &many::MGET,
    &many::MSET,
    &many::MSETEX,
    &many::MSETNX,
    &set::PSETEX,
    &set::SET,
    &set::SETEX,
    &set::SETNX,
    &range::SETRANGE,
    &range::STRLEN,
    &range::SUBSTR,
];

const READS: Spec = Spec {
    group: Group::String,
    flags: Flags::READONLY,
    categories: Categories::STRING,
    ..Spec::NEW
};
const READS_FAST: Spec = Spec { flags: READS.flags.union(Flags::FAST), ..READS };
const WRITES: Spec = Spec {
    group: Group::String,
    flags: Flags::WRITE.union(Flags::DENYOOM),
    categories: Categories::STRING,
    ..Spec::NEW
};
const WRITES_FAST: Spec = Spec { flags: WRITES.flags.union(Flags::FAST), ..WRITES };
/// Changes that take no more memory.
const REMOVES_FAST: Spec = Spec { flags: Flags::WRITE.union(Flags::FAST), ..WRITES };

const ACCESSES: KeyFlags = KeyFlags::RO.union(KeyFlags::ACCESS);
const READS_AND_UPDATES: KeyFlags = KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE);

/// Replies with the string at a key, or null.
#[inline]
fn reply_value(call: &mut Call<'_>, key: &[u8]) -> Result<(), Error> {
    let now_ms = call.now_ms();
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(key);
    write_text_or_null(call.out, db.text(&spot)?);
    Ok(())
}

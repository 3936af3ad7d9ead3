//! Hashes: fields with values, each of which may have a deadline.

mod count;
mod deadline;
mod expire;
mod get;
mod named;
mod random;
mod remove;
mod scan;
mod set;

use crate::exec::Command;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::spec::{Group, Spec};

/// All commands of the group.
pub(super) const COMMANDS: &[&Command] = &[
    &remove::HDEL,
    &get::HEXISTS,
    &deadline::HEXPIRE,
    &deadline::HEXPIREAT,
    &expire::HEXPIRETIME,
    &get::HGET,
    &get::HGETALL,
    &remove::HGETDEL,
    &expire::HGETEX,
    &count::HINCRBY,
    &count::HINCRBYFLOAT,
    &get::HKEYS,
    &get::HLEN,
    &get::HMGET,
    &set::HMSET,
    &expire::HPERSIST,
    &deadline::HPEXPIRE,
    &deadline::HPEXPIREAT,
    &expire::HPEXPIRETIME,
    &expire::HPTTL,
    &random::HRANDFIELD,
    &scan::HSCAN,
    &set::HSET,
    &set::HSETEX,
    &set::HSETNX,
    &get::HSTRLEN,
    &expire::HTTL,
    &get::HVALS,
];

const READS: Spec = Spec {
    group: Group::Hash,
    since: "2.0.0",
    flags: Flags::READONLY,
    categories: Categories::HASH,
    keys: &[KeySpec::one(KeyFlags::RO.union(KeyFlags::ACCESS))],
    ..Spec::NEW
};
const READS_FAST: Spec = Spec { flags: READS.flags.union(Flags::FAST), ..READS };
const WRITES: Spec = Spec {
    flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
    keys: &[KeySpec::one(KeyFlags::RW.union(KeyFlags::UPDATE))],
    ..READS
};
/// Changes that take no more memory.
const REMOVES: Spec = Spec { flags: Flags::WRITE.union(Flags::FAST), ..WRITES };

/// What commands on several fields cost.
const BY_FIELDS: &str = "O(N) for N fields";

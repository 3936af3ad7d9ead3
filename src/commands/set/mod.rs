//! Sets: members, each once.

mod algebra;
mod chance;
mod members;
mod scan;
mod transfer;

use crate::exec::Command;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::keys::KeyFlags;
use crate::spec::{Group, Spec};

/// All commands of the group.
pub(super) const COMMANDS: &[&Command] = &[
    &members::SADD,
    &members::SCARD,
    &algebra::SDIFF,
    &algebra::SDIFFSTORE,
    &algebra::SINTER,
    &algebra::SINTERCARD,
    &algebra::SINTERSTORE,
    &members::SISMEMBER,
    &members::SMEMBERS,
    &members::SMISMEMBER,
    &transfer::SMOVE,
    &chance::SPOP,
    &chance::SRANDMEMBER,
    &members::SREM,
    &scan::SSCAN,
    &algebra::SUNION,
    &algebra::SUNIONSTORE,
];

const READS: Spec =
    Spec { group: Group::Set, flags: Flags::READONLY, categories: Categories::SET, ..Spec::NEW };
const READS_FAST: Spec = Spec { flags: READS.flags.union(Flags::FAST), ..READS };
const WRITES: Spec = Spec { flags: Flags::WRITE.union(Flags::DENYOOM), ..READS };
const WRITES_FAST: Spec = Spec { flags: WRITES.flags.union(Flags::FAST), ..READS };
/// Changes that take no more memory.
const REMOVES_FAST: Spec = Spec { flags: Flags::WRITE.union(Flags::FAST), ..READS };

const ACCESSES: KeyFlags = KeyFlags::RO.union(KeyFlags::ACCESS);

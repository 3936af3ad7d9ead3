//! Sorted sets: members in the order of their scores.

pub(super) mod add;
mod combine;
mod pop;
mod random;
mod range;
mod read;
mod remove;
mod span;

use super::text::write_text;
use crate::base::float;
use crate::data::sorted_set::{SortedSet, SortedSetRef};
use crate::data::text::Text;
use crate::exec::{Call, Command};
use crate::resp::error::Error;
use crate::resp::output::{Output, Protocol};
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::spec::{Group, Spec};

/// All commands of the group.
pub(super) const COMMANDS: &[&Command] = &[
    &pop::BZMPOP,
    &pop::BZPOPMAX,
    &pop::BZPOPMIN,
    &add::ZADD,
    &read::ZCARD,
    &read::ZCOUNT,
    &combine::ZDIFF,
    &combine::ZDIFFSTORE,
    &add::ZINCRBY,
    &combine::ZINTER,
    &combine::ZINTERCARD,
    &combine::ZINTERSTORE,
    &read::ZLEXCOUNT,
    &pop::ZMPOP,
    &read::ZMSCORE,
    &pop::ZPOPMAX,
    &pop::ZPOPMIN,
    &random::ZRANDMEMBER,
    &range::ZRANGE,
    &range::ZRANGEBYLEX,
    &range::ZRANGEBYSCORE,
    &range::ZRANGESTORE,
    &read::ZRANK,
    &remove::ZREM,
    &remove::ZREMRANGEBYLEX,
    &remove::ZREMRANGEBYRANK,
    &remove::ZREMRANGEBYSCORE,
    &range::ZREVRANGE,
    &range::ZREVRANGEBYLEX,
    &range::ZREVRANGEBYSCORE,
    &read::ZREVRANK,
    &random::ZSCAN,
    &read::ZSCORE,
    &combine::ZUNION,
    &combine::ZUNIONSTORE,
];

const READS: Spec = Spec {
    group: Group::SortedSet,
    flags: Flags::READONLY,
    categories: Categories::SORTED_SET,
    keys: &[KeySpec::one(ACCESSES)],
    ..Spec::NEW
};
const READS_FAST: Spec = Spec { flags: READS.flags.union(Flags::FAST), ..READS };
const WRITES: Spec = Spec { flags: Flags::WRITE.union(Flags::DENYOOM), ..READS };
const WRITES_FAST: Spec = Spec { flags: WRITES.flags.union(Flags::FAST), ..WRITES };
/// Changes that take no more memory.
const REMOVES: Spec = Spec {
    flags: Flags::WRITE,
    keys: &[KeySpec::one(KeyFlags::RW.union(KeyFlags::DELETE))],
    ..READS
};
const REMOVES_FAST: Spec = Spec { flags: REMOVES.flags.union(Flags::FAST), ..REMOVES };

const ACCESSES: KeyFlags = KeyFlags::RO.union(KeyFlags::ACCESS);
const TAKES: KeyFlags = KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE);
const STORES: KeyFlags = KeyFlags::OW.union(KeyFlags::UPDATE);

/// Reads the sorted set at a key, an empty one if there is none, and writes a reply.
#[inline]
fn reply_with<R>(
    call: &mut Call<'_>,
    key: &[u8],
    reply: impl FnOnce(&mut Output, SortedSetRef<'_>) -> R,
) -> Result<R, Error> {
    let now_ms = call.now_ms();
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(key);
    let set = db.view::<SortedSet>(&spot)?.unwrap_or(SortedSetRef::EMPTY);
    Ok(reply(call.out, set))
}

/// A score as an argument.
fn score(argument: &[u8]) -> Result<f64, Error> {
    float::parse(argument).ok_or(Error::new("ERR value is not a valid float"))
}

/// How members are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Alone.
    Members,
    /// Each before its score.
    Flat,
    /// Each together with its score.
    Pairs,
}

impl Form {
    /// With scores, as the protocol has it.
    fn scored(out: &Output) -> Form {
        match out.protocol {
            Protocol::Resp2 => Form::Flat,
            Protocol::Resp3 => Form::Pairs,
        }
    }

    /// With scores if they are wanted.
    fn of(with_scores: bool, out: &Output) -> Form {
        if with_scores { Form::scored(out) } else { Form::Members }
    }
}

/// Writes so many members with their scores.
fn write_items<'m>(
    out: &mut Output,
    form: Form,
    count: usize,
    items: impl Iterator<Item = (Text<'m>, f64)>,
) {
    out.array(if form == Form::Flat { count * 2 } else { count });
    for (member, score) in items {
        // What is over the limit is sent to nobody.
        if out.is_capped() {
            return;
        }
        if form == Form::Pairs {
            out.array(2);
        }
        write_text(out, member);
        if form != Form::Members {
            out.double(score);
        }
    }
}

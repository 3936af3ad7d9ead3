//! Members chosen by chance, each with the same probability.

use super::{ACCESSES, READS, REMOVES_FAST};
use crate::commands::text::{put_text, write_text, write_text_or_null};
use crate::data::collection::Type;
use crate::data::set::Set;
use crate::exec::{Call, Command, Flow, Outcome, deletion, int};
use crate::resp::argv::{Argv, ArgvBuf};
use crate::resp::error::Error;
use crate::spec::Spec;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::store::Edit;

/// Most members in a request that is propagated instead of SPOP.
const PROPAGATED_MAX: usize = 1_024;
/// Most members that SRANDMEMBER draws with repetition, unless a limit of the client's output says
/// when it is enough. Redis would fill its memory with them.
const DRAWN_MAX: usize = 1 << 24;

pub(super) const SPOP: Command = Command::new(
    Spec {
        name: "spop",
        arity: -2,
        keys: &[KeySpec::one(KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE))],
        tips: &["nondeterministic_output"],
        complexity: "O(N) for N members removed",
        summary: "Removes members of a set by chance and replies with them.",
        syntax: "key [count:integer]",
        history: &[("3.2.0", "the count")],
        ..REMOVES_FAST
    },
    spop,
);

fn spop(call: &mut Call<'_>) -> Outcome {
    match call.argv.len() {
        2 => pop_one(call),
        3 => pop_many(call),
        _ => Err(Error::SYNTAX),
    }
}

fn pop_one(call: &mut Call<'_>) -> Outcome {
    let (key, now_ms) = (call.argv.at(1), call.now_ms());
    let (out, rng) = (&mut *call.out, &mut call.state.rng);
    let mut propagated = ArgvBuf::new();
    let is_fed = call.state.feed.is_on();
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.look(key);
    let popped = db.update(spot, |set: &mut Set| {
        set.pop(rng, |member| {
            write_text(out, member);
            if is_fed {
                propagated = member.with_bytes(|bytes| removal(key, &[bytes]));
            }
        });
        Edit::changed("spop", ())
    })?;
    match popped {
        Some(()) => call.propagate_all(|| propagated),
        None => call.out.null(),
    }
    Ok(Flow::Done)
}

fn pop_many(call: &mut Call<'_>) -> Outcome {
    const NEGATIVE: Error = Error::new("ERR value is out of range, must be positive");
    let (argv, now_ms) = (call.argv, call.now_ms());
    let count = int(argv.at(2)).ok().and_then(|count| usize::try_from(count).ok());
    let count = count.ok_or(NEGATIVE)?;
    let key = argv.at(1);
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.look(key);
    let Some(set) = db.view::<Set>(&spot)?.filter(|_| count > 0) else {
        call.out.set(0);
        return Ok(Flow::Done);
    };
    let len = set.len();
    if count < len {
        return pop_some(call, count);
    }
    call.out.set(len);
    call.out.strings(|strings| set.each(|member| put_text(strings, member)));
    // The removal counts as a change too.
    db.update(spot, |_: &mut Set| Edit::changed("spop", ()).times(len - 1))?;
    db.remove("del", spot);
    let name = deletion(call.state.config.lazyfree_lazy_server_del);
    call.propagate_as(|| [name, key]);
    Ok(Flow::Done)
}

/// Pops fewer members than there are.
fn pop_some(call: &mut Call<'_>, count: usize) -> Outcome {
    let (key, now_ms, limits) = (call.argv.at(1), call.now_ms(), call.limits(Type::Set));
    let (out, rng) = (&mut *call.out, &mut call.state.rng);
    let is_fed = call.state.feed.is_on();
    let mut popped = Vec::new();
    out.set(count);
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.look(key);
    db.update(spot, |set: &mut Set| {
        set.pop_many(count, rng, &limits, |member| {
            write_text(out, member);
            if is_fed {
                popped.push(member.to_bytes().into_owned());
            }
        });
        Edit::changed("spop", ()).times(count)
    })?;
    let mut requests: Vec<ArgvBuf> =
        popped.chunks(PROPAGATED_MAX).map(|members| removal(key, members)).collect();
    if let Some(last) = requests.pop() {
        requests.iter().for_each(|request| call.state.feed.replicate(call.client.db, request));
        call.propagate_all(|| last);
    }
    Ok(Flow::Done)
}

/// The request that removes members.
fn removal<M: AsRef<[u8]>>(key: &[u8], members: &[M]) -> ArgvBuf {
    let words = [b"SREM", key].into_iter();
    words.chain(members.iter().map(AsRef::as_ref)).collect()
}

pub(super) const SRANDMEMBER: Command = Command::new(
    Spec {
        name: "srandmember",
        arity: -2,
        keys: &[KeySpec::one(ACCESSES)],
        tips: &["nondeterministic_output"],
        complexity: "O(N) for N members returned",
        summary: "Replies with members of a set by chance; they may repeat if the count is \
            negative.",
        syntax: "key [count:integer]",
        history: &[("2.6.0", "the count")],
        ..READS
    },
    srandmember,
);

fn srandmember(call: &mut Call<'_>) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    let wanted = wanted(argv, call.out.is_limited())?;
    let rng = &mut call.state.rng;
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(argv.at(1));
    let set = db.view::<Set>(&spot)?;
    let out = &mut *call.out;
    let Some(wanted) = wanted else {
        write_text_or_null(out, set.and_then(|set| set.sample(rng)));
        return Ok(Flow::Done);
    };
    let Some(set) = set else {
        out.array(0);
        return Ok(Flow::Done);
    };
    match wanted {
        Wanted::Distinct(count) if count < set.len() => {
            out.array(count);
            set.sample_many(count, rng, |member| write_text(out, member));
        }
        Wanted::Distinct(_) => {
            out.array(set.len());
            out.strings(|strings| set.each(|member| put_text(strings, member)));
        }
        Wanted::Repeating(count) => {
            out.array(count);
            let drawn = std::iter::repeat_with(|| set.sample(rng)).take(count);
            for member in drawn.flatten() {
                // What is over the limit is sent to nobody.
                if out.is_capped() {
                    break;
                }
                write_text(out, member);
            }
        }
    }
    Ok(Flow::Done)
}

/// How many members are wanted.
enum Wanted {
    Distinct(usize),
    Repeating(usize),
}

/// What the count says, if there is one; it may be any number if the output is limited.
fn wanted(argv: Argv<'_>, is_limited: bool) -> Result<Option<Wanted>, Error> {
    let Some(count) = argv.get(2) else { return Ok(None) };
    if argv.len() > 3 {
        return Err(Error::SYNTAX);
    }
    let count = int(count)?;
    let magnitude = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    match count {
        i64::MIN => {
            let range = format!("{} and {}", -i64::MAX, i64::MAX);
            Err(Error::text(format!("ERR value is out of range, value must between {range}")))
        }
        0.. => Ok(Some(Wanted::Distinct(magnitude))),
        _ if magnitude > DRAWN_MAX && !is_limited => Err(Error::new("ERR value is out of range")),
        _ => Ok(Some(Wanted::Repeating(magnitude))),
    }
}

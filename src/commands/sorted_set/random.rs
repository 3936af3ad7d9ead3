//! Members by chance, and all of them in steps.

use super::{Form, READS, write_items};
use crate::base::float::FloatText;
use crate::base::num;
use crate::commands::scan::{ScanOptions, Scanned, parse_cursor};
use crate::commands::text::write_text;
use crate::data::sorted_set::{SortedSet, SortedSetRef};
use crate::data::text::Text;
use crate::exec::{Call, Command, Flow, Outcome};
use crate::resp::error::Error;
use crate::resp::output::Output;
use crate::spec::Spec;
use std::collections::BTreeSet;

/// Most members that may repeat in one reply, unless a limit of the client's output says when it is
/// enough.
const REPEATS_MAX: u64 = 1 << 24;

pub(super) const ZRANDMEMBER: Command = Command::new(
    Spec {
        name: "zrandmember",
        since: "6.2.0",
        arity: -2,
        tips: &["nondeterministic_output"],
        complexity: "O(M*log(N)) for M of N members",
        summary: "Picks members by chance.",
        syntax: "key [options: count:integer [WITHSCORES]]",
        ..READS
    },
    zrandmember,
);

fn zrandmember(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    let picks = match argv.get(2) {
        None => None,
        Some(count) => Some(picks(count, argv.get(3), argv.len())?),
    };
    let now_ms = call.now_ms();
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(argv.at(1));
    let set = db.view::<SortedSet>(&spot)?.unwrap_or(SortedSetRef::EMPTY);
    let (out, rng) = (&mut *call.out, &mut call.state.rng);
    match picks {
        None => match item(set, rng) {
            Some((member, _)) => write_text(out, member),
            None => out.null(),
        },
        Some((count, with_scores)) => write_picks(out, rng, set, count, with_scores)?,
    }
    Ok(Flow::Done)
}

/// How many members are wanted, and whether with their scores.
fn picks(count: &[u8], option: Option<&[u8]>, words: usize) -> Result<(i64, bool), Error> {
    let count = num::parse_i64(count).ok_or(Error::NOT_AN_INTEGER)?;
    if count == i64::MIN {
        let (min, max) = (-i64::MAX, i64::MAX);
        return Err(Error::text(format!(
            "ERR value is out of range, value must between {min} and {max}"
        )));
    }
    let with_scores = option.is_some_and(|option| option.eq_ignore_ascii_case(b"WITHSCORES"));
    if words > 4 || option.is_some() != with_scores {
        return Err(Error::SYNTAX);
    }
    if with_scores && count.unsigned_abs() > (i64::MAX / 2).unsigned_abs() {
        return Err(Error::new("ERR value is out of range"));
    }
    Ok((count, with_scores))
}

/// A member by chance.
fn item<'a>(set: SortedSetRef<'a>, rng: &mut fastrand::Rng) -> Option<(Text<'a>, f64)> {
    let rank = (!set.is_empty()).then(|| rng.usize(0..set.len()))?;
    set.items(rank..rank + 1).next()
}

/// Writes so many members, each once; with a negative count they may repeat.
fn write_picks(
    out: &mut Output,
    rng: &mut fastrand::Rng,
    set: SortedSetRef<'_>,
    count: i64,
    with_scores: bool,
) -> Result<(), Error> {
    let (form, wanted) = (Form::of(with_scores, out), count.unsigned_abs());
    if count < 0 && !set.is_empty() {
        if wanted > REPEATS_MAX && !out.is_limited() {
            return Err(Error::new("ERR value is out of range"));
        }
        let items = (0..wanted).map_while(|_| item(set, rng));
        write_items(out, form, num::index(wanted), items);
        return Ok(());
    }
    if wanted >= set.len() as u64 {
        write_items(out, form, set.len(), set.items(0..set.len()));
        return Ok(());
    }
    let ranks = distinct(num::index(wanted), set.len(), rng);
    let items = ranks.iter().flat_map(|rank| set.items(*rank..rank + 1));
    write_items(out, form, ranks.len(), items);
    Ok(())
}

/// So many distinct numbers below a bound (Floyd's algorithm).
fn distinct(count: usize, bound: usize, rng: &mut fastrand::Rng) -> BTreeSet<usize> {
    let mut chosen = BTreeSet::new();
    for last in bound - count..bound {
        if !chosen.insert(rng.usize(0..=last)) {
            chosen.insert(last);
        }
    }
    chosen
}

pub(super) const ZSCAN: Command = Command::new(
    Spec {
        name: "zscan",
        since: "2.8.0",
        arity: -3,
        tips: &["nondeterministic_output"],
        complexity: "O(1) for a call, O(N) for all N members",
        summary: "Goes through members and scores in steps.",
        syntax: "key cursor:integer [MATCH pattern] [COUNT count:integer]",
        ..READS
    },
    zscan,
);

fn zscan(call: &mut Call<'_>) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    let cursor = parse_cursor(argv.at(2))?;
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(argv.at(1));
    let out = &mut *call.out;
    out.array(2);
    let Some(set) = db.view::<SortedSet>(&spot)? else {
        out.bulk(b"0");
        out.array(0);
        return Ok(Flow::Done);
    };
    let options = ScanOptions::parse(argv, 3, Scanned::Members)?;
    let mut found = Vec::new();
    let next = options.walk(cursor, |cursor| {
        let mut seen = 0;
        let next = set.scan(cursor, |member, score| {
            seen += 1;
            if member.with_bytes(|member| options.matches(member)) {
                found.push((member, score));
            }
        });
        (next, seen)
    });
    out.bulk(next.to_string().as_bytes());
    out.array(found.len() * 2);
    for (member, score) in found {
        write_text(out, member);
        out.bulk(FloatText::new(score).as_bytes());
    }
    Ok(Flow::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinct_numbers_are_as_many_as_asked_for() {
        let mut rng = fastrand::Rng::with_seed(4);
        for (count, bound) in [(0, 5), (1, 1), (3, 5), (5, 5), (50, 1_000)] {
            let chosen = distinct(count, bound, &mut rng);
            assert_eq!(chosen.len(), count);
            assert!(chosen.iter().all(|number| *number < bound));
        }
    }
}

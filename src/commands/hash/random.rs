//! HRANDFIELD: fields chosen by chance.

use super::READS;
use crate::commands::text::{write_text, write_text_or_null};
use crate::data::hash::{Field, HashRef};
use crate::exec::{Call, Command, Flow, Outcome, int};
use crate::resp::error::Error;
use crate::resp::output::{Output, Protocol};
use crate::spec::Spec;
use fastrand::Rng;
use std::collections::HashSet;

/// Most fields that are drawn when the same one may come again, unless a limit of the client's
/// output says when it is enough.
const DRAWS_MAX: usize = 1 << 24;
/// Fields of a large hash for each one that is wanted, from which on they are drawn one by one and
/// not from a list of all.
const SPARSE: usize = 3;

pub(super) const HRANDFIELD: Command = Command::new(
    Spec {
        name: "hrandfield",
        since: "6.2.0",
        arity: -2,
        tips: &["nondeterministic_output"],
        complexity: "O(N) for N fields in the reply",
        summary: "Picks fields of a hash by chance.",
        syntax: "key [options: count [WITHVALUES]]",
        ..READS
    },
    hrandfield,
);

fn hrandfield(call: &mut Call<'_>) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    let Some(count) = argv.get(2) else { return pick_one(call) };
    let count = parse_count(count)?;
    let with_values = match (argv.get(3), argv.get(4)) {
        (None, _) => false,
        (Some(option), None) if option.eq_ignore_ascii_case(b"WITHVALUES") => true,
        (Some(_), _) => return Err(Error::SYNTAX),
    };
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if with_values && count.unsigned_abs() > i64::MAX.unsigned_abs() / 2
        || count < 0 && wanted > DRAWS_MAX && !call.out.is_limited()
    {
        return Err(Error::new("ERR value is out of range"));
    }
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(argv.at(1));
    let Some(hash) = db.hash(&spot)?.filter(|hash| !hash.is_empty()) else {
        call.out.array(0);
        return Ok(Flow::Done);
    };
    let (out, rng) = (&mut *call.out, &mut call.state.rng);
    if count < 0 {
        let source = Source::of(hash);
        write_head(out, wanted, with_values);
        // What is over the limit is sent to nobody.
        let drawn = std::iter::repeat_with(|| source.draw(rng)).take(wanted).flatten();
        write_fields(out, drawn, with_values);
    } else {
        let chosen = choose(hash, wanted, rng);
        write_head(out, chosen.len(), with_values);
        write_fields(out, chosen.into_iter(), with_values);
    }
    Ok(Flow::Done)
}

fn pick_one(call: &mut Call<'_>) -> Outcome {
    let (key, now_ms) = (call.argv.at(1), call.now_ms());
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(key);
    let hash = db.hash(&spot)?.filter(|hash| !hash.is_empty());
    let drawn = hash.and_then(|hash| Source::of(hash).draw(&mut call.state.rng));
    write_text_or_null(call.out, drawn.map(|field| field.name));
    Ok(Flow::Done)
}

/// A count whose sign means something.
fn parse_count(argument: &[u8]) -> Result<i64, Error> {
    let count = int(argument)?;
    if count == i64::MIN {
        let range = format!("{} and {}", -i64::MAX, i64::MAX);
        return Err(Error::text(format!("ERR value is out of range, value must between {range}")));
    }
    Ok(count)
}

/// Where fields are drawn from one by one.
enum Source<'a> {
    Table(HashRef<'a>),
    /// All fields of a hash that is small, at least one.
    List(Vec<Field<'a>>),
}

impl<'a> Source<'a> {
    fn of(hash: HashRef<'a>) -> Source<'a> {
        if hash.is_sampled_fast() { Source::Table(hash) } else { Source::List(list(hash)) }
    }

    fn draw(&self, rng: &mut Rng) -> Option<Field<'a>> {
        match self {
            Source::Table(hash) => hash.sample(rng),
            Source::List(all) => rng.choice(all).copied(),
        }
    }
}

/// So many different fields, or all.
fn choose<'a>(hash: HashRef<'a>, count: usize, rng: &mut Rng) -> Vec<Field<'a>> {
    if !hash.is_sampled_fast() || count >= hash.len() / SPARSE {
        let mut all = list(hash);
        if count >= all.len() {
            return all;
        }
        for at in 0..count {
            let other = rng.usize(at..all.len());
            all.swap(at, other);
        }
        all.truncate(count);
        return all;
    }
    let (mut known, mut chosen) = (HashSet::with_capacity(count), Vec::with_capacity(count));
    while chosen.len() < count {
        let Some(field) = hash.sample(rng) else { break };
        if known.insert(field.name.to_bytes()) {
            chosen.push(field);
        }
    }
    chosen
}

fn list(hash: HashRef<'_>) -> Vec<Field<'_>> {
    let mut all = Vec::new();
    hash.each(|field| all.push(field));
    all
}

/// The head of a reply of so many fields. Pairs are arrays of their own in RESP3, and follow each
/// other in RESP2.
fn write_head(out: &mut Output, len: usize, with_values: bool) {
    let is_flat = with_values && out.protocol != Protocol::Resp3;
    out.array(if is_flat { 2 * len } else { len });
}

/// The fields, until the client's output is over its limit.
fn write_fields<'a>(out: &mut Output, fields: impl Iterator<Item = Field<'a>>, with_values: bool) {
    let are_nested = with_values && out.protocol == Protocol::Resp3;
    for field in fields {
        if out.is_capped() {
            return;
        }
        if are_nested {
            out.array(2);
        }
        write_text(out, field.name);
        if with_values {
            write_text(out, field.value);
        }
    }
}

//! Entries deleted from among others.

use super::trim::read_references;
use super::{DELETES, WRITES_FAST, ids};
use crate::base::num;
use crate::data::stream::{References, Stream, StreamId};
use crate::exec::{Call, Command, Flow, Outcome};
use crate::resp::argv::Argv;
use crate::resp::error::Error;
use crate::spec::Spec;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::store::Edit;

pub(super) const XDEL: Command = Command::new(
    Spec {
        name: "xdel",
        arity: -3,
        keys: &[KeySpec::one(DELETES)],
        complexity: "O(1) for each entry",
        summary: "Deletes entries of a stream.",
        syntax: "key id [id ...]",
        ..WRITES_FAST
    },
    xdel,
);

fn xdel(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    let mut db = call.db();
    let spot = db.look(argv.at(1));
    let deleted = db.update(spot, |stream: &mut Stream| match ids(argv.from(2)) {
        Err(error) => Edit::same(Err(error)),
        Ok(ids) => {
            let deleted = ids.into_iter().filter(|id| stream.delete(*id)).count();
            tell(deleted, Ok(deleted))
        }
    })?;
    call.out.len_int(deleted.unwrap_or(Ok(0))?);
    Ok(Flow::Done)
}

/// What to tell of so many deleted entries.
fn tell<R>(deleted: usize, result: R) -> Edit<R> {
    if deleted == 0 { Edit::same(result) } else { Edit::changed("xdel", result).times(deleted) }
}

pub(super) const XDELEX: Command = Command::new(
    Spec {
        name: "xdelex",
        since: "8.2.0",
        arity: -5,
        keys: &[KeySpec::one(DELETES)],
        complexity: "O(1) for each entry and group",
        summary: "Deletes entries of a stream, with regard to the groups that hold them.",
        syntax: "key [condition: KEEPREF | DELREF | ACKED] <IDS numids:integer id [id ...]>",
        ..WRITES_FAST
    },
    xdelex,
);

/// What became of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// There is none.
    Missing,
    Deleted,
    /// Some group may still need it.
    Held,
}

impl Fate {
    const fn code(self) -> i64 {
        match self {
            Fate::Missing => -1,
            Fate::Deleted => 1,
            Fate::Held => 2,
        }
    }
}

/// Entries to be deleted, and what is done with what groups hold of them.
struct Request {
    references: References,
    ids: Vec<StreamId>,
}

impl Request {
    /// Reads the arguments from an index on.
    fn parse(argv: Argv<'_>, mut at: usize) -> Result<Request, Error> {
        let (mut references, mut found) = (References::Keep, None);
        while let Some(word) = argv.get(at) {
            if let Some(wanted) = read_references(word) {
                references = wanted;
                at += 1;
            } else if word.eq_ignore_ascii_case(b"IDS") && at + 1 < argv.len() {
                let count = num::parse_i64(argv.at(at + 1)).and_then(|n| usize::try_from(n).ok());
                let count = count.filter(|count| *count > 0);
                let count =
                    count.ok_or(Error::new("ERR Number of IDs must be a positive integer"))?;
                if count > argv.len() - at - 2 {
                    return Err(Error::new(
                        "ERR The `numids` parameter must match the number of arguments",
                    ));
                }
                found = Some(ids(argv.from(at + 2).take(count))?);
                at += 2 + count;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(Request { references, ids: found.ok_or(Error::SYNTAX)? })
    }
}

fn xdelex(call: &mut Call<'_>) -> Outcome {
    let request = Request::parse(call.argv, 2)?;
    let key = call.argv.at(1);
    let mut db = call.db();
    let spot = db.look(key);
    let fates = db.update(spot, |stream: &mut Stream| {
        let fates: Vec<Fate> =
            request.ids.iter().map(|id| delete(stream, *id, request.references)).collect();
        tell(fates.iter().filter(|fate| **fate == Fate::Deleted).count(), fates)
    })?;
    let fates = fates.unwrap_or_else(|| vec![Fate::Missing; request.ids.len()]);
    call.out.array(fates.len());
    fates.into_iter().for_each(|fate| call.out.int(fate.code()));
    Ok(Flow::Done)
}

pub(super) const XACKDEL: Command = Command::new(
    Spec {
        name: "xackdel",
        since: "8.2.0",
        arity: -6,
        keys: &[KeySpec::one(DELETES.union(KeyFlags::UPDATE))],
        complexity: "O(1) for each entry and group",
        summary: "Acknowledges entries and deletes them, with regard to other groups.",
        syntax: "key group [condition: KEEPREF | DELREF | ACKED] <IDS numids:integer id [id ...]>",
        ..WRITES_FAST
    },
    xackdel,
);

fn xackdel(call: &mut Call<'_>) -> Outcome {
    let request = Request::parse(call.argv, 3)?;
    let (key, name) = (call.argv.at(1), call.argv.at(2));
    let mut db = call.db();
    let spot = db.look(key);
    let fates = db.update(spot, |stream: &mut Stream| {
        let (mut fates, mut deleted) = (Vec::with_capacity(request.ids.len()), 0);
        let mut done = 0;
        for id in &request.ids {
            let group = stream.group_mut(name);
            if !group.is_some_and(|group| group.acknowledge(*id)) {
                fates.push(Fate::Missing);
                continue;
            }
            done += 1;
            // It is acknowledged, whether there was still an entry or not.
            let fate = match delete(stream, *id, request.references) {
                Fate::Missing => Fate::Deleted,
                fate => {
                    deleted += usize::from(fate == Fate::Deleted);
                    fate
                }
            };
            fates.push(fate);
        }
        match (deleted, done) {
            (0, 0) => Edit::same(fates),
            (0, done) => Edit::aside(None, fates).times(done),
            (_, done) => Edit::changed("xdel", fates).times(done),
        }
    })?;
    let fates = fates.unwrap_or_else(|| vec![Fate::Missing; request.ids.len()]);
    call.out.array(fates.len());
    fates.into_iter().for_each(|fate| call.out.int(fate.code()));
    Ok(Flow::Done)
}

/// Deletes an entry, if it may go.
fn delete(stream: &mut Stream, id: StreamId, references: References) -> Fate {
    match references {
        References::Acked if stream.get(id).is_none() => return Fate::Missing,
        References::Acked if stream.groups().len() == 0 || stream.is_referenced(id) => {
            return Fate::Held;
        }
        References::Delete => {
            stream.forget(id);
        }
        References::Acked | References::Keep => {}
    }
    if stream.delete(id) { Fate::Deleted } else { Fate::Missing }
}

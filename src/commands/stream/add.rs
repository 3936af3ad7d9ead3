//! Entries added, and what is known of a stream set.

use super::trim::{Options, Trimmed, push_exact};
use super::{UPDATES, WRITES_FAST, block_limits, id, write_id};
use crate::data::stream::{BYTES_MAX, NewId, NotAdded, Stream, StreamId, Trim};
use crate::exec::{Call, Command, Flow, Outcome, int};
use crate::resp::argv::{Argv, ArgvBuf};
use crate::resp::error::Error;
use crate::spec::Spec;
use crate::spec::flags::Flags;
use crate::spec::keys::KeySpec;
use crate::store::Edit;

const ADDS: Spec = Spec { flags: WRITES_FAST.flags.union(Flags::DENYOOM), ..WRITES_FAST };

const NO_KEY: Error = Error::new("ERR no such key");

pub(super) const XADD: Command = Command::new(
    Spec {
        name: "xadd",
        arity: -5,
        keys: &[KeySpec::one(UPDATES)
            .noting("UPDATE instead of INSERT because of the optional trimming feature")],
        tips: &["nondeterministic_output"],
        complexity: "O(1), and O(N) for N entries that are trimmed",
        summary: "Adds an entry at the end of a stream; a missing key counts as an empty stream.",
        syntax: "key [NOMKSTREAM] [condition: KEEPREF | DELREF | ACKED] [trim: <strategy: MAXLEN | \
            MINID> [operator: = | ~] threshold [LIMIT count]] <id-selector: * | id> field value \
            [data: field value ...]",
        history: &[
            ("6.2.0", "`NOMKSTREAM`, `MINID` and `LIMIT`"),
            ("7.0.0", "ids of the form `ms-*`"),
            ("8.2.0", "`KEEPREF`, `DELREF` and `ACKED`"),
        ],
        ..ADDS
    },
    xadd,
);

/// A request to add an entry.
struct Request {
    makes_no_stream: bool,
    trim: Option<Trim>,
    /// What the id is to be, and the index of the argument that says it.
    id: NewId,
    id_at: usize,
}

impl Request {
    fn parse(call: &Call<'_>) -> Result<Request, Error> {
        let argv = call.argv;
        let (mut options, mut makes_no_stream, mut id_at) = (Options::default(), false, 2);
        let id = loop {
            let Some(word) = argv.get(id_at) else { break None };
            if word == b"*" {
                break Some(NewId::Now(u64::try_from(call.now_ms()).unwrap_or(0)));
            }
            if let Some(next) = options.read(argv, id_at)? {
                id_at = next;
            } else if word.eq_ignore_ascii_case(b"NOMKSTREAM") {
                makes_no_stream = true;
                id_at += 1;
            } else {
                break Some(match StreamId::parse_open(word) {
                    Some(ms) => NewId::Next(ms),
                    None => NewId::Given(id(word, 0)?),
                });
            }
        };
        let trim = options.finish(call)?;
        let fields = argv.len().saturating_sub(id_at + 1);
        match id {
            Some(id) if fields >= 2 && fields.is_multiple_of(2) => {
                if id == NewId::Given(StreamId::MIN) {
                    let text = "ERR The ID specified in XADD must be greater than 0-0";
                    return Err(Error::new(text));
                }
                Ok(Request { makes_no_stream, trim, id, id_at })
            }
            _ => Err(call.wrong_arity()),
        }
    }

    /// The fields and values.
    #[inline]
    fn pairs<'a>(&self, argv: Argv<'a>) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        argv.from(self.id_at + 1)
    }

    /// The same with what is relative to the present decided.
    fn exact(&self, argv: Argv<'_>, id: StreamId, trimmed: Trimmed) -> ArgvBuf {
        let mut exact: ArgvBuf = [&b"XADD"[..], argv.at(1)].into_iter().collect();
        if let Some(trim) = &self.trim {
            push_exact(&mut exact, trim, trimmed);
        }
        exact.push(id.text().as_ref());
        self.pairs(argv).for_each(|text| exact.push(text));
        exact
    }
}

fn xadd(call: &mut Call<'_>) -> Outcome {
    let request = Request::parse(call)?;
    let (argv, limits) = (call.argv, block_limits(call));
    let mut db = call.db();
    let spot = db.look(argv.at(1));
    if request.makes_no_stream && !spot.exists() {
        call.out.null();
        return Ok(Flow::Done);
    }
    let bytes: usize = request.pairs(argv).map(<[u8]>::len).sum();
    let (id, trimmed) = db.upsert(spot, |stream: &mut Stream| {
        let admitted = stream.admit(request.id).map_err(|why| match why {
            NotAdded::IdTooLow => Error::new(
                "ERR The ID specified in XADD is equal or smaller than the target stream top item",
            ),
            NotAdded::Exhausted => Error::new(
                "ERR The stream has exhausted the last possible ID, unable to add more items",
            ),
        });
        let fitting = admitted.and_then(|id| match bytes {
            0..=BYTES_MAX => Ok(id),
            _ => Err(Error::new("ERR Elements are too large to be stored")),
        });
        let id = match fitting {
            Ok(id) => id,
            Err(error) => return Edit::same(Err(error)),
        };
        stream.push(id, request.pairs(argv), limits);
        let trimmed = Trimmed::of(stream, request.trim.as_ref());
        let edit = Edit::changed("xadd", Ok((id, trimmed)));
        if trimmed.removed > 0 { edit.and("xtrim") } else { edit }
    })??;
    write_id(call.out, id);
    let is_exact = matches!(request.id, NewId::Given(_))
        && request.trim.as_ref().is_none_or(|trim| !trim.is_approximate);
    if !is_exact {
        call.propagate_all(|| request.exact(argv, id, trimmed));
    }
    Ok(Flow::Done)
}

pub(super) const XSETID: Command = Command::new(
    Spec {
        name: "xsetid",
        arity: -3,
        keys: &[KeySpec::one(UPDATES)],
        summary: "Sets the last id of a stream, for those who replay changes.",
        syntax: "key last-id [ENTRIESADDED entries-added:integer] [MAXDELETEDID max-deleted-id]",
        history: &[("7.0.0", "`ENTRIESADDED` and `MAXDELETEDID`")],
        ..ADDS
    },
    xsetid,
);

fn xsetid(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    let last_id = id(argv.at(2), 0)?;
    let (mut entries_added, mut max_deleted) = (None, None);
    for at in (3..argv.len()).step_by(2) {
        let (word, value) = (argv.at(at), argv.get(at + 1).ok_or(Error::SYNTAX)?);
        if word.eq_ignore_ascii_case(b"ENTRIESADDED") {
            let added = u64::try_from(int(value)?);
            entries_added =
                Some(added.map_err(|_| Error::new("ERR entries_added must be positive"))?);
        } else if word.eq_ignore_ascii_case(b"MAXDELETEDID") {
            let max = id(value, 0)?;
            if last_id < max {
                return Err(Error::new(
                    "ERR The ID specified in XSETID is smaller than the provided \
                     max_deleted_entry_id",
                ));
            }
            max_deleted = Some(max).filter(|max| *max != StreamId::MIN);
        } else {
            return Err(Error::SYNTAX);
        }
    }
    // An older Redis allows more, and replicates it.
    let is_replay = call.is_replay();
    let mut db = call.db();
    let spot = db.look(argv.at(1));
    let set = db.update(spot, |stream: &mut Stream| {
        if !is_replay && let Err(error) = check_facts(stream, last_id, entries_added) {
            return Edit::same(Err(error));
        }
        stream.set_facts(last_id, entries_added, max_deleted);
        Edit::aside(Some("xsetid"), Ok(()))
    })?;
    set.ok_or(NO_KEY)??;
    call.out.ok();
    Ok(Flow::Done)
}

/// Whether a stream may have this last id, and so many entries added.
fn check_facts(stream: &Stream, last_id: StreamId, added: Option<u64>) -> Result<(), Error> {
    let facts = stream.facts();
    let error = if last_id < facts.max_deleted_id {
        "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id"
    } else if stream.top_id().is_some_and(|top| last_id < top) {
        "ERR The ID specified in XSETID is smaller than the target stream top item"
    } else if added.is_some_and(|added| facts.len > added) {
        "ERR The entries_added specified in XSETID is smaller than the target stream length"
    } else {
        return Ok(());
    };
    Err(Error::new(error))
}

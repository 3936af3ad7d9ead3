//! XREAD: what has come after entries that the reader knows, of one stream or of several.

use super::{ACCESSES, READS, id, write_entry};
use crate::data::stream::{Stream, StreamId};
use crate::exec::{Call, Command, Flow, Outcome, Wait, int, timeout_ms};
use crate::resp::argv::{Argv, ArgvBuf};
use crate::resp::error::Error;
use crate::resp::output::{Output, Protocol};
use crate::spec::Spec;
use crate::spec::flags::Flags;
use crate::spec::keys::KeySpec;

/// The options in front of the streams, with their arguments.
pub(super) const OPTIONS: &[(&str, usize)] =
    &[("BLOCK", 1), ("COUNT", 1), ("GROUP", 2), ("NOACK", 0), ("CLAIM", 1)];

/// Where streams are read for a group, and by whom.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) group: &'a [u8],
    pub(super) consumer: &'a [u8],
}

/// A request to read streams.
pub(super) struct Request<'a> {
    /// When its time is over, if it waits at all; see [`Wait`].
    pub(super) until_us: Option<Option<u64>>,
    /// Most entries of each stream.
    pub(super) max: usize,
    pub(super) reader: Option<Reader<'a>>,
    /// Whether what is read counts as acknowledged.
    pub(super) acknowledges: bool,
    /// Milliseconds after which entries are taken that are pending with others.
    pub(super) claims_after_ms: Option<i64>,
    /// The index of the first key, and how many there are; as many ids follow.
    pub(super) first_key: usize,
    pub(super) keys: usize,
}

impl<'a> Request<'a> {
    /// Reads the arguments of XREAD or, for a group, of XREADGROUP.
    pub(super) fn parse(call: &Call<'a>, is_for_group: bool) -> Result<Request<'a>, Error> {
        let argv = call.argv;
        let mut request = Request {
            until_us: None,
            max: usize::MAX,
            reader: None,
            acknowledges: false,
            claims_after_ms: None,
            first_key: 0,
            keys: 0,
        };
        let mut at = 1;
        while request.first_key == 0 {
            let word = argv.get(at).ok_or(Error::SYNTAX)?;
            let is = |name: &str, takes: usize| {
                word.eq_ignore_ascii_case(name.as_bytes()) && at + takes < argv.len()
            };
            if is("BLOCK", 1) {
                request.until_us = Some(timeout_ms(argv.at(at + 1), call.state.now)?);
                at += 2;
            } else if is("COUNT", 1) {
                let max = usize::try_from(int(argv.at(at + 1))?).unwrap_or(0);
                request.max = if max == 0 { usize::MAX } else { max };
                at += 2;
            } else if is("STREAMS", 1) {
                request.first_key = at + 1;
            } else if is("GROUP", 2) {
                only_for_group("GROUP", is_for_group)?;
                request.reader = Some(Reader { group: argv.at(at + 1), consumer: argv.at(at + 2) });
                at += 3;
            } else if is("NOACK", 0) {
                only_for_group("NOACK", is_for_group)?;
                request.acknowledges = true;
                at += 1;
            } else if is_for_group && is("CLAIM", 1) {
                request.claims_after_ms = Some(int(argv.at(at + 1))?.max(0));
                at += 2;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        let rest = argv.len() - request.first_key;
        if !rest.is_multiple_of(2) {
            return Err(unbalanced(call.name(), if is_for_group { '>' } else { '$' }));
        }
        if is_for_group && request.reader.is_none() {
            return Err(Error::new("ERR Missing GROUP option for XREADGROUP"));
        }
        request.keys = rest / 2;
        Ok(request)
    }

    /// The keys, each with the argument that says where to begin.
    pub(super) fn streams(
        &self,
        argv: Argv<'a>,
    ) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let ids = argv.from(self.first_key + self.keys);
        argv.from(self.first_key).zip(ids)
    }

    /// Ends a run that has found nothing: waits if it may, for keys after these entries, and looks
    /// again at a moment if one is given.
    pub(super) fn wait(
        &self,
        call: &mut Call<'_>,
        points: &[Point],
        retry_us: Option<u64>,
    ) -> Flow {
        let Some(until_us) = self.until_us else {
            call.out.null_array();
            return Flow::Done;
        };
        let mut wait = Wait::new(self.first_key, self.keys, until_us);
        (wait.wants_any, wait.retry_us) = (self.reader.is_some(), retry_us);
        let first_id = self.first_key + self.keys;
        let is_relative = |text: &[u8]| matches!(text, b"$" | b"+");
        if call.argv.from(first_id).any(is_relative) {
            let mut again: ArgvBuf = call.argv.from(0).take(first_id).collect();
            for (text, point) in call.argv.from(first_id).zip(points) {
                match point {
                    Point::After(id) if is_relative(text) => again.push(id.text().as_ref()),
                    Point::After(_) | Point::New => again.push(text),
                }
            }
            wait.again = Some(Box::new(again));
        }
        call.wait_for(wait)
    }
}

/// Where the reading of a stream begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Point {
    /// Behind this entry.
    After(StreamId),
    /// Behind what the group has been given.
    New,
}

fn only_for_group(option: &str, is_for_group: bool) -> Result<(), Error> {
    if is_for_group {
        return Ok(());
    }
    let only = "option is only supported by XREADGROUP. You called XREAD instead.";
    Err(Error::text(format!("ERR The {option} {only}")))
}

fn unbalanced(name: &str, symbol: char) -> Error {
    Error::text(format!(
        "ERR Unbalanced '{name}' list of streams: for each stream key an ID or '{symbol}' must be \
         specified."
    ))
}

/// Replies with keys and what there is of each; false, and no reply, if `fill` has found nothing.
/// It says how many keys it has begun with [`begin`].
pub(super) fn write_keys(out: &mut Output, fill: impl FnOnce(&mut Output) -> usize) -> bool {
    let (mark, mut count) = (out.mark(), 0);
    out.map_or_array_of(|out| {
        count = fill(out);
        count
    });
    if count == 0 {
        out.rollback(mark);
    }
    count > 0
}

/// Begins what there is of a key.
pub(super) fn begin(out: &mut Output, key: &[u8]) {
    if out.protocol == Protocol::Resp2 {
        out.array(2);
    }
    out.bulk(key);
}

pub(super) const XREAD: Command = Command::new(
    Spec {
        name: "xread",
        arity: -4,
        flags: Flags::READONLY.union(Flags::BLOCKING).union(Flags::MOVABLEKEYS),
        keys: &[KeySpec::half("STREAMS", OPTIONS, ACCESSES)],
        complexity: "O(N) for N entries of each stream",
        summary: "Reads the entries of streams behind those that are known, or waits for one.",
        syntax: "[COUNT count] [BLOCK milliseconds] <streams: STREAMS key [key ...] id [id ...]>",
        ..READS
    },
    xread,
);

fn xread(call: &mut Call<'_>) -> Outcome {
    let (request, argv) = (Request::parse(call, false)?, call.argv);
    let mut points = Vec::with_capacity(request.keys);
    let mut db = call.store.db(call.client.db, call.state.now.unix_ms());
    for (key, text) in request.streams(argv) {
        let spot = db.read(key);
        let stream = db.view::<Stream>(&spot)?;
        points.push(Point::After(known_id(text, stream)?));
    }
    let is_served = write_keys(call.out, |out| {
        let mut served = 0;
        for ((key, text), point) in request.streams(argv).zip(&points) {
            let spot = db.find(key);
            let (Ok(Some(stream)), Point::After(known)) = (db.view::<Stream>(&spot), *point) else {
                continue;
            };
            let Some(from) = known.next().filter(|_| stream.top_id() > Some(known)) else {
                continue;
            };
            served += 1;
            begin(out, key);
            let max = if text == b"+" { 1 } else { request.max };
            let entries = stream.range(from, StreamId::MAX).take(max);
            out.array_of(|out| entries.map(|entry| write_entry(out, &entry)).count());
        }
        served
    });
    Ok(if is_served { Flow::Done } else { request.wait(call, &points, None) })
}

/// The last id that the reader of a stream knows.
fn known_id(text: &[u8], stream: Option<&Stream>) -> Result<StreamId, Error> {
    let last_id = || stream.map_or(StreamId::MIN, |stream| stream.facts().last_id);
    match text {
        b"$" => Ok(last_id()),
        // All but the last entry.
        b"+" => Ok(match stream.and_then(Stream::top_id) {
            Some(top) => top.prev().unwrap_or(StreamId::MIN),
            None => last_id(),
        }),
        b">" => Err(Error::new(
            "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> \
             <consumer> option.",
        )),
        _ => id(text, 0),
    }
}

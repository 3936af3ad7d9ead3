//! Pending entries that change their consumer.

use super::changes::Changes;
use super::read::Reader;
use super::{DELETES, UPDATES, WRITES_FAST, from_id, id, no_such_group, write_entry, write_id};
use crate::base::num;
use crate::data::stream::{ConsumerId, Group, Pending, Stream, StreamId};
use crate::exec::{Call, Command, Flow, Outcome};
use crate::resp::argv::Argv;
use crate::resp::error::{Error, shown};
use crate::resp::output::Output;
use crate::spec::Spec;
use crate::spec::keys::KeySpec;
use crate::store::Edit;

/// Entries that XAUTOCLAIM claims unless it is told otherwise.
const CLAIMED: usize = 100;
/// Entries that XAUTOCLAIM looks at for each that it may claim.
const TRIES: usize = 10;
/// The most that XAUTOCLAIM may be told to claim.
const CLAIMED_MAX: i64 = i64::MAX / 16;

pub(super) const XCLAIM: Command = Command::new(
    Spec {
        name: "xclaim",
        arity: -6,
        keys: &[KeySpec::one(UPDATES)],
        tips: &["nondeterministic_output"],
        complexity: "O(log N) for each entry, N being how many are pending",
        summary: "Gives pending entries to another consumer.",
        syntax: "key group consumer min-idle-time id [id ...] [IDLE ms:integer] [TIME \
            unix-time-milliseconds] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID lastid]",
        ..WRITES_FAST
    },
    xclaim,
);

/// How entries are claimed.
struct Claim<'a> {
    reader: Reader<'a>,
    key: &'a [u8],
    min_idle_ms: i64,
    /// When they count as given.
    delivered_ms: i64,
    /// How often they count as given; once more without.
    deliveries: Option<u64>,
    /// Whether entries are claimed that are not pending.
    forces: bool,
    /// Whether only ids are replied, which is no delivery.
    only_ids: bool,
    now_ms: i64,
}

impl<'a> Claim<'a> {
    fn new(argv: Argv<'a>, now_ms: i64, min_idle: &'static str) -> Result<Claim<'a>, Error> {
        let min_idle_ms = num::parse_i64(argv.at(4)).ok_or(Error::new(min_idle))?.max(0);
        Ok(Claim {
            reader: Reader { group: argv.at(2), consumer: argv.at(3) },
            key: argv.at(1),
            min_idle_ms,
            delivered_ms: now_ms,
            deliveries: None,
            forces: false,
            only_ids: false,
            now_ms,
        })
    }

    /// The consumer, made if it is not there; the event of that.
    fn consumer(&self, group: &mut Group, changes: &mut Changes) -> (ConsumerId, usize) {
        let Reader { group: name, consumer } = self.reader;
        let found = group.find_consumer(consumer);
        let id = found.unwrap_or_else(|| group.add_consumer(consumer, self.now_ms));
        group.note_seen(id, self.now_ms);
        if found.is_none() {
            changes.consumer(self.key, name, consumer);
        }
        (id, usize::from(found.is_none()))
    }

    /// Whether what is pending has been so for long enough.
    fn may_take(&self, held: &Pending) -> bool {
        self.min_idle_ms == 0 || self.now_ms.saturating_sub(held.delivered_ms) >= self.min_idle_ms
    }

    /// Gives an entry that is there to the consumer, and replies with it.
    fn take(
        &self,
        stream: &mut Stream,
        consumer: ConsumerId,
        id: StreamId,
        before: u64,
        (out, changes): (&mut Output, &mut Changes),
    ) {
        let once_more = before.saturating_add(u64::from(!self.only_ids));
        let deliveries = self.deliveries.unwrap_or(once_more);
        if let Some(group) = stream.group_mut(self.reader.group) {
            group.give(id, Pending { delivered_ms: self.delivered_ms, deliveries, consumer });
            group.note_active(consumer, self.now_ms);
            changes.claim(self.key, self.reader, group, (id, group.last_id));
        }
        match stream.get(id) {
            Some(entry) if !self.only_ids => write_entry(out, &entry),
            _ => write_id(out, id),
        }
    }
}

/// Ends a change of so many pending entries, of which the first may be a new consumer.
fn told<R>(made: usize, changed: usize, result: R) -> Edit<R> {
    match made + changed {
        0 => Edit::same(result),
        count => Edit::aside((made > 0).then_some("xgroup-createconsumer"), result).times(count),
    }
}

fn xclaim(call: &mut Call<'_>) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    let mut changes = Changes::new(call.state.feed.is_on());
    // What was given by XREADGROUP is replayed as claimed.
    let is_replay = call.is_replay();
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(argv.at(1));
    let out = &mut *call.out;
    let claimed = db.update(spot, |stream: &mut Stream| {
        if stream.group(argv.at(2)).is_none() {
            return Edit::same(Err(no_such_group(argv.at(1), argv.at(2), "")));
        }
        match Request::parse(argv, now_ms) {
            Err(error) => Edit::same(Err(error)),
            Ok(request) => request.run(stream, is_replay, (out, &mut changes)),
        }
    })?;
    claimed.unwrap_or_else(|| Err(no_such_group(argv.at(1), argv.at(2), "")))?;
    changes.propagate(call);
    Ok(Flow::Done)
}

/// A request to claim certain entries.
struct Request<'a> {
    claim: Claim<'a>,
    ids: Vec<StreamId>,
    last_id: StreamId,
}

impl<'a> Request<'a> {
    fn parse(argv: Argv<'a>, now_ms: i64) -> Result<Request<'a>, Error> {
        let text = "ERR Invalid min-idle-time argument for XCLAIM";
        let mut claim = Claim::new(argv, now_ms, text)?;
        let ids: Vec<StreamId> = argv.from(5).map_while(|text| StreamId::parse(text, 0)).collect();
        let (mut at, mut last_id, mut delivered_ms) = (5 + ids.len(), StreamId::MIN, None);
        while let Some(word) = argv.get(at) {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            let value = argv.get(at + 1);
            let number = |name: &str, text: &[u8]| {
                let error = || format!("ERR Invalid {name} option argument for XCLAIM");
                num::parse_i64(text).ok_or_else(|| Error::text(error()))
            };
            at += 2;
            match value {
                _ if is("FORCE") => (claim.forces, at) = (true, at - 1),
                _ if is("JUSTID") => (claim.only_ids, at) = (true, at - 1),
                Some(text) if is("IDLE") => {
                    delivered_ms = Some(now_ms.wrapping_sub(number("IDLE", text)?));
                }
                Some(text) if is("TIME") => delivered_ms = Some(number("TIME", text)?),
                Some(text) if is("RETRYCOUNT") => {
                    // Less than none counts as not told.
                    claim.deliveries = u64::try_from(number("RETRYCOUNT", text)?).ok();
                }
                Some(text) if is("LASTID") => last_id = id(text, 0)?,
                _ => return Err(unknown_option(word)),
            }
        }
        // Clients may have worked it out by clocks of their own.
        let is_sane = |at_ms: &i64| (0..=now_ms).contains(at_ms);
        claim.delivered_ms = delivered_ms.filter(is_sane).unwrap_or(now_ms);
        Ok(Request { claim, ids, last_id })
    }

    fn run(
        &self,
        stream: &mut Stream,
        is_replay: bool,
        (out, changes): (&mut Output, &mut Changes),
    ) -> Edit<Result<(), Error>> {
        let claim = &self.claim;
        let Some(group) = stream.group(claim.reader.group) else { return Edit::same(Ok(())) };
        let moves_on = self.last_id > group.last_id;
        if moves_on && is_replay {
            stream.note_read(claim.reader.group, self.last_id);
        }
        let Some(group) = stream.group_mut(claim.reader.group) else { return Edit::same(Ok(())) };
        group.last_id = group.last_id.max(self.last_id);
        let (consumer, made) = claim.consumer(group, changes);
        let (mut changed, mut gone) = (0, Vec::new());
        out.array_of(|out| {
            let mut count = 0;
            for id in &self.ids {
                let group = stream.group_mut(claim.reader.group);
                let held = group.and_then(|group| group.pending(*id).copied());
                if stream.get(*id).is_none() {
                    if held.is_some() {
                        gone.push(*id);
                        changed += 1;
                        stream.group_mut(claim.reader.group).map(|group| group.acknowledge(*id));
                    }
                    continue;
                }
                let before = match held {
                    Some(held) if claim.may_take(&held) => held.deliveries,
                    // One that was not pending counts as given once.
                    None if claim.forces => 1,
                    _ => continue,
                };
                claim.take(stream, consumer, *id, before, (out, changes));
                count += 1;
            }
            changed += count;
            count
        });
        changes.acknowledged(claim.key, claim.reader.group, &gone);
        if moves_on {
            changed += usize::from(changed == 0);
            if let Some(group) = stream.group(claim.reader.group) {
                changes.group_id(claim.key, claim.reader.group, group);
            }
        }
        told(made, changed, Ok(()))
    }
}

fn unknown_option(word: &[u8]) -> Error {
    let word = shown(word, usize::MAX);
    Error::text([b"ERR Unrecognized XCLAIM option '", word, b"'"].concat())
}

pub(super) const XAUTOCLAIM: Command = Command::new(
    Spec {
        name: "xautoclaim",
        since: "6.2.0",
        arity: -6,
        keys: &[KeySpec::one(DELETES)],
        tips: &["nondeterministic_output"],
        complexity: "O(1) if `count` is small",
        summary: "Gives entries that have been pending for long to another consumer.",
        syntax: "key group consumer min-idle-time start [COUNT count] [JUSTID]",
        history: &[("7.0.0", "ids of entries that are there no more in the reply")],
        ..WRITES_FAST
    },
    xautoclaim,
);

fn xautoclaim(call: &mut Call<'_>) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    let text = "ERR Invalid min-idle-time argument for XAUTOCLAIM";
    let mut claim = Claim::new(argv, now_ms, text)?;
    let from = from_id(argv.at(5))?;
    let (mut max, mut at) = (CLAIMED, 6);
    while let Some(word) = argv.get(at) {
        match argv.get(at + 1) {
            Some(count) if word.eq_ignore_ascii_case(b"COUNT") => {
                let count = super::count_within(count, CLAIMED_MAX, "ERR COUNT must be > 0")?;
                (max, at) = (count, at + 2);
            }
            _ if word.eq_ignore_ascii_case(b"JUSTID") => (claim.only_ids, at) = (true, at + 1),
            _ => return Err(Error::SYNTAX),
        }
    }
    let mut changes = Changes::new(call.state.feed.is_on());
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(argv.at(1));
    let out = &mut *call.out;
    let claimed = db.update(spot, |stream: &mut Stream| {
        claim_idle(&claim, (from, max), stream, out, &mut changes)
    })?;
    if claimed != Some(true) {
        return Err(no_such_group(argv.at(1), argv.at(2), ""));
    }
    changes.propagate(call);
    Ok(Flow::Done)
}

/// Claims entries that have been pending for long, from an id on; false if there is no group.
fn claim_idle(
    claim: &Claim<'_>,
    (from, max): (StreamId, usize),
    stream: &mut Stream,
    out: &mut Output,
    changes: &mut Changes,
) -> Edit<bool> {
    let name = claim.reader.group;
    let Some(group) = stream.group_mut(name) else { return Edit::same(false) };
    let (consumer, made) = claim.consumer(group, changes);
    // What is looked at ends with the tries, or with as many as may be claimed.
    let (mut left, mut claimed, mut gone) = (max, Vec::new(), Vec::new());
    let mut tries = max.saturating_mul(TRIES);
    let mut next = StreamId::MIN;
    if let Some(group) = stream.group(name) {
        for (id, held) in group.pending_range(from, StreamId::MAX) {
            if tries == 0 || left == 0 {
                next = id;
                break;
            }
            tries -= 1;
            if stream.get(id).is_none() {
                gone.push(id);
                left -= 1;
            } else if claim.may_take(held) {
                claimed.push((id, held.deliveries));
                left -= 1;
            }
        }
    }
    if let Some(group) = stream.group_mut(name) {
        for id in &gone {
            group.acknowledge(*id);
        }
    }
    out.array(3);
    write_id(out, next);
    out.array(claimed.len());
    for (id, deliveries) in &claimed {
        claim.take(stream, consumer, *id, *deliveries, (out, changes));
    }
    out.array(gone.len());
    gone.iter().for_each(|id| write_id(out, *id));
    changes.acknowledged(claim.key, name, &gone);
    told(made, claimed.len() + gone.len(), true)
}

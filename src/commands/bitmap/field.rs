//! BITFIELD: integers of any width in a string.

use super::{ACCESSES, READS, READS_AND_UPDATES, WRITES, bit_place, grow};
use crate::base::num;
use crate::data::bitfield::{Kind, Overflow};
use crate::data::text::Text;
use crate::exec::{Call, Command, Flow, Outcome, int};
use crate::resp::error::Error;
use crate::resp::output::Output;
use crate::spec::Spec;
use crate::spec::flags::Flags;
use crate::spec::keys::KeySpec;

pub(super) const BITFIELD: Command = Command::new(
    Spec {
        name: "bitfield",
        since: "3.2.0",
        arity: -2,
        keys: &[KeySpec::one(READS_AND_UPDATES)
            .or_without(2, &["SET", "INCRBY"], ACCESSES)
            .noting("This command allows both access and modification of the key")],
        complexity: "O(1) for each operation",
        summary: "Reads, writes and adds to integers of any width.",
        syntax: "key [operation: <get-block: GET encoding offset:integer> | \
            <write: [overflow-block: OVERFLOW <WRAP | SAT | FAIL>] \
            <write-operation: <set-block: SET encoding offset:integer value:integer> | \
            <incrby-block: INCRBY encoding offset:integer increment>>>] ...",
        ..WRITES
    },
    bitfield,
);

fn bitfield(call: &mut Call<'_>) -> Outcome {
    let steps = parse(call)?;
    run(call, &steps)
}

pub(super) const BITFIELD_RO: Command = Command::new(
    Spec {
        name: "bitfield_ro",
        since: "6.0.0",
        arity: -2,
        flags: READS.flags.union(Flags::FAST),
        complexity: "O(1) for each operation",
        summary: "Reads integers of any width.",
        syntax: "key [get-block: GET encoding offset:integer] ...",
        ..READS
    },
    bitfield_ro,
);

fn bitfield_ro(call: &mut Call<'_>) -> Outcome {
    let steps = parse(call)?;
    if steps.iter().any(Step::writes) {
        return Err(Error::new("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    run(call, &steps)
}

/// One operation on one integer.
struct Step {
    kind: Kind,
    /// Where its highest bit stands.
    place: usize,
    action: Action,
}

enum Action {
    Get,
    Set(i64, Overflow),
    Add(i64, Overflow),
}

impl Step {
    fn writes(&self) -> bool {
        !matches!(self.action, Action::Get)
    }

    /// Bits that a string must have for it.
    fn bits(&self) -> usize {
        self.place + self.kind.width() as usize
    }

    /// Does it to a string that is long enough; the reply, which is null where nothing was written,
    /// and whether anything has changed.
    fn apply(&self, bytes: &mut [u8]) -> (Option<i64>, bool) {
        let old = self.kind.read(bytes, self.place);
        let (wanted, overflow) = match self.action {
            Action::Get => return (Some(old), false),
            Action::Set(value, overflow) => (self.kind.wide(value), overflow),
            Action::Add(increment, overflow) => (i128::from(old) + i128::from(increment), overflow),
        };
        let Some(new) = self.kind.fit(wanted, overflow) else { return (None, false) };
        self.kind.write(bytes, self.place, new);
        let reply = if matches!(self.action, Action::Set(..)) { old } else { new };
        (Some(reply), old != new)
    }
}

/// The operations that the arguments state.
fn parse(call: &Call<'_>) -> Result<Vec<Step>, Error> {
    let argv = call.argv;
    let (mut steps, mut overflow, mut at) = (Vec::new(), Overflow::Wrap, 2);
    while let Some(name) = argv.get(at) {
        let name = name.to_ascii_uppercase();
        let left = argv.len() - at - 1;
        let used = match name.as_slice() {
            b"GET" => 2,
            b"SET" | b"INCRBY" => 3,
            b"OVERFLOW" => 1,
            _ => return Err(Error::SYNTAX),
        };
        if used > left {
            return Err(Error::SYNTAX);
        }
        if used == 1 {
            overflow = overflow_named(argv.at(at + 1))?;
        } else {
            let kind = kind_named(argv.at(at + 1))?;
            let place = field_place(call, argv.at(at + 2), kind)?;
            let action = match name.as_slice() {
                b"GET" => Action::Get,
                b"SET" => Action::Set(int(argv.at(at + 3))?, overflow),
                _ => Action::Add(int(argv.at(at + 3))?, overflow),
            };
            steps.push(Step { kind, place, action });
        }
        at += 1 + used;
    }
    Ok(steps)
}

fn overflow_named(name: &[u8]) -> Result<Overflow, Error> {
    match name.to_ascii_uppercase().as_slice() {
        b"WRAP" => Ok(Overflow::Wrap),
        b"SAT" => Ok(Overflow::Saturate),
        b"FAIL" => Ok(Overflow::Fail),
        _ => Err(Error::new("ERR Invalid OVERFLOW type specified")),
    }
}

/// A kind such as `u8` or `i64`.
fn kind_named(name: &[u8]) -> Result<Kind, Error> {
    let kind = match name {
        [b'i', width @ ..] => num::parse_i64(width).and_then(|width| Kind::new(true, width)),
        [b'u', width @ ..] => num::parse_i64(width).and_then(|width| Kind::new(false, width)),
        _ => None,
    };
    kind.ok_or(Error::new(
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but \
         i64 is.",
    ))
}

/// A place in bits or, behind a `#`, in integers of that kind.
fn field_place(call: &Call<'_>, argument: &[u8], kind: Kind) -> Result<usize, Error> {
    match argument {
        [b'#', index @ ..] => bit_place(call, index, i64::from(kind.width())),
        _ => bit_place(call, argument, 1),
    }
}

fn run(call: &mut Call<'_>, steps: &[Step]) -> Outcome {
    let (key, now_ms) = (call.argv.at(1), call.now_ms());
    let mut db = call.store.db(call.client.db, now_ms);
    let out = &mut *call.out;
    out.array(steps.len());
    let Some(bits) = steps.iter().filter(|step| step.writes()).map(Step::bits).max() else {
        let spot = db.read(key);
        let text = db.text(&spot)?.unwrap_or(Text::EMPTY);
        let read = |step: &Step| text.with_bytes(|bytes| step.kind.read(bytes, step.place));
        steps.iter().for_each(|step| out.int(read(step)));
        return Ok(Flow::Done);
    };
    let spot = db.look(key);
    db.text(&spot)?;
    db.modify_if("setbit", spot, |bytes| {
        let mut changes = grow(bytes, bits);
        for step in steps {
            let (reply, has_changed) = step.apply(bytes);
            changes |= has_changed;
            write_reply(out, reply);
        }
        usize::from(changes)
    });
    Ok(Flow::Done)
}

fn write_reply(out: &mut Output, reply: Option<i64>) {
    match reply {
        Some(value) => out.int(value),
        None => out.null(),
    }
}

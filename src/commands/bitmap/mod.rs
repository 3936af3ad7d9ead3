//! Strings as rows of bits.

mod field;

use crate::base::num;
use crate::data::bitop::{self, Operation};
use crate::data::bits::{self, Window};
use crate::data::collection::Type;
use crate::data::text::Text;
use crate::exec::{Call, Command, Flow, Outcome, int, span};
use crate::resp::error::Error;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::spec::{Group, Spec};

/// All commands of the group.
pub(super) const COMMANDS: &[&Command] =
    &[&BITCOUNT, &field::BITFIELD, &field::BITFIELD_RO, &BITOP, &BITPOS, &GETBIT, &SETBIT];

const READS: Spec = Spec {
    group: Group::Bitmap,
    flags: Flags::READONLY,
    categories: Categories::BITMAP,
    keys: &[KeySpec::one(ACCESSES)],
    ..Spec::NEW
};
const WRITES: Spec = Spec {
    group: Group::Bitmap,
    flags: Flags::WRITE.union(Flags::DENYOOM),
    categories: Categories::BITMAP,
    ..Spec::NEW
};

const ACCESSES: KeyFlags = KeyFlags::RO.union(KeyFlags::ACCESS);
const READS_AND_UPDATES: KeyFlags = KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE);

/// The place of a bit, `unit` bits a step; no string is longer than an argument may be.
fn bit_place(call: &Call<'_>, argument: &[u8], unit: i64) -> Result<usize, Error> {
    const OUT_OF_RANGE: Error = Error::new("ERR bit offset is not an integer or out of range");
    let place = int(argument).ok().and_then(|step| step.checked_mul(unit));
    let bytes_max = call.state.config.proto_max_bulk_len;
    let place = place.filter(|place| place / 8 < bytes_max).ok_or(OUT_OF_RANGE)?;
    usize::try_from(place).map_err(|_| OUT_OF_RANGE)
}

const SETBIT: Command = Command::new(
    Spec {
        name: "setbit",
        since: "2.2.0",
        arity: 4,
        keys: &[KeySpec::one(READS_AND_UPDATES)],
        summary: "Sets or clears a bit and replies with what it was before.",
        syntax: "key offset:integer value:integer",
        ..WRITES
    },
    setbit,
);

fn setbit(call: &mut Call<'_>) -> Outcome {
    let key = call.argv.at(1);
    let place = bit_place(call, call.argv.at(2), 1)?;
    let is_set = match call.argv.at(3) {
        b"0" => false,
        b"1" => true,
        _ => return Err(Error::new("ERR bit is not an integer or out of range")),
    };
    let mut db = call.db();
    let spot = db.look(key);
    db.text(&spot)?;
    let mut was_set = false;
    db.modify_if("setbit", spot, |bytes| {
        let grows = grow(bytes, place + 1);
        was_set = bits::get(bytes, place);
        bits::set(bytes, place, is_set);
        usize::from(grows || was_set != is_set)
    });
    call.out.int(i64::from(was_set));
    Ok(Flow::Done)
}

/// Adds zeros until there are so many bits; whether there were less.
fn grow(bytes: &mut Vec<u8>, bits: usize) -> bool {
    let len = bits.div_ceil(8);
    let grows = bytes.len() < len;
    if grows {
        bytes.resize(len, 0);
    }
    grows
}

const GETBIT: Command = Command::new(
    Spec {
        name: "getbit",
        since: "2.2.0",
        arity: 3,
        flags: READS.flags.union(Flags::FAST),
        summary: "Reads a bit.",
        syntax: "key offset:integer",
        ..READS
    },
    getbit,
);

fn getbit(call: &mut Call<'_>) -> Outcome {
    let (key, now_ms) = (call.argv.at(1), call.now_ms());
    let place = bit_place(call, call.argv.at(2), 1)?;
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(key);
    let text = db.text(&spot)?;
    let is_set = text.is_some_and(|text| text.with_bytes(|bytes| bits::get(bytes, place)));
    call.out.int(i64::from(is_set));
    Ok(Flow::Done)
}

const BITCOUNT: Command = Command::new(
    Spec {
        name: "bitcount",
        since: "2.6.0",
        arity: -2,
        complexity: "O(N) for N bytes",
        summary: "Counts the bits that are set.",
        syntax: "key [range: start:integer end:integer [unit: BYTE | BIT]]",
        history: &[("7.0.0", "BYTE and BIT")],
        ..READS
    },
    bitcount,
);

fn bitcount(call: &mut Call<'_>) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(argv.at(1));
    // Of a key that is not there the other arguments are not even looked at.
    let Some(text) = db.text(&spot)? else {
        call.out.int(0);
        return Ok(Flow::Done);
    };
    let range = match argv.len() {
        2 => Range { start: 0, end: -1, unit: Unit::Byte },
        4 | 5 => {
            let (start, end) = (int(argv.at(2))?, int(argv.at(3))?);
            if start < 0 && end < 0 && start > end {
                call.out.int(0);
                return Ok(Flow::Done);
            }
            Range { start, end, unit: Unit::parse(argv.get(4))? }
        }
        _ => return Err(Error::SYNTAX),
    };
    let count = text.with_bytes(|bytes| range.of(bytes).map_or(0, |window| window.count()));
    call.out.int(num::signed_u64(count));
    Ok(Flow::Done)
}

const BITPOS: Command = Command::new(
    Spec {
        name: "bitpos",
        since: "2.8.7",
        arity: -3,
        complexity: "O(N) for N bytes",
        summary: "Finds the first bit that is set, or the first that is not.",
        syntax: "key bit:integer \
            [range: start:integer [end-unit-block: end:integer [unit: BYTE | BIT]]]",
        history: &[("7.0.0", "BYTE and BIT")],
        ..READS
    },
    bitpos,
);

fn bitpos(call: &mut Call<'_>) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    let is_set = match int(argv.at(2))? {
        0 => false,
        1 => true,
        _ => return Err(Error::new("ERR The bit argument must be 1 or 0.")),
    };
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(argv.at(1));
    // As in BITCOUNT. All bits of nothing are clear.
    let Some(text) = db.text(&spot)? else {
        call.out.int(if is_set { -1 } else { 0 });
        return Ok(Flow::Done);
    };
    if argv.len() > 6 {
        return Err(Error::SYNTAX);
    }
    let start = argv.get(3).map_or(Ok(0), int)?;
    let unit = Unit::parse(argv.get(5))?;
    let end = argv.get(4).map_or(Ok(-1), int)?;
    let place = text.with_bytes(|bytes| {
        let window = Range { start, end, unit }.of(bytes)?;
        // Behind a string whose end was not given, all bits are clear.
        let behind = (!is_set && argv.len() < 5).then_some(bytes.len() * 8);
        window.position(is_set).or(behind)
    });
    call.out.int(place.map_or(-1, num::signed));
    Ok(Flow::Done)
}

/// What a range counts.
#[derive(Clone, Copy)]
enum Unit {
    Byte,
    Bit,
}

impl Unit {
    fn parse(argument: Option<&[u8]>) -> Result<Unit, Error> {
        match argument {
            None => Ok(Unit::Byte),
            Some(unit) if unit.eq_ignore_ascii_case(b"BYTE") => Ok(Unit::Byte),
            Some(unit) if unit.eq_ignore_ascii_case(b"BIT") => Ok(Unit::Bit),
            Some(_) => Err(Error::SYNTAX),
        }
    }
}

/// From where to where, as arguments have it.
struct Range {
    start: i64,
    end: i64,
    unit: Unit,
}

impl Range {
    /// The bits of a string that it names, if there are any.
    fn of<'a>(&self, bytes: &'a [u8]) -> Option<Window<'a>> {
        let unit_bits = match self.unit {
            Unit::Byte => 8,
            Unit::Bit => 1,
        };
        let (first, last) = span(self.start, self.end, bytes.len() * 8 / unit_bits)?;
        Some(Window::new(bytes, first * unit_bits, (last + 1) * unit_bits - 1))
    }
}

const BITOP: Command = Command::new(
    Spec {
        name: "bitop",
        since: "2.6.0",
        arity: -4,
        keys: &[
            KeySpec::one(KeyFlags::OW.union(KeyFlags::UPDATE)).from(2),
            KeySpec::all(ACCESSES).from(3),
        ],
        complexity: "O(N) for N bytes of all strings",
        summary: "Combines the bits of strings and writes the result.",
        syntax: "<operation: AND | OR | XOR | NOT | DIFF | DIFF1 | ANDOR | ONE> \
            destkey:key key [key ...]",
        history: &[("8.2.0", "DIFF, DIFF1, ANDOR and ONE")],
        ..WRITES
    },
    bitop,
);

fn bitop(call: &mut Call<'_>) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    let (name, target) = (argv.at(1).to_ascii_uppercase(), argv.at(2));
    let operation = operation(&name, argv.len() - 3)?;
    let mut db = call.store.db(call.client.db, now_ms);
    // If it is due it goes now, so that the spots hold.
    db.look(target);
    let spots = db.read_all(argv.from(3), |value| value == Type::String)?;
    let is_source = argv.from(3).any(|source| source == target);
    let target = db.look(target);
    let room = if is_source { Vec::new() } else { db.reuse(&target) };
    let texts = spots.iter().map(|spot| Ok(db.text(spot)?.unwrap_or(Text::EMPTY).to_bytes()));
    let texts: Vec<_> = texts.collect::<Result<_, Error>>()?;
    let sources: Vec<&[u8]> = texts.iter().map(AsRef::as_ref).collect();
    let result = bitop::combine(operation, &sources, room);
    let len = result.len();
    if result.is_empty() {
        db.remove("del", target);
    } else {
        db.put_bytes("set", target, result);
    }
    call.out.len_int(len);
    Ok(Flow::Done)
}

/// The operation of a name in capitals, for so many strings.
fn operation(name: &[u8], sources: usize) -> Result<Operation, Error> {
    let (operation, source_range) = match name {
        b"AND" => (Operation::And, 1..=usize::MAX),
        b"OR" => (Operation::Or, 1..=usize::MAX),
        b"XOR" => (Operation::Xor, 1..=usize::MAX),
        b"NOT" => (Operation::Not, 1..=1),
        b"DIFF" => (Operation::Diff, 2..=usize::MAX),
        b"DIFF1" => (Operation::Diff1, 2..=usize::MAX),
        b"ANDOR" => (Operation::AndOr, 2..=usize::MAX),
        b"ONE" => (Operation::One, 1..=usize::MAX),
        _ => return Err(Error::SYNTAX),
    };
    if source_range.contains(&sources) {
        return Ok(operation);
    }
    let is_single = operation == Operation::Not;
    let needed: &[u8] =
        if is_single { b"a single source key." } else { b"at least two source keys." };
    Err(Error::text([b"ERR BITOP ", name, b" must be called with ", needed].concat()))
}

//! What a string is compared with before it is changed, and its digest.

use super::{ACCESSES, READS_FAST, REMOVES_FAST};
use crate::exec::{Call, Command, Flow, Outcome};
use crate::resp::error::Error;
use crate::spec::Spec;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::store::{Db, Spot};
use xxhash_rust::xxh3::xxh3_64;

/// What must hold for a command to write.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition<'a> {
    /// Nothing.
    Always,
    /// There is no key.
    Missing,
    /// There is a key.
    Present,
    /// The value is this one.
    Equal(&'a [u8]),
    /// It is another one, or there is none.
    NotEqual(&'a [u8]),
    /// The value has this digest.
    DigestEqual(u64),
    /// It has another one, or there is none.
    DigestNotEqual(u64),
}

impl<'a> Condition<'a> {
    /// What an option says of the key's being there; `None` if it says nothing of it.
    pub(super) fn presence(option: &[u8]) -> Option<Condition<'a>> {
        match option {
            [b'N' | b'n', b'X' | b'x'] => Some(Condition::Missing),
            [b'X' | b'x', b'X' | b'x'] => Some(Condition::Present),
            _ => None,
        }
    }

    /// The comparison that an option and its argument state; `None` if the option states none.
    pub(super) fn comparison(
        option: &[u8],
        value: &'a [u8],
    ) -> Result<Option<Condition<'a>>, Error> {
        Ok(Some(match option.to_ascii_uppercase().as_slice() {
            b"IFEQ" => Condition::Equal(value),
            b"IFNE" => Condition::NotEqual(value),
            b"IFDEQ" => Condition::DigestEqual(digest_of(value)?),
            b"IFDNE" => Condition::DigestNotEqual(digest_of(value)?),
            _ => return Ok(None),
        }))
    }

    /// Whether it holds for what is at a spot.
    ///
    /// # Errors
    /// That the value is no string, where it is compared.
    pub(super) fn holds(self, db: &Db<'_>, spot: &Spot<'_>) -> Result<bool, Error> {
        let text = match self {
            Condition::Always => return Ok(true),
            Condition::Missing => return Ok(!spot.exists()),
            Condition::Present => return Ok(spot.exists()),
            Condition::Equal(_) | Condition::DigestEqual(_) => db.text(spot)?,
            Condition::NotEqual(_) | Condition::DigestNotEqual(_) => db.text(spot)?,
        };
        let is_equal = text.map(|text| match self {
            Condition::Equal(value) | Condition::NotEqual(value) => {
                text.with_bytes(|bytes| bytes == value)
            }
            Condition::DigestEqual(digest) | Condition::DigestNotEqual(digest) => {
                text.with_bytes(xxh3_64) == digest
            }
            Condition::Always | Condition::Missing | Condition::Present => true,
        });
        let wants_equal = matches!(self, Condition::Equal(_) | Condition::DigestEqual(_));
        Ok(is_equal.unwrap_or(false) == wants_equal)
    }
}

/// A digest as DIGEST shows it: the XXH3 hash of the value in sixteen hexadecimal digits.
fn digest_of(text: &[u8]) -> Result<u64, Error> {
    let is_hex = text.len() == 16 && text.iter().all(u8::is_ascii_hexdigit);
    let digits = std::str::from_utf8(text).ok().filter(|_| is_hex);
    let value = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    value.ok_or(Error::new("ERR digest must be exactly 16 hexadecimal characters"))
}

pub(super) const DELEX: Command = Command::new(
    Spec {
        name: "delex",
        since: "8.4.0",
        arity: -2,
        keys: &[KeySpec::one(KeyFlags::RW.union(KeyFlags::DELETE))],
        complexity: "O(1), or O(N) for a digest of N bytes",
        summary: "Removes a key if its value is the expected one.",
        syntax: "key [condition: IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest | \
            IFDNE ifdne-digest]",
        ..REMOVES_FAST
    },
    delex,
);

fn delex(call: &mut Call<'_>) -> Outcome {
    let (argv, key) = (call.argv, call.argv.at(1));
    let condition = match argv.len() {
        2 => Condition::Always,
        4 => Condition::comparison(argv.at(2), argv.at(3))?
            .ok_or(Error::new("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE"))?,
        _ => return Err(call.wrong_arity()),
    };
    let mut db = call.db();
    let spot = db.look(key);
    let removed = condition.holds(&db, &spot)? && db.remove("del", spot);
    call.out.int(i64::from(removed));
    if removed {
        call.propagate_as(|| [b"DEL", key]);
    }
    Ok(Flow::Done)
}

pub(super) const DIGEST: Command = Command::new(
    Spec {
        name: "digest",
        since: "8.4.0",
        arity: 2,
        keys: &[KeySpec::one(ACCESSES)],
        complexity: "O(N) for N bytes",
        summary: "Computes the digest of a string.",
        syntax: "key",
        ..READS_FAST
    },
    digest,
);

fn digest(call: &mut Call<'_>) -> Outcome {
    let (key, now_ms) = (call.argv.at(1), call.now_ms());
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(key);
    match db.text(&spot)? {
        Some(text) => call.out.bulk(format!("{:016x}", text.with_bytes(xxh3_64)).as_bytes()),
        None => call.out.null(),
    }
    Ok(Flow::Done)
}

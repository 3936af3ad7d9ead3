//! Digests of data: the same for the same data, in whatever form it is kept. They are computed as
//! Redis does, so that two servers can be compared.

use crate::data::collection::Type;
use crate::data::hash::Hash;
use crate::data::list::List;
use crate::data::set::Set;
use crate::data::sorted_set::SortedSet;
use crate::data::stream::{Stream, StreamId};
use crate::data::text::Text;
use crate::exec::{Call, Flow, Outcome};
use crate::store::Db;
use crate::store::entry::Entry;
use sha1::{Digest as _, Sha1};

/// A sum of SHA-1 hashes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Digest([u8; 20]);

impl Digest {
    /// Adds something whose place among the others means nothing.
    fn unite(&mut self, bytes: &[u8]) {
        let hash = Sha1::digest(bytes);
        self.0.iter_mut().zip(hash).for_each(|(sum, byte)| *sum ^= byte);
    }

    /// Adds something that comes behind all before it.
    fn mix(&mut self, bytes: &[u8]) {
        self.unite(bytes);
        self.0 = Sha1::digest(self.0).into();
    }

    fn mix_text(&mut self, text: Text<'_>) {
        text.with_bytes(|bytes| self.mix(bytes));
    }

    /// Adds a value, which is of a type and perhaps has a deadline.
    fn mix_value(&mut self, entry: &Entry, is_timed: bool) {
        self.mix(&number_of(entry.type_of()).to_be_bytes());
        match entry.type_of() {
            Type::String => self.mix_text(entry.text().unwrap_or(Text::Bytes(b""))),
            Type::List => {
                let list = entry.view::<List>();
                list.into_iter().flat_map(|list| list.iter()).for_each(|text| self.mix_text(text));
            }
            Type::Set => {
                if let Some(set) = entry.view::<Set>() {
                    set.each(|member| member.with_bytes(|bytes| self.unite(bytes)));
                }
            }
            Type::SortedSet => {
                let set = entry.view::<SortedSet>();
                for (member, score) in set.into_iter().flat_map(|set| set.items(0..set.len())) {
                    let mut item = Digest::default();
                    item.mix_text(member);
                    item.mix(in_digits(score).as_bytes());
                    self.unite(&item.0);
                }
            }
            Type::Hash => self.mix_hash(entry),
            Type::Stream => self.mix_stream(entry),
        }
        if is_timed {
            self.unite(b"!!expire!!");
        }
    }

    fn mix_hash(&mut self, entry: &Entry) {
        let Some(hash) = entry.view::<Hash>() else { return };
        hash.each(|field| {
            let mut item = Digest::default();
            item.mix_text(field.name);
            item.mix_text(field.value);
            if field.deadline_ms.is_some() {
                item.unite(b"!!hexpire!!");
            }
            self.unite(&item.0);
        });
    }

    fn mix_stream(&mut self, entry: &Entry) {
        let stream = entry.view::<Stream>();
        let entries = stream.map(|stream| stream.range(StreamId::MIN, StreamId::MAX));
        for entry in entries.into_iter().flatten() {
            self.mix(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
            for (field, value) in entry.fields() {
                self.mix_text(field);
                self.mix_text(value);
            }
        }
    }

    fn hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Significant digits of a double that are always enough to tell it from any other.
const DIGITS: i32 = 17;

/// A double as the C library prints it with `%.17g`.
fn in_digits(value: f64) -> String {
    if !value.is_finite() {
        return value.to_string().to_ascii_lowercase();
    }
    let text = format!("{value:.16e}");
    let (significand, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..DIGITS).contains(&exponent) {
        let decimals = usize::try_from(DIGITS - 1 - exponent).unwrap_or(0);
        return without_zeros(&format!("{value:.decimals$}")).to_owned();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", without_zeros(significand), exponent.unsigned_abs())
}

/// A number without the zeros at its end that say nothing.
fn without_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// The number by which snapshots know a type.
const fn number_of(value: Type) -> u32 {
    match value {
        Type::String => 0,
        Type::List => 1,
        Type::Set => 2,
        Type::SortedSet => 3,
        Type::Hash => 4,
        Type::Stream => 6,
    }
}

/// Tells the digest of all keys of all databases.
pub(super) fn all(call: &mut Call<'_>) -> Outcome {
    let now_ms = call.now_ms();
    let mut digest = Digest::default();
    for index in 0..call.store.databases() {
        let mut db = call.store.db(index, now_ms);
        let mut keys: Vec<Vec<u8>> = Vec::new();
        db.each_key(|key| keys.push(key.to_vec()));
        if keys.is_empty() {
            continue;
        }
        digest.mix(&u32::try_from(index).unwrap_or(u32::MAX).to_be_bytes());
        for key in keys {
            let mut one = Digest::default();
            one.mix(&key);
            add_value(&mut db, &key, &mut one);
            digest.unite(&one.0);
        }
    }
    call.out.status(&digest.hex());
    Ok(Flow::Done)
}

/// Tells the digests of the values of some keys.
pub(super) fn values(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    call.out.array(argv.len() - 2);
    for key in argv.from(2) {
        let mut digest = Digest::default();
        add_value(&mut call.db(), key, &mut digest);
        call.out.status(&digest.hex());
    }
    Ok(Flow::Done)
}

/// Adds the value of a key, if there is one.
fn add_value(db: &mut Db<'_>, key: &[u8], digest: &mut Digest) {
    let spot = db.find(key);
    let is_timed = db.deadline_ms(&spot).is_some();
    if let Some(entry) = db.entry(&spot) {
        digest.mix_value(entry, is_timed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_in_order_gives_another_digest_in_another() {
        let digest = |add: fn(&mut Digest, &[u8]), texts: [&[u8]; 2]| {
            let mut digest = Digest::default();
            texts.iter().for_each(|text| add(&mut digest, text));
            digest
        };
        let (forward, backward) = ([&b"a"[..], b"b"], [&b"b"[..], b"a"]);
        assert_ne!(digest(Digest::mix, forward), digest(Digest::mix, backward));
        assert_eq!(digest(Digest::unite, forward), digest(Digest::unite, backward));
    }

    #[test]
    fn doubles_have_all_their_digits() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (0.1, "0.10000000000000001"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (1e-4, "0.0001"),
            (1e-5, "1.0000000000000001e-05"),
            (1.5e300, "1.5000000000000001e+300"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (value, expected) in cases {
            assert_eq!(in_digits(value), expected);
        }
    }

    #[test]
    fn values_and_deadlines_are_told_apart() {
        let digest = |text: &'static [u8], is_timed| {
            let mut digest = Digest::default();
            digest.mix_value(&Entry::new(b"k", Text::Bytes(text), false), is_timed);
            digest.hex()
        };
        assert_eq!(digest(b"a", false).len(), 40);
        assert_ne!(digest(b"a", false), digest(b"b", false));
        assert_ne!(digest(b"a", false), digest(b"a", true));
    }
}

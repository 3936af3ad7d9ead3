//! Fields removed.

use super::named::{NOT_POSITIVE, Named, removal};
use super::{BY_FIELDS, REMOVES};
use crate::commands::text::write_text;
use crate::data::hash::Hash;
use crate::exec::{Call, Command, Flow, Outcome};
use crate::spec::Spec;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::store::Edit;

pub(super) const HDEL: Command = Command::new(
    Spec {
        name: "hdel",
        arity: -3,
        keys: &[KeySpec::one(KeyFlags::RW.union(KeyFlags::DELETE))],
        complexity: BY_FIELDS,
        summary: "Removes fields from a hash.",
        syntax: "key field [field ...]",
        history: &[("2.4.0", "several fields")],
        ..REMOVES
    },
    hdel,
);

fn hdel(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    let mut db = call.db();
    let spot = db.look(argv.at(1));
    let removed = db.update(spot, |hash: &mut Hash| {
        told(argv.from(2).filter(|field| hash.remove(field)).count())
    })?;
    call.out.len_int(removed.unwrap_or(0));
    Ok(Flow::Done)
}

/// That so many fields have been removed.
fn told(removed: usize) -> Edit<usize> {
    match removed {
        0 => Edit::same(0),
        _ => Edit::changed("hdel", removed).times(removed),
    }
}

pub(super) const HGETDEL: Command = Command::new(
    Spec {
        name: "hgetdel",
        since: "8.0.0",
        arity: -5,
        keys: &[KeySpec::one(KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE))],
        complexity: BY_FIELDS,
        summary: "Reads fields of a hash and removes them.",
        syntax: "key <FIELDS numfields:integer field [field ...]>",
        ..REMOVES
    },
    hgetdel,
);

fn hgetdel(call: &mut Call<'_>) -> Outcome {
    let (key, now_ms) = (call.argv.at(1), call.now_ms());
    let spot = call.db().look(key);
    call.db().hash(&spot)?;
    let named = Named::parse(call, 2, NOT_POSITIVE)?;
    let mut db = call.store.db(call.client.db, now_ms);
    call.out.array(named.len());
    let (out, mut removed) = (&mut *call.out, Vec::new());
    let was_there = db.update(spot, |hash: &mut Hash| {
        for field in named.iter() {
            match hash.get(field) {
                Some(found) => write_text(out, found.value),
                None => out.null(),
            }
            if hash.remove(field) {
                removed.push(field);
            }
        }
        told(removed.len())
    })?;
    if was_there.is_none() {
        named.iter().for_each(|_| call.out.null());
    }
    call.propagate_all(|| removal(key, &removed));
    Ok(Flow::Done)
}

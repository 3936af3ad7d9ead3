//! Elements that go from an end of one list to an end of another one, or of the same.

use super::{INSERTS, TAKES, WRITES, fill, pop_event, push_event, side};
use crate::commands::text::write_text;
use crate::data::list::{End, List};
use crate::data::text::Text;
use crate::exec::{Call, Command, Flow, Nothing, Outcome, Wait, timeout};
use crate::resp::error::Error;
use crate::spec::flags::Flags;
use crate::spec::keys::KeySpec;
use crate::spec::{Deprecated, Spec};
use crate::store::Edit;

const TRANSFERS: Spec =
    Spec { keys: &[KeySpec::one(TAKES), KeySpec::one(INSERTS).from(2)], ..WRITES };
const BLOCKING_TRANSFERS: Spec = Spec { flags: WRITES.flags.union(Flags::BLOCKING), ..TRANSFERS };

pub(super) const LMOVE: Command = Command::new(
    Spec {
        name: "lmove",
        since: "6.2.0",
        arity: 5,
        summary: "Moves an element from an end of a list to an end of another one.",
        syntax: "source:key destination:key <wherefrom: LEFT | RIGHT> <whereto: LEFT | RIGHT>",
        ..TRANSFERS
    },
    lmove,
);

fn lmove(call: &mut Call<'_>) -> Outcome {
    let (from, to) = (side(call.argv.at(3))?, side(call.argv.at(4))?);
    transfer_or_null(call, from, to)
}

pub(super) const RPOPLPUSH: Command = Command::new(
    Spec {
        name: "rpoplpush",
        since: "1.2.0",
        arity: 3,
        summary: "Moves the last element of a list to the front of another one.",
        syntax: "source:key destination:key",
        deprecated: Some(Deprecated {
            since: "6.2.0",
            replaced_by: "`LMOVE` with the `RIGHT` and `LEFT` arguments",
        }),
        ..TRANSFERS
    },
    rpoplpush,
);

fn rpoplpush(call: &mut Call<'_>) -> Outcome {
    transfer_or_null(call, End::Back, End::Front)
}

fn transfer_or_null(call: &mut Call<'_>, from: End, to: End) -> Outcome {
    if !transfer(call, from, to)? {
        call.out.null();
    }
    Ok(Flow::Done)
}

pub(super) const BLMOVE: Command = Command::new(
    Spec {
        name: "blmove",
        since: "6.2.0",
        arity: 6,
        summary: "Moves an element from an end of a list to an end of another one, or waits for \
            one.",
        syntax: "source:key destination:key <wherefrom: LEFT | RIGHT> <whereto: LEFT | RIGHT> \
            timeout:double",
        ..BLOCKING_TRANSFERS
    },
    blmove,
);

fn blmove(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    let (from, to) = (side(argv.at(3))?, side(argv.at(4))?);
    let wait = wait(call, argv.at(5))?;
    if !transfer(call, from, to)? {
        return Ok(call.wait_for(wait));
    }
    call.propagate_as(|| [b"LMOVE", argv.at(1), argv.at(2), argv.at(3), argv.at(4)]);
    Ok(Flow::Done)
}

pub(super) const BRPOPLPUSH: Command = Command::new(
    Spec {
        name: "brpoplpush",
        since: "2.2.0",
        arity: 4,
        summary: "Moves the last element of a list to the front of another one, or waits for one.",
        syntax: "source:key destination:key timeout:double",
        deprecated: Some(Deprecated {
            since: "6.2.0",
            replaced_by: "`BLMOVE` with the `RIGHT` and `LEFT` arguments",
        }),
        history: &[("6.0.0", "`timeout` may have a fraction")],
        ..BLOCKING_TRANSFERS
    },
    brpoplpush,
);

fn brpoplpush(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    let wait = wait(call, argv.at(3))?;
    if !transfer(call, End::Back, End::Front)? {
        return Ok(call.wait_for(wait));
    }
    call.propagate_as(|| [b"RPOPLPUSH", argv.at(1), argv.at(2)]);
    Ok(Flow::Done)
}

/// The wait for the source, until the moment that an argument tells.
fn wait(call: &Call<'_>, argument: &[u8]) -> Result<Wait, Error> {
    let until_us = timeout(argument, call.state.now)?;
    Ok(Wait { nothing: Nothing::Element, ..Wait::new(1, 1, until_us) })
}

/// Moves an element and writes it; false if there is none.
fn transfer(call: &mut Call<'_>, from: End, to: End) -> Result<bool, Error> {
    let (argv, fill, now_ms) = (call.argv, fill(call), call.now_ms());
    let (source, destination) = (argv.at(1), argv.at(2));
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.look(source);
    let text = db.view::<List>(&spot)?.and_then(|list| list.at_end(from));
    let Some(text) = text.map(|text| text.to_bytes().into_owned()) else { return Ok(false) };
    let element = || std::iter::once(text.as_slice());
    if source == destination {
        db.update(spot, |list: &mut List| {
            list.cut(from, 1, fill);
            list.push(to, element(), fill);
            Edit::changed(push_event(to), ()).and(pop_event(from))
        })?;
    } else {
        let target = db.look(destination);
        db.upsert(target, |list: &mut List| {
            list.push(to, element(), fill);
            // Both ends together count as one change.
            Edit::changed(push_event(to), ()).times(0)
        })?;
        let spot = db.find(source);
        db.update(spot, |list: &mut List| {
            list.cut(from, 1, fill);
            Edit::changed(pop_event(from), ())
        })?;
    }
    write_text(call.out, Text::Bytes(&text));
    Ok(true)
}

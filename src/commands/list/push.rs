//! Elements added at either end.

use super::{INSERTS, WRITES, fill, push_event};
use crate::data::collection::Kind;
use crate::data::list::{End, Fill, List};
use crate::exec::{Call, Command, Flow, Outcome};
use crate::resp::argv::Argv;
use crate::spec::Spec;
use crate::spec::flags::Flags;
use crate::spec::keys::KeySpec;
use crate::store::Edit;

const PUSHES: Spec = Spec {
    arity: -3,
    flags: WRITES.flags.union(Flags::FAST),
    keys: &[KeySpec::one(INSERTS)],
    complexity: "O(N) for N elements",
    syntax: "key element [element ...]",
    ..WRITES
};

pub(super) const LPUSH: Command = Command::new(
    Spec {
        name: "lpush",
        history: &[("2.4.0", "several elements")],
        summary: "Adds elements in front of a list, one before the other; a missing key counts as \
            an empty list.",
        ..PUSHES
    },
    lpush,
);

fn lpush(call: &mut Call<'_>) -> Outcome {
    push(call, End::Front)
}

pub(super) const RPUSH: Command = Command::new(
    Spec {
        name: "rpush",
        history: &[("2.4.0", "several elements")],
        summary: "Adds elements at the end of a list; a missing key counts as an empty list.",
        ..PUSHES
    },
    rpush,
);

fn rpush(call: &mut Call<'_>) -> Outcome {
    push(call, End::Back)
}

#[inline]
fn push(call: &mut Call<'_>, end: End) -> Outcome {
    let (argv, fill) = (call.argv, fill(call));
    let mut db = call.db();
    let spot = db.look(argv.at(1));
    let len = db.upsert(spot, |list: &mut List| add(list, end, argv, fill))?;
    call.out.len_int(len);
    Ok(Flow::Done)
}

/// Adds the elements of a request.
#[inline]
fn add(list: &mut List, end: End, argv: Argv<'_>, fill: Fill) -> Edit<usize> {
    list.push(end, argv.from(2), fill);
    Edit::changed(push_event(end), list.len()).times(argv.len() - 2)
}

pub(super) const LPUSHX: Command = Command::new(
    Spec {
        name: "lpushx",
        since: "2.2.0",
        history: &[("4.0.0", "several elements")],
        summary: "Adds elements in front of a list, if it is there.",
        ..PUSHES
    },
    lpushx,
);

fn lpushx(call: &mut Call<'_>) -> Outcome {
    push_if_there(call, End::Front)
}

pub(super) const RPUSHX: Command = Command::new(
    Spec {
        name: "rpushx",
        since: "2.2.0",
        history: &[("4.0.0", "several elements")],
        summary: "Adds elements at the end of a list, if it is there.",
        ..PUSHES
    },
    rpushx,
);

fn rpushx(call: &mut Call<'_>) -> Outcome {
    push_if_there(call, End::Back)
}

fn push_if_there(call: &mut Call<'_>, end: End) -> Outcome {
    let (argv, fill) = (call.argv, fill(call));
    let mut db = call.db();
    let spot = db.look(argv.at(1));
    let len = db.update(spot, |list: &mut List| add(list, end, argv, fill))?;
    call.out.len_int(len.unwrap_or(0));
    Ok(Flow::Done)
}

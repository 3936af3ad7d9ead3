//! Elements taken from either end, of one list or of the first of several that is there.

use super::{REMOVES, TAKES, count, fill, pop_event, side};
use crate::commands::text::write_text;
use crate::data::collection::Kind;
use crate::data::list::{End, Fill, List};
use crate::exec::{Call, Command, Flow, Outcome, Wait, timeout};
use crate::resp::argv::{Argv, ArgvBuf};
use crate::resp::error::Error;
use crate::resp::output::Output;
use crate::spec::Spec;
use crate::spec::flags::Flags;
use crate::spec::keys::KeySpec;
use crate::store::Edit;

const NO_KEYS: &str = "ERR numkeys should be greater than 0";
const NO_ELEMENTS: &str = "ERR count should be greater than 0";
const NEGATIVE: &str = "ERR value is out of range, must be positive";

const POPS: Spec = Spec {
    arity: -2,
    flags: REMOVES.flags.union(Flags::FAST),
    keys: &[KeySpec::one(TAKES)],
    complexity: "O(N) for N elements",
    syntax: "key [count]",
    history: &[("6.2.0", "`count`")],
    ..REMOVES
};

pub(super) const LPOP: Command = Command::new(
    Spec { name: "lpop", summary: "Takes the first elements of a list.", ..POPS },
    lpop,
);

fn lpop(call: &mut Call<'_>) -> Outcome {
    pop(call, End::Front)
}

pub(super) const RPOP: Command = Command::new(
    Spec {
        name: "rpop",
        summary: "Takes the last elements of a list, the last one first.",
        ..POPS
    },
    rpop,
);

fn rpop(call: &mut Call<'_>) -> Outcome {
    pop(call, End::Back)
}

#[inline]
fn pop(call: &mut Call<'_>, end: End) -> Outcome {
    let (argv, fill, now_ms) = (call.argv, fill(call), call.now_ms());
    if argv.len() > 3 {
        return Err(call.wrong_arity());
    }
    let max = argv.get(2).map(|argument| count(argument, 0, NEGATIVE)).transpose()?;
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.look(argv.at(1));
    let out = &mut *call.out;
    let found = db.update(spot, |list: &mut List| match max {
        None => take(list, end, 1, fill, out),
        Some(max) => {
            let max = max.min(list.len());
            out.array(max);
            if max == 0 { Edit::same(max) } else { take(list, end, max, fill, out) }
        }
    })?;
    match (found, max) {
        (Some(_), _) => {}
        (None, None) => out.null(),
        (None, Some(_)) => out.null_array(),
    }
    Ok(Flow::Done)
}

/// Takes so many elements from an end, at most as many as there are, and writes them.
#[inline]
fn take(list: &mut List, end: End, count: usize, fill: Fill, out: &mut Output) -> Edit<usize> {
    if count == 1 {
        list.pop(end, fill, |text| write_text(out, text));
    } else {
        let view = list.view();
        let write = |text| write_text(out, text);
        match end {
            End::Front => view.iter().take(count).for_each(write),
            End::Back => view.backward(view.len() - 1).take(count).for_each(write),
        }
        list.cut(end, count, fill);
    }
    Edit::changed(pop_event(end), count).times(count)
}

/// A request to take elements from the first of some lists.
struct Request {
    /// Where the keys stand, and how many they are.
    first_key: usize,
    keys: usize,
    end: End,
    /// Most elements to take; `None` for one that is no array.
    count: Option<usize>,
}

impl Request {
    /// Reads the number of keys at an index, and what follows it.
    fn counted(argv: Argv<'_>, at: usize) -> Result<Request, Error> {
        let keys = count(argv.at(at), 1, NO_KEYS)?;
        let side_at = keys.checked_add(at + 1).ok_or(Error::SYNTAX)?;
        let end = side(argv.get(side_at).ok_or(Error::SYNTAX)?)?;
        let most = match (argv.get(side_at + 1), argv.get(side_at + 2)) {
            (None, _) => 1,
            (Some(word), Some(most)) if word.eq_ignore_ascii_case(b"COUNT") => {
                count(most, 1, NO_ELEMENTS)?
            }
            _ => return Err(Error::SYNTAX),
        };
        if argv.len() > side_at + 3 {
            return Err(Error::SYNTAX);
        }
        Ok(Request { first_key: at + 1, keys, end, count: Some(most) })
    }

    /// Takes the elements; false if there is no list.
    fn run(&self, call: &mut Call<'_>) -> Result<bool, Error> {
        let (argv, fill, now_ms) = (call.argv, fill(call), call.now_ms());
        for key in argv.from(self.first_key).take(self.keys) {
            let mut db = call.store.db(call.client.db, now_ms);
            let spot = db.look(key);
            let out = &mut *call.out;
            let taken = db.update(spot, |list: &mut List| {
                out.array(2);
                out.bulk(key);
                let count = self.count.unwrap_or(1).min(list.len());
                if self.count.is_some() {
                    out.array(count);
                }
                take(list, self.end, count, fill, out)
            })?;
            if let Some(count) = taken {
                call.propagate_all(|| self.replayed(key, count));
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A request that takes the same elements of the list that was found.
    fn replayed(&self, key: &[u8], count: usize) -> ArgvBuf {
        let name = match self.end {
            End::Front => "LPOP",
            End::Back => "RPOP",
        };
        let mut argv: ArgvBuf = [name.as_bytes(), key].into_iter().collect();
        if self.count.is_some() {
            argv.push(count.to_string().as_bytes());
        }
        argv
    }

    /// The wait for one of the lists, until the moment that an argument tells.
    fn wait(&self, call: &Call<'_>, argument: &[u8]) -> Result<Wait, Error> {
        let until_us = timeout(argument, call.state.now)?;
        Ok(Wait::new(self.first_key, self.keys, until_us))
    }
}

pub(super) const LMPOP: Command = Command::new(
    Spec {
        name: "lmpop",
        since: "7.0.0",
        arity: -4,
        flags: REMOVES.flags.union(Flags::MOVABLEKEYS),
        keys: &[KeySpec::counted(TAKES)],
        complexity: "O(N+M) for N keys and M elements",
        summary: "Takes elements of the first list that is there.",
        syntax: "numkeys:integer key [key ...] <where: LEFT | RIGHT> [COUNT count]",
        ..REMOVES
    },
    lmpop,
);

fn lmpop(call: &mut Call<'_>) -> Outcome {
    let request = Request::counted(call.argv, 1)?;
    if !request.run(call)? {
        call.out.null_array();
    }
    Ok(Flow::Done)
}

pub(super) const BLMPOP: Command = Command::new(
    Spec {
        name: "blmpop",
        since: "7.0.0",
        arity: -5,
        flags: LMPOP.spec.flags.union(Flags::BLOCKING),
        keys: &[KeySpec::counted(TAKES).from(2)],
        complexity: "O(N+M) for N keys and M elements",
        summary: "Takes elements of the first list that is there, or waits for one.",
        syntax: "timeout:double numkeys:integer key [key ...] <where: LEFT | RIGHT> [COUNT count]",
        ..REMOVES
    },
    blmpop,
);

fn blmpop(call: &mut Call<'_>) -> Outcome {
    let request = Request::counted(call.argv, 2)?;
    let wait = request.wait(call, call.argv.at(1))?;
    Ok(if request.run(call)? { Flow::Done } else { call.wait_for(wait) })
}

const BLOCKING_POPS: Spec = Spec {
    since: "2.0.0",
    arity: -3,
    flags: REMOVES.flags.union(Flags::BLOCKING),
    keys: &[KeySpec::all_but_last(TAKES)],
    complexity: "O(N) for N keys",
    syntax: "key [key ...] timeout:double",
    history: &[("6.0.0", "`timeout` may have a fraction")],
    ..REMOVES
};

pub(super) const BLPOP: Command = Command::new(
    Spec {
        name: "blpop",
        summary: "Takes the first element of the first list that is there, or waits for one.",
        ..BLOCKING_POPS
    },
    blpop,
);

fn blpop(call: &mut Call<'_>) -> Outcome {
    pop_or_wait(call, End::Front)
}

pub(super) const BRPOP: Command = Command::new(
    Spec {
        name: "brpop",
        summary: "Takes the last element of the first list that is there, or waits for one.",
        ..BLOCKING_POPS
    },
    brpop,
);

fn brpop(call: &mut Call<'_>) -> Outcome {
    pop_or_wait(call, End::Back)
}

fn pop_or_wait(call: &mut Call<'_>, end: End) -> Outcome {
    let last = call.argv.len() - 1;
    let request = Request { first_key: 1, keys: last - 1, end, count: None };
    let wait = request.wait(call, call.argv.at(last))?;
    Ok(if request.run(call)? { Flow::Done } else { call.wait_for(wait) })
}

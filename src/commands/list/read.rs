//! Lists read: their length, elements by their places, places by their elements.

use super::{ACCESSES, READS, count};
use crate::base::num;
use crate::commands::text::{put_text, write_text_or_null};
use crate::data::list::{List, ListRef};
use crate::data::text::Text;
use crate::exec::{Call, Command, Flow, Outcome, int, places};
use crate::resp::argv::Argv;
use crate::resp::error::Error;
use crate::spec::Spec;
use crate::spec::flags::Flags;
use crate::spec::keys::{KeyFlags, KeySpec};

pub(super) const LLEN: Command = Command::new(
    Spec {
        name: "llen",
        arity: 2,
        flags: READS.flags.union(Flags::FAST),
        keys: &[KeySpec::one(KeyFlags::RO)],
        summary: "Tells the length of a list.",
        syntax: "key",
        ..READS
    },
    llen,
);

fn llen(call: &mut Call<'_>) -> Outcome {
    let (key, now_ms) = (call.argv.at(1), call.now_ms());
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(key);
    call.out.len_int(db.view::<List>(&spot)?.map_or(0, ListRef::len));
    Ok(Flow::Done)
}

pub(super) const LRANGE: Command = Command::new(
    Spec {
        name: "lrange",
        arity: 4,
        keys: &[KeySpec::one(ACCESSES)],
        complexity: "O(S+N) for N elements and a start that is S elements from the nearer end",
        summary: "Reads a part of a list; negative places count from its end.",
        syntax: "key start:integer stop:integer",
        ..READS
    },
    lrange,
);

fn lrange(call: &mut Call<'_>) -> Outcome {
    let (key, now_ms) = (call.argv.at(1), call.now_ms());
    let (start, stop) = (int(call.argv.at(2))?, int(call.argv.at(3))?);
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(key);
    let Some(list) = db.view::<List>(&spot)? else {
        call.out.array(0);
        return Ok(Flow::Done);
    };
    let range = places(start, stop, list.len());
    call.out.array(range.len());
    call.out.strings(|strings| list.visit(range, |text| put_text(strings, text)));
    Ok(Flow::Done)
}

pub(super) const LINDEX: Command = Command::new(
    Spec {
        name: "lindex",
        arity: 3,
        keys: &[KeySpec::one(ACCESSES)],
        complexity: "O(N) for N elements from there to the nearer end",
        summary: "Reads the element at a place of a list; negative places count from its end.",
        syntax: "key index",
        ..READS
    },
    lindex,
);

fn lindex(call: &mut Call<'_>) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(argv.at(1));
    let Some(list) = db.view::<List>(&spot)? else {
        call.out.null();
        return Ok(Flow::Done);
    };
    let index = super::index(int(argv.at(2))?, list.len());
    write_text_or_null(call.out, index.and_then(|index| list.get(index)));
    Ok(Flow::Done)
}

pub(super) const LPOS: Command = Command::new(
    Spec {
        name: "lpos",
        since: "6.0.6",
        arity: -3,
        keys: &[KeySpec::one(ACCESSES)],
        complexity: "O(N) for N elements that are looked at",
        summary: "Tells the places at which a list holds an element.",
        syntax: "key element [RANK rank:integer] [COUNT num-matches:integer] [MAXLEN len:integer]",
        ..READS
    },
    lpos,
);

/// What LPOS looks for.
struct Search {
    /// Which match is the first of those told, from one on.
    rank: u64,
    is_backward: bool,
    /// Most matches, zero for all; `None` for the first one, which is told by itself.
    count: Option<usize>,
    /// Most elements to look at.
    len_max: usize,
}

fn lpos(call: &mut Call<'_>) -> Outcome {
    let (argv, now_ms) = (call.argv, call.now_ms());
    let search = Search::parse(argv)?;
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(argv.at(1));
    let list = db.view::<List>(&spot)?;
    let wanted = Text::compact(argv.at(2));
    let mut places = list.into_iter().flat_map(|list| search.places(list, wanted));
    match search.count {
        None => match places.next() {
            Some(place) => call.out.len_int(place),
            None => call.out.null(),
        },
        Some(count) => {
            let max = if count == 0 { usize::MAX } else { count };
            call.out.array_of(|out| places.take(max).map(|place| out.len_int(place)).count());
        }
    }
    Ok(Flow::Done)
}

impl Search {
    fn parse(argv: Argv<'_>) -> Result<Search, Error> {
        let mut search = Search { rank: 1, is_backward: false, count: None, len_max: usize::MAX };
        let mut at = 3;
        while let Some(option) = argv.get(at) {
            let value = argv.get(at + 1).ok_or(Error::SYNTAX)?;
            at += 2;
            if option.eq_ignore_ascii_case(b"RANK") {
                let rank = rank(value)?;
                (search.rank, search.is_backward) = (rank.unsigned_abs(), rank < 0);
            } else if option.eq_ignore_ascii_case(b"COUNT") {
                search.count = Some(count(value, 0, "ERR COUNT can't be negative")?);
            } else if option.eq_ignore_ascii_case(b"MAXLEN") {
                let max = count(value, 0, "ERR MAXLEN can't be negative")?;
                search.len_max = if max == 0 { usize::MAX } else { max };
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(search)
    }

    /// The places of the matches that are told, in the order in which they are found.
    fn places<'a>(
        &self,
        list: ListRef<'a>,
        wanted: Text<'a>,
    ) -> Box<dyn Iterator<Item = usize> + 'a> {
        let last = list.len() - 1;
        let skip = num::index(self.rank - 1);
        let is_match = move |(index, text): (usize, Text<'a>)| (text == wanted).then_some(index);
        if self.is_backward {
            let elements = list.backward(last).take(self.len_max).enumerate();
            let matches = elements.filter_map(is_match).skip(skip);
            return Box::new(matches.map(move |index| last - index));
        }
        Box::new(list.iter().take(self.len_max).enumerate().filter_map(is_match).skip(skip))
    }
}

fn rank(argument: &[u8]) -> Result<i64, Error> {
    match int(argument)? {
        0 => Err(Error::new(
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or \
             use negative to start from the end of the list",
        )),
        i64::MIN => Err(Error::text(format!(
            "ERR value is out of range, value must between {} and {}",
            -i64::MAX,
            i64::MAX
        ))),
        rank => Ok(rank),
    }
}

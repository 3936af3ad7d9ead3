//! SORT: the elements of a list, a set or a sorted set, in an order of their own or that of other
//! keys' values.

mod lookup;
mod weights;

use super::list;
use super::text::write_text_or_null;
use crate::data::collection::Type;
use crate::data::list::{List, ListRef};
use crate::data::set::{Set, SetRef};
use crate::data::sorted_set::{SortedSet, SortedSetRef};
use crate::data::text::Text;
use crate::exec::{Call, Command, Flow, Outcome, int};
use crate::resp::error::Error;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::spec::{Group, Spec};
use crate::store::{Db, Spot};
use lookup::{Lookups, Pattern};
use std::ops::Range;
use weights::{Weights, Words};

const SORTED: KeySpec = KeySpec::one(KeyFlags::RO.union(KeyFlags::ACCESS));
const LOOKED_UP: KeySpec = KeySpec::unnamed(KeyFlags::RO.union(KeyFlags::ACCESS)).noting(
    "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from \
     the content of the key we sort",
);
const STORED: KeySpec =
    KeySpec::option("STORE", OPTIONS, KeyFlags::OW.union(KeyFlags::UPDATE)).from(2).noting(
        "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear \
         anywhere in the argument array",
    );
/// The options that take arguments, and how many.
const OPTIONS: &[(&str, usize)] = &[("LIMIT", 2), ("BY", 1), ("GET", 1)];

const SORTS: Spec = Spec {
    group: Group::Generic,
    arity: -2,
    categories: Categories::SET
        .union(Categories::SORTED_SET)
        .union(Categories::LIST)
        .union(Categories::DANGEROUS),
    complexity: "O(N+M*log(M)) for N elements of which M are returned; O(N) if they are not sorted",
    ..Spec::NEW
};

pub(super) const SORT: Command = Command::new(
    Spec {
        name: "sort",
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::MOVABLEKEYS),
        keys: &[SORTED, LOOKED_UP, STORED],
        summary: "Sorts a list, a set or a sorted set, perhaps into another key.",
        syntax: "key [BY by-pattern:pattern] [limit: LIMIT offset:integer count:integer] \
                 [GET get-pattern:pattern] ... [order: ASC | DESC] [sorting: ALPHA] \
                 [STORE destination:key]",
        ..SORTS
    },
    sort,
);

fn sort(call: &mut Call<'_>) -> Outcome {
    let request = Request::parse(call, true)?;
    run(call, &request)
}

pub(super) const SORT_RO: Command = Command::new(
    Spec {
        name: "sort_ro",
        since: "7.0.0",
        flags: Flags::READONLY.union(Flags::MOVABLEKEYS),
        keys: &[SORTED, LOOKED_UP],
        summary: "Sorts a list, a set or a sorted set.",
        syntax: "key [BY by-pattern:pattern] [limit: LIMIT offset:integer count:integer] \
                 [GET get-pattern:pattern] ... [order: ASC | DESC] [sorting: ALPHA]",
        ..SORTS
    },
    sort_ro,
);

fn sort_ro(call: &mut Call<'_>) -> Outcome {
    let request = Request::parse(call, false)?;
    run(call, &request)
}

/// What a request asks for.
struct Request<'a> {
    key: &'a [u8],
    /// What the elements are sorted by; those of no key leave them as they come.
    by: Option<Pattern<'a>>,
    offset: i64,
    /// Most elements; any number if negative.
    count: i64,
    /// What is returned for each element; the element itself if nothing.
    gets: Vec<Pattern<'a>>,
    is_descending: bool,
    is_alpha: bool,
    destination: Option<&'a [u8]>,
}

impl<'a> Request<'a> {
    fn parse(call: &Call<'a>, may_store: bool) -> Result<Request<'a>, Error> {
        let (argv, may_look_up) = (call.argv, call.may_read_all());
        let mut request = Request {
            key: argv.at(1),
            by: None,
            offset: 0,
            count: -1,
            gets: Vec::new(),
            is_descending: false,
            is_alpha: false,
            destination: None,
        };
        let mut at = 2;
        while at < argv.len() {
            let left = argv.len() - at - 1;
            let word = argv.at(at);
            let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
            at += 1;
            if is(b"ASC") {
                request.is_descending = false;
            } else if is(b"DESC") {
                request.is_descending = true;
            } else if is(b"ALPHA") {
                request.is_alpha = true;
            } else if is(b"LIMIT") && left >= 2 {
                (request.offset, request.count) = (int(argv.at(at))?, int(argv.at(at + 1))?);
                at += 2;
            } else if is(b"STORE") && left >= 1 && may_store {
                request.destination = Some(argv.at(at));
                at += 1;
            } else if is(b"BY") && left >= 1 {
                let by = Pattern::parse(argv.at(at));
                if by.is_key() && !may_look_up {
                    return Err(denied("BY"));
                }
                // Once one is of no key, it stays.
                if request.by.is_none_or(|by| by.is_key()) {
                    request.by = Some(by);
                }
                at += 1;
            } else if is(b"GET") && left >= 1 {
                if !may_look_up {
                    return Err(denied("GET"));
                }
                request.gets.push(Pattern::parse(argv.at(at)));
                at += 1;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(request)
    }

    /// True if the elements stay in the order in which they come. Members of a set that are stored
    /// are sorted in any case: their own order differs from server to server.
    fn leaves_order(&self, source: &Source<'_>) -> bool {
        let is_set = matches!(source, Source::Set(_));
        self.by.is_some_and(|by| !by.is_key()) && !(is_set && self.destination.is_some())
    }

    /// The places of the wanted elements among so many in order.
    fn range(&self, len: usize) -> Range<usize> {
        let start = usize::try_from(self.offset.max(0)).unwrap_or(len).min(len);
        let count = usize::try_from(self.count).unwrap_or(len).min(len - start);
        start..start + count
    }

    /// Visits what is returned for each of these elements.
    fn each_result(
        &self,
        lookups: &mut Lookups<'_, '_>,
        elements: &Words,
        mut visit: impl FnMut(Option<Text<'_>>),
    ) {
        for element in elements.iter() {
            match self.gets.as_slice() {
                [] => visit(Some(Text::Bytes(element))),
                gets => gets.iter().for_each(|get| lookups.fetch(get, element, &mut visit)),
            }
        }
    }
}

/// What a user is told who may not read every key.
fn denied(option: &str) -> Error {
    Error::text(format!("ERR {option} option of SORT denied due to insufficient ACL permissions."))
}

fn run(call: &mut Call<'_>, request: &Request<'_>) -> Outcome {
    let (fill, now_ms) = (list::fill(call), call.now_ms());
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(request.key);
    let source = Source::at(&db, &spot)?;
    let range = request.range(source.len());
    let elements = if request.leaves_order(&source) {
        source.elements(range, request.is_descending)
    } else {
        let elements = source.elements(0..source.len(), false);
        let weights = Weights::of(&mut Lookups::new(&mut db, now_ms), &elements, request)?;
        weights.sort(&elements, request.is_descending, range)
    };
    let results = elements.len() * request.gets.len().max(1);
    let mut lookups = Lookups::new(&mut db, now_ms);
    match request.destination {
        None => {
            call.out.array(results);
            request.each_result(&mut lookups, &elements, |text| {
                write_text_or_null(call.out, text);
            });
        }
        Some(destination) => {
            let mut texts = Words::default();
            request.each_result(&mut lookups, &elements, |text| {
                text.unwrap_or(Text::Bytes(b"")).with_bytes(|bytes| texts.push(bytes));
            });
            let spot = db.look(destination);
            db.replace("sortstore", spot, List::of(texts.iter(), fill), results);
            call.out.len_int(results);
        }
    }
    Ok(Flow::Done)
}

/// What is sorted.
enum Source<'a> {
    Nothing,
    List(ListRef<'a>),
    Set(SetRef<'a>),
    SortedSet(SortedSetRef<'a>),
}

impl<'a> Source<'a> {
    fn at(db: &'a Db<'_>, spot: &Spot<'_>) -> Result<Source<'a>, Error> {
        Ok(match db.type_of(spot) {
            None => Source::Nothing,
            Some(Type::Set) => db.view::<Set>(spot)?.map_or(Source::Nothing, Source::Set),
            Some(Type::SortedSet) => {
                db.view::<SortedSet>(spot)?.map_or(Source::Nothing, Source::SortedSet)
            }
            Some(_) => db.view::<List>(spot)?.map_or(Source::Nothing, Source::List),
        })
    }

    fn len(&self) -> usize {
        match self {
            Source::Nothing => 0,
            Source::List(list) => list.len(),
            Source::Set(set) => set.len(),
            Source::SortedSet(set) => set.len(),
        }
    }

    /// The elements at these places in the order in which they come, perhaps from the end; the
    /// members of a set come in no order.
    fn elements(&self, range: Range<usize>, is_descending: bool) -> Words {
        let mut words = Words::default();
        let mut push = |text: Text<'_>| text.with_bytes(|bytes| words.push(bytes));
        match self {
            Source::Nothing => {}
            Source::List(list) if is_descending && !range.is_empty() => {
                let from = list.len() - 1 - range.start;
                list.backward(from).take(range.len()).for_each(push);
            }
            Source::List(list) => list.forward(range.start).take(range.len()).for_each(push),
            Source::Set(set) => {
                let mut at = 0;
                set.each_while(|member| {
                    if range.contains(&at) {
                        push(member);
                    }
                    at += 1;
                    at < range.end
                });
            }
            Source::SortedSet(set) if is_descending => {
                let ranks = set.len() - range.end..set.len() - range.start;
                set.items(ranks).rev().for_each(|(member, _)| push(member));
            }
            Source::SortedSet(set) => set.items(range).for_each(|(member, _)| push(member)),
        }
        words
    }
}

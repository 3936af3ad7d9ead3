//! Members in a circle or a box: replied, or kept as a sorted set.

use super::request::{Order, Request, Spelling};
use super::{ACCESSES, READS, STORES, WRITES, write_distance, write_point};
use crate::base::num;
use crate::commands::text::write_text;
use crate::data::collection::{Kind, Limits, Type};
use crate::data::geo::grid::Point;
use crate::data::geo::shape::Shape;
use crate::data::sorted_set::{SortedSet, SortedSetRef};
use crate::data::text::Text;
use crate::exec::{Call, Command, Flow, Outcome};
use crate::resp::output::Output;
use crate::spec::flags::Flags;
use crate::spec::keys::KeySpec;
use crate::spec::{Deprecated, Spec};
use std::cmp::Ordering;

const COST: &str = "O(N+log(M)) for N of M members in the cells that cover the area";

const SEARCHES: Spec = Spec {
    since: "6.2.0",
    arity: -7,
    complexity: COST,
    history: &[("7.0.0", "units in capitals")],
    ..READS
};

/// Searches of old, whose options have become those of GEOSEARCH.
const OLD: Spec = Spec {
    complexity: COST,
    history: &[("6.2.0", "ANY"), ("7.0.0", "units in capitals")],
    ..READS
};
const OLD_RADIUS: Spec = Spec { arity: -6, summary: "Lists members in a circle.", ..OLD };
const OLD_BY_MEMBER: Spec =
    Spec { arity: -5, summary: "Lists members in a circle around one of them.", ..OLD };
const OLD_STORES: Flags = WRITES.flags.union(Flags::MOVABLEKEYS);

pub(super) const GEOSEARCH: Command = Command::new(
    Spec {
        name: "geosearch",
        summary: "Lists members in a circle or a box.",
        syntax: "key <from: FROMMEMBER member | FROMLONLAT longitude:double latitude:double> \
            <by: <circle: BYRADIUS radius:double <unit: M | KM | FT | MI>> \
            | <box: BYBOX width:double height:double <unit: M | KM | FT | MI>>> \
            [order: ASC | DESC] [count-block: COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]",
        ..SEARCHES
    },
    geosearch,
);

fn geosearch(call: &mut Call<'_>) -> Outcome {
    search(call, Spelling::Search, "")
}

pub(super) const GEOSEARCHSTORE: Command = Command::new(
    Spec {
        name: "geosearchstore",
        arity: -8,
        flags: WRITES.flags,
        keys: &[KeySpec::one(STORES), KeySpec::one(ACCESSES).from(2)],
        summary: "Keeps the members in a circle or a box as a sorted set.",
        syntax: "destination:key source:key \
            <from: FROMMEMBER member | FROMLONLAT longitude:double latitude:double> \
            <by: <circle: BYRADIUS radius:double <unit: M | KM | FT | MI>> \
            | <box: BYBOX width:double height:double <unit: M | KM | FT | MI>>> \
            [order: ASC | DESC] [count-block: COUNT count [ANY]] [STOREDIST]",
        ..SEARCHES
    },
    geosearchstore,
);

fn geosearchstore(call: &mut Call<'_>) -> Outcome {
    search(call, Spelling::SearchStore, "geosearchstore")
}

pub(super) const GEORADIUS: Command = Command::new(
    Spec {
        name: "georadius",
        flags: OLD_STORES,
        keys: &[
            KeySpec::one(ACCESSES),
            KeySpec::behind("STORE", STORES).from(6),
            KeySpec::behind("STOREDIST", STORES).from(6),
        ],
        syntax: "key longitude:double latitude:double radius:double \
            <unit: M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
            [count-block: COUNT count [ANY]] \
            [order: ASC | DESC] [store: STORE storekey:key | STOREDIST storedistkey:key]",
        deprecated: Some(Deprecated {
            since: "6.2.0",
            replaced_by: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument",
        }),
        ..OLD_RADIUS
    },
    georadius,
);

fn georadius(call: &mut Call<'_>) -> Outcome {
    search(call, Spelling::Radius { stores: true }, "georadiusstore")
}

pub(super) const GEORADIUS_RO: Command = Command::new(
    Spec {
        name: "georadius_ro",
        since: "3.2.10",
        syntax: "key longitude:double latitude:double radius:double \
            <unit: M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
            [count-block: COUNT count [ANY]] \
            [order: ASC | DESC]",
        deprecated: Some(Deprecated {
            since: "6.2.0",
            replaced_by: "`GEOSEARCH` with the `BYRADIUS` argument",
        }),
        ..OLD_RADIUS
    },
    georadius_ro,
);

fn georadius_ro(call: &mut Call<'_>) -> Outcome {
    search(call, Spelling::Radius { stores: false }, "")
}

pub(super) const GEORADIUSBYMEMBER: Command = Command::new(
    Spec {
        name: "georadiusbymember",
        flags: OLD_STORES,
        keys: &[
            KeySpec::one(ACCESSES),
            KeySpec::behind("STORE", STORES).from(5),
            KeySpec::behind("STOREDIST", STORES).from(5),
        ],
        syntax: "key member radius:double <unit: M | KM | FT | MI> [WITHCOORD] \
            [WITHDIST] [WITHHASH] [count-block: COUNT count [ANY]] [order: ASC | DESC] \
            [store: STORE storekey:key | STOREDIST storedistkey:key]",
        deprecated: Some(Deprecated {
            since: "6.2.0",
            replaced_by: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` \
                arguments",
        }),
        ..OLD_BY_MEMBER
    },
    georadiusbymember,
);

fn georadiusbymember(call: &mut Call<'_>) -> Outcome {
    search(call, Spelling::ByMember { stores: true }, "georadiusstore")
}

pub(super) const GEORADIUSBYMEMBER_RO: Command = Command::new(
    Spec {
        name: "georadiusbymember_ro",
        since: "3.2.10",
        syntax: "key member radius:double <unit: M | KM | FT | MI> [WITHCOORD] \
            [WITHDIST] [WITHHASH] [count-block: COUNT count [ANY]] [order: ASC | DESC]",
        deprecated: Some(Deprecated {
            since: "6.2.0",
            replaced_by: "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments",
        }),
        ..OLD_BY_MEMBER
    },
    georadiusbymember_ro,
);

fn georadiusbymember_ro(call: &mut Call<'_>) -> Outcome {
    search(call, Spelling::ByMember { stores: false }, "")
}

/// A member that was found.
struct Found<'a> {
    member: Text<'a>,
    score: f64,
    place: Point,
    /// In the unit of the search.
    distance: f64,
}

/// Searches; `event` tells that the result was kept.
fn search(call: &mut Call<'_>, spelling: Spelling, event: &'static str) -> Outcome {
    let argv = call.argv;
    let source = argv.at(if spelling == Spelling::SearchStore { 2 } else { 1 });
    let limits = call.limits(Type::SortedSet);
    let now_ms = call.now_ms();
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(source);
    let set = db.view::<SortedSet>(&spot)?;
    let request = Request::parse(argv, spelling, set)?;
    let found = match (set, &request.shape) {
        (Some(set), Some(shape)) => find(set, shape, &request),
        _ => Vec::new(),
    };
    let Some(destination) = request.destination else {
        write_found(call.out, &request, &found);
        return Ok(Flow::Done);
    };
    let stored = to_set(&found, request.keeps_distances, &limits);
    let spot = db.look(destination);
    let count = stored.len();
    db.replace(event, spot, stored, count);
    call.out.len_int(count);
    Ok(Flow::Done)
}

/// The members that a request asks for, in its order.
fn find<'a>(set: SortedSetRef<'a>, shape: &Shape, request: &Request<'_>) -> Vec<Found<'a>> {
    let reach = shape.reach();
    let cells = shape.cells();
    let members = cells.iter().flat_map(|cell| set.items(set.ranks_by_score(&cell.scores())));
    let found = members.filter_map(|(member, score)| {
        let place = Point::of_score(score);
        let distance = reach.distance_m(place)? / shape.unit_m;
        Some(Found { member, score, place, distance })
    });
    let count = request.count.unwrap_or(usize::MAX);
    let most = if request.is_any { count } else { usize::MAX };
    let mut found: Vec<Found<'a>> = found.take(most).collect();
    match request.order {
        Order::Any => found.truncate(count),
        Order::Ascending => sort(&mut found, count, |a, b| a.distance.total_cmp(&b.distance)),
        Order::Descending => sort(&mut found, count, |a, b| b.distance.total_cmp(&a.distance)),
    }
    found
}

/// Leaves so many of the first in order; those that are equal keep theirs.
fn sort<'a>(
    found: &mut Vec<Found<'a>>,
    count: usize,
    compare: impl Fn(&Found<'a>, &Found<'a>) -> Ordering,
) {
    if count >= found.len() {
        found.sort_by(compare);
        return;
    }
    let mut ranked: Vec<(usize, Found<'a>)> = found.drain(..).enumerate().collect();
    let compare =
        |a: &(usize, Found<'a>), b: &(usize, Found<'a>)| compare(&a.1, &b.1).then(a.0.cmp(&b.0));
    ranked.select_nth_unstable_by(count, compare);
    ranked.truncate(count);
    ranked.sort_unstable_by(compare);
    found.extend(ranked.into_iter().map(|(_, found)| found));
}

fn write_found(out: &mut Output, request: &Request<'_>, found: &[Found<'_>]) {
    let details = [request.with_distance, request.with_number, request.with_place];
    let details = details.into_iter().filter(|is_wanted| *is_wanted).count();
    out.array(found.len());
    for one in found {
        if details > 0 {
            out.array(1 + details);
        }
        write_text(out, one.member);
        if request.with_distance {
            write_distance(out, one.distance);
        }
        if request.with_number {
            out.int(num::signed_u64(num::whole(one.score)));
        }
        if request.with_place {
            write_point(out, one.place);
        }
    }
}

/// The members as a sorted set.
fn to_set(found: &[Found<'_>], keeps_distances: bool, limits: &Limits) -> SortedSet {
    let score = |one: &Found<'_>| if keeps_distances { one.distance } else { one.score };
    let mut items: Vec<(Text<'_>, f64)> =
        found.iter().map(|one| (one.member, score(one))).collect();
    items.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.to_bytes().cmp(&b.0.to_bytes())));
    SortedSet::of(items.iter().copied(), limits)
}

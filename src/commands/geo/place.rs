//! Where members are, and how far from each other.

use super::{READS, reply_with, unit_m, write_distance, write_point};
use crate::data::geo::grid::Point;
use crate::data::geo::sphere::Origin;
use crate::exec::{Call, Command, Flow, Outcome};
use crate::resp::error::Error;
use crate::spec::Spec;

pub(super) const GEODIST: Command = Command::new(
    Spec {
        name: "geodist",
        arity: -4,
        summary: "Tells the distance between two members.",
        syntax: "key member1 member2 [unit: M | KM | FT | MI]",
        ..READS
    },
    geodist,
);

fn geodist(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    let unit_m = match (argv.get(4), argv.get(5)) {
        (_, Some(_)) => return Err(Error::SYNTAX),
        (Some(unit), None) => unit_m(unit)?,
        (None, None) => 1.0,
    };
    reply_with(call, argv.at(1), |out, set| {
        let place = |index| set.score(argv.at(index)).map(Point::of_score);
        match (place(2), place(3)) {
            (Some(from), Some(to)) => {
                write_distance(out, Origin::new(from).distance_m(to) / unit_m);
            }
            _ => out.null(),
        }
    })?;
    Ok(Flow::Done)
}

const OF_MEMBERS: Spec = Spec {
    arity: -2,
    complexity: "O(N) for N members asked for",
    syntax: "key [member [member ...]]",
    ..READS
};

pub(super) const GEOHASH: Command = Command::new(
    Spec { name: "geohash", summary: "Tells the geohashes of members.", ..OF_MEMBERS },
    geohash,
);

fn geohash(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    reply_with(call, argv.at(1), |out, set| {
        out.array(argv.len() - 2);
        for member in argv.from(2) {
            match set.score(member) {
                Some(score) => out.bulk(&Point::of_score(score).text()),
                None => out.null(),
            }
        }
    })?;
    Ok(Flow::Done)
}

pub(super) const GEOPOS: Command = Command::new(
    Spec { name: "geopos", summary: "Tells where members are.", ..OF_MEMBERS },
    geopos,
);

fn geopos(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    reply_with(call, argv.at(1), |out, set| {
        out.array(argv.len() - 2);
        for member in argv.from(2) {
            match set.score(member) {
                Some(score) => write_point(out, Point::of_score(score)),
                None => out.null_array(),
            }
        }
    })?;
    Ok(Flow::Done)
}

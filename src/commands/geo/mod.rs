//! Geo: places on the globe, in sorted sets.

mod add;
mod place;
mod request;
mod search;

use crate::base::float;
use crate::base::float::FloatText;
use crate::data::geo::grid::Point;
use crate::data::sorted_set::{SortedSet, SortedSetRef};
use crate::exec::{Call, Command};
use crate::resp::error::Error;
use crate::resp::output::Output;
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::keys::{KeyFlags, KeySpec};
use crate::spec::{Group, Spec};

/// All commands of the group.
pub(super) const COMMANDS: &[&Command] = &[
    &add::GEOADD,
    &place::GEODIST,
    &place::GEOHASH,
    &place::GEOPOS,
    &search::GEORADIUS,
    &search::GEORADIUS_RO,
    &search::GEORADIUSBYMEMBER,
    &search::GEORADIUSBYMEMBER_RO,
    &search::GEOSEARCH,
    &search::GEOSEARCHSTORE,
];

const READS: Spec = Spec {
    group: Group::Geo,
    since: "3.2.0",
    flags: Flags::READONLY,
    categories: Categories::GEO,
    keys: &[KeySpec::one(ACCESSES)],
    ..Spec::NEW
};
const WRITES: Spec = Spec { flags: Flags::WRITE.union(Flags::DENYOOM), ..READS };

const ACCESSES: KeyFlags = KeyFlags::RO.union(KeyFlags::ACCESS);
const STORES: KeyFlags = KeyFlags::OW.union(KeyFlags::UPDATE);

/// Digits behind the point of a distance.
const DISTANCE_DIGITS: u32 = 4;

/// Reads the sorted set at a key, an empty one if there is none, and writes a reply.
fn reply_with(
    call: &mut Call<'_>,
    key: &[u8],
    reply: impl FnOnce(&mut Output, SortedSetRef<'_>),
) -> Result<(), Error> {
    let now_ms = call.now_ms();
    let mut db = call.store.db(call.client.db, now_ms);
    let spot = db.read(key);
    reply(call.out, db.view::<SortedSet>(&spot)?.unwrap_or(SortedSetRef::EMPTY));
    Ok(())
}

/// A place as two arguments.
fn point(longitude: &[u8], latitude: &[u8]) -> Result<Point, Error> {
    const NOT_A_FLOAT: Error = Error::new("ERR value is not a valid float");
    let longitude = float::parse(longitude).ok_or(NOT_A_FLOAT)?;
    let latitude = float::parse(latitude).ok_or(NOT_A_FLOAT)?;
    let point = Point { longitude, latitude };
    if point.is_on_grid() {
        return Ok(point);
    }
    let place = format!("{longitude:.6},{latitude:.6}");
    Err(Error::text(format!("ERR invalid longitude,latitude pair {place}")))
}

/// The meters of a unit.
fn unit_m(argument: &[u8]) -> Result<f64, Error> {
    match argument.to_ascii_lowercase().as_slice() {
        b"m" => Ok(1.0),
        b"km" => Ok(1_000.0),
        b"ft" => Ok(0.3048),
        b"mi" => Ok(1_609.34),
        _ => Err(Error::new("ERR unsupported unit provided. please use M, KM, FT, MI")),
    }
}

/// Writes a distance.
fn write_distance(out: &mut Output, distance: f64) {
    out.bulk(FloatText::fixed(distance, DISTANCE_DIGITS).as_bytes());
}

/// Writes a place.
fn write_point(out: &mut Output, point: Point) {
    out.array(2);
    out.double_as(&FloatText::plain(point.longitude));
    out.double_as(&FloatText::plain(point.latitude));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_off_the_grid_are_quoted() {
        assert!(point(b"180", b"-85.05112878").is_ok());
        let quoted = |longitude: &[u8], latitude: &[u8]| {
            let error = point(longitude, latitude).unwrap_err();
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        };
        assert!(quoted(b"-181", b"1").ends_with(" -181.000000,1.000000"));
        assert!(quoted(b"1", b"inf").ends_with(" 1.000000,inf"));
        assert!(quoted(b"x", b"1").ends_with("not a valid float"));
    }
}

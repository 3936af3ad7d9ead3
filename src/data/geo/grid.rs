//! Places as numbers: the bits of latitude and longitude interleaved, 26 of each, so that the
//! leading bits name a cell of a grid and a cell is a range of numbers.

use crate::base::num;
use crate::data::sorted_set::ScoreRange;

/// Bits of a coordinate; also the finest step of the grid.
pub const STEP_MAX: u32 = 26;
/// The grid goes so far north and south, in degrees: a square in Mercator's projection.
pub const LATITUDE_MAX: f64 = 85.051_128_78;
/// It goes so far east and west.
pub const LONGITUDE_MAX: f64 = 180.0;

/// Letters of a text; the last one has no bits left and is always the first of the alphabet.
const TEXT_LEN: usize = 11;
/// Bits of a letter.
const LETTER_BITS: u32 = 5;
/// The alphabet of geohash texts.
const LETTERS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
/// How far north and south the grid of texts goes.
const TEXT_LATITUDE_MAX: f64 = 90.0;
/// What is beyond the numbers of 64 bits.
const NUMBERS_END: f64 = 18_446_744_073_709_551_616.0;

/// A place in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// How far east.
    pub longitude: f64,
    /// How far north.
    pub latitude: f64,
}

/// A cell of the grid, which has two to the power of `step` columns and as many rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    column: u32,
    row: u32,
    step: u32,
}

/// What lies between two meridians and two parallels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The least longitude.
    pub west: f64,
    /// The greatest longitude.
    pub east: f64,
    /// The least latitude.
    pub south: f64,
    /// The greatest latitude.
    pub north: f64,
}

impl Point {
    /// True if the grid has it.
    pub fn is_on_grid(self) -> bool {
        self.longitude.abs() <= LONGITUDE_MAX && self.latitude.abs() <= LATITUDE_MAX
    }

    /// Its number as a score.
    pub fn score(self) -> f64 {
        num::float(Cell::around(self, STEP_MAX).number())
    }

    /// The place of which a score is the number: the middle of the smallest cell.
    pub fn of_score(score: f64) -> Point {
        let (row, column) = split(number_of(score));
        let area = Cell { column, row, step: STEP_MAX }.bounds();
        let middle = |min: f64, max: f64, bound: f64| ((min + max) / 2.0).clamp(-bound, bound);
        Point {
            longitude: middle(area.west, area.east, LONGITUDE_MAX),
            latitude: middle(area.south, area.north, LATITUDE_MAX),
        }
    }

    /// The geohash as other programs write it, whose grid reaches the poles.
    pub fn text(self) -> [u8; TEXT_LEN] {
        let row = place_on_axis(self.latitude, TEXT_LATITUDE_MAX, STEP_MAX);
        let column = place_on_axis(self.longitude, LONGITUDE_MAX, STEP_MAX);
        let number = interleave(row, column);
        let mut shift = 2 * STEP_MAX;
        let letter = |_| match shift.checked_sub(LETTER_BITS) {
            Some(rest) => {
                shift = rest;
                LETTERS[num::index(number >> shift & 31)]
            }
            None => LETTERS[0],
        };
        [(); TEXT_LEN].map(letter)
    }
}

impl Cell {
    /// The cell in which a place is.
    pub fn around(point: Point, step: u32) -> Cell {
        Cell {
            column: place_on_axis(point.longitude, LONGITUDE_MAX, step),
            row: place_on_axis(point.latitude, LATITUDE_MAX, step),
            step,
        }
    }

    /// The cell so many columns to the east and rows to the north, around the globe.
    #[must_use]
    pub fn beside(self, east: i32, north: i32) -> Cell {
        let mask = (1 << self.step) - 1;
        let moved = |place: u32, by: i32| match by {
            // Also where a place on the northern edge is beyond the last row.
            0 => place,
            _ => place.wrapping_add_signed(by) & mask,
        };
        Cell { column: moved(self.column, east), row: moved(self.row, north), step: self.step }
    }

    /// Where it lies.
    pub fn bounds(self) -> Bounds {
        let edge = |place: u32, bound: f64| {
            let share = f64::from(place) / num::float(1 << self.step);
            -bound + share * (bound * 2.0)
        };
        Bounds {
            west: edge(self.column, LONGITUDE_MAX),
            east: edge(self.column.wrapping_add(1), LONGITUDE_MAX),
            south: edge(self.row, LATITUDE_MAX),
            north: edge(self.row.wrapping_add(1), LATITUDE_MAX),
        }
    }

    /// The scores of the places in it.
    pub fn scores(self) -> ScoreRange {
        let (number, shift) = (self.number(), 2 * (STEP_MAX - self.step));
        ScoreRange {
            min: num::float(number << shift),
            max: num::float((number + 1) << shift),
            excludes_min: false,
            excludes_max: true,
        }
    }

    fn number(self) -> u64 {
        interleave(self.row, self.column)
    }
}

/// In which of the parts of an axis a coordinate falls; the end of the axis is beyond the last.
fn place_on_axis(coordinate: f64, bound: f64, step: u32) -> u32 {
    let share = (coordinate + bound) / (bound * 2.0);
    u32::try_from(num::whole(share * num::float(1 << step))).unwrap_or(u32::MAX)
}

/// A score as a number. One that no place has gives what the machine of Redis makes of it.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "scores may be any; the number of any is some place"
)]
fn number_of(score: f64) -> u64 {
    match score {
        _ if score < 0.0 => score as i64 as u64,
        _ if score < NUMBERS_END => score as u64,
        _ => 0,
    }
}

/// The bits of two numbers in turn; the lowest is one of `even`.
fn interleave(even: u32, odd: u32) -> u64 {
    spread(even) | spread(odd) << 1
}

/// The numbers whose bits are the even and the odd ones of another.
fn split(number: u64) -> (u32, u32) {
    (gather(number), gather(number >> 1))
}

/// Masks of groups of bits, from sixteen down to one, with gaps as wide as the groups.
const GROUPS: [(u32, u64); 5] = [
    (16, 0x0000_FFFF_0000_FFFF),
    (8, 0x00FF_00FF_00FF_00FF),
    (4, 0x0F0F_0F0F_0F0F_0F0F),
    (2, 0x3333_3333_3333_3333),
    (1, 0x5555_5555_5555_5555),
];

/// A gap behind every bit.
fn spread(bits: u32) -> u64 {
    GROUPS.iter().fold(u64::from(bits), |bits, (shift, mask)| (bits | bits << shift) & mask)
}

/// Every other bit, from the lowest on.
fn gather(bits: u64) -> u32 {
    let mut gathered = bits & GROUPS[4].1;
    for (wider, (shift, _)) in GROUPS[..4].iter().rev().zip(GROUPS[1..].iter().rev()) {
        gathered = (gathered | gathered >> shift) & wider.1;
    }
    let gathered = (gathered | gathered >> GROUPS[0].0) & u64::from(u32::MAX);
    u32::try_from(gathered).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PALERMO: Point = Point { longitude: 13.361389, latitude: 38.115556 };

    #[test]
    fn numbers_are_those_of_redis() {
        let cases = [
            (PALERMO, 3_479_099_956_230_698.0),
            (Point { longitude: 15.087269, latitude: 37.502669 }, 3_479_447_370_796_909.0),
            (Point { longitude: 16.0, latitude: 10.0 }, 3_393_034_985_994_133.0),
        ];
        for (point, score) in cases {
            assert_eq!(point.score().to_bits(), f64::to_bits(score), "{point:?}");
        }
    }

    #[test]
    fn texts_are_those_of_other_programs() {
        let point = Point::of_score(PALERMO.score());
        assert_eq!(&point.text(), b"sqc8b49rny0");
    }

    #[test]
    fn bits_are_interleaved_and_split() {
        assert_eq!(interleave(0b11, 0b10), 0b1101);
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..1_000 {
            let (even, odd) = (rng.u32(..), rng.u32(..));
            assert_eq!(split(interleave(even, odd)), (even, odd));
        }
    }

    #[test]
    fn a_place_is_in_its_cell_and_reads_back_nearby() {
        let mut rng = fastrand::Rng::with_seed(2);
        for _ in 0..10_000 {
            let point = Point {
                longitude: (rng.f64() * 2.0 - 1.0) * LONGITUDE_MAX,
                latitude: (rng.f64() * 2.0 - 1.0) * LATITUDE_MAX,
            };
            let back = Point::of_score(point.score());
            assert!((back.longitude - point.longitude).abs() < 5.4e-6);
            assert!((back.latitude - point.latitude).abs() < 2.6e-6);
            let cell = Cell::around(point, rng.u32(1..=STEP_MAX));
            let (bounds, scores) = (cell.bounds(), cell.scores());
            assert!(bounds.west <= point.longitude && point.longitude <= bounds.east);
            assert!(bounds.south <= point.latitude && point.latitude <= bounds.north);
            assert!(scores.min <= point.score() && point.score() < scores.max);
            assert_eq!(cell.beside(1, -1).beside(-1, 1), cell);
        }
    }

    #[test]
    fn any_score_is_some_place() {
        let scores = [0.0, -1.0, -1e300, 1e300, 4.5, f64::INFINITY, f64::NEG_INFINITY, 1.9e19];
        assert!(scores.into_iter().all(|score| Point::of_score(score).is_on_grid()));
    }
}

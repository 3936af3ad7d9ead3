//! Circles and boxes on the globe: which cells of the grid cover one, and which places are in it.

use super::grid::{Bounds, Cell, Point, STEP_MAX};
use super::sphere::{Origin, RADIUS_M, degrees, radians};

/// Half the Earth's circumference in Mercator's projection, in meters.
const MERCATOR_MAX_M: f64 = 20_037_726.37;
/// Beyond these latitudes cells are so narrow that they are taken a step larger each.
const POLAR_LATITUDES: [f64; 2] = [66.0, 80.0];
/// The cell in the middle and those around it, columns to the east and rows to the north, in the
/// order in which they are searched.
const AROUND: [(i32, i32); 9] =
    [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];
/// A distance to a parallel that is so much more than a radius, relatively and in meters, is not
/// less than it for any error of rounding.
const ROUNDING: (f64, f64) = (1.0 + 1e-9, 1e-3);

/// What a shape is, in its own unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// All that is within a distance.
    Circle {
        /// That distance.
        radius: f64,
    },
    /// A box with sides along meridians and parallels.
    Box {
        /// From west to east.
        width: f64,
        /// From south to north.
        height: f64,
    },
}

/// An area around a place.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Its middle.
    pub center: Point,
    /// What it is.
    pub form: Form,
    /// The unit of its sides in meters.
    pub unit_m: f64,
}

/// A shape that is ready to tell which places are in it.
#[derive(Clone, Copy, Debug)]
pub struct Reach {
    center: Point,
    origin: Origin,
    form: Form,
}

impl Shape {
    /// The cells that cover it, each once, in the order of Redis.
    pub fn cells(&self) -> Vec<Cell> {
        let bounds = self.bounds();
        let mut step = self.step();
        let mut middle = Cell::around(self.center, step);
        if step > 1 && !is_enough(middle, bounds) {
            step -= 1;
            middle = Cell::around(self.center, step);
        }
        let area = middle.bounds();
        let is_useless = |east: i32, north: i32| {
            (north < 0 && area.south < bounds.south)
                || (north > 0 && area.north > bounds.north)
                || (east < 0 && area.west < bounds.west)
                || (east > 0 && area.east > bounds.east)
        };
        let wanted = AROUND.iter().filter(|(east, north)| step < 2 || !is_useless(*east, *north));
        let mut cells: Vec<Cell> =
            wanted.map(|(east, north)| middle.beside(*east, *north)).collect();
        // Where the grid has only two columns, both neighbours are the same.
        cells.dedup();
        cells
    }

    /// What tells which places are in it.
    pub fn reach(&self) -> Reach {
        let unit = self.unit_m;
        let form = match self.form {
            Form::Circle { radius } => Form::Circle { radius: radius * unit },
            Form::Box { width, height } => Form::Box { width: width * unit, height: height * unit },
        };
        Reach { center: self.center, origin: Origin::new(self.center), form }
    }

    /// Where it lies; on the side of the nearer pole it is widest.
    fn bounds(&self) -> Bounds {
        let (width, height) = match self.form {
            Form::Circle { radius } => (radius, radius),
            Form::Box { width, height } => (width / 2.0, height / 2.0),
        };
        let (width, height) = (width * self.unit_m, height * self.unit_m);
        let Point { longitude, latitude } = self.center;
        let up = degrees(height / RADIUS_M);
        let widest = if latitude < 0.0 { latitude - up } else { latitude + up };
        let across = degrees(width / RADIUS_M / radians(widest).cos());
        Bounds {
            west: longitude - across,
            east: longitude + across,
            south: latitude - up,
            north: latitude + up,
        }
    }

    /// The step of the grid at which the cells are about as large as the shape.
    fn step(&self) -> u32 {
        let reach = match self.form {
            Form::Circle { radius } => radius,
            Form::Box { width, height } => {
                ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt()
            }
        };
        let mut reach_m = reach * self.unit_m;
        if reach_m == 0.0 {
            return STEP_MAX;
        }
        let mut step = 1;
        while reach_m < MERCATOR_MAX_M {
            reach_m *= 2.0;
            step += 1;
        }
        let latitude = self.center.latitude.abs();
        let polar = POLAR_LATITUDES.iter().filter(|bound| latitude > **bound).count();
        // Two steps larger, so that the cells around the middle are enough in most cases.
        let larger = 2 + u32::try_from(polar).unwrap_or(0);
        u32::saturating_sub(step, larger).clamp(1, STEP_MAX)
    }
}

/// Whether a cell and those around it cover an area.
fn is_enough(middle: Cell, bounds: Bounds) -> bool {
    let is_short = middle.beside(0, 1).bounds().north < bounds.north
        || middle.beside(0, -1).bounds().south > bounds.south
        || middle.beside(1, 0).bounds().east < bounds.east
        || middle.beside(-1, 0).bounds().west > bounds.west;
    !is_short
}

impl Reach {
    /// How far a place is from the middle, in meters, if it is in the shape.
    #[inline]
    pub fn distance_m(&self, to: Point) -> Option<f64> {
        match self.form {
            Form::Circle { radius } => {
                if self.origin.north_m(to) > radius * ROUNDING.0 + ROUNDING.1 {
                    return None;
                }
                let distance = self.origin.distance_m(to);
                // What is no number, which rounding may give for the other side of the globe, is
                // in it.
                if distance > radius { None } else { Some(distance) }
            }
            Form::Box { width, height } => {
                if self.origin.north_m(to) > height / 2.0 {
                    return None;
                }
                let beside = Point { longitude: self.center.longitude, latitude: to.latitude };
                if Origin::new(to).distance_m(beside) > width / 2.0 {
                    return None;
                }
                Some(self.origin.distance_m(to))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::geo::grid::{LATITUDE_MAX, LONGITUDE_MAX};

    fn point(rng: &mut fastrand::Rng) -> Point {
        Point {
            longitude: (rng.f64() * 2.0 - 1.0) * LONGITUDE_MAX,
            latitude: (rng.f64() * 2.0 - 1.0) * LATITUDE_MAX,
        }
    }

    fn shape(rng: &mut fastrand::Rng) -> Shape {
        let side = |rng: &mut fastrand::Rng| 10f64.powf(rng.f64() * 8.0);
        let radius = side(rng);
        let circle = Form::Circle { radius };
        let form = if rng.bool() { circle } else { Form::Box { width: side(rng), height: radius } };
        Shape { center: point(rng), form, unit_m: 1.0 }
    }

    #[test]
    fn no_cell_comes_twice() {
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..20_000 {
            let cells = shape(&mut rng).cells();
            for (at, cell) in cells.iter().enumerate() {
                assert!(!cells[..at].contains(cell), "{cells:?}");
            }
        }
    }

    #[test]
    fn a_small_circle_is_covered() {
        let mut rng = fastrand::Rng::with_seed(2);
        for _ in 0..20_000 {
            let radius = 10f64.powf(rng.f64() * 5.0);
            let center = point(&mut rng);
            let shape = Shape { center, form: Form::Circle { radius }, unit_m: 1.0 };
            // Somewhere near, where the grid does not end.
            let spread = degrees(radius / RADIUS_M);
            let near = Point {
                longitude: center.longitude + (rng.f64() - 0.5) * spread,
                latitude: center.latitude + (rng.f64() - 0.5) * spread,
            };
            if near.latitude.abs() > 80.0 || near.longitude.abs() > LONGITUDE_MAX {
                continue;
            }
            let score = near.score();
            let holds = |cell: &Cell| (cell.scores().min..cell.scores().max).contains(&score);
            assert!(shape.reach().distance_m(near).is_some());
            assert!(shape.cells().iter().any(holds), "{shape:?} {near:?}");
        }
    }

    #[test]
    fn a_parallel_that_is_too_far_tells_the_same_as_the_distance() {
        let mut rng = fastrand::Rng::with_seed(3);
        for _ in 0..100_000 {
            let (center, to) = (point(&mut rng), point(&mut rng));
            let distance = Origin::new(center).distance_m(to);
            let radius = distance * (1.0 + (rng.f64() - 0.5) * 1e-8);
            let shape = Shape { center, form: Form::Circle { radius }, unit_m: 1.0 };
            assert_eq!(shape.reach().distance_m(to).is_some(), distance <= radius);
        }
    }

    #[test]
    fn sides_without_bounds_end_the_search_for_cells() {
        for radius in [0.0, 1e-300, 1e300, f64::INFINITY] {
            let center = Point { longitude: 0.0, latitude: LATITUDE_MAX };
            let shape = Shape { center, form: Form::Circle { radius }, unit_m: 1.0 };
            assert!(!shape.cells().is_empty());
        }
    }
}

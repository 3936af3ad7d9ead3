//! Distances on the globe, taken as a sphere.

use super::grid::Point;

/// The radius of the Earth in meters, as Redis has it.
pub const RADIUS_M: f64 = 6_372_797.560_856;

/// A degree in radians.
const DEGREE: f64 = std::f64::consts::PI / 180.0;

/// Degrees in radians.
pub fn radians(degrees: f64) -> f64 {
    degrees * DEGREE
}

/// Radians in degrees.
pub fn degrees(radians: f64) -> f64 {
    radians / DEGREE
}

/// A place from which distances are taken.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    longitude: f64,
    latitude: f64,
    latitude_cos: f64,
}

impl Origin {
    /// One at a place.
    pub fn new(point: Point) -> Origin {
        let latitude = radians(point.latitude);
        let longitude = radians(point.longitude);
        Origin { longitude, latitude, latitude_cos: latitude.cos() }
    }

    /// How far it is to a place, in meters, by the haversine formula.
    pub fn distance_m(&self, to: Point) -> f64 {
        let across = ((radians(to.longitude) - self.longitude) / 2.0).sin();
        if across == 0.0 {
            return self.north_m(to);
        }
        let latitude = radians(to.latitude);
        let up = ((latitude - self.latitude) / 2.0).sin();
        let haversine = up * up + self.latitude_cos * latitude.cos() * across * across;
        2.0 * RADIUS_M * haversine.sqrt().asin()
    }

    /// How far it is to the parallel of a place, in meters.
    pub fn north_m(&self, to: Point) -> f64 {
        RADIUS_M * (radians(to.latitude) - self.latitude).abs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_redis() {
        let palermo = Point::of_score(3_479_099_956_230_698.0);
        let catania = Point::of_score(3_479_447_370_796_909.0);
        let distance = Origin::new(palermo).distance_m(catania);
        assert_eq!(format!("{distance:.4}"), "166274.1516");
        assert_eq!(Origin::new(palermo).distance_m(palermo), 0.0);
        let below = Point { latitude: palermo.latitude - 1.0, ..palermo };
        assert_eq!(format!("{:.2}", Origin::new(palermo).distance_m(below)), "111226.30");
    }
}

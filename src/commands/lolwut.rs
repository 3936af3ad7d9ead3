//! LOLWUT: a picture that is of no use, and the version.

use crate::exec::{Call, Command, Flow, Outcome, int};
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::{Group, REDIS_VERSION, Spec};

/// Columns and rows of the picture unless told otherwise.
const COLUMNS: i64 = 64;
const ROWS: i64 = 12;
/// Most columns and rows.
const SIDE_MAX: i64 = 200;
/// The yarn, from dark to light.
const YARN: &[u8] = b".:-=+*#%@";

pub(super) const LOLWUT: Command = Command::new(
    Spec {
        name: "lolwut",
        group: Group::Server,
        since: "5.0.0",
        arity: -1,
        flags: Flags::READONLY.union(Flags::FAST),
        categories: Categories::empty(),
        summary: "Draws a picture and tells the version.",
        syntax: "[VERSION version:integer]",
        ..Spec::NEW
    },
    lolwut,
);

fn lolwut(call: &mut Call<'_>) -> Outcome {
    let argv = call.argv;
    let mut sizes = [COLUMNS, ROWS];
    if argv.len() > 2 && argv.at(1).eq_ignore_ascii_case(b"VERSION") {
        // One picture serves for all versions; what follows is its size.
        int(argv.at(2))?;
        for (size, argument) in sizes.iter_mut().zip(argv.from(3)) {
            *size = int(argument)?.clamp(1, SIDE_MAX);
        }
    }
    let [columns, rows] = sizes.map(|size| i32::try_from(size).unwrap_or(1));
    let twist = call.state.rng.f64() * std::f64::consts::TAU;
    let mut text = spindle(columns, rows, twist);
    text.push_str("\nA spindle with its yarn, wound anew each time. Redis ver. ");
    text.push_str(REDIS_VERSION);
    text.push('\n');
    call.out.verbatim("txt", &text);
    Ok(Flow::Done)
}

/// Yarn around a lying spindle: thick in the middle, thin at both ends, in slanting turns.
fn spindle(columns: i32, rows: i32, twist: f64) -> String {
    let mut text = String::new();
    for row in 0..rows {
        // Both run from -1 to 1.
        let y = (f64::from(row) + 0.5) / f64::from(rows) * 2.0 - 1.0;
        for column in 0..columns {
            let x = (f64::from(column) + 0.5) / f64::from(columns) * 2.0 - 1.0;
            text.push(char::from(shade(x, y, twist)));
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
    text
}

fn shade(x: f64, y: f64, twist: f64) -> u8 {
    let thickness = (1.0 - x * x).powi(2);
    if y.abs() > thickness {
        return if y.abs() < 0.1 { b'-' } else { b' ' };
    }
    let angle = (y / thickness).asin();
    let turn = (x * 24.0 + angle * 2.0 + twist).sin();
    // Light falls on the side that faces the reader.
    let light = (turn * 0.5 + 0.5) * angle.cos();
    let levels = (0u8..).zip(YARN).filter(|(level, _)| f64::from(*level) / 9.0 <= light);
    levels.last().map_or(b'.', |(_, byte)| *byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_has_the_size_that_is_asked_for() {
        for (columns, rows) in [(1, 1), (64, 12), (200, 200)] {
            let text = spindle(columns, rows, 1.0);
            assert_eq!(text.lines().count(), usize::try_from(rows).unwrap());
            let width = text.lines().map(str::len).max().unwrap();
            assert!(width <= usize::try_from(columns).unwrap() && text.is_ascii());
        }
    }
}

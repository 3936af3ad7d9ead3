//! Requests by chance for bitmaps.

use crate::requests::{key, number};
use crate::strings::small;
use fastrand::Rng;

/// A request line; no word of it holds a space.
pub fn request(rng: &mut Rng) -> String {
    let a = key(rng);
    match rng.u8(0..9) {
        0 => format!("SETBIT {a} {} {}", place(rng), rng.i64(-1..3)),
        1 => format!("GETBIT {a} {}", place(rng)),
        2 => format!("BITCOUNT {a}"),
        3 => format!("BITCOUNT {a} {} {}{}", small(rng), small(rng), unit(rng)),
        4 => {
            let end = format!(" {}{}", small(rng), unit(rng));
            let end = if rng.bool() { &end } else { "" };
            let start = format!(" {}{end}", small(rng));
            format!("BITPOS {a} {}{}", rng.i64(0..3), if rng.bool() { &start } else { "" })
        }
        5..7 => {
            let name = ["AND", "or", "XOR", "NOT", "NOSUCH"][rng.usize(0..5)];
            let mut line = format!("BITOP {name} {a}");
            (0..rng.u8(0..4)).for_each(|_| line += &format!(" {}", key(rng)));
            line
        }
        7 => {
            let mut line = format!("BITFIELD_RO {a}");
            (0..rng.u8(0..3)).for_each(|_| line += &format!(" GET {}", field(rng)));
            line
        }
        _ => {
            let mut line = format!("BITFIELD {a}");
            for _ in 0..rng.u8(0..5) {
                line += &match rng.u8(0..4) {
                    0 => format!(" get {}", field(rng)),
                    1 => format!(" SET {} {}", field(rng), value(rng)),
                    2 => format!(" INCRBY {} {}", field(rng), number(rng)),
                    _ => format!(" OVERFLOW {}", ["WRAP", "sat", "FAIL", "NO"][rng.usize(0..4)]),
                };
            }
            line
        }
    }
}

/// A value to set. None is near the least of 64 bits: the real server saturates those to the
/// highest value.
fn value(rng: &mut Rng) -> String {
    number(rng).replace("-9223372036854775808", "-1000000000000")
}

fn unit(rng: &mut Rng) -> &'static str {
    ["", " BYTE", " bit", " BIT", " BYTES"][rng.usize(0..5)]
}

/// The place of a bit, near enough that no string gets long.
fn place(rng: &mut Rng) -> String {
    match rng.u8(0..10) {
        0 => ["-1", "x", "4294967296", "#1"][rng.usize(0..4)].to_owned(),
        _ => rng.u32(0..600).to_string(),
    }
}

fn field(rng: &mut Rng) -> String {
    let sign = ["i", "u", "i", "u", "x"][rng.usize(0..5)];
    let place = if rng.bool() { place(rng) } else { format!("#{}", rng.u8(0..20)) };
    format!("{sign}{} {place}", rng.u8(0..66))
}

//! Requests by chance for strings beside SET and the counters.

use crate::requests::{far, key, number, value};
use fastrand::Rng;

/// Words for a request.
pub fn request(rng: &mut Rng) -> Vec<String> {
    let a = key(rng);
    match rng.u8(0..11) {
        0 => vec!["APPEND".into(), a, value(rng)],
        1 => vec!["STRLEN".into(), a],
        2 => vec!["SETRANGE".into(), a, small(rng), value(rng)],
        3 => vec!["GETRANGE".into(), a, small(rng), small(rng)],
        4 => vec!["SUBSTR".into(), a, number(rng), small(rng)],
        5 => vec!["GETDEL".into(), a],
        6 => {
            let option = ["EX", "PX", "EXAT", "PXAT", "PERSIST", "NOSUCH"][rng.usize(0..6)];
            let mut argv = vec!["GETEX".into(), a, option.into()];
            if option.len() <= 4 {
                argv.push(far(rng, option.ends_with("AT")));
            }
            argv.truncate(if rng.u8(0..6) == 0 { 2 } else { 4 });
            argv
        }
        7..9 => vec!["INCRBYFLOAT".into(), a, fraction(rng)],
        9 => {
            let options = ["LEN", "IDX", "WITHMATCHLEN", "MINMATCHLEN 2", "MINMATCHLEN", "NOSUCH"];
            let mut line = format!("LCS {a} {}", key(rng));
            for _ in 0..rng.usize(0..3) {
                line = format!("{line} {}", options[rng.usize(0..options.len())]);
            }
            line.split(' ').map(str::to_owned).collect()
        }
        _ => {
            let mut argv = vec!["MSETNX".to_owned()];
            (0..rng.usize(1..4)).for_each(|_| argv.extend([key(rng), value(rng)]));
            argv.truncate(if rng.u8(0..8) == 0 { 2 } else { 9 });
            argv
        }
    }
}

/// A place in a string, or none.
pub fn small(rng: &mut Rng) -> String {
    match rng.u8(0..16) {
        0 => ["abc", "", "-1", "9223372036854775807", "-9223372036854775808"][rng.usize(0..5)]
            .to_owned(),
        _ => rng.i64(-70..90).to_string(),
    }
}

fn fraction(rng: &mut Rng) -> String {
    let digits =
        |rng: &mut Rng, len| -> String { (0..rng.usize(0..len)).map(|_| rng.digit(10)).collect() };
    match rng.u8(0..8) {
        0 => ["inf", "-INF", "nan", "0x1.8p2", "-0X1p-9", "1e5000", "1e-5000", "."]
            [rng.usize(0..8)]
        .to_owned(),
        1 => format!("{}e{}", digits(rng, 12), rng.i64(-30..25)),
        2 => format!("-{}.{}e{}", digits(rng, 20), digits(rng, 20), rng.i64(-30..8)),
        3 => format!("{}.{}", digits(rng, 20), digits(rng, 24)),
        _ => format!("{}.{}", rng.i64(-500..500), digits(rng, 5)),
    }
}

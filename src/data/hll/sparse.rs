//! Registers as runs of equal ones:
//!
//! ```text
//! 00llllll             zeros, l + 1 of them
//! 01llllll llllllll    the same for more of them
//! 1vvvvvll             l + 1 registers of the value v + 1
//! ```
//!
//! Which runs stand for the same registers depends on the order in which they were raised; it is
//! that of Redis.

use super::{BODY_AT, Corrupt, REGISTERS};
use std::ops::Range;

/// The body of one that has seen nothing.
pub const EMPTY: [u8; 2] = [0x7F, 0xFF];

/// Mark of a run of many zeros.
const MANY: u8 = 1 << 6;
/// Mark of a run of values.
const VALUES: u8 = 1 << 7;
/// Most zeros of a run in one byte.
const FEW_MAX: usize = 64;
/// Most registers of a run of values.
const LEN_MAX: usize = 4;
/// The highest value that a run can have.
const VALUE_MAX: u8 = 32;
/// Runs that are looked at after a change, to unite those of the same value.
const UNITED_MAX: usize = 5;
/// Most bytes of the runs that take the place of one.
const PATCH_MAX: usize = 5;

/// Registers that are equal and follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// So many zeros, in one byte.
    Few(usize),
    /// So many zeros, in two bytes.
    Many(usize),
    /// Registers of a value.
    Values {
        /// The value.
        value: u8,
        /// So many.
        len: usize,
    },
}

impl Run {
    /// The run at the front; `None` at the end. Where the second byte is missing it counts as zero,
    /// which Redis has behind every string.
    fn read(bytes: &[u8]) -> Option<Run> {
        let first = *bytes.first()?;
        if first & VALUES != 0 {
            let value = (first >> 2 & 31) + 1;
            return Some(Run::Values { value, len: usize::from(first & 3) + 1 });
        }
        if first & MANY == 0 {
            return Some(Run::Few(usize::from(first) + 1));
        }
        let second = bytes.get(1).copied().unwrap_or(0);
        let len = u16::from_be_bytes([first & !MANY, second]);
        Some(Run::Many(usize::from(len) + 1))
    }

    /// So many zeros in as few bytes as they need.
    fn zeros(len: usize) -> Run {
        if len > FEW_MAX { Run::Many(len) } else { Run::Few(len) }
    }

    /// Number of registers.
    fn len(self) -> usize {
        match self {
            Run::Few(len) | Run::Many(len) | Run::Values { len, .. } => len,
        }
    }

    /// The value of each.
    fn value(self) -> u8 {
        match self {
            Run::Few(_) | Run::Many(_) => 0,
            Run::Values { value, .. } => value,
        }
    }

    /// The same with another number of registers.
    fn of_len(self, len: usize) -> Run {
        match self {
            Run::Few(_) | Run::Many(_) => Run::zeros(len),
            Run::Values { value, .. } => Run::Values { value, len },
        }
    }

    /// Number of bytes.
    fn bytes(self) -> usize {
        if matches!(self, Run::Many(_)) { 2 } else { 1 }
    }
}

/// The runs of a body.
pub struct Runs<'a>(&'a [u8]);

impl<'a> Runs<'a> {
    /// Those of a body.
    pub fn of(body: &'a [u8]) -> Runs<'a> {
        Runs(body)
    }
}

impl Iterator for Runs<'_> {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        let run = Run::read(self.0)?;
        self.0 = self.0.get(run.bytes()..).unwrap_or_default();
        Some(run)
    }
}

/// Visits all runs with the registers that each stands for.
///
/// # Errors
/// That they are not all registers.
pub fn each_run(body: &[u8], mut visit: impl FnMut(Range<usize>, u8)) -> Result<(), Corrupt> {
    let mut first = 0;
    for run in Runs::of(body) {
        let end = first + run.len();
        if end > REGISTERS {
            return Err(Corrupt);
        }
        visit(first..end, run.value());
        first = end;
    }
    if first == REGISTERS { Ok(()) } else { Err(Corrupt) }
}

/// What has become of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was not less.
    None,
    /// It has the value.
    Raised,
    /// The body would be too large, or cannot have such a value.
    TooLarge,
}

/// Raises registers one after the other. What it has found before helps it to find those behind.
pub struct Writer<'a> {
    bytes: &'a mut Vec<u8>,
    bytes_max: usize,
    /// A run before the one that was looked at last, and its first register.
    before: (usize, usize),
}

/// Runs that take the place of another one.
#[derive(Default)]
struct Patch {
    bytes: [u8; PATCH_MAX],
    len: usize,
}

impl Patch {
    fn push(&mut self, run: Run) {
        let len = u16::try_from(run.len().saturating_sub(1)).unwrap_or(0).to_be_bytes();
        let at = self.len;
        match run {
            _ if run.len() == 0 => return,
            Run::Few(_) => self.bytes[at] = len[1],
            Run::Many(_) => (self.bytes[at], self.bytes[at + 1]) = (len[0] | MANY, len[1]),
            Run::Values { value, .. } => self.bytes[at] = VALUES | (value - 1) << 2 | len[1],
        }
        self.len += run.bytes();
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl<'a> Writer<'a> {
    /// A writer of the body in a string that is to have at most so many bytes.
    pub fn new(bytes: &'a mut Vec<u8>, bytes_max: usize) -> Writer<'a> {
        Writer { bytes, bytes_max, before: (BODY_AT, 0) }
    }

    /// Raises a register to a value.
    ///
    /// # Errors
    /// That the runs do not reach it.
    pub fn raise(&mut self, index: usize, value: u8) -> Result<Change, Corrupt> {
        if value > VALUE_MAX {
            return Ok(Change::TooLarge);
        }
        let (mut before, mut at, mut first) = (None, self.before.0, self.before.1);
        if first > index {
            (at, first) = (BODY_AT, 0);
        }
        let mut run = self.run_at(at).ok_or(Corrupt)?;
        if first + run.len() > index {
            // What is before the remembered run is not known.
            (at, first) = (BODY_AT, 0);
            run = self.run_at(at).ok_or(Corrupt)?;
        }
        while first + run.len() <= index {
            before = Some((at, first));
            (at, first) = (at + run.bytes(), first + run.len());
            run = self.run_at(at).ok_or(Corrupt)?;
        }
        if run.value() >= value {
            self.before = before.unwrap_or(self.before);
            return Ok(Change::None);
        }
        let mut patch = Patch::default();
        patch.push(run.of_len(index - first));
        patch.push(Run::Values { value, len: 1 });
        patch.push(run.of_len(first + run.len() - index - 1));
        let grows = patch.len > run.bytes();
        if grows && self.bytes.len() + patch.len - run.bytes() > self.bytes_max {
            return Ok(Change::TooLarge);
        }
        let end = self.bytes.len().min(at + run.bytes());
        self.bytes.splice(at..end, patch.as_bytes().iter().copied());
        self.before = before.unwrap_or((BODY_AT, 0));
        self.unite(self.before.0);
        super::forget_count(self.bytes);
        Ok(Change::Raised)
    }

    fn run_at(&self, at: usize) -> Option<Run> {
        self.bytes.get(at..).and_then(Run::read)
    }

    /// Unites runs of the same value from a place on, where Redis does.
    fn unite(&mut self, mut at: usize) {
        for _ in 0..UNITED_MAX {
            let Some(run) = self.run_at(at) else { return };
            let next = self.run_at(at + run.bytes());
            match (run, next) {
                (Run::Values { value, len }, Some(Run::Values { value: other, len: more }))
                    if value == other && len + more <= LEN_MAX =>
                {
                    let mut united = Patch::default();
                    united.push(Run::Values { value, len: len + more });
                    self.bytes.splice(at..at + 2, united.as_bytes().iter().copied());
                }
                _ => at += run.bytes(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(bytes: &[u8]) -> Vec<Run> {
        Runs::of(&bytes[BODY_AT..]).collect()
    }

    #[test]
    fn runs_are_split_and_united() {
        let mut bytes = super::super::new();
        let mut raise = |index, value| {
            let change = Writer::new(&mut bytes, 3_000).raise(index, value);
            (change, body(&bytes))
        };
        let one = |value, len| Run::Values { value, len };
        let raised = Ok(Change::Raised);
        assert_eq!(raise(0, 1), (raised, vec![one(1, 1), Run::Many(16_383)]));
        assert_eq!(
            raise(64, 2),
            (raised, vec![one(1, 1), Run::Few(63), one(2, 1), Run::Many(16_319)])
        );
        assert_eq!(raise(1, 1).1[..2], [one(1, 2), Run::Few(62)]);
        assert_eq!(raise(3, 1).1[..4], [one(1, 2), Run::Few(1), one(1, 1), Run::Few(60)]);
        assert_eq!(raise(2, 1).1[..2], [one(1, 4), Run::Few(60)]);
        assert_eq!(raise(2, 1).0, Ok(Change::None));
        assert_eq!(raise(1, 5).1[..3], [one(1, 1), one(5, 1), one(1, 2)]);
        assert_eq!(raise(9, 33).0, Ok(Change::TooLarge));
        assert_eq!(raise(16_383, 32).1.last(), Some(&one(32, 1)));
        assert_eq!(raise(16_384, 1).0, Err(Corrupt));
    }

    #[test]
    fn a_writer_that_remembers_writes_the_same() {
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..200 {
            let (mut a, mut b) = (super::super::new(), super::super::new());
            for _ in 0..rng.usize(0..300) {
                let (index, value) = (rng.usize(0..REGISTERS), rng.u8(1..4));
                Writer::new(&mut a, 3_000).raise(index, value).unwrap();
            }
            b.clone_from(&a);
            let mut writer = Writer::new(&mut a, 3_000);
            for index in 0..REGISTERS {
                let value = if rng.u8(0..30) == 0 { rng.u8(1..4) } else { 0 };
                if value > 0 {
                    let change = writer.raise(index, value);
                    assert_eq!(change, Writer::new(&mut b, 3_000).raise(index, value));
                }
            }
            assert_eq!(a, b);
        }
    }
}

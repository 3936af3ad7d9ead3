//! Where a command's keys stand among its arguments, and what it does with them.

use crate::base::num;
use bitflags::bitflags;
use std::iter::StepBy;
use std::ops::Range;

bitflags! {
    /// What a command does with the keys of one spec.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct KeyFlags: u32 {
        /// Reads the value, does not change it.
        const RO = 1 << 0;
        /// Reads and changes it.
        const RW = 1 << 1;
        /// Overwrites it without a look at it.
        const OW = 1 << 2;
        /// Removes it.
        const RM = 1 << 3;
        /// What it reads goes to the user.
        const ACCESS = 1 << 4;
        /// Changes or adds data.
        const UPDATE = 1 << 5;
        /// Adds data, never changes what is there.
        const INSERT = 1 << 6;
        /// Removes data.
        const DELETE = 1 << 7;
        /// Is no key, but goes where keys go.
        const NOT_KEY = 1 << 8;
        /// Not all keys are found by this spec.
        const INCOMPLETE = 1 << 9;
        /// The flags depend on arguments.
        const VARIABLE_FLAGS = 1 << 10;
    }
}

const NAMES: [&str; 11] = [
    "RO",
    "RW",
    "OW",
    "RM",
    "access",
    "update",
    "insert",
    "delete",
    "not_key",
    "incomplete",
    "variable_flags",
];

impl KeyFlags {
    /// The names, in order.
    pub fn names(self) -> Vec<&'static str> {
        let set = NAMES.iter().enumerate().filter(|(bit, _)| self.bits() & (1 << bit) != 0);
        set.map(|(_, name)| *name).collect()
    }
}

/// A run of keys: from argument `first` to `last`, every `step`th; or as many as an argument says.
#[derive(Clone, Copy, Debug)]
pub struct KeySpec {
    /// What the command does with them.
    pub flags: KeyFlags,
    /// Index of the first key or, if they are counted, of their number, behind which they stand.
    pub first: usize,
    /// Index of the last key: from `first`, or, if negative, from the end. Means nothing if they
    /// are counted.
    pub last: i32,
    /// Distance between keys.
    pub step: usize,
    /// Whether an argument tells how many keys follow it.
    pub is_counted: bool,
    /// A remark for readers of COMMAND INFO.
    pub notes: &'static str,
    /// Words without any of which among the arguments other flags hold than these, and those flags.
    pub without: Option<(&'static [&'static str], KeyFlags)>,
}

impl KeySpec {
    /// One key, the first argument.
    pub const fn one(flags: KeyFlags) -> KeySpec {
        KeySpec { flags, first: 1, last: 0, step: 1, is_counted: false, notes: "", without: None }
    }

    /// Two keys, the first arguments.
    pub const fn two(flags: KeyFlags) -> KeySpec {
        KeySpec { last: 1, ..KeySpec::one(flags) }
    }

    /// Keys from the first argument to the last.
    pub const fn all(flags: KeyFlags) -> KeySpec {
        KeySpec { last: -1, ..KeySpec::one(flags) }
    }

    /// Keys from the first argument to the last, each followed by something else.
    pub const fn pairs(flags: KeyFlags) -> KeySpec {
        KeySpec { last: -1, step: 2, ..KeySpec::one(flags) }
    }

    /// The first argument tells how many keys follow it.
    pub const fn counted(flags: KeyFlags) -> KeySpec {
        KeySpec { is_counted: true, ..KeySpec::one(flags) }
    }

    /// The first argument tells how many keys follow it, each followed by something else.
    pub const fn counted_pairs(flags: KeyFlags) -> KeySpec {
        KeySpec { step: 2, is_counted: true, ..KeySpec::one(flags) }
    }

    /// The same from another argument on.
    #[must_use]
    pub const fn from(self, first: usize) -> KeySpec {
        KeySpec { first, ..self }
    }

    /// The same with words that the flags depend on, and the flags without them.
    #[must_use]
    pub const fn or_without(self, words: &'static [&'static str], flags: KeyFlags) -> KeySpec {
        let all = self.flags.union(KeyFlags::VARIABLE_FLAGS);
        KeySpec { flags: all, without: Some((words, flags)), ..self }
    }

    /// The flags that hold for a request with these arguments.
    pub fn flags_for<'a>(&self, mut args: impl Iterator<Item = &'a [u8]>) -> KeyFlags {
        let mut has_any = |words: &[&str]| {
            args.any(|arg| words.iter().any(|word| arg.eq_ignore_ascii_case(word.as_bytes())))
        };
        match self.without {
            Some((words, flags)) if !has_any(words) => flags,
            _ => self.flags - KeyFlags::VARIABLE_FLAGS,
        }
    }

    /// The same with a remark.
    #[must_use]
    pub const fn noting(self, notes: &'static str) -> KeySpec {
        KeySpec { notes, ..self }
    }

    /// Whether this is one key and no more.
    pub const fn is_single(&self) -> bool {
        self.last == 0 && !self.is_counted
    }

    /// The indexes of the keys in a request of `argc` arguments, of which `arg` returns the one at
    /// an index; those that are there, where their number says too many.
    #[inline]
    pub fn indexes<'a>(
        &self,
        argc: usize,
        arg: impl FnOnce(usize) -> &'a [u8],
    ) -> StepBy<Range<usize>> {
        if self.is_counted && self.first < argc {
            let count = num::parse_u64(arg(self.first)).map_or(0, num::index);
            let end = count.saturating_mul(self.step).saturating_add(self.first + 1);
            return (self.first + 1..end.min(argc)).step_by(self.step);
        }
        let back = usize::try_from(self.last.unsigned_abs()).unwrap_or(0);
        let end = if self.last < 0 { argc.saturating_sub(back - 1) } else { self.first + back + 1 };
        (self.first..end.min(argc)).step_by(self.step)
    }

    /// First key, last key, step, as COMMAND INFO shows them; for keys that are not counted.
    pub fn triple(&self) -> (usize, i64, usize) {
        let last = i64::from(self.last);
        let first = i64::try_from(self.first).unwrap_or(0);
        (self.first, if last < 0 { last } else { first + last }, self.step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indexes(spec: KeySpec, argc: usize) -> Vec<usize> {
        spec.indexes(argc, |_| b"2").collect()
    }

    #[test]
    fn keys_are_found_in_any_request() {
        assert_eq!(indexes(KeySpec::one(KeyFlags::RO), 3), [1]);
        assert_eq!(indexes(KeySpec::all(KeyFlags::RO), 4), [1, 2, 3]);
        assert_eq!(indexes(KeySpec::pairs(KeyFlags::OW), 5), [1, 3]);
        assert_eq!(indexes(KeySpec::pairs(KeyFlags::OW), 4), [1, 3]);
        assert_eq!(indexes(KeySpec::all(KeyFlags::RO), 1), [0; 0]);
        assert_eq!(indexes(KeySpec::all(KeyFlags::RO).from(3), 5), [3, 4]);
        assert_eq!(indexes(KeySpec::two(KeyFlags::RO), 5), [1, 2]);
        let counted = KeySpec::counted_pairs(KeyFlags::OW);
        assert_eq!(indexes(counted, 7), [2, 4]);
        assert_eq!(indexes(counted, 3), [2]);
        assert_eq!(counted.indexes(9, |_| b"x").count(), 0);
        assert_eq!(counted.indexes(9, |_| b"18446744073709551615").count(), 4);
        assert_eq!(KeySpec::all(KeyFlags::RO).triple(), (1, -1, 1));
        assert_eq!(KeySpec::one(KeyFlags::RO).triple(), (1, 1, 1));
    }
}

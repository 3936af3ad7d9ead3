//! Where a command's keys stand among its arguments, and what it does with them.

use bitflags::bitflags;

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

/// A run of keys: from argument `first` to `last`, every `step`th.
#[derive(Clone, Copy, Debug)]
pub struct KeySpec {
    /// What the command does with them.
    pub flags: KeyFlags,
    /// Index of the first key.
    pub first: usize,
    /// Index of the last key: from `first`, or, if negative, from the end.
    pub last: i32,
    /// Distance between keys.
    pub step: usize,
    /// A remark for readers of COMMAND INFO.
    pub notes: &'static str,
    /// A word among the arguments without which other flags hold than these, and those flags.
    pub without: Option<(&'static str, KeyFlags)>,
}

impl KeySpec {
    /// One key, the first argument.
    pub const fn one(flags: KeyFlags) -> KeySpec {
        KeySpec { flags, first: 1, last: 0, step: 1, notes: "", without: None }
    }

    /// Keys from the first argument to the last.
    pub const fn all(flags: KeyFlags) -> KeySpec {
        KeySpec { last: -1, ..KeySpec::one(flags) }
    }

    /// Keys from the first argument to the last, each followed by something else.
    pub const fn pairs(flags: KeyFlags) -> KeySpec {
        KeySpec { last: -1, step: 2, ..KeySpec::one(flags) }
    }

    /// The same from another argument on.
    #[must_use]
    pub const fn from(self, first: usize) -> KeySpec {
        KeySpec { first, ..self }
    }

    /// The same with a word that the flags depend on, and the flags without it.
    #[must_use]
    pub const fn or_without(self, word: &'static str, flags: KeyFlags) -> KeySpec {
        let all = self.flags.union(KeyFlags::VARIABLE_FLAGS);
        KeySpec { flags: all, without: Some((word, flags)), ..self }
    }

    /// The flags that hold for a request with these arguments.
    pub fn flags_for<'a>(&self, mut args: impl Iterator<Item = &'a [u8]>) -> KeyFlags {
        match self.without {
            Some((word, flags)) if !args.any(|arg| arg.eq_ignore_ascii_case(word.as_bytes())) => {
                flags
            }
            _ => self.flags - KeyFlags::VARIABLE_FLAGS,
        }
    }

    /// The same with a remark.
    #[must_use]
    pub const fn noting(self, notes: &'static str) -> KeySpec {
        KeySpec { notes, ..self }
    }

    /// The indexes of the keys in a request of `argc` arguments.
    pub fn indexes(&self, argc: usize) -> impl Iterator<Item = usize> + use<> {
        let back = usize::try_from(self.last.unsigned_abs()).unwrap_or(0);
        let end = if self.last < 0 { argc.saturating_sub(back - 1) } else { self.first + back + 1 };
        (self.first..end.min(argc)).step_by(self.step)
    }

    /// The triple of COMMAND INFO: first key, last key, step.
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
        spec.indexes(argc).collect()
    }

    #[test]
    fn keys_are_found_in_any_request() {
        assert_eq!(indexes(KeySpec::one(KeyFlags::RO), 3), [1]);
        assert_eq!(indexes(KeySpec::all(KeyFlags::RO), 4), [1, 2, 3]);
        assert_eq!(indexes(KeySpec::pairs(KeyFlags::OW), 5), [1, 3]);
        assert_eq!(indexes(KeySpec::pairs(KeyFlags::OW), 4), [1, 3]);
        assert_eq!(indexes(KeySpec::all(KeyFlags::RO), 1), [0; 0]);
        assert_eq!(KeySpec::all(KeyFlags::RO).triple(), (1, -1, 1));
        assert_eq!(KeySpec::one(KeyFlags::RO).triple(), (1, 1, 1));
        assert_eq!(indexes(KeySpec::all(KeyFlags::RO).from(3), 5), [3, 4]);
    }
}

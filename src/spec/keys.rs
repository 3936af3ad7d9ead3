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

/// How the keys of one spec are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// They stand at fixed places.
    Place,
    /// An argument tells how many follow it.
    Count,
    /// The first stands behind this word.
    Word(&'static str),
    /// One stands behind this word, the last such of a request, among options each of which takes
    /// so many arguments. COMMAND shows such a search as unknown.
    Option(&'static str, &'static [(&'static str, usize)]),
    /// They stand behind this word, and behind them as many other arguments; before the word, from
    /// the first argument on, stand options each of which takes so many arguments.
    Half(&'static str, &'static [(&'static str, usize)]),
    /// One at a fixed place; unless that is empty and others stand behind a word, which are those
    /// of [`Search::Rest`].
    PlaceOrRest(&'static Rest),
    /// Behind a word up to the end, if a fixed place is empty.
    Rest(&'static Rest),
    /// The request does not name them.
    Nowhere,
}

/// Keys behind a word, up to the end, instead of one at a fixed place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    /// The word.
    pub word: &'static str,
    /// Index of the first option.
    pub from: usize,
    /// Options that stand before the word, and how many arguments each takes.
    pub options: &'static [(&'static str, usize)],
}

/// A run of keys: from argument `first` to `last`, every `step`th; or as many as an argument says.
#[derive(Clone, Copy, Debug)]
pub struct KeySpec {
    /// What the command does with them.
    pub flags: KeyFlags,
    /// How they are found.
    pub search: Search,
    /// Index of the first key; of their number, behind which they stand, if they are counted; from
    /// which a word is looked for.
    pub first: usize,
    /// Index of the last key: from `first`, or, if negative, from the end. Means nothing unless
    /// they stand at fixed places.
    pub last: i32,
    /// Distance between keys.
    pub step: usize,
    /// A remark for readers of COMMAND INFO.
    pub notes: &'static str,
    /// Words without any of which among the arguments, from an index on, other flags hold than
    /// these, and those flags.
    pub without: Option<(usize, &'static [&'static str], KeyFlags)>,
}

impl KeySpec {
    /// One key, the first argument.
    pub const fn one(flags: KeyFlags) -> KeySpec {
        KeySpec {
            flags,
            search: Search::Place,
            first: 1,
            last: 0,
            step: 1,
            notes: "",
            without: None,
        }
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

    /// Keys from the first argument to the last but one.
    pub const fn all_but_last(flags: KeyFlags) -> KeySpec {
        KeySpec { last: -2, ..KeySpec::one(flags) }
    }

    /// The first argument tells how many keys follow it.
    pub const fn counted(flags: KeyFlags) -> KeySpec {
        KeySpec { search: Search::Count, ..KeySpec::one(flags) }
    }

    /// One key, behind a word that is looked for from the first argument on.
    pub const fn behind(word: &'static str, flags: KeyFlags) -> KeySpec {
        KeySpec { search: Search::Word(word), ..KeySpec::one(flags) }
    }

    /// One key, behind the last such word among options with so many arguments.
    pub const fn option(
        word: &'static str,
        options: &'static [(&'static str, usize)],
        flags: KeyFlags,
    ) -> KeySpec {
        KeySpec { search: Search::Option(word, options), ..KeySpec::one(flags) }
    }

    /// Keys behind a word, with as many other arguments behind them; before the word stand options
    /// with so many arguments.
    pub const fn half(
        word: &'static str,
        options: &'static [(&'static str, usize)],
        flags: KeyFlags,
    ) -> KeySpec {
        KeySpec { search: Search::Half(word, options), last: -1, ..KeySpec::one(flags) }
    }

    /// One key at a place, or those behind a word, if that place is empty: the specs of both.
    pub const fn one_or_rest(place: usize, rest: &'static Rest, flags: KeyFlags) -> [KeySpec; 2] {
        let one = KeySpec { search: Search::PlaceOrRest(rest), ..KeySpec::one(flags).from(place) };
        let flags = flags.union(KeyFlags::INCOMPLETE);
        [one, KeySpec { search: Search::Rest(rest), flags, last: -1, ..one }]
    }

    /// Keys that the request does not name.
    pub const fn unnamed(flags: KeyFlags) -> KeySpec {
        KeySpec { search: Search::Nowhere, ..KeySpec::one(flags) }
    }

    /// The first argument tells how many keys follow it, each followed by something else.
    pub const fn counted_pairs(flags: KeyFlags) -> KeySpec {
        KeySpec { step: 2, search: Search::Count, ..KeySpec::one(flags) }
    }

    /// The same from another argument on.
    #[must_use]
    pub const fn from(self, first: usize) -> KeySpec {
        KeySpec { first, ..self }
    }

    /// The same with words that the flags depend on, which may stand from an index on, and the
    /// flags without them.
    #[must_use]
    pub const fn or_without(
        self,
        from: usize,
        words: &'static [&'static str],
        flags: KeyFlags,
    ) -> KeySpec {
        let all = self.flags.union(KeyFlags::VARIABLE_FLAGS);
        KeySpec { flags: all, without: Some((from, words, flags)), ..self }
    }

    /// The flags that hold for a request of `argc` arguments, of which `arg` returns the one at an
    /// index.
    pub fn flags_for<'a>(&self, argc: usize, arg: impl Fn(usize) -> &'a [u8]) -> KeyFlags {
        let has_any = |from: usize, words: &[&str]| {
            let is_one =
                |arg: &[u8]| words.iter().any(|word| arg.eq_ignore_ascii_case(word.as_bytes()));
            (from..argc).any(|index| is_one(arg(index)))
        };
        match self.without {
            Some((from, words, flags)) if !has_any(from, words) => flags,
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
        self.last == 0 && matches!(self.search, Search::Place)
    }

    /// The indexes of the keys in a request of `argc` arguments, of which `arg` returns the one at
    /// an index; those that are there, where their number says too many.
    #[inline]
    pub fn indexes<'a>(
        &self,
        argc: usize,
        arg: impl Fn(usize) -> &'a [u8],
    ) -> StepBy<Range<usize>> {
        let keys = match self.search {
            Search::Place => self.first..self.end(argc),
            Search::Count if self.first < argc => {
                let count = num::parse_u64(arg(self.first)).map_or(0, num::index);
                self.first + 1..count.saturating_mul(self.step).saturating_add(self.first + 1)
            }
            Search::Count | Search::Nowhere => argc..argc,
            Search::Word(word) => {
                let is_it = |at: &usize| arg(*at).eq_ignore_ascii_case(word.as_bytes());
                let key = (self.first..argc).find(is_it).map_or(argc, |at| at + 1);
                key..key + 1
            }
            Search::Option(word, options) => {
                let key = last_option(word, options, self.first..argc, arg).unwrap_or(argc);
                key..key + 1
            }
            Search::PlaceOrRest(rest) => match self.rest(rest, argc, arg) {
                Some(_) => argc..argc,
                None => self.first..self.first + 1,
            },
            Search::Rest(rest) => self.rest(rest, argc, arg).unwrap_or(argc)..argc,
            Search::Half(word, options) => {
                let first = behind_options(word, options, 1..argc, arg).unwrap_or(argc);
                first..first + (argc - first) / 2
            }
        };
        (keys.start..keys.end.min(argc)).step_by(self.step)
    }

    /// False if the keys are counted and there are not as many of them, or none. Then the request
    /// names no keys at all, by whatever spec.
    pub fn fit<'a>(&self, argc: usize, arg: impl Fn(usize) -> &'a [u8]) -> bool {
        if self.search != Search::Count {
            return true;
        }
        let room = argc.saturating_sub(self.first + 1) / self.step;
        let count = (self.first < argc).then(|| num::parse_u64(arg(self.first))).flatten();
        count.is_some_and(|count| count > 0 && num::index(count) <= room)
    }

    /// The index of the first of the keys that stand instead of one at a place, if they do.
    fn rest<'a>(&self, rest: &Rest, argc: usize, arg: impl Fn(usize) -> &'a [u8]) -> Option<usize> {
        let is_empty = self.first < argc && arg(self.first).is_empty();
        let first = behind_options(rest.word, rest.options, rest.from..argc, arg);
        first.filter(|_| is_empty)
    }

    /// The index behind the last key, of those at fixed places.
    fn end(&self, argc: usize) -> usize {
        let back = usize::try_from(self.last.unsigned_abs()).unwrap_or(0);
        if self.last < 0 { argc.saturating_sub(back - 1) } else { self.first + back + 1 }
    }

    /// First key, last key, step, as COMMAND INFO shows them; for keys that are not counted.
    pub fn triple(&self) -> (usize, i64, usize) {
        let last = i64::from(self.last);
        let first = i64::try_from(self.first).unwrap_or(0);
        (self.first, if last < 0 { last } else { first + last }, self.step)
    }
}

/// The index behind a word before which stand options, each with so many arguments, or other words.
fn behind_options<'a>(
    word: &str,
    options: &[(&str, usize)],
    indexes: Range<usize>,
    arg: impl Fn(usize) -> &'a [u8],
) -> Option<usize> {
    let mut at = indexes.start;
    while at < indexes.end {
        let is = |name: &str| arg(at).eq_ignore_ascii_case(name.as_bytes());
        if is(word) {
            return Some(at + 1);
        }
        at += 1 + options.iter().find(|(name, _)| is(name)).map_or(0, |(_, takes)| *takes);
    }
    None
}

/// The index behind the last option of a name, of those that stand at these indexes.
fn last_option<'a>(
    word: &str,
    options: &[(&str, usize)],
    indexes: Range<usize>,
    arg: impl Fn(usize) -> &'a [u8],
) -> Option<usize> {
    let (mut at, mut found) = (indexes.start, None);
    while at + 1 < indexes.end {
        let is = |name: &str| arg(at).eq_ignore_ascii_case(name.as_bytes());
        if is(word) {
            found = Some(at + 1);
            at += 1;
        } else if let Some((_, takes)) = options.iter().find(|(name, _)| is(name)) {
            at += takes;
        }
        at += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indexes(spec: KeySpec, argc: usize) -> Vec<usize> {
        spec.indexes(argc, |_| b"2").collect()
    }

    #[test]
    fn keys_behind_a_word_stand_for_one_that_is_empty() {
        static REST: Rest = Rest { word: "KEYS", from: 2, options: &[("AUTH", 1)] };
        let specs = KeySpec::one_or_rest(1, &REST, KeyFlags::RW);
        let found = |words: &[&'static str]| {
            let arg = |at: usize| words[at].as_bytes();
            specs.map(|spec| spec.indexes(words.len(), arg).collect::<Vec<_>>())
        };
        assert_eq!(found(&["m", "k"]), [vec![1], vec![]]);
        assert_eq!(found(&["m", ""]), [vec![1], vec![]]);
        assert_eq!(found(&["m", "", "KEYS", "a", "b"]), [vec![], vec![3, 4]]);
        assert_eq!(found(&["m", "", "AUTH", "KEYS", "keys", "a"]), [vec![], vec![5]]);
        assert_eq!(found(&["m", "k", "KEYS", "a"]), [vec![1], vec![]]);
        assert_eq!(found(&["m"]), [vec![], vec![]]);
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
        assert_eq!(indexes(KeySpec::all_but_last(KeyFlags::RW), 4), [1, 2]);
        assert!(counted.fit(6, |_| b"2") && KeySpec::one(KeyFlags::RO).fit(1, |_| b"x"));
        assert!(!counted.fit(5, |_| b"2") && !counted.fit(1, |_| b"0"));
        assert!(!counted.fit(9, |_| b"0") && !counted.fit(9, |_| b"-1"));
        assert_eq!(indexes(KeySpec::counted(KeyFlags::RO), 5), [2, 3]);
        let behind = KeySpec::behind("store", KeyFlags::OW).from(2);
        let words = [&b"STORE"[..], b"store", b"1", b"Store", b"key", b"x"];
        let found = |argc: usize| behind.indexes(argc, |at| words[at]).collect::<Vec<_>>();
        assert_eq!((found(6), found(4), found(2)), (vec![4], vec![], vec![]));
        let option = KeySpec::option("STORE", &[("LIMIT", 2), ("BY", 1)], KeyFlags::OW).from(2);
        let words = ["SORT", "k", "by", "store", "limit", "0", "store", "Store", "a", "STORE", "b"];
        let found = |argc| option.indexes(argc, |at| words[at].as_bytes()).collect::<Vec<_>>();
        assert_eq!((found(11), found(10), found(8)), (vec![10], vec![8], vec![]));
        let half = KeySpec::half("STREAMS", &[("COUNT", 1), ("NOACK", 0)], KeyFlags::RO);
        let words = ["x", "count", "streams", "NOACK", "Streams", "a", "b", "1", "2"];
        let found = |argc| half.indexes(argc, |at| words[at].as_bytes()).collect::<Vec<_>>();
        assert_eq!((found(9), found(8), found(7)), (vec![5, 6], vec![5], vec![5]));
        assert_eq!((found(5), found(2)), (vec![], vec![]));
        assert_eq!(indexes(KeySpec::unnamed(KeyFlags::RO), 3), [0; 0]);
        assert_eq!(KeySpec::all(KeyFlags::RO).triple(), (1, -1, 1));
        assert_eq!(KeySpec::one(KeyFlags::RO).triple(), (1, 1, 1));
    }
}

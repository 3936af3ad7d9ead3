//! The classes of keyspace events, and the letters of `notify-keyspace-events`.

use bitflags::bitflags;

bitflags! {
    /// Which keyspace events are wanted or, for one event, which class it is of.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct EventClasses: u32 {
        /// `K`: publish to `__keyspace@<db>__:<key>`.
        const KEYSPACE = 1 << 0;
        /// `E`: publish to `__keyevent@<db>__:<event>`.
        const KEYEVENT = 1 << 1;
        /// `g`: commands of no type, such as DEL, EXPIRE, RENAME.
        const GENERIC = 1 << 2;
        /// `$`: string commands.
        const STRING = 1 << 3;
        /// `l`: list commands.
        const LIST = 1 << 4;
        /// `s`: set commands.
        const SET = 1 << 5;
        /// `h`: hash commands.
        const HASH = 1 << 6;
        /// `z`: sorted set commands.
        const ZSET = 1 << 7;
        /// `x`: a key died of age.
        const EXPIRED = 1 << 8;
        /// `e`: a key was evicted for memory.
        const EVICTED = 1 << 9;
        /// `t`: stream commands.
        const STREAM = 1 << 10;
        /// `m`: a key was read that is not there.
        const KEY_MISS = 1 << 11;
        /// `d`: module key types.
        const MODULE = 1 << 12;
        /// `n`: a key came to be.
        const NEW = 1 << 13;
        /// `o`: a key's value was replaced as a whole.
        const OVERWRITTEN = 1 << 14;
        /// `c`: a key's value was replaced by one of another type.
        const TYPE_CHANGED = 1 << 15;
    }
}

/// `A`: what stands for all classes that are common; `m`, `n`, `o` and `c` must be asked for.
const ALL: EventClasses = EventClasses::GENERIC
    .union(EventClasses::STRING)
    .union(EventClasses::LIST)
    .union(EventClasses::SET)
    .union(EventClasses::HASH)
    .union(EventClasses::ZSET)
    .union(EventClasses::EXPIRED)
    .union(EventClasses::EVICTED)
    .union(EventClasses::STREAM)
    .union(EventClasses::MODULE);

/// All letters, as Redis names them in errors.
pub const ALPHABET: &str = "Ag$lshzxeKEtmdnoc";

/// The letters, in the order in which they are shown.
const LETTERS: [(char, EventClasses); 16] = [
    ('g', EventClasses::GENERIC),
    ('$', EventClasses::STRING),
    ('l', EventClasses::LIST),
    ('s', EventClasses::SET),
    ('h', EventClasses::HASH),
    ('z', EventClasses::ZSET),
    ('x', EventClasses::EXPIRED),
    ('e', EventClasses::EVICTED),
    ('t', EventClasses::STREAM),
    ('d', EventClasses::MODULE),
    ('K', EventClasses::KEYSPACE),
    ('E', EventClasses::KEYEVENT),
    ('m', EventClasses::KEY_MISS),
    ('n', EventClasses::NEW),
    ('o', EventClasses::OVERWRITTEN),
    ('c', EventClasses::TYPE_CHANGED),
];

impl EventClasses {
    /// Reads a string of class letters; `None` if one is unknown.
    pub fn from_letters(text: &str) -> Option<EventClasses> {
        let mut classes = EventClasses::empty();
        for letter in text.chars() {
            classes |= match letter {
                'A' => ALL,
                _ => LETTERS.iter().find(|(known, _)| *known == letter)?.1,
            };
        }
        Some(classes)
    }

    /// The letters as CONFIG GET shows them: `A` where it applies, then the rest.
    pub fn letters(self) -> String {
        let mut text = String::new();
        let mut rest = self;
        if self.contains(ALL) {
            text.push('A');
            rest -= ALL;
        }
        let shown = LETTERS.iter().filter(|(_, class)| rest.contains(*class));
        text.extend(shown.map(|(letter, _)| *letter));
        text
    }

    /// True if an event of `class` goes to at least one channel.
    #[inline]
    pub fn wants(self, class: EventClasses) -> bool {
        self.intersects(class) && self.intersects(EventClasses::KEYSPACE | EventClasses::KEYEVENT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_read_and_print() {
        let cases = [
            ("", ""),
            ("KEA", "AKE"),
            ("Ex", "xE"),
            ("K$g", "g$K"),
            ("g$lshzxetdKEmnoc", "AKEmnoc"),
        ];
        for (given, shown) in cases {
            assert_eq!(EventClasses::from_letters(given).unwrap().letters(), shown, "{given}");
        }
        assert_eq!(EventClasses::from_letters("KEQ"), None);
    }

    #[test]
    fn an_event_needs_a_channel() {
        let classes = EventClasses::from_letters("x").unwrap();
        assert!(!classes.wants(EventClasses::EXPIRED));
        assert!((classes | EventClasses::KEYEVENT).wants(EventClasses::EXPIRED));
        assert!(!(classes | EventClasses::KEYEVENT).wants(EventClasses::GENERIC));
    }
}

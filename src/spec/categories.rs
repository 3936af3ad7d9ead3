//! ACL categories.

use bitflags::bitflags;

bitflags! {
    /// A set of ACL categories, in the order in which they are shown.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Categories: u32 {
        /// Keys of any type.
        const KEYSPACE = 1 << 0;
        /// Reads keys.
        const READ = 1 << 1;
        /// Changes keys.
        const WRITE = 1 << 2;
        /// Sets.
        const SET = 1 << 3;
        /// Sorted sets.
        const SORTED_SET = 1 << 4;
        /// Lists.
        const LIST = 1 << 5;
        /// Hashes.
        const HASH = 1 << 6;
        /// Strings.
        const STRING = 1 << 7;
        /// Bits of strings.
        const BITMAP = 1 << 8;
        /// Estimated counts.
        const HYPERLOGLOG = 1 << 9;
        /// Places on Earth.
        const GEO = 1 << 10;
        /// Streams.
        const STREAM = 1 << 11;
        /// Publish and subscribe.
        const PUBSUB = 1 << 12;
        /// For operators.
        const ADMIN = 1 << 13;
        /// Constant or logarithmic time.
        const FAST = 1 << 14;
        /// All that is not fast.
        const SLOW = 1 << 15;
        /// May make the client wait.
        const BLOCKING = 1 << 16;
        /// Can harm other users.
        const DANGEROUS = 1 << 17;
        /// The connection itself.
        const CONNECTION = 1 << 18;
        /// Transactions.
        const TRANSACTION = 1 << 19;
        /// Scripts.
        const SCRIPTING = 1 << 20;
    }
}

const NAMES: [&str; 21] = [
    "@keyspace",
    "@read",
    "@write",
    "@set",
    "@sortedset",
    "@list",
    "@hash",
    "@string",
    "@bitmap",
    "@hyperloglog",
    "@geo",
    "@stream",
    "@pubsub",
    "@admin",
    "@fast",
    "@slow",
    "@blocking",
    "@dangerous",
    "@connection",
    "@transaction",
    "@scripting",
];

impl Categories {
    /// The names with their `@`, in order.
    pub fn names(self) -> Vec<&'static str> {
        let set = NAMES.iter().enumerate().filter(|(bit, _)| self.bits() & (1 << bit) != 0);
        set.map(|(_, name)| *name).collect()
    }

    /// The category of that name, without `@`, in any case.
    pub fn by_name(name: &[u8]) -> Option<Categories> {
        let at = NAMES.iter().position(|known| known.as_bytes()[1..].eq_ignore_ascii_case(name))?;
        Some(Categories::from_bits_truncate(1 << at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_category_has_its_name() {
        assert_eq!(Categories::all().names().len(), NAMES.len());
        for (category, name) in Categories::all().iter().zip(NAMES) {
            assert_eq!(category.names(), [name]);
            assert_eq!(Categories::by_name(&name.as_bytes()[1..]), Some(category));
        }
        assert_eq!(Categories::by_name(b"nosuch"), None);
    }
}

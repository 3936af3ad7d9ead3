//! What a command is, as facts: COMMAND, COMMAND DOCS, ACL, gates and documents all read them. No
//! behaviour.

pub mod categories;
pub mod channels;
pub mod flags;
pub mod keys;
pub mod syntax;

use categories::Categories;
use channels::Channels;
use flags::Flags;
use keys::{KeyFlags, KeySpec, Search};

/// The version of Redis whose behaviour is promised.
pub const REDIS_VERSION: &str = "7.4.0";

/// The groups in which commands are documented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The connection itself.
    Connection,
    /// Keys of any type.
    Generic,
    /// Strings as rows of bits.
    Bitmap,
    /// Clusters of servers.
    Cluster,
    /// Places on the globe.
    Geo,
    /// Hashes.
    Hash,
    /// Counts of distinct elements, estimated.
    HyperLogLog,
    /// Lists.
    List,
    /// Sets.
    Set,
    /// Sorted sets.
    SortedSet,
    /// Streams.
    Stream,
    /// String values.
    String,
    /// Publish and subscribe.
    PubSub,
    /// Requests that run together.
    Transactions,
    /// The server as a whole.
    Server,
}

impl Group {
    /// The name as COMMAND DOCS shows it.
    pub const fn name(self) -> &'static str {
        match self {
            Group::Connection => "connection",
            Group::Generic => "generic",
            Group::Bitmap => "bitmap",
            Group::Cluster => "cluster",
            Group::Geo => "geo",
            Group::Hash => "hash",
            Group::HyperLogLog => "hyperloglog",
            Group::List => "list",
            Group::Set => "set",
            Group::SortedSet => "sorted-set",
            Group::Stream => "stream",
            Group::String => "string",
            Group::PubSub => "pubsub",
            Group::Transactions => "transactions",
            Group::Server => "server",
        }
    }
}

/// The facts of one command or subcommand.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Its name in lower case; of a subcommand, its own name only.
    pub name: &'static str,
    /// Where it is documented.
    pub group: Group,
    /// The version of Redis that brought it.
    pub since: &'static str,
    /// Number of arguments, name included (and the parent's); negative: at least so many.
    pub arity: i32,
    /// How it may run.
    pub flags: Flags,
    /// ACL categories beside those that the flags imply.
    pub categories: Categories,
    /// Where its keys stand.
    pub keys: &'static [KeySpec],
    /// Which of its arguments are channels.
    pub channels: Channels,
    /// Hints for clients that talk to many servers.
    pub tips: &'static [&'static str],
    /// What it costs.
    pub complexity: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// Its arguments, in the form that [`syntax`] reads.
    pub syntax: &'static str,
    /// Since when it is deprecated and what replaces it.
    pub deprecated: Option<Deprecated>,
    /// What later versions of Redis changed.
    pub history: &'static [(&'static str, &'static str)],
}

/// Why not to use a command any more.
#[derive(Clone, Copy, Debug)]
pub struct Deprecated {
    /// The version of Redis.
    pub since: &'static str,
    /// What to use.
    pub replaced_by: &'static str,
}

impl Spec {
    /// The facts that most commands share, for `..Spec::NEW`.
    pub const NEW: Spec = Spec {
        name: "",
        group: Group::Generic,
        since: "1.0.0",
        arity: 1,
        flags: Flags::empty(),
        categories: Categories::empty(),
        keys: &[],
        channels: Channels::None,
        tips: &[],
        complexity: "O(1)",
        summary: "",
        syntax: "",
        deprecated: None,
        history: &[],
    };

    /// All ACL categories, those that the flags imply included.
    pub fn all_categories(&self) -> Categories {
        let implied = [
            (Flags::WRITE, Categories::WRITE),
            (Flags::READONLY, Categories::READ),
            (Flags::ADMIN, Categories::ADMIN.union(Categories::DANGEROUS)),
            (Flags::PUBSUB, Categories::PUBSUB),
            (Flags::FAST, Categories::FAST),
            (Flags::BLOCKING, Categories::BLOCKING),
        ];
        let mut all = self.categories;
        for (flag, categories) in implied {
            if self.flags.contains(flag) {
                all |= categories;
            }
        }
        if !all.contains(Categories::FAST) {
            all |= Categories::SLOW;
        }
        all
    }

    /// The triple of COMMAND INFO: first key, last key, step. Runs of keys that follow each other
    /// count as one; zeros where an argument tells how many keys there are or where they stand.
    pub fn key_triple(&self) -> (usize, i64, usize) {
        let is_placed =
            |keys: &&KeySpec| matches!(keys.search, Search::Place | Search::PlaceOrRest(_));
        let mut runs = self.keys.iter().filter(is_placed);
        let (Some(head), tail) = (runs.next(), runs.next_back()) else {
            return (0, 0, 0);
        };
        let (first, last, step) = head.triple();
        (first, tail.map_or(last, |tail| tail.triple().1), step)
    }

    /// The keys of a request of `argc` arguments, of which `arg` returns the one at an index: the
    /// index of each, and what is done with it. Where a number of keys is none, or says too many,
    /// there are no keys.
    pub fn key_uses<'a>(
        &'static self,
        argc: usize,
        arg: impl Fn(usize) -> &'a [u8] + Copy,
    ) -> impl Iterator<Item = (usize, KeyFlags)> {
        let all_fit = self.keys.iter().all(|keys| keys.fit(argc, arg));
        let known = if all_fit { self.keys } else { &[] };
        let real = known.iter().filter(|keys| !keys.flags.contains(KeyFlags::NOT_KEY));
        real.flat_map(move |keys| {
            let flags = keys.flags_for(argc, arg);
            keys.indexes(argc, arg).map(move |index| (index, flags))
        })
    }

    /// Whether a client may send it that has not logged in.
    pub fn runs_before_auth(&self) -> bool {
        self.flags.contains(Flags::NO_AUTH)
    }

    /// True if a request of `count` arguments, name included, has the right number.
    #[inline]
    pub fn takes(&self, count: usize) -> bool {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let arity = i64::from(self.arity);
        count == arity || (arity < 0 && count >= -arity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::keys::KeyFlags;

    #[test]
    fn arity_counts_the_name() {
        let exact = Spec { arity: 2, ..Spec::NEW };
        let least = Spec { arity: -2, ..Spec::NEW };
        assert!(exact.takes(2) && !exact.takes(1) && !exact.takes(3));
        assert!(least.takes(2) && least.takes(9) && !least.takes(1));
    }

    #[test]
    fn runs_of_keys_are_shown_as_one() {
        const TWO: &[KeySpec] =
            &[KeySpec::one(KeyFlags::OW).from(2), KeySpec::all(KeyFlags::RO).from(3)];
        assert_eq!(Spec { keys: TWO, ..Spec::NEW }.key_triple(), (2, -1, 1));
        const COUNTED: &[KeySpec] = &[KeySpec::counted_pairs(KeyFlags::OW)];
        assert_eq!(Spec { keys: COUNTED, ..Spec::NEW }.key_triple(), (0, 0, 0));
        const MIXED: &[KeySpec] = &[
            KeySpec::one(KeyFlags::OW),
            KeySpec::counted(KeyFlags::RO).from(2),
            KeySpec::behind("STORE", KeyFlags::OW).from(3),
        ];
        assert_eq!(Spec { keys: MIXED, ..Spec::NEW }.key_triple(), (1, 1, 1));
        assert_eq!(Spec::NEW.key_triple(), (0, 0, 0));
    }

    #[test]
    fn flags_imply_categories() {
        let spec = Spec { flags: Flags::ADMIN.union(Flags::FAST), ..Spec::NEW };
        assert_eq!(spec.all_categories().names(), ["@admin", "@fast", "@dangerous"]);
        assert_eq!(Spec::NEW.all_categories().names(), ["@slow"]);
    }
}

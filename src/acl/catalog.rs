//! The commands as rules name them: by name, by container, by category. Users keep them as bits.

use crate::spec::categories::Categories;
use std::collections::BTreeMap;

/// Bits in a word of a set.
const WORD_BITS: usize = 64;

/// What rules need to know of the commands. A command goes by its number in the table.
#[derive(Default)]
pub struct Catalog {
    commands: Vec<Known>,
    /// Numbers by full name, such as `config|get`, in lower case.
    names: BTreeMap<String, usize>,
}

struct Known {
    categories: Categories,
    container: Option<usize>,
    contents: Vec<usize>,
}

impl Catalog {
    /// A catalog of commands in the order of their numbers: full name, categories and, for a
    /// subcommand, the number of its container.
    pub fn new<'a>(
        commands: impl Iterator<Item = (&'a str, Categories, Option<usize>)>,
    ) -> Catalog {
        let mut catalog = Catalog::default();
        for (number, (name, categories, container)) in commands.enumerate() {
            let name = name.to_ascii_lowercase();
            catalog.names.insert(name, number);
            catalog.commands.push(Known { categories, container, contents: Vec::new() });
            if let Some(container) = container.and_then(|at| catalog.commands.get_mut(at)) {
                container.contents.push(number);
            }
        }
        catalog
    }

    /// The number of the command of that full name, in any case.
    pub(super) fn find(&self, name: &[u8]) -> Option<usize> {
        let name = String::from_utf8(name.to_ascii_lowercase()).ok()?;
        self.names.get(&name).copied()
    }

    /// Whether it is a subcommand.
    pub(super) fn is_subcommand(&self, command: usize) -> bool {
        self.commands[command].container.is_some()
    }

    /// Its subcommands.
    pub(super) fn contents(&self, command: usize) -> &[usize] {
        &self.commands[command].contents
    }

    /// The commands and subcommands of a category.
    pub(super) fn of(&self, category: Categories) -> impl Iterator<Item = usize> {
        let all = self.commands.iter().enumerate();
        all.filter(move |(_, known)| known.categories.contains(category)).map(|(at, _)| at)
    }

    /// A set of all commands, or of none.
    pub(super) fn set(&self, is_full: bool) -> CommandSet {
        let word = if is_full { u64::MAX } else { 0 };
        CommandSet { words: vec![word; self.commands.len().div_ceil(WORD_BITS)].into() }
    }
}

/// A set of commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CommandSet {
    words: Box<[u64]>,
}

impl CommandSet {
    /// Whether it has a command.
    pub(super) fn has(&self, command: usize) -> bool {
        let word = self.words.get(command / WORD_BITS);
        word.is_some_and(|word| word & (1 << (command % WORD_BITS)) != 0)
    }

    /// Adds a command, or takes it away.
    pub(super) fn put(&mut self, command: usize, is_in: bool) {
        let Some(word) = self.words.get_mut(command / WORD_BITS) else { return };
        let bit = 1 << (command % WORD_BITS);
        *word = if is_in { *word | bit } else { *word & !bit };
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A few commands: two of strings, one of hashes, a container with two, one with none.
    pub fn some() -> Catalog {
        let string = Categories::STRING | Categories::FAST;
        let rows = [
            ("get", string | Categories::READ, None),
            ("set", string | Categories::WRITE | Categories::SLOW, None),
            ("hget", Categories::HASH | Categories::READ | Categories::FAST, None),
            ("config", Categories::SLOW, None),
            ("config|get", Categories::ADMIN | Categories::DANGEROUS, Some(3)),
            ("config|set", Categories::ADMIN | Categories::DANGEROUS, Some(3)),
            ("select", Categories::CONNECTION | Categories::FAST, None),
        ];
        Catalog::new(rows.into_iter())
    }

    #[test]
    fn commands_are_found_in_any_case() {
        let catalog = some();
        assert_eq!(catalog.find(b"GET"), Some(0));
        assert_eq!(catalog.find(b"Config|Set"), Some(5));
        assert_eq!((catalog.find(b"config|nosuch"), catalog.find(b"\xff")), (None, None));
        assert_eq!(catalog.contents(3), [4, 5]);
        assert!(catalog.is_subcommand(4) && !catalog.is_subcommand(3));
        assert!(catalog.of(Categories::ADMIN).eq([4, 5]));
    }

    #[test]
    fn a_set_has_what_was_put_in() {
        let catalog = some();
        let mut set = catalog.set(false);
        set.put(5, true);
        assert!(set.has(5) && !set.has(4) && !set.has(999));
        set.put(5, false);
        assert_eq!(set, catalog.set(false));
        assert!((0..7).all(|command| catalog.set(true).has(command)));
    }
}

//! The table of commands: found by name, numbered for statistics.

use super::command::Command;
use crate::resp::argv::Argv;
use crate::resp::error::{Error, shown};
use crate::spec::Spec;
use crate::spec::flags::Flags;
use hashbrown::HashTable;
use std::hash::{BuildHasher, Hasher};

/// Bytes of a name that are hashed; no command's own name is longer.
const NAME_MAX: usize = 32;

/// Number of a command in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandId(u16);

impl CommandId {
    /// As an index.
    #[inline]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// One row: a command or a subcommand.
pub struct Row {
    /// The command.
    pub command: &'static Command,
    /// Its name in full, such as `get` or `config|get`.
    pub name: String,
    /// The name that requests call it by: the same, unless `rename-command` says otherwise.
    called: String,
    /// Its subcommands.
    pub subcommands: Vec<CommandId>,
    /// Whether it is one itself.
    pub is_subcommand: bool,
    /// Most arguments with which it takes a short time whatever they and the keys are; zero if
    /// that cannot be said.
    pub brief_args: usize,
    /// Index of its key, if it takes one key and no more; zero otherwise.
    pub only_key: usize,
    /// Whether what it does is done to keys that it names, or to nothing at all.
    pub is_plain: bool,
}

/// Flags of commands that do nothing but to keys.
const PLAIN: Flags = Flags::WRITE
    .union(Flags::READONLY)
    .union(Flags::DENYOOM)
    .union(Flags::LOADING)
    .union(Flags::STALE)
    .union(Flags::FAST)
    .union(Flags::MOVABLEKEYS)
    .union(Flags::SUBSCRIBED)
    .union(Flags::TELLS_HEALTH);

impl Row {
    /// The indexes of the keys in a request.
    #[inline]
    pub fn key_indexes<'a>(&self, argv: Argv<'a>) -> impl Iterator<Item = usize> + use<'a> {
        let keys = self.command.spec.keys.iter();
        keys.flat_map(move |keys| keys.indexes(argv.len(), |index| argv.at(index)))
    }
}

/// All commands.
pub struct Table {
    rows: Vec<Row>,
    /// Commands by name; subcommands are found through their parent.
    names: HashTable<CommandId>,
    hasher: ahash::RandomState,
}

impl Table {
    /// A table of all commands of all groups.
    ///
    /// # Panics
    /// If there are more than 2^16.
    pub fn new(groups: &[&[&'static Command]], rng: &mut fastrand::Rng) -> Table {
        let [a, b, c, d] = std::array::from_fn(|_| rng.u64(..));
        let hasher = ahash::RandomState::with_seeds(a, b, c, d);
        let mut table = Table { rows: Vec::new(), names: HashTable::new(), hasher };
        for command in groups.iter().flat_map(|group| group.iter()) {
            let id = table.add(command, command.spec.name.to_owned(), false);
            let hash = table.hash(command.spec.name.as_bytes());
            let (rows, hasher) = (&table.rows, &table.hasher);
            let hash_of = |id: &CommandId| hash_name(hasher, rows[id.index()].called.as_bytes());
            table.names.insert_unique(hash, id, hash_of);
        }
        table
    }

    /// Renames commands: pairs of a name and of the name that is to be called instead.
    ///
    /// # Errors
    /// The first pair that cannot be, and why.
    pub fn rename_all(&mut self, renames: &[(String, String)]) -> Result<(), String> {
        renames.iter().try_for_each(|(old, new)| {
            let renamed = self.rename(old, new);
            renamed.map_err(|reason| format!("'rename-command {old} {new}': {reason}"))
        })
    }

    /// Lets a command be called by another name only, or by none if that is empty.
    ///
    /// # Errors
    /// That there is no such command, or that the name is taken.
    fn rename(&mut self, old: &str, new: &str) -> Result<(), &'static str> {
        let id = self.find(old.as_bytes()).ok_or("No such command in rename-command")?;
        if let Ok(entry) = self.names.find_entry(self.hash(old.as_bytes()), |other| *other == id) {
            entry.remove();
        }
        if new.is_empty() {
            return Ok(());
        }
        if self.find(new.as_bytes()).is_some() {
            return Err("Target command name already exists");
        }
        new.clone_into(&mut self.rows[id.index()].called);
        let hash = self.hash(new.as_bytes());
        let (rows, hasher) = (&self.rows, &self.hasher);
        let hash_of = |id: &CommandId| hash_name(hasher, rows[id.index()].called.as_bytes());
        self.names.insert_unique(hash, id, hash_of);
        Ok(())
    }

    fn add(&mut self, command: &'static Command, name: String, is_subcommand: bool) -> CommandId {
        let number = u16::try_from(self.rows.len()).unwrap_or(u16::MAX);
        assert!(number < u16::MAX, "commands are numbered in 16 bits");
        let id = CommandId(number);
        let brief_args = brief_args(&command.spec);
        let (called, subcommands) = (name.clone(), Vec::new());
        let only_key = match command.spec.keys {
            [keys] if keys.is_single() => keys.first,
            _ => 0,
        };
        let Spec { flags, keys, .. } = command.spec;
        let is_plain = PLAIN.contains(flags) && !(flags.contains(Flags::WRITE) && keys.is_empty());
        self.rows.push(Row {
            command,
            name,
            called,
            subcommands,
            is_subcommand,
            brief_args,
            only_key,
            is_plain,
        });
        for subcommand in command.subcommands {
            let name = format!("{}|{}", command.spec.name, subcommand.spec.name);
            let child = self.add(subcommand, name, true);
            self.rows[id.index()].subcommands.push(child);
        }
        id
    }

    /// The row of a command.
    #[inline]
    pub fn row(&self, id: CommandId) -> &Row {
        &self.rows[id.index()]
    }

    /// Number of rows, subcommands included.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True without commands.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All rows with their numbers, subcommands behind their parents.
    pub fn rows(&self) -> impl Iterator<Item = (CommandId, &Row)> {
        (0..).map(CommandId).zip(&self.rows)
    }

    /// All commands without subcommands' rows.
    pub fn commands(&self) -> impl Iterator<Item = (CommandId, &Row)> {
        self.rows().filter(|(_, row)| !row.is_subcommand)
    }

    /// The command of that name, in any case.
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<CommandId> {
        let is_it =
            |id: &CommandId| self.rows[id.index()].called.as_bytes().eq_ignore_ascii_case(name);
        self.names.find(self.hash(name), is_it).copied()
    }

    /// The command or subcommand of a full name such as `config|get`, in any case.
    pub fn find_full(&self, name: &[u8]) -> Option<CommandId> {
        match name.iter().position(|byte| *byte == b'|') {
            None => self.find(name),
            Some(bar) => self.find_sub(self.find(&name[..bar])?, &name[bar + 1..]),
        }
    }

    fn find_sub(&self, parent: CommandId, name: &[u8]) -> Option<CommandId> {
        let mut children = self.row(parent).subcommands.iter();
        children
            .find(|id| self.row(**id).command.spec.name.as_bytes().eq_ignore_ascii_case(name))
            .copied()
    }

    /// The command that a request names, with its subcommand.
    ///
    /// # Errors
    /// That there is none, in Redis's words.
    #[inline]
    pub fn resolve(&self, argv: Argv<'_>) -> Result<CommandId, Error> {
        let Some(id) = self.find(argv.at(0)) else { return Err(unknown(argv)) };
        let row = self.row(id);
        if row.subcommands.is_empty() || argv.len() == 1 {
            return Ok(id);
        }
        self.find_sub(id, argv.at(1)).ok_or_else(|| {
            let parent = row.name.to_uppercase();
            Error::quoting_name(
                "ERR unknown subcommand '",
                argv.at(1),
                &format!("'. Try {parent} HELP."),
            )
        })
    }

    #[inline]
    fn hash(&self, name: &[u8]) -> u64 {
        hash_name(&self.hasher, name)
    }
}

/// The hash of the first [`NAME_MAX`] bytes of a name, the same in any case.
#[inline]
fn hash_name(hasher: &ahash::RandomState, name: &[u8]) -> u64 {
    let mut lower = [0u8; NAME_MAX];
    let len = name.len().min(NAME_MAX);
    lower[..len].copy_from_slice(&name[..len]);
    // Setting this bit folds the case of letters; of other bytes it may unite some, which then
    // differ by comparison.
    lower[..len].iter_mut().for_each(|byte| *byte |= 0x20);
    let mut state = hasher.build_hasher();
    state.write(&lower[..len]);
    state.finish()
}

/// The error for a name that no command has; quotes the first arguments.
#[cold]
fn unknown(argv: Argv<'_>) -> Error {
    let mut args = Vec::new();
    for arg in argv.from(1) {
        if args.len() >= 128 {
            break;
        }
        let room = 128 - args.len();
        args.extend_from_slice(b"'");
        args.extend_from_slice(shown(arg, room));
        args.extend_from_slice(b"' ");
    }
    let name = shown(argv.at(0), 128);
    let parts = [b"ERR unknown command '", name, b"', with args beginning with: ", &args];
    Error::text(parts.concat())
}

/// A number of arguments as the spec's arity has it, from a request; see
/// [`crate::spec::Spec::takes`].
pub fn wrong_arity(row: &Row) -> Error {
    Error::text(format!("ERR wrong number of arguments for '{}' command", row.name))
}

/// Most arguments with which a command of these facts is brief: any number where the time is the
/// same in any case, and no more than there must be where each of them takes its time.
fn brief_args(spec: &Spec) -> usize {
    let works_on_keys = spec.flags.intersects(Flags::READONLY | Flags::WRITE);
    match spec.complexity {
        _ if spec.flags.contains(Flags::BLOCKING) => 0,
        "O(1)" => usize::MAX,
        _ if works_on_keys && spec.flags.contains(Flags::FAST) => {
            usize::try_from(spec.arity.unsigned_abs()).unwrap_or(0)
        }
        _ => 0,
    }
}

//! A user: whether and how it logs in, and what it may do, as data and as text.

use super::catalog::{Catalog, CommandSet};
use crate::base::quoted;
use bitflags::bitflags;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

/// Hexadecimal digits, as passwords are shown.
const HEX: &[u8; 16] = b"0123456789abcdef";

/// The SHA-256 of a password.
pub(super) type Digest = [u8; 32];

bitflags! {
    /// What may be done with the keys that a pattern matches.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct KeyUse: u8 {
        /// What they hold may go to the client.
        const READ = 1 << 0;
        /// What they hold may be changed.
        const WRITE = 1 << 1;
    }
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its name: any bytes but spaces and NUL.
    pub name: Box<[u8]>,
    /// Whether one may log in as this user.
    pub is_on: bool,
    /// Whether any password will do.
    pub any_password: bool,
    /// Whether what it hands to RESTORE is believed.
    pub(super) is_trusted: bool,
    pub(super) passwords: Vec<Digest>,
    /// What it may do itself.
    pub(super) own: Selector,
    /// What it may do beside that, each for itself.
    pub(super) others: Vec<Selector>,
}

/// Rights that hold together: a request needs all that it does from one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selector {
    pub(super) all_keys: bool,
    pub(super) keys: Vec<KeyPattern>,
    pub(super) all_channels: bool,
    pub(super) channels: Vec<Box<[u8]>>,
    /// No rule that counts takes a command away from all.
    pub(super) all_commands: bool,
    /// All commands were given before the rules that follow.
    pub(super) begins_with_all: bool,
    pub(super) commands: CommandSet,
    /// Commands that are allowed with this first argument, which is in lower case.
    pub(super) first_args: BTreeSet<(usize, Box<[u8]>)>,
    /// The rules that have led to the commands, in order, as far as they count.
    pub(super) rules: Vec<CommandRule>,
}

/// A pattern of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyPattern {
    pub(super) uses: KeyUse,
    pub(super) pattern: Box<[u8]>,
}

/// A rule on commands, such as `+get`, `-@slow` or `+select|0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CommandRule {
    pub(super) allows: bool,
    /// What stands behind the sign.
    pub(super) what: Box<[u8]>,
}

/// What a user or a selector of it may do, each as GETUSER tells it.
pub struct Rights {
    /// Commands.
    pub commands: Vec<u8>,
    /// Patterns of keys.
    pub keys: Vec<u8>,
    /// Patterns of channels.
    pub channels: Vec<u8>,
}

impl User {
    /// A user that may do nothing, except listen to all channels where new ones may.
    pub(super) fn new(name: &[u8], all_channels: bool, catalog: &Catalog) -> User {
        User {
            name: name.into(),
            is_on: false,
            any_password: false,
            is_trusted: false,
            passwords: Vec::new(),
            own: Selector::new(all_channels, catalog),
            others: Vec::new(),
        }
    }

    /// The user that clients are until they log in: it may do everything.
    pub(super) fn default(catalog: &Catalog) -> User {
        let mut user = User::new(b"default", true, catalog);
        user.is_on = true;
        user.any_password = true;
        user.own.all_keys = true;
        user.own.allow_all(catalog);
        user
    }

    pub(super) fn selectors(&self) -> impl Iterator<Item = &Selector> {
        std::iter::once(&self.own).chain(&self.others)
    }

    /// Whether this password lets one in, told by no difference in time between wrong ones.
    pub(super) fn knows(&self, password: &[u8]) -> bool {
        let given = digest(password);
        let matching = self.passwords.iter().map(|known| u8::from(is_same(known, &given)));
        self.any_password || std::hint::black_box(matching.fold(0, |any, one| any | one)) != 0
    }

    /// Sets the only password; an empty one stands for any.
    pub(super) fn set_password(&mut self, password: &[u8]) {
        self.any_password = password.is_empty();
        self.passwords.clear();
        if !password.is_empty() {
            self.passwords.push(digest(password));
        }
    }

    /// Its flags, in the order in which they are shown.
    pub fn flags(&self) -> Vec<&'static str> {
        let mut flags = vec![if self.is_on { "on" } else { "off" }];
        if self.any_password {
            flags.push("nopass");
        }
        flags.push(if self.is_trusted { "skip-sanitize-payload" } else { "sanitize-payload" });
        flags
    }

    /// Its passwords, as SHA-256 in hexadecimal digits.
    pub fn passwords(&self) -> impl ExactSizeIterator<Item = Vec<u8>> {
        self.passwords.iter().map(hex)
    }

    /// What it may do itself, then what it may do beside that.
    pub fn rights(&self) -> impl Iterator<Item = Rights> {
        self.selectors().map(|selector| Rights {
            commands: selector.command_rules(|rule| rule),
            keys: if selector.all_keys { b"~*".to_vec() } else { join(selector.key_rules()) },
            channels: if selector.all_channels {
                b"&*".to_vec()
            } else {
                join(selector.channel_rules())
            },
        })
    }

    /// The rules that make a new user equal to this one, as ACL LIST tells them and files keep
    /// them.
    pub fn describe(&self) -> Vec<u8> {
        let mut text = self.flags().join(" ").into_bytes();
        for password in self.passwords() {
            text.extend_from_slice(b" #");
            text.extend_from_slice(&password);
        }
        text.push(b' ');
        text.extend_from_slice(&self.own.describe(|rule| rule));
        for selector in &self.others {
            text.extend_from_slice(b" (");
            text.extend_from_slice(&selector.describe(guard));
            text.push(b')');
        }
        text
    }

    /// The line of a file that makes this user.
    pub fn line(&self) -> Vec<u8> {
        [b"user ", &*self.name, b" ", &self.describe()].concat()
    }
}

impl Selector {
    /// No rights, except to all channels where new users have it.
    pub(super) fn new(all_channels: bool, catalog: &Catalog) -> Selector {
        Selector {
            all_keys: false,
            keys: Vec::new(),
            all_channels,
            channels: Vec::new(),
            all_commands: false,
            begins_with_all: false,
            commands: catalog.set(false),
            first_args: BTreeSet::new(),
            rules: Vec::new(),
        }
    }

    /// All commands, those to come included.
    pub(super) fn allow_all(&mut self, catalog: &Catalog) {
        self.restart(true, catalog);
    }

    /// No commands.
    pub(super) fn allow_none(&mut self, catalog: &Catalog) {
        self.restart(false, catalog);
    }

    fn restart(&mut self, with_all: bool, catalog: &Catalog) {
        self.all_commands = with_all;
        self.begins_with_all = with_all;
        self.commands = catalog.set(with_all);
        self.first_args.clear();
        self.rules.clear();
    }

    /// Notes a rule on commands, and forgets those that it makes void: about the same command or
    /// category, or about a part of that command.
    pub(super) fn note(&mut self, allows: bool, what: &[u8]) {
        let what = what.to_ascii_lowercase();
        self.rules.retain(|rule| match rule.what.strip_prefix(&*what) {
            Some([] | [b'|', ..]) => false,
            Some(_) | None => true,
        });
        self.rules.push(CommandRule { allows, what: what.into() });
        self.all_commands = self.begins_with_all && self.rules.iter().all(|rule| rule.allows);
    }

    fn key_rules(&self) -> impl Iterator<Item = Vec<u8>> {
        self.keys.iter().map(|key| {
            let prefix: &[u8] = match (key.uses, &*key.pattern) {
                (KeyUse::READ, _) => b"%R~",
                (KeyUse::WRITE, _) => b"%W~",
                // The short form of this one would stand for all keys, behind which no more may
                // follow.
                (_, b"*") => b"%RW~",
                _ => b"~",
            };
            [prefix, &key.pattern].concat()
        })
    }

    fn channel_rules(&self) -> impl Iterator<Item = Vec<u8>> {
        self.channels.iter().map(|channel| [b"&", &**channel].concat())
    }

    /// The rules on commands, each as `shown`.
    fn command_rules(&self, shown: impl Fn(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
        let mut text = if self.begins_with_all { b"+@all".to_vec() } else { b"-@all".to_vec() };
        for rule in &self.rules {
            let sign: &[u8] = if rule.allows { b"+" } else { b"-" };
            text.push(b' ');
            text.extend_from_slice(&shown([sign, &rule.what].concat()));
        }
        text
    }

    /// All rules, each as `shown`.
    fn describe(&self, shown: impl Fn(Vec<u8>) -> Vec<u8> + Copy) -> Vec<u8> {
        let mut text = Vec::new();
        let mut push = |rule: &[u8]| {
            text.extend_from_slice(rule);
            text.push(b' ');
        };
        if self.all_keys {
            push(b"~*");
        }
        self.key_rules().for_each(|rule| push(&shown(rule)));
        if self.all_channels {
            push(b"&*");
        } else {
            push(b"resetchannels");
        }
        self.channel_rules().for_each(|rule| push(&shown(rule)));
        text.extend_from_slice(&self.command_rules(shown));
        text
    }
}

/// A rule in quotes, if it would be read as something else within the parentheses of a selector.
fn guard(rule: Vec<u8>) -> Vec<u8> {
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && !b"\"'".contains(byte) || *byte >= 0x80;
    if rule.last() != Some(&b')') && rule.iter().all(is_plain) {
        return rule;
    }
    quoted::quote(&rule).into_bytes()
}

fn join(rules: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    rules.collect::<Vec<_>>().join(&b' ')
}

pub(super) fn digest(password: &[u8]) -> Digest {
    Sha256::digest(password).into()
}

fn hex(digest: &Digest) -> Vec<u8> {
    digest.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|at| HEX[usize::from(at)]).collect()
}

/// Compares without telling by the time it takes how much is right.
fn is_same(known: &Digest, given: &Digest) -> bool {
    let differing = known.iter().zip(given).fold(0, |differing, (a, b)| differing | (a ^ b));
    std::hint::black_box(differing) == 0
}

//! Whether a user may run a request, and what keeps it from that.

use super::user::{KeyPattern, KeyUse, Selector, User};
use crate::base::glob;
use crate::resp::argv::Argv;
use crate::spec::Spec;
use crate::spec::keys::KeyFlags;

/// A request, as far as it matters who sends it.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The number of its command.
    pub command: usize,
    /// Whether that is a subcommand.
    pub is_subcommand: bool,
    /// The facts of the command.
    pub spec: &'static Spec,
    /// All arguments.
    pub argv: Argv<'a>,
}

/// What is not allowed; what comes later was looked at later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Forbidden {
    /// The command.
    Command,
    /// A key.
    Key,
    /// A channel.
    Channel,
}

/// What keeps a user from running a request. Of two the greater one tells more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Denial {
    /// What it is.
    pub what: Forbidden,
    /// Index of the argument in question.
    pub at: usize,
}

impl User {
    /// Whether the user may run a request.
    ///
    /// # Errors
    /// Why not: what the selector has missed that came furthest.
    pub fn check(&self, request: Request<'_>) -> Result<(), Denial> {
        let mut why = Denial { what: Forbidden::Command, at: 0 };
        for selector in self.selectors() {
            match selector.check(request) {
                Ok(()) => return Ok(()),
                Err(denial) => why = why.max(denial),
            }
        }
        Err(why)
    }

    /// Whether the user may run a request and read any key by the same right.
    pub fn may_read_all(&self, request: Request<'_>) -> bool {
        self.selectors().any(|own| own.check(request).is_ok() && own.may_read_all())
    }

    /// Whether nothing at all is forbidden.
    pub fn may_do_all(&self) -> bool {
        self.selectors().any(|own| own.all_commands && own.all_keys && own.all_channels)
    }

    /// Whether the user may listen to a channel, or to the channels of a pattern.
    pub fn may_listen(&self, channel: &[u8], is_pattern: bool) -> bool {
        self.selectors().any(|own| own.may_use_channel(channel, is_pattern))
    }

    /// Whether channels that this user could listen to may be forbidden as it becomes `new`.
    pub fn loses_channels(&self, new: &User) -> bool {
        let has = |own: &Selector, name: &[u8]| own.channels.iter().any(|known| **known == *name);
        let keeps = |name: &[u8]| new.selectors().any(|own| has(own, name));
        !new.selectors().any(|selector| selector.all_channels)
            && self
                .selectors()
                .any(|old| old.all_channels || !old.channels.iter().all(|name| keeps(name)))
    }
}

impl Selector {
    fn check(&self, request: Request<'_>) -> Result<(), Denial> {
        let Request { spec, argv, .. } = request;
        if !self.all_commands && !spec.runs_before_auth() && !self.may_run(request) {
            return Err(Denial { what: Forbidden::Command, at: 0 });
        }
        if !self.all_keys && !spec.keys.is_empty() {
            let mut uses = spec.key_uses(argv.len(), |index| argv.at(index));
            let denied = uses.find(|(at, flags)| !self.may_use_key(argv.at(*at), *flags));
            if let Some((at, _)) = denied {
                return Err(Denial { what: Forbidden::Key, at });
            }
        }
        if !self.all_channels {
            let is_pattern = spec.channels.are_patterns();
            let mut channels = spec.channels.indexes(argv.len());
            let denied = channels.find(|at| !self.may_use_channel(argv.at(*at), is_pattern));
            if let Some(at) = denied {
                return Err(Denial { what: Forbidden::Channel, at });
            }
        }
        Ok(())
    }

    fn may_run(&self, request: Request<'_>) -> bool {
        if self.commands.has(request.command) {
            return true;
        }
        let first = request.argv.get(if request.is_subcommand { 2 } else { 1 });
        let is_it = |arg: &[u8]| first.is_some_and(|first| first.eq_ignore_ascii_case(arg));
        self.first_args.iter().any(|(id, arg)| *id == request.command && is_it(arg))
    }

    fn may_use_key(&self, key: &[u8], flags: KeyFlags) -> bool {
        let mut needs = KeyUse::empty();
        needs.set(KeyUse::READ, flags.contains(KeyFlags::ACCESS));
        let changes = KeyFlags::INSERT | KeyFlags::DELETE | KeyFlags::UPDATE;
        needs.set(KeyUse::WRITE, flags.intersects(changes));
        let mut allowed = self.keys.iter().filter(|own| own.uses.contains(needs));
        allowed.any(|own| glob::matches(&own.pattern, key))
    }

    fn may_read_all(&self) -> bool {
        let is_all = |own: &KeyPattern| own.uses.contains(KeyUse::READ) && *own.pattern == *b"*";
        self.all_keys || self.keys.iter().any(is_all)
    }

    /// A pattern is allowed only as it stands, since it may match more than one that looks wider.
    fn may_use_channel(&self, channel: &[u8], is_pattern: bool) -> bool {
        let fits = |own: &[u8]| {
            if is_pattern { own == channel } else { glob::matches(own, channel) }
        };
        self.all_channels || self.channels.iter().any(|own| fits(own))
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalog::tests::some;
    use super::super::rule::Rulebook;
    use super::*;
    use crate::resp::argv::ArgvBuf;
    use crate::spec::channels::Channels;
    use crate::spec::flags::Flags;
    use crate::spec::keys::KeySpec;

    const READ: KeyFlags = KeyFlags::RO.union(KeyFlags::ACCESS);
    const WRITE: KeyFlags = KeyFlags::OW.union(KeyFlags::UPDATE);

    /// By number, as in the catalog.
    const GET: (usize, Spec) = (0, Spec { keys: &[KeySpec::all(READ)], ..Spec::NEW });
    const SET: (usize, Spec) = (1, Spec { keys: &[KeySpec::one(WRITE)], ..Spec::NEW });
    const CONFIG_GET: (usize, Spec) = (4, Spec { ..Spec::NEW });
    const CONFIG_SET: (usize, Spec) = (5, Spec { ..Spec::NEW });
    const SELECT: (usize, Spec) = (6, Spec { ..Spec::NEW });
    const HELLO: (usize, Spec) = (3, Spec { flags: Flags::NO_AUTH, ..Spec::NEW });
    const LISTEN: (usize, Spec) = (0, Spec { channels: Channels::All, ..Spec::NEW });
    const MATCH: (usize, Spec) = (0, Spec { channels: Channels::Patterns, ..Spec::NEW });
    const COUNTED: (usize, Spec) = (0, Spec { keys: &[KeySpec::counted(READ)], ..Spec::NEW });

    fn user(rules: &str) -> User {
        let catalog = some();
        let book = Rulebook { catalog: &catalog, all_channels: false };
        let mut user = User::new(b"me", false, &catalog);
        let words = rules.split(' ').map(str::as_bytes);
        for rule in super::super::merge_selectors(words).unwrap() {
            user.apply(&rule, book).unwrap();
        }
        user
    }

    fn check(rules: &str, (command, spec): &'static (usize, Spec), args: &str) -> String {
        let argv: ArgvBuf = args.split(' ').collect();
        let is_subcommand = matches!(command, 4 | 5);
        let request = Request { command: *command, is_subcommand, spec, argv: argv.borrow() };
        match user(rules).check(request) {
            Ok(()) => "fine".to_owned(),
            Err(Denial { what, at }) => format!("{what:?} {at}"),
        }
    }

    #[test]
    fn commands_need_a_rule() {
        assert_eq!(check("+@all ~*", &GET, "get a"), "fine");
        assert_eq!(check("+get ~*", &SET, "set a b"), "Command 0");
        assert_eq!(check("+@all -set ~*", &SET, "set a b"), "Command 0");
        assert_eq!(check("-@all +config|get", &CONFIG_GET, "config get a"), "fine");
        assert_eq!(check("-@all +config|get", &CONFIG_SET, "config set a b"), "Command 0");
        assert_eq!(check("+config -config|set", &CONFIG_SET, "config set a b"), "Command 0");
        assert_eq!(check("-@all", &HELLO, "hello"), "fine");
    }

    #[test]
    fn a_first_argument_may_be_allowed() {
        assert_eq!(check("+select|0", &SELECT, "select 0"), "fine");
        assert_eq!(check("+select|a", &SELECT, "select A"), "fine");
        assert_eq!(check("+select|0", &SELECT, "select 1"), "Command 0");
        assert_eq!(check("+select|0", &SELECT, "select"), "Command 0");
        assert_eq!(check("+select|0 -select", &SELECT, "select 0"), "Command 0");
    }

    #[test]
    fn keys_need_a_pattern_for_what_is_done_with_them() {
        assert_eq!(check("+@all ~a*", &GET, "get ab a"), "fine");
        assert_eq!(check("+@all ~a*", &GET, "get ab b a c"), "Key 2");
        assert_eq!(check("+@all %R~a", &GET, "get a"), "fine");
        assert_eq!(check("+@all %R~a", &SET, "set a b"), "Key 1");
        assert_eq!(check("+@all %W~a", &SET, "set a b"), "fine");
        assert_eq!(check("+@all", &SELECT, "select 0"), "fine");
        assert_eq!(check("+@all ~a", &COUNTED, "x 2 a b"), "Key 3");
        // What has no such number of keys is refused by the command itself.
        assert_eq!(check("+@all ~a", &COUNTED, "x 3 a b"), "fine");
    }

    #[test]
    fn channels_are_matched_and_patterns_are_compared() {
        assert_eq!(check("+@all &a*", &LISTEN, "listen ab a"), "fine");
        assert_eq!(check("+@all &a*", &LISTEN, "listen ab b"), "Channel 2");
        assert_eq!(check("+@all &a*", &MATCH, "match a*"), "fine");
        assert_eq!(check("+@all &a*", &MATCH, "match ab"), "Channel 1");
        assert_eq!(check("+@all &*", &MATCH, "match ab"), "fine");
    }

    #[test]
    fn one_selector_must_allow_it_all() {
        let rules = "+get ~a (+get ~b) (+set %W~c)";
        assert_eq!(check(rules, &GET, "get a"), "fine");
        assert_eq!(check(rules, &GET, "get b b"), "fine");
        assert_eq!(check(rules, &GET, "get a b"), "Key 2");
        assert_eq!(check(rules, &GET, "get c"), "Key 1");
        assert_eq!(check(rules, &SELECT, "select 0"), "Command 0");
        assert!(user("+@all ~* &*").may_do_all() && user("(+@all ~* &*)").may_do_all());
        assert!(!user("+@all ~*").may_do_all() && !user("+@all (~* &*)").may_do_all());
    }

    #[test]
    fn reading_all_keys_is_a_right_of_its_own() {
        let argv: ArgvBuf = ["get", "a"].into_iter().collect();
        let request =
            Request { command: 0, is_subcommand: false, spec: &GET.1, argv: argv.borrow() };
        for (rules, expected) in [
            ("+@all ~*", true),
            ("+get %R~*", true),
            ("+get ~a %W~*", false),
            ("+get ~a (+set ~*)", false),
            ("(+get ~a) (+get %R~a %RW~*)", true),
        ] {
            assert_eq!(user(rules).may_read_all(request), expected, "{rules}");
        }
    }

    #[test]
    fn channels_are_lost_by_those_who_had_them() {
        for (old, new, expected) in [
            ("&a &b", "&a", true),
            ("&a", "&a &b", false),
            ("&*", "&a", true),
            ("&a", "&*", false),
            ("&a (&b)", "&b (&a)", false),
            ("on", "on", false),
        ] {
            assert_eq!(user(old).loses_channels(&user(new)), expected, "{old} to {new}");
        }
        let one = user("&a* (&b)");
        assert!(one.may_listen(b"ab", false) && one.may_listen(b"b", true));
        assert!(!one.may_listen(b"ab", true) && !one.may_listen(b"c", false));
    }
}

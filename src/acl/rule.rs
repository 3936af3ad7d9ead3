//! Rules: what ACL SETUSER, files and configurations say of a user, read and applied to it.

use super::catalog::Catalog;
use super::user::{self, Digest, KeyPattern, KeyUse, Selector, User};
use crate::base::quoted;
use crate::spec::categories::Categories;
use std::borrow::Cow;

/// Digits of a password's SHA-256.
const HASH_DIGITS: usize = 64;

/// What rules are read against.
#[derive(Clone, Copy)]
pub struct Rulebook<'a> {
    /// The commands that there are.
    pub catalog: &'a Catalog,
    /// Whether new users and selectors may use all channels (`acl-pubsub-default`).
    pub all_channels: bool,
}

/// Why a rule cannot be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It names a command or a category that is not there.
    Unknown,
    /// It is no rule.
    Syntax,
    /// Keys of a pattern, where all are allowed already.
    KeysAfterAll,
    /// Channels of a pattern, where all are allowed already.
    ChannelsAfterAll,
    /// The password to be taken away is none.
    NoSuchPassword,
    /// It is no SHA-256.
    BadHash,
    /// A subcommand with a first argument.
    FirstArgOfSubcommand,
}

impl Fault {
    /// The fault in Redis's words.
    pub fn text(self) -> &'static str {
        match self {
            Fault::Unknown => "Unknown command or category name in ACL",
            Fault::Syntax => "Syntax error",
            Fault::KeysAfterAll => {
                "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and \
                 does not have any effect. Try 'resetkeys' to start with an empty list of patterns"
            }
            Fault::ChannelsAfterAll => {
                "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and \
                 does not have any effect. Try 'resetchannels' to start with an empty list of \
                 channels"
            }
            Fault::NoSuchPassword => {
                "The password you are trying to remove from the user does not exist"
            }
            Fault::BadHash => {
                "The password hash must be exactly 64 characters and contain only lowercase \
                 hexadecimal characters"
            }
            Fault::FirstArgOfSubcommand => "Allowing first-arg of a subcommand is not supported",
        }
    }
}

/// Whether a name of a user or a pattern has bytes that would break the lines of files.
pub fn has_spaces(name: &[u8]) -> bool {
    name.iter().any(|byte| matches!(byte, 0 | b' ' | b'\t'..=b'\r'))
}

/// Puts selectors together whose parts are words of their own, as in `(+get ~a)`.
///
/// # Errors
/// The word that opens a selector which is not closed.
pub fn merge_selectors<'a>(
    words: impl Iterator<Item = &'a [u8]>,
) -> Result<Vec<Cow<'a, [u8]>>, &'a [u8]> {
    let mut merged = Vec::new();
    let mut open: Option<(&[u8], Vec<u8>)> = None;
    for word in words {
        match &mut open {
            None if word.first() == Some(&b'(') && word.last() != Some(&b')') => {
                open = Some((word, word.to_vec()));
            }
            None => merged.push(Cow::Borrowed(word)),
            Some((_, selector)) => {
                selector.push(b' ');
                selector.extend_from_slice(word);
                if word.last() == Some(&b')') {
                    merged.extend(open.take().map(|(_, selector)| Cow::Owned(selector)));
                }
            }
        }
    }
    open.map_or(Ok(merged), |(start, _)| Err(start))
}

impl User {
    /// Applies a rule.
    ///
    /// # Errors
    /// Why it cannot be; then the user is as before.
    pub fn apply(&mut self, rule: &[u8], book: Rulebook<'_>) -> Result<(), Fault> {
        match rule {
            [] => {}
            [b'>', password @ ..] => self.add_password(user::digest(password)),
            [b'#', hash @ ..] => self.add_password(read_hash(hash)?),
            [b'<', password @ ..] => self.remove_password(&user::digest(password))?,
            [b'!', hash @ ..] => self.remove_password(&read_hash(hash)?)?,
            [b'(', inner @ .., b')'] => self.others.push(Selector::read(inner, book)?),
            _ => match rule.to_ascii_lowercase().as_slice() {
                b"on" => self.is_on = true,
                b"off" => self.is_on = false,
                b"skip-sanitize-payload" => self.is_trusted = true,
                b"sanitize-payload" => self.is_trusted = false,
                b"nopass" => self.set_password(b""),
                b"resetpass" => {
                    self.any_password = false;
                    self.passwords.clear();
                }
                b"clearselectors" => self.others.clear(),
                b"reset" => *self = User::new(&self.name, book.all_channels, book.catalog),
                word => self.own.apply(rule, word, book)?,
            },
        }
        Ok(())
    }

    fn add_password(&mut self, digest: Digest) {
        if !self.passwords.contains(&digest) {
            self.passwords.push(digest);
        }
        self.any_password = false;
    }

    fn remove_password(&mut self, digest: &Digest) -> Result<(), Fault> {
        let at = self.passwords.iter().position(|known| known == digest);
        self.passwords.remove(at.ok_or(Fault::NoSuchPassword)?);
        Ok(())
    }
}

impl Selector {
    /// Reads what stands between the parentheses of a selector.
    fn read(inner: &[u8], book: Rulebook<'_>) -> Result<Selector, Fault> {
        let mut selector = Selector::new(book.all_channels, book.catalog);
        let (mut words, mut spans) = (inner.to_vec(), Vec::new());
        let split = quoted::split(&mut words, |start, len| spans.push(start..start + len));
        split.map_err(|_| Fault::Syntax)?;
        for span in spans {
            let rule = &words[span];
            selector.apply(rule, &rule.to_ascii_lowercase(), book)?;
        }
        Ok(selector)
    }

    /// Applies a rule, which is given once more in lower case.
    fn apply(&mut self, rule: &[u8], word: &[u8], book: Rulebook<'_>) -> Result<(), Fault> {
        match word {
            b"allkeys" | b"~*" => self.set_all_keys(true),
            b"resetkeys" => self.set_all_keys(false),
            b"allchannels" | b"&*" => self.set_all_channels(true),
            b"resetchannels" => self.set_all_channels(false),
            b"allcommands" | b"+@all" => self.allow_all(book.catalog),
            b"nocommands" | b"-@all" => self.allow_none(book.catalog),
            [b'~', ..] => self.add_keys(KeyUse::all(), &rule[1..])?,
            [b'%', ..] if self.all_keys => return Err(Fault::KeysAfterAll),
            [b'%', uses @ ..] => {
                // Without a tilde it is as if one stood at the end.
                let end = uses.iter().position(|byte| *byte == b'~').unwrap_or(uses.len());
                let pattern = rule.get(end + 2..).unwrap_or_default();
                self.add_keys(read_uses(&uses[..end])?, pattern)?;
            }
            [b'&', ..] => self.add_channels(&rule[1..])?,
            [b'+', b'@', category @ ..] => self.change_category(true, category, book.catalog)?,
            [b'-', b'@', category @ ..] => self.change_category(false, category, book.catalog)?,
            [b'+', command @ ..] => self.allow(command, book.catalog)?,
            [b'-', command @ ..] => {
                let id = book.catalog.find(command).ok_or(Fault::Unknown)?;
                self.change(false, id, book.catalog);
                self.note(false, command);
            }
            _ => return Err(Fault::Syntax),
        }
        Ok(())
    }

    fn set_all_keys(&mut self, all: bool) {
        self.all_keys = all;
        self.keys.clear();
    }

    fn set_all_channels(&mut self, all: bool) {
        self.all_channels = all;
        self.channels.clear();
    }

    fn add_keys(&mut self, uses: KeyUse, pattern: &[u8]) -> Result<(), Fault> {
        if self.all_keys {
            return Err(Fault::KeysAfterAll);
        }
        if has_spaces(pattern) {
            return Err(Fault::Syntax);
        }
        match self.keys.iter_mut().find(|key| *key.pattern == *pattern) {
            Some(key) => key.uses |= uses,
            None => self.keys.push(KeyPattern { uses, pattern: pattern.into() }),
        }
        Ok(())
    }

    fn add_channels(&mut self, pattern: &[u8]) -> Result<(), Fault> {
        if self.all_channels {
            return Err(Fault::ChannelsAfterAll);
        }
        if has_spaces(pattern) {
            return Err(Fault::Syntax);
        }
        if !self.channels.iter().any(|channel| **channel == *pattern) {
            self.channels.push(pattern.into());
        }
        Ok(())
    }

    /// `+command`, `+container|subcommand` or `+command|first-argument`.
    fn allow(&mut self, what: &[u8], catalog: &Catalog) -> Result<(), Fault> {
        let Some(bar) = what.iter().rposition(|byte| *byte == b'|') else {
            let id = catalog.find(what).ok_or(Fault::Unknown)?;
            self.change(true, id, catalog);
            self.note(true, what);
            return Ok(());
        };
        let (command, part) = (&what[..bar], &what[bar + 1..]);
        let id = catalog.find(command).ok_or(Fault::Unknown)?;
        if catalog.is_subcommand(id) {
            return Err(Fault::FirstArgOfSubcommand);
        }
        if part.is_empty() {
            return Err(Fault::Syntax);
        }
        if catalog.contents(id).is_empty() {
            // What has spaces in it would be read back as something else.
            if has_spaces(part) {
                return Err(Fault::Syntax);
            }
            let shown = String::from_utf8_lossy(what);
            log::warn!("deprecated: a first argument of a forbidden command is allowed: +{shown}");
            self.first_args.insert((id, part.into()));
        } else {
            self.change(true, catalog.find(what).ok_or(Fault::Unknown)?, catalog);
        }
        self.note(true, what);
        Ok(())
    }

    fn change_category(
        &mut self,
        allows: bool,
        name: &[u8],
        catalog: &Catalog,
    ) -> Result<(), Fault> {
        let category = Categories::by_name(name).ok_or(Fault::Unknown)?;
        catalog.of(category).for_each(|id| self.change(allows, id, catalog));
        self.note(allows, &[b"@", name].concat());
        Ok(())
    }

    /// Allows or forbids a command with all its subcommands.
    fn change(&mut self, allows: bool, command: usize, catalog: &Catalog) {
        self.commands.put(command, allows);
        catalog.contents(command).iter().for_each(|id| self.commands.put(*id, allows));
        self.first_args.retain(|(id, _)| *id != command);
    }
}

/// The letters between `%` and `~`.
fn read_uses(letters: &[u8]) -> Result<KeyUse, Fault> {
    let mut uses = KeyUse::empty();
    for letter in letters {
        let one = match letter {
            b'r' => KeyUse::READ,
            b'w' => KeyUse::WRITE,
            _ => return Err(Fault::Syntax),
        };
        if uses.contains(one) {
            return Err(Fault::Syntax);
        }
        uses |= one;
    }
    if uses.is_empty() { Err(Fault::Syntax) } else { Ok(uses) }
}

fn read_hash(text: &[u8]) -> Result<Digest, Fault> {
    let mut digest = Digest::default();
    if text.len() != HASH_DIGITS {
        return Err(Fault::BadHash);
    }
    for (byte, pair) in digest.iter_mut().zip(text.chunks_exact(2)) {
        for digit in pair {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return Err(Fault::BadHash),
            };
            *byte = *byte << 4 | value;
        }
    }
    Ok(digest)
}

#[cfg(test)]
mod tests {
    use super::super::catalog::tests::some;
    use super::*;

    fn made(rules: &[&str]) -> Result<String, Fault> {
        let catalog = some();
        let book = Rulebook { catalog: &catalog, all_channels: false };
        let mut user = User::new(b"me", false, &catalog);
        rules.iter().try_for_each(|rule| user.apply(rule.as_bytes(), book))?;
        Ok(String::from_utf8(user.describe()).unwrap())
    }

    /// What a user is of whom nothing else is said.
    const NEW: &str = "off sanitize-payload resetchannels -@all";

    #[test]
    fn rules_are_described_as_they_count() {
        let cases: &[(&[&str], &str)] = &[
            (&[], NEW),
            (&["on", "nopass", "skip-sanitize-payload", "", "reset"], NEW),
            (&["ON", "NoPass"], "on nopass sanitize-payload resetchannels -@all"),
            (&["~a", "%R~b", "%w~b", "%R~c", "~a"], "~a ~b %R~c resetchannels -@all"),
            (&["~a", "allkeys"], "~* resetchannels -@all"),
            (&["%RW~*", "~a"], "%RW~* ~a resetchannels -@all"),
            (&["%R"], "%R~ resetchannels -@all"),
            (&["~*", "resetkeys", "~a"], "~a resetchannels -@all"),
            (&["&a", "&b", "&a"], "resetchannels &a &b -@all"),
            (&["&a", "&*"], "&* -@all"),
            (&["allcommands"], "resetchannels +@all"),
            (&["+get", "-set", "+GET"], "resetchannels -@all -set +get"),
            (&["+@all", "-@String", "+@string"], "resetchannels +@all +@string"),
            (&["+config|get", "+config"], "resetchannels -@all +config"),
            (
                &["+config|get", "-config|set", "+get"],
                "resetchannels -@all +config|get -config|set +get",
            ),
            (&["+select|0", "+SELECT|A", "+select|a"], "resetchannels -@all +select|0 +select|a"),
            (&["+select|0", "+select"], "resetchannels -@all +select"),
            (
                &["(+get ~a)", "(%R~b)"],
                "resetchannels -@all (~a resetchannels -@all +get) (%R~b resetchannels -@all)",
            ),
            (&["(+get)", "clearselectors"], "resetchannels -@all"),
            (
                &["(~\"a\\\"b\" ~c\\) ~d)"],
                "resetchannels -@all (\"~a\\\"b\" \"~c\\\\)\" ~d resetchannels -@all)",
            ),
        ];
        for (rules, expected) in cases {
            let described = made(rules).unwrap();
            let described = described.strip_prefix("off sanitize-payload ").unwrap_or(&described);
            let expected = expected.strip_prefix("off sanitize-payload ").unwrap_or(expected);
            assert_eq!(described, expected, "{rules:?}");
        }
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        let cases: &[(&[&str], Fault)] = &[
            (&["x"], Fault::Syntax),
            (&["%"], Fault::Syntax),
            (&["%RR~a"], Fault::Syntax),
            (&["%RX~a"], Fault::Syntax),
            (&["%~a"], Fault::Syntax),
            (&["~a b"], Fault::Syntax),
            (&["&a\0"], Fault::Syntax),
            (&["(on)"], Fault::Syntax),
            (&["(~\"a)"], Fault::Syntax),
            (&["(\"\")"], Fault::Syntax),
            (&["+"], Fault::Unknown),
            (&["+nosuch"], Fault::Unknown),
            (&["-nosuch"], Fault::Unknown),
            (&["+@nosuch"], Fault::Unknown),
            (&["-@"], Fault::Unknown),
            (&["+config|nosuch"], Fault::Unknown),
            (&["-config|nosuch"], Fault::Unknown),
            (&["-select|0"], Fault::Unknown),
            (&["+get|a|b"], Fault::Unknown),
            (&["+config|"], Fault::Syntax),
            (&["+config|a b"], Fault::Unknown),
            (&["+select|a b"], Fault::Syntax),
            (&["+config|get|x"], Fault::FirstArgOfSubcommand),
            (&["(+nosuch)"], Fault::Unknown),
            (&["~*", "~a"], Fault::KeysAfterAll),
            (&["allchannels", "&a"], Fault::ChannelsAfterAll),
            (&["<a"], Fault::NoSuchPassword),
            (&["#00"], Fault::BadHash),
            (&["!00"], Fault::BadHash),
        ];
        for (rules, fault) in cases {
            assert_eq!(made(rules), Err(*fault), "{rules:?}");
        }
        let hash = "A".repeat(64);
        assert_eq!(made(&[&format!("#{hash}")]), Err(Fault::BadHash));
    }

    #[test]
    fn passwords_come_and_go() {
        let hash = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
        let catalog = some();
        let book = Rulebook { catalog: &catalog, all_channels: false };
        let mut user = User::new(b"me", false, &catalog);
        assert!(!user.knows(b"secret") && !user.knows(b""));
        let mut apply = |rule: &str| user.apply(rule.as_bytes(), book).map(|()| user.clone());
        let one = apply(">secret").unwrap();
        assert_eq!(one, apply(&format!("#{hash}")).unwrap());
        assert!(one.knows(b"secret") && !one.knows(b"secre") && !one.knows(b"secrets"));
        assert!(one.passwords().eq([hash.as_bytes().to_vec()]));
        let two = apply(">other").unwrap();
        assert!(two.knows(b"secret") && two.knows(b"other"));
        let any = apply("nopass").unwrap();
        assert!(any.knows(b"what") && any.passwords().len() == 0);
        assert!(!apply(">secret").unwrap().any_password);
        assert_eq!(apply("<other"), Err(Fault::NoSuchPassword));
        assert!(!apply(&format!("!{hash}")).unwrap().knows(b"secret"));
        assert!(!apply("resetpass").unwrap().knows(b""));
    }

    #[test]
    fn selectors_may_be_cut_into_words() {
        let merged = |text: &'static str| {
            let merged = merge_selectors(text.split(' ').map(str::as_bytes));
            merged.map(|rules| {
                let text = |rule: &Cow<'_, [u8]>| String::from_utf8(rule.to_vec()).unwrap();
                rules.iter().map(text).collect::<Vec<_>>()
            })
        };
        assert_eq!(merged("on (+get ~a) off").unwrap(), ["on", "(+get ~a)", "off"]);
        assert_eq!(merged("(+get) ( )").unwrap(), ["(+get)", "( )"]);
        assert_eq!(merged("on (+get ~a"), Err(&b"(+get"[..]));
    }
}

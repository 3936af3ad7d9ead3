//! The file of users: a line for each, beginning with the word `user`.

use super::rule::{self, Fault, Rulebook};
use super::user::User;
use super::users::{DEFAULT_NAME, Users};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The end of what is said of a file with errors.
const NOTHING_CHANGED: &str =
    "WARNING: ACL errors detected, no change to the previously active ACL rules was performed";

/// Reads the text of a file; `path` is for messages.
///
/// # Errors
/// All that is wrong with it, in one line.
pub fn read(text: &[u8], path: &str, book: Rulebook<'_>) -> Result<Users, String> {
    let (mut users, mut faults) = (BTreeMap::new(), String::new());
    // In C, a NUL ends the text.
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        let line = trim(line, b" \t\r");
        if !line.is_empty() {
            read_line(line, (path, number), &mut users, &mut faults, book);
        }
    }
    if !faults.is_empty() {
        return Err(faults + NOTHING_CHANGED);
    }
    let mut all = Users::new(book.catalog);
    users.into_values().for_each(|user| drop(all.put(user)));
    Ok(all)
}

/// The text of a file of these users.
pub fn write(users: &Users) -> Vec<u8> {
    let mut text = Vec::new();
    for user in users.iter() {
        text.extend_from_slice(&user.line());
        text.push(b'\n');
    }
    text
}

/// Without such bytes at both ends.
fn trim<'a>(mut text: &'a [u8], bytes: &[u8]) -> &'a [u8] {
    while let [first, rest @ ..] = text
        && bytes.contains(first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && bytes.contains(last)
    {
        text = rest;
    }
    text
}

fn read_line<'a>(
    line: &'a [u8],
    (path, number): (&str, usize),
    users: &mut BTreeMap<&'a [u8], User>,
    faults: &mut String,
    book: Rulebook<'_>,
) {
    let mut words = line.split(|byte| *byte == b' ');
    let (is_user, name) = (words.next() == Some(b"user"), words.next());
    // Writing to a string cannot fail.
    let mut fault = |text: std::fmt::Arguments<'_>| faults.write_fmt(text).unwrap_or_default();
    let Some(name) = name.filter(|_| is_user) else {
        let text = "should start with user keyword followed by the username.";
        return fault(format_args!("{path}:{number} {text} "));
    };
    let shown = String::from_utf8_lossy(name);
    if rule::has_spaces(name) {
        let text =
            format_args!("'{path}:{number}: username '{shown}' contains invalid characters. ");
        return fault(text);
    }
    if users.contains_key(name) {
        let text = format_args!("WARNING: Duplicate user '{shown}' found on line {number}. ");
        return fault(text);
    }
    let mut user = User::new(name, book.all_channels, book.catalog);
    let rules = rule::merge_selectors(words).unwrap_or_else(|_| {
        let text = "Unmatched parenthesis in selector definition.";
        fault(format_args!("{path}:{number}: {text}"));
        Vec::new()
    });
    let mut is_first = true;
    for rule in rules {
        let rule = trim(&rule, b"\t\r");
        match user.apply(rule, book) {
            Ok(()) => {}
            // Names of commands are no secrets; of the others, one may follow from another.
            Err(Fault::Unknown) => {
                let (rule, text) = (String::from_utf8_lossy(rule), Fault::Unknown.text());
                fault(format_args!(
                    "{path}:{number}: Error in applying operation '{rule}': {text}. "
                ));
            }
            Err(other) => {
                if std::mem::take(&mut is_first) {
                    fault(format_args!("{path}:{number}: {}. ", other.text()));
                }
            }
        }
    }
    users.insert(name, user);
}

/// Applies the rules of a configuration's `user` line; `name` and the rules are its words.
///
/// # Errors
/// What is wrong with it.
pub fn read_words(
    users: &mut Users,
    name: &[u8],
    words: &[Vec<u8>],
    book: Rulebook<'_>,
) -> Result<(), String> {
    if rule::has_spaces(name) {
        return Err("Spaces not allowed in ACL usernames".to_owned());
    }
    let shown = String::from_utf8_lossy(name);
    let rules = rule::merge_selectors(words.iter().map(Vec::as_slice)).map_err(|start| {
        let start = String::from_utf8_lossy(start);
        format!("Unmatched parenthesis in acl selector starting at '{start}'.")
    })?;
    let mut user = User::new(name, book.all_channels, book.catalog);
    for rule in rules {
        user.apply(&rule, book).map_err(|fault| {
            let rule = String::from_utf8_lossy(&rule).into_owned();
            let text = fault.text();
            format!("Error loading ACL rule '{rule}' for the user named '{shown}': {text}")
        })?;
    }
    if !user.is_on && name != DEFAULT_NAME {
        log::info!("user '{shown}' is off: its rules have no 'on'");
    }
    users.put(user);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::catalog::tests::some;
    use super::*;

    fn read_back(text: &str) -> Result<String, String> {
        let catalog = some();
        let book = Rulebook { catalog: &catalog, all_channels: false };
        let users = read(text.as_bytes(), "f", book)?;
        Ok(String::from_utf8(write(&users)).unwrap())
    }

    #[test]
    fn a_file_is_written_as_it_was() {
        let text = "user a on sanitize-payload ~a\\\"b resetchannels -@all +get|x\" +set\n\
                    user default on nopass sanitize-payload ~* &* +@all\n\
                    user z off sanitize-payload resetchannels -@all (\"~a)\" &* -@all)\n";
        assert_eq!(read_back(text).unwrap(), text);
        let default = "user default on nopass sanitize-payload ~* &* +@all\n";
        assert_eq!(read_back("").unwrap(), default);
        assert_eq!(read_back("\r\n \t\n\0user").unwrap(), default);
        let loose = "  user a  on (+get\t ~a) \r\n";
        let tight =
            "user a on sanitize-payload resetchannels -@all (~a resetchannels -@all +get)\n";
        assert_eq!(read_back(loose).unwrap(), tight.to_owned() + default);
    }

    #[test]
    fn all_faults_are_told() {
        let text = "x\nuser\n\nuser a\tb on\nuser a +nosuch ~* ~a &* &a +none\nuser a on\n\
                    user b (+get\nuser b &\x0c";
        let expected = "f:1 should start with user keyword followed by the username. \
            f:2 should start with user keyword followed by the username. \
            'f:4: username 'a\tb' contains invalid characters. \
            f:5: Error in applying operation '+nosuch': Unknown command or category name in ACL. \
            f:5: Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and \
            does not have any effect. Try 'resetkeys' to start with an empty list of patterns. \
            f:5: Error in applying operation '+none': Unknown command or category name in ACL. \
            WARNING: Duplicate user 'a' found on line 6. \
            f:7: Unmatched parenthesis in selector definition.\
            WARNING: Duplicate user 'b' found on line 8. \
            WARNING: ACL errors detected, no change to the previously active ACL rules was \
            performed";
        assert_eq!(read_back(text).unwrap_err(), expected);
    }

    #[test]
    fn a_line_of_a_configuration_begins_anew() {
        let catalog = some();
        let book = Rulebook { catalog: &catalog, all_channels: false };
        let mut users = Users::new(&catalog);
        let words = |text: &str| text.split(' ').map(|word| word.into()).collect::<Vec<_>>();
        read_words(&mut users, b"default", &words("on (+get ~a)"), book).unwrap();
        let expected = "on sanitize-payload resetchannels -@all (~a resetchannels -@all +get)";
        assert_eq!(users.default_user().describe(), expected.as_bytes());
        let refusal = read_words(&mut users, b"me", &words("on +nosuch"), book).unwrap_err();
        let unknown = "Unknown command or category name in ACL";
        assert!(refusal.ends_with(&format!("rule '+nosuch' for the user named 'me': {unknown}")));
        assert!(read_words(&mut users, b"a b", &words("on"), book).is_err());
        assert!(read_words(&mut users, b"a", &words("(+get"), book).is_err());
    }
}

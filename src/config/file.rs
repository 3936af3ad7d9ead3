//! Reading parameters at start: the lines of redis.conf and of the files that it includes.

use super::kinds::{self, Refusal};
use super::table::Parameter;
use super::{Config, UserLine};
use crate::base::quoted;
use crate::sys::files;

/// Files that may include each other, one inside the other.
const INCLUDE_DEPTH_MAX: usize = 16;

/// Reads a redis.conf.
///
/// # Errors
/// One line that names the file, the line and what is wrong with it.
pub fn read_file(config: &mut Config, path: &str) -> Result<(), Refusal> {
    read_nested(config, path, 0)
}

/// Reads the text of a redis.conf; `name` is for messages.
///
/// # Errors
/// As for [`read_file`].
pub fn read(config: &mut Config, name: &str, text: &[u8]) -> Result<(), Refusal> {
    read_text(config, name, text, 0)
}

fn read_nested(config: &mut Config, path: &str, depth: usize) -> Result<(), Refusal> {
    let text = std::fs::read(path);
    let text = text.map_err(|error| {
        let reason = files::reason(&error);
        format!("Fatal error, can't open config file '{path}': {reason}")
    })?;
    read_text(config, path, &text, depth)
}

fn read_text(config: &mut Config, name: &str, text: &[u8], depth: usize) -> Result<(), Refusal> {
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        let fault = |refusal| {
            let shown = String::from_utf8_lossy(line);
            format!("{name}, line {number}: '{}': {refusal}", shown.trim())
        };
        let words = words(line).map_err(fault)?;
        if let Some((user, rules)) = user_words(&words) {
            let place = format!("{name}, line {number}");
            add_user(config, user, rules, place)?;
            continue;
        }
        match &texts(&words).map_err(fault)?[..] {
            [] => {}
            [name, pattern] if name.eq_ignore_ascii_case("include") => {
                include(config, pattern, depth).map_err(fault)?;
            }
            [name, values @ ..] => read_line(config, name, values).map_err(fault)?,
        }
    }
    Ok(())
}

/// The words of a line; none if it is empty or a comment.
///
/// # Errors
/// Quotes that do not pair.
pub(super) fn words(line: &[u8]) -> Result<Vec<Vec<u8>>, Refusal> {
    let mut line = line.trim_ascii().to_vec();
    if line.first() == Some(&b'#') {
        return Ok(Vec::new());
    }
    let mut spans = Vec::new();
    let split = quoted::split(&mut line, |start, len| spans.push(start..start + len));
    split.map_err(|_| "Unbalanced quotes in configuration line".to_owned())?;
    Ok(spans.into_iter().map(|span| line[span].to_vec()).collect())
}

/// The same as texts.
///
/// # Errors
/// Bytes that are no text.
pub(super) fn texts(words: &[Vec<u8>]) -> Result<Vec<String>, Refusal> {
    words.iter().map(|word| kinds::text(word)).collect()
}

/// The name and the rules of a user, if that is what the words of a line are.
pub(super) fn user_words(words: &[Vec<u8>]) -> Option<(&Vec<u8>, &[Vec<u8>])> {
    match words {
        [word, name, rules @ ..] if word.eq_ignore_ascii_case(b"user") => Some((name, rules)),
        _ => None,
    }
}

/// Keeps the line of a user; what its rules mean is found out by those who know the commands. The
/// line is not shown: there may be passwords in it.
fn add_user(
    config: &mut Config,
    name: &[u8],
    rules: &[Vec<u8>],
    place: String,
) -> Result<(), Refusal> {
    if config.users.iter().any(|user| user.name == name) {
        let name = String::from_utf8_lossy(name);
        return Err(format!(
            "{place}: Error in user declaration '{name}': Duplicate user found. A user can only be \
             defined once in config files"
        ));
    }
    config.users.push(UserLine { name: name.to_vec(), rules: rules.to_vec(), place });
    Ok(())
}

fn include(config: &mut Config, pattern: &str, depth: usize) -> Result<(), Refusal> {
    if depth == INCLUDE_DEPTH_MAX {
        return Err(format!("files include each other more than {INCLUDE_DEPTH_MAX} deep"));
    }
    files::matching(pattern).iter().try_for_each(|path| read_nested(config, path, depth + 1))
}

fn read_line(config: &mut Config, name: &str, values: &[String]) -> Result<(), Refusal> {
    match (name.to_ascii_lowercase().as_str(), values) {
        ("rename-command", [old, new]) => {
            config.renames.push((old.clone(), new.clone()));
            Ok(())
        }
        ("save", [_, ..]) => read_save(config, values),
        ("loadmodule", [_, ..]) => Err("there are no modules".to_owned()),
        ("sentinel", [_, ..]) => Err("Sentinel is not built".to_owned()),
        _ => match Parameter::named(name) {
            Some(parameter) => parameter.set(config, values),
            None => Err("Bad directive or wrong number of arguments".to_owned()),
        },
    }
}

/// Reads a line of save points: they come to those of the lines before, but for the usual ones, and
/// empty quotes take all of them away.
fn read_save(config: &mut Config, values: &[String]) -> Result<(), Refusal> {
    let before = std::mem::replace(&mut config.has_read_save, true);
    let mut words = Vec::new();
    if before && !config.save.is_empty() && values.iter().any(|value| !value.is_empty()) {
        words.push(config.save.clone());
    }
    words.extend_from_slice(values);
    match Parameter::named("save") {
        Some(parameter) => parameter.set(config, &words),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_sets_what_it_names() {
        let mut config = Config::default();
        let text =
            b"# comment\n\n\0 not read\nport 7000\r\n  BIND 127.0.0.1 -::1 \nrequirepass \"a b\"\n\
            save \"\"\nclient-output-buffer-limit normal 1mb 0 0\nrename-command GET \"\"\n";
        read(&mut config, "redis.conf", text).unwrap();
        assert_eq!((config.port, config.requirepass.as_str()), (7_000, "a b"));
        assert_eq!(config.bind, ["127.0.0.1", "-::1"]);
        assert_eq!(config.renames, [("GET".to_owned(), String::new())]);
    }

    #[test]
    fn users_are_kept_as_they_are_written() {
        let mut config = Config::default();
        read(&mut config, "x", b"\nUSER alice on \">a b\" (~\xff +get)").unwrap();
        let rules = [&b"on"[..], b">a b", b"(~\xff", b"+get)"].map(<[u8]>::to_vec).to_vec();
        let place = "x, line 2".to_owned();
        assert_eq!(config.users, [UserLine { name: b"alice".to_vec(), rules, place }]);
    }

    #[test]
    fn lines_of_save_points_come_together() {
        let cases = [
            ("", "3600 1 300 100 60 10000"),
            ("save 900 1", "900 1"),
            ("save 900 1\nsave 60 5 30 9", "900 1 60 5 30 9"),
            ("save 900 1\nsave \"\"", ""),
            ("save \"\"\nsave 60 5", "60 5"),
        ];
        for (text, save) in cases {
            let mut config = Config::default();
            read(&mut config, "redis.conf", text.as_bytes()).unwrap();
            assert_eq!(config.save, save);
        }
    }

    #[test]
    fn what_is_no_text_is_refused_but_in_comments() {
        let mut config = Config::default();
        read(&mut config, "x", b"# caf\xe9\nport 1\n").unwrap();
        let refusal = read(&mut config, "x", b"requirepass \"\\xff\"").unwrap_err();
        assert!(refusal.ends_with("argument must be UTF-8"), "{refusal}");
    }

    #[test]
    fn a_fault_is_told_in_one_line() {
        let cases = [
            ("port\n", "x, line 1: 'port': wrong number of arguments"),
            ("port 1 2\n", "x, line 1: 'port 1 2': wrong number of arguments"),
            ("\nnosuch 1", "x, line 2: 'nosuch 1': Bad directive or wrong number of arguments"),
            ("dir \"a", "x, line 1: 'dir \"a': Unbalanced quotes in configuration line"),
            (
                "port 70000",
                "x, line 1: 'port 70000': argument must be between 0 and 65535 inclusive",
            ),
            ("user", "x, line 1: 'user': Bad directive or wrong number of arguments"),
            (
                "user a on\nuser a",
                "x, line 2: Error in user declaration 'a': Duplicate user found. A user can only \
                 be defined once in config files",
            ),
        ];
        for (text, message) in cases {
            let refusal = read(&mut Config::default(), "x", text.as_bytes()).unwrap_err();
            assert_eq!(refusal, message);
        }
    }

    #[test]
    fn files_include_others() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        let write = |name: &str, text: String| std::fs::write(path(name), text).unwrap();
        write("a.conf", "timeout 1\nport 7001\n".to_owned());
        write("b.conf", "timeout 2\n".to_owned());
        write("none.txt", "timeout 3\n".to_owned());
        let mut config = Config::default();
        let text = format!("include {}\ninclude {}\n", path("?.conf"), path("x*.conf"));
        read(&mut config, "x", text.as_bytes()).unwrap();
        assert_eq!((config.port, config.timeout), (7_001, 2));
        let text = format!("include {}", path("nosuch.conf"));
        let refusal = read(&mut config, "x", text.as_bytes()).unwrap_err();
        assert!(refusal.ends_with("nosuch.conf': No such file or directory"), "{refusal}");
        write("round.conf", format!("include {}\n", path("round.conf")));
        let refusal = read_file(&mut config, &path("round.conf")).unwrap_err();
        assert!(refusal.contains("more than 16 deep"), "{refusal}");
    }

    #[test]
    fn refusals_name_the_place_that_is_at_fault() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("inner.conf");
        std::fs::write(&path, "\nport x\n").unwrap();
        let text = format!("include {}", path.display());
        let refusal = read(&mut Config::default(), "outer", text.as_bytes()).unwrap_err();
        assert!(refusal.starts_with("outer, line 1: "), "{refusal}");
        assert!(refusal.contains("inner.conf, line 2: 'port x': argument"), "{refusal}");
    }
}

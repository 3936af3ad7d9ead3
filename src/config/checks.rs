//! Values with rules of their own: each function reads one kind and gives the text that is shown.

use super::kinds::{Refusal, parse_bytes, parse_int};
use crate::base::num;

/// Least and greatest number of calls a second of background work.
const HZ: (i64, i64) = (1, 500);
/// Values of `oom-score-adj-values`: for a primary, for a replica, for a child process.
const OOM_CLASSES: usize = 3;
/// The greatest of them, and the least below zero.
const OOM_VALUE_MAX: i64 = 2_000;
/// Least size of the backlog.
const BACKLOG_BYTES_MIN: i64 = 16 * 1024;
/// Longest host name.
const HOSTNAME_MAX: usize = 255;
/// What a template of the process title may hold in braces.
const TITLE_FIELDS: [&str; 7] =
    ["title", "listen-addr", "server-mode", "port", "tls-port", "unixsocket", "config-file"];
/// The words of `shutdown-on-sigint` and `shutdown-on-sigterm`; the first is the want of others.
const SHUTDOWN_WORDS: [&str; 5] = ["default", "save", "nosave", "now", "force"];

/// A template of the process title.
pub(super) fn title_template(text: &str) -> Result<String, Refusal> {
    let refused = || "template format is invalid or contains unknown variables".to_owned();
    if text.is_empty() {
        return Err(refused());
    }
    for part in text.split('{').skip(1) {
        let (field, _) = part.split_once('}').ok_or_else(refused)?;
        if !TITLE_FIELDS.contains(&field) {
            return Err(refused());
        }
    }
    Ok(text.to_owned())
}

/// How to stop upon a signal.
pub(super) fn shutdown_words(text: &str) -> Result<String, Refusal> {
    let words: Vec<String> = text.split_whitespace().map(str::to_ascii_lowercase).collect();
    if words.is_empty() || words.iter().any(|word| !SHUTDOWN_WORDS.contains(&word.as_str())) {
        let names = SHUTDOWN_WORDS.join(", ");
        return Err(format!("argument(s) must be one of the following: {names}"));
    }
    let has = |name: &str| words.iter().any(|word| word == name);
    if has("save") && has("nosave") {
        return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".to_owned());
    }
    let shown: Vec<&str> = SHUTDOWN_WORDS[1..].iter().copied().filter(|name| has(name)).collect();
    Ok(if shown.is_empty() { SHUTDOWN_WORDS[0].to_owned() } else { shown.join(" ") })
}

/// The three values of `oom-score-adj-values`.
///
/// # Errors
/// Why they are none.
pub fn oom_values(text: &str) -> Result<[i64; 3], Refusal> {
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.len() != OOM_CLASSES {
        return Err("wrong number of arguments".to_owned());
    }
    let mut values = [0; OOM_CLASSES];
    for (value, word) in values.iter_mut().zip(words) {
        let number = num::parse_i64(word.as_bytes());
        let in_range = number.filter(|number| (-OOM_VALUE_MAX..=OOM_VALUE_MAX).contains(number));
        *value = in_range.ok_or_else(|| {
            format!(
                "Invalid oom-score-adj-values, elements must be between -{OOM_VALUE_MAX} and \
                 {OOM_VALUE_MAX}."
            )
        })?;
    }
    Ok(values)
}

/// The same, as it is shown.
pub(super) fn oom_words(text: &str) -> Result<String, Refusal> {
    oom_values(text).map(|[primary, replica, child]| format!("{primary} {replica} {child}"))
}

/// Name of the snapshot file.
pub(super) fn snapshot_name(text: &str) -> Result<String, Refusal> {
    file_name("dbfilename", text)
}

/// Name of the append-only file.
pub(super) fn log_name(text: &str) -> Result<String, Refusal> {
    file_name("appendfilename", text)
}

/// Name of the directory of the append-only file.
pub(super) fn log_dir_name(text: &str) -> Result<String, Refusal> {
    if text.is_empty() {
        return Err("appenddirname can't be empty".to_owned());
    }
    if text.contains('/') {
        return Err("appenddirname can't be a path, just a dirname".to_owned());
    }
    Ok(text.to_owned())
}

fn file_name(parameter: &str, text: &str) -> Result<String, Refusal> {
    if text.contains('/') {
        return Err(format!("{parameter} can't be a path, just a filename"));
    }
    Ok(text.to_owned())
}

/// A host name, or none.
pub(super) fn hostname(text: &str) -> Result<String, Refusal> {
    if text.len() > HOSTNAME_MAX {
        return Err("Hostnames must be less than 256 characters".to_owned());
    }
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    if !text.bytes().all(is_fine) {
        return Err(
            "Hostnames may only contain alphanumeric characters, hyphens or dots".to_owned()
        );
    }
    Ok(text.to_owned())
}

/// A name by which people know a node, without what would end it where it is shown.
pub(super) fn node_name(text: &str) -> Result<String, Refusal> {
    if text.bytes().any(|byte| b"!#$%&()*+:;<>?@[]^{|}~".contains(&byte)) {
        return Err("Announced human node name contained invalid character".to_owned());
    }
    Ok(text.to_owned())
}

/// Size of the backlog, which has a least one.
pub(super) fn backlog(text: &str) -> Result<String, Refusal> {
    let bytes = parse_bytes(text, 1)?;
    Ok(bytes.max(BACKLOG_BYTES_MIN).to_string())
}

/// A rate of background work, brought into bounds.
pub(super) fn hz(text: &str) -> Result<String, Refusal> {
    Ok(parse_int(text, 0, i32::MAX.into())?.clamp(HZ.0, HZ.1).to_string())
}

/// Host and port of a primary; `no one` for none.
pub(super) fn primary(text: &str) -> Result<String, Refusal> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words[..] {
        [] => Ok(String::new()),
        [no, one] if no.eq_ignore_ascii_case("no") && one.eq_ignore_ascii_case("one") => {
            Ok(String::new())
        }
        [host, port] => match port.parse::<u16>() {
            Ok(port) => Ok(format!("{host} {port}")),
            Err(_) => Err("Invalid master port".to_owned()),
        },
        _ => Err("wrong number of arguments".to_owned()),
    }
}

/// A snapshot is taken after so many seconds, if there were so many changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// The seconds since the last one.
    pub seconds: u64,
    /// The changes since then.
    pub changes: u64,
}

/// Reads what [`save_points`] accepts.
pub(super) fn read_save_points(text: &str) -> Vec<SavePoint> {
    let numbers: Vec<u64> = text.split(' ').filter_map(|word| word.parse().ok()).collect();
    let points = numbers.chunks_exact(2);
    points.map(|pair| SavePoint { seconds: pair[0], changes: pair[1] }).collect()
}

/// Save points: seconds and changes, repeated, or none.
pub(super) fn save_points(text: &str) -> Result<String, Refusal> {
    let refused = || "Invalid save parameters".to_owned();
    let words: Vec<&str> = text.split_whitespace().collect();
    if !words.len().is_multiple_of(2) {
        return Err(refused());
    }
    for pair in words.chunks_exact(2) {
        let number = |word: &str| num::parse_i64(word.as_bytes()).ok_or_else(refused);
        if number(pair[0])? < 1 || number(pair[1])? < 0 {
            return Err(refused());
        }
    }
    Ok(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_and_shown() {
        type Case = (fn(&str) -> Result<String, Refusal>, &'static str, &'static str);
        let cases: &[Case] = &[
            (title_template, "{title} {listen-addr} x", "{title} {listen-addr} x"),
            (shutdown_words, "force NOSAVE now", "nosave now force"),
            (shutdown_words, "default", "default"),
            (shutdown_words, "default nosave", "nosave"),
            (oom_words, " 1  -2 2000", "1 -2 2000"),
            (hostname, "a-b.example", "a-b.example"),
            (backlog, "1", "16384"),
            (hz, "0", "1"),
            (hz, "1000", "500"),
            (primary, "no one", ""),
            (primary, "localhost 6380", "localhost 6380"),
            (save_points, "900 1  300 0", "900 1 300 0"),
            (save_points, "", ""),
        ];
        for (check, text, shown) in cases {
            assert_eq!(check(text).as_deref(), Ok(*shown), "{text}");
        }
    }

    #[test]
    fn what_breaks_the_rules_is_refused() {
        type Case = (fn(&str) -> Result<String, Refusal>, &'static str, &'static str);
        let cases: &[Case] = &[
            (title_template, "{title} {x}", "template format is invalid"),
            (title_template, "", "template format is invalid"),
            (title_template, "{title", "template format is invalid"),
            (shutdown_words, "", "must be one of"),
            (shutdown_words, "save nosave", "simultaneously"),
            (oom_words, "1 2", "wrong number"),
            (oom_words, "1 2 2001", "between -2000 and 2000"),
            (oom_words, "1 2 x", "between -2000 and 2000"),
            (hostname, "a b", "Hostnames may only"),
            (hz, "-1", "between 0 and"),
            (primary, "localhost", "wrong number"),
            (primary, "localhost 99999", "Invalid master port"),
            (save_points, "900", "Invalid save"),
            (save_points, "0 1", "Invalid save"),
            (snapshot_name, "a/b", "dbfilename can't be a path"),
            (log_dir_name, "", "can't be empty"),
        ];
        for (check, text, part) in cases {
            let refusal = check(text).unwrap_err();
            assert!(refusal.contains(part), "{text}: {refusal}");
        }
    }
}

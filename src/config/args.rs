//! The command line: what the program is asked for, and flags as lines of a redis.conf.

use super::kinds::Refusal;
use crate::base::{num, quoted};

/// What `--help` tells.
pub const HELP: &str = "\
Usage: spindle-server [redis.conf] [--parameter value ..] [-]

  redis.conf                a file of parameters, as Redis reads it
  --parameter value ..      one parameter, over what the file says
  -                         more parameters, on standard input
  --check-aof [--fix | --truncate-to-timestamp second] file
                            tell whether an append-only file or a manifest can be loaded, and
                            cut off what cannot or what is later
  --check-rdb file          tell whether a snapshot can be loaded, and what is in it
  -v, --version             tell the version
  -h, --help                tell this

spindle-server                                  serve port 6379
spindle-server --port 7777 --bind 127.0.0.1     serve another one, of one address
spindle-server /etc/redis.conf --loglevel verbose
echo 'maxclients 100' | spindle-server -
";

/// Flags that Redis has and this program does not, and why.
const REFUSED: &[(&str, &str)] = &[
    ("--check-system", "--check-system is not built: nothing here depends on such settings"),
    ("--sentinel", "--sentinel is not built: this program is no Sentinel"),
    ("--test-memory", "--test-memory is not built: test memory by a program made for it"),
];

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The text of [`HELP`].
    Help,
    /// The version.
    Version,
    /// Whether a log can be loaded.
    CheckLog {
        /// Its file or its manifest.
        path: String,
        /// Whether what cannot be loaded is cut off.
        fixes: bool,
        /// The second since 1970 after which everything is cut off.
        until: Option<i64>,
    },
    /// Whether the file of that path is a snapshot.
    CheckRdb(String),
    /// A server with the parameters of these sources.
    Server(Sources),
}

/// Where parameters come from; the later of these wins.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// A file.
    pub file: Option<String>,
    /// Standard input.
    pub has_input: bool,
    /// Flags, as the text of a file.
    pub flags: String,
}

/// Reads the arguments behind the program's name.
///
/// # Errors
/// A flag that cannot be honoured.
pub fn parse(args: &[String]) -> Result<Wanted, Refusal> {
    match args.first().map(String::as_str) {
        Some("-h" | "--help") => return Ok(Wanted::Help),
        Some("-v" | "--version") => return Ok(Wanted::Version),
        Some("--check-aof") => return parse_check(&args[1..]),
        Some("--check-rdb") => {
            return match args {
                [_, path] => Ok(Wanted::CheckRdb(path.clone())),
                _ => Err("--check-rdb needs the name of one file".to_owned()),
            };
        }
        _ => {}
    }
    if let Some((_, reason)) = REFUSED.iter().find(|(flag, _)| args.iter().any(|arg| arg == flag)) {
        return Err((*reason).to_owned());
    }
    let mut sources = Sources::default();
    let mut flags = args;
    match flags {
        [dash, rest @ ..] if dash == "-" => (sources.has_input, flags) = (true, rest),
        [path, rest @ ..] if !path.starts_with('-') => {
            (sources.file, flags) = (Some(path.clone()), rest);
        }
        _ => {}
    }
    if let [rest @ .., dash] = flags
        && dash == "-"
    {
        (sources.has_input, flags) = (true, rest);
    }
    sources.flags = lines(flags);
    Ok(Wanted::Server(sources))
}

/// Flags as lines: a word with two dashes begins a line, other words are added to it. The word that
/// follows a lone name is its value even with dashes, but for `--save`, which may have none.
fn lines(flags: &[String]) -> String {
    let mut text = String::new();
    let mut wants_value = false;
    for (at, flag) in flags.iter().enumerate() {
        let Some(line) = flag.strip_prefix("--").filter(|_| !wants_value) else {
            text.push(' ');
            text.push_str(&quoted::quote(flag.as_bytes()));
            wants_value = false;
            continue;
        };
        text.push('\n');
        text.push_str(line);
        wants_value = !line.trim().contains(' ');
        let is_last = flags.get(at + 1).is_none_or(|next| next.starts_with("--"));
        if line.eq_ignore_ascii_case("save") && is_last {
            text.push_str(" \"\"");
            wants_value = false;
        }
    }
    // The first flag begins the first line.
    text.trim_start().to_owned()
}

/// Reads the arguments behind `--check-aof`.
fn parse_check(args: &[String]) -> Result<Wanted, Refusal> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let (path, fixes, until) = match words.as_slice() {
        ["--fix", path] => (path, true, None),
        ["--truncate-to-timestamp", second, path] => {
            let second = num::parse_i64(second.as_bytes()).filter(|second| *second > 0);
            (path, false, Some(second.ok_or("Invalid timestamp, aborting...")?))
        }
        [path] if !path.starts_with("--") => (path, false, None),
        _ => return Err("--check-aof needs the name of one file".to_owned()),
    };
    Ok(Wanted::CheckLog { path: (*path).to_owned(), fixes, until })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_line(line: &str) -> Result<Wanted, Refusal> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&args)
    }

    #[test]
    fn flags_are_lines() {
        let cases: &[(&[&str], &str)] = &[
            (&[], ""),
            (&["--port", "7001", "--timeout", "5"], "port \"7001\"\ntimeout \"5\""),
            (&["--bind", "127.0.0.1", "::1"], "bind \"127.0.0.1\" \"::1\""),
            (&["--port", "--loglevel", "verbose"], "port \"--loglevel\" \"verbose\""),
            (&["--port", "--x", "--loglevel", "debug"], "port \"--x\"\nloglevel \"debug\""),
            (&["--save", "--port", "1"], "save \"\"\nport \"1\""),
            (&["--port", "1", "--save"], "port \"1\"\nsave \"\""),
            (&["--save", "", "--port", "1"], "save \"\"\nport \"1\""),
            (&["--dir", "--save", "--save"], "dir \"--save\"\nsave \"\""),
            (&["--port 1", "--dir 'a b'"], "port 1\ndir 'a b'"),
            (&["--dir --a", "--port 1"], "dir --a\nport 1"),
            (&["loglevel", "debug", "--port 1"], "\"loglevel\" \"debug\"\nport 1"),
        ];
        for (flags, expected) in cases {
            let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
            assert_eq!(lines(&flags), *expected, "{flags:?}");
        }
    }

    #[test]
    fn sources_are_told_apart() {
        let sources = |file: Option<&str>, has_input, flags: &str| {
            let (file, flags) = (file.map(str::to_owned), flags.to_owned());
            Ok(Wanted::Server(Sources { file, has_input, flags }))
        };
        assert_eq!(parse_line(""), sources(None, false, ""));
        assert_eq!(parse_line("a.conf"), sources(Some("a.conf"), false, ""));
        assert_eq!(parse_line("-"), sources(None, true, ""));
        assert_eq!(parse_line("- --port 1"), sources(None, true, "port \"1\""));
        assert_eq!(parse_line("--port 1 -"), sources(None, true, "port \"1\""));
        assert_eq!(parse_line("a.conf --port 1 -"), sources(Some("a.conf"), true, "port \"1\""));
        assert_eq!(parse_line("-h"), Ok(Wanted::Help));
        assert_eq!(parse_line("--version"), Ok(Wanted::Version));
        for refused in ["--test-memory 100", "a.conf --sentinel", "--check-system"] {
            assert!(parse_line(refused).unwrap_err().contains(" is not built"), "{refused}");
        }
    }
}

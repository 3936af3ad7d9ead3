//! The rules that no compiler knows: layers, module docs, where `unsafe` may stand, the soundness
//! of the command table, and generated documents that are not stale.
//!
//! `BLESS=1 cargo test --test tidy` writes the generated documents anew.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail loudly")]

use spindle::commands::GROUPS;
use spindle::config::Config;
use spindle::config::table::{self, Change};
use spindle::exec::{Command, Table};
use spindle::spec::channels::Channels;
use spindle::spec::flags::Flags;
use spindle::spec::keys::KeyFlags;
use spindle::spec::syntax::{self, Arg, Kind};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The layer of each folder of `src`; a module imports lower layers only.
const LAYERS: &[(&str, u32)] = &[
    ("base", 0),
    ("sys", 1),
    ("resp", 2),
    ("data", 2),
    ("spec", 2),
    ("config", 2),
    ("store", 3),
    ("acl", 3),
    ("hub", 3),
    ("script", 3),
    ("persist", 4),
    ("repl", 5),
    ("exec", 6),
    ("commands", 7),
    ("server", 8),
];

/// The files in which `unsafe` may stand, each with a reason at its top.
const UNSAFE_FILES: &[&str] = &[
    "src/data/scored.rs",
    "src/data/thin.rs",
    "src/resp/append.rs",
    "src/store/entry.rs",
    "src/sys/cache.rs",
    "src/sys/crash.rs",
    "src/sys/fork.rs",
    "src/sys/memory.rs",
    "src/sys/probes.rs",
    "src/sys/ticks.rs",
    "src/sys/title.rs",
];

/// Lines in a file above which it should be asked whether it still has one subject.
const FILE_LINES_MAX: usize = 800;
/// Characters in a line.
const LINE_MAX: usize = 100;

struct Source {
    path: String,
    text: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).expect("below the root");
                let text = std::fs::read_to_string(&path).expect("text");
                found.push(Source { path: name.to_string_lossy().into_owned(), text });
            }
        }
    }
    found
}

fn layer(module: &str) -> Option<u32> {
    LAYERS.iter().find(|(name, _)| *name == module).map(|(_, layer)| *layer)
}

/// What a source is without its tests, which may look anywhere.
fn without_tests(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or(text)
}

#[test]
fn imports_point_down() {
    for source in sources("src") {
        let Some(module) = source.path.strip_prefix("src/").and_then(|path| path.split_once('/'))
        else {
            continue;
        };
        let own = layer(module.0).unwrap_or_else(|| panic!("{} has no layer", source.path));
        for import in without_tests(&source.text).split("crate::").skip(1) {
            let name: String = import.chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
            let Some(other) = layer(&name) else { continue };
            let is_fine = name == module.0 || other < own;
            assert!(is_fine, "{}: layer {own} imports {name}, layer {other}", source.path);
        }
    }
}

#[test]
fn every_file_says_what_it_owns() {
    for source in sources("src").iter().chain(&sources("tests")) {
        assert!(source.text.starts_with("//! "), "{} opens without //!", source.path);
    }
}

#[test]
fn lines_and_files_have_bounds() {
    for source in sources("src").iter().chain(&sources("tests")) {
        let lines = source.text.lines().count();
        assert!(lines <= FILE_LINES_MAX, "{} has {lines} lines", source.path);
        for (number, line) in (1..).zip(source.text.lines()) {
            let len = line.chars().count();
            assert!(len <= LINE_MAX, "{}:{number} has {len} characters", source.path);
        }
    }
}

#[test]
fn unsafe_stands_only_where_it_is_named() {
    for source in sources("src").iter().chain(&sources("tests")) {
        let lifts = source.text.contains("allow(unsafe_code");
        let is_named = UNSAFE_FILES.contains(&source.path.as_str());
        assert!(!lifts || is_named || source.path == "tests/tidy.rs", "{}", source.path);
        if is_named {
            let blocks = source.text.matches("unsafe {").count();
            let reasons = source.text.matches("SAFETY:").count();
            assert_eq!(blocks, reasons, "{}: a SAFETY line for each block", source.path);
        }
    }
}

#[test]
fn nothing_is_left_to_do() {
    let words = ["TO".to_owned() + "DO", "FIX".to_owned() + "ME", "XX".to_owned() + "X:"];
    for source in sources("src").iter().chain(&sources("tests")) {
        for word in &words {
            assert!(!source.text.contains(word.as_str()), "{} has a {word}", source.path);
        }
    }
}

/// All commands with their full names.
fn commands() -> Vec<(String, &'static Command)> {
    let mut found = Vec::new();
    for command in GROUPS.iter().flat_map(|group| group.iter()) {
        found.push((command.spec.name.to_owned(), *command));
        for child in command.subcommands {
            found.push((format!("{} {}", command.spec.name, child.spec.name), *child));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// Commands whose arity allows fewer arguments than they need; they say themselves what is missing,
/// as in Redis.
const LOOSE: &[&str] = &["hotkeys start"];

/// Whether some argument is a channel or a pattern of channels.
fn contains_channel(arg: &Arg) -> bool {
    ["channel", "shardchannel", "pattern"].contains(&arg.name.as_str())
        || arg.parts.iter().any(contains_channel)
}

#[test]
fn who_uses_channels_says_so() {
    // Otherwise users could use those that are forbidden to them.
    for (name, command) in commands() {
        let spec = &command.spec;
        let args = syntax::parse(spec.syntax).unwrap_or_default();
        let must_say = spec.flags.contains(Flags::PUBSUB)
            && args.iter().any(contains_channel)
            && !name.contains("unsubscribe")
            && !name.starts_with("pubsub ");
        assert_eq!(must_say, spec.channels != Channels::None, "{name}");
    }
}

#[test]
fn the_command_table_is_sound() {
    let mut names = BTreeSet::new();
    for (name, command) in commands() {
        let spec = &command.spec;
        assert!(names.insert(name.clone()), "{name} stands twice");
        assert_eq!(spec.name, spec.name.to_lowercase(), "{name}: names are in lower case");
        assert!(spec.summary.ends_with('.'), "{name}: the summary is a sentence");
        assert!(!spec.complexity.is_empty() && spec.arity != 0, "{name}: facts are missing");
        let version = spec.since.split('.').filter(|part| part.parse::<u32>().is_ok());
        assert_eq!(version.count(), 3, "{name}: {} is no version", spec.since);
        let changes = spec.flags.contains(Flags::WRITE);
        assert!(!(changes && spec.flags.contains(Flags::READONLY)), "{name} reads and writes");
        let args = syntax::parse(spec.syntax).unwrap_or_else(|error| panic!("{name}: {error}"));
        let has_key = args.iter().any(contains_key);
        // What is found like a key may be none: a channel of a shard.
        let takes_key = spec.keys.iter().any(|keys| !keys.flags.contains(KeyFlags::NOT_KEY));
        assert_eq!(has_key, takes_key, "{name}: keys in the syntax and in the facts");
        let least = i32::try_from(name.split(' ').count()).unwrap() + least_words(&args);
        let arity = spec.arity.abs();
        let has_subcommands = !command.subcommands.is_empty();
        let is_loose = has_subcommands || LOOSE.contains(&name.as_str());
        assert!(is_loose || arity >= least, "{name}: arity {arity}, syntax {least}");
        if spec.arity > 0 && !has_subcommands {
            assert_eq!(arity, least, "{name}: arity and syntax");
        }
    }
}

fn contains_key(arg: &Arg) -> bool {
    arg.kind == Kind::Key || arg.parts.iter().any(contains_key)
}

/// Words that arguments take at least.
fn least_words(args: &[Arg]) -> i32 {
    let words = |arg: &Arg| {
        let token = i32::from(arg.token.is_some() && arg.kind != Kind::PureToken);
        token
            + match arg.kind {
                Kind::OneOf => {
                    let choices = arg.parts.iter();
                    choices.map(|part| least_words(std::slice::from_ref(part))).min().unwrap_or(0)
                }
                Kind::Block => least_words(&arg.parts),
                _ => 1,
            }
    };
    args.iter().filter(|arg| !arg.optional).map(words).sum()
}

#[test]
fn commands_are_found_under_any_case_of_their_name() {
    let table = Table::new(GROUPS, &mut fastrand::Rng::with_seed(1));
    for (name, _) in commands() {
        let full = name.replace(' ', "|");
        for name in [full.to_uppercase(), full.clone()] {
            let id = table.find_full(name.as_bytes()).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(table.row(id).name, full);
        }
    }
}

/// Compares a generated document with the one that is checked in, or writes it.
fn check_document(path: &str, text: &str) {
    let file = root().join(path);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&file, text).expect("written");
    }
    let current = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(current == text, "{path} is stale: BLESS=1 cargo test --test tidy");
}

#[test]
fn the_list_of_commands_is_fresh() {
    let mut text = String::from(
        "# Commands\n\nGenerated from the facts beside each command: `BLESS=1 cargo test --test \
         tidy`.\nErrors and replies are those of Redis; `since` is the version of Redis that \
         brought the command.\n",
    );
    let all = commands();
    let groups: BTreeSet<&str> = all.iter().map(|(_, c)| c.spec.group.name()).collect();
    for group in groups {
        writeln!(text, "\n## {group}\n").unwrap();
        text.push_str("| command | what it does | cost | since |\n|---|---|---|---|\n");
        for (name, command) in all.iter().filter(|(_, c)| c.spec.group.name() == group) {
            let spec = &command.spec;
            let syntax = syntax::plain(spec.syntax).replace('|', "\\|");
            let call = format!("{} {syntax}", name.to_uppercase());
            let note = spec.deprecated.map_or(String::new(), |deprecated| {
                format!(" Deprecated: use {}.", deprecated.replaced_by)
            });
            let (call, since) = (call.trim(), spec.since);
            let (summary, cost) = (spec.summary, spec.complexity);
            writeln!(text, "| `{call}` | {summary}{note} | {cost} | {since} |").unwrap();
        }
    }
    check_document("docs/commands.md", &text);
}

#[test]
fn the_list_of_parameters_is_fresh() {
    let mut text = String::from(
        "# Parameters\n\nGenerated from the table of parameters: `BLESS=1 cargo test --test \
         tidy`.\n\nA parameter is a line of a configuration file (`port 7000`), a flag (`--port \
         7000`) or an argument of\n`CONFIG SET port 7000`. Memory takes the units k, kb, m, mb, g \
         and gb. All parameters of Redis 7.2 are known;\nthose without effect are checked, shown \
         and kept, so that its files and tools work. What would promise what is not\nbuilt, \
         such as save points, is refused until it is.\n\n| parameter | \
         default | may be | changes | effect | for |\n|---|---|---|---|---|---|\n",
    );
    let mut config = Config::default();
    let mut all: Vec<_> = table::all().collect();
    all.sort_by_key(|parameter| parameter.name);
    for parameter in all {
        let change = match parameter.change {
            Change::Live => "at any time",
            Change::AtStart => "at start",
            Change::Protected => "with `enable-protected-configs`",
        };
        let effect = if parameter.has_effect() { "yes" } else { "none" };
        let default = parameter.show(&mut config);
        let values = parameter.slot(&mut config).describe();
        let names: Vec<String> = parameter.names().map(|name| format!("`{name}`")).collect();
        let (names, about) = (names.join(", "), parameter.about);
        writeln!(text, "| {names} | `\"{default}\"` | {values} | {change} | {effect} | {about} |")
            .unwrap();
    }
    check_document("docs/config.md", &text);
}

#[test]
fn documents_are_there() {
    for name in [
        "README.md",
        "LICENSE",
        "docs/architecture.md",
        "docs/changelog.md",
        "docs/contributing.md",
        "docs/decisions.md",
        "docs/performance.md",
        "docs/profiling.md",
        "docs/style.md",
        "docs/testing.md",
    ] {
        assert!(Path::new(&root().join(name)).exists(), "{name} is missing");
    }
}

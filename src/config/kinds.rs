//! The types of parameters: how each is read, checked and shown.

use super::notify::{self, EventClasses};
use super::output_limits::OutputLimits;
use crate::base::{num, quoted};

/// Most addresses to listen on.
const ADDRESSES_MAX: usize = 16;

/// Why a value cannot be set, in Redis's words.
pub type Refusal = String;

/// A value as text. Redis takes any bytes; here they would come out as others.
///
/// # Errors
/// Bytes that are no text.
pub fn text(bytes: &[u8]) -> Result<String, Refusal> {
    String::from_utf8(bytes.to_vec()).map_err(|_| "argument must be UTF-8".to_owned())
}

/// A parameter's value, lent by the configuration with what it may be.
pub enum Slot<'a> {
    /// `yes` or `no`.
    Bool(&'a mut bool),
    /// An integer between two bounds.
    Int(&'a mut i64, i64, i64),
    /// A number of bytes, which may carry a unit, from a least one on.
    Memory(&'a mut i64, i64),
    /// Permissions as an octal number.
    Octal(&'a mut u32),
    /// Any text.
    Text(&'a mut String),
    /// Addresses, each a word.
    Addresses(&'a mut Vec<String>),
    /// One of some words.
    Choice(&'a mut dyn Choice),
    /// Letters of event classes.
    Events(&'a mut EventClasses),
    /// Limits on waiting output.
    Limits(&'a mut OutputLimits),
    /// A value kept as the text that is shown, of a kind.
    Kept(&'a mut String, Kind),
    /// Percentages between 0 and 100.
    Percentiles(&'a mut Percentiles),
    /// A number of bytes, or a percentage.
    Share(&'a mut Share),
}

/// What a value that is kept as text may be. [`Kind::read`] gives the text that is shown.
#[derive(Clone, Copy)]
pub enum Kind {
    /// `yes` or `no`.
    Bool,
    /// An integer between two bounds.
    Int(i64, i64),
    /// A number of bytes, which may carry a unit, from a least one on.
    Memory(i64),
    /// Any text.
    Text,
    /// One of some words.
    OneOf(&'static [&'static str]),
    /// What a function of [`super::checks`] accepts; what that is, in words.
    Checked(Check, &'static str),
    /// The same, of several words.
    List(Check, &'static str),
    /// Of another kind, but only one value of it can be honoured; why.
    Only(&'static Kind, &'static str, &'static str),
}

/// Reads a value, or says why it is not acceptable.
pub type Check = fn(&str) -> Result<String, Refusal>;

impl Kind {
    /// Reads a value: the text that is shown.
    ///
    /// # Errors
    /// Why the value is not acceptable.
    pub fn read(self, text: &str) -> Result<String, Refusal> {
        match self {
            Kind::Bool => parse_bool(text).map(|value| show_bool(value).to_owned()),
            Kind::Int(min, max) => parse_int(text, min, max).map(|value| value.to_string()),
            Kind::Memory(min) => parse_bytes(text, min).map(|value| value.to_string()),
            Kind::Text => Ok(text.to_owned()),
            Kind::OneOf(names) => find_name(names, text).map(|at| names[at].to_owned()),
            Kind::Checked(check, _) | Kind::List(check, _) => check(text),
            Kind::Only(kind, only, reason) => {
                let value = kind.read(text)?;
                if value == only { Ok(value) } else { Err(reason.to_owned()) }
            }
        }
    }

    fn describe(self) -> String {
        match self {
            Kind::Bool => "yes, no".to_owned(),
            Kind::Int(min, max) => format!("{min} to {max}"),
            Kind::Memory(min) => describe_memory(min),
            Kind::Text => "text".to_owned(),
            Kind::OneOf(names) => names.join(", "),
            Kind::Checked(_, about) | Kind::List(_, about) => about.to_owned(),
            Kind::Only(_, only, _) => format!("`\"{only}\"`"),
        }
    }

    /// How a configuration file spells a value that is shown as `text`.
    fn spell(self, text: &str) -> String {
        match self {
            Kind::Memory(_) => spell_memory(text),
            Kind::Text => quoted::quote(text.as_bytes()),
            Kind::Only(kind, ..) => kind.spell(text),
            Kind::List(..) => spell_words(text),
            Kind::Bool | Kind::Int(..) | Kind::OneOf(_) | Kind::Checked(..) => spell_word(text),
        }
    }

    fn takes_words(self) -> bool {
        match self {
            Kind::List(..) => true,
            Kind::Only(kind, ..) => kind.takes_words(),
            Kind::Bool
            | Kind::Int(..)
            | Kind::Memory(_)
            | Kind::Text
            | Kind::OneOf(_)
            | Kind::Checked(..) => false,
        }
    }
}

impl Slot<'_> {
    /// Reads the value from words and sets it.
    ///
    /// # Errors
    /// Why the value is not acceptable.
    pub fn set(self, words: &[String]) -> Result<(), Refusal> {
        if words.len() != 1 && !self.takes_words() {
            return Err("wrong number of arguments".to_owned());
        }
        let joined = words.join(" ");
        match self {
            Slot::Bool(value) => *value = parse_bool(&joined)?,
            Slot::Int(value, min, max) => *value = parse_int(&joined, min, max)?,
            Slot::Memory(value, min) => *value = parse_bytes(&joined, min)?,
            Slot::Octal(value) => {
                let mode = u32::from_str_radix(&joined, 8).ok().filter(|mode| *mode <= 0o777);
                *value = mode.ok_or("argument couldn't be parsed as an octal number")?;
            }
            Slot::Text(value) => *value = joined,
            Slot::Addresses(value) => {
                let words: Vec<String> = joined.split_whitespace().map(str::to_owned).collect();
                if words.len() > ADDRESSES_MAX {
                    return Err("Too many bind addresses specified.".to_owned());
                }
                *value = words;
            }
            Slot::Choice(value) => value.choose(&joined)?,
            Slot::Events(value) => {
                *value = EventClasses::from_letters(&joined).ok_or_else(|| {
                    format!("Invalid event class character. Use '{}'.", notify::ALPHABET)
                })?;
            }
            Slot::Limits(value) => value.set(&joined)?,
            Slot::Kept(value, kind) => *value = kind.read(&joined)?,
            Slot::Percentiles(value) => *value = Percentiles::parse(&joined)?,
            Slot::Share(value) => *value = Share::parse(&joined)?,
        }
        Ok(())
    }

    /// Whether a line of a file may give it several words.
    fn takes_words(&self) -> bool {
        match self {
            Slot::Addresses(_) | Slot::Limits(_) | Slot::Percentiles(_) => true,
            Slot::Kept(_, kind) => kind.takes_words(),
            Slot::Bool(_)
            | Slot::Int(..)
            | Slot::Memory(..)
            | Slot::Octal(_)
            | Slot::Text(_)
            | Slot::Choice(_)
            | Slot::Events(_)
            | Slot::Share(_) => false,
        }
    }

    /// The value as CONFIG GET shows it.
    pub fn show(self) -> String {
        match self {
            Slot::Bool(value) => show_bool(*value).to_owned(),
            Slot::Int(value, ..) | Slot::Memory(value, ..) => value.to_string(),
            Slot::Octal(value) => format!("{value:o}"),
            Slot::Text(value) | Slot::Kept(value, _) => value.clone(),
            Slot::Addresses(value) => value.join(" "),
            Slot::Choice(value) => value.name().to_owned(),
            Slot::Events(value) => value.letters(),
            Slot::Limits(value) => value.show(),
            Slot::Percentiles(value) => value.show(),
            Slot::Share(value) => value.show(),
        }
    }

    /// The values of the lines by which a configuration file gives it; most need one.
    pub fn spell(self) -> Vec<String> {
        match self {
            Slot::Text(value) => vec![quoted::quote(value.as_bytes())],
            Slot::Events(value) => vec![quoted::quote(value.letters().as_bytes())],
            Slot::Memory(value, ..) => vec![spell_memory(&value.to_string())],
            Slot::Kept(value, kind) => vec![kind.spell(value)],
            Slot::Limits(value) => value.spell(),
            Slot::Bool(_)
            | Slot::Int(..)
            | Slot::Octal(_)
            | Slot::Addresses(_)
            | Slot::Choice(_)
            | Slot::Percentiles(_)
            | Slot::Share(_) => {
                vec![spell_words(&self.show())]
            }
        }
    }

    /// What the value may be, for docs/config.md.
    pub fn describe(&self) -> String {
        match self {
            Slot::Bool(_) => "yes, no".to_owned(),
            Slot::Int(_, min, max) => format!("{min} to {max}"),
            Slot::Memory(_, min) => describe_memory(*min),
            Slot::Octal(_) => "octal permissions".to_owned(),
            Slot::Text(_) => "text".to_owned(),
            Slot::Addresses(_) => "addresses".to_owned(),
            Slot::Choice(value) => value.names().join(", "),
            Slot::Events(_) => format!("letters of `{}`", notify::ALPHABET),
            Slot::Limits(_) => "class, hard bytes, soft bytes, seconds; repeated".to_owned(),
            Slot::Kept(_, kind) => kind.describe(),
            Slot::Percentiles(_) => "percentages; none to show none".to_owned(),
            Slot::Share(_) => "memory, or a percentage of `maxmemory`".to_owned(),
        }
    }
}

fn describe_memory(min: i64) -> String {
    format!("memory, {min} to {}", i64::MAX)
}

/// Words, each in quotes if it needs them.
fn spell_words(text: &str) -> String {
    text.split(' ').map(spell_word).collect::<Vec<_>>().join(" ")
}

fn spell_word(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"'\\#".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    quoted::quote(word.as_bytes())
}

/// A number of bytes with the largest unit that needs no fraction.
pub(super) fn spell_memory(bytes: &str) -> String {
    let number = num::parse_i64(bytes.as_bytes()).filter(|number| *number > 0);
    let Some(number) = number else { return bytes.to_owned() };
    let units = [("gb", 1 << 30), ("mb", 1 << 20), ("kb", 1 << 10)];
    match units.into_iter().find(|(_, size)| number % size == 0) {
        Some((unit, size)) => format!("{}{unit}", number / size),
        None => bytes.to_owned(),
    }
}

fn show_bool(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

/// An integer between two bounds.
pub(super) fn parse_int(text: &str, min: i64, max: i64) -> Result<i64, Refusal> {
    let number = num::parse_i64(text.as_bytes());
    within(number.ok_or("argument couldn't be parsed into an integer")?, min, max)
}

/// A number of bytes from a least one on.
pub(super) fn parse_bytes(text: &str, min: i64) -> Result<i64, Refusal> {
    let bytes = read_memory(text).ok_or("argument must be a memory value")?;
    within(i64::try_from(bytes).unwrap_or(-1), min, i64::MAX)
}

/// Where in `names` a word stands, in any case.
pub(super) fn find_name(names: &[&str], word: &str) -> Result<usize, Refusal> {
    let found = names.iter().position(|name| name.eq_ignore_ascii_case(word));
    found.ok_or_else(|| format!("argument(s) must be one of the following: {}", names.join(", ")))
}

fn parse_bool(text: &str) -> Result<bool, Refusal> {
    match text.to_ascii_lowercase().as_str() {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("argument must be 'yes' or 'no'".to_owned()),
    }
}

fn within(value: i64, min: i64, max: i64) -> Result<i64, Refusal> {
    if (min..=max).contains(&value) {
        return Ok(value);
    }
    Err(format!("argument must be between {min} and {max} inclusive"))
}

/// A number of bytes, as `read_memory` reads it, that is not over the largest signed number.
pub fn parse_memory(text: &str) -> Option<i64> {
    i64::try_from(read_memory(text)?).ok()
}

/// A number of bytes with an optional unit: `k`, `m`, `g` are powers of 1000, `kb`, `mb`, `gb` of
/// 1024. Like in Redis no digits mean zero, zeros may come first, and a number that is too large is
/// the largest.
fn read_memory(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|unit: char| unit.is_ascii_alphabetic());
    let factor = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1_000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    let has_digits_only = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = if digits.is_empty() { 0 } else { digits.parse::<u64>().unwrap_or(u64::MAX) };
    has_digits_only.then_some(number.saturating_mul(factor))
}

/// A value that is one of some words.
pub trait Choice {
    /// All words.
    fn names(&self) -> &'static [&'static str];
    /// The present one.
    fn name(&self) -> &'static str;
    /// Sets the value by word, in any case.
    ///
    /// # Errors
    /// Which words there are.
    fn choose(&mut self, word: &str) -> Result<(), Refusal>;
}

/// Declares an enum whose values have names, as a [`Choice`].
macro_rules! choice {
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$value_doc:meta])* $value:ident = $word:literal),+ $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$value_doc])* $value),+ }

        impl $crate::config::kinds::Choice for $name {
            fn names(&self) -> &'static [&'static str] {
                &[$($word),+]
            }

            fn name(&self) -> &'static str {
                match self { $($name::$value => $word),+ }
            }

            fn choose(&mut self, word: &str) -> Result<(), $crate::config::kinds::Refusal> {
                let index = $crate::config::kinds::find_name(self.names(), word)?;
                *self = [$($name::$value),+][index];
                Ok(())
            }
        }
    };
}
pub(super) use choice;

choice! {
    /// Who may use a command that can do harm.
    Access {
        /// Nobody.
        No = "no",
        /// Everybody.
        Yes = "yes",
        /// Clients of the same machine.
        Local = "local",
    }
}

choice! {
    /// The channels that a new user may use.
    NewChannels {
        /// All.
        All = "allchannels",
        /// None.
        None = "resetchannels",
    }
}

impl NewChannels {
    /// True if it may use all.
    pub fn is_all(self) -> bool {
        self == NewChannels::All
    }
}

choice! {
    /// Whose values are looked at closely before they are taken in.
    Sanitize {
        /// Nobody's; what could do harm is found in any case.
        No = "no",
        /// Those of snapshots, and of clients.
        Yes = "yes",
        /// Those of clients.
        Clients = "clients",
    }
}

choice! {
    /// Which keys go when memory is used up.
    EvictionPolicy {
        /// Of those with a deadline, the one that was not used for longest.
        VolatileLru = "volatile-lru",
        /// Of those with a deadline, the one that is used most seldom.
        VolatileLfu = "volatile-lfu",
        /// Of those with a deadline, the one that was not changed for longest.
        VolatileLrm = "volatile-lrm",
        /// Of those with a deadline, any.
        VolatileRandom = "volatile-random",
        /// The one with the earliest deadline.
        VolatileTtl = "volatile-ttl",
        /// The one that was not used for longest.
        AllkeysLru = "allkeys-lru",
        /// The one that is used most seldom.
        AllkeysLfu = "allkeys-lfu",
        /// The one that was not changed for longest.
        AllkeysLrm = "allkeys-lrm",
        /// Any.
        AllkeysRandom = "allkeys-random",
        /// None: commands that need memory are refused.
        NoEviction = "noeviction",
    }
}

impl EvictionPolicy {
    /// True if keys go by when or how often they are used.
    pub fn is_by_use(self) -> bool {
        match self {
            EvictionPolicy::VolatileLru
            | EvictionPolicy::VolatileLfu
            | EvictionPolicy::VolatileLrm
            | EvictionPolicy::AllkeysLru
            | EvictionPolicy::AllkeysLfu
            | EvictionPolicy::AllkeysLrm => true,
            EvictionPolicy::VolatileRandom
            | EvictionPolicy::VolatileTtl
            | EvictionPolicy::AllkeysRandom
            | EvictionPolicy::NoEviction => false,
        }
    }
}

choice! {
    /// When what has been written to the append-only file is synced.
    Fsync {
        /// In the background, a second after the last time.
        EverySecond = "everysec",
        /// Before any reply leaves.
        Always = "always",
        /// When the system does it.
        Never = "no",
    }
}

choice! {
    /// How a replica loads a snapshot.
    DisklessLoad {
        /// The old data goes once the snapshot has arrived.
        Disabled = "disabled",
        /// The old data goes before the snapshot arrives, where there is none.
        OnEmptyDb = "on-empty-db",
        /// The old data stays, and is served, until the new data is whole.
        SwapDb = "swapdb",
        /// The old data goes before the snapshot arrives.
        FlushBeforeLoad = "flush-before-load",
    }
}

choice! {
    /// How much is logged.
    LogLevel {
        /// Everything.
        Debug = "debug",
        /// Much.
        Verbose = "verbose",
        /// What an operator wants to know.
        Notice = "notice",
        /// What is wrong.
        Warning = "warning",
        /// Nothing.
        Nothing = "nothing",
    }
}

choice! {
    /// Who watches over the process and wants to hear of it.
    Supervised {
        /// Upstart, which sees it stop itself.
        Upstart = "upstart",
        /// systemd, which listens on a socket.
        Systemd = "systemd",
        /// Whoever has left a trace in the environment.
        Auto = "auto",
        /// Nobody.
        No = "no",
    }
}

choice! {
    /// How the process tells the kernel what to kill first when memory is out.
    OomScore {
        /// Not at all.
        No = "no",
        /// As `relative`.
        Yes = "yes",
        /// By values added to what it was started with.
        Relative = "relative",
        /// By values as they are.
        Absolute = "absolute",
    }
}

choice! {
    /// The part of the system that messages to syslog are said to come from.
    Facility {
        /// `user`.
        User = "user",
        /// `local0`.
        Local0 = "local0",
        /// `local1`.
        Local1 = "local1",
        /// `local2`.
        Local2 = "local2",
        /// `local3`.
        Local3 = "local3",
        /// `local4`.
        Local4 = "local4",
        /// `local5`.
        Local5 = "local5",
        /// `local6`.
        Local6 = "local6",
        /// `local7`.
        Local7 = "local7",
    }
}

/// Percentiles of a distribution, in the order in which they are shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Percentiles(pub Vec<f64>);

impl Default for Percentiles {
    fn default() -> Percentiles {
        Percentiles(vec![50.0, 99.0, 99.9])
    }
}

impl Percentiles {
    fn parse(text: &str) -> Result<Percentiles, Refusal> {
        let one = |word: &str| match word.parse::<f64>() {
            Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
            Ok(_) => Err("latency-tracking-info-percentiles parameters should sit between \
                          [0.0,100.0]"),
            Err(_) => Err("Invalid latency-tracking-info-percentiles parameters"),
        };
        if text.is_empty() {
            return Ok(Percentiles(Vec::new()));
        }
        let all: Result<Vec<f64>, &str> = text.split(' ').map(one).collect();
        Ok(Percentiles(all?))
    }

    fn show(&self) -> String {
        self.0.iter().map(f64::to_string).collect::<Vec<_>>().join(" ")
    }
}

/// A number of bytes, or a part of a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// The bytes.
    Bytes(u64),
    /// The part, in hundredths.
    Percent(u64),
}

impl Share {
    fn parse(text: &str) -> Result<Share, Refusal> {
        let refusal = "argument must be a memory or percent value";
        if let Some(percent) = text.strip_suffix('%') {
            let percent = num::parse_u64(percent.as_bytes()).ok_or(refusal)?;
            return match percent {
                0 => Ok(Share::Bytes(0)),
                1..=100 => Ok(Share::Percent(percent)),
                _ => Err("percentage argument must be less or equal to 100".to_owned()),
            };
        }
        let bytes = parse_memory(text).and_then(|bytes| u64::try_from(bytes).ok());
        Ok(Share::Bytes(bytes.ok_or(refusal)?))
    }

    fn show(self) -> String {
        match self {
            Share::Bytes(bytes) => bytes.to_string(),
            Share::Percent(percent) => format!("{percent}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_has_units() {
        let cases = [
            ("0", Some(0)),
            ("100", Some(100)),
            ("1b", Some(1)),
            ("2k", Some(2_000)),
            ("2Kb", Some(2_048)),
            ("3m", Some(3_000_000)),
            ("1GB", Some(1 << 30)),
            ("", Some(0)),
            ("k", Some(0)),
            ("007", Some(7)),
            ("-1", None),
            ("+1", None),
            ("1tb", None),
            ("1.5mb", None),
            ("9223372036854775807kb", None),
        ];
        for (text, bytes) in cases {
            assert_eq!(parse_memory(text), bytes, "{text}");
        }
    }

    #[test]
    fn a_share_is_bytes_or_a_percentage() {
        let cases = [
            ("0", Some("0")),
            ("1kb", Some("1024")),
            ("0%", Some("0")),
            ("100%", Some("100%")),
            ("101%", None),
            ("x%", None),
            ("-1", None),
            ("%", None),
            ("", Some("0")),
        ];
        for (text, shown) in cases {
            let share = Share::parse(text).ok().map(Share::show);
            assert_eq!(share.as_deref(), shown, "{text}");
        }
    }

    #[test]
    fn percentiles_lie_within_a_hundred() {
        let shown = |text| Percentiles::parse(text).map(|percentiles| percentiles.show());
        assert_eq!(shown("50 99.9 0 100").as_deref(), Ok("50 99.9 0 100"));
        assert_eq!(shown("").as_deref(), Ok(""));
        assert!(shown("50 100.1").is_err() && shown("nan").is_err() && shown("x").is_err());
    }

    #[test]
    fn a_choice_tells_what_there_is() {
        let mut access = Access::No;
        access.choose("LOCAL").unwrap();
        assert_eq!(access, Access::Local);
        let refusal = access.choose("maybe").unwrap_err();
        assert_eq!(refusal, "argument(s) must be one of the following: no, yes, local");
    }
}

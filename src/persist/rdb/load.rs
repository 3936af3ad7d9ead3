//! Whole snapshots on their way in, a little at a time.

use super::codes::{self, module, op};
use super::read::{Forms, Values};
use super::source::{Fault, Reason, Result, Source};
use crate::base::id::DbIndex;
use crate::base::num;
use crate::store::{Noted, Store};
use std::io::Read;

/// Most functions, and words about the file, that are kept of one file.
const KEPT_MAX: usize = 10_000;
/// Empty keys that the log is told of.
const EMPTY_LOGGED: u64 = 10;

/// How a snapshot is loaded.
pub struct Loading {
    /// What forms values take.
    pub forms: Forms,
    /// The moment at which keys are due, in milliseconds since 1970; due ones are left out. `None`
    /// takes all in.
    pub due_ms: Option<i64>,
    /// Keys that are there already are replaced; else a second one is a fault.
    pub replaces: bool,
    /// Whether the sum at the end is checked.
    pub checks_sum: bool,
}

/// What a snapshot has held.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The version of its format.
    pub version: u32,
    /// Keys that are there now.
    pub keys: u64,
    /// Keys that were due.
    pub expired: u64,
    /// Keys without elements, which are left out.
    pub empty: u64,
    /// Words about the file, and their values.
    pub aux: Vec<(String, String)>,
    /// Libraries of functions.
    pub functions: Vec<Vec<u8>>,
}

impl Loaded {
    /// The value of a word about the file.
    pub fn aux(&self, name: &str) -> Option<&str> {
        self.aux.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// What has been read of the next key before the key itself.
#[derive(Clone, Copy, Default)]
struct Ahead {
    deadline_ms: Option<i64>,
    noted: Noted,
}

/// What comes next.
enum Stage {
    Header,
    Record,
    /// More of the value of the key.
    Value,
    End,
}

/// Loads one snapshot.
pub struct Loader<'r> {
    source: Source<'r>,
    values: Values,
    loading: Settings,
    loaded: Loaded,
    stage: Stage,
    db: DbIndex,
    ahead: Ahead,
    key: Vec<u8>,
    room: Vec<u8>,
    /// Keys that were due, which have not been taken.
    due: Vec<(DbIndex, Vec<u8>)>,
}

/// What is left of [`Loading`] beside the forms.
struct Settings {
    due_ms: Option<i64>,
    replaces: bool,
    checks_sum: bool,
}

impl<'r> Loader<'r> {
    /// Loads from `input`, of which so many bytes may be there.
    pub fn new(input: Box<dyn Read + 'r>, len: Option<u64>, loading: Loading) -> Loader<'r> {
        let source = Source::new(input, len, loading.checks_sum);
        Loader::of(source, loading)
    }

    /// Loads from bytes as they come; see [`Loader::feed`].
    pub fn fed(loading: Loading) -> Loader<'r> {
        let source = Source::fed(loading.checks_sum);
        Loader::of(source, loading)
    }

    fn of(source: Source<'r>, loading: Loading) -> Loader<'r> {
        let Loading { forms, due_ms, replaces, checks_sum } = loading;
        Loader {
            source,
            values: Values::new(forms),
            loading: Settings { due_ms, replaces, checks_sum },
            loaded: Loaded::default(),
            stage: Stage::Header,
            db: 0,
            ahead: Ahead::default(),
            key: Vec::new(),
            room: Vec::new(),
            due: Vec::new(),
        }
    }

    /// The bytes that have been read; at the end, of the whole snapshot.
    pub fn offset(&self) -> u64 {
        self.source.offset()
    }

    /// Takes the keys that were due and have been left out since the last time.
    pub fn take_due(&mut self) -> Vec<(DbIndex, Vec<u8>)> {
        std::mem::take(&mut self.due)
    }

    /// More bytes have come.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.source.feed(bytes);
    }

    /// No more bytes will come.
    pub fn end_feed(&mut self) {
        self.source.end_feed();
    }

    /// Whether the end is reached.
    pub fn is_whole(&self) -> bool {
        matches!(self.stage, Stage::End)
    }

    /// What there has been so far.
    pub fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    /// Goes on for some bytes, or keys, or to the end, or as far as it has been fed; true if the
    /// end is reached.
    ///
    /// # Errors
    /// What is wrong with the snapshot, or the system's. What has been loaded is in the store.
    pub fn step(&mut self, store: &mut Store, bytes: u64, keys: u64) -> Result<bool> {
        let until = self.source.offset().saturating_add(bytes);
        let seen = |loaded: &Loaded| loaded.keys + loaded.expired + loaded.empty;
        let seen_max = seen(&self.loaded).saturating_add(keys);
        while self.source.is_worth_trying() {
            self.source.mark();
            match self.advance(store, until) {
                Err(Fault { reason: Reason::Dry, .. }) => {
                    self.source.rewind();
                    return Ok(false);
                }
                outcome => outcome?,
            }
            let is_enough = self.source.offset() >= until || seen(&self.loaded) >= seen_max;
            if is_enough || matches!(self.stage, Stage::End) {
                break;
            }
        }
        Ok(matches!(self.stage, Stage::End))
    }

    /// Reads one more piece. Where bytes are lacking, it is as if nothing had been read.
    #[inline]
    fn advance(&mut self, store: &mut Store, until: u64) -> Result<()> {
        match self.stage {
            Stage::Header => self.header(),
            Stage::Record => self.record(store),
            Stage::Value => {
                if self.values.go_on(&mut self.source, until)? {
                    self.put(store)?;
                    self.stage = Stage::Record;
                }
                Ok(())
            }
            Stage::End => Ok(()),
        }
    }

    fn header(&mut self) -> Result<()> {
        let bytes: [u8; 9] = self.source.array()?;
        let digits = bytes.strip_prefix(codes::MAGIC).or(bytes.strip_prefix(codes::MAGIC_VALKEY));
        let Some(digits) = digits else {
            return Err(self.source.fault("Wrong signature trying to load DB from file"));
        };
        let version = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
        let version = version.filter(|version| *version > 0).ok_or_else(|| {
            let digits = String::from_utf8_lossy(digits);
            self.source.fault(format!("Can't handle RDB format version {digits}"))
        })?;
        if version > codes::VERSION_MAX {
            log::warn!("RDB format version {version} is newer than {}", codes::VERSION_MAX);
        }
        self.loaded.version = version;
        self.stage = Stage::Record;
        Ok(())
    }

    #[inline]
    fn record(&mut self, store: &mut Store) -> Result<()> {
        match self.source.byte()? {
            op::DEADLINE_MS => {
                let at_ms = i64::from_le_bytes(self.source.array()?);
                self.ahead.deadline_ms = Some(at_ms);
            }
            op::DEADLINE_S => {
                let at_s = i32::from_le_bytes(self.source.array()?);
                self.ahead.deadline_ms = Some(i64::from(at_s) * 1_000);
            }
            op::IDLE => self.ahead.noted = Noted::Idle(self.source.count()?),
            op::FREQUENCY => self.ahead.noted = Noted::Frequency(self.source.byte()?),
            op::DATABASE => {
                let db = num::index(self.source.count()?);
                if db >= store.databases() {
                    let max = store.databases();
                    return Err(self.source.fault(format!(
                        "FATAL: Data file was created with a Redis server configured to handle \
                         more than {max} databases. Exiting"
                    )));
                }
                self.db = db;
            }
            op::SIZES => {
                self.source.count()?;
                self.source.count()?;
            }
            op::SLOT_INFO => {
                for _ in 0..3 {
                    self.source.count()?;
                }
            }
            op::AUX => self.aux()?,
            op::FUNCTION => self.function()?,
            op::FUNCTION_PRE_GA => {
                return Err(self.source.fault("Pre-release function format not supported"));
            }
            op::MODULE_AUX => self.skip_module_aux()?,
            op::END => return self.end(),
            code => {
                self.source.text(&mut self.key)?;
                self.values.begin(code, &mut self.source)?;
                self.stage = Stage::Value;
            }
        }
        Ok(())
    }

    /// Takes the value that has been read into the store.
    fn put(&mut self, store: &mut Store) -> Result<()> {
        let Ahead { deadline_ms, noted } = std::mem::take(&mut self.ahead);
        let Some(value) = self.values.take() else {
            if self.loaded.empty < EMPTY_LOGGED {
                let key = self.key.escape_ascii();
                log::info!("rdbLoadObject skipping empty key: {key}");
            }
            self.loaded.empty += 1;
            return Ok(());
        };
        let is_due = |at_ms: i64| self.loading.due_ms.is_some_and(|now_ms| at_ms < now_ms);
        if deadline_ms.is_some_and(is_due) {
            self.loaded.expired += 1;
            self.due.push((self.db, std::mem::take(&mut self.key)));
            return Ok(());
        }
        let now_ms = self.loading.due_ms.unwrap_or(0);
        let mut db = store.db(self.db, now_ms);
        if !db.load(&self.key, value, deadline_ms, noted, self.loading.replaces) {
            let key = self.key.escape_ascii();
            let what = format!("RDB has duplicated key '{key}' in DB {}", self.db);
            return Err(self.source.fault(what));
        }
        self.loaded.keys += 1;
        Ok(())
    }

    fn aux(&mut self) -> Result<()> {
        self.source.text(&mut self.room)?;
        let name = String::from_utf8_lossy(&self.room).into_owned();
        self.source.text(&mut self.room)?;
        let value = String::from_utf8_lossy(&self.room).into_owned();
        match name.as_str() {
            "redis-ver" => log::info!("Loading RDB produced by version {value}"),
            "used-mem" => {
                let mb = num::float(value.parse().unwrap_or(0)) / 1_048_576.0;
                log::info!("RDB memory usage when created {mb:.2} Mb");
            }
            _ => {}
        }
        if self.loaded.aux.len() < KEPT_MAX {
            self.loaded.aux.push((name, value));
        }
        Ok(())
    }

    fn function(&mut self) -> Result<()> {
        let mut function = Vec::new();
        self.source.text(&mut function)?;
        if self.loaded.functions.len() >= KEPT_MAX {
            return Err(self.source.fault("there are too many functions"));
        }
        self.loaded.functions.push(function);
        Ok(())
    }

    /// Skips what a module has kept beside keys.
    fn skip_module_aux(&mut self) -> Result<()> {
        self.source.count()?;
        // When it was written: a number behind its own kind.
        for _ in 0..2 {
            self.source.count()?;
        }
        loop {
            match self.source.count()? {
                module::END => return Ok(()),
                module::INT | module::UINT => drop(self.source.count()?),
                module::FLOAT => drop(self.source.array::<4>()?),
                module::DOUBLE => drop(self.source.array::<8>()?),
                module::STRING => self.source.text(&mut self.room)?,
                other => return Err(self.source.fault(format!("unknown module opcode {other}"))),
            }
        }
    }

    fn end(&mut self) -> Result<()> {
        if self.loaded.version < codes::VERSION_SUM {
            self.stage = Stage::End;
            return Ok(());
        }
        let counted = self.source.sum();
        let told = u64::from_le_bytes(self.source.array()?);
        self.stage = Stage::End;
        let Some(counted) = counted.filter(|_| self.loading.checks_sum) else { return Ok(()) };
        if told == 0 {
            log::info!("RDB file was saved with checksum disabled: no check performed.");
        } else if told != counted {
            log::warn!(
                "Wrong RDB checksum expected: ({told:x}) but got ({counted:x}). Aborting now."
            );
            return Err(self.source.fault("RDB CRC error"));
        }
        Ok(())
    }
}

impl Reason {
    /// The sentence for the log that Redis has for this.
    pub fn sentence(&self) -> &'static str {
        match self {
            Reason::End | Reason::Dry => {
                "Short read or OOM loading DB. Unrecoverable error, aborting now."
            }
            Reason::Io(_) => "Unrecoverable error reading the file, aborting now.",
            Reason::Bad(_) => "Terminating server after rdb file reading failure.",
        }
    }
}

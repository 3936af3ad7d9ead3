//! The log: standard output or a file, and the system's log as well where that is wanted.

use super::world::level_filter;
use crate::config::Config;
use crate::config::kinds::Facility;
use crate::sys::files;
use crate::sys::syslog::{self, Severity, Syslog};
use log::{Level, Log, Metadata, Record};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{self, Path, PathBuf};

/// What listens to the log's messages.
struct Journal {
    text: env_logger::Logger,
    syslog: Option<Syslog>,
}

/// A file that is opened for each line, so that it can be moved away at any time.
struct LogFile(PathBuf);

/// Starts the log as the parameters want it.
///
/// Lines are such as `4711:M 2026-11-23T10:00:00.000Z * Ready to accept connections`; the mark is
/// the level: `.` debug, `-` verbose, `*` notice, `#` warning.
///
/// # Errors
/// One line that says what cannot be had.
pub fn start(config: &Config) -> Result<(), String> {
    let pid = std::process::id();
    let syslog = syslog(config, pid)?;
    let mut builder = env_logger::Builder::new();
    builder.filter_level(log::LevelFilter::Trace).filter_module("mio", log::LevelFilter::Off);
    builder.target(target(config)?);
    builder.format(move |line, record| {
        let mark = match record.level() {
            Level::Error | Level::Warn => '#',
            Level::Info => '*',
            Level::Debug => '-',
            Level::Trace => '.',
        };
        // A child has a number of its own, and the mark that Redis gives it.
        let own = std::process::id();
        let role = if own == pid { 'M' } else { 'C' };
        writeln!(line, "{own}:{role} {} {mark} {}", line.timestamp_millis(), record.args())
    });
    let journal = Journal { text: builder.build(), syslog };
    log::set_boxed_logger(Box::new(journal)).map_err(|error| error.to_string())?;
    log::set_max_level(level_filter(config.loglevel));
    Ok(())
}

/// Finds what would keep the log from being started.
///
/// # Errors
/// As [`start`].
pub fn check(config: &Config) -> Result<(), String> {
    target(config).and_then(|_| syslog(config, std::process::id())).map(drop)
}

fn syslog(config: &Config, pid: u32) -> Result<Option<Syslog>, String> {
    if !config.syslog_enabled {
        return Ok(None);
    }
    let facility = facility_number(config.syslog_facility);
    let opened = Syslog::open(syslog::SOCKET, facility, &config.syslog_ident, pid);
    opened.map(Some).map_err(|error| format!("Can't open the system's log: {error}"))
}

fn target(config: &Config) -> Result<env_logger::Target, String> {
    if config.logfile.is_empty() {
        return Ok(env_logger::Target::Stdout);
    }
    // The working directory may change; the file is where it was when the server started.
    let path = path::absolute(Path::new(&config.dir).join(&config.logfile));
    let opened = path.map(LogFile).and_then(|file| file.open().map(|_| file));
    let file = opened.map_err(|error| {
        format!("Can't open the log file '{}': {}", config.logfile, files::reason(&error))
    })?;
    Ok(env_logger::Target::Pipe(Box::new(file)))
}

/// The number of RFC 3164.
fn facility_number(facility: Facility) -> u32 {
    match facility {
        Facility::User => 1,
        Facility::Local0 => 16,
        Facility::Local1 => 17,
        Facility::Local2 => 18,
        Facility::Local3 => 19,
        Facility::Local4 => 20,
        Facility::Local5 => 21,
        Facility::Local6 => 22,
        Facility::Local7 => 23,
    }
}

impl LogFile {
    fn open(&self) -> io::Result<File> {
        OpenOptions::new().create(true).append(true).open(&self.0)
    }
}

impl Write for LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.open()?.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log for Journal {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.text.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.text.matches(record) {
            return;
        }
        self.text.log(record);
        let Some(syslog) = &self.syslog else { return };
        let severity = match record.level() {
            Level::Error | Level::Warn => Severity::Warning,
            Level::Info => Severity::Notice,
            Level::Debug => Severity::Info,
            Level::Trace => Severity::Debug,
        };
        // There is nobody to tell that the log is deaf.
        syslog.send(severity, &record.args().to_string()).unwrap_or_default();
    }

    fn flush(&self) {
        self.text.flush();
    }
}

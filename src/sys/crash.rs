//! What is written to the log when the process crashes: why, where, and what it was doing.
//!
//! A panic and a fatal signal find a process that can no longer be trusted. So the engine notes
//! beforehand, in a box of its own, what a report needs; the report reads only that. Memory is
//! shared without a lock here, as whoever reads it has interrupted the one who writes it.
#![allow(unsafe_code, reason = "signals of crashes have no safe handlers")]

use crash_handler::{CrashEventResult, CrashHandler, Signal, make_crash_event};
use std::backtrace::Backtrace;
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Seconds that a report may take; then the process ends without the rest of it.
const REPORT_SECONDS_MAX: u32 = 20;
/// No command has run.
const NO_COMMAND: usize = usize::MAX;

/// What the process was doing, for a report.
pub struct BlackBox {
    /// The names of all commands.
    names: Vec<String>,
    /// The number of the latest command.
    command: AtomicUsize,
    /// The number of its client.
    client: AtomicU64,
    /// INFO, as it was some seconds ago.
    info: Mutex<String>,
    /// Whether a report is wanted.
    is_wanted: AtomicBool,
    is_reported: AtomicBool,
}

impl BlackBox {
    /// An empty box for commands of these names.
    pub fn new(names: Vec<String>) -> BlackBox {
        BlackBox {
            names,
            command: AtomicUsize::new(NO_COMMAND),
            client: AtomicU64::new(0),
            info: Mutex::new(String::new()),
            is_wanted: AtomicBool::new(true),
            is_reported: AtomicBool::new(false),
        }
    }

    /// Notes which command runs, by its number, and for which client. Costs two stores.
    #[inline]
    pub fn note_command(&self, command: usize, client: u64) {
        self.command.store(command, Ordering::Relaxed);
        self.client.store(client, Ordering::Relaxed);
    }

    /// Notes whether a crash is to be reported, or only its reason told.
    pub fn want_report(&self, is_wanted: bool) {
        self.is_wanted.store(is_wanted, Ordering::Relaxed);
    }

    /// Notes what INFO says.
    pub fn note_info(&self, text: String) {
        if let Ok(mut info) = self.info.lock() {
            *info = text;
        }
    }

    /// The report, or only the reason if none is wanted; nothing if there has been one.
    fn report(&self, reason: &str, stack: &Backtrace) -> Option<String> {
        if self.is_reported.swap(true, Ordering::Relaxed) {
            return None;
        }
        let version = env!("CARGO_PKG_VERSION");
        if !self.is_wanted.load(Ordering::Relaxed) {
            return Some(format!("spindle {version} {reason}"));
        }
        let command = self.names.get(self.command.load(Ordering::Relaxed));
        let command = command.map_or("none", String::as_str);
        let client = self.client.load(Ordering::Relaxed);
        let info = self.info.try_lock().map(|info| info.replace('\r', "")).unwrap_or_default();
        Some(format!(
            "\n=== SPINDLE BUG REPORT START: cut and paste from here ===\nspindle {version} \
             {reason}\n\n------ STACK TRACE ------\n{stack}\n------ LATEST COMMAND ------\n\
             {command} of client id={client}\n\n------ INFO OUTPUT, some seconds old ------\n\
             {info}\n=== SPINDLE BUG REPORT END ===\n"
        ))
    }
}

/// Has panics and fatal signals reported from now on, as long as what is returned lives.
///
/// # Errors
/// Why signals cannot be handled.
pub fn install(black_box: Arc<BlackBox>) -> Result<CrashHandler, String> {
    let of_panics = Arc::clone(&black_box);
    std::panic::set_hook(Box::new(move |panic| report_panic(&of_panics, panic)));
    let on_crash = move |context: &crash_handler::CrashContext| {
        let number = context.siginfo.ssi_signo;
        let name = name_of(number);
        let reason = format!(
            "crashed by signal: {number} ({name}), accessing address 0x{:x}",
            context.siginfo.ssi_addr
        );
        report_signal(&black_box, &reason);
        end_by(number);
        CrashEventResult::Handled(true)
    };
    // SAFETY: the closure runs in a process that is about to end and interrupts whatever was
    // running. It reads atomics and tries a lock; where it allocates although the allocator was
    // what crashed, it may wait for ever, and the alarm ends the process.
    let event = unsafe { make_crash_event(on_crash) };
    CrashHandler::attach(event).map_err(|error| error.to_string())
}

fn report_panic(black_box: &BlackBox, panic: &PanicHookInfo<'_>) {
    let reason = format!("crashed by panic: {panic}");
    if let Some(text) = black_box.report(&reason, &Backtrace::force_capture()) {
        log::error!("{text}");
    }
}

/// Writes the report in a thread of its own: names are looked up with more memory than a stack for
/// signals has.
fn report_signal(black_box: &Arc<BlackBox>, reason: &str) {
    // SAFETY: the call takes a number and has no other effect than a signal to come.
    unsafe { libc::alarm(REPORT_SECONDS_MAX) };
    let (black_box, reason) = (Arc::clone(black_box), reason.to_owned());
    let stack = Backtrace::force_capture();
    let writer = std::thread::Builder::new().spawn(move || {
        if let Some(text) = black_box.report(&reason, &stack) {
            log::error!("{text}");
        }
    });
    let is_written = writer.is_ok_and(|writer| writer.join().is_ok());
    if !is_written {
        log::error!("crashed, and could not report how");
    }
}

/// Has the process end by a signal as soon as its handler is over, as if it had not been handled.
fn end_by(signal: u32) {
    let signal = i32::try_from(signal).unwrap_or(libc::SIGABRT);
    // SAFETY: both calls take numbers only; a handler may make them.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}

fn name_of(signal: u32) -> &'static str {
    let names = [
        (Signal::Abort, "SIGABRT"),
        (Signal::Bus, "SIGBUS"),
        (Signal::Fpe, "SIGFPE"),
        (Signal::Illegal, "SIGILL"),
        (Signal::Segv, "SIGSEGV"),
        (Signal::Trap, "SIGTRAP"),
    ];
    let found = names.iter().find(|(known, _)| u32::try_from(*known as i32) == Ok(signal));
    found.map_or("unknown", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_tells_what_was_done_once() {
        let black_box = BlackBox::new(vec!["get".to_owned(), "set".to_owned()]);
        black_box.note_command(1, 7);
        black_box.note_info("# Server\r\nfield:1\r\n".to_owned());
        let stack = Backtrace::force_capture();
        let text = black_box.report("crashed by panic: why", &stack).expect("the first");
        for part in ["crashed by panic: why", "set of client id=7", "# Server\nfield:1\n"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(text.contains("a_report_tells_what_was_done_once"), "{text}");
        assert!(black_box.report("again", &stack).is_none());
    }

    #[test]
    fn where_no_report_is_wanted_only_the_reason_is_told() {
        let black_box = BlackBox::new(Vec::new());
        black_box.want_report(false);
        let text = black_box.report("why", &Backtrace::force_capture()).expect("a line");
        assert!(text.ends_with(" why") && text.lines().count() == 1, "{text}");
    }
}

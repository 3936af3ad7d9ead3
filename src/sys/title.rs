//! The title of the process, as `ps` and `/proc` show it.
//!
//! The kernel shows the memory in which it has handed the arguments over, and the environment
//! behind it where the arguments do not end with a zero. A title is written over both, once what
//! stood there has been given another place.

#![allow(unsafe_code, reason = "the memory of the arguments belongs to nobody in the language")]

use std::ffi::OsString;
use std::fs;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;

/// The field of `/proc/self/stat` that tells where the arguments begin, counted from the one behind
/// the name of the program. Their end, and both ends of the environment, follow it.
const ARGS_START_FIELD: usize = 45;

/// The memory in which the kernel looks for the title.
#[derive(Debug)]
pub struct Title {
    start: usize,
    room: usize,
    /// Bytes of the present title.
    len: usize,
}

impl Title {
    /// Takes the memory over; `None` if it is not found, or is not what it should be, as under
    /// valgrind. `args` are those of the process; they can be read no more afterwards.
    ///
    /// To be called once, while the process has one thread.
    pub fn take(args: impl Iterator<Item = OsString>) -> Option<Title> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let [given, environment] = ranges(&stat)?;
        let mut expected = Vec::new();
        for arg in args {
            expected.extend_from_slice(arg.as_bytes());
            expected.push(0);
        }
        // SAFETY: the kernel has mapped this range when the process began, for as long as it runs.
        let found = unsafe { std::slice::from_raw_parts(given.start as *const u8, given.len()) };
        if expected.is_empty() || found != expected {
            return None;
        }
        for (name, value) in std::env::vars_os() {
            // SAFETY: there is one thread. Setting a variable to its own value copies it.
            unsafe { std::env::set_var(name, value) };
        }
        let follows = environment.start == given.end && environment.end > environment.start;
        let end = if follows { environment.end } else { given.end };
        Some(Title { start: given.start, room: end - given.start, len: end - given.start })
    }

    /// Shows a text, as much of it as there is room for.
    pub fn show(&mut self, text: &str) {
        let len = text.len().min(self.room - 1);
        // SAFETY: the range is mapped and writable as in `take`, which has found that it is the
        // arguments; nobody reads them any more, and the environment has been moved.
        let memory = unsafe { std::slice::from_raw_parts_mut(self.start as *mut u8, self.room) };
        memory[..len].copy_from_slice(&text.as_bytes()[..len]);
        memory[len..self.len.max(len + 1)].fill(0);
        self.len = len;
    }
}

/// Where the arguments and the environment stand, by the text of `/proc/self/stat`.
fn ranges(stat: &str) -> Option<[Range<usize>; 2]> {
    // The name of the program may hold anything, but it ends with the last parenthesis.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut places = fields.split_whitespace().skip(ARGS_START_FIELD).map(str::parse::<usize>);
    let mut range = || Some(places.next()?.ok()?..places.next()?.ok()?);
    let [given, environment] = [range()?, range()?];
    (given.start != 0 && given.start < given.end).then_some([given, environment])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_behind_any_name() {
        let before = "0 ".repeat(ARGS_START_FIELD);
        let stat = format!("12 (a ) b) {before}100 108 108 200 0");
        assert_eq!(ranges(&stat), Some([100..108, 108..200]));
        assert_eq!(ranges(&format!("12 (a) {before}0 0 0 0 0")), None);
        assert_eq!(ranges("12 (a) S 1"), None);
    }

    #[test]
    fn memory_that_holds_something_else_is_left_alone() {
        assert!(Title::take([OsString::from("no such program")].into_iter()).is_none());
    }
}

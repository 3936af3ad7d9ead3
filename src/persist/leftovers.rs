//! What processes have left behind that crashed while they wrote a file: the next start removes it.
//!
//! Files that are not whole yet are named after the process that writes them, as Redis names them,
//! too.

use crate::sys::disk::Disk;
use crate::sys::files::reason;

/// What the names of files begin and end with that are not whole yet; numbers stand between.
const FORMS: [(&str, &str); 3] =
    [("temp-", ".rdb"), ("temp-rewriteaof-bg-", ".aof"), ("temp-rewriteaof-", ".aof")];

/// Removes files that no process writes any more. `is_alive` tells whether one does anything yet.
pub fn remove(disk: &mut dyn Disk, is_alive: impl Fn(u32) -> bool) {
    let Ok(names) = disk.list("") else { return };
    for name in names {
        let Some(numbers) = numbers(&name) else { continue };
        // One of them is the process; which one depends on who has written.
        if numbers.iter().filter_map(|number| u32::try_from(*number).ok()).any(&is_alive) {
            continue;
        }
        match disk.remove(&name) {
            Ok(()) => log::info!("{name} was left behind; it is removed"),
            Err(error) => log::warn!("cannot remove {name}: {}", reason(&error)),
        }
    }
}

/// The numbers in the name of a file that is not whole yet; `None` for other files.
fn numbers(name: &str) -> Option<Vec<u64>> {
    let middle =
        FORMS.iter().find_map(|(start, end)| name.strip_prefix(start)?.strip_suffix(end))?;
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    middle.split('.').map(|part| part.parse().ok().filter(|_| is_number(part))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_not_whole_are_known_by_their_names() {
        assert_eq!(numbers("temp-12.rdb"), Some(vec![12]));
        assert_eq!(numbers("temp-1700000000.12.rdb"), Some(vec![1_700_000_000, 12]));
        assert_eq!(numbers("temp-rewriteaof-bg-12.aof"), Some(vec![12]));
        assert_eq!(numbers("temp-rewriteaof-12.aof"), Some(vec![12]));
        for name in ["temp-.rdb", "temp-a.rdb", "temp-+1.rdb", "temp-12.aof", "x-12.rdb", "temp-1"]
        {
            assert_eq!(numbers(name), None, "{name}");
        }
    }
}

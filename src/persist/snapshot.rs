//! A snapshot as a file that is there as a whole, or not at all.
//!
//! It is written under another name, synced, renamed, and its directory is synced. Whatever happens
//! meanwhile, what was there before is there still; what is left behind the next start removes (see
//! [`super::leftovers`]).

use super::rdb::Saving;
use crate::store::Store;
use crate::sys::disk::{Disk, DiskFile};
use crate::sys::files::reason;
use std::io::{self, Write};

/// Bytes after which what has been written is synced, so that the end does not wait for all of it.
const SYNC_BYTES: u64 = 4 << 20;

/// A file that is synced while it is written.
pub struct Synced {
    file: Box<dyn DiskFile>,
    /// Bytes since the latest sync; `None` syncs at the end only.
    pending: Option<u64>,
}

impl Synced {
    /// Writes to a file, which is synced at the end only or early, too.
    pub fn new(file: Box<dyn DiskFile>, is_early: bool) -> Synced {
        Synced { file, pending: is_early.then_some(0) }
    }

    /// Syncs what has been written.
    ///
    /// # Errors
    /// The system's.
    pub fn sync(&mut self) -> io::Result<()> {
        self.file.sync()
    }
}

impl Write for Synced {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.file.write(bytes)?;
        if let Some(pending) = &mut self.pending {
            *pending += len as u64;
            if *pending >= SYNC_BYTES {
                *pending = 0;
                self.file.sync()?;
            }
        }
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The name under which a process writes a snapshot.
pub fn temporary_name(pid: u32) -> String {
    format!("temp-{pid}.rdb")
}

/// The name under which a process keeps a snapshot that comes from its primary or goes to its
/// replicas, and was begun at this moment in microseconds since 1970.
pub fn sync_name(pid: u32, unix_us: u64) -> String {
    format!("temp-{pid}.{unix_us}.rdb")
}

/// Where a snapshot goes.
#[derive(Clone, Debug)]
pub struct Place {
    /// The file.
    pub path: String,
    /// Whether it is synced while it is written, and not only at the end.
    pub syncs_early: bool,
}

/// Saves all keys to a file, for the process of this number; `visit` is told after each key how
/// many there have been.
///
/// # Errors
/// A line for the log; then the file is as it was.
pub fn save(
    disk: &mut dyn Disk,
    place: &Place,
    pid: u32,
    store: &Store,
    saving: &Saving,
    visit: &mut dyn FnMut(u64) -> io::Result<()>,
) -> Result<(), String> {
    let temporary = temporary_name(pid);
    let outcome = write(disk, place.syncs_early, &temporary, store, saving, visit)
        .and_then(|()| put_in_place(disk, &temporary, &place.path));
    if outcome.is_err()
        && let Err(error) = disk.remove(&temporary)
        && error.kind() != io::ErrorKind::NotFound
    {
        log::debug!("cannot remove {temporary}: {error}");
    }
    outcome
}

fn write(
    disk: &mut dyn Disk,
    syncs_early: bool,
    temporary: &str,
    store: &Store,
    saving: &Saving,
    visit: &mut dyn FnMut(u64) -> io::Result<()>,
) -> Result<(), String> {
    let file = disk.create(temporary).map_err(|error| {
        format!("Failed opening the temp RDB file {temporary} for saving: {}", reason(&error))
    })?;
    let mut file = Synced::new(file, syncs_early);
    let written = saving.save(store, &mut file, visit).and_then(|()| file.sync());
    written.map_err(|error| format!("Write error saving DB on disk: {}", reason(&error)))
}

/// Puts a whole snapshot in the place of the old one.
///
/// # Errors
/// A line for the log; then the old one may still be there.
pub fn put_in_place(disk: &mut dyn Disk, temporary: &str, path: &str) -> Result<(), String> {
    disk.rename(temporary, path).map_err(|error| {
        let why = reason(&error);
        format!("Error moving temp DB file {temporary} on the final destination {path}: {why}")
    })?;
    disk.sync_dir("").map_err(|error| {
        format!("Failed to sync the directory after renaming the DB file: {}", reason(&error))
    })
}

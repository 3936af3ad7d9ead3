//! Writing the log: the file that changes are appended to, when it is synced, and what happens when
//! the disk refuses.

use super::manifest::{Manifest, ManifestError};
use super::open::Open;
use super::{manifest_path, path};
use crate::base::time::Now;
use crate::config::append_only::AppendOnly;
use crate::config::kinds::Fsync;
use crate::sys::disk::Disk;
use crate::sys::files;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Microseconds between two syncs of `appendfsync everysec`, and between two tries to write to a
/// disk that has refused.
const SECOND_US: u64 = 1_000_000;
/// Seconds between two lines of the log of the process that say that it refuses.
const COMPLAIN_EVERY_US: u64 = 30 * SECOND_US;

/// Work on the disk that may take long and that nobody waits for.
pub type Errand = Box<dyn FnOnce(&mut dyn Disk) + Send>;

/// A place in the log.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reach {
    /// Bytes appended in the life of the process.
    appended: u64,
    /// How far the stream of replication was there.
    offset: u64,
}

/// What has come of [`Log::flush`].
#[derive(Default)]
pub struct Flushed {
    /// Bytes that have been written.
    pub taken: usize,
    /// A sync that is to be done beside the loop.
    pub errand: Option<Errand>,
}

/// Whether changes are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogState {
    /// They are not.
    #[default]
    Off,
    /// They are.
    On,
    /// They will be once the first base is written; until then they go to a file of their own.
    Waiting,
}

/// What the thread that syncs has to tell.
#[derive(Default)]
struct Syncs {
    is_running: AtomicBool,
    /// How far changes are safe, as [`Log::appended`] counts.
    safe: AtomicU64,
    /// How far the stream of replication is.
    safe_offset: AtomicU64,
    /// Whether the last sync has failed.
    has_failed: AtomicBool,
    /// What the disk said then.
    error: Mutex<Option<String>>,
}

/// The log, as it is written.
#[derive(Default)]
pub struct Log {
    /// Whether there is one.
    pub state: LogState,
    /// Its files.
    pub manifest: Manifest,
    /// Bytes of all files that hold data.
    pub size: u64,
    /// The same when the base was written.
    pub base_size: u64,
    /// Times that a sync was due while the one before was not over.
    pub delayed_syncs: u64,
    /// How long each write is held up (DEBUG AOF-FLUSH-SLEEP).
    pub write_delay: Duration,
    /// The file that is appended to.
    file: Option<Open>,
    /// Where it ends.
    reach: Reach,
    /// Where the present file begins.
    part_start: Reach,
    /// When the last sync began, on the monotonic clock.
    synced_us: u64,
    syncs: Arc<Syncs>,
    /// What the disk said when it refused a sync that replies waited for.
    lost: Option<String>,
    /// What the disk said when it refused the last write.
    write_error: Option<String>,
    /// When to try to write again, and when to complain again.
    retry_us: u64,
    complain_us: u64,
}

impl Log {
    /// Reads which files there are.
    ///
    /// # Errors
    /// One line that says what is wrong; what led to it is in the log of the process.
    pub fn read_manifest(
        &mut self,
        config: &AppendOnly,
        disk: &mut dyn Disk,
    ) -> Result<(), String> {
        let path = manifest_path(config);
        let mut text = Vec::new();
        match disk.open(&path) {
            Ok(mut file) => {
                file.read_to_end(&mut text).map_err(|error| {
                    format!("Fatal error: can't read the AOF manifest file {path}: {error}")
                })?;
            }
            Err(error) if is_missing(&error) => return Ok(()),
            Err(error) => {
                return Err(format!(
                    "Fatal error: can't open the AOF manifest file {path} for reading: {}",
                    files::reason(&error)
                ));
            }
        }
        self.manifest = Manifest::parse(&text).map_err(|ManifestError { line, reason }| {
            log::warn!("*** FATAL AOF MANIFEST FILE ERROR ***");
            if let Some((number, text)) = line {
                log::warn!("Reading the manifest file, at line {number}");
                log::warn!(">>> '{text}'");
            }
            reason.to_owned()
        })?;
        Ok(())
    }

    /// Opens the last incremental file to append to it, or makes a first one, and makes the
    /// manifest safe. `base` writes the data to a file; it is asked if the log is new.
    ///
    /// # Errors
    /// One line that says what cannot be done.
    pub fn open(
        &mut self,
        config: &AppendOnly,
        disk: &mut dyn Disk,
        base: &mut dyn FnMut(&mut dyn Disk, &str) -> Result<(), String>,
    ) -> Result<Option<Errand>, String> {
        let dirname = &config.dirname;
        disk.make_dir(dirname).map_err(|error| {
            format!("Can't open or create append-only dir {dirname}: {}", files::reason(&error))
        })?;
        remove_temporary(config, disk);
        let old = self.manifest.clone();
        let is_new = old.is_empty();
        if is_new {
            let name = self.manifest.replace_base(&config.filename, config.use_rdb_preamble);
            base(disk, &path(config, &name))?;
            log::info!("Creating AOF base file {name} on server start");
        }
        let last = self.manifest.incr.last().map(|part| part.name.clone());
        let is_known = last.is_some();
        let name = last.unwrap_or_else(|| self.manifest.add_incr(&config.filename));
        let path = path(config, &name);
        let opened = if is_known {
            Open::append(disk, path)
        } else {
            // A file of this name that no manifest knows is begun anew, as in Redis.
            disk.create(&path).map(|file| Open::new(file, path))
        };
        self.file = Some(opened.map_err(|error| {
            format!("Can't open the append-only file {name}: {}", files::reason(&error))
        })?);
        if self.manifest != old {
            write_manifest(&self.manifest, config, disk)?;
        }
        let opens = if old.incr.is_empty() { "Creating" } else { "Opening" };
        log::info!("{opens} AOF incr file {name} on server start");
        self.state = LogState::On;
        if is_new {
            self.base_size = self.sizes(config, disk);
            self.size = self.base_size;
        }
        self.remove_history(config, disk)
    }

    /// Appends bytes to the present file, all of them or none; the stream of replication is so far
    /// then.
    ///
    /// # Errors
    /// The system's.
    pub fn append(&mut self, bytes: &[u8], offset: u64, disk: &mut dyn Disk) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            file.write(bytes, disk)?;
            self.note_appended(bytes.len(), offset);
        }
        Ok(())
    }

    fn note_appended(&mut self, count: usize, offset: u64) {
        self.size += count as u64;
        self.reach = Reach { appended: self.reach.appended + count as u64, offset };
    }

    /// Lets changes go to a new file; without a log, only makes room for one. Nothing may wait to
    /// be written.
    ///
    /// # Errors
    /// A line for the log of the process; then nothing has changed.
    pub fn begin_part(
        &mut self,
        config: &AppendOnly,
        disk: &mut dyn Disk,
    ) -> Result<Option<Errand>, String> {
        let dirname = &config.dirname;
        disk.make_dir(dirname).map_err(|error| {
            format!("Can't open or create append-only dir {dirname}: {}", files::reason(&error))
        })?;
        let (mut next, path) = (
            self.manifest.clone(),
            match self.state {
                LogState::Off => return Ok(None),
                LogState::On => None,
                LogState::Waiting => Some(temporary_incr(config)),
            },
        );
        let is_named = path.is_none();
        let path = path.unwrap_or_else(|| super::path(config, &next.add_incr(&config.filename)));
        let file = disk.create(&path).map_err(|error| {
            format!("Can't open the append-only file {path}: {}", files::reason(&error))
        })?;
        if is_named {
            write_manifest(&next, config, disk)?;
            self.manifest = next;
        }
        log::info!("Creating AOF incr file {path} on background rewrite");
        if config.fsync == Fsync::Always {
            // Replies to what is in the former file may leave at any moment.
            self.sync_now()?;
        }
        let new = Open::new(file, path);
        let (syncs, reach) = (Arc::clone(&self.syncs), self.reach);
        self.part_start = reach;
        Ok(self.file.replace(new).filter(|old| old.synced != old.len).map(|mut old| -> Errand {
            Box::new(move |_| {
                let outcome = old.file.sync();
                syncs.note(outcome, reach);
            })
        }))
    }

    /// Puts a new base, written to a file of that path, in the place of all that was there when it
    /// was begun. What is not needed any more is to be removed beside the loop.
    ///
    /// # Errors
    /// A line for the log of the process; then the log is what it was.
    pub fn adopt_base(
        &mut self,
        temporary: &str,
        config: &AppendOnly,
        disk: &mut dyn Disk,
    ) -> Result<Option<Errand>, String> {
        let mut next = self.manifest.clone();
        let base = next.replace_base(&config.filename, config.use_rdb_preamble);
        let base_path = path(config, &base);
        let failed = |from: &str, to: &str, error: &io::Error| {
            let reason = files::reason(error);
            format!("Error trying to rename the temporary AOF file {from} into {to}: {reason}")
        };
        disk.rename(temporary, &base_path)
            .map_err(|error| failed(temporary, &base_path, &error))?;
        log::info!("Successfully renamed the temporary AOF base file {temporary} into {base}");
        let mut renamed = None;
        let outcome = (|| {
            if self.state == LogState::Waiting {
                let (from, to) =
                    (temporary_incr(config), path(config, &next.add_incr(&config.filename)));
                disk.rename(&from, &to).map_err(|error| failed(&from, &to, &error))?;
                log::info!("Successfully renamed the temporary AOF incr file {from} into {to}");
                renamed = Some(to);
            }
            next.retire_incr(usize::from(self.file.is_some()));
            write_manifest(&next, config, disk)
        })();
        if let Err(reason) = outcome {
            // What cannot be taken back is in nobody's way.
            disk.remove(&base_path).unwrap_or_default();
            if let Some(renamed) = renamed {
                disk.rename(&renamed, &temporary_incr(config)).unwrap_or_default();
            }
            return Err(reason);
        }
        self.manifest = next;
        // What came before is in the base.
        self.syncs.note_safe(self.part_start);
        if let Some(file) = &mut self.file {
            file.path = renamed.unwrap_or_else(|| std::mem::take(&mut file.path));
            self.size = disk.len(&base_path).ok().flatten().unwrap_or(0) + file.len;
            self.base_size = self.size;
            self.state = LogState::On;
        }
        self.remove_history(config, disk).or_else(|reason| {
            // They are in nobody's way.
            log::warn!("{reason}");
            Ok(None)
        })
    }

    /// Strikes files that are not needed any more from the manifest; they are to be removed beside
    /// the loop.
    ///
    /// # Errors
    /// A line for the log of the process.
    pub fn remove_history(
        &mut self,
        config: &AppendOnly,
        disk: &mut dyn Disk,
    ) -> Result<Option<Errand>, String> {
        if config.disable_auto_gc || self.manifest.history.is_empty() {
            return Ok(None);
        }
        let mut next = self.manifest.clone();
        next.history.clear();
        write_manifest(&next, config, disk)?;
        let mut old = std::mem::replace(&mut self.manifest, next).history;
        // In a damaged manifest a file may be both: what is written to stays.
        old.retain(|part| self.manifest.parts().all(|used| used.name != part.name));
        for part in &old {
            log::info!("Removing the history file {} in the background", part.name);
        }
        let paths: Vec<String> = old.iter().map(|part| path(config, &part.name)).collect();
        Ok(Some(Box::new(move |disk| {
            // One that is left behind is in nobody's way.
            paths.iter().for_each(|path| disk.remove(path).unwrap_or_default());
        })))
    }

    /// Forgets the file that is written to before there is a base.
    pub fn abandon(&mut self) {
        self.file = None;
    }

    /// Writes and syncs what waits, and logs no more.
    ///
    /// # Errors
    /// What the disk says; the log is closed all the same.
    pub fn close(&mut self, bytes: &[u8], disk: &mut dyn Disk) -> io::Result<()> {
        let finished = self.finish(bytes, disk);
        (self.state, self.file, self.write_error) = (LogState::Off, None, None);
        self.syncs = Arc::default();
        finished
    }

    /// Takes the log of an older Redis, a single file in the working directory, if that is the only
    /// one there is.
    ///
    /// # Errors
    /// One line that says what cannot be done.
    pub fn adopt_old(&mut self, config: &AppendOnly, disk: &mut dyn Disk) -> Result<(), String> {
        let AppendOnly { filename, dirname, .. } = config;
        let is_there = |disk: &mut dyn Disk, path: &str| matches!(disk.len(path), Ok(Some(_)));
        if !is_there(disk, filename) {
            return Ok(());
        }
        let inside = path(config, filename);
        // It may have been named in the manifest, and not been moved before the process ended.
        let is_named = self.manifest.incr.is_empty()
            && self.manifest.base.as_ref().is_some_and(|base| base.name == *filename)
            && !is_there(disk, &inside);
        if !self.manifest.is_empty() && !is_named {
            return Ok(());
        }
        disk.make_dir(dirname).map_err(|error| {
            format!("Can't open or create append-only dir {dirname}: {}", files::reason(&error))
        })?;
        self.manifest.adopt(filename);
        write_manifest(&self.manifest, config, disk)?;
        disk.rename(filename, &inside).map_err(|error| {
            let reason = files::reason(&error);
            format!("Error trying to move the old AOF file {filename} into dir {dirname}: {reason}")
        })?;
        for dir in [dirname, ""] {
            disk.sync_dir(dir).map_err(|error| {
                format!("Fail to fsync the directory {dir}: {}", files::reason(&error))
            })?;
        }
        log::info!(
            "Successfully migrated an old-style AOF file ({filename}) into the AOF directory \
             ({dirname})."
        );
        Ok(())
    }

    /// Bytes of all files that hold data, as far as they are there.
    pub fn sizes(&self, config: &AppendOnly, disk: &mut dyn Disk) -> u64 {
        let len = |part: &super::manifest::Part| {
            disk.len(&path(config, &part.name)).ok().flatten().unwrap_or(0)
        };
        self.manifest.parts().map(len).sum()
    }

    /// True if there is a file that changes are appended to.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// True if commands that change keys are to be refused: the disk does not take them.
    #[inline]
    pub fn refuses(&self) -> bool {
        self.write_error.is_some() || self.syncs.has_failed.load(Ordering::Relaxed)
    }

    /// What the disk says then.
    pub fn refusal(&self) -> String {
        let sync_error = || self.syncs.error.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.write_error.clone().or_else(sync_error).unwrap_or_default()
    }

    /// True if changes are logged, or will be.
    #[inline]
    pub fn is_wanted(&self) -> bool {
        self.state != LogState::Off
    }

    /// Bytes appended so far.
    pub fn appended(&self) -> u64 {
        self.reach.appended
    }

    /// What changes when more has become safe, or the log is turned on or off.
    pub fn safety(&self) -> (LogState, u64) {
        (self.state, self.syncs.safe.load(Ordering::Acquire))
    }

    /// Whether so many bytes are safe: a sync that began after they were written is over, and there
    /// is a base for them.
    pub fn is_safe(&self, appended: u64) -> bool {
        self.state == LogState::On && self.syncs.safe.load(Ordering::Acquire) >= appended
    }

    /// How far of the stream of replication is safe, which is at `offset`; nothing can be said
    /// without a whole log. `is_written` tells that nothing waits to be appended.
    pub fn safe_offset(&self, offset: u64, is_written: bool) -> Option<u64> {
        let is_all_safe = is_written && self.is_safe(self.reach.appended);
        let safe = || self.syncs.safe_offset.load(Ordering::Acquire);
        (self.state == LogState::On).then(|| if is_all_safe { offset } else { safe() })
    }

    /// Whether a sync goes on beside the loop.
    pub fn is_syncing(&self) -> bool {
        self.syncs.is_running.load(Ordering::Acquire)
    }

    /// When there is something to do without another change, on the monotonic clock.
    pub fn next_us(&self, config: &AppendOnly) -> Option<u64> {
        self.file.as_ref()?;
        if self.write_error.is_some() {
            return Some(self.retry_us);
        }
        let wants_sync = self.wants_sync(config.fsync) && !self.is_syncing();
        wants_sync.then_some(self.synced_us + SECOND_US)
    }

    /// Whether something is to be synced: what was written since, or what a sync has failed for.
    fn wants_sync(&self, policy: Fsync) -> bool {
        let is_new = self.file.as_ref().is_some_and(|file| file.synced != file.len);
        is_new && policy != Fsync::Never || self.syncs.has_failed.load(Ordering::Relaxed)
    }

    /// Writes what has been appended to the stream, and syncs as the parameters say; the stream of
    /// replication is at `offset`. How many bytes it has taken; none if the disk refuses.
    ///
    /// # Errors
    /// That the process cannot keep what it has promised, and must end.
    pub fn flush(
        &mut self,
        (bytes, offset): (&[u8], u64),
        config: &AppendOnly,
        now: Now,
        has_child: bool,
        disk: &mut dyn Disk,
    ) -> Result<Flushed, String> {
        let nothing = Flushed::default();
        let wants_sync = !bytes.is_empty() || self.wants_sync(config.fsync);
        let Some(file) = self.file.as_mut().filter(|_| wants_sync) else { return Ok(nothing) };
        if !bytes.is_empty() {
            if self.write_error.is_some() && now.mono_us < self.retry_us {
                return Ok(nothing);
            }
            if !self.write_delay.is_zero() {
                std::thread::sleep(self.write_delay);
            }
            if let Err(error) = file.write(bytes, disk) {
                return self.refused(&error, config, now).map(|()| nothing);
            }
            self.note_appended(bytes.len(), offset);
            if self.write_error.take().is_some() {
                log::info!("AOF write error looks solved, the server can write again.");
            }
        }
        let is_spared = config.no_fsync_on_rewrite && has_child;
        let errand = if is_spared { None } else { self.sync_if_due(config, now)? };
        Ok(Flushed { taken: bytes.len(), errand })
    }

    /// The disk has not taken a write.
    fn refused(&mut self, error: &io::Error, config: &AppendOnly, now: Now) -> Result<(), String> {
        let reason = files::reason(error);
        if now.mono_us >= self.complain_us || config.fsync == Fsync::Always {
            log::warn!("Error writing to the AOF file: {reason}");
            self.complain_us = now.mono_us + COMPLAIN_EVERY_US;
        }
        if config.fsync == Fsync::Always {
            // What is in the data already cannot be taken back, nor may it be seen.
            return Err("Can't recover from AOF write error when the AOF fsync policy is \
                        'always'. Exiting..."
                .to_owned());
        }
        self.write_error = Some(reason);
        self.retry_us = now.mono_us + SECOND_US;
        Ok(())
    }

    fn sync_if_due(&mut self, config: &AppendOnly, now: Now) -> Result<Option<Errand>, String> {
        if !self.wants_sync(config.fsync) {
            return Ok(None);
        }
        match config.fsync {
            Fsync::Always => {
                self.synced_us = now.mono_us;
                self.sync_now().map(|()| None)
            }
            Fsync::EverySecond | Fsync::Never if now.mono_us >= self.synced_us + SECOND_US => {
                self.synced_us = now.mono_us;
                Ok(self.sync_aside())
            }
            Fsync::EverySecond | Fsync::Never => Ok(None),
        }
    }

    /// Syncs the file. Once that has failed it is not tried again: what a disk has lost it may
    /// forget, too.
    fn sync_now(&mut self) -> Result<(), String> {
        let Some(file) = &mut self.file else { return Ok(()) };
        if self.lost.is_none() {
            self.lost = file.file.sync().err().map(|error| files::reason(&error));
        }
        if let Some(reason) = &self.lost {
            return Err(format!(
                "Can't persist AOF for fsync error when the AOF fsync policy is 'always': \
                 {reason}. Exiting..."
            ));
        }
        file.synced = file.len;
        self.syncs.note(Ok(()), self.reach);
        Ok(())
    }

    /// The sync of the file, to be done beside the loop.
    fn sync_aside(&mut self) -> Option<Errand> {
        if self.is_syncing() {
            self.delayed_syncs += 1;
            log::info!("Asynchronous AOF fsync is taking too long (disk is busy?).");
            return None;
        }
        let file = self.file.as_mut()?;
        let (syncs, reach) = (Arc::clone(&self.syncs), self.reach);
        match file.file.duplicate() {
            Ok(mut handle) => {
                file.synced = file.len;
                syncs.is_running.store(true, Ordering::Release);
                Some(Box::new(move |_| {
                    let outcome = handle.sync();
                    syncs.note(outcome, reach);
                    syncs.is_running.store(false, Ordering::Release);
                }))
            }
            Err(error) => {
                syncs.note(Err(error), reach);
                None
            }
        }
    }

    /// Writes and syncs what waits, at the end of the process or of the log; it goes on afterwards
    /// if it is not closed.
    ///
    /// # Errors
    /// What the disk says.
    pub fn finish(&mut self, bytes: &[u8], disk: &mut dyn Disk) -> io::Result<()> {
        let offset = self.reach.offset;
        if !bytes.is_empty() {
            self.append(bytes, offset, disk)?;
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        file.file.sync()?;
        file.synced = file.len;
        self.syncs.note_safe(self.reach);
        Ok(())
    }
}

impl Syncs {
    /// Notes what has come of a sync of all up to a place.
    fn note(&self, outcome: io::Result<()>, reach: Reach) {
        let mut error = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        self.has_failed.store(outcome.is_err(), Ordering::Release);
        match outcome {
            Ok(()) => {
                *error = None;
                self.note_safe(reach);
            }
            Err(reason) => {
                *error = Some(files::reason(&reason));
            }
        }
    }

    fn note_safe(&self, reach: Reach) {
        self.safe_offset.fetch_max(reach.offset, Ordering::AcqRel);
        self.safe.fetch_max(reach.appended, Ordering::AcqRel);
    }
}

/// The path of the file that is written to before there is a base.
pub fn temporary_incr(config: &AppendOnly) -> String {
    path(config, &format!("temp-{}.incr", config.filename))
}

/// The path of the manifest that is not whole yet.
fn temporary_manifest(config: &AppendOnly) -> String {
    path(config, &format!("temp-{}.manifest", config.filename))
}

/// Removes what a crash has left behind in the log's directory.
fn remove_temporary(config: &AppendOnly, disk: &mut dyn Disk) {
    for path in [temporary_incr(config), temporary_manifest(config)] {
        match disk.remove(&path) {
            Ok(()) => log::info!("{path} was left behind; it is removed"),
            Err(error) if is_missing(&error) => {}
            Err(error) => log::warn!("cannot remove {path}: {}", files::reason(&error)),
        }
    }
}

/// Writes the manifest anew: whatever happens meanwhile, the old or the new one is there, whole.
fn write_manifest(
    manifest: &Manifest,
    config: &AppendOnly,
    disk: &mut dyn Disk,
) -> Result<(), String> {
    let name = format!("{}.manifest", config.filename);
    let (path, temporary) = (path(config, &name), temporary_manifest(config));
    let failed = |what: &str, error: &io::Error| {
        format!("{what} the AOF manifest file {name}: {}", files::reason(error))
    };
    let mut file = disk.create(&temporary).map_err(|error| failed("Can't open", &error))?;
    file.write_all(manifest.to_text().as_bytes())
        .and_then(|()| file.sync())
        .map_err(|error| failed("Error trying to write", &error))?;
    // What it names is there for good before it is.
    let dir = |error: io::Error| failed("Fail to fsync the directory of", &error);
    disk.sync_dir(&config.dirname).map_err(dir)?;
    disk.rename(&temporary, &path).map_err(|error| failed("Error trying to rename", &error))?;
    disk.sync_dir(&config.dirname).map_err(dir)
}

/// True if a file or its directory is not there.
fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

//! The file that the log is appended to: a piece is in it as a whole, or not at all.

use crate::sys::disk::{Disk, DiskFile};
use crate::sys::files;
use std::io;

/// A file that is appended to.
pub(super) struct Open {
    pub(super) file: Box<dyn DiskFile>,
    pub(super) path: String,
    /// Bytes of whole pieces in it.
    pub(super) len: u64,
    /// How many of them were there when the last sync began.
    pub(super) synced: u64,
    /// Whether a part of a piece stands behind them that could not be cut off.
    is_torn: bool,
}

impl Open {
    /// A file that is empty.
    pub(super) fn new(file: Box<dyn DiskFile>, path: String) -> Open {
        Open { file, path, len: 0, synced: 0, is_torn: false }
    }

    /// Opens a file to append to it.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn append(disk: &mut dyn Disk, path: String) -> io::Result<Open> {
        let len = disk.len(&path)?.unwrap_or(0);
        let file = disk.append(&path)?;
        Ok(Open { len, synced: len, ..Open::new(file, path) })
    }

    /// Appends a piece: all of it or nothing.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn write(&mut self, bytes: &[u8], disk: &mut dyn Disk) -> io::Result<()> {
        if self.is_torn {
            self.mend(disk)?;
        }
        let mut taken = 0;
        while taken < bytes.len() {
            match self.file.write(&bytes[taken..]) {
                Ok(0) => return Err(self.take_back(taken, io::ErrorKind::WriteZero.into(), disk)),
                Ok(count) => taken += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.take_back(taken, error, disk)),
            }
        }
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Cuts off what has been written of a piece that could not be written whole.
    fn take_back(&mut self, taken: usize, error: io::Error, disk: &mut dyn Disk) -> io::Error {
        self.is_torn |= taken > 0;
        if self.is_torn
            && let Err(error) = self.mend(disk)
        {
            log::warn!(
                "Could not remove short write from the append-only file.  The server may refuse to \
                 load the AOF the next time it starts.  ftruncate: {}",
                files::reason(&error)
            );
        }
        error
    }

    /// Cuts off what is not whole.
    fn mend(&mut self, disk: &mut dyn Disk) -> io::Result<()> {
        disk.truncate(&self.path, self.len)?;
        self.is_torn = false;
        Ok(())
    }
}

//! The disk as what keeps data uses it: files that are written, synced, renamed and removed.
//!
//! All of `persist`, and whoever else keeps data, reaches the disk through [`Disk`], which the
//! engine's host lends: the server's is [`SystemDisk`], the simulation's is one that fills up,
//! fails, and forgets what was not synced. Paths are relative to the process's directory, as `dir`
//! sets it.

use rustix::fs::{Advice, fadvise};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Files by path.
pub trait Disk {
    /// A new file to be written, in place of one that is there. What is written goes to its end,
    /// wherever that is by then.
    ///
    /// # Errors
    /// The system's.
    fn create(&mut self, path: &str) -> io::Result<Box<dyn DiskFile>>;

    /// A file to be written behind what it holds; it is made if it is not there.
    ///
    /// # Errors
    /// The system's.
    fn append(&mut self, path: &str) -> io::Result<Box<dyn DiskFile>>;

    /// A file to be read from its start.
    ///
    /// # Errors
    /// The system's; [`ErrorKind::NotFound`] if it is not there.
    fn open(&mut self, path: &str) -> io::Result<Box<dyn DiskFile>>;

    /// A file to be read from an offset on.
    ///
    /// # Errors
    /// The system's; [`ErrorKind::NotFound`] if it is not there.
    fn open_at(&mut self, path: &str, offset: u64) -> io::Result<Box<dyn DiskFile>>;

    /// The bytes of a file; `None` if it is not there.
    ///
    /// # Errors
    /// The system's.
    fn len(&mut self, path: &str) -> io::Result<Option<u64>>;

    /// Cuts a file off behind so many bytes.
    ///
    /// # Errors
    /// The system's.
    fn truncate(&mut self, path: &str, len: u64) -> io::Result<()>;

    /// Gives a file another name, in place of one that has it already; what the names are is not
    /// safe before [`Disk::sync_dir`].
    ///
    /// # Errors
    /// The system's.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// The system's.
    fn remove(&mut self, path: &str) -> io::Result<()>;

    /// Makes a directory unless it is there.
    ///
    /// # Errors
    /// The system's.
    fn make_dir(&mut self, path: &str) -> io::Result<()>;

    /// Makes the names in a directory safe; that of the process is the empty path.
    ///
    /// # Errors
    /// The system's.
    fn sync_dir(&mut self, path: &str) -> io::Result<()>;

    /// The names in a directory, in no order.
    ///
    /// # Errors
    /// The system's.
    fn list(&mut self, path: &str) -> io::Result<Vec<String>>;
}

/// A file that is open, for reading or for writing.
pub trait DiskFile: Read + Write + Send {
    /// Makes safe what has been written.
    ///
    /// # Errors
    /// The system's; what is on the disk is unknown then.
    fn sync(&mut self) -> io::Result<()>;

    /// A second handle of the same file, for another thread to sync.
    ///
    /// # Errors
    /// The system's.
    fn duplicate(&self) -> io::Result<Box<dyn DiskFile>>;

    /// Tells that what has been read or written so far will not be read again soon.
    fn forget(&mut self);
}

/// The real disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn create(&mut self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        // The standard library does not empty a file that it opens to append to.
        File::create(path)?;
        self.append(path)
    }

    fn append(&mut self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        boxed(OpenOptions::new().create(true).append(true).open(path)?)
    }

    fn open(&mut self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        boxed(File::open(path)?)
    }

    fn open_at(&mut self, path: &str, offset: u64) -> io::Result<Box<dyn DiskFile>> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        boxed(file)
    }

    fn len(&mut self, path: &str) -> io::Result<Option<u64>> {
        match fs::metadata(path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn truncate(&mut self, path: &str, len: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(len)?;
        file.sync_all()
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn make_dir(&mut self, path: &str) -> io::Result<()> {
        match fs::create_dir(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && Path::new(path).is_dir() => {
                Ok(())
            }
            made => made,
        }
    }

    fn sync_dir(&mut self, path: &str) -> io::Result<()> {
        File::open(folder(path))?.sync_all()
    }

    fn list(&mut self, path: &str) -> io::Result<Vec<String>> {
        let name = |entry: io::Result<fs::DirEntry>| {
            entry.map(|entry| entry.file_name().to_string_lossy().into_owned())
        };
        fs::read_dir(folder(path))?.map(name).collect()
    }
}

impl DiskFile for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn duplicate(&self) -> io::Result<Box<dyn DiskFile>> {
        boxed(self.try_clone()?)
    }

    fn forget(&mut self) {
        // Advice only; where it is not taken, memory is used until something else wants it.
        fadvise(&*self, 0, None, Advice::DontNeed).unwrap_or_default();
    }
}

fn boxed(file: File) -> io::Result<Box<dyn DiskFile>> {
    Ok(Box::new(file))
}

fn folder(path: &str) -> &str {
    if path.is_empty() { "." } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_written_renamed_listed_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().to_str().unwrap();
        let path = |name: &str| format!("{root}/{name}");
        let mut disk = SystemDisk;
        let mut file = disk.create(&path("a")).unwrap();
        file.write_all(b"one").unwrap();
        file.duplicate().unwrap().sync().unwrap();
        disk.append(&path("a")).unwrap().write_all(b"two").unwrap();
        assert_eq!(disk.len(&path("a")).unwrap(), Some(6));
        disk.truncate(&path("a"), 4).unwrap();
        disk.rename(&path("a"), &path("b")).unwrap();
        disk.sync_dir(root).unwrap();
        disk.make_dir(&path("c")).unwrap();
        disk.make_dir(&path("c")).unwrap();
        // Behind what has been cut off there is no hole.
        let mut file = disk.create(&path("d")).unwrap();
        file.write_all(b"half").unwrap();
        disk.truncate(&path("d"), 0).unwrap();
        file.write_all(b"whole").unwrap();
        assert_eq!(fs::read(path("d")).unwrap(), b"whole");
        disk.remove(&path("d")).unwrap();
        let mut text = String::new();
        disk.open(&path("b")).unwrap().read_to_string(&mut text).unwrap();
        let mut rest = String::new();
        disk.open_at(&path("b"), 3).unwrap().read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "t");
        assert_eq!((text.as_str(), disk.len(&path("a")).unwrap()), ("onet", None));
        let mut names = disk.list(root).unwrap();
        names.sort();
        assert_eq!(names, ["b", "c"]);
        disk.remove(&path("b")).unwrap();
        assert_eq!(
            disk.open(&path("b")).err().map(|error| error.kind()),
            Some(ErrorKind::NotFound)
        );
        assert!(disk.make_dir(&path("no/such")).is_err());
    }
}

//! A disk in memory that does what real ones do at their worst: it fills up, fails, and after a
//! crash holds what was synced and some part of what was not.

use spindle::sys::disk::{Disk, DiskFile};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard};

/// One file's bytes.
#[derive(Clone, Default)]
struct Node {
    bytes: Vec<u8>,
    /// What would be there after a crash, at least.
    safe: Vec<u8>,
}

#[derive(Default)]
struct Inner {
    nodes: Vec<Node>,
    /// The files by name.
    names: BTreeMap<String, usize>,
    /// The names that would be there after a crash.
    safe_names: BTreeMap<String, usize>,
    /// Changes so far: writes, syncs, and changes of names.
    steps: u64,
    /// The change from which on all fail.
    fails_from: Option<u64>,
    /// Bytes that fit.
    room: Option<usize>,
}

/// The disk; its clones are the same one.
#[derive(Clone, Default)]
pub struct FakeDisk(Arc<Mutex<Inner>>);

struct FakeFile {
    disk: FakeDisk,
    node: usize,
    at: usize,
}

impl FakeDisk {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("one thread")
    }

    /// How many changes there have been.
    pub fn steps(&self) -> u64 {
        self.inner().steps
    }

    /// Lets all changes fail, so many from now on.
    pub fn fail_after(&self, steps: Option<u64>) {
        let mut inner = self.inner();
        inner.fails_from = steps.map(|steps| inner.steps + steps);
    }

    /// Lets so many bytes fit and no more.
    pub fn set_room(&self, room: Option<usize>) {
        self.inner().room = room;
    }

    /// The machine stops and starts again: what was not synced is there in part, or not at all.
    pub fn crash(&self, rng: &mut fastrand::Rng) {
        let mut inner = self.inner();
        for node in &mut inner.nodes {
            let safe = node.safe.len().min(node.bytes.len());
            let is_longer = node.bytes[..safe] == node.safe[..];
            let torn = safe + rng.usize(0..=node.bytes.len() - safe);
            node.bytes = match is_longer && rng.bool() {
                true => node.bytes[..torn].to_vec(),
                false => node.safe.clone(),
            };
            node.safe = node.bytes.clone();
        }
        if rng.bool() {
            inner.names = inner.safe_names.clone();
        }
        inner.safe_names = inner.names.clone();
        (inner.fails_from, inner.room) = (None, None);
    }

    /// The bytes of a file, if it is there.
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        let inner = self.inner();
        inner.names.get(path).map(|node| inner.nodes[*node].bytes.clone())
    }

    /// Puts a file where it is safe.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        let mut inner = self.inner();
        inner.nodes.push(Node { bytes: bytes.to_vec(), safe: bytes.to_vec() });
        let node = inner.nodes.len() - 1;
        inner.names.insert(path.to_owned(), node);
        inner.safe_names.insert(path.to_owned(), node);
    }

    fn file(&self, node: usize) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(FakeFile { disk: self.clone(), node, at: 0 }))
    }
}

impl Inner {
    /// A change is about to be made.
    fn step(&mut self) -> io::Result<()> {
        self.steps += 1;
        match self.fails_from.is_some_and(|from| self.steps > from) {
            true => Err(io::Error::other("Input/output error")),
            false => Ok(()),
        }
    }

    fn node(&self, path: &str) -> io::Result<usize> {
        self.names.get(path).copied().ok_or(ErrorKind::NotFound.into())
    }

    fn used(&self) -> usize {
        self.names.values().map(|node| self.nodes[*node].bytes.len()).sum()
    }
}

impl Disk for FakeDisk {
    fn create(&mut self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut inner = self.inner();
        inner.step()?;
        // What had the name before is only torn where the bytes were its own.
        inner.nodes.push(Node::default());
        let node = inner.nodes.len() - 1;
        inner.names.insert(path.to_owned(), node);
        drop(inner);
        self.file(node)
    }

    fn append(&mut self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        match self.inner().node(path) {
            Ok(node) => return self.file(node),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        self.create(path)
    }

    fn open(&mut self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        let node = self.inner().node(path)?;
        self.file(node)
    }

    fn open_at(&mut self, path: &str, offset: u64) -> io::Result<Box<dyn DiskFile>> {
        let node = self.inner().node(path)?;
        let at = usize::try_from(offset).expect("it is in memory");
        Ok(Box::new(FakeFile { disk: self.clone(), node, at }))
    }

    fn len(&mut self, path: &str) -> io::Result<Option<u64>> {
        Ok(self.read(path).map(|bytes| bytes.len() as u64))
    }

    fn truncate(&mut self, path: &str, len: u64) -> io::Result<()> {
        let mut inner = self.inner();
        inner.step()?;
        let node = inner.node(path)?;
        let len = usize::try_from(len).expect("a short file");
        inner.nodes[node].bytes.truncate(len);
        inner.nodes[node].safe = inner.nodes[node].bytes.clone();
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let mut inner = self.inner();
        inner.step()?;
        let node = inner.node(from)?;
        inner.names.remove(from);
        inner.names.insert(to.to_owned(), node);
        Ok(())
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        let mut inner = self.inner();
        inner.step()?;
        inner.node(path)?;
        inner.names.remove(path);
        Ok(())
    }

    fn make_dir(&mut self, _: &str) -> io::Result<()> {
        self.inner().step()
    }

    fn sync_dir(&mut self, _: &str) -> io::Result<()> {
        let mut inner = self.inner();
        inner.step()?;
        inner.safe_names = inner.names.clone();
        Ok(())
    }

    fn list(&mut self, path: &str) -> io::Result<Vec<String>> {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let inner = self.inner();
        let names = inner.names.keys().filter_map(|name| name.strip_prefix(&prefix));
        Ok(names.filter(|name| !name.contains('/')).map(str::to_owned).collect())
    }
}

impl Read for FakeFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let inner = self.disk.inner();
        let rest = &inner.nodes[self.node].bytes[self.at..];
        let len = rest.len().min(into.len());
        into[..len].copy_from_slice(&rest[..len]);
        self.at += len;
        Ok(len)
    }
}

impl Write for FakeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut inner = self.disk.inner();
        inner.step()?;
        let room = inner.room.map_or(usize::MAX, |room| room.saturating_sub(inner.used()));
        let len = bytes.len().min(room);
        if len == 0 && !bytes.is_empty() {
            return Err(ErrorKind::StorageFull.into());
        }
        inner.nodes[self.node].bytes.extend_from_slice(&bytes[..len]);
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for FakeFile {
    fn sync(&mut self) -> io::Result<()> {
        let mut inner = self.disk.inner();
        inner.step()?;
        let node = &mut inner.nodes[self.node];
        node.safe = node.bytes.clone();
        Ok(())
    }

    fn duplicate(&self) -> io::Result<Box<dyn DiskFile>> {
        self.disk.file(self.node)
    }

    fn forget(&mut self) {}
}

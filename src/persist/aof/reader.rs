//! Reading a file of the log: whole requests, and where each stands.

use crate::base::buf::ReadBuffer;
use crate::resp::argv::Argv;
use crate::resp::error::Error;
use crate::resp::request::{Limits, Parser};
use crate::sys::disk::DiskFile;
use std::io;

/// Bytes read at a time.
const READ_BYTES: usize = 256 * 1024;
/// Requests read ahead, so that what they need is fetched together.
const BATCH: usize = 16;
/// Longest note (a line that begins with `#`).
const NOTE_MAX: usize = 1_024;

/// What comes next in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Whole requests: so many.
    Requests(usize),
    /// The second since 1970 of what follows.
    Second(i64),
    /// The end.
    End,
    /// The end, in the middle of something.
    CutShort,
    /// Something that is no request, and why.
    Bad(Error),
}

/// A file of the log that is being read.
pub struct Reader {
    file: Box<dyn DiskFile>,
    input: ReadBuffer,
    parser: Parser,
    /// Bytes before what has not been released.
    offset: u64,
    is_at_end: bool,
}

impl Reader {
    /// Reads a file from where it stands, which is `offset` bytes behind its start.
    pub fn new(file: Box<dyn DiskFile>, offset: u64) -> Reader {
        let (input, parser) = (ReadBuffer::default(), Parser::default());
        Reader { file, input, parser, offset, is_at_end: false }
    }

    /// Bytes of the file before what has not been released.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether the file begins with these bytes. Nothing is released thereby.
    ///
    /// # Errors
    /// The system's.
    pub fn begins_with(&mut self, bytes: &[u8]) -> io::Result<bool> {
        while self.input.len() < bytes.len() && self.fill(READ_BYTES)? {}
        Ok(self.input.unread().starts_with(bytes))
    }

    /// Reads up to the next whole requests; those that there are already, if there are some.
    ///
    /// # Errors
    /// The system's.
    pub fn step(&mut self) -> io::Result<Step> {
        // Whatever is in the file was accepted when it was run.
        let limits = Limits { bulk_max: i64::MAX / 4, authenticated: true };
        loop {
            match self.input.unread().first() {
                None if self.is_at_end => return Ok(Step::End),
                None => {
                    self.fill(READ_BYTES)?;
                    continue;
                }
                Some(b'#') => match self.note() {
                    Some(step) => return Ok(step),
                    None if self.is_at_end => return Ok(Step::CutShort),
                    None if self.input.len() > NOTE_MAX => {
                        return Ok(Step::Bad(Error::new("ERR a note without an end")));
                    }
                    None => {
                        self.fill(READ_BYTES)?;
                        continue;
                    }
                },
                Some(b'*') => {}
                Some(_) => return Ok(Step::Bad(Error::new("ERR no request begins like this"))),
            }
            if let Err(error) = self.parser.read(self.input.unread_mut(), limits, BATCH) {
                return Ok(Step::Bad(error.0));
            }
            if !self.parser.is_empty() {
                return Ok(Step::Requests(self.parser.len()));
            }
            if self.is_at_end {
                return Ok(Step::CutShort);
            }
            // Room grows with what has arrived, whatever length is announced.
            let room = self.parser.missing().clamp(READ_BYTES, READ_BYTES + self.input.len());
            self.fill(room)?;
        }
    }

    /// The arguments of one of the whole requests.
    pub fn argv(&self, index: usize) -> Argv<'_> {
        self.parser.argv(self.input.unread(), index)
    }

    /// The arguments of the whole requests.
    pub fn requests(&self) -> impl Iterator<Item = Argv<'_>> + Clone {
        (0..self.parser.len()).map(|index| self.argv(index))
    }

    /// Goes on behind the first `count` of the whole requests.
    pub fn release(&mut self, count: usize) {
        let used = self.parser.release(count);
        self.input.consume(used);
        self.offset += used as u64;
    }

    /// Passes over a note; what it tells, if it is all there.
    fn note(&mut self) -> Option<Step> {
        let bytes = self.input.unread();
        let end = memchr::memchr(b'\n', &bytes[..bytes.len().min(NOTE_MAX)])?;
        let second = bytes[..end].strip_prefix(b"#TS:").map(<[u8]>::trim_ascii_end);
        let second = second.and_then(crate::base::num::parse_i64);
        self.input.consume(end + 1);
        self.offset += end as u64 + 1;
        // Other notes may come with later versions.
        Some(Step::Second(second.unwrap_or(0)))
    }

    /// Reads more; false at the end.
    fn fill(&mut self, room: usize) -> io::Result<bool> {
        let memory = self.input.spare(room);
        let len = memory.len();
        memory.resize(len + room, 0);
        let read = loop {
            match self.file.read(&mut memory[len..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        memory.truncate(len + read.as_ref().copied().unwrap_or(0));
        self.is_at_end = read? == 0;
        Ok(!self.is_at_end)
    }
}

//! The manifest: which files the log consists of, in the text form of Redis 7.
//!
//! A line is `file <name> seq <number> type <b, h or i>`: the base, files that are not needed any
//! more, and incremental files in the order in which they were written.

use crate::base::{num, quoted};

/// Highest number of a file: there will be higher ones.
const SEQ_MAX: i64 = i64::MAX / 2;
/// Longest line, with its end.
const LINE_MAX: usize = 1_024;

/// What a file of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The data of some moment.
    Base,
    /// Not needed any more.
    History,
    /// What has changed since.
    Incr,
}

impl Kind {
    fn letter(self) -> char {
        match self {
            Kind::Base => 'b',
            Kind::History => 'h',
            Kind::Incr => 'i',
        }
    }
}

/// A file of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name, within the log's directory.
    pub name: String,
    /// Its number among those of its kind.
    pub seq: i64,
}

/// All files of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The data of some moment.
    pub base: Option<Part>,
    /// Files that are not needed any more.
    pub history: Vec<Part>,
    /// What has changed since the base, in order.
    pub incr: Vec<Part>,
    /// The highest number of a base so far.
    base_seq: i64,
    /// The highest number of an incremental file so far.
    incr_seq: i64,
}

/// A manifest that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    /// Number and text of the line that is at fault, if one is.
    pub line: Option<(usize, String)>,
    /// What is wrong with it, in Redis's words.
    pub reason: &'static str,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// The first line that is wrong, and why.
    pub fn parse(text: &[u8]) -> Result<Manifest, ManifestError> {
        let error = |line, reason| Err(ManifestError { line, reason });
        if text.is_empty() {
            return error(None, "Found an empty AOF manifest");
        }
        let mut manifest = Manifest::default();
        for (number, line) in (1..).zip(text.split_inclusive(|byte| *byte == b'\n')) {
            if line.starts_with(b"#") {
                continue;
            }
            let shown = String::from_utf8_lossy(line.trim_ascii()).into_owned();
            if line.len() > LINE_MAX || !line.ends_with(b"\n") {
                return error(None, "The AOF manifest file contains too long line");
            }
            if let Err(reason) = manifest.take_line(line.trim_ascii()) {
                return error(Some((number, shown)), reason);
            }
        }
        Ok(manifest)
    }

    fn take_line(&mut self, line: &[u8]) -> Result<(), &'static str> {
        const FORMAT: &str = "Invalid AOF manifest file format";
        let mut line = line.to_vec();
        let mut spans = Vec::new();
        let split = quoted::split(&mut line, |start, len| spans.push(start..start + len));
        if split.is_err() || spans.len() < 6 || !spans.len().is_multiple_of(2) {
            return Err(FORMAT);
        }
        let (mut name, mut seq, mut kind) = (None, None, None);
        for pair in spans.chunks_exact(2) {
            let (word, value) = (&line[pair[0].clone()], &line[pair[1].clone()]);
            // Other words may come with later versions.
            match word.to_ascii_lowercase().as_slice() {
                b"file" => name = Some(String::from_utf8(value.to_vec()).map_err(|_| FORMAT)?),
                b"seq" => seq = num::parse_i64(value).filter(|seq| *seq != 0 && *seq <= SEQ_MAX),
                b"type" => kind = value.first().copied().filter(|_| value.len() == 1),
                _ => {}
            }
        }
        let (Some(name), Some(seq), Some(kind)) = (name, seq, kind) else { return Err(FORMAT) };
        if name.is_empty() || name.contains('/') {
            return Err("File can't be a path, just a filename");
        }
        self.add(kind, Part { name, seq })
    }

    fn add(&mut self, kind: u8, part: Part) -> Result<(), &'static str> {
        match kind {
            b'b' if self.base.is_some() => return Err("Found duplicate base file information"),
            b'b' => {
                self.base_seq = part.seq;
                self.base = Some(part);
            }
            b'h' => self.history.push(part),
            b'i' if part.seq <= self.incr_seq => {
                return Err("Found a non-monotonic sequence number");
            }
            b'i' => {
                self.incr_seq = part.seq;
                self.incr.push(part);
            }
            _ => return Err("Unknown AOF file type"),
        }
        Ok(())
    }

    /// The text that [`Manifest::parse`] reads.
    pub fn to_text(&self) -> String {
        let base = self.base.iter().map(|part| (Kind::Base, part));
        let history = self.history.iter().map(|part| (Kind::History, part));
        let incr = self.incr.iter().map(|part| (Kind::Incr, part));
        let mut text = String::new();
        for (kind, Part { name, seq }) in base.chain(history).chain(incr) {
            let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"'\\".contains(&byte);
            let name = match name.bytes().all(is_plain) {
                true => name.clone(),
                false => quoted::quote(name.as_bytes()),
            };
            text.push_str(&format!("file {name} seq {seq} type {}\n", kind.letter()));
        }
        text
    }

    /// True if it names no data.
    pub fn is_empty(&self) -> bool {
        self.base.is_none() && self.incr.is_empty()
    }

    /// The files that hold the data, in the order in which they are read.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.base.iter().chain(&self.incr)
    }

    /// Makes a file that is there the only one: the log of an older Redis.
    pub fn adopt(&mut self, name: &str) {
        self.base = Some(Part { name: name.to_owned(), seq: 1 });
        self.base_seq = 1;
    }

    /// Puts a new base in the place of the present one; its name.
    pub fn replace_base(&mut self, filename: &str, is_snapshot: bool) -> String {
        if let Some(old) = self.base.take() {
            self.history.insert(0, old);
        }
        self.base_seq += 1;
        let form = if is_snapshot { "rdb" } else { "aof" };
        let name = format!("{filename}.{}.base.{form}", self.base_seq);
        self.base = Some(Part { name: name.clone(), seq: self.base_seq });
        name
    }

    /// Adds an incremental file; its name.
    pub fn add_incr(&mut self, filename: &str) -> String {
        self.incr_seq += 1;
        let name = format!("{filename}.{}.incr.aof", self.incr_seq);
        self.incr.push(Part { name: name.clone(), seq: self.incr_seq });
        name
    }

    /// Declares that incremental files are not needed any more, all but the last `kept` ones.
    pub fn retire_incr(&mut self, kept: usize) {
        let count = self.incr.len().saturating_sub(kept);
        // The latest first, as in Redis.
        let retired: Vec<Part> = self.incr.drain(..count).collect();
        retired.into_iter().for_each(|part| self.history.insert(0, part));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_read_back() {
        let mut manifest = Manifest::default();
        manifest.add_incr("a b");
        manifest.replace_base("a b", true);
        manifest.add_incr("a b");
        manifest.retire_incr(1);
        manifest.replace_base("a b", false);
        let text = manifest.to_text();
        assert_eq!(
            text,
            "file \"a b.2.base.aof\" seq 2 type b\n\
             file \"a b.1.base.rdb\" seq 1 type h\n\
             file \"a b.1.incr.aof\" seq 1 type h\n\
             file \"a b.2.incr.aof\" seq 2 type i\n"
        );
        assert_eq!(Manifest::parse(text.as_bytes()), Ok(manifest));
    }

    #[test]
    fn unknown_words_and_comments_are_passed_over() {
        let text = b"# by hand\nfile x seq 3 type i new word\nFILE y SEQ 5 TYPE i\n";
        let manifest = Manifest::parse(text).unwrap();
        assert_eq!(manifest.incr.len(), 2);
        assert_eq!(manifest.clone().add_incr("z"), "z.6.incr.aof");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let long = format!("file {} seq 1 type i\n", "x".repeat(LINE_MAX));
        let cases = [
            ("", "Found an empty AOF manifest"),
            ("\n", "Invalid AOF manifest file format"),
            ("file x seq 1 type i", "The AOF manifest file contains too long line"),
            (&long, "The AOF manifest file contains too long line"),
            ("file x type i\n", "Invalid AOF manifest file format"),
            ("file x seq 1 type i y\n", "Invalid AOF manifest file format"),
            ("filx x seq 1 type i\n", "Invalid AOF manifest file format"),
            ("file x seq 0 type i\n", "Invalid AOF manifest file format"),
            ("file x seq 9223372036854775807 type i\n", "Invalid AOF manifest file format"),
            ("file \"x seq 1 type i\n", "Invalid AOF manifest file format"),
            ("file a/b seq 1 type i\n", "File can't be a path, just a filename"),
            ("file x seq 1 type x\n", "Unknown AOF file type"),
            ("file x seq 1 type b\nfile y seq 2 type b\n", "Found duplicate base file information"),
            ("file x seq 2 type i\nfile y seq 2 type i\n", "Found a non-monotonic sequence number"),
        ];
        for (text, reason) in cases {
            let error = Manifest::parse(text.as_bytes()).unwrap_err();
            assert_eq!(error.reason, reason, "{text}");
        }
        let error = Manifest::parse(b"file x seq 1 type b\n!!!\n").unwrap_err();
        assert_eq!(error.line, Some((2, "!!!".to_owned())));
    }
}

//! The stream of changes: the latest bytes of it, each at its offset for ever.
//!
//! It is one for all replicas. As much of it stays as the backlog is to hold, for replicas that
//! come back, and what the slowest replica has not been sent yet.

use std::collections::VecDeque;

/// Bytes of a piece; a piece goes as a whole.
const PIECE_BYTES: usize = 16 * 1024;
/// A piece is no more than this part of the backlog, so that the backlog keeps its length well.
const PIECES_LEAST: usize = 16;

/// The latest bytes of a stream.
#[derive(Debug, Default)]
pub struct Stream {
    /// Oldest first; none is empty.
    pieces: VecDeque<Piece>,
    /// Offset of the first byte held.
    start: u64,
    /// Offset behind the last byte: how many there have been.
    end: u64,
    /// Bytes that there is room for in the pieces.
    capacity: usize,
}

#[derive(Debug)]
struct Piece {
    start: u64,
    bytes: Vec<u8>,
}

impl Stream {
    /// A stream that goes on behind `offset` and holds nothing.
    pub fn after(offset: u64) -> Stream {
        Stream { pieces: VecDeque::new(), start: offset, end: offset, capacity: 0 }
    }

    /// Offset of the first byte held.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Offset behind the last byte.
    #[inline]
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Bytes held.
    pub fn len(&self) -> u64 {
        self.end - self.start
    }

    /// True if no bytes are held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory held.
    pub fn memory_bytes(&self) -> usize {
        self.capacity + self.pieces.capacity() * size_of::<Piece>()
    }

    /// Appends bytes, in pieces that suit a backlog of `backlog_bytes`.
    pub fn append(&mut self, mut bytes: &[u8], backlog_bytes: usize) {
        let piece_bytes = PIECE_BYTES.min(backlog_bytes / PIECES_LEAST).max(1);
        while !bytes.is_empty() {
            let room = match self.pieces.back_mut() {
                Some(last) if last.bytes.len() < last.bytes.capacity() => last,
                _ => {
                    let bytes = Vec::with_capacity(piece_bytes);
                    self.capacity += bytes.capacity();
                    self.pieces.push_back(Piece { start: self.end, bytes });
                    continue;
                }
            };
            let free = room.bytes.capacity() - room.bytes.len();
            let (now, later) = bytes.split_at(free.min(bytes.len()));
            room.bytes.extend_from_slice(now);
            self.end += now.len() as u64;
            bytes = later;
        }
    }

    /// True if what follows `offset` can be had.
    pub fn reaches(&self, offset: u64) -> bool {
        (self.start..=self.end).contains(&offset)
    }

    /// The bytes from `offset` on that stand in one piece; empty at the end, `None` if they are not
    /// held.
    pub fn piece_at(&self, offset: u64) -> Option<&[u8]> {
        if !self.reaches(offset) {
            return None;
        }
        let behind = self.pieces.partition_point(|piece| piece.start <= offset);
        let Some(piece) = behind.checked_sub(1).and_then(|index| self.pieces.get(index)) else {
            return Some(&[]);
        };
        let skipped = usize::try_from(offset - piece.start).unwrap_or(usize::MAX);
        piece.bytes.get(skipped..)
    }

    /// Drops pieces in front as long as `backlog_bytes` are left, and all from `needed` on.
    pub fn trim(&mut self, backlog_bytes: u64, needed: u64) {
        while let Some(first) = self.pieces.front() {
            let behind = first.start + first.bytes.len() as u64;
            if self.end - behind < backlog_bytes || behind > needed || behind == self.end {
                return;
            }
            self.start = behind;
            self.capacity -= first.bytes.capacity();
            self.pieces.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(stream: &Stream, mut offset: u64) -> Option<Vec<u8>> {
        let mut all = Vec::new();
        loop {
            let piece = stream.piece_at(offset)?;
            if piece.is_empty() {
                return Some(all);
            }
            all.extend_from_slice(piece);
            offset += piece.len() as u64;
        }
    }

    #[test]
    fn what_is_held_is_what_was_appended() {
        let mut rng = fastrand::Rng::with_seed(1);
        let (first, backlog) = (1_000, 5_000);
        let (mut stream, mut all) = (Stream::after(first), Vec::new());
        let mut needed = first;
        for _ in 0..3_000 {
            let bytes = vec![rng.u8(..); rng.usize(0..700)];
            stream.append(&bytes, backlog);
            all.extend_from_slice(&bytes);
            needed = rng.u64(needed..=stream.end()).max(stream.end().saturating_sub(20_000));
            needed = needed.max(stream.start());
            stream.trim(backlog as u64, needed);
            assert_eq!(stream.end(), first + all.len() as u64);
            assert!(stream.start() <= needed && stream.reaches(needed));
            let at = rng.u64(stream.start()..=stream.end());
            let from = usize::try_from(at - first).expect("small");
            assert_eq!(read(&stream, at).as_deref(), Some(&all[from..]));
            let kept = usize::try_from(stream.len()).expect("small");
            assert!(kept >= backlog.min(all.len()));
        }
        assert_eq!(read(&stream, stream.start() - 1), None);
        assert_eq!(read(&stream, stream.end() + 1), None);
    }

    #[test]
    fn a_backlog_holds_little_more_than_its_size() {
        let mut stream = Stream::after(0);
        for _ in 0..10_000 {
            stream.append(&[b'x'; 100], 65_536);
            stream.trim(65_536, u64::MAX);
        }
        assert!((65_536..=65_536 + 4_096).contains(&stream.len()), "{}", stream.len());
        assert!(stream.memory_bytes() < 80_000);
    }

    #[test]
    fn an_empty_stream_reaches_its_own_end_only() {
        let stream = Stream::after(7);
        assert_eq!(
            (stream.piece_at(7), stream.piece_at(6), stream.piece_at(8)),
            (Some(&[][..]), None, None)
        );
    }
}

//! Bytes on their way to one client.

use std::collections::VecDeque;
use std::io::IoSlice;

/// A chunk this long is closed at the end of a reply, so that what waits is never copied as a whole
/// to grow.
const CHUNK_BYTES: usize = 64 * 1024;
/// Most memory that is lent for the next reply; more is given back once it is written.
pub const LENT_BYTES: usize = 16 * 1024;

/// Which version of the protocol replies are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// RESP2, which connections begin with.
    #[default]
    Resp2,
    /// RESP3, after `HELLO 3`.
    Resp3,
}

/// The output buffer of one client: replies are written behind, the socket takes from the front.
#[derive(Default)]
pub struct Output {
    /// What replies are written in.
    pub protocol: Protocol,
    /// Closed chunks, oldest first; none is empty.
    chunks: VecDeque<Vec<u8>>,
    /// Bytes in them.
    chunk_bytes: usize,
    /// The chunk being written.
    pub(super) tail: Vec<u8>,
    /// Bytes at the very front that the socket has taken already.
    sent: usize,
    /// Bytes over which replies are no longer written, since the client is to be closed for them
    /// anyway; zero for none.
    cap: usize,
}

/// A moment in the output, to go back to; see [`Output::mark`].
#[derive(Clone, Copy)]
pub struct Mark(usize);

impl Output {
    /// Bytes that wait to be sent.
    #[inline]
    pub fn len(&self) -> usize {
        self.chunk_bytes + self.tail.len() - self.sent
    }

    /// True if nothing waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sets how many bytes may wait before strings are dropped; zero for any number.
    pub fn set_cap(&mut self, cap: usize) {
        self.cap = cap;
    }

    /// True if strings are dropped from some number of bytes on.
    #[inline]
    pub fn is_limited(&self) -> bool {
        self.cap != 0
    }

    /// True if so much waits that another string is not worth writing.
    #[inline]
    pub fn is_capped(&self) -> bool {
        self.cap != 0 && self.len() > self.cap
    }

    /// Takes memory to write the next reply into, if it has none.
    #[inline]
    pub fn lend(&mut self, pool: &mut Vec<Vec<u8>>) {
        if self.tail.capacity() == 0
            && let Some(memory) = pool.pop()
        {
            self.tail = memory;
        }
    }

    /// Gives memory that is not in use back.
    #[inline]
    pub fn reclaim(&mut self, pool: &mut Vec<Vec<u8>>) {
        if self.is_empty() && (1..=LENT_BYTES).contains(&self.tail.capacity()) {
            pool.push(std::mem::take(&mut self.tail));
        }
    }

    /// Number of chunks that wait behind the first one.
    pub fn chunks_waiting(&self) -> usize {
        self.chunks.len()
    }

    /// Bytes of memory held.
    pub fn memory_bytes(&self) -> usize {
        self.chunks.iter().map(Vec::capacity).sum::<usize>() + self.tail.capacity()
    }

    /// The present end, to which [`Output::rollback`] can return until [`Output::close_chunk`].
    #[inline]
    pub fn mark(&self) -> Mark {
        Mark(self.tail.len())
    }

    /// Takes back all that was written since `mark`.
    #[inline]
    pub fn rollback(&mut self, mark: Mark) {
        self.tail.truncate(mark.0);
    }

    /// Closes the current chunk if it is long; called between replies.
    #[inline]
    pub fn close_chunk(&mut self) {
        if self.tail.len() >= CHUNK_BYTES {
            self.chunk_bytes += self.tail.len();
            self.chunks.push_back(std::mem::take(&mut self.tail));
        }
    }

    /// Appends bytes that are in the form of the wire already.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
    }

    /// Drops everything that waits.
    pub fn clear(&mut self) {
        *self = Output { protocol: self.protocol, ..Output::default() };
    }

    /// What waits, if it is in one piece, as it nearly always is.
    #[inline]
    pub fn single(&self) -> Option<&[u8]> {
        self.chunks.is_empty().then(|| &self.tail[self.sent..])
    }

    /// The pieces that wait, in order: as many as fit into `slices`. Returns how many were filled.
    pub fn fill_slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut skip = self.sent;
        let mut count = 0;
        let pieces = self.chunks.iter().chain(std::iter::once(&self.tail));
        for (slice, piece) in slices.iter_mut().zip(pieces) {
            *slice = IoSlice::new(&piece[skip..]);
            skip = 0;
            count += 1;
        }
        count
    }

    /// Drops `count` bytes that the socket has taken.
    pub fn consume(&mut self, count: usize) {
        debug_assert!(count <= self.len(), "no more is sent than waits");
        self.sent += count;
        while let Some(first) = self.chunks.front()
            && self.sent >= first.len()
        {
            self.sent -= first.len();
            self.chunk_bytes -= first.len();
            self.chunks.pop_front();
        }
        if self.chunks.is_empty() && self.sent == self.tail.len() {
            self.sent = 0;
            self.tail.clear();
            if self.tail.capacity() > LENT_BYTES {
                self.tail = Vec::new();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_in_order_however_they_are_taken() {
        let mut rng = fastrand::Rng::with_seed(2);
        let mut output = Output::default();
        let (mut written, mut taken) = (Vec::new(), Vec::new());
        for round in 0..2_000u32 {
            let piece = vec![rng.u8(..); rng.usize(0..20_000)];
            output.raw(&piece);
            written.extend_from_slice(&piece);
            output.close_chunk();
            let mut slices = [IoSlice::new(&[]); 4];
            let filled = output.fill_slices(&mut slices);
            let joined: Vec<u8> = slices[..filled].iter().flat_map(|s| s.iter().copied()).collect();
            assert!(output.single().is_none_or(|single| single == joined));
            let count = if round % 10 == 0 { joined.len() } else { rng.usize(0..=joined.len()) };
            taken.extend_from_slice(&joined[..count]);
            output.consume(count);
            assert_eq!(output.len(), written.len() - taken.len());
        }
        assert_eq!(taken, written[..taken.len()]);
    }

    #[test]
    fn memory_is_given_back_once_all_is_sent() {
        let mut output = Output::default();
        output.raw(&[0; 1 << 20]);
        output.consume(1 << 20);
        assert_eq!(output.memory_bytes(), 0);
        let mut pool = vec![Vec::with_capacity(100)];
        output.lend(&mut pool);
        output.ok();
        output.reclaim(&mut pool);
        assert_eq!((pool.len(), output.len()), (0, 5));
        output.consume(5);
        output.reclaim(&mut pool);
        assert_eq!((pool.len(), output.memory_bytes()), (1, 0));
    }

    #[test]
    fn a_rollback_leaves_what_was_there() {
        let mut output = Output::default();
        output.raw(b"+OK\r\n");
        let mark = output.mark();
        output.raw(b"*2\r\n");
        output.rollback(mark);
        assert_eq!(output.single(), Some(&b"+OK\r\n"[..]));
    }
}

//! The buffer between a socket and a parser: filled behind, consumed in front.

/// Bytes that have arrived and are not consumed yet, always in one piece.
#[derive(Default)]
pub struct ReadBuffer {
    bytes: Vec<u8>,
    head: usize,
}

impl ReadBuffer {
    /// A buffer that uses the memory of `bytes` and is empty.
    pub fn with(mut bytes: Vec<u8>) -> ReadBuffer {
        bytes.clear();
        ReadBuffer { bytes, head: 0 }
    }

    /// Gives the memory back; what was in it is lost.
    pub fn into_memory(self) -> Vec<u8> {
        self.bytes
    }

    /// Bytes not consumed.
    pub fn len(&self) -> usize {
        self.bytes.len() - self.head
    }

    /// True if everything is consumed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory held.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// What is not consumed.
    pub fn unread(&self) -> &[u8] {
        &self.bytes[self.head..]
    }

    /// What is not consumed, for parsers that unescape in place.
    pub fn unread_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.head..]
    }

    /// Drops `count` bytes in front.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn consume(&mut self, count: usize) {
        assert!(count <= self.len(), "consumed {count} of {}", self.len());
        self.head += count;
        if self.head == self.bytes.len() {
            self.bytes.clear();
            self.head = 0;
        }
    }

    /// Appends bytes; memory grows no more than it has to.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.bytes.reserve_exact(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    /// The memory to read into: at least `room` bytes of spare capacity behind what is there.
    ///
    /// Unread bytes move to the front first, so that consumed space is used again; they are moved
    /// only when the spare room is short, and growth is geometric, so no byte is moved more than a
    /// few times.
    pub fn spare(&mut self, room: usize) -> &mut Vec<u8> {
        if self.bytes.capacity() - self.bytes.len() < room {
            if self.head > 0 {
                self.bytes.drain(..self.head);
                self.head = 0;
            }
            self.bytes.reserve(room);
        }
        &mut self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_in_the_order_they_came() {
        let mut rng = fastrand::Rng::with_seed(3);
        let mut buffer = ReadBuffer::default();
        let (mut next_in, mut next_out) = (0u8, 0u8);
        for _ in 0..5_000 {
            let count = rng.usize(0..300);
            let memory = buffer.spare(count);
            assert!(memory.capacity() - memory.len() >= count);
            for _ in 0..count {
                memory.push(next_in);
                next_in = next_in.wrapping_add(1);
            }
            let take = rng.usize(0..=buffer.len());
            for byte in &buffer.unread()[..take] {
                assert_eq!(*byte, next_out);
                next_out = next_out.wrapping_add(1);
            }
            buffer.consume(take);
        }
    }
}

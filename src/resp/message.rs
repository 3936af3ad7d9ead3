//! Messages that answer no request: put into the form of the wire once, written to many.

use super::output::{Output, Protocol};
use crate::base::num;

/// Room for what stands around an item: a type byte, 20 digits, two line ends.
const AROUND_ITEM: usize = 25;

/// A list of strings as a message, in the form of RESP2. In RESP3 only its first byte is another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message(Vec<u8>);

impl Message {
    /// A message of these items.
    pub fn new(items: &[&[u8]]) -> Message {
        let room = items.iter().map(|item| item.len() + AROUND_ITEM).sum::<usize>();
        let mut bytes = Vec::with_capacity(room + AROUND_ITEM);
        bytes.push(b'*');
        num::push_len(&mut bytes, items.len());
        bytes.extend_from_slice(b"\r\n");
        for item in items {
            bytes.push(b'$');
            num::push_len(&mut bytes, item.len());
            bytes.extend_from_slice(b"\r\n");
            bytes.extend_from_slice(item);
            bytes.extend_from_slice(b"\r\n");
        }
        Message(bytes)
    }

    /// Its length in bytes, which is never zero.
    #[allow(clippy::len_without_is_empty, reason = "none is empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl Output {
    /// A message, in the form of the client's protocol.
    #[inline]
    pub fn message(&mut self, message: &Message) {
        match self.protocol {
            Protocol::Resp2 => self.raw(&message.0),
            Protocol::Resp3 => {
                self.tail.reserve(message.0.len());
                self.tail.push(b'>');
                self.raw(&message.0[1..]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_what_replies_would_write() {
        let items: [&[u8]; 3] = [b"message", b"", &[b'x'; 1_000]];
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            let (mut as_message, mut as_replies) = (Output::default(), Output::default());
            (as_message.protocol, as_replies.protocol) = (protocol, protocol);
            as_message.message(&Message::new(&items));
            as_replies.push(items.len());
            items.iter().for_each(|item| as_replies.bulk(item));
            assert_eq!(as_message.single(), as_replies.single());
        }
    }
}

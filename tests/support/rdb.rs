//! Snapshots made by hand, byte by byte.

use spindle::base::crc64;

/// Bytes of a snapshot that is being made.
pub struct Rdb(pub Vec<u8>);

impl Rdb {
    /// A snapshot of a version.
    pub fn new(version: u32) -> Rdb {
        Rdb(format!("REDIS{version:04}").into_bytes())
    }

    pub fn bytes(mut self, bytes: &[u8]) -> Rdb {
        self.0.extend_from_slice(bytes);
        self
    }

    /// A string as its bytes, which are fewer than 64, or as many as 32 bits can tell.
    pub fn string(self, text: &[u8]) -> Rdb {
        let head = match u8::try_from(text.len()) {
            Ok(len @ 0..64) => vec![len],
            _ => [&[0x80][..], &u32::try_from(text.len()).expect("short").to_be_bytes()].concat(),
        };
        self.bytes(&head).bytes(text)
    }

    /// A key of a type, whose value follows.
    pub fn key(self, code: u8, key: &str) -> Rdb {
        self.bytes(&[code]).string(key.as_bytes())
    }

    /// The end, with the sum.
    pub fn end(mut self) -> Vec<u8> {
        self.0.push(0xFF);
        let sum = crc64::of(&self.0);
        self.0.extend(sum.to_le_bytes());
        self.0
    }
}

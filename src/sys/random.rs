//! Chance that nobody can guess.

use rustix::rand::{GetRandomFlags, getrandom};
use std::io;

/// Fills a buffer with it.
///
/// # Errors
/// That the system has none.
pub fn fill(buffer: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while filled < buffer.len() {
        match getrandom(&mut buffer[filled..], GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_of_any_length_is_filled() {
        let mut buffer = [0; 1_000];
        fill(&mut buffer).unwrap();
        assert!(buffer.chunks(100).all(|chunk| chunk.iter().any(|byte| *byte != 0)));
        fill(&mut []).unwrap();
    }
}

//! The arguments of a request, borrowed from the buffer that holds it or owned.

use crate::base::num;
use std::ops::Range;

/// Where an argument stands, from the start of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// Bytes.
    pub len: usize,
}

/// Arguments, the command's name first; there is at least one.
#[derive(Clone, Copy)]
pub struct Argv<'a> {
    bytes: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Argv<'a> {
    /// Arguments that stand at `spans` of `bytes`.
    #[inline]
    pub fn new(bytes: &'a [u8], spans: &'a [Span]) -> Argv<'a> {
        debug_assert!(!spans.is_empty(), "a request has a name");
        Argv { bytes, spans }
    }

    /// Number of arguments, the name included.
    #[inline]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Never true: there is always a name.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The argument at `index`; 0 is the name.
    ///
    /// # Panics
    /// If there are fewer: arity is checked before a handler runs.
    #[inline]
    pub fn at(&self, index: usize) -> &'a [u8] {
        let span = self.spans[index];
        &self.bytes[span.start..span.start + span.len]
    }

    /// The argument at `index`, if there are so many.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        (index < self.len()).then(|| self.at(index))
    }

    /// The arguments from `index` on.
    pub fn from(&self, index: usize) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        let argv = *self;
        (index..argv.len()).map(move |index| argv.at(index))
    }

    /// The bytes of the request as it came, if they are the ones that it is written in: what is
    /// parsed may have other ends of lines, and zeros in front.
    #[inline]
    pub fn wire(&self) -> Option<&'a [u8]> {
        if self.bytes.first() != Some(&b'*') {
            return None;
        }
        let mut at = 1 + num::digits(self.spans.len());
        for span in self.spans {
            let start = at + 5 + num::digits(span.len);
            let is_plain = span.start == start
                && self.bytes.get(at..at + 3) == Some(b"\r\n$")
                && self.bytes.get(start - 2..start) == Some(b"\r\n");
            if !is_plain {
                return None;
            }
            at = start + span.len;
        }
        (self.bytes.get(at..at + 2) == Some(b"\r\n")).then(|| &self.bytes[..at + 2])
    }

    /// The arguments from `index` on as arguments of their own, as in `COMMAND GETKEYS GET key`.
    ///
    /// # Panics
    /// If there are none.
    #[must_use]
    pub fn tail(&self, index: usize) -> Argv<'a> {
        Argv::new(self.bytes, &self.spans[index..])
    }
}

/// Arguments that own their bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArgvBuf {
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

impl ArgvBuf {
    /// No arguments yet.
    pub fn new() -> ArgvBuf {
        ArgvBuf::default()
    }

    /// Appends an argument.
    pub fn push(&mut self, argument: &[u8]) {
        self.spans.push(Span { start: self.bytes.len(), len: argument.len() });
        self.bytes.extend_from_slice(argument);
    }

    /// The arguments, borrowed.
    pub fn borrow(&self) -> Argv<'_> {
        Argv::new(&self.bytes, &self.spans)
    }
}

impl<A: AsRef<[u8]>> FromIterator<A> for ArgvBuf {
    fn from_iter<I: IntoIterator<Item = A>>(arguments: I) -> ArgvBuf {
        let mut argv = ArgvBuf::new();
        arguments.into_iter().for_each(|argument| argv.push(argument.as_ref()));
        argv
    }
}

/// A piece of memory for requests is closed once it is this long, so that little is copied to grow.
const PIECE_BYTES: usize = 16 * 1024;
/// Room that is made for the first requests.
const FIRST_BYTES: usize = 512;
const FIRST_SPANS: usize = 32;

/// Requests that wait: their arguments stand one after the other in few pieces of memory.
#[derive(Default)]
pub struct Requests {
    pieces: Vec<ArgvBuf>,
    /// The piece of each request, and where its arguments begin and end there.
    places: Vec<(usize, Range<usize>)>,
    /// Bytes of all arguments.
    bytes: usize,
}

impl Requests {
    /// Number of requests.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// True without requests.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Forgets all requests, and keeps memory for a few.
    pub fn clear(&mut self) {
        self.pieces.truncate(1);
        if let Some(ArgvBuf { bytes, spans }) = self.pieces.first_mut() {
            bytes.clear();
            spans.clear();
        }
        self.places.clear();
        self.bytes = 0;
    }

    /// Appends a copy of a request.
    pub fn push(&mut self, argv: Argv<'_>) {
        if self.pieces.last().is_none_or(|piece| piece.bytes.len() >= PIECE_BYTES) {
            let (bytes, spans) = (Vec::with_capacity(FIRST_BYTES), Vec::with_capacity(FIRST_SPANS));
            self.pieces.push(ArgvBuf { bytes, spans });
        }
        let at = self.pieces.len() - 1;
        let piece = &mut self.pieces[at];
        let (first, before) = (piece.spans.len(), piece.bytes.len());
        argv.from(0).for_each(|argument| piece.push(argument));
        self.bytes += piece.bytes.len() - before;
        self.places.push((at, first..piece.spans.len()));
    }

    /// The requests, in order.
    pub fn iter(&self) -> impl Iterator<Item = Argv<'_>> + Clone {
        self.places.iter().map(|(piece, spans)| {
            let ArgvBuf { bytes, spans: all } = &self.pieces[*piece];
            Argv::new(bytes, &all[spans.clone()])
        })
    }

    /// Bytes of memory, roughly.
    pub fn memory_bytes(&self) -> usize {
        let spans: usize = self.places.iter().map(|(_, spans)| spans.len()).sum();
        let places = self.places.capacity() * size_of::<(usize, Range<usize>)>();
        self.bytes + spans * size_of::<Span>() + places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_come_out_as_they_went_in() {
        let (mut rng, mut requests, mut expected) =
            (fastrand::Rng::with_seed(3), Requests::default(), Vec::new());
        assert!(requests.is_empty());
        requests.push([b"before"; 3].into_iter().collect::<ArgvBuf>().borrow());
        requests.clear();
        assert!(requests.is_empty() && requests.iter().next().is_none());
        for _ in 0..500 {
            let count = rng.usize(1..6);
            let argv: ArgvBuf = (0..count).map(|_| vec![rng.u8(..); rng.usize(0..200)]).collect();
            requests.push(argv.borrow());
            expected.push(argv);
        }
        assert!(requests.pieces.len() > 1 && requests.len() == 500);
        for (argv, expected) in requests.iter().zip(&expected) {
            assert!(argv.from(0).eq(expected.borrow().from(0)));
        }
        assert!(requests.memory_bytes() > requests.bytes);
    }

    #[test]
    fn arguments_keep_their_order_and_bytes() {
        let owned: ArgvBuf = ["COMMAND", "GETKEYS", "get", ""].into_iter().collect();
        let argv = owned.borrow();
        assert_eq!((argv.len(), argv.at(2), argv.at(3)), (4, &b"get"[..], &b""[..]));
        assert_eq!((argv.get(3), argv.get(4)), (Some(&b""[..]), None));
        assert_eq!(argv.tail(2).at(0), b"get");
        assert_eq!(argv.from(1).count(), 3);
    }
}

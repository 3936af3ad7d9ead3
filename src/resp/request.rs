//! Reading requests: an incremental parser that finds the arguments where they stand in the buffer.
//!
//! It can be called after every read with whatever has arrived; it keeps its place, so no byte is
//! looked at twice (but for the line being read), and it allocates only for the lists of requests
//! and arguments, which are used again. It reads several requests ahead, so that what they will
//! need can be fetched together.

use super::argv::{Argv, Span};
use super::error::Error;
use crate::base::num;
use crate::base::quoted;

/// Longest inline request, and longest line with a length, in bytes.
pub const INLINE_MAX: usize = 64 * 1024;
/// Most arguments in a request, as in Redis; what they may take together is bounded by the bytes
/// that may wait.
pub const ARGS_MAX: i64 = i32::MAX as i64;
/// Most arguments before the client has authenticated.
pub const UNAUTHENTICATED_ARGS_MAX: i64 = 10;
/// Longest argument before the client has authenticated, in bytes.
pub const UNAUTHENTICATED_BULK_MAX: i64 = 16 * 1024;

/// Room for arguments that is kept between requests.
const SPANS_KEPT: usize = 64;

/// What a client may send at this moment.
#[derive(Clone, Copy)]
pub struct Limits {
    /// Longest argument in bytes (`proto-max-bulk-len`).
    pub bulk_max: i64,
    /// Whether the client has authenticated; if not, tighter limits hold.
    pub authenticated: bool,
}

/// A request that breaks the protocol; the connection cannot go on after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolError(pub Error);

/// The state of reading one connection: whole requests, and how far the one behind them has been
/// read.
///
/// All positions count from the first byte that has not been released.
#[derive(Default)]
pub struct Parser {
    /// Arguments of the whole requests, then of the incomplete one; each counts from the start of
    /// its request.
    spans: Vec<Span>,
    /// The whole requests.
    requests: Vec<Request>,
    /// Where the incomplete request begins.
    start: usize,
    /// Bytes that are read.
    at: usize,
    /// Arguments of the incomplete request still to come; zero between requests.
    args_left: usize,
    /// Length of the argument whose bytes come next.
    bulk_len: Option<usize>,
    /// Bytes that have to arrive before anything more can be read, at least.
    missing: usize,
}

/// A whole request.
#[derive(Clone, Copy)]
struct Request {
    start: usize,
    /// Where its arguments end among the spans.
    spans_end: usize,
}

impl Parser {
    /// Reads on, until there are `max` whole requests or no more in `bytes`, which is what has not
    /// been released.
    ///
    /// Every call must be given the same bytes again, with more behind them. Inline requests are
    /// unescaped in place, and only the first of the whole requests is ever one.
    ///
    /// # Errors
    /// The protocol error to send, once no whole request is left in front of it.
    #[inline(never)] // A name of its own in profiles; called once a burst.
    pub fn read(
        &mut self,
        bytes: &mut [u8],
        limits: Limits,
        max: usize,
    ) -> Result<(), ProtocolError> {
        while self.requests.len() < max {
            if self.args_left == 0 && self.read_plain(bytes) {
                continue;
            }
            match self.read_one(bytes, limits) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) if self.requests.is_empty() => return Err(error),
                Err(_) => {
                    // The requests in front have their turn first; then the same bytes give the
                    // same error.
                    self.rewind();
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Number of whole requests.
    #[inline]
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// True without a whole request.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// The arguments of a whole request, which stand in `bytes`.
    #[inline]
    pub fn argv<'a>(&'a self, bytes: &'a [u8], index: usize) -> Argv<'a> {
        let request = self.requests[index];
        let spans_start = if index == 0 { 0 } else { self.requests[index - 1].spans_end };
        Argv::new(&bytes[request.start..], &self.spans[spans_start..request.spans_end])
    }

    /// All bytes of a whole request, which stand in `bytes`, with what was skipped in front of it.
    pub fn raw<'a>(&self, bytes: &'a [u8], index: usize) -> &'a [u8] {
        let start = if index == 0 { 0 } else { self.requests[index].start };
        let end = self.requests.get(index + 1).map_or(self.start, |next| next.start);
        &bytes[start..end]
    }

    /// Forgets the first `count` whole requests; returns how many bytes they took, which are not to
    /// be given again.
    pub fn release(&mut self, count: usize) -> usize {
        let released = self.requests.get(count).map_or(self.start, |next| next.start);
        let spans = count.checked_sub(1).map_or(0, |last| self.requests[last].spans_end);
        self.spans.drain(..spans);
        self.requests.drain(..count);
        for request in &mut self.requests {
            request.start -= released;
            request.spans_end -= spans;
        }
        self.start -= released;
        self.at -= released;
        released
    }

    /// Bytes that have to arrive before there can be another whole request, at least.
    pub fn missing(&self) -> usize {
        self.missing
    }

    /// Arguments of the incomplete request that have arrived whole.
    pub fn pending_args(&self) -> usize {
        self.spans.len() - self.requests.last().map_or(0, |request| request.spans_end)
    }

    /// Bytes of the incomplete request that have been read; what follows them has not.
    pub fn pending_bytes(&self) -> usize {
        self.at - self.start
    }

    /// Gives back memory that an uncommonly long request has taken.
    pub fn trim(&mut self) {
        if self.spans.is_empty() && self.spans.capacity() > SPANS_KEPT {
            self.spans = Vec::new();
        }
    }

    /// Goes back to the start of the incomplete request.
    fn rewind(&mut self) {
        self.spans.truncate(self.requests.last().map_or(0, |request| request.spans_end));
        self.at = self.start;
        (self.args_left, self.bulk_len) = (0, None);
    }

    /// Reads a request as nearly all are: of less than ten arguments of less than a hundred bytes
    /// each, which no limit forbids. False if it is of another kind or not all there: then what was
    /// read is kept, and [`Parser::read_one`] goes on from there.
    #[inline]
    fn read_plain(&mut self, bytes: &[u8]) -> bool {
        let rest = bytes.get(self.start..).unwrap_or_default();
        let &[b'*', count @ b'1'..=b'9', b'\r', b'\n', ..] = rest else { return false };
        let (mut at, mut args_left) = (4, usize::from(count - b'0'));
        while args_left > 0
            && let Some(span) = plain_argument(rest, at)
        {
            self.spans.push(span);
            at = span.start + span.len + 2;
            args_left -= 1;
        }
        (self.at, self.args_left) = (self.start + at, args_left);
        if args_left == 0 {
            self.complete();
        }
        args_left == 0
    }

    /// Reads one more whole request; false if it is not all there.
    #[inline]
    fn read_one(&mut self, bytes: &mut [u8], limits: Limits) -> Result<bool, ProtocolError> {
        while self.args_left == 0 {
            self.missing = 1;
            match bytes.get(self.start) {
                None => return Ok(false),
                Some(b'*') => match self.count(bytes, limits)? {
                    None => return Ok(false),
                    Some(0) => self.start = self.at,
                    Some(count) => self.args_left = count,
                },
                // It must not be unescaped before it is certain that it runs next.
                Some(_) if !self.requests.is_empty() => return Ok(false),
                Some(_) => match self.inline(bytes)? {
                    None => return Ok(false),
                    Some(0) => self.start = self.at,
                    Some(_) => {
                        self.complete();
                        return Ok(true);
                    }
                },
            }
        }
        let is_whole = self.arguments(bytes, limits)?;
        if is_whole {
            self.complete();
        }
        Ok(is_whole)
    }

    /// Counts the request that has been read among the whole ones.
    fn complete(&mut self) {
        self.requests.push(Request { start: self.start, spans_end: self.spans.len() });
        self.start = self.at;
    }

    /// Reads `*<count>`; zero for requests without arguments, `None` if it is not all there.
    fn count(&mut self, bytes: &[u8], limits: Limits) -> Result<Option<usize>, ProtocolError> {
        let rest = &bytes[self.start..];
        let Some(end) = line_end(rest, "mbulk count")? else { return Ok(None) };
        let count = parse_length(&rest[..end]).filter(|count| *count <= ARGS_MAX);
        let Some(count) = count else { return Err(protocol_error("invalid multibulk length")) };
        if count > UNAUTHENTICATED_ARGS_MAX && !limits.authenticated {
            return Err(protocol_error("unauthenticated multibulk length"));
        }
        self.at = self.start + end + 2;
        // A negative count is as good as none.
        Ok(Some(usize::try_from(count).unwrap_or(0)))
    }

    /// Reads the arguments that are left; false if they are not all there.
    #[inline]
    fn arguments(&mut self, bytes: &[u8], limits: Limits) -> Result<bool, ProtocolError> {
        while self.args_left > 0 {
            let len = match self.bulk_len {
                Some(len) => len,
                None => match self.bulk_header(bytes, limits)? {
                    Some(len) => len,
                    None => {
                        self.missing = 1;
                        return Ok(false);
                    }
                },
            };
            let end = self.at + len + 2;
            if bytes.len() < end {
                self.bulk_len = Some(len);
                self.missing = end - bytes.len();
                return Ok(false);
            }
            self.bulk_len = None;
            self.spans.push(Span { start: self.at - self.start, len });
            self.at = end;
            self.args_left -= 1;
        }
        Ok(true)
    }

    /// Reads `$<length>` and moves behind it; `None` if it is not all there.
    #[inline]
    fn bulk_header(
        &mut self,
        bytes: &[u8],
        limits: Limits,
    ) -> Result<Option<usize>, ProtocolError> {
        // Short and all there: what nearly every argument looks like.
        if let Some((len, width)) = short_bulk_header(bytes, self.at) {
            self.at += width;
            return Ok(Some(len));
        }
        self.any_bulk_header(bytes, limits)
    }

    fn any_bulk_header(
        &mut self,
        bytes: &[u8],
        limits: Limits,
    ) -> Result<Option<usize>, ProtocolError> {
        let rest = &bytes[self.at..];
        let Some(end) = line_end(rest, "bulk count")? else { return Ok(None) };
        if rest[0] != b'$' {
            let text = [b"ERR Protocol error: expected '$', got '", &rest[..1], b"'"];
            return Err(ProtocolError(Error::text(text.concat())));
        }
        let len = parse_length(&rest[..end]).filter(|len| (0..=limits.bulk_max).contains(len));
        let Some(len) = len else { return Err(protocol_error("invalid bulk length")) };
        if len > UNAUTHENTICATED_BULK_MAX && !limits.authenticated {
            return Err(protocol_error("unauthenticated bulk length"));
        }
        self.at += end + 2;
        Ok(usize::try_from(len).ok())
    }

    /// Reads an inline request: how many words it has, `None` if it is not all there.
    fn inline(&mut self, bytes: &mut [u8]) -> Result<Option<usize>, ProtocolError> {
        let rest = &mut bytes[self.start..];
        let window = &rest[..rest.len().min(INLINE_MAX + 1)];
        let Some(end) = memchr::memchr(b'\n', window) else {
            if window.len() > INLINE_MAX {
                return Err(protocol_error("too big inline request"));
            }
            return Ok(None);
        };
        let line = &mut rest[..end];
        let line_len = line.strip_suffix(b"\r").unwrap_or(line).len();
        let before = self.spans.len();
        let found = |start, len| self.spans.push(Span { start, len });
        if quoted::split(&mut line[..line_len], found).is_err() {
            return Err(protocol_error("unbalanced quotes in request"));
        }
        self.at = self.start + end + 1;
        Ok(Some(self.spans.len() - before))
    }
}

/// The argument behind a short header at `at`, if it and its end are there.
#[inline]
fn plain_argument(bytes: &[u8], at: usize) -> Option<Span> {
    let (len, width) = short_bulk_header(bytes, at)?;
    let start = at + width;
    (start + len + 2 <= bytes.len()).then_some(Span { start, len })
}

/// The length in a header `$<length>` of one or two digits at `at`, and how many bytes it takes.
#[inline]
fn short_bulk_header(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    const DIGIT: u32 = u32::from_le_bytes([0, 0xff, 0, 0]);
    const DIGITS: u32 = u32::from_le_bytes([0, 0xff, 0xff, 0]);
    let digit = |byte: u8| Some(byte.wrapping_sub(b'0')).filter(|digit| *digit <= 9);
    let &[head @ .., last] = bytes.get(at..)?.first_chunk::<5>()?;
    let word = u32::from_le_bytes(head);
    if word & !DIGIT == u32::from_le_bytes(*b"$\0\r\n") {
        return Some((usize::from(digit(head[1])?), 4));
    }
    if word & !DIGITS == u32::from_le_bytes(*b"$\0\0\r") && last == b'\n' {
        let tens = digit(head[1]).filter(|tens| *tens > 0)?;
        return Some((usize::from(tens * 10 + digit(head[2])?), 5));
    }
    None
}

/// Length of the line at the start of `bytes`, without its end, which is a carriage return and one
/// more byte, whatever that is; `None` if it has not all arrived.
fn line_end(bytes: &[u8], what: &str) -> Result<Option<usize>, ProtocolError> {
    // No valid line is as long as the limit, so the search for its end is bounded by it.
    let window = &bytes[..bytes.len().min(INLINE_MAX + 1)];
    match memchr::memchr(b'\r', window) {
        Some(end) => Ok((end + 1 < bytes.len()).then_some(end)),
        None if window.len() > INLINE_MAX => Err(protocol_error(&format!("too big {what} string"))),
        None => Ok(None),
    }
}

/// The canonical integer behind the type byte of a line.
fn parse_length(line: &[u8]) -> Option<i64> {
    num::parse_i64(line.get(1..)?)
}

fn protocol_error(text: &str) -> ProtocolError {
    ProtocolError(Error::text(format!("ERR Protocol error: {text}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::argv::ArgvBuf;

    const LIMITS: Limits = Limits { bulk_max: 512 * 1024 * 1024, authenticated: true };

    type Requests = Vec<Vec<Vec<u8>>>;

    /// Feeds `bytes` in pieces as long as `cuts` says, reads at most `max` requests at a time, and
    /// collects them.
    fn parse_by(
        bytes: &[u8],
        mut cuts: impl FnMut() -> usize,
        max: usize,
    ) -> Result<Requests, ProtocolError> {
        let (mut parser, mut buffer, mut requests) = (Parser::default(), Vec::new(), Vec::new());
        let mut fed = 0;
        loop {
            parser.read(&mut buffer, LIMITS, max)?;
            // Not all that are there need be taken at once.
            let count = parser.len().min(max.div_ceil(2));
            for index in 0..count {
                let argv = parser.argv(&buffer, index);
                requests.push(argv.from(0).map(<[u8]>::to_vec).collect());
            }
            buffer.drain(..parser.release(count));
            if count == 0 {
                if fed == bytes.len() {
                    return Ok(requests);
                }
                assert!(parser.missing() > 0);
                let next = fed.saturating_add(cuts().max(1)).min(bytes.len());
                buffer.extend_from_slice(&bytes[fed..next]);
                fed = next;
            }
        }
    }

    fn parse(bytes: &[u8], cuts: impl FnMut() -> usize) -> Result<Requests, ProtocolError> {
        parse_by(bytes, cuts, 16)
    }

    fn whole(bytes: &[u8]) -> Result<Requests, ProtocolError> {
        parse(bytes, || usize::MAX / 2)
    }

    #[test]
    fn requests_that_are_written_plainly_are_told_from_others() {
        let limits = Limits { bulk_max: 1_000, authenticated: true };
        let long = format!("*1\r\n$100\r\n{}\r\n", "x".repeat(100));
        let cases = [
            ("*2\r\n$3\r\nGET\r\n$0\r\n\r\n", true),
            (&long, true),
            ("*1\rx$3\r\nGET\r\n", false),
            ("*1\r\n$3\rxGET\r\n", false),
            ("*1\r\n$3\r\nGETxx", false),
            ("*1\r\n$3\r\nGET\rx", false),
            ("GET a\r\n", false),
            ("\"*\" \"a\"\r\n", false),
        ];
        for (text, is_plain) in cases {
            let mut bytes = [text.as_bytes(), b"*1\r\n"].concat();
            let mut parser = Parser::default();
            parser.read(&mut bytes, limits, 1).unwrap();
            let argv = parser.argv(&bytes, 0);
            let wire = is_plain.then_some(text.as_bytes());
            assert_eq!(argv.wire(), wire, "{text:?}");
            assert_eq!(argv.from(0).collect::<ArgvBuf>().borrow().wire(), None);
        }
    }

    #[test]
    fn requests_of_both_kinds_are_read() {
        type Case<'a> = (&'a [u8], &'a [&'a [&'a [u8]]]);
        let cases: &[Case<'_>] = &[
            (b"*1\r\n$4\r\nPING\r\n", &[&[b"PING"]]),
            (b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", &[&[b"ECHO", b""]]),
            (b"*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n", &[&[b"GET", b"a\r\nb"]]),
            (b"*0\r\n*-1\r\n*-5\r\n*1\r\n$1\r\nx\r\n", &[&[b"x"]]),
            (b"PING\r\nset a \"b c\"\n\r\n  \r\n", &[&[b"PING"], &[b"set", b"a", b"b c"]]),
            (b"*1\r\n$12\r\n123456789012\r\n", &[&[b"123456789012"]]),
        ];
        for (bytes, expected) in cases {
            assert_eq!(whole(bytes).unwrap(), *expected);
        }
    }

    #[test]
    fn any_chunking_gives_the_same_requests() {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(
            b"PING\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*0\r\n\r\nget 'a b' \"\\x41\"\r\n",
        );
        bytes.extend_from_slice(b"*3\r\n$3\r\nSET\r\n$120\r\n");
        bytes.extend_from_slice(&[b'v'; 120]);
        bytes.extend_from_slice(b"\r\n$0\r\n\r\n");
        let expected = whole(&bytes).unwrap();
        assert_eq!(expected.len(), 4);
        for size in 1..bytes.len() {
            assert_eq!(parse(&bytes, || size).unwrap(), expected, "pieces of {size}");
        }
        for seed in 0..200 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let max = rng.usize(1..5);
            let requests = parse_by(&bytes, || rng.usize(1..40), max).unwrap();
            assert_eq!(requests, expected, "seed {seed}");
        }
    }

    #[test]
    fn what_breaks_the_protocol_is_told() {
        let long = |head: &str| [head.as_bytes(), &vec![b'1'; INLINE_MAX + 10]].concat();
        let cases: Vec<(Vec<u8>, &str)> = vec![
            (b"*abc\r\n".to_vec(), "invalid multibulk length"),
            (b"*\r\n".to_vec(), "invalid multibulk length"),
            (b"*01\r\n".to_vec(), "invalid multibulk length"),
            (b"*2147483648\r\n".to_vec(), "invalid multibulk length"),
            (b"*99999999999999999999\r\n".to_vec(), "invalid multibulk length"),
            (long("*"), "too big mbulk count string"),
            (b"*1\r\nx\r\n".to_vec(), "expected '$', got 'x'"),
            (b"*1\r\n$\r\n".to_vec(), "invalid bulk length"),
            (b"*1\r\n$-1\r\n".to_vec(), "invalid bulk length"),
            (b"*1\r\n$536870913\r\n".to_vec(), "invalid bulk length"),
            (long("*1\r\n$"), "too big bulk count string"),
            (long("GET "), "too big inline request"),
            (b"GET \"a\r\n".to_vec(), "unbalanced quotes in request"),
        ];
        for (bytes, text) in cases {
            let expected = protocol_error(text);
            assert_eq!(whole(&bytes), Err(expected.clone()));
            assert_eq!(parse(&bytes, || 997), Err(expected));
        }
    }

    #[test]
    fn limits_are_tighter_before_authentication() {
        let limits = Limits { authenticated: false, ..LIMITS };
        let advance = |bytes: &[u8]| Parser::default().read(&mut bytes.to_vec(), limits, 1);
        assert!(advance(b"*10\r\n$16384\r\n").is_ok());
        let refused = |bytes, text| assert_eq!(advance(bytes), Err(protocol_error(text)));
        refused(b"*11\r\n", "unauthenticated multibulk length");
        refused(b"*1\r\n$16385\r\n", "unauthenticated bulk length");
    }

    #[test]
    fn a_large_argument_tells_how_much_is_missing() {
        let mut parser = Parser::default();
        let mut bytes = b"*1\r\n$1000\r\nabc".to_vec();
        assert_eq!(parser.read(&mut bytes, LIMITS, 16), Ok(()));
        assert_eq!((parser.len(), parser.missing()), (0, 999));
    }

    #[test]
    fn requests_in_front_of_a_fault_come_first() {
        let mut parser = Parser::default();
        let mut bytes = b"*1\r\n$4\r\nPING\r\n*2\r\n$1\r\na\r\n*".to_vec();
        assert_eq!(parser.read(&mut bytes, LIMITS, 16), Ok(()));
        assert_eq!(parser.len(), 1);
        bytes.push(b'1');
        bytes.extend_from_slice(b"\r\n");
        bytes.drain(..parser.release(1));
        let error = protocol_error("expected '$', got '*'");
        assert_eq!(parser.read(&mut bytes, LIMITS, 16), Err(error));
    }
}

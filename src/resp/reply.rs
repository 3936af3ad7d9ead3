//! Writing replies: one method for each meaning, which chooses the form of the client's protocol.

use super::append;
use super::error::Error;
use super::output::{Output, Protocol};
use crate::base::float::FloatText;
use crate::base::num;

/// Room for the header of an aggregate whose length is not known yet: a type byte, 20 digits, a
/// line end.
const HEADER_MAX: usize = 23;

impl Output {
    /// `+OK`.
    #[inline]
    pub fn ok(&mut self) {
        self.raw(b"+OK\r\n");
    }

    /// A status: a short word that is no data.
    pub fn status(&mut self, text: &str) {
        self.tail.push(b'+');
        self.line(text.as_bytes());
    }

    /// An error line.
    pub fn error(&mut self, error: &Error) {
        self.tail.push(b'-');
        self.line(error.as_bytes());
    }

    /// An integer.
    #[inline]
    pub fn int(&mut self, value: i64) {
        self.tail.push(b':');
        num::push_i64(&mut self.tail, value);
        self.raw(b"\r\n");
    }

    /// A count or length as an integer.
    #[inline]
    pub fn len_int(&mut self, value: usize) {
        self.int(num::signed(value));
    }

    /// A string of any bytes.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.bulk_here(bytes);
    }

    /// The same, without a call for a short string: for those that write many.
    #[inline(always)] // That is what it is for.
    pub fn bulk_here(&mut self, bytes: &[u8]) {
        if !self.is_capped() && !append::short_bulk(&mut self.tail, bytes) {
            self.long_bulk(bytes);
        }
    }

    #[inline(never)] // Keeps `bulk_here` short.
    fn long_bulk(&mut self, bytes: &[u8]) {
        // One reservation for all, so that a large value is not copied again for its line end.
        self.tail.reserve(HEADER_MAX + bytes.len() + 2);
        self.header(b'$', bytes.len());
        self.raw(bytes);
        self.raw(b"\r\n");
    }

    /// A truth. RESP2 knows it as 1 or 0.
    pub fn bool(&mut self, value: bool) {
        match (self.protocol, value) {
            (Protocol::Resp2, _) => self.int(i64::from(value)),
            (Protocol::Resp3, true) => self.raw(b"#t\r\n"),
            (Protocol::Resp3, false) => self.raw(b"#f\r\n"),
        }
    }

    /// A number that may have a fraction. RESP2 knows it as a string.
    pub fn double(&mut self, value: f64) {
        self.double_as(&FloatText::new(value));
    }

    /// A number that may have a fraction, as this text.
    pub fn double_as(&mut self, text: &FloatText) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(text.as_bytes()),
            Protocol::Resp3 => {
                self.tail.push(b',');
                self.line(text.as_bytes());
            }
        }
    }

    /// An integer as a string.
    #[inline]
    pub fn bulk_int(&mut self, value: i64) {
        self.bulk(itoa::Buffer::new().format(value).as_bytes());
    }

    /// A text for people; `format` is its three-letter kind, such as `txt`. RESP2 knows it as a
    /// string.
    pub fn verbatim(&mut self, format: &str, text: &str) {
        if self.protocol == Protocol::Resp2 {
            return self.bulk(text.as_bytes());
        }
        self.header(b'=', text.len() + 4);
        self.raw(format.as_bytes());
        self.raw(b":");
        self.raw(text.as_bytes());
        self.raw(b"\r\n");
    }

    /// Nothing, where a string or a number could be.
    #[inline]
    pub fn null(&mut self) {
        match self.protocol {
            Protocol::Resp2 => self.raw(b"$-1\r\n"),
            Protocol::Resp3 => self.raw(b"_\r\n"),
        }
    }

    /// Nothing, where an array could be.
    pub fn null_array(&mut self) {
        match self.protocol {
            Protocol::Resp2 => self.raw(b"*-1\r\n"),
            Protocol::Resp3 => self.raw(b"_\r\n"),
        }
    }

    /// The head of an array; `len` replies follow.
    #[inline]
    pub fn array(&mut self, len: usize) {
        self.header(b'*', len);
    }

    /// The head of a map; `len` pairs of replies follow. RESP2 knows it as a flat array.
    pub fn map(&mut self, len: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', len * 2),
            Protocol::Resp3 => self.header(b'%', len),
        }
    }

    /// The head of a set; `len` replies follow. RESP2 knows it as an array.
    pub fn set(&mut self, len: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', len),
            Protocol::Resp3 => self.header(b'~', len),
        }
    }

    /// The head of a message that answers no request; `len` replies follow. RESP2 knows it as an
    /// array.
    pub fn push(&mut self, len: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', len),
            Protocol::Resp3 => self.header(b'>', len),
        }
    }

    /// An array of as many replies as `fill` writes; it returns how many it wrote.
    pub fn array_of(&mut self, fill: impl FnOnce(&mut Output) -> usize) {
        self.counted(b'*', fill);
    }

    /// A set of as many replies as `fill` writes; it returns how many it wrote. RESP2 knows it as
    /// an array.
    pub fn set_of(&mut self, fill: impl FnOnce(&mut Output) -> usize) {
        let kind = if self.protocol == Protocol::Resp2 { b'*' } else { b'~' };
        self.counted(kind, fill);
    }

    /// A map of as many pairs as `fill` writes; it returns how many it wrote. In RESP2 an array,
    /// the form of whose items is up to `fill`.
    pub fn map_or_array_of(&mut self, fill: impl FnOnce(&mut Output) -> usize) {
        let kind = if self.protocol == Protocol::Resp2 { b'*' } else { b'%' };
        self.counted(kind, fill);
    }

    fn counted(&mut self, kind: u8, fill: impl FnOnce(&mut Output) -> usize) {
        let start = self.tail.len();
        self.tail.resize(start + HEADER_MAX, 0);
        let len = fill(self);
        let body_end = self.tail.len();
        self.header(kind, len);
        // The header is written behind the body first, for its length; then both move to where they
        // belong.
        let header_len = self.tail.len() - body_end;
        self.tail.copy_within(body_end.., start);
        self.tail.copy_within(start + HEADER_MAX..body_end, start + header_len);
        self.tail.truncate(body_end - HEADER_MAX + header_len);
    }

    #[inline]
    fn header(&mut self, kind: u8, len: usize) {
        // One or two digits are what nearly every length has, and are written in one piece.
        match u8::try_from(len) {
            Ok(len @ 0..10) => self.raw(&[kind, b'0' + len, b'\r', b'\n']),
            Ok(len @ 10..100) => self.raw(&[kind, b'0' + len / 10, b'0' + len % 10, b'\r', b'\n']),
            _ => self.long_header(kind, len),
        }
    }

    fn long_header(&mut self, kind: u8, len: usize) {
        self.tail.push(kind);
        num::push_len(&mut self.tail, len);
        self.raw(b"\r\n");
    }

    /// A line of text, in which no byte may end the line early.
    fn line(&mut self, text: &[u8]) {
        let clean = |byte: &u8| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte };
        self.tail.extend(text.iter().map(clean));
        self.raw(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(protocol: Protocol, write: impl FnOnce(&mut Output)) -> String {
        let mut output = Output::default();
        output.protocol = protocol;
        write(&mut output);
        String::from_utf8(output.single().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn each_meaning_has_its_form_in_both_protocols() {
        type Case = (fn(&mut Output), &'static str, &'static str);
        let cases: &[Case] = &[
            (|out| out.ok(), "+OK\r\n", "+OK\r\n"),
            (|out| out.status("PONG"), "+PONG\r\n", "+PONG\r\n"),
            (|out| out.error(&Error::SYNTAX), "-ERR syntax error\r\n", "-ERR syntax error\r\n"),
            (|out| out.int(-7), ":-7\r\n", ":-7\r\n"),
            (|out| out.bulk(b"a\r\nb"), "$4\r\na\r\nb\r\n", "$4\r\na\r\nb\r\n"),
            (|out| out.bool(true), ":1\r\n", "#t\r\n"),
            (|out| out.double(1.5), "$3\r\n1.5\r\n", ",1.5\r\n"),
            (|out| out.bulk_int(12), "$2\r\n12\r\n", "$2\r\n12\r\n"),
            (|out| out.verbatim("txt", "hi"), "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"),
            (|out| out.null(), "$-1\r\n", "_\r\n"),
            (|out| out.null_array(), "*-1\r\n", "_\r\n"),
            (|out| out.array(2), "*2\r\n", "*2\r\n"),
            (|out| out.map(2), "*4\r\n", "%2\r\n"),
            (|out| out.set(2), "*2\r\n", "~2\r\n"),
            (|out| out.push(3), "*3\r\n", ">3\r\n"),
        ];
        for (write, resp2, resp3) in cases {
            assert_eq!(written(Protocol::Resp2, write), *resp2);
            assert_eq!(written(Protocol::Resp3, write), *resp3);
        }
    }

    #[test]
    fn an_error_is_one_line_whatever_it_quotes() {
        let error = Error::text("ERR unknown command 'a\r\nb'");
        assert_eq!(
            written(Protocol::Resp2, |out| out.error(&error)),
            "-ERR unknown command 'a  b'\r\n"
        );
    }

    #[test]
    fn a_set_may_learn_its_length_late() {
        let two = |out: &mut Output| {
            out.set_of(|out| {
                (0..2).for_each(|_| out.ok());
                2
            });
        };
        assert_eq!(written(Protocol::Resp2, two), "*2\r\n+OK\r\n+OK\r\n");
        assert_eq!(written(Protocol::Resp3, two), "~2\r\n+OK\r\n+OK\r\n");
    }

    #[test]
    fn an_array_may_learn_its_length_late() {
        for len in [0, 1, 9, 10, 12_345] {
            let late = written(Protocol::Resp2, |out| {
                out.ok();
                out.array_of(|out| {
                    (0..len).for_each(|i| out.len_int(i));
                    len
                });
                out.ok();
            });
            let early = written(Protocol::Resp2, |out| {
                out.ok();
                out.array(len);
                (0..len).for_each(|i| out.len_int(i));
                out.ok();
            });
            assert_eq!(late, early);
        }
    }
}

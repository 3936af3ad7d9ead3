//! Words with quotes and escapes, as typed by people: inline requests and lines of redis.conf.
//!
//! Words are separated by white space. Inside double quotes `\n \r \t \b \a`, `\xHH` and `\` before
//! any other byte are escapes; inside single quotes only `\'` is. A closing quote must end its
//! word. A NUL byte ends the line.

/// A quote without its end, or one that is followed by more of the word.
#[derive(Debug, PartialEq, Eq)]
pub struct Unbalanced;

/// Splits `line` into words and calls `found` with the start and length of each.
///
/// Words are unescaped where they stand: they never grow, so `line` holds them afterwards.
///
/// # Errors
/// [`Unbalanced`] if quotes do not pair; words before the fault have been reported.
pub fn split(line: &mut [u8], mut found: impl FnMut(usize, usize)) -> Result<(), Unbalanced> {
    let mut read = 0;
    loop {
        while line.get(read).is_some_and(|byte| is_space(*byte)) {
            read += 1;
        }
        if line.get(read).is_none_or(|byte| *byte == 0) {
            return Ok(());
        }
        let start = read;
        let (next, len) = take_word(line, start)?;
        found(start, len);
        read = next;
    }
}

/// Unescapes the word at `start` in place: where reading goes on, and the length of the word.
fn take_word(line: &mut [u8], start: usize) -> Result<(usize, usize), Unbalanced> {
    let (mut read, mut write) = (start, start);
    let mut quote: Option<u8> = None;
    loop {
        let byte = line.get(read).copied().unwrap_or(0);
        let (value, used) = match (quote, byte) {
            (Some(_), 0) => return Err(Unbalanced),
            (None, 0 | b' ' | b'\n' | b'\r' | b'\t') => return Ok((read, write - start)),
            (None, b'"' | b'\'') => {
                quote = Some(byte);
                read += 1;
                continue;
            }
            (Some(open), close) if open == close => {
                let ends = line.get(read + 1).is_none_or(|next| *next == 0 || is_space(*next));
                return if ends { Ok((read + 1, write - start)) } else { Err(Unbalanced) };
            }
            (Some(b'"'), b'\\') => unescape(&line[read..]),
            (Some(b'\''), b'\\') if line.get(read + 1) == Some(&b'\'') => (b'\'', 2),
            _ => (byte, 1),
        };
        line[write] = value;
        write += 1;
        read += used;
    }
}

/// The byte that an escape inside double quotes stands for, and the bytes it takes.
fn unescape(text: &[u8]) -> (u8, usize) {
    if let [_, b'x', high, low, ..] = text
        && let (Some(high), Some(low)) = (hex(*high), hex(*low))
    {
        return (high << 4 | low, 4);
    }
    match text.get(1) {
        None | Some(0) => (b'\\', 1),
        Some(b'n') => (b'\n', 2),
        Some(b'r') => (b'\r', 2),
        Some(b't') => (b'\t', 2),
        Some(b'b') => (8, 2),
        Some(b'a') => (7, 2),
        Some(other) => (*other, 2),
    }
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// `text` in double quotes with everything unprintable escaped, so that [`split`] reads it back.
pub fn quote(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for byte in text {
        match byte {
            b'\\' | b'"' => out.extend(['\\', char::from(*byte)]),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            7 => out.push_str("\\a"),
            8 => out.push_str("\\b"),
            b' '..=b'~' => out.push(char::from(*byte)),
            other => out.push_str(&format!("\\x{other:02x}")),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Result<Vec<Vec<u8>>, Unbalanced> {
        let mut line = line.as_bytes().to_vec();
        let mut spans = Vec::new();
        split(&mut line, |start, len| spans.push((start, len)))?;
        Ok(spans.into_iter().map(|(start, len)| line[start..start + len].to_vec()).collect())
    }

    #[test]
    fn words_are_split_and_unescaped() {
        let cases: &[(&str, &[&[u8]])] = &[
            ("", &[]),
            ("  \t ", &[]),
            ("set a b", &[b"set", b"a", b"b"]),
            ("  set  a\tb \r\n", &[b"set", b"a", b"b"]),
            (r#""a b" 'c d'"#, &[b"a b", b"c d"]),
            (r#"save """#, &[b"save", b""]),
            (r#""\x41\n\t\"\\\q""#, &[b"A\n\t\"\\q"]),
            (r#""\x4""#, &[b"x4"]),
            (r"'it\'s \n'", &[br"it's \n"]),
            (r#"a"b c""#, &[b"ab c"]),
            ("ping\0garbage", &[b"ping"]),
        ];
        for (line, expected) in cases {
            let found = words(line).unwrap();
            assert_eq!(found, *expected, "{line:?}");
        }
    }

    #[test]
    fn quotes_must_pair_and_end_their_word() {
        for line in [r#""a"#, r#""a"b"#, "'a", r#""a\""#, "'a'b", "\"a\0\""] {
            assert_eq!(words(line), Err(Unbalanced), "{line:?}");
        }
    }

    #[test]
    fn what_is_quoted_reads_back() {
        let all: Vec<u8> = (0..=255).collect();
        let mut line = quote(&all).into_bytes();
        let mut span = (0, 0);
        split(&mut line, |start, len| span = (start, len)).unwrap();
        assert_eq!(&line[span.0..span.0 + span.1], all);
    }
}

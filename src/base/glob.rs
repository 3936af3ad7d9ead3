//! Glob patterns as KEYS, SCAN, CONFIG GET and PSUBSCRIBE understand them.
//!
//! `*`, `?`, `[abc]`, `[^a]`, `[a-z]` and `\` before any byte. Matching goes back to the last star
//! only, so its cost is at most pattern times text, whatever the pattern, and it does not recurse.
//! As in Redis the empty text matches the empty pattern only; commands that take `*` for everything
//! ask for it first. Also as in Redis, a pattern with more than a thousand stars matches nothing.

/// Stars of a pattern, each followed by something else, that Redis goes into.
const STARS_MAX: usize = 1_000;

/// True if the whole of `text` matches `pattern`.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    matches_with(pattern, text, |a, b| a == b)
}

/// Like [`matches()`], but ASCII letters match in either case.
pub fn matches_any_case(pattern: &[u8], text: &[u8]) -> bool {
    matches_with(pattern, text, |a, b| a.eq_ignore_ascii_case(&b))
}

fn matches_with(pattern: &[u8], text: &[u8], same: impl Fn(u8, u8) -> bool + Copy) -> bool {
    if text.is_empty() {
        // Redis does not look at the pattern's stars then.
        return pattern.is_empty();
    }
    // Most patterns are too short to be counted.
    if pattern.len() > STARS_MAX && stars(pattern) > STARS_MAX {
        return false;
    }
    let (mut p, mut t) = (0, 0);
    // Where to go on if the rest does not fit: behind the last star, one byte further in the text.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            if p == pattern.len() {
                return true;
            }
            retry = Some((p, t));
            continue;
        }
        let step = text.get(t).and_then(|byte| match_one(&pattern[p..], *byte, same));
        if let Some(used) = step {
            p += used;
            t += 1;
            continue;
        }
        if p == pattern.len() && t == text.len() {
            return true;
        }
        match retry {
            Some((star, from)) if from < text.len() => {
                (p, t) = (star, from + 1);
                retry = Some((star, from + 1));
            }
            _ => return false,
        }
    }
}

/// Stars that are followed by something else.
fn stars(pattern: &[u8]) -> usize {
    let (mut count, mut at) = (0, 0);
    while let Some([byte, next, ..]) = pattern.get(at..) {
        count += usize::from(*byte == b'*' && *next != b'*');
        at += if *byte == b'\\' { 2 } else { 1 };
    }
    count
}

/// Bytes of `pattern` used up if its first item (no star) matches `byte`.
fn match_one(pattern: &[u8], byte: u8, same: impl Fn(u8, u8) -> bool + Copy) -> Option<usize> {
    match pattern {
        [] => None,
        [b'?', ..] => Some(1),
        [b'[', class @ ..] => {
            let (found, used) = match_class(class, byte, same);
            found.then_some(used + 1)
        }
        [b'\\', escaped, ..] => same(*escaped, byte).then_some(2),
        [literal, ..] => same(*literal, byte).then_some(1),
    }
}

/// Whether `byte` is in the class, and the bytes of the class including its `]`.
/// A class without an end reaches to the end of the pattern.
fn match_class(class: &[u8], byte: u8, same: impl Fn(u8, u8) -> bool + Copy) -> (bool, usize) {
    let negated = class.first() == Some(&b'^');
    let mut at = usize::from(negated);
    let mut found = false;
    loop {
        match &class[at..] {
            [] => return (found != negated, at),
            [b']', ..] => return (found != negated, at + 1),
            [b'\\', escaped, ..] => {
                found |= same(*escaped, byte);
                at += 2;
            }
            [from, b'-', to, ..] => {
                let (low, high) = (*from.min(to), *from.max(to));
                // In either case: a letter is in the range if its upper or its lower form is.
                let fits = |b: u8| same(b, byte) && low <= b && b <= high;
                found |= fits(byte)
                    || fits(byte.to_ascii_lowercase())
                    || fits(byte.to_ascii_uppercase());
                at += 3;
            }
            [literal, ..] => {
                found |= same(*literal, byte);
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_documented() {
        let cases: &[(&str, &str, bool)] = &[
            ("", "", true),
            ("", "a", false),
            ("*", "", false),
            ("*", "anything", true),
            ("a*", "a", true),
            ("a*b*c", "aXXbYYc", true),
            ("a*b*c", "aXXbYY", false),
            ("*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h[ae]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[^e]llo", "hallo", true),
            ("h[a-b]llo", "hbllo", true),
            ("h[b-a]llo", "hbllo", true),
            ("h[a-b]llo", "hcllo", false),
            ("[a-", "a", true),
            ("[a", "a", true),
            ("[]", "a", false),
            ("[^]", "a", true),
            ("[\\]]", "]", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("\\", "\\", true),
            ("a\\", "a\\", true),
            ("**a", "ba", true),
            ("key:*:name", "key:1:2:name", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), *expected, "{pattern} {text}");
        }
    }

    #[test]
    fn case_is_ignored_only_when_asked() {
        assert!(matches_any_case(b"MAX*", b"maxmemory"));
        assert!(matches_any_case(b"[A-C]x", b"bX"));
        assert!(!matches(b"MAX*", b"maxmemory"));
    }

    #[test]
    fn a_hostile_pattern_costs_no_more_than_the_product_of_lengths() {
        let pattern = b"*a".repeat(STARS_MAX);
        let text = vec![b'b'; 20_000];
        assert!(!matches(&pattern, &text));
    }

    #[test]
    fn too_many_stars_match_nothing() {
        let text = vec![b'a'; 5_000];
        assert!(matches(&b"*?".repeat(STARS_MAX), &text));
        assert!(!matches(&b"*?".repeat(STARS_MAX + 1), &text));
        assert!(matches(&b"*".repeat(3_000), &text));
        assert!(matches(&b"\\*".repeat(3_000), &b"*".repeat(3_000)));
    }
}

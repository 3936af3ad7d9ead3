//! The longest common subsequence of two strings, by the table of the lengths of all beginnings.

/// Longest string that it is computed for.
pub const LEN_MAX: usize = u32::MAX as usize - 2;

/// Two strings and the table of them: a row for each beginning of the first one.
pub struct Lcs<'a> {
    a: &'a [u8],
    b: &'a [u8],
    lens: Vec<u32>,
}

/// Bytes that stand together in both strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Where they begin in the first string.
    pub a_start: usize,
    /// Where they begin in the second one.
    pub b_start: usize,
    /// How many they are.
    pub len: usize,
}

/// Bytes of memory that the table takes for strings of these lengths, at most [`LEN_MAX`] each.
pub fn table_bytes(a_len: usize, b_len: usize) -> u128 {
    (a_len as u128 + 1) * (b_len as u128 + 1) * size_of::<u32>() as u128
}

impl<'a> Lcs<'a> {
    /// Fills the table, in time and memory that grow with the product of the lengths.
    pub fn new(a: &'a [u8], b: &'a [u8]) -> Lcs<'a> {
        let width = b.len() + 1;
        let mut lens = vec![0; (a.len() + 1) * width];
        for (row, byte) in a.iter().enumerate() {
            let (above, below) = lens.split_at_mut((row + 1) * width);
            let above = &above[row * width..];
            let mut left = 0;
            for ((other, above), len) in b.iter().zip(above.windows(2)).zip(&mut below[1..width]) {
                left = if byte == other { above[0] + 1 } else { above[1].max(left) };
                *len = left;
            }
        }
        Lcs { a, b, lens }
    }

    /// The length of the subsequence.
    pub fn common_len(&self) -> u32 {
        self.at(self.a.len(), self.b.len())
    }

    /// The parts of the subsequence that stand together in both strings, the last one first.
    pub fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        let (mut i, mut j) = (self.a.len(), self.b.len());
        while i > 0 && j > 0 {
            if self.a[i - 1] != self.b[j - 1] {
                // Of two ways of the same length Redis takes the one that shortens the second
                // string.
                if self.at(i - 1, j) > self.at(i, j - 1) {
                    i -= 1;
                } else {
                    j -= 1;
                }
                continue;
            }
            match runs.last_mut().filter(|run| run.a_start == i && run.b_start == j) {
                Some(run) => *run = Run { a_start: i - 1, b_start: j - 1, len: run.len + 1 },
                None => runs.push(Run { a_start: i - 1, b_start: j - 1, len: 1 }),
            }
            (i, j) = (i - 1, j - 1);
        }
        runs
    }

    /// The subsequence.
    pub fn text(&self) -> Vec<u8> {
        let runs = self.runs();
        let parts = runs.iter().rev().map(|run| &self.a[run.a_start..run.a_start + run.len]);
        parts.collect::<Vec<_>>().concat()
    }

    /// The length for beginnings of these lengths.
    fn at(&self, a_len: usize, b_len: usize) -> u32 {
        self.lens[a_len * (self.b.len() + 1) + b_len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(a_start: usize, b_start: usize, len: usize) -> Run {
        Run { a_start, b_start, len }
    }

    #[test]
    fn the_documented_example_holds() {
        let lcs = Lcs::new(b"ohmytext", b"mynewtext");
        assert_eq!((lcs.common_len(), lcs.text()), (6, b"mytext".to_vec()));
        assert_eq!(lcs.runs(), [run(4, 5, 4), run(2, 0, 2)]);
        assert_eq!(Lcs::new(b"", b"abc").common_len(), 0);
        assert_eq!(Lcs::new(b"abc", b"").runs(), []);
        assert_eq!(table_bytes(2, 3), 48);
    }

    /// Plainly: with the first bytes or without one of them.
    fn plainly(a: &[u8], b: &[u8]) -> u32 {
        match (a, b) {
            ([], _) | (_, []) => 0,
            ([x, a @ ..], [y, b @ ..]) if x == y => 1 + plainly(a, b),
            ([_, rest @ ..], _) => plainly(rest, b).max(plainly(a, &b[1..])),
        }
    }

    #[test]
    fn the_subsequence_is_common_and_the_longest() {
        let mut rng = fastrand::Rng::with_seed(17);
        for _ in 0..500 {
            let mut string = |len: usize| -> Vec<u8> {
                std::iter::repeat_with(|| rng.u8(b'a'..b'd')).take(len).collect()
            };
            let (a, b) = (string(9), string(8));
            let lcs = Lcs::new(&a, &b);
            assert_eq!(lcs.common_len(), plainly(&a, &b));
            assert_eq!(lcs.text().len(), lcs.common_len() as usize);
            for Run { a_start, b_start, len } in lcs.runs() {
                assert_eq!(a[a_start..a_start + len], b[b_start..b_start + len]);
            }
        }
    }
}

//! What elements are sorted by, and the sorting.

use super::Request;
use super::lookup::Lookups;
use crate::base::float;
use crate::data::text::Text;
use crate::resp::error::Error;
use std::cmp::Ordering;
use std::ops::Range;

/// Texts in one piece.
#[derive(Default)]
pub(super) struct Words {
    bytes: Vec<u8>,
    /// Where each text ends in `bytes`.
    ends: Vec<usize>,
}

impl Words {
    /// Adds a text.
    pub(super) fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
    }

    /// Number of texts.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The texts, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|at| self.get(at))
    }

    fn get(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start..self.ends[at]]
    }
}

/// What elements are sorted by, one weight for each of them.
pub(super) enum Weights {
    /// Their own bytes.
    Elements,
    /// Numbers.
    Numbers(Vec<f64>),
    /// Other texts; what has none comes first.
    Texts(Vec<Option<Vec<u8>>>),
}

impl Weights {
    /// The weights that a request asks for.
    ///
    /// # Errors
    /// That one should be a number and is none.
    pub(super) fn of(
        lookups: &mut Lookups<'_, '_>,
        elements: &Words,
        request: &Request<'_>,
    ) -> Result<Weights, Error> {
        match request.by {
            Some(by) if by.is_key() && request.is_alpha => {
                let text = |text: Option<Text<'_>>| text.map(|text| text.to_bytes().into_owned());
                let texts = elements.iter().map(|element| lookups.fetch(&by, element, text));
                Ok(Weights::Texts(texts.collect()))
            }
            Some(by) if by.is_key() => {
                let numbers = elements.iter().map(|element| lookups.fetch(&by, element, number));
                Ok(Weights::Numbers(numbers.collect::<Result<_, _>>()?))
            }
            None if !request.is_alpha => {
                let numbers = elements.iter().map(|element| number(Some(Text::Bytes(element))));
                Ok(Weights::Numbers(numbers.collect::<Result<_, _>>()?))
            }
            _ => Ok(Weights::Elements),
        }
    }

    /// The elements that come to these places when all are sorted.
    pub(super) fn sort(&self, elements: &Words, is_descending: bool, range: Range<usize>) -> Words {
        let order = |a: &(u64, usize), b: &(u64, usize)| {
            a.0.cmp(&b.0).then_with(|| {
                let order = self.compare(elements, a.1, b.1);
                if is_descending { order.reverse() } else { order }
            })
        };
        let flip = if is_descending { u64::MAX } else { 0 };
        let places = 0..elements.len();
        let mut places: Vec<_> = places.map(|at| (self.key(elements, at) ^ flip, at)).collect();
        if range.end < places.len() && !range.is_empty() {
            places.select_nth_unstable_by(range.end, order);
            places.truncate(range.end);
        }
        places.sort_unstable_by(order);
        let mut sorted = Words::default();
        places[range].iter().for_each(|(_, at)| sorted.push(elements.get(*at)));
        sorted
    }

    /// A number that is in the order of the weights, as far as it tells them apart.
    fn key(&self, elements: &Words, at: usize) -> u64 {
        match self {
            Weights::Elements => first_bytes(elements.get(at)),
            Weights::Numbers(numbers) => float::in_order(numbers[at]),
            Weights::Texts(texts) => texts[at].as_deref().map_or(0, first_bytes),
        }
    }

    /// The order of two elements: of those with the same number, that of their bytes.
    fn compare(&self, elements: &Words, a: usize, b: usize) -> Ordering {
        let by_bytes = || elements.get(a).cmp(elements.get(b));
        match self {
            Weights::Elements => by_bytes(),
            Weights::Numbers(numbers) => {
                // None of them is a NaN.
                let order = numbers[a].partial_cmp(&numbers[b]).unwrap_or(Ordering::Equal);
                order.then_with(by_bytes)
            }
            Weights::Texts(texts) => texts[a].cmp(&texts[b]).then_with(|| a.cmp(&b)),
        }
    }
}

/// The first bytes of a text as a number in the same order.
fn first_bytes(text: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let len = text.len().min(bytes.len());
    bytes[..len].copy_from_slice(&text[..len]);
    u64::from_be_bytes(bytes)
}

/// A weight as a number: zero if there is none.
fn number(text: Option<Text<'_>>) -> Result<f64, Error> {
    match text {
        None => Ok(0.0),
        Some(Text::Int(value)) => Ok(float::of_integer(value)),
        Some(Text::Bytes(bytes)) => {
            // As the C library reads it: a NUL is the end, nothing is zero, and what loses digits
            // as it is too small is no number.
            let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
            let number =
                if text.is_empty() { Some(0.0) } else { float::parse(text.trim_ascii_start()) };
            let number = number.filter(|number| !number.is_subnormal());
            number.ok_or(Error::new("ERR One or more scores can't be converted into double"))
        }
    }
}

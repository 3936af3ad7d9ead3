//! Lists: elements in a row.
//!
//! A short list is one listpack. A longer one is a row of nodes (`node`), each of them
//! some kilobytes of packed elements. A list of one node may still be what Redis calls a listpack;
//! when a list becomes a quicklist and when it is a listpack again follows Redis 7.2.

use super::chain::{Chain, Place};
use super::collection::{Collection, Form, Kind, Type};
use super::node::{Items, Node};
use super::packed::{self, Packed, Run};
use super::text::Text;
use crate::sys::memory;
use std::collections::vec_deque;
use std::iter::Rev;
use std::ops::Range;

pub use super::node::End;

/// Bytes from which on an element is not packed, unless told otherwise.
pub const PLAIN_BYTES: usize = 1 << 30;

/// Bytes up to which a list is kept in one piece and moved about as a whole when it changes.
const SMALL_MAX: usize = 512;
/// Bytes of a node by the setting, from -1 down.
const LEVELS: [usize; 5] = [4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10];
/// Bytes of a node of several elements if only their number is limited.
const COUNTED_BYTES_MAX: usize = 8 << 10;
/// What Redis allows for one more element in a node beside its bytes.
const ELEMENT_AROUND: usize = 8;

/// How much a node holds.
#[derive(Clone, Copy, Debug)]
pub struct Fill {
    bytes: usize,
    elements: usize,
    /// Bytes up to which a list that has become shorter is a listpack again.
    shrunk_bytes: usize,
    /// Bytes from which on an element is not packed.
    plain_bytes: usize,
}

impl Fill {
    /// What a value of `list-max-listpack-size` means, where elements of `plain_bytes` and more
    /// have nodes of their own.
    pub fn new(setting: i64, plain_bytes: usize) -> Fill {
        if let Ok(elements) = usize::try_from(setting) {
            let elements = elements.max(1);
            let bytes = COUNTED_BYTES_MAX;
            return Fill { bytes, elements, shrunk_bytes: usize::MAX, plain_bytes };
        }
        let level = usize::try_from(setting.unsigned_abs()).unwrap_or(usize::MAX);
        let bytes = LEVELS[level.min(LEVELS.len()) - 1];
        Fill { bytes, elements: usize::MAX, shrunk_bytes: bytes / 2, plain_bytes }
    }

    /// Whether so many bytes and elements may be one node.
    #[inline]
    pub(super) fn allows(self, bytes: usize, elements: usize) -> bool {
        bytes <= self.bytes && elements <= self.elements
    }

    /// Whether an element is too long to be packed.
    #[inline]
    pub(super) fn is_plain(self, text: &[u8]) -> bool {
        text.len() >= self.plain_bytes
    }

    /// Whether a node takes one more element.
    #[inline]
    pub(super) fn takes(self, node: &Node, text: &[u8]) -> bool {
        let bytes = node.packed_bytes() + text.len() + ELEMENT_AROUND;
        !node.is_plain() && !self.is_plain(text) && self.allows(bytes, node.count() + 1)
    }

    /// Whether a quicklist of one node is a listpack again, once it has become shorter.
    pub(super) fn is_shrunk(self, node: &Node) -> bool {
        node.packed_bytes() <= self.shrunk_bytes && node.count() <= self.elements / 2
    }

    /// Bytes to begin a node with.
    pub(super) fn room(self, text: &[u8]) -> usize {
        packed::encoded_len(text).saturating_mul(self.elements).min(SMALL_MAX)
    }
}

/// A list.
#[derive(Clone)]
pub struct List(Body);

#[derive(Clone)]
enum Body {
    /// In one piece of at most [`SMALL_MAX`] bytes.
    Small(Packed),
    /// In nodes.
    Chain(Chain),
}

/// A list that is being read.
#[derive(Clone, Copy)]
pub struct ListRef<'a>(View<'a>);

#[derive(Clone, Copy)]
enum View<'a> {
    Small(&'a [u8]),
    Chain(&'a Chain),
}

/// One node of a list.
#[derive(Clone, Copy)]
pub enum NodeRef<'a> {
    /// An element by itself.
    Plain(&'a [u8]),
    /// Packed elements, and how many they are.
    Packed(Run<'a>, usize),
}

/// The elements of a list from one on to the back.
pub struct Forward<'a> {
    items: Items<'a>,
    rest: vec_deque::Iter<'a, Node>,
}

/// The elements of a list from one on to the front.
pub struct Backward<'a> {
    items: Items<'a>,
    rest: Rev<vec_deque::Iter<'a, Node>>,
}

impl<'a> Iterator for Forward<'a> {
    type Item = Text<'a>;

    #[inline]
    fn next(&mut self) -> Option<Text<'a>> {
        loop {
            if let Some(text) = self.items.next() {
                return Some(text);
            }
            self.items = self.rest.next()?.items();
        }
    }
}

impl<'a> Iterator for Backward<'a> {
    type Item = Text<'a>;

    #[inline]
    fn next(&mut self) -> Option<Text<'a>> {
        loop {
            if let Some(text) = self.items.next_back() {
                return Some(text);
            }
            self.items = self.rest.next()?.items();
        }
    }
}

impl<'a> ListRef<'a> {
    /// Number of elements.
    #[inline]
    pub fn len(self) -> usize {
        match self.0 {
            View::Small(bytes) => packed::count_of(bytes),
            View::Chain(chain) => chain.len(),
        }
    }

    /// True without elements.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The element at an index.
    pub fn get(self, index: usize) -> Option<Text<'a>> {
        match self.len() {
            len if index >= len => None,
            len if index > len / 2 => self.backward(index).next(),
            _ => self.forward(index).next(),
        }
    }

    /// The element at an end.
    #[inline]
    pub fn at_end(self, end: End) -> Option<Text<'a>> {
        match (self.0, end) {
            (View::Small(bytes), End::Front) => Run::of_packed(bytes).iter().next(),
            (View::Small(bytes), End::Back) => Run::of_packed(bytes).iter().next_back(),
            (View::Chain(chain), end) => chain.at_end(end),
        }
    }

    /// The elements in order.
    pub fn iter(self) -> Forward<'a> {
        self.forward(0)
    }

    /// The nodes in order.
    pub fn nodes(self) -> impl ExactSizeIterator<Item = NodeRef<'a>> {
        let (small, chain) = match self.0 {
            View::Small(bytes) => (Some(bytes), None),
            View::Chain(chain) => (None, Some(chain)),
        };
        let count = chain.map_or(1, |chain| chain.nodes().len());
        (0..count).map(move |index| match (small, chain) {
            (Some(bytes), _) => NodeRef::Packed(Run::of_packed(bytes), packed::count_of(bytes)),
            (_, Some(chain)) => chain.nodes()[index].show(),
            (None, None) => unreachable!("a list is in one piece or in nodes"),
        })
    }

    /// The elements from an index on to the back.
    pub fn forward(self, index: usize) -> Forward<'a> {
        match self.0 {
            View::Small(bytes) => {
                let run = Run::of_packed(bytes);
                let at = run.seek(index).unwrap_or(run.bytes().len());
                let items = Items::Packed(Run::new(&run.bytes()[at..]).iter());
                Forward { items, rest: vec_deque::Iter::default() }
            }
            View::Chain(chain) => {
                let Place { node, at } = chain.seek(index);
                let mut rest = chain.nodes().range(node..);
                let first = rest.next().map(|node| node.items_between(at, node.len()));
                Forward { items: first.unwrap_or(Items::Plain(None)), rest }
            }
        }
    }

    /// Calls `visit` with the elements of a range of places, in order.
    #[inline]
    pub fn visit(self, range: Range<usize>, mut visit: impl FnMut(Text<'a>)) {
        let Forward { mut items, mut rest } = self.forward(range.start);
        let mut left = range.len();
        while left > 0 {
            // One kind of node at a time, so that nothing is asked for each element.
            match items {
                Items::Packed(elements) => left -= elements.visit(left, &mut visit),
                Items::Plain(element) => element.into_iter().for_each(|element| {
                    left -= 1;
                    visit(Text::compact(element));
                }),
            }
            let Some(node) = rest.next() else { return };
            items = node.items();
        }
    }

    /// The elements from an index, which is there, on to the front.
    pub fn backward(self, index: usize) -> Backward<'a> {
        match self.0 {
            View::Small(bytes) => {
                let run = Run::of_packed(bytes);
                let end = run.seek(index).map_or(run.bytes().len(), |at| run.next(at));
                let items = Items::Packed(Run::new(&run.bytes()[..end]).iter());
                Backward { items, rest: vec_deque::Iter::default().rev() }
            }
            View::Chain(chain) => {
                let Place { node, at } = chain.seek(index);
                let mut rest = chain.nodes().range(..=node).rev();
                let first = rest.next().map(|node| node.items_between(0, node.next(at)));
                Backward { items: first.unwrap_or(Items::Plain(None)), rest }
            }
        }
    }
}

impl Default for List {
    fn default() -> List {
        List(Body::Small(Packed::new()))
    }
}

impl List {
    /// A list of these elements, as SORT stores it.
    pub fn of<'t>(texts: impl Iterator<Item = &'t [u8]>, fill: Fill) -> List {
        let mut chain = Chain::default();
        texts.for_each(|text| chain.push(End::Back, text, fill));
        let mut list = List(Body::Chain(chain));
        list.settle(fill);
        list
    }

    /// A list in nodes, to which nodes are appended; [`List::settle`] ends that.
    pub fn long() -> List {
        List(Body::Chain(Chain::default()))
    }

    /// Appends the elements of a listpack as a node; how many they are.
    pub fn append_packed(&mut self, listpack: &[u8]) -> usize {
        let (run, count) = (Run::of_packed(listpack), Run::of_packed(listpack).count());
        if count > 0 {
            self.in_chain(|chain| chain.append(Node::of_run(run, count)));
        }
        count
    }

    /// Appends an element as a node by itself.
    pub fn append_plain(&mut self, element: &[u8]) {
        self.in_chain(|chain| chain.append(Node::of_one(element, true, 0)));
    }

    /// Takes the form that suits what has been appended.
    pub fn settle(&mut self, fill: Fill) {
        let Body::Chain(chain) = &mut self.0 else { return };
        let mut chain = std::mem::take(chain);
        if let Some(node) = chain.single()
            && fill.allows(node.packed_bytes(), node.count())
        {
            chain.is_listpack = true;
        }
        self.0 = in_one_piece(chain);
    }

    /// Adds elements at an end, one after the other.
    pub fn push<'t>(
        &mut self,
        end: End,
        texts: impl Iterator<Item = &'t [u8]> + Clone,
        fill: Fill,
    ) {
        let (count, bytes) = texts.clone().fold((0, 0), |(n, sum), text| (n + 1, sum + text.len()));
        self.widen(bytes, count, fill);
        for text in texts {
            if let Body::Small(packed) = &mut self.0 {
                if packed.as_bytes().len() + packed::encoded_len(text) <= SMALL_MAX {
                    match end {
                        End::Front => packed.push_front(text),
                        End::Back => packed.push_back(text),
                    }
                    continue;
                }
                self.0 = Body::Chain(Chain::of_packed(packed, true));
            }
            if let Body::Chain(chain) = &mut self.0 {
                chain.push(end, text, fill);
            }
        }
    }

    /// Takes one element at an end, if there is one.
    #[inline]
    pub fn pop(&mut self, end: End, fill: Fill, visit: impl FnOnce(Text<'_>)) {
        if let Body::Chain(chain) = &mut self.0 {
            chain.pop(end, visit);
            chain.shrink(fill);
        } else if let Some(text) = self.view().at_end(end) {
            visit(text);
            self.cut(end, 1, fill);
        }
    }

    /// Removes so many elements at an end, or all that there are.
    pub fn cut(&mut self, end: End, count: usize, fill: Fill) {
        if count == 0 {
            return;
        }
        match (&mut self.0, end) {
            (Body::Small(packed), End::Front) => packed.remove(0, count),
            (Body::Small(packed), End::Back) => {
                let at = packed.run().seek_back(count - 1).unwrap_or(0);
                packed.remove(at, count);
            }
            (Body::Chain(chain), end) => {
                chain.cut(end, count);
                chain.shrink(fill);
            }
        }
    }

    /// Replaces the element at an index; false if there is none.
    pub fn set(&mut self, index: usize, text: &[u8], fill: Fill) -> bool {
        self.widen(text.len(), 1, fill);
        let is_there = index < self.len();
        if is_there {
            self.in_chain(|chain| {
                chain.replace(index, text, fill);
                chain.shrink(fill);
            });
        }
        is_there
    }

    /// Puts an element beside the first one that is `pivot`, on the side of `end`; false if there
    /// is none.
    pub fn insert(&mut self, end: End, pivot: &[u8], text: &[u8], fill: Fill) -> bool {
        self.widen(text.len(), 1, fill);
        self.in_chain(|chain| {
            let found = chain.find(pivot);
            if let Some(place) = found {
                let at = match end {
                    End::Front => place.at,
                    End::Back => chain.nodes()[place.node].next(place.at),
                };
                chain.insert(Place { at, ..place }, text, fill);
            }
            found.is_some()
        })
    }

    /// Removes elements that are `text`, at most `max` of them, beginning at an end; returns how
    /// many there were.
    pub fn remove(&mut self, end: End, text: &[u8], max: usize, fill: Fill) -> usize {
        self.in_chain(|chain| {
            let removed = chain.remove(end, text, max);
            if removed > 0 {
                chain.shrink(fill);
            }
            removed
        })
    }

    /// Makes the list a quicklist, if it is to take so many bytes in so many elements and would be
    /// too long for a listpack then.
    #[inline]
    fn widen(&mut self, bytes: usize, elements: usize, fill: Fill) {
        match &mut self.0 {
            Body::Small(packed) => {
                if !fill.allows(packed.as_bytes().len() + bytes, packed.count() + elements) {
                    self.0 = Body::Chain(Chain::of_packed(packed, false));
                }
            }
            Body::Chain(chain) => {
                if chain.is_listpack
                    && !fill.allows(chain.packed_bytes() + bytes, chain.len() + elements)
                {
                    chain.is_listpack = false;
                }
            }
        }
    }

    /// Changes the list as nodes; one in one piece is in one piece again afterwards if it can be.
    fn in_chain<R>(&mut self, change: impl FnOnce(&mut Chain) -> R) -> R {
        match &mut self.0 {
            Body::Chain(chain) => change(chain),
            Body::Small(packed) => {
                let mut chain = Chain::of_packed(packed, true);
                let result = change(&mut chain);
                self.0 = in_one_piece(chain);
                result
            }
        }
    }
}

/// A list of nodes in one piece, if that is what it can be.
fn in_one_piece(chain: Chain) -> Body {
    match chain.single() {
        Some(node) if chain.is_listpack && node.packed_bytes() <= SMALL_MAX => {
            Body::Small(Packed::of_run(node.run(), node.count()))
        }
        Some(_) => Body::Chain(chain),
        None if chain.len() == 0 => Body::Small(Packed::new()),
        None => Body::Chain(chain),
    }
}

impl Kind for List {
    type Ref<'a> = ListRef<'a>;
    const TYPE: Type = Type::List;

    fn thaw(_form: Form, bytes: Vec<u8>) -> List {
        List(Body::Small(Packed::from_bytes(bytes)))
    }

    fn small(&mut self) -> Option<(Form, &mut Vec<u8>)> {
        match &mut self.0 {
            Body::Small(packed) => Some((Form::List, packed.bytes_mut())),
            Body::Chain(_) => None,
        }
    }

    fn packed(&self) -> Option<(Form, &[u8])> {
        match &self.0 {
            Body::Small(packed) => Some((Form::List, packed.as_bytes())),
            Body::Chain(_) => None,
        }
    }

    #[inline]
    fn view_small(_form: Form, bytes: &[u8]) -> ListRef<'_> {
        ListRef(View::Small(bytes))
    }

    #[inline]
    fn view(&self) -> ListRef<'_> {
        ListRef(match &self.0 {
            Body::Small(packed) => View::Small(packed.as_bytes()),
            Body::Chain(chain) => View::Chain(chain),
        })
    }

    #[inline]
    fn len(&self) -> usize {
        self.view().len()
    }

    fn encoding(&self) -> &'static str {
        match &self.0 {
            Body::Chain(chain) if !chain.is_listpack => "quicklist",
            Body::Chain(_) | Body::Small(_) => Form::List.encoding(),
        }
    }

    fn memory_bytes(&self) -> usize {
        match &self.0 {
            Body::Small(packed) => memory::size_class(packed.as_bytes().len()),
            Body::Chain(chain) => chain.memory_bytes(),
        }
    }

    fn piece_count(&self) -> usize {
        match &self.0 {
            Body::Small(_) => 1,
            Body::Chain(chain) => chain.nodes().len(),
        }
    }

    fn free_some(&mut self) -> bool {
        match &mut self.0 {
            Body::Small(_) => false,
            Body::Chain(chain) => chain.free_some(),
        }
    }

    fn of(collection: &Collection) -> Option<&List> {
        match collection {
            Collection::List(value) => Some(value),
            Collection::Set(_)
            | Collection::SortedSet(_)
            | Collection::Hash(_)
            | Collection::Stream(_) => None,
        }
    }

    fn of_mut(collection: &mut Collection) -> Option<&mut List> {
        match collection {
            Collection::List(value) => Some(value),
            Collection::Set(_)
            | Collection::SortedSet(_)
            | Collection::Hash(_)
            | Collection::Stream(_) => None,
        }
    }

    fn wrap(self) -> Collection {
        Collection::List(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fastrand::Rng;

    fn text(rng: &mut Rng) -> Vec<u8> {
        match rng.u8(0..12) {
            0..3 => rng.i8(-3..3).to_string().into_bytes(),
            3 => rng.i64(..).to_string().into_bytes(),
            4 => vec![b'l'; rng.usize(0..3_000)],
            5 if rng.u8(0..20) == 0 => vec![b'h'; rng.usize(0..70_000)],
            _ => vec![b'a' + rng.u8(0..4); rng.usize(0..30)],
        }
    }

    fn all<'a>(texts: impl Iterator<Item = Text<'a>>) -> Vec<Vec<u8>> {
        texts.map(|text| text.to_bytes().into_owned()).collect()
    }

    /// What holds for every list.
    fn check(list: &mut List, model: &[Vec<u8>], rng: &mut Rng) {
        assert_eq!((list.len(), list.is_empty()), (model.len(), model.is_empty()));
        let view = list.view();
        assert!(all(view.iter()) == model);
        if !model.is_empty() {
            let index = rng.usize(0..model.len());
            assert!(all(view.forward(index)) == model[index..]);
            let mut backward = all(view.backward(index));
            backward.reverse();
            assert!(backward == model[..=index]);
            assert!(*view.get(index).unwrap().to_bytes() == *model[index]);
        }
        let at_end = |end| view.at_end(end).map(|text| text.to_bytes().into_owned());
        assert!(at_end(End::Front).as_ref() == model.first());
        assert!(at_end(End::Back).as_ref() == model.last());
        assert_eq!(view.get(model.len()), None);
        match &mut list.0 {
            Body::Small(packed) => {
                assert!(packed.as_bytes().len() <= SMALL_MAX && Packed::check(packed.as_bytes()));
            }
            Body::Chain(chain) => {
                let counts: Vec<usize> = chain.nodes().iter().map(Node::count).collect();
                assert_eq!(counts.iter().sum::<usize>(), chain.len());
                assert!(!counts.contains(&0));
                assert!(!chain.is_listpack || counts.len() < 2);
            }
        }
    }

    fn run(rng: &mut Rng, fill: Fill, steps: usize) {
        let (mut list, mut model) = (List::default(), Vec::<Vec<u8>>::new());
        let grows = rng.bool();
        for _ in 0..steps {
            let end = if rng.bool() { End::Front } else { End::Back };
            let index = rng.usize(0..model.len() + 2);
            match rng.u8(0..12) {
                0 | 1 if !grows || model.len() > 600 => {
                    let count = rng.usize(0..30).min(model.len());
                    list.cut(end, count, fill);
                    match end {
                        End::Front => model.drain(..count),
                        End::Back => model.drain(model.len() - count..),
                    };
                }
                2 => {
                    let text = text(rng);
                    assert_eq!(list.set(index, &text, fill), index < model.len());
                    model.get_mut(index).into_iter().for_each(|old| *old = text.clone());
                }
                3 | 4 => {
                    let (pivot, text) = (model.get(index).cloned().unwrap_or(text(rng)), text(rng));
                    let found = model.iter().position(|element| *element == pivot);
                    assert_eq!(list.insert(end, &pivot, &text, fill), found.is_some());
                    if let Some(at) = found {
                        model.insert(at + usize::from(end == End::Back), text);
                    }
                }
                5 => {
                    let wanted = model.get(index).cloned().unwrap_or(text(rng));
                    let max = if rng.bool() { usize::MAX } else { rng.usize(1..4) };
                    let mut places: Vec<usize> =
                        (0..model.len()).filter(|place| model[*place] == wanted).collect();
                    if end == End::Back {
                        places.reverse();
                    }
                    places.truncate(max);
                    assert_eq!(list.remove(end, &wanted, max, fill), places.len());
                    let mut place = 0;
                    model.retain(|_| {
                        place += 1;
                        !places.contains(&(place - 1))
                    });
                }
                6 => {
                    list = match list.small() {
                        Some((form, bytes)) => List::thaw(form, bytes.clone()),
                        None => list.clone(),
                    };
                }
                _ => {
                    let texts: Vec<_> = (0..rng.usize(1..20)).map(|_| text(rng)).collect();
                    list.push(end, texts.iter().map(Vec::as_slice), fill);
                    for text in texts {
                        model.insert(if end == End::Front { 0 } else { model.len() }, text);
                    }
                }
            }
            check(&mut list, &model, rng);
        }
        let encoding = list.encoding();
        let copy = List::of(model.iter().map(Vec::as_slice), fill);
        assert!(all(copy.view().iter()) == model);
        assert!(encoding == "quicklist" || list.memory_bytes() < 140_000);
        while list.free_some() {}
    }

    #[test]
    fn a_list_behaves_like_a_vector() {
        let mut rng = Rng::with_seed(21);
        for setting in [0, 1, 3, 128, i64::MAX, -1, -2, -5, i64::MIN] {
            for plain in [PLAIN_BYTES, 1, 20] {
                for _ in 0..3 {
                    run(&mut rng, Fill::new(setting, plain), 120);
                }
            }
        }
    }

    fn pushed(list: &mut List, count: usize, len: usize, fill: Fill) -> &'static str {
        let text = vec![b'x'; len];
        (0..count).for_each(|_| list.push(End::Back, std::iter::once(&text[..]), fill));
        list.encoding()
    }

    #[test]
    fn lists_are_listpacks_up_to_a_number_and_again_below_half_of_it() {
        let (fill, mut list) = (Fill::new(4, PLAIN_BYTES), List::default());
        assert_eq!(pushed(&mut list, 4, 300, fill), "listpack");
        assert_eq!(pushed(&mut list, 1, 300, fill), "quicklist");
        list.cut(End::Back, 2, fill);
        assert_eq!(list.encoding(), "quicklist");
        list.cut(End::Back, 1, fill);
        assert_eq!(list.encoding(), "listpack");
        assert_eq!(pushed(&mut List::default(), 1, 9_000, fill), "quicklist");
    }

    #[test]
    fn lists_are_listpacks_up_to_a_size_and_again_below_half_of_it() {
        let (fill, mut list) = (Fill::new(-1, PLAIN_BYTES), List::default());
        assert_eq!(pushed(&mut list, 4, 1_000, fill), "listpack");
        assert_eq!(pushed(&mut list, 1, 1_000, fill), "quicklist");
        list.cut(End::Front, 2, fill);
        assert_eq!(list.encoding(), "quicklist");
        list.set(0, b"short", fill);
        list.cut(End::Front, 2, fill);
        assert_eq!(list.encoding(), "listpack");
    }

    #[test]
    fn an_element_in_a_full_node_takes_little_more_than_its_bytes() {
        let (fill, mut list) = (Fill::new(-2, PLAIN_BYTES), List::default());
        for end in [End::Front, End::Back] {
            for _ in 0..50_000 {
                list.push(end, std::iter::once(&b"sixteen bytes it"[..]), fill);
            }
        }
        let per_element = num_f64(list.memory_bytes()) / num_f64(list.len());
        assert!(per_element < 18.5, "{per_element}");
    }

    fn num_f64(value: usize) -> f64 {
        crate::base::num::float(value as u64)
    }
}

//! Items in the order of their scores, found by rank: a B+ tree that counts.
//!
//! Items with equal scores stand in an order that the tree does not know. Callers tell a place by a
//! function that holds for all items up to it and for none behind it. Each branch knows how many
//! items are below it and which one is the first, so that ranks, places and ranges cost a descent.

use std::ops::Range;

/// Items of a leaf: a kilobyte of them.
const LEAF_MAX: usize = 64;
/// Branches of a node.
const FAN_MAX: usize = 64;
/// A node with fewer parts than one in so many of its most is united with a neighbour, if both fit.
const SPARSE: usize = 4;
/// Leaves that are freed at once.
const LEAVES_PER_SLICE: usize = 256;

/// A score, and what it belongs to.
#[derive(Clone, Copy)]
pub struct Item<H> {
    /// What the items are in order of.
    pub score: f64,
    /// What it is.
    pub handle: H,
}

/// Items in order.
pub struct Ranked<H> {
    root: Node<H>,
    len: usize,
}

enum Node<H> {
    Leaf(Vec<Item<H>>),
    Inner(Vec<Branch<H>>),
}

/// A node with what its parent knows of it.
struct Branch<H> {
    first: Item<H>,
    len: usize,
    node: Node<H>,
}

impl<H: Copy> Ranked<H> {
    /// No items.
    pub const fn new() -> Ranked<H> {
        Ranked { root: Node::Leaf(Vec::new()), len: 0 }
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True without items.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of items up to a place: of those for which `is_up_to` holds.
    pub fn rank(&self, is_up_to: impl Fn(&Item<H>) -> bool) -> usize {
        let (mut node, mut rank) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(items) => return rank + items.partition_point(&is_up_to),
                Node::Inner(branches) => {
                    let at = branch_at(branches, &is_up_to);
                    rank += branches[..at].iter().map(|branch| branch.len).sum::<usize>();
                    node = &branches[at].node;
                }
            }
        }
    }

    /// Puts an item behind those for which `is_up_to` holds.
    pub fn insert(&mut self, item: Item<H>, is_up_to: impl Fn(&Item<H>) -> bool) {
        if let Some(right) = self.root.insert(item, &is_up_to) {
            let left = std::mem::replace(&mut self.root, Node::Leaf(Vec::new()));
            self.root = Node::Inner(Branch::of(left).into_iter().chain([right]).collect());
        }
        self.len += 1;
    }

    /// Takes out the last item for which `is_up_to` holds; `None` if there is none.
    pub fn remove(&mut self, is_up_to: impl Fn(&Item<H>) -> bool) -> Option<Item<H>> {
        let item = self.root.remove(&is_up_to)?;
        self.len -= 1;
        while let Node::Inner(branches) = &mut self.root
            && branches.len() <= 1
        {
            self.root = branches.pop().map_or(Node::Leaf(Vec::new()), |branch| branch.node);
        }
        Some(item)
    }

    /// Changes the score of the last item for which `is_up_to` holds where it stands, if
    /// `fits_between` says that it stays between its neighbours; false if it may have to move.
    pub fn rescore(
        &mut self,
        score: f64,
        is_up_to: impl Fn(&Item<H>) -> bool,
        fits_between: impl Fn(&Item<H>, &Item<H>) -> bool,
    ) -> bool {
        let mut node = &mut self.root;
        loop {
            match node {
                Node::Inner(branches) => {
                    let at = branch_at(branches, &is_up_to);
                    node = &mut branches[at].node;
                }
                Node::Leaf(items) => {
                    let behind = items.partition_point(&is_up_to);
                    // At an end of the leaf a neighbour is elsewhere.
                    let is_inside = behind >= 2 && behind < items.len();
                    let fits = is_inside && fits_between(&items[behind - 2], &items[behind]);
                    if fits {
                        items[behind - 1].score = score;
                    }
                    return fits;
                }
            }
        }
    }

    /// The items of these ranks, from either end.
    ///
    /// # Panics
    /// When going through it, if there are fewer.
    pub fn items(&self, ranks: Range<usize>) -> Items<'_, H> {
        Items { ranked: self, ranks, head: [].iter(), tail: [].iter() }
    }

    /// What stands in a leaf before the item of a rank, and the rest from it on.
    fn leaf_around(&self, mut rank: usize) -> (&[Item<H>], &[Item<H>]) {
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(items) => return items.split_at(rank),
                Node::Inner(branches) => {
                    let mut at = 0;
                    while rank >= branches[at].len {
                        rank -= branches[at].len;
                        at += 1;
                    }
                    node = &branches[at].node;
                }
            }
        }
    }

    /// Bytes of memory of the tree itself.
    pub fn memory_bytes(&self) -> usize {
        self.root.memory_bytes()
    }

    /// Frees some of a tree that nobody looks into any more; false once nothing is left.
    pub fn free_some(&mut self) -> bool {
        self.len = 0;
        for _ in 0..LEAVES_PER_SLICE {
            self.root.drop_last_leaf();
            if self.root.is_empty() {
                self.root = Node::Leaf(Vec::new());
                return false;
            }
        }
        true
    }
}

impl<H: Copy> Default for Ranked<H> {
    fn default() -> Ranked<H> {
        Ranked::new()
    }
}

/// The branch in which the last item stands for which `is_up_to` holds, or the first branch.
fn branch_at<H>(branches: &[Branch<H>], is_up_to: &impl Fn(&Item<H>) -> bool) -> usize {
    branches[1..].partition_point(|branch| is_up_to(&branch.first))
}

impl<H: Copy> Node<H> {
    /// Puts an item in its place; the right half, if the node had to be split for it.
    fn insert(&mut self, item: Item<H>, is_up_to: &impl Fn(&Item<H>) -> bool) -> Option<Branch<H>> {
        match self {
            Node::Leaf(items) => {
                let at = items.partition_point(is_up_to);
                if items.len() < LEAF_MAX {
                    items.insert(at, item);
                    return None;
                }
                // Items that come in order leave full leaves behind.
                let kept = if at == 0 || at == LEAF_MAX { at } else { LEAF_MAX / 2 };
                let mut right = Vec::with_capacity(LEAF_MAX);
                right.extend_from_slice(&items[kept..]);
                items.truncate(kept);
                match at.checked_sub(kept) {
                    Some(at) if kept > 0 => right.insert(at, item),
                    Some(_) | None => items.insert(at, item),
                }
                Branch::of(Node::Leaf(right))
            }
            Node::Inner(branches) => {
                let at = branch_at(branches, is_up_to);
                let right = branches[at].node.insert(item, is_up_to);
                branches[at].refresh(right.is_some());
                if let Some(right) = right {
                    branches.insert(at + 1, right);
                }
                if branches.len() <= FAN_MAX {
                    return None;
                }
                let is_last = at + 2 == branches.len();
                let kept = if is_last { FAN_MAX } else { FAN_MAX / 2 };
                Branch::of(Node::Inner(branches.split_off(kept)))
            }
        }
    }

    fn remove(&mut self, is_up_to: &impl Fn(&Item<H>) -> bool) -> Option<Item<H>> {
        match self {
            Node::Leaf(items) => {
                let at = items.partition_point(is_up_to).checked_sub(1)?;
                Some(items.remove(at))
            }
            Node::Inner(branches) => {
                let at = branch_at(branches, is_up_to);
                let item = branches[at].node.remove(is_up_to)?;
                branches[at].len -= 1;
                match branches[at].node.first() {
                    Some(first) => {
                        branches[at].first = first;
                        tidy(branches, at);
                    }
                    None => {
                        branches.remove(at);
                    }
                }
                Some(item)
            }
        }
    }

    fn first(&self) -> Option<Item<H>> {
        match self {
            Node::Leaf(items) => items.first().copied(),
            Node::Inner(branches) => branches.first().map(|branch| branch.first),
        }
    }

    /// Number of items below.
    fn count(&self) -> usize {
        match self {
            Node::Leaf(items) => items.len(),
            Node::Inner(branches) => branches.iter().map(|branch| branch.len).sum(),
        }
    }

    /// How many parts the node has, and how many it may have.
    fn parts(&self) -> (usize, usize) {
        match self {
            Node::Leaf(items) => (items.len(), LEAF_MAX),
            Node::Inner(branches) => (branches.len(), FAN_MAX),
        }
    }

    fn is_empty(&self) -> bool {
        self.parts().0 == 0
    }

    /// Takes all parts of the neighbour on the right, which is of the same depth.
    fn append(&mut self, right: Node<H>) {
        match (self, right) {
            (Node::Leaf(items), Node::Leaf(mut more)) => items.append(&mut more),
            (Node::Inner(branches), Node::Inner(mut more)) => branches.append(&mut more),
            (Node::Leaf(_), Node::Inner(_)) | (Node::Inner(_), Node::Leaf(_)) => {
                unreachable!("neighbours are of the same depth")
            }
        }
    }

    fn drop_last_leaf(&mut self) {
        match self {
            Node::Leaf(items) => *items = Vec::new(),
            Node::Inner(branches) => {
                if let Some(last) = branches.last_mut() {
                    last.node.drop_last_leaf();
                }
                branches.pop_if(|last| last.node.is_empty());
            }
        }
    }

    fn memory_bytes(&self) -> usize {
        match self {
            Node::Leaf(items) => items.capacity() * size_of::<Item<H>>(),
            Node::Inner(branches) => {
                let below: usize = branches.iter().map(|branch| branch.node.memory_bytes()).sum();
                below + branches.capacity() * size_of::<Branch<H>>()
            }
        }
    }
}

impl<H: Copy> Branch<H> {
    /// A node as a branch, if it has items.
    fn of(node: Node<H>) -> Option<Branch<H>> {
        let first = node.first()?;
        Some(Branch { first, len: node.count(), node })
    }

    /// Notes that an item has been added below, and whether the node has been split for it.
    fn refresh(&mut self, is_split: bool) {
        self.len = if is_split { self.node.count() } else { self.len + 1 };
        if let Some(first) = self.node.first() {
            self.first = first;
        }
    }
}

/// Unites the branch at `at` with a neighbour, if it is sparse and both fit into one.
fn tidy<H: Copy>(branches: &mut Vec<Branch<H>>, at: usize) {
    let (parts, parts_max) = branches[at].node.parts();
    if parts * SPARSE >= parts_max {
        return;
    }
    for left in [Some(at), at.checked_sub(1)].into_iter().flatten() {
        if left + 1 == branches.len() {
            continue;
        }
        let both = branches[left].node.parts().0 + branches[left + 1].node.parts().0;
        // Room is left, so that the next insertion does not split it again.
        if both * SPARSE <= parts_max * (SPARSE - 1) {
            let right = branches.remove(left + 1);
            branches[left].node.append(right.node);
            branches[left].len += right.len;
            return;
        }
    }
}

/// Items in order, from either end; a descent for each leaf.
#[derive(Clone)]
pub struct Items<'a, H> {
    ranked: &'a Ranked<H>,
    /// Those of which no leaf has been found yet; `head` stands before them, `tail` behind.
    ranks: Range<usize>,
    head: std::slice::Iter<'a, Item<H>>,
    tail: std::slice::Iter<'a, Item<H>>,
}

impl<'a, H: Copy> Iterator for Items<'a, H> {
    type Item = &'a Item<H>;

    #[inline]
    fn next(&mut self) -> Option<&'a Item<H>> {
        if let Some(item) = self.head.next() {
            return Some(item);
        }
        if self.ranks.is_empty() {
            return self.tail.next();
        }
        let (_, items) = self.ranked.leaf_around(self.ranks.start);
        let items = &items[..items.len().min(self.ranks.len())];
        self.ranks.start += items.len();
        self.head = items.iter();
        self.head.next()
    }
}

impl<H: Copy> DoubleEndedIterator for Items<'_, H> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if let Some(item) = self.tail.next_back() {
            return Some(item);
        }
        if self.ranks.is_empty() {
            return self.head.next_back();
        }
        let (before, rest) = self.ranked.leaf_around(self.ranks.end - 1);
        let missing = self.ranks.len() - 1;
        self.tail = before[before.len().saturating_sub(missing)..].iter();
        self.ranks.end -= self.tail.len() + 1;
        rest.first()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(score: u32, handle: u32) -> Item<u32> {
        Item { score: f64::from(score), handle }
    }

    fn key(item: &Item<u32>) -> (u64, u32) {
        (item.score.to_bits(), item.handle)
    }

    /// Checks that branches know what is below them; the depth.
    fn check(node: &Node<u32>) -> usize {
        match node {
            Node::Leaf(items) => {
                assert!(items.len() <= LEAF_MAX && items.is_sorted_by_key(key));
                1
            }
            Node::Inner(branches) => {
                assert!((1..=FAN_MAX).contains(&branches.len()));
                let depths: Vec<usize> = branches
                    .iter()
                    .map(|branch| {
                        assert_eq!(branch.len, branch.node.count());
                        assert_eq!(Some(key(&branch.first)), branch.node.first().as_ref().map(key));
                        check(&branch.node)
                    })
                    .collect();
                assert!(depths.iter().all(|depth| *depth == depths[0]));
                depths[0] + 1
            }
        }
    }

    #[test]
    fn it_behaves_like_a_sorted_vector() {
        for seed in 0..20 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let (mut ranked, mut plain) = (Ranked::new(), Vec::<(u64, u32)>::new());
            let (scores, pattern) = (rng.u32(1..2_000), rng.u8(0..4));
            for step in 0..12_000u32 {
                // Each run grows, then shrinks.
                let grows = rng.u8(0..10) < if step < 7_000 { 8 } else { 1 };
                if grows || plain.is_empty() {
                    let new = match pattern {
                        0 => item(step, 0),
                        1 => item(100_000 - step, 0),
                        _ => item(rng.u32(0..scores), rng.u32(..)),
                    };
                    let at = plain.partition_point(|old| *old < key(&new));
                    if plain.get(at) != Some(&key(&new)) {
                        plain.insert(at, key(&new));
                        ranked.insert(new, |old| key(old) < key(&new));
                    }
                } else {
                    let at = rng.usize(0..plain.len());
                    let gone = ranked.remove(|old| key(old) <= plain[at]).unwrap();
                    assert_eq!(key(&gone), plain.remove(at));
                }
                if step % 500 == 0 {
                    check(&ranked.root);
                    compare(&ranked, &plain, &mut rng);
                }
            }
            while ranked.free_some() {}
            assert_eq!(ranked.memory_bytes(), 0);
        }
    }

    fn compare(ranked: &Ranked<u32>, plain: &[(u64, u32)], rng: &mut fastrand::Rng) {
        assert_eq!(ranked.len(), plain.len());
        let start = rng.usize(0..=plain.len());
        let end = rng.usize(start..=plain.len());
        assert!(ranked.items(start..end).map(key).eq(plain[start..end].iter().copied()));
        let backwards = plain[start..end].iter().rev().copied();
        assert!(ranked.items(start..end).rev().map(key).eq(backwards));
        let mut both = ranked.items(start..end);
        let mut left = plain[start..end].iter();
        loop {
            let (a, b) = match rng.bool() {
                true => (both.next(), left.next()),
                false => (both.next_back(), left.next_back()),
            };
            assert_eq!(a.map(key), b.copied());
            if a.is_none() {
                break;
            }
        }
        if let Some(target) = plain.get(start) {
            assert_eq!(ranked.rank(|item| key(item) < *target), start);
            assert_eq!(ranked.rank(|item| key(item) <= *target), start + 1);
        }
    }

    #[test]
    fn a_score_changes_in_place_only_between_its_neighbours() {
        let mut ranked = Ranked::new();
        for score in 0..10_000 {
            let new = item(score * 10, 0);
            ranked.insert(new, |old| key(old) < key(&new));
        }
        let mut changed = 0;
        for score in 0..10_000u32 {
            let old = item(score * 10, 0);
            let new = old.score + 5.0;
            let fits =
                |before: &Item<u32>, behind: &Item<u32>| before.score < new && new < behind.score;
            changed += usize::from(ranked.rescore(new, |item| key(item) <= key(&old), fits));
            assert!(!ranked.rescore(0.0, |item| key(item) <= key(&old), |_, _| false));
        }
        assert!(changed > 9_000);
        check(&ranked.root);
    }
}

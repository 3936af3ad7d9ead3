//! Nodes in a row: the form of a long list.

use super::list::Fill;
use super::node::{End, Node};
use super::packed::Packed;
use super::text::Text;
use std::collections::VecDeque;

/// Nodes that are freed in one slice; each is some kilobytes.
const NODES_PER_SLICE: usize = 64;

/// A list in nodes.
#[derive(Clone, Default)]
pub(super) struct Chain {
    nodes: VecDeque<Node>,
    len: usize,
    /// Whether the list is one listpack as far as anyone can tell.
    pub(super) is_listpack: bool,
}

/// Where an element stands: in which node, and where in it. The place behind the last element of a
/// node is one too.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) node: usize,
    pub(super) at: usize,
}

impl Chain {
    /// The elements of a listpack.
    pub(super) fn of_packed(packed: &Packed, is_listpack: bool) -> Chain {
        let len = packed.count();
        let nodes = (len > 0).then(|| Node::of_run(packed.run(), len)).into_iter().collect();
        Chain { nodes, len, is_listpack }
    }

    /// Number of elements.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The nodes.
    #[inline]
    pub(super) fn nodes(&self) -> &VecDeque<Node> {
        &self.nodes
    }

    /// The only node, if its elements are packed.
    pub(super) fn single(&self) -> Option<&Node> {
        self.nodes.front().filter(|node| self.nodes.len() == 1 && !node.is_plain())
    }

    /// Bytes that the elements of the first node would take as a listpack.
    pub(super) fn packed_bytes(&self) -> usize {
        self.nodes.front().map_or(0, Node::packed_bytes)
    }

    /// Bytes of memory.
    pub(super) fn memory_bytes(&self) -> usize {
        let nodes: usize = self.nodes.iter().map(Node::memory_bytes).sum();
        nodes + self.nodes.capacity() * size_of::<Node>()
    }

    /// The element at an end.
    #[inline]
    pub(super) fn at_end(&self, end: End) -> Option<Text<'_>> {
        match end {
            End::Front => self.nodes.front()?.items().next(),
            End::Back => self.nodes.back()?.items().next_back(),
        }
    }

    /// The place of the element of that number, or of the end.
    pub(super) fn seek(&self, index: usize) -> Place {
        if index >= self.len {
            return Place { node: self.nodes.len(), at: 0 };
        }
        let (mut node, mut before) = (0, 0);
        if index < self.len / 2 {
            while before + self.nodes[node].count() <= index {
                before += self.nodes[node].count();
                node += 1;
            }
        } else {
            (node, before) = (self.nodes.len(), self.len);
            while before > index {
                node -= 1;
                before -= self.nodes[node].count();
            }
        }
        Place { node, at: self.nodes[node].seek(index - before) }
    }

    /// The place of the first element that is `text`.
    pub(super) fn find(&self, text: &[u8]) -> Option<Place> {
        let mut nodes = self.nodes.iter().enumerate();
        nodes.find_map(|(node, items)| items.find(0, text).map(|at| Place { node, at }))
    }

    /// Adds a node at the back.
    pub(super) fn append(&mut self, node: Node) {
        self.len += node.count();
        self.nodes.push_back(node);
    }

    /// Adds an element at an end.
    #[inline]
    pub(super) fn push(&mut self, end: End, text: &[u8], fill: Fill) {
        self.len += 1;
        let node = match end {
            End::Front => self.nodes.front_mut(),
            End::Back => self.nodes.back_mut(),
        };
        match node {
            Some(node) if self.is_listpack || fill.takes(node, text) => node.push(end, text),
            node => {
                if let Some(node) = node {
                    node.close();
                }
                let is_plain = !self.is_listpack && fill.is_plain(text);
                let node = Node::of_one(text, is_plain, fill.room(text));
                match end {
                    End::Front => self.nodes.push_front(node),
                    End::Back => self.nodes.push_back(node),
                }
            }
        }
    }

    /// Takes one element at an end.
    #[inline]
    pub(super) fn pop(&mut self, end: End, visit: impl FnOnce(Text<'_>)) {
        let node = match end {
            End::Front => self.nodes.front_mut(),
            End::Back => self.nodes.back_mut(),
        };
        let Some(node) = node else { return };
        if node.count() > 1 {
            self.len -= 1;
            if let Some(text) = node.pop(end) {
                visit(text);
            }
        } else if let Some(text) = node.items().next() {
            visit(text);
            self.cut(end, 1);
        }
    }

    /// Removes so many elements at an end, or all that there are.
    pub(super) fn cut(&mut self, end: End, count: usize) {
        let mut rest = count.min(self.len);
        self.len -= rest;
        while rest > 0 {
            let node = match end {
                End::Front => self.nodes.front_mut(),
                End::Back => self.nodes.back_mut(),
            };
            let Some(node) = node else { return };
            if rest < node.count() {
                return node.cut(end, rest);
            }
            rest -= node.count();
            match end {
                End::Front => self.nodes.pop_front(),
                End::Back => self.nodes.pop_back(),
            };
        }
    }

    /// Replaces the element at an index.
    pub(super) fn replace(&mut self, index: usize, text: &[u8], fill: Fill) {
        let place = self.seek(index);
        let node = &mut self.nodes[place.node];
        if !node.is_plain() && !fill.is_plain(text) {
            return node.replace(place.at, text);
        }
        self.insert(place, text, fill);
        let old = self.seek(index + 1);
        self.remove_at(old);
    }

    /// Removes the element at a place.
    fn remove_at(&mut self, place: Place) {
        self.len -= 1;
        if self.nodes[place.node].count() == 1 {
            self.nodes.remove(place.node);
        } else {
            self.nodes[place.node].remove(place.at);
        }
    }

    /// Puts an element in front of the one at a place, or at the end of the place's node.
    pub(super) fn insert(&mut self, place: Place, text: &[u8], fill: Fill) {
        self.len += 1;
        let Place { node: index, at } = place;
        let is_front = at == 0;
        let is_back = at == self.nodes[index].len();
        if self.is_listpack || fill.takes(&self.nodes[index], text) {
            return self.nodes[index].insert(at, text);
        }
        if is_front && index > 0 && fill.takes(&self.nodes[index - 1], text) {
            return self.nodes[index - 1].push(End::Back, text);
        }
        if is_back && index + 1 < self.nodes.len() && fill.takes(&self.nodes[index + 1], text) {
            return self.nodes[index + 1].push(End::Front, text);
        }
        let added = Node::of_one(text, fill.is_plain(text), 0);
        if is_front || is_back {
            self.nodes.insert(index + usize::from(!is_front), added);
            return;
        }
        let count = self.nodes[index].items_between(0, at).count();
        let behind = self.nodes[index].split(at, count);
        self.nodes.insert(index + 1, added);
        self.nodes.insert(index + 2, behind);
        self.merge(index + 2, fill);
        self.merge(index + 1, fill);
        self.merge(index, fill);
    }

    /// Unites a node with the one behind it, if they are one node's worth.
    fn merge(&mut self, index: usize, fill: Fill) {
        let (Some(node), Some(next)) = (self.nodes.get(index), self.nodes.get(index + 1)) else {
            return;
        };
        let bytes = node.packed_bytes() + next.len();
        let is_plain = node.is_plain() || next.is_plain();
        if is_plain || !fill.allows(bytes, node.count() + next.count()) {
            return;
        }
        if let Some(next) = self.nodes.remove(index + 1) {
            self.nodes[index].append(&next);
        }
    }

    /// Removes elements that are `text`, at most `max` of them, beginning at an end; returns how
    /// many there were.
    pub(super) fn remove(&mut self, end: End, text: &[u8], max: usize) -> usize {
        let mut rest = max;
        let mut remove_from = |node: &mut Node| {
            if rest == 0 {
                return true;
            }
            let skip = match end {
                End::Front => 0,
                End::Back if rest < node.count() => node.count_equal(text).saturating_sub(rest),
                End::Back => 0,
            };
            rest -= node.remove_equal(text, skip, rest);
            node.count() > 0
        };
        match end {
            End::Front => self.nodes.retain_mut(remove_from),
            End::Back => {
                let mut is_kept = vec![true; self.nodes.len()];
                for (index, node) in self.nodes.iter_mut().enumerate().rev() {
                    is_kept[index] = remove_from(node);
                }
                let mut is_kept = is_kept.into_iter();
                self.nodes.retain(|_| is_kept.next() == Some(true));
            }
        }
        self.len -= max - rest;
        max - rest
    }

    /// Notes that the list is a listpack again, if it has become short enough.
    pub(super) fn shrink(&mut self, fill: Fill) {
        if !self.is_listpack && self.single().is_some_and(|node| fill.is_shrunk(node)) {
            self.is_listpack = true;
        }
    }

    /// Frees some nodes; false once there are none.
    pub(super) fn free_some(&mut self) -> bool {
        let kept = self.nodes.len().saturating_sub(NODES_PER_SLICE);
        self.nodes.truncate(kept);
        self.len = 0;
        kept > 0
    }
}

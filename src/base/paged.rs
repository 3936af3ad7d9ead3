//! An array in pages, which grows without ever copying itself as a whole.

use std::ops::{Index, IndexMut};

/// Elements in a page, as a power of two.
const PAGE_BITS: u32 = 12;
/// Elements in a page.
const PAGE: usize = 1 << PAGE_BITS;

/// Like `Vec`, but at most one page of elements is ever moved by growth, so a push never takes
/// long.
#[derive(Clone)]
pub struct Paged<T> {
    pages: Vec<Vec<T>>,
}

impl<T> Paged<T> {
    /// An empty array, without memory of its own.
    pub const fn new() -> Paged<T> {
        Paged { pages: Vec::new() }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        match self.pages.last() {
            Some(last) => (self.pages.len() - 1) * PAGE + last.len(),
            None => 0,
        }
    }

    /// True without elements.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// The element at `index`, if there is one.
    pub fn get(&self, index: usize) -> Option<&T> {
        self.pages.get(index >> PAGE_BITS)?.get(index & (PAGE - 1))
    }

    /// The first element.
    pub fn first(&self) -> Option<&T> {
        self.get(0)
    }

    /// Appends an element.
    pub fn push(&mut self, value: T) {
        match self.pages.last_mut() {
            Some(last) if last.len() < PAGE => last.push(value),
            // The first page grows by doubling, later ones are made whole at once.
            Some(_) => {
                let mut page = Vec::with_capacity(PAGE);
                page.push(value);
                self.pages.push(page);
            }
            None => self.pages.push(vec![value]),
        }
    }

    /// Removes the last element.
    pub fn pop(&mut self) -> Option<T> {
        let last = self.pages.last_mut()?;
        let value = last.pop();
        if last.is_empty() {
            self.pages.pop();
        }
        value
    }

    /// Removes the element at `index`; the last one takes its place.
    ///
    /// # Panics
    /// If there is no such element.
    pub fn swap_remove(&mut self, index: usize) -> T {
        let last = self.pop();
        assert!(index <= self.len(), "index {index} of {}", self.len() + 1);
        match last {
            Some(value) if index == self.len() => value,
            Some(value) => std::mem::replace(&mut self[index], value),
            None => unreachable!("the index was in bounds"),
        }
    }

    /// All elements in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages.iter().flatten()
    }
}

impl<T> Default for Paged<T> {
    fn default() -> Paged<T> {
        Paged::new()
    }
}

impl<T> Index<usize> for Paged<T> {
    type Output = T;

    #[inline]
    fn index(&self, index: usize) -> &T {
        &self.pages[index >> PAGE_BITS][index & (PAGE - 1)]
    }
}

impl<T> IndexMut<usize> for Paged<T> {
    #[inline]
    fn index_mut(&mut self, index: usize) -> &mut T {
        &mut self.pages[index >> PAGE_BITS][index & (PAGE - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_behaves_like_a_vec() {
        let mut rng = fastrand::Rng::with_seed(7);
        let (mut paged, mut plain) = (Paged::new(), Vec::new());
        for step in 0..60_000u32 {
            match rng.u32(0..10) {
                0..7 => {
                    paged.push(step);
                    plain.push(step);
                }
                7 => assert_eq!(paged.pop(), plain.pop()),
                _ if !plain.is_empty() => {
                    let at = rng.usize(0..plain.len());
                    assert_eq!(paged[at], plain[at]);
                    assert_eq!(paged.swap_remove(at), plain.swap_remove(at));
                }
                _ => {}
            }
            assert_eq!(paged.len(), plain.len());
        }
        assert!(paged.iter().eq(plain.iter()));
        assert!(paged.len() > 2 * PAGE);
    }
}

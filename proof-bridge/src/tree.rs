//! One sparse SHA-256 sub-tree of fixed depth.
//!
//! Leaves live in pages of 64, found by page number; the roots of pages are the leaves of the next
//! layer of pages, up to one page at the top. A missing page is empty. Pages are shared between clones
//! until one of them writes, and so is the page table: a snapshot of a tree that no one writes costs nothing. A write marks its
//! leaf dirty; hashing happens when a root or a proof is asked for and touches dirty leaves only.

use std::{collections::BTreeMap, sync::Arc};

use isa::Leaf;
use rayon::prelude::*;

use crate::hash::{hash_pair, zero};

/// log₂ of the leaves in a page.
const PAGE: u8 = 6;
/// So many changed pages are worth a second thread: hashing a full one takes some microseconds.
pub(crate) const PARALLEL_PAGES: usize = 16;
/// Bytes of a full page: as many inner nodes as leaves.
const PAGE_BYTES: usize = 32 << (PAGE + 1);

/// A complete binary heap: node 1 is the root, nodes `width..2*width` are the leaves.
#[derive(Clone)]
struct Page {
    nodes: Box<[Leaf]>,
    /// Bit *i*: leaf *i* changed since the inner nodes were last hashed.
    dirty: u64,
}

impl Page {
    /// An empty page of 2^`bits` leaves, each the root of an empty tree of `level` levels.
    fn empty(bits: u8, level: u8) -> Page {
        let mut nodes = vec![[0; 32]; 2 << bits].into_boxed_slice();
        for height in 0..=bits {
            let first = 1usize << (bits - height);
            nodes[first..2 * first].fill(zero(level + height));
        }
        Page { nodes, dirty: 0 }
    }

    fn width(&self) -> usize {
        self.nodes.len() / 2
    }

    fn leaves(&self) -> &[Leaf] {
        &self.nodes[self.width()..]
    }

    fn set(&mut self, index: usize, leaf: &Leaf) {
        let at = self.width() + index;
        self.nodes[at] = *leaf;
        self.dirty |= 1 << index;
    }

    /// Hashes what lies above dirty leaves and returns the page's root.
    fn hash(&mut self) -> Leaf {
        let mut width = self.width();
        let mut dirty = std::mem::take(&mut self.dirty);
        while width > 1 {
            width /= 2;
            let mut parents = 0;
            while dirty != 0 {
                let parent = dirty.trailing_zeros() / 2;
                dirty &= !(3 << (2 * parent));
                parents |= 1 << parent;
                let at = width + parent as usize;
                self.nodes[at] = hash_pair(&self.nodes[2 * at], &self.nodes[2 * at + 1]);
            }
            dirty = parents;
        }
        self.nodes[1]
    }
}

/// One level of pages.
#[derive(Clone)]
struct Layer {
    /// log₂ of the leaves of each page; less than [`PAGE`] only at the top.
    bits: u8,
    /// Height of this layer's leaves above the tree's leaves.
    level: u8,
    pages: Arc<BTreeMap<u64, Arc<Page>>>,
    /// Pages with dirty leaves, each at least once.
    dirty: Vec<u64>,
}

impl Layer {
    fn page_mut(&mut self, page: u64) -> &mut Page {
        let (bits, level) = (self.bits, self.level);
        let page_ref = Arc::make_mut(&mut self.pages).entry(page).or_insert_with(|| Arc::new(Page::empty(bits, level)));
        if page_ref.dirty == 0 {
            self.dirty.push(page);
        }
        Arc::make_mut(page_ref)
    }

    /// Hashes the dirty pages, side by side where they are many; their roots by page number.
    fn hash(&mut self) -> Vec<(u64, Leaf)> {
        let mut dirty = std::mem::take(&mut self.dirty);
        if dirty.is_empty() {
            return Vec::new();
        }
        let pages = Arc::make_mut(&mut self.pages);
        if dirty.len() < PARALLEL_PAGES {
            let root = |page: u64| pages.get_mut(&page).map(|nodes| (page, Arc::make_mut(nodes).hash()));
            return dirty.into_iter().filter_map(root).collect();
        }
        dirty.sort_unstable();
        let changed = pages.iter_mut().filter(|(page, _)| dirty.binary_search(page).is_ok());
        let changed: Vec<(u64, &mut Arc<Page>)> = changed.map(|(&page, nodes)| (page, nodes)).collect();
        changed.into_par_iter().with_min_len(4).map(|(page, nodes)| (page, Arc::make_mut(nodes).hash())).collect()
    }
}

/// A sparse tree of 2^depth leaves that starts as all zero.
#[derive(Clone)]
pub struct Tree {
    depth: u8,
    layers: Vec<Layer>,
}

impl Tree {
    /// The empty tree. Panics if `depth` exceeds [`DEPTH_MAX`](crate::hash::DEPTH_MAX).
    pub fn new(depth: u8) -> Tree {
        let _ = zero(depth);
        let mut layers = Vec::new();
        let mut level = 0;
        loop {
            let bits = PAGE.min(depth - level);
            layers.push(Layer { bits, level, pages: Arc::default(), dirty: Vec::new() });
            level += bits;
            if level == depth {
                return Tree { depth, layers };
            }
        }
    }

    /// The tree whose first leaves are `leaves`. Panics if they do not fit.
    pub fn from_leaves(depth: u8, leaves: &[Leaf]) -> Tree {
        let mut tree = Tree::new(depth);
        tree.write(0, leaves);
        tree
    }

    /// Levels between the root and the leaves.
    pub fn depth(&self) -> u8 {
        self.depth
    }

    /// Whether leaves `index..index + count` exist.
    pub fn contains(&self, index: u64, count: usize) -> bool {
        index.checked_add(count as u64).is_some_and(|end| end <= 1 << self.depth)
    }

    /// Copies the leaves from `index` on into `out`. Panics outside the tree.
    pub fn read(&self, index: u64, out: &mut [Leaf]) {
        assert!(self.contains(index, out.len()), "read beyond the sub-tree");
        let bottom = &self.layers[0];
        let mut index = index;
        let mut rest = out;
        while !rest.is_empty() {
            let start = (index & ((1 << bottom.bits) - 1)) as usize;
            let count = rest.len().min((1 << bottom.bits) - start);
            let (now, later) = rest.split_at_mut(count);
            match bottom.pages.get(&(index >> bottom.bits)) {
                Some(page) => now.copy_from_slice(&page.leaves()[start..start + count]),
                None => now.fill([0; 32]),
            }
            index += count as u64;
            rest = later;
        }
    }

    /// Replaces the leaves from `index` on. Panics outside the tree.
    pub fn write(&mut self, index: u64, leaves: &[Leaf]) {
        assert!(self.contains(index, leaves.len()), "write beyond the sub-tree");
        let bottom = &mut self.layers[0];
        let mut index = index;
        let mut rest = leaves;
        while !rest.is_empty() {
            let start = (index & ((1 << bottom.bits) - 1)) as usize;
            let count = rest.len().min((1 << bottom.bits) - start);
            let (now, later) = rest.split_at(count);
            let page = bottom.page_mut(index >> bottom.bits);
            for (offset, leaf) in now.iter().enumerate() {
                page.set(start + offset, leaf);
            }
            index += count as u64;
            rest = later;
        }
    }

    /// One past the last leaf that is not zero.
    pub fn rows_used(&self) -> usize {
        let bottom = &self.layers[0];
        for (number, page) in bottom.pages.iter().rev() {
            if let Some(last) = page.leaves().iter().rposition(|leaf| *leaf != [0; 32]) {
                return ((number << bottom.bits) as usize) + last + 1;
            }
        }
        0
    }

    /// Makes every leaf zero.
    pub fn clear(&mut self) {
        for layer in &mut self.layers {
            layer.pages = Arc::default();
            layer.dirty.clear();
        }
    }

    /// Pages of leaves written since the last hashing.
    pub fn changed_pages(&self) -> usize {
        self.layers[0].dirty.len()
    }

    /// Calls `f` with the index and the leaves of each page that is not shared with `other`, a tree of the same depth; zeros
    /// where this one has no page.
    pub fn unlike(&self, other: &Tree, mut f: impl FnMut(u64, &[Leaf])) {
        let (mine, theirs) = (&self.layers[0], &other.layers[0]);
        if Arc::ptr_eq(&mine.pages, &theirs.pages) {
            return;
        }
        for (number, page) in mine.pages.iter() {
            if !theirs.pages.get(number).is_some_and(|it| Arc::ptr_eq(it, page)) {
                f(number << mine.bits, page.leaves());
            }
        }
        let zeros = vec![[0; 32]; 1 << mine.bits];
        for number in theirs.pages.keys().filter(|number| !mine.pages.contains_key(number)) {
            f(number << mine.bits, &zeros);
        }
    }

    /// The leaves that differ from those of `other`, a tree of the same depth, ascending, at most `most`.
    pub fn differences(&self, other: &Tree, most: usize) -> Vec<u64> {
        let mut found = Vec::new();
        let mut theirs = vec![[0; 32]; 1 << self.layers[0].bits];
        self.unlike(other, |index, mine| {
            other.read(index, &mut theirs);
            let pairs = (index..).zip(mine.iter().zip(&theirs));
            found.extend(pairs.filter(|(_, (mine, theirs))| mine != theirs).map(|(index, _)| index));
        });
        found.sort_unstable();
        found.truncate(most);
        found
    }

    /// Bytes of the pages of leaves that it does not share with `other`.
    pub fn unshared_bytes(&self, other: &Tree) -> usize {
        let mut pages = 0;
        self.unlike(other, |_, _| pages += 1);
        pages * PAGE_BYTES
    }

    /// Hashes above dirty leaves.
    pub fn flush(&mut self) {
        for number in 0..self.layers.len() {
            let (below, above) = self.layers.split_at_mut(number + 1);
            for (page, root) in below[number].hash() {
                if let Some(parent) = above.first_mut() {
                    let index = (page & ((1 << parent.bits) - 1)) as usize;
                    parent.page_mut(page >> parent.bits).set(index, &root);
                }
            }
        }
    }

    /// The root, after hashing above dirty leaves.
    pub fn root(&mut self) -> Leaf {
        self.flush();
        self.node(self.depth, 0)
    }

    /// Node `index` of the level `height` above the leaves, of a tree without dirty leaves.
    fn node(&self, height: u8, index: u64) -> Leaf {
        let last = self.layers.len() - 1;
        let number = usize::from(height / PAGE).min(last);
        let layer = &self.layers[number];
        let above = layer.bits - (height - layer.level);
        match layer.pages.get(&(index >> above)) {
            Some(page) => page.nodes[(1 << above) + (index & ((1 << above) - 1)) as usize],
            None => zero(height),
        }
    }

    /// The node over the aligned 2^`height` leaves from `index` on, after hashing.
    pub fn subtree(&mut self, index: u64, height: u8) -> Leaf {
        self.flush();
        self.node(height, index >> height)
    }

    /// The siblings from the aligned 2^`height` leaves at `index` up to the root, bottom first.
    /// `climb(node, index >> height, siblings)` is the root.
    pub fn siblings(&mut self, index: u64, height: u8) -> Vec<Leaf> {
        self.flush();
        (height..self.depth).map(|level| self.node(level, (index >> level) ^ 1)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::{climb, root_of};

    fn mix(state: &mut u64) -> u64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *state >> 33
    }

    #[test]
    fn equals_a_plain_tree_at_every_depth() {
        for depth in 0..=13 {
            let mut tree = Tree::new(depth);
            let mut plain = vec![[0; 32]; 1 << depth];
            let mut seed = u64::from(depth) + 1;
            for round in 0..20 {
                for _ in 0..5 {
                    let index = mix(&mut seed) % (1 << depth);
                    let leaf = [mix(&mut seed) as u8; 32];
                    tree.write(index, &[leaf]);
                    plain[index as usize] = leaf;
                }
                assert_eq!(tree.root(), root_of(&plain), "depth {depth} round {round}");
                let height = (mix(&mut seed) % u64::from(depth + 1)) as u8;
                let index = (mix(&mut seed) % (1 << depth)) >> height << height;
                let node = root_of(&plain[index as usize..][..1 << height]);
                assert_eq!(tree.subtree(index, height), node);
                let siblings = tree.siblings(index, height);
                assert_eq!(climb(node, index >> height, &siblings), tree.root());
                let mut read = vec![[1; 32]; 1 << height];
                tree.read(index, &mut read);
                assert_eq!(read, plain[index as usize..][..1 << height]);
            }
            tree.clear();
            assert_eq!(tree.root(), zero(depth));
        }
    }

    #[test]
    fn deep_trees_are_sparse() {
        let mut tree = Tree::new(32);
        assert_eq!(tree.root(), zero(32));
        tree.write((1 << 32) - 1, &[[3; 32]]);
        let siblings = tree.siblings((1 << 32) - 1, 0);
        assert_eq!(climb([3; 32], (1 << 32) - 1, &siblings), tree.root());
        tree.write((1 << 32) - 1, &[[0; 32]]);
        assert_eq!(tree.root(), zero(32));
        assert!(!tree.contains(1 << 32, 1));
        assert!(!tree.contains(u64::MAX, 1));
    }

    #[test]
    fn clones_do_not_see_later_writes() {
        let mut tree = Tree::from_leaves(9, &[[5; 32]; 100]);
        let before = tree.root();
        let mut snapshot = tree.clone();
        tree.write(99, &[[6; 32]]);
        assert_ne!(tree.root(), before);
        assert_eq!(snapshot.root(), before);
    }
}

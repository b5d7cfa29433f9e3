//! Places of the state by the names that programs use: `spad[3]`, `acc[7]`, `output[0]`, and their lanes in decimal.

use isa::{Access, Leaf, Profile, ROW32_LEAVES, Reach, Role, Space, Subtree, row32};

/// A row of a space, and its lanes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) space: &'static str,
    pub(crate) index: u64,
    pub(crate) lanes: Vec<i64>,
}

impl Row {
    /// `acc[3] = 1 -2 3 …`, at most `most` lanes.
    pub(crate) fn show(&self, most: usize) -> String {
        let lanes: Vec<String> = self.lanes.iter().take(most).map(i64::to_string).collect();
        let rest = if self.lanes.len() > most { " …" } else { "" };
        format!("{}[{}] = {}{rest}", self.space, self.index, lanes.join(" "))
    }
}

/// Name of a space.
pub(crate) fn space_name(space: Space) -> &'static str {
    match space {
        Space::Spad => "spad",
        Space::Acc => "acc",
        Space::Dram(region) => region.name(),
    }
}

/// The space that a leaf of a sub-tree is in, and its row there.
pub(crate) fn row_of(tree: Subtree, leaf: u64, profile: &Profile) -> (Space, u64) {
    let acc = profile.acc_leaf(0);
    match tree {
        Subtree::Onchip if leaf >= acc => (Space::Acc, (leaf - acc) / ROW32_LEAVES as u64),
        Subtree::Onchip => (Space::Spad, leaf),
        region => (Space::Dram(region), leaf),
    }
}

/// The rows that an access names. Those of acc are of i32, others of i8.
pub(crate) fn rows(at: Access, leaves: &[Leaf], profile: &Profile) -> Vec<Row> {
    match (row_of(at.tree, at.index, profile), leaves.try_into()) {
        ((Space::Acc, index), Ok(leaves)) => {
            vec![Row { space: "acc", index, lanes: row32(leaves).iter().map(|&lane| lane.into()).collect() }]
        }
        ((space, index), _) => (index..).zip(leaves).map(|(index, leaf)| bytes(space, index, leaf)).collect(),
    }
}

fn bytes(space: Space, index: u64, leaf: &Leaf) -> Row {
    Row { space: space_name(space), index, lanes: leaf.iter().map(|&byte| byte.cast_signed().into()).collect() }
}

/// `acc[3..7] <- spad[0..4] spad[32..64]`: the rows that operands may name, one past the last behind the dots.
pub(crate) fn reaches(operands: &[Reach]) -> String {
    let list = |destination: bool| {
        let is = |reach: &&Reach| matches!(reach.role, Role::Destination | Role::OrderedDestination) == destination;
        operands.iter().filter(is).map(reach).collect::<Vec<_>>().join(" ")
    };
    match (list(true), list(false)) {
        (to, from) if from.is_empty() => to,
        (to, from) if to.is_empty() => format!("<- {from}"),
        (to, from) => format!("{to} <- {from}"),
    }
}

fn reach(reach: &Reach) -> String {
    let (lo, hi) = (reach.rows.lo, reach.rows.hi);
    let space = space_name(reach.space);
    if lo == hi { format!("{space}[{lo}]") } else { format!("{space}[{lo}..{}]", hi + 1) }
}

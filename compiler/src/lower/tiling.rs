//! How a task is cut, where there is a choice: the rules of each lowering, and what departs from them.

use super::Lower;
use crate::int_ir::IntKind;
use crate::plan::{Task, Work};

/// Departures from the rules; none by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Tiling {
    /// Strips, or tiles, are at most as large as those of the rules over one more than this.
    pub(crate) smaller: u64,
    /// All free rows of spad serve the strips and weights of a chain, where rules leave half to the next task's first loads.
    pub(crate) all_room: bool,
    /// Groups of channels that results are stored by, where not by the rules.
    pub(crate) groups: Option<u64>,
    /// Rows of spad come from the other end.
    pub(crate) flip: bool,
    /// Sums stay in acc while the channels of their operands pass.
    pub(crate) streamed: bool,
}

impl Tiling {
    /// The most pixels, or lines, of strips or tiles that would have so many.
    pub(super) fn most(&self, size: u64) -> u64 {
        size.div_ceil(self.smaller + 1)
    }
}

impl Lower<'_> {
    /// The ways to cut a task; first that of the rules. Some may be the same as others, or not fit.
    pub(super) fn tilings(task: &Task) -> Vec<Tiling> {
        let rules = Tiling::default();
        let smaller = |most: u64| (1..=most).map(|smaller| Tiling { smaller, ..Tiling::default() });
        let mut all = vec![rules];
        match &task.work {
            Work::Op(op) => match op.kind {
                IntKind::Conv { .. } | IntKind::Dense { .. } => {
                    all.extend(smaller(3));
                    all.push(Tiling { groups: Some(4), ..rules });
                    all.push(Tiling { flip: true, ..rules });
                    all.push(Tiling { streamed: true, ..rules });
                }
                IntKind::Norm { .. } | IntKind::Softmax { .. } => {}
                _ => all.extend(smaller(3)),
            },
            Work::Separable(_) => {
                all.extend(smaller(4));
                all.push(Tiling { flip: true, ..rules });
            }
            Work::Chain(_) => {
                all.extend(smaller(3));
                all.extend([Tiling { all_room: true, ..rules }, Tiling { flip: true, ..rules }]);
            }
            Work::Attention(_) => all.extend(smaller(2)),
            Work::Move { .. } => {}
        }
        all
    }
}

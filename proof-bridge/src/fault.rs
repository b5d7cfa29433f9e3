//! A machine that gets one product wrong: the operator that disputes are made for.

use isa::{Access, Leaf, ROW32_LEAVES, State, Subtree, row32, row32_leaves};

use crate::trace::Trace;

/// What goes wrong: one lane of the accumulator row that one micro-step writes is off, as it would be
/// had one weight had another value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Fault {
    /// Number of the micro-step, from 0. Nothing happens unless it writes an accumulator row.
    pub step: u64,
    /// The lane, 0..=31.
    pub lane: usize,
    /// Added to the lane, with wrap-around.
    pub delta: i32,
}

/// What the product of one weight can be off by, tried in this order.
const DELTAS: [i32; 6] = [127, -127, 2_032, -2_032, 16_129, -16_129];
/// Products tried for one that matters.
const PRODUCTS: usize = 64;

impl Fault {
    /// A fault at the first product from micro-step `from` on that changes how the run ends; none if the
    /// next few do not matter.
    pub fn that_matters(trace: &Trace, from: u64) -> Option<Fault> {
        let mut from = from;
        for _ in 0..PRODUCTS {
            let (step, lanes) = trace.next_product(from)?;
            for delta in DELTAS {
                let fault = Fault { step, lane: step as usize % lanes.max(1), delta };
                if trace.outcome_with(&fault) != *trace.outcome() {
                    return Some(fault);
                }
            }
            from = step + 1;
        }
        None
    }
}

/// A state whose accumulator writes suffer the fault.
pub struct Faulty<'a, S> {
    state: &'a mut S,
    fault: &'a Fault,
}

impl<'a, S: State> Faulty<'a, S> {
    /// Wraps the state for the micro-step of the fault.
    pub fn new(state: &'a mut S, fault: &'a Fault) -> Faulty<'a, S> {
        Faulty { state, fault }
    }

    fn spoil(&self, at: Access, leaves: &[Leaf]) -> Option<[Leaf; ROW32_LEAVES]> {
        let mut lanes = row32(leaves.try_into().ok().filter(|_| at.tree == Subtree::Onchip)?);
        let lane = lanes.get_mut(self.fault.lane)?;
        *lane = lane.wrapping_add(self.fault.delta);
        Some(row32_leaves(&lanes))
    }
}

impl<S: State> State for Faulty<'_, S> {
    type Error = S::Error;

    fn read(&mut self, at: Access, out: &mut [Leaf]) -> Result<(), S::Error> {
        self.state.read(at, out)
    }

    fn update(&mut self, at: Access, leaves: &[Leaf]) -> Result<(), S::Error> {
        match self.spoil(at, leaves) {
            Some(spoilt) => self.state.update(at, &spoilt),
            None => self.state.update(at, leaves),
        }
    }

    fn overwrite(&mut self, at: Access, leaves: &[Leaf]) -> Result<(), S::Error> {
        match self.spoil(at, leaves) {
            Some(spoilt) => self.state.overwrite(at, &spoilt),
            None => self.state.overwrite(at, leaves),
        }
    }

    fn clear(&mut self, tree: Subtree, depth: u8) -> Result<(), S::Error> {
        self.state.clear(tree, depth)
    }
}

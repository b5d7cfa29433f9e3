//! Where values lie: in DRAM, on chip, or both.

mod arena;
mod near;

use isa::Subtree;

use crate::TargetLimits;
use crate::plan::Plan;
use arena::Arena;

/// A map in spad: one pixel after another, lines one after another, with a ring of padding around the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Map {
    /// First spad row, that of the ring's first corner.
    pub(crate) base: u64,
    pub(crate) height: u64,
    pub(crate) width: u64,
    /// Rows of a pixel.
    pub(crate) groups: u64,
    /// Top, left, bottom, right, in pixels.
    pub(crate) pads: [u64; 4],
    /// What the ring holds.
    pub(crate) fill: i8,
}

impl Map {
    /// Rows from one line to the next.
    pub(crate) fn pitch(&self) -> u64 {
        (self.width + self.pads[1] + self.pads[3]) * self.groups
    }

    /// Rows of the whole map.
    pub(crate) fn rows(&self) -> u64 {
        (self.height + self.pads[0] + self.pads[2]) * self.pitch()
    }

    /// First row of the first pixel.
    pub(crate) fn origin(&self) -> u64 {
        self.base + self.pads[0] * self.pitch() + self.pads[1] * self.groups
    }
}

/// Where a root lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Home {
    pub(crate) dram: Option<(Subtree, u64)>,
    pub(crate) spad: Option<Map>,
}

/// The result of the pass.
pub(crate) struct Homes {
    /// By value; of roots.
    pub(crate) homes: Vec<Home>,
    /// By task, the rows of spad that no value holds.
    pub(crate) free: Vec<std::ops::Range<u64>>,
    pub(crate) input_rows: u64,
    pub(crate) output_rows: u64,
    pub(crate) work_rows: u64,
}

/// When each root is made and last read: by number of task + 1; inputs are made at 0.
pub(crate) fn lives(plan: &Plan) -> Vec<Option<(usize, usize)>> {
    let mut lives: Vec<Option<(usize, usize)>> = vec![None; plan.values.len()];
    for &input in &plan.inputs {
        lives[input.0] = Some((0, 0));
    }
    for (index, task) in plan.tasks.iter().enumerate() {
        for id in task.reads() {
            if let Some((_, last)) = &mut lives[plan.root(id).0] {
                *last = index + 1;
            }
        }
        lives[plan.root(task.output).0] = Some((index + 1, index + 1));
    }
    lives
}

/// Runs the pass.
pub(crate) fn run(plan: &Plan, target: &TargetLimits) -> Homes {
    let mut homes = vec![Home::default(); plan.values.len()];
    let lives = lives(plan);
    let (mut input_rows, mut output_rows) = (0, 0);
    for &id in &plan.inputs {
        homes[id.0].dram = Some((Subtree::Input, input_rows));
        input_rows += plan.value(id).rows();
    }
    for &id in &plan.outputs {
        homes[plan.root(id).0].dram = Some((Subtree::Output, output_rows));
        output_rows += plan.value(id).rows();
    }
    let (maps, free) = near::run(plan, target, &lives);
    for (home, map) in homes.iter_mut().zip(maps) {
        home.spad = map;
    }
    let mut arena = Arena::default();
    let mut placed = Vec::new();
    for (id, life) in lives.iter().enumerate() {
        if let (Some((first, last)), Home { dram: None, spad: None }) = (life, homes[id]) {
            placed.push((id, arena.request(plan.values[id].rows(), 1, *first, *last)));
        }
    }
    let places = arena.place();
    for (id, buffer) in placed {
        homes[id].dram = Some((Subtree::Work, places.base(buffer)));
    }
    Homes { homes, free, input_rows, output_rows, work_rows: places.peak }
}

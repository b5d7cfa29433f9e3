//! Which values stay on chip, and where.
//!
//! Small values of short lives come first, as long as every task between keeps the rows that it needs to work.

use std::ops::Range;

use isa::{LANES, PARAM_ROWS, TILE_ROWS};

use super::Map;
use super::arena::Arena;
use crate::TargetLimits;
use crate::int_ir::IntKind;
use crate::lower::Tiles;
use crate::plan::{Plan, Task, ValueId, Work};

/// Pixels of a strip that tasks should have room for.
const STRIP: u64 = 128;

/// The maps of the values that stay on chip, by value, and the rows that are free in each task.
pub(super) fn run(
    plan: &Plan,
    target: &TargetLimits,
    lives: &[Option<(usize, usize)>],
) -> (Vec<Option<Map>>, Vec<Range<u64>>) {
    let all = 1u64 << target.spad_log2;
    let reserve: Vec<u64> = plan.tasks.iter().map(|task| reserve(plan, task, target)).collect();
    let mut candidates = candidates(plan, lives);
    candidates.sort_by_key(|c| (c.map.rows() * (c.last - c.first + 1) as u64, c.id.0));
    // Rows in use while each task runs.
    let mut used = vec![0u64; plan.tasks.len()];
    candidates.retain(|c| {
        let tasks = c.first - 1..c.last;
        let rows = c.map.rows();
        let fits = tasks.clone().all(|task| used[task] + rows + reserve[task] <= all);
        if fits {
            tasks.for_each(|task| used[task] += rows);
        }
        fits
    });
    loop {
        let (maps, free) = place(plan, &candidates, all);
        let short = (0..free.len()).find(|&task| free[task].end - free[task].start < reserve[task].min(all));
        let live = |c: &Candidate, task: usize| c.first <= task + 1 && task < c.last;
        // Gaps between values may cost too much: then the largest goes.
        let worst = short.and_then(|task| {
            let there = candidates.iter().enumerate().filter(|(_, c)| live(c, task));
            there.max_by_key(|(_, c)| c.map.rows()).map(|(index, _)| index)
        });
        match worst {
            Some(index) => drop(candidates.remove(index)),
            None => return (maps, free),
        }
    }
}

struct Candidate {
    id: ValueId,
    map: Map,
    first: usize,
    last: usize,
}

/// Places the values from the bottom of spad on; what is above them is free.
fn place(plan: &Plan, candidates: &[Candidate], all: u64) -> (Vec<Option<Map>>, Vec<Range<u64>>) {
    let mut arena = Arena::default();
    let buffers: Vec<_> = candidates.iter().map(|c| arena.request(c.map.rows(), 1, c.first, c.last)).collect();
    let places = arena.place();
    let mut maps = vec![None; plan.values.len()];
    let mut free = vec![0..all; plan.tasks.len()];
    for (candidate, buffer) in candidates.iter().zip(buffers) {
        let map = Map { base: places.base(buffer), ..candidate.map };
        maps[candidate.id.0] = Some(map);
        for range in &mut free[candidate.first - 1..candidate.last] {
            range.start = range.start.max(map.base + map.rows()).min(all);
        }
    }
    (maps, free)
}

/// Rows that a task needs to work well.
fn reserve(plan: &Plan, task: &Task, target: &TargetLimits) -> u64 {
    if let Some(rows) = Tiles::new(plan, task).and_then(|tiles| tiles.reserve(target)) {
        return rows;
    }
    let all = 1u64 << target.spad_log2;
    if let Work::Chain(tasks) = &task.work {
        return tasks.iter().map(|task| reserve(plan, task, target)).sum::<u64>().min(all * 3 / 4);
    }
    let groups = plan.form(task.output).groups();
    let operands = task.reads().filter(|&id| plan.repeated(id).is_none()).chain([task.output]);
    let strips: u64 = operands
        .map(|id| {
            let form = plan.form(id);
            (2 * STRIP * form.groups()).min(form.rows())
        })
        .sum();
    if let Work::Attention(attention) = &task.work {
        return attention.sizes.spad(attention.strip, attention.bank);
    }
    let Work::Op(op) = &task.work else {
        return (plan.form(task.output).rows() + task.reads().map(|id| plan.form(id).rows()).sum::<u64>()).min(all / 2);
    };
    let (tile, lanes) = (TILE_ROWS as u64, LANES as u64);
    let weights = match &op.kind {
        IntKind::Conv { weights, groups: 1, .. } => {
            groups * (weights.len() as u64 / weights.dim().0 as u64).div_ceil(lanes) * tile
        }
        IntKind::Conv { weights, .. } => weights.len() as u64 / 4,
        IntKind::Dense { weights, .. } => groups * (weights.nrows() as u64).div_ceil(lanes) * tile,
        IntKind::MatMul { .. } => 2 * (plan.form(task.inputs[0]).channels() as u64).div_ceil(lanes).min(32) * tile,
        IntKind::Mean { .. } | IntKind::ArgMax { .. } => plan.form(task.inputs[0]).rows(),
        _ => 0,
    };
    let fixed = groups * PARAM_ROWS as u64 + 4 * tile;
    (weights.min(all / 4) + strips + fixed).min(all * 3 / 4)
}

/// The values that tasks make and read strip by strip.
fn candidates(plan: &Plan, lives: &[Option<(usize, usize)>]) -> Vec<Candidate> {
    let moved = |task: &Task| match &task.work {
        Work::Move { .. } => true,
        Work::Separable(_) | Work::Chain(_) => false,
        Work::Op(op) => matches!(op.kind, IntKind::ResizeLinear { .. }),
        Work::Attention(_) => false,
    };
    let mut far = vec![false; plan.values.len()];
    for task in plan.tasks.iter().filter(|task| moved(task)) {
        task.reads().chain([task.output]).for_each(|id| far[plan.root(id).0] = true);
    }
    let mut candidates = Vec::new();
    for task in &plan.tasks {
        let id = plan.root(task.output);
        let form = plan.form(id);
        let [images, height, width] = form.image();
        let Some((first, last)) = lives[id.0] else { continue };
        if far[id.0] || plan.value(id).words || images != 1 || last == first {
            continue;
        }
        // An alias may be read in another form: then only as rows one after another.
        let aliased = (0..plan.values.len()).any(|v| v != id.0 && plan.values[v].root == id);
        let (pads, fill) = if aliased { ([0; 4], 0) } else { ring(plan, id) };
        if aliased && height != 1 && pads != [0; 4] {
            continue;
        }
        let (height, width) = (height as u64, width as u64);
        candidates.push(Candidate {
            id,
            map: Map { base: 0, height, width, groups: form.groups(), pads, fill },
            first,
            last,
        });
    }
    candidates
}

/// The padding that the readers of a value want around it, those with the fill of the first.
fn ring(plan: &Plan, id: ValueId) -> ([u64; 4], i8) {
    let (mut pads, mut fill) = ([0; 4], None);
    let parts = plan.tasks.iter().flat_map(|task| match &task.work {
        Work::Chain(tasks) => &tasks[..],
        _ => std::slice::from_ref(task),
    });
    for task in parts.filter(|task| task.inputs.first() == Some(&id)) {
        let op = match &task.work {
            Work::Op(op) => op,
            // What is expanded is padded then.
            Work::Separable(block) if block.expand.is_none() => block.depthwise,
            _ => continue,
        };
        let Some((geometry, value)) = crate::lower::geometry(plan, task, op) else { continue };
        let reach = geometry.reach();
        if reach == [0; 4] || fill.is_some_and(|fill| fill != value) {
            continue;
        }
        fill = Some(value);
        pads = std::array::from_fn(|side| pads[side].max(reach[side]));
    }
    (pads, fill.unwrap_or(0))
}

//! What operators that only move elements do, resolved to selections, transpositions and frames: said once for shapes, the
//! reference and the integer IR.

use std::collections::BTreeMap;

use super::resize;
use crate::graph::{Constant, Node};
use crate::import::{MAX_RANK, elements};
use crate::ops::{Op, PadMode};

/// Longest axis along which elements are selected.
const MAX_SELECTED: usize = 1 << 24;

/// One movement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Move {
    /// Along an axis, these indices.
    Select { axis: usize, indices: Vec<usize> },
    /// Another shape.
    Reshape(Vec<usize>),
    /// Axes in another order.
    Transpose(Vec<usize>),
    /// A frame of the value of [`Moves::pad`].
    Pad { before: Vec<usize>, after: Vec<usize> },
}

/// Movements one after another, then a reshape.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moves {
    pub(crate) steps: Vec<Move>,
    /// Of the result.
    pub(crate) shape: Vec<usize>,
    /// What frames hold.
    pub(crate) pad: f32,
}

impl Moves {
    fn reshape(shape: Vec<usize>) -> Moves {
        Moves { steps: vec![], shape, pad: 0.0 }
    }

    fn of(x: &[usize], steps: Vec<Move>) -> Moves {
        let shape = steps.iter().fold(x.to_vec(), |shape, step| step.shape(&shape));
        Moves { steps, shape, pad: 0.0 }
    }
}

impl Move {
    /// Shape after it.
    pub(crate) fn shape(&self, x: &[usize]) -> Vec<usize> {
        let mut shape = x.to_vec();
        match self {
            Move::Select { axis, indices } => shape[*axis] = indices.len(),
            Move::Reshape(to) => shape.clone_from(to),
            Move::Transpose(perm) => shape = perm.iter().map(|&axis| x[axis]).collect(),
            Move::Pad { before, after } => {
                for (axis, size) in shape.iter_mut().enumerate() {
                    *size += before[axis] + after[axis];
                }
            }
        }
        shape
    }
}

/// An axis that may count from the end.
pub(crate) fn axis(axis: i64, rank: usize) -> Result<usize, String> {
    let from_start = if axis < 0 { axis.saturating_add(rank as i64) } else { axis };
    usize::try_from(from_start)
        .ok()
        .filter(|&a| a < rank)
        .ok_or(format!("axis {axis} of a tensor of {rank} dimensions"))
}

/// Several dimensions, each named once.
pub(super) fn distinct(axes: &[i64], rank: usize) -> Result<Vec<usize>, String> {
    let all = axes.iter().map(|&a| axis(a, rank)).collect::<Result<Vec<_>, _>>()?;
    let twice = |(i, a): (usize, &usize)| all[..i].contains(a);
    if all.iter().enumerate().any(twice) { Err(format!("axes {axes:?} are not distinct")) } else { Ok(all) }
}

type Constants = BTreeMap<String, Constant>;

/// The elements of a constant integer input, if it is given.
pub(crate) fn integers(node: &Node, index: usize, constants: &Constants) -> Result<Option<Vec<i64>>, String> {
    if !node.has(index) {
        return Ok(None);
    }
    let value = constants.get(&node.inputs[index]).and_then(Constant::integers);
    value.map(|a| Some(a.iter().copied().collect())).ok_or(format!("its input {index} is not a constant of integers"))
}

fn needed(node: &Node, index: usize, constants: &Constants) -> Result<Vec<i64>, String> {
    integers(node, index, constants)?.ok_or(format!("its input {index} is missing"))
}

/// Resolves a node that only moves the elements of its first input; `None` if it is no such node.
pub(crate) fn moves(node: &Node, x: &[usize], constants: &Constants) -> Result<Option<Moves>, String> {
    let resolved = match &node.op {
        Op::Identity | Op::Cast(_) => Moves::reshape(x.to_vec()),
        Op::Flatten { axis } => {
            let rank = x.len() as i64;
            let at = if *axis < 0 { axis.saturating_add(rank) } else { *axis };
            if !(0..=rank).contains(&at) {
                return Err(format!("axis {axis} of a tensor of {rank} dimensions"));
            }
            let (a, b) = x.split_at(at as usize);
            Moves::reshape(vec![a.iter().product(), b.iter().product()])
        }
        Op::Reshape { allow_zero } => Moves::reshape(reshape(x, &needed(node, 1, constants)?, *allow_zero)?),
        Op::Squeeze => squeeze(x, integers(node, 1, constants)?)?,
        Op::Unsqueeze => unsqueeze(x, &needed(node, 1, constants)?)?,
        Op::Transpose { perm } => transpose(x, perm.as_deref())?,
        Op::Slice => slice(node, x, constants)?,
        Op::Split { axis, index, parts } => split(x, (*axis, *index, *parts), integers(node, 1, constants)?)?,
        Op::Gather { axis } => match constants.get(&node.inputs[1]) {
            Some(indices) => gather(x, *axis, indices)?,
            None => return Ok(None),
        },
        Op::Expand => expand(x, &needed(node, 1, constants)?)?,
        Op::Tile => tile(x, &needed(node, 1, constants)?)?,
        Op::Pad(mode) => pad(node, x, *mode, constants)?,
        Op::Resize { .. } => match resize::nearest(node, x, constants)? {
            Some(steps) => Moves::of(x, steps),
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    Ok(Some(resolved))
}

fn reshape(from: &[usize], wanted: &[i64], allow_zero: bool) -> Result<Vec<usize>, String> {
    if wanted.len() > MAX_RANK {
        return Err(format!("{} dimensions; at most {MAX_RANK} are supported", wanted.len()));
    }
    let error = || format!("{from:?} cannot become {wanted:?}");
    let mut shape = Vec::with_capacity(wanted.len());
    let mut free = None;
    for (i, &size) in wanted.iter().enumerate() {
        shape.push(match size {
            -1 if free.is_none() => {
                free = Some(i);
                1
            }
            0 if !allow_zero => *from.get(i).ok_or_else(error)?,
            size => usize::try_from(size).map_err(|_| error())?,
        });
    }
    let (total, known) = (elements(from)?, elements(&shape)?);
    if let Some(i) = free {
        shape[i] = total.checked_div(known).ok_or_else(error)?;
    }
    if elements(&shape)? == total { Ok(shape) } else { Err(error()) }
}

fn squeeze(x: &[usize], axes: Option<Vec<i64>>) -> Result<Moves, String> {
    let dropped = match axes {
        None => (0..x.len()).filter(|&a| x[a] == 1).collect(),
        Some(axes) => distinct(&axes, x.len())?,
    };
    if let Some(bad) = dropped.iter().find(|&&a| x[a] != 1) {
        return Err(format!("axis {bad} of {x:?} is not 1"));
    }
    Ok(Moves::reshape((0..x.len()).filter(|a| !dropped.contains(a)).map(|a| x[a]).collect()))
}

fn unsqueeze(x: &[usize], axes: &[i64]) -> Result<Moves, String> {
    let rank = x.len() + axes.len();
    if rank > MAX_RANK {
        return Err(format!("{rank} dimensions; at most {MAX_RANK} are supported"));
    }
    let new = distinct(axes, rank)?;
    let mut rest = x.iter().copied();
    let size = |a: usize| if new.contains(&a) { 1 } else { rest.next().unwrap_or(1) };
    Ok(Moves::reshape((0..rank).map(size).collect()))
}

fn transpose(x: &[usize], perm: Option<&[i64]>) -> Result<Moves, String> {
    let rank = x.len();
    let perm: Vec<usize> = match perm {
        None => (0..rank).rev().collect(),
        Some(perm) => distinct(perm, rank)?,
    };
    if perm.len() != rank {
        return Err(format!("{perm:?} is no order of {rank} axes"));
    }
    Ok(Moves::of(x, vec![Move::Transpose(perm)]))
}

fn slice(node: &Node, x: &[usize], constants: &Constants) -> Result<Moves, String> {
    let (starts, ends) = (needed(node, 1, constants)?, needed(node, 2, constants)?);
    let axes = integers(node, 3, constants)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let by = integers(node, 4, constants)?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), by.len()].iter().any(|&n| n != starts.len()) {
        return Err("starts, ends, axes and steps differ in number".into());
    }
    let mut steps = Vec::new();
    for (i, axis) in distinct(&axes, x.len())?.into_iter().enumerate() {
        let size = x[axis] as i64;
        let clamp = |v: i64, low: i64, high: i64| (if v < 0 { v.saturating_add(size) } else { v }).clamp(low, high);
        let indices: Vec<usize> = match by[i] {
            0 => return Err("a step is 0".into()),
            step if step > 0 => {
                let (start, end) = (clamp(starts[i], 0, size), clamp(ends[i], 0, size));
                (start..end).step_by(usize::try_from(step).unwrap_or(usize::MAX)).map(|v| v as usize).collect()
            }
            step => {
                let (start, end) = (clamp(starts[i], -1, size - 1), clamp(ends[i], -1, size - 1));
                let down = usize::try_from(step.unsigned_abs()).unwrap_or(usize::MAX);
                (end + 1..=start).rev().step_by(down).map(|v| v as usize).collect()
            }
        };
        if indices.len() != x[axis] || by[i] < 0 {
            steps.push(Move::Select { axis, indices });
        }
    }
    Ok(Moves::of(x, steps))
}

fn split(x: &[usize], (a, index, parts): (i64, usize, usize), sizes: Option<Vec<i64>>) -> Result<Moves, String> {
    let axis = axis(a, x.len())?;
    let chunk = x[axis].div_ceil(parts);
    let sizes: Vec<usize> = match sizes {
        None => (0..parts).map(|i| x[axis].saturating_sub(i * chunk).min(chunk)).collect(),
        Some(sizes) => sizes.iter().map(|&s| usize::try_from(s).unwrap_or(usize::MAX)).collect(),
    };
    let total = sizes.iter().try_fold(0usize, |sum, &s| sum.checked_add(s));
    if sizes.len() != parts || total != Some(x[axis]) {
        return Err(format!("parts of {sizes:?} of {} along axis {axis}", x[axis]));
    }
    let start: usize = sizes[..index].iter().sum();
    Ok(Moves::of(x, vec![Move::Select { axis, indices: (start..start + sizes[index]).collect() }]))
}

fn gather(x: &[usize], a: i64, indices: &Constant) -> Result<Moves, String> {
    let axis = axis(a, x.len())?;
    let size = x[axis] as i64;
    let values = indices.integers().ok_or("its indices are not integers")?;
    let chosen = values.iter().map(|&i| match if i < 0 { i.saturating_add(size) } else { i } {
        index if (0..size).contains(&index) => Ok(index as usize),
        _ => Err(format!("index {i} of {size} elements")),
    });
    let chosen = chosen.collect::<Result<Vec<_>, _>>()?;
    let mut moves = Moves::of(x, vec![Move::Select { axis, indices: chosen }]);
    moves.shape = [&x[..axis], indices.shape(), &x[axis + 1..]].concat();
    if moves.shape.len() > MAX_RANK {
        return Err(format!("{} dimensions; at most {MAX_RANK} are supported", moves.shape.len()));
    }
    Ok(moves)
}

/// Selections that bring each axis of `x`, after dimensions of 1 in front, from 1 to these.
fn expand(x: &[usize], wanted: &[i64]) -> Result<Moves, String> {
    let wanted = wanted.iter().map(|&d| usize::try_from(d).map_err(|_| format!("dimension {d}")));
    let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
    if wanted.len() > MAX_RANK {
        return Err(format!("{} dimensions; at most {MAX_RANK} are supported", wanted.len()));
    }
    let shape = super::infer::broadcast(x, &wanted)?;
    elements(&shape)?;
    let mut steps = Vec::new();
    let mut wide = vec![1; shape.len() - x.len()];
    wide.extend(x);
    if wide != x {
        steps.push(Move::Reshape(wide.clone()));
    }
    for (axis, (&from, &to)) in wide.iter().zip(&shape).enumerate() {
        if from != to {
            steps.push(Move::Select { axis, indices: vec![0; selected(to)?] });
        }
    }
    Ok(Moves::of(x, steps))
}

fn tile(x: &[usize], repeats: &[i64]) -> Result<Moves, String> {
    if repeats.len() != x.len() {
        return Err(format!("{} repeats of {x:?}", repeats.len()));
    }
    let mut steps = Vec::new();
    for (axis, (&size, &times)) in x.iter().zip(repeats).enumerate() {
        let times = usize::try_from(times).map_err(|_| format!("repeated {times} times"))?;
        let length = selected(size.saturating_mul(times))?;
        if times != 1 {
            steps.push(Move::Select { axis, indices: (0..length).map(|i| i % size).collect() });
        }
    }
    Ok(Moves::of(x, steps))
}

fn selected(length: usize) -> Result<usize, String> {
    if length <= MAX_SELECTED { Ok(length) } else { Err(format!("an axis of {length}; at most {MAX_SELECTED}")) }
}

fn pad(node: &Node, x: &[usize], mode: PadMode, constants: &Constants) -> Result<Moves, String> {
    let given = needed(node, 1, constants)?;
    let axes = integers(node, 3, constants)?.unwrap_or_else(|| (0..x.len() as i64).collect());
    if given.len() != 2 * axes.len() {
        return Err(format!("{} pads for {} axes", given.len(), axes.len()));
    }
    let mut pads = vec![(0i64, 0i64); x.len()];
    for (i, axis) in distinct(&axes, x.len())?.into_iter().enumerate() {
        pads[axis] = (given[i], given[i + axes.len()]);
    }
    let value = match constants.get(node.inputs.get(2).map_or("", String::as_str)) {
        None if node.has(2) => return Err("its value is not a constant".into()),
        None => 0.0,
        Some(value) => value.reals().first().copied().unwrap_or(0.0),
    };
    let limit = MAX_SELECTED as i64;
    if pads.iter().any(|&(a, b)| !(-limit..=limit).contains(&a) || !(-limit..=limit).contains(&b)) {
        return Err(format!("a pad beyond {limit}"));
    }
    let mut steps = Vec::new();
    for (axis, &(before, after)) in pads.iter().enumerate() {
        let size = x[axis] as i64;
        // What a constant frame cannot do, selection can: cropping, and copies of elements.
        let (low, high) = if mode == PadMode::Constant { (before.min(0), after.min(0)) } else { (before, after) };
        if (low, high) == (0, 0) {
            continue;
        }
        let indices = (-low..size + high).map(|i| padded_index(i, size, mode)).collect::<Result<Vec<_>, _>>()?;
        steps.push(Move::Select { axis, indices });
    }
    if mode == PadMode::Constant && pads.iter().any(|&(a, b)| a > 0 || b > 0) {
        let frame = |side: fn(&(i64, i64)) -> i64| pads.iter().map(|p| side(p).max(0) as usize).collect();
        steps.push(Move::Pad { before: frame(|p| p.0), after: frame(|p| p.1) });
    }
    Ok(Moves { pad: value, ..Moves::of(x, steps) })
}

/// The element that index `i` of a padded axis shows.
fn padded_index(i: i64, size: i64, mode: PadMode) -> Result<usize, String> {
    let index = match mode {
        PadMode::Constant => i,
        PadMode::Edge => i.clamp(0, size - 1),
        PadMode::Wrap => i.rem_euclid(size),
        PadMode::Reflect if size == 1 => 0,
        PadMode::Reflect => {
            let period = 2 * (size - 1);
            let folded = i.rem_euclid(period);
            folded.min(period - folded)
        }
    };
    usize::try_from(index).ok().filter(|&i| (i as i64) < size).ok_or(format!("a pad that leaves nothing of {size}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reshapes() {
        assert_eq!(reshape(&[1, 4, 6], &[0, -1], false).unwrap(), [1, 24]);
        assert_eq!(reshape(&[2, 3], &[3, 2], true).unwrap(), [3, 2]);
        assert!(reshape(&[2, 3], &[-1, -1], false).is_err());
        assert!(reshape(&[2, 3], &[i64::MAX, i64::MAX], false).is_err());
        assert!(reshape(&[2, 3], &[4], false).is_err());
    }

    #[test]
    fn frames() {
        let reflected: Vec<usize> = (-3..6).map(|i| padded_index(i, 4, PadMode::Reflect).unwrap()).collect();
        assert_eq!(reflected, [3, 2, 1, 0, 1, 2, 3, 2, 1]);
        assert!(padded_index(-1, 4, PadMode::Constant).is_err());
    }

    #[test]
    fn axes() {
        assert_eq!(squeeze(&[1, 3, 1], None).unwrap().shape, [3]);
        assert_eq!(unsqueeze(&[3], &[0, -1]).unwrap().shape, [1, 3, 1]);
        assert!(unsqueeze(&[3], &[0, 0]).is_err());
        assert!(transpose(&[2, 3], Some(&[0, 0])).is_err());
        assert_eq!(transpose(&[2, 3], None).unwrap().shape, [3, 2]);
        assert_eq!(split(&[7], (0, 2, 3), None).unwrap().shape, [1]);
    }
}

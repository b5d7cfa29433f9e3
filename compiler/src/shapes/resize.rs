//! `Resize`: which elements, with what weights.

use std::collections::BTreeMap;

use super::movement::{Move, distinct, integers};
use crate::graph::{Constant, Node};
use crate::ops::{Coordinates, Interpolation, Op};

/// Longest axis of a result.
const MAX_SIZE: f64 = (1 << 20) as f64;

type Constants = BTreeMap<String, Constant>;

/// An axis that changes: its new length, and outputs per input.
struct Resized {
    axis: usize,
    size: usize,
    scale: f64,
}

fn resized(node: &Node, x: &[usize], axes: Option<&[i64]>, constants: &Constants) -> Result<Vec<Resized>, String> {
    let all: Vec<i64> = (0..x.len() as i64).collect();
    let axes = axes.unwrap_or(&all);
    let scales = match constants.get(node.inputs.get(2).map_or("", String::as_str)) {
        Some(Constant::F32(scales)) if !scales.is_empty() => {
            Some(scales.iter().copied().map(f64::from).collect::<Vec<_>>())
        }
        Some(_) => None,
        None if node.has(2) => return Err("its scales are not constant".into()),
        None => None,
    };
    let sizes = integers(node, 3, constants)?;
    let count = scales.as_ref().map(Vec::len).or(sizes.as_ref().map(Vec::len)).ok_or("neither scales nor sizes")?;
    if count != axes.len() {
        return Err(format!("{count} scales or sizes for {} axes", axes.len()));
    }
    let mut out = Vec::new();
    for (i, axis) in distinct(axes, x.len())?.into_iter().enumerate() {
        let length = x[axis] as f64;
        let (size, scale) = match (&scales, &sizes) {
            (Some(scales), _) => ((length * scales[i]).floor(), scales[i]),
            (None, Some(sizes)) => (sizes[i] as f64, sizes[i] as f64 / length),
            (None, None) => return Err("neither scales nor sizes".into()),
        };
        if !((1.0..=MAX_SIZE).contains(&size) && scale.is_finite() && scale > 0.0) {
            return Err(format!("axis {axis} of {length} becomes {size}; allowed are 1 to {MAX_SIZE}"));
        }
        if size != length || scale != 1.0 {
            out.push(Resized { axis, size: size as usize, scale });
        }
    }
    Ok(out)
}

/// Where output `i` lies in the input.
fn coordinate(i: usize, input: usize, r: &Resized, coordinates: Coordinates) -> f64 {
    let (i, length, size) = (i as f64, input as f64, r.size as f64);
    match coordinates {
        Coordinates::Asymmetric => i / r.scale,
        // The exact length, which the result's is the whole part of.
        Coordinates::AlignCorners if r.scale * length <= 1.0 || r.size == 1 => 0.0,
        Coordinates::AlignCorners => i * (length - 1.0) / (r.scale * length - 1.0),
        Coordinates::PytorchHalfPixel if r.size == 1 => 0.0,
        Coordinates::HalfPixel | Coordinates::PytorchHalfPixel => (i + 0.5) / r.scale - 0.5,
        Coordinates::HalfPixelSymmetric => {
            let adjustment = size / (r.scale * length);
            length / 2.0 * (1.0 - adjustment) + (i + 0.5) / r.scale - 0.5
        }
    }
}

/// Selections of a nearest `Resize`; `None` for another.
pub(super) fn nearest(node: &Node, x: &[usize], constants: &Constants) -> Result<Option<Vec<Move>>, String> {
    let Op::Resize { coordinates, interpolation, axes } = &node.op else { return Ok(None) };
    let round: fn(f64) -> f64 = match interpolation {
        Interpolation::RoundPreferFloor => |v| (v - 0.5).ceil(),
        Interpolation::RoundPreferCeil => |v| (v + 0.5).floor(),
        Interpolation::Floor => f64::floor,
        Interpolation::Ceil => f64::ceil,
        Interpolation::Linear => return Ok(None),
    };
    let select = |r: &Resized| {
        let last = x[r.axis] as f64 - 1.0;
        let index = |i| round(coordinate(i, x[r.axis], r, *coordinates)).clamp(0.0, last) as usize;
        Move::Select { axis: r.axis, indices: (0..r.size).map(index).collect() }
    };
    Ok(Some(resized(node, x, axes.as_deref(), constants)?.iter().map(select).collect()))
}

/// The two taps of each output of an axis.
pub(crate) struct Taps {
    pub(crate) axis: usize,
    /// Index and weight; the weights sum to 1.
    pub(crate) taps: Vec<[(usize, f64); 2]>,
}

/// The taps of a linear `Resize`, by axis in ascending order.
pub(crate) fn linear(node: &Node, x: &[usize], constants: &Constants) -> Result<Vec<Taps>, String> {
    let Op::Resize { coordinates, axes, .. } = &node.op else { return Err("it is no Resize".into()) };
    let taps = |r: &Resized| {
        let last = x[r.axis] - 1;
        let of = |i| {
            let at = coordinate(i, x[r.axis], r, *coordinates).clamp(0.0, last as f64);
            let first = at.floor();
            let rest = at - first;
            [(first as usize, 1.0 - rest), ((first as usize + 1).min(last), rest)]
        };
        Taps { axis: r.axis, taps: (0..r.size).map(of).collect() }
    };
    let mut all: Vec<Taps> = resized(node, x, axes.as_deref(), constants)?.iter().map(taps).collect();
    all.sort_by_key(|t| t.axis);
    Ok(all)
}

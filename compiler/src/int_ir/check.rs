//! What every integer graph keeps to: the passes rely on it, and the fuzzer holds them to it.

use super::{IntGraph, IntKind, IntOp, Requant, Scale};
use crate::shapes::broadcast;

/// Checks a graph: operands come before what reads them, shapes and parameters fit.
///
/// # Errors
/// The first operation that does not, and why.
pub fn check(graph: &IntGraph) -> Result<(), String> {
    let mut known = vec![false; graph.tensors.len()];
    for port in &graph.inputs {
        known[port.tensor.0] = true;
    }
    for op in &graph.ops {
        let fail = |reason: String| format!("{} ({}): {reason}", op.name, op.op);
        if op.inputs.iter().any(|id| !known[id.0]) {
            return Err(fail("an operand that nothing has made yet".into()));
        }
        if std::mem::replace(&mut known[op.output.0], true) {
            return Err(fail("its result was made before".into()));
        }
        operation(graph, op).map_err(fail)?;
    }
    match graph.outputs.iter().find(|port| !known[port.tensor.0]) {
        Some(port) => Err(format!("nothing makes the output {}", port.name)),
        None => Ok(()),
    }
}

fn expect(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.into()) }
}

fn operation(graph: &IntGraph, op: &IntOp) -> Result<(), String> {
    let shape = |i: usize| op.inputs.get(i).map(|&id| &graph.tensor(id).shape[..]).ok_or("an operand is missing");
    let out = &graph.tensor(op.output).shape[..];
    let same = |a: &[usize]| expect(a == out, &format!("{a:?} and {out:?} differ"));
    let elements = |s: &[usize]| s.iter().product::<usize>();
    if let Some((lo, hi)) = op.kind.bounds() {
        expect(lo <= hi, "bounds that cross")?;
    }
    match &op.kind {
        IntKind::Constant(values) => same(values.shape()),
        IntKind::Conv { weights, groups, window, requant, .. } => {
            let (o, c, kh, kw) = weights.dim();
            let &[n, channels, h, w] = shape(0)? else { return Err("its input is no image".into()) };
            let [oh, ow] = window.output([h, w]);
            expect(window.kernel == [kh, kw] && c * groups == channels && o % groups == 0, "weights that do not fit")?;
            requantization(requant, o)?;
            same(&[n, o, oh, ow])
        }
        IntKind::Dense { weights, requant } => {
            let (last, before) = shape(0)?.split_last().ok_or("a scalar")?;
            expect(*last == weights.nrows(), "weights that do not fit")?;
            requantization(requant, weights.ncols())?;
            same(&[before, &[weights.ncols()]].concat())
        }
        IntKind::MatMul { requant, .. } => {
            let (&[ref x @ .., m, k], &[ref y @ .., l, n]) = (shape(0)?, shape(1)?) else {
                return Err("no matrix".into());
            };
            expect(k == l, "matrices that do not fit")?;
            requantization(requant, n)?;
            same(&[&broadcast(x, y)?[..], &[m, n]].concat())
        }
        IntKind::Clamp { .. } | IntKind::Lut(_) | IntKind::Softmax { .. } => same(shape(0)?),
        IntKind::Add(a) => {
            expect(a.shift <= 63 && a.multipliers.iter().all(|m| m.abs() <= 1 << 30), "a multiplier beyond 30 bits")?;
            same(&broadcast(shape(0)?, shape(1)?)?)
        }
        IntKind::Mul { requant, .. } => {
            requantization(requant, 1)?;
            same(&broadcast(shape(0)?, shape(1)?)?)
        }
        IntKind::PRelu(p) => {
            let count = p.negative.len();
            expect(count == 1 || shape(0)?.get(p.axis) == Some(&count), "slopes that do not fit")?;
            p.negative.iter().map(|(s, _)| s).chain([&p.positive]).try_for_each(scale)?;
            same(shape(0)?)
        }
        IntKind::MaxPool(window) => {
            let &[n, c, h, w] = shape(0)? else { return Err("its input is no image".into()) };
            let [oh, ow] = window.output([h, w]);
            same(&[n, c, oh, ow])
        }
        IntKind::AveragePool(pool) => {
            let &[n, c, h, w] = shape(0)? else { return Err("its input is no image".into()) };
            expect(pool.window.output([h, w]) == [pool.rows.len(), pool.columns.len()], "counts that do not fit")?;
            pool.scales.iter().try_for_each(|(_, s)| scale(s))?;
            same(&[n, c, pool.rows.len(), pool.columns.len()])
        }
        _ => moved(op, shape(0)?, out, elements).and_then(|()| match op.kind {
            IntKind::Concat { axis } => {
                let sizes = (0..op.inputs.len()).map(|i| shape(i).map(|s| s[axis])).sum::<Result<usize, _>>()?;
                expect(out[axis] == sizes, "parts that do not add up")
            }
            _ => Ok(()),
        }),
    }
}

/// Reductions, rows and movements.
fn moved(op: &IntOp, x: &[usize], out: &[usize], elements: impl Fn(&[usize]) -> usize) -> Result<(), String> {
    let with = |axis: usize, size: usize| {
        let mut shape = x.to_vec();
        shape[axis] = size;
        shape
    };
    let same = |a: &[usize]| expect(a == out, &format!("{a:?} and {out:?} differ"));
    match &op.kind {
        IntKind::Norm(norm) => {
            expect(x.last() == Some(&norm.gamma.len()), "features that do not fit")?;
            same(x)
        }
        IntKind::Mean { axes, requant } => {
            requantization(requant, 1)?;
            let count: usize = axes.iter().map(|&a| x[a]).product();
            expect(elements(out) * count == elements(x), "axes that do not fit")
        }
        IntKind::ArgMax { axis, .. } => expect(elements(out) * x[*axis] == elements(x), "an axis that does not fit"),
        IntKind::Lookup { table } => same(&[x, &[table.ncols()]].concat()),
        IntKind::ResizeLinear { axes, requant } => {
            requantization(requant, 1)?;
            let fits = axes.iter().all(|a| a.taps.iter().flatten().all(|&(i, _)| i < x[a.axis]));
            expect(fits, "taps outside")?;
            let shape = axes.iter().fold(x.to_vec(), |mut shape, a| {
                shape[a.axis] = a.taps.len();
                shape
            });
            same(&shape)
        }
        IntKind::Reshape => expect(elements(x) == elements(out), "another number of elements"),
        IntKind::Transpose { perm } => same(&perm.iter().map(|&a| x[a]).collect::<Vec<_>>()),
        IntKind::Slice { axis, start } => {
            expect(start + out[*axis] <= x[*axis], "a slice beyond the end")?;
            same(&with(*axis, out[*axis]))
        }
        IntKind::Select { axis, indices } => {
            expect(indices.iter().all(|&i| i < x[*axis]), "an index beyond the end")?;
            same(&with(*axis, indices.len()))
        }
        IntKind::Pad { before, .. } => {
            expect((0..x.len()).all(|a| before[a] + x[a] <= out[a]), "a frame that does not fit")
        }
        IntKind::Dilate { strides, .. } => {
            let &[n, c, h, w] = x else { return Err("its input is no image".into()) };
            same(&[n, c, (h - 1) * strides[0] + 1, (w - 1) * strides[1] + 1])
        }
        _ => Ok(()),
    }
}

fn scale(scale: &Scale) -> Result<(), String> {
    expect(scale.multiplier < 1 << 24 && scale.shift <= 63, "a multiplier beyond 24 bits")
}

/// One entry, or one a channel.
fn requantization(requant: &Requant, channels: usize) -> Result<(), String> {
    let count = requant.channels();
    let lengths = requant.multiplier.len() == count && requant.shift.len() == count;
    expect(lengths && (count == 1 || count == channels), "a requantisation of another number of channels")?;
    let each = requant.multiplier.iter().zip(&requant.shift);
    each.map(|(&multiplier, &shift)| Scale { multiplier, shift }).try_for_each(|s| scale(&s))
}

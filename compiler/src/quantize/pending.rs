//! Operations that wait for the scale of their result.

use super::Pass;
use crate::graph::Node;
use crate::idiom::data::Quant;
use crate::idiom::norm::Norm;
use crate::int_ir::{Addition, AveragePool, IntKind, IntOp, IntTensor, PRelu, Quantization, Requant, Scale, TensorId};
use crate::requant::multiplier;

/// i32 sums that are to be requantised.
#[derive(Clone, Debug)]
pub(super) struct Sums {
    /// The operation, with an empty requantisation.
    pub(super) kind: IntKind,
    /// Real value of 1, per channel or for all.
    pub(super) scales: Vec<f64>,
    /// In units of `scales`, as many: with the inputs' zero points folded in.
    pub(super) bias: Vec<i64>,
    /// Least and greatest sum before the bias, as many.
    pub(super) reach: Vec<(i64, i64)>,
    /// Along which channels lie, in the shape of the sums.
    pub(super) axis: usize,
    /// Number of channels, if each may have parameters of its own.
    pub(super) channels: Option<usize>,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub(super) enum Work {
    Sums(Sums),
    /// a ± b.
    Add {
        quantizations: [Quantization; 2],
        subtract: bool,
    },
    /// By count of pixels.
    AveragePool {
        pool: AveragePool,
        scale: f64,
    },
    /// Parts to be brought to one quantisation.
    Concat {
        axis: usize,
        parts: Vec<Quantization>,
    },
    Softmax {
        scale: f64,
    },
    Norm(Box<Norm>),
    /// Slopes, along an axis.
    PRelu {
        from: Quantization,
        axis: usize,
        slopes: Vec<f32>,
    },
}

/// An operation that waits.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) work: Work,
    /// The node that it is of.
    maker: Node,
    pub(super) inputs: Vec<TensorId>,
    /// Of its result.
    pub(super) shape: Vec<usize>,
    /// Bounds in reals.
    pub(super) bounds: (f32, f32),
    /// What only moves the result, with the shapes after it.
    pub(super) moves: Vec<(IntKind, Vec<usize>)>,
}

impl Pending {
    pub(super) fn new(node: &Node, work: Work, inputs: Vec<TensorId>, shape: Vec<usize>) -> Pending {
        Pending { work, maker: node.clone(), inputs, shape, bounds: (f32::NEG_INFINITY, f32::INFINITY), moves: vec![] }
    }

    pub(super) fn bound(&mut self, lo: f32, hi: f32) {
        let clamp = |v: f32| v.max(lo).min(hi);
        self.bounds = (clamp(self.bounds.0), clamp(self.bounds.1));
    }

    /// The quantisation that it has by nature, if any.
    pub(super) fn natural(&self) -> Option<Quantization> {
        let softmax = Quantization { scale: 1.0 / 256.0, zero_point: -128, dtype: crate::graph::DType::I8 };
        match &self.work {
            Work::Softmax { .. } => Some(softmax),
            Work::Concat { parts, .. } => {
                let range = parts
                    .iter()
                    .fold((0f32, 0f32), |(lo, hi), q| (lo.min(q.dequantize(i8::MIN)), hi.max(q.dequantize(i8::MAX))));
                let same = parts.iter().all(|q| *q == parts[0]);
                Some(if same { parts[0] } else { super::asymmetric(range) })
            }
            _ => None,
        }
    }
}

fn scale(real: f64) -> Result<Scale, String> {
    if real == 0.0 {
        return Ok(Scale { multiplier: 0, shift: 0 });
    }
    let (multiplier, shift) = multiplier(real)
        .ok_or_else(|| format!("it is scaled by {real:e}; the machine multiplies by less than 2^24"))?;
    Ok(Scale { multiplier, shift })
}

impl Pass<'_> {
    /// Emits the operation with this quantisation of its result.
    pub(super) fn finish(&mut self, node: &Node, mut p: Pending, q: Quantization) -> Result<TensorId, String> {
        let name = node.output.clone();
        let node = &super::sources::intermediate(&Node { output: name.clone(), ..p.maker });
        let (lo, hi) = (q.quantize(p.bounds.0), q.quantize(p.bounds.1));
        let zero_point = q.zero_point_i8();
        let to = Quant { scale: q.scale.into(), zero: zero_point };
        let step = f64::from(q.scale);
        let mut clamp = false;
        let kind = match p.work {
            Work::Sums(sums) => sums_kind(sums, q, (lo, hi))?,
            Work::Add { quantizations, subtract } => IntKind::Add(addition(quantizations, subtract, q, (lo, hi))?),
            Work::AveragePool { mut pool, scale: real } => {
                for (count, of) in &mut pool.scales {
                    *of = scale(real / *count as f64 / step)?;
                }
                IntKind::AveragePool(AveragePool { zero_point, lo, hi, ..pool })
            }
            Work::PRelu { from, axis, slopes } => {
                let unit = f64::from(from.scale) / step;
                let negative = |s: &f32| Ok((scale(f64::from(s.abs()) * unit)?, *s < 0.0));
                let negative = slopes.iter().map(negative).collect::<Result<_, String>>()?;
                let zero = from.zero_point_i8();
                IntKind::PRelu(PRelu { zero, positive: scale(unit)?, axis, negative, zero_point, lo, hi })
            }
            Work::Softmax { scale } => {
                clamp = true;
                IntKind::Softmax { scale, to }
            }
            Work::Norm(norm) => {
                clamp = true;
                IntKind::Norm(Box::new(Norm { to, ..*norm }))
            }
            Work::Concat { axis, parts } => {
                clamp = true;
                for (id, from) in p.inputs.iter_mut().zip(&parts) {
                    *id = self.rescaled(node, *id, *from, q);
                }
                IntKind::Concat { axis }
            }
        };
        let mut id = self.emit(node, kind, p.inputs, p.shape, Some(q));
        if clamp && (lo, hi) != (i8::MIN, i8::MAX) {
            let shape = self.out.tensor(id).shape.clone();
            id = self.emit(node, IntKind::Clamp { lo, hi }, vec![id], shape, Some(q));
        }
        for (kind, shape) in p.moves {
            id = self.emit(node, kind, vec![id], shape, Some(q));
        }
        // Only the last is what the model has.
        self.out.tensors[id.0].name = name;
        Ok(id)
    }

    /// Adds an operation and its tensor.
    pub(super) fn emit(
        &mut self,
        node: &Node,
        kind: IntKind,
        inputs: Vec<TensorId>,
        shape: Vec<usize>,
        quantization: Option<Quantization>,
    ) -> TensorId {
        let output = self.out.add(IntTensor { name: node.output.clone(), shape, quantization });
        self.out.ops.push(IntOp { name: node.name.clone(), op: node.op.name(), kind, inputs, output });
        output
    }
}

fn sums_kind(sums: Sums, q: Quantization, (lo, hi): (i8, i8)) -> Result<IntKind, String> {
    let mut requant =
        Requant { bias: vec![], multiplier: vec![], shift: vec![], zero_point: q.zero_point_i8(), lo, hi };
    for (channel, &real) in sums.scales.iter().enumerate() {
        // |bias| < 2^33 and sums < 2^46: nothing overflows here.
        let (bias, reach) = (sums.bias[channel], sums.reach[channel]);
        let (least, most) = (reach.0 + bias, reach.1 + bias);
        if least < i64::from(i32::MIN) || most > i64::from(i32::MAX) {
            return Err(format!("the sums of channel {channel} can reach {least} to {most}, beyond 32 bits"));
        }
        let Scale { multiplier, shift } =
            scale(real / f64::from(q.scale)).map_err(|e| format!("channel {channel}: {e}"))?;
        // The sum fits 32 bits; the bias alone may wrap, as the machine's addition does.
        requant.bias.push(bias as i32);
        requant.multiplier.push(multiplier);
        requant.shift.push(shift);
    }
    let mut kind = sums.kind;
    match &mut kind {
        IntKind::Conv { requant: slot, .. }
        | IntKind::Dense { requant: slot, .. }
        | IntKind::MatMul { requant: slot, .. }
        | IntKind::Mul { requant: slot, .. }
        | IntKind::Mean { requant: slot, .. }
        | IntKind::ResizeLinear { requant: slot, .. } => *slot = requant,
        _ => return Err("it has no sums".into()),
    }
    Ok(kind)
}

/// A requantisation to be filled in.
pub(super) fn empty() -> Requant {
    Requant { bias: vec![], multiplier: vec![], shift: vec![], zero_point: 0, lo: i8::MIN, hi: i8::MAX }
}

/// The larger multiplier has 30 bits.
fn addition(
    [a, b]: [Quantization; 2],
    subtract: bool,
    q: Quantization,
    (lo, hi): (i8, i8),
) -> Result<Addition, String> {
    let factors = [a, b].map(|x| f64::from(x.scale) / f64::from(q.scale));
    let largest = factors[0].max(factors[1]);
    let shift = 30 - (largest.log2().floor() as i32 + 1);
    if !(largest.is_finite() && largest > 0.0) || shift < 0 {
        return Err(format!("its inputs are scaled by {factors:?}; the machine adds multiples below 2^30"));
    }
    let shift = shift.min(63) as u8;
    let mut multipliers = factors.map(|f| (f * 2f64.powi(shift.into())).round_ties_even() as i32);
    if subtract {
        multipliers[1] = -multipliers[1];
    }
    let zeros = [a, b].map(|x| x.zero_point_i8());
    Ok(Addition { zeros, multipliers, shift, zero_point: q.zero_point_i8(), lo, hi })
}

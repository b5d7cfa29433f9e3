//! Sums, differences, products, slopes.

use ndarray::ArrayD;

use super::curve::Curve;
use super::pending::{Pending, Sums, Work, empty};
use super::{Pass, Source, not_quantized};
use crate::error::printable;
use crate::graph::Node;
use crate::int_ir::{IntKind, Quantization, TensorId};
use crate::ops::Binary;

impl Pass<'_> {
    pub(super) fn binary(&mut self, node: &Node, binary: Binary) -> Result<Source, String> {
        if node.inputs.len() == 1 {
            return self.source(&node.inputs[0]);
        }
        let [a, b] = [node.inputs[0].as_str(), node.inputs[1].as_str()];
        match (self.reals(a), self.reals(b)) {
            (None, Some(value)) if value.len() == 1 && self.shape(a) == self.shape(&node.output) => {
                let value = value.first().copied().unwrap_or(0.0);
                self.with_number(a, binary, value, |x| binary.apply(x, value))
            }
            (Some(value), None) if value.len() == 1 && self.shape(b) == self.shape(&node.output) => {
                let value = value.first().copied().unwrap_or(0.0);
                match binary {
                    Binary::Add | Binary::Mul => self.with_number(b, binary, value, |x| binary.apply(value, x)),
                    _ => self.function(b, |x| binary.apply(value, x)),
                }
            }
            (None, Some(value)) if self.is_sums(a) => self.with_channels(node, binary, (a, b), &value),
            (Some(value), None) if self.is_sums(b) && matches!(binary, Binary::Add | Binary::Mul) => {
                self.with_channels(node, binary, (b, a), &value)
            }
            (None, Some(value)) if binary == Binary::Div => self.scaled(node, a, &value.mapv(|v| 1.0 / v)),
            (None, Some(value)) if binary == Binary::Mul => self.scaled(node, a, &value),
            (Some(value), None) if binary == Binary::Mul => self.scaled(node, b, &value),
            _ => self.two(node, binary, [a, b]),
        }
    }

    fn is_sums(&self, name: &str) -> bool {
        match self.sources.get(name) {
            Some(Source::Pending(p)) => matches!(p.work, Work::Sums(_)),
            _ => false,
        }
    }

    /// With one number: an activation's scale or a table; the sums' scale or bias.
    fn with_number(
        &mut self,
        name: &str,
        binary: Binary,
        value: f32,
        f: impl Fn(f32) -> f32,
    ) -> Result<Source, String> {
        let factor = match binary {
            Binary::Mul => value,
            Binary::Div => 1.0 / value,
            _ => 1.0,
        };
        let scales = matches!(binary, Binary::Mul | Binary::Div) && factor.is_normal() && factor > 0.0;
        if let Some(Source::Reals(id, q, Curve::Identity)) = self.sources.get(name)
            && scales
            && (q.scale * factor).is_normal()
        {
            return Ok(Source::Reals(*id, Quantization { scale: q.scale * factor, ..*q }, Curve::Identity));
        }
        if !self.is_sums(name) {
            return self.function(name, f);
        }
        let Source::Pending(mut pending) = self.source(name)? else { return Err(not_quantized(name)) };
        let Work::Sums(sums) = &mut pending.work else { return Err(not_quantized(name)) };
        let unbounded = pending.bounds == (f32::NEG_INFINITY, f32::INFINITY);
        let value = f64::from(value);
        match binary {
            Binary::Mul | Binary::Div if scales => {
                sums.scales.iter_mut().for_each(|s| *s *= f64::from(factor));
                pending.bounds = (pending.bounds.0 * factor, pending.bounds.1 * factor);
            }
            Binary::Add if unbounded => add(sums, &vec![value; sums.scales.len()])?,
            Binary::Sub if unbounded => add(sums, &vec![-value; sums.scales.len()])?,
            Binary::Max => pending.bound(value as f32, f32::INFINITY),
            Binary::Min => pending.bound(f32::NEG_INFINITY, value as f32),
            _ => return Err(not_quantized(name)),
        }
        Ok(Source::Pending(pending))
    }

    /// Sums with a constant a channel.
    fn with_channels(
        &mut self,
        node: &Node,
        binary: Binary,
        (name, constant): (&str, &str),
        value: &ArrayD<f32>,
    ) -> Result<Source, String> {
        if self.shape(name) != self.shape(&node.output) {
            return Err("the constant has more dimensions than what it is applied to".into());
        }
        let Source::Pending(mut pending) = self.source(name)? else { return Err(not_quantized(name)) };
        let sign = match binary {
            Binary::Add => 1.0,
            Binary::Sub => -1.0,
            Binary::Mul | Binary::Div => {
                if !pending.moves.is_empty() || pending.bounds != (f32::NEG_INFINITY, f32::INFINITY) {
                    return Err(not_quantized(name));
                }
                let Work::Sums(sums) = &mut pending.work else { return Err(not_quantized(name)) };
                let factors = channels(sums, &pending.shape, value.shape(), value, constant)?;
                let factor = |f: f64| if binary == Binary::Div { 1.0 / f } else { f };
                if factors.iter().any(|&f| !(factor(f).is_finite() && factor(f) > 0.0)) {
                    return Err("a factor that is not positive, before the result is quantised".into());
                }
                sums.scales.iter_mut().zip(&factors).for_each(|(s, &f)| *s *= factor(f));
                return Ok(Source::Pending(pending));
            }
            _ => return Err(not_quantized(name)),
        };
        self.biased(&mut pending, constant, sign)?;
        Ok(Source::Pending(pending))
    }

    /// Adds `factor` times a constant bias, one for all or one a channel, before any bounds.
    pub(super) fn biased(&mut self, pending: &mut Pending, name: &str, factor: f64) -> Result<(), String> {
        let value = match self.reals(name) {
            Some(value) => value,
            None => return Err(format!("its bias `{}` is not a constant", printable(name))),
        };
        let exact = match self.sources.get(name) {
            Some(Source::Weights(w)) => Some(w.clone()),
            _ => None,
        };
        let only_reshaped = pending.moves.iter().all(|(kind, _)| *kind == IntKind::Reshape);
        if !only_reshaped || pending.bounds != (f32::NEG_INFINITY, f32::INFINITY) {
            return Err("a bias after the result was moved or bounded, before it is quantised".into());
        }
        let (shape, moved) = (pending.shape.clone(), !pending.moves.is_empty());
        let Work::Sums(sums) = &mut pending.work else { return Err("a bias of what are no sums".into()) };
        let given = value.shape().to_vec();
        // A convolution's own bias is flat; a line's sums have a dimension more than the line.
        let flat = given.len() == 1 && sums.channels == Some(given[0]) && matches!(sums.kind, IntKind::Conv { .. });
        let as_image = match (&given[..], moved) {
            _ if flat => vec![given[0], 1, 1],
            (&[c, 1], true) if shape.len() == 4 => vec![c, 1, 1],
            (&[1, c, 1], true) if shape.len() == 4 => vec![c, 1, 1],
            _ if moved && value.len() > 1 => return Err("a bias after the sums were reshaped".into()),
            _ => given.clone(),
        };
        let mut reals = channels(sums, &shape, &as_image, &value, name)?;
        // A quantiser's bias scale is the float32 product of the scales: the same but for rounding.
        if let Some(w) = exact.filter(|w| w.len() == sums.scales.len() && factor == 1.0) {
            for (channel, (real, &integer)) in reals.iter_mut().zip(w.values.iter()).enumerate() {
                let unit = f64::from(if w.scales.len() == 1 { w.scales[0] } else { w.scales[channel] });
                let same = (unit / sums.scales[channel] - 1.0).abs() < 1e-5;
                *real = f64::from(integer) * if same { sums.scales[channel] } else { unit };
            }
        } else {
            reals.iter_mut().for_each(|v| *v *= factor);
        }
        add(sums, &reals)
    }

    /// A tensor times a constant tensor; by channel of an image a depthwise convolution, else a product of two.
    fn scaled(&mut self, node: &Node, name: &str, value: &ArrayD<f32>) -> Result<Source, String> {
        let shape = self.shape(name);
        let by_channel = shape.len() == 4
            && self.shape(&node.output) == shape
            && value.len() == shape[1]
            && value.ndim() >= 3
            && value.shape()[value.ndim() - 3] == shape[1];
        if !by_channel {
            let a = self.activation(node, name)?;
            let b = self.real_constant(node, value)?;
            return Ok(self.product(node, [a, b]));
        }
        let (id, q) = self.activation(node, name)?;
        let zero = i64::from(q.zero_point_i8());
        // ±127, so that a bias after it has as many bits as one of weights.
        let weights: Vec<i8> = value.iter().map(|&v| if v < 0.0 { -127 } else { 127 }).collect();
        let window = crate::int_ir::IntWindow { kernel: [1, 1], strides: [1, 1], pads: [0; 4], dilations: [1, 1] };
        let array = ndarray::Array4::from_shape_vec((shape[1], 1, 1, 1), weights.clone()).map_err(|e| e.to_string())?;
        let smallest = f64::from(f32::MIN_POSITIVE);
        let sums = Sums {
            kind: IntKind::Conv {
                weights: array,
                groups: shape[1],
                window,
                pad_value: q.zero_point_i8(),
                requant: empty(),
            },
            scales: value.iter().map(|&v| (f64::from(v.abs()) / 127.0 * f64::from(q.scale)).max(smallest)).collect(),
            bias: weights.iter().map(|&w| -zero * i64::from(w)).collect(),
            reach: vec![(-128 * 127, 128 * 127); shape[1]],
            axis: 1,
            channels: Some(shape[1]),
        };
        Ok(Pass::pending(Pending::new(node, Work::Sums(sums), vec![id], shape)))
    }

    /// Two tensors.
    fn two(&mut self, node: &Node, binary: Binary, [a, b]: [&str; 2]) -> Result<Source, String> {
        if let (Some(Source::Reals(first, q, x)), Some(Source::Reals(second, other, y))) =
            (self.sources.get(a), self.sources.get(b))
            && first == second
        {
            let (x, y) = (x.table(q), y.table(other));
            let table = Box::new(std::array::from_fn(|e| binary.apply(x[e], y[e])));
            return Ok(Source::Reals(*first, *q, Curve::Table(table)));
        }
        if !matches!(binary, Binary::Add | Binary::Sub | Binary::Mul) {
            return Err("both inputs are computed; Add, Sub and Mul of two such are supported".into());
        }
        let first = self.operand(node, a)?;
        let second = self.operand(node, b)?;
        if binary == Binary::Mul {
            return Ok(self.product(node, [first, second]));
        }
        let work = Work::Add { quantizations: [first.1, second.1], subtract: binary == Binary::Sub };
        Ok(Pass::pending(Pending::new(node, work, vec![first.0, second.0], self.shape(&node.output))))
    }

    /// The product of two tensors.
    fn product(&mut self, node: &Node, [(a, qa), (b, qb)]: [(TensorId, Quantization); 2]) -> Source {
        let work = Work::Sums(Sums {
            kind: IntKind::Mul { zeros: [qa, qb].map(|q| q.zero_point_i8()), requant: empty() },
            scales: vec![f64::from(qa.scale) * f64::from(qb.scale)],
            bias: vec![0],
            reach: vec![(-255 * 255, 255 * 255)],
            axis: 0,
            channels: None,
        });
        Pass::pending(Pending::new(node, work, vec![a, b], self.shape(&node.output)))
    }

    pub(super) fn prelu(&mut self, node: &Node) -> Result<Source, String> {
        let slopes = self.reals(&node.inputs[1]).ok_or("its slope is not a constant")?;
        let shape = self.shape(&node.inputs[0]);
        if slopes.iter().any(|s| !s.is_finite()) {
            return Err("a slope is not finite".into());
        }
        if slopes.len() == 1 {
            let slope = slopes.first().copied().unwrap_or(0.0);
            return self.function(&node.inputs[0], |v| if v < 0.0 { v * slope } else { v });
        }
        let lead = shape.len() - slopes.ndim();
        let wide: Vec<usize> = (0..slopes.ndim()).filter(|&a| slopes.shape()[a] > 1).collect();
        let &[axis] = &wide[..] else { return Err("its slopes lie along more than one axis".into()) };
        let (id, from) = self.activation(node, &node.inputs[0])?;
        let work = Work::PRelu { from, axis: lead + axis, slopes: slopes.iter().copied().collect() };
        Ok(Pass::pending(Pending::new(node, work, vec![id], shape)))
    }
}

/// The values of a constant of this shape by channel of the sums; one value is for all.
fn channels(
    sums: &mut Sums,
    shape: &[usize],
    given: &[usize],
    value: &ArrayD<f32>,
    name: &str,
) -> Result<Vec<f64>, String> {
    if value.len() == 1 {
        let one = value.first().copied().map_or(0.0, f64::from);
        return Ok(vec![one; sums.scales.len()]);
    }
    let lead = shape.len().checked_sub(given.len());
    let along = lead.and_then(|lead| sums.axis.checked_sub(lead));
    let count = sums.channels.unwrap_or(1);
    let fits = along.is_some_and(|along| (0..given.len()).all(|a| given[a] == if a == along { count } else { 1 }));
    if !fits || count == 1 {
        return Err(format!(
            "its bias or factor `{}` has shape {given:?}; expected one element for each of {count} channels",
            printable(name)
        ));
    }
    if sums.scales.len() == 1 {
        sums.scales = vec![sums.scales[0]; count];
        sums.bias = vec![sums.bias[0]; count];
        sums.reach = vec![sums.reach[0]; count];
    }
    Ok(value.iter().copied().map(f64::from).collect())
}

/// Adds reals to the biases.
fn add(sums: &mut Sums, reals: &[f64]) -> Result<(), String> {
    for (channel, &real) in reals.iter().enumerate() {
        let exact = real / sums.scales[channel];
        if exact.is_nan() || exact.abs() > f64::from(i32::MAX) {
            return Err(format!("the bias of channel {channel} is {exact:e} units; it must fit 32 bits"));
        }
        sums.bias[channel] += exact.round_ties_even() as i64;
    }
    Ok(())
}

//! Pooling, means, interpolation.

use super::curve::Curve;
use super::pending::{Pending, Sums, Work, empty};
use super::{Pass, Source, not_quantized};
use crate::graph::Node;
use crate::int_ir::{AveragePool, IntKind, IntWindow, LinearAxis, Scale, TensorId};
use crate::ops::Window;
use crate::reference::float::counts;
use crate::shapes::resize;
use crate::shapes::windows::{explicit, image};

impl Pass<'_> {
    pub(super) fn max_pool(&mut self, node: &Node, window: &Window) -> Result<Source, String> {
        let [_, _, h, w] = image(&self.shape(&node.inputs[0]))?;
        let kernel = window.kernel.ok_or("kernel_shape is missing")?;
        let int = explicit([h, w], kernel, window)?;
        if (0..4).any(|i| int.pads[i] > (kernel[i % 2] - 1) * int.dilations[i % 2]) {
            return Err("padding wider than the kernel".into());
        }
        self.largest(node, int)
    }

    pub(super) fn global_max_pool(&mut self, node: &Node) -> Result<Source, String> {
        let [_, _, h, w] = image(&self.shape(&node.inputs[0]))?;
        self.largest(node, IntWindow { kernel: [h, w], strides: [1, 1], pads: [0; 4], dilations: [1, 1] })
    }

    /// Maxima over any axes, brought to the end: as a pool over lines of them.
    pub(super) fn reduce_max(&mut self, node: &Node, axes: &[usize]) -> Result<Source, String> {
        let input = node.inputs[0].as_str();
        let shape = self.shape(input);
        let (id, q) = self.activation(node, input)?;
        let rest = (0..shape.len()).filter(|a| !axes.contains(a));
        let perm: Vec<usize> = rest.chain(axes.iter().copied()).collect();
        let count: usize = axes.iter().map(|&a| shape[a]).product();
        let turned: Vec<usize> = perm.iter().map(|&a| shape[a]).collect();
        let outer = turned.iter().product::<usize>() / count.max(1);
        let own = Some(self.quantization(id));
        let moves = vec![(IntKind::Transpose { perm }, turned), (IntKind::Reshape, vec![1, outer, count, 1])];
        let line = self.run(&super::sources::intermediate(node), id, moves, own);
        let window = IntWindow { kernel: [count, 1], strides: [1, 1], pads: [0; 4], dilations: [1, 1] };
        let out = self.emit(node, IntKind::MaxPool(window), vec![line], vec![1, outer, 1, 1], own);
        Ok(Source::Reals(self.in_shape(node, out), q, Curve::Identity))
    }

    /// Maxima over windows: of integers as of reals; bounds come after as well as before.
    fn largest(&mut self, node: &Node, window: IntWindow) -> Result<Source, String> {
        let input = node.inputs[0].as_str();
        let (id, rest) = match self.source(input)? {
            Source::Integers(id) => (id, None),
            Source::Raw(id) => (id, None),
            Source::Reals(id, q, curve @ (Curve::Identity | Curve::Bounds(..))) => (id, Some((q, curve))),
            Source::Reals(..) => {
                let (id, q) = self.activation(node, input)?;
                (id, Some((q, Curve::Identity)))
            }
            _ => return Err(not_quantized(input)),
        };
        let four = image(&self.shape(input))?;
        let own = self.quantization(id);
        let from = self.reshaped(node, id, &four);
        let [oh, ow] = window.output([four[2], four[3]]);
        let out = self.emit(node, IntKind::MaxPool(window), vec![from], vec![four[0], four[1], oh, ow], Some(own));
        let out = self.in_shape(node, out);
        if self.unknown.contains_key(&id) {
            self.unknown.insert(out, Some(id));
            return Ok(Source::Raw(out));
        }
        Ok(match rest {
            None => Source::Integers(out),
            Some((q, curve)) => Source::Reals(out, q, curve),
        })
    }

    /// Brings a result to the shape that the node has.
    fn in_shape(&mut self, node: &Node, id: TensorId) -> TensorId {
        let (wanted, q) = (self.shape(&node.output), self.out.tensor(id).quantization);
        if self.out.tensor(id).shape == wanted {
            return id;
        }
        self.emit(node, IntKind::Reshape, vec![id], wanted, q)
    }

    pub(super) fn average_pool(&mut self, node: &Node, window: &Window, padding: bool) -> Result<Source, String> {
        let shape = self.shape(&node.inputs[0]);
        let [n, c, h, w] = image(&shape)?;
        let kernel = window.kernel.ok_or("kernel_shape is missing")?;
        let int = explicit([h, w], kernel, window)?;
        if int.kernel == [h, w] && int.pads == [0; 4] && int.dilations == [1, 1] {
            return self.mean(node, (2..shape.len()).collect(), true);
        }
        let [rows, columns] = counts([h, w], window, padding)?;
        let mut sizes: Vec<usize> = rows.iter().flat_map(|r| columns.iter().map(move |c| r * c)).collect();
        sizes.sort_unstable();
        sizes.dedup();
        if sizes.first() == Some(&0) {
            return Err("a window that lies in the padding alone".into());
        }
        let (id, q) = self.activation(node, &node.inputs[0])?;
        let id = self.reshaped(node, id, &[n, c, h, w]);
        let (zero, taps) = (q.zero_point_i8(), (kernel[0] * kernel[1]) as i64);
        if taps > 1 << 22 {
            return Err(format!("a window of {taps} pixels; at most 4194304 are supported"));
        }
        let scales = sizes.into_iter().map(|n| (n, Scale { multiplier: 0, shift: 0 })).collect();
        let [oh, ow] = int.output([h, w]);
        let pool = AveragePool {
            window: int,
            pad_value: zero,
            bias: (-taps * i64::from(zero)) as i32,
            rows,
            columns,
            scales,
            zero_point: 0,
            lo: i8::MIN,
            hi: i8::MAX,
        };
        let work = Work::AveragePool { pool, scale: q.scale.into() };
        let mut pending = Pending::new(node, work, vec![id], vec![n, c, oh, ow]);
        self.shaped(node, &mut pending);
        Ok(Pass::pending(pending))
    }

    /// Brings what waits to the shape that the node has.
    fn shaped(&self, node: &Node, pending: &mut Pending) {
        let wanted = self.shape(&node.output);
        if wanted != pending.shape {
            pending.moves.push((IntKind::Reshape, wanted));
        }
    }

    /// Sums over axes, divided or not.
    pub(super) fn mean(&mut self, node: &Node, axes: Vec<usize>, divide: bool) -> Result<Source, String> {
        if axes.is_empty() {
            return self.source(&node.inputs[0]);
        }
        let (id, q) = self.activation(node, &node.inputs[0])?;
        let shape = self.shape(&node.inputs[0]);
        let count = axes.iter().map(|&a| shape[a] as i64).product::<i64>();
        let by = if divide { count as f64 } else { 1.0 };
        let work = Sums {
            kind: IntKind::Mean { axes, requant: empty() },
            scales: vec![f64::from(q.scale) / by],
            bias: vec![-count * i64::from(q.zero_point_i8())],
            reach: vec![(-128 * count, 127 * count)],
            axis: 0,
            channels: None,
        };
        Ok(Pass::pending(Pending::new(node, Work::Sums(work), vec![id], self.shape(&node.output))))
    }

    pub(super) fn resize_linear(&mut self, node: &Node) -> Result<Source, String> {
        let shape = self.shape(&node.inputs[0]);
        let taps = resize::linear(node, &shape, &self.graph.constants)?;
        if taps.is_empty() {
            return self.source(&node.inputs[0]);
        }
        if taps.len() > 2 {
            return Err(format!("along {} axes; at most 2 are supported", taps.len()));
        }
        let (id, q) = self.activation(node, &node.inputs[0])?;
        let one = 1i32 << LinearAxis::FRACTION;
        let axes: Vec<LinearAxis> = taps
            .into_iter()
            .map(|t| {
                let whole = |[first, second]: [(usize, f64); 2]| {
                    let rest = (second.1 * f64::from(one)).round_ties_even() as i32;
                    [(first.0, one - rest), (second.0, rest)]
                };
                LinearAxis { axis: t.axis, taps: t.taps.into_iter().map(whole).collect() }
            })
            .collect();
        let unit = i64::from(one).pow(axes.len() as u32);
        let work = Sums {
            kind: IntKind::ResizeLinear { axes, requant: empty() },
            scales: vec![f64::from(q.scale) / unit as f64],
            bias: vec![-unit * i64::from(q.zero_point_i8())],
            reach: vec![(-128 * unit, 127 * unit)],
            axis: 0,
            channels: None,
        };
        Ok(Pass::pending(Pending::new(node, Work::Sums(work), vec![id], self.shape(&node.output))))
    }
}

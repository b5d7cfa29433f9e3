//! Tiling and placement: how each tensor lies in spad, how each operation is cut, and where everything goes.
//!
//! All activations stay on chip. Weights and parameters of a layer are loaded for that layer alone. Output lines of a
//! convolution are taken as many at a time as acc holds.

use isa::{LANES, PARAM_ROWS, TILE_ROWS};

use crate::TargetLimits;
use crate::arena::{Arena, BufferId, Places};
use crate::error::{CompileError, Result};
use crate::int_ir::{IntGraph, IntKind, IntOp, IntWindow, TensorId};
use crate::layout::{Lines, Map, Storage};

/// How a convolution gets its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gather {
    /// Straight from a map: one tap is a tile of weights.
    Rows,
    /// From packed lines: runs of `kw · channels` bytes, `runs` of them in each of `rows` rows a pixel.
    Runs {
        /// Runs in a row.
        runs: usize,
        /// Rows a pixel.
        rows: usize,
    },
}

/// An operation that emits instructions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// Index into [`IntGraph::ops`].
    pub(crate) op: usize,
    /// How a convolution reads.
    pub(crate) gather: Gather,
    /// First spad row of the weights; the parameter blocks follow them.
    pub(crate) weights: u64,
    /// Rows of the weights.
    pub(crate) weight_rows: u64,
    /// Rows of the parameter blocks.
    pub(crate) param_rows: u64,
    /// First spad row of the gathered rows.
    pub(crate) scratch: u64,
    /// Output lines at a time.
    pub(crate) strip: usize,
}

/// The result of the pass.
pub(crate) struct Placed {
    /// Tensor in whose place a tensor lies: itself, or the source of its reshapes.
    pub(crate) root: Vec<TensorId>,
    /// By tensor; `None` unless it is a root.
    pub(crate) storage: Vec<Option<Storage>>,
    /// In order.
    pub(crate) steps: Vec<Step>,
    /// For each input of the graph, the spad row where its bare lines are staged, if they must be shifted.
    pub(crate) staging: Vec<Option<u64>>,
    /// Spad rows used.
    pub(crate) spad_rows: u64,
}

impl Placed {
    /// Where a tensor lies.
    pub(crate) fn storage(&self, id: TensorId) -> Option<Storage> {
        self.storage[self.root[id.0].0]
    }
}

/// Runs the pass.
///
/// # Errors
/// Shapes and operations that cannot be lowered; a model that needs more rows than the target has.
pub(crate) fn run(graph: &IntGraph, target: &TargetLimits) -> Result<Placed> {
    let mut pass = Pass::new(graph, target)?;
    pass.inputs()?;
    for (index, op) in graph.ops.iter().enumerate() {
        pass.op(index, op)?;
    }
    pass.finish()
}

struct Pass<'a> {
    graph: &'a IntGraph,
    target: &'a TargetLimits,
    root: Vec<TensorId>,
    /// Operations that read a root, directly or through reshapes.
    readers: Vec<Vec<usize>>,
    storage: Vec<Option<(Storage, BufferId)>>,
    staging: Vec<Option<BufferId>>,
    steps: Vec<(Step, Option<BufferId>, Option<BufferId>)>,
    arena: Arena,
}

impl<'a> Pass<'a> {
    fn new(graph: &'a IntGraph, target: &'a TargetLimits) -> Result<Pass<'a>> {
        let mut root: Vec<TensorId> = (0..graph.tensors.len()).map(TensorId).collect();
        let mut readers = vec![Vec::new(); graph.tensors.len()];
        for (index, op) in graph.ops.iter().enumerate() {
            for input in &op.inputs {
                let source = root[input.0];
                if op.kind == IntKind::Reshape {
                    root[op.output.0] = source;
                } else {
                    readers[source.0].push(index);
                }
            }
        }
        let storage = vec![None; graph.tensors.len()];
        Ok(Pass { graph, target, root, readers, storage, staging: vec![], steps: vec![], arena: Arena::default() })
    }

    /// Height, width and channels of a tensor of one image or one vector.
    fn extent(&self, id: TensorId) -> Result<[usize; 3], String> {
        match self.graph.tensor(id).shape[..] {
            [1, c, h, w] => Ok([h, w, c]),
            [1, n] => Ok([1, 1, n]),
            ref shape => Err(format!("shape {shape:?}: only [1, channels, height, width] and [1, n] can be placed")),
        }
    }

    /// The ring of padding that the readers of a tensor need, and what it holds.
    fn ring(&self, id: TensorId) -> Result<([usize; 4], i8), String> {
        let (mut pads, mut fill) = ([0; 4], None);
        for &reader in &self.readers[id.0] {
            let (window, value) = match &self.graph.ops[reader].kind {
                IntKind::Conv { window, pad_value, .. } => (window, *pad_value),
                IntKind::MaxPool(window) => (window, i8::MIN),
                _ => continue,
            };
            if window.pads == [0; 4] {
                continue;
            }
            if fill.is_some_and(|f| f != value) {
                return Err("a padded pool and a padded convolution read one tensor; this is not supported yet".into());
            }
            fill = Some(value);
            pads = std::array::from_fn(|i| pads[i].max(window.pads[i]));
        }
        Ok((pads, fill.unwrap_or(0)))
    }

    fn last_use(&self, id: TensorId, birth: usize) -> usize {
        self.readers[id.0].iter().map(|op| op + 1).max().unwrap_or(birth).max(birth)
    }

    fn map(&mut self, id: TensorId, birth: usize) -> Result<Map, String> {
        let [height, width, channels] = self.extent(id)?;
        let (pads, fill) = self.ring(id)?;
        let map = Map { base: 0, height, width, channels, pads, fill };
        let buffer = self.arena.request(map.rows(), 1, birth, self.last_use(id, birth));
        self.storage[id.0] = Some((Storage::Map(map), buffer));
        Ok(map)
    }

    /// The only reader of an input, if it is a convolution that gathers runs with profit.
    fn run_reader(&self, id: TensorId) -> Option<()> {
        let &[reader] = &self.readers[id.0][..] else { return None };
        let op = &self.graph.ops[reader];
        let IntKind::Conv { weights, window, .. } = &op.kind else { return None };
        let is_output = self.graph.outputs.iter().any(|p| self.root[p.tensor.0] == id);
        (op.input() == id && !is_output && matches!(gather(weights.dim(), window), Gather::Runs { .. })).then_some(())
    }

    fn inputs(&mut self) -> Result<()> {
        for port in &self.graph.inputs {
            let id = port.tensor;
            let error = |reason| CompileError::node(&port.name, "Input", reason);
            if self.run_reader(id).is_none() {
                self.map(id, 0).map_err(error)?;
                self.staging.push(None);
                continue;
            }
            let [height, width, channels] = self.extent(id).map_err(error)?;
            let (pads, fill) = self.ring(id).map_err(error)?;
            let lines = Lines { base: 0, height, width, channels, pads, fill };
            let buffer = self.arena.request(lines.rows(), 1, 0, self.last_use(id, 0));
            self.storage[id.0] = Some((Storage::Lines(lines), buffer));
            let bare = lines.bare_pitch() * height as u64;
            self.staging.push(lines.is_shifted().then(|| self.arena.request(bare, 1, 0, 0)));
        }
        Ok(())
    }

    fn op(&mut self, index: usize, op: &IntOp) -> Result<()> {
        let error = |reason: String| CompileError::node(&op.name, op.op, reason);
        let unsupported = |what: &str| Err(error(format!("{what}; this is not supported yet")));
        match &op.kind {
            IntKind::Reshape => Ok(()),
            IntKind::Clamp { .. } => unsupported("an activation function that does not follow a Conv, Gemm or MatMul"),
            IntKind::MaxPool(_) => {
                self.direct(op).map_err(error)?;
                self.step(index, op, Gather::Rows, (0, 0)).map_err(error)
            }
            IntKind::Conv { groups: 2.., .. } => unsupported("groups"),
            IntKind::Conv { weights, window, .. } => {
                let input = self.direct(op).map_err(error)?;
                let (out, channels, kh, kw) = weights.dim();
                let gather = match input {
                    Storage::Lines(_) => gather(weights.dim(), window),
                    Storage::Map(_) => Gather::Rows,
                };
                let taps = match gather {
                    Gather::Rows => (kh * kw) as u64 * channels.div_ceil(LANES) as u64,
                    Gather::Runs { rows, .. } => rows as u64,
                };
                self.step(index, op, gather, (taps, out)).map_err(error)?;
                self.strips(op)
            }
            IntKind::Dense { weights, .. } => {
                let Some((Storage::Map(map), _)) = self.storage[self.root[op.input().0].0] else {
                    return unsupported("its input lies in packed lines");
                };
                if self.graph.tensor(op.input()).shape[0] != 1 {
                    return unsupported("a batch larger than 1");
                }
                let taps = (map.height * map.width) as u64 * map.tiles();
                self.step(index, op, Gather::Rows, (taps, weights.ncols())).map_err(error)
            }
            _ => unsupported("this operation has no place on the machine"),
        }
    }

    /// The storage of an input that must not have been reshaped.
    fn direct(&self, op: &IntOp) -> Result<Storage, String> {
        match self.storage[op.input().0] {
            Some((storage, _)) => Ok(storage),
            None => Err("its input was reshaped; only Gemm and MatMul can read reshaped tensors".into()),
        }
    }

    /// Records a step with `taps` tiles for each of `⌈outputs / 32⌉` groups of output channels.
    fn step(&mut self, index: usize, op: &IntOp, gather: Gather, (taps, outputs): (u64, usize)) -> Result<(), String> {
        let groups = outputs.div_ceil(LANES) as u64;
        let weight_rows = taps * groups * TILE_ROWS as u64;
        let param_rows = groups * PARAM_ROWS as u64;
        let map = self.map(op.output, index + 1)?;
        let time = index + 1;
        let constants =
            (weight_rows > 0).then(|| self.arena.request(weight_rows + param_rows, TILE_ROWS as u64, time, time));
        let strip = self.strip(&map);
        let scratch = match gather {
            Gather::Rows => None,
            Gather::Runs { rows, .. } => {
                Some(self.arena.request((strip.max(1) * map.width * rows) as u64, 1, time, time))
            }
        };
        let step = Step { op: index, gather, weights: 0, weight_rows, param_rows, scratch: 0, strip };
        self.steps.push((step, constants, scratch));
        Ok(())
    }

    /// Output lines that acc holds at once.
    fn strip(&self, output: &Map) -> usize {
        ((1usize << self.target.acc_log2) / output.width).min(output.height)
    }

    fn strips(&self, op: &IntOp) -> Result<()> {
        match self.steps.last() {
            Some((step, ..)) if step.strip > 0 => Ok(()),
            _ => Err(CompileError::TooLarge {
                node: op.name.clone(),
                op: op.op.into(),
                space: "acc",
                needed: self.graph.tensor(op.output).shape[3] as u64,
                available: 1 << self.target.acc_log2,
            }),
        }
    }

    fn finish(self) -> Result<Placed> {
        let places = self.arena.place();
        self.fits(&places)?;
        let base = |id: Option<BufferId>| id.map_or(0, |id| places.base(id));
        let storage = self.storage.into_iter().map(|entry| {
            let (mut storage, buffer) = entry?;
            *storage.base_mut() = places.base(buffer);
            Some(storage)
        });
        let steps = self.steps.into_iter().map(|(step, constants, scratch)| Step {
            weights: base(constants),
            scratch: base(scratch),
            ..step
        });
        Ok(Placed {
            root: self.root,
            storage: storage.collect(),
            steps: steps.collect(),
            staging: self.staging.into_iter().map(|id| id.map(|id| places.base(id))).collect(),
            spad_rows: places.peak,
        })
    }

    fn fits(&self, places: &Places) -> Result<()> {
        let available = 1 << self.target.spad_log2;
        if places.peak <= available {
            return Ok(());
        }
        let (node, op) = match places.peak_step.checked_sub(1).map(|i| &self.graph.ops[i]) {
            Some(op) => (op.name.clone(), op.op),
            None => (self.graph.inputs.first().map(|p| p.name.clone()).unwrap_or_default(), "Input"),
        };
        Err(CompileError::TooLarge { node, op: op.into(), space: "spad", needed: places.peak, available })
    }
}

/// How a convolution of an input image reads it: by runs where that takes fewer micro-steps.
fn gather((_, channels, kh, kw): (usize, usize, usize, usize), window: &IntWindow) -> Gather {
    let run = channels * kw;
    if run > LANES || window.dilations[1] != 1 {
        return Gather::Rows;
    }
    let runs = (LANES / run).min(kh);
    let rows = kh.div_ceil(runs);
    if kh + rows < kh * kw { Gather::Runs { runs, rows } } else { Gather::Rows }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_where_they_pay() {
        let window = |kernel, dilations| IntWindow { kernel, strides: [1, 1], pads: [0; 4], dilations };
        let of = |channels, kernel: [usize; 2]| gather((8, channels, kernel[0], kernel[1]), &window(kernel, [1, 1]));
        assert_eq!(of(1, [3, 3]), Gather::Runs { runs: 3, rows: 1 });
        assert_eq!(of(3, [7, 7]), Gather::Runs { runs: 1, rows: 7 });
        assert_eq!(of(3, [1, 1]), Gather::Rows, "a tap is a row already");
        assert_eq!(of(16, [3, 3]), Gather::Rows, "a run is longer than a row");
        assert_eq!(gather((8, 1, 3, 3), &window([3, 3], [1, 2])), Gather::Rows, "taps are apart");
    }
}

//! Products of rows in the shape that their input had before a reshape which kept the rows: graph optimisers write a product over
//! the last of three axes as a `Gemm` between two reshapes, and what goes together would not be seen.

use crate::int_ir::{IntGraph, IntKind, IntOp, IntTensor, TensorId};

/// Runs the pass: reshapes move behind products, two in a row become one, and none is left that changes nothing.
pub(super) fn run(graph: &mut IntGraph) {
    let count = graph.tensors.len();
    let mut pass = Pass {
        uses: graph.uses(),
        reshaped: vec![None; count],
        product: vec![None; count],
        same: (0..count).map(TensorId).collect(),
        ops: vec![],
        graph,
    };
    for op in std::mem::take(&mut pass.graph.ops) {
        pass.op(op);
    }
    let ops = pass.ops;
    graph.ops = ops;
    super::prune(graph);
}

struct Pass<'a> {
    graph: &'a mut IntGraph,
    /// How often a tensor is read.
    uses: Vec<usize>,
    /// What a tensor is a reshape of.
    reshaped: Vec<Option<TensorId>>,
    /// The product that makes a tensor, among `ops`.
    product: Vec<Option<usize>>,
    /// The tensor to read in place of another.
    same: Vec<TensorId>,
    ops: Vec<IntOp>,
}

impl Pass<'_> {
    fn op(&mut self, mut op: IntOp) {
        for id in &mut op.inputs {
            *id = self.same[id.0];
        }
        match &op.kind {
            IntKind::Reshape => self.reshape(op),
            IntKind::Dense { .. } => match self.rows_of(op.input()) {
                Some(source) => self.before(op, source),
                None => self.product(op),
            },
            _ => self.ops.push(op),
        }
    }

    fn product(&mut self, op: IntOp) {
        self.product[op.output.0] = Some(self.ops.len());
        self.ops.push(op);
    }

    /// A tensor like another, of other rows.
    fn add(&mut self, like: TensorId, rows: &[usize]) -> TensorId {
        let like = self.graph.tensor(like);
        let shape = [rows, &like.shape[like.shape.len() - 1..]].concat();
        let id = self.graph.add(IntTensor { shape, ..like.clone() });
        self.uses.push(1);
        self.reshaped.push(None);
        self.product.push(None);
        self.same.push(id);
        id
    }

    /// The rows that a tensor is made of.
    fn rows(&self, id: TensorId) -> Vec<usize> {
        let shape = &self.graph.tensor(id).shape;
        shape[..shape.len().saturating_sub(1)].to_vec()
    }

    fn same_rows(&self, a: TensorId, b: TensorId) -> bool {
        let last = |id: TensorId| self.graph.tensor(id).shape.last();
        last(a).is_some() && last(a) == last(b)
    }

    /// The tensor of the same rows in another shape that this one is made from.
    fn rows_of(&self, id: TensorId) -> Option<TensorId> {
        self.reshaped[id.0].filter(|&source| self.same_rows(source, id))
    }

    /// The product of the source, and its result reshaped.
    fn before(&mut self, op: IntOp, source: TensorId) {
        let output = self.add(op.output, &self.rows(source));
        let reshape = reshape(&op.name, output, op.output);
        self.product(IntOp { inputs: vec![source], output, ..op });
        self.reshape(reshape);
    }

    fn reshape(&mut self, mut op: IntOp) {
        if let Some((product, source)) = self.reshaped_product(&op) {
            // Its input is reshaped anyway, and can have the rows of the result.
            let input = self.add(product.input(), &self.rows(op.output));
            self.reshape(reshape(&op.name, source, input));
            return self.product(IntOp { inputs: vec![self.same[input.0]], output: op.output, ..product });
        }
        let source = self.reshaped[op.input().0].unwrap_or(op.input());
        op.inputs = vec![source];
        self.reshaped[op.output.0] = Some(source);
        let is_output = self.graph.outputs.iter().any(|port| port.tensor == op.output);
        if self.graph.tensor(source).shape == self.graph.tensor(op.output).shape && !is_output {
            self.same[op.output.0] = source;
        } else {
            self.ops.push(op);
        }
    }

    /// The product whose rows alone this reshapes, and what the product's input is a reshape of.
    fn reshaped_product(&self, op: &IntOp) -> Option<(IntOp, TensorId)> {
        let product = &self.ops[self.product[op.input().0].filter(|_| self.uses[op.input().0] == 1)?];
        let source = self.reshaped[product.input().0]?;
        self.same_rows(op.input(), op.output).then(|| (product.clone(), source))
    }
}

fn reshape(name: &str, from: TensorId, to: TensorId) -> IntOp {
    IntOp { name: name.into(), op: "Reshape", kind: IntKind::Reshape, inputs: vec![from], output: to }
}

//! Fusion: bounds become part of the operation that makes their input, tables of tables one table, reshapes of reshapes one.

mod pairs;
mod reshapes;

use crate::int_ir::{IntGraph, IntKind, IntOp, TensorId};

/// Runs the pass: the same outputs from fewer operations. No clamp is left unless it bounds an input of the graph, or what more
/// than one operation reads.
#[must_use]
pub fn run(mut graph: IntGraph) -> IntGraph {
    reshapes::run(&mut graph);
    pairs::run(&mut graph);
    lift_clamps(&mut graph);
    let uses = graph.uses();
    let mut ops: Vec<IntOp> = Vec::with_capacity(graph.ops.len());
    let mut maker: Vec<Option<usize>> = vec![None; graph.tensors.len()];
    for op in std::mem::take(&mut graph.ops) {
        let output = op.output;
        let single = |id: &TensorId| uses[id.0] == 1 && op.inputs.len() == 1;
        let before = op.inputs.first().filter(|id| single(id)).and_then(|id| maker[id.0]);
        match absorb(op, before.and_then(|i| ops.get_mut(i))) {
            Some(op) => {
                maker[output.0] = Some(ops.len());
                ops.push(op);
            }
            None => maker[output.0] = before,
        }
    }
    graph.ops = ops;
    graph
}

/// Makes `op` part of the operation that alone feeds it, or gives it back.
fn absorb(op: IntOp, before: Option<&mut IntOp>) -> Option<IntOp> {
    let Some(before) = before else { return Some(op) };
    match (&op.kind, &mut before.kind) {
        (IntKind::Clamp { lo: i8::MIN, hi: i8::MAX }, _) => {}
        (&IntKind::Clamp { lo, hi }, IntKind::Lut(table)) => {
            table.iter_mut().for_each(|value| *value = (*value).clamp(lo, hi));
        }
        (&IntKind::Clamp { lo, hi }, kind) => {
            let Some((first, last)) = kind.bounds_mut() else { return Some(op) };
            (*first, *last) = ((*first).clamp(lo, hi), (*last).clamp(lo, hi));
        }
        (IntKind::Lut(second), IntKind::Lut(first)) => {
            first.iter_mut().for_each(|value| *value = look_up(second, *value));
        }
        (IntKind::Lut(table), kind @ IntKind::Clamp { .. }) => {
            let IntKind::Clamp { lo, hi } = *kind else { return Some(op) };
            *kind = IntKind::Lut(Box::new(std::array::from_fn(|e| look_up(table, input(e).clamp(lo, hi)))));
        }
        (IntKind::Lut(table), _) if (0..256).all(|e| table[e] == input(e)) => {}
        _ => return Some(op),
    }
    before.output = op.output;
    None
}

/// Takes off what nothing reads.
fn prune(graph: &mut IntGraph) {
    let mut needed = vec![false; graph.tensors.len()];
    graph.outputs.iter().for_each(|port| needed[port.tensor.0] = true);
    let mut kept = Vec::with_capacity(graph.ops.len());
    for op in std::mem::take(&mut graph.ops).into_iter().rev() {
        if needed[op.output.0] {
            op.inputs.iter().for_each(|id| needed[id.0] = true);
            kept.push(op);
        }
    }
    kept.reverse();
    graph.ops = kept;
}

/// The entry of a table for an i8.
pub(crate) fn look_up(table: &[i8; 256], x: i8) -> i8 {
    table[(i16::from(x) + 128) as usize]
}

/// The i8 that an entry is for.
pub(crate) fn input(entry: usize) -> i8 {
    (entry as u8 ^ 0x80).cast_signed()
}

/// Moves clamps before what only moves their input: the same values, nearer to the requantisation.
fn lift_clamps(graph: &mut IntGraph) {
    let uses = graph.uses();
    let mut maker: Vec<Option<usize>> = vec![None; graph.tensors.len()];
    for (index, op) in graph.ops.iter().enumerate() {
        maker[op.output.0] = Some(index);
    }
    // Backwards, so that a clamp meets those before it on its way and ends there: no row of pools is passed twice.
    for index in (0..graph.ops.len()).rev() {
        let mut at = index;
        while let IntKind::Clamp { lo, hi } = graph.ops[at].kind {
            let between = graph.ops[at].input();
            let Some(before) = maker[between.0].filter(|_| uses[between.0] == 1) else { break };
            match &mut graph.ops[before].kind {
                kind if kind.moves() => {}
                IntKind::Clamp { lo: first_lo, hi: first_hi } => {
                    (*first_lo, *first_hi) = ((*first_lo).clamp(lo, hi), (*first_hi).clamp(lo, hi));
                    graph.ops[at].kind = IntKind::Clamp { lo: i8::MIN, hi: i8::MAX };
                    break;
                }
                _ => break,
            }
            // The two change places; what lies between them is now the clamped source.
            graph.tensors[between.0] = graph.tensor(graph.ops[before].input()).clone();
            let [first, second] = graph.ops.get_disjoint_mut([before, at]).unwrap_or_else(|_| unreachable!("a cycle"));
            std::mem::swap(&mut first.kind, &mut second.kind);
            std::mem::swap(&mut first.name, &mut second.name);
            std::mem::swap(&mut first.op, &mut second.op);
            at = before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::DType;
    use crate::int_ir::{IntTensor, IntWindow, Port, Quantization, Requant};
    use crate::reference::integer;
    use ndarray::{ArrayD, array};

    const Q: Quantization = Quantization { scale: 1.0, zero_point: 0, dtype: DType::I8 };

    /// A chain of operations on a tensor of two elements.
    fn chain(kinds: Vec<IntKind>) -> IntGraph {
        let mut graph = IntGraph::default();
        let mut tensor = || graph.add(IntTensor { name: String::new(), shape: vec![1, 2], quantization: Some(Q) });
        let mut input = tensor();
        let ports = |id| vec![Port { name: "x".into(), dtype: DType::I8, tensor: id }];
        let (inputs, mut ops) = (ports(input), Vec::new());
        for (index, kind) in kinds.into_iter().enumerate() {
            let output = tensor();
            ops.push(IntOp { name: format!("op {index}"), op: "Op", kind, inputs: vec![input], output });
            input = output;
        }
        let mut shape = vec![1, 2];
        for op in &ops {
            if op.kind == IntKind::Reshape {
                shape.insert(0, 1);
            }
            graph.tensors[op.output.0].shape.clone_from(&shape);
        }
        IntGraph { inputs, ops, outputs: ports(input), ..graph }
    }

    fn dense() -> IntKind {
        let requant =
            Requant { bias: vec![1, 2], multiplier: vec![3, 5], shift: vec![2, 3], zero_point: -7, lo: -128, hi: 127 };
        IntKind::Dense { weights: array![[1, 2], [3, -4]], requant }
    }

    fn clamp(lo: i8, hi: i8) -> IntKind {
        IntKind::Clamp { lo, hi }
    }

    fn lut(f: impl Fn(i8) -> i8) -> IntKind {
        IntKind::Lut(Box::new(std::array::from_fn(|e| f(input(e)))))
    }

    fn check(graph: &IntGraph, expected: &[&str]) -> IntGraph {
        let fused = run(graph.clone());
        assert_eq!(fused.ops.iter().map(|op| op.name.as_str()).collect::<Vec<_>>(), expected);
        for (a, b) in [(0, 0), (-128, 127), (100, -90), (5, 6)] {
            let x = [ArrayD::from_shape_vec(vec![1, 2], vec![a, b]).unwrap()];
            let value = |g: &IntGraph| integer::output(g, &integer::evaluate(g, &x), 0);
            assert_eq!(value(graph), value(&fused));
        }
        fused
    }

    #[test]
    fn clamps_are_absorbed() {
        let fused = check(&chain(vec![dense(), clamp(-7, 127), clamp(-128, 20)]), &["op 0"]);
        let IntKind::Dense { requant: r, .. } = &fused.ops[0].kind else { panic!() };
        assert_eq!((r.lo, r.hi), (-7, 20));
    }

    #[test]
    fn clamps_pass_reshapes() {
        check(&chain(vec![dense(), IntKind::Reshape, clamp(0, 9)]), &["op 0", "op 1"]);
    }

    #[test]
    fn products_pass_reshapes() {
        let mut graph = chain(vec![IntKind::Reshape, dense(), IntKind::Reshape, dense(), IntKind::Reshape]);
        // In one place the rows are cut in two.
        for (tensor, shape) in
            [vec![1, 2], vec![2], vec![2], vec![1, 2], vec![1, 2], vec![1, 2, 1]].into_iter().enumerate()
        {
            graph.tensors[tensor].shape = shape;
        }
        let fused = check(&graph, &["op 1", "op 3", "op 4"]);
        assert_eq!(fused.tensor(fused.ops[0].output).shape, [1, 2]);
        let mut graph = chain(vec![IntKind::Reshape, lut(|x| x / 3), IntKind::Reshape, dense()]);
        graph.tensors[1].shape = vec![1, 2, 1];
        graph.tensors[2].shape = vec![1, 2, 1];
        check(&graph, &["op 0", "op 1", "op 2", "op 3"]);
    }

    #[test]
    fn clamps_meet() {
        let graph = chain(vec![dense(), clamp(-50, 9), IntKind::Reshape, clamp(0, 100), IntKind::Reshape]);
        let fused = check(&graph, &["op 0", "op 2", "op 4"]);
        let IntKind::Dense { requant: r, .. } = &fused.ops[0].kind else { panic!() };
        assert_eq!((r.lo, r.hi), (0, 9));
        let apart = chain(vec![clamp(-50, -40), IntKind::Reshape, clamp(0, 100)]);
        check(&apart, &["op 0", "op 1"]);
    }

    #[test]
    fn clamps_of_inputs_stay() {
        check(&chain(vec![clamp(0, 9), dense()]), &["op 0", "op 1"]);
    }

    #[test]
    fn tables_meet() {
        let half = || lut(|x| x / 2);
        check(&chain(vec![half(), clamp(-3, 30), half(), lut(|x| x)]), &["op 0"]);
        check(&chain(vec![clamp(-3, 30), half()]), &["op 0"]);
        check(&chain(vec![dense(), half()]), &["op 0", "op 1"]);
    }

    #[test]
    fn functions_of_one_tensor_meet() {
        let mut graph = chain(vec![dense(), lut(|x| x / 2), lut(|x| x.saturating_add(3))]);
        let requant = |zero_point| Requant {
            bias: vec![5],
            multiplier: vec![1 << 20],
            shift: vec![25],
            zero_point,
            lo: -100,
            hi: 127,
        };
        for (zeros, [a, b]) in [([3, -7], [1, 3]), ([0, 9], [4, 2])] {
            let tensor = graph.tensors[1].clone();
            let output = graph.add(tensor);
            let kind = IntKind::Mul { zeros, requant: requant(zeros[0]) };
            let inputs = [a, b].map(crate::int_ir::TensorId).to_vec();
            graph.ops.push(IntOp { name: format!("mul {output:?}"), op: "Mul", kind, inputs, output });
            graph.outputs[0].tensor = output;
        }
        let fused = check(&graph, &["op 0", "mul TensorId(5)"]);
        assert!(matches!(fused.ops[1].kind, IntKind::Lut(_)));
    }

    #[test]
    fn what_is_read_twice_stays() {
        let mut graph = chain(vec![dense(), clamp(0, 9)]);
        graph.outputs.push(Port { name: "unclamped".into(), dtype: DType::I8, tensor: crate::int_ir::TensorId(1) });
        check(&graph, &["op 0", "op 1"]);
    }

    #[test]
    fn clamps_pass_pools() {
        let window = IntWindow { kernel: [1, 1], strides: [1, 1], pads: [0; 4], dilations: [1, 1] };
        let mut graph = chain(vec![IntKind::MaxPool(window), clamp(0, 9)]);
        lift_clamps(&mut graph);
        assert_eq!(graph.ops.iter().map(|op| op.name.as_str()).collect::<Vec<_>>(), ["op 1", "op 0"]);
    }
}

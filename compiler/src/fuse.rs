//! Fusion: requantisation and clamps become part of the operation that makes their input.

use crate::error::{CompileError, Result};
use crate::int_ir::{IntGraph, IntKind, IntOp};

/// Runs the pass. Afterwards every tensor is i8, and no clamp is left unless it bounds an input of the graph.
///
/// # Errors
/// Sums that something other than one requantisation reads.
pub fn run(mut graph: IntGraph) -> Result<IntGraph> {
    lift_clamps(&mut graph);
    let uses = graph.uses();
    let mut ops: Vec<IntOp> = Vec::with_capacity(graph.ops.len());
    let mut maker: Vec<Option<usize>> = vec![None; graph.tensors.len()];
    for op in std::mem::take(&mut graph.ops) {
        let (single, output) = (uses[op.input.0] == 1, op.output);
        let before = maker[op.input.0].filter(|_| single);
        match absorb(op, before.and_then(|i| ops.get_mut(i)))? {
            Some(op) => {
                maker[output.0] = Some(ops.len());
                ops.push(op);
            }
            None => maker[output.0] = before,
        }
    }
    graph.ops = ops;
    Ok(graph)
}

/// Makes `op` part of the operation that alone feeds it, or gives it back.
fn absorb(op: IntOp, before: Option<&mut IntOp>) -> Result<Option<IntOp>> {
    match (op.kind, before) {
        (IntKind::Clamp { lo: i8::MIN, hi: i8::MAX }, Some(before)) => before.output = op.output,
        (IntKind::Clamp { lo, hi }, before) => {
            let (requant, output) = match before {
                Some(IntOp {
                    kind: IntKind::Conv { requant, .. } | IntKind::Dense { requant, .. }, output, ..
                }) => (requant.as_mut(), output),
                _ => return Ok(Some(IntOp { kind: IntKind::Clamp { lo, hi }, ..op })),
            };
            let Some(requant) = requant else { return Err(unquantized(op.name, op.op)) };
            (requant.lo, requant.hi) = (requant.lo.clamp(lo, hi), requant.hi.clamp(lo, hi));
            *output = op.output;
        }
        (IntKind::Requantize(requant), before) => match before {
            Some(IntOp {
                kind: IntKind::Conv { requant: slot @ None, .. } | IntKind::Dense { requant: slot @ None, .. },
                output,
                ..
            }) => {
                *slot = Some(requant);
                *output = op.output;
            }
            _ => return Err(unquantized(op.name, op.op)),
        },
        (kind, _) => return Ok(Some(IntOp { kind, ..op })),
    }
    Ok(None)
}

fn unquantized(name: String, op: &str) -> CompileError {
    CompileError::node(&name, op, "its sums must be quantised once, and read nowhere else")
}

/// Moves clamps before the pools and reshapes that make their input: the same values, nearer to the requantisation.
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
            let between = graph.ops[at].input;
            let Some(before) = maker[between.0].filter(|_| uses[between.0] == 1) else { break };
            match &mut graph.ops[before].kind {
                IntKind::MaxPool(_) | IntKind::Reshape => {}
                IntKind::Clamp { lo: first_lo, hi: first_hi } => {
                    (*first_lo, *first_hi) = ((*first_lo).clamp(lo, hi), (*first_hi).clamp(lo, hi));
                    graph.ops[at].kind = IntKind::Clamp { lo: i8::MIN, hi: i8::MAX };
                    break;
                }
                _ => break,
            }
            // The two change places; what lies between them is now the clamped source.
            graph.tensors[between.0] = graph.tensor(graph.ops[before].input).clone();
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
    use crate::int_ir::{IntTensor, IntWindow, Port, Quantization, Requant, TensorId};
    use crate::reference::integer;
    use ndarray::{ArrayD, array};

    const Q: Quantization = Quantization { scale: 1.0, zero_point: 0, dtype: DType::I8 };

    /// A chain of operations on a tensor of two elements; a requantisation reads sums.
    fn chain(kinds: Vec<IntKind>) -> IntGraph {
        let mut graph = IntGraph::default();
        let mut tensor = |quantization| graph.add(IntTensor { name: String::new(), shape: vec![1, 2], quantization });
        let mut input = tensor(Some(Q));
        let ports = |id| vec![Port { name: "x".into(), dtype: DType::I8, tensor: id }];
        let (inputs, mut ops) = (ports(input), Vec::new());
        for (index, kind) in kinds.into_iter().enumerate() {
            let sums = matches!(kind, IntKind::Dense { .. });
            let output = tensor((!sums).then_some(Q));
            ops.push(IntOp { name: format!("op {index}"), op: "Op", kind, input, output });
            input = output;
        }
        IntGraph { inputs, ops, outputs: ports(input), ..graph }
    }

    fn dense() -> IntKind {
        IntKind::Dense { weights: array![[1, 2], [3, -4]], requant: None }
    }

    fn requant() -> IntKind {
        let requant =
            Requant { bias: vec![1, 2], multiplier: vec![3, 5], shift: vec![2, 3], zero_point: -7, lo: -128, hi: 127 };
        IntKind::Requantize(requant)
    }

    fn check(graph: &IntGraph, expected: &[&str]) -> IntGraph {
        let fused = run(graph.clone()).unwrap();
        assert_eq!(fused.ops.iter().map(|op| op.name.as_str()).collect::<Vec<_>>(), expected);
        for (a, b) in [(0, 0), (-128, 127), (100, -90), (5, 6)] {
            let x = [ArrayD::from_shape_vec(vec![1, 2], vec![a, b]).unwrap()];
            let value = |g: &IntGraph| integer::output(g, &integer::evaluate(g, &x), 0);
            assert_eq!(value(graph), value(&fused));
        }
        fused
    }

    #[test]
    fn requantisation_and_clamps_are_absorbed() {
        let clamp = |lo, hi| IntKind::Clamp { lo, hi };
        let fused = check(&chain(vec![dense(), requant(), clamp(-7, 127), clamp(-128, 20)]), &["op 0"]);
        let IntKind::Dense { requant: Some(r), .. } = &fused.ops[0].kind else { panic!() };
        assert_eq!((r.lo, r.hi), (-7, 20));
    }

    #[test]
    fn clamps_pass_reshapes() {
        let graph = chain(vec![dense(), requant(), IntKind::Reshape, IntKind::Clamp { lo: 0, hi: 9 }]);
        check(&graph, &["op 0", "op 2"]);
    }

    #[test]
    fn clamps_meet() {
        let clamp = |lo, hi| IntKind::Clamp { lo, hi };
        let graph = chain(vec![dense(), requant(), clamp(-50, 9), IntKind::Reshape, clamp(0, 100), IntKind::Reshape]);
        let fused = check(&graph, &["op 0", "op 3", "op 5"]);
        let IntKind::Dense { requant: Some(r), .. } = &fused.ops[0].kind else { panic!() };
        assert_eq!((r.lo, r.hi), (0, 9));
        let apart = chain(vec![clamp(-50, -40), IntKind::Reshape, clamp(0, 100)]);
        check(&apart, &["op 0", "op 1"]);
    }

    #[test]
    fn clamps_of_inputs_stay() {
        check(&chain(vec![IntKind::Clamp { lo: 0, hi: 9 }, dense(), requant()]), &["op 0", "op 1"]);
    }

    #[test]
    fn sums_have_one_reader() {
        let mut graph = chain(vec![dense(), requant()]);
        graph.outputs.push(Port { name: "sums".into(), dtype: DType::I8, tensor: TensorId(1) });
        assert!(run(graph).unwrap_err().to_string().contains("read nowhere else"));
    }

    #[test]
    fn clamps_pass_pools() {
        let window = IntWindow { kernel: [1, 1], strides: [1, 1], pads: [0; 4], dilations: [1, 1] };
        let mut graph = chain(vec![IntKind::MaxPool(window), IntKind::Clamp { lo: 0, hi: 9 }]);
        lift_clamps(&mut graph);
        assert_eq!(graph.ops.iter().map(|op| op.name.as_str()).collect::<Vec<_>>(), ["op 1", "op 0"]);
    }
}

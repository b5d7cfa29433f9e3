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
    for op in std::mem::take(&mut graph.ops) {
        let single = uses[op.input.0] == 1;
        let before = ops.iter_mut().find(|b| b.output == op.input).filter(|_| single);
        let Some(op) = absorb(op, before)? else { continue };
        ops.push(op);
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
    let mut uses = graph.uses();
    for index in 0..graph.ops.len() {
        let mut at = index;
        while matches!(graph.ops[at].kind, IntKind::Clamp { .. }) {
            let input = graph.ops[at].input;
            let mover = |op: &IntOp| op.output == input && matches!(op.kind, IntKind::MaxPool(_) | IntKind::Reshape);
            let Some(before) = graph.ops[..at].iter().position(mover).filter(|_| uses[input.0] == 1) else { break };
            // before: x → input; clamp: input → y. Now clamp: x → c; before: c → y.
            let source = graph.ops[before].input;
            let mut tensor = graph.tensor(source).clone();
            tensor.name = format!("{} clamped", tensor.name);
            let clamped = graph.add(tensor);
            uses.push(1);
            let mut clamp = graph.ops.remove(at);
            graph.ops[before].output = clamp.output;
            graph.ops[before].input = clamped;
            (clamp.input, clamp.output) = (source, clamped);
            graph.ops.insert(before, clamp);
            at = before;
        }
    }
}

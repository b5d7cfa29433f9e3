//! Sums and products of two functions of one tensor are a function of it: a table, as `x · (1 + erf(x))` of GELU.

use ndarray::ArrayD;

use super::{input, look_up};
use crate::int_ir::{IntGraph, IntKind, IntOp, TensorId};
use crate::reference::integer;

/// A tensor as a function of another, element by element.
#[derive(Clone)]
struct Function {
    of: TensorId,
    table: Box<[i8; 256]>,
}

/// Runs the pass; what nothing reads any more is taken off.
pub(super) fn run(graph: &mut IntGraph) {
    let mut functions: Vec<Option<Function>> = vec![None; graph.tensors.len()];
    let mut found = false;
    for index in 0..graph.ops.len() {
        let op = &graph.ops[index];
        let own = |id: TensorId| {
            let identity = || Function { of: id, table: Box::new(std::array::from_fn(input)) };
            functions[id.0].clone().unwrap_or_else(identity)
        };
        let output = op.output;
        match &op.kind {
            IntKind::Clamp { lo, hi } => {
                let mut function = own(op.input());
                function.table.iter_mut().for_each(|value| *value = (*value).clamp(*lo, *hi));
                functions[output.0] = Some(function);
            }
            IntKind::Lut(table) => {
                let mut function = own(op.input());
                function.table.iter_mut().for_each(|value| *value = look_up(table, *value));
                functions[output.0] = Some(function);
            }
            IntKind::Add(_) | IntKind::Mul { .. } => {
                let shape = |id: TensorId| &graph.tensor(id).shape;
                if op.inputs.iter().any(|&id| shape(id) != shape(output)) {
                    continue;
                }
                let [a, b] = [own(op.inputs[0]), own(op.inputs[1])];
                if a.of == b.of {
                    let table = tabulated(op, [&a, &b]);
                    let op = &mut graph.ops[index];
                    (op.kind, op.inputs) = (IntKind::Lut(table.clone()), vec![a.of]);
                    functions[output.0] = Some(Function { of: a.of, table });
                    found = true;
                }
            }
            _ => {}
        }
    }
    if found {
        super::prune(graph);
    }
}

/// What an operation makes of two functions of a byte.
fn tabulated(op: &IntOp, functions: [&Function; 2]) -> Box<[i8; 256]> {
    let operands = functions.map(|f| ArrayD::from_shape_fn(vec![256], |at| f.table[at[0]].into()));
    let values = integer::apply(op, &operands.each_ref(), &[256]);
    Box::new(std::array::from_fn(|entry| values[[entry]] as i8))
}

//! Groups of elementwise nodes that are a function of one tensor: GELU by `Erf` or `Tanh`, SiLU, HardSwish in pieces.

use std::collections::{BTreeMap, BTreeSet};

use super::number;
use crate::graph::{Graph, Node};
use crate::ops::{Binary, Expression, Op, Unary};

/// Largest expression: one that uses another twice holds it twice.
const MAX_SIZE: usize = 64;

/// Runs the pass.
pub(super) fn run(graph: &mut Graph) {
    let roots = roots(graph);
    let mut expressions: BTreeMap<String, (String, Expression)> = BTreeMap::new();
    for node in &graph.nodes {
        if !is_elementwise(graph, node) {
            continue;
        }
        let Some((root, expression)) = expression(graph, node, &roots, &expressions) else { continue };
        if expression.size() <= MAX_SIZE {
            expressions.insert(node.output.clone(), (root, expression));
        }
    }
    for node in &mut graph.nodes {
        // What is inside a group has no reader left; what ends one becomes the group.
        let Some((root, expression)) = expressions.get(&node.output).filter(|_| roots.contains(&node.output)) else {
            continue;
        };
        if parts(expression) > 1 && !is_affine(expression) {
            node.op = Op::Curve(expression.clone());
            node.inputs = vec![root.clone()];
            node.attributes = String::new();
        }
    }
}

/// A function of each element, the other operand a number or of the same tensor.
fn is_elementwise(graph: &Graph, node: &Node) -> bool {
    match node.op {
        Op::Unary(_) => true,
        Op::Binary(_) => {
            let shape = |name: &String| graph.types.get(name).map(|t| &t.shape);
            let own = shape(&node.output);
            node.inputs.len() == 2 && node.inputs.iter().all(|i| number(graph, i).is_some() || shape(i) == own)
        }
        _ => false,
    }
}

/// Values that must exist: what other nodes make or read, and what meets another of them in one node.
fn roots(graph: &Graph) -> BTreeSet<String> {
    let mut roots: BTreeSet<String> = graph.inputs.iter().map(|(name, _)| name.clone()).collect();
    roots.extend(graph.outputs.iter().cloned());
    for node in graph.nodes.iter().filter(|n| !is_elementwise(graph, n)) {
        roots.insert(node.output.clone());
        roots.extend(node.inputs.iter().cloned());
    }
    // What a later round would still add makes groups smaller, no more.
    for _ in 0..4 {
        let before = roots.len();
        let mut of: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for node in graph.nodes.iter().filter(|n| is_elementwise(graph, n)) {
            let computed = node.inputs.iter().filter(|i| number(graph, i).is_none());
            let mut all = BTreeSet::new();
            for input in computed.clone() {
                match of.get(input.as_str()).filter(|_| !roots.contains(input)) {
                    Some(inner) => all.extend(inner.iter().copied()),
                    None => drop(all.insert(input.as_str())),
                }
            }
            if all.len() > 1 {
                roots.extend(computed.cloned());
                roots.insert(node.output.clone());
            }
            of.insert(&node.output, all);
        }
        if roots.len() == before {
            break;
        }
    }
    roots
}

/// The node as a function of the root of its operands.
fn expression(
    graph: &Graph,
    node: &Node,
    roots: &BTreeSet<String>,
    known: &BTreeMap<String, (String, Expression)>,
) -> Option<(String, Expression)> {
    let mut root: Option<String> = None;
    let mut operands = Vec::new();
    for input in &node.inputs {
        if let Some(value) = number(graph, input) {
            operands.push(Expression::Number(value));
            continue;
        }
        let (from, expression) = match known.get(input).filter(|_| !roots.contains(input)) {
            Some((from, expression)) => (from.clone(), expression.clone()),
            None => (input.clone(), Expression::X),
        };
        if root.as_ref().is_some_and(|r| *r != from) {
            return None;
        }
        root = Some(from);
        operands.push(expression);
    }
    let mut operands = operands.into_iter().map(Box::new);
    let expression = match node.op {
        Op::Unary(unary) => Expression::Unary(unary, operands.next()?),
        Op::Binary(binary) => Expression::Binary(binary, operands.next()?, operands.next()?),
        _ => return None,
    };
    Some((root?, expression))
}

/// Number of nodes in it.
fn parts(expression: &Expression) -> usize {
    match expression {
        Expression::X | Expression::Number(_) => 0,
        Expression::Unary(_, a) => 1 + parts(a),
        Expression::Binary(_, a, b) => 1 + parts(a) + parts(b),
    }
}

/// Whether it only scales, shifts and bounds: that is a matter of what makes its argument.
fn is_affine(expression: &Expression) -> bool {
    match expression {
        Expression::X | Expression::Number(_) => true,
        Expression::Unary(Unary::Relu | Unary::Clip(..), a) => is_affine(a),
        Expression::Unary(..) => false,
        Expression::Binary(Binary::Add | Binary::Sub | Binary::Mul | Binary::Div, a, b) => {
            let constant = |e: &Expression| matches!(e, Expression::Number(_));
            is_affine(a) && is_affine(b) && (constant(a) || constant(b))
        }
        Expression::Binary(..) => false,
    }
}

//! Layer norms and RMS norms in pieces: x less its mean or not, over the root of its mean square and ε, times γ, plus β.

use ndarray::ArrayD;

use super::{constant, makers, number, uses};
use crate::graph::{Constant, Graph, Node};
use crate::ops::{Binary, Op, Reduction, Unary};
use crate::shapes::reduced;

/// Runs the pass.
pub(super) fn run(graph: &mut Graph) {
    let finder = Finder::new(graph);
    let found: Vec<(usize, Found)> =
        (0..graph.nodes.len()).filter_map(|index| Some((index, finder.norm(index)?))).collect();
    for (index, found) in found {
        rewrite(graph, index, found);
    }
    extend(graph);
}

/// A normalised value that was found.
struct Found {
    input: String,
    /// First of the axes.
    axis: usize,
    epsilon: f32,
    centred: bool,
}

struct Finder<'a> {
    graph: &'a Graph,
    makers: std::collections::BTreeMap<String, usize>,
}

impl<'a> Finder<'a> {
    fn new(graph: &'a Graph) -> Finder<'a> {
        Finder { graph, makers: makers(&graph.nodes) }
    }

    fn maker(&self, name: &str) -> Option<&'a Node> {
        self.makers.get(name).map(|&i| &self.graph.nodes[i])
    }

    /// The node of a function of two that makes a value, with its operands.
    fn binary(&self, name: &str, binary: Binary) -> Option<[&'a str; 2]> {
        let node = self.maker(name).filter(|n| n.op == Op::Binary(binary) && n.inputs.len() == 2)?;
        Some([&node.inputs[0], &node.inputs[1]])
    }

    fn unary(&self, name: &str, unary: Unary) -> Option<&'a str> {
        self.maker(name).filter(|n| n.op == Op::Unary(unary)).map(|n| n.inputs[0].as_str())
    }

    /// The input and first axis of a mean over the last axes that keeps them.
    fn mean(&self, name: &str) -> Option<(&'a str, usize)> {
        let node = self.maker(name)?;
        let Op::Reduce { kind: Reduction::Mean, keep: true, .. } = node.op else { return None };
        let rank = self.graph.types.get(&node.inputs[0])?.shape.len();
        let axes = reduced(node, rank, &self.graph.constants).ok()?;
        let first = *axes.first()?;
        (axes == (first..rank).collect::<Vec<_>>()).then_some((node.inputs[0].as_str(), first))
    }

    /// The square of what?
    fn square(&self, name: &str) -> Option<&'a str> {
        if let Some([a, b]) = self.binary(name, Binary::Mul) {
            return (a == b).then_some(a);
        }
        let [a, b] = self.binary(name, Binary::Pow)?;
        (number(self.graph, b) == Some(2.0)).then_some(a)
    }

    /// √(mean square of the first + ε).
    fn root(&self, name: &str) -> Option<(&'a str, usize, f32)> {
        let inside = match self.unary(name, Unary::Sqrt) {
            Some(inside) => inside,
            None => {
                let [a, b] = self.binary(name, Binary::Pow)?;
                (number(self.graph, b) == Some(0.5)).then_some(a)?
            }
        };
        self.variance(inside)
    }

    fn variance(&self, name: &str) -> Option<(&'a str, usize, f32)> {
        let [a, b] = self.binary(name, Binary::Add)?;
        let (mean, epsilon) = match (number(self.graph, a), number(self.graph, b)) {
            (None, Some(e)) => (a, e),
            (Some(e), None) => (b, e),
            _ => return None,
        };
        let (square, axis) = self.mean(mean)?;
        Some((self.square(square)?, axis, epsilon))
    }

    /// 1/√(mean square + ε).
    fn inverse(&self, name: &str) -> Option<(&'a str, usize, f32)> {
        if let Some(inside) = self.unary(name, Unary::Reciprocal) {
            return self.root(inside);
        }
        if let Some([a, b]) = self.binary(name, Binary::Div) {
            return if number(self.graph, a) == Some(1.0) { self.root(b) } else { None };
        }
        let [a, b] = self.binary(name, Binary::Pow)?;
        if number(self.graph, b) == Some(-0.5) { self.variance(a) } else { None }
    }

    fn norm(&self, index: usize) -> Option<Found> {
        let node = &self.graph.nodes[index];
        let (value, (square, axis, epsilon)) = match (&node.op, &node.inputs[..]) {
            (Op::Binary(Binary::Div), [a, b]) => (a, self.root(b)?),
            (Op::Binary(Binary::Mul), [a, b]) => match (self.inverse(a), self.inverse(b)) {
                (None, Some(found)) => (a, found),
                (Some(found), None) => (b, found),
                _ => return None,
            },
            _ => return None,
        };
        if square != value {
            return None;
        }
        let centred = self.binary(value, Binary::Sub).and_then(|[x, mean]| {
            let (of, first) = self.mean(mean)?;
            (of == x && first == axis).then_some(x)
        });
        let input = centred.unwrap_or(value).to_string();
        Some(Found { input, axis, epsilon, centred: centred.is_some() })
    }
}

/// The norm with γ = 1.
fn rewrite(graph: &mut Graph, index: usize, found: Found) {
    let Found { input, axis, epsilon, centred } = found;
    let inner = graph.types.get(&input).map(|t| t.shape[axis..].to_vec()).unwrap_or_default();
    let gamma = constant(graph, &format!("{}.gamma", graph.nodes[index].output), Constant::F32(ArrayD::ones(inner)));
    let axis = axis as i64;
    let node = &mut graph.nodes[index];
    node.op = if centred { Op::LayerNormalization { axis, epsilon } } else { Op::RmsNormalization { axis, epsilon } };
    node.inputs = vec![input, gamma];
    node.attributes = format!("axis = {axis}, epsilon = {epsilon}, from its pieces");
}

/// Takes a factor and a summand behind a norm into it, where its own are 1 and 0.
fn extend(graph: &mut Graph) {
    let (uses, makers) = (uses(graph), makers(&graph.nodes));
    for index in 0..graph.nodes.len() {
        let node = &graph.nodes[index];
        let (Op::Binary(binary @ (Binary::Mul | Binary::Add)), [a, b]) = (&node.op, &node.inputs[..]) else { continue };
        let binary = *binary;
        let pair = match (graph.constants.get(a), graph.constants.get(b)) {
            (None, Some(Constant::F32(c))) => Some((a, c)),
            (Some(Constant::F32(c)), None) => Some((b, c)),
            _ => None,
        };
        let Some((value, given)) = pair.filter(|(value, _)| uses.get(*value) == Some(&1)) else { continue };
        let Some(&at) = makers.get(value) else { continue };
        let (norm, given) = (graph.nodes[at].clone(), given.clone());
        let centred = matches!(norm.op, Op::LayerNormalization { .. });
        let shape = graph.types.get(&norm.inputs[0]).map(|t| t.shape.clone()).unwrap_or_default();
        let axis = match norm.op {
            Op::LayerNormalization { axis, .. } | Op::RmsNormalization { axis, .. } => {
                axis.rem_euclid(shape.len() as i64)
            }
            _ => continue,
        };
        let inner = &shape[axis as usize..];
        let lead = given.ndim().saturating_sub(inner.len());
        let Some(spread) = given.shape()[..lead].iter().all(|&d| d == 1).then(|| {
            let flat = given.clone().into_shape_with_order(given.shape()[lead..].to_vec()).ok()?;
            flat.broadcast(inner).map(|v| v.to_owned())
        }) else {
            continue;
        };
        let Some(spread) = spread else { continue };
        let output = graph.nodes[index].output.clone();
        let mut inputs = norm.inputs.clone();
        let plain = matches!(graph.constants.get(&inputs[1]), Some(Constant::F32(g)) if g.iter().all(|&v| v == 1.0));
        if binary == Binary::Mul && plain && !norm.has(2) {
            inputs[1] = constant(graph, &format!("{output}.gamma"), Constant::F32(spread));
        } else if binary == Binary::Add && centred && !norm.has(2) {
            inputs.truncate(2);
            inputs.push(constant(graph, &format!("{output}.beta"), Constant::F32(spread)));
        } else {
            continue;
        }
        graph.nodes[index] = Node { inputs, output, ..norm };
    }
}

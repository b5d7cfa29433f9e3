//! Simplification: the same graph from fewer nodes. Batch norms go into weights; norms and softmax in pieces become one node, and so do
//! groups of elementwise nodes of one tensor.

mod batch_norm;
mod curves;
mod norms;
mod softmax;

use std::collections::BTreeMap;

use crate::error::Result;
use crate::graph::{Constant, Graph, Node, ValueType};
use crate::shapes;

/// Runs the passes on an ordered graph and orders it again.
///
/// # Errors
/// None that the graph did not have before.
pub fn run(graph: Graph) -> Result<Graph> {
    let mut graph = graph;
    for pass in [batch_norm::run, norms::run, softmax::run, curves::run] {
        pass(&mut graph);
        graph = shapes::run(graph)?;
    }
    Ok(graph)
}

/// How often each value is read; an output of the graph counts as read.
fn uses(graph: &Graph) -> BTreeMap<String, usize> {
    let mut uses = BTreeMap::new();
    for name in graph.nodes.iter().flat_map(|n| &n.inputs).chain(&graph.outputs) {
        *uses.entry(name.clone()).or_insert(0) += 1;
    }
    uses
}

/// Adds a constant under a name of its own.
fn constant(graph: &mut Graph, name: &str, value: Constant) -> String {
    let mut unique = name.to_string();
    while graph.constants.contains_key(&unique) || graph.types.contains_key(&unique) {
        unique.push('\'');
    }
    let of = ValueType { dtype: value.dtype(), shape: value.shape().to_vec() };
    graph.types.insert(unique.clone(), of);
    graph.constants.insert(unique.clone(), value);
    unique
}

/// The one number that a value is.
fn number(graph: &Graph, name: &str) -> Option<f32> {
    match graph.constants.get(name)? {
        Constant::F32(a) if a.len() == 1 => a.first().copied(),
        _ => None,
    }
}

/// Position of the node that makes each value.
fn makers(nodes: &[Node]) -> BTreeMap<String, usize> {
    nodes.iter().enumerate().map(|(i, n)| (n.output.clone(), i)).collect()
}

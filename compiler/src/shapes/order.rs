//! Order of execution, and what is not needed.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{CompileError, Result, printable};
use crate::graph::{Graph, Node};

/// Renames the readers of nodes that are nothing (`Identity`, and others that this says) to read their input.
pub(crate) fn remove_identities(graph: &mut Graph, identity: impl Fn(&Node) -> bool) -> Result<()> {
    let mut renames: BTreeMap<String, String> =
        graph.nodes.iter().filter(|n| identity(n)).map(|n| (n.output.clone(), n.inputs[0].clone())).collect();
    graph.nodes.retain(|n| !identity(n));
    let names = graph.nodes.iter_mut().flat_map(|n| &mut n.inputs).chain(&mut graph.outputs);
    for name in names {
        let mut path = Vec::new();
        let mut end = name.clone();
        while let Some(next) = renames.get(&end) {
            if path.len() > renames.len() {
                return Err(CompileError::model(format!("a cycle of Identity nodes through `{}`", printable(name))));
            }
            path.push(std::mem::replace(&mut end, next.clone()));
        }
        // The whole path now leads to its end, so that chains are walked once.
        for step in path {
            renames.insert(step, end.clone());
        }
        *name = end;
    }
    Ok(())
}

/// Puts the nodes that the outputs need into an order of execution, stable with respect to the file's.
pub(crate) fn order(graph: &mut Graph) -> Result<()> {
    let producer: BTreeMap<&str, usize> = graph.nodes.iter().enumerate().map(|(i, n)| (n.output.as_str(), i)).collect();
    let given: BTreeSet<&str> =
        graph.constants.keys().chain(graph.inputs.iter().map(|(name, _)| name)).map(String::as_str).collect();
    for output in &graph.outputs {
        if !producer.contains_key(output.as_str()) && !given.contains(output.as_str()) {
            return Err(CompileError::model(format!("nothing defines the output `{}`", printable(output))));
        }
    }
    let mut order = Vec::new();
    let mut state = vec![Mark::New; graph.nodes.len()];
    let mut stack: Vec<usize> = graph.outputs.iter().rev().filter_map(|o| producer.get(o.as_str()).copied()).collect();
    while let Some(&index) = stack.last() {
        let node = &graph.nodes[index];
        if state[index] != Mark::New {
            if state[index] == Mark::Open {
                state[index] = Mark::Done;
                order.push(index);
            }
            stack.pop();
            continue;
        }
        state[index] = Mark::Open;
        for input in node.inputs.iter().rev().filter(|name| !name.is_empty()) {
            match producer.get(input.as_str()) {
                Some(&before) if state[before] == Mark::Open => {
                    return Err(node.error("it is part of a cycle"));
                }
                Some(&before) => stack.push(before),
                None if given.contains(input.as_str()) => {}
                None => {
                    let reason = format!("nothing defines its input `{}`", printable(input));
                    return Err(node.error(reason));
                }
            }
        }
    }
    let mut nodes: Vec<Option<Node>> = std::mem::take(&mut graph.nodes).into_iter().map(Some).collect();
    graph.nodes = order.into_iter().filter_map(|i| nodes[i].take()).collect();
    let used: BTreeSet<&String> = graph.nodes.iter().flat_map(|n| &n.inputs).chain(&graph.outputs).collect();
    graph.constants.retain(|name, _| used.contains(name));
    Ok(())
}

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    Open,
    Done,
}

//! Graphs as pictures: what reads nothing stands above its reader, all else below what it reads.

use std::collections::BTreeMap;

use compiler::graph::Graph;
use compiler::outline::Outline;

use super::svg::{escaped, picture, shortened};

const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 36.0;
const ACROSS: f64 = 22.0;
const DOWN: f64 = 26.0;
/// Characters of a line in a node.
const MOST: usize = 36;

/// A node and the nodes whose results it reads, with a class of its edges.
struct Node {
    head: String,
    sub: String,
    title: String,
    class: &'static str,
    reads: Vec<(usize, &'static str)>,
    /// Where it stands: its level, and its middle in it.
    level: usize,
    x: f64,
}

impl Node {
    fn new(head: &str, sub: String, title: String, class: &'static str) -> Node {
        Node { head: head.into(), sub, title, class, reads: vec![], level: 0, x: 0.0 }
    }
}

fn shape(shape: &[usize]) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join("×")
}

fn class(op: &str) -> &'static str {
    match op {
        "Conv" | "ConvTranspose" | "Gemm" | "MatMul" | "QLinearConv" | "QLinearMatMul" => "matrix",
        "QuantizeLinear" | "DequantizeLinear" | "Constant" | "Identity" | "Cast" => "quantise",
        "Reshape" | "Transpose" | "Concat" | "Slice" | "Split" | "Pad" | "Flatten" | "Squeeze" | "Unsqueeze"
        | "Gather" | "Expand" => "move",
        _ => "vector",
    }
}

/// The nodes of the ONNX file.
pub(super) fn before(graph: &Graph) -> String {
    let mut nodes = Vec::new();
    let mut makers: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, value) in &graph.inputs {
        makers.insert(name, nodes.len());
        let sub = format!("{} {}", value.dtype.name(), shape(&value.shape));
        nodes.push(Node::new("input", shortened(name, MOST), format!("{name}: {sub}"), "port"));
    }
    for node in &graph.nodes {
        let to = graph.types.get(&node.output).map(|of| shape(&of.shape)).unwrap_or_default();
        let title = format!("{} {} {}: {} {to}", node.op.name(), node.name, node.attributes, node.output);
        let mut it =
            Node::new(&format!("{} {to}", node.op.name()), shortened(&node.name, MOST), title, class(node.op.name()));
        it.reads = node.inputs.iter().filter_map(|name| makers.get(name.as_str())).map(|&from| (from, "")).collect();
        makers.insert(&node.output, nodes.len());
        nodes.push(it);
    }
    for name in &graph.outputs {
        let mut it = Node::new("output", shortened(name, MOST), name.clone(), "port");
        it.reads = makers.get(name.as_str()).map(|&from| (from, "")).into_iter().collect();
        nodes.push(it);
    }
    draw(nodes)
}

/// The tasks of the machine; what goes through DRAM is dashed.
pub(super) fn after(outline: &Outline) -> String {
    let mut nodes = Vec::new();
    let mut makers: BTreeMap<usize, usize> = BTreeMap::new();
    let name = |value: usize| outline.values[value].tensor.clone().unwrap_or_default();
    for &input in &outline.inputs {
        makers.insert(input, nodes.len());
        nodes.push(Node::new("input", shortened(&name(input), MOST), name(input), "port"));
    }
    let far = |value: usize| if outline.values[value].spad.is_some() { "" } else { "far" };
    for task in &outline.tasks {
        let value = &outline.values[task.output];
        let fused: String = task.fused.iter().map(|what| format!(" + {what}")).collect();
        let place = match (value.spad, value.dram) {
            (Some((row, rows)), _) => format!("on chip, rows {row}..{}", row + rows),
            (None, Some((region, row))) => format!("{region}, rows {row}..{}", row + value.rows),
            (None, None) => String::new(),
        };
        let title = format!("{} {}{fused}: {} {place}", task.op, task.name, shape(&value.shape));
        let head = format!("{}{fused} {}", task.op, shape(&value.shape));
        let mut it = Node::new(&head, shortened(&task.name, MOST), title, class(task.op));
        it.reads = task.reads.iter().filter_map(|read| makers.get(read).map(|&from| (from, far(*read)))).collect();
        makers.insert(task.output, nodes.len());
        nodes.push(it);
    }
    for &output in &outline.outputs {
        let mut it = Node::new("output", shortened(&name(output), MOST), name(output), "port");
        it.reads = makers.get(&output).map(|&from| (from, far(output))).into_iter().collect();
        nodes.push(it);
    }
    draw(nodes)
}

/// Levels: one below the lowest that is read; then those that read nothing go down to their readers.
fn level(nodes: &mut [Node]) {
    for index in 0..nodes.len() {
        nodes[index].level = nodes[index].reads.iter().map(|&(from, _)| nodes[from].level + 1).max().unwrap_or(0);
    }
    for index in (0..nodes.len()).rev() {
        for at in 0..nodes[index].reads.len() {
            let (from, _) = nodes[index].reads[at];
            if nodes[from].reads.is_empty() && nodes[from].class != "port" {
                let (below, own) = (nodes[index].level.saturating_sub(1), nodes[from].level);
                nodes[from].level = if own == 0 { below } else { own.min(below) };
            }
        }
    }
}

/// Places within levels: near what is read.
fn place(nodes: &mut [Node]) -> (usize, f64) {
    let levels = nodes.iter().map(|node| node.level + 1).max().unwrap_or(0);
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); levels];
    for (index, node) in nodes.iter().enumerate() {
        members[node.level].push(index);
    }
    let mut half = 0.0f64;
    for level in members {
        let wish = |index: usize| {
            let reads = &nodes[index].reads;
            let sum: f64 = reads.iter().map(|&(from, _)| nodes[from].x).sum();
            if reads.is_empty() { 0.0 } else { sum / reads.len() as f64 }
        };
        let mut order: Vec<(usize, f64)> = level.iter().map(|&index| (index, wish(index))).collect();
        order.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        let pitch = WIDTH + ACROSS;
        let mean = order.iter().map(|(_, x)| x).sum::<f64>() / order.len().max(1) as f64;
        let first = mean - pitch * (order.len() as f64 - 1.0) / 2.0;
        for (at, (index, _)) in order.into_iter().enumerate() {
            nodes[index].x = first + pitch * at as f64;
            half = half.max(nodes[index].x.abs() + WIDTH / 2.0);
        }
    }
    (levels, half)
}

fn draw(mut nodes: Vec<Node>) -> String {
    level(&mut nodes);
    let (levels, half) = place(&mut nodes);
    let x = |node: &Node| half + node.x + 10.0;
    let y = |node: &Node| 10.0 + node.level as f64 * (HEIGHT + DOWN);
    let mut body = String::new();
    for node in &nodes {
        for &(from, class) in &node.reads {
            let source = &nodes[from];
            let ((x0, y0), (x1, y1)) = ((x(source), y(source) + HEIGHT), (x(node), y(node)));
            // Past the nodes between, to the side.
            let aside = if node.level > source.level + 1 && (x0 - x1).abs() < WIDTH { WIDTH * 0.62 } else { 0.0 };
            let bend = (y1 - y0) / 2.0;
            body += &format!(
                "<path class=\"edge {class}\" d=\"M{x0:.0} {y0:.0}C{:.0} {:.0} {:.0} {:.0} {x1:.0} {y1:.0}\"/>",
                x0 + aside * 1.3,
                y0 + bend.min(60.0),
                x1 + aside * 1.3,
                y1 - bend.min(60.0)
            );
        }
    }
    for node in &nodes {
        let (x, y) = (x(node), y(node));
        body += &format!(
            "<g class=\"node {}\"><title>{}</title><rect x=\"{:.0}\" y=\"{y:.0}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"6\"/>\
             <text class=\"head\" x=\"{x:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>\
             <text class=\"soft\" x=\"{x:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text></g>",
            node.class,
            escaped(&node.title),
            x - WIDTH / 2.0,
            y + 15.0,
            escaped(&shortened(&node.head, MOST - 3)),
            y + 29.0,
            escaped(&node.sub)
        );
    }
    picture("graph", 2.0 * half + 20.0, 10.0 + levels as f64 * (HEIGHT + DOWN), &body)
}

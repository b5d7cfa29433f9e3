//! What a model is in integers: one line an operation, then how many of each kind.
//!
//! `cargo run -p compiler --example integer_ir MODEL.onnx`

use std::collections::BTreeMap;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let path = env::args().nth(1).ok_or_else(|| io::Error::other("which model?"))?;
    let graph = compiler::integer_graph(&fs::read(path)?).map_err(io::Error::other)?;
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for op in &graph.ops {
        let shapes: Vec<_> = op.inputs.iter().map(|id| graph.tensor(*id).shape.clone()).collect();
        let text = format!("{:?}", op.kind);
        let kind = text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_string();
        println!("{kind} ({}) {shapes:?} -> {:?} `{}`", op.op, graph.tensor(op.output).shape, op.name);
        *kinds.entry(kind).or_default() += 1;
    }
    println!("{kinds:?}");
    Ok(())
}

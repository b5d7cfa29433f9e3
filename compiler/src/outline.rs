//! The shape of a compilation, for those who draw it: nodes of the model, tasks of the machine, and the values between.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::graph::Graph;
use crate::int_ir::TensorId;
use crate::memory::Homes;
use crate::plan::{Epilogue, Plan, ValueId};
use crate::{import, shapes};

/// A value of the machine: a tensor with one axis in the lanes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValueOutline {
    /// The model's name of it, where it has one.
    pub tensor: Option<String>,
    /// Shape.
    pub shape: Vec<usize>,
    /// Rows that it takes.
    pub rows: u64,
    /// First row and rows of its map in spad, padding included, if it stays on chip.
    pub spad: Option<(u64, u64)>,
    /// Region and first row of its place in DRAM, if it has one.
    pub dram: Option<(&'static str, u64)>,
}

/// What is lowered at once: an operation with what was fused into it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskOutline {
    /// Names of the ONNX nodes.
    pub name: String,
    /// Its operator.
    pub op: &'static str,
    /// Sums and tables that are done on its result before it is stored.
    pub fused: Vec<&'static str>,
    /// Values that it reads.
    pub reads: Vec<usize>,
    /// The value that it makes.
    pub output: usize,
}

/// Tasks in the order of execution, and their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// Values; some are read by no task.
    pub values: Vec<ValueOutline>,
    /// Tasks.
    pub tasks: Vec<TaskOutline>,
    /// Values that the caller gives.
    pub inputs: Vec<usize>,
    /// Values that the caller gets.
    pub outputs: Vec<usize>,
}

/// Of a plan whose values have their places.
pub(crate) fn of(plan: &Plan, homes: &Homes) -> Outline {
    let root = |id: &ValueId| plan.root(*id).0;
    // A value without a name of its own has that of a tensor which it holds whole.
    let elements = |id: usize| plan.values[id].form.shape.iter().product::<usize>();
    let whole = plan.tensors.iter().filter(|(id, _)| elements(root(id)) == elements(id.0));
    let held: BTreeMap<usize, TensorId> = whole.map(|(id, &tensor)| (root(id), tensor)).collect();
    let values = plan.values.iter().enumerate().map(|(id, value)| {
        let home = homes.homes[plan.root(ValueId(id)).0];
        let constant = value.constant.is_some();
        ValueOutline {
            tensor: plan
                .tensors
                .get(&ValueId(id))
                .or_else(|| held.get(&id))
                .map(|tensor| plan.graph.tensor(*tensor).name.clone()),
            shape: value.form.shape.clone(),
            rows: value.rows(),
            spad: home.spad.map(|map| (map.base, map.rows())),
            dram: home.dram.map(|(region, row)| (region.name(), row)).or(constant.then_some(("const", 0))),
        }
    });
    let tasks = plan.tasks.iter().map(|task| TaskOutline {
        name: task.title(),
        op: task.op,
        fused: task.epilogue.iter().map(fused).collect(),
        reads: task.reads().map(|id| root(&id)).collect(),
        output: root(&task.output),
    });
    Outline {
        values: values.collect(),
        tasks: tasks.collect(),
        inputs: plan.inputs.iter().map(root).collect(),
        outputs: plan.outputs.iter().map(root).collect(),
    }
}

fn fused(epilogue: &Epilogue) -> &'static str {
    match epilogue {
        Epilogue::Add { .. } => "sum",
        Epilogue::Lut(_) => "table",
    }
}

/// The nodes of a model as the file has them, in an order of execution.
///
/// # Errors
/// As [`crate::compile`].
pub fn nodes(onnx: &[u8]) -> Result<Graph> {
    shapes::run(import::run(onnx)?)
}

//! Inputs and outputs: their description, and the inputs' way onto the chip.

use isa::program::{DType as HostDType, Element, Layout, Tensor};

use super::Lower;
use crate::error::{CompileError, Result};
use crate::graph::DType;
use crate::int_ir::Port;
use crate::plan::ValueId;

impl Lower<'_> {
    /// Describes the inputs, and brings those that live on chip there.
    pub(super) fn inputs(&mut self) -> Result<()> {
        for (port, &id) in self.plan.graph.inputs.iter().zip(&self.plan.inputs) {
            let tensor = self.describe(port, id)?;
            self.metadata.inputs.push(tensor);
        }
        Ok(())
    }

    /// Describes the outputs.
    pub(super) fn outputs(&mut self) -> Result<()> {
        for (port, &id) in self.plan.graph.outputs.iter().zip(&self.plan.outputs) {
            let tensor = self.describe(port, id)?;
            self.metadata.outputs.push(tensor);
        }
        Ok(())
    }

    fn describe(&self, port: &Port, id: ValueId) -> Result<Tensor> {
        let error = |reason: String| CompileError::node(&port.name, "Port", reason);
        let number = |v: u64| u32::try_from(v).map_err(|_| error(format!("a layout that needs the number {v}")));
        let (value, row) = (self.plan.value(id), self.home(id).dram.map_or(0, |(_, row)| row));
        let shape = self
            .plan
            .graph
            .tensor(port.tensor)
            .shape
            .iter()
            .map(|&d| number(d as u64))
            .collect::<Result<Vec<u32>>>()?;
        let tensor = self.plan.graph.tensor(port.tensor);
        let (dtype, scale, zero_point) = match (port.dtype, tensor.quantization) {
            (DType::F32, Some(q)) => (HostDType::Float32, q.scale, i32::from(q.zero_point_i8())),
            (DType::U8, _) => (HostDType::Uint8, 1.0, -128),
            (_, Some(_)) => (HostDType::Int8, 1.0, 0),
            (_, None) => (HostDType::Int32, 1.0, 0),
        };
        let (strides, element) = if let Some(strides) = &value.packed {
            (strides.clone(), Element::I8)
        } else if value.words {
            let mut strides = vec![4; shape.len()];
            for axis in (1..shape.len()).rev() {
                strides[axis - 1] = strides[axis] * u64::from(shape[axis]);
            }
            (strides, Element::I32)
        } else {
            (value.form.strides(), Element::I8)
        };
        let strides = strides.into_iter().map(number).collect::<Result<Vec<u32>>>()?;
        let layout = Layout { row: number(row)?, strides, element };
        Ok(Tensor { name: port.name.clone(), dtype, shape, scale, zero_point, layout })
    }
}

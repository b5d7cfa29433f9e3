//! Inputs and outputs: their layout in DRAM, and their way from and to it.

use isa::program::{DType as HostDType, Element, Layout, Tensor};
use isa::{LANES, Load, Move, Store, Subtree};

use super::text::{loops, operand, wide};
use super::{Emit, Emitter};
use crate::error::{CompileError, Result};
use crate::graph::DType;
use crate::int_ir::{IntGraph, Port, TensorId};
use crate::layout::{Lines, Map, Storage};

impl Emitter<'_> {
    /// Brings every input into spad: the first layer of the program.
    pub(super) fn inputs(&mut self) -> Result<()> {
        let (graph, placed) = (self.graph, self.placed);
        for (port, &staging) in graph.inputs.iter().zip(&placed.staging) {
            let error = |reason| CompileError::node(&port.name, "Input", reason);
            let before = self.text.steps();
            self.input(port, staging).map_err(error)?;
            self.outputs_of(port.tensor).map_err(error)?;
            let shape = graph.tensor(port.tensor).shape.clone();
            self.layer((port.name.clone(), "Input"), shape, 0, (before, 0)).map_err(error)?;
        }
        Ok(())
    }

    fn input(&mut self, port: &Port, staging: Option<u64>) -> Emit {
        let row = self.input_rows;
        match self.placed.storage(port.tensor) {
            Some(Storage::Map(map)) => {
                self.describe(port, row, &map_strides(self.graph, port.tensor, &map)?, true)?;
                self.ring(&map)?;
                let line = map.width as u64 * map.tiles();
                self.text.push(Load {
                    lp: loops(line, map.height as u64)?,
                    d: operand(map.line(0), 1, if map.height > 1 { map.pitch() } else { 0 })?,
                    m: wide(row, 1, if map.height > 1 { line } else { 0 })?,
                    region: Subtree::Input as u8,
                    space: false,
                })?;
                self.input_rows += line * map.height as u64;
            }
            Some(Storage::Lines(lines)) => {
                let line = lines.bare_pitch() * LANES as u64;
                let strides = [line * lines.height as u64, 1, line, lines.channels as u64];
                self.describe(port, row, &strides, true)?;
                self.lines(&lines, row, staging)?;
                self.input_rows += lines.bare_pitch() * lines.height as u64;
            }
            None => return Err("it was not placed".into()),
        }
        Ok(())
    }

    /// Loads packed lines; where they have padding at their ends, shifts them into lines that hold it.
    fn lines(&mut self, lines: &Lines, row: u64, staging: Option<u64>) -> Emit {
        let (height, bare, pitch) = (lines.height as u64, lines.bare_pitch(), lines.pitch());
        let top = lines.pads[0] as u64 * pitch;
        let Some(staging) = staging else {
            self.fill(lines.base, (top, 1, 0), lines.fill)?;
            self.load(Subtree::Input, row, lines.base + top, height * bare)?;
            return self.fill(lines.base + top + height * pitch, (lines.pads[2] as u64 * pitch, 1, 0), lines.fill);
        };
        self.load(Subtree::Input, row, staging, height * bare)?;
        self.fill(lines.base, (lines.rows(), 1, 0), lines.fill)?;
        let bytes = lines.width * lines.channels;
        let mut done = 0;
        while done < bytes {
            let at = lines.pads[1] * lines.channels + done;
            let n = (LANES - at % LANES).min(bytes - done);
            self.text.push(Move {
                lp: loops(height, 1)?,
                d: operand(lines.base + top + (at / LANES) as u64, pitch, 0)?,
                m: wide(staging * LANES as u64 + done as u64, bare * LANES as u64, 0)?,
                n: n as u8,
                offset: (at % LANES) as u8,
            })?;
            done += n;
        }
        Ok(())
    }

    /// Stores the outputs that lie in the place of a tensor, which has just been made.
    pub(super) fn outputs_of(&mut self, made: TensorId) -> Emit {
        let (graph, placed) = (self.graph, self.placed);
        for port in graph.outputs.iter().filter(|p| placed.root[p.tensor.0] == made) {
            let map = self.map(port.tensor)?;
            let row = self.output_rows;
            self.describe(port, row, &map_strides(graph, port.tensor, &map)?, false)?;
            let line = map.width as u64 * map.tiles();
            self.text.push(Store {
                lp: loops(line, map.height as u64)?,
                d: operand(map.line(0), 1, if map.height > 1 { map.pitch() } else { 0 })?,
                m: wide(row, 1, if map.height > 1 { line } else { 0 })?,
                region: Subtree::Output as u8,
                space: false,
            })?;
            self.output_rows += line * map.height as u64;
        }
        Ok(())
    }

    /// Adds the port to the program's tensors.
    fn describe(&mut self, port: &Port, row: u64, strides: &[u64], input: bool) -> Emit {
        let tensor = self.graph.tensor(port.tensor);
        let number = |v: u64| u32::try_from(v).map_err(|_| format!("a layout that needs the number {v}"));
        let q = tensor.quantization.ok_or("it holds sums")?;
        let (dtype, scale, zero_point) = match port.dtype {
            DType::F32 => (HostDType::Float32, q.scale, i32::from(q.zero_point_i8())),
            DType::U8 => (HostDType::Uint8, 1.0, -128),
            _ => (HostDType::Int8, 1.0, 0),
        };
        let strides = strides.iter().map(|&s| number(s)).collect::<Emit<Vec<u32>>>()?;
        let shape = tensor.shape.iter().map(|&d| number(d as u64)).collect::<Emit<Vec<u32>>>()?;
        let layout = Layout { row: number(row)?, strides, element: Element::I8 };
        let described = Tensor { name: port.name.clone(), dtype, shape, scale, zero_point, layout };
        if input {
            self.metadata.inputs.push(described);
        } else {
            self.metadata.outputs.push(described);
        }
        Ok(())
    }
}

/// Bytes from one index to the next, for a tensor whose map lies in DRAM without its ring.
fn map_strides(graph: &IntGraph, id: TensorId, map: &Map) -> Emit<Vec<u64>> {
    let shape = &graph.tensor(id).shape;
    let pixel = map.tiles() * LANES as u64;
    if shape[..] == [1, map.channels, map.height, map.width] {
        let line = pixel * map.width as u64;
        return Ok(vec![line * map.height as u64, 1, line, pixel]);
    }
    if map.height * map.width != 1 {
        return Err(format!("an output of shape {shape:?} that was reshaped from an image; this is not supported yet"));
    }
    // One pixel: the elements are consecutive bytes.
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis] as u64;
    }
    Ok(strides)
}

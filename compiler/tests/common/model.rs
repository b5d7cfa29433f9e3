//! Small Q/DQ models made on the spot, as ONNX bytes.

use std::cell::RefCell;

use rten_onnx::onnx::{
    AttributeProto, AttributeType, DataType, Dimension, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    TensorProto, TensorShapeProto, TypeProto, TypeProtoTensor, ValueInfoProto,
};

/// Whether activations are int8 or uint8.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Byte {
    Signed,
    Unsigned,
}

/// A model under construction.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) graph: GraphProto,
}

pub(crate) fn tensor(name: &str, shape: &[usize], data_type: DataType, raw: Vec<u8>) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        dims: shape.iter().map(|&d| d as i64).collect(),
        data_type: Some(data_type),
        raw_data: Some(RefCell::new(raw)),
        ..Default::default()
    }
}

pub(crate) fn ints(name: &str, ints: &[usize]) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        ints: ints.iter().map(|&i| i as i64).collect(),
        r#type: Some(AttributeType::INTS),
        ..Default::default()
    }
}

pub(crate) fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: Some(name.into()), i: Some(i), r#type: Some(AttributeType::INT), ..Default::default() }
}

pub(crate) fn float(name: &str, f: f32) -> AttributeProto {
    AttributeProto { name: Some(name.into()), f: Some(f), r#type: Some(AttributeType::FLOAT), ..Default::default() }
}

pub(crate) fn word(name: &str, s: &str) -> AttributeProto {
    let s = Some(s.to_string());
    AttributeProto { name: Some(name.into()), s, r#type: Some(AttributeType::STRING), ..Default::default() }
}

pub(crate) fn info(name: &str, shape: &[usize]) -> ValueInfoProto {
    let dim = shape.iter().map(|&d| Dimension { dim_value: Some(d as i64), ..Default::default() }).collect();
    let tensor_type = TypeProtoTensor { elem_type: Some(DataType::FLOAT), shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto {
        name: Some(name.into()),
        r#type: Some(TypeProto { tensor_type: Some(tensor_type), ..Default::default() }),
    }
}

impl Model {
    /// A model with the float input `x`.
    pub(crate) fn new(shape: &[usize]) -> Model {
        let mut model = Model::default();
        model.graph.input.push(info("x", shape));
        model
    }

    pub(crate) fn node(&mut self, op: &str, inputs: &[&str], attribute: Vec<AttributeProto>) -> String {
        let output = format!("v{}", self.graph.node.len());
        self.graph.node.push(NodeProto {
            name: Some(format!("{op} {}", self.graph.node.len())),
            op_type: Some(op.into()),
            input: inputs.iter().map(ToString::to_string).collect(),
            output: vec![output.clone()],
            attribute,
            ..Default::default()
        });
        output
    }

    fn constant(&mut self, shape: &[usize], data_type: DataType, raw: Vec<u8>) -> String {
        let name = format!("c{}", self.graph.initializer.len());
        self.graph.initializer.push(tensor(&name, shape, data_type, raw));
        name
    }

    pub(crate) fn f32s(&mut self, shape: &[usize], values: &[f32]) -> String {
        self.constant(shape, DataType::FLOAT, values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    pub(crate) fn i64s(&mut self, values: &[i64]) -> String {
        self.constant(&[values.len()], DataType::INT64, values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    /// `QuantizeLinear` then `DequantizeLinear`; `zero` is the i8 zero point.
    pub(crate) fn quantized(&mut self, x: &str, scale: f32, zero: i8, byte: Byte) -> String {
        let scale = self.f32s(&[], &[scale]);
        let zero = match byte {
            Byte::Signed => self.constant(&[], DataType::INT8, vec![zero.cast_unsigned()]),
            Byte::Unsigned => self.constant(&[], DataType::UINT8, vec![(i16::from(zero) + 128) as u8]),
        };
        let q = self.node("QuantizeLinear", &[x, &scale, &zero], vec![]);
        self.node("DequantizeLinear", &[&q, &scale, &zero], vec![])
    }

    /// Dequantised int8 weights with a scale for each index of `axis`.
    pub(crate) fn weights(&mut self, shape: &[usize], values: &[i8], scales: &[f32], axis: i64) -> String {
        let raw = values.iter().map(|v| v.cast_unsigned()).collect();
        let weights = self.constant(shape, DataType::INT8, raw);
        let scale = self.f32s(&[scales.len()], scales);
        self.node("DequantizeLinear", &[&weights, &scale], vec![int("axis", axis)])
    }

    /// A dequantised int32 bias.
    pub(crate) fn bias(&mut self, values: &[i32], scales: &[f32]) -> String {
        let raw = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let bias = self.constant(&[values.len()], DataType::INT32, raw);
        let scale = self.f32s(&[scales.len()], scales);
        self.node("DequantizeLinear", &[&bias, &scale], vec![int("axis", 0)])
    }

    /// The file's bytes, with this value as output `y`'s.
    pub(crate) fn bytes(&self, output: &str) -> Vec<u8> {
        let mut graph = self.graph.clone();
        graph.output.push(info(output, &[]));
        let opset = OperatorSetIdProto { domain: Some(String::new()), version: Some(18) };
        let model =
            ModelProto { ir_version: Some(8), graph: Some(graph), opset_import: vec![opset], ..Default::default() };
        model.write_buf().unwrap()
    }
}

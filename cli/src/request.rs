//! Requests: the arrays of a file as the inputs of a program, and its outputs as arrays.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use isa::Leaf;
use isa::program::{DType, Data, Element, Program, Tensor};
use isa::random::Rng;

use crate::npz::{self, Array, Values};

/// The requests in these arrays, as rows of `input`: one, or as many as the arrays have items along the first axis.
pub(crate) fn requests(program: &Program, arrays: &BTreeMap<String, Array>) -> Result<Vec<Vec<Leaf>>> {
    let inputs = &program.metadata.inputs;
    if inputs.is_empty() {
        return Ok(vec![Vec::new()]);
    }
    let mut columns: Vec<Vec<Data>> = Vec::new();
    for tensor in inputs {
        columns.push(items(tensor, arrays)?);
    }
    let count = columns[0].len();
    for (tensor, column) in inputs.iter().zip(&columns) {
        ensure!(
            column.len() == count,
            "input `{}` has {} items, `{}` has {count}",
            tensor.name,
            column.len(),
            inputs[0].name
        );
    }
    let row = |i: usize| columns.iter().map(|column| column[i].clone()).collect::<Vec<_>>();
    (0..count).map(|i| program.encode_inputs(&row(i)).with_context(|| format!("item {i}"))).collect()
}

/// A request of random values, the same for the same seed: any bytes, and words (indices, mostly) below 100.
pub(crate) fn random(program: &Program, seed: u64) -> Result<Vec<Leaf>> {
    let mut rng = Rng::new(seed);
    let mut values = |tensor: &Tensor| {
        let count = tensor.elements();
        let mut byte = || rng.below(256) as u8;
        match tensor.dtype {
            DType::Float32 if tensor.layout.element == Element::I32 => {
                Data::Float32((0..count).map(|_| tensor.dequantise(byte().into())).collect())
            }
            DType::Float32 => {
                Data::Float32((0..count).map(|_| tensor.dequantise(byte().cast_signed().into())).collect())
            }
            DType::Int8 => Data::Int8((0..count).map(|_| byte().cast_signed()).collect()),
            DType::Uint8 => Data::Uint8((0..count).map(|_| byte()).collect()),
            DType::Int32 => Data::Int32((0..count).map(|_| i32::from(byte() % 100)).collect()),
        }
    };
    let values: Vec<Data> = program.metadata.inputs.iter().map(&mut values).collect();
    Ok(program.encode_inputs(&values)?)
}

/// An array by the name of a tensor; the only array of an `.npy` has every name.
fn named<'a>(name: &str, arrays: &'a BTreeMap<String, Array>) -> Result<&'a Array> {
    arrays.get(name).or_else(|| arrays.get("")).with_context(|| {
        let names: Vec<&str> = arrays.keys().map(String::as_str).collect();
        format!("the model's input is `{name}`, the file has {}", names.join(", "))
    })
}

fn items(tensor: &Tensor, arrays: &BTreeMap<String, Array>) -> Result<Vec<Data>> {
    let array = named(&tensor.name, arrays)?;
    let Values::Data(data) = &array.values else {
        bail!("input `{}` is {:?} in the model, int64 in the file", tensor.name, tensor.dtype);
    };
    let shape: Vec<u64> = tensor.shape.iter().map(|&d| d.into()).collect();
    if data.dtype() != tensor.dtype {
        bail!("input `{}` is {:?} in the model, {:?} in the file", tensor.name, tensor.dtype, data.dtype());
    }
    if array.shape == shape {
        return Ok(vec![data.clone()]);
    }
    let batch = match (array.shape.split_first(), shape.split_first()) {
        (Some((&n, rest)), Some((1, one))) if rest == one && n > 0 => n,
        _ => bail!("input `{}` has shape {shape:?} in the model, {:?} in the file", tensor.name, array.shape),
    };
    Ok(npz::split(data, usize::try_from(batch)?))
}

/// The outputs of several runs as arrays, joined along the first axis.
pub(crate) fn outputs(program: &Program, runs: &[Vec<Data>]) -> Vec<(String, Array)> {
    let mut arrays = Vec::new();
    for (index, tensor) in program.metadata.outputs.iter().enumerate() {
        let pieces: Vec<&Data> = runs.iter().filter_map(|run| run.get(index)).collect();
        let mut shape: Vec<u64> = tensor.shape.iter().map(|&d| d.into()).collect();
        if pieces.len() > 1 {
            match shape.first_mut() {
                Some(first) => *first *= pieces.len() as u64,
                None => shape.push(pieces.len() as u64),
            }
        }
        if let Some(joined) = npz::join(&pieces) {
            arrays.push((tensor.name.clone(), Array { shape, values: Values::Data(joined) }));
        }
    }
    arrays
}

/// Index of the first largest value.
pub(crate) fn argmax(data: &Data) -> usize {
    fn first_largest<T: PartialOrd>(values: &[T]) -> usize {
        (1..values.len()).fold(0, |best, i| if values[i] > values[best] { i } else { best })
    }
    match data {
        Data::Float32(v) => first_largest(v),
        Data::Int8(v) => first_largest(v),
        Data::Uint8(v) => first_largest(v),
        Data::Int32(v) => first_largest(v),
    }
}

/// The largest difference from a reference of float32 values, in steps of the tensor's scale.
pub(crate) fn largest_lsb(tensor: &Tensor, ours: &Data, reference: &[f32]) -> Option<u32> {
    let Data::Float32(ours) = ours else { return None };
    let steps = ours.iter().zip(reference).map(|(a, b)| ((a - b) / tensor.scale).abs().round() as u32);
    (ours.len() == reference.len()).then(|| steps.max().unwrap_or(0))
}

//! Samples out of stacked arrays.

use std::collections::BTreeMap;

use ndarray::{ArrayD, Axis};

use super::Sample;
use crate::error::{CompileError, Result, printable};
use crate::graph::Constant;
use crate::import;

/// The samples that arrays hold, by the name of the model's inputs (the only array under the name `` has every name): one sample
/// in the model's shape, or many one after another along the first axis.
///
/// # Errors
/// A model that cannot be read; arrays that do not fit its inputs.
pub fn samples(onnx: &[u8], arrays: &BTreeMap<String, Constant>) -> Result<Vec<Sample>> {
    let graph = import::run(onnx)?;
    let mut out: Vec<Sample> = Vec::new();
    for (index, (name, value)) in graph.inputs.iter().enumerate() {
        let shown = printable(name);
        let Some(array) = arrays.get(name).or_else(|| arrays.get("")) else {
            return Err(CompileError::model(format!("the inputs to calibrate on have no `{shown}`")));
        };
        let Some(items) = items(array, &value.shape) else {
            let (given, wanted) = (array.shape(), &value.shape);
            let reason =
                format!("the inputs to calibrate on have `{shown}` of shape {given:?}; the model's is {wanted:?}");
            return Err(CompileError::model(reason));
        };
        if index == 0 {
            out = vec![Sample::new(); items.len()];
        }
        if items.len() != out.len() {
            let (count, first) = (items.len(), out.len());
            return Err(CompileError::model(format!(
                "`{shown}` has {count} items to calibrate on, another input {first}"
            )));
        }
        out.iter_mut().zip(items).for_each(|(sample, item)| drop(sample.insert(name.clone(), item)));
    }
    Ok(out)
}

/// The items of a stack, each in this shape.
fn items(array: &Constant, shape: &[usize]) -> Option<Vec<Constant>> {
    fn all<T: Clone>(a: &ArrayD<T>, shape: &[usize]) -> Option<Vec<ArrayD<T>>> {
        if a.shape() == shape {
            return Some(vec![a.clone()]);
        }
        let rest = a.shape().get(1..)?;
        if rest != shape && !(shape.first() == Some(&1) && rest == &shape[1..]) {
            return None;
        }
        let one =
            |item: ndarray::ArrayViewD<T>| item.as_standard_layout().into_owned().into_shape_with_order(shape).ok();
        a.axis_iter(Axis(0)).map(one).collect()
    }
    macro_rules! each {
        ($($variant:ident)*) => {
            match array {
                $(Constant::$variant(a) => Some(all(a, shape)?.into_iter().map(Constant::$variant).collect()),)*
            }
        };
    }
    each!(F32 I8 U8 I32 I64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks() {
        let stack = |shape: &[usize]| Constant::F32(ArrayD::zeros(shape));
        let count = |shape: &[usize]| items(&stack(shape), &[1, 2, 3]).map(|i| i.len());
        assert_eq!(count(&[1, 2, 3]), Some(1));
        assert_eq!(count(&[5, 2, 3]), Some(5));
        assert_eq!(count(&[4, 1, 2, 3]), Some(4));
        assert_eq!(count(&[5, 3, 2]), None);
        assert_eq!(count(&[]), None);
    }
}

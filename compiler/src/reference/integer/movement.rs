//! Elements in another order or shape.

use ndarray::{Array2, ArrayD, Axis, Slice};

pub(super) fn reshape(x: &ArrayD<i32>, shape: &[usize]) -> ArrayD<i32> {
    x.as_standard_layout().into_owned().into_shape_with_order(shape).expect("as many elements")
}

pub(super) fn concat(operands: &[&ArrayD<i32>], axis: usize, shape: &[usize]) -> ArrayD<i32> {
    let mut out = ArrayD::zeros(shape);
    let mut start = 0;
    for operand in operands {
        let end = start + operand.shape()[axis];
        out.slice_axis_mut(Axis(axis), Slice::from(start..end)).assign(operand);
        start = end;
    }
    out
}

pub(super) fn pad(x: &ArrayD<i32>, before: &[usize], value: i32, shape: &[usize]) -> ArrayD<i32> {
    let mut out = ArrayD::from_elem(shape, value);
    let mut inside = out.view_mut();
    for (axis, &first) in before.iter().enumerate() {
        inside.slice_axis_inplace(Axis(axis), Slice::from(first..first + x.shape()[axis]));
    }
    inside.assign(x);
    out
}

pub(super) fn dilate(x: &ArrayD<i32>, strides: [usize; 2], value: i32, shape: &[usize]) -> ArrayD<i32> {
    let mut out = ArrayD::from_elem(shape, value);
    for (at, &v) in x.indexed_iter() {
        out[[at[0], at[1], at[2] * strides[0], at[3] * strides[1]]] = v;
    }
    out
}

pub(super) fn lookup(x: &ArrayD<i32>, table: &Array2<i8>, shape: &[usize]) -> ArrayD<i32> {
    let last = table.nrows() - 1;
    let rows = x.iter().flat_map(|&i| table.row((i.cast_unsigned() as usize).min(last)).into_iter().copied());
    ArrayD::from_shape_vec(shape, rows.map(i32::from).collect()).expect("as many elements as the shape says")
}

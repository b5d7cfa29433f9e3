//! Elements in another order, shape or type.

use ndarray::{ArrayD, Axis, Slice};

use crate::graph::{Constant, DType};
use crate::shapes::movement::{Move, Moves};

/// The same for every element type.
macro_rules! map {
    ($constant:expr, $a:ident => $e:expr) => {
        match $constant {
            Constant::F32($a) => Constant::F32($e),
            Constant::I8($a) => Constant::I8($e),
            Constant::U8($a) => Constant::U8($e),
            Constant::I32($a) => Constant::I32($e),
            Constant::I64($a) => Constant::I64($e),
        }
    };
}

pub(crate) fn apply(x: &Constant, moves: &Moves) -> Constant {
    map!(x, a => all(a, moves))
}

fn all<T: Clone + FromReal>(x: &ArrayD<T>, moves: &Moves) -> ArrayD<T> {
    let mut out = x.clone();
    for step in &moves.steps {
        out = match step {
            Move::Select { axis, indices } => out.select(Axis(*axis), indices),
            Move::Reshape(shape) => reshape(out, shape),
            Move::Transpose(perm) => out.permuted_axes(perm.clone()).as_standard_layout().into_owned(),
            Move::Pad { before, .. } => {
                let mut framed = ArrayD::from_elem(step.shape(out.shape()), T::from_real(moves.pad));
                let mut inside = framed.view_mut();
                for (axis, &first) in before.iter().enumerate() {
                    inside.slice_axis_inplace(Axis(axis), Slice::from(first..first + out.shape()[axis]));
                }
                inside.assign(&out);
                framed
            }
        };
    }
    reshape(out, &moves.shape)
}

/// The same elements in row-major order.
fn reshape<T: Clone>(x: ArrayD<T>, shape: &[usize]) -> ArrayD<T> {
    x.as_standard_layout().into_owned().into_shape_with_order(shape).expect("as many elements")
}

/// What a frame of a real is in another type.
trait FromReal {
    fn from_real(value: f32) -> Self;
}

macro_rules! from_real {
    ($($t:ty)*) => { $(impl FromReal for $t {
        fn from_real(value: f32) -> Self {
            value as $t
        }
    })* };
}

from_real!(f32 i8 u8 i32 i64);

pub(super) fn cast(x: &Constant, to: DType) -> Constant {
    match (x, to) {
        (x, to) if x.dtype() == to => x.clone(),
        (Constant::F32(a), DType::I64) => Constant::I64(a.mapv(|v| v as i64)),
        (Constant::F32(a), DType::I32) => Constant::I32(a.mapv(|v| v as i32)),
        (Constant::F32(a), DType::I8) => Constant::I8(a.mapv(|v| v as i8)),
        (Constant::F32(a), DType::U8) => Constant::U8(a.mapv(|v| v as u8)),
        (x, DType::F32) => Constant::F32(x.reals()),
        (x, to) => {
            let wide = x.integers().unwrap_or_else(|| ArrayD::zeros(x.shape()));
            match to {
                DType::I8 => Constant::I8(wide.mapv(|v| v as i8)),
                DType::U8 => Constant::U8(wide.mapv(|v| v as u8)),
                DType::I32 => Constant::I32(wide.mapv(|v| v as i32)),
                _ => Constant::I64(wide),
            }
        }
    }
}

/// One after another; all have one type.
pub(super) fn concat<'a>(operands: impl Iterator<Item = &'a Constant>, axis: usize) -> Result<Constant, String> {
    let operands: Vec<&Constant> = operands.collect();
    let first = *operands.first().ok_or("nothing to join")?;
    macro_rules! join {
        ($variant:ident) => {{
            let views: Option<Vec<_>> =
                operands.iter().map(|c| if let Constant::$variant(a) = c { Some(a.view()) } else { None }).collect();
            let views = views.ok_or("its inputs differ in type")?;
            ndarray::concatenate(Axis(axis), &views).map(Constant::$variant).map_err(|e| e.to_string())
        }};
    }
    match first {
        Constant::F32(_) => join!(F32),
        Constant::I8(_) => join!(I8),
        Constant::U8(_) => join!(U8),
        Constant::I32(_) => join!(I32),
        Constant::I64(_) => join!(I64),
    }
}

/// Elements by index, negative ones from the end.
pub(super) fn gather(x: &Constant, axis: usize, indices: &ArrayD<i64>) -> Result<Constant, String> {
    let size = x.shape()[axis];
    let chosen: Vec<usize> =
        indices.iter().map(|&i| if i < 0 { (i + size as i64) as usize } else { i as usize }).collect();
    if let Some(bad) = chosen.iter().find(|&&i| i >= size) {
        return Err(format!("index {bad} of {size}"));
    }
    let shape = [&x.shape()[..axis], indices.shape(), &x.shape()[axis + 1..]].concat();
    let step = Moves { steps: vec![Move::Select { axis, indices: chosen }], shape, pad: 0.0 };
    Ok(apply(x, &step))
}

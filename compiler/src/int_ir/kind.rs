//! The operations, each with its exact meaning in integers.

use ndarray::{Array2, Array4, ArrayD};

use super::parameters::{Addition, AveragePool, IntWindow, LinearAxis, PRelu, Requant};
use crate::idiom::data::Quant;
use crate::idiom::norm::Norm;

/// An operation. Shapes are those of the tensors it reads and writes; *channel* is axis 1 of [`IntKind::Conv`], the last axis
/// of [`IntKind::Dense`] and [`IntKind::MatMul`]. Sums are i32 modulo 2³²; the compiler has excluded that they wrap, so the order of summation is free.
#[derive(Clone, Debug, PartialEq)]
pub enum IntKind {
    /// Values that are part of the model. Reads nothing.
    Constant(ArrayD<i8>),

    // Products.
    /// Σ weights · input over the window, NCHW, requantised by channel. Output channel o reads the input channels of its group:
    /// `(o / (out / groups)) · (in / groups) ..+ in / groups`. Depthwise: groups = in.
    Conv {
        /// Out, in / groups, height, width.
        weights: Array4<i8>,
        /// Divides both numbers of channels.
        groups: usize,
        /// Window.
        window: IntWindow,
        /// What padding reads: the input's zero point.
        pad_value: i8,
        /// By output channel.
        requant: Requant,
    },
    /// input · weights over the last axis of an input of any rank, requantised by channel.
    Dense {
        /// In, out.
        weights: Array2<i8>,
        /// By output channel.
        requant: Requant,
    },
    /// The matrix product of the last two axes of two tensors, `Σ_k (a[i,k] − zeros[0]) · (b[k,j] − zeros[1])`, requantised; the
    /// axes before them broadcast as in numpy.
    MatMul {
        /// Zero points of a and b.
        zeros: [i8; 2],
        /// By column, or one for all.
        requant: Requant,
    },

    // Elementwise.
    /// Bounds.
    Clamp {
        /// Least.
        lo: i8,
        /// Greatest.
        hi: i8,
    },
    /// `table[x + 128]`: any function of one i8.
    Lut(Box<[i8; 256]>),
    /// A sum or difference of two tensors; they broadcast as in numpy.
    Add(Addition),
    /// `(a − zeros[0]) · (b − zeros[1])`, requantised; they broadcast as in numpy.
    Mul {
        /// Zero points of a and b.
        zeros: [i8; 2],
        /// One for all.
        requant: Requant,
    },
    /// A slope a channel for negative numbers.
    PRelu(PRelu),

    // Windows and reductions.
    /// Maximum over windows; padding reads −128. NCHW.
    MaxPool(IntWindow),
    /// Average over windows, NCHW.
    AveragePool(AveragePool),
    /// The sum over axes, requantised: `requant` holds −(number of elements) · zero point and divides. The axes are gone from
    /// the output's shape, or 1 in it.
    Mean {
        /// Ascending.
        axes: Vec<usize>,
        /// One for all.
        requant: Requant,
    },
    /// The index of the largest element along an axis, i32; of equals the first, or the last. The axis is gone from the output's
    /// shape, or 1 in it.
    ArgMax {
        /// The axis.
        axis: usize,
        /// Of equals the last.
        last: bool,
    },

    // Rows.
    /// e^(scale·x) over its sum along the last axis: exactly what [`crate::idiom::softmax::Softmax::emit_bytes`] computes of a row
    /// of as many columns.
    Softmax {
        /// Real value of one step of the input.
        scale: f64,
        /// How the result is written.
        to: Quant,
    },
    /// Layer norm or RMS norm along the last axis: exactly what [`Norm::emit`] computes; its `tokens` is 1 here.
    Norm(Box<Norm>),

    // Choice and movement: the quantisation is that of the input.
    /// Rows of a table by i32 index: `[..]` to `[.., columns]`. An index that is, unsigned, not below the number of rows reads
    /// the last row, as `GATHER` does.
    Lookup {
        /// Rows, columns.
        table: Array2<i8>,
    },
    /// `Σ weights · (input − zero)` over the taps of all axes, requantised; shift and bias take the weights' fraction bits and the
    /// zero point along: the sum of raw i8 is `Σ weights · input` and the bias −2^(6·axes) · zero point.
    ResizeLinear {
        /// One or more axes, ascending.
        axes: Vec<LinearAxis>,
        /// One for all.
        requant: Requant,
    },
    /// The same elements in row-major order, another shape.
    Reshape,
    /// Axis i of the output is axis `perm[i]` of the input.
    Transpose {
        /// A permutation.
        perm: Vec<usize>,
    },
    /// All inputs one after another along an axis; all have the same quantisation.
    Concat {
        /// The axis.
        axis: usize,
    },
    /// A contiguous part along one axis, as long as the output's shape says.
    Slice {
        /// The axis.
        axis: usize,
        /// First index.
        start: usize,
    },
    /// `output[.., i, ..] = input[.., indices[i], ..]` along one axis: strided slices, nearest resizing, reflection, tiling,
    /// constant indices.
    Select {
        /// The axis.
        axis: usize,
        /// For each index of the output, one of the input.
        indices: Vec<usize>,
    },
    /// A frame of one value.
    Pad {
        /// Before each axis; what comes after follows from the shapes.
        before: Vec<usize>,
        /// What it holds.
        value: i8,
    },
    /// Pixels apart: `output[n, c, y·strides[0], x·strides[1]] = input[n, c, y, x]`, the rest is `value`. NCHW.
    Dilate {
        /// Down and right.
        strides: [usize; 2],
        /// What lies between: the zero point.
        value: i8,
    },
}

impl IntKind {
    /// Bounds of the result, where the operation has some.
    pub fn bounds_mut(&mut self) -> Option<(&mut i8, &mut i8)> {
        match self {
            IntKind::Clamp { lo, hi }
            | IntKind::Add(Addition { lo, hi, .. })
            | IntKind::PRelu(PRelu { lo, hi, .. })
            | IntKind::AveragePool(AveragePool { lo, hi, .. }) => Some((lo, hi)),
            IntKind::Conv { requant, .. }
            | IntKind::Dense { requant, .. }
            | IntKind::MatMul { requant, .. }
            | IntKind::Mul { requant, .. }
            | IntKind::Mean { requant, .. }
            | IntKind::ResizeLinear { requant, .. } => Some((&mut requant.lo, &mut requant.hi)),
            _ => None,
        }
    }

    /// As [`IntKind::bounds_mut`].
    #[must_use]
    pub fn bounds(&self) -> Option<(i8, i8)> {
        match self {
            IntKind::Clamp { lo, hi }
            | IntKind::Add(Addition { lo, hi, .. })
            | IntKind::PRelu(PRelu { lo, hi, .. })
            | IntKind::AveragePool(AveragePool { lo, hi, .. }) => Some((*lo, *hi)),
            IntKind::Conv { requant, .. }
            | IntKind::Dense { requant, .. }
            | IntKind::MatMul { requant, .. }
            | IntKind::Mul { requant, .. }
            | IntKind::Mean { requant, .. }
            | IntKind::ResizeLinear { requant, .. } => Some((requant.lo, requant.hi)),
            _ => None,
        }
    }

    /// Whether the result holds elements of the inputs only, so that a clamp may come before it as well as after.
    #[must_use]
    pub fn moves(&self) -> bool {
        matches!(
            self,
            IntKind::MaxPool(_)
                | IntKind::Reshape
                | IntKind::Transpose { .. }
                | IntKind::Slice { .. }
                | IntKind::Select { .. }
        )
    }
}

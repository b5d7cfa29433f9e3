//! The graph IR: an ONNX graph after import, with typed operators.

use std::collections::BTreeMap;

use ndarray::ArrayD;

use crate::error::CompileError;
use crate::ops::Op;

/// Element type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DType {
    /// 32-bit float.
    F32,
    /// Signed byte.
    I8,
    /// Unsigned byte.
    U8,
    /// 32-bit signed.
    I32,
    /// 64-bit signed.
    I64,
}

impl DType {
    /// Whether it is what shapes and indices are of.
    #[must_use]
    pub fn is_index(self) -> bool {
        matches!(self, DType::I32 | DType::I64)
    }

    /// numpy's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            DType::F32 => "float32",
            DType::I8 => "int8",
            DType::U8 => "uint8",
            DType::I32 => "int32",
            DType::I64 => "int64",
        }
    }
}

/// A tensor with its elements.
#[derive(Clone, Debug, PartialEq)]
pub enum Constant {
    /// float32
    F32(ArrayD<f32>),
    /// int8
    I8(ArrayD<i8>),
    /// uint8
    U8(ArrayD<u8>),
    /// int32
    I32(ArrayD<i32>),
    /// int64
    I64(ArrayD<i64>),
}

impl Constant {
    /// Element type.
    #[must_use]
    pub fn dtype(&self) -> DType {
        match self {
            Constant::F32(_) => DType::F32,
            Constant::I8(_) => DType::I8,
            Constant::U8(_) => DType::U8,
            Constant::I32(_) => DType::I32,
            Constant::I64(_) => DType::I64,
        }
    }

    /// Shape.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        match self {
            Constant::F32(a) => a.shape(),
            Constant::I8(a) => a.shape(),
            Constant::U8(a) => a.shape(),
            Constant::I32(a) => a.shape(),
            Constant::I64(a) => a.shape(),
        }
    }

    /// The elements of an integer tensor, widened.
    #[must_use]
    pub fn integers(&self) -> Option<ArrayD<i64>> {
        match self {
            Constant::F32(_) => None,
            Constant::I8(a) => Some(a.mapv(i64::from)),
            Constant::U8(a) => Some(a.mapv(i64::from)),
            Constant::I32(a) => Some(a.mapv(i64::from)),
            Constant::I64(a) => Some(a.clone()),
        }
    }
}

macro_rules! from_vec {
    ($($name:ident $variant:ident $t:ty;)*) => { $(
        /// A tensor of these elements in row-major order; `None` if they are not as many as the shape says.
        #[must_use]
        pub fn $name(shape: &[usize], values: Vec<$t>) -> Option<Constant> {
            ArrayD::from_shape_vec(shape, values).ok().map(Constant::$variant)
        }
    )* };
}

impl Constant {
    from_vec! {
        f32s F32 f32;
        i8s I8 i8;
        u8s U8 u8;
        i32s I32 i32;
        i64s I64 i64;
    }

    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape().iter().product()
    }

    /// Whether it has no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements as float32.
    #[must_use]
    pub fn reals(&self) -> ArrayD<f32> {
        match self {
            Constant::F32(a) => a.clone(),
            Constant::I8(a) => a.mapv(f32::from),
            Constant::U8(a) => a.mapv(f32::from),
            Constant::I32(a) => a.mapv(|v| v as f32),
            Constant::I64(a) => a.mapv(|v| v as f32),
        }
    }
}

/// Shape and element type of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueType {
    /// Element type.
    pub dtype: DType,
    /// Shape; every dimension is at least 1.
    pub shape: Vec<usize>,
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Name in the file, or `op#position`.
    pub name: String,
    /// The operator and its attributes.
    pub op: Op,
    /// Names of the inputs; empty for an optional one that is absent.
    pub inputs: Vec<String>,
    /// Name of the output.
    pub output: String,
    /// Its attributes as the file has them, for messages.
    pub attributes: String,
}

impl Node {
    /// The error that this node cannot be compiled: its name, operator, attributes and the reason.
    pub(crate) fn error(&self, reason: impl Into<String>) -> CompileError {
        let op = self.op.name();
        match self.attributes.as_str() {
            "" => CompileError::node(&self.name, op, reason),
            attributes => CompileError::node(&self.name, &format!("{op}: {attributes}"), reason),
        }
    }

    /// A node that stands for a value that none of this name makes.
    pub(crate) fn nameless(output: &str) -> Node {
        let (name, output) = (output.to_string(), output.to_string());
        Node { name, op: Op::Identity, inputs: vec![], output, attributes: String::new() }
    }

    /// Whether an optional input is given.
    pub(crate) fn has(&self, index: usize) -> bool {
        self.inputs.get(index).is_some_and(|name| !name.is_empty())
    }
}

/// A graph. Values are named; each name is an input, a constant, or the output of one node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    /// Inputs that the caller gives, with their declared types.
    pub inputs: Vec<(String, ValueType)>,
    /// Outputs.
    pub outputs: Vec<String>,
    /// Operations; in an order of execution after [`crate::shapes::run`].
    pub nodes: Vec<Node>,
    /// Weights and parameters.
    pub constants: BTreeMap<String, Constant>,
    /// Types of all values, known after [`crate::shapes::run`].
    pub types: BTreeMap<String, ValueType>,
}

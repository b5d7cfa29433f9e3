//! The program file, `program.sys`.
//!
//! ```text
//! "SYSTOLE\0"   8 bytes
//! version       u32, big-endian like everything here
//! head          4 leaves
//! metadata      u32 length, then JSON (inputs, outputs, layers)
//! text, const   u32 rows each, then the rows of text, then those of const
//! checksum      SHA-256 of everything before
//! ```
//!
//! A reader checks before it trusts: lengths against the file's, sizes against the profile, `ISA_HASH` and the
//! metadata's hash against the head, every tensor against its region. Nothing is allocated beyond the file's own size.

mod tensor;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::hash::ISA_HASH;
use crate::profile::Profile;
use crate::state::Subtree;
use crate::word::{LANES, Leaf, ZERO};
pub use tensor::{DType, Data, Element, Layout, Tensor, TensorError};

const MAGIC: &[u8; 8] = b"SYSTOLE\0";
const VERSION: u32 = 1;

/// A compiled model.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// Sizes and step limit.
    pub profile: Profile,
    /// Names, shapes, layouts, layers.
    pub metadata: Metadata,
    /// Instructions.
    pub text: Vec<Leaf>,
    /// Weights, parameters, tables.
    pub constant: Vec<Leaf>,
}

/// What a program says of itself; its hash is in the head.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// The model's name.
    pub name: String,
    /// Tensors of the request.
    pub inputs: Vec<Tensor>,
    /// Tensors of the result.
    pub outputs: Vec<Tensor>,
    /// Layers in the order of their marks.
    pub layers: Vec<Layer>,
}

/// A stretch of the program that ends at a `MARK`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// The number in the `MARK` that ends it.
    pub mark: u32,
    /// Name of the ONNX node.
    pub name: String,
    /// Operator.
    pub op: String,
    /// Shape of its output.
    pub shape: Vec<u32>,
    /// Multiply-accumulates of the model (not of its padding).
    pub macs: u64,
}

/// Why a file is no program for this machine.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ProgramError {
    /// Not our file.
    #[error("not a Systole program: the file does not begin with \"SYSTOLE\"")]
    Magic,
    /// A file of another version.
    #[error("program file version {found}, this build reads version {VERSION}")]
    Version {
        /// In the file.
        found: u32,
    },
    /// Too short.
    #[error("truncated program: {what} needs {need} bytes, {have} are left")]
    Truncated {
        /// The part that does not fit.
        what: &'static str,
        /// Bytes it needs.
        need: u64,
        /// Bytes left.
        have: usize,
    },
    /// Too long.
    #[error("{0} bytes after the end of the program")]
    Trailing(usize),
    /// Compiled for another ISA.
    #[error("the program was compiled for another ISA ({found}…, this build has {ours}…): compile the model again")]
    Isa {
        /// First digits of the hash in the file.
        found: String,
        /// First digits of [`ISA_HASH`].
        ours: String,
    },
    /// Parts that do not belong together.
    #[error("altered program: {0}")]
    Altered(&'static str),
    /// Metadata that does not parse.
    #[error("altered program: metadata: {0}")]
    Metadata(String),
    /// More rows than the profile allows.
    #[error("{what} has {rows} rows, its profile allows 2^{log2}")]
    TooLarge {
        /// Region.
        what: &'static str,
        /// Rows.
        rows: u64,
        /// log₂ of the limit.
        log2: u8,
    },
    /// A tensor outside its region, or of absurd shape.
    #[error(transparent)]
    Tensor(#[from] TensorError),
}

impl Program {
    /// The four leaves of `head`.
    #[must_use]
    pub fn head(&self) -> [Leaf; 4] {
        [ISA_HASH, self.profile.to_leaf(), Sha256::digest(self.metadata_json()).into(), ZERO]
    }

    fn metadata_json(&self) -> Vec<u8> {
        // Strings, numbers and lists always serialise.
        serde_json::to_vec(&self.metadata).unwrap_or_default()
    }

    /// The file's bytes.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let metadata = self.metadata_json();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes();
        let mut out = MAGIC.to_vec();
        out.extend(VERSION.to_be_bytes());
        out.extend(self.head().as_flattened());
        out.extend(count(metadata.len()));
        out.extend(metadata);
        out.extend(count(self.text.len()));
        out.extend(count(self.constant.len()));
        out.extend(self.text.as_flattened());
        out.extend(self.constant.as_flattened());
        out.extend(Sha256::digest(&out));
        out
    }

    /// Reads a file's bytes.
    ///
    /// # Errors
    /// Whatever is not exactly what [`Program::write`] writes for a valid program.
    pub fn read(bytes: &[u8]) -> Result<Program, ProgramError> {
        let mut cursor = Cursor(bytes);
        if cursor.take("the magic number", 8).ok() != Some(MAGIC) {
            return Err(ProgramError::Magic);
        }
        let found = cursor.number("the version")?;
        if found != VERSION {
            return Err(ProgramError::Version { found });
        }
        let head = cursor.rows("the head", 4)?;
        if head[0] != ISA_HASH {
            let digits = |leaf: &Leaf| leaf[..4].iter().map(|b| format!("{b:02x}")).collect();
            return Err(ProgramError::Isa { found: digits(&head[0]), ours: digits(&ISA_HASH) });
        }
        let profile = Profile::from_leaf(&head[1]).map_err(|_| ProgramError::Altered("invalid profile"))?;
        let length = cursor.number("the length of the metadata")?;
        let json = cursor.take("the metadata", length.into())?;
        let metadata: Metadata = serde_json::from_slice(json).map_err(|e| ProgramError::Metadata(e.to_string()))?;
        let (text, constant) = (cursor.number("the rows of text")?, cursor.number("the rows of const")?);
        let text = cursor.rows("text", text)?.to_vec();
        let constant = cursor.rows("const", constant)?.to_vec();
        let body = &bytes[..bytes.len() - cursor.0.len()];
        let checksum = cursor.rows("the checksum", 1)?[0];
        if !cursor.0.is_empty() {
            return Err(ProgramError::Trailing(cursor.0.len()));
        }
        if Sha256::digest(body)[..] != checksum {
            return Err(ProgramError::Altered("the checksum does not match"));
        }
        let program = Program { profile, metadata, text, constant };
        program.check()?;
        if program.head()[..] != head[..] {
            return Err(ProgramError::Altered("the head is not that of this metadata"));
        }
        Ok(program)
    }

    /// What a compiler must have kept and a reader must find.
    ///
    /// # Errors
    /// Regions or tensors beyond the profile's sizes.
    pub fn check(&self) -> Result<(), ProgramError> {
        for (what, rows, log2) in
            [("text", self.text.len(), self.profile.text), ("const", self.constant.len(), self.profile.constant)]
        {
            let rows = rows as u64;
            if rows > 1 << log2 {
                return Err(ProgramError::TooLarge { what, rows, log2 });
            }
        }
        for (tensors, tree) in [(&self.metadata.inputs, Subtree::Input), (&self.metadata.outputs, Subtree::Output)] {
            for tensor in tensors {
                tensor.check(self.profile.depth(tree))?;
            }
        }
        Ok(())
    }

    /// The rows of `input` for these values, one for each tensor of [`Metadata::inputs`], in that order.
    ///
    /// # Errors
    /// Wrong number of tensors, wrong dtype or shape, a value that cannot be quantised.
    pub fn encode_inputs(&self, values: &[Data]) -> Result<Vec<Leaf>, TensorError> {
        if values.len() != self.metadata.inputs.len() {
            return Err(TensorError::Number { want: self.metadata.inputs.len(), have: values.len() });
        }
        let mut rows = Vec::new();
        for (tensor, values) in self.metadata.inputs.iter().zip(values) {
            tensor.encode(values, &mut rows)?;
        }
        Ok(rows)
    }

    /// The values of each tensor of [`Metadata::outputs`] in the leaves that `leaf(row)` gives.
    pub fn decode_outputs(&self, leaf: impl Fn(u64) -> Leaf) -> Vec<Data> {
        self.metadata.outputs.iter().map(|tensor| tensor.decode(&leaf)).collect()
    }
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, what: &'static str, need: u64) -> Result<&'a [u8], ProgramError> {
        let truncated = ProgramError::Truncated { what, need, have: self.0.len() };
        let need = usize::try_from(need).map_err(|_| truncated.clone())?;
        let (taken, rest) = self.0.split_at_checked(need).ok_or(truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self, what: &'static str) -> Result<u32, ProgramError> {
        Ok(self.take(what, 4)?.iter().fold(0, |acc, &byte| acc << 8 | u32::from(byte)))
    }

    fn rows(&mut self, what: &'static str, rows: u32) -> Result<&'a [Leaf], ProgramError> {
        Ok(self.take(what, u64::from(rows) * LANES as u64)?.as_chunks().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program() -> Program {
        let tensor = Tensor {
            name: "x".into(),
            dtype: DType::Float32,
            shape: vec![1, 3, 40],
            scale: 0.1,
            zero_point: -3,
            layout: Layout { row: 1, strides: vec![0, 64, 1], element: Element::I8 },
        };
        Program {
            profile: Profile { limit: 10, text: 1, constant: 2, input: 3, work: 0, output: 3, spad: 5, acc: 1 },
            metadata: Metadata {
                name: "m".into(),
                inputs: vec![tensor.clone()],
                outputs: vec![tensor],
                layers: vec![],
            },
            text: vec![[1; 32]; 2],
            constant: vec![[2; 32]; 3],
        }
    }

    #[test]
    fn write_then_read() {
        assert_eq!(Program::read(&program().write()), Ok(program()));
    }

    #[test]
    fn every_truncation_and_every_altered_byte_is_refused() {
        let bytes = program().write();
        for len in 0..bytes.len() {
            assert!(Program::read(&bytes[..len]).is_err(), "length {len}");
        }
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            assert!(Program::read(&altered).is_err(), "byte {at}");
        }
        assert_eq!(Program::read(&[&bytes[..], &[0]].concat()), Err(ProgramError::Trailing(1)));
    }

    #[test]
    fn tensors_beyond_their_region_are_refused() {
        let mut program = program();
        program.metadata.outputs[0].layout.row = 4;
        assert_eq!(
            Program::read(&program.write()).unwrap_err().to_string(),
            "tensor `x`: its last byte is in row 9, its region has 2^3 rows"
        );
    }
}

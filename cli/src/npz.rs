//! NumPy archives: arrays by name, in and out.
//!
//! An archive is read into memory entry by entry up to a bound, and a header is believed only as far as its bytes go:
//! a small file cannot ask for a large allocation.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use isa::program::{DType, Data};
use npyz::{Deserialize, NpyFile, WriterBuilder};

/// Most bytes that one array may have.
const MAX_ARRAY_BYTES: u64 = 1 << 32;

/// An array: shape and row-major values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Array {
    pub(crate) shape: Vec<u64>,
    pub(crate) values: Values,
}

/// Values of the dtypes that models and their data sets have.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Values {
    Data(Data),
    /// Labels.
    Int64(Vec<i64>),
}

/// The arrays of an `.npz`, or the one of an `.npy` under the name ``.
pub(crate) fn read(path: &Path) -> Result<BTreeMap<String, Array>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&bytes).with_context(|| format!("{} is not a usable NumPy file", path.display()))
}

/// As [`read`], from bytes.
pub(crate) fn parse(bytes: &[u8]) -> Result<BTreeMap<String, Array>> {
    if bytes.starts_with(b"\x93NUMPY") {
        return Ok(BTreeMap::from([(String::new(), array(bytes)?)]));
    }
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).context("neither an .npz archive nor an .npy array")?;
    let mut arrays = BTreeMap::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let name = entry.name().trim_end_matches(".npy").to_string();
        let mut content = Vec::new();
        entry.by_ref().take(MAX_ARRAY_BYTES + 1).read_to_end(&mut content)?;
        ensure!(content.len() as u64 <= MAX_ARRAY_BYTES, "array `{name}` has more than {MAX_ARRAY_BYTES} bytes");
        arrays.insert(name.clone(), array(&content).with_context(|| format!("array `{name}`"))?);
    }
    Ok(arrays)
}

fn array(bytes: &[u8]) -> Result<Array> {
    let file = NpyFile::new(bytes)?;
    let shape = file.shape().to_vec();
    ensure!(
        file.order() == npyz::Order::C || shape.len() < 2,
        "it is in Fortran order: save np.ascontiguousarray of it"
    );
    let elements = shape.iter().try_fold(1u64, |n, &d| n.checked_mul(d));
    let elements = elements.filter(|&n| n <= bytes.len() as u64);
    ensure!(elements.is_some(), "shape {shape:?} has more elements than the file has bytes");
    let npyz::DType::Plain(kind) = file.dtype() else { bail!("it is a structured array") };
    let values = match kind.to_string().trim_start_matches(['<', '|', '=']) {
        "f4" => Values::Data(Data::Float32(vector(file)?)),
        "i1" => Values::Data(Data::Int8(vector(file)?)),
        "u1" => Values::Data(Data::Uint8(vector(file)?)),
        "i4" => Values::Data(Data::Int32(vector(file)?)),
        "i8" => Values::Int64(vector(file)?),
        other => bail!("its dtype is {other}; usable are float32, int8, uint8, int32 (and int64 for labels)"),
    };
    Ok(Array { shape, values })
}

fn vector<T: Deserialize>(file: NpyFile<&[u8]>) -> Result<Vec<T>> {
    file.into_vec().context("truncated array")
}

/// Writes an archive.
pub(crate) fn write(path: &Path, arrays: &[(String, Array)]) -> Result<()> {
    let file = std::fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut archive = zip::ZipWriter::new(file);
    for (name, array) in arrays {
        archive.start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::default())?;
        archive.write_all(&npy(array)?)?;
    }
    archive.finish()?;
    Ok(())
}

fn npy(array: &Array) -> Result<Vec<u8>> {
    fn put<T: npyz::AutoSerialize + Copy>(shape: &[u64], values: &[T]) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        let mut writer = npyz::WriteOptions::new().default_dtype().shape(shape).writer(&mut out).begin_nd()?;
        writer.extend(values.iter().copied())?;
        writer.finish()?;
        Ok(out)
    }
    match &array.values {
        Values::Data(Data::Float32(v)) => put(&array.shape, v),
        Values::Data(Data::Int8(v)) => put(&array.shape, v),
        Values::Data(Data::Uint8(v)) => put(&array.shape, v),
        Values::Data(Data::Int32(v)) => put(&array.shape, v),
        Values::Int64(v) => put(&array.shape, v),
    }
}

/// `count` consecutive pieces of equal size: the items of a batch.
pub(crate) fn split(data: &Data, count: usize) -> Vec<Data> {
    fn pieces<T: Clone>(values: &[T], count: usize, wrap: impl Fn(Vec<T>) -> Data) -> Vec<Data> {
        values.chunks((values.len() / count.max(1)).max(1)).map(|piece| wrap(piece.to_vec())).collect()
    }
    match data {
        Data::Float32(v) => pieces(v, count, Data::Float32),
        Data::Int8(v) => pieces(v, count, Data::Int8),
        Data::Uint8(v) => pieces(v, count, Data::Uint8),
        Data::Int32(v) => pieces(v, count, Data::Int32),
    }
}

/// The pieces as one; `None` if their dtypes differ or there is none.
pub(crate) fn join(pieces: &[&Data]) -> Option<Data> {
    macro_rules! all {
        ($variant:ident) => {
            pieces
                .iter()
                .map(|piece| if let Data::$variant(v) = piece { Some(v.as_slice()) } else { None })
                .collect::<Option<Vec<_>>>()
                .map(|parts| Data::$variant(parts.concat()))
        };
    }
    match pieces.first()?.dtype() {
        DType::Float32 => all!(Float32),
        DType::Int8 => all!(Int8),
        DType::Uint8 => all!(Uint8),
        DType::Int32 => all!(Int32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_come_back() {
        let path = std::env::temp_dir().join(format!("systole-npz-{}.npz", std::process::id()));
        let arrays = [
            ("x".to_string(), Array { shape: vec![2, 3], values: Values::Data(Data::Float32(vec![1.5; 6])) }),
            ("label".to_string(), Array { shape: vec![2], values: Values::Int64(vec![-1, 7]) }),
        ];
        write(&path, &arrays).unwrap();
        assert_eq!(read(&path).unwrap(), BTreeMap::from(arrays));
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_shape_that_lies_is_an_error() {
        let bytes = npy(&Array { shape: vec![1 << 20], values: Values::Int64(vec![1; 1 << 20]) }).unwrap();
        for length in [200, 1 << 20, bytes.len() - 1] {
            assert!(array(&bytes[..length]).is_err(), "cut to {length} bytes");
        }
    }
}

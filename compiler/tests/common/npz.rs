//! Just enough of numpy's archives to read the recorded inputs and outputs.

use std::collections::BTreeMap;

/// An array of one of the types that the recordings have.
#[derive(Debug)]
pub(crate) struct Array {
    pub(crate) shape: Vec<usize>,
    /// numpy's code, for instance `<f4`.
    pub(crate) dtype: String,
    pub(crate) bytes: Vec<u8>,
}

impl Array {
    pub(crate) fn f32(&self) -> Vec<f32> {
        assert_eq!(self.dtype, "<f4");
        self.bytes.as_chunks().0.iter().map(|&c| f32::from_le_bytes(c)).collect()
    }

    pub(crate) fn i64(&self) -> Vec<i64> {
        assert_eq!(self.dtype, "<i8");
        self.bytes.as_chunks().0.iter().map(|&c| i64::from_le_bytes(c)).collect()
    }
}

fn number(bytes: &[u8], at: usize, size: usize) -> usize {
    bytes[at..at + size].iter().rev().fold(0, |n, &b| n << 8 | usize::from(b))
}

/// Reads an `.npz` file.
pub(crate) fn read(bytes: &[u8]) -> BTreeMap<String, Array> {
    let end = (0..bytes.len() - 21).rev().find(|&i| bytes[i..i + 4] == *b"PK\x05\x06").unwrap();
    let mut at = number(bytes, end + 16, 4);
    let mut arrays = BTreeMap::new();
    for _ in 0..number(bytes, end + 10, 2) {
        let method = number(bytes, at + 10, 2);
        let packed = number(bytes, at + 20, 4);
        let [name, extra, comment] = [28, 30, 32].map(|field| number(bytes, at + field, 2));
        let local = number(bytes, at + 42, 4);
        let file = String::from_utf8(bytes[at + 46..at + 46 + name].to_vec()).unwrap();
        let data = local + 30 + number(bytes, local + 26, 2) + number(bytes, local + 28, 2);
        let raw = &bytes[data..data + packed];
        let npy = if method == 0 { raw.to_vec() } else { miniz_oxide::inflate::decompress_to_vec(raw).unwrap() };
        arrays.insert(file.trim_end_matches(".npy").to_string(), array(&npy));
        at += 46 + name + extra + comment;
    }
    arrays
}

fn array(npy: &[u8]) -> Array {
    let length = number(npy, 8, if npy[6] == 1 { 2 } else { 4 });
    let start = if npy[6] == 1 { 10 } else { 12 };
    let header = std::str::from_utf8(&npy[start..start + length]).unwrap();
    let after = |key: &str| &header[header.find(key).unwrap() + key.len()..];
    let dtype = after("'descr': '").split('\'').next().unwrap().to_string();
    let dims = after("'shape': (").split(')').next().unwrap();
    let shape = dims.split(',').filter_map(|d| d.trim().parse().ok()).collect();
    Array { shape, dtype, bytes: npy[start + length..].to_vec() }
}

//! Reading a node's attributes: typed, with ONNX's defaults, naming what is wrong.

use rten_onnx::onnx::{AttributeProto, TensorProto};

use crate::error::printable;
use crate::ops::{Padding, Window};

/// Largest kernel, stride, dilation or pad: sizes derived from them stay far below 64 bits.
pub(crate) const MAX_WINDOW: i64 = 1 << 14;

/// The attributes of one node.
pub(crate) struct Attributes<'a>(&'a [AttributeProto]);

impl<'a> Attributes<'a> {
    /// Takes a node's attributes; any whose name is not in `known` is an error.
    pub(crate) fn new(attributes: &'a [AttributeProto], known: &[&str]) -> Result<Attributes<'a>, String> {
        for attribute in attributes {
            let name = attribute.name.as_deref().unwrap_or_default();
            if !known.contains(&name) {
                return Err(format!("attribute `{}` is not supported", printable(name)));
            }
        }
        Ok(Attributes(attributes))
    }

    fn get(&self, name: &str) -> Option<&'a AttributeProto> {
        self.0.iter().find(|a| a.name.as_deref() == Some(name))
    }

    pub(crate) fn int(&self, name: &str, default: i64) -> Result<i64, String> {
        Ok(self.optional_int(name)?.unwrap_or(default))
    }

    pub(crate) fn optional_int(&self, name: &str) -> Result<Option<i64>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(a) => a.i.map(Some).ok_or_else(|| format!("attribute `{name}` is not an integer")),
        }
    }

    pub(crate) fn flag(&self, name: &str, default: bool) -> Result<bool, String> {
        Ok(self.int(name, default.into())? != 0)
    }

    pub(crate) fn ints(&self, name: &str) -> Option<Vec<i64>> {
        self.get(name).map(|a| a.ints.clone())
    }

    pub(crate) fn floats(&self, name: &str) -> Option<Vec<f32>> {
        self.get(name).map(|a| a.floats.clone())
    }

    pub(crate) fn optional_float(&self, name: &str) -> Result<Option<f32>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(a) => a.f.map(Some).ok_or_else(|| format!("attribute `{name}` is not a float")),
        }
    }

    pub(crate) fn float(&self, name: &str, default: f32) -> Result<f32, String> {
        match self.get(name).map(|a| a.f) {
            None => Ok(default),
            Some(Some(value)) if value.is_finite() => Ok(value),
            Some(_) => Err(format!("attribute `{name}` is not a finite float")),
        }
    }

    /// One of several words.
    pub(crate) fn word<T: Copy>(&self, name: &str, default: T, allowed: &[(&str, T)]) -> Result<T, String> {
        let Some(attribute) = self.get(name) else { return Ok(default) };
        let value = attribute.s.as_deref().unwrap_or_default();
        let names = || allowed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let found = allowed.iter().find(|(name, _)| *name == value);
        found.map(|&(_, v)| v).ok_or_else(|| format!("{name} = `{}`; allowed are {}", printable(value), names()))
    }

    pub(crate) fn only_int(&self, name: &str, allowed: i64) -> Result<(), String> {
        match self.int(name, allowed)? {
            value if value == allowed => Ok(()),
            value => Err(format!("{name} = {value}; only {allowed} is supported")),
        }
    }

    /// All of them, for messages.
    pub(crate) fn describe(&self) -> String {
        let list = |values: &[i64]| {
            let shown: Vec<String> = values.iter().take(8).map(ToString::to_string).collect();
            format!("[{}{}]", shown.join(", "), if values.len() > 8 { ", …" } else { "" })
        };
        let one = |a: &AttributeProto| {
            let name = printable(a.name.as_deref().unwrap_or_default());
            match (a.i, a.f, &a.s) {
                (Some(i), ..) => format!("{name} = {i}"),
                (_, Some(f), _) => format!("{name} = {f}"),
                (.., Some(s)) => format!("{name} = {}", printable(s)),
                _ if !a.ints.is_empty() => format!("{name} = {}", list(&a.ints)),
                _ => name,
            }
        };
        self.0.iter().take(16).map(one).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn tensor(&self, name: &str) -> Option<&'a TensorProto> {
        self.get(name)?.t.as_ref()
    }

    /// Integers in `low..=MAX_WINDOW` for `ends` ends of each spatial axis, `[2 * ends]` of them; a line's stand for its columns,
    /// and `other` for its height.
    fn sizes<const N: usize>(&self, name: &str, low: i64, other: usize) -> Result<Option<[usize; N]>, String> {
        let Some(attribute) = self.get(name) else { return Ok(None) };
        let ints = &attribute.ints;
        let mut out = [other; N];
        let (first, step) = match ints.len() {
            n if n == N => (0, 1),
            n if n == N / 2 => (1, 2),
            n => return Err(format!("{name} has {n} numbers; two-dimensional windows have {N}, lines {}", N / 2)),
        };
        for (to, &from) in out.iter_mut().skip(first).step_by(step).zip(ints) {
            if !(low..=MAX_WINDOW).contains(&from) {
                return Err(format!("{name} holds {from}; allowed are {low} to {MAX_WINDOW}"));
            }
            *to = from as usize;
        }
        Ok(Some(out))
    }

    /// The attributes of a sliding window.
    pub(crate) fn window(&self) -> Result<Window, String> {
        let pads = self.sizes("pads", 0, 0)?.unwrap_or([0; 4]);
        let padding = self.word(
            "auto_pad",
            Padding::Explicit(pads),
            &[
                ("NOTSET", Padding::Explicit(pads)),
                ("VALID", Padding::Explicit([0; 4])),
                ("SAME_UPPER", Padding::SameUpper),
                ("SAME_LOWER", Padding::SameLower),
            ],
        )?;
        Ok(Window {
            kernel: self.sizes("kernel_shape", 1, 1)?,
            strides: self.sizes("strides", 1, 1)?.unwrap_or([1; 2]),
            padding,
            dilations: self.sizes("dilations", 1, 1)?.unwrap_or([1; 2]),
            ceil: self.flag("ceil_mode", false)?,
        })
    }

    /// `output_padding`.
    pub(crate) fn output_padding(&self) -> Result<[usize; 2], String> {
        Ok(self.sizes("output_padding", 0, 0)?.unwrap_or([0; 2]))
    }

    /// `group`.
    pub(crate) fn groups(&self) -> Result<usize, String> {
        match self.int("group", 1)? {
            group @ 1..=1_048_576 => Ok(group as usize),
            group => Err(format!("group = {group}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ints(name: &str, ints: &[i64]) -> AttributeProto {
        AttributeProto { name: Some(name.into()), ints: ints.to_vec(), ..Default::default() }
    }

    #[test]
    fn windows_are_checked() {
        let window = |attributes: &[AttributeProto]| {
            Attributes::new(attributes, &["pads", "strides", "kernel_shape"]).unwrap().window()
        };
        assert_eq!(window(&[ints("pads", &[1, 2, 3, 4])]).unwrap().padding, Padding::Explicit([1, 2, 3, 4]));
        assert_eq!(window(&[ints("pads", &[1, 2])]).unwrap().padding, Padding::Explicit([0, 1, 0, 2]), "of a line");
        assert_eq!(window(&[ints("kernel_shape", &[5])]).unwrap().kernel, Some([1, 5]));
        assert!(window(&[ints("pads", &[1, 1, 1])]).unwrap_err().contains("two-dimensional"));
        assert!(window(&[ints("strides", &[0, 1])]).unwrap_err().contains("holds 0"));
        assert!(window(&[ints("kernel_shape", &[i64::MAX, 1])]).is_err());
        assert!(Attributes::new(&[ints("odd", &[])], &[]).is_err());
    }
}

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
        match self.get(name) {
            None => Ok(default),
            Some(a) => a.i.ok_or_else(|| format!("attribute `{name}` is not an integer")),
        }
    }

    pub(crate) fn only_int(&self, name: &str, allowed: i64) -> Result<(), String> {
        match self.int(name, allowed)? {
            value if value == allowed => Ok(()),
            value => Err(format!("{name} = {value}; only {allowed} is supported")),
        }
    }

    pub(crate) fn only_float(&self, name: &str, allowed: f32) -> Result<(), String> {
        match self.get(name) {
            None => Ok(()),
            Some(a) if a.f == Some(allowed) => Ok(()),
            Some(a) => Err(format!("{name} = {:?}; only {allowed} is supported", a.f)),
        }
    }

    pub(crate) fn tensor(&self, name: &str) -> Option<&'a TensorProto> {
        self.get(name)?.t.as_ref()
    }

    /// `N` integers in `low..=MAX_WINDOW`.
    fn sizes<const N: usize>(&self, name: &str, low: i64) -> Result<Option<[usize; N]>, String> {
        let Some(attribute) = self.get(name) else { return Ok(None) };
        if attribute.ints.len() != N {
            return Err(format!("{name} has {} numbers; two-dimensional windows have {N}", attribute.ints.len()));
        }
        let mut out = [0; N];
        for (to, &from) in out.iter_mut().zip(&attribute.ints) {
            if !(low..=MAX_WINDOW).contains(&from) {
                return Err(format!("{name} holds {from}; allowed are {low} to {MAX_WINDOW}"));
            }
            *to = from as usize;
        }
        Ok(Some(out))
    }

    /// The attributes of a sliding window.
    pub(crate) fn window(&self) -> Result<Window, String> {
        let pads = self.sizes("pads", 0)?.unwrap_or([0; 4]);
        let auto_pad = self.get("auto_pad").map_or(Some("NOTSET"), |a| a.s.as_deref());
        let padding = match auto_pad {
            Some("NOTSET") => Padding::Explicit(pads),
            Some("VALID") => Padding::Explicit([0; 4]),
            Some("SAME_UPPER") => Padding::SameUpper,
            Some("SAME_LOWER") => Padding::SameLower,
            _ => return Err("auto_pad is none of NOTSET, VALID, SAME_UPPER, SAME_LOWER".into()),
        };
        Ok(Window {
            kernel: self.sizes("kernel_shape", 1)?,
            strides: self.sizes("strides", 1)?.unwrap_or([1; 2]),
            padding,
            dilations: self.sizes("dilations", 1)?.unwrap_or([1; 2]),
        })
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
        assert!(window(&[ints("pads", &[1, 1])]).unwrap_err().contains("two-dimensional"));
        assert!(window(&[ints("strides", &[0, 1])]).unwrap_err().contains("holds 0"));
        assert!(window(&[ints("kernel_shape", &[i64::MAX, 1])]).is_err());
        assert!(Attributes::new(&[ints("odd", &[])], &[]).is_err());
    }
}

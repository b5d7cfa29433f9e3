//! Windows that slide over maps: im2col, max and average pooling, depthwise convolution.
//!
//! A map is rows of spad, one a pixel (32 channels), with a frame around it that stands for the padding: a frame of the
//! zero point for products and averages, of −128 for maxima. So no window is cut, and one instruction does all of a line
//! of taps for all pixels.

use isa::{Dwmac, Fill, Instr, Loop, Maxq, Move, Operand, Wide};

use super::lanes::Lanes;

/// A window: size, strides, and the frame above and left that it begins in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Height and width.
    pub size: [u16; 2],
    /// Steps down and across.
    pub strides: [u16; 2],
}

/// A map in spad, frame included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Map {
    /// Row of the first pixel of the frame.
    pub base: u32,
    /// Height and width, frame included.
    pub size: [u16; 2],
}

impl Map {
    /// Fills all of it with a byte, before the inside is loaded.
    #[must_use]
    pub fn fill(self, byte: i8) -> Instr {
        let [height, width] = self.size;
        let d = Operand::new(self.base, 1, width as i16);
        Fill { lp: Loop::new(width, height), d, imm: byte.cast_unsigned().into(), space: false }.into()
    }

    /// Pixels of the output of a window.
    #[must_use]
    pub fn output(self, window: Window) -> [u16; 2] {
        [0, 1].map(|axis| (self.size[axis] - window.size[axis]) / window.strides[axis] + 1)
    }

    /// The pixels under one tap line of the window, as an operand: i0 walks across, i1 down.
    fn line(self, window: Window, ky: u16) -> Operand {
        let [_, width] = self.size;
        let [down, across] = window.strides;
        Operand::new(self.base + u32::from(ky) * u32::from(width), across as i16, (down * width) as i16)
    }
}

/// Maxima of a window's pixels: one instruction a line of the window. `d` is dense, one row a pixel.
#[must_use]
pub fn max_pool(map: Map, window: Window, d: u32) -> Vec<Instr> {
    let [height, width] = map.output(window);
    let pool = |ky: u16| {
        let (lp, d) = (Loop::new(width, height), Operand::new(d, 1, width as i16));
        Maxq { lp, d, a: map.line(window, ky), a_sk: 1, kt: window.size[1], acc: ky > 0 }.into()
    };
    (0..window.size[0]).map(pool).collect()
}

/// Depthwise products: acc row `d` + pixel = Σ pixel · weight row, taps in row-major order from spad row `weights` on.
#[must_use]
pub fn depthwise(map: Map, window: Window, weights: u32, d: u32) -> Vec<Instr> {
    taps(map, window, d, |ky| (weights + u32::from(ky) * u32::from(window.size[1]), 1))
}

/// Sums of a window's pixels: depthwise products with one row of ones. An average is a `REQUANT` of them.
#[must_use]
pub fn sum_pool(map: Map, window: Window, ones: u32, d: u32) -> Vec<Instr> {
    taps(map, window, d, |_| (ones, 0))
}

fn taps(map: Map, window: Window, d: u32, weights: impl Fn(u16) -> (u32, i16)) -> Vec<Instr> {
    let [height, width] = map.output(window);
    let line = |ky: u16| {
        let (w_base, w_sk) = weights(ky);
        Dwmac {
            lp: Loop::new(width, height),
            d: Operand::new(d, 1, width as i16),
            a: map.line(window, ky),
            w_base,
            w_reg: 0,
            w_sk,
            a_sk: 1,
            n: 32,
            kt: window.size[1],
            acc: ky > 0,
        }
        .into()
    };
    (0..window.size[0]).map(line).collect()
}

/// A map of few channels, packed: the pixels of a line follow each other by `channels` bytes, a line takes `line` bytes,
/// the frame included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed {
    /// First byte of spad.
    pub base: u32,
    /// Bytes of a line.
    pub line: u32,
    /// Bytes of a pixel.
    pub channels: u32,
}

/// im2col: one row of spad an output pixel, holding the window's `size[0] × size[1] × channels ≤ 32` bytes. One
/// instruction a line of the window, since a line of it is one run of bytes.
#[must_use]
pub fn im2col(map: Packed, window: Window, output: [u16; 2], d: u32) -> Vec<Instr> {
    let [height, width] = output;
    let run = u32::from(window.size[1]) * map.channels;
    let line = |ky: u16| {
        Move {
            lp: Loop::new(width, height),
            d: Operand::new(d, 1, width as i16),
            m: Wide::new(
                map.base + u32::from(ky) * map.line,
                (u32::from(window.strides[1]) * map.channels) as i32,
                (u32::from(window.strides[0]) * map.line) as i32,
            ),
            n: run as u8,
            offset: (u32::from(ky) * run) as u8,
        }
        .into()
    };
    (0..window.size[0]).map(line).collect()
}

/// Requantises dense pixels of acc.
#[must_use]
pub fn finish(pixels: u16, acc: u32, block: u32, d: u32, zero: i8) -> Instr {
    Lanes::rows(pixels).requant(Operand::new(d, 1, 0), Operand::new(acc, 1, 0), Operand::new(block, 0, 0), zero)
}

//! Tensors of random bytes, and what requantisation makes of sums.

use isa::random::Rng;
use isa::{LANES, Leaf, param_word, rne, row32_leaves};

/// `count` bytes, all values alike.
pub(super) fn bytes(rng: &mut Rng, count: usize) -> Vec<i8> {
    (0..count).map(|_| rng.below(256) as u8 as i8).collect()
}

/// Bytes as rows; a last row that is not full ends in zeros.
pub(super) fn leaves(bytes: &[i8]) -> Vec<Leaf> {
    let row = |chunk: &[i8]| std::array::from_fn(|i| chunk.get(i).map_or(0, |byte| byte.cast_unsigned()));
    bytes.chunks(LANES).map(row).collect()
}

/// Rows as bytes.
pub(super) fn flat(rows: &[Leaf]) -> Vec<i8> {
    rows.as_flattened().iter().map(|byte| byte.cast_signed()).collect()
}

/// Bias, multiplier and shift of each output channel, and the zero point of all.
#[derive(Clone, Debug)]
pub(super) struct Scales {
    channels: Vec<(i32, u32, u32)>,
    pub(super) zero_point: i8,
}

impl Scales {
    /// Random ones that bring sums of about `size` to the width of bytes.
    pub(super) fn random(rng: &mut Rng, channels: usize, size: f64, zero_point: i8) -> Scales {
        let shift = 23 + (size / 64.0).log2().round() as u32;
        let mut channel = || {
            let bias = rng.below(2 * size as u64) as i32 - size as i32;
            (bias, (1 << 23) - rng.below(1 << 21) as u32, shift)
        };
        Scales { channels: (0..channels).map(|_| channel()).collect(), zero_point }
    }

    /// Parameter blocks of 32 channels each, 8 rows a block.
    pub(super) fn blocks(&self) -> Vec<Leaf> {
        let block = |chunk: &[(i32, u32, u32)]| {
            let bias = std::array::from_fn(|i| chunk.get(i).map_or(0, |c| c.0));
            let scale = std::array::from_fn(|i| chunk.get(i).map_or(0, |c| param_word(c.1, c.2)));
            [row32_leaves(&bias), row32_leaves(&scale)].concat()
        };
        self.channels.chunks(LANES).flat_map(block).collect()
    }

    /// What becomes of a sum.
    pub(super) fn apply(&self, channel: usize, sum: i32) -> i8 {
        let (bias, multiplier, shift) = self.channels[channel];
        let scaled = rne(i64::from(sum.wrapping_add(bias)) * i64::from(multiplier), shift);
        (scaled + i64::from(self.zero_point)).clamp(-128, 127) as i8
    }

    /// Bytes of DRAM that they must take at least: eight a channel.
    pub(super) fn bytes(&self) -> usize {
        8 * self.channels.len()
    }
}

/// An image: [y, x, channel].
#[derive(Clone, Debug)]
pub(super) struct Image {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
    pub(super) bytes: Vec<i8>,
    /// What lies around it.
    pub(super) zero_point: i8,
}

impl Image {
    /// A random one.
    pub(super) fn random(rng: &mut Rng, [height, width, channels]: [usize; 3], zero_point: i8) -> Image {
        Image { height, width, channels, bytes: bytes(rng, height * width * channels), zero_point }
    }

    /// The channels of a pixel, `None` outside.
    pub(super) fn pixel(&self, y: isize, x: isize) -> Option<&[i8]> {
        let inside = (0..self.height as isize).contains(&y) && (0..self.width as isize).contains(&x);
        inside.then(|| &self.bytes[(y as usize * self.width + x as usize) * self.channels..][..self.channels])
    }
}

/// A window over an image: `edge` × `edge` taps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) edge: usize,
    pub(super) stride: usize,
    pub(super) padding: usize,
}

impl Window {
    /// The taps of an output pixel: their number, and the pixel under it, `None` in the padding.
    pub(super) fn taps<'a>(&self, image: &'a Image, y: usize, x: usize) -> impl Iterator<Item = Option<&'a [i8]>> {
        let Window { edge, stride, padding } = *self;
        let at = move |out: usize, tap: usize| (out * stride + tap) as isize - padding as isize;
        (0..edge * edge).map(move |tap| image.pixel(at(y, tap / edge), at(x, tap % edge)))
    }
}

/// A convolution, plainly: weights are [tap, input channel, output channel].
pub(super) fn convolution(
    image: &Image,
    window: Window,
    weights: &[i8],
    scales: &Scales,
    [h, w]: [usize; 2],
) -> Vec<i8> {
    let outputs = scales.channels.len();
    let padding = vec![image.zero_point; image.channels];
    let mut result = Vec::with_capacity(h * w * outputs);
    for pixel in 0..h * w {
        let mut sums = vec![0i32; outputs];
        for (tap, bytes) in window.taps(image, pixel / w, pixel % w).enumerate() {
            let tap = &weights[tap * image.channels * outputs..];
            for (a, row) in bytes.unwrap_or(&padding).iter().zip(tap.chunks(outputs)) {
                let a = i32::from(*a);
                sums.iter_mut().zip(row).for_each(|(sum, &w)| *sum += a * i32::from(w));
            }
        }
        result.extend(sums.iter().enumerate().map(|(channel, &sum)| scales.apply(channel, sum)));
    }
    result
}

/// A depthwise convolution, plainly: weights are [tap, channel].
pub(super) fn depthwise(image: &Image, window: Window, weights: &[i8], scales: &Scales, [h, w]: [usize; 2]) -> Vec<i8> {
    let channels = image.channels;
    let padding = vec![image.zero_point; channels];
    let mut result = Vec::with_capacity(h * w * channels);
    for pixel in 0..h * w {
        let mut sums = vec![0i32; channels];
        for (bytes, row) in window.taps(image, pixel / w, pixel % w).zip(weights.chunks(channels)) {
            let products = bytes.unwrap_or(&padding).iter().zip(row);
            sums.iter_mut().zip(products).for_each(|(sum, (&a, &w))| *sum += i32::from(a) * i32::from(w));
        }
        result.extend(sums.iter().enumerate().map(|(channel, &sum)| scales.apply(channel, sum)));
    }
    result
}

/// The tiles of a matrix [k, n]: strips of 32 outputs, in each all k in tiles of 32; what is beyond k or n is zero.
pub(super) fn tiles(matrix: &[i8], n: usize) -> Vec<Leaf> {
    let k = matrix.len() / n;
    let mut rows = Vec::new();
    for strip in (0..n).step_by(LANES) {
        for input in 0..k.next_multiple_of(LANES) {
            let value = |lane: usize| if input < k && strip + lane < n { matrix[input * n + strip + lane] } else { 0 };
            rows.push(std::array::from_fn(|lane| value(lane).cast_unsigned()));
        }
    }
    rows
}

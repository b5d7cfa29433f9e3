//! Bytes that only move: boxes of an input that lie elsewhere in the output.

use isa::LANES;

use super::form::Form;

/// One axis of a box: its size, and bytes from one index to the next in input and output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    pub(crate) size: u64,
    pub(crate) from: u64,
    pub(crate) to: u64,
}

/// Rows that a box touches: lines, each a run of rows, so many rows from one to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hull {
    pub(crate) run: u64,
    pub(crate) lines: u64,
    pub(crate) step: u64,
}

/// Bytes `from + Σ i·axis.from` of operand `source` go to `to + Σ i·axis.to` of the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) source: usize,
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// By descending stride in the output; none of size 1.
    pub(crate) axes: Vec<Axis>,
}

impl Block {
    fn new(source: usize, from: u64, to: u64, axes: impl IntoIterator<Item = Axis>) -> Block {
        let mut axes: Vec<Axis> = axes.into_iter().filter(|axis| axis.size > 1).collect();
        axes.sort_by_key(|axis| std::cmp::Reverse(axis.to));
        let mut merged: Vec<Axis> = Vec::with_capacity(axes.len());
        for axis in axes {
            match merged.last_mut() {
                Some(outer) if outer.from == axis.size * axis.from && outer.to == axis.size * axis.to => {
                    *outer = Axis { size: outer.size * axis.size, ..axis };
                }
                _ => merged.push(axis),
            }
        }
        Block { source, from, to, axes: merged }
    }

    /// The rows that it touches in input and output, from the row of the first byte on.
    pub(crate) fn hulls(&self) -> [Hull; 2] {
        [self.hull(self.from, |axis| axis.from), self.hull(self.to, |axis| axis.to)]
    }

    fn hull(&self, first: u64, stride: impl Fn(&Axis) -> u64) -> Hull {
        let row = LANES as u64;
        let first = first % row;
        let longest = self.axes.iter().filter(|axis| stride(axis).is_multiple_of(row)).max_by_key(|axis| stride(axis));
        let reach = |axis: &Axis| (axis.size - 1) * stride(axis);
        let all: u64 = self.axes.iter().map(reach).sum();
        let (step, lines) = longest.map_or((0, 1), |axis| (stride(axis) / row, axis.size));
        let run = (first + all - longest.map_or(0, reach)) / row + 1;
        // Lines that meet are one run.
        if run >= step { Hull { run: (first + all) / row + 1, lines: 1, step: 0 } } else { Hull { run, lines, step } }
    }

    /// Boxes that together are this one, each of which touches at most so many rows on either side.
    pub(crate) fn pieces(&self, rows: u64) -> Vec<Block> {
        let size = |block: &Block| block.hulls().map(|hull| hull.run * hull.lines);
        let (mut pieces, mut left) = (Vec::new(), vec![self.clone()]);
        while let Some(block) = left.pop() {
            if size(&block).into_iter().all(|touched| touched <= rows) {
                pieces.push(block);
                continue;
            }
            // Halved where that leaves the fewest rows.
            let halves = (0..block.axes.len()).map(|index| block.halved(index));
            if let Some([first, second]) = halves.min_by_key(|[first, _]| size(first).into_iter().sum::<u64>()) {
                left.extend([second, first]);
            }
        }
        pieces
    }

    /// Two boxes that halve an axis; at a multiple of 32 where there is one.
    fn halved(&self, index: usize) -> [Block; 2] {
        let (axis, row) = (self.axes[index], LANES as u64);
        let half =
            if axis.size > row { (axis.size / 2).next_multiple_of(row).min(axis.size - 1) } else { axis.size / 2 };
        let sized = |size: u64| {
            let axes =
                self.axes.iter().enumerate().map(move |(i, a)| if i == index { Axis { size, ..*a } } else { *a });
            axes.filter(|axis| axis.size > 1).collect()
        };
        let second = Block {
            from: self.from + half * axis.from,
            to: self.to + half * axis.to,
            axes: sized(axis.size - half),
            ..*self
        };
        [Block { axes: sized(half), ..*self }, second]
    }

    /// The same between rows that hold what the hulls touch, and nothing else.
    pub(crate) fn packed(&self, from: &Hull, to: &Hull) -> Block {
        let row = LANES as u64;
        let pack = |hull: &Hull, stride: u64| {
            if hull.lines > 1 && stride == hull.step * row { hull.run * row } else { stride }
        };
        let axes =
            self.axes.iter().map(|axis| Axis { size: axis.size, from: pack(from, axis.from), to: pack(to, axis.to) });
        Block { source: self.source, from: self.from % row, to: self.to % row, axes: axes.collect() }
    }

    /// Whether every byte stays where it is.
    pub(crate) fn stays(&self) -> bool {
        self.from == self.to && self.axes.iter().all(|axis| axis.from == axis.to)
    }
}

/// So many whole rows as they are.
pub(crate) fn rows(count: u64) -> Block {
    let row = LANES as u64;
    Block::new(0, 0, 0, [Axis { size: count, from: row, to: row }])
}

/// A part of the input to a part of the output, of `sizes`: from index `start` on, to index `at` on.
pub(crate) fn part(
    source: usize,
    (input, start): (&Form, &[usize]),
    (output, at): (&Form, &[usize]),
    sizes: &[usize],
) -> Block {
    let (from, to) = (input.strides(), output.strides());
    let offset = |strides: &[u64], index: &[usize]| strides.iter().zip(index).map(|(s, &i)| s * i as u64).sum();
    let axes = (0..sizes.len()).map(|axis| Axis { size: sizes[axis] as u64, from: from[axis], to: to[axis] });
    Block::new(source, offset(&from, start), offset(&to, at), axes)
}

/// All of the input, its axes this far apart in the output.
pub(crate) fn spread(input: &Form, to: &[u64]) -> Block {
    let from = input.strides();
    let axes = (0..to.len()).map(|axis| Axis { size: input.shape[axis] as u64, from: from[axis], to: to[axis] });
    Block::new(0, 0, 0, axes)
}

/// Runs of indices that follow one another: position, first index, length.
pub(crate) fn runs(indices: &[usize]) -> Vec<(usize, usize, usize)> {
    let mut runs: Vec<(usize, usize, usize)> = Vec::new();
    for (position, &index) in indices.iter().enumerate() {
        match runs.last_mut() {
            Some((_, first, length)) if *first + *length == index => *length += 1,
            _ => runs.push((position, index, 1)),
        }
    }
    runs
}

/// Axis i of the output is axis `perm[i]` of the input.
pub(crate) fn transpose(input: &Form, output: &Form, perm: &[usize]) -> Block {
    let (from, to) = (input.strides(), output.strides());
    let axes = perm.iter().enumerate().map(|(i, &p)| Axis { size: output.shape[i] as u64, from: from[p], to: to[i] });
    Block::new(0, 0, 0, axes)
}

/// The input repeated along the axes that it lacks or has once; axes are counted from the last.
pub(crate) fn broadcast(source: usize, input: &Form, output: &Form) -> Block {
    let (from, to) = (input.strides(), output.strides());
    let missing = output.shape.len() - input.shape.len();
    let axes = (0..output.shape.len()).map(|axis| {
        let own = axis.checked_sub(missing).filter(|&own| input.shape[own] > 1);
        Axis { size: output.shape[axis] as u64, from: own.map_or(0, |own| from[own]), to: to[axis] }
    });
    Block::new(source, 0, 0, axes)
}

/// The same elements in row-major order in another shape: boxes of the axes that both shapes can be cut into.
pub(crate) fn reshape(input: &Form, output: &Form) -> Vec<Block> {
    let (from, to) = (input.strides(), output.strides());
    let sized = |form: &Form, strides: Vec<u64>| -> Vec<(u64, u64)> {
        form.shape.iter().map(|&size| size as u64).zip(strides).filter(|&(size, _)| size > 1).collect()
    };
    let (mut a, mut b) = (sized(input, from), sized(output, to));
    let mut axes = Vec::new();
    // From the last axes on, as much as both have. What has no common part is unrolled, one box for each index.
    let mut blocks = vec![(0, 0)];
    while let (Some(x), Some(y)) = (a.last_mut(), b.last_mut()) {
        let size = gcd(x.0, y.0);
        if size == 1 {
            unroll(&mut blocks, &mut a, &mut b);
            continue;
        }
        axes.push(Axis { size, from: x.1, to: y.1 });
        *x = (x.0 / size, x.1 * size);
        *y = (y.0 / size, y.1 * size);
        a.retain(|&(size, _)| size > 1);
        b.retain(|&(size, _)| size > 1);
    }
    blocks.into_iter().map(|(from, to)| Block::new(0, from, to, axes.iter().copied())).collect()
}

/// Takes whole axes off both until they have as many elements, and makes an offset of each of these.
fn unroll(blocks: &mut Vec<(u64, u64)>, a: &mut Vec<(u64, u64)>, b: &mut Vec<(u64, u64)>) {
    let (mut left, mut right): (Vec<_>, Vec<_>) = (a.pop().into_iter().collect(), b.pop().into_iter().collect());
    let count = |axes: &[(u64, u64)]| axes.iter().map(|axis| axis.0).product::<u64>();
    while count(&left) != count(&right) {
        let (axes, more) = if count(&left) < count(&right) { (&mut left, &mut *a) } else { (&mut right, &mut *b) };
        match more.pop() {
            Some(axis) => axes.push(axis),
            None => break,
        }
    }
    let offset = |axes: &[(u64, u64)], mut index: u64| {
        axes.iter().fold(0, |at, &(size, stride)| {
            let i = index % size;
            index /= size;
            at + i * stride
        })
    };
    let total = count(&left);
    let before = std::mem::take(blocks);
    for (from, to) in before {
        blocks.extend((0..total).map(|i| (from + offset(&left, i), to + offset(&right, i))));
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(shape: &[usize], lane: usize) -> Form {
        Form { shape: shape.to_vec(), lane }
    }

    /// Plays a movement of bytes that are numbered in row-major order.
    fn check_reshape(input: &Form, output: &Form) {
        let at = |form: &Form, mut index: u64| {
            form.shape.iter().zip(form.strides()).rev().fold(0, |at, (&size, stride)| {
                let i = index % size as u64;
                index /= size as u64;
                at + i * stride
            })
        };
        let total: u64 = input.shape.iter().map(|&s| s as u64).product();
        let mut pairs = Vec::new();
        for block in reshape(input, output) {
            let count = block.axes.iter().map(|axis| axis.size).product::<u64>();
            for mut index in 0..count {
                let (mut from, mut to) = (block.from, block.to);
                for axis in block.axes.iter().rev() {
                    from += index % axis.size * axis.from;
                    to += index % axis.size * axis.to;
                    index /= axis.size;
                }
                pairs.push((from, to));
            }
        }
        pairs.sort_unstable();
        let mut expected: Vec<_> = (0..total).map(|i| (at(input, i), at(output, i))).collect();
        expected.sort_unstable();
        assert_eq!(pairs, expected, "{input:?} {output:?}");
    }

    #[test]
    fn reshapes() {
        check_reshape(&form(&[1, 8, 16, 3], 1), &form(&[1, 384], 1));
        check_reshape(&form(&[6, 4], 1), &form(&[8, 3], 1));
        check_reshape(&form(&[2, 3, 5], 2), &form(&[5, 2, 3], 0));
        check_reshape(&form(&[1, 12, 64], 2), &form(&[1, 2, 6, 64], 3));
        check_reshape(&form(&[4, 9], 0), &form(&[6, 6], 1));
        assert!(reshape(&form(&[7, 768], 1), &form(&[7, 12, 64], 2))[0].stays());
        assert!(!reshape(&form(&[7, 96], 1), &form(&[7, 2, 48], 2))[0].stays());
        assert!(reshape(&form(&[1, 40, 1, 1], 1), &form(&[1, 40], 1))[0].stays());
    }

    #[test]
    fn large_boxes_are_cut() {
        let (input, output) = (form(&[1, 70, 40, 50], 1), form(&[1, 40, 50, 70], 2));
        let block = transpose(&input, &output, &[0, 2, 3, 1]);
        let pieces = block.pieces(100);
        let bytes = |block: &Block| block.axes.iter().map(|axis| axis.size).product::<u64>();
        assert_eq!(pieces.iter().map(bytes).sum::<u64>(), 70 * 40 * 50);
        assert!(pieces.len() > 20 && pieces.len() < 4000, "{}", pieces.len());
        for piece in &pieces {
            let hulls = piece.hulls();
            assert!(hulls.iter().all(|hull| hull.run * hull.lines <= 100), "{hulls:?}");
        }
    }

    #[test]
    fn axes_merge() {
        let block = transpose(&form(&[1, 40, 3, 5], 1), &form(&[1, 3, 5, 40], 3), &[0, 2, 3, 1]);
        assert!(block.stays());
        assert_eq!(block.axes.len(), 2);
    }
}

//! Products of which each reads the strips of the one before where they were made.

use isa::{PARAM_ROWS, TILE_ROWS};

use super::products::{ENOUGH, Product, Running};
use super::strips::{Buffers, strip_in};
use super::{Emit, Lower};
use crate::plan::Task;
use crate::plan::separable::Conv;

impl<'a> Lower<'a> {
    /// A strip passes from product to product; while one makes a strip, the next is at the strip before.
    pub(super) fn chain(&mut self, tasks: &[Task<'a>]) -> Emit {
        for task in tasks {
            self.local.insert(task.output, None);
        }
        let mut products: Vec<(&Task<'a>, Product<'a>)> = Vec::new();
        for task in tasks {
            let op = if let crate::plan::Work::Op(op) = task.work { Some(op) } else { None };
            let conv = op.and_then(Conv::of).ok_or("internal: no convolution in a chain")?;
            products.push((task, self.convolution_of(task, &conv)));
        }
        let geometry = products[0].1.geometry;
        let buffers = self.chain_buffers(&products);
        let choose = |pixels: u64| {
            let enough =
                |&((lines, columns), slots): &((u64, u64), u64)| lines * columns >= ENOUGH.min(pixels) && slots == 2;
            let half = strip_in(self.left() / 2, &geometry, pixels, &buffers).filter(enough);
            match half.filter(|_| !self.tiling.all_room) {
                Some(strip) => Ok(strip),
                None => self.strips(&geometry, pixels, &buffers),
            }
        };
        let (mut strip, mut slots) = choose(self.acc_rows / 2)?;
        if self.tiling.smaller > 0 {
            (strip, slots) = choose(self.tiling.most(strip.0 * strip.1))?;
        }
        let mut running: Vec<Running<'a>> = Vec::new();
        for (task, product) in products {
            let groups = product.groups.len() as u64;
            running.push(self.prepare(task, product, (strip, slots, groups))?);
        }
        let parts = geometry.parts(strip);
        // Without a second buffer each strip is finished first.
        let lag = usize::from(slots == 2);
        for round in 0..parts.len() + lag * (running.len() - 1) {
            for (index, task) in tasks.iter().enumerate() {
                let Some(number) = round.checked_sub(lag * index).filter(|&number| number < parts.len()) else {
                    continue;
                };
                if let Some(before) = index.checked_sub(1) {
                    self.local.insert(tasks[before].output, Some(running[before].made[number]));
                }
                self.make(task, &mut running[index], &parts[number])?;
            }
        }
        self.local.clear();
        Ok(())
    }

    /// What strips of a chain need: those of all products together.
    fn chain_buffers(&self, products: &[(&Task<'a>, Product<'a>)]) -> Buffers {
        let mut all = Buffers { input: 0, output: 0, others: 0, packed: None, fixed: 0 };
        for (index, (task, product)) in products.iter().enumerate() {
            let input = self.buffered_input(task.inputs[0], &product.geometry, product.pad);
            if index == 0 {
                all.input = input
            } else {
                all.others += input
            }
            all.output += self.made(task);
            all.others += self.others(task);
            let weights: usize = product.groups.iter().map(|group| group.rows.len()).sum();
            let params = product.groups.len() * PARAM_ROWS + 8 * task.epilogue.len();
            all.fixed += (weights + params + 2 * TILE_ROWS) as u64 + self.pixels(task);
        }
        all
    }
}

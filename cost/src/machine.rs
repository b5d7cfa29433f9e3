//! All parts, each asked in the cycles in which it can do something.

use hdl::Params;
use isa::program::Program;

use crate::banks::Banks;
use crate::board::Board;
use crate::depthwise::Depthwise;
use crate::fetch::Fetch;
use crate::front::Front;
use crate::map::Tracer;
use crate::matrix::Matrix;
use crate::mover::Mover;
use crate::op::{DEPTHWISE, LOAD, MATRIX, MOVE, STORE, VECTOR};
use crate::port::Port;
use crate::vector::Vector;
use crate::{CostError, Estimate, MemoryTiming};

/// Instructions after which an estimate is given up.
const MOST_INSTRUCTIONS: u64 = 50_000_000;

/// When each part is to be asked next.
#[derive(Debug)]
struct Agenda {
    port: u64,
    reads: u64,
    matrix: u64,
    depthwise: u64,
    vector: u64,
    mover: u64,
    front: u64,
}

impl Agenda {
    fn next(&self) -> u64 {
        let parts = [self.port, self.reads, self.matrix, self.depthwise, self.vector, self.mover, self.front];
        parts.into_iter().min().unwrap_or(u64::MAX)
    }

    fn wake(&mut self, board: &mut Board) {
        let wakes = std::mem::replace(&mut board.wakes, [u64::MAX; 6]);
        self.port = self.port.min(wakes[LOAD]).min(wakes[STORE]);
        self.matrix = self.matrix.min(wakes[MATRIX]);
        self.depthwise = self.depthwise.min(wakes[DEPTHWISE]);
        self.vector = self.vector.min(wakes[VECTOR]);
        self.mover = self.mover.min(wakes[MOVE]);
    }
}

/// Runs the program for so many cycles at most; a tracer that is given sees what lies where.
pub(crate) fn run(
    program: &Program,
    params: &Params,
    timing: &MemoryTiming,
    most_cycles: u64,
    tracer: &mut Option<Tracer>,
) -> Result<Estimate, CostError> {
    let (mut board, mut banks) = (Board::new(params), Banks::new(params));
    board.tracer = tracer.take();
    let mut port = Port::new(params, timing);
    let mut fetch = Fetch::new(program.profile.text);
    let mut front = Front::new(program, params, port.rate());
    let (mut matrix, mut depthwise) = (Matrix::new(params), Depthwise::new(params));
    let (mut vector, mut mover) = (Vector::new(params), Mover::default());
    let never = u64::MAX;
    let mut agenda =
        Agenda { port: never, reads: never, matrix: never, depthwise: never, vector: never, mover: never, front: 1 };
    while !front.done() {
        let now = agenda.next();
        if now == u64::MAX {
            return Err(CostError::Stuck { cycles: board.last_retired(), pc: front.regs.pc });
        }
        if now >= most_cycles {
            return Err(CostError::Above(most_cycles));
        }
        // In the order of who gets a bank; what is seen of others is how they were before this cycle.
        if agenda.port <= now {
            agenda.port = port.tick(now, &mut fetch, &mut board, &mut banks, &matrix);
        }
        if agenda.depthwise <= now {
            agenda.depthwise = depthwise.tick(now, &mut board, &mut banks, &matrix);
        }
        if agenda.vector <= now {
            agenda.vector = vector.tick(now, &mut board, &mut banks, &matrix);
        }
        if agenda.mover <= now {
            agenda.mover = mover.tick(now, &mut board, &mut banks, &matrix);
        }
        if agenda.reads <= now {
            port.store.read(now, &mut banks, &matrix);
            agenda.port = agenda.port.min(now + 1);
        }
        agenda.reads = if port.store.reads() { now + 1 } else { never };
        if agenda.matrix <= now {
            agenda.matrix = matrix.tick(now, &mut board);
        }
        if agenda.front <= now || board.moved {
            agenda.front = front.tick(now, &mut fetch, &mut board)?;
            if fetch.request().is_some() {
                agenda.port = agenda.port.min(now + 1);
            }
        }
        if board.moved {
            agenda.front = now + 1;
            board.moved = false;
        }
        agenda.front = agenda.front.min(fetch.next().max(now + 1));
        agenda.wake(&mut board);
        while let Some((layer, at)) = board.retired.pop() {
            front.layers[layer].end_cycle = at;
        }
        if front.issued > MOST_INSTRUCTIONS {
            return Err(CostError::TooLong(front.issued));
        }
        if front.done() {
            *tracer = board.tracer.take();
            return Ok(finish(now + 1, front, &port, &fetch));
        }
    }
    Err(CostError::Stuck { cycles: board.last_retired(), pc: front.regs.pc })
}

fn finish(cycles: u64, front: Front<'_>, port: &Port, fetch: &Fetch) -> Estimate {
    let row = isa::LANES as u64;
    let mut layers = front.layers;
    let macs = layers.iter().map(|layer| layer.macs).sum();
    layers.retain(|layer| layer.mark.is_some());
    let mut before = 0;
    for layer in &mut layers {
        layer.own_cycles = layer.end_cycle.saturating_sub(before);
        before = before.max(layer.end_cycle);
    }
    Estimate {
        cycles,
        macs,
        bytes_read: (port.rows_read() + fetch.rows) * row,
        bytes_written: port.store.rows * row,
        text_bytes: fetch.rows * row,
        instructions: front.issued,
        // `HALT` is one.
        micro_steps: front.regs.steps + 1,
        spad_rows: front.used[0],
        acc_rows: front.used[1],
        work_rows: front.used[2],
        layers,
    }
}

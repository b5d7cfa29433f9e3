//! The engine in Rust: the microprogram run word by word, for tests without Verilog.

use isa::Leaf;
use isa::digest::Digest;

use super::alu::{Flags, alu};
use super::uop::{Effect, Mode, Op, REGS, Source, Special, Uop, X0};

/// What is behind the memory port, and what sees marks.
pub(super) trait Host {
    fn read(&mut self, row: u32) -> Leaf;
    fn write(&mut self, row: u32, leaf: Leaf);
    fn mark(&mut self, id: u32, digest: u64);
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) status: u8,
    pub(super) steps: u64,
    pub(super) digest: u64,
    pub(super) macs: u64,
    /// Without any wait for memory.
    pub(super) cycles: u64,
}

/// What a run is given, and how far it is.
struct Run<'a> {
    profile: &'a Leaf,
    bases: [u32; 5],
    host: &'a mut dyn Host,
    /// The row that comes, and the next byte of it; the one that goes, and its region and number.
    coming: Leaf,
    beat: usize,
    going: Vec<u8>,
    header: Vec<u8>,
    asked: u32,
    digest: Digest,
    end: End,
}

impl Run<'_> {
    fn special(&self, special: Special, sums: [i32; 4], product: u64) -> u32 {
        let part = |at: usize| word(&self.profile[28 - 4 * at..]);
        match special {
            Special::Sum0 | Special::Sum1 | Special::Sum2 | Special::Sum3 => {
                sums[special.code() as usize].cast_unsigned()
            }
            Special::Low => product as u32,
            Special::High => (product >> 32) as u32,
            Special::Unused6 | Special::Unused7 => 0,
            Special::LimitLow => part(0),
            Special::LimitHigh => part(1),
            Special::Sizes => part(2),
            Special::MoreSizes => part(3),
            base => self.bases[(base.code() - Special::BaseText.code()) as usize],
        }
    }

    fn send(&mut self, value: u32) {
        self.going.extend(value.to_be_bytes());
        if let Ok(leaf) = Leaf::try_from(self.going.as_slice()) {
            self.host.write(self.asked, leaf);
            let region = isa::Subtree::from_code(self.header[3]).expect("a region");
            self.digest.row(region, word(&self.header[4..]), &leaf);
            self.going.clear();
            self.header.clear();
        }
    }
}

/// The first four bytes, as they stand in DRAM.
fn word(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// One engine; memories keep what a run has left in them.
pub(super) struct Model {
    rom: Vec<Uop>,
    pc: usize,
    regs: [u32; REGS],
    spad: Vec<u32>,
    acc: Vec<u32>,
    read: u32,
    sums: [i32; 4],
    product: u64,
    flags: Flags,
    shift: u32,
    index: u8,
    stack: Vec<usize>,
    /// Times that each word was run.
    pub(super) runs: Vec<u64>,
}

impl Model {
    pub(super) fn new(rom: Vec<Uop>, spad_log2: u32, acc_log2: u32) -> Model {
        let runs = vec![0; rom.len()];
        Model {
            rom,
            pc: 0,
            regs: [0; REGS],
            spad: vec![0xdead_beef; 8 << spad_log2],
            acc: vec![0xdead_beef; 32 << acc_log2],
            read: 0,
            sums: [0; 4],
            product: 0,
            flags: Flags::default(),
            shift: 0,
            index: 0,
            stack: Vec::new(),
            runs,
        }
    }

    fn word(&mut self, address: u32, lanes: bool) -> &mut u32 {
        let index = (address >> 2 & 0x1fff_ffff) as usize;
        let index = if lanes { index & !31 | index << 3 & 24 | index >> 2 & 7 } else { index };
        let space = if address >> 31 == 1 { &mut self.acc } else { &mut self.spad };
        let size = space.len();
        &mut space[index % size]
    }

    fn load(&mut self, address: u32, lanes: bool) {
        self.read = *self.word(address, lanes);
    }

    fn physical(&self, reg: u8) -> usize {
        usize::from(if reg >> 4 == 7 { X0 + self.index } else { reg })
    }

    /// Runs to the end; `None` where that takes more than so many cycles.
    pub(super) fn run(&mut self, profile: &Leaf, bases: [u32; 5], host: &mut dyn Host, most: u64) -> Option<End> {
        let end = End { status: 0, steps: 0, digest: 0, macs: 0, cycles: 0 };
        let (going, header) = (Vec::new(), Vec::new());
        let digest = Digest::default();
        let mut run = Run { profile, bases, host, coming: [0; 32], beat: 0, going, header, asked: 0, digest, end };
        self.pc = 0;
        while run.end.cycles < most {
            self.step(&mut run);
            run.end.cycles += 2;
            if run.end.status != 0 {
                run.end.digest = run.digest.0;
                self.stack.clear();
                return Some(run.end);
            }
        }
        None
    }

    /// One micro-instruction.
    fn step(&mut self, run: &mut Run<'_>) {
        let uop = self.rom[self.pc];
        self.runs[self.pc] += 1;
        let (a, rb) = (self.regs[self.physical(uop.ra)], self.regs[usize::from(uop.rb & 0x7f)]);
        let b = match uop.source {
            Source::Register => rb,
            Source::Short => (i32::from(uop.rb) << 25 >> 25).cast_unsigned(),
            Source::Long => uop.long.cast_unsigned(),
            Source::Memory => self.read,
            Source::Beat => {
                run.beat += 4;
                word(&run.coming[run.beat - 4..])
            }
            Source::Special => run.special(Special::ALL[usize::from(uop.rb)], self.sums, self.product),
        };
        let shift = if uop.op == Op::FunnelBy { self.shift } else { u32::from(uop.target) & 31 };
        let (result, flags) = alu(uop.op, a, b, self.flags.carry, shift);
        let holds = self.flags.hold(uop.cond);
        let rd = self.physical(uop.rd);
        if rd != 0 && (uop.mode != Mode::Guard || holds) {
            self.regs[rd] = result;
        }
        if uop.keep {
            self.flags = flags;
        }
        let behind = self.pc + 1;
        self.pc = behind;
        if holds && matches!(uop.mode, Mode::Jump | Mode::Call) {
            self.pc = usize::from(uop.target);
        }
        if holds && uop.mode == Mode::Call {
            self.stack.push(behind);
            assert!(self.stack.len() <= super::CALLS, "calls too deep at {behind}");
        }
        match uop.effect {
            Effect::Spread | Effect::Dot => {
                let which = (uop.effect == Effect::Spread).then_some(usize::from(uop.target & 3));
                self.multiply(rb, which);
                self.load(a, false);
            }
            Effect::Multiply => self.product = u64::from(a) * u64::from(b),
            Effect::AskRead => (run.coming, run.beat) = (run.host.read(result), 0),
            Effect::AskWrite => run.asked = result,
            effect => {
                self.access(effect, a, b);
                self.show(effect, b, run);
            }
        }
    }

    /// Adds four products.
    fn multiply(&mut self, factor: u32, which: Option<usize>) {
        let (factor, data) = (factor.to_be_bytes(), self.read.to_be_bytes());
        for (lane, (sum, byte)) in self.sums.iter_mut().zip(data).enumerate() {
            *sum += i32::from(factor[which.unwrap_or(lane)].cast_signed()) * i32::from(byte.cast_signed());
        }
    }

    /// Effects on spad, acc and what the engine keeps.
    fn access(&mut self, effect: Effect, a: u32, b: u32) {
        match effect {
            Effect::Load => self.load(a, false),
            Effect::LoadLanes => self.load(a, true),
            Effect::LoadByte => {
                self.load(a, false);
                self.read = (self.read << (8 * (a & 3))).cast_signed().wrapping_shr(24).cast_unsigned();
            }
            Effect::Store => *self.word(a, false) = b,
            Effect::StoreLanes => *self.word(a, true) = b,
            Effect::StoreByte => {
                let at = 24 - 8 * (a & 3);
                let word = self.word(a, false);
                *word = *word & !(0xff << at) | (b & 0xff) << at;
            }
            Effect::ClearSums => self.sums = [0; 4],
            Effect::SetShift => self.shift = b & 31,
            Effect::SetIndex => self.index = (b & 15) as u8,
            Effect::Return => self.pc = self.stack.pop().expect("a call"),
            Effect::Go => self.pc = b as usize,
            _ => {}
        }
    }

    /// Effects that are seen from outside.
    fn show(&self, effect: Effect, b: u32, run: &mut Run<'_>) {
        match effect {
            Effect::Digest => run.header.extend(b.to_be_bytes()),
            Effect::Send => run.send(b),
            Effect::Step => run.end.steps += 1,
            Effect::Mark => run.host.mark(b, run.digest.0),
            Effect::End => {
                assert!(self.stack.is_empty() || b != 1, "calls open at HALT");
                run.end.status = b as u8;
            }
            Effect::CountMacs => run.end.macs += u64::from(b & 0x7ff),
            _ => {}
        }
    }
}

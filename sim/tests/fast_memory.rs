//! What the fast executor takes of memory: nothing for an instruction, and of large spaces only what is touched.
#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use isa::program::{Metadata, Program};
use isa::{
    Add, Bltu, Dwmac, Halt, Instr, Li, Load, Loop, Matmul, Maxq, Operand, Profile, Requant, Status, Store, Subtree,
    Vadd, Wide,
};
use sim::fast::{Image, Workers};
use sim::{Engine, FastEngine, FastError, FastMachine, FastOptions};

/// The system's, counted.
struct Counted;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: it is the system's.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        // SAFETY: the caller's.
        unsafe { System.alloc_zeroed(layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counted = Counted;

fn program(profile: Profile, text: &[Instr]) -> Program {
    let text = text.iter().map(Instr::encode).collect();
    let constant = (0..200u8).map(|row| [row.wrapping_mul(37); 32]).collect();
    Program { profile, metadata: Metadata::default(), text, constant }
}

/// Every kind of kernel, over and over.
fn busy() -> Program {
    let lp = Loop::new(20, 3);
    let (d, a) = (Operand::new(0, 1, 20), Operand::new(200, 1, 20));
    let all = Loop::new(200, 1);
    let text: Vec<Instr> = vec![
        Li { rd: 1, imm: 100 }.into(),
        Load { lp: all, d: Operand::new(0, 1, 0), m: Wide::new(0, 1, 0), region: 2, space: false }.into(),
        Matmul { lp, d, a, w_base: 0, w_sk: 32, a_sk: 1, n: 32, k: 32, kt: 3, ..Matmul::default() }.into(),
        Dwmac { lp, d, a, w_base: 9, w_sk: 1, a_sk: 1, n: 32, kt: 3, acc: true, ..Dwmac::default() }.into(),
        Vadd { lp, d, a: d, b: Operand::new(7, 0, 0), n: 32, form: 3 }.into(),
        Requant { lp, d: Operand::new(300, 1, 20), a: d, b: Operand::new(8, 0, 0), n: 32, zp: 0, lo: -9, hi: 9 }.into(),
        Maxq { lp, d: Operand::new(400, 1, 20), a: Operand::new(300, 1, 20), a_sk: 1, kt: 2, acc: false }.into(),
        Store { lp: all, d: Operand::new(300, 1, 0), m: Wide::new(0, 1, 0), region: Subtree::Work as u8, space: false }
            .into(),
        Add { rd: 2, ra: 2, rb: 0, imm: 1 }.into(),
        Bltu { ra: 2, rb: 1, imm: 1 }.into(),
        Halt {}.into(),
    ];
    let profile = Profile { limit: 1 << 40, text: 4, constant: 8, work: 8, spad: 9, acc: 6, ..Profile::default() };
    program(profile, &text)
}

/// One test, so that no other allocates meanwhile.
#[test]
fn memory_is_used_again_and_spaces_cost_what_is_touched() {
    let program = busy();
    for threads in [1, 2] {
        let options = FastOptions { threads: Some(threads), grain_cycles: 500, ..FastOptions::default() };
        let mut machine = FastMachine::new(Image::new(&program), &[], Workers::new(&options).unwrap());
        // Long enough that each thread has its scratch, and the pages are there.
        machine.run_until(50 * 1000).unwrap();
        let before = ALLOCATIONS.load(Relaxed);
        machine.run_until(80 * 1000).unwrap();
        let count = ALLOCATIONS.load(Relaxed) - before;
        assert!(machine.is_running());
        // Asking for help may take some; instructions, of which these are hundreds, none.
        assert!(count <= if threads == 1 { 0 } else { 8 }, "{count} allocations on {threads} threads");
        machine.run_until(u64::MAX).unwrap();
        assert_eq!(machine.regs().status, Status::Halted.code());
    }
    the_largest_profile_costs_what_is_touched();
    what_a_program_may_write_has_an_end();
}

/// The most memory that this process has had, where the system says.
fn peak_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or(0, |line| line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024)
}

fn the_largest_profile_costs_what_is_touched() {
    let store = |row: u32| Store {
        lp: Loop::new(1, 1),
        d: Operand::new((1 << 20) - 1, 0, 0),
        m: Wide::new(row, 0, 0),
        region: Subtree::Work as u8,
        space: false,
    };
    let text: Vec<Instr> = vec![store(u32::MAX).into(), store(0).into(), Halt {}.into()];
    let profile = Profile { limit: 9, text: 32, constant: 32, input: 32, work: 32, output: 32, spad: 20, acc: 20 };
    let mut engine = FastEngine::new(&FastOptions::default()).unwrap();
    let before = peak_bytes();
    let outcome = engine.run_to_end(&program(profile, &text), &[]).unwrap();
    assert_eq!((outcome.status, outcome.steps), (Status::Halted, 3));
    let grown = peak_bytes().saturating_sub(before);
    assert!(grown < 200 << 20, "{grown} bytes");
}

fn what_a_program_may_write_has_an_end() {
    // Rows far apart, a page each.
    let store = Store {
        lp: Loop::new(60_000, 1),
        d: Operand::new(0, 0, 0),
        m: Wide::new(0, 1 << 16, 0),
        region: Subtree::Work as u8,
        space: false,
    };
    let profile = Profile { limit: 1 << 20, text: 1, work: 32, ..Profile::default() };
    let options = FastOptions { memory_bytes: 1 << 20, ..FastOptions::default() };
    let program = program(profile, &[store.into(), Halt {}.into()]);
    let program = Program { constant: Vec::new(), ..program };
    let failed = FastEngine::new(&options).unwrap().run_to_end(&program, &[]).unwrap_err();
    assert_eq!(failed.to_string(), FastError::Memory { region: Subtree::Work, limit_bytes: 1 << 20 }.to_string());
}

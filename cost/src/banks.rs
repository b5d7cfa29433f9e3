//! Who has had a bank of spad or acc in a cycle.

use crate::matrix::Matrix;
use hdl::Params;

/// One port of each bank: the cycle of its last grant, plus one.
#[derive(Debug)]
struct Ports {
    shift: u32,
    granted: Vec<u64>,
}

impl Ports {
    fn new(rows_log2: usize, banks: usize) -> Ports {
        Ports { shift: rows_log2 as u32 - banks.ilog2(), granted: vec![0; banks] }
    }

    fn bank(&self, row: i64) -> usize {
        (row >> self.shift) as usize & (self.granted.len() - 1)
    }

    fn take(&mut self, bank: usize, now: u64) -> bool {
        let free = self.granted[bank] != now + 1;
        self.granted[bank] = now + 1;
        free
    }
}

/// The banks. Units ask in the order of their priorities; the matrix unit, which has the highest, says what it does.
#[derive(Debug)]
pub(crate) struct Banks {
    spad_reads: Ports,
    spad_writes: Ports,
    acc_reads: Ports,
    acc_writes: Ports,
}

impl Banks {
    pub(crate) fn new(params: &Params) -> Banks {
        let spad = || Ports::new(params.spad_log2, params.spad_banks);
        let acc = || Ports::new(params.acc_log2, params.acc_banks);
        Banks { spad_reads: spad(), spad_writes: spad(), acc_reads: acc(), acc_writes: acc() }
    }

    pub(crate) fn read_spad(&mut self, row: i64, now: u64, matrix: &Matrix) -> bool {
        let bank = self.spad_reads.bank(row);
        !matrix.reads_spad(bank, now) && self.spad_reads.take(bank, now)
    }

    pub(crate) fn write_spad(&mut self, row: i64, now: u64) -> bool {
        let bank = self.spad_writes.bank(row);
        self.spad_writes.take(bank, now)
    }

    pub(crate) fn read_acc(&mut self, row: i64, now: u64, matrix: &Matrix) -> bool {
        let bank = self.acc_reads.bank(row);
        !matrix.reads_acc(bank, now) && self.acc_reads.take(bank, now)
    }

    pub(crate) fn write_acc(&mut self, row: i64, now: u64, matrix: &Matrix) -> bool {
        let bank = self.acc_writes.bank(row);
        !matrix.writes_acc(bank, now) && self.acc_writes.take(bank, now)
    }
}

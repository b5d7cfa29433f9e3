//! Who gets a bank.

use rust_hdl::prelude::*;

/// Grants each asking port its bank unless one before it asks for the same; combinational.
///
/// The bank is in the high bits of an address.
#[derive(LogicBlock)]
pub(crate) struct Arbiter {
    pub(crate) ask: Vec<Signal<In, Bit>>,
    pub(crate) address: Vec<Signal<In, Bits<20>>>,
    pub(crate) grant: Vec<Signal<Out, Bit>>,
    bank: Vec<Signal<Local, Bits<20>>>,
    want: Vec<Signal<Local, Bits<32>>>,
    /// The banks that earlier ports want, a bit each.
    taken: Vec<Signal<Local, Bits<32>>>,
    denied: Vec<Signal<Local, Bits<32>>>,
    one: Constant<Bits<32>>,
    bank_log2: Constant<Bits<20>>,
    last_bank: Constant<Bits<20>>,
    _ports: usize,
}

impl Arbiter {
    /// For so many ports of a memory of `2^rows_log2` rows in so many banks.
    pub(crate) fn new(rows_log2: usize, banks: usize, ports: usize) -> Arbiter {
        assert!(banks.is_power_of_two() && banks <= 32, "a bit of 32 stands for a bank");
        Arbiter {
            ask: (0..ports).map(|_| Signal::default()).collect(),
            address: (0..ports).map(|_| Signal::default()).collect(),
            grant: (0..ports).map(|_| Signal::default()).collect(),
            bank: (0..ports).map(|_| Signal::default()).collect(),
            want: (0..ports).map(|_| Signal::default()).collect(),
            taken: (0..ports).map(|_| Signal::default()).collect(),
            denied: (0..ports).map(|_| Signal::default()).collect(),
            one: Constant::new(1.into()),
            bank_log2: Constant::new((rows_log2 - banks.trailing_zeros() as usize).to_bits()),
            last_bank: Constant::new((banks - 1).to_bits()),
            _ports: ports,
        }
    }
}

impl Logic for Arbiter {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..self._ports {
            self.bank[i].next = (self.address[i].val() >> self.bank_log2.val()) & self.last_bank.val();
            self.want[i].next = 0.into();
            if self.ask[i].val() {
                self.want[i].next = self.one.val() << self.bank[i].val();
            }
        }
        self.taken[0].next = 0.into();
        self.denied[0].next = 0.into();
        self.grant[0].next = self.ask[0].val() & !self.denied[0].val().any();
        for i in 1..self._ports {
            self.taken[i].next = self.taken[i - 1].val() | self.want[i - 1].val();
            self.denied[i].next = self.want[i].val() & self.taken[i].val();
            self.grant[i].next = self.ask[i].val() & !self.denied[i].val().any();
        }
    }
}

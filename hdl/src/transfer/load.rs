//! `LOAD`: DRAM rows into spad, or row32s into acc; `GATHER`: rows whose numbers are in spad.
//!
//! Two halves: requests are made for one instruction while rows of those before it still arrive.

use rust_hdl::prelude::*;

use crate::operation::Operation;
use crate::prims::Kind;
use crate::transfer::bursts::{BURST_ROWS, Bursts};
use crate::transfer::indices::Indices;
use crate::transfer::places::Places;

/// Rows that may have been asked for and not have come: enough to bridge the memory's latency, few enough for others
/// who then ask.
const ROWS_IN_FLIGHT: u64 = 64;

/// The unit interface, a requester of the read port, and three ports of the banks.
///
/// Rows go to their places in the order of the program, so instructions need not wait for each other; only `GATHER`
/// does, for all before it, as its indices may be among what they load.
#[derive(LogicBlock)]
pub(crate) struct Load {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) ready: Signal<In, Bit>,
    pub(crate) op: Signal<In, Operation>,
    pub(crate) take: Signal<Out, Bit>,
    pub(crate) retire: Signal<Out, Bit>,
    pub(crate) state: Signal<Out, Bits<3>>,
    pub(crate) load_valid: Signal<Out, Bit>,
    pub(crate) load_row: Signal<Out, Bits<32>>,
    pub(crate) load_rows: Signal<Out, Bits<16>>,
    pub(crate) load_ready: Signal<In, Bit>,
    pub(crate) data_valid: Signal<In, Bit>,
    pub(crate) data: Signal<In, Bits<256>>,
    pub(crate) data_ready: Signal<Out, Bit>,
    pub(crate) spad_read: Signal<Out, Bit>,
    pub(crate) spad_address: Signal<Out, Bits<20>>,
    pub(crate) spad_grant: Signal<In, Bit>,
    pub(crate) spad_data: Signal<In, Bits<256>>,
    /// Never denied: there is no grant.
    pub(crate) spad_write: Signal<Out, Bit>,
    pub(crate) spad_write_address: Signal<Out, Bits<20>>,
    pub(crate) spad_write_data: Signal<Out, Bits<256>>,
    pub(crate) acc_write: Signal<Out, Bit>,
    pub(crate) acc_write_address: Signal<Out, Bits<20>>,
    pub(crate) acc_write_data: Signal<Out, Bits<1024>>,
    pub(crate) acc_write_grant: Signal<In, Bit>,
    asking: DFF<Bit>,
    gathers: DFF<Bit>,
    in_flight: DFF<Bits<8>>,
    bursts: Bursts,
    indices: Indices,
    places: Places,
    most_in_flight: Constant<Bits<8>>,
    gather: Signal<Local, Bit>,
    taken: Signal<Local, Bit>,
    room: Signal<Local, Bit>,
    asked: Signal<Local, Bit>,
    came: Signal<Local, Bit>,
    more: Signal<Local, Bits<8>>,
    asked_rows: Signal<Local, Bits<8>>,
}

impl Default for Load {
    fn default() -> Load {
        Load {
            clock: Signal::default(),
            ready: Signal::default(),
            op: Signal::default(),
            take: Signal::default(),
            retire: Signal::default(),
            state: Signal::default(),
            load_valid: Signal::default(),
            load_row: Signal::default(),
            load_rows: Signal::default(),
            load_ready: Signal::default(),
            data_valid: Signal::default(),
            data: Signal::default(),
            data_ready: Signal::default(),
            spad_read: Signal::default(),
            spad_address: Signal::default(),
            spad_grant: Signal::default(),
            spad_data: Signal::default(),
            spad_write: Signal::default(),
            spad_write_address: Signal::default(),
            spad_write_data: Signal::default(),
            acc_write: Signal::default(),
            acc_write_address: Signal::default(),
            acc_write_data: Signal::default(),
            acc_write_grant: Signal::default(),
            asking: DFF::default(),
            gathers: DFF::default(),
            in_flight: DFF::default(),
            bursts: Bursts::default(),
            indices: Indices::default(),
            places: Places::default(),
            most_in_flight: Constant::new((ROWS_IN_FLIGHT - BURST_ROWS).into()),
            gather: Signal::default(),
            taken: Signal::default(),
            room: Signal::default(),
            asked: Signal::default(),
            came: Signal::default(),
            more: Signal::default(),
            asked_rows: Signal::default(),
        }
    }
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl Logic for Load {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, asking, gathers, in_flight);
        clock!(self, clock, bursts, indices, places);

        // An instruction is taken when the requests of the one before are all made.
        self.gather.next = self.op.val().kind == Kind::Gather;
        self.taken.next = self.ready.val()
            & !self.asking.q.val()
            & self.places.ready.val()
            & (!self.gather.val() | self.places.idle.val());
        self.take.next = self.taken.val();

        // Requests. An index times the stride comes on top of the place that the loop is at.
        self.bursts.load.next = self.taken.val();
        self.bursts.base.next = self.op.val().region_base + self.op.val().a_base;
        self.bursts.n0.next = self.op.val().n0;
        self.bursts.n1.next = self.op.val().n1;
        self.bursts.s0.next = self.op.val().a_s0;
        if self.gather.val() {
            self.bursts.s0.next = 0.into();
        }
        self.bursts.s1.next = self.op.val().a_s1;
        self.bursts.wide.next = self.op.val().space;
        self.indices.load.next = self.taken.val() & self.gather.val();
        self.indices.first_row.next = self.op.val().p_base;
        self.indices.n0.next = self.op.val().n0;
        self.indices.n1.next = self.op.val().n1;
        self.indices.limit.next = self.op.val().limit;
        self.indices.stride.next = self.op.val().a_s0;
        self.spad_read.next = self.indices.spad_read.val();
        self.spad_address.next = self.indices.spad_address.val();
        self.indices.spad_grant.next = self.spad_grant.val();
        self.indices.spad_data.next = self.spad_data.val();
        self.room.next = self.in_flight.q.val() <= self.most_in_flight.val();
        self.load_valid.next =
            self.asking.q.val() & self.room.val() & (!self.gathers.q.val() | self.indices.valid.val());
        self.asked.next = self.asking.q.val()
            & self.room.val()
            & (!self.gathers.q.val() | self.indices.valid.val())
            & self.load_ready.val();
        self.load_row.next = self.bursts.row.val();
        if self.gathers.q.val() {
            self.load_row.next = self.bursts.row.val() + self.indices.offset.val();
        }
        self.load_rows.next = self.bursts.rows.val();
        self.bursts.step.next = self.asked.val();
        self.indices.step.next = self.asked.val();
        if self.taken.val() {
            self.asking.d.next = true;
            self.gathers.d.next = self.gather.val();
        } else if self.asked.val() & self.bursts.last.val() {
            self.asking.d.next = false;
        }

        // Rows.
        self.places.push.next = self.taken.val();
        self.places.op.next = self.op.val();
        self.places.data_valid.next = self.data_valid.val();
        self.places.data.next = self.data.val();
        self.data_ready.next = self.places.data_ready.val();
        self.came.next = self.data_valid.val() & self.places.data_ready.val();
        self.asked_rows.next = self.bursts.rows.val().get_bits::<8>(0);
        self.more.next = self.in_flight.q.val();
        if self.asked.val() {
            self.more.next = self.in_flight.q.val() + self.asked_rows.val();
        }
        self.in_flight.d.next = self.more.val();
        if self.came.val() {
            self.in_flight.d.next = self.more.val() - 1;
        }
        self.spad_write.next = self.places.spad_write.val();
        self.spad_write_address.next = self.places.address.val();
        self.spad_write_data.next = self.data.val();
        self.acc_write.next = self.places.acc_write.val();
        self.acc_write_address.next = self.places.address.val();
        self.acc_write_data.next = self.places.row32.val();
        self.places.acc_write_grant.next = self.acc_write_grant.val();
        self.retire.next = self.places.retire.val();

        // Work: a row came; bank: a row32 or a row of indices is denied; else memory is awaited.
        self.state.next = 4.into();
        if !self.asking.q.val() & self.places.idle.val() {
            self.state.next = 0.into();
        } else if self.came.val() | self.places.retire.val() {
            self.state.next = 1.into();
        } else if (self.places.acc_write.val() & !self.acc_write_grant.val())
            | (self.indices.spad_read.val() & !self.spad_grant.val())
        {
            self.state.next = 3.into();
        }
    }
}

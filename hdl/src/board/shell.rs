//! The machine and what is between it and the pins.

use rust_hdl::prelude::*;

use super::listener::Listener;
use super::machine::Instance;
use super::receiver::Receiver;
use super::ring::Ring;
use super::sender::Sender;
use super::server::Server;
use super::teller::Teller;
use super::told::Told;
use crate::params::Params;

/// What a board has to connect: a clock, the two lines of a UART, and perhaps a light for `busy`.
#[derive(LogicBlock)]
pub(crate) struct Shell<const BEAT: usize> {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) rx: Signal<In, Bit>,
    pub(crate) tx: Signal<Out, Bit>,
    pub(crate) busy: Signal<Out, Bit>,
    machine: Instance<BEAT>,
    receiver: Receiver,
    sender: Sender,
    listener: Listener,
    teller: Teller,
    told: Told,
    ring: Ring,
    server: Server<BEAT>,
}

impl<const BEAT: usize> Shell<BEAT> {
    /// For the machine of these parameters, whose port must have `BEAT` bits, and a line on which a bit takes so many cycles.
    pub(crate) fn new(params: &Params, cycles_per_bit: u64) -> Self {
        assert_eq!(params.port_bytes * 8, BEAT, "the caller chooses the width by the parameters");
        Shell {
            clock: Signal::default(),
            rx: Signal::default(),
            tx: Signal::default(),
            busy: Signal::default(),
            machine: Instance::default(),
            receiver: Receiver::new(cycles_per_bit),
            sender: Sender::new(cycles_per_bit),
            listener: Listener::default(),
            teller: Teller::default(),
            told: Told::new(params),
            ring: Ring::default(),
            server: Server::default(),
        }
    }
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl<const BEAT: usize> Logic for Shell<BEAT> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, machine, receiver, sender, listener, teller, told, ring, server);
        self.machine.clock_load.next = self.clock.val();
        self.machine.clock_store.next = self.clock.val();
        self.machine.clock_move.next = self.clock.val();
        self.machine.clock_matrix.next = self.clock.val();
        self.machine.clock_depthwise.next = self.clock.val();
        self.machine.clock_vector.next = self.clock.val();
        self.machine.clock_front.next = self.clock.val();
        self.machine.clock_scoreboard.next = self.clock.val();
        self.busy.next = self.machine.busy.val();

        // The line.
        self.receiver.line.next = self.rx.val();
        self.listener.valid.next = self.receiver.valid.val();
        self.listener.broken.next = self.receiver.broken.val();
        self.listener.octet.next = self.receiver.octet.val();
        self.tx.next = self.sender.line.val();
        self.sender.send.next = self.teller.send.val();
        self.sender.octet.next = self.teller.octet.val();
        self.teller.ready.next = self.sender.ready.val();

        // Frames.
        self.listener.open.next = self.server.open.val();
        self.server.put.next = self.listener.put.val();
        self.server.payload.next = self.listener.payload.val();
        self.server.frame.next = self.listener.frame.val();
        self.server.kind.next = self.listener.kind.val();
        self.server.number.next = self.listener.number.val();
        self.teller.tells.next = self.server.tells.val();
        self.teller.kind.next = self.server.asks.val();
        self.teller.number.next = self.server.turn.val();
        self.server.idle.next = self.teller.idle.val();
        self.server.rotate.next = self.teller.rotate.val();
        self.ring.clear.next = self.server.clear.val();
        self.ring.shift.next = self.server.shift.val();
        self.ring.octet.next = self.server.octet.val();
        self.server.row_of_ring.next = self.ring.row.val();
        self.teller.row.next = self.ring.row.val().get_bits::<8>(0);
        self.told.at.next = self.teller.at.val();
        self.teller.told.next = self.told.octet.val();

        // What is told.
        self.told.row.next = self.server.row.val();
        self.told.left.next = self.server.left.val();
        self.told.row_written.next = self.server.row_written.val();
        self.told.mark_id.next = self.machine.mark_id.val();
        self.told.mark_steps.next = self.machine.mark_steps.val();
        self.told.digest.next = self.machine.digest.val();
        self.told.status.next = self.machine.status.val();
        self.told.busy.next = self.machine.busy.val();
        self.told.steps.next = self.machine.steps.val();
        self.told.cycles.next = self.machine.cycles.val();
        self.told.macs.next = self.machine.macs.val();

        // The machine.
        self.server.busy.next = self.machine.busy.val();
        self.machine.start.next = self.server.start.val();
        self.machine.profile.next =
            bit_cast::<256, 64>(self.server.limit.val()) | (bit_cast::<256, 56>(self.server.sizes.val()) << 64);
        self.machine.base_text.next = self.server.bases.val().get_bits::<32>(0);
        self.machine.base_const.next = self.server.bases.val().get_bits::<32>(32);
        self.machine.base_input.next = self.server.bases.val().get_bits::<32>(64);
        self.machine.base_work.next = self.server.bases.val().get_bits::<32>(96);
        self.machine.base_output.next = self.server.bases.val().get_bits::<32>(128);
        self.server.mark_valid.next = self.machine.mark_valid.val();
        self.machine.mark_ready.next = self.server.mark_ready.val();
        self.server.read_valid.next = self.machine.read_valid.val();
        self.server.read_row.next = self.machine.read_row.val();
        self.server.read_rows.next = self.machine.read_rows.val();
        self.machine.read_ready.next = self.server.read_ready.val();
        self.machine.rdata_valid.next = self.server.rdata_valid.val();
        self.machine.rdata.next = self.ring.row.val().get_bits::<BEAT>(0);
        self.server.rdata_ready.next = self.machine.rdata_ready.val();
        self.server.write_valid.next = self.machine.write_valid.val();
        self.server.write_row.next = self.machine.write_row.val();
        self.server.write_rows.next = self.machine.write_rows.val();
        self.machine.write_ready.next = self.server.write_ready.val();
        self.server.wdata_valid.next = self.machine.wdata_valid.val();
        self.server.wdata.next = self.machine.wdata.val();
        self.machine.wdata_ready.next = self.server.wdata_ready.val();
        self.machine.written.next = self.server.written.val();
    }
}

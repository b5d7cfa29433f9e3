//! Leaves of the shell against their Verilog, and the lines against each other.

use rust_hdl::prelude::*;

use super::crc32::Crc32;
use super::receiver::Receiver;
use super::sender::Sender;
use super::told::Told;
use crate::equivalence::{compare, trace};
use crate::params::Params;

const CYCLES: usize = 1500;

#[test]
fn leaves_equal_their_verilog() {
    let params = Params::target("up5k").unwrap();
    let traces = [
        trace!("crc32", Crc32::default(), in {clear, enable, octet}, out {crc}, CYCLES, |it, rng| {
            it.clear.next = rng.one_in(20);
        }),
        trace!(
            "told",
            Told::new(&params),
            in {at, row, left, row_written, mark_id, mark_steps, digest, status, busy, steps, cycles, macs},
            out {octet},
            CYCLES,
            |it, rng| {}
        ),
    ];
    compare(&traces, &["DECLFILENAME"]);
}

#[test]
fn what_is_sent_is_received() {
    for cycles_per_bit in [4, 5, 16] {
        let mut sender = Box::new(Sender::new(cycles_per_bit));
        let mut receiver = Box::new(Receiver::new(cycles_per_bit));
        sender.connect_all();
        receiver.connect_all();
        let mut received = Vec::new();
        let mut sent: u64 = 0;
        for _ in 0..cycles_per_bit * 10 * 300 {
            sender.send.next = true;
            sender.octet.next = (sent % 256).into();
            for level in [false, true] {
                sender.clock.next = Clock { clk: level };
                receiver.clock.next = Clock { clk: level };
                if !level {
                    receiver.line.next = sender.line.val();
                }
                if level && sender.ready.val() {
                    sent += 1;
                }
                if level && receiver.valid.val() {
                    received.push(receiver.octet.val().to_u8());
                }
                assert!(!receiver.broken.val());
                assert!(simulate(sender.as_mut(), 50) && simulate(receiver.as_mut(), 50));
            }
        }
        let expected: Vec<u8> = (0..sent).map(|at| (at % 256) as u8).take(received.len()).collect();
        assert!(received.len() > 256);
        assert_eq!(received, expected);
    }
}

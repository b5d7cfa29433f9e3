//! The table and the queue against their Verilog.

use isa::random::Rng;
use rust_hdl::prelude::*;

use super::{Flight, Queue, UNITS};
use crate::equivalence::{Trace, compare, trace};

/// Bits of units that have any of `counts`, each with even chance.
fn some(rng: &mut Rng, counts: [usize; UNITS]) -> u64 {
    (0..UNITS).filter(|&unit| counts[unit] > 0 && rng.one_in(2)).map(|unit| 1 << unit).sum()
}

fn bits(value: Bits<6>) -> [usize; UNITS] {
    std::array::from_fn(|unit| usize::from(value.get_bit(unit)))
}

/// Few rows, so that hulls meet and miss; an offer stands until it has entered.
fn flight(entries: usize) -> Trace {
    let mut running = [0usize; UNITS];
    let mut standing = false;
    trace!(
        "flight",
        Flight::new(entries),
        in {clear, offer, unit, write_valid, write_space, write_low, write_high, first_valid, first_space, first_low, first_high,
            second_valid, second_acc, second_low, second_high, third_valid, third_low, third_high, room, takes, retires},
        out {entered, pushes, ready, waiting, live},
        4000,
        |it, rng| {
            it.clear.next = rng.one_in(300);
            it.room.next = (rng.bits() & 63).into();
            let ready = bits(it.ready.val());
            let takes = some(rng, ready);
            let retires = some(rng, running);
            for (unit, running) in running.iter_mut().enumerate() {
                *running += (takes >> unit & 1) as usize;
                *running -= (retires >> unit & 1) as usize;
            }
            (it.takes.next, it.retires.next) = (takes.into(), retires.into());
            if standing {
                it.offer.next = true;
            }
            let low = |rng: &mut Rng| rng.below(12);
            macro_rules! draw {
                ($low:ident, $high:ident) => {
                    let at = low(rng);
                    it.$low.next = at.into();
                    it.$high.next = (at + rng.below(4)).into();
                };
            }
            if standing {
                // As it was.
                macro_rules! keep { ($($port:ident)*) => { $(it.$port.next = it.$port.val();)* }; }
                keep!(unit write_valid write_space write_low write_high first_valid first_space first_low first_high
                    second_valid second_acc second_low second_high third_valid third_low third_high);
            } else {
                it.unit.next = rng.below(UNITS as u64).into();
                draw!(write_low, write_high);
                draw!(first_low, first_high);
                draw!(second_low, second_high);
                draw!(third_low, third_high);
            }
            standing = it.offer.next;
            it.clock.next = Clock { clk: false };
            assert!(simulate(it.as_mut(), 50));
            if it.clear.next {
                running = [0; UNITS];
            }
            standing &= !it.entered.val() && !it.clear.next;
        }
    )
}

fn queue(depth: usize) -> Trace {
    trace!("queue", Queue::new(depth), in {clear, push, item, pop}, out {head, empty, room}, 500, |it, rng| {
        it.clear.next = rng.one_in(50);
        it.push.next &= it.room.val();
        it.pop.next &= !it.empty.val();
    })
}

#[test]
fn flight_and_queue_equal_their_verilog() {
    for (entries, depth) in [(8, 4), (2, 2), (16, 8)] {
        compare(&[flight(entries), queue(depth)], &["DECLFILENAME", "UNUSEDPARAM"]);
    }
}

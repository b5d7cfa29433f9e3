//! What every part of the machine does in a cycle, in one word.

use rust_hdl::prelude::*;

use crate::front::Activity;
use crate::scoreboard::UNITS;

/// A unit's own state if it holds an instruction; else whether one waits for other units, or is about to be taken.
#[derive(LogicBlock)]
pub(crate) struct Monitor {
    pub(crate) states: Vec<Signal<In, Bits<3>>>,
    pub(crate) waiting: Signal<In, Bits<6>>,
    pub(crate) ready: Signal<In, Bits<6>>,
    pub(crate) front: Signal<In, Activity>,
    /// Three bits for each unit, then three for the front end.
    pub(crate) activity: Signal<Out, Bits<21>>,
    code: Signal<Local, Bits<3>>,
    codes: Signal<Local, Bits<21>>,
    front_code: Signal<Local, Bits<21>>,
}

impl Default for Monitor {
    fn default() -> Monitor {
        Monitor {
            states: (0..UNITS).map(|_| Signal::default()).collect(),
            waiting: Signal::default(),
            ready: Signal::default(),
            front: Signal::default(),
            activity: Signal::default(),
            code: Signal::default(),
            codes: Signal::default(),
            front_code: Signal::default(),
        }
    }
}

impl Logic for Monitor {
    #[hdl_gen]
    fn update(&mut self) {
        self.codes.next = 0.into();
        for i in 0..6 {
            self.code.next = self.states[i].val();
            if self.states[i].val() == 0 {
                if self.waiting.val().get_bit(i) {
                    self.code.next = 2.into();
                } else if self.ready.val().get_bit(i) {
                    self.code.next = 5.into();
                }
            }
            self.codes.next = (self.codes.val() >> 3) | (bit_cast::<21, 3>(self.code.val()) << 18);
        }
        self.front_code.next = 0.into();
        match self.front.val() {
            Activity::Off => {}
            Activity::Issue => {
                self.front_code.next = 1.into();
            }
            Activity::Fetch => {
                self.front_code.next = 2.into();
            }
            Activity::Full => {
                self.front_code.next = 3.into();
            }
            Activity::Result => {
                self.front_code.next = 4.into();
            }
            Activity::Clear => {
                self.front_code.next = 5.into();
            }
            Activity::End => {
                self.front_code.next = 6.into();
            }
        }
        self.activity.next = (self.codes.val() >> 3) | (self.front_code.val() << 18);
    }
}

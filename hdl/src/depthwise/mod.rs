//! `DWMAC`: three taps of some lanes a cycle, of 32 lanes or in several beats.
//!
//! An instruction of kt taps takes a pass for each three of them. A pass reads its rows of weights, then the rows of
//! a that its pixels need: a window keeps the three read last, so a pixel whose taps were read for the one before
//! reads only what is new.
//!
//! | pixel stride | reads a pixel of three taps |
//! |---|---|
//! | the stride of the taps | 1 |
//! | twice that | 2 |
//! | another | 3 |
//!
//! The window starts afresh with each inner loop. Weights of the next pass and the next instruction are read behind
//! the last row of the present one, without a gap.
//!
//! A pixel is multiplied in 32/`depthwise_lanes` beats; all but the last of them stop the reads.
//!
//! Stages: *ask* for a row ([`Asker`]), *shift* it into the window or the weights, *multiply* a pixel whose taps are
//! all there while its row of acc is asked for, *add*, *write*. A stage that cannot go on stops those before it; what
//! was read for a stopped stage is kept beside. A row of acc is not asked for while it is about to be written.

mod asker;
mod entry;
mod unit;

pub(crate) use unit::Depthwise;

//! The order of instructions: what does not depend on one another may change places.

mod ahead;
mod interleave;
mod roll;

use crate::text::Text;
pub(crate) use ahead::is_control;
pub(crate) use interleave::interleave;

/// Runs the passes.
pub(crate) fn run(text: &mut Text) {
    ahead::run(text);
    roll::run(text);
}

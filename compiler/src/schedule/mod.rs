//! The order of instructions: what does not depend on one another may change places.

mod ahead;

use crate::text::Text;

/// Runs the passes.
pub(crate) fn run(text: &mut Text) {
    ahead::run(text);
}

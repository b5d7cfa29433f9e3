//! Which program a model becomes: that of the rules, or where it is known what programs take, the one that takes least of those with other
//! cuts of each task, and with fewer tasks made together.

use crate::error::Result;
use crate::int_ir::IntGraph;
use crate::lower::Known;
use crate::plan::{Apart, ValueId};
use crate::predict::{self, Predictor};
use crate::{Compiled, Options, lower, memory, outline, plan};

/// Most tasks that are tried by themselves.
const MOST: usize = 64;
/// Of so many cycles one is lost by a program whose tasks are not tried by themselves.
const JOINTS: u64 = 20;

/// Runs all passes behind the integer graph.
///
/// # Errors
/// What the passes cannot do.
pub(crate) fn run(graph: &IntGraph, options: &Options) -> Result<Compiled> {
    let mut known = Known::default();
    let (rules, joints) = program(graph, options, (&Apart::new(), None), &mut known)?;
    let Some(predictor) = &options.predictor else { return Ok(rules) };
    // Nothing is better than what cannot be judged.
    let Some(of_rules) = predictor.of(&rules.program) else { return Ok(rules) };
    let cost = of_rules.cost(rules.program.text.len());
    // Programs that lose little lose little by what is made together.
    let joints = if of_rules.loses_less_than(JOINTS) { &[] } else { &joints[..] };
    let apart = apart(graph, options, (predictor, cost), joints, &mut known);
    let mut best = (cost, rules);
    let other = (!apart.is_empty()).then_some(&apart);
    for apart in std::iter::once(&Apart::new()).chain(other) {
        let Ok((compiled, _)) = program(graph, options, (apart, Some(predictor)), &mut known) else { continue };
        let Some(prediction) = predictor.of(&compiled.program) else { continue };
        let cost = prediction.cost(compiled.program.text.len());
        // A shorter text is no reason to take longer than the rules.
        if cost < best.0 && prediction.cycles <= of_rules.cycles {
            best = (cost, compiled);
        }
    }
    Ok(best.1)
}

/// The tasks that are better made by themselves, each judged by the rules' program without that one joint.
fn apart(
    graph: &IntGraph,
    options: &Options,
    (predictor, cost): (&Predictor, u64),
    joints: &[ValueId],
    known: &mut Known,
) -> Apart {
    let mut apart = Apart::new();
    // As many at once as there are processors, so that few programs are held.
    for joints in joints[..joints.len().min(MOST)].chunks(predict::threads()) {
        let programs: Vec<_> =
            joints.iter().map(|&joint| program(graph, options, (&Apart::from([joint]), None), known).ok()).collect();
        let costs = predict::all(&programs, |made| predictor.cost(&made.as_ref()?.0.program));
        apart.extend(
            joints
                .iter()
                .zip(costs)
                .filter(|(_, other)| other.is_some_and(|other| other < cost))
                .map(|(&joint, _)| joint),
        );
    }
    apart
}

/// One program, and which of its tasks could have been made apart.
fn program(
    graph: &IntGraph,
    options: &Options,
    (apart, predictor): (&Apart, Option<&Predictor>),
    known: &mut Known,
) -> Result<(Compiled, Vec<ValueId>)> {
    let plan = plan::run(graph, &options.target, apart)?;
    let homes = memory::run(&plan, &options.target);
    let (program, mut report) = lower::run(&plan, &homes, options, predictor, known)?;
    report.outline = outline::of(&plan, &homes);
    Ok((Compiled { program, report }, plan.joints()))
}

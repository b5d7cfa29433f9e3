//! Which program a model becomes: that of the rules, or where it is known what programs take, the one that takes least of those with other
//! cuts of each task, and with fewer tasks made together.

use std::thread;

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
    let together = || program(graph, options, (&Apart::new(), Some(predictor)), &mut known).ok();
    let (of_rules, together) = beside(|| predictor.of(&rules.program), together);
    // Nothing is better than what cannot be judged.
    let Some(of_rules) = of_rules.flatten() else { return Ok(rules) };
    let cost = of_rules.cost(rules.program.text.len());
    // Programs that lose little lose little by what is made together.
    let joints = if of_rules.loses_less_than(JOINTS) { &[] } else { &joints[..] };
    let apart = apart(graph, options, (predictor, cost), joints, &mut known);
    let mut alone = || program(graph, options, (&apart, Some(predictor)), &mut known).ok();
    let judge = |made: &Option<(Compiled, _)>| predictor.within(&made.as_ref()?.0.program, cost);
    let (of_together, alone) = beside(|| judge(&together), || if apart.is_empty() { None } else { alone() });
    let made = [(of_together.flatten(), together), (judge(&alone), alone)];
    let mut best = (cost, rules);
    for (prediction, made) in made {
        let (Some(prediction), Some((compiled, _))) = (prediction, made) else { continue };
        let cost = prediction.cost(compiled.program.text.len());
        // A shorter text is no reason to take longer than the rules.
        if cost < best.0 && prediction.cycles <= of_rules.cycles {
            best = (cost, compiled);
        }
    }
    Ok(best.1)
}

/// Both at once, the first on a thread of its own.
fn beside<T: Send, R>(first: impl FnOnce() -> T + Send, second: impl FnOnce() -> R) -> (Option<T>, R) {
    thread::scope(|scope| {
        let first = scope.spawn(first);
        let second = second();
        (first.join().ok(), second)
    })
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
        let costs = predict::all(&programs, |made| {
            let program = &made.as_ref()?.0.program;
            Some(predictor.within(program, cost)?.cost(program.text.len()))
        });
        let better = |other: Option<u64>| other.is_some_and(|other| other < cost);
        apart.extend(joints.iter().zip(costs).filter(|(_, other)| better(*other)).map(|(&joint, _)| joint));
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

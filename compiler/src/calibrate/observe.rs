//! What values are on the samples.

use std::collections::BTreeMap;

use super::range::{Histogram, quantization};
use super::{Calibration, Kind, Method, Sample};
use crate::error::{CompileError, Result, printable};
use crate::graph::{Constant, Graph};
use crate::int_ir::Quantization;
use crate::reference::float;

/// What was seen of a value.
type Seen<T> = BTreeMap<String, T>;

/// The quantisation of each point.
pub(super) fn ranges(
    graph: &Graph,
    calibration: &Calibration,
    points: &BTreeMap<String, Kind>,
) -> Result<BTreeMap<String, Quantization>> {
    let extremes = over(graph, &calibration.samples, points, |values| {
        values.fold((f32::INFINITY, f32::NEG_INFINITY), |(lo, hi), v| {
            // NaN stays, so that it is seen.
            (if v.is_nan() { v } else { lo.min(v) }, if v.is_nan() { v } else { hi.max(v) })
        })
    });
    let joined = join(extremes, |a, b| {
        let pick = |a: f32, b: f32, f: fn(f32, f32) -> f32| if a.is_nan() || b.is_nan() { f32::NAN } else { f(a, b) };
        (pick(a.0, b.0, f32::min), pick(a.1, b.1, f32::max))
    });
    for (name, &(lo, hi)) in &joined {
        if !(lo.is_finite() && hi.is_finite()) {
            let name = printable(name);
            return Err(CompileError::model(format!("the value `{name}` is not finite on the inputs to calibrate on")));
        }
    }
    if calibration.method == Method::MinMax {
        return Ok(joined
            .into_iter()
            .map(|(name, range)| (name.clone(), quantization(range, points[&name])))
            .collect());
    }
    let histograms = over_named(graph, &calibration.samples, points, |name, values| {
        let mut histogram = Histogram::new(joined[name]);
        values.for_each(|v| histogram.add(v));
        histogram
    });
    let histograms = join(histograms, Histogram::joined);
    Ok(histograms
        .into_iter()
        .map(|(name, histogram)| (name.clone(), quantization(histogram.range(calibration.method), points[&name])))
        .collect())
}

fn over<T: Send>(
    graph: &Graph,
    samples: &[Sample],
    points: &BTreeMap<String, Kind>,
    f: impl Fn(&mut dyn Iterator<Item = f32>) -> T + Sync,
) -> Vec<Seen<T>> {
    over_named(graph, samples, points, |_, values| f(values))
}

/// Evaluates the graph on each sample, on all cores, and folds each point's values.
fn over_named<T: Send>(
    graph: &Graph,
    samples: &[Sample],
    points: &BTreeMap<String, Kind>,
    f: impl Fn(&str, &mut dyn Iterator<Item = f32>) -> T + Sync,
) -> Vec<Seen<T>> {
    let one = |sample: &Sample| -> Seen<T> {
        let values = float::evaluate(graph, sample);
        let see = |name: &String| match values.get(name) {
            Some(Constant::F32(a)) => Some((name.clone(), f(name, &mut a.iter().copied()))),
            _ => None,
        };
        points.keys().filter_map(see).collect()
    };
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let share = samples.len().div_ceil(threads);
    std::thread::scope(|scope| {
        let work: Vec<_> = samples
            .chunks(share.max(1))
            .map(|chunk| scope.spawn(|| chunk.iter().map(&one).collect::<Vec<_>>()))
            .collect();
        work.into_iter().flat_map(|handle| handle.join().expect("an evaluation does not panic")).collect()
    })
}

/// All samples together, in their order.
fn join<T>(seen: Vec<Seen<T>>, f: impl Fn(T, T) -> T) -> Seen<T> {
    let mut out: Seen<T> = BTreeMap::new();
    for (name, value) in seen.into_iter().flatten() {
        let value = match out.remove(&name) {
            Some(before) => f(before, value),
            None => value,
        };
        out.insert(name, value);
    }
    out
}

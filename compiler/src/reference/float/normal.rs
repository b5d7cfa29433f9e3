//! Softmax and norms.

use ndarray::{ArrayD, Axis};

pub(super) fn softmax(x: &ArrayD<f32>, axis: usize) -> ArrayD<f32> {
    let mut out = x.mapv(f64::from);
    for mut lane in out.lanes_mut(Axis(axis)) {
        let largest = lane.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        lane.mapv_inplace(|v| (v - largest).exp());
        let sum = lane.sum();
        lane.mapv_inplace(|v| v / sum);
    }
    out.mapv(|v| v as f32)
}

/// Over the axes from one on: with the mean taken off or not.
pub(super) fn norm(
    x: &ArrayD<f32>,
    (axis, epsilon, centred): (usize, f32, bool),
    gamma: &ArrayD<f32>,
    beta: Option<&ArrayD<f32>>,
) -> ArrayD<f32> {
    let inner = &x.shape()[axis..];
    let features: usize = inner.iter().product();
    let spread = |p: &ArrayD<f32>| p.broadcast(inner).map(|p| p.iter().copied().collect::<Vec<f32>>());
    let gamma = spread(gamma).expect("it broadcasts");
    let beta = beta.and_then(spread).unwrap_or_else(|| vec![0.0; features]);
    let x = x.as_standard_layout();
    let mut out = Vec::with_capacity(x.len());
    for row in x.as_slice().unwrap_or_default().chunks(features) {
        let n = features as f64;
        let mean = if centred { row.iter().copied().map(f64::from).sum::<f64>() / n } else { 0.0 };
        let variance = row.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n;
        let root = (variance + f64::from(epsilon)).sqrt();
        let one =
            |(i, &v): (usize, &f32)| ((f64::from(v) - mean) / root * f64::from(gamma[i]) + f64::from(beta[i])) as f32;
        out.extend(row.iter().enumerate().map(one));
    }
    ArrayD::from_shape_vec(x.shape(), out).expect("as many elements")
}

/// `parameters`: scale, bias, mean, variance.
pub(super) fn batch_norm(x: &ArrayD<f32>, parameters: [&ArrayD<f32>; 4], epsilon: f32) -> ArrayD<f32> {
    let [scale, bias, mean, variance] = parameters.map(|p| p.iter().copied().collect::<Vec<f32>>());
    let mut out = x.clone();
    for (channel, mut lane) in out.axis_iter_mut(Axis(1)).enumerate() {
        let root = (f64::from(variance[channel]) + f64::from(epsilon)).sqrt();
        let factor = f64::from(scale[channel]) / root;
        lane.mapv_inplace(|v| ((f64::from(v) - f64::from(mean[channel])) * factor + f64::from(bias[channel])) as f32);
    }
    out
}

//! The demo's two plots.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;
use sim::Perf;

use super::fraud::Disputed;
use crate::output::thousands;

const SIZE: (u32, u32) = (900, 520);
/// The units, with their colours.
const UNITS: [(&str, RGBColor); 6] = [
    ("load", RGBColor(90, 140, 200)),
    ("store", RGBColor(40, 80, 150)),
    ("move", RGBColor(230, 160, 60)),
    ("matrix", RGBColor(70, 160, 90)),
    ("depthwise", RGBColor(140, 190, 110)),
    ("vector", RGBColor(170, 110, 180)),
];

/// The cycles of each layer, and in how many of them each unit worked: bars over a grey one.
pub(super) fn machine(path: &Path, perf: &Perf) -> Result<()> {
    draw(path, |root| {
        let longest = perf.layers.iter().map(|layer| layer.counters.cycles).max().unwrap_or(1);
        let count = perf.layers.len();
        let title = format!(
            "{}×{} accelerator: {} cycles, {:.1} % of MACs used",
            perf.array_rows,
            perf.array_cols,
            thousands(perf.counters.cycles),
            100.0 * perf.mac_utilisation
        );
        let mut chart = ChartBuilder::on(root)
            .caption(title, ("sans-serif", 20))
            .margin(14)
            .x_label_area_size(44)
            .y_label_area_size(190)
            .build_cartesian_2d(0..longest + longest / 20, -0.5..count as f64 - 0.5)?;
        let name = |y: &f64| {
            let index = count.checked_sub(1 + y.floor() as usize).and_then(|i| perf.layers.get(i));
            if y.fract() == 0.0 {
                index.map_or(String::new(), |layer| label(&layer.op, &layer.name))
            } else {
                String::new()
            }
        };
        chart
            .configure_mesh()
            .disable_y_mesh()
            .light_line_style(TRANSPARENT)
            .y_labels(count + 1)
            .y_label_formatter(&name)
            .x_label_formatter(&|x| thousands(*x))
            .x_desc("cycles")
            .draw()?;
        let bottom = |index: usize| (count - 1 - index) as f64 - 0.35;
        chart.draw_series(perf.layers.iter().enumerate().map(|(index, layer)| {
            let corners = [(0, bottom(index)), (layer.counters.cycles, bottom(index) + 0.7)];
            Rectangle::new(corners, RGBColor(225, 225, 225).filled())
        }))?;
        let height = 0.7 / UNITS.len() as f64;
        for (unit, (legend, colour)) in UNITS.iter().enumerate() {
            let bars = perf.layers.iter().enumerate().map(|(index, layer)| {
                let from = bottom(index) + height * (UNITS.len() - 1 - unit) as f64;
                Rectangle::new([(0, from), (layer.counters.work()[unit], from + height)], colour.filled())
            });
            let colour = *colour;
            chart
                .draw_series(bars)?
                .label(*legend)
                .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], colour.filled()));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .background_style(WHITE)
            .border_style(BLACK)
            .draw()?;
        Ok(())
    })
}

fn label(op: &str, name: &str) -> String {
    let mut text = if op.is_empty() { name.to_string() } else { format!("{op} {name}") };
    if text.chars().count() > 28 {
        text = text.chars().take(27).collect::<String>() + "…";
    }
    text
}

/// How the disputed stretch shrinks, and what each transaction costs.
pub(super) fn dispute(path: &Path, dispute: &Disputed) -> Result<()> {
    draw(path, |root| {
        let (upper, lower) = root.split_vertically(SIZE.1 / 2);
        let last = dispute.transcript.len() as f64;
        let title = format!(
            "One wrong product among {} micro-steps, found in {} transactions",
            dispute.steps, dispute.transactions
        );
        let mut chart = ChartBuilder::on(&upper)
            .caption(title, ("sans-serif", 20))
            .margin(14)
            .x_label_area_size(20)
            .y_label_area_size(80)
            .build_cartesian_2d(0.5..last + 0.5, (0.8..2.0 * dispute.steps as f64).log_scale())?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .x_labels(0)
            .y_label_formatter(&|y| thousands(*y as u64))
            .y_desc("micro-steps in dispute")
            .draw()?;
        let mut width: Vec<f64> = dispute.rounds.iter().map(|round| (round.hi - round.lo) as f64).collect();
        width.resize(dispute.transcript.len(), 1.0);
        let points: Vec<(f64, f64)> = (1..).map(f64::from).zip(width).collect();
        chart.draw_series(LineSeries::new(points.iter().copied(), BLUE.stroke_width(2)))?;
        chart.draw_series(points.iter().map(|&point| Circle::new(point, 4, BLUE.filled())))?;
        let most = dispute.transcript.iter().map(|receipt| receipt.gas).max().unwrap_or(1) as f64;
        let mut chart = ChartBuilder::on(&lower)
            .margin(14)
            .x_label_area_size(36)
            .y_label_area_size(80)
            .build_cartesian_2d(0.5..last + 0.5, 0.0..most * 1.15)?;
        let name =
            |x: &f64| dispute.transcript.get((*x as usize).wrapping_sub(1)).map_or(String::new(), |r| r.name.clone());
        let gas = |y: &f64| format!("{:.0} k", y / 1000.0);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .x_labels(dispute.transcript.len())
            .x_label_formatter(&name)
            .y_label_formatter(&gas)
            .y_desc("gas")
            .draw()?;
        chart.draw_series(dispute.transcript.iter().enumerate().map(|(index, receipt)| {
            let (x, colour) = (index as f64 + 1.0, if receipt.name == "prove" { RED } else { BLUE });
            Rectangle::new([(x - 0.3, 0.0), (x + 0.3, receipt.gas as f64)], colour.mix(0.7).filled())
        }))?;
        Ok(())
    })
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn draw(path: &Path, paint: impl FnOnce(&Area<'_>) -> Result<()>) -> Result<()> {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    paint(&root)?;
    root.present().map_err(|error| anyhow!("cannot write {}: {error}", path.display()))
}

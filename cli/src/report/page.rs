//! The page: one file with its style and pictures inside, which fetches nothing and runs nothing.

use super::svg::escaped;
use super::{LayerFacts, Report, svg};
use crate::estimate::{Forecast, LayerForecast, Use};
use crate::output::thousands;

const STYLE: &str = include_str!("page.css");

/// The pictures as SVG.
pub(super) struct Pictures {
    pub(super) memory: String,
    pub(super) before: String,
    pub(super) after: String,
}

/// The page of a report.
pub(super) fn page(report: &Report, pictures: &Pictures) -> String {
    let f = &report.forecast;
    let name = escaped(&f.program);
    let [rows, columns] = f.array;
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{name}, compiled</title>\n\
         <style>\n{STYLE}\n{}</style>\n</head>\n<body data-ready=\"true\">\n<header>\n<h1>{name}</h1>\n\
         <p class=\"note\">compiled for {} ({rows}×{columns} MACs), memory of {} bytes a cycle; cycles are predicted</p>\n\
         <dl id=\"facts\">{}</dl>\n</header>\n<main>\n\
         <section><h2>Layers</h2>{}<p class=\"note\">cycles: by how many the layer ends after all before it. MAC use: its products over \
         those cycles of the array; above 100 % where it began under the layers before. result in: rows of spad, or the region of DRAM. error: of the \
         dequantised result, root of the mean square in steps, and signal to noise, against {}.</p></section>\n\
         <section><h2>Memory</h2><div class=\"scroll\">{}</div><p class=\"note\">each memory over the run, row 0 at the bottom: what will still be read. \
         Lines: a layer ends.</p></section>\n\
         <section><h2>Graph before: {} nodes of the model</h2><div class=\"scroll tall\">{}</div></section>\n\
         <section><h2>Graph after: {} tasks of the machine</h2><div class=\"scroll tall\">{}</div>\
         <p class=\"note\">dashed: through DRAM.</p></section>\n</main>\n</body>\n</html>\n",
        svg::STYLE,
        escaped(&f.target),
        f.memory.bytes_per_cycle,
        facts(f),
        table(report),
        escaped(&report.compared),
        pictures.memory,
        report.nodes_before,
        pictures.before,
        report.tasks_after,
        pictures.after,
    )
}

fn facts(f: &Forecast) -> String {
    let fact = |name: &str, value: String, unit: &str| {
        format!("<div><dt>{name}</dt><dd>{value}<small>{unit}</small></dd></div>")
    };
    let space = |name: &str, it: Use| fact(name, thousands(it.used_rows), &format!("of {} rows", thousands(it.rows)));
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    [
        fact("cycles", thousands(f.cycles), ""),
        fact("time", format!("{:.3} ms", f.milliseconds), &format!("at {} MHz", f.mhz)),
        fact("MACs", thousands(f.model_macs), ""),
        fact("MAC use", percent(f.mac_utilisation), ""),
        fact("read", thousands(f.bytes_read), "bytes"),
        fact("written", thousands(f.bytes_written), "bytes"),
        fact("traffic", format!("{:.2}×", f.traffic()), "weights, input and output once"),
        space("spad", f.spad),
        space("acc", f.acc),
        fact("text", thousands(f.instructions), "instructions run"),
    ]
    .concat()
}

fn table(report: &Report) -> String {
    let rows =
        report.forecast.layers.iter().zip(&report.facts).map(|(layer, facts)| row(&report.forecast, layer, facts));
    format!(
        "<div class=\"scroll\"><table id=\"layers\"><thead><tr><th class=\"text\">operator</th><th class=\"text\">name</th>\
         <th>shape</th><th>MACs</th><th>cycles</th><th class=\"text\">share</th><th>MAC use</th><th class=\"text\">bound by</th><th>read</th>\
         <th>written</th><th>weights</th><th>result in</th><th>error</th><th>SNR</th></tr></thead><tbody>{}</tbody></table></div>",
        rows.collect::<String>()
    )
}

fn row(f: &Forecast, layer: &LayerForecast, facts: &LayerFacts) -> String {
    let shape = layer.shape.iter().map(u32::to_string).collect::<Vec<_>>().join("×");
    let fused: String = facts.fused.iter().map(|what| format!(" + {what}")).collect();
    let share = 100.0 * layer.cost.own_cycles as f64 / f.cycles.max(1) as f64;
    let number = |value: u64| if value == 0 { "–".into() } else { thousands(value) };
    let use_of_array =
        if layer.cost.macs == 0 { "–".into() } else { format!("{:.1} %", 100.0 * layer.mac_utilisation) };
    let place = match (facts.on_chip_rows, facts.dram_region) {
        (Some(rows), _) => format!("spad {}", thousands(rows)),
        (None, Some(region)) => region.into(),
        (None, None) => "–".into(),
    };
    let (error, ratio) = match facts.error {
        Some(error) => (
            format!("{:.2}", error.rms_steps),
            error.signal_to_noise_db.map_or("exact".into(), |db| format!("{db:.1} dB")),
        ),
        None => ("–".into(), "–".into()),
    };
    let cells = [
        number(layer.model_macs),
        thousands(layer.cost.own_cycles),
        format!("<i style=\"width:{:.1}px\"></i>{share:.1} %", share.min(100.0) * 0.8),
        use_of_array,
        layer.bound.into(),
        number(layer.cost.bytes_read),
        number(layer.cost.bytes_written),
        number(facts.const_bytes),
        place,
        error,
        ratio,
    ];
    let cells = cells.iter().enumerate().map(|(index, cell)| {
        let class = if matches!(index, 2 | 4) { " class=\"text\"" } else { "" };
        format!("<td{class}>{cell}</td>")
    });
    format!(
        "<tr><td class=\"text\">{}{fused}</td><td class=\"text name\">{}</td><td>{shape}</td>{}</tr>",
        escaped(&layer.op),
        escaped(&svg::shortened(&layer.name, 36)),
        cells.collect::<String>()
    )
}

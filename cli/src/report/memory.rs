//! What lies where and when: a picture of spad, acc and work, and the regions of DRAM by size.

use cost::{CONTENTS, MapSpace, MemoryMap};

use super::svg::{escaped, picture};
use crate::estimate::Forecast;
use crate::output::thousands;

const LEFT: f64 = 92.0;
const WIDTH: f64 = 1060.0;
const RIGHT: f64 = 18.0;

/// The picture.
pub(super) fn draw(map: &MemoryMap, forecast: &Forecast) -> String {
    let (mut body, mut y) = (legend(), 34.0);
    for (space, height) in map.spaces.iter().zip([260.0, 120.0, 120.0]) {
        if space.rows > 0 {
            body += &memory(map, space, forecast, y, height);
            y += height + 34.0;
        }
    }
    body += &cycles(map, y - 30.0);
    y += 14.0;
    body += &regions(forecast, y);
    picture("memory", LEFT + WIDTH + RIGHT, y + 66.0, &body)
}

fn legend() -> String {
    let mut x = LEFT;
    let mut body = String::new();
    for (index, name) in CONTENTS.iter().enumerate() {
        body += &format!(
            "<rect class=\"c{}\" x=\"{x:.0}\" y=\"8\" width=\"11\" height=\"11\" rx=\"2\"/><text x=\"{:.0}\" y=\"18\">{name}</text>",
            index + 1,
            x + 16.0
        );
        x += 34.0 + 6.6 * name.len() as f64;
    }
    body
}

fn memory(map: &MemoryMap, space: &MapSpace, forecast: &Forecast, top: f64, height: f64) -> String {
    let mut body = format!(
        "<text class=\"head\" x=\"8\" y=\"{:.0}\">{}</text><text class=\"soft\" x=\"8\" y=\"{:.0}\">{} rows</text>\
         <rect class=\"frame\" x=\"{LEFT}\" y=\"{top}\" width=\"{WIDTH}\" height=\"{height}\"/>",
        top + 14.0,
        space.name,
        top + 30.0,
        thousands(space.rows)
    );
    body +=
        &format!("<text class=\"tick\" x=\"{}\" y=\"{:.0}\" text-anchor=\"end\">0</text>", LEFT - 6.0, top + height);
    let (column, band) = (WIDTH / map.columns as f64, height / space.bands as f64);
    for content in 1..=CONTENTS.len() as u8 {
        let mut path = String::new();
        for (index, line) in space.cells.chunks(map.columns).enumerate() {
            // Row 0 is at the bottom.
            let y = top + height - (index + 1) as f64 * band;
            let mut at = 0;
            while at < line.len() {
                let run = line[at..].iter().take_while(|&&cell| cell == line[at]).count();
                if line[at] == content {
                    let (x, width) = (LEFT + at as f64 * column, run as f64 * column);
                    path += &format!("M{x:.1} {y:.1}h{width:.1}v{band:.1}h-{width:.1}z");
                }
                at += run;
            }
        }
        if !path.is_empty() {
            let title = CONTENTS[usize::from(content) - 1];
            body += &format!("<path class=\"c{content}\" d=\"{path}\"><title>{}: {title}</title></path>", space.name);
        }
    }
    for layer in &forecast.layers {
        let x = LEFT + WIDTH * layer.cost.end_cycle as f64 / map.cycles.max(1) as f64;
        body += &format!(
            "<path class=\"line\" d=\"M{x:.1} {top}v{height}\"><title>{} {} ends</title></path>",
            escaped(&layer.op),
            escaped(&layer.name)
        );
    }
    body
}

fn cycles(map: &MemoryMap, y: f64) -> String {
    let marks = (0..=4u64).map(|quarter| {
        let x = LEFT + WIDTH * quarter as f64 / 4.0;
        let anchor = match quarter {
            0 => "start",
            4 => "end",
            _ => "middle",
        };
        let cycle = thousands(map.cycles * quarter / 4);
        format!("<text class=\"tick\" x=\"{x:.0}\" y=\"{:.0}\" text-anchor=\"{anchor}\">{cycle}</text>", y + 12.0)
    });
    format!("{}<text class=\"soft\" x=\"8\" y=\"{:.0}\">cycle</text>", marks.collect::<String>(), y + 12.0)
}

fn regions(forecast: &Forecast, top: f64) -> String {
    let d = &forecast.dram;
    let regions = [
        ("const", d.constant, 1),
        ("input", d.input, 2),
        ("work", d.work, 4),
        ("output", d.output, 5),
        ("text", d.text, 6),
    ];
    let total = regions.iter().map(|(_, bytes, _)| bytes).sum::<u64>().max(1);
    let mut body = format!(
        "<text class=\"head\" x=\"8\" y=\"{:.0}\">DRAM</text><text class=\"soft\" x=\"8\" y=\"{:.0}\">bytes</text>",
        top + 14.0,
        top + 30.0
    );
    let (mut x, mut label) = (LEFT, LEFT);
    for (name, bytes, content) in regions {
        let width = WIDTH * bytes as f64 / total as f64;
        let text = format!("{name} {}", thousands(bytes));
        body += &format!(
            "<rect class=\"c{content}\" x=\"{x:.1}\" y=\"{top}\" width=\"{width:.1}\" height=\"24\"><title>{text}</title></rect>\
             <rect class=\"c{content}\" x=\"{label:.0}\" y=\"{:.0}\" width=\"11\" height=\"11\" rx=\"2\"/>\
             <text x=\"{:.0}\" y=\"{:.0}\">{text}</text>",
            top + 36.0,
            label + 16.0,
            top + 46.0
        );
        x += width;
        label += 48.0 + 6.8 * text.len() as f64;
    }
    body
}

//! A trace as JSON for Perfetto and Chrome's tracing: <https://ui.perfetto.dev> opens it.
//!
//! One cycle is one microsecond there. Process 1 has a track a unit with its instructions, process 2 what each part does,
//! process 3 the layers; counters are the queues. Written as it goes: nothing is held but the trace itself.

use std::io::{self, Write};

use serde_json::{Value, json};
use sim::LayerPerf;
use sim::rtl::{FRONT, FRONT_CODES, Trace, UNIT_CODES, UNITS};

use super::spans::{PARTS, Piece, pieces};

/// What a piece of the text is called.
pub(crate) trait Names {
    /// The instruction in this row of text.
    fn instruction(&self, pc: u32) -> String;
    /// The layer that it belongs to.
    fn layer(&self, pc: u32) -> String;
}

const INSTRUCTIONS: u32 = 1;
const ACTIVITY: u32 = 2;
const LAYERS: u32 = 3;

/// Writes a run of `cycles` cycles.
///
/// # Errors
/// Writing failed.
pub(crate) fn write(
    out: &mut impl Write,
    trace: &Trace,
    cycles: u64,
    names: &impl Names,
    layers: &[LayerPerf],
) -> io::Result<()> {
    write!(out, "{{\"displayTimeUnit\":\"ms\",\"otherData\":{},\"traceEvents\":[", other(trace, cycles))?;
    let mut first = true;
    let mut line = |out: &mut dyn Write, value: Value| -> io::Result<()> {
        let comma = if std::mem::take(&mut first) { "" } else { "," };
        write!(out, "{comma}\n{value}")
    };
    for value in tracks() {
        line(out, value)?;
    }
    for LayerPerf { op, name, begin_cycle, own_cycles, counters, .. } in layers {
        let name = format!("{op} {name}");
        let args =
            json!({"macs": counters.macs, "bytes_read": counters.bytes_read, "bytes_written": counters.bytes_written});
        line(
            out,
            json!({"ph": "X", "name": name, "pid": LAYERS, "tid": 0, "ts": begin_cycle, "dur": own_cycles, "args": args}),
        )?;
    }
    pieces(trace, cycles, &mut |piece| match event(piece, names) {
        Some(value) => line(out, value),
        None => Ok(()),
    })?;
    writeln!(out, "\n]}}")
}

fn other(trace: &Trace, cycles: u64) -> Value {
    json!({"generator": "systole", "unit": "one microsecond is one cycle", "cycles": cycles, "cut_at_cycle": trace.cut_at_cycle})
}

/// The names of processes and tracks, in the order in which they are to be shown.
fn tracks() -> Vec<Value> {
    let process = |pid: u32, name: &str| {
        let meta = |what: &str, args: Value| json!({"ph": "M", "name": what, "pid": pid, "tid": 0, "args": args});
        [meta("process_name", json!({"name": name})), meta("process_sort_index", json!({"sort_index": pid}))]
    };
    let thread = |pid: u32, tid: usize, name: &str| {
        let meta = |what: &str, args: Value| json!({"ph": "M", "name": what, "pid": pid, "tid": tid, "args": args});
        [meta("thread_name", json!({"name": name})), meta("thread_sort_index", json!({"sort_index": tid}))]
    };
    let mut all = Vec::new();
    all.extend(process(INSTRUCTIONS, "instructions"));
    all.extend(process(ACTIVITY, "activity"));
    all.extend(process(LAYERS, "layers"));
    all.extend(thread(LAYERS, 0, "layer"));
    for part in 0..PARTS {
        if let Some(unit) = UNITS.get(part) {
            all.extend(thread(INSTRUCTIONS, part, unit));
        }
        all.extend(thread(ACTIVITY, part, super::part(part)));
    }
    all
}

fn event(piece: Piece, names: &impl Names) -> Option<Value> {
    Some(match piece {
        Piece::Instruction { unit, pc, issued, taken, begin, end } => {
            let text = names.instruction(pc);
            let name = text.split(' ').next().unwrap_or_default();
            let args = json!({"text": text, "pc": pc, "layer": names.layer(pc), "issued": issued, "taken": taken, "retired": end});
            json!({"ph": "X", "name": name, "pid": INSTRUCTIONS, "tid": unit, "ts": begin, "dur": end - begin, "args": args})
        }
        Piece::Activity { part, code, begin, end } => {
            let codes = if part == FRONT { FRONT_CODES } else { UNIT_CODES };
            let name = codes.get(usize::from(code))?;
            json!({"ph": "X", "name": name, "pid": ACTIVITY, "tid": part, "ts": begin, "dur": end - begin})
        }
        Piece::Queue { unit, cycle, waiting } => {
            let name = format!("{} queue", UNITS.get(usize::from(unit))?);
            json!({"ph": "C", "name": name, "pid": INSTRUCTIONS, "ts": cycle, "args": {"waiting": waiting}})
        }
    })
}

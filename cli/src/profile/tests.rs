//! The page and the trace of a made-up run: the digits program on a machine whose rows take a cycle each.

use std::path::Path;

use isa::{Instr, Mark, Regs};
use sim::rtl::{EventKind, FRONT, LayerCounts, Trace, TraceEvent};
use sim::{Counters, Perf};

use super::*;

/// The unit that an instruction would go to.
fn unit(instr: &Instr) -> Option<u8> {
    Some(match instr {
        Instr::Load(_) | Instr::Gather(_) => 0,
        Instr::Store(_) | Instr::Mark(_) | Instr::Lw(_) | Instr::Sw(_) => 1,
        Instr::Move(_) | Instr::Fill(_) => 2,
        Instr::Matmul(_) => 3,
        Instr::Dwmac(_) => 4,
        _ if isa::spec(instr.opcode()).group == isa::Group::Control => return None,
        _ => 5,
    })
}

fn digits() -> Program {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/digits/digits.onnx");
    crate::commands::compile::compile(&std::fs::read(path).unwrap(), "digits", "p16", None).unwrap().program
}

/// Each unit takes its instructions one after another, `slow` cycles a row.
fn made_up(program: &Program, slow: u64) -> (Perf, Trace) {
    let mut events = Vec::new();
    let mut free = [0u64; 6];
    let mut now = 40;
    let mut layers = vec![LayerCounts::default()];
    let mut last_end = 0;
    for (pc, leaf) in (0..).zip(&program.text) {
        let Ok(instr) = Instr::decode(leaf) else { continue };
        let Some(unit) = unit(&instr) else { continue };
        now += 9;
        let rows = isa::micro_steps(&instr, &Regs::default()) * slow;
        let begin = free[usize::from(unit)].max(now + 2);
        let end = begin + rows + 12;
        free[usize::from(unit)] = end;
        let mut event = |cycle, kind| events.push(TraceEvent { cycle, kind });
        event(now, EventKind::Issued { unit, pc });
        event(begin, EventKind::Taken { unit });
        event(begin, EventKind::Activity { unit, code: 5 });
        event(begin + 6, EventKind::Activity { unit, code: 1 });
        event(begin + 6 + rows, EventKind::Activity { unit, code: if unit < 2 { 4 } else { 6 } });
        event(end, EventKind::Retired { unit });
        event(end, EventKind::Activity { unit, code: 2 });
        let Some(layer) = layers.last_mut() else { continue };
        layer.end_cycle = layer.end_cycle.max(end);
        let counted = &mut layer.counters;
        let codes = &mut counted.units[usize::from(unit)];
        codes[5] += 6;
        codes[1] += rows;
        codes[6] += 6;
        if unit == 3 {
            counted.macs += 700 * rows;
        }
        if unit == 0 {
            counted.bytes_read += 32 * rows;
        }
        if let Instr::Mark(Mark { imm }) = instr {
            layer.mark = Some(imm);
            layer.counters.cycles = layer.end_cycle.saturating_sub(last_end).max(1);
            last_end = last_end.max(layer.end_cycle);
            layers.push(LayerCounts::default());
        }
        now = now.max(begin.saturating_sub(2000));
    }
    events.push(TraceEvent { cycle: 3, kind: EventKind::Activity { unit: FRONT, code: 5 } });
    events.push(TraceEvent { cycle: 40, kind: EventKind::Activity { unit: FRONT, code: 1 } });
    events.sort_by_key(|event| event.cycle);
    layers.retain(|layer| layer.mark.is_some());
    let mut total = Counters { cycles: free.into_iter().max().unwrap_or_default(), ..Counters::default() };
    for LayerCounts { counters, .. } in &layers {
        total.macs += counters.macs;
        total.bytes_read += counters.bytes_read;
        for (sum, part) in total.units.iter_mut().flatten().zip(counters.units.as_flattened()) {
            *sum += part;
        }
    }
    (Perf::new((16, 16), total, &layers, &program.metadata.layers), Trace { events, cut_at_cycle: None })
}

fn profile(perf: &Perf) -> Profile {
    Profile::new(Setting { program: "digits.sys", target: "p16", bytes_per_cycle: 16 }, perf)
}

#[test]
fn a_trace_is_json_with_every_instruction() {
    let program = digits();
    let (perf, trace) = made_up(&program, 1);
    let mut out = Vec::new();
    let names = ProgramNames::of(&program);
    chrome::write(&mut out, &trace, perf.counters.cycles, &names, &perf.layers).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
    let events = json["traceEvents"].as_array().unwrap();
    let issued = trace.events.iter().filter(|event| matches!(event.kind, EventKind::Issued { .. })).count();
    let shown = events.iter().filter(|event| event["ph"] == "X" && event["pid"] == 1).count();
    assert_eq!(shown, issued);
    assert!(
        events.iter().any(|event| event["args"]["text"].as_str().is_some_and(|text| text.starts_with("matmul n0=")))
    );
}

#[test]
fn a_page_is_one_file_and_of_bounded_size() {
    let program = digits();
    let (perf, mut trace) = made_up(&program, 1);
    let profile = profile(&perf);
    let names = ProgramNames::of(&program);
    let page = page::page(&profile, &trace, &names).unwrap();
    assert!(page.contains("\"kind\":\"pieces\"") && !page.contains("/*"), "a place was not filled in");
    assert!(
        !page.contains("src=") && !page.contains("@import") && !page.contains("url("),
        "the page fetches something"
    );
    if let Ok(folder) = std::env::var("SYSTOLE_PAGES") {
        std::fs::write(Path::new(&folder).join("pieces.html"), &page).unwrap();
    }
    let once = trace.events.clone();
    let mut long = profile.clone();
    while trace.events.len() < 4 * MOST_PIECES {
        let later = |event: &TraceEvent| TraceEvent { cycle: event.cycle + long.total.cycles, ..*event };
        trace.events.extend(once.iter().map(later));
        long.total.cycles += profile.total.cycles;
    }
    let page = page::page(&long, &trace, &names).unwrap();
    assert!(page.contains("\"kind\":\"bins\"") && page.len() < 1 << 20, "{} bytes", page.len());
    if let Ok(folder) = std::env::var("SYSTOLE_PAGES") {
        std::fs::write(Path::new(&folder).join("bins.html"), &page).unwrap();
    }
}

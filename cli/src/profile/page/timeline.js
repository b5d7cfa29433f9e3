// The timeline: a band of layers, for each unit its instructions and what it was doing, and the front end.
function timeline() {
  const root = $("timeline");
  const data = DATA.timeline;
  const doing = data.activity;
  const exact = doing.kind === "pieces";
  const end = Math.max(1, DATA.cut_at_cycle ?? DATA.cycles);
  const [LEFT, TOP, AXIS] = [86, 4, 22];
  const STRIDE = 5, ACTIVITY = 3;
  const HUES = [212, 262, 172, 30, 330, 95, 0, 235];
  let [from, to, width] = [0, end, 800];
  let lanes = [];

  const X = (cycle) => LEFT + ((cycle - from) / (to - from)) * (width - LEFT);
  const cycleAt = (x) => from + ((x - LEFT) / (width - LEFT)) * (to - from);

  // A lane is a row of the drawing: layers, instructions of a unit, activity of a part.
  function layout() {
    lanes = [];
    let y = TOP;
    const lane = (kind, part, height, gap) => {
      lanes.push({ kind, part, y, height });
      y += height + gap;
    };
    if (DATA.layers.length) lane("layers", 0, 18, 8);
    for (let part = 0; part <= FRONT; part++) {
      if (data.instructions && part < FRONT) lane("instructions", part, 20, 1);
      lane("activity", part, data.instructions ? 12 : 24, 7);
    }
    return y;
  }

  // Index of the first piece that ends after `cycle`.
  function first(pieces, stride, at, cycle) {
    let [low, high] = [0, pieces.length / stride];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (pieces[middle * stride + at] + pieces[middle * stride + at + 1] > cycle) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  // A colour for each instruction that occurs.
  const mnemonic = (text) => text.split(" ")[0];
  const mnemonics = [...new Set(Object.values(data.texts).map(([text]) => mnemonic(text)))].sort();
  const hue = (text) => HUES[mnemonics.indexOf(mnemonic(text)) % HUES.length];

  function instructions({ part, y, height }) {
    const pieces = data.instructions[part];
    const scale = (width - LEFT) / (to - from);
    let body = "";
    let [open, close] = [NaN, NaN];
    const flush = () => {
      if (close > open) body += `<rect class="instruction many" x="${open.toFixed(2)}" y="${y}" width="${(close - open).toFixed(2)}" height="${height}" fill="var(--soft)" fill-opacity=".55"/>`;
      [open, close] = [NaN, NaN];
    };
    for (let i = first(pieces, STRIDE, 3, from); i * STRIDE < pieces.length; i++) {
      const [pc, , , begin, length] = pieces.slice(i * STRIDE, i * STRIDE + STRIDE);
      if (begin >= to) break;
      const [x0, x1] = [Math.max(LEFT, X(begin)), Math.min(width, X(begin + length))];
      if (length * scale < 2) {
        // Too narrow to be seen alone: neighbours are drawn as one.
        if (x0 - close > 1) flush();
        if (Number.isNaN(open)) open = x0;
        close = Math.max(x1, open + 0.6);
        continue;
      }
      flush();
      const text = data.texts[pc][0];
      const wide = x1 - x0;
      body += `<rect class="instruction" x="${x0.toFixed(2)}" y="${y}" width="${Math.max(0.5, wide - 0.7).toFixed(2)}" height="${height}" rx="2" fill="hsl(${hue(text)} 26% 45%)"/>`;
      const room = Math.floor((wide - 8) / 6.8);
      const name = text.split(" ")[0];
      if (room >= name.length) body += `<text class="inside" x="${(x0 + 4).toFixed(1)}" y="${y + height / 2 + 4}">${escape(text.length > room ? name : text)}</text>`;
    }
    flush();
    return body;
  }

  // Cycles of each code by pixel.
  function columns(part) {
    const count = Math.max(1, Math.floor(width - LEFT));
    const step = (to - from) / count;
    const sums = new Float64Array(count * 7);
    const add = (code, begin, length, share) => {
      const [a, b] = [Math.max(0, (begin - from) / step), Math.min(count, (begin + length - from) / step)];
      for (let column = Math.floor(a); column < b; column++) {
        sums[column * 7 + code] += (Math.min(b, column + 1) - Math.max(a, column)) * share;
      }
    };
    if (exact) {
      const pieces = doing.parts[part];
      for (let i = first(pieces, ACTIVITY, 1, from); i * ACTIVITY < pieces.length && pieces[i * ACTIVITY + 1] < to; i++) {
        add(pieces[i * ACTIVITY], pieces[i * ACTIVITY + 1], pieces[i * ACTIVITY + 2], 1);
      }
    } else {
      const bins = doing.parts[part], size = doing.bin_cycles;
      for (let bin = Math.max(0, Math.floor(from / size)); bin < bins.length && bin * size < to; bin++) {
        for (let code = 1; code < 7; code++) if (bins[bin][code - 1]) add(code, bin * size, size, bins[bin][code - 1] / 1000);
      }
    }
    return { count, sums };
  }

  function activity({ part, y, height }) {
    const { count, sums } = columns(part);
    const paths = Array(7).fill("");
    for (let code = 1, below = new Float64Array(count); code < 7; code++) {
      for (let column = 0; column < count; ) {
        const share = sums[column * 7 + code];
        const base = below[column];
        let next = column + 1;
        while (next < count && Math.abs(sums[next * 7 + code] - share) < 0.01 && Math.abs(below[next] - base) < 0.01) next++;
        if (share > 0.004) {
          const [h, yy] = [share * height, y + height * (1 - base - share)];
          paths[code] += `M${LEFT + column},${yy.toFixed(2)}h${next - column}v${h.toFixed(2)}h${column - next}z`;
        }
        for (let c = column; c < next; c++) below[c] += sums[c * 7 + code];
        column = next;
      }
    }
    return paths.map((path, code) => (path ? `<path class="activity" d="${path}" fill="${colour(part, code)}"/>` : "")).join("");
  }

  function bands({ y, height }) {
    return DATA.layers
      .map((layer, i) => {
        const [x0, x1] = [Math.max(LEFT, X(layer.begin)), Math.min(width, X(layer.begin + layer.own_cycles))];
        if (x1 <= LEFT || x0 >= width || x1 - x0 < 0.3) return "";
        const room = Math.floor((x1 - x0 - 8) / 6.2);
        const name = [`${layer.op} ${layerName(layer)}`, layerName(layer), layer.op].find((text) => text && text.length <= room);
        return (
          `<rect class="layer" x="${x0.toFixed(2)}" y="${y}" width="${Math.max(0.5, x1 - x0 - 1).toFixed(2)}" height="${height}" rx="2" fill="var(--band-${i % 2 ? "b" : "a"})"/>` +
          (name ? `<text class="band" x="${(x0 + 4).toFixed(1)}" y="${y + 13}">${escape(name)}</text>` : "")
        );
      })
      .join("");
  }

  function axis(y) {
    const raw = (to - from) / Math.max(2, (width - LEFT) / 110);
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = Math.max(1, [1, 2, 5, 10].map((m) => m * power).find((m) => m >= raw));
    let body = "";
    for (let cycle = Math.ceil(from / step) * step; cycle <= to; cycle += step) {
      const x = X(cycle);
      const anchor = x > width - 30 ? "end" : x < LEFT + 20 ? "start" : "middle";
      body += `<line class="grid" x1="${x}" x2="${x}" y1="${TOP}" y2="${y}"/><text class="tick" x="${x}" y="${y + 14}" text-anchor="${anchor}">${whole(cycle)}</text>`;
    }
    return body;
  }

  function draw() {
    width = Math.max(360, root.clientWidth || 900);
    const bottom = layout();
    let [body, grid] = ["", axis(bottom)];
    for (const lane of lanes) {
      if (lane.kind !== "layers") grid += `<rect class="lane" x="${LEFT}" y="${lane.y}" width="${width - LEFT}" height="${lane.height}" rx="2"/>`;
      body += { layers: bands, instructions, activity }[lane.kind](lane);
      const label = lane.kind === "layers" ? "layers" : lane.kind === "instructions" || !data.instructions || lane.part === FRONT ? DATA.part_names[lane.part] : "";
      body += `<text class="soft" x="${LEFT - 10}" y="${lane.y + lane.height / 2 + 4}" text-anchor="end">${label}</text>`;
    }
    body += `<line class="hover-line" id="hover" x1="-9" x2="-9" y1="${TOP}" y2="${bottom}"/>`;
    root.innerHTML = svg(width, bottom + AXIS, grid + body);
    $("range").textContent = `cycles ${whole(from)} to ${whole(to)} (${whole(to - from)})`;
  }

  function go(a, b) {
    const length = Math.min(end, Math.max(20, b - a));
    from = Math.max(0, Math.min(end - length, a - (length - (b - a)) / 2));
    to = from + length;
    draw();
  }

  function zoom(factor, at = (from + to) / 2) {
    go(at - (at - from) * factor, at + (to - at) * factor);
  }

  function instructionTip({ part }, cycle) {
    const pieces = data.instructions[part];
    const slack = (1.5 * (to - from)) / (width - LEFT);
    const i = first(pieces, STRIDE, 3, cycle - slack);
    if (i * STRIDE >= pieces.length || pieces[i * STRIDE + 3] > cycle + slack) return null;
    const [pc, issued, waited, begin, length] = pieces.slice(i * STRIDE, i * STRIDE + STRIDE);
    const [text, layer] = data.texts[pc];
    const row = (name, value) => `<tr><td class="left">${name}</td><td>${value}</td></tr>`;
    return (
      `<b>${DATA.part_names[part]}</b> ${escape(layer)}<code>${escape(text)}</code><table>` +
      row("row of text", whole(pc)) + row("cycles", whole(length)) + row("issued", whole(issued)) +
      row("taken", `${whole(issued + waited)} (waited ${whole(waited)})`) + row("begun", whole(begin)) +
      row("retired", whole(begin + length)) + "</table>"
    );
  }

  function activityTip({ part }, cycle) {
    const { count, sums } = columns(part);
    const column = Math.min(count - 1, Math.max(0, Math.floor(((cycle - from) / (to - from)) * count)));
    const step = (to - from) / count;
    const counts = [...sums.subarray(column * 7, column * 7 + 7)].map((share) => share * step);
    const begin = from + column * step;
    if (exact && step < 1.5) {
      const code = counts.indexOf(Math.max(...counts));
      return `<b>${DATA.part_names[part]}</b>: ${codeName(part, counts[code] > step / 2 ? code : 0)} at cycle ${whole(Math.floor(cycle))}`;
    }
    return `<b>${DATA.part_names[part]}</b>, cycles ${whole(begin)} to ${whole(begin + step)}${codeRows(part, counts, step)}`;
  }

  function hover(event) {
    const box = root.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const line = $("hover");
    if (x < LEFT) {
      line.setAttribute("x1", -9);
      line.setAttribute("x2", -9);
      return tip.hide();
    }
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    const cycle = cycleAt(x);
    const lane = lanes.find((lane) => y >= lane.y - 1 && y <= lane.y + lane.height + 1);
    let html = null;
    if (lane?.kind === "layers") {
      const layer = DATA.layers.find((layer) => cycle >= layer.begin && cycle < layer.begin + layer.own_cycles);
      html = layer ? layerTip(layer) : null;
    } else if (lane?.kind === "instructions") html = instructionTip(lane, cycle);
    else if (lane?.kind === "activity" && cycle < end) html = activityTip(lane, cycle);
    if (html) tip.show(html, event.clientX, event.clientY);
    else tip.hide();
  }

  let grabbed = null;
  root.addEventListener("pointerdown", (event) => {
    grabbed = { x: event.clientX, from, to };
    root.setPointerCapture(event.pointerId);
    root.classList.add("grabbed");
    tip.hide();
  });
  root.addEventListener("pointermove", (event) => {
    if (!grabbed) return hover(event);
    const moved = ((grabbed.x - event.clientX) / (width - LEFT)) * (grabbed.to - grabbed.from);
    go(grabbed.from + moved, grabbed.to + moved);
  });
  const release = () => {
    grabbed = null;
    root.classList.remove("grabbed");
  };
  root.addEventListener("pointerup", release);
  root.addEventListener("pointercancel", release);
  root.addEventListener("pointerleave", tip.hide);
  root.addEventListener("dblclick", (event) => zoom(0.25, cycleAt(event.clientX - root.getBoundingClientRect().left)));
  root.addEventListener(
    "wheel",
    (event) => {
      const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY) ? event.deltaX : event.shiftKey ? event.deltaY : 0;
      if (sideways) {
        event.preventDefault();
        const moved = (sideways / (width - LEFT)) * (to - from);
        go(from + moved, to + moved);
      } else if (event.ctrlKey || event.metaKey || document.activeElement === root) {
        event.preventDefault();
        zoom(Math.exp(Math.sign(event.deltaY) * 0.25), cycleAt(event.clientX - root.getBoundingClientRect().left));
      }
      tip.hide();
    },
    { passive: false },
  );
  const KEYS = {
    "+": () => zoom(0.5), "=": () => zoom(0.5), w: () => zoom(0.5), "-": () => zoom(2), s: () => zoom(2), 0: () => go(0, end),
    ArrowLeft: () => go(from - (to - from) / 4, to - (to - from) / 4), a: () => KEYS.ArrowLeft(),
    ArrowRight: () => go(from + (to - from) / 4, to + (to - from) / 4), d: () => KEYS.ArrowRight(),
  };
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  $("zoom-in").addEventListener("click", () => zoom(0.5));
  $("zoom-out").addEventListener("click", () => zoom(2));
  $("zoom-all").addEventListener("click", () => go(0, end));

  const notes = ["Drag to move; + and −, a double click, Ctrl with the wheel, or the wheel after a click to zoom."];
  if (DATA.layers.length) notes.push("A click on a layer below shows it here.");
  if (!exact) {
    const what = data.instructions ? "" : " Instructions are left out.";
    notes.push(`The run has ${whole(data.pieces)} pieces, more than a page holds: what the parts do is shown in stretches of ${whole(doing.bin_cycles)} cycles.${what} The trace has all.`);
  }
  if (DATA.cut_at_cycle !== null) notes.push(`Events were recorded up to cycle ${whole(DATA.cut_at_cycle)}; there were too many.`);
  $("timeline-legend").innerHTML = `units: ${legend(0)} front end: ${legend(FRONT)}`;
  $("timeline-note").textContent = notes.join(" ");
  draw();
  return { go, draw };
}

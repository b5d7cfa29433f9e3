// What every part did, over the whole run.
function parts() {
  const row = (name, part) => {
    const counts = DATA.parts[part];
    const busy = counts[1];
    return (
      `<span>${name}</span><div class="part" data-i="${part}">${stack(part, counts, DATA.cycles)}</div>` +
      `<span class="number">${percent(busy / DATA.cycles)} ${codeName(part, 1)}</span>`
    );
  };
  const root = $("parts");
  root.innerHTML =
    `<div class="parts">${DATA.part_names.map(row).join("")}</div>` +
    `<div class="legend">units: ${legend(0)}</div><div class="legend">front end: ${legend(FRONT)}</div>` +
    `<p class="note"><b>operand</b>: the next instruction waits for another unit’s result. <b>bank</b>: a memory bank served another access. ` +
    `<b>memory</b>: waits for DRAM or its port. <b>start</b>: set-up, first weights. <b>drain</b>: the unit’s own pipeline. ` +
    `<b>full</b>: a queue or the table of instructions in flight is full. <b>result</b>: waits for LW or ARGMAX. The rest is idle.</p>`;
  tip.over(root, ".part", (target) => {
    const part = Number(target.dataset.i);
    return `<b>${DATA.part_names[part]}</b>${codeRows(part, DATA.parts[part], DATA.cycles)}`;
  });
}

// The unit that works most in a layer.
function busiest(layer) {
  let best = 0;
  for (let part = 1; part < FRONT; part++) if (layer.parts[part][1] > layer.parts[best][1]) best = part;
  return best;
}

const COLUMNS = [
  { name: "#", value: (l) => l.mark },
  { name: "layer", left: true, value: (l) => layerName(l) },
  { name: "cycles", value: (l) => l.cycles },
  { name: "of the run", value: (l) => l.own_cycles / DATA.cycles },
  { name: "MACs", value: (l) => l.macs },
  { name: "MAC utilisation", value: (l) => l.mac_utilisation },
  { name: "memory", value: (l) => bytesOf(l) },
  { name: "bytes a cycle", value: (l) => bytesOf(l) / l.cycles },
  { name: "busiest unit, and what it did", left: true, value: (l) => l.parts[busiest(l)][1] / l.cycles },
];

function layers(state) {
  const root = $("layers");
  let [sorted, up] = [0, true];
  const row = (layer) => {
    const part = busiest(layer);
    const use = Math.min(1, layer.mac_utilisation);
    return (
      `<tr data-i="${DATA.layers.indexOf(layer)}"><td>${layer.mark}</td>` +
      `<td class="left name"><span class="op">${escape(layer.op)}</span>${escape(layerName(layer))}</td>` +
      `<td>${whole(layer.cycles)}</td><td>${percent(layer.own_cycles / DATA.cycles)}</td><td>${short(layer.macs)}</td>` +
      `<td><div class="meter"><div class="bar"><i style="width:${100 * use}%"></i></div><b>${percent(layer.mac_utilisation)}</b></div></td>` +
      `<td>${short(bytesOf(layer))}B</td><td>${(bytesOf(layer) / layer.cycles).toFixed(2)}</td>` +
      `<td class="left wide"><div class="cause"><span class="busy">${DATA.part_names[part]}</span>${stack(part, layer.parts[part], layer.cycles)}</div></td></tr>`
    );
  };
  const draw = () => {
    const rows = [...DATA.layers].sort((a, b) => {
      const [x, y] = [COLUMNS[sorted].value(a), COLUMNS[sorted].value(b)];
      return (x < y ? -1 : x > y ? 1 : a.begin - b.begin) * (up ? 1 : -1);
    });
    const head = COLUMNS.map(
      (column, i) =>
        `<th data-i="${i}" class="${column.left ? "left " : ""}${i === sorted ? "sorted" : ""}${up ? " up" : ""}">${column.name}</th>`,
    );
    root.innerHTML = DATA.layers.length
      ? `<div class="scroll"><table><thead><tr>${head.join("")}</tr></thead><tbody>${rows.map(row).join("")}</tbody></table></div>` +
        `<p class="note"><b>cycles</b>: in which a unit had an instruction of the layer; layers overlap. <b>of the run</b>: from the end of all ` +
        `layers before to its own end, as in the timeline. MACs, memory and causes are those of its own instructions.</p>`
      : `<p class="note">The program marks no layers.</p>`;
  };
  draw();
  root.addEventListener("click", (event) => {
    const head = event.target.closest("th");
    if (head) {
      const column = Number(head.dataset.i);
      [sorted, up] = [column, column === sorted ? !up : COLUMNS[column].left || column === 0];
      return draw();
    }
    const target = event.target.closest("tbody tr");
    if (target) state.show(DATA.layers[target.dataset.i]);
  });
  tip.over(root, "tbody tr", (target) => {
    const layer = DATA.layers[target.dataset.i];
    const part = busiest(layer);
    return `${layerTip(layer)}<b>${DATA.part_names[part]}</b>${codeRows(part, layer.parts[part], layer.cycles)}`;
  });
}

const FRONT = DATA.part_names.length - 1;
const $ = (id) => document.getElementById(id);
const escape = (text) => String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
const whole = (n) => Math.round(n).toLocaleString("en");
const percent = (share, digits = 1) => (100 * share).toFixed(digits) + " %";
const short = (n) => {
  const steps = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
  for (const [size, letter] of steps) if (n >= size) return (n / size).toPrecision(3) + " " + letter;
  return (n >= 100 || Number.isInteger(n) ? String(Math.round(n)) : n.toPrecision(3)) + " ";
};
const codeName = (part, code) => (part === FRONT ? DATA.front_codes : DATA.unit_codes)[code];
// The front end's issuing is its work.
const colour = (part, code) => `var(--${codeName(part, code).replace("issue", "work").replace("off", "idle")})`;
const bytesOf = (counted) => counted.bytes_read + counted.bytes_written;
const layerName = (layer) => layer.name || `mark ${layer.mark}`;

// Cycles of a part by code, as rows of a tooltip, most first; what is missing to `cycles` is idle.
function codeRows(part, counts, cycles) {
  const rows = counts.map((count, code) => ({ code, count })).filter((row) => row.code !== 0 && row.count > 0);
  const known = rows.reduce((sum, row) => sum + row.count, 0);
  rows.sort((a, b) => b.count - a.count);
  if (cycles > known) rows.push({ code: 0, count: cycles - known });
  const cell = ({ code, count }) =>
    `<tr><td class="left" style="--c:${colour(part, code)}">${codeName(part, code)}</td>` +
    `<td>${whole(count)}</td><td>${percent(count / cycles)}</td></tr>`;
  return `<table>${rows.map(cell).join("")}</table>`;
}

// The colours of a part's codes.
function legend(part) {
  const names = part === FRONT ? DATA.front_codes : DATA.unit_codes;
  return names.map((name, code) => (code === 0 ? "" : `<span style="--c:${colour(part, code)}">${name}</span>`)).join("");
}

// A bar of a part's codes over so many cycles.
function stack(part, counts, cycles) {
  const piece = (count, code) =>
    code === 0 || count === 0 ? "" : `<i style="width:${(100 * count) / cycles}%;background:${colour(part, code)}"></i>`;
  return `<div class="stack">${counts.map(piece).join("")}</div>`;
}

const tip = {
  show(html, x, y) {
    const box = $("tip");
    box.innerHTML = html;
    box.hidden = false;
    const { width, height } = box.getBoundingClientRect();
    const left = x + 16 + width > innerWidth ? x - 16 - width : x + 16;
    const top = y + 16 + height > innerHeight ? y - 16 - height : y + 16;
    box.style.left = Math.max(4, left) + "px";
    box.style.top = Math.max(4, top) + "px";
  },
  hide() {
    $("tip").hidden = true;
  },
  // Shows `html(target)` over what matches `selector` in `root`.
  over(root, selector, html) {
    root.addEventListener("mousemove", (event) => {
      const target = event.target.closest(selector);
      if (target) tip.show(html(target), event.clientX, event.clientY);
      else tip.hide();
    });
    root.addEventListener("mouseleave", tip.hide);
  },
};

function layerTip(layer) {
  const intensity = bytesOf(layer) ? layer.macs / bytesOf(layer) : 0;
  const row = (name, value) => `<tr><td class="left" style="--c:transparent">${name}</td><td>${value}</td></tr>`;
  return (
    `<b>${escape(layerName(layer))}</b> ${escape(layer.op)}<table>` +
    row("cycles", whole(layer.cycles)) +
    (layer.own_cycles === undefined ? "" : row("of the run", percent(layer.own_cycles / DATA.cycles))) +
    row("MACs", whole(layer.macs)) +
    row("MACs a cycle", `${(layer.macs / layer.cycles).toFixed(1)} (${percent(layer.mac_utilisation)})`) +
    row("bytes read, written", `${whole(layer.bytes_read)}, ${whole(layer.bytes_written)}`) +
    row("MACs a byte", intensity.toFixed(1)) +
    "</table>"
  );
}

function svg(width, height, body) {
  return `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">${body}</svg>`;
}

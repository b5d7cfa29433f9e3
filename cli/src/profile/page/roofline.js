function roofline() {
  const root = $("roofline");
  const peak = DATA.array[0] * DATA.array[1];
  const layers = DATA.layers.filter((layer) => layer.macs > 0 && bytesOf(layer) > 0);
  const points = layers.map((layer) => ({ layer, x: layer.macs / bytesOf(layer), y: layer.macs / layer.cycles }));
  const run = DATA.macs > 0 && bytesOf(DATA) > 0 ? { x: DATA.macs / bytesOf(DATA), y: DATA.macs / DATA.cycles } : null;
  const ridge = peak / DATA.bytes_per_cycle;
  const all = run ? [...points, run] : points;
  const log = Math.log10;
  const xs = [Math.floor(log(Math.min(0.5, ridge / 10, ...all.map((p) => p.x / 1.2)))), Math.ceil(log(Math.max(ridge * 10, ...all.map((p) => p.x * 1.2))))];
  const ys = [Math.floor(log(Math.min(1, ...all.map((p) => p.y / 1.2)))), log(Math.max(peak * 2, ...all.map((p) => p.y * 1.5)))];
  const width = Math.max(320, root.clientWidth || 560), height = 360;
  const [left, right, top, bottom] = [46, 14, 12, 38];
  const X = (v) => left + ((log(v) - xs[0]) / (xs[1] - xs[0])) * (width - left - right);
  const Y = (v) => height - bottom - ((log(v) - ys[0]) / (ys[1] - ys[0])) * (height - top - bottom);
  let body = "";
  for (let e = xs[0]; e <= xs[1]; e++) {
    body += `<line class="grid" x1="${X(10 ** e)}" x2="${X(10 ** e)}" y1="${top}" y2="${height - bottom}"/>`;
    body += `<text class="tick" x="${X(10 ** e)}" y="${height - bottom + 15}" text-anchor="middle">${10 ** e}</text>`;
  }
  for (let e = ys[0]; e <= ys[1]; e++) {
    body += `<line class="grid" x1="${left}" x2="${width - right}" y1="${Y(10 ** e)}" y2="${Y(10 ** e)}"/>`;
    body += `<text class="tick" x="${left - 6}" y="${Y(10 ** e) + 4}" text-anchor="end">${10 ** e}</text>`;
  }
  const [low, high] = [Math.max(10 ** xs[0], 10 ** ys[0] / DATA.bytes_per_cycle), 10 ** xs[1]];
  body += `<path class="roof solid" d="M${X(low)},${Y(low * DATA.bytes_per_cycle)}L${X(ridge)},${Y(peak)}L${X(high)},${Y(peak)}"/>`;
  body += `<text class="soft" x="${width - right - 4}" y="${Y(peak) - 11}" text-anchor="end">${peak} MACs a cycle</text>`;
  const middle = Math.sqrt(low * ridge);
  const slope = (-180 / Math.PI) * Math.atan2(Y(low * DATA.bytes_per_cycle) - Y(peak), X(ridge) - X(low));
  const [mx, my] = [X(middle), Y(middle * DATA.bytes_per_cycle)];
  body += `<text class="soft" x="${mx}" y="${my - 7}" text-anchor="middle" transform="rotate(${slope} ${mx} ${my})">${DATA.bytes_per_cycle} bytes a cycle</text>`;
  body += `<text class="soft" x="${(left + width - right) / 2}" y="${height - 4}" text-anchor="middle">MACs a byte of memory traffic</text>`;
  body += `<text class="soft" transform="translate(12 ${(top + height - bottom) / 2}) rotate(-90)" text-anchor="middle">MACs a cycle</text>`;
  const size = (layer) => 4 + 12 * Math.sqrt(layer.own_cycles / DATA.cycles);
  const order = points.map((p, i) => i).sort((a, b) => points[b].layer.cycles - points[a].layer.cycles);
  const labels = [];
  for (const i of order) {
    const { layer, x, y } = points[i];
    body += `<circle class="point" data-i="${i}" cx="${X(x)}" cy="${Y(y)}" r="${size(layer)}"/>`;
    const text = layerName(layer).slice(0, 22);
    const box = [X(x) + size(layer) + 4, Y(y) + 4, text.length * 6.5];
    const clear = labels.every((b) => Math.abs(b[1] - box[1]) > 13 || b[0] > box[0] + box[2] || box[0] > b[0] + b[2]);
    if (clear && labels.length < 24 && box[0] + box[2] < width) {
      labels.push(box);
      body += `<text class="soft" x="${box[0]}" y="${box[1]}" pointer-events="none">${escape(text)}</text>`;
    }
  }
  if (run) body += `<circle class="point whole" data-i="-1" cx="${X(run.x)}" cy="${Y(run.y)}" r="6"/>`;
  root.innerHTML = svg(width, height, body);
  const left_out = DATA.layers.length - layers.length;
  $("roofline-note").textContent =
    "A point is a layer, as large as its share of the run; the ring is the whole run." +
    (left_out ? ` ${left_out} of ${DATA.layers.length} layers have no products.` : "");
  return points;
}

function listenToRoofline(state) {
  const layer = (target) => (target.dataset.i === "-1" ? null : state.points[target.dataset.i].layer);
  const whole_run = () => ({ ...DATA, name: "whole run", op: "" });
  tip.over($("roofline"), ".point", (target) => layerTip(layer(target) || whole_run()));
  $("roofline").addEventListener("click", (event) => {
    const target = event.target.closest(".point");
    if (target) state.show(layer(target));
  });
}

function facts() {
  const unit = ([number, name]) => `${number}<small>${name}</small>`;
  const all = [
    ["cycles", whole(DATA.cycles)],
    ["MACs", short(DATA.macs)],
    ["MAC utilisation", percent(DATA.mac_utilisation)],
    ["MACs a cycle", unit([(DATA.macs / DATA.cycles).toFixed(1), `of ${DATA.array[0] * DATA.array[1]}`])],
    ["read", short(DATA.bytes_read) + "B"],
    ["written", short(DATA.bytes_written) + "B"],
    ["bytes a cycle", unit([(bytesOf(DATA) / DATA.cycles).toFixed(2), `of ${DATA.bytes_per_cycle}`])],
  ];
  $("title").textContent = DATA.program;
  $("subtitle").textContent = `on ${DATA.target}: ${DATA.array[0]} × ${DATA.array[1]} array, ${DATA.bytes_per_cycle} bytes of memory a cycle`;
  $("facts").innerHTML = all.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join("");
  document.title = `${DATA.program} on ${DATA.target}: profile`;
}

const state = { points: [], show: () => {} };
facts();
const view = timeline();
state.show = (layer) => {
  if (layer) view.go(layer.begin, layer.begin + layer.own_cycles);
  else view.go(0, DATA.cycles);
  $("timeline").scrollIntoView({ block: "nearest", behavior: "smooth" });
};
state.points = roofline();
listenToRoofline(state);
parts();
layers(state);
let resizing = 0;
addEventListener("resize", () => {
  cancelAnimationFrame(resizing);
  resizing = requestAnimationFrame(() => {
    state.points = roofline();
    view.draw();
  });
});
document.body.dataset.ready = "true";

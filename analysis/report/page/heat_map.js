// Heat maps, one frame at a time: a slider chooses which. All frames share one scale, so that they
// can be compared.

function heatMapSlider(part, show) {
  if (part.frames.length < 2) return null;
  const label = element("output", {}, part.frames[0].label);
  const slide = element("input", { type: "range", min: 0, max: part.frames.length - 1, value: 0, "aria-label": part.slider });
  slide.addEventListener("input", () => {
    label.textContent = part.frames[slide.value].label;
    show(Number(slide.value));
  });
  return element("label", { class: "slider" }, `${part.slider} `, slide, label);
}

function heatMapTip(part, item) {
  const [x, y, value] = item.value;
  return `${safe(part.x.title)} ${safe(part.x.labels[x])}, ${safe(part.y.title)} ${safe(part.y.labels[y])}` +
         `<br><b>${format(value, part.unit)}</b>`;
}

chartTypes.heat_map = (part) => {
  const largest = largestOf(part.frames.map((frame) => largestOf(frame.cells.map((cell) => cell[2]))));
  const chart = { height: () => Math.min(640, 130 + Math.max(160, 16 * part.y.labels.length)) };
  let frame = 0;
  chart.option = () => {
    const names = (own) => ({ type: "category", data: own.labels, name: own.title, splitLine: { show: false },
                              axisLabel: { hideOverlap: true }, splitArea: { show: false } });
    return {
      grid: { left: 8, right: 16, top: 28, bottom: 84, containLabel: true },
      tooltip: { trigger: "item", formatter: (item) => heatMapTip(part, item) },
      xAxis: { ...names(part.x), nameLocation: "middle", nameGap: 26 },
      yAxis: { ...names(part.y), inverse: true, nameLocation: "start", nameGap: 12, nameTextStyle: { align: "left", color: colour("soft") } },
      visualMap: { min: 0, max: largest || 1, calculable: true, orient: "horizontal", left: "center", bottom: 0,
                   itemHeight: 160, itemWidth: 12, inRange: { color: cividis }, textStyle: { color: colour("soft") },
                   formatter: (value) => format(value, part.unit) },
      series: [{ type: "heatmap", data: part.frames[frame].cells, progressive: 0,
                 emphasis: { itemStyle: { borderColor: colour("ink"), borderWidth: 1 } } }],
    };
  };
  chart.controls = heatMapSlider(part, (chosen) => {
    frame = chosen;
    chart.merge({ series: [{ data: part.frames[frame].cells }] });
  });
  chart.data = () => ({
    columns: [part.slider ?? "frame", part.x.title, part.y.title, part.unit || "value"],
    rows: part.frames.flatMap((own) => own.cells.map(([x, y, value]) =>
      [own.label, part.x.labels[x], part.y.labels[y], value])),
  });
  return chart;
};

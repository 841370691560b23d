// Lines over a common x, and points with names (fronts of what is best in two ways at once).

function valueAxis(own, scale, extra) {
  return { type: "value", name: axisTitle(own, scale), axisLabel: { formatter: axisNumber }, ...extra };
}

function pairAxes(part, scales) {
  const ends = part.type === "points" ? {} : { min: isNumber(part.x.min) ? part.x.min / scales.x.factor : "dataMin", max: "dataMax" };
  return {
    xAxis: valueAxis(part.x, scales.x, { minInterval: scales.x.whole ? 1 : 0, nameLocation: "middle", nameGap: 28, scale: true, ...ends,
                                         splitLine: { show: false },
                                         axisLabel: { formatter: axisNumber, hideOverlap: true,
                                                      showMaxLabel: part.type === "points" ? undefined : false } }),
    yAxis: valueAxis(part.y, scales.y, { nameTextStyle: { align: "left" }, nameGap: 12, scale: !part.from_zero,
                                         min: isNumber(part.y.min) ? part.y.min / scales.y.factor : undefined }),
  };
}

function scalesOf(part, xs, ys) {
  const x = axisScale(xs, part.x.unit);
  return { x: { ...x, whole: x.factor === 1 && xs.every(Number.isInteger) }, y: axisScale(ys, part.y.unit) };
}

function lineTip(part, scales, items) {
  const x = items[0].value[0] * scales.x.factor;
  const lines = items.filter((item) => isNumber(item.value[1]))
    .map((item) => `${item.marker}${safe(item.seriesName)}: <b>${format(item.value[1] * scales.y.factor, part.y.unit)}</b>`);
  return [`${safe(part.x.title)} ${format(x, part.x.unit)}`, ...lines].join("<br>");
}

const dashes = ["solid", [6, 3], [2, 2], [8, 3, 2, 3]];

chartTypes.lines = (part) => {
  const scales = scalesOf(part, part.series.flatMap((own) => own.x), part.series.flatMap((own) => own.y));
  const legend = part.series.length > 1;
  const option = () => ({
    legend: legend ? { icon: undefined, itemWidth: 24 } : undefined,
    grid: { left: 8, right: 24, top: legend ? 58 : 34, bottom: 30, containLabel: true },
    tooltip: { trigger: "axis", formatter: (items) => lineTip(part, scales, items) },
    ...pairAxes(part, scales),
    series: part.series.map((own, index) => ({
      type: "line", name: own.name, step: part.steps ? "end" : false, connectNulls: false,
      symbol: own.x.length > 60 ? "none" : "circle", symbolSize: 5,
      lineStyle: { width: 2, type: dashes[Math.floor(index / okabeIto.length) || (legend ? index % dashes.length : 0)] },
      itemStyle: { color: okabeIto[index % okabeIto.length] }, areaStyle: part.filled ? { opacity: 0.3 } : undefined,
      data: own.x.map((x, place) => [x / scales.x.factor, isNumber(own.y[place]) ? own.y[place] / scales.y.factor : null]),
    })),
  });
  const data = () => ({
    columns: ["series", csvTitle(part.x), csvTitle(part.y)],
    rows: part.series.flatMap((own) => own.x.map((x, place) => [own.name, x, own.y[place]])),
  });
  return { option, data, height: () => 300 };
};

const symbols = ["circle", "rect", "triangle", "diamond", "pin", "arrow"];

chartTypes.points = (part) => {
  const points = part.series.flatMap((own) => own.points);
  const scales = scalesOf(part, points.map((point) => point.x), points.map((point) => point.y));
  const place = (point) => [point.x / scales.x.factor, point.y / scales.y.factor];
  const option = () => ({
    legend: part.series.length > 1 ? { icon: undefined } : undefined,
    grid: { left: 8, right: 24, top: 58, bottom: 30, containLabel: true },
    tooltip: { trigger: "item", formatter: (item) => item.data.name === undefined ? "" :
      `<b>${safe(item.data.name)}</b><br>${safe(part.x.title)}: ${format(item.value[0] * scales.x.factor, part.x.unit)}<br>` +
      `${safe(part.y.title)}: ${format(item.value[1] * scales.y.factor, part.y.unit)}` },
    ...pairAxes(part, scales),
    series: part.series.map((own, index) => ({
      type: own.line ? "line" : "scatter", name: own.name, symbol: symbols[index % symbols.length], symbolSize: 11,
      lineStyle: { width: 2 }, itemStyle: { color: okabeIto[index % okabeIto.length] },
      label: { show: own.line && points.length <= 12, position: "top", color: colour("ink"), fontSize: 11,
               formatter: (item) => item.data.name },
      labelLayout: { hideOverlap: true },
      data: [...own.points].sort((a, b) => (own.line ? a.x - b.x : 0)).map((point) => ({ value: place(point), name: point.name })),
    })),
  });
  const data = () => ({
    columns: ["series", "name", csvTitle(part.x), csvTitle(part.y)],
    rows: part.series.flatMap((own) => own.points.map((point) => [own.name, point.name, point.x, point.y])),
  });
  return { option, data, height: () => 360 };
};

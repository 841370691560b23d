// What ran when: a strip for each track, a colour for each phase. Drag the bar below to look closer.

function stripRectangle(part, scale) {
  return (params, api) => {
    const begin = api.coord([api.value(1), api.value(0)]);
    const end = api.coord([api.value(2), api.value(0)]);
    const height = api.size([0, 1])[1] * 0.72;
    const box = echarts.graphic.clipRectByRect(
      { x: begin[0], y: begin[1] - height / 2, width: Math.max(0.6, end[0] - begin[0]), height },
      { x: params.coordSys.x, y: params.coordSys.y, width: params.coordSys.width, height: params.coordSys.height });
    return box && { type: "rect", shape: box, style: api.style() };
  };
}

chartTypes.strip = (part) => {
  const scale = axisScale(part.spans.map((span) => span[3]), "s");
  const option = () => ({
    legend: { data: phaseOrder(part.names) },
    grid: { left: 8, right: 24, top: 36, bottom: 76, containLabel: true },
    tooltip: { trigger: "item", formatter: (item) => {
      const [track, begin, end] = item.value;
      return `${safe(part.tracks[track])}: <b>${safe(item.seriesName)}</b><br>${format((end - begin) * scale.factor, "s")}` +
             ` from ${format(begin * scale.factor, "s")} on`;
    } },
    dataZoom: [{ type: "slider", bottom: 8, height: 22, showDataShadow: false, filterMode: "weakFilter", brushSelect: false,
                 borderColor: colour("line"), fillerColor: "rgba(86,180,233,0.18)", handleStyle: { color: colour("card"), borderColor: colour("soft") },
                 labelFormatter: (value) => `${formatNumber(value)} ${scale.unit}`, textStyle: { color: colour("soft") } },
               { type: "inside", filterMode: "weakFilter", zoomOnMouseWheel: "ctrl", preventDefaultMouseMove: false }],
    xAxis: { type: "value", min: 0, max: "dataMax", name: `time since the step began (${scale.unit})`, nameLocation: "middle",
             nameGap: 26, axisLabel: { formatter: axisNumber, hideOverlap: true, showMaxLabel: false } },
    yAxis: { type: "category", data: part.tracks, inverse: true, splitLine: { show: false }, axisTick: { show: false } },
    series: part.names.map((name, index) => ({
      type: "custom", name, renderItem: stripRectangle(part, scale), encode: { x: [1, 2], y: 0 },
      itemStyle: seriesStyle(name, index), progressive: 0,
      data: part.spans.filter((span) => span[1] === index)
        .map((span) => [span[0], span[2] / scale.factor, span[3] / scale.factor]),
    })),
  });
  const data = () => ({
    columns: ["track", "what", "begin (s)", "end (s)"],
    rows: part.spans.map(([track, name, begin, end]) => [part.tracks[track], part.names[name], begin, end]),
  });
  return { option, data, height: () => 130 + 26 * part.tracks.length };
};

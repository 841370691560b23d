// Bars: beside each other or stacked, upright or lying, with intervals where values have them.

// The interval of each bar of a series, drawn over it.
function whiskers(part, index, scale, lying) {
  const own = part.series[index];
  const bars = part.series.length;
  return {
    type: "custom", name: own.name, silent: true, z: 5, tooltip: { show: false },
    encode: lying ? { x: [1, 2], y: 0 } : { x: 0, y: [1, 2] },
    data: own.values.map((_, place) => [place, own.low?.[place], own.high?.[place]])
      .filter((item) => isNumber(item[1]) && isNumber(item[2]))
      .map(([place, low, high]) => [place, low / scale.factor, high / scale.factor]),
    renderItem: (_, api) => {
      const at = (value) => api.coord(lying ? [value, api.value(0)] : [api.value(0), value]);
      const band = api.size(lying ? [0, 1] : [1, 0])[lying ? 1 : 0];
      const width = (band * 0.68) / bars;
      const shift = (index - (bars - 1) / 2) * width * 1.06;
      const [low, high] = [at(api.value(1)), at(api.value(2))];
      const arm = Math.min(7, width / 4);
      const line = (x1, y1, x2, y2) => ({ type: "line", shape: { x1, y1, x2, y2 },
                                          style: { stroke: colour("ink"), lineWidth: 1.5 } });
      if (lying) {
        const y = low[1] + shift;
        return { type: "group", children: [line(low[0], y, high[0], y), line(low[0], y - arm, low[0], y + arm),
                                           line(high[0], y - arm, high[0], y + arm)] };
      }
      const x = low[0] + shift;
      return { type: "group", children: [line(x, low[1], x, high[1]), line(x - arm, low[1], x + arm, low[1]),
                                         line(x - arm, high[1], x + arm, high[1])] };
    },
  };
}

function barTip(part, place) {
  const lines = part.series.filter((own) => isNumber(own.values[place])).map((own) => {
    const low = own.low?.[place], high = own.high?.[place];
    const band = isNumber(low) && isNumber(high) ? ` (${format(low, part.unit)} to ${format(high, part.unit)})` : "";
    return `${safe(own.name)}: <b>${format(own.values[place], part.unit)}</b>${band}`;
  });
  if (part.stacked) {
    const sum = part.series.reduce((all, own) => all + (own.values[place] ?? 0), 0);
    if (part.series.length > 1) lines.push(`together: <b>${format(sum, part.unit)}</b>`);
  }
  return `${safe(part.categories[place])}<br>${lines.join("<br>")}`;
}

function barSeries(part, scale) {
  const round = part.stacked ? 0 : 3;
  const bars = part.series.map((own, index) => ({
    type: "bar", name: own.name, stack: part.stacked ? "all" : undefined,
    data: own.values.map((value) => (isNumber(value) ? value / scale.factor : null)),
    itemStyle: { ...seriesStyle(own.name, index), borderRadius: round },
    barCategoryGap: part.categories.length > 40 ? "8%" : part.horizontal ? "26%" : "32%", barGap: "6%",
    barMaxWidth: part.stacked ? 46 : 60,
    label: { show: part.series.length === 1 && !part.stacked && !own.low && part.categories.length <= 16,
             position: part.horizontal ? "right" : "top", color: colour("ink"), fontSize: 12,
             formatter: (item) => format(own.values[item.dataIndex], part.unit) },
  }));
  const withBands = part.series.map((own, index) => [own, index]).filter(([own]) => own.low);
  return [...bars, ...withBands.map(([, index]) => whiskers(part, index, scale, part.horizontal))];
}

chartTypes.bars = (part) => {
  const all = part.series.flatMap((own) => [...own.values, ...(own.high ?? [])]);
  const sums = part.categories.map((_, place) => part.series.reduce((sum, own) => sum + (own.values[place] ?? 0), 0));
  const scale = axisScale(part.stacked ? sums : all, part.unit);
  const legend = part.series.length > 1;
  const title = axisTitle({ title: part.value ?? "" }, scale);
  const option = () => {
    const narrow = innerWidth < 560;
    const names = { type: "category", data: part.categories, inverse: part.horizontal, splitLine: { show: false },
                    axisLabel: { width: narrow ? 96 : 260, overflow: "break", lineHeight: 14, hideOverlap: !part.horizontal },
                    axisTick: { show: false } };
    const values = { type: "value", name: title, nameLocation: part.horizontal ? "middle" : "end", nameGap: part.horizontal ? 26 : 12,
                     nameTextStyle: { align: part.horizontal ? "center" : "left" }, axisLabel: { formatter: axisNumber } };
    if (!part.horizontal) Object.assign(names, { name: part.category, nameLocation: "middle", nameGap: 26 });
    return {
      legend: legend ? {} : undefined,
      grid: { left: 8, right: part.horizontal && !part.stacked ? 64 : 24, top: (legend ? 34 : 12) + (part.horizontal ? 0 : 22),
              bottom: part.horizontal ? 24 : part.category ? 26 : 8, containLabel: true },
      tooltip: { trigger: "axis", axisPointer: { type: "shadow" },
                 formatter: (items) => barTip(part, items[0].dataIndex) },
      xAxis: part.horizontal ? values : names,
      yAxis: part.horizontal ? names : values,
      series: barSeries(part, scale),
    };
  };
  const bands = part.series.some((own) => own.low);
  const data = () => ({
    columns: [part.category ?? "", ...part.series.flatMap((own) =>
      own.low ? [own.name, `${own.name} low`, `${own.name} high`] : [own.name]).map((name) => `${name} (${part.unit || "1"})`)],
    rows: part.categories.map((name, place) => [name, ...part.series.flatMap((own) =>
      own.low ? [own.values[place], own.low[place], own.high[place]] : [own.values[place]])]),
  });
  const each = part.stacked ? 40 : 16 + 24 * part.series.length;
  const lying = 74 + (legend ? 26 : 0) + each * part.categories.length;
  return { option, data, narrow: true, height: () => (part.horizontal ? Math.max(120, lying) : bands ? 340 : 320) };
};

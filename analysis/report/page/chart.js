// Charts: a card with a title, what it takes to read it, the drawing, and its data to take away.
//
// A type of chart is a function of its part that returns
//   option()   for ECharts, made again whenever the theme changes
//   data()     {columns, rows}: what is drawn, for the CSV file, and where there are no charts
//   controls   elements below the drawing, if any; they call `merge` with the options that change
//   height()   of the drawing, in pixels, from its width
//   minimum    width below which the drawing scrolls sideways, if any

const drawnCharts = [];

function hasCharts() {
  return typeof echarts !== "undefined";
}

function dataTable(data) {
  return element("table", {},
    element("thead", {}, element("tr", {}, data.columns.map((title) => element("th", {}, title)))),
    element("tbody", {}, data.rows.slice(0, 2000).map((row) =>
      element("tr", {}, row.map((value) => element("td", { class: isNumber(value) ? "number" : "" },
                                                   isNumber(value) ? formatNumber(value) : value ?? "–"))))));
}

function drawChart(part) {
  const chart = chartTypes[part.type](part);
  const surface = element("div", { class: "surface", role: "img", "aria-label": part.title });
  const name = fileName(part.title);
  const tools = element("div", { class: "tools" });
  const figure = element("figure", { class: "part chart", "data-type": part.type },
    element("figcaption", {}, element("h3", {}, part.title), tools),
    part.note ? element("p", { class: "note" }, part.note) : null);
  tools.append(element("button", { type: "button", title: "download the data",
                                   onclick: () => downloadText(`${name}.csv`, csvOf(chart.data())) }, "CSV"));
  if (!hasCharts()) {
    figure.append(element("details", {}, element("summary", {}, "the data of this chart"),
                          element("div", { class: "scroll" }, dataTable(chart.data()))));
    return figure;
  }
  if (chart.minimum) surface.style.minWidth = `${chart.minimum}px`;
  figure.append(element("div", { class: "scroll" }, surface));
  if (chart.controls) figure.append(element("div", { class: "controls" }, chart.controls));
  const drawn = { surface, chart, part, instance: null };
  tools.append(element("button", { type: "button", title: "download the picture",
                                   onclick: () => download(`${name}.png`, pictureOf(drawn)) }, "PNG"));
  chart.redraw = () => drawn.instance?.setOption(completed(chart.option()), { notMerge: true });
  chart.merge = (option) => drawn.instance?.setOption(option);
  drawnCharts.push(drawn);
  return figure;
}

function setHeight({ surface, chart, part }) {
  surface.style.height = `${part.height ?? chart.height(surface.clientWidth)}px`;
}

function pictureOf(drawn) {
  return drawn.instance.getDataURL({ type: "png", pixelRatio: 2, backgroundColor: colour("card") });
}

// The option with what all charts have; axes take the base's style.
function completed(option) {
  const { axis, ...base } = baseOption();
  const styled = (own) => (Array.isArray(own) ? own : [own]).map((each) => ({ ...axis, ...each,
    axisLabel: { ...axis.axisLabel, ...each.axisLabel }, splitLine: { ...axis.splitLine, ...each.splitLine } }));
  const all = { ...base, ...option, tooltip: { ...base.tooltip, ...option.tooltip } };
  for (const name of ["xAxis", "yAxis"]) if (option[name]) all[name] = styled(option[name]);
  if (all.legend) all.legend = { type: "scroll", top: 0, left: 0, icon: "roundRect", itemWidth: 12, itemHeight: 12,
                                 pageIconColor: colour("ink"), pageTextStyle: { color: colour("soft") },
                                 textStyle: { color: colour("ink") }, ...all.legend };
  return all;
}

// When the cards are on the page, and have a size.
function showCharts() {
  if (!hasCharts()) return;
  for (const drawn of drawnCharts) {
    setHeight(drawn);
    drawn.instance = echarts.init(drawn.surface, null, { renderer: "canvas", devicePixelRatio: Math.max(2, devicePixelRatio) });
    drawn.chart.redraw();
  }
  addEventListener("resize", fitCharts);
  addEventListener("beforeprint", () => { document.documentElement.classList.add("printing"); restyleCharts(); fitCharts(); });
  addEventListener("afterprint", () => { document.documentElement.classList.remove("printing"); restyleCharts(); fitCharts(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", restyleCharts);
}

function fitCharts() {
  for (const drawn of drawnCharts) {
    setHeight(drawn);
    drawn.instance.resize();
    if (drawn.chart.narrow) drawn.chart.redraw();
  }
}

function restyleCharts() {
  for (const drawn of drawnCharts) drawn.chart.redraw();
}

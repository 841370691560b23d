// The page from the report document (analysis/report/report.hpp).

function drawFigure(own) {
  const band = isNumber(own.low) && isNumber(own.high);
  return element("div", { class: "figure", "data-key": own.key, "data-value": isNumber(own.value) ? own.value : null },
    element("div", { class: "name" }, own.title),
    element("div", { class: "value" }, ...valueAndUnit(format(own.value, own.unit))),
    band ? bandOf(own) : null,
    own.note ? element("div", { class: "note" }, own.note) : null);
}

// The number large, what it counts small.
function valueAndUnit(text) {
  const blank = text.lastIndexOf(" ");
  const unit = text.slice(blank + 1);
  return blank > 0 && unit.includes("/") ? [text.slice(0, blank + 1), element("small", {}, unit)] : [text];
}

// A unit that the value above the band says already is not said again.
function bandUnit(unit) {
  return unit.includes("/") ? "" : unit;
}

// Where the value lies between the ends of its band.
function bandOf(own) {
  const place = own.high > own.low ? ((own.value - own.low) / (own.high - own.low)) * 100 : 50;
  const mark = element("i", {});
  mark.style.left = `${place}%`;
  return element("div", { class: "band" }, element("div", { class: "track" }, mark),
                 element("div", {}, `${format(own.low, bandUnit(own.unit))} to ${format(own.high, bandUnit(own.unit))}`));
}

function drawPart(part) {
  return part.type === "table" ? drawTable(part) : drawChart(part);
}

function definitions(list) {
  return element("dl", {}, list.flatMap((own) => [element("dt", {}, own.name), element("dd", {}, own.text)]));
}

function drawSection(title, ...content) {
  return element("section", { id: fileName(title) }, element("h2", {}, title), ...content);
}

function copyButton(text) {
  const button = element("button", { type: "button" }, "copy");
  button.addEventListener("click", async () => {
    const copied = await navigator.clipboard?.writeText(text).then(() => true, () => false);
    if (!copied) getSelection().selectAllChildren(button.parentElement.querySelector("code"));  // to be copied by hand
    button.textContent = copied ? "copied" : "marked";
    setTimeout(() => { button.textContent = "copy"; }, 2000);
  });
  return button;
}

function themeButton() {
  return element("button", { type: "button", class: "theme", title: "light or dark", "aria-label": "light or dark", onclick: () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    restyleCharts();
  } }, "◐");
}

function drawHead(report) {
  return element("header", {}, element("div", { class: "kind" }, `moesim ${report.kind}`, themeButton()),
                 element("h1", {}, report.title), element("p", { class: "subject" }, report.subject),
                 element("p", { class: "answer" }, report.answer),
                 element("div", { class: "figures" }, (report.figures ?? []).map(drawFigure)));
}

function warningSection(report) {
  if (!report.warnings?.length) return [];
  return [drawSection("Warnings", element("p", {}, "Read these before you trust the numbers."),
                      element("ul", { class: "warnings" }, report.warnings.map((text) => element("li", {}, text))))];
}

function provenanceSection(report) {
  return drawSection("Where the numbers come from", report.provenance ? definitions(report.provenance) : null,
    report.kernels ? drawTable(report.kernels) : null,
    report.command ? element("p", {}, "To make this result again, where its files are:") : null,
    report.command ? element("div", { class: "command" }, element("code", {}, report.command), copyButton(report.command)) : null);
}

function drawPage() {
  const report = JSON.parse(document.getElementById("report").textContent);
  const sections = [
    drawSection("Question and assumptions", element("p", { class: "question" }, report.question),
                definitions(report.assumptions ?? [])),
    ...(report.sections ?? []).map((own) => drawSection(own.title, own.text ? element("p", {}, own.text) : null,
                                                        own.parts.map(drawPart))),
    ...warningSection(report),
    provenanceSection(report),
  ];
  const links = sections.map((own) => element("a", { href: `#${own.id}` }, own.querySelector("h2").textContent));
  const missing = hasCharts() ? null : element("p", { class: "missing" },
    "The charts are missing: this moesim was built where npm, which has the chart library, could not be reached. " +
    "Tables and the data of the charts are here. Build it again with npm to have the charts.");
  document.getElementById("page").replaceChildren(drawHead(report), element("nav", {}, links), ...[missing].filter(Boolean), ...sections);
  showCharts();
  document.documentElement.dataset.ready = "yes";
}

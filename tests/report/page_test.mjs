// Opens a report in a real browser, as its reader would, and says what is wrong with it.
//
//   node page_test.mjs NODE_MODULES CHROMIUM REPORT SCREENSHOTS
// REPORT is a report.html beside its summary.json or plan.json; a sweep has neither. Prints one line for each fault and exits with 1
// where there is any. Screenshots (light, dark, phone, print) go to SCREENSHOTS-*.png.
import { createRequire } from "node:module";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, executablePath, report, screenshots] = process.argv.slice(2);
const { chromium } = createRequire(join(modules, "x.js"))("playwright-core");
const faults = [];
const expect = (holds, text) => holds || faults.push(text);

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, offline: true, colorScheme: "light" });
const page = await context.newPage();
page.on("console", (message) => ["error", "warning"].includes(message.type()) && faults.push(`console: ${message.text()}`));
page.on("pageerror", (error) => faults.push(`script: ${error.message}`));
page.on("request", (request) => /^(file|data|blob):/.test(request.url()) || faults.push(`asks for ${request.url()}`));
await page.goto(pathToFileURL(report).href);
await page.waitForSelector("html[data-ready]", { timeout: 10000, state: "attached" })
  .catch(async () => { await browser.close(); console.log(["the page is not drawn", ...faults].join("\n")); process.exit(1); });

// A small copy of a chart: reading it is quick, and tells no browser to keep the chart elsewhere.
const copied = `(canvas) => {
  const copy = Object.assign(document.createElement("canvas"), { width: 240, height: 120 });
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 0, copy.width, copy.height);
  return [context, copy];
}`;
// How many colours its pixels have: a blank one has one or two.
const colours = (chart) => chart.$eval("canvas", (canvas, copied) => {
  const [context, copy] = eval(copied)(canvas);
  const { data } = context.getImageData(0, 0, copy.width, copy.height);
  const seen = new Set();
  for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 0) seen.add((data[at] << 16) | (data[at + 1] << 8) | data[at + 2]);
  return seen.size;
}, copied);
const picture = (chart) => chart.$eval("canvas", (canvas, copied) => eval(copied)(canvas)[1].toDataURL(), copied);

const charts = await page.$$(".part.chart");
expect(charts.length > 0, "there is no chart");

// Texts of a result stay texts, on the page and in the tooltips, which ECharts takes as HTML.
for (const chart of charts) {
  await chart.scrollIntoViewIfNeeded();
  const box = await (await chart.$(".surface")).boundingBox();
  for (const share of [0.2, 0.4, 0.6]) await page.mouse.move(box.x + box.width * share, box.y + box.height * share);
}
expect((await page.$$("img")).length === 0, "a text of the result became an element of the page");
for (const chart of charts) {
  const title = await chart.$eval("h3", (heading) => heading.textContent);
  expect(title.length > 3, "a chart has no title");
  expect((await colours(chart)) > 3, `'${title}' is blank`);
}

// Values equal those of summary.json, as they are and as they are shown.
const from = ["summary.json", "plan.json"].map((name) => join(dirname(report), name)).find(existsSync) ?? "";
const summary = existsSync(from) ? JSON.parse(readFileSync(from, "utf8"))
  : Object.fromEntries(JSON.parse(await page.$eval("#report", (own) => own.textContent)).figures.map((own) => [own.key, own.value]));
const at = (node, path) => {
  if (node === undefined || path.length === 0) return node;
  for (let end = 1; end <= path.length; ++end) {  // a key may have dots
    const key = path.slice(0, end).join(".");
    if (node !== null && typeof node === "object" && key in node) return at(node[key], path.slice(end));
  }
  return undefined;
};
const prefixes = { n: 1e-9, µ: 1e-6, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15 };
const shownValue = (text) => {
  const [number, ...words] = text.split(" ");
  if (words[0] === "%") return Number(number) / 100;
  return Number(number) * (words.length && prefixes[words[0][0]] && words[0].length <= 2 ? prefixes[words[0][0]] : 1);
};
let compared = 0;
for (const own of await page.$$(".figure")) {
  const [key, exact, text] = await own.evaluate((card) => [card.dataset.key, card.dataset.value, card.querySelector(".value").textContent]);
  const value = at(summary, key.split("."));
  if (typeof value !== "number") { expect(text === "–", `${key} has no value, and '${text}' is shown`); continue; }
  ++compared;
  expect(Number(exact) === value, `${key} is ${value} in summary.json and ${exact} in the page`);
  const error = Math.abs(shownValue(text) - value);
  expect(error <= 0.006 * Math.abs(value), `${key} is ${value} and shown as '${text}'`);
}
expect(compared >= 2, `only ${compared} figures have values`);

// Sorting: a click orders the rows by that column, another one the other way around.
for (const table of await page.$$(".part.table")) {
  const columns = await table.$$("th.number");
  if (!columns.length) continue;
  const index = await columns[0].evaluate((cell) => cell.cellIndex);
  const values = () => table.$$eval("tbody tr", (rows, i) => rows.map((row) => row.cells[i].dataset.value).filter((v) => v !== undefined).map(Number), index);
  const ordered = (list, way) => list.every((value, i) => i === 0 || way * (value - list[i - 1]) >= 0);
  const title = await table.$eval("h3", (heading) => heading.textContent);
  await columns[0].$("button").then((button) => button.click());
  expect(ordered(await values(), -1), `'${title}' is not sorted downwards`);
  await columns[0].$("button").then((button) => button.click());
  expect(ordered(await values(), 1), `'${title}' is not sorted upwards`);
}

// The slider draws another frame, and says which.
for (const chart of await page.$$(".part.chart:has(input[type=range])")) {
  const [before, label] = [await picture(chart), await chart.$eval("output", (own) => own.textContent)];
  await chart.$eval("input[type=range]", (slide) => { slide.value = slide.max; slide.dispatchEvent(new Event("input")); });
  expect((await picture(chart)) !== before, "the slider changes nothing");
  expect((await chart.$eval("output", (own) => own.textContent)) !== label, "the slider does not say where it stands");
  await chart.$eval("input[type=range]", (slide) => { slide.value = 0; slide.dispatchEvent(new Event("input")); });
}

// Data and pictures can be taken away.
for (const [name, ending] of [["CSV", ".csv"], ["PNG", ".png"]]) {
  const [file] = await Promise.all([page.waitForEvent("download"), page.click(`.part.chart button:text("${name}")`)]);
  expect(file.suggestedFilename().endsWith(ending), `${name} is downloaded as ${file.suggestedFilename()}`);
}

const sideways = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
await page.screenshot({ path: `${screenshots}-light.png`, fullPage: true });
await page.click(".theme");
const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
expect(dark === "rgb(17, 22, 28)", `dark is ${dark}`);
await page.screenshot({ path: `${screenshots}-dark.png`, fullPage: true });
await page.click(".theme");
await page.setViewportSize({ width: 390, height: 844 });
await page.waitForTimeout(100);
expect((await sideways()) <= 0, `on a phone the page is ${await sideways()} pixels too wide`);
for (const chart of charts) expect((await colours(chart)) > 3, "a chart is blank on a phone");
await page.screenshot({ path: `${screenshots}-phone.png`, fullPage: true });
await page.setViewportSize({ width: 1200, height: 900 });
await page.pdf({ path: `${screenshots}-print.pdf`, format: "A4" });

await browser.close();
for (const fault of faults) console.log(fault);
console.log(`${charts.length} charts, ${compared} figures`);
process.exit(faults.length ? 1 : 0);

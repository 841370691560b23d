// Numbers as people read them: three significant digits and a unit, as in the terminal
// (analysis/format.cpp).

const decimalPrefixes = [[1, ""], [1e3, "k"], [1e6, "M"], [1e9, "G"], [1e12, "T"], [1e15, "P"]];
const timePrefixes = [[1e-9, "n"], [1e-6, "µ"], [1e-3, "m"], [1, ""]];

function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

// At least 0. A list may be longer than a call may have arguments, which Math.max(...values) fails on.
function largestOf(values) {
  return values.reduce((largest, value) => (isNumber(value) && value > largest ? value : largest), 0);
}

// Three significant digits, rounded: what is compared with the next prefix.
function rounded(value) {
  return value === 0 ? 0 : Number(value.toPrecision(3));
}

function formatNumber(value) {
  if (!isNumber(value)) return "–";
  if (value === 0) return "0";
  const magnitude = Math.floor(Math.log10(Math.abs(rounded(value))) + 1e-12);
  return value.toFixed(Math.min(20, Math.max(0, 2 - magnitude)));
}

function withPrefix(value, prefixes, unit) {
  let chosen = prefixes[0];
  for (const prefix of prefixes)
    if (Math.abs(rounded(value)) >= prefix[0] * (1 - 1e-9)) chosen = prefix;
  return `${formatNumber(value / chosen[0])} ${chosen[1]}${unit}`.trim();
}

function format(value, unit) {
  if (!isNumber(value)) return "–";
  switch (unit) {
    case "s": return value === 0 ? "0 s" : withPrefix(value, timePrefixes, "s");
    case "B": return withPrefix(value, decimalPrefixes, "B");
    case "B/s": return withPrefix(value, decimalPrefixes, "B/s");
    case "share": return `${formatNumber(value * 100)} %`;
    case "×": return `${formatNumber(value)} ×`;
    case "%": return `${formatNumber(value)} %`;
    default: break;
  }
  const whole = Math.abs(value) < 1000 && Number.isInteger(value);
  const text = whole ? String(value) : withPrefix(value, decimalPrefixes, "");
  return unit ? `${text} ${unit}` : text;
}

function signedShare(value) {
  return `${value < 0 ? "−" : "+"}${format(Math.abs(value), "share")}`;
}

// Values of an axis share one prefix, so that its title can say it once: {factor, unit}.
function axisScale(values, unit) {
  const largest = largestOf(values.map((value) => (isNumber(value) ? Math.abs(value) : 0)));
  if (unit === "share") return { factor: 0.01, unit: "%" };
  if (unit === "×") return { factor: 1, unit: "×" };
  const prefixes = unit === "s" ? timePrefixes : decimalPrefixes;
  let chosen = unit === "s" ? timePrefixes[3] : decimalPrefixes[0];
  if (largest > 0) {
    chosen = prefixes[0];
    for (const prefix of prefixes) if (largest >= prefix[0]) chosen = prefix;
  }
  return { factor: chosen[0], unit: `${chosen[1]}${/^[A-Z/]|^s$/.test(unit) ? "" : " "}${unit}`.trim() };
}

// Of an axis whose numbers are divided by scale.factor.
function axisTitle(axis, scale) {
  return scale.unit ? `${axis.title} (${scale.unit})` : axis.title;
}

function axisNumber(value) {
  return String(Number(value.toPrecision(6)));
}

function csvField(value) {
  const text = value === null || value === undefined ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

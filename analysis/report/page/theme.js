// Colours. Series are Okabe and Ito's, which the colour-blind tell apart; heat maps are cividis. A
// phase has the same colour in every chart.

const okabeIto = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#8A8A8A"];
const cividis = ["#00224E", "#123570", "#3B496C", "#575D6D", "#707173", "#8A8779", "#A69D75",
                 "#C4B56C", "#E4CF5B", "#FEE838"];

const phaseColours = {
  attention: "#0072B2", gate: "#6B4C9A", dispatch: "#56B4E9", experts: "#E69F00",
  combine: "#009E73", shared: "#F0E442", dense: "#CC79A7", wait: "#9A9A9A", migration: "#D55E00",
};
// Those that few runs have take the colours again, hatched.
const hatchedPhases = {
  collective: "#009E73", offload: "#D55E00", launch: "#9A9A9A", pipeline: "#56B4E9",
  gradient: "#CC79A7", optimizer: "#E69F00", kv: "#0072B2",
};

function phaseOrder(names) {
  const order = [...Object.keys(phaseColours), ...Object.keys(hatchedPhases)];
  return [...names].sort((a, b) => order.indexOf(a) - order.indexOf(b));
}

function isDark() {
  if (document.documentElement.classList.contains("printing")) return false;
  const chosen = document.documentElement.dataset.theme;
  if (chosen) return chosen === "dark";
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

// The style of the series `name`, the `index`-th.
function seriesStyle(name, index) {
  if (phaseColours[name]) return { color: phaseColours[name] };
  if (hatchedPhases[name])
    return {
      color: hatchedPhases[name],
      decal: { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [2, 4], rotation: -Math.PI / 4,
               color: "rgba(255,255,255,0.55)" },
    };
  return { color: okabeIto[index % okabeIto.length] };
}

// Black or white, whichever is read more easily on the colour.
function inkOn(background) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(background.slice(at, at + 2), 16) / 255);
  return 0.299 * red + 0.587 * green + 0.114 * blue > 0.55 ? "#111" : "#fff";
}

function mixed(colours, share) {
  const place = Math.max(0, Math.min(1, share)) * (colours.length - 1);
  const low = Math.min(colours.length - 2, Math.floor(place));
  const part = (at) => {
    const [from, to] = [colours[low], colours[low + 1]].map((c) => parseInt(c.slice(at, at + 2), 16));
    return Math.round(from + (to - from) * (place - low)).toString(16).padStart(2, "0");
  };
  return `#${part(1)}${part(3)}${part(5)}`;
}

// What all charts have.
function baseOption() {
  const line = { lineStyle: { color: colour("line") } };
  const axis = {
    axisLine: line, axisTick: line, splitLine: { lineStyle: { color: colour("grid") } },
    axisLabel: { color: colour("soft") }, nameTextStyle: { color: colour("soft") },
  };
  return {
    animation: false,
    backgroundColor: "transparent",
    color: okabeIto,
    textStyle: { fontFamily: "system-ui, sans-serif", color: colour("ink") },
    tooltip: {
      confine: true, backgroundColor: colour("card"), borderColor: colour("line"),
      textStyle: { color: colour("ink"), fontSize: 12 },
    },
    axis,
  };
}

// ECharts shows tooltips as HTML.
function safe(text) {
  return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

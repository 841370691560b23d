// A drawing of the cluster: nodes with their GPUs, NVLink ports, NVSwitch and NICs, and above them
// leaf and spine switches, wired with one line for all NICs of a node on a leaf. The colour of a
// part says how busy its link is.

const unit = { gpu: 24, gap: 5, pad: 10, between: 16, node: 138, rowGap: 18, leaf: 62, leafHeight: 22, rail: 6 };

function busier(port, ways) {
  const uses = ways.map((way) => port[way]).filter(isNumber);
  return uses.length ? Math.max(...uses) : null;
}

// Rectangles and lines in a plane of our own: {shapes, width, height}. Nodes stand in rows. A leaf
// switch goes on as a trunk down the left side and, above each row, a rail to its last node there:
// so wires cross, but do not lie on each other.
function layOut(part, perRow) {
  const widest = Math.max(...part.nodes.map((node) => Math.max(node.gpus.length, node.nics.length, 1)));
  const nodeWidth = 2 * unit.pad + widest * (unit.gpu + unit.gap) - unit.gap;
  const columns = Math.min(perRow(nodeWidth + unit.between), part.nodes.length);
  const margin = part.leaves.length ? unit.rail * (part.leaves.length + 1) : 0;
  const width = margin + columns * (nodeWidth + unit.between) - unit.between;
  const shapes = [];
  const trunks = layLeaves(part, width, shapes);
  let y = part.leaves.length ? unit.leaf + unit.leafHeight + margin : 0;
  for (let first = 0; first < part.nodes.length; first += columns) {
    const row = part.nodes.slice(first, first + columns)
      .map((node, index) => ({ node, x: margin + index * (nodeWidth + unit.between) }));
    y = layRails(row, nodeWidth, y, trunks, shapes);
    for (const { node, x } of row) layNode(node, x, y, nodeWidth, shapes);
    y += unit.node + unit.rowGap;
  }
  return { shapes: [...trunks.map((trunk) => ({ line: [trunk.x, trunk.top, trunk.x, trunk.bottom], wire: true })), ...shapes],
           width, height: y };
}

// Of each leaf, where its trunk begins. The first leaf's is the leftmost, so that none cross.
function layLeaves(part, width, shapes) {
  const step = width / Math.max(1, part.leaves.length);
  const box = Math.min(110, step - 6);
  const bottom = unit.leaf + unit.leafHeight;
  const wired = new Set(part.nodes.flatMap((node) => node.nics.map((nic) => nic.leaf)));
  if (part.leaves.some((leaf) => leaf.spine))
    shapes.push({ box: [0, 0, width, 22], kind: "between leaf switches", name: "spine", label: "spine",
                  use: Math.max(-1, ...part.leaves.map((leaf) => busier(leaf, ["up", "down"])).filter(isNumber)),
                  bytes: part.leaves.reduce((sum, leaf) => sum + leaf.bytes, 0) });
  return part.leaves.map((leaf, index) => {
    const use = busier(leaf, ["up", "down"]);
    const middle = step * (index + 0.5);
    const trunk = { x: unit.rail * (index + 0.5), top: bottom + unit.rail * (index + 1), leaf };
    trunk.bottom = trunk.top;
    if (leaf.spine) shapes.push({ line: [middle, unit.leaf, middle, 22], use });
    if (wired.has(index))
      shapes.push({ line: [middle, bottom, middle, trunk.top], wire: true }, { line: [trunk.x, trunk.top, middle, trunk.top], wire: true });
    shapes.push({ box: [middle - box / 2, unit.leaf, box, unit.leafHeight], kind: "leaf switch, towards the spine", name: leaf.name, use,
                  bytes: leaf.bytes, ways: [["up", leaf.up], ["down", leaf.down]], label: box > 60 ? leaf.name.replace("leaf.", "") : box > 18 ? /\d*$/.exec(leaf.name)[0] : "" });
    return trunk;
  });
}

// Where the `index`-th of so many GPUs or NICs of a node begins.
function portLeft(x, width, count, index) {
  return x + (width - count * (unit.gpu + unit.gap) + unit.gap) / 2 + index * (unit.gpu + unit.gap);
}

// The NICs of a node that are on one leaf: {leaf, uses, bytes, from, to}, from the first to the last.
function bundlesOf({ node, x }, width) {
  const bundles = new Map();
  node.nics.forEach((nic, index) => {
    const middle = portLeft(x, width, node.nics.length, index) + unit.gpu / 2;
    const own = bundles.get(nic.leaf) ?? { node, leaf: nic.leaf, nics: [], from: middle };
    own.nics.push(nic);
    own.to = middle;
    bundles.set(nic.leaf, own);
  });
  return [...bundles.values()];
}

function meanUse(nics, way) {
  const uses = nics.map((nic) => nic[way]).filter(isNumber);
  return uses.length ? uses.reduce((sum, use) => sum + use, 0) / uses.length : null;
}

// The rails above a row of nodes, and the wires down to it; where the row begins.
function layRails(row, width, y, trunks, shapes) {
  const bundles = row.flatMap((place) => bundlesOf(place, width));
  const leaves = [...new Set(bundles.map((bundle) => bundle.leaf))].sort((a, b) => a - b);
  const bottom = y + unit.rail * (leaves.length + 1);
  leaves.forEach((leaf, index) => {
    const own = bundles.filter((bundle) => bundle.leaf === leaf);
    const at = y + unit.rail * index;
    trunks[leaf].bottom = at;
    shapes.push({ line: [trunks[leaf].x, at, Math.max(...own.map((bundle) => (bundle.from + bundle.to) / 2)), at], wire: true });
    for (const bundle of own) layBundle(bundle, at, bottom, trunks[leaf].leaf, shapes);
  });
  return leaves.length ? bottom : y;
}

function layBundle({ node, nics, from, to }, rail, bottom, leaf, shapes) {
  const [out, into] = ["out", "in"].map((way) => meanUse(nics, way));
  const what = { name: `${node.name} to ${leaf.name}`, kind: nics.length > 1 ? `mean of ${nics.length} NICs` : nics[0].name,
                 use: busier({ out, in: into }, ["out", "in"]), bytes: nics.reduce((sum, nic) => sum + nic.bytes, 0),
                 ways: [["out", out], ["in", into]] };
  const middle = (from + to) / 2, ports = bottom + unit.pad;
  const joint = nics.length > 1 ? ports - 4 : ports;
  shapes.push({ line: [middle, rail, middle, joint], thickness: Math.min(6, 1 + nics.length / 2), ...what });
  if (nics.length > 1) shapes.push({ line: [from, joint, to, joint], use: what.use, thickness: 3 });
}

function layNode(node, x, y, width, shapes) {
  shapes.push({ frame: [x, y, width, unit.node], label: node.name });
  node.nics.forEach((nic, index) =>
    shapes.push({ box: [portLeft(x, width, node.nics.length, index), y + 10, unit.gpu, 18], kind: "NIC", name: `${node.name} ${nic.name}`,
                  use: busier(nic, ["out", "in"]), bytes: nic.bytes, ways: [["out", nic.out], ["in", nic.in]] }));
  node.gpus.forEach((gpu, index) => {
    const left = portLeft(x, width, node.gpus.length, index);
    const use = busier(gpu, ["out", "in"]);
    shapes.push({ box: [left, y + 42, unit.gpu, 34], kind: "NVLink port of the GPU", name: `${node.name} ${gpu.name}`, use, bytes: gpu.bytes,
                  ways: [["out", gpu.out], ["in", gpu.in]], label: gpu.name.replace("gpu", "") });
    if (node.switch) shapes.push({ line: [left + unit.gpu / 2, y + 76, left + unit.gpu / 2, y + 98], use });
  });
  if (node.switch && node.gpus.length > 1)
    shapes.push({ frame: [x + unit.pad, y + 98, width - 2 * unit.pad, 20], filled: true, label: "NVSwitch", middle: true });
}

function clusterTip(shape) {
  if (!shape.name) return "";
  const ways = (shape.ways ?? []).filter(([, use]) => isNumber(use)).map(([way, use]) => `${way}: <b>${format(use, "share")}</b> of the time`);
  if (!ways.length && shape.use >= 0 && shape.use !== null) ways.push(`busiest: <b>${format(shape.use, "share")}</b> of the time`);
  if (!ways.length) ways.push("never full: its use was not counted");
  return [`<b>${safe(shape.name)}</b> (${shape.kind})`, ...ways, `${format(shape.bytes, "B")} a step`].join("<br>");
}

function drawShape(shape, colours, box) {
  const [left, top, scale] = box;
  const at = (x, y) => [left + x * scale, top + y * scale];
  if (shape.line) {
    const [x1, y1] = at(shape.line[0], shape.line[1]), [x2, y2] = at(shape.line[2], shape.line[3]);
    const stroke = shape.wire ? colour("line") : colours(shape.use);
    const line = (lineWidth, style) => ({ type: "line", shape: { x1, y1, x2, y2 }, style: { stroke, lineWidth, ...style } });
    const seen = line(Math.max(1, (shape.thickness ?? 1.6) * scale));
    if (!shape.name) return { ...seen, silent: true };
    const dot = { type: "circle", shape: { cx: x1, cy: y1, r: 2.5 * scale }, style: { fill: stroke } };
    return { type: "group", children: [seen, dot, line(12, { opacity: 0 })] };  // broad enough to be pointed at
  }
  const [x, y, width, height] = shape.box ?? shape.frame;
  const [px, py] = at(x, y);
  const fill = shape.box ? colours(shape.use) : shape.filled ? colour("grid") : "transparent";
  const children = [{ type: "rect", shape: { x: px, y: py, width: width * scale, height: height * scale, r: 4 * scale },
                      style: { fill, stroke: shape.box ? colour("card") : colour("line"), lineWidth: 1 } }];
  const inside = shape.box || shape.middle;
  const size = Math.max(9, Math.min(13, 11 * scale));
  if (shape.label)
    children.push({ type: "text", silent: true, style: { text: shape.label, fontSize: size, fill: shape.box ? inkOn(fill) : colour("soft"),
      x: inside ? px + (width * scale) / 2 : px + 8, y: inside ? py + (height * scale) / 2 : py + height * scale - 3,
      align: inside ? "center" : "left", verticalAlign: inside ? "middle" : "bottom" } });
  return { type: "group", silent: !shape.box, children };
}

chartTypes.cluster = (part) => {
  const uses = [...part.leaves, ...part.nodes.flatMap((node) => [...node.gpus, ...node.nics])]
    .map((place) => busier(place, ["up", "down", "out", "in"]));
  const largest = Math.max(0.01, largestOf(uses));
  const idle = () => (isDark() ? "#4a5560" : "#c3cad2");
  const colours = (use) => (isNumber(use) && use > 0 ? mixed(cividis, use / largest) : idle());
  const plan = layOut(part, (node) => Math.max(1, Math.min(4, Math.floor(1080 / node))));
  const option = () => ({
    tooltip: { trigger: "item", formatter: (item) => clusterTip(plan.shapes[item.dataIndex]) },
    xAxis: { show: false, min: 0, max: 1 }, yAxis: { show: false, min: 0, max: 1 },
    grid: { left: 6, right: 6, top: 4, bottom: 60 },
    visualMap: { min: 0, max: largest, dimension: 2, seriesIndex: [], orient: "horizontal", left: "center", bottom: 0, itemWidth: 12, itemHeight: 160,
                 inRange: { color: cividis }, textStyle: { color: colour("soft") }, calculable: true, hoverLink: false,
                 formatter: (value) => format(value, "share") },
    series: [{ type: "custom", data: plan.shapes.map(() => [0, 0, 0]), clip: false,
               renderItem: (params) => {
                 const area = params.coordSys;
                 const scale = Math.min(area.width / plan.width, 1.5, area.height / plan.height);
                 return drawShape(plan.shapes[params.dataIndex], colours, [area.x + (area.width - plan.width * scale) / 2, area.y, scale]);
               } }],
  });
  const data = () => ({
    columns: ["place", "what", "busier direction (share)", "bytes per step (B)"],
    rows: plan.shapes.filter((shape) => shape.name).map((shape) => [shape.name, shape.kind, shape.use, shape.bytes]),
  });
  const height = (width) => Math.round(plan.height * Math.min(1.5, (width - 12) / plan.width)) + 64;
  return { option, data, height, minimum: Math.min(plan.width, 560) };
};

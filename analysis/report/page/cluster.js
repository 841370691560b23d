// A drawing of the cluster: nodes with their GPUs, NVLink ports, NVSwitch and NICs, and above them
// leaf and spine switches. The colour of a part says how busy its link is.

const unit = { gpu: 24, gap: 5, pad: 10, node: 150, rowGap: 26, top: 118 };

function busier(port, ways) {
  const uses = ways.map((way) => port[way]).filter(isNumber);
  return uses.length ? Math.max(...uses) : null;
}

// Rectangles and lines in a plane of our own: {shapes, width, height}. Nodes stand in rows; wires to
// leaves are drawn where there is one row.
function layOut(part, perRow) {
  const widest = Math.max(...part.nodes.map((node) => Math.max(node.gpus.length, node.nics.length, 1)));
  const nodeWidth = 2 * unit.pad + widest * (unit.gpu + unit.gap) - unit.gap;
  const columns = Math.min(perRow(nodeWidth + 16), part.nodes.length);
  const width = columns * (nodeWidth + 16) - 16;
  const top = part.leaves.length ? unit.top : 0;
  const shapes = [];
  const leafAt = layLeaves(part, width, shapes);
  part.nodes.forEach((node, index) => {
    const x = (index % columns) * (nodeWidth + 16);
    const y = top + Math.floor(index / columns) * (unit.node + unit.rowGap);
    layNode(node, x, y, nodeWidth, columns >= part.nodes.length ? leafAt : [], shapes);
  });
  const rows = Math.ceil(part.nodes.length / columns);
  return { shapes, width, height: top + rows * (unit.node + unit.rowGap) };
}

// Where each leaf's wires end.
function layLeaves(part, width, shapes) {
  const count = part.leaves.length;
  if (!count) return [];
  const step = width / count;
  const box = Math.min(110, step - 6);
  const spine = part.leaves.some((leaf) => leaf.spine);
  const places = part.leaves.map((leaf, index) => [step * (index + 0.5), 84]);
  if (spine) {
    shapes.push({ box: [0, 0, width, 22], kind: "spine", name: "spine", use: Math.max(...part.leaves.map((leaf) => busier(leaf, ["up", "down"]) ?? -1)),
                  bytes: part.leaves.reduce((sum, leaf) => sum + leaf.bytes, 0), label: "spine" });
    part.leaves.forEach((leaf, index) => shapes.push({ line: [places[index][0], 62, places[index][0], 22], use: busier(leaf, ["up", "down"]) }));
  }
  part.leaves.forEach((leaf, index) => shapes.push({
    box: [places[index][0] - box / 2, 62, box, 22], kind: "leaf switch, towards the spine", name: leaf.name, use: busier(leaf, ["up", "down"]),
    bytes: leaf.bytes, ways: [["up", leaf.up], ["down", leaf.down]],
    label: box > 50 ? leaf.name.replace("leaf.", "") : "" }));
  return places;
}

function layNode(node, x, y, width, leafAt, shapes) {
  shapes.push({ frame: [x, y, width, unit.node], label: node.name });
  const row = (count) => x + (width - count * (unit.gpu + unit.gap) + unit.gap) / 2;
  node.nics.forEach((nic, index) => {
    const left = row(node.nics.length) + index * (unit.gpu + unit.gap);
    const use = busier(nic, ["out", "in"]);
    if (leafAt.length) shapes.push({ line: [left + unit.gpu / 2, y + 24, ...leafAt[nic.leaf]], use });
    shapes.push({ box: [left, y + 24, unit.gpu, 18], kind: "NIC", name: `${node.name} ${nic.name}`, use, bytes: nic.bytes,
                  ways: [["out", nic.out], ["in", nic.in]] });
  });
  node.gpus.forEach((gpu, index) => {
    const left = row(node.gpus.length) + index * (unit.gpu + unit.gap);
    const use = busier(gpu, ["out", "in"]);
    shapes.push({ box: [left, y + 56, unit.gpu, 34], kind: "NVLink port of the GPU", name: `${node.name} ${gpu.name}`, use, bytes: gpu.bytes,
                  ways: [["out", gpu.out], ["in", gpu.in]], label: gpu.name.replace("gpu", "") });
    if (node.switch) shapes.push({ line: [left + unit.gpu / 2, y + 90, left + unit.gpu / 2, y + 114], use });
  });
  if (node.switch && node.gpus.length > 1)
    shapes.push({ frame: [x + unit.pad, y + 114, width - 2 * unit.pad, 20], filled: true, label: "NVSwitch", middle: true });
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
    return { type: "line", silent: true, shape: { x1, y1, x2, y2 }, style: { stroke: colours(shape.use), lineWidth: Math.max(1, 1.6 * scale) } };
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
      x: inside ? px + (width * scale) / 2 : px + 8, y: inside ? py + (height * scale) / 2 : py + 5,
      align: inside ? "center" : "left", verticalAlign: inside ? "middle" : "top" } });
  return { type: "group", silent: !shape.box, children };
}

chartTypes.cluster = (part) => {
  const uses = [...part.leaves.map((leaf) => busier(leaf, ["up", "down"])),
                ...part.nodes.flatMap((node) => [...node.gpus, ...node.nics].map((port) => busier(port, ["out", "in"])))];
  const largest = Math.max(0.01, ...uses.filter(isNumber));
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
  const data = {
    columns: ["place", "what", "busier direction (share)", "bytes per step (B)"],
    rows: plan.shapes.filter((shape) => shape.name).map((shape) => [shape.name, shape.kind, shape.use, shape.bytes]),
  };
  return { option, data, height: Math.round(plan.height * Math.min(1.5, Math.max(1, 1060 / plan.width))) + 70, minimum: Math.min(plan.width, 560) };
};

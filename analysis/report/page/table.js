// Tables: a click on a column's title sorts by it, another one turns the order around.

function compareCells(a, b) {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  if (isNumber(a) && isNumber(b)) return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

function cellOf(column, value, best) {
  const number = column.unit !== undefined;
  const text = !number ? (value ?? "–") : isNumber(value) ? format(value, column.unit) : value ?? "–";
  return element("td", { class: [number ? "number" : "", best ? "best" : ""].join(" ").trim(),
                         "data-value": isNumber(value) ? value : null },
                 best ? element("strong", {}, text, element("span", { class: "star", title: "best of its column" }, " ★")) : text);
}

function bodyRows(part, order) {
  return order.map((row) => element("tr", {}, part.columns.map((column, index) =>
    cellOf(column, part.rows[row][index], part.best?.[row]?.includes(index)))));
}

// The part's rows, in the order of `sort` {column, down}.
function sortedRows(part, sort) {
  const order = part.rows.map((_, index) => index);
  if (sort === null) return order;
  const known = (row) => part.rows[row][sort.column] !== null;
  order.sort((a, b) => {
    const way = sort.down && known(a) && known(b) ? -1 : 1;
    return way * compareCells(part.rows[a][sort.column], part.rows[b][sort.column]) || a - b;
  });
  return order;
}

function drawTable(part) {
  const body = element("tbody");
  const titles = [];
  let sort = null;
  const show = () => {
    body.replaceChildren(...bodyRows(part, sortedRows(part, sort)));
    titles.forEach((title, index) => title.setAttribute("aria-sort",
      sort?.column !== index ? "none" : sort.down ? "descending" : "ascending"));
  };
  part.columns.forEach((column, index) => {
    const by = () => {
      const number = column.unit !== undefined;
      sort = sort?.column === index ? { column: index, down: !sort.down } : { column: index, down: number };
      show();
    };
    titles.push(element("th", { scope: "col", class: column.unit === undefined ? "" : "number" },
                        element("button", { type: "button", onclick: by, title: "sort by this column" }, column.title)));
  });
  show();
  const csv = () => downloadText(`${fileName(part.title)}.csv`,
                                 csvOf({ columns: part.columns.map(csvTitle), rows: part.rows }));
  return element("figure", { class: "part table" },
                 element("figcaption", {}, element("h3", {}, part.title),
                         element("div", { class: "tools" },
                                 element("button", { type: "button", onclick: csv }, "CSV"))),
                 part.note ? element("p", { class: "note" }, part.note) : null,
                 element("div", { class: "scroll" },
                         element("table", {}, element("thead", {}, element("tr", {}, titles)), body)));
}

// CSV files hold SI values; the title says so.
function csvTitle(column) {
  const units = { share: "share", "×": "ratio" };
  return column.unit ? `${column.title} (${units[column.unit] ?? column.unit})` : column.title;
}

// Elements of the page. Texts are set as text: nothing of a result is read as HTML.

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "class") made.className = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

function download(name, url) {
  element("a", { href: url, download: name }).click();
}

function downloadText(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  download(name, url);
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

function fileName(title) {
  return title.toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^_|_$/g, "").slice(0, 60) || "moesim";
}

function csvOf(table) {
  const lines = [table.columns, ...table.rows];
  return lines.map((line) => line.map(csvField).join(",")).join("\n") + "\n";
}

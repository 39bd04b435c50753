"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const options = { responsive: true, displaylogo: false, displayModeBar: false };

  // Charts: a click on a point finds the case in the table.
  for (const place of document.querySelectorAll(".chart")) {
    const chart = data.charts[place.dataset.chart];
    Plotly.newPlot(place, chart.data, chart.layout, options).then(() =>
      place.on("plotly_click", (event) => findCase(event.points[0].customdata)));
  }

  // Table: sort by any column, filter by text and by DSC.
  const table = document.getElementById("scores");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const filter = document.getElementById("filter");
  const below = document.getElementById("below");

  function refresh() {
    const wanted = filter.value.trim().toLowerCase();
    const limit = below.value === "" ? 1 : Number(below.value);
    let shown = 0;
    for (const row of rows) {
      const text = (row.cells[0].textContent + " " + row.cells[1].textContent).toLowerCase();
      const dsc = row.dataset.dsc === "" ? null : Number(row.dataset.dsc);
      const fits = text.includes(wanted) && (limit >= 1 || (dsc !== null && dsc <= limit));
      row.hidden = !fits;
      shown += fits;
    }
    document.getElementById("shown").textContent = `${shown} of ${rows.length} rows`;
  }

  function keyOf(row, column, isText) {
    const cell = row.cells[column];
    if (isText) return cell.textContent;
    const value = cell.dataset.value;
    if (value === "") return null;
    return value === "inf" ? Infinity : Number(value);
  }

  function sortBy(heading) {
    const column = heading.cellIndex;
    const isText = heading.dataset.kind === "text";
    const direction = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
    rows.sort((a, b) => {
      const first = keyOf(a, column, isText);
      const second = keyOf(b, column, isText);
      if (first === null || second === null) return (first === null) - (second === null);  // undefined ones last
      if (isText) return direction * first.localeCompare(second, undefined, { numeric: true });
      return direction * (first === second ? 0 : first < second ? -1 : 1);
    });
    body.append(...rows);
  }

  function findCase(name) {
    filter.value = "";
    below.value = 1;
    refresh();
    let first = null;
    for (const row of rows) {
      const isIt = row.dataset.case === name;
      row.classList.toggle("found", isIt);
      first = first || (isIt ? row : null);
    }
    if (first) first.scrollIntoView({ block: "center" });
  }

  filter.addEventListener("input", refresh);
  below.addEventListener("input", refresh);
  document.getElementById("all-columns").addEventListener("change", (event) =>
    table.classList.toggle("few", !event.target.checked));
  for (const heading of table.tHead.rows[0].cells) {
    heading.tabIndex = 0;
    heading.addEventListener("click", () => sortBy(heading));
    heading.addEventListener("keydown", (event) => { if (event.key === "Enter") sortBy(heading); });
  }
  refresh();

  // Cases: three views that can be paged, and the surface.
  const views = document.getElementById("views");
  if (!views) return;
  const tabs = [...document.querySelectorAll("[data-case-view]")];
  const toggles = [...document.querySelectorAll("[data-toggle]")];
  const svg = (name, attributes = {}) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };

  function letters(name) {
    const [left, top] = { axial: "RA", coronal: "RH", sagittal: "AH" }[name];
    return [["left", left], ["top", top]].map(([side, letter]) => {
      const element = document.createElement("span");
      element.className = `letter ${side}`;
      element.textContent = letter;
      return element;
    });
  }

  function showView(view) {
    const place = document.createElement("div");
    place.className = "view";
    const picture = svg("svg", { viewBox: `0 0 ${view.width_mm} ${view.height_mm}`, role: "img", "aria-label": view.name });
    const image = svg("image", { width: view.width_mm, height: view.height_mm, preserveAspectRatio: "none" });
    const paths = { reference: svg("path", { class: "reference" }), prediction: svg("path", { class: "prediction" }) };
    picture.append(image, paths.reference, paths.prediction);
    const slider = document.createElement("input");
    slider.type = "range";
    slider.max = view.slices.length - 1;
    slider.value = view.start;
    slider.setAttribute("aria-label", `${view.name} slice`);
    const caption = document.createElement("div");
    caption.className = "caption";
    const name = document.createElement("span");
    const number = document.createElement("span");
    name.textContent = view.name;
    caption.append(name, number);
    function page() {
      const slice = view.slices[slider.value];
      if (slice.picture) image.setAttribute("href", slice.picture);
      for (const [which, path] of Object.entries(paths)) path.setAttribute("d", slice[which]);
      number.textContent = `slice ${slice.number} of ${view.n_slices}`;
    }
    slider.addEventListener("input", page);
    page();
    const frame = document.createElement("div");
    frame.className = "frame";
    frame.append(picture, ...letters(view.name));
    place.append(frame, slider, caption);
    return place;
  }

  function applyToggles() {
    for (const toggle of toggles) {
      for (const path of views.querySelectorAll(`path.${toggle.dataset.toggle}`)) {
        path.style.visibility = toggle.checked ? "visible" : "hidden";
      }
    }
  }

  function showCase(index) {
    const caseView = data.case_views[index];
    tabs.forEach((tab, number) => tab.setAttribute("aria-selected", number === index));
    views.replaceChildren(...caseView.views.map(showView));
    if (!caseView.views.length) views.textContent = "Both masks are empty.";
    applyToggles();
    Plotly.react("surface", caseView.surface.data, caseView.surface.layout, options);
  }

  tabs.forEach((tab, index) => tab.addEventListener("click", () => showCase(index)));
  toggles.forEach((toggle) => toggle.addEventListener("change", applyToggles));
  showCase(0);
})();

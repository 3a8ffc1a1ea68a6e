"use strict";
// The drawing: only the rows that can be seen. What comes from a repository goes into the page as text, never as markup.
const data = JSON.parse(document.getElementById("data").textContent);
const rows = data.rows;
const byId = new Map(rows.flatMap((row, at) => (row.id ? [[row.id, at]] : [])));
const children = new Map();
for (const row of rows) for (const below of new Set([...(row.parents || []), ...(row.needs || [])])) {
  if (!children.has(below)) children.set(below, []);
  children.get(below).push(row.id);
}
const ROW = 30, TALL_ROW = 56, LANE = 18, LEFT = 18, TOP = 8, CHUNK = 16, COLOURS = 6, SVG = "http://www.w3.org/2000/svg";
const MARKS = { add: "+ ", drop: "\u2212 ", alter: "~ ", rename: "", rows: "", hazard: "\u26a0 ", unread: "? " };
const $ = (id) => document.getElementById(id);
const graph = $("graph"), canvas = $("canvas"), lanes = $("lanes"), list = $("rows");
const count = rows.filter((row) => row.id).length;
const widest = rows.reduce((most, row) => Math.max(most, row.w), 1);
const narrow = matchMedia("(max-width: 760px)");
let zoom = 1, current = -1, drawn = [-1, -1], tops = new Float64Array(rows.length + 1), landmarks = new Set();
let laneWidth = LANE, aligned = 1;
/** The rows that the filters leave: a set, or null for all. `hits` are what the search found among them. */
let kept = null, hits = null;

// -- elements ----------------------------------------------------------------------------------------------------
function add(parent, tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined && text !== null) made.textContent = text;
  parent.append(made);
  return made;
}
function shape(parent, tag, facts) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(facts)) made.setAttribute(name, value);
  parent.append(made);
  return made;
}
function button(parent, text, work, className) {
  const made = add(parent, "button", className, text);
  made.type = "button";
  made.addEventListener("click", work);
  return made;
}

// -- geometry ----------------------------------------------------------------------------------------------------
const isKept = (at) => kept === null || kept.has(at);
const rowHeight = () => (narrow.matches ? TALL_ROW : ROW) * zoom;
// In an overview of many rows, lanes keep apart.
const x = (column) => LEFT * Math.max(zoom, 0.5) + column * laneWidth;
const height = (at) => tops[at + 1] - tops[at];
const y = (at) => (tops[at] + tops[at + 1]) / 2;
function step(at, by) {
  do at += by; while (rows[at] && (!rows[at].id || !isKept(at)));
  return rows[at] ? at : -1;
}
/** The row at a height. */
function rowAt(wanted) {
  let low = 0, high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (tops[middle + 1] <= wanted) low = middle + 1; else high = middle;
  }
  return low;
}
/** Give each row its place. Rows that filters leave out are folded: all between two others take 26 pixels at most. */
function place() {
  const tall = rowHeight();
  tops[0] = TOP;
  for (let at = 0; at < rows.length;) {
    let end = at + 1;
    if (isKept(at)) tops[end] = tops[at] + (rows[at].id ? tall : tall / 2);
    else {
      while (end < rows.length && !isKept(end)) end++;
      const folded = Math.min(5, 26 / (end - at)) * zoom;
      for (let inside = at; inside < end; inside++) tops[inside + 1] = tops[inside] + folded;
    }
    at = end;
  }
  landmarks = new Set();
  let last = -Infinity;
  rows.forEach((row, at) => { if ((row.head || row.labels?.length) && tops[at] - last >= 20) { landmarks.add(at); last = tops[at]; } });
}

// -- what is seen ------------------------------------------------------------------------------------------------
function resize() {
  const most = narrow.matches ? 0.3 : 0.4;
  laneWidth = Math.max(5, Math.min(LANE * Math.max(zoom, 0.5), (most * graph.clientWidth) / widest));
  aligned = Math.min(narrow.matches ? 5 : 12, widest);
  place();
  canvas.style.height = `${tops[rows.length] + 24}px`;
  lanes.style.height = canvas.style.height;
  canvas.style.minWidth = `${x(widest) + 160}px`;
  list.style.fontSize = `${14 * zoom}px`;
  // Labels fade as they become too small to read; lanes and landmarks stay.
  list.style.setProperty("--label", String(Math.max(0, Math.min(1, (zoom - 0.35) / 0.3))));
  canvas.classList.toggle("is-tiny", zoom < 0.6);
  drawn = [-1, -1];
  draw();
}
function draw() {
  const first = Math.max(0, Math.floor(rowAt(graph.scrollTop) / CHUNK) * CHUNK - CHUNK);
  const last = Math.min(rows.length, Math.ceil((rowAt(graph.scrollTop + graph.clientHeight) + 1) / CHUNK) * CHUNK + CHUNK);
  if (first === drawn[0] && last === drawn[1]) return;
  if (drawn[0] < 0) list.replaceChildren();
  const there = new Map([...list.children].map((made) => [Number(made.dataset.at), made]));
  drawn = [first, last];
  for (const [at, made] of there) if (at < first || at >= last) made.remove();
  for (let at = first; at < last; at++) if (rows[at].id && isKept(at) && !there.has(at)) list.append(rowElement(at));
  drawLanes(first, last);
}
function scheduled() {
  if (!scheduled.frame) scheduled.frame = requestAnimationFrame(() => { scheduled.frame = 0; draw(); drawMinimap(); });
}
function rowElement(at) {
  const row = rows[at], made = document.createElement("div");
  made.id = `row-${at}`;
  made.dataset.at = at;
  made.className = "row";
  made.setAttribute("role", "option");
  made.setAttribute("aria-posinset", row.number);
  made.setAttribute("aria-setsize", count);
  made.style.top = `${tops[at]}px`;
  made.style.height = `${height(at)}px`;
  made.style.paddingLeft = `${x(Math.max(aligned, row.w)) + 6 * Math.max(zoom, 0.5)}px`;
  made.title = `${row.short} ${row.message}`;
  add(made, "span", "id", row.short).style.minWidth = `${data.idWidth + 2}ch`;
  const said = add(made, "span", "said");
  for (const [kind, text] of chipsOf(row)) add(said, "span", `chip ${kind}`, text);
  add(said, "span", "message", row.message.split("\n")[0]);
  fewEffects(add(made, "span", "effects"), row);
  if (data.has.branch) add(made, "span", "cell branch", row.branch);
  if (data.has.author) add(made, "span", "cell author", row.author);
  if (data.has.date) add(made, "span", "cell date", row.date);
  if (data.has.state) add(made, "span", `cell state ${row.state || ""}`, row.state);
  return dressed(made, at);
}
function dressed(made, at) {
  made.setAttribute("aria-selected", String(at === current));
  made.classList.toggle("is-edge", Boolean(rows[at].edge));
  made.classList.toggle("is-landmark", landmarks.has(at));
  made.classList.toggle("is-dim", hits !== null && hits.isSearch && !hits.set.has(at));
  made.classList.toggle("is-match", hits !== null && hits.isSearch && hits.set.has(at));
  return made;
}
const redress = () => { for (const made of list.children) dressed(made, Number(made.dataset.at)); };
const chipsOf = (row) => [
  ...(row.added ? [["added", "+ added"]] : []),
  ...(row.head ? [["head", "head"]] : []),
  ...row.labels.map((label) => ["label", label]),
  ...row.places.map(([kind, words]) => [`place place-${kind}`, words]),
];
const effectText = (item) => MARKS[item.kind] + item.text + (item.allowed ? " (allowed)" : "");
function effectChip(parent, item) {
  const made = add(parent, "span", `effect ${item.allowed ? "allowed" : item.kind}`, effectText(item));
  made.title = item.what;
  return made;
}
/** A few chips that fit into a row: changes, the worst hazard, what cannot be read; and how many more there are. */
function fewEffects(parent, row) {
  const all = row.effects || [], wide = graph.clientWidth;
  const most = narrow.matches ? 1 : wide > 1500 ? 4 : wide > 1000 ? 2 : 1;
  const changes = all.filter((item) => item.kind !== "hazard" && item.kind !== "unread");
  const hazards = all.filter((item) => item.kind === "hazard" && !item.allowed), unread = all.filter((item) => item.kind === "unread");
  const shown = [...hazards.slice(0, 1), ...unread.slice(0, 1), ...changes.slice(0, most)];
  for (const item of shown) effectChip(parent, item);
  if (all.length > shown.length) add(parent, "span", "more", `+${all.length - shown.length}`).title = all.filter((item) => !shown.includes(item)).map(effectText).join("\n");
}

function drawLanes(first, last) {
  lanes.replaceChildren();
  const paths = new Map();
  for (let at = Math.max(0, first - 1); at < last; at++) {
    const s = rows[at].s;
    for (let n = 0; n < s.length; n += 5) {
      const kind = `${s[n + 4]}:${s[n + 3] % COLOURS}`;
      if (!paths.has(kind)) paths.set(kind, []);
      paths.get(kind).push(pathOf(x(s[n]), x(s[n + 1]), x(s[n + 2]), at, s[n + 4]));
    }
  }
  for (const [kind, pieces] of [...paths].sort()) {
    const [needs, colour] = kind.split(":");
    shape(lanes, "path", { d: pieces.join(""), class: needs === "1" ? "needs" : "line" }).style.stroke = `var(--c${colour})`;
  }
  for (let at = first; at < last; at++) drawNode(rows[at], at);
}
function pathOf(start, via, end, at, needs) {
  const top = y(at), bottom = y(at + 1), middle = (top + bottom) / 2;
  if (start === via && via === end) return `M${start} ${top}V${bottom}`;
  if (!needs) return `M${start} ${top}C${start} ${middle} ${end} ${middle} ${end} ${bottom}`;
  const leave = start === via ? `V${middle}` : `C${via} ${top} ${via} ${top} ${via} ${middle}`;
  const reach = end === via ? `V${bottom}` : `C${via} ${bottom} ${via} ${bottom} ${end} ${bottom}`;
  return `M${start} ${top}${leave}${reach}`;
}
function drawNode(row, at) {
  const colour = `var(--c${row.c % COLOURS})`, place = { cx: x(row.x), cy: y(at) };
  if (!row.id) {
    shape(lanes, "path", { d: `M${x(row.x)} ${y(at)}V${y(at) + height(at) / 3}`, class: "needs" }).style.stroke = colour;
    return;
  }
  const size = Math.max(0.35, Math.min(1.25, zoom)) * (row.edge ? 3 : row.head ? 6 : 5);
  if (row.added && isKept(at)) shape(lanes, "circle", { ...place, r: size + 4, class: "halo" });
  const hollow = row.state === "pending" || row.state === "skipped";
  const made = shape(lanes, "circle", { ...place, r: isKept(at) ? size : Math.min(2, Math.max(0.8, height(at) / 2)), "stroke-width": isKept(at) ? 2 : 0 });
  const paint = row.state === "orphan" ? "var(--orphan)" : colour;
  made.style.stroke = paint;
  made.style.fill = hollow || row.edge ? "var(--page)" : paint;
  if (row.state === "skipped") made.setAttribute("stroke-dasharray", "2 2");
}

// -- the selection -----------------------------------------------------------------------------------------------
/** Move the selection. What the filters fold away is unfolded first. */
function select(at) {
  if (at < 0 || at >= rows.length || !rows[at].id) return false;
  if (!isKept(at)) clearFilters();
  current = at;
  const top = tops[at], tall = height(at), room = graph.clientHeight;
  if (top < graph.scrollTop + tall) graph.scrollTop = top - Math.min(room / 3, 3 * tall);
  else if (top + 2 * tall > graph.scrollTop + room) graph.scrollTop = top - room + Math.min(room / 3, 4 * tall);
  draw();
  redress();
  showCount();
  graph.setAttribute("aria-activedescendant", `row-${at}`);
  return true;
}

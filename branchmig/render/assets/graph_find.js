// Search, filters and the strip that shows where the matches are.
const search = $("search"), minimap = $("minimap");
const filters = [];
let isFresh = false, isDeep = false;
const isUnread = (row) => row.unclear || !row.effects || row.effects.some((item) => item.kind === "unread");
const haystack = (row) => (row.hay ??= [row.id, row.message, ...row.branchLabels, row.branch, row.author, row.path, row.commit,
  ...(row.effects || []).map((item) => item.text)].filter(Boolean).join("\n").toLowerCase());
const inScript = (row) => (row.scriptHay ??= `${row.script || ""}\n${row.sql || ""}`.toLowerCase());

function makeFilters() {
  const tables = (row) => (row.tables || []).map((number) => data.tables[number]);
  const named = [["table", tables], ["branch", (row) => [row.branch]], ["author", (row) => [row.author]],
    ["state", (row) => [row.state]], ["label", (row) => row.branchLabels]];
  for (const [name, valuesOf] of named) {
    const values = [...new Set(rows.flatMap((row) => (row.id ? valuesOf(row) : [])).filter(Boolean))].sort();
    if (values.length < (name === "label" || name === "table" ? 1 : 2)) continue;
    const choice = add($("filters"), "select");
    choice.id = `filter-${name}`;
    choice.setAttribute("aria-label", `Show only one ${name}`.replace("one ", ""));
    add(choice, "option", "", `any ${name}`).value = "";
    // The value is a number, so that no name of a branch can be taken for "any".
    values.forEach((value, number) => { add(choice, "option", "", value).value = String(number); });
    choice.addEventListener("change", look);
    const allows = (row) => valuesOf(row).includes(values[Number(choice.value)]);
    filters.push({ choice, name, allows: name === "table" ? (row) => allows(row) || isUnread(row) : allows, isSure: allows });
  }
}
/** Fold what the filters leave out, and mark what the search finds. */
function look() {
  const words = search.value.trim().toLowerCase();
  const chosen = filters.filter((filter) => filter.choice.value !== "");
  for (const filter of filters) filter.choice.classList.toggle("is-set", filter.choice.value !== "");
  const before = kept;
  kept = null;
  if (chosen.length) kept = new Set(rows.flatMap((row, at) => (row.id && chosen.every((filter) => filter.allows(row)) ? [at] : [])));
  isFresh = true;
  isDeep = $("in-scripts").checked;
  const matches = (row) => !words || haystack(row).includes(words) || (isDeep && inScript(row).includes(words));
  const found = rows.flatMap((row, at) => (row.id && isKept(at) && matches(row) ? [at] : []));
  hits = words || kept ? { list: found, set: new Set(found), isSearch: Boolean(words) } : null;
  const unclear = kept ? [...kept].filter((at) => !chosen.every((filter) => filter.isSure(rows[at]))).length : 0;
  hits && (hits.unclear = unclear);
  if (before !== kept) {
    resize();
    graph.scrollTop = kept && current >= 0 && isKept(current) ? tops[current] - graph.clientHeight / 3 : kept ? 0 : graph.scrollTop;
    draw();
  }
  showCount();
  redress();
  drawMinimap();
}
function clearFilters() {
  search.value = "";
  for (const filter of filters) filter.choice.value = "";
  look();
}
function showCount() {
  const number = (value) => value.toLocaleString("en");
  const place = hits ? hits.list.indexOf(current) : -1;
  const unclear = hits && hits.unclear ? `, ${number(hits.unclear)} not read in full` : "";
  $("matches").textContent = hits === null ? `${number(count)} revision${count === 1 ? "" : "s"}`
    : (place < 0 ? `${number(hits.list.length)} of ${number(count)}` : `${number(place + 1)} / ${number(hits.list.length)}`) + unclear;
}
function seek(by) {
  if (!hits || !hits.list.length) return;
  // What was just searched for may be where the selection is already.
  const from = isFresh && by > 0 ? current - 1 : current;
  isFresh = false;
  const next = by > 0 ? hits.list.find((at) => at > from) : hits.list.findLast((at) => at < current);
  choose(next ?? hits.list.at(by > 0 ? 0 : -1));
}
function drawMinimap() {
  minimap.hidden = hits === null || kept !== null;
  if (minimap.hidden) return;
  const ratio = window.devicePixelRatio || 1, tall = graph.clientHeight;
  minimap.width = 8 * ratio; minimap.height = tall * ratio;
  const pen = minimap.getContext("2d"), style = getComputedStyle(document.documentElement);
  pen.scale(ratio, ratio);
  pen.fillStyle = style.getPropertyValue("--rule");
  if (graph.scrollHeight > tall) pen.fillRect(0, (graph.scrollTop / graph.scrollHeight) * tall, 8, Math.max(4, (tall / graph.scrollHeight) * tall));
  pen.fillStyle = style.getPropertyValue("--accent");
  for (const at of hits.list) pen.fillRect(2, (y(at) / graph.scrollHeight) * tall - 1, 5, 2);
}

// Zoom, pan, theme, keyboard; and the start.
const help = $("help");
function zoomTo(wanted, atY = graph.clientHeight / 2) {
  const at = Math.min(rowAt(graph.scrollTop + atY), rows.length - 1);
  const within = at < 0 ? 0 : (graph.scrollTop + atY - tops[at]) / height(at);
  zoom = Math.min(2.5, Math.max(0.12, wanted));
  resize();
  if (at >= 0) graph.scrollTop = tops[at] + within * height(at) - atY;
  draw();
  drawMinimap();
}
graph.addEventListener("wheel", (event) => {
  if (!event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  zoomTo(zoom * Math.exp(-event.deltaY * 0.002), event.clientY - graph.getBoundingClientRect().top);
}, { passive: false });
let drag = null;
graph.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || event.pointerType === "touch") return;
  // On the scroll bar it is no drag.
  if (event.offsetX > graph.clientWidth && event.target === graph) return;
  drag = { x: event.clientX, y: event.clientY, left: graph.scrollLeft, top: graph.scrollTop, moved: false, id: event.pointerId };
});
graph.addEventListener("pointermove", (event) => {
  if (!drag || drag.isOver) return;
  const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
  if (!drag.moved && Math.hypot(dx, dy) < 4) return;
  if (!drag.moved) { drag.moved = true; graph.setPointerCapture(drag.id); graph.classList.add("is-dragged"); }
  graph.scrollLeft = drag.left - dx;
  graph.scrollTop = drag.top - dy;
});
// The click that ends a drag comes after it, and must still know of it.
const drop = () => { if (drag) drag.isOver = true; graph.classList.remove("is-dragged"); };
graph.addEventListener("pointerup", drop);
graph.addEventListener("pointercancel", drop);
graph.addEventListener("click", (event) => {
  const row = event.target.closest(".row");
  if (row && !(drag && drag.moved)) open(Number(row.dataset.at));
});
graph.addEventListener("scroll", scheduled, { passive: true });

const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const remembered = { get: () => { try { return localStorage.getItem("branchmig-theme"); } catch { return null; } },
  set: (value) => { try { localStorage.setItem("branchmig-theme", value); } catch { /* a page from a file may have no storage */ } } };
const paint = () => { document.documentElement.dataset.theme = remembered.get() || remembered.own || (prefersDark.matches ? "dark" : "light"); drawMinimap(); };
const turn = () => { remembered.own = document.documentElement.dataset.theme === "dark" ? "light" : "dark"; remembered.set(remembered.own); paint(); };
prefersDark.addEventListener("change", paint);

const page = () => Math.max(1, Math.floor(graph.clientHeight / rowHeight()) - 2);
const move = (by) => choose(current < 0 ? (by > 0 ? step(-1, 1) : step(rows.length, -1)) : step(current, by));
const leap = (by) => { let at = current; for (let n = page(); n > 0; n--) { const next = step(at, by); if (next < 0) break; at = next; } choose(at); };
const keys = {
  ArrowDown: () => move(1), j: () => move(1), ArrowUp: () => move(-1), k: () => move(-1),
  PageDown: () => leap(1), PageUp: () => leap(-1), Home: () => choose(step(-1, 1)), End: () => choose(step(rows.length, -1)),
  Enter: () => open(current), "/": () => { search.focus(); search.select(); }, n: () => seek(1), N: () => seek(-1),
  p: () => current >= 0 && choose(byId.get(rows[current].parents.find((id) => byId.has(id))) ?? -1),
  c: () => current >= 0 && choose(byId.get((children.get(rows[current].id) || [])[0]) ?? -1),
  f: () => filters[0]?.choice.focus(),
  "+": () => zoomTo(zoom * 1.2), "=": () => zoomTo(zoom * 1.2), "-": () => zoomTo(zoom / 1.2), 0: () => zoomTo(1),
  t: turn, "?": () => help.showModal(), Escape: () => (panel.hidden ? clearFilters() : close()),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  if (event.target === search) return;
  const inside = event.target.closest("select, #panel [role=tabpanel]");
  if (inside && !["Escape", "/", "?"].includes(event.key)) return;
  if (event.key === "Enter" && event.target.closest("button, summary, input, a")) return;
  const work = keys[event.key];
  if (!work) return;
  event.preventDefault();
  work();
});
search.addEventListener("keydown", (event) => {
  if (event.key === "Enter") { event.preventDefault(); seek(event.shiftKey ? -1 : 1); if (hits && hits.list.length) graph.focus(); }
  else if (event.key === "Escape") { event.preventDefault(); search.value = ""; look(); graph.focus(); }
});
let typed = 0;
search.addEventListener("input", () => { cancelAnimationFrame(typed); typed = requestAnimationFrame(look); });
$("in-scripts").addEventListener("change", look);
$("theme").addEventListener("click", turn);
$("zoom-in").addEventListener("click", () => zoomTo(zoom * 1.2));
$("zoom-out").addEventListener("click", () => zoomTo(zoom / 1.2));
$("help-button").addEventListener("click", () => help.showModal());

$("title").textContent = data.title;
$("place").textContent = data.place;
for (const { name, url } of data.databases) add($("database"), "span", "base", name).title = url;
$("database").hidden = !data.databases.length;
if (data.unplaced.length) {
  const lost = add($("filters"), "details");
  lost.id = "unplaced";
  add(lost, "summary", "", `${data.unplaced.length} not in this graph`);
  const reasons = add(lost, "ul");
  for (const line of data.unplaced) add(reasons, "li", "", line);
}
$("in-scripts-label").hidden = !rows.some((row) => row.script != null);
paint();
makeFilters();
resize();
look();
select(step(-1, 1));
follow();
graph.focus({ preventScroll: true });
window.addEventListener("popstate", follow);
narrow.addEventListener("change", resize);
let width = graph.clientWidth;
new ResizeObserver(() => { if (graph.clientWidth !== width) { width = graph.clientWidth; resize(); } draw(); drawMinimap(); }).observe(graph);

// One revision in the panel, and the page's address, which names it.
const panel = $("panel"), notice = $("notice");
let tab = "Script", settling = 0;
const schemaView = data.schema ? branchmigSchemaView(data.schema, { add, button, goto: (id) => open(byId.get(id) ?? -1), rows, byId }) : null;

// -- the address -------------------------------------------------------------------------------------------------
const addressOf = (id) => `#${encodeURIComponent(id)}`;
/** Select a revision, as the keyboard does; the address follows once the selection rests. */
function choose(at) {
  if (!select(at)) return;
  notice.hidden = true;
  if (!panel.hidden) fill(at);
  clearTimeout(settling);
  settling = setTimeout(() => history.replaceState(null, "", addressOf(rows[at].id)), 150);
}
/** Open a revision, as a click does: the address names it, and "back" leads to what was open before. */
function open(at) {
  if (!select(at)) return;
  clearTimeout(settling);
  notice.hidden = true;
  const address = addressOf(rows[at].id);
  if (location.hash !== address) history.pushState(null, "", address);
  fill(at);
}
/** Show what the address names: the start of an id is enough where it is the start of one only. */
function follow() {
  clearTimeout(settling);
  let wanted = location.hash.slice(1);
  try { wanted = decodeURIComponent(wanted); } catch { /* it is no address that this page made */ }
  notice.hidden = true;
  if (!wanted) { hide(); return; }
  const found = byId.has(wanted) ? [wanted] : [...byId.keys()].filter((id) => id.startsWith(wanted));
  if (found.length === 1) { select(byId.get(found[0])); fill(current); return; }
  hide();
  notice.replaceChildren();
  add(notice, "span", "", found.length ? `${found.length} revisions begin with “${wanted}”: ` : `This page has no revision “${wanted}”.`);
  for (const id of found.slice(0, 8)) link(notice, id);
  if (found.length > 8) add(notice, "span", "", ", …");
  button(notice, "Dismiss", () => { notice.hidden = true; history.replaceState(null, "", location.pathname + location.search); graph.focus(); }, "dismiss");
  notice.hidden = false;
}
function link(parent, id) {
  const made = add(parent, "a", "link", rows[byId.get(id)].short);
  made.href = addressOf(id);
  made.title = rows[byId.get(id)].message;
  return made;
}

// -- the panel ---------------------------------------------------------------------------------------------------
function hide() {
  if (panel.hidden) return;
  panel.hidden = true;
  document.querySelector("main").classList.remove("is-open");
  resize();
}
function close() {
  hide();
  history.pushState(null, "", location.pathname + location.search);
  graph.focus();
}
function fill(at) {
  const row = rows[at], was = panel.hidden;
  panel.replaceChildren();
  panel.setAttribute("aria-label", `Revision ${row.id}`);
  const bar = add(panel, "div", "bar");
  add(bar, "code", "", row.id);
  if (navigator.clipboard) button(bar, "Copy id", () => navigator.clipboard.writeText(row.id));
  button(bar, "Close", close).setAttribute("aria-keyshortcuts", "Escape");
  const top = add(panel, "div", "about");
  add(top, "h2", "", row.message || "(no message)");
  const chips = chipsOf(row);
  if (chips.length) { const line = add(top, "div", "chips"); for (const [kind, text] of chips) add(line, "span", `chip ${kind}`, text); }
  facts(top, row);
  changes(top, row);
  panel.hidden = false;
  document.querySelector("main").classList.add("is-open");
  tabs(row);
  // The rows have another width now.
  if (was) { resize(); select(at); }
}
/** All that the revision does; a click shows the line of the script. */
function changes(top, row) {
  if (!row.effects) return;
  const box = add(top, "section", "changes");
  box.setAttribute("aria-label", "What it changes");
  const isNote = (item) => item.kind === "hazard" || item.kind === "unread";
  const line = add(box, "div", "items");
  for (const item of row.effects.filter((item) => !isNote(item))) lead(effectChip(line, item), item);
  for (const item of row.effects.filter(isNote)) {
    const note = add(box, "div", "remark");
    lead(effectChip(note, item), item);
    add(note, "span", "why", (item.allowed ? `allowed: ${item.allowed}` : item.what) + (item.line && row.script != null ? ` (line ${item.line})` : ""));
  }
  if (!row.effects.length) add(box, "p", "nothing", "It changes nothing that branchmig knows.");
}
function lead(chip, item) {
  if (!item.line) return;
  chip.tabIndex = 0;
  chip.setAttribute("role", "button");
  const go = () => { const shown = panel.querySelector('[role="tab"]'); if (shown) { shown.click(); toLine(item.line - 1, true); } };
  chip.addEventListener("click", go);
  chip.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); event.stopPropagation(); go(); } });
}
function facts(top, row) {
  const table = add(top, "dl");
  const fact = (name, text, className) => { if (text) { add(table, "dt", "", name); add(table, "dd", className, text); } };
  const code = (name, text, className) => { if (text) { add(table, "dt", className, name); add(add(table, "dd", className), "code", "", text); } };
  const links = (name, ids) => {
    if (!ids.length) return;
    add(table, "dt", "wide", name);
    const where = add(table, "dd", "wide");
    for (const id of ids) {
      const at = byId.get(id);
      if (at === undefined) { add(where, "code", "outside", `${id} (not shown)`); continue; }
      const line = add(where, "div", "neighbour");
      link(line, id);
      add(line, "span", "", rows[at].message.split("\n")[0]);
    }
  };
  fact("state", row.state, row.state);
  fact("git branch", row.branch);
  fact("author", row.author);
  fact("date", row.date);
  if (row.commit) code("commit", row.commit.slice(0, 12));
  else if (row.head && data.has.branch) fact("commit", "not committed yet");
  code("file", row.path, "wide");
  const above = children.get(row.id) || [];
  links(row.parents.length > 1 ? "parents" : "parent", row.parents);
  links("children", above.filter((id) => rows[byId.get(id)].parents.includes(row.id)));
  links("depends on", row.needs);
  links("needed by", above.filter((id) => rows[byId.get(id)].needs.includes(row.id)));
  if (row.branchLabels.length) { add(table, "dt", "wide", "labels"); add(table, "dd", "wide", row.branchLabels.join(", ")); }
}
function tabs(row) {
  const bodies = [];
  if (row.script != null) bodies.push(["Script", () => codeTable(row.script, python)]);
  if (row.sql != null) bodies.push(["SQL", () => codeTable(row.sql, sql)]);
  if (schemaView && schemaView.has(row.id)) bodies.push(["Schema", () => schemaView.render(row)]);
  if (row.blame) bodies.push(["Blame", () => codeTable(row.script, python, row.blame)]);
  panel.classList.toggle("has-code", bodies.length > 0);
  if (!bodies.length) return;
  const bar = add(panel, "div"), body = add(panel, "div");
  bar.setAttribute("role", "tablist");
  body.setAttribute("role", "tabpanel");
  body.tabIndex = 0;
  const show = (name) => {
    tab = name;
    for (const other of bar.children) { other.setAttribute("aria-selected", String(other.textContent === name)); other.tabIndex = other.textContent === name ? 0 : -1; }
    body.setAttribute("aria-label", name);
    body.replaceChildren(bodies.find((each) => each[0] === name)[1]());
    if (name === "Script" || name === "Blame") toLine(row.script.split("\n").findIndex((text) => /^\s*(async\s+)?def upgrade\b/.test(text)), false);
  };
  for (const [name] of bodies) button(bar, name, () => show(name)).setAttribute("role", "tab");
  bar.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const all = [...bar.children], next = all[(all.indexOf(document.activeElement) + by + all.length) % all.length];
    next.focus(); show(next.textContent); event.preventDefault(); event.stopPropagation();
  });
  show(bodies.some((each) => each[0] === tab) ? tab : bodies[0][0]);
}
/** Scroll the script to a line, counted from 0. */
function toLine(number, isMarked) {
  const body = panel.querySelector('[role="tabpanel"]'), line = body?.querySelectorAll("tr")[number];
  if (!line) return;
  // A script that does not fit can be scrolled until its last line is at the top, so that this line can be there.
  const after = body.scrollHeight - line.offsetTop;
  if (!isMarked && body.scrollHeight > body.clientHeight) body.firstChild.style.marginBottom = `${Math.max(14, body.clientHeight - after + 14)}px`;
  body.scrollTop = line.offsetTop - (isMarked ? body.clientHeight / 3 : 0);
  for (const marked of body.querySelectorAll("tr.is-marked")) marked.classList.remove("is-marked");
  line.classList.toggle("is-marked", isMarked);
}

// -- code --------------------------------------------------------------------------------------------------------
const python = [/("""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(#[^\n]*)|\b(def|class|return|import|from|as|if|elif|else|for|while|in|is|not|and|or|with|try|except|finally|raise|pass|lambda|yield|None|True|False)\b|\b(\d[\w.]*)|(\w+)(?=\()/g, ["s", "m", "k", "d", "f"]];
const sql = [/('(?:''|[^'])*')|(--[^\n]*)|\b(ALTER|ADD|AND|AS|BEGIN|BY|CASCADE|COLUMN|COMMIT|CONSTRAINT|CREATE|DEFAULT|DELETE|DROP|EXISTS|FOREIGN|FROM|IF|IN|INDEX|INSERT|INTO|IS|KEY|NOT|NULL|ON|OR|PRIMARY|REFERENCES|RENAME|SELECT|SET|TABLE|TO|TYPE|UNIQUE|UPDATE|USING|VALUES|VIEW|WHERE)\b|\b(\d[\w.]*)/gi, ["s", "m", "k", "d"]];
/** Cut a text into lines of [class, text]; the classes are those of the pattern's groups. */
function tokens(text, [pattern, names]) {
  const lines = [[]];
  const push = (className, part) => part.split("\n").forEach((piece, number) => {
    if (number) lines.push([]);
    if (piece) lines.at(-1).push([className, piece]);
  });
  let at = 0;
  for (const found of text.matchAll(pattern)) {
    push("", text.slice(at, found.index));
    push(names[found.slice(1).findIndex((group) => group !== undefined)], found[0]);
    at = found.index + found[0].length;
  }
  push("", text.slice(at));
  return lines;
}
function codeTable(text, language, blame) {
  const table = document.createElement("table"), body = add(table, "tbody");
  table.className = "code";
  tokens(text.replace(/\n$/, ""), language).forEach((pieces, number) => {
    const line = add(body, "tr");
    if (blame) {
      const last = blame.lines[number - 1], own = blame.lines[number], [commit, author, date] = blame.commits[own] || ["", "", ""];
      const isFirst = own !== last || number === 0;
      if (isFirst) line.className = "first";
      add(line, "td", "who", !isFirst ? "" : commit ? `${commit.slice(0, 8)} ${author} ${date}` : "not committed yet").title = commit;
    } else add(line, "td", "n", number + 1);
    const cell = add(line, "td", "text");
    for (const [className, piece] of pieces) add(cell, "span", className, piece);
  });
  return table;
}

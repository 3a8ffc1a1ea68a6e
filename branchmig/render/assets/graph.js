"use strict";
// Draws only the rows that can be seen. What comes from a repository goes into the page as text, never as markup.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const rows = data.rows;
  const byId = new Map(rows.flatMap((row, at) => (row.id ? [[row.id, at]] : [])));
  const children = new Map();
  for (const row of rows) for (const below of new Set([...(row.parents || []), ...(row.needs || [])])) {
    if (!children.has(below)) children.set(below, []);
    children.get(below).push(row.id);
  }
  const ROW = 30, LANE = 18, LEFT = 18, TOP = 8, MOST_ALIGNED = 12, CHUNK = 16, SVG = "http://www.w3.org/2000/svg";
  const $ = (id) => document.getElementById(id);
  const graph = $("graph"), canvas = $("canvas"), lanes = $("lanes"), list = $("rows"), panel = $("panel");
  const search = $("search"), minimap = $("minimap"), help = $("help");
  const aligned = Math.min(MOST_ALIGNED, rows.reduce((most, row) => Math.max(most, row.w), 1));
  const widest = rows.reduce((most, row) => Math.max(most, row.w), 1);
  let zoom = 1, current = -1, drawn = [-1, -1], hits = null, isFresh = false, tab = "Script";

  // -- elements ------------------------------------------------------------------------------------------------
  const add = (parent, tag, className, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined && text !== null) made.textContent = text;
    parent.append(made);
    return made;
  };
  const shape = (parent, tag, facts) => {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(facts)) made.setAttribute(name, value);
    parent.append(made);
    return made;
  };

  const schemaView = data.schema ? branchmigSchemaView(data.schema, { add, button, goto, rows, byId }) : null;

  // -- geometry ------------------------------------------------------------------------------------------------
  const height = () => ROW * zoom;
  // In an overview of many rows, lanes keep apart.
  const x = (column) => (LEFT + column * LANE) * Math.max(zoom, 0.5);
  const top_ = (at) => TOP + at * height();
  const y = (at) => top_(at) + height() / 2;
  const count = rows.filter((row) => row.id).length;
  const step = (at, by) => {
    do at += by; while (rows[at] && !rows[at].id);
    return rows[at] ? at : -1;
  };

  // -- what is seen --------------------------------------------------------------------------------------------
  function resize() {
    canvas.style.height = `${top_(rows.length) + 24}px`;
    canvas.style.minWidth = `${x(widest) + 520 * Math.max(zoom, 0.5)}px`;
    list.style.fontSize = `${14 * zoom}px`;
    canvas.classList.toggle("is-tiny", zoom < 0.45);
    drawn = [-1, -1];
    draw();
  }
  function draw() {
    const seen = Math.max(0, graph.scrollTop - TOP) / height();
    const first = Math.max(0, Math.floor(seen / CHUNK) * CHUNK - CHUNK);
    const last = Math.min(rows.length, Math.ceil((seen + graph.clientHeight / height()) / CHUNK) * CHUNK + CHUNK);
    if (first === drawn[0] && last === drawn[1]) return;
    const kept = new Map([...list.children].map((one) => [Number(one.dataset.at), one]));
    if (drawn[0] < 0) { list.replaceChildren(); kept.clear(); }
    drawn = [first, last];
    for (const [at, one] of kept) if (at < first || at >= last) one.remove();
    for (let at = first; at < last; at++) if (rows[at].id && !kept.has(at)) list.append(rowElement(at));
    drawLanes(first, last);
  }
  const scheduled = () => { if (!scheduled.frame) scheduled.frame = requestAnimationFrame(() => { scheduled.frame = 0; draw(); drawMinimap(); }); };

  function rowElement(at) {
    const row = rows[at], made = document.createElement("div");
    made.id = `row-${at}`;
    made.dataset.at = at;
    made.className = "row";
    made.setAttribute("role", "option");
    made.setAttribute("aria-posinset", row.number);
    made.setAttribute("aria-setsize", count);
    made.style.top = `${top_(at)}px`;
    made.style.height = `${height()}px`;
    made.style.paddingLeft = `${x(Math.max(aligned, row.w)) + 4 * zoom}px`;
    add(made, "span", "id", row.short).style.width = `${data.idWidth + 2}ch`;
    const said = add(made, "span", "said");
    for (const chip of chipsOf(row)) add(said, "span", `chip ${chip[0]}`, chip[1]);
    add(said, "span", "message", row.message.split("\n")[0]);
    said.title = row.message;
    if (data.has.branch) add(made, "span", "cell branch", row.branch);
    if (data.has.author) add(made, "span", "cell author", row.author);
    if (data.has.date) add(made, "span", "cell date", row.date);
    if (data.has.state) add(made, "span", `cell state ${row.state || ""}`, row.state);
    return dressed(made, at);
  }
  function dressed(made, at) {
    made.setAttribute("aria-selected", String(at === current));
    made.classList.toggle("is-edge", Boolean(rows[at].edge));
    made.classList.toggle("is-dim", hits !== null && !hits.set.has(at));
    made.classList.toggle("is-match", hits !== null && hits.isSearch && hits.set.has(at));
    return made;
  }
  const redress = () => { for (const one of list.children) dressed(one, Number(one.dataset.at)); };
  const chipsOf = (row) => [
    ...(row.added ? [["added", "+ added"]] : []),
    ...(row.head ? [["head", "head"]] : []),
    ...row.labels.map((label) => ["label", label]),
  ];

  function drawLanes(first, last) {
    lanes.replaceChildren();
    const paths = new Map();
    for (let at = Math.max(0, first - 1); at < last; at++) {
      const s = rows[at].s;
      for (let n = 0; n < s.length; n += 5) {
        const kind = `${s[n + 4]}:${s[n + 3] % 8}`;
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
    const colour = `var(--c${row.c % 8})`, place = { cx: x(row.x), cy: y(at) };
    if (!row.id) {
      shape(lanes, "path", { d: `M${x(row.x)} ${y(at)}V${y(at) + height() / 3}`, class: "needs" }).style.stroke = colour;
      return;
    }
    if (row.added) shape(lanes, "circle", { ...place, r: 9 * zoom, class: "halo" });
    const size = row.edge ? 3 : row.head ? 6 : 5;
    const hollow = row.state === "pending" || row.state === "skipped";
    const made = shape(lanes, "circle", { ...place, r: size * zoom, "stroke-width": 2 });
    const paint = row.state === "orphan" ? "var(--orphan)" : colour;
    made.style.stroke = paint;
    made.style.fill = hollow || row.edge ? "var(--page)" : paint;
    if (row.state === "skipped") made.setAttribute("stroke-dasharray", "2 2");
  }

  // -- search and filters --------------------------------------------------------------------------------------
  const filters = [];
  const haystack = (row) => (row.hay ??= [row.id, row.message, ...row.branchLabels, row.branch, row.author, row.path, row.commit].filter(Boolean).join("\n").toLowerCase());
  const inScript = (row) => (row.scriptHay ??= `${row.script || ""}\n${row.sql || ""}`.toLowerCase());
  function makeFilters() {
    const named = [["branch", "branch", (row) => [row.branch]], ["author", "author", (row) => [row.author]],
      ["state", "state", (row) => [row.state]], ["label", "label", (row) => row.branchLabels]];
    for (const [name, words, valuesOf] of named) {
      const values = [...new Set(rows.flatMap((row) => (row.id ? valuesOf(row) : [])).filter(Boolean))].sort();
      if (values.length < (name === "label" ? 1 : 2)) continue;
      const select = add($("filters"), "select");
      select.id = `filter-${name}`;
      select.setAttribute("aria-label", `Filter by ${words}`);
      add(select, "option", "", `any ${words}`).value = "";
      // The value is a number, so that no name of a branch can be taken for "any".
      values.forEach((value, number) => { add(select, "option", "", value).value = String(number); });
      select.addEventListener("change", look);
      filters.push({ select, allows: (row) => select.value === "" || valuesOf(row).includes(values[Number(select.value)]) });
    }
  }
  function look() {
    const words = search.value.trim().toLowerCase();
    const set_ = filters.filter((one) => one.select.value !== "");
    for (const one of filters) one.select.classList.toggle("is-set", one.select.value !== "");
    hits = null;
    isFresh = true;
    if (words || set_.length) {
      const deep = $("in-scripts").checked;
      const found = [];
      rows.forEach((row, at) => {
        if (row.id && set_.every((one) => one.allows(row)) && (!words || haystack(row).includes(words) || (deep && inScript(row).includes(words)))) found.push(at);
      });
      hits = { list: found, set: new Set(found), isSearch: Boolean(words) };
    }
    tell();
    redress();
    drawMinimap();
  }
  function tell() {
    const number = (value) => value.toLocaleString("en");
    const place = hits ? hits.list.indexOf(current) : -1;
    $("matches").textContent = hits === null ? `${number(count)} revision${count === 1 ? "" : "s"}`
      : place < 0 ? `${number(hits.list.length)} of ${number(count)}` : `${number(place + 1)} / ${number(hits.list.length)}`;
  }
  function seek(by) {
    if (!hits || !hits.list.length) return;
    // What was just searched for is found where one is already.
    const from = isFresh && by > 0 ? current - 1 : current;
    isFresh = false;
    const next = by > 0 ? hits.list.find((at) => at > from) : hits.list.findLast((at) => at < current);
    select(next ?? hits.list.at(by > 0 ? 0 : -1));
  }
  function drawMinimap() {
    minimap.hidden = hits === null;
    if (hits === null) return;
    const ratio = window.devicePixelRatio || 1, tall = graph.clientHeight;
    minimap.width = 8 * ratio; minimap.height = tall * ratio;
    const pen = minimap.getContext("2d"), style = getComputedStyle(document.documentElement);
    pen.scale(ratio, ratio);
    pen.fillStyle = style.getPropertyValue("--rule");
    if (graph.scrollHeight > tall) pen.fillRect(0, (graph.scrollTop / graph.scrollHeight) * tall, 8, Math.max(4, (tall / graph.scrollHeight) * tall));
    pen.fillStyle = style.getPropertyValue("--accent");
    for (const at of hits.list) pen.fillRect(2, (y(at) / graph.scrollHeight) * tall - 1, 5, 2);
  }

  // -- one revision --------------------------------------------------------------------------------------------
  function select(at, opens = false) {
    if (at < 0 || at >= rows.length || !rows[at].id) return;
    current = at;
    const top = top_(at), room = graph.clientHeight;
    if (top < graph.scrollTop + height()) graph.scrollTop = top - Math.min(room / 3, 3 * height());
    else if (top + 2 * height() > graph.scrollTop + room) graph.scrollTop = top - room + Math.min(room / 3, 4 * height());
    draw();
    redress();
    tell();
    graph.setAttribute("aria-activedescendant", `row-${at}`);
    if (opens || !panel.hidden) open(at);
  }
  function goto(id) { if (byId.has(id)) { select(byId.get(id), true); } }
  function open(at) {
    const row = rows[at];
    panel.replaceChildren();
    panel.setAttribute("aria-label", `Revision ${row.id}`);
    const bar = add(panel, "div", "bar");
    add(bar, "code", "", row.id);
    if (navigator.clipboard) button(bar, "Copy id", () => navigator.clipboard.writeText(row.id));
    button(bar, "Close", close).setAttribute("aria-keyshortcuts", "Escape");
    add(panel, "h2", "", row.message || "(no message)");
    const chips = chipsOf(row);
    if (chips.length) { const line = add(panel, "div", "chips"); for (const chip of chips) add(line, "span", `chip ${chip[0]}`, chip[1]); }
    facts(row);
    tabs(row);
    panel.hidden = false;
    panel.scrollTop = 0;
    document.querySelector("main").classList.add("is-open");
  }
  function close() {
    panel.hidden = true;
    document.querySelector("main").classList.remove("is-open");
    graph.focus();
  }
  function button(parent, text, work, className) {
    const made = add(parent, "button", className, text);
    made.type = "button";
    made.addEventListener("click", work);
    return made;
  }
  function facts(row) {
    const table = add(panel, "dl");
    const fact = (name, text, className) => { if (text) { add(table, "dt", "", name); return add(table, "dd", className, text); } return null; };
    const links = (name, ids) => {
      if (!ids.length) return;
      add(table, "dt", "", name);
      const where = add(table, "dd");
      for (const id of ids) {
        const at = byId.get(id);
        if (at === undefined) { add(where, "code", "", `${id} (not shown)`); continue; }
        button(where, rows[at].short, () => goto(id), "link").title = rows[at].message;
      }
    };
    fact("state", row.state, row.state);
    fact("git branch", row.branch);
    fact("author", row.author);
    fact("date", row.date);
    if (row.commit) add(add(table, "dt", "", "commit") && add(table, "dd"), "code", "", row.commit.slice(0, 12));
    else if (row.head && data.has.branch && !row.commit) fact("commit", "not committed yet");
    if (row.path) add(add(table, "dt", "", "file") && add(table, "dd"), "code", "", row.path);
    links(row.parents.length > 1 ? "parents" : "parent", row.parents);
    links("children", (children.get(row.id) || []).filter((id) => rows[byId.get(id)].parents.includes(row.id)));
    links("depends on", row.needs);
    links("needed by", (children.get(row.id) || []).filter((id) => rows[byId.get(id)].needs.includes(row.id)));
    fact("labels", row.branchLabels.join(", "));
  }
  function tabs(row) {
    const bodies = [];
    if (row.script != null) bodies.push(["Script", () => codeTable(row.script, python)]);
    if (row.sql != null) bodies.push(["SQL", () => codeTable(row.sql, sql)]);
    if (schemaView && schemaView.has(row.id)) bodies.push(["Schema", () => schemaView.render(row)]);
    if (row.blame) bodies.push(["Blame", () => codeTable(row.script, python, row.blame)]);
    if (!bodies.length) return;
    const bar = add(panel, "div"), body = add(panel, "div");
    bar.setAttribute("role", "tablist");
    body.setAttribute("role", "tabpanel");
    body.tabIndex = 0;
    const show = (name) => {
      tab = name;
      for (const one of bar.children) { one.setAttribute("aria-selected", String(one.textContent === name)); one.tabIndex = one.textContent === name ? 0 : -1; }
      body.setAttribute("aria-label", name);
      body.replaceChildren(bodies.find((one) => one[0] === name)[1]());
    };
    for (const [name] of bodies) button(bar, name, () => show(name)).setAttribute("role", "tab");
    bar.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      const all = [...bar.children], next = all[(all.indexOf(document.activeElement) + by + all.length) % all.length];
      next.focus(); show(next.textContent); event.preventDefault(); event.stopPropagation();
    });
    show(bodies.some((one) => one[0] === tab) ? tab : bodies[0][0]);
  }
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

  // -- zoom, pan, theme ----------------------------------------------------------------------------------------
  function zoomTo(wanted, atY = graph.clientHeight / 2) {
    const next = Math.min(2.5, Math.max(0.15, wanted));
    const place = (graph.scrollTop + atY) / height();
    zoom = next;
    resize();
    graph.scrollTop = place * height() - atY;
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
    if (row && !(drag && drag.moved)) select(Number(row.dataset.at), true);
  });
  graph.addEventListener("scroll", scheduled, { passive: true });
  new ResizeObserver(() => { draw(); drawMinimap(); }).observe(graph);

  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const remembered = { get: () => { try { return localStorage.getItem("branchmig-theme"); } catch { return null; } },
    set: (value) => { try { localStorage.setItem("branchmig-theme", value); } catch { /* a page from a file may have no storage */ } } };
  const paint = () => { document.documentElement.dataset.theme = remembered.get() || remembered.own || (prefersDark.matches ? "dark" : "light"); drawMinimap(); };
  const turn = () => { remembered.own = document.documentElement.dataset.theme === "dark" ? "light" : "dark"; remembered.set(remembered.own); paint(); };
  prefersDark.addEventListener("change", paint);

  // -- keyboard ------------------------------------------------------------------------------------------------
  const page = () => Math.max(1, Math.floor(graph.clientHeight / height()) - 2);
  const move = (by) => select(current < 0 ? (by > 0 ? step(-1, 1) : step(rows.length, -1)) : step(current, by));
  const leap = (by) => { for (let n = page(); n > 0; n--) { const next = step(current, by); if (next < 0) break; current = next; } select(current); };
  const keys = {
    ArrowDown: () => move(1), j: () => move(1), ArrowUp: () => move(-1), k: () => move(-1),
    PageDown: () => leap(1), PageUp: () => leap(-1), Home: () => select(step(-1, 1)), End: () => select(step(rows.length, -1)),
    Enter: () => select(current, true), "/": () => { search.focus(); search.select(); }, n: () => seek(1), N: () => seek(-1),
    p: () => current >= 0 && select(byId.get(rows[current].parents.find((id) => byId.has(id))) ?? -1),
    c: () => current >= 0 && select(byId.get((children.get(rows[current].id) || [])[0]) ?? -1),
    "+": () => zoomTo(zoom * 1.2), "=": () => zoomTo(zoom * 1.2), "-": () => zoomTo(zoom / 1.2), 0: () => zoomTo(1),
    t: turn, "?": () => help.showModal(), Escape: () => (panel.hidden ? clear() : close()),
  };
  function clear() {
    search.value = "";
    for (const one of filters) one.select.value = "";
    look();
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (event.target === search) return;
    const inside = event.target.closest("select, #panel [role=tabpanel]");
    if (inside && !["Escape", "/", "?"].includes(event.key)) return;
    if (event.key === "Enter" && event.target.closest("button, summary, input")) return;
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
  add($("title"), "small", "", data.place);
  $("in-scripts-label").hidden = !rows.some((row) => row.script != null);
  paint();
  makeFilters();
  resize();
  look();
  select(step(-1, 1));
  graph.focus({ preventScroll: true });
})();

// The tab "Schema" of a revision: the tables that it changes, all tables at it, or what differs from another revision.
const branchmigSchemaView = (steps, { add, button, goto, rows, byId }) => {
  const schemas = branchmigSchema(steps);
  const SIGNS = { added: "+", removed: "−", changed: "~" }, NAMES = 12;
  let mode = "change", other = "", links = [];
  const shortOf = (id) => rows[byId.get(id)]?.short ?? id;

  /** Return the revision that somebody means: by its id, the beginning of it, or its message. */
  function named(text) {
    const wanted = text.trim().split(/\s/)[0].toLowerCase();
    if (!wanted) return null;
    const found = steps.filter(([id]) => id.toLowerCase().startsWith(wanted)).map(([id]) => id);
    return found.find((id) => id.toLowerCase() === wanted) ?? (found.length === 1 ? found[0] : null);
  }
  function content(id) {
    const now = schemas.at([id]);
    if (mode === "whole") return { ...now, tables: schemas.asTheyAre(now), none: "No tables." };
    const start = mode === "compare" ? named(other) : null;
    if (mode === "compare" && start === null) return { tables: [], unread: [], count: 0, none: other ? `No revision, or several, begin with ${other.trim().split(/\s/)[0]}.` : "Name a revision to compare with." };
    const was = schemas.at(start === null ? schemas.below(id) : [start]);
    const own = start === null ? schemas.unreadOf(id).map((place) => [id, place]) : [];
    const places = start === null ? own : [...now.unread, ...was.unread];
    const unread = [...new Map(places.map((place) => [place.join("\n"), place])).values()];
    const tables = schemas.differences(was, now);
    return { tables, unread, count: Math.max(now.count, was.count), none: unread.length ? "No change of a table could be read." : "No table differs." };
  }

  // -- drawing
  function render(row) {
    const made = document.createElement("div"), bar = add(made, "div", "schema-bar"), body = add(made, "div");
    made.className = "schema";
    const choice = add(bar, "select");
    choice.setAttribute("aria-label", "Which tables");
    for (const [value, words] of [["change", "What this revision changes"], ["whole", "All tables at this revision"], ["compare", "Compared with …"]]) add(choice, "option", "", words).value = value;
    choice.value = mode;
    const input = add(bar, "input");
    input.type = "search";
    input.value = other;
    input.placeholder = "revision";
    input.setAttribute("aria-label", "Revision to compare with");
    input.setAttribute("list", "schema-revisions");
    input.addEventListener("focus", () => suggest(bar), { once: true });
    const draw = () => { input.hidden = mode !== "compare"; body.replaceChildren(); fill(body, row); };
    choice.addEventListener("change", () => { mode = choice.value; draw(); if (mode === "compare") input.focus(); });
    input.addEventListener("input", () => { other = input.value; draw(); });
    for (const one of [choice, input]) one.addEventListener("keydown", (event) => { if (event.key !== "Escape") event.stopPropagation(); });
    draw();
    return made;
  }
  function suggest(bar) {
    const list = add(bar, "datalist");
    list.id = "schema-revisions";
    for (const row of rows) if (row.id) add(list, "option", "", row.message.split("\n")[0]).value = row.id;
  }
  function fill(body, row) {
    const { tables, unread, count, none } = content(row.id);
    if (!tables.length) add(body, "p", "schema-none", none);
    const cards = add(body, "div", "schema-tables"), places = new Map();
    links = [];
    for (const table of tables) places.set(table.name, card(cards, table, (name) => places.get(name)));
    branchmigSchemaLines(cards, links.flatMap(({ row, key }) => {
      const to = places.get(key.target);
      return to ? [{ from: row.closest(".schema-table"), row, to, mark: key.mark || "" }] : [];
    }));
    if (count) add(body, "p", "schema-note", `From the effects of ${count} revision${count === 1 ? "" : "s"}: branchmig read the scripts and ran none.`);
    const partial = tables.filter((table) => !table.isWhole).map((table) => table.name);
    if (partial.length) add(body, "p", "schema-note schema-warns", `Not complete: nothing that was read says all columns of ${listed(partial)}.`);
    if (unread.length) notRead(body, unread);
  }
  const listed = (names) => names.slice(0, NAMES).join(", ") + (names.length > NAMES ? ` and ${names.length - NAMES} more` : "");
  function notRead(body, unread) {
    const ids = new Set(unread.map(([id]) => id)).size;
    add(body, "p", "schema-note schema-warns", `Not complete: ${ids} revision${ids === 1 ? "" : "s"} could not be read:`);
    const list = add(body, "ul", "schema-unread");
    for (const [id, place] of unread.slice(0, NAMES)) {
      const item = add(list, "li");
      if (byId.has(id)) button(item, shortOf(id), () => goto(id), "link"); else add(item, "code", "", id);
      add(item, "span", "", ` ${place}`);
    }
    if (unread.length > NAMES) add(list, "li", "", `and ${unread.length - NAMES} more`);
  }
  function card(parent, table, placeOf) {
    const made = add(parent, "section", `schema-table ${table.mark}`);
    const head = add(made, "h3");
    add(head, "span", "schema-name", table.name);
    if (table.mark) add(head, "span", `schema-mark ${table.mark}`, table.mark);
    const list = add(made, "table"), lines = add(list, "tbody");
    list.setAttribute("aria-label", table.name);
    for (const each of table.columns) column(lines, each, table, placeOf);
    for (const key of table.keys) {
      if (key.columns.length > 1 || (key.mark && key.mark !== table.mark && !table.columns.some((each) => each.mark === key.mark && each.column.name === key.columns[0]))) foreignKey(lines, key, placeOf);
    }
    return made;
  }
  function column(lines, { column: is, mark, before }, table, placeOf) {
    const line = add(lines, "tr", mark);
    add(line, "td", "schema-sign", SIGNS[mark] ?? "").setAttribute("aria-label", mark || "as before");
    const name = add(line, "td", "schema-column", is.name);
    if (is.isKey) add(name, "span", "schema-key", "key").title = "primary key";
    const kind = add(line, "td", "schema-type", is.type || "?");
    if (is.nullable === null) add(kind, "i", "", " null?"); else if (!is.nullable && !is.isKey) add(kind, "i", "", " not null");
    for (const key of table.keys) if (key.columns.length === 1 && key.columns[0] === is.name) pointer(kind, key, placeOf);
    if (before) add(kind, "span", "schema-was", was(before, is));
  }
  function foreignKey(lines, key, placeOf) {
    const line = add(lines, "tr", key.mark);
    add(line, "td", "schema-sign", SIGNS[key.mark] ?? "").setAttribute("aria-label", key.mark || "as before");
    const cell = add(line, "td", "schema-type", key.columns.join(", "));
    cell.colSpan = 2;
    pointer(cell, key, placeOf);
  }
  function pointer(cell, key, placeOf) {
    const words = `→ ${key.there.length === 1 ? `${key.target}.${key.there[0]}` : key.target}`;
    links.push({ row: cell.parentElement, key });
    add(cell, "span", "", " ");
    button(cell, words, () => {
      const place = placeOf(key.target);
      if (!place) return;
      place.scrollIntoView({ block: "nearest" });
      place.classList.remove("is-pointed");
      void place.offsetWidth;
      place.classList.add("is-pointed");
    }, "schema-points");
  }
  function was(before, now) {
    const words = [];
    if (before.type !== now.type) words.push(before.type || "of an unknown type");
    if (before.nullable !== now.nullable && before.isKey === now.isKey) words.push(before.nullable === null ? "null?" : before.nullable ? "null" : "not null");
    if (before.isKey !== now.isKey) words.push(before.isKey ? "primary key" : "not of the primary key");
    return `was ${words.join(", ")}`;
  }
  return { has: schemas.has, render };
};

"use strict";
// The schema at any revision, from the operations of schema_page.py. Follows them as effects/schema_state.py and
// effects/entities.py do: tests compare the two. Nothing here touches the page.
const branchmigSchema = (steps) => {
  const numbers = new Map(steps.map((step, number) => [step[0], number]));
  const fold = (name) => name.toLowerCase();

  /** Return the numbers of some revisions and of all below them, in upgrade order. */
  function upTo(starts) {
    const found = new Uint8Array(steps.length), left = [...starts];
    while (left.length) {
      const number = left.pop();
      if (!found[number]) { found[number] = 1; left.push(...steps[number][1]); }
    }
    return [...found.keys()].filter((number) => found[number]);
  }

  // -- following changes
  const empty = (made = false) => ({ made, like: false, temporary: false, columns: new Map(), keys: [], gone: new Set() });
  class Schema {
    constructor() { this.tables = new Map(); this.gone = new Set(); this.passedOver = null; }
    own(name) {
      if (!this.tables.has(name)) this.tables.set(name, empty());
      return this.tables.get(name);
    }
    /** Change each foreign key that points to a table; one for which nothing is returned goes. */
    point(target, moved) {
      for (const table of this.tables.values()) {
        table.keys = table.keys.flatMap((key) => (key.kind === "f" && key.target === target ? moved(key) ?? [] : [key]));
        for (const [name, column] of table.columns) {
          if (column.target === target) table.columns.set(name, moved(column) ?? { ...column, target: "", there: [] });
        }
      }
    }
    T(name, flags) {
      const isThere = (flags & 1) && this.tables.get(name)?.made;
      this.passedOver = isThere ? name : null;
      if (!isThere) this.tables.set(name, { ...empty(true), like: Boolean(flags & 2), temporary: Boolean(flags & 4) });
    }
    D(name, flags) {
      if (!this.tables.get(name)?.made && !(flags & 1)) this.gone.add(name);
      this.tables.delete(name);
      this.point(name, () => null);
    }
    R(name, next) {
      const moved = this.tables.get(name);
      this.tables.delete(name);
      if (moved) this.tables.set(next, moved);
      this.point(name, (key) => ({ ...key, target: next }));
    }
    S(schema, next) {
      for (const [name, table] of [...this.tables]) {
        if (!table.made || !fold(name).startsWith(`${fold(schema)}.`)) continue;
        if (next === undefined) this.D(name, 0); else this.R(name, next + name.slice(schema.length));
      }
    }
    A(name, column, type, nullable, isKey, flags, target = "", there = []) {
      const { columns } = this.own(name);
      if (((flags & 1) && columns.has(column)) || ((flags & 2) && this.passedOver === name)) return;
      columns.set(column, { name: column, type, nullable, isKey: Boolean(isKey), isMade: true, target, there });
    }
    X(name, column, flags) {
      const table = this.own(name);
      if (!table.columns.delete(column) && !table.made && !(flags & 1)) table.gone.add(column);
      table.keys = table.keys.filter((key) => !key.columns.includes(column));
    }
    N(name, column, next) {
      const table = this.own(name), renamed = (each) => (each === column ? next : each);
      table.columns = new Map([...table.columns].map(([each, is]) => [renamed(each), each === column ? { ...is, name: next } : is]));
      table.keys = table.keys.map((key) => ({ ...key, columns: key.columns.map(renamed) }));
      this.point(name, (key) => ({ ...key, there: key.there.map(renamed) }));
    }
    M(name, column, changed) {
      const { columns } = this.own(name);
      const was = columns.get(column) ?? { name: column, type: changed.t ?? "", nullable: null, isKey: false, isMade: false, target: "", there: [] };
      columns.set(column, { ...was, type: changed.t ?? was.type, nullable: "n" in changed ? changed.n : was.nullable });
    }
    K(name, key, kind, columns, target, there, flags) {
      const table = this.own(name), made = { name: key, kind, columns, target, there };
      if ((flags & 2) && this.passedOver === name) return;
      const at = key ? table.keys.findIndex((each) => each.name === key) : -1;
      if (at < 0) table.keys.push(made); else table.keys[at] = made;
    }
    k(name, key, kind) {
      const table = this.own(name);
      const named = key ? table.keys.findIndex((each) => each.name === key) : -1;
      if (named >= 0) { table.keys.splice(named, 1); return; }
      const unnamed = table.keys.filter((each) => !each.name || !key);
      const alike = unnamed.filter((each) => kind && each.kind === kind);
      const found = unnamed.find((each) => key === serverName(name, each.columns, each.kind)) ?? (alike.length === 1 ? alike[0] : null);
      if (found) { table.keys = table.keys.filter((each) => each !== found); return; }
      for (const [each, column] of table.columns) {
        if (column.target && key === serverName(name, [column.name], "f")) table.columns.set(each, { ...column, target: "", there: [] });
      }
      if (kind === "p" || key === `${fold(bare(name))}_pkey`) for (const column of table.columns.values()) column.isKey = false;
    }
    apply([letter, ...more]) { this[letter](...more); }
  }
  const bare = (name) => name.slice(name.lastIndexOf(".") + 1);
  const serverName = (table, columns, kind) => fold([bare(table), ...(kind === "p" ? [] : columns), kind === "p" ? "pkey" : "fkey"].join("_"));

  // -- the tables of a schema
  function entity(name, table) {
    const primary = new Set(table.keys.filter((key) => key.kind === "p").flatMap((key) => key.columns));
    const columns = [...table.columns.values()].map(({ name: own, type, nullable, isKey, isMade }) => {
      const is = isKey || primary.has(own);
      return { name: own, type, nullable: is ? false : nullable, isKey: is, isMade, isGone: false };
    });
    for (const own of table.gone) if (!table.columns.has(own)) columns.push({ name: own, type: "", nullable: null, isKey: false, isMade: false, isGone: true });
    const keys = new Map();
    for (const column of table.columns.values()) if (column.target) addKey(keys, [column.name], column.target, column.there);
    for (const key of table.keys) if (key.kind === "f" && key.target) addKey(keys, key.columns, key.target, key.there);
    return { name, columns, keys, isWhole: table.made && !table.like && columns.length > 0, isMade: table.made, isGone: false };
  }
  function addKey(keys, columns, target, there) {
    const id = JSON.stringify([columns, target, there]);
    if (!keys.has(id)) keys.set(id, { columns, target, there });
  }
  /** Return the tables after some revisions, by name, and what was not read of these. */
  function at(ids) {
    const order = upTo(ids.filter((id) => numbers.has(id)).map((id) => numbers.get(id)));
    const schema = new Schema(), unread = [];
    for (const number of order) {
      const [id, , operations, places] = steps[number];
      for (const operation of operations) schema.apply(operation);
      for (const place of places) unread.push([id, place]);
    }
    const tables = new Map();
    for (const [name, table] of schema.tables) {
      const found = entity(name, table);
      if (!table.temporary && (table.made || found.columns.length || found.keys.size)) tables.set(fold(name), found);
    }
    for (const name of schema.gone) {
      if (!schema.tables.has(name)) tables.set(fold(name), { name, columns: [], keys: new Map(), isWhole: false, isMade: false, isGone: true });
    }
    return { tables, unread, count: order.length };
  }

  // -- what two schemas differ in
  const sorted = (names) => [...new Set(names)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const shown = (table, mark) => ({
    name: table.name, mark, isWhole: table.isWhole,
    columns: table.columns.map((column) => ({ column, mark, before: null })),
    keys: [...table.keys.values()].map((key) => ({ ...key, mark })),
  });
  const isSame = (was, now) => was.type === now.type && was.nullable === now.nullable && was.isKey === now.isKey && was.isMade === now.isMade && was.isGone === now.isGone;
  function between(was, now) {
    if (!was) return { column: now, mark: now.isGone ? "removed" : now.isMade ? "added" : "changed", before: null };
    return isSame(was, now) ? { column: now, mark: "", before: null } : { column: now, mark: "changed", before: was };
  }
  function changed(was, now) {
    if (was.isGone) return shown(now, now.isGone ? "" : "added");
    if (now.isGone) return shown(was, "removed");
    const before = new Map(was.columns.map((column) => [fold(column.name), column]));
    const columns = now.columns.map((column) => {
      const found = before.get(fold(column.name));
      before.delete(fold(column.name));
      return between(found, column);
    });
    for (const column of before.values()) if (!column.isGone) columns.push({ column, mark: "removed", before: null });
    const keys = [...now.keys].map(([id, key]) => ({ ...key, mark: was.keys.has(id) ? "" : "added" }));
    for (const [id, key] of was.keys) if (!now.keys.has(id)) keys.push({ ...key, mark: "removed" });
    const isChanged = columns.some((each) => each.mark) || keys.some((each) => each.mark);
    return { name: now.name, mark: isChanged ? "changed" : "", columns, keys, isWhole: was.isWhole && now.isWhole };
  }
  function one(was, now) {
    if (was && now) return changed(was, now);
    if (now && now.isGone) return shown(now, "removed");
    if (now && now.isMade) return shown(now, "added");
    if (now) {
      return { name: now.name, mark: "changed", isWhole: false, columns: now.columns.map((column) => between(null, column)),
        keys: [...now.keys.values()].map((key) => ({ ...key, mark: "added" })) };
    }
    return was.isGone ? { mark: "" } : shown(was, "removed");
  }
  const differences = (was, now) => sorted([...was.tables.keys(), ...now.tables.keys()])
    .map((name) => one(was.tables.get(name), now.tables.get(name))).filter((table) => table.mark);
  const asTheyAre = (schema) => sorted(schema.tables.keys()).map((name) => schema.tables.get(name)).filter((table) => !table.isGone)
    .map((table) => shown({ ...table, columns: table.columns.filter((column) => !column.isGone) }, ""));
  const below = (id) => steps[numbers.get(id)][1].map((number) => steps[number][0]);
  return { at, differences, asTheyAre, below, has: (id) => numbers.has(id), unreadOf: (id) => steps[numbers.get(id)][3] };
};

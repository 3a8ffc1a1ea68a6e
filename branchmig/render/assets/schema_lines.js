// The lines of the tab "Schema": from the columns of a foreign key to the table that it names, behind the tables.
const branchmigSchemaLines = (tables, relations) => {
  const NS = "http://www.w3.org/2000/svg", FOOT = 8, HEAD = 16;
  if (!relations.length) return;
  const drawing = document.createElementNS(NS, "svg");
  drawing.setAttribute("class", "schema-lines");
  drawing.setAttribute("aria-hidden", "true");
  const paths = relations.map(({ mark }) => {
    const path = document.createElementNS(NS, "path");
    path.setAttribute("class", mark);
    return drawing.appendChild(path);
  });
  tables.classList.add("has-lines");
  tables.prepend(drawing);

  /** Return a crow's foot at the key, a curve through the gap between the tables, and a bar at the table that it names. */
  function shape({ from, row, to }, number, origin) {
    const a = from.getBoundingClientRect(), b = to.getBoundingClientRect();
    // The rows of a table out of sight have no place yet.
    const own = row.checkVisibility({ contentVisibilityAuto: true }) ? row.getBoundingClientRect() : { top: a.top, height: 2 * HEAD };
    const isLeft = b.right <= a.left, isRight = b.left >= a.right, out = isLeft ? -1 : 1, back = isRight ? -1 : 1;
    const [x, y] = [(isLeft ? a.left : a.right) - origin.left, own.top + own.height / 2 - origin.top];
    const [end, there] = [(isRight ? b.left : b.right) - origin.left, b.top + HEAD - origin.top];
    const bend = isLeft || isRight ? Math.max(FOOT, Math.abs(end - x) / 2 - FOOT) : FOOT + 3 * (number % 3);
    const [foot, bar] = [x + out * FOOT, end + back * FOOT];
    return `M${x},${y - 4}L${foot},${y}L${x},${y + 4}M${x},${y}H${foot}C${foot + out * bend},${y} ${bar + back * bend},${there} ${bar},${there}H${end}M${end + back * 4},${there - 4}v8`;
  }
  let isDue = false;
  function draw() {
    isDue = false;
    const origin = tables.getBoundingClientRect();
    const shapes = relations.map((relation, number) => shape(relation, number, origin));
    shapes.forEach((text, number) => paths[number].setAttribute("d", text));
  }
  // Scrolling brings tables into sight one after another: all lines are drawn again a few times a second at most.
  const soon = () => { if (!isDue) { isDue = true; setTimeout(draw, 120); } };
  requestAnimationFrame(draw);
  new ResizeObserver(soon).observe(tables);
  tables.addEventListener("contentvisibilityautostatechange", soon, true);
  tables.addEventListener("pointerover", ({ target }) => {
    const table = target.closest(".schema-table");
    relations.forEach(({ from, to }, number) => paths[number].classList.toggle("is-near", table === from || table === to));
  });
};

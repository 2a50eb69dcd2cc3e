// The tools beside the steps: what is chosen is explained, leaves are changed, parameters descend

const element = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== undefined) made.setAttribute(name, value);
  made.append(...children);
  return made;
};

// A text, where it is another than before
const write = (place, text) => { if (place.textContent !== text) place.textContent = text; };

const table = (heading, rows) => {
  const line = (cells, tag) => element("tr", {}, ...cells.map((cell, i) =>
    element(tag === "th" || i === 0 ? "th" : "td", { scope: tag === "th" ? "col" : i === 0 ? "row" : undefined }, cell)));
  return element("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Table" }, element("table", {},
    element("thead", {}, ...(heading.length ? [line(heading, "th")] : [])),
    element("tbody", {}, ...rows.map((row) => line(row, "td")))));
};

// What a node receives in the sweep
const received = (data, page, node) => {
  const uses = data.uses.map((use, e) => [...use, e]).filter(([, , operand]) => operand === node);
  if (!uses.length) return [];
  const partial = `∂${data.names.at(-1)}/∂${data.names[node]}`;
  return [
    element("p", {}, uses.length > 1
      ? `It is used ${uses.length} times, so ${partial} is the sum of what it receives:`
      : `${partial} is what it receives:`),
    table(["through", "receives", "amount"], uses.map(([head, , , formula, e]) =>
      [data.names[head], page.sentence(formula), page.told("share", e)])),
  ];
};

// A node: how it is computed, and what makes up its gradient
const explained = (data, page, node) => {
  const root = data.names.length - 1, name = data.names[node];
  const told = (of, place) => page.told(of, place);
  const parts = [element("h3", {}, name)];
  if (data.formulas[node]) parts.push(element("p", {}, `${name} = ${data.formulas[node]} = ${told("value", node)}`));
  else parts.push(element("p", {}, `${name} is a leaf: ${told("value", node)}.`));
  const shares = received(data, page, node), partial = `∂${data.names[root]}/∂${name}`;
  if (node === root) parts.push(element("p", {}, `It is the root: the sweep starts with ${partial} = ${told("gradient", node)}.`));
  else if (!shares.length) parts.push(element("p", {}, "No gradient flows to it."));
  else parts.push(...shares, element("p", {}, element("strong", {}, `${partial} = ${told("gradient", node)}`)));
  const turns = data.frames.map((frame, i) => [frame, i]).filter(([frame]) => frame.node === node);
  parts.push(element("p", { class: "buttons" }, ...turns.map(([frame, i]) => element("button",
    { type: "button", onclick: () => page.go(i) }, frame.phase === "forward" ? "Its value" : "Its turn in the sweep"))));
  return parts;
};

const explainedUse = (data, page, e) => {
  const [head, slot, operand, formula] = data.uses[e];
  const out = data.names[head], name = data.names[operand], slope = page.numbers().slope[e];
  const parts = [element("h3", {}, `${name} → ${out}`),
    element("p", {}, `${name} is operand ${slot + 1} of ${out} = ${data.formulas[head]}.`)];
  if (slope) parts.push(element("p", {}, `The local derivative ∂${out}/∂${name} here is ${amountText(slope)}.`));
  parts.push(element("p", {}, `In the reverse sweep ${name} receives ${page.sentence(formula)} = ${page.told("share", e)}.`));
  parts.push(element("p", { class: "buttons" },
    element("button", { type: "button", onclick: () => page.explain(operand) }, name),
    element("button", { type: "button", onclick: () => page.explain(head) }, out)));
  return parts;
};

// Sliders and fields for the leaves
const MOST_FIELDS = 400;
const makeFields = (data, page, place) => {
  const fields = [];
  for (const leaf of data.leaves) {
    const slots = data.program.nodes[leaf];
    slots.forEach((slot, k) => {
      if (fields.length >= MOST_FIELDS) return;
      const name = slots.length > 1 ? `${data.names[leaf]}[${k}]` : data.names[leaf];
      const start = page.inputs().get(slot), reach = Math.max(3, 2 * Math.abs(start)) || 3;
      const id = `leaf${fields.length}`;
      const slider = element("input", { type: "range", min: start - reach, max: start + reach, step: "any", "aria-label": `${name}, slider` });
      const field = element("input", { type: "number", step: "any", id });
      const change = (text) => {
        const number = Number(text);
        field.setAttribute("aria-invalid", String(text === "" || !Number.isFinite(number)));
        if (text !== "" && Number.isFinite(number)) page.change(new Map([[slot, number]]));
      };
      slider.addEventListener("input", () => change(slider.value));
      field.addEventListener("change", () => change(field.value));
      fields.push({ slot, slider, field });
      place.append(element("div", { class: "leaf" }, element("label", { for: id }, name), slider, field));
    });
  }
  const total = data.leaves.reduce((sum, leaf) => sum + data.program.nodes[leaf].length, 0);
  if (total > fields.length) place.append(element("p", {}, `The first ${fields.length} of ${total} numbers can be changed.`));
  return (inputs) => fields.forEach((each) => {
    const { slot, slider, field } = each, number = inputs.get(slot);
    if (Object.is(each.shown, number)) return;
    slider.min = Math.min(slider.min, number);
    slider.max = Math.max(slider.max, number);
    slider.value = number;
    if (document.activeElement !== field) field.value = Number(number.toPrecision(12));
    each.shown = number;
  });
};

// Steps of gradient descent, and the curve of the root
const makeDescent = (data, page) => {
  const get = (id) => document.getElementById(id);
  let curve = [];
  const root = data.names.length - 1;
  const value = () => page.numbers().value[root].data[0];
  const draw = () => {
    const finite = curve.filter(Number.isFinite), svg = get("curve");
    const high = Math.max(...finite, -Infinity), low = Math.min(...finite, 0);
    const points = curve.map((y, i) => [4 + 292 * i / Math.max(1, curve.length - 1), 96 - 90 * (y - low) / ((high - low) || 1)])
      .filter(([, y]) => Number.isFinite(y));
    svg.querySelector("polyline").setAttribute("points", points.map((p) => p.map((x) => x.toFixed(1)).join(",")).join(" "));
    svg.setAttribute("aria-label", `${data.names[root]} after each of ${curve.length - 1} steps, now ${numberText(curve.at(-1))}`);
    const steps = curve.length - 1, now = curve.at(-1), before = curve.at(-2);
    let words = `After ${steps} ${steps === 1 ? "step" : "steps"}: ${data.names[root]} = ${numberText(now)}.`;
    if (!Number.isFinite(now)) words = `After ${steps} steps ${data.names[root]} is no longer a number: it diverges. Take a smaller rate.`;
    else if (steps && now > before) words += " It grew: the rate is too large here.";
    else if (steps && now === before) words += " It stands still: the gradients are 0, or as good as.";
    get("descended").textContent = words;
  };
  const step = (count) => {
    const rate = Number(get("rate").value);
    if (!(rate > 0)) { get("descended").textContent = "Give a rate that is larger than 0."; return; }
    if (!curve.length) curve = [value()];
    for (let i = 0; i < count && Number.isFinite(curve.at(-1)); i++) {
      const moved = new Map(), { gradient } = page.numbers(), inputs = page.inputs();
      for (const leaf of data.parameters)
        data.program.nodes[leaf].forEach((slot, k) => moved.set(slot, inputs.get(slot) - rate * gradient[leaf].data[k]));
      page.change(moved, true);
      curve.push(value());
    }
    page.refresh();
    draw();
  };
  get("one").onclick = () => step(1);
  get("ten").onclick = () => step(10);
  get("again").onclick = () => { page.reset(); };
  get("moving").textContent = data.parameters.length
    ? `${data.parameters.map((i) => data.names[i]).slice(0, 12).join(", ")}${data.parameters.length > 12 ? ", …" : ""}: each moves by −rate · its gradient.`
    : "The graph has no parameters: its leaves are called as inputs are.";
  get("one").disabled = get("ten").disabled = !data.parameters.length;
  const restart = () => { curve = []; get("curve").querySelector("polyline").setAttribute("points", ""); get("descended").textContent = ""; };
  return { restart, curve: () => curve };
};

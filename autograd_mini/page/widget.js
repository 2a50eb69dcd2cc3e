// The front of ``widget``: sliders, which tell Python their numbers, and what Python makes of them

const made = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

const render = ({ model, el }) => {
  const table = made("table", { style: "border-collapse: separate; border-spacing: 0.8em 0.2em" });
  const rows = new Map(), picture = made("div", { style: "overflow-x: auto" });
  const error = made("p", { role: "status" });
  table.append(made("tr", {}, ...["", "", "value", "gradient"].map((name) => made("th", { scope: "col" }, name))));
  for (const [name, start] of Object.entries(model.get("values"))) {
    const reach = Math.max(3, 2 * Math.abs(start));
    const slider = made("input", { type: "range", min: start - reach, max: start + reach, step: "any", "aria-label": name });
    slider.value = start;
    const value = made("td"), gradient = made("td");
    slider.addEventListener("input", () => {
      model.set("values", { ...model.get("values"), [name]: Number(slider.value) });
      model.save_changes();
    });
    rows.set(name, { slider, value, gradient });
    table.append(made("tr", {}, made("th", { scope: "row" }, name), made("td", {}, slider), value, gradient));
  }
  const result = made("td");
  table.append(made("tr", {}, made("th", { scope: "row" }, model.get("name")), made("td"), result));
  const show = () => {
    for (const [name, { slider, value, gradient }] of rows) {
      const number = model.get("values")[name], slope = model.get("gradients")[name];
      value.textContent = numberText(number);
      gradient.textContent = slope === undefined ? "" : numberText(slope);
      if (document.activeElement !== slider) slider.value = number;
    }
    const out = model.get("value");
    result.textContent = out === null ? "" : numberText(out);
    error.textContent = model.get("error");
    picture.innerHTML = model.get("picture"); // an SVG that has been checked: nothing in it runs
  };
  for (const what of ["values", "value", "gradients", "picture", "error"]) model.on(`change:${what}`, show);
  el.append(table, error, picture);
  show();
};

export default { render };

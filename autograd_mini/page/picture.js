// The pictures: what they show of a step, which box is opened, how large they are

const NUMBER_LINE = /^= [-−\d.,e+[\] to∞infna·]+$/; // the number below the formula of a local derivative

const makePictures = (data, act) => {
  const frame = document.getElementById("pictures");
  const places = [...frame.querySelectorAll(".picture")];
  const SVG = "http://www.w3.org/2000/svg";

  const views = data.pictures.map((drawn, number) => {
    const place = places[number], svg = place.querySelector("svg");
    const get = (name) => document.getElementById(`${drawn.prefix}_${name}`);
    svg.setAttribute("role", "group");
    svg.setAttribute("aria-label", `${drawn.title}: the graph`);
    svg.querySelectorAll("desc, title").forEach((part) => part.remove());
    svg.querySelectorAll("a").forEach((link) => link.removeAttributeNS("http://www.w3.org/1999/xlink", "title"));
    const natural = { width: svg.viewBox.baseVal.width * 4 / 3, height: svg.viewBox.baseVal.height * 4 / 3 };
    const letters = [...svg.querySelectorAll("text")].map((text) => parseFloat(text.getAttribute("font-size") ?? 14));
    const legible = 9 / (Math.min(...letters) * 4 / 3); // the smallest has 9 pixels
    const boxes = drawn.boxes.map(([nodes, ends], i) => {
      const box = get(`n${i}`);
      box.querySelector("polygon, path")?.classList.add("border");
      box.setAttribute("role", "button");
      box.setAttribute("tabindex", "-1");
      box.addEventListener("click", () => act.chosen(nodes, number));
      return { box, nodes, ends, cells: new Map(), shown: new Map() };
    });
    const boxOf = new Map();
    boxes.forEach(({ nodes }, i) => nodes.forEach((node) => boxOf.set(node, i)));
    const arrows = drawn.arrows.map(([name, tail, head, slot]) => {
      const arrow = get(name), path = arrow.querySelector("path");
      const tip = path?.nextElementSibling?.tagName === "polygon" ? path.nextElementSibling : null;
      let back = null;
      if (tip && path) { // the tip at the other end, for the way back
        const length = path.getTotalLength(), from = path.getPointAtLength(0), to = path.getPointAtLength(Math.min(6, length));
        const angle = Math.atan2(to.y - from.y, to.x - from.x), side = (turn, far) =>
          `${from.x + far * Math.cos(angle + turn)},${from.y + far * Math.sin(angle + turn)}`;
        back = document.createElementNS(SVG, "polygon");
        back.setAttribute("points", `${from.x},${from.y} ${side(0.42, 7)} ${side(-0.42, 7)}`);
        back.setAttribute("class", "back");
        tip.classList.add("tip");
        arrow.append(back);
      }
      const texts = [...arrow.querySelectorAll("text")];
      const slope = texts.findLast((text) => NUMBER_LINE.test(text.textContent.trim()));
      arrow.addEventListener("click", () => act.arrowChosen(boxes[head].nodes, tail < 0 ? [] : boxes[tail].nodes, slot));
      const own = data.uses.flatMap(([result, k, operand], e) => // the uses that it stands for
        boxOf.get(result) === head && (slot < 0 ? boxOf.get(operand) === tail : k === slot) ? [e] : []);
      return { arrow, head, own, single: slot >= 0, texts, slope };
    });
    return { drawn, place, svg, natural, legible, boxes, boxOf, arrows, scale: 0 };
  });

  // What in a box shows its value or its gradient: as many texts as there should be, and colours
  const cellsOf = (view, i, what, count) => {
    const known = view.boxes[i].cells;
    if (known.has(what)) return known.get(what);
    const all = [...view.boxes[i].box.querySelectorAll("text, polygon")].filter(
      (part) => part.tagName === "polygon" || part.textContent.trim());
    let found = { texts: [], colours: [], aligned: true };
    for (let k = all.length - 1; k >= 0; k--) {
      if (all[k].textContent.trim() !== what) continue;
      const texts = all.slice(k + 1, k + 1 + count), colours = [];
      if (texts.length < count || texts.some((part) => part.tagName === "polygon")) continue;
      for (let j = k + 1 + count; all[j]?.tagName === "polygon" && !all[j].classList.contains("border"); j++) colours.push(all[j]);
      const originals = texts.map((text) => text.textContent);
      found = { texts, colours, originals, label: all[k], aligned: false };
      break;
    }
    known.set(what, found);
    return found;
  };

  // A number that becomes longer grows to the left, into the box, up to what stands there, and is squeezed then
  const align = (cells) => {
    const label = cells.label?.getBBox(), start = label ? label.x + label.width : 0;
    let left = start;
    cells.texts.forEach((text, k) => {
      text.textContent = cells.originals[k];
      const { x, width } = text.getBBox();
      if (!width) return; // a page in a notebook that is not shown yet
      text.setAttribute("x", x + width);
      text.setAttribute("text-anchor", "end");
      if (x < left) left = start; // the next row
      text.room = { width: Math.max(width, x + width - left - 3), letter: width / cells.originals[k].length };
      left = x + width;
      cells.aligned = true;
    });
  };
  const writeCell = (text, words) => {
    text.textContent = words;
    if (text.room && words.length * text.room.letter > text.room.width) {
      text.setAttribute("textLength", text.room.width);
      text.setAttribute("lengthAdjust", "spacingAndGlyphs");
    } else text.removeAttribute("textLength");
  };

  const together = (all) => all.length === 1 ? all[0] : quantity([all.length * sizeOf(all[0])], all.flatMap((q) => q.data ?? [NaN]));
  // What a box shows of a value or a gradient, written where it is another than before
  const writeCells = (view, i, what, state) => {
    const { ends, shown } = view.boxes[i];
    const isTold = ends.every((node) => state.isKnown(what, node));
    const isMoved = isTold && ends.some((node) => state.isMoved(what, node));
    // The colours are those of the whole gradient of this run: they wait for its node's turn
    const isWhole = isTold && !state.isEdited && (what === "value" || ends.every((node) => state.isKnown("complete", node)));
    const all = ends.map((node) => state.number(what, node)), now = [isTold, isMoved, isWhole, ...all], before = shown.get(what);
    if (before && now.every((one, k) => one === before[k])) return;
    const texts = cellTexts(together(all)), cells = cellsOf(view, i, what, texts.length);
    if (!cells.aligned) align(cells);
    cells.texts.forEach((text, k) => {
      writeCell(text, isTold ? texts[k] : "·");
      text.classList.toggle("moved", isMoved);
    });
    cells.colours.forEach((part) => part.classList.toggle("unknown", !isWhole));
    if (cells.aligned) shown.set(what, now);
  };

  let current = 0, zoom = 0, centre = null, seen = "";
  const fitted = (view) => {
    const room = frame.getBoundingClientRect();
    return Math.min((room.width - 12) / view.natural.width, (room.height - 12) / view.natural.height);
  };
  const resize = () => {
    const view = views[current], fit = fitted(view);
    const scale = zoom === "whole" ? fit : zoom || Math.min(1.35, Math.max(view.legible, fit));
    view.scale = scale;
    view.svg.style.width = `${view.natural.width * scale}px`;
    view.svg.style.height = `${view.natural.height * scale}px`;
  };
  // 0: as large as can be read; "whole"; or how much larger, round a point of the screen or what is shown now
  const setZoom = (to, point = null) => {
    const { svg, scale } = views[current], before = svg.getBoundingClientRect();
    zoom = typeof to === "number" && to ? Math.min(4, Math.max(0.1, scale * to)) : to;
    resize();
    act.zoomed(zoom);
    if (!point) { intoView(); return; }
    const after = svg.getBoundingClientRect();
    frame.scrollLeft += after.left + (point.x - before.left) * after.width / before.width - point.x;
    frame.scrollTop += after.top + (point.y - before.top) * after.height / before.height - point.y;
  };
  const open = (number) => {
    current = number;
    places.forEach((place, i) => { place.hidden = i !== number; });
    zoom = 0;
    resize();
    act.zoomed(zoom);
  };
  const intoView = () => {
    if (!centre) return;
    const box = centre, shown = box.getBoundingClientRect(), room = frame.getBoundingClientRect();
    frame.scrollLeft += shown.left + shown.width / 2 - room.left - room.width / 2;
    frame.scrollTop += shown.top + shown.height / 2 - room.top - room.height / 2;
  };

  // state: the step, its node and uses; what is known and moved, and the numbers
  const show = (state) => {
    const view = views[current];
    const now = view.boxOf.get(state.node), chosen = view.boxOf.get(state.chosen);
    view.boxes.forEach((each, i) => {
      const { box, nodes } = each;
      each.since ??= nodes.reduce((first, node) => Math.min(first, state.valueSince(node)), Infinity);
      box.classList.toggle("now", i === now);
      box.classList.toggle("later", each.since > state.at);
      box.classList.toggle("chosen", i === chosen);
      for (const what of ["value", "gradient"]) writeCells(view, i, what, state);
    });
    const used = new Set(state.uses), backward = state.phase !== "forward";
    for (const each of view.arrows) {
      const { arrow, head, own, single, texts, slope } = each;
      const computes = !backward && head === now;
      arrow.classList.toggle("used", computes || own.some((e) => used.has(e)));
      arrow.classList.toggle("later", view.boxes[head].since > state.at);
      arrow.classList.toggle("turned", backward && own.length > 0); // nothing flows back to a constant
      arrow.classList.toggle("idle", backward && !own.length);
      const came = single ? own.some(state.isPassed) : backward;
      texts.forEach((text) => text.classList.toggle("unknown", !came));
      const local = slope && own.length === 1 ? state.number("slope", own[0]) : null;
      if (local && local !== each.local) slope.textContent = `= ${amountText(local).replaceAll("−", "-").replace("∞", "inf")}`;
      each.local = local;
    }
    const at = now ?? view.boxOf.get(data.names.length - 1);
    view.boxes.forEach(({ box }, i) => box.setAttribute("tabindex", i === at ? "0" : "-1"));
    centre = state.node === null ? null : view.boxes[at].box;
    if (seen === `${current} ${state.at}`) return; // an edit moves nothing
    seen = `${current} ${state.at}`;
    if (centre) intoView();
    else if (state.at === 0) frame.scrollLeft = frame.scrollTop = 0;
  };

  frame.addEventListener("keydown", (event) => {
    const view = views[current], i = view.boxes.findIndex(({ box }) => box === document.activeElement);
    if (i < 0) return;
    if (event.key === "Enter") view.boxes[i].box.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const to = view.boxes[i + (event.key === "ArrowDown" ? 1 : -1)]?.box;
      if (!to) return;
      to.setAttribute("tabindex", "0");
      to.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  // A wheel with ctrl, which two fingers on a touchpad are as well, and a mouse that drags
  frame.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    setZoom(2 ** (-event.deltaY / (event.deltaMode ? 10 : 300)), { x: event.clientX, y: event.clientY });
  }, { passive: false });
  let drag = null;
  frame.addEventListener("pointerdown", ({ pointerType, button, clientX, clientY }) => {
    const { scrollLeft, scrollTop } = frame;
    drag = pointerType === "mouse" && button === 0 ? { clientX, clientY, scrollLeft, scrollTop, far: false } : null;
  });
  frame.addEventListener("pointermove", ({ buttons, clientX, clientY }) => {
    if (!drag || !(buttons & 1)) return;
    const right = clientX - drag.clientX, down = clientY - drag.clientY;
    drag.far ||= Math.hypot(right, down) > 4;
    if (!drag.far) return;
    frame.scrollLeft = drag.scrollLeft - right;
    frame.scrollTop = drag.scrollTop - down;
  });
  frame.addEventListener("click", (event) => { if (drag?.far) event.stopPropagation(); drag = null; }, true);
  new ResizeObserver(() => { resize(); intoView(); }).observe(frame);
  return { open, show, setZoom };
};

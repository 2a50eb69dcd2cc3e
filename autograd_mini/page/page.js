// The page: which step is shown, and what else is

(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { names, frames, uses, shapes, program } = data;
  const get = (id) => document.getElementById(id);
  const phases = { forward: "Forward pass", backward: "Reverse sweep", end: "Done" };
  const root = names.length - 1;

  // Numbers
  const given = new Map(program?.given.map(([i, number]) => [i, decoded(number)]));
  const machine = program && makeMachine(program, uses, shapes);
  const original = program ? machine.change(given, true) : stated(data.numbers);
  const inputs = new Map(given);
  let numbers = original;

  let quiz = null;
  const isHidden = (of, place) => quiz !== null && (of === "gradient" ? quiz.hidden.has(place)
    : (of === "share" || of === "total") && quiz.hidden.has(uses[place][2]));
  const told = (of, place) => isHidden(of, place) ? "?" : amountText(numbers[of][place]);
  const sentence = (parts) => parts.map((part) => {
    if (typeof part === "string") return part;
    const [of, place, isFactor] = part, text = told(of, place);
    return isFactor && text.startsWith("−") ? `(${text})` : text;
  }).join("");

  const said = (frame) => frame.phase === "backward" && quiz?.hidden.has(frame.node)
    ? `${names[frame.node]} has received all its shares. What is ∂${names[root]}/∂${names[frame.node]}?`
    : sentence(frame.sentence);

  // The step from which on each value is known, each gradient begun and complete, each use has passed
  const never = () => names.map(() => Infinity);
  const since = { value: never(), gradient: never(), complete: never(), use: uses.map(() => Infinity) };
  const begin = (of, i, step) => { of[i] = Math.min(of[i], step); };
  frames.forEach((frame, step) => {
    if (step === 0) for (const leaf of data.leaves) begin(since.value, leaf, step);
    if (frame.phase === "forward" && frame.node !== null) begin(since.value, frame.node, step);
    if (frame.phase === "backward") {
      if (frame.node === root) begin(since.gradient, root, step);
      begin(since.complete, frame.node, step);
      for (const e of frame.shares) { begin(since.gradient, uses[e][2], step); begin(since.use, e, step); }
    }
    if (frame.phase === "end") names.forEach((_, i) => { begin(since.gradient, i, step); begin(since.complete, i, step); });
  });
  const isKnown = (of, i) => since[of][i] <= at && !(of !== "value" && quiz?.hidden.has(i));
  // In between, a gradient is the total of what has come so far
  const usesOf = names.map(() => []);
  uses.forEach(([, , operand], e) => usesOf[operand].push(e));
  const soFar = (i) => {
    if (since.complete[i] <= at) return numbers.gradient[i];
    const last = usesOf[i].findLast((e) => since.use[e] <= at);
    return last === undefined ? numbers.gradient[i] : numbers.total[last];
  };
  // What a change of a leaf has moved
  const isMoved = (of, i) => {
    const now = numbers[of][i], was = original[of][i];
    return now !== was && now.data.some((x, k) => !close(x, was.data[k], 1e-12));
  };

  let at = 0, timer = 0, chosen = null, showFields = null, descent = null, isEdited = false, showKnown = null;

  // Tabs
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const openTab = (name) => {
    for (const tab of tabs) {
      const on = tab.id === `tab-${name}`;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
      if (on) tab.scrollIntoView({ block: "nearest", inline: "nearest" }); // on a phone they are a row that scrolls
      get(tab.getAttribute("aria-controls")).classList.toggle("closed", !on);
    }
    show(at);
  };

  const page = {
    numbers: () => numbers,
    inputs: () => inputs,
    told, sentence,
    go: (to) => { stop(); show(to); },
    explain: (node) => { chosen = node; openTab("node"); },
    change: (places, quietly = false) => {
      for (const [slot, number] of places) inputs.set(slot, number);
      numbers = machine.change(places);
      if (!quietly) { descent?.restart(); page.refresh(); }
    },
    refresh: () => {
      isEdited = ["value", "gradient"].some((of) => names.some((_, i) => isMoved(of, i)));
      showFields?.(inputs);
      get("reset").disabled = !isEdited;
      const now = told("value", root), was = amountText(original.value[root]);
      write(get("effect"), `${names[root]} = ${now}${now === was ? "" : `, was ${was}`}.`);
      show(at);
    },
    reset: () => {
      for (const [slot, number] of given) inputs.set(slot, number);
      machine.change(given);
      machine.restore(original);
      numbers = original;
      descent?.restart();
      page.refresh();
    },
  };

  const pictures = makePictures(data, {
    zoomed: (zoom) => get("size").setAttribute("aria-pressed", String(zoom === "whole")),
    chosen: (nodes, from) => {
      if (nodes.length > 1) {
        const to = data.pictures.findIndex((picture) => picture.opened === nodes.at(-1));
        if (to >= 0 && to !== from) { get("view").value = to; pictures.open(to); show(at); return; }
      }
      page.explain(nodes.at(-1));
    },
    arrowChosen: (heads, tails, slot) => {
      const e = uses.findIndex(([head, k, operand]) => heads.includes(head) && (slot < 0 ? tails.includes(operand) : k === slot));
      if (e < 0) return;
      chosen = null;
      get("node").replaceChildren(...explainedUse(data, page, e));
      openTab("node");
    },
  });

  const showTable = (frame) => {
    const parts = [];
    const mine = data.mine?.find((one) => one.node === frame.node);
    if (mine && frame.phase === "backward") {
      const lines = [["mine", mine.mine], ["right", told("gradient", frame.node)], ["verdict", mine.verdict]];
      parts.push(table(["", `gradient of ${mine.name}`], lines));
      if (mine.verdict === "wrong") parts.push(element("p", { class: "mistake" }, `Here is a mistake${mine.reason ? `: ${mine.reason}` : ""}.`));
      if (mine.verdict === "inherited") parts.push(element("p", {}, "It is right, given the wrong gradient that it was computed from."));
      if (mine.line) {
        parts.push(element("pre", { class: "mistake" }, `${mine.line.file}:${mine.line.number}\n${mine.line.text}`));
        if (mine.line.right) parts.push(element("p", {}, "Write instead:"), element("pre", {}, mine.line.right));
      }
    }
    if (frame.rows.length) parts.push(table(frame.heading, frame.rows.map((row) => row.map(sentence))));
    else if (frame.phase === "backward") parts.push(...received(data, page, frame.node)); // a leaf: what made it
    if (!at) parts.push(element("p", { class: "keys" }, "Keys: ← → go from step to step, the space bar plays, + − 0 zoom. A click on a box or an arrow explains it."));
    get("numbers").replaceChildren(...parts);
    if (!get("known").classList.contains("closed")) writeKnown(frame);
  };

  const writeKnown = (frame) => {
    showKnown ??= makeKnown();
    const changed = new Set([frame.node, ...frame.shares.map((e) => uses[e][2])]);
    const was = (of, i) => isMoved(of, i) ? ` (was ${isHidden(of, i) ? "?" : amountText(original[of][i])})` : "";
    showKnown((i) => [
      isKnown("value", i) ? told("value", i) + was("value", i) : "",
      isKnown("gradient", i) ? amountText(soFar(i)) + (isKnown("complete", i) ? was("gradient", i) : "") : "",
    ], changed);
  };
  const makeKnown = () => {
    get("totals").replaceChildren(table(["node", "value", "gradient so far"], names.map((name) => [name, "", ""])));
    const lines = [...get("totals").querySelectorAll("tbody tr")];
    return (texts, changed) => lines.forEach((line, i) => {
      texts(i).forEach((text, k) => write(line.cells[k + 1], text));
      line.classList.toggle("changed", changed.has(i));
    });
  };

  // The transcript is written anew where it is read: on its tab and on paper; what is shown now, always
  const items = [...document.querySelectorAll("#transcript li")];
  const writeTranscript = () => items.forEach((item, i) => write(item, said(frames[i])));

  const linked = () => {
    const found = /^#step=(\d+)$/.exec(location.hash);
    return found ? Number(found[1]) - 1 : null;
  };
  const isMistake = (frame) => frame.phase === "backward" && data.mine?.some((one) => one.node === frame.node && one.verdict === "wrong");
  const show = (to) => {
    const before = at;
    at = Math.max(0, Math.min(frames.length - 1, to));
    const frame = frames[at], words = said(frame);
    document.body.className = frame.phase;
    get("to-mistake").disabled = isMistake(frame);
    write(get("phase"), phases[frame.phase]);
    write(get("sentence"), words);
    showTable(frame);
    pictures.show({
      at, phase: frame.phase, node: frame.node, uses: frame.shares, chosen, isEdited, isKnown, isMoved, valueSince: (i) => since.value[i],
      isPassed: (e) => since.use[e] <= at, number: (of, i) => of === "gradient" ? soFar(i) : numbers[of][i],
    });
    if (chosen !== null) get("node").replaceChildren(...explained(data, page, chosen));
    get("at").value = at;
    get("at").setAttribute("aria-valuetext", `step ${at + 1}: ${words}`);
    write(get("count"), `step ${at + 1} of ${frames.length}`);
    get("first").disabled = get("back").disabled = at === 0;
    get("last").disabled = get("next").disabled = at === frames.length - 1;
    items[before]?.removeAttribute("aria-current"); // that of a quiz ends where the sweep begins
    items[at]?.setAttribute("aria-current", "step");
    if (!get("transcript").classList.contains("closed")) writeTranscript();
    else if (items[at]) write(items[at], words);
    if (linked() === at) return;
    try { history.replaceState(null, "", `#step=${at + 1}`); } catch { /* a page inside another has no address */ }
  };

  const showPlay = (on) => {
    const button = get("play"), word = on ? "Pause" : "Play";
    button.setAttribute("aria-pressed", String(on));
    button.setAttribute("aria-label", word);
    button.querySelector(".sign").textContent = on ? "❚❚" : "▶";
    button.querySelector(".word").textContent = ` ${word}`;
  };
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    showPlay(false);
  };
  const play = () => {
    if (timer) return stop();
    if (at === frames.length - 1) show(0);
    timer = setInterval(() => { show(at + 1); if (at === frames.length - 1 || isMistake(frames[at])) stop(); }, 1800);
    showPlay(true);
  };

  // Controls
  get("at").max = frames.length - 1;
  get("first").onclick = () => page.go(0);
  get("back").onclick = () => page.go(at - 1);
  get("next").onclick = () => page.go(at + 1);
  get("last").onclick = () => page.go(frames.length - 1);
  get("play").onclick = play;
  get("at").oninput = () => page.go(Number(get("at").value));
  get("larger").onclick = () => pictures.setZoom(1.25);
  get("smaller").onclick = () => pictures.setZoom(0.8);
  get("size").onclick = () => pictures.setZoom(get("size").getAttribute("aria-pressed") === "true" ? 0 : "whole");
  data.pictures.forEach((picture, i) => get("view").append(element("option", { value: i }, picture.title)));
  get("view").hidden = data.pictures.length === 1;
  get("view").onchange = () => { pictures.open(Number(get("view").value)); show(at); };
  for (const tab of tabs) {
    tab.onclick = () => openTab(tab.id.slice(4));
    tab.onkeydown = (event) => {
      const shown = tabs.filter((one) => !one.hidden), i = shown.indexOf(tab);
      const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: shown.length - 1 }[event.key];
      if (to === undefined) return;
      const next = shown[(to + shown.length) % shown.length];
      openTab(next.id.slice(4));
      next.focus();
      event.preventDefault();
      event.stopPropagation();
    };
  }
  document.addEventListener("keydown", (event) => {
    const { tagName } = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey || tagName === "INPUT" || tagName === "SELECT") return;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: frames.length - 1 }[event.key];
    const button = { "+": "larger", "=": "larger", "-": "smaller", "0": "size" }[event.key];
    if (to !== undefined) page.go(to);
    else if (button) get(button).click();
    else if (event.key === " " && tagName !== "BUTTON") play();
    else return;
    event.preventDefault();
  });
  addEventListener("hashchange", () => { const to = linked(); if (to !== null && to !== at) page.go(to); });
  // On paper everything is known
  addEventListener("beforeprint", () => { stop(); writeTranscript(); addEventListener("afterprint", ((was) => () => show(was))(at), { once: true }); show(frames.length - 1); });

  // What this page has
  get("why-not").textContent = data.why && `The numbers are those of one run: ${data.why}, so the page cannot compute them again.`;
  get("tab-change").hidden = get("tab-descend").hidden = !program || data.quiz !== null;
  get("tab-descend").hidden ||= shapes[root].some((n) => n !== 1);
  get("tab-quiz").hidden = data.quiz === null;
  get("tab-order").hidden = data.quiz !== null;
  if (program && !data.quiz) {
    showFields = makeFields(data, page, get("leaves"));
    get("reset").onclick = page.reset;
    descent = makeDescent(data, page);
  }
  get("to-mistake").hidden = !frames.some(isMistake);
  get("to-mistake").onclick = () => page.go(frames.findIndex(isMistake));
  if (data.quiz) quiz = makeQuiz(data, page);
  pictures.open(0);
  at = Math.max(0, linked() ?? 0);
  page.refresh();
  if (quiz) { quiz.ask(); openTab("quiz"); } else openTab("step");
  globalThis.walkthrough = page; // for those who look inside
})();

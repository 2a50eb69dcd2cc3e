// The page: which step is shown, and what else is

(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { names, frames, uses, shapes, program } = data;
  const get = (id) => document.getElementById(id);
  const phases = { forward: "Forward pass", backward: "Reverse sweep", end: "Done" };
  const root = names.length - 1;

  // Numbers
  let inputs = null, original = null, numbers = null;
  const given = () => {
    const all = new Float64Array(program.code.length);
    for (const [i, number] of program.given) all[i] = decoded(number);
    return all;
  };
  if (program) {
    inputs = given();
    numbers = computed(program, inputs, uses, shapes);
  } else numbers = stated(data.numbers);
  original = numbers;

  let quiz = null;
  const isHidden = (of, place) => quiz !== null && (of === "gradient" ? quiz.hidden.has(place)
    : (of === "share" || of === "total") && quiz.hidden.has(uses[place][2]));
  const told = (of, place) => isHidden(of, place) ? "?" : amountText(numbers[of][place]);
  const sentence = (parts) => parts.map((part) => {
    if (typeof part === "string") return part;
    const [of, place, isFactor] = part, text = told(of, place);
    return isFactor && text.startsWith("−") ? `(${text})` : text;
  }).join("");

  // What is known at each step: nodes whose value is, whose gradient has begun, whose is complete
  const knownAt = (at) => {
    const value = new Set(), gradient = new Set(), complete = new Set(), passed = [];
    frames.slice(0, at + 1).forEach((frame, i) => {
      if (i === 0) data.leaves.forEach((leaf) => value.add(leaf));
      if (frame.phase === "forward" && frame.node !== null) value.add(frame.node);
      if (frame.phase === "backward") {
        if (frame.node === root) gradient.add(root);
        complete.add(frame.node);
        for (const e of frame.shares) { gradient.add(uses[e][2]); passed.push(e); }
      }
      if (frame.phase === "end") names.forEach((_, node) => { gradient.add(node); complete.add(node); });
    });
    if (quiz) for (const node of quiz.hidden) { gradient.delete(node); complete.delete(node); }
    return { known: { value, gradient }, complete, passed };
  };
  // In between, a gradient is the total of what has come so far
  const soFar = (at, { complete, passed }) => {
    const gradient = [...numbers.gradient];
    for (const e of passed) if (!complete.has(uses[e][2])) gradient[uses[e][2]] = numbers.total[e];
    return { ...numbers, gradient };
  };
  // What a change of a leaf has moved
  const moved = () => Object.fromEntries(["value", "gradient"].map((of) => {
    const differs = (i) => numbers[of][i].data.some((x, k) => !close(x, original[of][i].data[k], 1e-12));
    return [of, new Set(numbers === original ? [] : names.keys().filter(differs))];
  }));

  let at = 0, timer = 0, chosen = null, showFields = null, descent = null;

  // Tabs
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const openTab = (name) => {
    for (const tab of tabs) {
      const on = tab.id === `tab-${name}`;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
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
      for (const [slot, number] of places) inputs[slot] = number;
      const began = performance.now();
      numbers = computed(program, inputs, uses, shapes);
      if (!quietly) { descent?.restart(); page.refresh(); }
      page.milliseconds = performance.now() - began;
    },
    refresh: () => { showFields?.(inputs); writeTranscript(); show(at); },
    reset: () => { inputs = given(); numbers = original; descent?.restart(); page.refresh(); },
    milliseconds: 0,
  };

  const pictures = makePictures(data, {
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

  const showTable = (frame, state) => {
    const parts = [];
    const mine = data.mine?.find((one) => one.node === frame.node);
    if (mine && frame.phase === "backward") {
      const right = told("gradient", frame.node);
      parts.push(table(["gradient of", "mine", "right", "verdict"], [[mine.name, mine.mine, right, mine.verdict]]));
      if (mine.verdict === "wrong") parts.push(element("p", { class: "mistake" }, `Here is a mistake${mine.reason ? `: ${mine.reason}` : ""}.`));
      if (mine.verdict === "inherited") parts.push(element("p", {}, "It is right, given the wrong gradient that it was computed from."));
      if (mine.line) {
        parts.push(element("pre", { class: "mistake" }, `${mine.line.file}:${mine.line.number}\n${mine.line.text}`));
        if (mine.line.right) parts.push(element("pre", {}, mine.line.right));
      }
    }
    if (frame.rows.length) parts.push(table(frame.heading, frame.rows.map((row) => row.map(sentence))));
    get("numbers").replaceChildren(...parts);
    if (get("known").classList.contains("closed")) return;
    const was = (of, i) => state.moved[of].has(i)
      ? ` (was ${isHidden(of, i) ? "?" : amountText(original[of][i])})` : "";
    const lines = names.map((name, i) => [name,
      state.known.value.has(i) ? told("value", i) + was("value", i) : "",
      state.known.gradient.has(i) ? amountText(state.numbers.gradient[i]) + (state.complete.has(i) ? was("gradient", i) : "") : ""]);
    get("totals").replaceChildren(table(["node", "value", "gradient so far"], lines));
    const changed = new Set([frame.node, ...frame.shares.map((e) => uses[e][2])]);
    get("totals").querySelectorAll("tbody tr").forEach((line, i) => line.classList.toggle("changed", changed.has(i)));
  };

  const writeTranscript = () => {
    document.querySelectorAll("#transcript li").forEach((item, i) => { item.textContent = sentence(frames[i].sentence); });
  };

  const show = (to) => {
    at = Math.max(0, Math.min(frames.length - 1, to));
    const frame = frames[at], knowledge = knownAt(at), so = soFar(at, knowledge);
    const state = {
      at, phase: frame.phase, node: frame.node, uses: frame.shares, numbers: so, chosen,
      moved: moved(), edited: numbers !== original, ...knowledge,
    };
    document.body.className = frame.phase;
    get("phase").textContent = phases[frame.phase];
    get("sentence").textContent = sentence(frame.sentence);
    showTable(frame, state);
    pictures.show(state);
    if (chosen !== null) get("node").replaceChildren(...explained(data, page, chosen));
    get("at").value = at;
    get("at").setAttribute("aria-valuetext", `step ${at + 1}: ${sentence(frame.sentence)}`);
    get("count").textContent = `step ${at + 1} of ${frames.length}`;
    get("first").disabled = get("back").disabled = at === 0;
    get("last").disabled = get("next").disabled = at === frames.length - 1;
    document.querySelectorAll("#transcript li").forEach((item, i) =>
      i === at ? item.setAttribute("aria-current", "step") : item.removeAttribute("aria-current"));
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
  const isMistake = (frame) => frame.phase === "backward" && data.mine?.some((one) => one.node === frame.node && one.verdict === "wrong");
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
  get("larger").onclick = () => { pictures.setZoom(1.25); show(at); };
  get("smaller").onclick = () => { pictures.setZoom(0.8); show(at); };
  get("size").onclick = () => {
    const whole = get("size").getAttribute("aria-pressed") !== "true";
    get("size").setAttribute("aria-pressed", String(whole));
    pictures.setZoom(whole ? "whole" : 0);
    show(at);
  };
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
    if (to !== undefined) page.go(to);
    else if (event.key === " " && tagName !== "BUTTON") play();
    else return;
    event.preventDefault();
  });
  const linked = () => {
    const found = /^#step=(\d+)$/.exec(location.hash);
    return found ? Number(found[1]) - 1 : null;
  };
  addEventListener("hashchange", () => { const to = linked(); if (to !== null && to !== at) page.go(to); });
  // On paper everything is known
  addEventListener("beforeprint", () => { stop(); addEventListener("afterprint", ((was) => () => show(was))(at), { once: true }); show(frames.length - 1); });

  // What this page has
  get("why-not").textContent = data.why && `The numbers are those of one run: ${data.why}, so the page cannot compute them again.`;
  get("tab-change").hidden = get("tab-descend").hidden = !program || data.quiz !== null;
  get("tab-descend").hidden ||= shapes[root].some((n) => n !== 1);
  get("tab-quiz").hidden = data.quiz === null;
  get("tab-order").hidden = data.quiz !== null;
  if (program && !data.quiz) {
    showFields = makeFields(data, page, get("leaves"));
    showFields(inputs);
    get("reset").onclick = page.reset;
    descent = makeDescent(data, page);
  }
  get("to-mistake").hidden = !frames.some(isMistake);
  get("to-mistake").onclick = () => page.go(frames.findIndex(isMistake));
  if (data.quiz) quiz = makeQuiz(data, page);
  pictures.open(0);
  show(linked() ?? 0);
  if (quiz) { quiz.ask(); openTab("quiz"); } else openTab("step");
  globalThis.walkthrough = page; // for those who look inside
})();

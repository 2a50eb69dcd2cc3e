// The quiz: gradients are hidden, and what is typed is judged with the checker's reasons

const RIGHT = 0.005; // three digits of a number are enough

const typed = (text, count) => {
  const numbers = text.replaceAll("−", "-").split(/[\s,;[\]()]+/).filter(Boolean).map(Number);
  return numbers.length === count && numbers.every((x) => !Number.isNaN(x)) ? numbers : null;
};

const same = (a, b) => a.every((x, i) => close(x, b[i], RIGHT) || (b[i] === 0 && Math.abs(x) < 1e-9));

// What was forgotten: predictions of single slips, in the order of the checker's causes
const slip = (data, numbers, node, answer) => {
  const right = numbers.gradient[node].data, of = (q) => q?.data.length === right.length ? q.data : null;
  const uses = data.uses.map((use, e) => [...use, e]).filter(([, , operand]) => operand === node);
  const out = (head) => data.names[head], name = data.names[node], root = data.names.at(-1);
  const found = [];
  const look = (code, detail, prediction) => {
    if (prediction && !same(prediction, right) && same(answer, prediction)) found.push([code, detail]);
  };
  look("sign", "", right.map((x) => -x));
  for (const factor of [2, 0.5, 3, 1 / 3, 4, 0.25, right.length, 1 / right.length])
    look("scale", `${numberText(factor)} times the right one`, right.map((x) => factor * x));
  for (const [head, , , , e] of uses) {
    const share = numbers.share[e].data, upstream = of(numbers.gradient[head]), slope = of(numbers.slope[e]);
    const rest = right.map((x, i) => x - share[i]), value = numbers.value[node].data;
    if (uses.length > 1) {
      look("missing-term", `what ${name} receives through ${out(head)}`, rest);
      look("missing-term", `${name} is used ${uses.length} times; this is what it receives through ${out(head)} alone`, share);
    }
    if (upstream) {
      look("missing-factor", `the local derivative ∂${out(head)}/∂${name}`, rest.map((x, i) => x + upstream[i]));
      look("wrong-factor", `${name} itself stands where its local derivative belongs`, rest.map((x, i) => x + upstream[i] * value[i]));
    }
    if (slope) {
      look("missing-factor", `the upstream gradient ∂${root}/∂${out(head)}`, rest.map((x, i) => x + slope[i]));
      look("extra-factor", `the local derivative ∂${out(head)}/∂${name} twice`, rest.map((x, i) => x + share[i] * slope[i]));
    }
  }
  numbers.gradient.forEach((other, i) => {
    if (i !== node) look("other-quantity", `it is ∂${root}/∂${out(i)}`, of(other));
  });
  const order = Object.keys(data.causes);
  found.sort((a, b) => order.indexOf(a[0]) - order.indexOf(b[0]));
  const [code, detail] = found[0] ?? ["unknown", ""];
  return `${data.causes[code]}${detail ? `: ${detail}` : ""}`;
};

const makeQuiz = (data, page) => {
  const get = (id) => document.getElementById(id), { nodes, tries } = data.quiz;
  const hidden = new Set(nodes);
  let at = 0, left = tries, score = 0, first = 0;
  const partial = (node) => `∂${data.names.at(-1)}/∂${data.names[node]}`;
  const ask = () => {
    const node = nodes[at], done = node === undefined;
    get("form").hidden = done;
    get("score").textContent = `${score} of ${nodes.length} right${score ? `, ${first} at the first try` : ""}.`;
    if (done) { get("question").textContent = "That was the last one."; return; }
    const count = sizeOf(page.numbers().gradient[node]);
    get("question").textContent = `${at + 1} of ${nodes.length}: ${partial(node)} = ?${count > 1 ? ` (${count} numbers, in order)` : ""}`;
    get("answer").value = "";
    get("reveal").disabled = left > 0;
    get("left").textContent = left > 0 ? `${left} ${left === 1 ? "try" : "tries"} left` : "no try left";
    page.go(data.frames.findIndex((frame) => frame.phase === "backward" && frame.node === node));
  };
  const next = () => {
    hidden.delete(nodes[at]);
    at += 1;
    left = tries;
    ask();
    get(nodes[at] === undefined ? "quiz" : "answer").focus(); // not lost with a button that is disabled
  };
  const judge = () => {
    const node = nodes[at], numbers = page.numbers(), right = numbers.gradient[node].data;
    const answer = typed(get("answer").value, right.length);
    if (!answer) { get("judged").textContent = right.length > 1 ? `Type ${right.length} numbers.` : "Type a number."; return; }
    if (same(answer, right)) {
      score += 1;
      if (left === tries) first += 1;
      get("judged").textContent = `Right: ${partial(node)} = ${amountText(numbers.gradient[node])}.`;
      next();
      return;
    }
    left = Math.max(0, left - 1);
    get("judged").textContent = `Not ${get("answer").value.trim()}: ${slip(data, numbers, node, answer)}.`;
    get("reveal").disabled = left > 0;
    get("left").textContent = left > 0 ? `${left} ${left === 1 ? "try" : "tries"} left` : "no try left";
  };
  get("check").onclick = judge;
  get("answer").addEventListener("keydown", (event) => { if (event.key === "Enter") judge(); });
  get("reveal").onclick = () => {
    const node = nodes[at];
    get("judged").textContent = `${partial(node)} = ${amountText(page.numbers().gradient[node])}.`;
    next();
  };
  return { hidden, ask };
};

"use strict";
// Numbers as the page writes them, and the program that computes them again

const decoded = (number) => Number(number);

// As Python's "%.4g"; whole numbers below a million in full
const numberText = (x) => {
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x > 0 ? "inf" : "-inf";
  if (Number.isInteger(x) && Math.abs(x) < 1e6) return String(x + 0 || 0);
  const [digits, exponent] = x.toExponential(3).split("e");
  const power = Number(exponent);
  if (power < -4 || power >= 4)
    return `${Number(digits)}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  return String(Number(Number(x.toPrecision(4)).toFixed(3 - power)));
};

const quantity = (shape, data) => ({ shape, data });
const sizeOf = (q) => q.shape.reduce((product, n) => product * n, 1);
const least = (q) => q.data ? q.data.reduce((a, b) => (b < a || b !== b ? b : a), Infinity) : decoded(q.min);
const most = (q) => q.data ? q.data.reduce((a, b) => (b > a || b !== b ? b : a), -Infinity) : decoded(q.max);
const mean = (q) => {
  const found = q.data ? q.data.reduce((a, b) => a + b, 0) / q.data.length : decoded(q.mean);
  const size = Math.max(Math.abs(least(q)), Math.abs(most(q)));
  return size < Infinity && Math.abs(found) <= Number.EPSILON * sizeOf(q) * size ? 0 : found; // what rounding leaves is none
};

const MOST = 6; // an array of so many elements is written element by element

const nested = (data, shape) => {
  if (!shape.length) return numberText(data[0]);
  const step = data.length / shape[0], rows = [];
  for (let i = 0; i < shape[0]; i++) rows.push(nested(data.slice(i * step, (i + 1) * step), shape.slice(1)));
  return `[${rows.join(", ")}]`;
};

// A value or a gradient in a sentence
const amountText = (q) => {
  const size = sizeOf(q);
  if (!size) return "no elements";
  const low = least(q), high = most(q);
  let text;
  if (low === high) text = numberText(low);
  else if (size <= MOST) text = nested(q.data, q.shape);
  else text = `${numberText(low)} to ${numberText(high)}`;
  return q.shape.length ? text.replaceAll("-", "−") : text.replaceAll("-", "−").replace("inf", "∞");
};

// What the cells of a box in the picture show of it
const cellTexts = (q) => {
  const size = sizeOf(q);
  if (!size) return ["no elements"];
  return size <= MOST ? q.data.map(numberText) : [mean(q), least(q), most(q)].map(numberText);
};

const close = (a, b, tolerance) => a === b || Math.abs(a - b) <= tolerance * Math.abs(b) || (a !== a && b !== b);

// The program: all values and gradients of the graph, and, of what a changed leaf reaches, the new ones
const makeMachine = (program, uses, shapes) => {
  const { code, operands } = program, count = code.length;
  const values = new Float64Array(count), gradients = new Float64Array(count);
  const single = new Uint8Array(count), seeds = new Float64Array(count);
  for (const i of program.single) single[i] = 1;
  program.nodes.at(-1).forEach((i, k) => { seeds[i] += decoded(program.seed[k]); });
  const users = Array.from({ length: count }, () => []); // of each number: what is made of it, as which operand
  for (let i = count - 1; i >= 0; i--) operands[i].forEach((operand, k) => users[operand].push([i, k]));
  const rounded = (i, x) => single[i] ? Math.fround(x) : x;
  const value = (i) => {
    const f = RULES[code[i]].value, of = operands[i];
    switch (of.length) {
      case 1: return f(values[of[0]]);
      case 2: return f(values[of[0]], values[of[1]]);
      default: return f(...of.map((k) => values[k]));
    }
  };
  const slope = (rule, k, out, of) => {
    const f = RULES[rule].slopes[k];
    switch (of.length) {
      case 1: return f(values[out], values[of[0]]);
      case 2: return f(values[out], values[of[0]], values[of[1]]);
      default: return f(values[out], ...of.map((i) => values[i]));
    }
  };
  const gradient = (i) => {
    let total = seeds[i];
    for (const [user, k] of users[i])
      if (gradients[user] !== 0 && RULES[code[user]].slopes[k]) // zero passes nothing on, even through an infinity
        total = rounded(i, total + rounded(i, gradients[user] * slope(code[user], k, user, operands[user])));
    return total;
  };

  let found = { value: [], gradient: [], share: [], total: [], slope: [] };
  const newValue = new Uint8Array(count), newGradient = new Uint8Array(count), newSlope = new Uint8Array(count); // what has changed
  const renewed = (before, places, shape, numbers, changed) =>
    before && !places.some((i) => changed[i]) ? before : quantity(shape, places.map((i) => numbers[i]));
  const told = () => {
    const { value, gradient, share, total, slope: local } = found, later = new Map();
    found = {
      value: program.nodes.map((places, i) => renewed(value[i], places, shapes[i], values, newValue)),
      gradient: program.nodes.map((places, i) => renewed(gradient[i], places, shapes[i], gradients, newGradient)),
      share: uses.map(([, , operand], e) => renewed(share[e], program.shares[e], shapes[operand], gradients, newGradient)),
      total: [],
      slope: program.slopes.map((each, e) => {
        if (!each) return null;
        const [head, , operand] = uses[e];
        if (each[0] === -1) return renewed(local[e], each.slice(1), shapes[operand], values, newValue);
        const [rule, k, rows] = each;
        if (local[e] && !rows.some((row) => row.some((i) => newValue[i]))) return local[e];
        return quantity(shapes[head], rows.map(([out, ...of]) => slope(rule, k, out, of)));
      }),
    };
    uses.forEach(([, , operand], e) => { // the sum of what has come so far
      const before = later.get(operand), one = found.share[e], places = program.shares[e];
      const isNew = !total[e] || one !== share[e] || (before?.isNew ?? false);
      const sum = !isNew ? total[e] : !before ? one
        : quantity(one.shape, one.data.map((x, k) => rounded(places[k], before.sum.data[k] + x)));
      later.set(operand, { sum, isNew });
      found.total.push(sum);
    });
    return found;
  };

  // Numbers that are given, by place, at first all of them: values, gradients, shares, totals, slopes
  const change = (given, all = false) => {
    for (const changed of [newValue, newGradient, newSlope]) changed.fill(0);
    for (const [i, number] of given) {
      const now = rounded(i, number);
      if (!Object.is(now, values[i])) { values[i] = now; newValue[i] = 1; }
    }
    for (let i = 0; i < count; i++) {
      if (code[i] < 0 || !(all || operands[i].some((k) => newValue[k]))) continue;
      const now = rounded(i, value(i));
      newSlope[i] = 1;
      if (!Object.is(now, values[i])) { values[i] = now; newValue[i] = 1; }
    }
    for (let i = count - 1; i >= 0; i--) {
      if (!(all || users[i].some(([user]) => newSlope[user] || newGradient[user]))) continue;
      const now = gradient(i);
      if (!Object.is(now, gradients[i])) { gradients[i] = now; newGradient[i] = 1; }
    }
    return told();
  };
  return { change, restore: (numbers) => { found = numbers; } };
};

const stated = (numbers) => {
  const one = (q) => q && (q.data ? { ...q, data: q.data.map(decoded) } : q);
  return Object.fromEntries(Object.entries(numbers).map(([what, all]) => [what, all.map(one)]));
};

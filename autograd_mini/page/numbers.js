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
  return Math.abs(found) <= Number.EPSILON * sizeOf(q) * size ? 0 : found; // what rounding leaves is none
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

// All values and gradients of the graph, from its leaves
const computed = (program, inputs, uses, shapes) => {
  const { code, operands } = program;
  const values = Float64Array.from(inputs), gradients = new Float64Array(values.length);
  for (let i = 0; i < code.length; i++)
    if (code[i] >= 0) values[i] = RULES[code[i]].value(...operands[i].map((k) => values[k]));
  program.nodes.at(-1).forEach((i, k) => { gradients[i] += decoded(program.seed[k]); });
  for (let i = code.length - 1; i >= 0; i--) {
    if (code[i] < 0 || gradients[i] === 0) continue; // zero passes nothing on, even through an infinity
    const of = operands[i].map((k) => values[k]);
    RULES[code[i]].slopes.forEach((slope, k) => {
      if (slope) gradients[operands[i][k]] += gradients[i] * slope(values[i], ...of);
    });
  }
  const at = (places, numbers, shape) => quantity(shape, places.map((i) => numbers[i]));
  const found = {
    value: program.nodes.map((places, i) => at(places, values, shapes[i])),
    gradient: program.nodes.map((places, i) => at(places, gradients, shapes[i])),
    share: uses.map(([, , operand], e) => at(program.shares[e], gradients, shapes[operand])),
    total: [],
    slope: program.slopes.map((slope, e) => {
      if (!slope) return null;
      const [head, , operand] = uses[e];
      if (slope[0] === -1) return at(slope.slice(1), values, shapes[operand]);
      const [rule, k, rows] = slope;
      const local = rows.map(([out, ...of]) => RULES[rule].slopes[k](values[out], ...of.map((i) => values[i])));
      return quantity(shapes[head], local);
    }),
  };
  const totals = new Map();
  uses.forEach(([, , operand], e) => {
    const before = totals.get(operand), share = found.share[e];
    const total = before ? quantity(share.shape, share.data.map((x, i) => before.data[i] + x)) : share;
    totals.set(operand, total);
    found.total.push(total);
  });
  return found;
};

const stated = (numbers) => {
  const one = (q) => q && (q.data ? { ...q, data: q.data.map(decoded) } : q);
  return Object.fromEntries(Object.entries(numbers).map(([what, all]) => [what, all.map(one)]));
};

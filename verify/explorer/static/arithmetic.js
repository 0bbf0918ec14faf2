// What an expression is evaluated in: floats, floats with their slope, and exact piecewise-linear functions.

import {compare, erf, Fraction, fractionArithmetic, Logistic, Softplus} from "numbers";

/** float64. */
export const floats = {
  add: (...terms) => terms.reduce((x, y) => x + y, 0),
  mul: (...factors) => factors.reduce((x, y) => x * y, 1),
  div: (x, y) => x / y,
  neg: (x) => -x,
  power: (x, k) => x ** k,
  raised: (x, y) => x ** y,
  ratio: (p, q) => Number(p) / Number(q),
  number: Number,
  pi: () => Math.PI,
  abs: Math.abs, sign: Math.sign, max: Math.max, min: Math.min,
  exp: Math.exp, log: Math.log, sin: Math.sin, cos: Math.cos, tan: Math.tan, tanh: Math.tanh, atan: Math.atan,
  erf, Logistic, Softplus,
  heaviside: (x, at) => (x > 0 ? 1 : x < 0 ? 0 : at),
  where: (x, strict, a, b) => (x > 0 || (x === 0 && !strict) ? a() : b()),
};

/** [value, slope]; where two branches meet the slope is the mean of theirs. */
const lifted = (value, slope) => ([x, dx]) => [value(x), dx === 0 ? 0 : slope(x) * dx];
const times = ([x, dx], [y, dy]) => [x * y, dx * y + x * dy];
const chosen = (better) => (...values) => values.reduce((a, b) =>
  a[0] === b[0] ? [a[0], (a[1] + b[1]) / 2] : better(a[0], b[0]) ? a : b);
export const slopes = {
  add: (...terms) => terms.reduce(([x, dx], [y, dy]) => [x + y, dx + dy], [0, 0]),
  mul: (...factors) => factors.reduce(times, [1, 0]),
  div: ([x, dx], [y, dy]) => [x / y, (dx - (x / y) * dy) / y],
  neg: ([x, dx]) => [-x, -dx],
  power: ([x, dx], k) => [x ** k, k === 0 || dx === 0 ? 0 : k * x ** (k - 1) * dx],
  raised: ([x, dx], [y, dy]) => [x ** y, (dx === 0 ? 0 : y * x ** (y - 1) * dx) + (dy === 0 ? 0 : x ** y * Math.log(x) * dy)],
  ratio: (p, q) => [Number(p) / Number(q), 0],
  number: (x) => [Number(x), 0],
  pi: () => [Math.PI, 0],
  abs: lifted(Math.abs, Math.sign), sign: lifted(Math.sign, () => 0),
  max: chosen((x, y) => x > y), min: chosen((x, y) => x < y),
  exp: lifted(Math.exp, Math.exp), log: lifted(Math.log, (x) => 1 / x),
  sin: lifted(Math.sin, Math.cos), cos: lifted(Math.cos, (x) => -Math.sin(x)),
  tan: lifted(Math.tan, (x) => 1 + Math.tan(x) ** 2), tanh: lifted(Math.tanh, (x) => 1 / Math.cosh(x) ** 2),
  atan: lifted(Math.atan, (x) => 1 / (1 + x * x)),
  erf: lifted(erf, (x) => (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x)),
  Logistic: lifted(Logistic, (x) => Logistic(x) * Logistic(-x)), Softplus: lifted(Softplus, Logistic),
  heaviside: ([x], [at]) => [x > 0 ? 1 : x < 0 ? 0 : at, 0],
  where: ([x], strict, a, b) => (x > 0 || (x === 0 && !strict) ? a() : b()),
};

/** Thrown where an expression is not piecewise linear with rational numbers. */
export class NotPiecewiseLinear extends Error {}

const f = fractionArithmetic;
const ZERO = new Fraction(0n);
const same = (a, b) => compare(a, b) === 0;
const less = (a, b) => compare(a, b) < 0;
const MOST_PIECES = 200;

/** A function: breaks b_1 < … < b_k, and (slope, intercept) left of, between and right of them; it may jump at breaks. */
class Lines {
  constructor(breaks, lines) {
    if (lines.length > MOST_PIECES) throw new NotPiecewiseLinear();
    this.breaks = breaks;
    this.lines = lines;
  }

  static constant(value) {
    return new Lines([], [[ZERO, value]]);
  }

  /** The constant that it is, or null. */
  get value() {
    return this.lines.length === 1 && same(this.lines[0][0], ZERO) ? this.lines[0][1] : null;
  }

  get continuous() {
    return this.breaks.every((z, k) => same(valueOf(this.lines[k], z), valueOf(this.lines[k + 1], z)));
  }

  at(z) {
    const place = this.breaks.filter((b) => less(b, z)).length;
    const [slope, intercept] = this.lines[place];
    return f.add(f.mul(slope, z), intercept);
  }

  /** The line left of the k-th break of others, at a point inside the piece. */
  line(z) {
    return this.lines[this.breaks.filter((b) => less(b, z)).length];
  }

  /** The pieces in order; null is infinite. */
  get branches() {
    return this.lines.map(([slope, constant], k) => ({low: this.breaks[k - 1] ?? null, high: this.breaks[k] ?? null, slope, constant}));
  }

  /** σ(-z). */
  get reflected() {
    return new Lines(this.breaks.map(f.neg).reverse(), this.lines.map(([slope, intercept]) => [f.neg(slope), intercept]).reverse());
  }

  /** odd, even, or empty. */
  get parity() {
    const isZero = ({value}) => value !== null && same(value, ZERO);
    return isZero(sum(this, this.reflected)) ? "odd" : isZero(difference(this, this.reflected)) ? "even" : "";
  }

  /** The s that is not 0 with σ(z) - σ(-z) = s z for all z, or null. */
  get mirror() {
    const odd = difference(this, this.reflected);
    const [slope, intercept] = odd.lines[0];
    return odd.lines.length === 1 && same(intercept, ZERO) && !same(slope, ZERO) ? slope : null;
  }
}

const ONE = new Fraction(1n);
/** A point inside each piece between these breaks. */
const insides = (breaks) => {
  if (!breaks.length) return [ZERO];
  const half = new Fraction(1n, 2n);
  return [f.add(breaks[0], f.neg(ONE)), ...breaks.slice(1).map((b, k) => f.mul(half, f.add(b, breaks[k]))), f.add(breaks.at(-1), ONE)];
};
const ordered = (places) => places.sort(compare).filter((x, k, all) => k === 0 || !same(x, all[k - 1]));

/** The function with these candidates for breaks and this line around each inner point; equal neighbours are one piece. */
const assembled = (candidates, lineAt) => {
  const places = ordered(candidates);
  const lines = insides(places).map(lineAt);
  const breaks = [];
  const kept = [lines[0]];
  places.forEach((place, k) => {
    const [[p, q], [s, t]] = [lines[k], lines[k + 1]];
    if (same(p, s) && same(q, t)) return;
    breaks.push(place);
    kept.push(lines[k + 1]);
  });
  return new Lines(breaks, kept);
};

const sum = (x, y) => assembled([...x.breaks, ...y.breaks], (z) => x.line(z).map((part, k) => f.add(part, y.line(z)[k])));
const valueOf = ([slope, intercept], z) => f.add(f.mul(slope, z), intercept);
const scaled = (x, factor) => assembled(x.breaks, (z) => x.line(z).map((part) => f.mul(part, factor)));
/** Of two lines, one of which is constant. */
const lineProduct = ([p, q], [s, t]) => {
  if (!same(p, ZERO) && !same(s, ZERO)) throw new NotPiecewiseLinear();
  return [f.add(f.mul(p, t), f.mul(q, s)), f.mul(q, t)];
};
const product = (x, y) => assembled([...x.breaks, ...y.breaks], (z) => lineProduct(x.line(z), y.line(z)));
/** Where a function is 0 by a line that is not constant. */
const zeros = (x) => insides(x.breaks).map((z) => x.line(z)).filter(([slope]) => !same(slope, ZERO)).map(([slope, intercept]) => f.neg(f.div(intercept, slope)));
const difference = (x, y) => sum(x, scaled(y, f.neg(ONE)));
const upper = (x, y) => {
  const gap = difference(x, y);
  return assembled([...x.breaks, ...y.breaks, ...zeros(gap)], (z) => (less(valueOf(gap.line(z), z), ZERO) ? y.line(z) : x.line(z)));
};
const never = () => {
  throw new NotPiecewiseLinear();
};
/** Piecewise constant: what is made of the sign on each piece. */
const bySign = (x, made) => assembled([...x.breaks, ...zeros(x)], (z) => [ZERO, made(compare(valueOf(x.line(z), z), ZERO))]);

export const lines = {
  add: (...terms) => terms.reduce(sum, Lines.constant(ZERO)),
  mul: (...factors) => factors.reduce(product, Lines.constant(ONE)),
  div: (x, y) => {
    if (y.value === null || same(y.value, ZERO)) throw new NotPiecewiseLinear();
    return scaled(x, f.div(ONE, y.value));
  },
  neg: (x) => scaled(x, f.neg(ONE)),
  power: (x, k) => (k === 1 || x.value === null ? Array.from({length: k}, () => x).reduce(product, Lines.constant(ONE)) : Lines.constant(f.power(x.value, k))),
  ratio: (p, q) => Lines.constant(new Fraction(p, q)),
  number: (value) => Lines.constant(value),
  abs: (x) => upper(x, scaled(x, f.neg(ONE))),
  max: (...values) => values.reduce(upper),
  min: (...values) => scaled(values.map((x) => scaled(x, f.neg(ONE))).reduce(upper), f.neg(ONE)),
  sign: (x) => bySign(x, (sign) => new Fraction(BigInt(sign))),
  heaviside: (x, at) => bySign(x, (sign) => (sign > 0 ? ONE : sign < 0 ? ZERO : (at.value ?? never()))),
  raised: never, pi: never, exp: never, log: never, sin: never, cos: never, tan: never, tanh: never, atan: never, erf: never, Logistic: never, Softplus: never,
  where: (x, _strict, a, b) => {
    const [one, other] = [a(), b()];
    return assembled([...one.breaks, ...other.breaks, ...x.breaks, ...zeros(x)], (z) => (less(ZERO, valueOf(x.line(z), z)) ? one.line(z) : other.line(z)));
  },
  /** The variable. */
  z: new Lines([], [[ONE, ZERO]]),
};

// Numbers that the language does not have: fractions of BigInt, and three functions of float64.

const gcd = (a, b) => {
  while (b) [a, b] = [b, a % b];
  return a < 0n ? -a : a;
};

/** A rational number in lowest terms, n/d with d > 0. */
export class Fraction {
  constructor(n, d = 1n) {
    if (d === 0n) throw new RangeError("division by 0");
    const g = gcd(n, d) * (d < 0n ? -1n : 1n);
    this.n = n / g;
    this.d = d / g;
  }

  /** The number that a float64 is. */
  static ofFloat(x) {
    if (!Number.isFinite(x)) throw new RangeError(`${x} is no number`);
    let power = 0n;
    while (!Number.isInteger(x)) {
      x *= 2;
      power += 1n;
    }
    return new Fraction(BigInt(x), 1n << power);
  }

  /** 3, -7/2, 0.25, 1e-3; null for other texts, and for what is too long. */
  static parse(text) {
    const ratio = /^\s*([+-]?\d{1,400})\s*\/\s*(\d{1,400})\s*$/.exec(text);
    if (ratio) return BigInt(ratio[2]) ? new Fraction(BigInt(ratio[1]), BigInt(ratio[2])) : null;
    const decimal = /^\s*([+-]?)(\d{0,40})(?:\.(\d{0,40}))?(?:e([+-]?\d{1,3}))?\s*$/i.exec(text);
    if (!decimal || !(decimal[2] || decimal[3])) return null;
    const [, sign, whole, part = "", exponent = "0"] = decimal;
    const shift = Number(exponent) - part.length;
    const digits = BigInt(sign + (whole + part || "0"));
    if (Math.abs(shift) > 400) return null;
    const scale = 10n ** BigInt(Math.abs(shift));
    return shift < 0 ? new Fraction(digits, scale) : new Fraction(digits * scale);
  }

  valueOf() {
    const size = Math.max(String(this.n).length, String(this.d).length);
    if (size < 300) {
      // Both lie within float64; beyond 2^53 each is rounded once, and the quotient once more.
      return Number(this.n) / Number(this.d);
    }
    const shift = BigInt(this.d.toString(2).length - this.n.toString(2).length + 64);
    const scaled = shift > 0n ? (this.n << shift) / this.d : this.n / (this.d << -shift);
    return Number(scaled) * 2 ** Number(-shift);
  }

  toString() {
    return this.d === 1n ? `${this.n}` : `${this.n}/${this.d}`;
  }
}

const ONE = new Fraction(1n);
const ZERO = new Fraction(0n);
const plus = (a, b) => new Fraction(a.n * b.d + b.n * a.d, a.d * b.d);
const times = (a, b) => new Fraction(a.n * b.n, a.d * b.d);
/** The sign of a - b. */
export const compare = (a, b) => {
  const difference = a.n * b.d - b.n * a.d;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
};

/** The arithmetic that laws printed in fractions ask for. */
export const fractionArithmetic = {
  add: (...terms) => terms.reduce(plus, ZERO),
  mul: (...factors) => factors.reduce(times, ONE),
  div: (a, b) => new Fraction(a.n * b.d, a.d * b.n),
  neg: (a) => new Fraction(-a.n, a.d),
  power: (a, k) =>
    k < 0 ? new Fraction(a.d ** BigInt(-k), a.n ** BigInt(-k)) : new Fraction(a.n ** BigInt(k), a.d ** BigInt(k)),
  ratio: (n, d) => new Fraction(n, d),
  abs: (a) => new Fraction(a.n < 0n ? -a.n : a.n, a.d),
  max: (...values) => values.reduce((a, b) => (compare(a, b) < 0 ? b : a)),
  min: (...values) => values.reduce((a, b) => (compare(a, b) > 0 ? b : a)),
};

/** 1/(1 + exp(-u)). */
export const Logistic = (u) => (u < 0 ? Math.exp(u) / (1 + Math.exp(u)) : 1 / (1 + Math.exp(-u)));

/** log(1 + exp(u)). */
export const Softplus = (u) => Math.max(u, 0) + Math.log1p(Math.exp(-Math.abs(u)));

/** 2/√π ∫₀ˣ exp(-t²) dt: its series where |x| < 3, and the continued fraction of 1 - erf beyond. */
export const erf = (x) => {
  const size = Math.abs(x);
  if (size > 6) return Math.sign(x);
  if (size < 3) {
    let term = (2 / Math.sqrt(Math.PI)) * x * Math.exp(-x * x);
    let sum = term;
    for (let k = 1; Math.abs(term) > 1e-18 * Math.abs(sum); k++) {
      term *= (2 * x * x) / (2 * k + 1);
      sum += term;
    }
    return sum;
  }
  let tail = size;
  for (let k = 60; k > 0; k--) tail = size + k / 2 / tail;
  return Math.sign(x) * (1 - Math.exp(-x * x) / (Math.sqrt(Math.PI) * tail));
};

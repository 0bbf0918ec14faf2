// A network of the page: its laws in float64, and in fractions where σ allows it.
//
// All formulas come from the generated modules; what stands here is the definition of the pulse, and bookkeeping.

import {activationOf} from "expression";
import {float, fractions} from "laws";
import {compare, Fraction, fractionArithmetic as f} from "numbers";

const exactLaws = fractions(f);
const HALF = new Fraction(1n, 2n);

/** The arithmetic of a network: numbers, functions of them, and the laws printed in it. */
const FLOAT = {
  laws: float, zero: 0, one: 1, of: (text) => Number(Fraction.parse(text)), whole: (k) => k, half: 0.5,
  add: (...x) => x.reduce((a, b) => a + b, 0), mul: (a, b) => a * b, neg: (a) => -a, less: (a, b) => a < b, equal: (a, b) => a === b, inverse: (a) => 1 / a,
};
export const EXACT = {
  laws: exactLaws, zero: new Fraction(0n), one: new Fraction(1n), of: Fraction.parse, whole: (k) => new Fraction(BigInt(k)), half: HALF,
  add: f.add, mul: f.mul, neg: f.neg, less: (a, b) => compare(a, b) < 0, equal: (a, b) => compare(a, b) === 0, inverse: (a) => f.power(a, -1),
};

/** The network that a state describes, in one arithmetic; null where σ has no exact form. */
const network = (state, arithmetic) => {
  const activation = activationOf(state.sigma);
  const sigma = arithmetic === EXACT ? activation.exact : activation.sigma;
  if (!sigma) return null;
  const read = (texts) => texts.map(arithmetic.of);
  const w = state.w.map(read);
  const taps = w[0].length;
  const h = (taps - 1) / 2;
  const b = read(state.b);
  return {
    arithmetic, w, b, taps, h, a: read(state.a), c: arithmetic.of(state.c),
    channels: w.length, half: state.half, last: state.half - h,
    sigma, slope: activation.slope,
    kinks: activation.kinks?.map((kink) => (arithmetic === EXACT ? kink : Number(kink))) ?? null,
    g: b.map((bias) => (z) => sigma(arithmetic.add(z, bias))),
    byTaps: arithmetic.laws[`n${taps}`], byChannels: arithmetic.laws[`k${w.length}`],
  };
};

/** w, b, a, c of a state in fractions, whatever σ is. */
export const weights = (state) => {
  const read = (texts) => texts.map(Fraction.parse);
  return {w: state.w.map(read), b: read(state.b), a: read(state.a), c: Fraction.parse(state.c)};
};

/** What rounding in float64 makes of the sums that the laws are. */
export const roundingOf = (net) =>
  2 ** -52 * 8 * (2 * net.half + 1) * net.a.reduce((sum, a, k) => sum + Math.abs(a) * Math.max(1, Math.abs(net.g[k](0))), 1);

export const floats = (state) => network(state, FLOAT);
export const exact = (state) => network(state, EXACT);

/** Δ, g(0), κ of every channel, and N. */
export const quantities = (net) => ({
  size: net.arithmetic.whole(2 * net.half + 1),
  slopes: net.w.map((w, k) => net.byTaps.slope(w, net.g[k])),
  zeros: net.g.map((g) => g(net.arithmetic.zero)),
  kappas: net.w.map((w, k) => net.byTaps.kappa(w, net.g[k])),
});

/** (α, β, D(φ)): what the three laws leave. */
export const residuals = (net, phi, {size, slopes, zeros, kappas} = quantities(net)) => {
  const deviations = net.w.map((w, k) => net.byTaps.deviation(w, phi, net.g[k]));
  if (net.byChannels) return net.byChannels.residuals(net.a, net.c, size, slopes, zeros, kappas, deviations);
  // More channels than are printed: the laws see their weighted sums alone, as those of one channel.
  const {add, mul, one, laws} = net.arithmetic;
  const joined = (values) => [add(...values.map((x, k) => mul(net.a[k], x)))];
  return laws.k1.residuals([one], net.c, size, ...[slopes, zeros, kappas, deviations].map(joined));
};

/** The readout of smallest norm that is exact on half-integers, or null where no channel answers to the radius. */
export const exactReadout = (net) => {
  const {add, mul, equal, zero} = net.arithmetic;
  const {size, slopes, zeros, kappas} = quantities(net);
  if (slopes.every((slope) => equal(slope, zero))) return null;
  const [a, c] = net.byChannels.exact_readout(slopes, zeros.map((g0, k) => add(mul(size, g0), kappas[k])));
  return {a, c};
};

/** r̂ - r at r = m - 1/2 + φ. */
export const errorAt = (net, m, phi) => {
  const {add, mul, neg, whole, half} = net.arithmetic;
  const r = add(whole(m), neg(half), phi);
  const law = m <= net.h ? `response_${m}` : "response";
  const size = whole(2 * net.half + 1);
  const pooled = net.w.map((w, k) =>
    mul(net.a[k], add(mul(size, net.g[k](net.arithmetic.zero)), net.byTaps[law](w, r, phi, net.g[k]))));
  return add(net.c, ...pooled, neg(r));
};

/** [m, φ] of a radius m - 1/2 + φ, 0 <= φ < 1, or φ up to 1 in the last cell. */
export const placeOf = (net, r) => {
  const {add, half, neg, whole} = net.arithmetic;
  const m = Math.min(Math.floor(Number(r) + 0.5), net.last);
  return [m, add(r, half, neg(whole(m)))];
};

/** [z at φ = 0, z at φ = 1] of every position that sees an edge of the pulse of radius m - 1/2 + φ, by its definition. */
export const windows = (net, w, m) => {
  const {add, zero} = net.arithmetic;
  const ends = [];
  for (let i = -m - net.h; i <= m + net.h; i++) {
    const lit = (most) => add(...w.filter((_, u) => Math.abs(i + u - net.h) <= most));
    const pair = [lit(m - 1), lit(m)];
    if (!net.arithmetic.equal(...pair)) ends.push(pair);
  }
  return ends.length ? ends : [[zero, zero]];
};

/** The φ in (0, 1) at which a pre-activation meets a kink of σ, in order. */
export const breaks = (net, m) => {
  const {add, less, equal, zero, one} = net.arithmetic;
  const found = [];
  net.w.forEach((w, k) => {
    for (const [p, q] of windows(net, w, m)) {
      if (equal(p, q)) continue;
      for (const kink of net.kinks ?? []) {
        const [star] = net.arithmetic.laws.any.bend(add(p, net.b[k]), add(q, net.b[k]), kink);
        if (less(zero, star) && less(star, one) && !found.some((x) => equal(x, star))) found.push(star);
      }
    }
  });
  return found.sort((x, y) => (less(x, y) ? -1 : 1));
};

/** The largest |r̂ - r| over all real radii from a cell on: exactly in fractions, with its place; null where σ is not piecewise linear. */
export const worst = (net, first = 1) => {
  if (!net.kinks) return null;
  const {add, less, neg, zero, one, whole, half} = net.arithmetic;
  let best = {size: neg(one), radius: zero};
  for (let m = first; m <= net.last; m++) {
    for (const phi of [zero, ...breaks(net, m), one]) {
      const error = errorAt(net, m, phi);
      const size = less(error, zero) ? neg(error) : error;
      if (less(best.size, size)) best = {size, error, radius: add(whole(m), neg(half), phi)};
    }
  }
  return best;
};

/** No exact network is nearer than this, whatever its pattern; null where σ is not piecewise linear. */
export const leastDistance = (net, branches) => {
  const most = worst(net);
  if (!most) return null;
  const size = 2 * net.half + 1;
  const m = Math.min(Math.floor(most.radius + 0.5), net.last);
  const law = m <= net.h ? `response_${m}` : "response";
  const pooled = net.w.map((w, k) => size * net.g[k](0) + net.byTaps[law](w, most.radius, most.radius + 0.5 - m, net.g[k]));
  const steepest = Math.max(...branches.map(({slope}) => Math.abs(Number(slope))));
  return net.byChannels.distance(most.size, most.radius, net.taps, size, steepest, pooled, net.a);
};

/** [r, r̂ - r] over every cell: at the breaks where they are known, and between them. */
export const curve = (net, pieces = net.kinks ? 1 : 12) => {
  const points = [];
  for (let m = 1; m <= net.last; m++) {
    const between = Array.from({length: pieces}, (_, k) => k / pieces);
    const all = [...new Set([...between, ...breaks(net, m)])].sort((x, y) => x - y);
    for (const phi of all) points.push([m - 0.5 + phi, errorAt(net, m, phi)]);
  }
  points.push([net.last + 0.5, errorAt(net, net.last, 1)]);
  return points;
};

/** The signal of radius r, pixel by pixel: the length of [i - 1/2, i + 1/2] inside [-r, r]. */
export const signal = (half, r) =>
  Array.from({length: 2 * half + 1}, (_, k) => {
    const i = k - half;
    return Math.max(0, Math.min(i + 0.5, r) - Math.max(i - 0.5, -r));
  });

/** The signs of the partial sums, b added: a channel's cell with respect to a kink, as theory/pulse/kinks.py names it. */
export const cell = (net, k, kink) => {
  const {add, neg, less, zero} = net.arithmetic;
  const {left, right} = net.byTaps.sums(net.w[k]);
  const sign = (x) => {
    const z = add(x, net.b[k], neg(kink));
    return less(z, zero) ? "-" : less(zero, z) ? "+" : "0";
  };
  const paths = [left, right].map((sums) => sums.map(sign).join(""));
  const crossed = paths.some((path) => path.includes("+-") || path.includes("-+"));
  const mixed = paths.join("").includes("+") && paths.join("").includes("-");
  return {kind: crossed ? "crossed" : mixed ? "threshold" : "linear", left: paths[0], right: paths[1]};
};

/** The φ in (0, 1) at which a channel's response bends on a plateau. */
export const bends = (net, k, bias = net.b[k]) => {
  const {add, equal, less, zero, one} = net.arithmetic;
  return net.byTaps.segments(net.w[k]).flatMap(([p, q]) =>
    equal(p, q) ? [] : (net.kinks ?? []).map((kink) => net.arithmetic.laws.any.bend(add(p, bias), add(q, bias), kink)[0]))
    .filter((star) => less(zero, star) && less(star, one));
};

/** The bias next to a channel's own with which it does not bend: a kink less a partial sum; null where there is none. */
export const flatBias = (net, k) => {
  const {add, neg} = net.arithmetic;
  if (!bends(net, k).length) return net.b[k];
  const {left, right} = net.byTaps.sums(net.w[k]);
  const off = (x) => Math.abs(Number(x) - Number(net.b[k]));
  const candidates = [...left, ...right].flatMap((sum) => net.kinks.map((kink) => add(kink, neg(sum))));
  return candidates.sort((x, y) => off(x) - off(y)).find((bias) => !bends(net, k, bias).length) ?? null;
};

/** A channel and its images that answer alike, but for their scale. */
export const imagesOf = (laws, channel, parity) => {
  const kinds = ["reverse", ...({odd: ["negate"], even: ["negate_filter"]}[parity] ?? [])];
  return kinds.reduce((images, kind) => [...images, ...images.map((x) => laws[kind](x.w, x.b, x.a))], [channel]);
};

/** One network for all that the symmetries make of it: theory/pulse/symmetry.py, canonical. */
export const canonical = (net, {homogeneous, parity}) => {
  const {neg, less, equal, zero} = net.arithmetic;
  const laws = net.byTaps;
  const first = (x, y) => {
    const [p, q] = [x, y].map(({a, b, w}) => [a, b, ...w]);
    const place = p.findIndex((value, j) => !equal(value, q[j]));
    return place < 0 ? 0 : less(p[place], q[place]) ? 1 : -1;
  };
  const size = ({a, b, w}) => {
    if (!equal(a, zero)) return less(a, zero) ? neg(a) : a;
    const largest = [b, ...w].map((x) => (less(x, zero) ? neg(x) : x)).reduce((x, y) => (less(x, y) ? y : x));
    return equal(largest, zero) ? zero : net.arithmetic.inverse(largest);
  };
  return net.w.map((w, k) => {
    let channel = {w, b: net.b[k], a: net.a[k]};
    const factor = homogeneous ? size(channel) : zero;
    if (!equal(factor, zero)) channel = laws.rescale(channel.w, channel.b, channel.a, factor);
    return imagesOf(laws, channel, parity).sort(first)[0];
  }).sort(first);
};

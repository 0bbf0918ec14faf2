// How good a network is, in the words of the command line: exact, near exact, accurate or off.
//
// The worst error and the distance to the nearest exact network that was found decide, as in verify/explain/value.py; the distance is
// that of numerics/certificates/reduction.py, so symmetric images and idle channels change nothing.

import {lawsOf} from "account";
import {short} from "dom";
import {activationOf} from "expression";
import {piecesOf} from "known";
import {bends, canonical, curve, EXACT, exact, floats, imagesOf, quantities, residuals, weights} from "network";
import {moved, nearest} from "nearest";
import {compare, Fraction, fractionArithmetic as f} from "numbers";

/** Of a pixel for the error, of its length for the distance to the exact network. */
const LITTLE = 0.1;
/** Radii per cell at which a σ without exact pieces is asked. */
const SAMPLES = 40;

const ZERO = new Fraction(0n);
const same = (x, y) => compare(x, y) === 0;
const norm = (values) => Math.hypot(...values.map(Number));

/** The pooled response of a channel where it is the same at all radii: a fraction, or null where it is not or where nobody knows. */
const levelOf = (state, k, parity) => {
  const alone = {...state, w: [state.w[k]], b: [state.b[k]], a: ["1"], c: "0"};
  const net = exact(alone);
  if (!net) {
    // By symmetry only: σ(b) at all positions is no rational number, but where it is 0.
    const {w: [w], b: [b]} = weights(alone);
    const nothing = w.every(({n}) => n === 0n) && activationOf(state.sigma).sigma(0) === 0;
    const odd = parity === "odd" && w.every((x, u) => same(x, f.neg(w[w.length - 1 - u])));
    return b.n === 0n && (nothing || odd) ? ZERO : null;
  }
  const known = quantities(net);
  if (!same(known.slopes[0], ZERO) || bends(net, 0).some((phi) => !same(residuals(net, phi, known)[2], ZERO))) return null;
  return f.add(f.mul(known.size, known.zeros[0]), known.kappas[0]);
};

/** The state of one network for all that answer alike: numerics/certificates/reduction.py, reduced; null where all channels idle. */
export const reduced = (state) => {
  const {homogeneous, parity} = activationOf(state.sigma);
  const byTaps = EXACT.laws[`n${state.w[0].length}`];
  const {w, b, a, c} = weights(state);
  const groups = new Map();
  let base = ZERO;
  w.forEach((taps, k) => {
    const level = a[k].n === 0n ? ZERO : levelOf(state, k, parity);
    if (level !== null) {
      base = f.add(base, f.mul(a[k], level));
      return;
    }
    const top = f.max(...[...taps, b[k]].map(f.abs));
    const channel = homogeneous ? byTaps.rescale(taps, b[k], a[k], f.power(top, -1)) : {w: taps, b: b[k], a: a[k]};
    const image = imagesOf(byTaps, channel, parity).reduce((best, x) => (later(best, x) ? x : best));
    const key = [image.b, ...image.w].join();
    groups.set(key, {...image, a: f.add(image.a, groups.get(key)?.a ?? ZERO)});
  });
  const merged = [...groups.values()].filter((channel) => channel.a.n !== 0n);
  if (!merged.length) return null;
  const all = (name) => merged.map((channel) => channel[name]);
  const forms = canonical({arithmetic: EXACT, byTaps, w: all("w"), b: all("b"), a: all("a")}, {homogeneous, parity});
  const channels = homogeneous ? forms.map((channel) => scaled(byTaps, channel)) : forms;
  return {...state, w: channels.map((x) => x.w.map(String)), b: channels.map((x) => String(x.b)), a: channels.map((x) => String(x.a)), c: String(f.add(c, base))};
};

/** Whether (b, w) of a channel comes after that of another. */
const later = (x, y) => {
  const [p, q] = [x, y].map(({b, w}) => [b, ...w]);
  const place = p.findIndex((value, k) => !same(value, q[k]));
  return place >= 0 && compare(p[place], q[place]) < 0;
};

/** A channel at the power of 2 for which a² + |w|² + b² is about least. */
const scaled = (byTaps, {w, b, a}) => {
  const whole = Math.log2((Number(a) / norm([...w, b])) ** 2) / 4;
  const power = Math.abs(whole % 1) === 0.5 ? 2 * Math.round(whole / 2) : Math.round(whole); // as Python rounds
  return byTaps.rescale(w, b, a, f.power(new Fraction(2n), power));
};

/** How far another network is, as a share of the length of this one: numerics/certificates/reduction.py, apart. */
export const apart = (net, other) => {
  const less = (x, y) => Number(f.add(x, f.neg(y)));
  let whole = 0;
  let moved = less(net.c, other.c) ** 2;
  net.w.forEach((w, k) => {
    const [size, a] = [norm([...w, net.b[k]]), Math.abs(Number(net.a[k]))];
    if (!size || !a) return;
    const step = Math.hypot(...w.map((x, u) => less(x, other.w[k][u])), less(net.b[k], other.b[k]));
    whole += 2 * a * norm(w);
    moved += (step ** 2 * a) / size + (less(net.a[k], other.a[k]) ** 2 * size) / a;
  });
  return whole ? Math.sqrt(moved / whole) : Infinity;
};

/** The exact network with the same filters and the nearest readout; null where there is none: the laws are linear in it. */
const kept = (net) => {
  const known = quantities(net);
  const {size, slopes, zeros, kappas} = known;
  const [zero, one] = [ZERO, new Fraction(1n)];
  const x = [...net.a, net.c];
  const places = [...x.keys()];
  const laws = (phi) => residuals(net, phi, known);
  const [alpha, beta] = laws(zero);
  const rows = [{value: alpha, slope: [...slopes.map((slope) => f.add(slope, slope)), zero]}, {value: beta, slope: [...zeros.map((g0, k) => f.add(f.mul(size, g0), kappas[k])), one]},
    ...net.w.flatMap((_, k) => bends(net, k)).map((phi) => ({value: laws(phi)[2], slope: [...net.w.map((w, j) => net.byTaps.deviation(w, phi, net.g[j])), zero]}))];
  const next = moved(x, rows, places);
  return next && {w: net.w, b: net.b, a: next.slice(0, -1), c: next.at(-1)};
};

/** How far the nearest exact network is that the page finds, as such a share; null where it finds none. */
const shareOf = (state, worst) => {
  const least = reduced(state);
  if (!least) return null;
  const share = besideOf(least);
  if (share !== null && worst >= share) return share;
  const net = exact(least);
  const other = net && kept(net);
  return other ? Math.min(apart(net, other), share ?? Infinity) : share;
};

const besideOf = (least) => {
  const pieces = piecesOf(least.sigma);
  if (!pieces.branches.length && pieces.mirror === null) return null;
  const own = weights(least);
  for (const near of nearest({...(exact(least) ?? floats(least)), ...own}, pieces)) {
    const {isExact, exactly} = lawsOf({...least, w: near.w.map((w) => w.map(String)), b: near.b.map(String), a: near.a.map(String), c: String(near.c)});
    if (isExact || !exactly) return apart(own, near);
  }
  return null;
};

/** In few digits, rounded up. */
const up = (x, digits = 3) => {
  const power = 10 ** (Math.floor(Math.log10(x)) + 1 - digits);
  return x > 0 ? short(Number((Math.ceil((x / power) * (1 - 1e-12)) * power).toPrecision(digits))) : "0";
};
const percent = (share) => `${100 * share > 10 ? Math.ceil(100 * share) : up(100 * share, 2)} %`;

/** {name, words, tolerance, good, worst, needed}: the grade, a sentence, and the smallest tolerance at which the command line explains it. */
export const gradeOf = (state, laws = lawsOf(state)) => {
  const {net, most, isExact, exactly, alpha, beta, bend, flat, rounding} = laws;
  const [from, upTo] = [net.h + 0.5, state.half - net.h + 0.5];
  const sampled = most ? 0 : Math.max(...curve(net, SAMPLES).filter(([r]) => r >= from).map(([, error]) => Math.abs(error)));
  const worst = most ? Number(most.size) : sampled;
  const share = isExact ? 0 : worst <= LITTLE ? shareOf(state, worst) : null;
  // Of a σ without exact pieces the pattern shows that it is exact: the nearest one is the network itself.
  const itself = isExact || (!exactly && share === 0);
  const needed = itself ? 0 : share === null ? null : Math.max(worst, share);
  const name = itself ? "exact" : needed !== null && needed <= LITTLE ? "near exact" : worst <= LITTLE ? "accurate" : "off";
  const where = `${most ? "at every real radius" : "at the sampled radii"} from ${from} to ${upTo}`;
  const beyond = (x) => Math.abs(Number(x)) > (exactly ? 0 : rounding);
  const failing = [["slope", beyond(alpha)], ["offset", beyond(beta)], ["sub-pixel", !flat && beyond(bend)]].filter(([, fails]) => fails).map(([law]) => law).join(", ");
  const words = {
    exact: `Exact: r̂ = r at every real radius from ${from} to ${upTo}.`,
    "near exact": `Near exact: it errs by ${up(worst)} pixel at most ${where}, and an exact network lies within ${percent(share)} of its length.`,
    accurate: `Accurate: it errs by ${up(worst)} pixel at most ${where}, but no exact network was found near it${share === null ? "" : `; the nearest found lies at ${percent(share)} of its length`}.`,
    off: `Off: it errs by up to ${up(worst)} pixel ${where}; what fails: ${failing || "no law, at the radii in question"}.`,
  }[name];
  const tolerance = needed !== null ? `the smallest tolerance that would do: ${up(needed)}` : name === "off" ? `it errs by more than ${LITTLE} pixel` : "no tolerance is known that would do";
  return {name, words, tolerance, good: name === "exact" || name === "near exact", worst, needed};
};

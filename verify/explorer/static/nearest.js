// The nearest exact network of a cell: which branch of σ every partial sum lies on is chosen, then the weights are moved least.
//
// In a cell the slope and the offset law are polynomials in the weights, linear in (w, b, c) and in a.  They are the printed laws,
// evaluated on numbers that carry their gradient.  What is found in float64 is made exact in fractions.

import {floats as floatArithmetic} from "arithmetic";
import {fractions} from "laws";
import {Fraction, fractionArithmetic} from "numbers";

const ROUNDS = 40;
const STEPS = 60;
const BACK = 20;
const MOST = 200;
/** Linear problems in all, large ones counted more: the cells that are left then are not looked at. */
const EFFORT = 4000;
/** The readout is rounded to this share of the distance, which changes with the square of it. */
const FINE = 2 ** -10;

let effort = 0;

const FLOAT = {
  ...floatArithmetic, size: Math.abs, nothing: (x, scale) => Math.abs(x) <= 1e-12 * scale, less: (x, factor, y) => x - factor * y,
  dot: (x, y) => {
    let sum = 0;
    for (let k = 0; k < x.length; k++) sum += x[k] * y[k];
    return sum;
  },
};
const EXACT = {
  ...fractionArithmetic, number: (x) => x, size: (x) => Math.abs(Number(x)), nothing: (x) => x.n === 0n,
  less: (x, factor, y) => (y.n === 0n ? x : fractionArithmetic.add(x, fractionArithmetic.neg(fractionArithmetic.mul(factor, y)))),
  dot: (x, y) => x.reduce((sum, value, k) => (value.n === 0n || y[k].n === 0n ? sum : fractionArithmetic.add(sum, fractionArithmetic.mul(value, y[k]))), new Fraction(0n)),
};

/** Numbers of f with their gradient by all weights: the arithmetic that printed laws ask for, as far as they are polynomials. */
const withGradients = (f, count) => {
  const zero = f.ratio(0n, 1n);
  const constant = (value) => ({value, slope: Array(count).fill(zero)});
  const plus = (x, y) => ({value: f.add(x.value, y.value), slope: x.slope.map((s, k) => f.add(s, y.slope[k]))});
  const scaled = (x, factor) => x.slope.map((s) => f.mul(s, factor));
  const times = (x, y) => {
    const [left, right] = [scaled(x, y.value), scaled(y, x.value)];
    return {value: f.mul(x.value, y.value), slope: left.map((s, k) => f.add(s, right[k]))};
  };
  const minus = f.ratio(-1n, 1n);
  return {
    constant,
    variable: (value, place) => ({value, slope: Array.from({length: count}, (_, k) => (k === place ? f.ratio(1n, 1n) : zero))}),
    add: (...terms) => terms.reduce(plus), mul: (...factors) => factors.reduce(times),
    neg: (x) => ({value: f.neg(x.value), slope: scaled(x, minus)}), ratio: (p, q) => constant(f.ratio(p, q)),
  };
};

// ------------------------------------------------------------------------------------------ weights

/** All weights in one list: w, b, a of every channel, then c. */
const flat = ({w, b, a, c}) => [...w.flatMap((taps, k) => [...taps, b[k], a[k]]), c];
const count = ({channels, taps}) => channels * (taps + 2) + 1;
const shaped = ({channels, taps}, x) => {
  const block = (k) => x.slice(k * (taps + 2), (k + 1) * (taps + 2));
  const blocks = Array.from({length: channels}, (_, k) => block(k));
  return {w: blocks.map((own) => own.slice(0, taps)), b: blocks.map((own) => own[taps]), a: blocks.map((own) => own[taps + 1]), c: x.at(-1)};
};
const readoutPlaces = ({channels, taps}) => Array.from({length: channels}, (_, k) => k * (taps + 2) + taps + 1);

/** The weights x as variables, and the laws, in one arithmetic. */
const variables = (net, f, x) => {
  const d = withGradients(f, count(net));
  return {d, laws: fractions(d), ...shaped(net, x.map((value, place) => d.variable(value, place)))};
};

/** Which taps a partial sum adds up, as a text: what it is called in a cell. */
const keyOf = (f, sum, k, taps) => sum.slope.slice(k * (taps + 2), k * (taps + 2) + taps).map((s) => (f.nothing(s, 1) ? "0" : "1")).join("");

// -------------------------------------------------------------------------------------------- cells

const within = ({low, high}, z) => (low === null || Number(low) <= z) && (high === null || z <= Number(high));

/** The two staircases of every channel, as lists of [key, value] with b added. */
const staircases = (net, f, x) => {
  const {laws, w} = variables(net, f, x);
  const {b} = shaped(net, x);
  return w.map((taps, k) => Object.values(laws[`n${net.taps}`].sums(taps)).map((sums) =>
    sums.map((sum) => [keyOf(f, sum, k, net.taps), Number(f.add(sum.value, b[k]))])));
};

/** A channel's own branches put right: where a step runs over a kink, its nearer end is put on it. */
const snapped = (paths, branches) => {
  const held = new Map();
  const values = new Map(paths.flat());
  const steps = paths.flatMap((path) => path.slice(1).map((end, j) => [path[j][0], end[0]]));
  const kinks = branches.slice(1).filter((branch, j) => branch.low !== null && Number(branch.low) === Number(branches[j].high)).map(({low}) => low);
  const off = (key, kink) => Math.abs(values.get(key) - Number(kink));
  const crossed = () => steps.flatMap((step) => kinks
    .filter((kink) => (values.get(step[0]) - Number(kink)) * (values.get(step[1]) - Number(kink)) < 0)
    .flatMap((kink) => step.filter((key) => !held.has(key)).map((key) => ({key, kink}))))
    .sort((x, y) => off(x.key, x.kink) - off(y.key, y.kink));
  for (let [next] = crossed(); next; [next] = crossed()) {
    held.set(next.key, next.kink);
    values.set(next.key, Number(next.kink));
  }
  const table = new Map();
  // A sum on a kink lies on two branches: steps that have one branch alone come first.
  const sided = steps.map((step) => [step, branches.filter((branch) => step.every((key) => within(branch, values.get(key))))]);
  for (const [step, both] of sided.sort(([, x], [, y]) => x.length - y.length)) {
    if (!both.length) return null;
    const branch = both.find((own) => step.some((key) => table.get(key) === own)) ?? both[0];
    for (const key of step) {
      if (!table.has(key)) table.set(key, branch);
      else if (!both.includes(table.get(key))) held.set(key, branches.flatMap(({low, high}) => [low, high]).find((end) => end !== null && Number(end) === values.get(key)));
    }
  }
  return {table, held};
};

/** A channel within its own branches: its sums on kinks, what its weights do to the laws, and how far each may go alone; null where there are none. */
export const ownCell = (net, k, branches) => {
  const f = net.arithmetic.half === 0.5 ? FLOAT : EXACT;
  const alone = {...net, channels: 1, w: [net.w[k]], b: [net.b[k]], a: [net.a[k]]};
  const x = flat(alone);
  const channel = snapped(staircases(alone, f, x)[0], branches);
  if (!channel) return null;
  const cell = {channels: [channel], pairs: []};
  const laws = written(alone, f, cell);
  const {own, all: [alpha, beta]} = conditions(laws, x, []);
  const parts = ({value, slope}) => [value, ...slope.map((s, u) => f.mul(s, x[u]))];
  const [heard] = laws.heard;
  const ends = [...channel.table].filter(([key]) => !channel.held.has(key)).flatMap(([key, {low, high}]) => [[key, low, 0], [key, high, 1]]);
  const room = ends.filter(([, end]) => end !== null).map(([key, end, side]) => {
    const {value, slope} = formOf(alone, f, {k: 0, key, end});
    return {side, slope, by: f.neg(f.add(value, f.dot(slope, x)))};
  });
  const range = (u) => [0, 1].map((side) => room.filter((entry) => entry.side === side && !f.nothing(entry.slope[u], 1)).map(({by}) => f.add(x[u], by))
    .reduce((best, value) => (best === null || (side ? Number(value) < Number(best) : Number(value) > Number(best)) ? value : best), null));
  return {held: own, alpha: alpha.slope, beta: beta.slope, range, slopeParts: parts(heard.slope), pooledParts: parts(laws.d.add(laws.d.mul(laws.size, heard.zero), heard.kappa)), silent: [...channel.table.values()].every(({slope, constant}) => slope.n === 0n && constant.n === 0n)};
};

const product = (lists) => lists.reduce((rows, list) => rows.flatMap((row) => list.map((entry) => [...row, entry])), [[]]);
/** All of up to this many channels have every choice; of more, one channel at a time departs from the first. */
const MIXED = 3;
const chosen = (lists) => (lists.length <= MIXED ? product(lists)
  : [lists.map(([first]) => first), ...lists.flatMap((list, k) => list.slice(1).map((entry) => lists.map(([first], j) => (j === k ? entry : first))))]);

/** The cells that suggest themselves: per channel its own, or one branch, or silence; and pairs of mirror images. */
function* cells(net, {branches, mirror}, x) {
  const paths = staircases(net, FLOAT, x);
  const straight = (k, branch) => ({table: new Map(paths[k].flat().map(([key]) => [key, branch])), held: new Map()});
  const choices = paths.map((own, k) => {
    const put = snapped(own, branches);
    return [...(put ? [put] : []), ...branches.map((branch) => straight(k, branch)), ...(net.channels > 1 ? [null] : [])];
  });
  yield* chosen(choices).slice(0, MOST).filter((channels) => channels.some(Boolean)).map((channels) => ({channels, pairs: []}));
  const line = mirror && {low: null, high: null, slope: mirror, constant: new Fraction(0n)};
  for (let j = 0; line && j < net.channels; j++) {
    for (let k = j + 1; k < net.channels; k++) {
      for (const turned of [false, true]) yield {channels: paths.map((_, i) => (i === j ? straight(j, line) : null)), pairs: [{j, k, turned}]};
    }
  }
}

/** A sum of a channel less a number, as a form: its value where all weights are 0, and its gradient. */
const formOf = (net, f, {k, key, end}) => {
  const {d, w, b} = variables(net, f, Array(count(net)).fill(f.ratio(0n, 1n)));
  return d.add(b[k], ...w[k].filter((_, u) => key[u] === "1"), d.constant(f.neg(f.number(end))));
};

/** What a cell asks for, as forms: of filters and biases alone, of the readout alone, and what the laws are made of. */
const written = (net, f, {channels, pairs}) => {
  const {d, laws, w, b, a} = variables(net, f, Array(count(net)).fill(f.ratio(0n, 1n)));
  const number = (value) => d.constant(f.number(value));
  const own = channels.flatMap((channel, k) => [...(channel?.held ?? [])].map(([key, end]) => formOf(net, f, {k, key, end})));
  for (const {j, k, turned} of pairs) {
    const image = turned ? w[k].toReversed() : w[k];
    own.push(...w[j].map((tap, u) => d.add(tap, image[u])), d.add(b[j], b[k]));
  }
  const seconds = pairs.map(({k}) => k);
  const readout = [...pairs.map(({j, k}) => d.add(a[j], a[k])), ...a.filter((_, k) => !channels[k] && !seconds.includes(k))];
  const heard = channels.flatMap((channel, k) => {
    if (!channel) return [];
    const response = (z) => {
      const {slope, constant} = channel.table.get(keyOf(f, z, k, net.taps));
      return d.add(d.mul(number(slope), d.add(z, b[k])), number(constant));
    };
    const rows = laws[`n${net.taps}`];
    return [{a: a[k], slope: rows.slope(w[k], response), zero: response(d.ratio(0n, 1n)), kappa: rows.kappa(w[k], response)}];
  });
  return {f, d, own, readout, heard, laws, size: d.ratio(BigInt(2 * net.half + 1), 1n)};
};

/** Its conditions at x, with gradients: on filters and biases, and on all weights. */
const conditions = ({f, d, own, readout, heard, laws, size}, x, standing) => {
  const at = ({value, slope}) => ({value: f.add(value, f.dot(slope, x)), slope});
  const all = (name) => heard.map((channel) => at(channel[name]));
  // The laws see weighted sums of the channels alone, as those of one channel.
  const joined = (name) => [d.add(...all("a").map((a, k) => d.mul(a, all(name)[k])))];
  const [alpha, beta] = laws.k1.residuals([d.ratio(1n, 1n)], d.variable(x.at(-1), x.length - 1), size, joined("slope"), joined("zero"), joined("kappa"), [d.ratio(0n, 1n)]);
  return {own: [...own, ...standing].map(at), all: [alpha, beta, ...readout.map(at)]};
};

// -------------------------------------------------------------------------------------- projection

/** λ with M Mᵀ λ = y, by elimination with the largest pivots; in fractions null where M x = y has no solution. */
const multipliers = (f, rows, right) => {
  const zero = f.ratio(0n, 1n);
  const table = rows.map((row, i) => [...rows.map((other) => f.dot(row, other)), right[i]]);
  const scale = Math.max(...table.map((row, i) => f.size(row[i])), Number.MIN_VALUE);
  const order = [];
  for (;;) {
    const open = table.map((_, i) => i).filter((i) => !order.includes(i));
    const pivot = open.reduce((best, i) => (best < 0 || f.size(table[i][i]) > f.size(table[best][best]) ? i : best), -1);
    if (pivot < 0 || f.nothing(table[pivot][pivot], scale)) {
      if (f === EXACT && open.some((i) => !f.nothing(table[i].at(-1)))) return null;
      break;
    }
    order.push(pivot);
    table.forEach((row, i) => {
      if (i === pivot || f.nothing(row[pivot], 0)) return;
      const factor = f.div(row[pivot], table[pivot][pivot]);
      for (let k = 0; k < row.length; k++) row[k] = f.less(row[k], factor, table[pivot][k]);
    });
  }
  return rows.map((_, i) => (order.includes(i) ? f.div(table[i].at(-1), table[i][i]) : zero));
};

const distanceOf = (x, y) => Math.hypot(...x.map((value, k) => Number(value) - Number(y[k])));

/** The point next to the start with rows·x = right and all bounds, n·x >= low: the dual method of Goldfarb and Idnani; null where there is none. */
const closest = (start, rows, right, bounds) => {
  const {dot} = FLOAT;
  effort -= 1 + rows.length ** 2 * start.length / 4000;
  const along = (normals, factors) => start.map((_, k) => normals.reduce((sum, normal, i) => sum + factors[i] * normal[k], 0));
  const first = multipliers(FLOAT, rows, right.map((value, i) => value - dot(rows[i], start)));
  let x = along(rows, first).map((value, k) => start[k] + value);
  if (rows.some((row, i) => Math.abs(dot(row, x) - right[i]) > 1e-7 * (1 + Math.abs(right[i])))) return null;
  let active = [];
  for (let round = 0; round < ROUNDS; round++) {
    const excess = ({normal, low}) => low - dot(normal, x);
    const worst = bounds.reduce((most, bound) => (excess(bound) > 1e-11 && (!most || excess(bound) > excess(most)) ? bound : most), null);
    if (!worst) return {x, standing: active.map(({bound}) => bound)};
    let push = 0;
    for (;;) {
      const normals = [...rows, ...active.map(({bound}) => bound.normal)];
      const factors = multipliers(FLOAT, normals, normals.map((normal) => dot(normal, worst.normal)));
      const free = along(normals, factors).map((value, k) => worst.normal[k] - value);
      const room = dot(free, worst.normal);
      const full = room > 1e-10 * dot(worst.normal, worst.normal) ? excess(worst) / room : Infinity;
      const own = factors.slice(rows.length);
      const blocking = active.reduce((least, entry, i) => (own[i] > 1e-12 && (!least || entry.push / own[i] < least.step) ? {entry, step: entry.push / own[i]} : least), null);
      const step = Math.min(full, blocking?.step ?? Infinity);
      if (step === Infinity) return null;
      active = active.map((entry, i) => ({...entry, push: entry.push - step * own[i]}));
      push += step;
      if (full < Infinity) x = x.map((value, k) => value + step * free[k]);
      if (step === full) break;
      active = active.filter(({bound}) => bound !== blocking.entry.bound);
    }
    active.push({bound: worst, push});
  }
  return null;
};

/** The nearest point of a closed cell in float64, from a readout: null where there is none nearer than the limit.
 *
 * It goes towards the nearest point under the conditions made linear about where it is, and back onto the conditions, as long as that helps.
 */
const settled = (laws, bounds, start, places, readout, limit) => {
  const linear = (base, x, fixed = []) => {
    const {own, all} = conditions(laws, x, []);
    const rows = [...own, ...all, ...fixed.map((place) => ({value: 0, slope: base.map((_, k) => Number(k === place))}))];
    const right = rows.map(({value, slope}) => FLOAT.dot(slope, x) - value);
    return closest(base, rows.map(({slope}) => slope), right, bounds);
  };
  const restored = (x) => {
    let point = {x};
    for (let step = 0; step < BACK; step++) {
      const next = linear(x, point.x);
      if (!next || distanceOf(next.x, start) > 4 * limit) return null;
      const change = distanceOf(next.x, point.x);
      point = next;
      if (change < 1e-9) return {...point, distance: distanceOf(point.x, start)};
    }
    return null;
  };
  const from = start.map((value, k) => (places.includes(k) ? readout[places.indexOf(k)] : value));
  let here = restored(linear(from, from, places)?.x ?? from);
  for (let step = 0; here && step < STEPS; step++) {
    const ahead = linear(start, here.x);
    if (!ahead || distanceOf(ahead.x, start) > 1.25 * limit) break;
    let next = null;
    for (let pace = 1; pace > 0.02 && !(next?.distance < here.distance); pace /= 2) {
      next = restored(here.x.map((value, k) => value + pace * (ahead.x[k] - value)));
    }
    if (!(next?.distance < here.distance)) break;
    const gain = here.distance - next.distance;
    here = {...next, standing: ahead.standing};
    if (gain < 1e-9 * here.distance) break;
  }
  return here && here.distance < limit ? here : null;
};

/** The ends of the branches of a cell's sums, as bounds n·x >= low. */
const boundsOf = (net, cell) => cell.channels.flatMap((channel, k) => [...(channel?.table ?? [])].filter(([key]) => !channel.held.has(key)).flatMap(([key, {low, high}]) =>
  [[low, 1], [high, -1]].filter(([end]) => end !== null).map(([end, side]) => {
    const {value, slope} = formOf(net, FLOAT, {k, key, end});
    return {k, key, end, side, normal: slope.map((s) => side * s), low: -side * value};
  })));

/** No point of the cell is nearer: every channel has to go as far as its farthest sum, or fall silent. */
const leastMove = (net, {channels, pairs}, x) => {
  const {w, b, a} = shaped(net, x);
  const paired = pairs.flatMap(({j, k}) => [j, k]);
  return Math.hypot(...channels.map((channel, k) => {
    if (paired.includes(k)) return 0;
    if (!channel) return a[k];
    return Math.max(...[...channel.table].map(([key, {low, high}]) => {
      const ones = [...key].filter((bit) => bit === "1").length + 1;
      const value = w[k].reduce((sum, tap, u) => sum + (key[u] === "1" ? tap : 0), b[k]);
      const held = channel.held.get(key);
      const off = held !== undefined ? Math.abs(value - Number(held)) : Math.max(low === null ? 0 : Number(low) - value, high === null ? 0 : value - Number(high), 0);
      return off / Math.sqrt(ones);
    }));
  }));
};

// --------------------------------------------------------------------------------------- in fractions

/** x moved least in some places until these conditions hold exactly; null where that is impossible. */
export const moved = (x, rows, places) => {
  const lambda = multipliers(EXACT, rows.map(({slope}) => places.map((k) => slope[k])), rows.map(({value}) => EXACT.neg(value)));
  if (!lambda) return null;
  const next = [...x];
  for (const k of places) next[k] = EXACT.add(x[k], ...rows.map(({slope}, i) => EXACT.mul(slope[k], lambda[i])));
  return next;
};

/** The nearest point of the cell, in fractions, next to the one found in floats; null where none is found. */
const exactly = (net, cell, bounds, point, start) => {
  const beyond = (x) => bounds.filter(({k, key, end, side}) => {
    const {value, slope} = formOf(net, EXACT, {k, key, end});
    return side * Number(EXACT.add(value, EXACT.dot(slope, x))) < 0;
  });
  // What a float leaves beyond the end of its branch is put on it.
  let {standing} = point;
  for (let round = 0; round < ROUNDS; round++) {
    const points = solved(net, cell, {...point, standing}, start);
    const inside = points.filter((x) => !beyond(x).length);
    if (inside.length) return inside.sort((x, y) => distanceOf(x, start) - distanceOf(y, start))[0];
    const more = points.length ? beyond(points[0]).filter((bound) => !standing.includes(bound)) : [];
    if (!more.length) return null;
    standing = [...standing, ...more];
  }
  return null;
};

/** Points that meet the conditions: with the readout of the point found, rounded; with the filters first, and then the readout; with the readout as it is. */
const solved = (net, cell, {x, standing, distance}, start) => {
  const readout = readoutPlaces(net);
  const others = x.map((_, k) => k).filter((k) => !readout.includes(k));
  const grid = 2 ** Math.min(Math.max(16, Math.ceil(-Math.log2(FINE * distance))), 300);
  const near = [...start];
  for (const k of readout) near[k] = EXACT.add(start[k], new Fraction(BigInt(Math.round((x[k] - Number(start[k])) * grid)), BigInt(grid)));
  cell.channels.forEach((channel, k) => { if (!channel) near[readout[k]] = new Fraction(0n); });
  for (const {j, k} of cell.pairs) near[readout[k]] = EXACT.neg(near[readout[j]]);
  const laws = written(net, EXACT, cell);
  const forms = standing.map((entry) => formOf(net, EXACT, entry));
  const at = (y) => conditions(laws, y, forms);
  const under = (y) => moved(y, [...at(y).own, ...at(y).all], others);
  const placed = moved(near, at(near).own, others);
  return [under(near), placed && moved(placed, at(placed).all, [...readout, x.length - 1]), under(start)].filter(Boolean);
};

/** The exact networks next to one, the nearest first: {w, b, a, c} in fractions, and the distance.
 *
 * branches: the affine pieces of σ in order; mirror: s where σ(z) - σ(-z) = s z for all z, else null.
 */
export const nearest = function* (net, {branches, mirror}) {
  effort = EFFORT;
  const start = flat(net);
  const floats = start.map(Number);
  const places = readoutPlaces(net);
  const readouts = chosen(places.map((k) => [floats[k], -floats[k]]));
  const points = [];
  let limit = Infinity;
  const proposed = [...cells(net, {branches, mirror}, floats)].map((cell) => ({cell, least: leastMove(net, cell, floats)}));
  proposed.sort((x, y) => x.least - y.least);
  for (const readout of readouts) {
    for (const proposal of proposed) {
      const {cell, least} = proposal;
      if (least > limit || effort < 0) break;
      proposal.laws ??= written(net, FLOAT, cell);
      proposal.bounds ??= boundsOf(net, cell);
      const point = settled(proposal.laws, proposal.bounds, floats, places, readout, limit);
      if (!point) continue;
      points.unshift({...proposal, point});
      limit = point.distance;
    }
  }
  const exact = points.slice(0, 8).map(({cell, bounds, point}) => exactly(net, cell, bounds, point, start)).filter(Boolean);
  const found = exact.map((x) => ({...shaped(net, x), distance: distanceOf(x, start)}));
  yield* found.sort((one, other) => one.distance - other.distance);
};

// Accepts or rejects a certificate in the page: the rules of numerics/certificates/checker.py, written once more.
//
// Exact arithmetic on BigInt fractions of its own; nothing in common with what the page computes elsewhere.

const BYTES = 2 ** 18;
const DIGITS = 1500;
const DEPTH = 6;
/** Operations on fractions; beyond, the file is too large to be checked here. */
const WORK = 3e6;
const FORM = "everyweight-certificate";
const NUMBER = /^-?(0|[1-9][0-9]*)(\/[1-9][0-9]*)?$/;
const PADDING = /^(?:valid|(?:zeros|circular|reflect|replicate)(?: (?:0|[1-9][0-9]{0,5}))?)$/;
const KEYS = {
  "": "format version network domain claim evidence digest", activation: "breaks pieces",
  network: "activation filters biases readout offset", claim: "worst mean mean_square",
  domain: "half_length padding low high", evidence: "radius",
};

/** Why a certificate is not accepted, in one sentence. */
export class Rejected extends Error {}
const need = (holds, why) => {
  if (!holds) throw new Rejected(why);
};

// ------------------------------------------------------------------------------------- fractions

let left = 0;
const spend = (steps) => {
  left -= steps;
  need(left >= 0, "it is too large to be checked in the page; python -m verify.certificate checks it");
};
const gcd = (a, b) => {
  while (b) [a, b] = [b, a % b];
  return a < 0n ? -a : a;
};
const made = (n, d) => {
  spend(1 + Number((n < 0n ? -n : n) >> 4096n ? 1000 : 0));
  const g = gcd(n, d) * (d < 0n ? -1n : 1n);
  return g === 1n ? {n, d} : {n: n / g, d: d / g};
};
const whole = (k) => ({n: BigInt(k), d: 1n});
const ZERO = whole(0);
const ONE = whole(1);
const HALF = {n: 1n, d: 2n};
const add = (a, b) => made(a.n * b.d + b.n * a.d, a.d * b.d);
const sub = (a, b) => made(a.n * b.d - b.n * a.d, a.d * b.d);
const mul = (a, b) => made(a.n * b.n, a.d * b.d);
const div = (a, b) => made(a.n * b.d, a.d * b.n);
const compare = (a, b) => {
  const gap = a.n * b.d - b.n * a.d;
  return gap < 0n ? -1 : gap > 0n ? 1 : 0;
};
const less = (a, b) => compare(a, b) < 0;
const same = (a, b) => a.n === b.n && a.d === b.d;
const abs = (a) => (a.n < 0n ? {n: -a.n, d: a.d} : a);
const least = (a, b) => (less(b, a) ? b : a);
const most = (a, b) => (less(a, b) ? b : a);
const floor = ({n, d}) => (n >= 0n || n % d === 0n ? n / d : n / d - 1n);
const ceil = (a) => -floor({n: -a.n, d: a.d});
const shown = ({n, d}) => (d === 1n ? `${n}` : `${n}/${d}`);
const total = (values) => values.reduce(add, ZERO);

// ----------------------------------------------------------------------------------------- reading

const keyed = (value, name) => {
  const keys = KEYS[name].split(" ");
  const own = typeof value === "object" && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
  need(own.length === keys.length && keys.every((key) => own.includes(key)), `${name || "the whole"} needs exactly the keys ${KEYS[name]}`);
  return value;
};

const number = (value) => {
  need(typeof value === "string" && value.length <= DIGITS, `a number is a string of at most ${DIGITS} characters`);
  need(NUMBER.test(value), `‘${value.slice(0, 30)}’ is no fraction`);
  const [n, d = "1"] = value.split("/");
  const fraction = made(BigInt(n), BigInt(d));
  need(shown(fraction) === value, `‘${value.slice(0, 30)}’ is not in lowest terms`);
  return fraction;
};

const numbers = (value, fewest = 0, atMost = 2 ** 16) => {
  need(Array.isArray(value) && value.length >= fewest && value.length <= atMost, "a list of numbers is missing, too short or too long");
  return value.map(number);
};

/** How many keys the text of a document has: more than its objects, where one occurs twice. */
const keysIn = (text) => [...text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)].filter((match) => match[1]).length;
const keysOf = (value) => (typeof value !== "object" || value === null ? 0 : Object.values(value).reduce((sum, part) => sum + keysOf(part), Array.isArray(value) ? 0 : Object.keys(value).length));

const parsed = (bytes) => {
  need(bytes.length <= BYTES, `the file has more than ${BYTES} bytes`);
  let depth = 0;
  for (const byte of bytes) {
    if (byte === 0x5b || byte === 0x7b) depth += 1;
    if (byte === 0x5d || byte === 0x7d) depth -= 1;
    need(depth <= DEPTH, `brackets are nested more than ${DEPTH} deep`);
    need(byte < 128, "it is no ASCII JSON");
  }
  const text = new TextDecoder().decode(bytes);
  let document;
  try {
    document = JSON.parse(text);
  } catch {
    throw new Rejected("it is no ASCII JSON");
  }
  need(keysIn(text) === keysOf(document), "a key occurs twice");
  return keyed(document, "");
};

const sorted = (value) => {
  if (Array.isArray(value)) return `[${value.map(sorted).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${sorted(value[key])}`).join(",")}}`;
  }
  return JSON.stringify(value);
};
const digestOf = async (document) => {
  const bytes = new TextEncoder().encode(sorted({...document, digest: ""}));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
};

// -------------------------------------------------------------------------------------- polynomials

const valueAt = (p, x) => p.reduceRight((value, coefficient) => add(mul(value, x), coefficient), ZERO);
/** p(start + φ slope) as a polynomial in φ. */
const composed = (p, start, slope) => p.reduceRight((sum, coefficient) => {
  const result = [...sum.map((x) => mul(start, x)), ZERO];
  sum.forEach((x, j) => { result[j + 1] = add(result[j + 1], mul(slope, x)); });
  result[0] = add(result[0], coefficient);
  return result;
}, []);
const choose = (n, k) => {
  let result = 1n;
  for (let j = 1; j <= k; j++) result = (result * BigInt(n - k + j)) / BigInt(j);
  return result;
};

// ------------------------------------------------------------------------------------------ network

const readNetwork = (document) => {
  const net = keyed(document.network, "network");
  const domain = keyed(document.domain, "domain");
  const sigma = keyed(net.activation, "activation");
  const breaks = numbers(sigma.breaks);
  need(Array.isArray(sigma.pieces) && sigma.pieces.length === breaks.length + 1, "σ needs one piece more than breaks");
  const short = sigma.pieces.map((piece) => numbers(piece, 1));
  const size = Math.max(2, ...short.map((piece) => piece.length));
  const pieces = short.map((piece) => [...piece, ...Array(size - piece.length).fill(ZERO)]);
  need(size <= 9 && breaks.length <= 64, "σ has more than 64 breaks or a degree above 8");
  need(breaks.every((t, k) => k === 0 || less(breaks[k - 1], t)), "breaks do not increase");
  need(breaks.every((t, k) => same(valueAt(pieces[k], t), valueAt(pieces[k + 1], t))), "σ jumps");
  need(Array.isArray(net.filters) && net.filters.length > 0, "there is no filter");
  const w = net.filters.map((row) => numbers(row, 1));
  const taps = w[0].length;
  const [b, a] = [numbers(net.biases), numbers(net.readout)];
  const c = number(net.offset);
  need(taps % 2 === 1 && w.every((row) => row.length === taps), "filters need the same odd number of taps");
  need(b.length === w.length && a.length === w.length, "filters, biases and readout differ in number");
  const length = Number(number(domain.half_length).n);
  need(PADDING.test(String(domain.padding)), "padding is valid, or zeros, circular, reflect, replicate, perhaps with a number of pixels");
  const [mode, pixels] = String(domain.padding).split(" ");
  const h = (taps - 1) / 2;
  const padded = pixels ? Number(pixels) : mode === "valid" ? 0 : h;
  need(domain.half_length === String(length) && Math.max(h, padded / 2) <= length && length < 10 ** 6, "the filter or the padding does not fit the signal");
  const [low, high] = [number(domain.low), number(domain.high)];
  need(!less(low, HALF) && less(low, high) && !less(add(whole(length), HALF), high), "the radii do not lie in the signal");
  return {breaks, pieces, size, w, b, a, c, taps, h, length, mode, padded, low, high};
};

/** [how many positions, argument of σ at φ = 0, its slope in φ] on the cell of m. */
function* windows(net, k, m) {
  const {h, length, padded, mode} = net;
  const size = 2 * length + 1;
  const reach = length - h + padded;
  const listed = new Set();
  const list = (from, to) => {
    for (let i = from; i <= to; i++) listed.add(i).add(-i); // a Set holds -0 as 0
  };
  list(Math.max(m - h, 0), Math.min(m + h, reach));
  list(length - h + 1, reach);
  const beyond = {circular: (j) => Math.abs(size - j), reflect: (j) => Math.abs(size - 1 - j), replicate: () => length}[mode] ?? ((j) => j);
  for (const i of listed) {
    let [start, slope] = [net.b[k], ZERO];
    net.w[k].forEach((tap, u) => {
      const j = Math.abs(i + u - h);
      const seen = j <= length ? j : beyond(j);
      if (seen < m) start = add(start, tap);
      if (seen === m) slope = add(slope, tap);
    });
    yield [1, start, slope];
  }
  const lit = Math.max(2 * (m - h) - 1, 0);
  yield [lit, add(net.b[k], total(net.w[k])), ZERO];
  yield [2 * reach + 1 - lit - listed.size, net.b[k], ZERO];
}

/** e on the cell of m: [from φ, to φ, polynomial in φ], in order. */
const errorOn = (net, m) => {
  const none = Array(net.size).fill(ZERO);
  let sum = [add(sub(net.c, whole(m)), HALF), whole(-1), ...none.slice(2)];
  const changes = new Map();
  net.a.forEach((weight, k) => {
    for (const [count, start, slope] of windows(net, k, m)) {
      const met = same(slope, ZERO) ? [] : net.breaks.map((t) => div(sub(t, start), slope)).filter((t) => less(ZERO, t) && less(t, ONE)).sort(compare);
      const ends = [ZERO, ...met, ONE];
      let before = none;
      ends.slice(1).forEach((right, j) => {
        const from = ends[j];
        const middle = add(start, mul(slope, mul(HALF, add(from, right))));
        const piece = net.pieces[net.breaks.filter((t) => less(t, middle)).length];
        const factor = mul(whole(count), weight);
        const here = composed(piece, start, slope).map((x) => mul(factor, x));
        const key = shown(from);
        const into = changes.get(key)?.[1] ?? none;
        changes.set(key, [from, into.map((x, i) => sub(add(x, here[i]), before[i]))]);
        before = here;
      });
    }
  });
  if (!changes.has("0")) changes.set("0", [ZERO, none]);
  const places = [...changes.values()].sort(([x], [y]) => compare(x, y));
  return places.map(([from, change], j) => {
    sum = sum.map((x, i) => add(x, change[i]));
    return [from, places[j + 1]?.[0] ?? ONE, sum];
  });
};

/** |p| <= bound on [from, to], shown by subdivision. */
const below = (p, from, to, bound, depth = 60) => {
  const q = composed(p, from, sub(to, from));
  const n = p.length - 1;
  const coefficient = (j) => total(q.slice(0, j + 1).map((x, i) => mul(made(choose(j, i), choose(n, i)), x)));
  if (q.every((_, j) => !less(bound, abs(coefficient(j))))) return true;
  if (depth === 0 || less(bound, abs(valueAt(p, from))) || less(bound, abs(valueAt(p, to)))) return false;
  const quadratic = p.length > 2 && p[2].n !== 0n && p.slice(3).every((x) => x.n === 0n);
  const vertex = quadratic ? div({n: -p[1].n, d: p[1].d}, mul(whole(2), p[2])) : from;
  const middle = less(from, vertex) && less(vertex, to) ? vertex : mul(HALF, add(from, to));
  return below(p, from, middle, bound, depth - 1) && below(p, middle, to, bound, depth - 1);
};

const FINE = whole(2n ** 200n);

/** The claim of a valid certificate; Rejected says what is not so. */
export const check = async (bytes) => {
  left = WORK;
  const document = parsed(bytes);
  need(document.format === FORM && document.version === "1", `it is no ${FORM} of version 1`);
  need(document.digest === (await digestOf(document)), "the digest does not fit the content");
  const net = readNetwork(document);
  const claim = keyed(document.claim, "claim");
  const radius = number(keyed(document.evidence, "evidence").radius);
  const [low, high] = numbers(claim.worst, 2, 2);
  need(!less(radius, net.low) && !less(net.high, radius), "the radius of the worst error lies outside");
  let reached = null;
  let bent = false;
  const sums = {mean: [0n, 0n], mean_square: [0n, 0n]};
  const last = Math.min(Number(ceil(add(net.high, HALF))), net.length + 1);
  for (let m = Number(floor(add(net.low, HALF))); m < last; m++) {
    const start = sub(whole(m), HALF);
    for (const [first, end, p] of errorOn(net, m)) {
      const [from, to] = [most(first, sub(net.low, start)), least(end, sub(net.high, start))];
      if (!less(from, to)) continue;
      need(below(p, from, to, high), `the error exceeds the claim between ${shown(add(start, from))} and ${shown(add(start, to))}`);
      bent ||= p.slice(3).some((x) => x.n !== 0n);
      const place = sub(radius, start);
      if (!less(place, from) && !less(to, place)) reached = abs(valueAt(p, place));
      const square = Array.from({length: 2 * p.length - 1}, (_, j) => total(p.map((x, i) => (p[j - i] ? mul(x, p[j - i]) : ZERO))));
      for (const [name, q] of [["mean", p], ["mean_square", square]]) {
        const whole_ = [ZERO, ...q.map((x, j) => div(x, whole(j + 1)))];
        const part = mul(sub(valueAt(whole_, to), valueAt(whole_, from)), FINE);
        sums[name] = [sums[name][0] + floor(part), sums[name][1] + ceil(part)];
      }
    }
  }
  need(reached !== null && same(reached, low), "the error at the radius named is not the claimed one");
  const slack = sub(high, low);
  need(same(low, high) || (bent && !less(slack, ZERO) && !less(made(1n, 10n ** 12n), slack)), "the worst error is not enclosed as it could be");
  for (const [name, [under, over]] of Object.entries(sums)) {
    const [one, other] = numbers(claim[name], 2, 2);
    const scale = mul(sub(net.high, net.low), FINE);
    need(!less(whole(under), mul(one, scale)) && !less(mul(other, scale), whole(over)), `the ${name} is not where the claim says`);
    need(!less(made(1n, 2n ** 63n), sub(other, one)), `the ${name} is not enclosed to 2^-63`);
  }
  return {claim, radius: shown(radius), low: shown(net.low), high: shown(net.high), channels: net.w.length, taps: net.taps};
};

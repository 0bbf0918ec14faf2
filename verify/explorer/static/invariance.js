// The invariance tab: what a network need not know. A cell is an exact network at work, or the theorem that there is none.

import {atlas} from "atlas";
import {fill, html, short} from "dom";
import {compare, Fraction, fractionArithmetic as f} from "numbers";
import {legend, line, plot} from "plot";

const KINDS = {linear: "linear, any K", "relu 1": "ReLU, K = 1", "relu 2": "ReLU, K = 2", "relu 3": "ReLU, K = 3", any: "any σ, any K"};
const RADII = {half: "half-integer", real: "every real"};
const WORDS = [
  ["unknown", "what the network is not told: the place s of the pulse, the background β, the contrast α, or two of them."],
  ["ring, zeros beyond", "what filters see beyond the border: the other end of the signal, or 0."],
  ["readout", "sum: one weight a for all positions of a channel; dense: a weight v for each position."],
  ["radii", "at which it has to be exact: at half-integers, or at every real radius."],
  ["K", "the number of channels; linear: σ(z) = z."],
  ["✓ and ✗", "there is an exact network, and choosing the cell shows one at work; or a theorem says that there is none."],
];
const ZERO = new Fraction(0n);
const ONE = new Fraction(1n);
const HALF = new Fraction(1n, 2n);
const parse = (text) => Fraction.parse(text);

/** x(i) = β + α |[i - 1/2, i + 1/2] ∩ [s - r, s + r]|, in fractions. */
const signal = (r, beta, alpha, s) => Array.from({length: 2 * atlas.halfLength + 1}, (_, k) => {
  const i = new Fraction(BigInt(k - atlas.halfLength));
  const right = f.min(f.add(i, HALF), f.add(s, r));
  const left = f.max(f.add(i, f.neg(HALF)), f.add(s, f.neg(r)));
  return f.add(beta, f.mul(alpha, f.max(f.add(right, f.neg(left)), ZERO)));
});

/** r̂ in fractions. */
const answerOf = ({sigma, w, b, a, c}, x, padding) => {
  const bends = sigma.bends.map((pair) => pair.map(parse));
  const apply = (z) => f.add(parse(sigma.level), f.mul(parse(sigma.slope), z), ...bends.map(([t, jump]) => f.mul(jump, f.max(f.add(z, f.neg(t)), ZERO))));
  let total = parse(c);
  w.forEach((texts, k) => {
    const taps = texts.map(parse);
    const h = (taps.length - 1) / 2;
    x.forEach((_, i) => {
      const weight = parse(Array.isArray(a[k]) ? a[k][i] : a[k]);
      if (compare(weight, ZERO) === 0) return;
      let z = parse(b[k]);
      taps.forEach((tap, u) => {
        const j = i + u - h;
        if (padding === "ring" || (j >= 0 && j < x.length)) z = f.add(z, f.mul(tap, x[(j + x.length) % x.length]));
      });
      total = f.add(total, f.mul(weight, apply(z)));
    });
  });
  return total;
};

export const invarianceTab = (panel, {change, current}) => {
  const verdict = html("div", {class: "verdict", role: "status", "aria-live": "polite"});
  const table = html("div", {class: "wide"});
  const work = html("div", {class: "controls"});
  const plots = html("div", {class: "plots"});
  const words = html("details", {open: innerWidth > 640}, html("summary", {}, "What the words of the table mean"), html("dl", {}, WORDS.flatMap(([name, text]) => [html("dt", {}, name), html("dd", {}, text)])));
  panel.append(verdict, work, plots, words, table);
  const set = (parts) => change({invariance: {...current().invariance, ...parts}});
  const rows = [];
  atlas.cells.forEach((cell, k) => {
    const key = [cell.unknown, cell.padding, cell.readout, cell.radii].join();
    const row = rows.find((other) => other.key === key) ?? rows[rows.push({key, cell, cells: []}) - 1];
    row.cells.push([k, cell]);
  });

  const drawTable = (chosen) => fill(table, html("table", {class: "atlas"},
    html("caption", {}, "Is there an exact network? ✓ yes, ✗ no: choose a cell"),
    html("thead", {}, html("tr", {}, ["unknown", "readout", "radii", ...Object.values(KINDS)].map((text) => html("th", {scope: "col"}, text)))),
    html("tbody", {}, rows.map(({cell, cells}) => html("tr", {},
      html("th", {scope: "row"}, [atlas.unknowns[cell.unknown], atlas.paddings[cell.padding]].filter(Boolean).join(", ")), html("td", {}, cell.readout), html("td", {}, RADII[cell.radii]),
      cells.map(([k, own]) => html("td", {}, html("button", {type: "button", class: own.feasible ? "yes" : "no", "aria-pressed": String(k === chosen), "data-cell": k,
        "aria-label": `${atlas.unknowns[own.unknown]} unknown, ${own.readout}, ${RADII[own.radii]}, ${KINDS[own.kind]}: ${own.feasible ? "exact" : "impossible"}`, onclick: () => set({cell: k})}, own.feasible ? "✓" : "✗"))))))));

  const slider = (name, key, low, high, step, value) => html("label", {}, html("span", {}, `${name} = ${short(value)}`),
    html("input", {type: "range", min: low, max: high, step, value, "aria-label": name, "data-key": key, oninput: (event) => set({[key]: Number(event.target.value)})}));

  let drawn = null;
  const update = ({invariance}) => {
    const cell = atlas.cells[invariance.cell];
    if (drawn !== invariance.cell) {
      const focused = document.activeElement?.dataset?.cell;
      drawTable(invariance.cell);
      if (focused) table.querySelector(`[data-cell="${focused}"]`)?.focus();
      drawn = invariance.cell;
    }
    const task = `${atlas.unknowns[cell.unknown]} unknown, ${cell.readout} readout, ${cell.radii === "half" ? "half-integer radii" : "every real radius"}${atlas.paddings[cell.padding] ? `, ${atlas.paddings[cell.padding]}` : ""}; ${KINDS[cell.kind]}`;
    const focused = document.activeElement?.dataset?.key;
    if (!cell.feasible) {
      fill(work);
      fill(plots);
      fill(verdict, html("p", {class: "headline fails"}, "No such network is exact."), html("p", {}, `${task}.`), html("p", {}, `Theorem: ${cell.reason}.`),
        cell.loss ? html("p", {class: "soft"}, `Its loss is at least ${cell.loss.value} = ${short(Number(parse(cell.loss.value)))}${cell.loss.attained ? ", and that is attained" : ""}.`) : "");
      return;
    }
    const has = (name) => cell.unknown === name || (cell.unknown === "both" && name !== "place");
    const half = cell.radii === "half";
    const r = half ? Math.floor(invariance.r) + 0.5 : invariance.r;
    const beta = has("background") ? invariance.beta : 0;
    const alpha = has("contrast") ? invariance.alpha : 1;
    const shift = has("place") ? Math.round(invariance.s) : 0;
    fill(work, html("fieldset", {}, html("legend", {}, "The scene"),
      slider("radius r", "r", 1.5, 5.5, half ? 1 : 0.05, r), has("background") && slider("background β", "beta", -1, 2, 0.05, beta), has("contrast") && slider("contrast α", "alpha", 1, 2, 0.05, alpha), has("place") && slider("shift s", "s", 0, 3, 1, shift)));
    const exactly = (x) => Fraction.parse(x.toFixed(2));
    const x = signal(exactly(r), exactly(beta), exactly(alpha), new Fraction(BigInt(shift)));
    const answer = answerOf(cell.network, x, cell.padding);
    const right = compare(answer, exactly(r)) === 0;
    const values = x.map(Number);
    const scene = plot({title: "What the network sees", label: "signal against position", x: "position", y: "x", xs: [-atlas.halfLength - 0.5, atlas.halfLength + 0.5], ys: [-1.2, 4.2]});
    line(scene, values.flatMap((value, k) => [[k - atlas.halfLength - 0.5, value], [k - atlas.halfLength + 0.5, value]]), "pulse");
    scene.figure.append(legend(["line", "the signal: β + α on the pulse of radius r about s, β elsewhere"]));
    fill(plots, scene.figure);
    const readout = (a) => (Array.isArray(a) ? `v = (${a.slice(0, 4).join(", ")}, …)` : `a = ${a}`);
    fill(verdict,
      html("p", {class: `headline ${right ? "holds" : "fails"}`}, `It answers r̂ = ${answer}; the radius is r = ${exactly(r)}.`),
      html("p", {}, `${task}: ${cell.reason}.`),
      html("p", {class: "soft"}, `σ = ${cell.network.sigma.name}; ${cell.network.w.map((w, k) => `w = (${w.join(", ")}), b = ${cell.network.b[k]}, ${readout(cell.network.a[k])}`).join("; ")}; c = ${cell.network.c}.`));
    if (focused) work.querySelector(`[data-key="${focused}"]`)?.focus();
  };
  return {update};
};

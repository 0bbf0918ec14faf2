// The disk tab: one filter on an image of a disk, its response, and what that adds up to.

import {fill, html, short, svg} from "dom";
import {activationOf} from "expression";
import {float as laws} from "laws";
import {Fraction} from "numbers";
import {numberText, wrongActivation} from "state";
import {around, legend, line, plot} from "plot";

const {arc, dipole, edge, lack, upright} = laws.disks;
const HALF = 15;
const RADII = Array.from({length: 73}, (_, k) => 2 + k / 8);
const REACH = Math.SQRT2 + Math.SQRT1_2;
const [TURNS, PLACES] = [144, 120];

/** The area of [0, x] × [0, y] inside the disk, signed; the arc's part is the law's. */
const corner = (x, y, r) => {
  const sign = x >= 0 === y >= 0 ? 1 : -1;
  const [a, b] = [Math.min(Math.abs(x), r), Math.min(Math.abs(y), r)];
  return sign * (a * a + b * b <= r * r ? a * b : arc(a, b, r));
};
/** The share of the pixel around (i, j) inside the disk: the second difference of the corners. */
const pixel = (i, j, r) => {
  const near = Math.hypot(Math.max(Math.abs(i) - 0.5, 0), Math.max(Math.abs(j) - 0.5, 0));
  if (near >= r) return 0;
  if (Math.hypot(Math.abs(i) + 0.5, Math.abs(j) + 0.5) <= r) return 1;
  return corner(i + 0.5, j + 0.5, r) - corner(i - 0.5, j + 0.5, r) - corner(i + 0.5, j - 0.5, r) + corner(i - 0.5, j - 0.5, r);
};

const valueOf = (text) => Number(Fraction.parse(text));
const side = 2 * HALF + 1;
/** The image of a disk around (x, y), row by row. */
export const image = (r, x, y) => Float64Array.from({length: side * side}, (_, k) => pixel((k % side) - HALF - x, Math.floor(k / side) - HALF - y, r));

/** z at every position, zeros beyond the border. */
export const correlated = (picture, w) => {
  const z = new Float64Array(side * side);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      let sum = 0;
      for (let v = -1; v <= 1; v++) {
        for (let u = -1; u <= 1; u++) {
          const [i, j] = [column + u, row + v];
          if (i >= 0 && i < side && j >= 0 && j < side) sum += w[3 * (v + 1) + u + 1] * picture[j * side + i];
        }
      }
      z[row * side + column] = sum;
    }
  }
  return z;
};

/** P by direction: what an edge with this normal adds per length, for every direction of a turn; a midpoint rule. */
export const byDirection = (w, b, sigma) => {
  const full = w.reduce((x, y) => x + y, 0);
  const [dark, lit] = [sigma(b), sigma(full + b)];
  const step = (2 * REACH) / PLACES;
  return Array.from({length: TURNS}, (_, turn) => {
    const angle = ((turn + 0.5) * 2 * Math.PI) / TURNS;
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    const straight = Math.abs(c * s) < 1e-12;
    let sum = 0;
    for (let k = 0; k < PLACES; k++) {
      const t = -REACH + (k + 0.5) * step;
      let z = 0;
      for (let v = -1; v <= 1; v++) {
        for (let u = -1; u <= 1; u++) {
          const tap = w[3 * (v + 1) + u + 1];
          if (tap) z += tap * (straight ? upright(t + u * c + v * s) : edge(t + u * c + v * s, c, s));
        }
      }
      sum += lack(sigma(z + b), dark, lit, t > 0 ? 1 : 0) * step;
    }
    return [angle, sum];
  });
};

const FILTERS = {
  "difference along a row": ["0", "0", "0", "0", "-1", "1", "0", "0", "0"],
  "Sobel": ["-1/8", "0", "1/8", "-1/4", "0", "1/4", "-1/8", "0", "1/8"],
  "average": Array(9).fill("1/9"),
  "Laplacian": ["0", "1", "0", "1", "-4", "1", "0", "1", "0"],
};

export const diskTab = (panel, {change, current, message}) => {
  const verdict = html("div", {class: "verdict", role: "status"});
  const controls = html("form", {class: "controls", onsubmit: (event) => event.preventDefault()});
  const plots = html("div", {class: "plots"});
  panel.append(verdict, controls, plots);
  const images = new Map();
  let frame = 0;

  const kept = (r, x, y) => {
    const key = `${r},${x},${y}`;
    if (!images.has(key)) {
      if (images.size > 400) images.clear();
      images.set(key, image(r, x, y));
    }
    return images.get(key);
  };
  const set = (parts) => change({disk: {...current().disk, ...parts}});

  const drawControls = ({disk, sigma}) => {
    const focused = document.activeElement?.dataset?.key;
    const typed = (name, then) => (event) => {
      const text = numberText(event.target.value);
      if (text === null || !then(text)) {
        event.target.setAttribute("aria-invalid", "true");
        message(`${name}: a number is expected, such as 1/8 or −0.25.`);
      }
    };
    fill(controls,
      html("fieldset", {}, html("legend", {}, "Network"),
        html("label", {}, html("span", {}, "activation σ"), html("input", {type: "text", size: 16, value: sigma, "data-key": "sigma", onchange: (event) => {
          const wrong = wrongActivation(event.target.value);
          if (wrong || !change({sigma: event.target.value})) message(`activation: ${wrong}.`);
        }})),
        html("label", {}, html("span", {}, "b"), html("input", {type: "text", size: 6, value: disk.b, "data-key": "b", onchange: typed("b", (text) => set({b: text}))})),
        html("label", {}, html("span", {}, "filter"), html("select", {"aria-label": "filter", onchange: (event) => FILTERS[event.target.value] && set({w: FILTERS[event.target.value]})},
          ["choose …", ...Object.keys(FILTERS)].map((name) => html("option", {value: name}, name))))),
      html("fieldset", {class: "taps"}, html("legend", {}, "Taps"),
        disk.w.map((text, k) => html("input", {type: "text", size: 6, value: text, "aria-label": `tap ${(k % 3) - 1}, ${Math.floor(k / 3) - 1}`, "data-key": `w${k}`,
          onchange: typed("tap", (x) => set({w: disk.w.map((old, j) => (j === k ? x : old))}))}))));
    if (focused) controls.querySelector(`[data-key="${focused}"]`)?.focus();
  };

  const picture = (title, values, scale, role = "img") => {
    const cells = [];
    values.forEach((value, k) => {
      const share = Math.min(Math.abs(value) / scale, 1);
      if (share > 0.004) cells.push(svg("rect", {x: k % side, y: Math.floor(k / side), width: 1.02, height: 1.02, class: value < 0 ? "minus" : "plus", "fill-opacity": share.toFixed(3)}));
    });
    const drawing = svg("svg", {viewBox: `0 0 ${side} ${side}`, role, "aria-label": title, class: "picture"}, cells);
    return {figure: html("figure", {class: "plot"}, html("figcaption", {}, title), drawing), drawing};
  };

  const draw = (state) => {
    const {disk} = state;
    const sigma = activationOf(state.sigma).sigma;
    const w = disk.w.map((text) => valueOf(text));
    const b = valueOf(disk.b);
    const full = w.reduce((x, y) => x + y, 0);
    const area = sigma(full + b) - sigma(b);
    const shown = kept(disk.r, disk.x, disk.y);
    const response = correlated(shown, w).map((z) => sigma(z + b) - sigma(b));
    const directions = byDirection(w, b, sigma);
    const P = (directions.reduce((sum, [, value]) => sum + value, 0) * 2 * Math.PI) / TURNS;
    const sums = RADII.map((r) => correlated(kept(r, disk.x, disk.y), w).reduce((sum, z) => sum + sigma(z + b) - sigma(b), 0));

    const disc = picture("The disk, pixel by pixel: drag its centre or its edge", shown, 1, "group");
    const place = (event) => {
      const box = disc.drawing.getBoundingClientRect();
      return [((event.clientX - box.left) / box.width) * side - HALF - 0.5, ((event.clientY - box.top) / box.height) * side - HALF - 0.5];
    };
    const grip = (cx, cy, name, value, moved, keyed) => {
      const knob = svg("circle", {cx: cx + HALF + 0.5, cy: cy + HALF + 0.5, r: 0.75, class: "handle", tabindex: 0, role: "slider", "aria-label": name, "aria-valuenow": Number(value.toFixed(3)), "aria-valuetext": short(value)});
      knob.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        knob.focus();
        const follow = (next) => moved(...place(next));
        const end = () => ["pointermove", "pointerup", "pointercancel"].forEach((kind) => removeEventListener(kind, kind === "pointermove" ? follow : end));
        addEventListener("pointermove", follow);
        addEventListener("pointerup", end);
        addEventListener("pointercancel", end);
      });
      knob.addEventListener("keydown", (event) => {
        const step = {ArrowRight: [0.05, 0], ArrowLeft: [-0.05, 0], ArrowDown: [0, 0.05], ArrowUp: [0, -0.05]}[event.key];
        if (!step) return;
        event.preventDefault();
        keyed(...step);
      });
      disc.drawing.append(knob);
    };
    const hundredths = (x) => Math.round(x * 100) / 100;
    grip(disk.x, disk.y, "centre", disk.x, (x, y) => set({x: hundredths(x), y: hundredths(y)}), (dx, dy) => set({x: hundredths(disk.x + dx), y: hundredths(disk.y + dy)}));
    grip(disk.x + disk.r, disk.y, "radius", disk.r, (x, y) => set({r: hundredths(Math.hypot(x - disk.x, y - disk.y))}), (dx, dy) => set({r: hundredths(disk.r + dx - dy)}));

    const loud = Math.max(1e-12, ...w.map(Math.abs));
    disc.figure.append(legend(["box plus", "a pixel's share of the disk, from none to all"], ["dot handle", "centre, radius"]));
    const filter = svg("svg", {viewBox: "0 0 3 3", role: "group", "aria-label": "the filter", class: "picture"});
    w.forEach((tap, k) => {
      const name = `tap ${(k % 3) - 1}, ${Math.floor(k / 3) - 1}`.replaceAll("-", "−");
      const tune = (value) => set({w: disk.w.map((text, j) => (j === k ? String(Math.round(value * 100) / 100) : text))});
      const knob = svg("circle", {cx: (k % 3) + 0.5, cy: Math.floor(k / 3) + 0.5, r: 0.16, class: "handle", tabindex: 0, role: "slider", "aria-orientation": "vertical",
        "aria-label": name, "aria-valuenow": Number(tap.toFixed(3)), "aria-valuetext": short(tap)}, svg("title", {}, `${name} = ${short(tap)}`));
      knob.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        knob.focus();
        const unit = filter.getBoundingClientRect().height / 3;
        const follow = (moved) => tune(tap + (event.clientY - moved.clientY) / unit);
        const end = () => ["pointermove", "pointerup", "pointercancel"].forEach((kind) => removeEventListener(kind, kind === "pointermove" ? follow : end));
        addEventListener("pointermove", follow);
        addEventListener("pointerup", end);
        addEventListener("pointercancel", end);
      });
      knob.addEventListener("keydown", (event) => {
        const step = {ArrowUp: 0.05, ArrowRight: 0.05, ArrowDown: -0.05, ArrowLeft: -0.05}[event.key];
        if (!step) return;
        event.preventDefault();
        tune(tap + step);
      });
      filter.append(svg("rect", {x: k % 3, y: Math.floor(k / 3), width: 1, height: 1, class: tap < 0 ? "minus" : "plus", "fill-opacity": (Math.abs(tap) / loud).toFixed(3)}), knob);
    });

    const largest = Math.max(1e-12, ...response.map(Math.abs));
    const answered = picture(`What the filter answers: σ(z + b) − σ(b), up to ${short(largest)}`, response, largest);
    answered.figure.append(legend(["box plus", "above 0"], ["box minus", "below 0"]));

    const most = Math.max(1e-12, ...directions.map(([, value]) => Math.abs(value)));
    const turn = (pick) => directions.map(([angle, value]) => `${(100 + 90 * (pick(value) / most) * Math.cos(angle)).toFixed(1)} ${(100 + 90 * (pick(value) / most) * Math.sin(angle)).toFixed(1)}`).join("L");
    const polar = svg("svg", {viewBox: "0 0 200 200", role: "img", "aria-label": "P by direction", class: "picture"},
      svg("circle", {cx: 100, cy: 100, r: 90, class: "line thin border"}), svg("path", {d: `M${turn((x) => Math.max(x, 0))}Z`, class: "line channel1"}), svg("path", {d: `M${turn((x) => Math.max(-x, 0))}Z`, class: "line channel2 dashed"}));

    const total = plot({title: "The sum over all positions: area and perimeter terms", label: "sum of responses against radius", x: "r", y: "Σ", xs: [RADII[0], RADII.at(-1)], ys: around([...sums, ...RADII.map((r) => Math.PI * area * r * r + P * r)])});
    line(total, RADII.map((r) => [r, Math.PI * area * r * r]), "channel2 dashed");
    line(total, RADII.map((r) => [r, Math.PI * area * r * r + P * r]), "channel3 dashed");
    line(total, RADII.map((r, k) => [r, sums[k]]), "channel1");
    total.figure.append(legend(["line channel1", "Σ, the sum of the answers"], ["line channel2 dashed", "area: πΔ r²"], ["line channel3 dashed", "area and perimeter: πΔ r² + P r"]));
    const left = RADII.map((r, k) => [r, (sums[k] - Math.PI * area * r * r - P * r) / Math.sqrt(r)]);
    const waver = plot({title: "What is left, over √r: the answer wavers with the lattice", label: "remainder against radius", x: "r", y: "rest / √r", xs: [RADII[0], RADII.at(-1)], ys: around(left.map(([, y]) => y), 1e-3)});
    line(waver, left, "error");
    waver.figure.append(legend(["line", "(Σ − πΔ r² − P r)/√r"]));
    const focused = document.activeElement?.getAttribute?.("aria-label");
    fill(plots, disc.figure, html("figure", {class: "plot"}, html("figcaption", {}, "The filter: drag a tap up or down"), filter, legend(["box plus", "a tap above 0"], ["box minus", "a tap below 0"], ["dot handle", "drag it"])), answered.figure, html("figure", {class: "plot"}, html("figcaption", {}, `What an edge adds, by its direction: up to ${short(most)}`), polar,
      legend(["line channel1", "adds"], ["line channel2 dashed", "takes away"], ["line thin border", `the largest, ${short(most)}; P is the integral over all directions`])), total.figure, waver.figure);
    if (focused) plots.querySelector(`.handle[aria-label="${CSS.escape(focused)}"]`)?.focus({preventScroll: true});

    const moment = [0, 1].map((axis) => w.reduce((sum, tap, k) => sum + tap * ((axis ? Math.floor(k / 3) : k % 3) - 1), 0));
    const isAbs = activationOf(state.sigma).name === "abs" && b === 0 && Math.abs(full) < 1e-12;
    fill(verdict,
      html("p", {class: "headline"}, Math.abs(area) > 1e-12 ? "It adds up the area: the answer grows like r²." : Math.abs(P) > 1e-9 ? "It measures the perimeter: the answer grows like r." : "Neither area nor perimeter: it hardly answers."),
      html("p", {}, `Σ = πΔ r² + P r + what wavers like √r: Δ = ${short(area)}, P = ${short(P)}.`),
      html("p", {class: "soft"}, "Σ adds up σ(z + b) − σ(b) over all positions. Δ is what it answers inside the disk, and P what the edge adds per radius, by a midpoint rule over directions."),
      isAbs && html("p", {class: "soft"}, `Of |difference| P is at least 4|m| = ${short(dipole(...moment))}; the rest, ${short(P - dipole(...moment))}, is what both signs of the edge's response add.`),
      html("p", {class: "soft"}, `Centre (${short(disk.x)}, ${short(disk.y)}), radius ${short(disk.r)}.`));
  };

  const update = (state) => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => draw(state));
    drawControls(state);
  };
  return {update, close: () => cancelAnimationFrame(frame)};
};

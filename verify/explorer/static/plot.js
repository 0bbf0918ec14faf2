// A plot: axes with ticks, lines, dots and handles that can be dragged or moved by the arrow keys.

import {html, short, svg} from "dom";

const WIDTH = 420;
const HEIGHT = 240;
const MARGIN = {left: 46, right: 12, top: 18, bottom: 34};

const ticks = (low, high, most = 6) => {
  const raw = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((x) => x * power >= raw);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({length: last - first + 1}, (_, k) => (first + k) * step);
};

/** [low, high] around values, never empty. */
export const around = (values, least = 1e-9) => {
  const finite = values.filter(Number.isFinite);
  let low = Math.min(0, ...finite);
  let high = Math.max(0, ...finite);
  if (high - low < least) [low, high] = [low - least / 2, high + least / 2];
  const room = 0.06 * (high - low);
  return [low - room, high + room];
};

/** The frame of a plot; the scales x and y map numbers to places in it. */
export const plot = ({title, label, x, y, xs = [0, 1], ys = [0, 1]}) => {
  const inner = [WIDTH - MARGIN.left - MARGIN.right, HEIGHT - MARGIN.top - MARGIN.bottom];
  const X = (value) => MARGIN.left + (inner[0] * (value - xs[0])) / (xs[1] - xs[0]);
  const Y = (value) => MARGIN.top + inner[1] * (1 - (value - ys[0]) / (ys[1] - ys[0]));
  const bottom = Y(ys[0]);
  const axes = svg("g", {class: "axes", "aria-hidden": "true"},
    ticks(...xs).map((value) => [
      svg("line", {x1: X(value), x2: X(value), y1: MARGIN.top, y2: bottom}),
      svg("text", {x: X(value), y: bottom + 15, "text-anchor": "middle"}, short(value)),
    ]),
    ticks(...ys, 5).map((value) => [
      svg("line", {x1: X(xs[0]), x2: X(xs[1]), y1: Y(value), y2: Y(value), class: value === 0 ? "zero" : ""}),
      svg("text", {x: MARGIN.left - 5, y: Y(value) + 4, "text-anchor": "end"}, short(value)),
    ]),
    svg("text", {x: (X(xs[0]) + X(xs[1])) / 2, y: HEIGHT - 4, "text-anchor": "middle", class: "name"}, x),
    svg("text", {x: 4, y: 9, class: "name"}, y));
  const drawing = svg("svg", {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group", "aria-label": label}, axes);
  const figure = html("figure", {class: "plot"}, html("figcaption", {}, title), drawing);
  return {figure, drawing, X, Y, xs, ys};
};

/** What lines (line), dots (dot) and squares (box) of a figure stand for: [kind, words], its classes behind the first word. */
export const legend = (...entries) => html("p", {class: "legend"}, entries.filter(Boolean).map(([kind, words]) => {
  const [shape] = kind.split(" ");
  const mark = {
    line: () => svg("path", {d: "M0 6L26 6", class: kind}),
    dot: () => svg("circle", {cx: 13, cy: 6, r: 4, class: kind}),
    box: () => svg("rect", {x: 7, y: 0, width: 12, height: 12, class: kind}),
  }[shape]();
  return html("span", {}, svg("svg", {viewBox: "0 0 26 12", width: 26, height: 12, "aria-hidden": "true"}, mark), ` ${words}`);
}));

/** A line through points; NaN breaks it. */
export const line = ({drawing, X, Y}, points, kind) => {
  let text = "";
  let pen = "M";
  for (const [x, y] of points) {
    if (Number.isFinite(y)) {
      text += `${pen}${X(x).toFixed(2)} ${Y(y).toFixed(2)}`;
      pen = "L";
    } else pen = "M";
  }
  drawing.append(svg("path", {d: text, class: `line ${kind}`}));
};

export const dots = ({drawing, X, Y}, points, kind, radius = 3.5) => {
  for (const [x, y, name] of points) {
    if (!Number.isFinite(y)) continue;
    drawing.append(svg("circle", {cx: X(x), cy: Y(y), r: radius, class: `dot ${kind}`}, svg("title", {}, name ?? `${short(x)}, ${short(y)}`)));
  }
};

/** A handle at (x, y) that moves along y, or along x: move(value) is called with the new number. */
export const handle = (frame, {x, y, name, value, step, along = "y", kind = "", move}) => {
  const {drawing, X, Y, xs, ys} = frame;
  const knob = svg("circle", {cx: X(x), cy: Y(y), r: 8, class: `handle ${kind}`, tabindex: 0, role: "slider",
    "aria-label": name, "aria-valuenow": Number(value.toPrecision(6)), "aria-valuetext": `${name} = ${short(value)}`,
    "aria-orientation": along === "y" ? "vertical" : "horizontal"}, svg("title", {}, `${name} = ${short(value)}`));
  const number = (event) => {
    const box = drawing.getBoundingClientRect();
    if (along === "x") {
      const place = ((event.clientX - box.left) / box.width) * WIDTH;
      return xs[0] + ((place - MARGIN.left) / (WIDTH - MARGIN.left - MARGIN.right)) * (xs[1] - xs[0]);
    }
    const place = ((event.clientY - box.top) / box.height) * HEIGHT;
    return ys[1] - ((place - MARGIN.top) / (HEIGHT - MARGIN.top - MARGIN.bottom)) * (ys[1] - ys[0]);
  };
  knob.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    knob.focus();
    // The scales of the moment hold until the pointer is lifted, though the plot is drawn anew.
    const follow = (moved) => move(number(moved), true);
    const end = () => {
      removeEventListener("pointermove", follow);
      removeEventListener("pointerup", end);
      removeEventListener("pointercancel", end);
      move(null, false);
    };
    addEventListener("pointermove", follow);
    addEventListener("pointerup", end);
    addEventListener("pointercancel", end);
  });
  knob.addEventListener("keydown", (event) => {
    const steps = {ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10}[event.key];
    if (steps === undefined) return;
    event.preventDefault();
    move(value + steps * step, false);
  });
  drawing.append(knob);
};

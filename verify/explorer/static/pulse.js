// The pulse tab: every weight is a handle, and the plots answer.

import {lawsOf} from "account";
import {catalogue} from "catalogue";
import {fill, html, short} from "dom";
import {activationOf} from "expression";
import {gradeOf} from "grade";
import {piecesOf} from "known";
import {bends, canonical, cell, curve, errorAt, exact, exactReadout, flatBias, floats, leastDistance, placeOf, roundingOf, signal, weights, windows, worst} from "network";
import {nearest} from "nearest";
import {around, dots, handle, legend, line, plot} from "plot";
import {Fraction} from "numbers";
import {CHANNELS, initial, LENGTHS, numberText, TAPS, wrongActivation} from "state";

const SNAP = 400;
/** A dragged number as a text: a multiple of 1/SNAP-th, short and exact. */
const snapped = (x) => {
  const whole = Math.round(x * SNAP);
  return String(Number((whole / SNAP).toFixed(4)));
};
/** The states of the documentation, by name. */
const EXAMPLES = {
  "exact: the kink lies on a partial sum": initial(),
  "box filter": {...initial(), w: [["1/5", "1/5", "1/5", "1/5", "1/5"]], b: ["0"], a: ["1/2"], c: "0"},
  "a difference and its mirror image": {...initial(), sigma: "relu", w: [["1", "-1", "0"], ["-1", "1", "0"]], b: ["0", "0"], a: ["1/2", "1/2"], c: "0"},
  "tanh bends everywhere": {...initial(), sigma: "tanh", b: ["0"], a: ["0.6"]},
};

export const pulseTab = (panel, {change, message, current}) => {
  const plots = html("div", {class: "plots"});
  const controls = html("form", {class: "controls", onsubmit: (event) => event.preventDefault()});
  const verdict = html("div", {class: "verdict", role: "status", "aria-live": "polite"});
  panel.append(verdict, controls, plots);
  let frozen = null;
  let frame = 0;

  const replaced = (key, place, text) => {
    const state = current();
    if (key === "c") return {c: text};
    if (key === "w") return {w: state.w.map((w, k) => (k === place[0] ? w.map((x, u) => (u === place[1] ? text : x)) : w))};
    return {[key]: state[key].map((x, k) => (k === place[0] ? text : x))};
  };

  // ------------------------------------------------------------------------------------ controls
  const field = (key, place, text, name) =>
    html("label", {}, html("span", {}, name),
      html("input", {type: "text", inputmode: "text", value: text, size: 8, autocomplete: "off", "data-key": `${key}${place.join("-")}`,
        onchange: (event) => {
          const typed = numberText(event.target.value);
          if (typed === null || !change(replaced(key, place, typed))) {
            event.target.setAttribute("aria-invalid", "true");
            message(`${name}: a number is expected, such as 1/8, −0.25 or 3e-2, of at most a million.`);
          }
        }}));

  const resized = (channels, taps) => {
    const state = current();
    const pad = (w) => {
      const more = (taps - w.length) / 2;
      return more >= 0 ? [...Array(more).fill("0"), ...w, ...Array(more).fill("0")] : w.slice(-more, w.length + more);
    };
    const filled = (list, value) => Array.from({length: channels}, (_, k) => list[k] ?? value);
    const next = {w: filled(state.w.map(pad), Array(taps).fill("1/4")), b: filled(state.b, "0"), a: filled(state.a, "1/4")};
    change({...next, half: Math.max(state.half, taps)});
  };

  const select = (name, options, value, pick) =>
    html("label", {}, html("span", {}, name),
      html("select", {onchange: (event) => pick(event.target.value)},
        options.map((option) => html("option", {value: option, selected: String(option) === String(value)}, option))));

  const drawControls = (state) => {
    const focused = document.activeElement?.dataset?.key;
    fill(controls,
      html("fieldset", {}, html("legend", {}, "Network"),
        html("label", {}, html("span", {}, "activation σ"),
          html("input", {type: "text", size: 22, value: state.sigma, list: "activations", autocomplete: "off", spellcheck: "false", "data-key": "sigma",
            onchange: (event) => {
              const wrong = wrongActivation(event.target.value);
              if (!wrong && change({sigma: event.target.value})) return;
              event.target.setAttribute("aria-invalid", "true");
              message(`activation: ${wrong}.`);
            }}),
          html("datalist", {id: "activations"}, Object.keys(catalogue).map((name) => html("option", {value: name})))),
        select("taps", TAPS, state.w[0].length, (taps) => resized(state.w.length, Number(taps))),
        select("channels", CHANNELS, state.w.length, (channels) => resized(Number(channels), state.w[0].length)),
        html("label", {}, html("span", {}, "pixels on each side"),
          html("input", {type: "number", min: LENGTHS[0], max: LENGTHS[1], value: state.half, "data-key": "half",
            onchange: (event) => change({half: Number(event.target.value)}) || message("4 to 40 pixels, and no fewer than the filter's taps.")}))),
      state.w.map((w, k) => {
        const of = state.w.length > 1 ? ` of channel ${k + 1}` : "";
        return html("fieldset", {}, html("legend", {}, state.w.length > 1 ? `Channel ${k + 1}` : "Weights"),
          w.map((text, u) => field("w", [k, u], text, `w${u - (w.length - 1) / 2}${of}`.replace("-", "−"))),
          field("b", [k], state.b[k], `b${of}`), field("a", [k], state.a[k], `a${of}`),
          k === 0 && field("c", [], state.c, "c"));
      }),
      html("fieldset", {class: "buttons"}, html("legend", {}, "Do"),
        html("button", {type: "button", onclick: bestReadout}, "Exact readout"),
        html("button", {type: "button", onclick: toNearest}, "Nearest exact network"),
        html("button", {type: "button", onclick: straight}, "Nearest biases without bends"),
        html("button", {type: "button", onclick: canonicalForm}, "Canonical form"),
        html("button", {type: "button", onclick: random}, "Random start"),
        select("example", ["choose …", ...Object.keys(EXAMPLES)], "choose …", (name) => EXAMPLES[name] && change(EXAMPLES[name]))));
    if (focused) controls.querySelector(`[data-key="${focused}"]`)?.focus();
  };

  const bestReadout = () => {
    const state = current();
    const net = exact(state) ?? floats(state);
    const found = exactReadout(net);
    if (!found) return message("No channel answers to the radius (Δ = 0): no readout helps.");
    const text = (x) => (typeof x === "number" ? String(x) : String(x).length < 40 ? String(x) : String(Number(x)));
    return change({a: found.a.map(text), c: text(found.c)});
  };

  const straight = () => {
    const net = exact(current());
    if (!net?.kinks.length) return message("The activation has no kink to place.");
    const biases = net.w.map((_, k) => flatBias(net, k));
    if (biases.includes(null)) return message("No bias keeps every channel straight: its staircases meet the kinks from both sides.");
    return change({b: biases.map(String)});
  };

  const toNearest = () => {
    const state = current();
    const pieces = piecesOf(state.sigma);
    if (!pieces.branches.length && pieces.mirror === null) return message("The page knows no exact networks of this activation; the Activation tab says whether there are any.");
    const net = {...(exact(state) ?? floats(state)), ...weights(state)};
    for (const {w, b, a, c, distance} of nearest(net, pieces)) {
      const next = {w: w.map((row) => row.map(String)), b: b.map(String), a: a.map(String), c: String(c)};
      const {isExact, seemsExact} = lawsOf({...state, ...next});
      if (!isExact && !seemsExact) continue;
      if (!change(next)) break;
      const bound = leastDistance(floats(state), pieces.branches);
      return message(`All weights together moved by ${short(distance)}: the nearest exact network that was found.${bound ? ` None is nearer than ${short(bound)}.` : ""}`);
    }
    return message("No exact network was found near this one. Start elsewhere, or with more taps or channels.");
  };

  const canonicalForm = () => {
    const state = current();
    const {homogeneous, parity} = activationOf(state.sigma);
    const net = exact(state) ?? floats(state);
    const channels = canonical(net, {homogeneous, parity});
    change({w: channels.map(({w}) => w.map(String)), b: channels.map(({b}) => String(b)), a: channels.map(({a}) => String(a))});
  };

  const random = () => {
    const state = current();
    const draw = () => snapped((Math.random() - 0.5) * 2);
    change({w: state.w.map((w) => w.map(draw)), b: state.b.map(draw), a: state.a.map(draw), c: draw()});
  };

  // --------------------------------------------------------------------------------------- plots
  const scale = (name, values) => frozen?.[name] ?? around(values, name === "error" ? 0.02 : 0.2);

  const drawPlots = (state) => {
    const net = floats(state);
    const kinks = net.kinks ?? [];
    const scales = {};
    const keep = (name, values) => (scales[name] = scale(name, values));
    const dragged = (parts) => (value, more) => {
      if (value === null) {
        frozen = null;
        return change({});
      }
      if (more) frozen ??= scales;
      return change(parts(snapped(value)));
    };
    const figures = [];

    const x = signal(state.half, state.radius);
    const places = x.map((_, k) => k - state.half);
    const pulse = plot({title: "The pulse: drag its edge", label: "pulse against position", x: "position", y: "x", xs: [-state.half - 0.5, state.half + 0.5], ys: [-0.08, 1.25]});
    line(pulse, places.flatMap((i, k) => [[i - 0.5, x[k]], [i + 0.5, x[k]]]), "pulse");
    handle(pulse, {x: state.radius, y: 1.1, name: "radius", value: state.radius, step: 0.05, along: "x", move: (value, more) => {
      if (value === null) frozen = null;
      else change({radius: Math.max(0.5, value)});
    }});
    pulse.figure.append(legend(["line", "the signal x, pixel by pixel"]));
    figures.push(pulse.figure);
    const each = (kind, words) => net.w.map((_, k) => [`${kind} channel${k + 1}`, net.channels > 1 ? `${words} of channel ${k + 1}` : words]);
    const kinked = kinks.length > 0 && ["line kink", kinks.length > 1 ? "kinks of σ" : "the kink of σ"];

    const answers = net.w.map((w, k) => places.map((_, p) => w.reduce((sum, tap, u) => sum + tap * (x[p + u - net.h] ?? 0), net.b[k])));
    const sight = plot({title: "What every window answers: z by position; σ of it is added up", label: "pre-activation against position", x: "position", y: "z", xs: [-state.half - 0.5, state.half + 0.5], ys: keep("sight", [...answers.flat(), ...kinks])});
    kinks.forEach((kink) => line(sight, [[-state.half - 0.5, kink], [state.half + 0.5, kink]], "kink"));
    answers.forEach((z, k) => {
      line(sight, z.map((value, p) => [places[p], value]), `channel${k + 1} thin`);
      dots(sight, z.map((value, p) => [places[p], value]), `channel${k + 1}`, 2.5);
    });

    const taps = state.w[0].map((_, u) => u - net.h);
    const filter = plot({title: "The filters: drag a tap", label: "taps of the filters", x: "tap u", y: "w", xs: [-net.h - 0.7, net.h + 0.7], ys: keep("w", net.w.flat())});
    net.w.forEach((w, k) => {
      line(filter, w.map((tap, u) => [taps[u], tap]), `channel${k + 1} thin`);
      w.forEach((tap, u) => handle(filter, {x: taps[u] + 0.06 * (k - (net.channels - 1) / 2) * 3, y: tap, kind: `channel${k + 1}`,
        name: `w ${taps[u]}${net.channels > 1 ? ` of channel ${k + 1}` : ""}`.replace("-", "−"), value: tap, step: 1 / 80, move: dragged((text) => replaced("w", [k, u], text))}));
    });
    filter.figure.append(legend(...each("dot", "taps w")));
    sight.figure.append(legend(...each("dot", "z = (w ⋆ x) + b"), kinked));
    figures.push(filter.figure, sight.figure);

    const sums = net.w.map((w) => net.byTaps.sums(w));
    const levels = sums.flatMap(({left, right}, k) => [...left, ...right].map((s) => s + net.b[k]));
    const stairs = plot({title: "The staircases: partial sums of the taps, + b", label: "staircases of the partial sums", x: "taps added", y: "z", xs: [-0.3, net.taps + 0.3], ys: keep("stairs", [...levels, ...kinks])});
    kinks.forEach((kink) => line(stairs, [[-0.3, kink], [net.taps + 0.3, kink]], "kink"));
    sums.forEach(({left, right}, k) => {
      for (const [side, kind] of [[left, ""], [right, "dashed"]]) {
        line(stairs, side.map((s, j) => [j, s + net.b[k]]), `channel${k + 1} ${kind}`);
        dots(stairs, side.map((s, j) => [j, s + net.b[k], `${kind ? "T" : "C"}: ${short(s)} + b = ${short(s + net.b[k])}`]), `channel${k + 1}`);
      }
      handle(stairs, {x: 0, y: net.b[k], name: `b${net.channels > 1 ? ` of channel ${k + 1}` : ""}`, value: net.b[k], step: 1 / 80, kind: `channel${k + 1}`, move: dragged((text) => replaced("b", [k], text))});
    });
    stairs.figure.append(legend(...each("line", "from the left"), ...each("line dashed", "from the right"), ["dot handle", "b: drag it"], kinked));
    figures.push(stairs.figure);

    const [m, phi] = placeOf(net, state.radius);
    const seen = net.w.map((w, k) => [0, net.arithmetic.add(...w), ...windows(net, w, m).map(([p, q]) => p + phi * (q - p))].map((z) => z + net.b[k]));
    const zs = keep("z", [...seen.flat(), ...kinks, -1, 1]);
    const grid = Array.from({length: 161}, (_, k) => zs[0] + (k / 160) * (zs[1] - zs[0]));
    const graph = plot({title: "σ, and the pre-activations at this radius", label: "activation with pre-activations", x: "z", y: "σ", xs: zs, ys: keep("sigma", grid.map(net.sigma))});
    line(graph, grid.map((z) => [z, net.sigma(z)]), "sigma");
    seen.forEach((values, k) => dots(graph, values.map((z) => [z, net.sigma(z)]), `channel${k + 1}`));
    graph.figure.append(legend(["line", "σ"], ...each("dot", "z at r")));
    figures.push(graph.figure);

    const points = curve(net);
    const error = plot({title: "The error r̂ − r over every real radius", label: "error against radius", x: "r", y: "r̂ − r", xs: [0, net.last + 1], ys: keep("error", points.map(([, e]) => e))});
    line(error, [[net.h + 0.5, error.ys[0]], [net.h + 0.5, error.ys[1]]], "border");
    line(error, points, "error");
    const most = worst(net);
    const worstSeen = most !== null && most.size > roundingOf(net);
    if (worstSeen) dots(error, [[most.radius, most.error, `largest: ${short(most.size)} at r = ${short(most.radius)}`]], "most", 4);
    const off = errorAt(net, m, phi);
    dots(error, [[state.radius, off, `r = ${short(state.radius)}, r̂ = ${short(state.radius + off)}, error ${short(off)}`]], "here", 5);
    error.figure.append(legend(["line", "r̂ − r"], ["dot here", "the radius chosen"], worstSeen && ["dot most", "the largest error"], ["line border", `from here on the pulse covers the filter: r = ${net.h + 0.5}`]));
    figures.push(error.figure);
    const focused = document.activeElement?.getAttribute?.("aria-label");
    fill(plots, figures);
    if (focused) plots.querySelector(`.handle[aria-label="${CSS.escape(focused)}"]`)?.focus({preventScroll: true});
  };

  // ------------------------------------------------------------------------------------- verdict
  const KINDS = {
    linear: "linear: the kink lies beyond its staircases",
    threshold: "at the threshold: the kink lies on partial sums and between no two",
    crossed: "crossed: the kink lies inside a step, where the response bends",
  };

  const told = (state) => {
    const laws = lawsOf(state);
    const {exactly, net, alpha, beta, bend, flat, rounding} = laws;
    const {kinks} = net;
    const {add, equal, zero} = net.arithmetic;
    const most = worst(net);
    const radius = exactly ? Fraction.parse(String(state.radius)) : state.radius;
    const off = errorAt(net, ...placeOf(net, radius));
    const sampled = most ? null : curve(floats(state), 40).reduce((best, point) => (Math.abs(point[1]) > Math.abs(best[1]) ? point : best));
    const grade = gradeOf(state, laws);
    const number = (x) => (typeof x === "number" ? short(x) : String(x).length < 24 ? `${x}` : short(Number(x)));
    const row = (name, value, word) => html("tr", {}, html("th", {scope: "row"}, name), html("td", {}, value), html("td", {}, word));
    const word = (x) => (equal(x, zero) ? "holds" : !exactly && Math.abs(x) <= rounding ? "holds but for rounding" : "does not hold");
    fill(verdict,
      html("p", {class: grade.good ? "headline holds" : "headline"}, grade.words),
      html("p", {class: "soft"}, `Grade: ${grade.name}; ${grade.tolerance}.`),
      html("table", {},
        html("tbody", {},
          row("slope law, α = 2 Σ a Δ − 1", number(alpha), word(alpha)),
          row("offset law, β = c + Σ a (N g(0) + κ)", number(beta), word(beta)),
          row("sub-pixel law, largest D(φ)", flat ? "0" : short(bend), flat ? "holds" : !exactly && Math.abs(bend) <= rounding ? "holds but for rounding" : "does not hold"),
          row("largest error over all real radii", most ? (equal(most.size, zero) ? "0" : `${number(most.size)} at r = ${number(most.radius)}`) : `${short(Math.abs(sampled[1]))} near r = ${short(sampled[0])}`,
            most ? (exactly ? "exact" : "in float64") : "sampled"),
          row("at the radius chosen", `r = ${short(state.radius)}, r̂ = ${short(Number(add(radius, off)))}, error ${number(off)}`, exactly ? "exact" : "in float64"))),
      html("details", {}, html("summary", {}, "What the letters mean"),
        html("p", {class: "soft"}, "r̂ = c + Σ a Σ σ((w ⋆ x) + b): a sum over channels, and over the N pixels. Of each channel, g(z) = σ(z + b), Δ = g(S) − g(0) with S the sum of its taps, and κ is what its windows on both edges add."),
        html("p", {class: "soft"}, "On a plateau, where the pulse covers the filter, r̂ − r = α r + β + D(φ), and φ in [0, 1) says where within a pixel the edge lies. A network is exact there if all three are 0.")),
      (kinks ?? []).slice(0, 2).flatMap((kink) => net.w.map((_, k) => {
        const {kind, left, right} = cell(net, k, kink);
        return html("p", {class: "soft"}, `${net.channels > 1 ? `Channel ${k + 1}, kink` : "Kink"} at ${number(kink)}: ${KINDS[kind]} (signs ${left} and ${right}).`.replaceAll("-", "−"));
      })));
  };

  let settled = 0;
  const update = (state) => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => drawPlots(state));
    clearTimeout(settled);
    settled = setTimeout(() => { told(state); drawControls(state); }, frozen ? 60 : 0);
  };
  return {update};
};

// The training tab: gradient descent in the page, beside what the theory says of every weight.

import {fill, html, short} from "dom";
import {activationOf} from "expression";
import {float as laws} from "laws";
import {floats, signal} from "network";
import {around, dots, legend, line, plot} from "plot";

const PER_CELL = 4;
const FRAMES = 2000;
/** A loss below this is rounding: nothing is left to learn. */
const LEARNT = 1e-20;
const SEED = 1;

/** Windows of the training signals: for each radius the distinct windows with their counts, by the definition. */
export const dataOf = (net) => {
  const rows = [];
  for (let m = net.h + 1; m <= net.last; m++) {
    for (let k = 0; k < PER_CELL; k++) {
      const r = m - 0.5 + k / PER_CELL;
      const x = signal(net.half, r);
      const counts = new Map();
      for (let i = 0; i < x.length; i++) {
        const window = Array.from({length: net.taps}, (_, u) => x[i + u - net.h] ?? 0);
        const key = window.join();
        if (counts.has(key)) counts.get(key).count += 1;
        else counts.set(key, {window, count: 1});
      }
      rows.push({r, windows: [...counts.values()]});
    }
  }
  return rows;
};

/** The mean of (r̂ - r)² over rows, and its gradient, by the chain rule. */
export const descent = (net, rows, slope) => {
  const gradient = {w: net.w.map((w) => w.map(() => 0)), b: net.b.map(() => 0), a: net.a.map(() => 0), c: 0};
  let loss = 0;
  for (const {r, windows} of rows) {
    let error = net.c - r;
    const by = net.w.map(() => ({w: Array(net.taps).fill(0), b: 0, a: 0}));
    net.w.forEach((w, k) => {
      for (const {window, count} of windows) {
        let z = net.b[k];
        for (let u = 0; u < net.taps; u++) z += w[u] * window[u];
        const push = count * net.a[k] * slope(z);
        by[k].a += count * net.sigma(z);
        by[k].b += push;
        for (let u = 0; u < net.taps; u++) by[k].w[u] += push * window[u];
      }
      error += net.a[k] * by[k].a;
    });
    loss += (error * error) / rows.length;
    const share = (2 * error) / rows.length;
    by.forEach((own, k) => {
      own.w.forEach((x, u) => { gradient.w[k][u] += share * x; });
      gradient.b[k] += share * own.b;
      gradient.a[k] += share * own.a;
    });
    gradient.c += share;
  }
  return {loss, gradient};
};

const flat = ({w, b, a, c}) => [...w.flat(), ...b, ...a, c];
const shaped = (net, x) => {
  const size = net.channels * net.taps;
  return {
    w: net.w.map((_, k) => x.slice(k * net.taps, (k + 1) * net.taps)), b: x.slice(size, size + net.channels),
    a: x.slice(size + net.channels, size + 2 * net.channels), c: x[x.length - 1],
  };
};

const squared = (x) => x.reduce((sum, y) => sum + y * y, 0);
/** E r² and E r. */
const moments = (rows) => [2, 1].map((power) => rows.reduce((sum, {r}) => sum + r ** power / rows.length, 0));

/** What the theory says of a start on the linear cell: where the flow ends, its pace, the step that no longer settles. */
export const predicted = (net, rows) => {
  const {taps, channels} = net;
  const w = net.w.map((row) => [...row]);
  const a = [...net.a];
  const root = Math.sqrt(taps);
  const both = laws[`n${taps}k${channels}`];
  const [u, v] = both.light_cone(w, a, root);
  const [big, small] = [squared(u), squared(v)];
  if (big === 0) return null;
  const [second, first] = moments(rows);
  const {any} = laws;
  const [sum, product] = any.pair(any.gain_from_start(big, small, root), second, first);
  const sharp = (sum + Math.sqrt(sum * sum - 4 * product)) / 2;
  const [plus, minus] = any.roots(big, small, root);
  const rate = any.rate(big, small, root, second);
  const at = (rho) => halves(any.stretch(big, small, root, Math.exp(rho)), Math.exp(rho));
  return {
    root, end: {...both.end(w, a, root), b: a.map(() => 0), c: 0}, sharp: {withC: sharp, without: rate}, flattest: any.flattest(root, second),
    path: (time) => both.turned(w, a, root, ...halves(any.stretch_at(plus, minus, Math.exp(-rate * time)), 1)),
    stepped: ({rho, signs: [first, second]}) => {
      const [A, B] = at(rho);
      return both.turned(w, a, root, first * A, second * B);
    },
    /** How far full batches without c, of this step, end from the flow's end at most; null where that is not shown. */
    bound: (step) => {
      const pace = 4 * root * second * step;
      const delta = pace * Math.abs(1 - 2 * any.theta(big, small, root, 1, 1));
      if (delta >= 1) return null;
      const rho = any.drift(delta, Math.abs(Math.log(any.stretch(big, small, root, 1))) / 2);
      if (!(rho >= 0 && rho < 10)) return null;
      const e = any.stretch(big, small, root, Math.exp(rho));
      if (!(any.slowing(pace, root, Math.max(big + small, big * e + small / e), delta) <= 1)) return null;
      const [here, there] = [at(0), at(rho)];
      return both.change(w, a, root, here[0] - there[0], here[1] - there[1]);
    },
    /** ρ as the weights show it, and the signs: all of u have been multiplied by A, all of v by B; momentum may turn one. */
    drifted: (now) => {
      const [x, y] = both.light_cone(now.w, now.a, root);
      const share = (p, q) => p.reduce((sum, value, k) => sum + value * q[k], 0) / squared(q);
      const [A, B] = [share(x, u), small === 0 ? 1 : share(y, v)];
      return {rho: -Math.log(Math.abs(A * B)), signs: [Math.sign(A), Math.sign(B)]};
    },
    collapse: any.collapse(second - first * first, root), u,
    box: (penalty) => {
      const theta = any.angle(penalty, second - first * first, root);
      const [readout, box] = theta > 0 ? laws[`k${channels}`].box(u, theta, root) : [u.map(() => 0), u.map(() => 0)];
      return {a: readout, w: box.map((x) => Array(taps).fill(x)), b: readout.map(() => 0)};
    },
  };
};

/** Where the flow of one channel with a conv bias ends; null where the data decide its sign. */
export const predictedWithBias = (net, rows, loss) => {
  const own = laws[`n${net.taps}`];
  const [w, b, a] = [[...net.w[0]], net.b[0], net.a[0]];
  const kept = own.bias_balance(w, b, a);
  if (!(kept > 0 || loss < moments(rows)[0])) return null;
  const end = own.bias_end(w, b, a, Math.sign(a));
  return {end: {w: [end.w], a: [end.a], b: [0], c: 0}, balance: (now) => own.bias_balance(now.w[0], now.b[0], now.a[0])};
};

/** Numbers in [0, 1) that are the same every time: a linear congruential generator. */
const seeded = (seed) => {
  let state = BigInt(seed);
  return () => {
    state = (state * 6364136223846793005n + 1442695040888963407n) % 2n ** 64n;
    return Number(state >> 11n) / 2 ** 53;
  };
};

/** Weights of the same size on the linear cell, drawn: ReLU's partial sums are not negative. */
const drawn = (state, random) => {
  const draw = () => String(Number((0.02 + 0.2 * random()).toFixed(4)));
  return {sigma: ["identity", "relu"].includes(activationOf(state.sigma).name) ? state.sigma : "relu", w: state.w.map((w) => w.map(draw)), b: state.b.map(() => "0"), a: state.a.map(draw), c: "0"};
};

/** (A, B) with A/B = E and AB = 1/grown. */
const halves = (E, grown) => [Math.sqrt(E / grown), 1 / Math.sqrt(E * grown)];

export const trainingTab = (panel, {change, current, message}) => {
  const controls = html("form", {class: "controls", onsubmit: (event) => event.preventDefault()});
  const verdict = html("div", {class: "verdict", role: "status"});
  const plots = html("div", {class: "plots"});
  const table = html("div", {class: "wide", tabindex: 0, role: "region", "aria-label": "every weight"});
  panel.append(verdict, controls, plots, table);
  let run = null;
  let frame = 0;
  let playing = false;

  const begin = () => {
    const own = floats(current());
    const exact = descent(own, dataOf(own), own.slope).loss < LEARNT;
    const state = exact && !current().training.stay ? {...current(), ...drawn(current(), seeded(SEED))} : current();
    const net = floats(state);
    const {name} = activationOf(state.sigma);
    const linear = name === "identity" || (name === "relu" && net.w.every((w, k) => {
      const {left, right} = net.byTaps.sums(w);
      return [...left, ...right].every((sum) => sum + net.b[k] >= 0);
    }));
    const rows = dataOf(net);
    const {b, c} = state.training;
    const unbiased = linear && !b && net.b.every((x) => x === 0);
    const theory = unbiased ? predicted(net, rows) : null;
    const first = descent(net, rows, net.slope).loss;
    const biased = linear && b && !c && net.c === 0 && net.channels === 1 ? predictedWithBias(net, rows, first) : null;
    const sharp = theory && (c ? theory.sharp.withC : theory.sharp.without);
    run = {state, exact, net, rows, linear, theory, biased, sharp, start: structuredClone({w: net.w, b: net.b, a: net.a, c: net.c}), steps: 0, rho: 0, history: [], moved: null, squares: null};
    run.rate = sharp ? laws.any.threshold(sharp, 0) * state.training.step : 1e-3 * state.training.step;
    record(first);
  };

  const record = (loss) => {
    const {net} = run;
    run.history.push({step: run.steps, loss, w: net.w.map((w) => [...w]), a: [...net.a]});
    if (run.history.length > FRAMES) run.history = run.history.filter((_, k) => k % 2 === 0);
  };

  /** One step of torch.optim.SGD or Adam, written out. */
  const step = () => {
    const {net, state, rows} = run;
    const {momentum, decay, optimizer, c, b, batch} = state.training;
    const used = batch === "one" ? [rows[Math.floor(Math.random() * rows.length)]] : rows;
    const {loss, gradient} = descent(net, used, net.slope);
    const penalty = run.theory ? decay * run.theory.collapse : decay;
    const x = flat(net);
    const size = net.channels * net.taps;
    const g = flat(gradient).map((value, k) => {
      const isB = k >= size && k < size + net.channels;
      const isC = k === x.length - 1;
      if ((isB && !b) || (isC && !c)) return 0;
      return isB || isC ? value : value + 2 * penalty * x[k];
    });
    if (run.theory && optimizer === "sgd" && !momentum && !decay) {
      const correlation = used.reduce((sum, row) => sum + ((answer(net, row) - row.r) * row.r) / used.length, 0);
      const delta = -4 * run.theory.root * run.rate * correlation;
      run.rho -= Math.log(Math.max(1 - delta * delta, Number.MIN_VALUE));
    }
    let moved;
    if (optimizer === "adam") {
      run.steps += 1;
      run.moved = g.map((value, k) => 0.9 * (run.moved?.[k] ?? 0) + 0.1 * value);
      run.squares = g.map((value, k) => 0.999 * (run.squares?.[k] ?? 0) + 0.001 * value * value);
      const [p, q] = [1 - 0.9 ** run.steps, 1 - 0.999 ** run.steps];
      moved = run.moved.map((value, k) => (0.01 * state.training.step * (value / p)) / (Math.sqrt(run.squares[k] / q) + 1e-8));
    } else {
      run.steps += 1;
      run.moved = g.map((value, k) => momentum * (run.moved?.[k] ?? 0) + value);
      moved = run.moved.map((value) => run.rate * value);
    }
    Object.assign(net, shaped(net, x.map((value, k) => value - moved[k])));
    net.g = net.b.map((bias) => (z) => net.sigma(z + bias));
    if (!flat(net).every((value) => Math.abs(value) < 1e12)) {
      playing = false;
      message("The weights run away: the step is beyond its threshold.");
    }
    record(loss);
  };

  const answer = (net, {windows}) => net.c + net.w.reduce((sum, w, k) =>
    sum + net.a[k] * windows.reduce((total, {window, count}) =>
      total + count * net.sigma(window.reduce((z, x, u) => z + x * w[u], net.b[k])), 0), 0);

  const tick = () => {
    if (!playing) return;
    for (let k = 0; k < run.state.training.speed && playing; k++) step();
    draw();
    frame = requestAnimationFrame(tick);
  };

  const play = () => {
    playing = !playing;
    drawControls();
    if (playing) frame = requestAnimationFrame(tick);
  };
  const reset = () => {
    playing = false;
    cancelAnimationFrame(frame);
    begin();
    draw();
    drawControls();
  };

  const set = (parts) => change({training: {...current().training, ...parts}});

  const slider = (name, key, {min, max, by}, text) =>
    html("label", {}, html("span", {}, `${name}: ${text(current().training[key])}`),
      html("input", {type: "range", min, max, step: by, value: current().training[key], "data-key": key, "aria-label": name,
        onchange: (event) => set({[key]: Number(event.target.value)})}));
  const box = (name, key) =>
    html("label", {class: "check"}, html("input", {type: "checkbox", checked: current().training[key], onchange: (event) => set({[key]: event.target.checked})}), html("span", {}, name));
  const choice = (name, key, options) =>
    html("label", {}, html("span", {}, name), html("select", {onchange: (event) => set({[key]: event.target.value})},
      Object.entries(options).map(([value, text]) => html("option", {value, selected: value === current().training[key]}, text))));

  const drawControls = () => {
    const focused = document.activeElement?.dataset?.key;
    const {theory} = run;
    fill(controls,
      html("fieldset", {class: "buttons"}, html("legend", {}, "Training"),
        html("button", {type: "button", "data-key": "play", onclick: play}, playing ? "Pause" : "Train"),
        html("button", {type: "button", onclick: () => { step(); draw(); }}, "One step"),
        html("button", {type: "button", onclick: reset}, "Back to the start"),
        html("button", {type: "button", onclick: start}, "New random start"),
        run.exact && html("button", {type: "button", "data-key": "stay", onclick: () => set({stay: !current().training.stay})}, current().training.stay ? "Start elsewhere" : "Start from the exact network")),
      html("fieldset", {}, html("legend", {}, "How"),
        choice("optimizer", "optimizer", {sgd: "SGD", adam: "Adam"}),
        choice("batch", "batch", {all: "all radii", one: "one radius at random"}),
        slider("step", "step", {min: 0.02, max: 1.4, by: 0.02}, (x) => (theory ? `${x} of the threshold 2/λ` : short(x))),
        slider("momentum", "momentum", {min: 0, max: 0.95, by: 0.05}, String),
        slider("weight decay", "decay", {min: 0, max: 1.1, by: 0.05}, (x) => (theory ? `${x} of the collapse` : String(x))),
        slider("steps per frame", "speed", {min: 1, max: 50, by: 1}, String),
        box("train c", "c"), box("train b", "b")));
    if (focused) controls.querySelector(`[data-key="${focused}"]`)?.focus();
  };

  const start = () => change(drawn(current(), Math.random));

  const draw = () => {
    const {net, theory, history, rate, state} = run;
    const {optimizer, momentum, decay, b} = state.training;
    const steps = Math.max(run.steps, 10);
    const last = history.at(-1);
    const floor = 1e-32;
    const logs = history.map(({step, loss}) => [step, Math.log10(Math.max(loss, floor))]);
    const loss = plot({title: "The loss", label: "loss against steps", x: "step", y: "log₁₀ loss", xs: [0, steps], ys: [Math.min(-2, ...logs.map(([, y]) => y)) - 1, Math.max(1, ...logs.map(([, y]) => y)) + 0.5]});
    line(loss, logs, "error");
    dots(loss, logs.slice(-1), "", 3);

    const ending = decay ? state.training.c && theory?.box(decay * theory.collapse) : (theory ?? run.biased)?.end;
    const reach = [...history.flatMap(({w, a}) => [...w.flat(), ...a]), ...(ending ? [...ending.w.flat(), ...ending.a] : [])];
    const path = plot({title: "Every weight on its way", label: "weights against steps", x: "step", y: "w, a", xs: [0, steps * 1.06], ys: around(reach, 0.1)});
    net.w.forEach((w, k) => {
      w.forEach((_, u) => line(path, history.map((entry) => [entry.step, entry.w[k][u]]), `channel${k + 1} thin`));
      line(path, history.map((entry) => [entry.step, entry.a[k]]), `channel${k + 1} dashed`);
      if (ending) dots(path, [...ending.w[k].map((x, u) => [steps * 1.03, x, `w${u - net.h} ends at ${short(x)}`]), [steps * 1.03, ending.a[k], `a ends at ${short(ending.a[k])}`]], `channel${k + 1}`);
    });
    if (run.steps === 0) net.w.forEach((w, k) => dots(path, [...w, net.a[k]].map((x) => [0, x]), `channel${k + 1}`, 3));
    const plain = theory && optimizer === "sgd" && !momentum && !decay && !b && !state.training.c && state.training.batch === "all";
    if (plain) {
      const times = Array.from({length: 80}, (_, k) => (k / 79) * steps);
      net.w.forEach((w, k) => w.forEach((_, u) => dots(path, times.map((t) => [t, theory.path(t * rate).w[k][u], "closed form of the flow"]), `channel${k + 1} faint`, 1.6)));
    }
    loss.figure.append(legend(["line", "the mean of (r̂ − r)² over the radii"]));
    path.figure.append(legend(...net.w.flatMap((_, k) => {
      const of = net.channels > 1 ? ` of channel ${k + 1}` : "";
      return [[`line thin channel${k + 1}`, `taps w${of}`], [`line dashed channel${k + 1}`, `readout a${of}`]];
    }), ending && ["dot channel1", "where the theory says it ends"], plain && ["dot channel1 faint", "closed form of the flow on the way"]));
    fill(plots, loss.figure, path.figure);

    const steppable = theory && !decay && optimizer === "sgd";
    // Without momentum ρ is what the steps add up to; with it the weights show what it is.
    const drift = steppable && (momentum ? theory.drifted(net) : {rho: run.rho, signs: [1, 1]});
    const finite = steppable && rate < laws.any.threshold(run.sharp, momentum) ? theory.stepped(drift) : null;
    const bound = plain ? theory.bound(rate) : null;
    const rows = net.w.flatMap((w, k) => [
      ...w.map((_, u) => [`w${u - net.h}`, (x) => x.w[k][u], k, bound?.w[k]]),
      ...(b || run.start.b[k] ? [["b", (x) => x.b[k], k]] : []), ["a", (x) => x.a[k], k, bound?.a[k]]]);
    if (state.training.c) rows.push(["c", (x) => x.c, null]);
    const columns = ["weight", "start", "now", ending && (decay ? "optimum under decay" : "end of the flow"), bound && "these steps end within", finite && "end with these steps", finite && "still to go"];
    const cells = ([, pick, , within]) => [pick(run.start), pick(net), ending && (pick(ending) ?? "—"), bound && `± ${short(within)}`,
      finite && pick({b: ending.b, c: 0, ...finite}), finite && pick({b: ending.b, c: 0, ...finite}) - pick(net)];
    fill(table, html("table", {class: "weights"},
      html("thead", {}, html("tr", {}, columns.filter(Boolean).map((name) => html("th", {scope: "col"}, name)))),
      html("tbody", {}, rows.map((row) => html("tr", {},
        html("th", {scope: "row"}, `${row[0]}${net.channels > 1 && row[2] !== null ? ` of channel ${row[2] + 1}` : ""}`.replace("-", "−")),
        cells(row).filter((x) => x !== null && x !== undefined && x !== false).map((x) => html("td", {}, typeof x === "number" ? short(x) : x)))))));

    const kept = [];
    const both = laws[`n${net.taps}k${net.channels}`];
    if (run.linear && !decay && net.taps > 1) kept.push(["taps less their mean", both.deviations(run.start.w), both.deviations(net.w)]);
    if (steppable) {
      // Steps of finite size multiply all of them by one number, exp(-ρ).
      const shrunk = Math.exp(-drift.rho) * drift.signs[0] * drift.signs[1];
      kept.push([`a_j a_k − S_j S_k/n and a_j S_k − a_k S_j, but for one factor of all, ${short(shrunk)}`, both.products(run.start.w, run.start.a).map((x) => x * shrunk), both.products(net.w, net.a)]);
    } else if (run.biased && !decay && optimizer === "sgd") kept.push(["a² − S²/n − b², by the flow", [run.biased.balance(run.start)], [run.biased.balance(net)]]);
    else if (!theory && !decay && optimizer === "sgd" && !state.training.c) kept.push(["a² − |w|² − b² of each channel, by the flow", run.start.w.map((w, k) => net.byTaps.everywhere(w, run.start.b[k], run.start.a[k])), net.w.map((w, k) => net.byTaps.everywhere(w, net.b[k], net.a[k]))]);
    const largest = (x, y) => Math.max(...x.map((value, k) => Math.abs(value - y[k])));
    fill(verdict,
      html("p", {class: "headline"}, decay >= 1 && theory ? "Beyond the collapse: nothing is left but c." : `Step ${run.steps}: loss ${short(last.loss)}.`),
      run.exact && html("p", {}, state.training.stay ? "This network is exact already, so training leaves it where it is."
        : "The network of the Pulse tab is exact already, and training would leave it where it is. This start was drawn for you, always the same: press Train."),
      !run.exact && run.steps === 0 && html("p", {}, "This is the network of the Pulse tab: press Train."),
      !theory && !run.biased && html("p", {}, "No closed form is known here. There is one for the linear cell: the identity, or ReLU with all partial sums ≥ 0, without b; or with b, one channel, no c, and a start that settles the sign of a. New random start draws such weights."),
      run.biased && html("p", {}, "One channel with a bias b and no c: the flow ends with b = 0, and every weight has a closed form."),
      theory && optimizer === "sgd" && told(run, state.training),
      theory && decay > 0 && !state.training.c && html("p", {}, "The optimum under decay has a closed form where c is trained, too."),
      optimizer === "adam" && html("p", {}, "Adam divides every gradient by its own scale: no closed form for its end is known, and the end of the flow is not where it goes. All taps of a filter have the same gradient, so their differences stay even so."),
      kept.map(([name, before, now]) => html("p", {class: "soft"}, `What does not change: ${name}. Moved by ${short(largest(before, now))} since the start.`)));
  };

  /** The threshold of the step, and what happens below and beyond it. */
  const told = ({sharp, theory, rate}, {momentum, c}) => {
    const most = laws.any.threshold(sharp, momentum);
    const factor = 1 - rate * sharp;
    const below = rate < most;
    const flatter = !c && !momentum && theory.flattest;
    return html("p", {}, `Sharpness where the flow ends: λ = ${short(sharp)}, known from the start. Steps above ${momentum ? "2(1 + β)/λ" : "2/λ"} = ${short(most)} do not settle there; this one is ${short(rate)}, ${below ? "below" : "beyond"}. `,
      below ? (momentum ? "" : `Near the end each step multiplies the error by 1 − ηλ = ${short(factor)}.`)
        : flatter ? (rate <= flatter ? `Training can only settle at a flatter exact network, with smaller weights; there are such up to the step ${short(flatter)}.` : `No exact network is flat enough: there is none beyond the step ${short(flatter)}. The error swings, or the weights run away.`)
          : "The error grows near the end: it swings, settles somewhere flatter, or the weights run away.");
  };

  const update = () => {
    playing = false;
    cancelAnimationFrame(frame);
    begin();
    draw();
    drawControls();
  };
  return {update, close: () => { playing = false; cancelAnimationFrame(frame); }};
};

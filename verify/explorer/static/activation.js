// The activation tab: what the shape of an activation permits, as theory/shape decides it.

import {ask} from "ask";
import {classified} from "classified";
import {fill, html, short} from "dom";
import {activationOf, Unreadable} from "expression";
import {knownAs} from "known";
import {exact, floats, residuals, roundingOf} from "network";
import {around, dots, line, plot} from "plot";
import {numberText} from "state";

const CLASSES = {
  affine_piece: "one affine piece is enough",
  linear_odd_part: "its odd part is a line",
  polynomial: "a polynomial piece whose copies cancel",
  affine_combination: "copies of it add up to a line",
  impossible: "no network with it is exact",
  undecided: "neither shown possible nor impossible",
};

/** Answers of the command that has served the page. */
const asked = new Map();
let waiting = null;

export const activationTab = (panel, {change, current, message, show}) => {
  const verdict = html("div", {class: "verdict", role: "status", "aria-live": "polite"});
  const picker = html("select", {"aria-label": "a known activation", onchange: (event) => choose(classified[event.target.value].text)},
    html("option", {value: ""}, "choose …"),
    Object.keys(classified).map((name) => html("option", {value: name}, name)));
  const typed = html("input", {type: "text", size: 34, spellcheck: "false", autocomplete: "off", "data-key": "sigma", "aria-label": "activation σ", onchange: (event) => choose(event.target.value)});
  const plots = html("div", {class: "plots"});
  panel.append(verdict, html("form", {class: "controls", onsubmit: (event) => event.preventDefault()},
    html("fieldset", {}, html("legend", {}, "Activation"), html("label", {}, html("span", {}, "σ"), typed), html("label", {}, html("span", {}, `${Object.keys(classified).length} known ones`), picker))), plots);

  const choose = (text) => {
    try {
      activationOf(text);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      typed.setAttribute("aria-invalid", "true");
      return message(`activation: ${error.message}.`);
    }
    typed.removeAttribute("aria-invalid");
    return change({sigma: text});
  };

  const load = ({text, weights}) => {
    const texts = [...weights.w.flat(), ...weights.b, ...weights.a];
    if (texts.some((x) => numberText(x) === null)) return message("Its exact weights are no fractions; python -m theory.shape prints them.");
    change({sigma: text, w: weights.w, b: weights.b, a: weights.a, c: "0", half: 12, radius: 4.3});
    // The readout bias depends on the number of pixels: it is what cancels β.
    const state = current();
    const net = exact(state) ?? floats(state);
    const [, beta] = residuals(net, net.arithmetic.zero);
    // What is no more than rounding is 0: constants that cancel.
    change({c: Math.abs(Number(beta)) <= roundingOf(floats(state)) ? "0" : String(net.arithmetic.neg(beta))});
    return show("pulse");
  };

  const update = (state) => {
    const {sigma, slope, kinks} = activationOf(state.sigma);
    if (document.activeElement !== typed) typed.value = state.sigma;
    const found = knownAs(state.sigma);
    picker.value = found?.[0] ?? "";
    const grid = Array.from({length: 321}, (_, k) => -4 + k / 40);
    const graph = plot({title: "σ", label: "the activation", x: "z", y: "σ(z)", xs: [-4, 4], ys: around(grid.map(sigma), 0.1)});
    line(graph, grid.map((z) => [z, sigma(z)]), "sigma");
    dots(graph, (kinks ?? []).map(Number).filter((z) => Math.abs(z) <= 4).map((z) => [z, sigma(z), `kink at ${short(z)}`]), "here", 4);
    const steep = plot({title: "σ′: exact networks add up copies of it to a constant", label: "the slope of the activation", x: "z", y: "σ′(z)", xs: [-4, 4], ys: around(grid.map(slope), 0.1)});
    line(steep, grid.map((z) => [z, slope(z)]), "channel1");
    fill(plots, graph.figure, steep.figure);
    if (found) return tell(...found);
    const text = state.sigma;
    if (asked.has(text)) return tell("σ", asked.get(text));
    if (!ask) {
      return fill(verdict, html("p", {class: "headline"}, "Not among the known ones."), html("p", {}, "The proof needs a computer algebra system, which a file does not have. ",
        html("code", {}, "python -m verify.explore --serve"), " shows this page with one; ", html("code", {}, `python -m theory.shape "${text}"`), " decides it in a terminal."));
    }
    fill(verdict, html("p", {class: "headline"}, "It is being decided; that takes up to 20 seconds."));
    if (waiting === text) return undefined;
    waiting = text;
    return ask(text).then((answer) => {
      if (waiting === text) waiting = null;
      asked.set(text, answer);
      if (current().sigma === text && verdict.isConnected) tell("σ", answer);
    });
  };

  /** Words of theory.shape with the signs of printed formulas. */
  const printed = (words) => words.replaceAll(/\boo\b/g, "∞").replaceAll("!=", "≠").replaceAll(">=", "≥").replaceAll("<=", "≤");

  const tell = (name, answer) => {
    if (answer.error) return fill(verdict, html("p", {class: "headline"}, `Not decided: ${answer.error}.`));
    const channels = answer.channels && `${answer.channels} channel${answer.channels > 1 ? "s" : ""}`;
    const headline = answer.channels ? `${name}: exact with ${channels}${answer.minimal && answer.channels > 1 ? ", and with no fewer" : ""}.` : answer.class === "impossible" ? `${name}: no network with it is exact, whatever its size.` : `${name}: undecided.`;
    return fill(verdict,
      html("p", {class: `headline ${answer.channels ? "holds" : ""}`}, headline),
      html("p", {}, `Why: ${CLASSES[answer.class]}. ${printed(answer.reason)}.`),
      answer.fewer && html("p", {class: "soft"}, `Fewer do not do: ${printed(answer.fewer)}.`),
      answer.weights && html("p", {}, `Exact weights: ${answer.weights.w.map((w, k) => `w = (${w.join(", ")}), b = ${answer.weights.b[k]}, a = ${answer.weights.a[k]}`).join("; ")}. `, html("button", {type: "button", onclick: () => load(answer)}, "Try them on the pulse")),
      answer.others && html("p", {class: "soft"}, `Others: ${printed(answer.others)}. S is the sum of the taps; C_j and T_j are its partial sums from the left and from the right.`),
      answer.steps.length > 0 && html("details", {}, html("summary", {}, `The ${answer.steps.length} steps of the proof`), html("ol", {}, answer.steps.map((step) => html("li", {}, step)))));
  };
  return {update};
};

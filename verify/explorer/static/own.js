// The tab for one's own network: a safetensors file or a certificate, dropped on the page and sent nowhere.

import {lawsOf, rolesOf} from "account";
import {check, Rejected} from "checker";
import {fill, html, short} from "dom";
import {Unreadable, activationOf} from "expression";
import {gradeOf} from "grade";
import {Fraction} from "numbers";
import {networkOf, tensorsOf, Unusable} from "safetensors";
import {LENGTHS, numberText} from "state";

const WEIGHTS = 2 ** 20;

/** The text of a number divided by a whole one. */
const divided = (text, count) => {
  const {n, d} = Fraction.parse(text);
  return String(new Fraction(n, d * BigInt(count)));
};

export const ownTab = (panel, {change, message, show}) => {
  const answer = html("div", {class: "verdict", role: "status", "aria-live": "polite"},
    html("p", {}, "Drop a .safetensors file with a convolution and a linear readout, or a certificate (.json). It is read here, in this page, and sent nowhere."),
    html("p", {}, "Of a network you learn whether it is exact, how much it errs at most, and what each weight is there for. Of a certificate, whether a second checker accepts it."),
    html("p", {class: "soft"}, "No file at hand? ", html("code", {}, "python -m verify.train --help"), " says how to make some."));
  const choose = html("input", {type: "file", accept: ".safetensors,.json", id: "file",
    onchange: (event) => { if (event.target.files[0]) read(event.target.files[0]); }});
  const sigma = html("input", {type: "text", size: 20, value: "", placeholder: "relu", "aria-label": "activation, if the file does not say it"});
  const half = html("input", {type: "number", min: 4, max: 40, value: "", placeholder: "12", "aria-label": "pixels on each side, if the file does not say them"});
  const area = html("div", {class: "drop"}, html("label", {for: "file"}, "A file"), choose,
    html("label", {}, html("span", {}, "activation, if the file does not say it"), sigma),
    html("label", {}, html("span", {}, "pixels on each side, likewise"), half));
  panel.append(answer, area);
  for (const kind of ["dragover", "drop"]) {
    panel.addEventListener(kind, (event) => {
      event.preventDefault();
      area.classList.toggle("over", kind === "dragover");
      if (kind === "drop" && event.dataTransfer.files[0]) read(event.dataTransfer.files[0]);
    });
  }

  const tell = (headline, good, ...others) => fill(answer, html("p", {class: `headline ${good ? "holds" : ""}`}, headline), ...others);

  const read = async (file) => {
    message("");
    const name = file.name.slice(0, 80);
    try {
      if (file.size > WEIGHTS) throw new Unusable("it is larger than 1 MB; the page shows small networks");
      const bytes = new Uint8Array(await file.arrayBuffer());
      if (/\.json$/i.test(file.name)) await certificate(name, bytes);
      else network(name, bytes);
    } catch (error) {
      if (!(error instanceof Unusable || error instanceof Unreadable || error instanceof Rejected)) throw error;
      tell(error instanceof Rejected ? `${name} is rejected: ${error.message}.` : `${name} cannot be shown: ${error.message}.`, false);
    }
  };

  const certificate = async (name, bytes) => {
    const {claim, radius, low, high, channels, taps} = await check(bytes);
    const [worst, over] = claim.worst;
    const size = worst === over ? worst : `${worst} to ${over}`;
    tell(`${name} is accepted.`, true,
      html("p", {}, `The network of ${channels} channel${channels > 1 ? "s" : ""} with ${taps} taps is off by at most ${size.length < 80 ? size : short(Number(Fraction.parse(over) ?? NaN))}, at r = ${radius}, over every real radius from ${low} to ${high}.`),
      html("p", {class: "soft"}, "Checked in exact fractions from the weights in the file alone, by rules that share nothing with the rest of this page."));
  };

  const network = (name, bytes) => {
    const net = networkOf(tensorsOf(bytes));
    const [own, parameters] = net.sigma ?? [];
    const text = sigma.value.trim() || (own ? (parameters && !own.includes("(") ? `${own}(${parameters})` : own) : "");
    if (!text) throw new Unusable("it does not say its activation; type it below and choose the file again");
    activationOf(text);
    const taps = net.w[0].length;
    const said = net.half ?? (Number(half.value) || null);
    const pixels = said ?? Math.max(12, taps);
    if (!Number.isInteger(pixels) || pixels < Math.max(LENGTHS[0], taps) || pixels > LENGTHS[1]) throw new Unusable(`${pixels} pixels on each side are beyond what the page shows: ${LENGTHS.join(" to ")}, and no fewer than taps`);
    const padded = 2 * pixels + 1;
    const state = {sigma: text, w: net.w, b: net.b, a: net.mean ? net.a.map((x) => divided(x, padded)) : net.a, c: net.c, half: pixels};
    if ([...state.w.flat(), ...state.a, ...state.b, state.c].some((x) => numberText(x) === null)) throw new Unusable("it has weights beyond a million");
    const draggable = change({...state, radius: Math.min((taps + 3) / 2, pixels), tab: "own"});
    const laws = lawsOf(state);
    const {flat, alpha, beta, bend, most} = laws;
    const grade = gradeOf(state, laws);
    const from = (taps - 1) / 2 + 0.5;
    const upTo = pixels - from + 1;
    const others = [from, upTo].some((end, k) => net.radii[k] !== undefined && Number(net.radii[k]) !== end);
    const number = (x) => (typeof x === "number" ? short(x) : String(x).length < 24 ? `${x}`.replace("-", "−") : short(Number(x)));
    const range = (low, high) => (low === null && high === null ? "any value" : `${low === null ? "−∞" : number(low)} to ${high === null ? "∞" : number(high)}`);
    tell(`${name} is read. ${grade.words}`, grade.good,
      html("p", {class: "soft"}, `Grade: ${grade.name}; ${grade.tolerance}.`),
      html("p", {}, `${net.w.length} channel${net.w.length > 1 ? "s" : ""}, ${taps} taps, σ = ${text}, ${padded} pixels${said !== null ? "" : " (an assumption: the file does not say)"}, ${net.mean ? "mean" : "sum"} pooling. Its weights are held exactly, as the fractions that they are.${others ? ` The file was trained from r = ${(net.radii[0] ?? "?").slice(0, 20)} to ${(net.radii[1] ?? "?").slice(0, 20)}.` : ""}`),
      html("p", {}, `Slope law: α = ${number(alpha)}. Offset law: β = ${number(beta)}. Sub-pixel law: ${flat ? "D = 0" : `largest D = ${short(bend)}`}. ${most && Number(most.size) ? `Largest error there: ${short(Number(most.size))} at r = ${short(Number(most.radius))}.` : ""}`),
      draggable && html("p", {}, html("button", {type: "button", onclick: () => show("pulse")}, "See it explained, and drag its weights")),
      html("details", {open: net.w.length * taps < 40}, html("summary", {}, "The role of every weight"), html("div", {class: "wide", tabindex: 0, role: "region", "aria-label": "roles"}, html("table", {class: "roles"},
        html("thead", {}, html("tr", {}, ["weight", "value", "role", "derived, the others as they are", "meets no kink from, to"].map((title) => html("th", {scope: "col"}, title)))),
        html("tbody", {}, rolesOf(state, laws).map(([weight, value, role, derived, low, high]) => html("tr", {},
          html("th", {scope: "row"}, weight), html("td", {}, short(Number(value))), html("td", {}, role), html("td", {}, derived === null ? "" : short(Number(derived))),
          html("td", {}, role.includes("kink") || role === "bends" ? "" : range(low, high)))))))));
  };

  return {update: () => {}};
};

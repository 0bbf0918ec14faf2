// The page: tabs over one state, which is kept in the address.

import {activationTab} from "activation";
import {diskTab} from "disk";
import {html} from "dom";
import {pulseTab} from "pulse";
import {invarianceTab} from "invariance";
import {ownTab} from "own";
import {trainingTab} from "training";
import {checked, fromFragment, initial, toFragment} from "state";

const TABS = {
  pulse: {title: "Pulse", open: pulseTab},
  training: {title: "Training", open: trainingTab},
  activation: {title: "Activation", open: activationTab},
  invariance: {title: "Invariance", open: invarianceTab},
  disk: {title: "Disk", open: diskTab},
  own: {title: "Your network", open: ownTab},
};

let state = fromFragment(location.hash) ?? initial();
let shown = null;
let waiting = 0;

const message = (text) => {
  document.getElementById("message").textContent = text;
};

/** Show another state, if it is one; the address follows when nothing has moved for a while. */
const change = (parts) => {
  const next = checked({...state, ...parts});
  if (!next) return false;
  state = next;
  message("");
  shown.update(state);
  clearTimeout(waiting);
  waiting = setTimeout(() => history.replaceState(null, "", toFragment(state)), 300);
  return true;
};

const open = () => {
  if (!(state.tab in TABS)) state.tab = "pulse";
  for (const button of document.querySelectorAll("[role=tab]")) {
    const chosen = button.id === `tab-${state.tab}`;
    button.setAttribute("aria-selected", String(chosen));
    button.tabIndex = chosen ? 0 : -1;
  }
  const panel = html("div", {role: "tabpanel", id: "panel", "aria-labelledby": `tab-${state.tab}`});
  shown?.close?.();
  document.getElementById("main").replaceChildren(panel);
  shown = TABS[state.tab].open(panel, {change, message, show, current: () => state});
  shown.update(state);
};

const show = (name) => {
  if (change({tab: name})) open();
};

document.getElementById("tabs").append(
  ...Object.entries(TABS).map(([name, {title}]) =>
    html("button", {role: "tab", id: `tab-${name}`, "aria-controls": "panel", type: "button",
      onclick: () => show(name)}, title)));
document.getElementById("tabs").addEventListener("keydown", (event) => {
  const names = Object.keys(TABS);
  const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
  if (!step) return;
  const name = names[(names.indexOf(state.tab) + step + names.length) % names.length];
  show(name);
  document.getElementById(`tab-${name}`).focus();
});
addEventListener("hashchange", () => {
  const next = location.hash ? fromFragment(location.hash) : initial();
  if (next) {
    state = next;
    message("");
    open();
  } else message("This link holds no network of the page; the last one is kept.");
});
open();

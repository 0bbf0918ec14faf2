// What the page shows, as plain texts and numbers: checked wherever it comes from, kept in the address's fragment.

import {atlas} from "atlas";
import {activationOf, Unreadable} from "expression";
import {Fraction} from "numbers";

export const TAPS = [1, 3, 5, 7, 9];
export const CHANNELS = [1, 2, 3];
export const LENGTHS = [4, 40];
const LARGEST = 1e6;

const start = {
  tab: "pulse",
  sigma: "relu",
  w: [["1/8", "1/4", "1/4", "1/4", "1/8"]],
  b: ["-1/8"],
  a: ["4/7"],
  c: "2/7",
  half: 12,
  radius: 5.3,
  disk: {w: ["0", "0", "0", "0", "-1", "1", "0", "0", "0"], b: "0", r: 6.3, x: 0, y: 0},
  invariance: {cell: 62, r: 3.5, beta: 0.5, alpha: 1, s: 0},
  training: {optimizer: "sgd", batch: "all", step: 0.2, momentum: 0, decay: 0, speed: 4, c: false, b: false, stay: false},
};

/** The text of a number, exact: what was typed, or null. */
export const numberText = (text) => {
  if (typeof text !== "string" || text.length > 400) return null;
  const value = Fraction.parse(text);
  return value && Math.abs(Number(value)) <= LARGEST ? text.trim() : null;
};

/** What is wrong with the text of an activation, or an empty string. */
export const wrongActivation = (text) => {
  try {
    activationOf(text);
    return "";
  } catch (error) {
    if (error instanceof Unreadable) return error.message;
    throw error;
  }
};

const CHOICES = {optimizer: ["sgd", "adam"], batch: ["all", "one"]};
const RANGES = {step: [0.001, 2], momentum: [0, 0.99], decay: [0, 2], speed: [1, 100]};

/** The settings of training, each as it must be; what is missing or wrong is as at the start. */
const checkedTraining = (raw) => {
  const settings = {...start.training};
  for (const [name, value] of Object.entries(settings)) {
    const given = raw?.[name];
    if (name in CHOICES ? CHOICES[name].includes(given) : typeof given === typeof value) {
      settings[name] = name in RANGES ? Math.min(Math.max(given, RANGES[name][0]), RANGES[name][1]) : given;
    }
  }
  return settings;
};

/** The disk and its filter, as they must be; else as at the start. */
const checkedDisk = (raw) => {
  const texts = Array.isArray(raw?.w) && raw.w.length === 9 ? [...raw.w, raw.b] : [];
  if (!texts.length || texts.some((text) => numberText(text) === null)) return structuredClone(start.disk);
  const within = (value, low, high, other) => (Number.isFinite(value) ? Math.min(Math.max(value, low), high) : other);
  const [x, y] = [within(raw.x, -3, 3, 0), within(raw.y, -3, 3, 0)];
  return {w: [...raw.w], b: raw.b, x, y, r: within(raw.r, 0.5, 10, start.disk.r)};
};

/** A cell of the atlas and a scene, as they must be. */
const checkedInvariance = (raw) => {
  const within = (name, low, high) => (Number.isFinite(raw?.[name]) ? Math.min(Math.max(raw[name], low), high) : start.invariance[name]);
  return {cell: Math.round(within("cell", 0, atlas.cells.length - 1)), r: within("r", 1.5, 5.5), beta: within("beta", -1, 2), alpha: within("alpha", 1, 2), s: within("s", 0, 3)};
};

/** A state with every member as it must be, or null. */
export const checked = (raw) => {
  if (typeof raw !== "object" || raw === null) return null;
  const channels = Array.isArray(raw.w) ? raw.w.length : 0;
  if (typeof raw.sigma !== "string" || wrongActivation(raw.sigma) || !CHANNELS.includes(channels)) return null;
  const taps = Array.isArray(raw.w[0]) ? raw.w[0].length : 0;
  if (!TAPS.includes(taps) || raw.w.some((w) => !Array.isArray(w) || w.length !== taps)) return null;
  if (![raw.a, raw.b].every((x) => Array.isArray(x) && x.length === channels)) return null;
  const texts = [...raw.w.flat(), ...raw.a, ...raw.b, raw.c];
  if (texts.some((text) => numberText(text) === null)) return null;
  const half = Number(raw.half);
  const radius = Number(raw.radius);
  if (!Number.isInteger(half) || half < Math.max(LENGTHS[0], taps) || half > LENGTHS[1]) return null;
  if (!Number.isFinite(radius)) return null;
  const most = half - Math.floor(taps / 2) + 0.5;
  return {
    tab: typeof raw.tab === "string" && /^[a-z]{1,20}$/.test(raw.tab) ? raw.tab : "pulse",
    sigma: raw.sigma, w: raw.w.map((w) => [...w]), b: [...raw.b], a: [...raw.a], c: raw.c, half,
    radius: Math.min(Math.max(radius, 0.5), most),
    training: checkedTraining(raw.training), disk: checkedDisk(raw.disk),
    invariance: checkedInvariance(raw.invariance),
  };
};

/** The state that a fragment holds, or null. */
export const fromFragment = (fragment) => {
  try {
    return checked(JSON.parse(decodeURIComponent(fragment.replace(/^#/, ""))));
  } catch {
    return null;
  }
};

export const toFragment = (state) => `#${encodeURIComponent(JSON.stringify(state))}`;

export const initial = () => structuredClone(start);

// Activations as people type them: read like the package's own grammar does, and never run as code.

import {floats, lines, NotPiecewiseLinear, slopes} from "arithmetic";
import {catalogue} from "catalogue";
import {constants, functions, names, prefixes} from "functions";
import {Fraction} from "numbers";

const LONGEST = 2000;
const MOST_SYMBOLS = 200;
const DEEPEST = 12;
const LARGEST_EXPONENT = 64;

/** What is wrong with a text, in one sentence. */
export class Unreadable extends Error {}
const refuse = (token, reason) => {
  throw new Unreadable(`character ${token.position}: ${reason}`);
};

// ---------------------------------------------------------------------------------------- tokens

const PRINTED = {"−": "-", "–": "-", "×": "*", "·": "*", "⋅": "*", "∙": "*", "∗": "*", "÷": "/", "∕": "/", "^": "**", "≤": "<=", "≥": ">=", "&": "and"};
const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const PATTERN = /(?<space>[ \t\r\n\u00a0\u2009]+)|(?<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)|(?<name>[A-Za-z_][A-Za-z0-9_]*|π|Φ)|(?<string>'[a-z]*'|"[a-z]*")|(?<power>⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)|(?<operator>\*\*|<=|>=|[-+*/(),.=<>&|:√−–×·⋅∙∗÷∕^≤≥])/uy;
/** Names that are written otherwise; φ and phi are the density, and none of them. */
const NAMED = new Map([["π", "pi"], ["Φ", "ndtr"], ["Phi", "ndtr"]]);
const WORDS = ["if", "else", "and", "or", "not"];
const OPERANDS = ["number", "name", ")"];

const tokensOf = (text) => {
  if (text.length > LONGEST) throw new Unreadable(`expected at most ${LONGEST} characters, found ${text.length}`);
  const tokens = [];
  PATTERN.lastIndex = 0;
  for (let start = 0; start < text.length; start = PATTERN.lastIndex) {
    PATTERN.lastIndex = start;
    const match = PATTERN.exec(text);
    const position = start + 1;
    if (!match) refuse({position}, `expected a number, a name or an operator, found ‘${[...text.slice(start)][0]}’`);
    const [kind, word] = Object.entries(match.groups).find(([, part]) => part !== undefined);
    if (kind === "space") continue;
    if (kind === "operator" || WORDS.includes(word)) tokens.push({kind: PRINTED[word] ?? word, text: word, position});
    else tokens.push({kind, text: word, position});
  }
  if (tokens.length > MOST_SYMBOLS * 2) throw new Unreadable(`expected at most ${MOST_SYMBOLS} numbers, names and operators`);
  return [...tokens, {kind: "end", text: "the end", position: text.length + 1}];
};

/** Bars, roots and raised digits as calls and powers. */
const plain = (tokens) => {
  const made = [];
  const opened = [];
  let rooted = false;
  tokens.forEach((token, k) => {
    const before = made.at(-1)?.kind ?? "";
    const {position} = token;
    if (token.kind === "|" && OPERANDS.includes(before)) {
      if (opened.at(-1) === "|") {
        opened.pop();
        made.push({...token, kind: ")"});
      } else made.push({...token, kind: "or"});
    } else if (token.kind === "|") {
      opened.push("|");
      made.push({kind: "name", text: "abs", position}, {...token, kind: "("});
    } else if (token.kind === "√") {
      made.push({kind: "name", text: "sqrt", position});
      rooted = ["number", "name"].includes(tokens[k + 1].kind);
      if (rooted) made.push({...token, kind: "("});
    } else if (token.kind === "power") {
      const digits = [...token.text].map((x) => RAISED.indexOf(x)).filter((x) => x >= 0).join("");
      made.push({kind: "**", text: token.text, position});
      if (token.text.startsWith("⁻")) made.push({kind: "-", text: token.text, position});
      made.push({kind: "number", text: digits, position});
      if (tokens[k + 1].kind === "power") refuse(tokens[k + 1], "expected one exponent, found two");
    } else {
      if (token.kind === "(") opened.push("(");
      if (token.kind === ")") opened.pop();
      made.push(token);
      if (rooted) {
        if (["(", "."].includes(tokens[k + 1].kind)) refuse(token, "write sqrt(...) for the root of a function");
        made.push({...token, kind: ")"});
        rooted = false;
      }
    }
  });
  return made;
};

/** The tokens with every * that a product leaves out: 2z, z tanh(z), z(1 - z), (1 + z)(1 - z). */
const multiplied = (tokens, variables) => {
  const made = [];
  const calls = [];
  const bound = [""]; // at each depth: the / or ** in front of the operand
  const symbol = ({kind, text}) => kind === "name" && [...variables, ...constants].includes(NAMED.get(text) ?? text);
  let callable = false;
  for (const token of tokens) {
    const {kind, text, position} = token;
    const before = made.at(-1) ?? {kind: ""};
    const ended = ["number", ")"].includes(before.kind) || symbol(before);
    if (ended && (kind === "name" || (kind === "(" && !callable))) {
      if ([before.text, text].includes("e")) refuse(token, "expected * beside ‘e’: without it ‘e’ may be part of a number");
      if (bound.at(-1)) refuse(token, `expected * before ‘${text}’: after / or ** it may be read in two ways`);
      made.push({kind: "*", text, position});
    }
    if (kind === "(") {
      calls.push(callable);
      bound.push("");
      callable = false;
    } else if (kind === ")") {
      callable = calls.pop() ?? false;
      if (bound.length > 1) bound.pop();
    } else if (OPERANDS.includes(kind)) callable = kind === "name" && !symbol(token);
    else {
      callable = false;
      const signs = ["+", "-"].includes(kind) && !OPERANDS.includes(before.kind);
      const raised = kind === "**" && !["**", "^"].includes(text);
      if (kind !== "." && !signs && !raised) bound[bound.length - 1] = ["/", "**"].includes(kind) ? kind : "";
    }
    made.push(token);
  }
  return made;
};

// ------------------------------------------------------------------------------------------ tree

/** Nodes: number, z, constant, name, call, sum, product, quotient, minus, power, choice. */
class Reader {
  constructor(text) {
    const tokens = plain(tokensOf(text));
    const named = tokens[0].text === "lambda" && tokens[2]?.kind === ":";
    this.variables = named ? [tokens[1].text] : ["z", "x"];
    this.tokens = multiplied(tokens.slice(named ? 3 : tokens[0].text === "return" ? 1 : 0), this.variables);
    this.place = 0;
    this.depth = 0;
    this.variable = "";
  }

  peek() {
    return this.tokens[this.place];
  }

  take(...kinds) {
    return kinds.includes(this.peek().kind) ? this.tokens[this.place++] : null;
  }

  expect(kind, what) {
    const token = this.peek();
    return this.take(kind) ?? refuse(token, `expected ${what}, found ‘${token.text}’`);
  }

  whole() {
    const node = this.choice();
    const token = this.peek();
    if (token.kind === "=") refuse(token, "write what stands on the right of ‘=’ only");
    if (token.kind !== "end") refuse(token, `expected an operator or the end, found ‘${token.text}’`);
    return node;
  }

  deeper(read) {
    if (++this.depth > DEEPEST * 3) refuse(this.peek(), `expected at most ${DEEPEST} nested levels`);
    const node = read();
    this.depth -= 1;
    return node;
  }

  /** a if c else b */
  choice() {
    return this.deeper(() => {
      const node = this.either();
      const token = this.take("if");
      if (!token) return node;
      const test = this.either();
      this.expect("else", "‘else’");
      const otherwise = this.choice();
      return {kind: "choice", test: this.condition(test, token), yes: node, no: otherwise};
    });
  }

  condition(node, token) {
    return ["compare", "and", "or", "not"].includes(node.kind) ? node : refuse(token, "expected a condition such as x > 0");
  }

  chain(kind, read, as) {
    const first = read();
    const parts = [first];
    let token = null;
    for (let next = this.take(kind); next; next = this.take(kind)) {
      token ??= next;
      parts.push(read());
    }
    return token ? {kind: as, parts: parts.map((part) => this.condition(part, token))} : first;
  }

  either() {
    return this.chain("or", () => this.chain("and", () => this.negated(), "and"), "or");
  }

  negated() {
    const token = this.take("not");
    if (!token) return this.comparison();
    return this.deeper(() => ({kind: "not", part: this.condition(this.negated(), token)}));
  }

  comparison() {
    const sides = [this.sum()];
    const operators = [];
    for (let token = this.take("<", "<=", ">", ">="); token; token = this.take("<", "<=", ">", ">=")) {
      operators.push(token.kind);
      sides.push(this.sum());
    }
    return operators.length ? {kind: "compare", operators, sides} : sides[0];
  }

  sum() {
    let node = this.product();
    for (let token = this.take("+", "-"); token; token = this.take("+", "-")) {
      const term = this.product();
      node = {kind: "sum", parts: [node, token.kind === "-" ? {kind: "minus", part: term} : term]};
    }
    return node;
  }

  product() {
    let node = this.signed();
    for (let token = this.take("*", "/"); token; token = this.take("*", "/")) {
      const factor = this.signed();
      node = token.kind === "*" ? {kind: "product", parts: [node, factor]} : {kind: "quotient", above: node, below: factor};
    }
    return node;
  }

  signed() {
    let negative = false;
    for (let token = this.take("+", "-"); token; token = this.take("+", "-")) negative = negative !== (token.kind === "-");
    const node = this.power();
    return negative ? {kind: "minus", part: node} : node;
  }

  power() {
    const base = this.called();
    const token = this.take("**");
    if (!token) return base;
    return this.deeper(() => ({kind: "power", base, exponent: this.signed(), token}));
  }

  called() {
    let node = this.atom();
    for (;;) {
      const token = this.peek();
      if (this.take(".")) {
        const name = this.expect("name", "a name behind the dot");
        node = {kind: "dotted", inside: node, name: name.text, token: name};
      } else if (token.kind === "(" && ["name", "dotted", "call"].includes(node.kind)) {
        node = this.deeper(() => this.call(node));
      } else return this.meant(node);
    }
  }

  meant(node) {
    return node.kind === "call" ? this.bound(node) : this.named(node);
  }

  call(target) {
    const token = this.expect("(", "(");
    const placed = [];
    const keyed = [];
    while (!this.take(")")) {
      if (placed.length + keyed.length) this.expect(",", "an operator, ‘,’ or ‘)’");
      const name = this.peek();
      if (name.kind === "name" && this.tokens[this.place + 1].kind === "=") {
        this.place += 2;
        if (keyed.some(([key]) => key === name.text)) refuse(name, `${name.text} is given twice`);
        keyed.push([name.text, this.argument()]);
      } else placed.push(this.argument());
    }
    return {kind: "call", target, placed, keyed, token: target.token ?? token};
  }

  argument() {
    const token = this.peek();
    if (token.kind === "string" || ["True", "False", "None"].includes(token.text)) {
      this.place += 1;
      return {kind: "word", word: token.text.replace(/['"]/g, "")};
    }
    return this.choice();
  }

  atom() {
    const token = this.tokens[this.place++];
    if (token.kind === "number") return {kind: "number", value: Fraction.parse(token.text) ?? refuse(token, `the number ‘${token.text.slice(0, 20)}’ has too many digits`)};
    if (token.kind === "name") return {kind: "name", name: NAMED.get(token.text) ?? token.text, token};
    if (token.kind === "(") {
      const node = this.choice();
      this.expect(")", "an operator or ‘)’");
      return node;
    }
    return refuse(token, `expected a number, a name or ‘(’, found ‘${token.text}’`);
  }

  // --- names and functions

  /** [name, object of a method or null] */
  function(node) {
    if (node.kind === "name") return [node.name, null];
    if (node.kind !== "dotted") return refuse(node.token, "expected an operator such as * before ‘(’");
    const path = dottedName(node.inside);
    if (prefixes.includes(path)) return [node.name, null];
    if (path && !this.variables.includes(path)) refuse(node.token, `the prefix ‘${path}’ is not known: write ${node.name}(...) alone`);
    return [node.name, this.meant(node.inside)];
  }

  named(node) {
    if (node.kind !== "name" && node.kind !== "dotted") return node;
    const [name, method] = this.function(node);
    if (node.kind === "name" && this.variables.includes(name)) {
      if (this.variable && this.variable !== name) refuse(node.token, "expected one variable, found both z and x");
      this.variable = name;
      return {kind: "z"};
    }
    if (constants.includes(name) && method === null) return {kind: "constant", name};
    if (known(name)) return {kind: "function", name: known(name), token: node.token};
    return this.unknown(node.token, name);
  }

  unknown(token, name) {
    return refuse(token, `expected ${this.variables.join(", ")}, pi, e or a function, found the name ‘${name}’`);
  }

  bound(node) {
    let {target, placed, keyed} = node;
    let first = null;
    if (target.kind === "call") {
      if ([...target.placed, ...target.keyed.map(([, x]) => x)].some(varies)) refuse(node.token, "expected an operator such as * before ‘(’");
      if (placed.length !== 1 || keyed.length) refuse(node.token, "expected one argument behind a module, as in nn.LeakyReLU(0.2)(x)");
      [first] = placed;
      ({target, placed, keyed} = target);
    }
    const [own, method] = this.function(target);
    if (own === "where") {
      if (placed.length !== 3 || keyed.length) refuse(node.token, "expected where(x > 0, a, b)");
      return {kind: "choice", test: this.condition(placed[0], node.token), yes: placed[1], no: placed[2]};
    }
    let name = known(own);
    if (!name) this.unknown(node.token, own);
    if (method) placed = [method, ...placed];
    if (first && own === "PReLU") {
      keyed = keyed.filter(([key]) => key !== "num_parameters").map(([key, value]) => [key === "init" ? "weight" : key, value]);
      placed = placed.slice(1);
    }
    // torch's words for how, not what, is computed.
    const words = [...placed.filter((x) => x.kind === "word").map((x) => ["", x]), ...keyed.filter(([, x]) => x.kind === "word")];
    for (const [key, {word}] of words) {
      if (name === "gelu" && ["", "approximate"].includes(key) && ["tanh", "none"].includes(word)) name = word === "tanh" ? "gelu_tanh" : "gelu";
      else if (!(["", "inplace"].includes(key) && ["True", "False"].includes(word)) && !(key === "training" && word === "False") && word !== "None") refuse(node.token, `‘${word}’ has no place here`);
    }
    const none = (x) => (x.kind === "word" && x.word === "None" ? null : x);
    const counts = (x) => x.kind !== "word" || x.word === "None";
    placed = [...(first ? [first] : []), ...placed.filter(counts).map(none)];
    keyed = keyed.filter(([, x]) => counts(x)).map(([key, x]) => [{a_min: "min", a_max: "max", x: "input", x1: "input"}[key] ?? key, none(x)]);
    return {kind: "apply", name, placed, keyed, own, token: node.token};
  }
}

const dottedName = (node) => {
  if (node.kind === "name") return node.name;
  const inside = node.kind === "dotted" ? dottedName(node.inside) : "";
  return inside && `${inside}.${node.name}`;
};
const squeezed = (name) => name.toLowerCase().replaceAll(/[_\- ]/g, "");
const known = (name) => (Object.hasOwn(names, squeezed(name)) ? names[squeezed(name)] : null);

/** The arguments of a function in the order of its parameters, and more behind them. */
const complete = ({name, placed, keyed, own, token}) => {
  const {parameters, defaults, most} = functions[name];
  const given = Object.fromEntries(placed.slice(0, parameters.length).map((x, k) => [parameters[k], x]));
  for (const [key, x] of keyed) {
    if (!parameters.includes(key) || key in given) refuse(token, `${own} has no parameter ‘${key}’ here; its parameters: ${parameters.slice(1).join(", ") || "none"}`);
    given[key] = x;
  }
  if (placed.length > parameters.length + most || !parameters.every((key) => key in given || key in defaults)) {
    refuse(token, `${own} takes ${parameters.length - Object.keys(defaults).length} to ${parameters.length + most} arguments, found ${placed.length + keyed.length}`);
  }
  const filled = (key) => (key in given ? given[key] : defaults[key] === null ? null : {kind: "number", value: Fraction.parse(defaults[key])});
  const values = [...parameters.map(filled), ...placed.slice(parameters.length)];
  if (values.some((x, k) => x === null && defaults[parameters[k]] !== null)) refuse(token, `${own} needs a number or an expression in the place of None`);
  return values;
};

// ------------------------------------------------------------------------------------- evaluation

const varies = (node) => node !== null && typeof node === "object" &&
  (node.kind === "z" || Object.entries(node).some(([key, part]) => key !== "token" && (Array.isArray(part) ? part.flat(2).some(varies) : varies(part))));

/** A tree in an arithmetic, at z. */
const evaluate = (node, f, z) => {
  const at = (part) => evaluate(part, f, z);
  switch (node.kind) {
    case "number": return f.number(node.value);
    case "z": return z;
    case "constant": return node.name === "pi" ? f.pi() : f.exp(f.ratio(1n, 1n));
    case "sum": return f.add(...node.parts.map(at));
    case "product": return f.mul(...node.parts.map(at));
    case "quotient": return f.div(at(node.above), at(node.below));
    case "minus": return f.neg(at(node.part));
    case "power": return power(node, f, at);
    case "choice": return chosen(node.test, f, at, () => at(node.yes), () => at(node.no));
    case "apply": {
      const given = complete(node);
      if (functions[node.name].row) checkParameters(node, given.slice(1));
      const values = given.map((x) => (x === null ? null : at(x)));
      if (node.name === "clamp") {
        const [value, low, high] = values;
        const bounded = low === null ? value : f.max(value, low);
        return high === null ? bounded : f.min(bounded, high);
      }
      if (node.name === "pow") return power({base: node.placed[0], exponent: node.placed[1] ?? node.keyed[0][1], token: node.token}, f, at);
      return functions[node.name].build(f, ...values);
    }
    case "function": return refuse(node.token, `expected ‘(’ after ‘${node.name}’, as in ${node.name}(x)`);
    default: return chosen(node, f, at, () => f.ratio(1n, 1n), () => f.ratio(0n, 1n));
  }
};

/** Parameters of a row are numbers, in their order. */
const checkParameters = ({name, token}, given) => {
  const names_ = functions[name].parameters.slice(1);
  given.forEach((x, k) => {
    if (varies(x)) refuse(token, `${names_[k]} has to be a number`);
  });
  const numbers = given.map((x) => evaluate(x, floats, NaN));
  const at = (key) => numbers[names_.indexOf(key)];
  if (at("min_val") > at("max_val") || at("lower") > at("upper")) refuse(token, "the lower bound is above the upper one");
  if (name === "softplus" && at("threshold") !== 20) refuse(token, "threshold is read as 20 only");
  for (const key of ["alpha", "beta", "lambd"]) if (at(key) <= 0) refuse(token, `${key} has to be positive`);
};

const power = ({base, exponent, token}, f, at) => {
  if (!varies(exponent)) {
    let value = null;
    try {
      value = evaluate(exponent, lines, lines.z).value;
    } catch (error) {
      if (!(error instanceof NotPiecewiseLinear)) throw error;
    }
    if (value && value.d === 1n) {
      if (value.n > LARGEST_EXPONENT || value.n < -LARGEST_EXPONENT) refuse(token, `expected an exponent p/q with |p| <= ${LARGEST_EXPONENT} and q <= 12`);
      return value.n < 0n ? f.div(f.ratio(1n, 1n), f.power(at(base), Number(-value.n))) : f.power(at(base), Number(value.n));
    }
    if (!value && varies(base)) refuse(token, "expected a rational exponent, or a positive constant as base");
  } else if (varies(base)) refuse(token, "expected a rational exponent, or a positive constant as base");
  return f.raised(at(base), at(exponent));
};

/** yes() where the condition holds, no() elsewhere. */
const chosen = (node, f, at, yes, no) => {
  switch (node.kind) {
    case "not": return chosen(node.part, f, at, no, yes);
    case "and": return node.parts.reduceRight((inner, part) => () => chosen(part, f, at, inner, no), yes)();
    case "or": return node.parts.reduceRight((inner, part) => () => chosen(part, f, at, yes, inner), no)();
    default: {
      const pairs = node.operators.map((operator, k) => [operator, node.sides[k], node.sides[k + 1]]);
      return pairs.reduceRight((inner, [operator, left, right]) => () => {
        const [more, fewer] = operator.startsWith(">") ? [left, right] : [right, left];
        return f.where(f.add(at(more), f.neg(at(fewer))), !operator.endsWith("="), inner, no);
      }, yes)();
    }
  }
};

// -------------------------------------------------------------------------------------- activations

const TRIED = [0.0131, 0.273, 0.577, 1.319, 2.239, 4.711, 23.17, 171.3].flatMap((x) => [x, -x]);
const kept = new Map();

/** A function alone, or with its parameters, is it at z: relu, nn.LeakyReLU(0.2), elu(alpha=2). */
const ofName = (node) => {
  const z = {kind: "z"};
  if (node.kind === "function") return {kind: "apply", name: node.name, placed: [z], keyed: [], own: node.name, token: node.token};
  if (node.kind !== "apply" || node.placed.some(varies) || node.keyed.some(([, x]) => varies(x))) return node;
  const {row, parameters} = functions[node.name];
  if (!row || node.placed.length + node.keyed.length >= parameters.length) return node;
  return {...node, placed: [z, ...node.placed], keyed: node.keyed};
};

/** odd, even, or empty: by values. */
const parityOf = (value) => {
  const opposite = (sign) => TRIED.every((z) => Math.abs(value(z) + sign * value(-z)) <= 1e-14 * (1 + Math.abs(value(z))));
  return opposite(1) ? "odd" : opposite(-1) ? "even" : "";
};

/** The activation that a text describes: σ, σ', and exact pieces where it is piecewise linear.
 *
 * Throws Unreadable with one sentence.
 */
export const activationOf = (text) => {
  if (kept.has(text)) return kept.get(text);
  const node = ofName(new Reader(text).whole());
  const value = (z) => evaluate(node, floats, z);
  const slope = (z) => evaluate(node, slopes, [z, 1])[1];
  const bad = TRIED.find((z) => Number.isNaN(value(z)));
  if (bad !== undefined) throw new Unreadable(`the expression has no real value at ${bad}`);
  if (TRIED.every((z) => !Number.isFinite(value(z)))) throw new Unreadable("the expression is not finite");
  let exact = null;
  try {
    const made = evaluate(node, lines, lines.z);
    if (made.continuous) exact = made;
  } catch (error) {
    if (!(error instanceof NotPiecewiseLinear || error instanceof RangeError)) throw error;
  }
  const row = node.kind === "apply" && node.placed[0]?.kind === "z" && node.placed.length + node.keyed.length === 1 && Object.hasOwn(catalogue, node.name) ? catalogue[node.name] : null;
  const activation = {
    text,
    sigma: row ? (z) => row.sigma(z) : value,
    slope: row ? (z) => row.slope(z) : slope,
    exact: exact && ((z) => exact.at(z)),
    kinks: exact?.breaks ?? null,
    branches: exact?.branches ?? null,
    mirror: exact?.mirror ?? null,
    homogeneous: exact !== null && exact.breaks.every((b) => b.n === 0n) && exact.lines.every(([, intercept]) => intercept.n === 0n),
    name: row ? node.name : null,
    parity: row ? row.parity : exact ? exact.parity : parityOf(value),
  };
  if (kept.size > 50) kept.clear();
  kept.set(text, activation);
  return activation;
};

// Elements of HTML and SVG, made in one call: html("p", {class: "soft"}, "text", child).

const shown = (children) => children.flat(Infinity).filter((child) => child != null && child !== false);

const make = (element, attributes, children) => {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...shown(children));
  return element;
};

export const html = (tag, attributes, ...children) =>
  make(document.createElement(tag), attributes, children);

export const svg = (tag, attributes, ...children) =>
  make(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

/** The element with these children and no others; null and false stand for none. */
export const fill = (element, ...children) => element.replaceChildren(...shown(children));

/** Six digits, with a true minus sign. */
export const short = (x) => {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "none" : x < 0 ? "−∞" : "∞";
  const text = x === 0 ? "0" : Math.abs(x) < 1e-4 || Math.abs(x) >= 1e6 ? x.toExponential(2) : String(Number(x.toPrecision(5)));
  return text.replaceAll("-", "−");
};

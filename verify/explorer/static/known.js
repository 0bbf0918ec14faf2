// Activations that theory/shape has decided: by name, by text, or by their values.

import {classified} from "classified";
import {activationOf} from "expression";
import {Fraction} from "numbers";

const PLACES = [-3.1, -1.3, -0.4, 0, 0.23, 0.9, 1.7, 4.2];

/** [name, answer] with this text, or with the same values everywhere that is tried. */
export const knownAs = (text) => {
  const own = Object.entries(classified).find(([name, answer]) => answer.text === text || name === text);
  if (own) return own;
  const {sigma} = activationOf(text);
  return Object.entries(classified).find(([, answer]) => {
    const other = activationOf(answer.text).sigma;
    return PLACES.every((z) => Math.abs(sigma(z) - other(z)) <= 1e-14 * (1 + Math.abs(other(z))));
  });
};

/** The affine branches of σ in order, and s where σ(z) - σ(-z) = s z: of a piecewise-linear σ, or of a known one. */
export const piecesOf = (text) => {
  const {branches, mirror} = activationOf(text);
  if (branches) return {branches, mirror};
  const parse = (x) => (x === null ? null : Fraction.parse(x));
  const [, answer] = knownAs(text) ?? [];
  const read = ({low, high, slope, constant}) => ({low: parse(low), high: parse(high), slope: parse(slope), constant: parse(constant)});
  return {branches: (answer?.branches ?? []).map(read), mirror: parse(answer?.mirror ?? null)};
};

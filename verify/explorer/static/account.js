// One's own network explained: the three laws, the largest error on plateau radii, and the role of every weight.
//
// The roles are those of numerics/certificates/roles.py within a channel's own branches, without kinks that channels cancel.

import {bends, exact, floats, quantities, residuals, roundingOf, worst} from "network";
import {ownCell} from "nearest";
import {piecesOf} from "known";
import {CHANNELS} from "state";

/** What a readout weight changes counts as 0 below this share of the terms that it is made of. */
const RESOLUTION = 2 ** -40;

/** {net, exactly, alpha, beta, bend, flat, rounding, isExact, seemsExact, most}: what the laws leave; in fractions where σ allows it. */
export const lawsOf = (state) => {
  const exactly = exact(state);
  const net = exactly ?? floats(state);
  const {half, zero, equal} = net.arithmetic;
  const [alpha, beta] = residuals(net, half);
  const float = floats(state);
  const places = float.kinks ? float.w.flatMap((_, k) => bends(float, k)) : Array.from({length: 41}, (_, k) => k / 40);
  const known = quantities(float);
  const left = [0, ...places].map((phi) => residuals(float, phi, known)[2]);
  const bend = left.reduce((best, x) => (Math.abs(x) > Math.abs(best) ? x : best), 0);
  const flat = net.kinks !== null && net.w.every((_, k) => bends(net, k).every((phi) => equal(residuals(net, phi)[2], zero)));
  const rounding = roundingOf(float);
  const isExact = flat && equal(alpha, zero) && equal(beta, zero);
  const seemsExact = !exactly && [alpha, beta, bend].every((x) => Math.abs(x) <= rounding);
  // Of many channels fractions would take too long.
  const most = worst(net.channels > CHANNELS.at(-1) ? float : net, net.h + 1);
  return {net, exactly, alpha, beta, bend, flat, rounding, isExact, seemsExact, most};
};

/** [name, value, role, derived, low, high] of every weight; derived is null where no law gives it one. */
export const rolesOf = (state, {net, alpha, beta}) => {
  const {arithmetic} = net;
  const {add, mul, neg, equal, zero, inverse, half} = arithmetic;
  const {branches} = piecesOf(state.sigma);
  const {size, slopes, zeros, kappas} = quantities(net);
  const before = (value, residual, rate) => add(value, neg(mul(residual, inverse(rate))));
  const two = inverse(half);
  const rows = [];
  const readout = [];
  net.w.forEach((w, k) => {
    const of = net.channels > 1 ? ` of channel ${k + 1}` : "";
    const names = [...w.map((_, u) => `w${u - net.h}${of}`.replace("-", "−")), `b${of}`];
    const values = [...w, net.b[k]];
    const a = net.a[k];
    const own = ownCell(net, k, branches);
    const pooled = add(mul(size, zeros[k]), kappas[k]);
    const silent = own !== null && own.silent;
    const changes = (value, parts) => Math.abs(Number(value)) > RESOLUTION * parts.reduce((sum, x) => sum + Math.abs(Number(x)), 0);
    const [lit, dark] = [net.g[k](add(...w)), net.g[k](zero)];
    values.forEach((value, u) => {
      const row = (role, derived = null, range = null) => rows.push([names[u], value, role, derived, ...(range ?? [null, null])]);
      if (equal(a, zero)) return row("free");
      if (!own) return row("bends");
      const held = own.held.filter(({slope}) => !equal(slope[u], zero));
      if (held.length) {
        const off = (x) => Math.abs(Number(x.value));
        const farthest = held.reduce((most, x) => (off(x) > off(most) ? x : most));
        return row("puts a partial sum on the kink", before(value, farthest.value, farthest.slope[u]));
      }
      const range = own.range(u);
      if (silent) return row("dead", null, range);
      if (!equal(own.alpha[u], zero)) return row("sets the slope", before(value, alpha, own.alpha[u]), range);
      if (!equal(own.beta[u], zero)) return row("moves the offset", before(value, beta, own.beta[u]), range);
      return row("free", null, range);
    });
    const told = (role, derived = null) => readout.push([`a${of}`, a, role, derived, null, null]);
    if (silent) told("dead");
    else if (changes(slopes[k], own?.slopeParts ?? [lit, dark])) told("sets the slope", before(a, alpha, mul(two, slopes[k])));
    else if (changes(pooled, own?.pooledParts ?? [mul(size, dark), kappas[k]])) told("moves the offset", before(a, beta, pooled));
    else told("free");
  });
  return [...rows, ...readout, ["c", net.c, "moves the offset", add(net.c, neg(beta)), null, null]];
};

// A network from the bytes of a safetensors file: read in the page, bounded, and sent nowhere.

import {Fraction} from "numbers";

const BYTES = 2 ** 20;
const HEADER = 2 ** 16;
/** Channels, and taps. */
const MOST = [16, 15];
const SIZES = {F64: 8, F32: 4, F16: 2, BF16: 2};

/** Why a file cannot be shown, in one sentence. */
export class Unusable extends Error {}
const need = (holds, why) => {
  if (!holds) throw new Unusable(why);
};

const half = (bits) => {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const part = bits & 1023;
  if (exponent === 31) return part ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + part / 1024) : 2 ** -24 * part);
};
const brain = (bits) => new Float32Array(new Uint32Array([bits << 16]).buffer)[0];

/** name -> {shape, values}, and the metadata. */
export const tensorsOf = (bytes) => {
  need(bytes.length <= BYTES, `it has more than ${BYTES / 2 ** 20} MB; the page shows small networks`);
  need(bytes.length > 8, "it is no safetensors file");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = view.getBigUint64(0, true);
  need(size <= BigInt(Math.min(HEADER, bytes.length - 8)), "it is no safetensors file; torch.save files are explained by python -m verify.network");
  let header;
  try {
    header = JSON.parse(new TextDecoder("utf-8", {fatal: true}).decode(bytes.subarray(8, 8 + Number(size))));
  } catch {
    throw new Unusable("it is no safetensors file: its header is no JSON");
  }
  need(typeof header === "object" && header !== null && !Array.isArray(header), "its header is no object");
  const {__metadata__: metadata = {}, ...entries} = header;
  need(typeof metadata === "object" && metadata !== null && Object.values(metadata).every((x) => typeof x === "string"), "its metadata are no texts");
  const begin = 8 + Number(size);
  const tensors = {};
  for (const [name, entry] of Object.entries(entries)) {
    const {dtype, shape, data_offsets: offsets} = entry ?? {};
    need(typeof dtype === "string" && Array.isArray(shape) && shape.length <= 6 && shape.every((x) => Number.isInteger(x) && x >= 0), `${name.slice(0, 60)} has no type or no shape`);
    if (!(dtype in SIZES)) {
      need(shape.length === 0 || /num_batches_tracked$/.test(name), `${name.slice(0, 60)} is ${String(dtype).slice(0, 12)}; F16, BF16, F32 and F64 are read`);
      continue;
    }
    const count = shape.reduce((x, y) => x * y, 1);
    need(Array.isArray(offsets) && offsets.length === 2 && offsets.every(Number.isInteger) && 0 <= offsets[0] && offsets[1] - offsets[0] === count * SIZES[dtype] && begin + offsets[1] <= bytes.length, `${name.slice(0, 60)} does not fit the file`);
    const at = (k) => begin + offsets[0] + k * SIZES[dtype];
    const read = {F64: (k) => view.getFloat64(at(k), true), F32: (k) => view.getFloat32(at(k), true), F16: (k) => half(view.getUint16(at(k), true)), BF16: (k) => brain(view.getUint16(at(k), true))}[dtype];
    const values = Array.from({length: count}, (_, k) => read(k));
    need(values.every(Number.isFinite), `${name.slice(0, 60)} holds a number that is not finite`);
    tensors[name] = {shape, values};
  }
  return {tensors, metadata};
};

const layer = (name) => name.replace(/(weight|bias)$/, "");

/** The weights as texts of exact fractions, by structure: filters have three dimensions, the readout two. */
export const networkOf = ({tensors, metadata}) => {
  const names = Object.keys(tensors);
  const withDimensions = (count) => names.filter((name) => tensors[name].shape.length === count);
  need(!withDimensions(4).length, "it is a network for images; python -m verify.network FILE explains it");
  const [convolutions, readouts] = [withDimensions(3), withDimensions(2)];
  need(convolutions.length === 1, `it has ${convolutions.length} convolutions; networks with one are shown`);
  need(readouts.length === 1, `it has ${readouts.length} Linear layers; networks with one are shown`);
  const conv = tensors[convolutions[0]];
  const [channels, inputs, taps] = conv.shape;
  need(inputs === 1 && taps % 2 === 1, `the filters have the shape (${conv.shape.join(", ")}), not (K, 1, n) with n odd`);
  need(channels >= 1 && channels <= MOST[0] && taps <= MOST[1], `it has ${channels} channels of ${taps} taps; the page explains up to ${MOST.join(" of ")}, and python -m verify.network FILE explains more`);
  const readout = tensors[readouts[0]];
  need(readout.shape[0] === 1 && readout.shape[1] === channels, `the readout has the shape (${readout.shape.join(", ")}), not (1, ${channels})`);
  const others = names.filter((name) => name !== convolutions[0] && name !== readouts[0]);
  const found = {};
  for (const name of others) {
    const {shape} = tensors[name];
    const size = shape.length === 1 ? shape[0] : -1;
    const role = layer(name) === layer(convolutions[0]) ? "b" : layer(name) === layer(readouts[0]) ? "c" : size === channels && channels > 1 ? "b" : size === 1 && channels > 1 ? "c" : null;
    need(role !== null && !(role in found) && size === (role === "b" ? channels : 1), `it holds ‘${name.slice(0, 60)}’, which the page does not place; python -m verify.network FILE says more`);
    found[role] = tensors[name].values;
  }
  const text = (x) => Fraction.ofFloat(x).toString();
  const pooled = String(metadata.pooling ?? "sum").toLowerCase();
  need(["sum", "mean", "avg", "average", "adaptiveavgpool1d"].includes(pooled), `its pooling is ‘${pooled.slice(0, 30)}’; sums and means are shown`);
  const padding = String(metadata.padding ?? "zeros").toLowerCase();
  need(["zeros", "same"].includes(padding), `its padding is ‘${padding.slice(0, 30)}’; the page shows zeros, and python -m verify.network FILE explains others`);
  const length = metadata.length ?? "";
  need(length === "" || /^[0-9]*[13579]$/.test(length), `its length is ‘${length.slice(0, 30)}’, not an odd number of pixels`);
  return {
    w: Array.from({length: channels}, (_, k) => conv.values.slice(k * taps, (k + 1) * taps).map(text)),
    b: (found.b ?? Array(channels).fill(0)).map(text), a: readout.values.map(text), c: text(found.c?.[0] ?? 0),
    mean: pooled !== "sum", half: length === "" ? null : (Number(length) - 1) / 2, radii: [metadata.r_min, metadata.r_max],
    sigma: typeof metadata.activation === "string" ? [metadata.activation, metadata.activation_args].filter(Boolean) : null,
  };
};

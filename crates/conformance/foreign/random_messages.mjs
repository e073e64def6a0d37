// Messages for the programs of this folder and, as it runs in a page too, for Chromium: the same seed gives the same messages.

// Around each length at which a frame's header or a DEFLATE block changes its form.
const SHORT = [0, 1, 2, 5, 60, 124, 125, 126, 127, 128, 500, 1000, 1001, 4096];
const LONG = [65534, 65535, 65536, 65537, 100000];
const REMEMBERED = 200000;
const WORDS = ["frame", "mask", " ", ", ", "äöü", "€", "𝄞", "close", "\"key\": ", "1000", "{", "}"];
// Every range of code points of one UTF-8 length, without control characters (a line must stay one line) and surrogates.
const RANGES = [[0x20, 0x7e], [0xa0, 0x7ff], [0x800, 0xd7ff], [0x10000, 0x10ffff]];

// Yields `count` messages, text as strings and binary as Uint8Arrays, of exact lengths in bytes.
export function* randomMessages(count, seed) {
  const below = generator(seed);
  const remembered = bytes(REMEMBERED, below);
  for (let index = 0; index < count; index += 1) {
    const lengths = index % 12 === 7 ? LONG : SHORT;
    const length = lengths[below(lengths.length)];
    yield below(2) === 0 ? text(length, below, remembered) : binary(length, below, remembered);
  }
}

// The ones of them that are text.
export function* randomTexts(count, seed) {
  let found = 0;
  for (const message of randomMessages(Infinity, seed)) {
    if (found === count) {
      return;
    }
    if (typeof message === "string") {
      found += 1;
      yield message;
    }
  }
}

// Mulberry32: `below(n)` is a whole number from 0 to n - 1.
function generator(seed) {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor(((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 * bound);
  };
}

function bytes(length, below) {
  return Uint8Array.from({ length }, () => below(256));
}

// Bytes that do not compress, a run, or a part of what every message may repeat: within a window, or long gone from it.
function binary(length, below, remembered) {
  switch (below(3)) {
    case 0: return bytes(length, below);
    case 1: return new Uint8Array(length).fill(below(256));
    default: return part(length, below, remembered);
  }
}

function part(length, below, remembered) {
  const start = below(REMEMBERED - length + 1);
  return remembered.slice(start, start + length);
}

// Words, code points of every length, or a part of what was said before, in printable characters.
function text(length, below, remembered) {
  switch (below(3)) {
    case 0: return exactly(length, () => WORDS[below(WORDS.length)]);
    case 1: return exactly(length, () => {
      const [first, last] = RANGES[below(RANGES.length)];
      return String.fromCodePoint(first + below(last - first + 1));
    });
    default: return Array.from(part(length, below, remembered), (byte) => String.fromCharCode(0x30 + byte % 64)).join("");
  }
}

// Joins pieces up to a length in bytes; where the next one is too long, a full stop fills up.
function exactly(length, piece) {
  const encoder = new TextEncoder();
  const pieces = [];
  for (let left = length; left > 0;) {
    const next = piece();
    const size = encoder.encode(next).length;
    pieces.push(size <= left ? next : ".");
    left -= size <= left ? size : 1;
  }
  return pieces.join("");
}

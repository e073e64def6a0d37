// The `ws` of npm against `squall`, as client of `squall echo` and as server of `squall connect`, on both runtimes.
//
//     node npm_ws.mjs PATH_OF_squall
//
// Prints `N passed, N failed`.

import assert from "node:assert";
import { once } from "node:events";
import { WebSocket, WebSocketServer } from "ws";
import { Client, RUNTIMES, runAll, withEcho } from "./programs.mjs";
import { randomMessages, randomTexts } from "./random_messages.mjs";

const program = process.argv[2];
const PAIRS = [[false, false], [false, true], [true, false], [true, true]];
// Undefined leaves the window to the other side: `ws` then compresses with 15 bits.
const WINDOWS = [9, 10, 12, 15, undefined];
// Times the number of windows, this makes 1,000 for each pair.
const COUNT = 200;
const REASON = "bye, äöü €";
const CODES = [1000, 1001, 1011, 3000, 4999];

function deflate([serverNo, clientNo], bits) {
  return {
    serverNoContextTakeover: serverNo,
    clientNoContextTakeover: clientNo,
    serverMaxWindowBits: bits,
    clientMaxWindowBits: bits ?? false,
    threshold: 0,
    zlibDeflateOptions: { level: 6 },
  };
}

// Asserts that a `Sec-WebSocket-Extensions` answer says what was asked for: a window may be smaller, never larger.
function assertAnswer(answer, [serverNo, clientNo], bits) {
  const [name, ...parameters] = answer.split("; ").map((parameter) => parameter.split("="));
  const found = Object.fromEntries(parameters.map(([key, value]) => [key, value ?? true]));
  assert.deepStrictEqual(name, ["permessage-deflate"]);
  assert.strictEqual(found.server_no_context_takeover ?? false, serverNo, answer);
  assert.strictEqual(found.client_no_context_takeover ?? false, clientNo, answer);
  for (const side of ["server_max_window_bits", "client_max_window_bits"]) {
    const window = found[side];
    assert(bits === undefined ? window === undefined : window <= bits, `${answer} for ${bits}`);
  }
}

function assertSame(found, isBinary, expected, index) {
  assert.strictEqual(isBinary, typeof expected !== "string", `the kind of message ${index}`);
  assert(Buffer.from(expected).equals(found), `message ${index} of ${expected.length} came back as ${found.length}`);
}

async function open(url, perMessageDeflate) {
  const socket = new WebSocket(url, { perMessageDeflate, maxPayload: 0 });
  const [[response]] = await Promise.all([once(socket, "upgrade"), once(socket, "open")]);
  socket.answer = response.headers["sec-websocket-extensions"];
  return socket;
}

// Waits for as many messages as are expected, comparing each as it comes.
function receive(socket, expected) {
  return new Promise((resolve, reject) => {
    let index = 0;
    socket.on("message", (data, isBinary) => {
      try {
        assertSame(data, isBinary, expected[index], index);
      } catch (error) {
        reject(error);
      }
      index += 1;
      if (index === expected.length) {
        resolve();
      }
    });
    socket.once("error", reject);
    socket.once("close", (code) => reject(new Error(`closed with ${code} after ${index} messages`)));
  });
}

async function closed(socket) {
  const [code, reason] = await once(socket, "close");
  return [code, String(reason)];
}

async function converse(socket, seed) {
  const messages = [...randomMessages(COUNT, seed)];
  const received = receive(socket, messages);
  for (const message of messages) {
    socket.send(message);
  }
  await received;
}

// A message in fragments with a ping between them; the fragments carry RSV1 where the extension is on.
function sendInFragments(socket) {
  socket.send("Hel", { fin: false });
  socket.ping("between");
  socket.send("", { fin: false });
  socket.send("lo, wörld".repeat(20000), { fin: false });
  socket.send("!", { fin: true });
  return `Hel${"lo, wörld".repeat(20000)}!`;
}

function clientPlain(runtime) {
  return withEcho(program, ["--runtime", runtime], async (url) => {
    // The server does not know the extension, so that the offer is passed over.
    for (const offer of [false, true]) {
      const socket = await open(url, offer);
      assert.strictEqual(socket.answer, undefined);
      await converse(socket, 1);
      socket.close(1000);
      assert.deepStrictEqual(await closed(socket), [1000, ""]);
    }
  });
}

function clientDeflate(runtime, pair) {
  return withEcho(program, ["--runtime", runtime, "--deflate"], async (url) => {
    for (const [index, bits] of WINDOWS.entries()) {
      const socket = await open(url, deflate(pair, bits));
      assertAnswer(socket.answer, pair, bits);
      await converse(socket, 100 + index);
      socket.close(1000);
      assert.deepStrictEqual(await closed(socket), [1000, ""]);
    }
  });
}

function clientControlFrames(runtime, options) {
  return withEcho(program, ["--runtime", runtime, ...options], async (url) => {
    const socket = await open(url, { threshold: 0 });
    const pong = once(socket, "pong");
    const message = once(socket, "message");
    const expected = sendInFragments(socket);
    assert.strictEqual(String((await pong)[0]), "between");
    assertSame(...(await message), expected, 0);
    const full = once(socket, "pong");
    socket.ping(Buffer.alloc(125, 7));
    assert((await full)[0].equals(Buffer.alloc(125, 7)));
    socket.terminate();
  });
}

// Whatever code we close with is what comes back.
function clientCloses(runtime) {
  return withEcho(program, ["--runtime", runtime], async (url) => {
    for (const code of CODES) {
      const socket = await open(url, false);
      socket.close(code, REASON);
      assert.strictEqual((await closed(socket))[0], code);
    }
    const silent = await open(url, false);
    silent.close();
    assert.deepStrictEqual(await closed(silent), [1005, ""]);
  });
}

// What `squall echo` fails a connection with, and its goodbye.
function serverFails(runtime) {
  const options = ["--runtime", runtime, "--deflate", "--max-message-size", "1000"];
  return withEcho(program, options, async (url, child) => {
    const provocations = [
      [1009, (socket) => socket.send("x".repeat(1001))],
      [1009, (socket) => socket.send("x".repeat(1001), { compress: false })],
      [1007, (socket) => socket.send(Buffer.from([0x61, 0xff]), { binary: false })],
      [1007, (socket) => socket.send(Buffer.from([0x61, 0xff]), { binary: false, compress: false })],
      [1001, () => child.kill("SIGTERM")],
    ];
    for (const [code, provoke] of provocations) {
      const socket = await open(url, { threshold: 0 });
      provoke(socket);
      assert.strictEqual((await closed(socket))[0], code);
    }
  });
}

// Runs `talk(socket, client, answer)` with a `ws` server's end of a connection and the `squall connect` at the other.
async function withConnect(runtime, perMessageDeflate, talk) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate, maxPayload: 0 });
  await once(server, "listening");
  let answer;
  server.on("headers", (headers) => {
    answer = headers.find((line) => line.startsWith("Sec-WebSocket-Extensions: "))?.replace(/^.*?: /, "");
  });
  const options = perMessageDeflate ? ["--deflate"] : [];
  const connected = once(server, "connection");
  const client = new Client(program, ["--runtime", runtime, ...options], `ws://127.0.0.1:${server.address().port}`);
  try {
    const [socket] = await Promise.race([connected, client.ended.then(({ errors }) => {
      throw new Error(`squall connect ended: ${errors}`);
    })]);
    await talk(socket, client, answer);
  } finally {
    await client.stop();
    server.close();
  }
}

// How `squall connect` prints a message.
function printed(message) {
  return typeof message === "string" ? message : `binary:${Buffer.from(message).toString("hex")}`;
}

// Both sides talk at once, and neither echoes; then the client says goodbye.
async function bothTalk(socket, client, seed) {
  const lines = [...randomTexts(COUNT, seed)];
  const messages = [...randomMessages(COUNT, seed + 1)];
  const received = receive(socket, lines);
  client.say(lines);
  for (const message of messages) {
    socket.send(message);
  }
  await received;
  const output = await client.printed(messages.length);
  messages.forEach((message, index) => assert(output[index] === printed(message), `line ${index} differs`));
  const end = closed(socket);
  assert.deepStrictEqual(await client.end(), { status: 0, errors: "" });
  assert.deepStrictEqual(await end, [1000, ""]);
}

function serverPlain(runtime) {
  return withConnect(runtime, false, async (socket, client, answer) => {
    assert.strictEqual(answer, undefined);
    await bothTalk(socket, client, 1);
  });
}

async function serverDeflate(runtime, pair) {
  for (const [index, bits] of WINDOWS.entries()) {
    // Our client gives leave to choose its window, so that a server need not refuse to.
    const options = { ...deflate(pair, bits), clientMaxWindowBits: bits };
    await withConnect(runtime, options, async (socket, client, answer) => {
      assertAnswer(answer, pair, bits);
      await bothTalk(socket, client, 200 + 2 * index);
    });
  }
}

function serverControlFrames(runtime, perMessageDeflate) {
  return withConnect(runtime, perMessageDeflate, async (socket, client) => {
    const pong = once(socket, "pong");
    const expected = sendInFragments(socket);
    assert.strictEqual(String((await pong)[0]), "between");
    assert.deepStrictEqual(await client.printed(1), [expected]);
  });
}

// Whatever code the server closes with is what it gets back, and it is a clean end for the client.
async function serverCloses(runtime) {
  for (const parameters of [...CODES.map((code) => [code, REASON]), []]) {
    await withConnect(runtime, false, async (socket, client) => {
      const end = closed(socket);
      socket.close(...parameters);
      assert.strictEqual((await end)[0], parameters[0] ?? 1005);
      assert.deepStrictEqual(await client.ended, { status: 0, errors: "" });
    });
  }
}

// A server that goes without a word is an error, and so is text that is none.
async function serverMisbehaves(runtime) {
  await withConnect(runtime, false, async (socket, client) => {
    socket.terminate();
    assertOneError(await client.ended);
  });
  await withConnect(runtime, { threshold: 0 }, async (socket, client) => {
    const end = closed(socket);
    socket.send(Buffer.from([0x61, 0xff]), { binary: false });
    assert.strictEqual((await end)[0], 1007);
    assertOneError(await client.ended);
  });
}

function assertOneError({ status, errors }) {
  assert.strictEqual(status, 1);
  assert.match(errors, /^error: .+\n$/);
}

function checks(runtime) {
  return [
    [`client plain ${runtime}`, () => clientPlain(runtime)],
    [`server plain ${runtime}`, () => serverPlain(runtime)],
    ...PAIRS.flatMap((pair) => [
      [`client deflate ${runtime} ${pair}`, () => clientDeflate(runtime, pair)],
      [`server deflate ${runtime} ${pair}`, () => serverDeflate(runtime, pair)],
    ]),
    [`client control frames ${runtime}`, () => clientControlFrames(runtime, [])],
    [`client control frames ${runtime} deflate`, () => clientControlFrames(runtime, ["--deflate"])],
    [`server control frames ${runtime}`, () => serverControlFrames(runtime, false)],
    [`server control frames ${runtime} deflate`, () => serverControlFrames(runtime, { threshold: 0 })],
    [`client closes ${runtime}`, () => clientCloses(runtime)],
    [`server closes ${runtime}`, () => serverCloses(runtime)],
    [`squall echo fails ${runtime}`, () => serverFails(runtime)],
    [`squall connect's server misbehaves ${runtime}`, () => serverMisbehaves(runtime)],
  ];
}

process.exit(await runAll(RUNTIMES.flatMap(checks)));

// Chromium against `squall echo`, on both runtimes: a page sends random messages and compares what comes back.
//
//     node chromium.mjs PATH_OF_squall
//
// Prints `N passed, N failed`. Needs Debian's chromium.

import assert from "node:assert";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import http from "node:http";
import { chromium } from "playwright-core";
import { RUNTIMES, runAll, withEcho } from "./programs.mjs";

const program = process.argv[2];
const COUNT = 1000;
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const FILES = { "/": ["chromium.html", "text/html"], "/random_messages.mjs": ["random_messages.mjs", "text/javascript"] };

// The page's server: another origin than that of `squall echo`, whose port is another.
async function pageServer() {
  const server = http.createServer(async (request, response) => {
    const [name, type] = FILES[request.url] ?? [];
    const body = name && await readFile(new URL(name, import.meta.url));
    response.writeHead(body ? 200 : 404, { "Content-Type": type ?? "text/plain" });
    response.end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const server = await pageServer();
const origin = `http://127.0.0.1:${server.address().port}`;
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS });
const page = await browser.newPage();
await page.goto(origin);
await page.waitForFunction("window.converse && window.closing");

function echoes(runtime, deflate, seed) {
  const options = ["--runtime", runtime, "--allow-origin", "any", ...(deflate ? ["--deflate"] : [])];
  return withEcho(program, options, async (url) => {
    const result = await page.evaluate(([url, count, seed]) => window.converse(url, count, seed), [url, COUNT, seed]);
    const { extensions, ...rest } = result;
    assert.deepStrictEqual(rest, { opened: true, echoed: COUNT, fault: null, code: 1000, wasClean: true });
    assert.strictEqual(extensions.split(";")[0], deflate ? "permessage-deflate" : "");
  });
}

function closes(runtime) {
  const options = ["--runtime", runtime, "--allow-origin", "any"];
  return withEcho(program, options, async (url, child) => {
    for (const code of [1000, 3000, 4999]) {
      const result = await page.evaluate(([url, code]) => window.closing(url, code), [url, code]);
      assert.deepStrictEqual(result, { code, wasClean: true });
    }
    const opened = page.waitForEvent("console", (message) => message.text() === "open");
    const goodbye = page.evaluate((url) => window.closing(url), url);
    await opened;
    child.kill("SIGTERM");
    assert.deepStrictEqual(await goodbye, { code: 1001, wasClean: true });
  });
}

// Only a page of the server's own origin may connect by itself; others as the options say.
async function refuses(runtime) {
  for (const [allowed, opens] of [[[], false], [["--allow-origin", "https://other.example"], false],
    [["--allow-origin", origin], true]]) {
    await withEcho(program, ["--runtime", runtime, ...allowed], async (url) => {
      const { opened, code, wasClean } = await page.evaluate((url) => window.converse(url, 1, 1), url);
      const expected = { opened: opens, code: opens ? 1000 : 1006, wasClean: opens };
      assert.deepStrictEqual({ opened, code, wasClean }, expected, `${allowed}`);
    });
  }
}

const status = await runAll(RUNTIMES.flatMap((runtime, index) => [
  [`echoes ${runtime}`, () => echoes(runtime, false, 1 + index)],
  [`echoes ${runtime} deflate`, () => echoes(runtime, true, 11 + index)],
  [`closes ${runtime}`, () => closes(runtime)],
  [`refuses other origins ${runtime}`, () => refuses(runtime)],
]));
await browser.close();
process.exit(status);

// Drives `squall chat` with Chromium: two tabs talk, survive a restart of the server, and a page of another origin is refused.
//
//     node chat.cjs PATH_OF_squall [FOLDER_FOR_SCREENSHOTS]
//
// Prints `N passed, N failed`. Needs playwright-core in node_modules and Debian's chromium.

const assert = require("node:assert");
const { spawn } = require("node:child_process");
const http = require("node:http");
const { chromium } = require("playwright-core");

const [, , program, screenshots] = process.argv;
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];

function serve(runtime, port) {
  const child = spawn(program, ["chat", "--bind", `127.0.0.1:${port}`, "--runtime", runtime]);
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
    child.stdout.once("data", (data) => {
      const found = /listening on ws:\/\/127\.0\.0\.1:(\d+)/.exec(data);
      resolve({ child, port: Number(found[1]) });
    });
  });
}

function stop(server) {
  server.child.removeAllListeners("exit");
  const ended = new Promise((resolve) => server.child.once("exit", resolve));
  server.child.kill("SIGTERM");
  return ended;
}

async function say(page, text) {
  await page.locator("input:visible").fill(text);
  await page.keyboard.press("Enter");
}

// Waits until the page shows these lines and no others.
async function shows(page, lines) {
  const read = () => page.locator("#messages .text").allTextContents();
  const deadline = Date.now() + 20000;
  while (JSON.stringify(await read()) !== JSON.stringify(lines) && Date.now() < deadline) {
    await page.waitForTimeout(50);
  }
  assert.deepStrictEqual(await read(), lines);
}

async function isOnline(page, count) {
  await page.locator('#state[data-state="online"]').waitFor({ timeout: 20000 });
  await page.locator("#count", { hasText: new RegExp(`^${count}$`) }).waitFor({ timeout: 20000 });
}

async function tab(browser, port, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1180, height: 760 }, ...options });
  const page = await context.newPage();
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !/WebSocket connection/.test(message.text())) {
      page.faults.push(message.text());
    }
  });
  await page.goto(`http://127.0.0.1:${port}/`);
  return page;
}

async function twoTabsTalk(browser, state) {
  state.first = await tab(browser, state.server.port);
  state.second = await tab(browser, state.server.port, { viewport: { width: 390, height: 780 } });
  for (const page of [state.first, state.second]) {
    await isOnline(page, 2);
    assert.strictEqual(await page.locator("input:visible").count(), 1);
    assert(await page.locator("input").evaluate((input) => input === document.activeElement));
  }
  const markup = "<b>bold</b> <script>alert(1)</script> &amp; </script>  two  spaces";
  await say(state.first, "Hello from the first tab");
  await shows(state.second, ["Hello from the first tab"]);
  await say(state.second, markup);
  state.lines = ["Hello from the first tab", markup];
  await shows(state.first, state.lines);
  await shows(state.second, state.lines);
}

async function aNewcomerSeesWhatWasSaid(browser, state) {
  const page = await tab(browser, state.server.port);
  await shows(page, state.lines);
  await isOnline(state.first, 3);
  await page.context().close();
  await isOnline(state.first, 2);
}

async function aReloadedTabKnowsItsOwnLines(browser, state) {
  await state.first.reload();
  await isOnline(state.first, 2);
  await shows(state.first, state.lines);
  assert.strictEqual(await state.first.locator(".mine").count(), 1);
}

async function aNameCanBeChosen(browser, state) {
  await say(state.first, "/name Ada");
  for (const page of [state.first, state.second]) {
    await page.locator("#online li", { hasText: "Ada" }).waitFor();
  }
  await say(state.first, "It is me");
  state.lines.push("It is me");
  await shows(state.second, state.lines);
  assert.strictEqual(await state.second.locator("#messages li").last().locator("b").textContent(), "Ada");
}

async function looksGood(browser, state) {
  for (const [page, text] of [
    [state.second, "This is what a longer message looks like on a phone: it wraps, it stays readable, and nothing moves."],
    [state.second, "https://example.com/a/very/long/address/that/has/no/place/to/break/anywhere/in/it/at/all/really"],
    [state.first, "And on a desktop."],
    [state.first, "日本語 עברית 🎉"],
  ]) {
    await say(page, text);
    state.lines.push(text);
    await shows(state.first, state.lines);
  }
  for (const page of [state.first, state.second]) {
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert(overflow <= 0, `the page is ${overflow} pixels too wide`);
  }
  if (screenshots) {
    await state.first.screenshot({ path: `${screenshots}/desktop.png` });
    await state.second.screenshot({ path: `${screenshots}/phone.png` });
    await state.first.emulateMedia({ colorScheme: "dark" });
    await state.first.screenshot({ path: `${screenshots}/dark.png` });
    const fresh = await tab(browser, state.server.port);
    await fresh.locator("#online li").first().waitFor();
    await fresh.context().close();
  }
}

async function tabsSurviveARestartOfTheServer(browser, state) {
  const { port } = state.server;
  await stop(state.server);
  await state.first.locator('#state:not([data-state="online"])').waitFor({ timeout: 10000 });
  await say(state.first, "said while the server was away");
  if (screenshots) {
    await state.first.screenshot({ path: `${screenshots}/away.png` });
  }
  state.server = await serve(state.runtime, port);
  for (const page of [state.first, state.second]) {
    await isOnline(page, 2);
  }
  await say(state.second, "and after it came back");
  state.lines.push("said while the server was away", "and after it came back");
  await shows(state.first, state.lines);
  await shows(state.second, state.lines);
  await state.second.locator("#online li", { hasText: "Ada" }).waitFor();
}

async function anotherOriginIsRefused(browser, state) {
  const other = http.createServer((_, response) => response.end("<title>elsewhere</title>"));
  await new Promise((resolve) => other.listen(0, "127.0.0.1", resolve));
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${other.address().port}/`);
  const outcome = await page.evaluate((port) => new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`);
    socket.onopen = () => resolve("opened");
    socket.onerror = () => resolve("refused");
  }), state.server.port);
  assert.strictEqual(outcome, "refused");
  await page.close();
  other.close();
}

async function nothingWentWrongInThePages(browser, state) {
  assert.deepStrictEqual([...state.first.faults, ...state.second.faults], []);
}

async function main() {
  let passed = 0;
  let failed = 0;
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS });
  for (const runtime of ["tokio", "async-std"]) {
    const state = { runtime, server: await serve(runtime, 0) };
    for (const check of [twoTabsTalk, aNewcomerSeesWhatWasSaid, aReloadedTabKnowsItsOwnLines, aNameCanBeChosen,
      looksGood, tabsSurviveARestartOfTheServer, anotherOriginIsRefused, nothingWentWrongInThePages]) {
      try {
        await check(browser, state);
        passed += 1;
      } catch (error) {
        failed += 1;
        console.log(`FAILED ${check.name} on ${runtime}`, error);
      }
    }
    await Promise.all([state.first, state.second].map((page) => page?.context().close()));
    await stop(state.server);
  }
  await browser.close();
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
}

main();

// Starts `squall`, and runs checks and counts them.

import { spawn } from "node:child_process";
import { once } from "node:events";

export const RUNTIMES = ["tokio", "async-std"];
const CHECK_TIMEOUT = 60000;
const running = new Set();

function start(program, parameters, options) {
  const child = spawn(program, parameters, options);
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

// Runs `talk(url, process)` against `squall echo` on a free port.
export async function withEcho(program, options, talk) {
  const child = start(program, ["echo", "--bind", "127.0.0.1:0", ...options], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  try {
    const [line] = await Promise.race([once(child.stdout, "data"), ended.then(([code]) => {
      throw new Error(`squall echo ended with ${code}`);
    })]);
    return await talk(/^listening on (ws:\S+)\n$/.exec(line)[1], child);
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
}

// `squall connect`: what it prints, and its end.
export class Client {
  constructor(program, options, url) {
    this.child = start(program, ["connect", ...options, url]);
    this.chunks = [];
    this.lines = 0;
    this.errors = "";
    this.child.stdout.on("data", (chunk) => {
      this.chunks.push(chunk);
      for (let at = chunk.indexOf(0x0a); at !== -1; at = chunk.indexOf(0x0a, at + 1)) {
        this.lines += 1;
      }
    });
    this.child.stderr.on("data", (chunk) => { this.errors += chunk; });
    // A client that ends early is told by its status, not by the pipe that it leaves.
    this.child.stdin.on("error", () => {});
    this.ended = once(this.child, "close").then(([status]) => ({ status, errors: this.errors }));
  }

  say(lines) {
    this.child.stdin.write(lines.map((line) => `${line}\n`).join(""));
  }

  // The first `count` lines; fewer if it ended before.
  async printed(count) {
    let over = false;
    const ended = this.ended.then(() => { over = true; });
    while (this.lines < count && !over) {
      await Promise.race([once(this.child.stdout, "data"), ended]);
    }
    return Buffer.concat(this.chunks).toString().split("\n").slice(0, count);
  }

  // Ends its input and waits for it.
  end() {
    this.child.stdin.end();
    return this.ended;
  }

  stop() {
    this.child.kill("SIGKILL");
    return this.ended;
  }
}

// Runs `[name, check]` one after the other, tells how each went and the sum; the status to end with.
// What a check that took too long has left running is ended.
export async function runAll(checks) {
  let passed = 0;
  let failed = 0;
  for (const [name, check] of checks) {
    const started = performance.now();
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not done after ${CHECK_TIMEOUT / 1000} s`)), CHECK_TIMEOUT);
    });
    try {
      await Promise.race([check(), late]);
      passed += 1;
      console.log(`${name}: passed in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    } catch (error) {
      failed += 1;
      console.log(`${name}:`, String(error.stack).slice(0, 2000));
    }
    clearTimeout(timer);
  }
  console.log(`${passed} passed, ${failed} failed`);
  running.forEach((child) => child.kill("SIGKILL"));
  return failed === 0 ? 0 : 1;
}

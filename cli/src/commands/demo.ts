import { closeSync, openSync, writeFileSync } from "node:fs";
import type { Command } from "../arguments.ts";
import { demoOptions, readDemoOptions } from "../demo/options.ts";
import { type DemoResult, summaryLines, toJson } from "../demo/report.ts";
import { runDemo } from "../demo/run.ts";
import { EXIT, UsageError } from "../exit.ts";
import { stopSignal } from "../service.ts";

/** The test stablecoin's decimals. */
const DECIMALS = 6;

export const demoRun: Command = {
  summary: "hospitals train one model without moving a row; every update and the result proved, everybody paid",
  options: demoOptions,
  async run(values) {
    const demo = readDemoOptions(values);
    if (demo.json !== undefined && demo.json !== "-") requireWritable(demo.json);
    const started = performance.now();
    // With the JSON on stdout the story goes to stderr.
    const say = demo.json === "-" ? (line: string) => console.error(line) : (line: string) => console.log(line);
    const report = (result: DemoResult, names: ReadonlyMap<string, string>): void => {
      for (const line of summaryLines(result, names, DECIMALS)) say(line);
      const seconds = ((performance.now() - started) / 1000).toFixed(0);
      say(`\n${result.ok ? "every check held" : "A CHECK FAILED"} (${seconds} s)`);
      if (demo.json === "-") console.log(toJson(result));
      else if (demo.json !== undefined) writeFileSync(demo.json, `${toJson(result)}\n`);
    };
    const result = await runDemo(demo, { say, report }, stopSignal());
    return result.ok ? EXIT.ok : EXIT.failed;
  },
};

/** Said before the work, not after it. */
function requireWritable(file: string): void {
  try {
    closeSync(openSync(file, "a"));
  } catch {
    throw new UsageError(`--json ${file} cannot be written: name a file in a folder that exists`);
  }
}

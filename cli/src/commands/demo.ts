import { writeFileSync } from "node:fs";
import type { Command } from "../arguments.ts";
import { demoOptions, readDemoOptions } from "../demo/options.ts";
import { summaryLines, toJson } from "../demo/report.ts";
import { runDemo } from "../demo/run.ts";
import { EXIT } from "../exit.ts";
import { stopSignal } from "../service.ts";

/** The test stablecoin's decimals. */
const DECIMALS = 6;

export const demoRun: Command = {
  summary: "hospitals train one model without moving a row; every update and the result proved, everybody paid",
  options: demoOptions,
  async run(values) {
    const demo = readDemoOptions(values);
    const started = performance.now();
    // With the JSON on stdout the story goes to stderr.
    const say = demo.json === "-" ? (line: string) => console.error(line) : (line: string) => console.log(line);
    const { result, names } = await runDemo(demo, { say }, stopSignal());
    for (const line of summaryLines(result, names, DECIMALS)) say(line);
    say(
      `\n${result.ok ? "every check held" : "A CHECK FAILED"} (${((performance.now() - started) / 1000).toFixed(0)} s)`,
    );
    if (demo.json === "-") console.log(toJson(result));
    else if (demo.json !== undefined) writeFileSync(demo.json, `${toJson(result)}\n`);
    return result.ok ? EXIT.ok : EXIT.failed;
  },
};

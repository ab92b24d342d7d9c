import { closeSync, openSync, writeFileSync } from "node:fs";
import type { Command } from "../arguments.ts";
import { marketOptions, readMarketOptions } from "../demo/market/options.ts";
import { type MarketResult, runMarket } from "../demo/market/run.ts";
import { demoOptions, readDemoOptions } from "../demo/options.ts";
import { conservationLines, type DemoResult, paymentLines, summaryLines, toJson } from "../demo/report.ts";
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
    const { say, end } = telling(demo.json);
    const report = (result: DemoResult, names: ReadonlyMap<string, string>): void =>
      end(result, summaryLines(result, names, DECIMALS));
    const result = await runDemo(demo, { say, report }, stopSignal());
    return result.ok ? EXIT.ok : EXIT.failed;
  },
};

export const demoMarket: Command = {
  summary: "a model and a dataset are licensed, used, sold and revoked; jobs settle by proof, a vanished prover pays",
  options: marketOptions,
  async run(values) {
    const demo = readMarketOptions(values);
    const { say, end } = telling(demo.json);
    const report = (result: MarketResult, names: ReadonlyMap<string, string>): void =>
      end(result, [
        ...paymentLines(result.payments, names, DECIMALS),
        ...conservationLines(result.conservation, DECIMALS),
      ]);
    const result = await runMarket(demo, { say, report }, stopSignal());
    return result.ok ? EXIT.ok : EXIT.failed;
  },
};

/** The story on stdout and the JSON in a file; with the JSON on stdout the story goes to stderr. */
function telling(json: string | undefined): {
  say(line: string): void;
  end(result: { readonly ok: boolean }, summary: readonly string[]): void;
} {
  if (json !== undefined && json !== "-") requireWritable(json);
  const started = performance.now();
  const say = json === "-" ? (line: string) => console.error(line) : (line: string) => console.log(line);
  const end = (result: { readonly ok: boolean }, summary: readonly string[]): void => {
    for (const line of summary) say(line);
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    say(`\n${result.ok ? "every check held" : "A CHECK FAILED"} (${seconds} s)`);
    if (json === "-") console.log(toJson(result));
    else if (json !== undefined) writeFileSync(json, `${toJson(result)}\n`);
  };
  return { say, end };
}

/** Said before the work, not after it. */
function requireWritable(file: string): void {
  try {
    closeSync(openSync(file, "a"));
  } catch {
    throw new UsageError(`--json ${file} cannot be written: name a file in a folder that exists`);
  }
}

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { seededInt, seededRandom, testSeed } from "../vectors/seeded.ts";
import { mednexus } from "./command.ts";

interface Result {
  readonly rounds: readonly { readonly members: number }[];
  readonly accuracy: { readonly federated: number; readonly pooled: number; readonly alone: readonly number[] };
  readonly ok: boolean;
}

/** Few rounds: federated stays a little behind pooled. */
const ROUNDS = 4;
const BEHIND = 0.06;

const root = fileURLToPath(new URL("../..", import.meta.url));
const TABLES: readonly [string, string][] = [
  ["cli/data/wdbc.csv", "diagnosis"],
  ["test/data/wine.csv", "class"],
  ["test/data/digits-3-8.csv", "class"],
];

describe("mednexus demo run on any table", function () {
  this.timeout(1_800_000);
  const seed = testSeed();
  const random = seededRandom(seed);
  let folder: string;
  before(() => {
    console.log(`      seed ${seed}`);
    folder = mkdtempSync(join(tmpdir(), "mednexus-tables-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  async function run(file: string, label: string): Promise<Result> {
    const json = join(folder, "result.json");
    const args = ["--data", file, "--label", label, "--rounds", String(ROUNDS), "--json", json];
    const { code, stdout, stderr } = await mednexus(["demo", "run", ...args]);
    expect(code, `${stdout}\n${stderr}`).to.equal(0);
    const result = JSON.parse(readFileSync(json, "utf8")) as Result;
    const { federated, pooled, alone } = result.accuracy;
    console.log(
      `      federated ${federated.toFixed(3)}, pooled ${pooled.toFixed(3)}, alone ${alone.map((a) => a.toFixed(3)).join(" ")}`,
    );
    expect(result.ok).to.equal(true);
    expect(result.rounds.map(({ members }) => members)).to.deep.equal(Array.from({ length: ROUNDS }, () => 4));
    expect(federated).to.be.at.least(pooled - BEHIND);
    return result;
  }

  for (const [file, label] of TABLES) {
    it(`public table ${file}`, async () => void (await run(join(root, file), label)));
  }

  it("a table that nobody has seen: odd names, quotes, CRLF, byte order mark, units from 1e-6 to 1e6", async () => {
    const uniform = (): number => Number(seededInt(random, 0n, 2n ** 52n)) / 2 ** 52;
    const normal = (): number => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
    const names = [
      "",
      " ",
      "__proto__",
      "constructor",
      "a,b",
      'say "hi"',
      "two\nlines",
      "Größe (µm)",
      "病",
      "label",
      "1e9",
      "=1+1",
    ]
      .map((name, at) => (name.trim() === "" ? `${name}#${at}` : name))
      .slice(0, Number(seededInt(random, 5n, 12n)));
    const scales = names.map(() => 10 ** Number(seededInt(random, -6n, 6n)));
    const weights = names.map(() => normal());
    const length = Math.hypot(...weights);
    const classes = ["so, so", 'quite "so"'];
    const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
    const rows = Array.from({ length: 400 }, () => {
      const z = names.map(() => normal());
      const score = z.reduce((sum, value, j) => sum + value * weights[j]!, 0) / length + 0.25 * normal();
      return [...z.map((value, j) => String(scales[j]! * (value + 3))), quoted(classes[score > 0 ? 1 : 0]!)];
    });
    // The label column somewhere in the middle.
    const at = Number(seededInt(random, 0n, BigInt(names.length)));
    const place = (cells: string[], label: string): string =>
      [...cells.slice(0, at), label, ...cells.slice(at)].join(",");
    const lines = [
      place(names.map(quoted), quoted("out come")),
      ...rows.map((row) => place(row.slice(0, -1), row.at(-1)!)),
    ];
    const file = join(folder, "never seen.csv");
    writeFileSync(file, `\uFEFF${lines.join("\r\n")}\r\n`);
    const { accuracy } = await run(file, "out come");
    expect(accuracy.federated).to.be.greaterThan(0.75);
  });
});

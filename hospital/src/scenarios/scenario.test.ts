import { expect } from "chai";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BadInputError } from "../data/errors.ts";
import { concatRows } from "../data/split.ts";
import { NPC1_RANGES } from "./npc1.ts";
import { namedScenario } from "./scenario.ts";

const options = { seed: 1, hospitals: 3, split: "iid" } as const;

describe("scenarios", () => {
  it("npc1: 100 patients at two hospitals, held-out ones apart, repeatable, sane values (seeds 1-5)", () => {
    for (let seed = 1; seed <= 5; seed++) {
      const scenario = namedScenario("npc1", "/nonexistent", { ...options, seed });
      expect(scenario).to.deep.equal(namedScenario("npc1", "/nonexistent", { ...options, seed }));
      expect(scenario.hospitals.map(({ rows }) => [rows.X.length, rows.y.filter(Boolean).length])).to.deep.equal([
        [50, 25],
        [50, 25],
      ]);
      const { X } = concatRows([...scenario.hospitals.map(({ rows }) => rows), scenario.evaluation]);
      const sane = X.every(
        (row) =>
          row.length === NPC1_RANGES.length &&
          row.every((value, j) => value >= 0 && value <= (NPC1_RANGES[j]!.max <= 2 ? NPC1_RANGES[j]!.max : 1e4)) &&
          row.slice(-3).reduce((sum, alleles) => sum + alleles, 0) <= 2,
      );
      expect(sane).to.equal(true);
      const seen = new Set(scenario.hospitals.flatMap(({ rows }) => rows.X.map((row) => row.join())));
      expect(scenario.evaluation.X.some((row) => seen.has(row.join()))).to.equal(false);
    }
    expect(namedScenario("npc1", "", options)).to.not.deep.equal(namedScenario("npc1", "", { ...options, seed: 2 }));
  });

  describe("named by a file", () => {
    let folder: string;
    before(() => {
      folder = mkdtempSync(join(tmpdir(), "mednexus-scenario-"));
      const rows = Array.from({ length: 60 }, (_, i) => `${i},${i * i - 900},${i % 2 ? "b" : "a"}`);
      writeFileSync(join(folder, "squares.csv"), ["x,xx,kind", ...rows].join("\n"));
      writeFileSync(join(folder, "squares.json"), '{ "data": "squares.csv", "label": "kind" }');
      writeFileSync(join(folder, "escape.json"), '{ "data": "../secret.csv", "label": "kind" }');
    });
    after(() => rmSync(folder, { recursive: true }));

    it("divides the table; the public ranges are powers of ten that hold every hospital's rows", () => {
      const scenario = namedScenario("squares", folder, options);
      expect(scenario.ranges).to.deep.equal([
        { name: "x", min: 0, max: 100 },
        { name: "xx", min: -10_000, max: 10_000 },
      ]);
      expect(scenario.hospitals.map(({ rows }) => rows.X.length)).to.deep.equal([14, 14, 14]);
      expect(scenario.evaluation.X.length).to.equal(18);
      expect(scenario.standardization).to.equal("statistics");
      expect(namedScenario("squares", folder, { ...options, hospitals: 2 }).standardization).to.equal("ranges");
    });

    it("refuses unknown names, paths and prototype names in one line", () => {
      for (const name of ["other", "../squares", "", "toString", "__proto__", "a/b"])
        expect(() => namedScenario(name, folder, options), name).to.throw(BadInputError, "choose another --scenario");
      expect(() => namedScenario("escape", folder, options)).to.throw();
    });
  });
});

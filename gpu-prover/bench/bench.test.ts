import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { bench, type Report } from "./bench.ts";
import { document, plot, table } from "./report.ts";

describe("prover bench", () => {
  it("measures every part, compares results, and says what was verified", async function () {
    this.timeout(600_000);
    const cache = mkdtempSync(join(tmpdir(), "mednexus-bench-"));
    try {
      const report = await bench({ powers: [8], repeat: 2, cache, software: true });
      expect(new Set(report.rows.map(({ part }) => part))).to.deep.equal(new Set(["proof", "msm", "ntt", "commit"]));
      const engines = report.adapter === undefined ? 2 : 3;
      // the CPU's transforms are part of its proofs only
      expect(report.rows).to.have.length(4 * engines - 1);
      for (const row of report.rows) expect(row.verified, `${row.part} ${row.engine}`).to.equal(2);
      for (const { host } of report.rows) expect(host).to.be.greaterThan(0);
      expect(table(report)).to.contain("| 2^8 | snarkjs |");
      const text = document(report, { command: "bench", commit: "abc" });
      expect(text)
        .to.contain(table(report))
        .and.to.contain("`bench`, commit abc")
        .and.to.contain("rapidsnark: not compared");
      expect(plot(report)).to.match(/^<svg.*<\/svg>\n$/s);
    } finally {
      rmSync(cache, { recursive: true, force: true });
    }
  });

  it("a target is met by a GPU only, at its size, with every run verified", () => {
    const line = { host: 0.1, least: 0.1, most: 0.1, verified: 5, runs: 5, memory: 1, power: 20 };
    const rows = [
      { ...line, part: "proof", engine: "gpu", median: 0.4 },
      { ...line, part: "proof", engine: "snarkjs", median: 20 },
      { ...line, part: "msm", engine: "gpu", median: 0.07 },
      { ...line, part: "ntt", engine: "gpu", median: 0.004, verified: 4 },
    ] as const;
    const report: Report = {
      machine: "2 × m",
      load: 1,
      adapter: "a GPU",
      hardware: true,
      reason: undefined,
      date: "2026-11-20",
      rows,
    };
    const verdicts = (of: Report): string[] =>
      document(of, { command: "bench", commit: "abc" })
        .split("\n")
        .filter((text) => text.includes(", 2^20 |"))
        .map((text) => text.split("|")[4]!.trim());
    expect(verdicts(report)).to.deep.equal(["met", "MISSED", "MISSED", "not shown: not measured"]);
    const software = { ...report, hardware: false };
    expect(verdicts(software)).to.deep.equal(Array.from({ length: 4 }, () => "not shown: no GPU"));
    expect(document(software, { command: "bench", commit: "abc" })).to.contain("No GPU took part");
  });
});

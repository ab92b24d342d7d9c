import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { bench } from "./bench.ts";
import { plot, table } from "./report.ts";

describe("prover bench", () => {
  it("measures every part, compares results, and says what was verified", async function () {
    this.timeout(600_000);
    const cache = mkdtempSync(join(tmpdir(), "mednexus-bench-"));
    try {
      const report = await bench({ powers: [8], repeat: 2, cache, software: true });
      expect(new Set(report.rows.map(({ part }) => part))).to.deep.equal(new Set(["proof", "msm", "ntt", "commit"]));
      const engines = report.adapter === undefined ? 1 : 2;
      expect(report.rows).to.have.length(4 * engines);
      for (const row of report.rows) expect(row.verified, `${row.part} ${row.engine}`).to.equal(2);
      expect(table(report)).to.contain("| 2^8 | snarkjs |");
      expect(plot(report)).to.match(/^<svg.*<\/svg>\n$/s);
    } finally {
      rmSync(cache, { recursive: true, force: true });
    }
  });
});

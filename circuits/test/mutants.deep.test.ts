import { readFileSync } from "node:fs";
import { expect } from "chai";
import type { Circuit } from "../index.ts";
import { type Forgery, forgeriesOf } from "./forgeries.ts";
import { compilePatched, openLab, poseidonLab, SOURCES, System } from "./lab.ts";

/** The forgeries of constraints.test.ts on mutants of the source: with one constraint taken out, each passes. */
describe("circuits with one constraint taken out", function () {
  this.timeout(1_800_000);
  const ids = SOURCES.flatMap((file) =>
    [...readFileSync(new URL(`../src/${file}`, import.meta.url), "utf8").matchAll(/\/\/ \(([A-Z]\d+)\)/g)].map(
      ([, id]) => id!,
    ),
  );

  for (const circuit of Object.keys(forgeriesOf) as Circuit[]) {
    it(`${circuit}: every forgery is a witness of its mutant`, async () => {
      const [lab, poseidon] = await Promise.all([openLab(circuit), poseidonLab()]);
      const forgeries = forgeriesOf[circuit](lab, poseidon);
      for (const id of ids) {
        const aimed: Forgery[] = forgeries.filter((forgery) => forgery.id.split(" ").includes(id));
        if (!belongs(circuit, id)) continue;
        expect(aimed, `${id} in ${circuit}`).not.deep.equal([]);
        const { r1cs, symbols } = await compilePatched(circuit, (source) => without(source, id));
        const mutant = new System(r1cs, symbols);
        expect(mutant.r1cs.rows.length, id).below(lab.constraints.r1cs.rows.length);
        for (const { title, make } of aimed) {
          const forged = await make();
          expect(lab.constraints.broken(forged), `${id} ${title}`).not.deep.equal([]);
          expect(mutant.broken(forged), `${id} ${title}`).deep.equal([]);
        }
      }
    });
  }

  /** The line marked with the id constrains no longer: an equality goes, an assignment only assigns. */
  function without(source: string, id: string): string {
    return source.replaceAll(new RegExp(`^.*// \\(${id}\\).*$`, "gm"), (line) =>
      line.includes("===") ? "" : line.replace("<==", "<--"),
    );
  }

  /** By the letters of the templates that a circuit is made of; update's chain is a single step at this size. */
  function belongs(circuit: Circuit, id: string): boolean {
    const letters = { update: "ULREH", aggregate: "AEH", inference: "IPDRH", rekey: "KJGN" };
    return letters[circuit].includes(id[0]!) && !(circuit === "update" && id === "H2");
  }
});

import { readFileSync } from "node:fs";
import { Domain, evaluate, Fr, lower, squaredNorm } from "@mednexus/sdk";
import { expect } from "chai";
import { type Circuit, circuitInputs } from "../index.ts";
import type { CircuitInputs } from "../witness.ts";
import { type Forgery, forgeriesOf, SEED } from "./forgeries.ts";
import { type Lab, LAB_SIZE, labSize, openLab, override, poseidonLab, SOURCES } from "./lab.ts";
import { randomStatement, seeded, updateStatement } from "./statements.ts";

const CIRCUITS = Object.keys(forgeriesOf) as Circuit[];

/** Poseidon, Num2Bits, BabyCheck, BabyDbl and the two multiplications: circomlib's own, judged by "no wire can change alone". */
const INSIDE_CIRCOMLIB =
  /\.pEx\.|\.(base|shared)\.(segments|adders|doublers|m2e|zeropoint)|\+(open|seal)\.shared\.zeropoint|\.adder\.|\.onCurve\.[xy]2|1\+(open|seal)\.bits\.out|\.bits\.in\+\w+\.bits\.out/;

const honestInputs = <C extends Circuit>(circuit: C): CircuitInputs =>
  circuitInputs(circuit, labSize(circuit), randomStatement[circuit](labSize(circuit), SEED));

/**
 * Every class of constraints is shown to be needed, on the constraint system itself: a forged witness that the real
 * circuit refuses by that class alone. Deleting the class from the source turns its test red, and a class that
 * nothing forges against is found by its shape.
 */
describe(`constraints of the circuits (seed ${SEED})`, function () {
  this.timeout(600_000);
  const labs = {} as Record<Circuit, Lab>;
  const forgeries = {} as Record<Circuit, Forgery[]>;

  before("compile at the smallest size", async () => {
    const poseidon = await poseidonLab();
    await Promise.all(
      CIRCUITS.map(async (circuit) => {
        labs[circuit] = await openLab(circuit);
        forgeries[circuit] = forgeriesOf[circuit](labs[circuit], poseidon);
      }),
    );
  });

  // titles are needed before the labs exist; making a forgery is not
  const titles = Object.fromEntries(
    CIRCUITS.map((circuit) => [circuit, forgeriesOf[circuit]({} as Lab, () => expect.fail("not run"))]),
  ) as Record<Circuit, Forgery[]>;

  for (const circuit of CIRCUITS) {
    describe(circuit, () => {
      const honest = (): CircuitInputs => honestInputs(circuit);

      it("an honest witness satisfies both forms, and its hash and value are the sdk's", async () => {
        const lab = labs[circuit];
        const inputs = honest();
        expect(lab.constraints.broken(await lab.forge(inputs))).deep.equal([]);
        expect(lab.optimized.broken(await lab.prove(inputs))).deep.equal([]);
      });

      it("every constraint belongs to a class that is forged against, and no class has lost or gained one", () => {
        const { constraints } = labs[circuit];
        const counts = new Map<string, number>();
        for (const row of constraints.r1cs.rows) {
          const shape = constraints.shape(row);
          if (!INSIDE_CIRCOMLIB.test(shape)) counts.set(shape, (counts.get(shape) ?? 0) + 1);
        }
        expect([...counts].sort()).deep.equal(
          [...new Map(forgeries[circuit].map(({ shape, rows }) => [shape, rows]))].sort(),
        );
      });

      it("no wire can change alone", async () => {
        const { optimized, prove } = labs[circuit];
        const assignment = optimized.wires(await prove(honest()));
        const touching = optimized.names.map((): typeof rows => []);
        const rows = optimized.r1cs.rows.map(({ a, b, c }) => ({ a, b, c }));
        for (const row of rows)
          for (const wire of new Set([...row.a.wires, ...row.b.wires, ...row.c.wires])) touching[wire]!.push(row);
        const loose = optimized.names.filter((_, wire) => {
          const changed = assignment.with(wire, Fr.add(assignment[wire]!, 1n));
          return touching[wire]!.every(({ a, b, c }) => Fr.mul(dot(a, changed), dot(b, changed)) === dot(c, changed));
        });
        expect(loose).deep.equal([]);
      });

      titles[circuit].forEach(({ id, title, shape }, k) => {
        it(`(${id}) ${title}: refused by this constraint alone`, async () => {
          const { constraints, optimized } = labs[circuit];
          const forged = await forgeries[circuit][k]!.make();
          expect([...new Set(constraints.broken(forged).map((row) => constraints.shape(row)))]).deep.equal([shape]);
          expect(optimized.broken(forged)).not.deep.equal([]);
        });
      });
    });
  }

  it("every constraint numbered in the sources is forged against", () => {
    const text = SOURCES.map((file) => readFileSync(new URL(`../src/${file}`, import.meta.url), "utf8")).join("\n");
    const lines = text.split("\n").filter((line) => /<==|===/.test(line) && !line.trim().startsWith("//"));
    const numbered = lines.map((line) => /\/\/ \(([A-Z]\d+)\)/.exec(line)?.[1] ?? line);
    const forged = new Set(
      Object.values(titles)
        .flat()
        .flatMap(({ id }) => id.split(" ")),
    );
    expect(numbered.filter((id) => !forged.has(id))).deep.equal([]);
    expect(new Set(numbered).size).equal(numbered.length);
  });

  describe("whole attacks on update", () => {
    const next = seeded(SEED);
    const values = Array.from({ length: LAB_SIZE }, () => next(65_536n) - 32_768n);
    const blinders = Array.from({ length: 4 }, () => next(Fr.modulus));
    const r = next(Fr.modulus);

    /** Whether an assignment computed for a statement without regard to constraints satisfies the circuit. */
    async function accepted(statement: ReturnType<typeof updateStatement>): Promise<boolean> {
      const forged = await labs.update.forge(circuitInputs("update", LAB_SIZE, statement));
      const [strict, optimized] = [labs.update.constraints.broken(forged), labs.update.optimized.broken(forged)];
      expect(strict.length === 0).equal(optimized.length === 0);
      return strict.length === 0;
    }

    it("[attack 3] a coordinate of 2^253 under its own hash and value is refused by its range", async () => {
      const statement = updateStatement(values, blinders, r);
      const elements = statement.values.with(0, 1n << 253n);
      const y = evaluate([...elements, ...blinders], r);
      const forged = await labs.update.forge(circuitInputs("update", LAB_SIZE, { ...statement, values: elements, y }));
      const consistent = override(forged, { h: forged.get("main.chain.out")! });
      const { constraints, optimized } = labs.update;
      const shapes = constraints.broken(consistent).map((row) => constraints.shape(row));
      expect(shapes).include(" = limb[].range[].bits[]+limb[].range[].in");
      expect(optimized.broken(consistent)).not.deep.equal([]);
    });

    it("[attack 4] a norm of exactly B² is accepted, B² + 1 refused", async () => {
      expect(await accepted(updateStatement(values, blinders, r))).equal(true);
      expect(await accepted(updateStatement(values, blinders, r, squaredNorm(values) - 1n))).equal(false);
    });

    it("the ends of the range are accepted, at the largest norm", async () => {
      expect(
        await accepted(
          updateStatement(
            values.map(() => -32_768n),
            blinders,
            r,
          ),
        ),
      ).equal(true);
      expect(
        await accepted(
          updateStatement(
            values.map(() => 32_767n),
            blinders,
            r,
            (1n << 64n) - 1n,
          ),
        ),
      ).equal(true);
      expect(
        await accepted(
          updateStatement(
            values.map(() => 0n),
            blinders,
            r,
            0n,
          ),
        ),
      ).equal(true);
    });

    it("[attack 4] a bound that only holds modulo the field order is refused", async () => {
      const statement = updateStatement(values, blinders, r);
      expect(await accepted({ ...statement, normBound2: Fr.modulus - 1n })).equal(false);
    });

    it("[attack 25] a polynomial of higher degree that agrees on H has another value at r, refused", async () => {
      const statement = updateStatement(values, blinders, r);
      const vanishing = Domain.of(LAB_SIZE).vanishingAt(r);
      const higher = Fr.add(statement.y, Fr.mul(Fr.pow(r, 4n), vanishing));
      expect(await accepted({ ...statement, y: higher })).equal(false);
    });

    it("[attack 8] blinders solved after r for a chosen value are refused by the hash", async () => {
      const statement = updateStatement(values, blinders, r);
      const target = 123n;
      const others = [0n, ...blinders.slice(1)];
      const rest = evaluate([...lower(values), ...others], r);
      const solved = Fr.mul(Fr.sub(target, rest), Fr.inverse(Domain.of(LAB_SIZE).vanishingAt(r)));
      const rho = [solved, ...others.slice(1)];
      expect(evaluate([...lower(values), ...rho], r)).equal(target);
      expect(await accepted({ ...statement, blinders: rho, y: target })).equal(false);
    });

    it("[attack 26] a nonzero padding row is in range and counted in the norm", async () => {
      const padded = [...values.slice(0, 10), 5n, ...Array<bigint>(5).fill(0n)];
      expect(await accepted(updateStatement(padded, blinders, r))).equal(true);
      expect(await accepted(updateStatement(padded, blinders, r, squaredNorm(padded.with(10, 0n))))).equal(false);
    });

    it("[attack 12] a challenge on the domain, where blinders hide nothing, is refused", async () => {
      expect(await accepted(updateStatement(values, blinders, Domain.of(LAB_SIZE).elements[3]!))).equal(false);
    });
  });
});

function dot(
  { wires, coefficients }: { wires: readonly number[]; coefficients: readonly bigint[] },
  assignment: readonly bigint[],
): bigint {
  return Fr.from(wires.reduce((sum, wire, k) => sum + coefficients[k]! * assignment[wire]!, 0n));
}

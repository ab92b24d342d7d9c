import { expect } from "chai";
import { startTown, type Town } from "../fixtures/hospitals.ts";
import { deploySystem, type System } from "../fixtures/system.ts";
import { carefulTrail, carelessTrail, explained, guesses, type Trail } from "../utils/linkage.ts";
import { seededInt } from "../vectors/seeded.ts";

const GUESSES = 1_000_000;

/** One subject, two institutions, everything on chain read back. */
describe("what the chain tells about a subject (a million guesses)", function () {
  this.timeout(3_600_000);

  let system: System;
  let town: Town;
  let number: string;
  const trails: Record<"careful" | "careless", Trail[]> = { careful: [], careless: [] };

  before(async () => {
    system = await deploySystem();
    console.log(`      seed ${system.seed}`);
    town = await startTown(system, 3);
    number = seededInt(system.random, 10n ** 9n, 9n * 10n ** 9n).toString();
    const [a, b, c] = town.hospitals as [Town["hospitals"][0], Town["hospitals"][0], Town["hospitals"][0]];
    for (const hospital of town.hospitals) await hospital.start();
    for (const [kind, act] of [
      ["careful", carefulTrail],
      ["careless", carelessTrail],
    ] as const) {
      // The third institution's subject is somebody else: what it shares with the others links nobody.
      const other = (BigInt(number) + 5_000_000n).toString();
      trails[kind] = [await act(town, a, number), await act(town, b, number), await act(town, c, other)];
    }
  });

  after(async () => {
    await town?.stop();
    await system?.connection.close();
  });

  it(`[must show 5] ${GUESSES.toLocaleString("en")} guesses of a national number explain nothing on chain; without salts they find it`, async () => {
    const numbers = guesses(system.random, number, GUESSES);
    expect([...numbers])
      .to.include(number)
      .and.have.length(GUESSES);
    expect(await explained(trails.careful.slice(0, 2), numbers)).to.deep.equal([]);
    expect(await explained(trails.careless.slice(0, 2), guesses(system.random, number, 1_000))).to.deep.equal([number]);
  });
});

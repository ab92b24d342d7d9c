import { expect } from "chai";
import { startTown, type Town } from "../fixtures/hospitals.ts";
import { deploySystem, type System } from "../fixtures/system.ts";
import { carefulTrail, carelessTrail, explained, guesses, sharedWords, type Trail } from "../utils/linkage.ts";
import { seededInt } from "../vectors/seeded.ts";

const GUESSES = 10_000;

/** One subject, two institutions, everything on chain read back. */
describe("what the chain tells about a subject", function () {
  this.timeout(240_000);

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

  it("[must show 5] [attack 76] two datasets of one subject share no word on chain; with a key made from the number they do", () => {
    const [a, b, other] = trails.careful as [Trail, Trail, Trail];
    expect(a.words.size).to.be.greaterThan(30);
    expect(sharedWords(a, b, other)).to.deep.equal([]);
    const [x, y, z] = trails.careless as [Trail, Trail, Trail];
    expect(sharedWords(x, y, z).length, "the subject's key, the table's root").to.be.greaterThan(1);
  });

  it(`[must show 5] ${GUESSES.toLocaleString("en")} guesses of a national number explain nothing on chain; without salts they find it`, async () => {
    const numbers = guesses(system.random, number, GUESSES);
    expect([...numbers])
      .to.include(number)
      .and.have.length(GUESSES);
    expect(await explained(trails.careful.slice(0, 2), numbers)).to.deep.equal([]);
    expect(await explained(trails.careless.slice(0, 2), numbers)).to.deep.equal([number]);
  });
});

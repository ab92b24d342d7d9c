import { randomRounds } from "../../test/vectors/randomRounds.ts";
import { seededRandom, testSeed } from "../../test/vectors/seeded.ts";

describe("P2, deep", () => {
  it("holds bit for bit in 1,000 random rounds", async () => {
    const seed = testSeed();
    console.log(`      seed ${seed}`);
    await randomRounds(seededRandom(seed), 1000);
  }).timeout(3_600_000);
});

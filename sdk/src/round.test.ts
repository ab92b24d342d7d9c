import { randomRounds } from "../../test/vectors/randomRounds.ts";
import { seededRandom, testSeed } from "../../test/vectors/seeded.ts";

describe("P2: the published model is exactly the base plus the weighted sum of the set's updates", () => {
  it("holds bit for bit in 40 random rounds with real commitments, shares and reconstruction", async () => {
    const seed = testSeed();
    console.log(`      seed ${seed}`);
    await randomRounds(seededRandom(seed), 40);
  });
});

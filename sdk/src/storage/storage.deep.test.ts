import { expect } from "chai";
import { acceptedMutations } from "../../../test/utils/mutate.ts";
import { seededRandom, testSeed } from "../../../test/vectors/seeded.ts";

const seed = testSeed();

describe(`encrypted datasets, at length (seed ${seed})`, () => {
  it("[must show 4] 100,000 changed ciphertexts, associated data, chunks and documents: none accepted", async function () {
    this.timeout(900_000);
    expect(await acceptedMutations(seededRandom(seed), 100_000)).to.equal(0);
  });
});

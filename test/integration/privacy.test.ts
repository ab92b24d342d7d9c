import { expect } from "chai";
import { describeTrails, expectUnguessable } from "../fixtures/trails.ts";
import { sharedWords } from "../utils/linkage.ts";

const GUESSES = 10_000;

/** One subject, two institutions, everything on chain read back. */
describeTrails("what the chain tells about a subject", 240_000, (get) => {
  it("[must show 5] [attack 76] two datasets of one subject share no word on chain; with a key made from the number they do", () => {
    const { careful, careless } = get();
    expect(careful[0].words.size).to.be.greaterThan(30);
    expect(sharedWords(...careful)).to.deep.equal([]);
    expect(sharedWords(...careless).length, "the subject's key, the table's root").to.be.greaterThan(1);
  });

  it(`[must show 5] ${GUESSES.toLocaleString("en")} guesses of a national number explain nothing on chain; without salts they find it`, () =>
    expectUnguessable(get(), GUESSES));
});

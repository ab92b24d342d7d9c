import { describeTrails, expectUnguessable } from "../fixtures/trails.ts";

const GUESSES = 1_000_000;

describeTrails("what the chain tells about a subject (a million guesses)", 3_600_000, (get) => {
  it(`[must show 5] ${GUESSES.toLocaleString("en")} guesses of a national number explain nothing on chain; without salts they find it`, () =>
    expectUnguessable(get(), GUESSES, 1_000));
});

import {
  type Ciphertext,
  digestOf,
  mailBytes,
  MedNexusError,
  readCommittee,
  readRound,
  type RoundView,
} from "@mednexus/sdk";
import { compose } from "./compose.ts";
import type { Config } from "./config.ts";
import type { NodeContext } from "./context.ts";
import { submissionOf, prepare } from "./member.ts";
import { encodeShareMessage } from "./message.ts";
import { keyFingerprint } from "./trust.ts";

/** One thing that would leave the building: to whom, how many bytes, and a value or digest of it. */
export interface Leaving {
  readonly to: string;
  readonly field: string;
  readonly bytes: number;
  readonly value: string;
}

export interface DryRun {
  readonly round: bigint;
  readonly campaign: bigint;
  readonly leaving: readonly Leaving[];
  /** What each party learns from that. */
  readonly learns: readonly { readonly who: string; readonly what: string }[];
}

const G1_BYTES = 64;
const WORD_BYTES = 32;

/**
 * Prepares the update of each live round in its commit phase and says what would be sent. Nothing is sent; what was
 * prepared is kept, and is what the node would send. Errors: `NO_ROUND_OPEN`, those of `compose` and of preparing.
 */
export async function dryRun(config: Config): Promise<DryRun[]> {
  const { context, close } = await compose(config, () => {});
  try {
    const runs: DryRun[] = [];
    for (const campaign of config.campaigns) {
      const { liveRound } = await context.contracts.campaigns.get(campaign);
      if (liveRound === 0n) continue;
      const round = await readRound(context.contracts, liveRound);
      if (round.state === "Commit") runs.push(await wouldLeave(context, round));
    }
    if (runs.length === 0)
      throw new MedNexusError("NO_ROUND_OPEN", "no campaign of this node has a round in its commit phase", {
        retryable: true,
      });
    return runs;
  } finally {
    await close();
  }
}

/** What one round's prepared update would send, and to whom. */
export async function wouldLeave(context: NodeContext, round: RoundView): Promise<DryRun> {
  if (context.data === undefined) throw new MedNexusError("NO_DATA", "a committee-only node contributes nothing");
  const draft = await prepare(context, round);
  const [, , { c, a, shareManifest, h, y, w, proof }] = submissionOf(draft, context.data.dataset);
  const chain = (field: string, bytes: number, value: string): Leaving => ({
    to: "the chain (public for ever)",
    field,
    bytes,
    value,
  });
  const point = ({ x, y: py }: { x: bigint; y: bigint }): string => `(${x}, ${py})`;
  const committee = await readCommittee(context.contracts, round.id);
  const digests = draft.ciphertexts.map(digestOf);
  const share = (ciphertext: Ciphertext, index: number): Leaving => ({
    to: `node ${committee[index]?.node ?? index + 1} (key ${committee[index] === undefined ? "unknown" : keyFingerprint(committee[index].key)}), by the relay`,
    field: "encrypted share",
    bytes: mailBytes(encodeShareMessage({ ciphertext, digests }).length),
    value: digests[index]!,
  });
  return {
    round: round.id,
    campaign: round.campaign,
    leaving: [
      chain("commitment C", G1_BYTES, point(c)),
      ...a.map((one, k) => chain(`share commitment A_${k + 1}`, G1_BYTES, point(one))),
      chain("share manifest", WORD_BYTES, shareManifest),
      chain("hash h", WORD_BYTES, h.toString()),
      chain("evaluation y", WORD_BYTES, y.toString()),
      chain("opening W", G1_BYTES, point(w)),
      chain("proof", 2 * G1_BYTES + 2 * G1_BYTES, point(proof.a)),
      ...draft.ciphertexts.map(share),
    ],
    learns: [
      {
        who: "everybody, from the chain",
        what: `that this institution takes part in round ${round.id} with its audited record count, that its update is ${round.n} 16-bit integers within the norm bound, and one evaluation of it that four random blinders hide; no coordinate`,
      },
      {
        who: `up to ${round.threshold} committee nodes together`,
        what: "nothing of the update: their shares are uniformly random",
      },
      {
        who: `${round.threshold + 1} or more committee nodes together`,
        what: "the whole update, if they break the rules: each must keep its shares to itself",
      },
      {
        who: "the relay",
        what: "who leaves a message of which size class for which node, and when; what it says is encrypted to the node",
      },
      {
        who: "everybody, once the sums are out",
        what: "the sum of all members' updates and the model; with all other members together, this update",
      },
      ...(round.nodes === 2 || (await context.contracts.campaigns.termsOf(round.campaign)).pair
        ? [{ who: "the other member of a pair round", what: "this update: the sum less its own" }]
        : []),
      { who: "nobody", what: "a record, a row count beyond the audited one, a mean, a local model" },
    ],
  };
}

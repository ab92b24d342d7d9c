import { expect } from "chai";
import { keccak256, toUtf8Bytes, ZeroHash } from "ethers";
import { codeOf, codeThrown } from "../../test/utils/codeOf.ts";
import type { Contracts } from "./actions/client.ts";
import { aggregateHash, encodeWords, inputHash } from "./encoding.ts";
import {
  blobOf,
  blobUri,
  decodeJobInput,
  decodeJobWeights,
  encodeJobInput,
  jobTopics,
  publishProverKey,
  receiveParcel,
  sendParcel,
} from "./parcels.ts";
import { readerKeysOf } from "./storage/hpke.ts";
import type { Transport } from "./transport.ts";

const [SPONSOR, PROVER, OTHER, COMPUTE] = ["11", "22", "33", "44"].map((byte) => `0x${byte.repeat(20)}`) as [
  string,
  string,
  string,
  string,
];
const deployment = { chainId: 31337, addresses: { compute: COMPUTE } as never };
const keys = readerKeysOf(new Uint8Array(32).fill(7));

/** A relay that believes its sender. */
function transportOf(mail: Map<string, Uint8Array>, from: string): Transport {
  return {
    send: async (topic, body) => void mail.set(`${from}/${topic}`, body),
    receive: async (topic, sender) => mail.get(`${sender}/${topic}`),
    putBlob: async (content) => keccak256(content),
    getBlob: async () => undefined,
  };
}
const lockedBy = (prover: string, state = 2n) =>
  ({ compute: { jobOf: async () => ({ prover, state }) } }) as unknown as Contracts;

describe("Parcels", () => {
  it("input and weights are what the chain commits to, or nothing", () => {
    const input = [5n, -3n, 0n, 2048n];
    const content = encodeJobInput({ input, salt: 9n });
    const commitment = inputHash(input, 9n);
    expect(decodeJobInput(content, 4, commitment)).to.deep.equal({ input, salt: 9n });
    const vector = [1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n];
    expect(decodeJobWeights(encodeWords(vector), 4, aggregateHash(vector))).to.deep.equal(vector);
    for (const wrong of [content.slice(1), content.slice(32), new Uint8Array(0), encodeJobInput({ input, salt: 8n })])
      expect(codeThrown(() => decodeJobInput(wrong, 4, commitment))).to.equal("WRONG_INPUT");
    expect(codeThrown(() => decodeJobWeights(encodeWords(vector), 4, 1n))).to.equal("WRONG_WEIGHTS");
    expect(codeThrown(() => decodeJobWeights(encodeWords(vector.slice(1)), 4, 1n))).to.equal("WRONG_WEIGHTS");
  });

  it("only blob URIs name a blob", () => {
    expect(blobOf(blobUri(ZeroHash))).to.equal(ZeroHash);
    for (const uri of ["", "blob:", "blob:0x12", `http://${ZeroHash}`, `blob:${ZeroHash}/..`])
      expect(blobOf(uri), uri).to.equal(undefined);
  });

  it("[attack 153] a parcel opens for the locker alone, for this job and as this kind; without a lock nothing is sealed", async () => {
    const mail = new Map<string, Uint8Array>();
    await publishProverKey(transportOf(mail, PROVER), deployment, keys);
    const chain = { deployment, contracts: lockedBy(PROVER), transport: transportOf(mail, SPONSOR) };
    const content = toUtf8Bytes("private");
    expect(
      await codeOf(sendParcel({ ...chain, contracts: lockedBy(PROVER, 1n) }, SPONSOR, 5n, "input", content)),
    ).to.equal("NOT_LOCKED");
    expect(await codeOf(sendParcel({ ...chain, contracts: lockedBy(OTHER) }, SPONSOR, 5n, "input", content))).to.equal(
      "NO_PROVER_KEY",
    );
    expect(await sendParcel(chain, SPONSOR, 5n, "input", content)).to.equal(PROVER);
    const sent = new Map(mail);
    await sendParcel(chain, SPONSOR, 5n, "input", content);
    expect(mail, "sent once").to.deep.equal(sent);

    const receive = (who = keys, prover = PROVER, job = 5n, kind: "input" | "weights" = "input") =>
      receiveParcel({ deployment, transport: transportOf(mail, prover) }, who, prover, SPONSOR, job, kind);
    expect(await receive()).to.deep.equal(content);
    expect(await receive(keys, OTHER)).to.equal(undefined);
    const stranger = readerKeysOf(new Uint8Array(32).fill(8));
    expect(await codeOf(receive(stranger))).to.equal("BAD_PARCEL");
    // The same bytes under another job, kind or locker open for nobody.
    const topics = jobTopics(deployment);
    const sealed = mail.get(`${SPONSOR}/${topics.parcel(5n, "input", PROVER)}`)!;
    mail.set(`${SPONSOR}/${topics.parcel(6n, "input", PROVER)}`, sealed);
    mail.set(`${SPONSOR}/${topics.parcel(5n, "weights", PROVER)}`, sealed);
    expect(await codeOf(receive(keys, PROVER, 6n))).to.equal("BAD_PARCEL");
    expect(await codeOf(receive(keys, PROVER, 5n, "weights"))).to.equal("BAD_PARCEL");
  });
});

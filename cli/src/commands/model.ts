import { readFileSync } from "node:fs";
import { readAccount } from "@mednexus/keeper";
import {
  connect,
  type Contracts,
  decodeModel,
  type Deployment,
  generateSealKeys,
  mintModel,
  SEAL_PROMISE,
  sealWeights,
} from "@mednexus/sdk";
import { LocalStore, readSealKeys, writeSealKeys } from "@mednexus/sdk/node";
import { isAddress } from "ethers";
import { answer } from "../answer.ts";
import { type Command, integerOption, JSON_OPTION, type Option, required, type Values } from "../arguments.ts";
import { onChain } from "../chain.ts";
import { UsageError } from "../exit.ts";

const MAX_SPLIT = 8;
const sending: Readonly<Record<string, Option>> = {
  rpc: { type: "string", value: "URL", help: "the chain's endpoint" },
  deployment: { type: "string", value: "FILE", help: "deployment file" },
  key: { type: "string", value: "FILE", help: 'your account: { "account": "0x…" }, readable by you alone' },
  ...JSON_OPTION,
};

export const modelCommands: Readonly<Record<string, Command>> = {
  keygen: {
    summary: "make the key file for which a sealed model's key is sealed; buyers and sellers need one",
    options: { out: { type: "string", value: "FILE", help: "where to write it; never overwritten" }, ...JSON_OPTION },
    async run(values) {
      const keys = generateSealKeys();
      writeSealKeys(required(values, "out"), keys);
      return answer(values, { ...keys.publicKey });
    },
  },
  mint: {
    summary: "mint a model token; says what sealing it can promise and what not",
    options: {
      royalty: { type: "string", value: "BPS", help: "of every fee, for the payees, for ever; at most 1000" },
      split: { type: "string", value: "ADDRESS:BPS,…", help: "payees; 10000 in all (default: you alone)" },
      runtime: { type: "string", value: "HASH", help: "keccak256 of the runtime spec, fixed for ever" },
      uri: { type: "string", value: "URI", help: "what describes it; at most 512 bytes" },
      ...sending,
    },
    async run(values) {
      const royaltyBps = BigInt(integerOption("royalty", required(values, "royalty"), 0, 1_000));
      const runtimeHash = required(values, "runtime");
      if (!/^0x[0-9a-fA-F]{64}$/.test(runtimeHash)) throw new UsageError("--runtime: give 32 bytes in hex");
      const split = values["split"] === undefined ? undefined : splitOf(required(values, "split"));
      const uri = required(values, "uri");
      return promising(values, async ({ contracts, address }) => {
        const own = [{ account: address, bps: 10_000n }];
        const { model, receipt } = await mintModel(contracts, {
          to: address,
          royaltyBps,
          split: split ?? own,
          runtimeHash,
          uri,
        });
        return { model, transaction: receipt.hash };
      });
    },
  },
  seal: {
    summary:
      "encrypt a model's weights into the store and seal their key for you, first or anew; says what that promises",
    positionals: "MODEL",
    options: {
      weights: { type: "string", value: "FILE", help: "model and blinders, as published: n + 4 words of 32 bytes" },
      holder: { type: "string", value: "FILE", help: "your key file, from `model keygen`" },
      store: { type: "string", value: "DIR", help: "folder of the store" },
      ...sending,
    },
    async run(values, [model]) {
      if (model === undefined || !/^\d{1,18}$/.test(model)) throw new UsageError("give MODEL, a whole number");
      const holder = readSealKeys(required(values, "holder")).publicKey;
      const vector = weightsOf(required(values, "weights"));
      const store = new LocalStore(required(values, "store"));
      return promising(values, async ({ contracts, deployment }) => {
        const context = { contracts, deployment, store };
        const { dataHash, receipt } = await sealWeights(context, { model: BigInt(model), vector, holder });
        return { model, dataHash, transaction: receipt.hash };
      });
    },
  },
};

/** Says what a seal promises, before anything is sent. */
async function promising(
  values: Values,
  act: (as: { contracts: Contracts; deployment: Deployment; address: string }) => Promise<object>,
): Promise<number> {
  const { deployment, wallet } = readAccount({
    keyFile: required(values, "key"),
    deployment: required(values, "deployment"),
  });
  return onChain(required(values, "rpc"), deployment, async (provider) => {
    if (values["json"] !== true) for (const line of SEAL_PROMISE) console.log(`- ${line}`);
    const contracts = connect(deployment, wallet.connect(provider));
    const done = await act({ contracts, deployment, address: wallet.address });
    return answer(values, values["json"] === true ? { ...done, promise: SEAL_PROMISE } : done);
  });
}

function splitOf(text: string): { account: string; bps: bigint }[] {
  const payees = text.split(",").map((payee) => {
    const [account, bps, ...rest] = payee.split(":");
    if (!isAddress(account) || bps === undefined || rest.length > 0)
      throw new UsageError("--split: give ADDRESS:BPS,…");
    return { account, bps: BigInt(integerOption("split", bps, 1, 10_000)) };
  });
  if (payees.length > MAX_SPLIT || payees.reduce((sum, { bps }) => sum + bps, 0n) !== 10_000n)
    throw new UsageError(`--split: at most ${MAX_SPLIT} payees, 10000 in all`);
  return payees;
}

function weightsOf(file: string): bigint[] {
  try {
    return decodeModel(new Uint8Array(readFileSync(file)));
  } catch {
    throw new UsageError(`${file} cannot be read as a model: words of 32 bytes, each below the field's order`);
  }
}

/** The chain over JSON-RPC: what outbox and watch need of it, with faults of the line kept apart from answers. */
import { isError, JsonRpcProvider, keccak256, type JsonRpcPayload, type JsonRpcResult, type Wallet } from "ethers";
import { decodeFailure, MedNexusError, RevertError } from "@mednexus/sdk";
import type { Chain, Receipt, TxRequest, TxSigner } from "./outbox.ts";
import type { Head } from "./snapshot.ts";

export interface RpcOptions {
  readonly attempts?: number;
  readonly timeoutMs?: number;
  readonly sleep?: (ms: number) => Promise<void>;
  readonly fetch?: typeof fetch;
}

/** Answers larger than this are refused: a log scan of 5,000 blocks stays far below. */
const MAX_ANSWER_BYTES = 64 * 2 ** 20;

/**
 * An ethers provider that tries again, with growing pauses, when the line fails: no answer in time, 429, 5xx, text that
 * is not JSON, an answer to another question. Repeating is safe for every method that services use: a signed transaction
 * sent twice is the same transaction. Errors: `RPC_FAILED` (retryable), without the address, which may hold a key.
 */
export class RpcProvider extends JsonRpcProvider {
  readonly #url: string;
  readonly #options: Required<RpcOptions>;

  constructor(url: string, chainId: number, options: RpcOptions = {}) {
    super(url, chainId, { staticNetwork: true, cacheTimeout: -1, batchStallTime: 2, batchMaxCount: 50 });
    this.#url = url;
    this.#options = {
      attempts: 4,
      timeoutMs: 10_000,
      sleep: (ms) => new Promise((done) => setTimeout(done, ms)),
      fetch,
      ...options,
    };
  }

  override async _send(payload: JsonRpcPayload | JsonRpcPayload[]): Promise<JsonRpcResult[]> {
    const asked = Array.isArray(payload) ? payload : [payload];
    let reason = "";
    for (let attempt = 0; attempt < this.#options.attempts; attempt++) {
      if (attempt > 0) await this.#options.sleep(100 * 4 ** (attempt - 1));
      try {
        return await this.#once(payload, asked);
      } catch (error) {
        reason = error instanceof LineFault ? error.message : "no answer";
      }
    }
    throw new MedNexusError("RPC_FAILED", `the chain's RPC endpoint fails: ${reason}`, { retryable: true });
  }

  async #once(payload: unknown, asked: JsonRpcPayload[]): Promise<JsonRpcResult[]> {
    const response = await this.#options.fetch(this.#url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(payload),
      signal: AbortSignal.timeout(this.#options.timeoutMs),
    });
    if (!response.ok) throw new LineFault(`status ${response.status}`);
    const text = await response.text();
    if (text.length > MAX_ANSWER_BYTES) throw new LineFault("an answer too large");
    let answers: JsonRpcResult[];
    try {
      const parsed = JSON.parse(text) as JsonRpcResult | JsonRpcResult[];
      answers = Array.isArray(parsed) ? parsed : [parsed];
    } catch {
      throw new LineFault("an answer that is not JSON");
    }
    for (const { id } of asked)
      if (!answers.some((answer) => answer?.id === id && ("result" in answer || "error" in answer)))
        throw new LineFault("an incomplete answer");
    return answers;
  }
}

class LineFault extends Error {}

/** The newest block. Errors: `WRONG_CHAIN` when the endpoint serves another chain; `RPC_FAILED`. */
export async function readHead(provider: JsonRpcLike, chainId: number): Promise<Head> {
  try {
    const [id, block] = await Promise.all([
      provider.send("eth_chainId", []) as Promise<string>,
      provider.send("eth_getBlockByNumber", ["latest", false]) as Promise<Record<string, string> | null>,
    ]);
    if (Number(id) !== chainId)
      throw new MedNexusError("WRONG_CHAIN", `the RPC serves chain ${Number(id)}, the deployment is on ${chainId}`);
    if (block === null) throw new MedNexusError("RPC_FAILED", "the chain has no latest block", { retryable: true });
    return {
      number: Number(block["number"]),
      hash: block["hash"]!,
      timestamp: Number(block["timestamp"]),
      baseFee: BigInt(block["baseFeePerGas"] ?? 0),
    };
  } catch (error) {
    throw decodeFailure(error);
  }
}

/** ethers calls every failed simulation a revert, also when the node never ran it (no such block, no funds): told apart here. */
function failureOf(error: unknown): MedNexusError {
  if (isError(error, "CALL_EXCEPTION") && (error.data === null || error.data === "0x")) {
    const said = String((error.info as { error?: { message?: unknown } } | undefined)?.error?.message ?? "");
    if (!/revert/i.test(said))
      return new MedNexusError("RPC_FAILED", `the node could not simulate: ${said}`, { cause: error, retryable: true });
  }
  return decodeFailure(error);
}

/** The part of a provider that takes raw JSON-RPC. */
export interface JsonRpcLike {
  send(method: string, params: unknown[]): Promise<unknown>;
}

/** The outbox's chain. */
export function chainOf(provider: JsonRpcLike, from: string): Chain {
  const ask = async <T>(method: string, ...params: unknown[]): Promise<T> => {
    try {
      return (await provider.send(method, params)) as T;
    } catch (error) {
      throw failureOf(error);
    }
  };
  return {
    nonce: async (tag) => Number(await ask<string>("eth_getTransactionCount", from, tag)),
    estimate: async (call) => BigInt(await ask<string>("eth_estimateGas", { from, ...call })),
    tip: async () => BigInt(await ask<string>("eth_maxPriorityFeePerGas")),
    send: async (raw) => {
      try {
        await ask("eth_sendRawTransaction", raw);
      } catch (error) {
        // Some development chains mine at once and report the transaction's own revert here: it was accepted.
        if (error instanceof RevertError) return;
        throw error;
      }
    },
    receipt: async (hash): Promise<Receipt | undefined> => {
      const found = await ask<Record<string, string> | null>("eth_getTransactionReceipt", hash);
      if (found === null || found["blockNumber"] == null) return undefined;
      return {
        blockNumber: Number(found["blockNumber"]),
        succeeded: BigInt(found["status"]!) === 1n,
        gasUsed: BigInt(found["gasUsed"]!),
      };
    },
    knows: async (hash) => (await ask("eth_getTransactionByHash", hash)) !== null,
  };
}

export function walletSigner(wallet: Wallet, chainId: number): TxSigner {
  return {
    address: wallet.address,
    sign: async (request: TxRequest) => {
      const raw = await wallet.signTransaction({ type: 2, chainId, value: 0n, ...request });
      return { raw, hash: keccak256(raw) };
    },
  };
}

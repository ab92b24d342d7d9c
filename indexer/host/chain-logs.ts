import { type Contracts, type Deployment, scanLogs } from "@mednexus/sdk";
import type { Provider } from "ethers";
import { type Abi, decodeEventLog } from "viem";
import { type DecodedLog, contractNames, eventsOf } from "../history/index.ts";

/** Every log with history of a deployment up to a block, in chain order, decoded as the indexers decode it. */
export async function chainLogs(provider: Provider, deployment: Deployment, toBlock: number): Promise<DecodedLog[]> {
  const byAddress = new Map(
    contractNames.map((name) => [
      deployment.addresses[name as keyof Contracts].toLowerCase(),
      { name, abi: eventsOf(name) as Abi },
    ]),
  );
  const logs = await scanLogs(
    (from, to) => provider.getLogs({ address: [...byAddress.keys()], fromBlock: from, toBlock: to }),
    deployment.startBlock,
    toBlock,
  );
  logs.sort((a, b) => a.blockNumber - b.blockNumber || a.index - b.index);
  const times = new Map<number, bigint>();
  const decoded: DecodedLog[] = [];
  for (const log of logs) {
    const source = byAddress.get(log.address.toLowerCase());
    const known = source === undefined ? undefined : decode(source.abi, log.topics, log.data);
    if (source === undefined || known === undefined) continue;
    let timestamp = times.get(log.blockNumber);
    if (timestamp === undefined) {
      const block = await provider.getBlock(log.blockNumber);
      if (block === null) throw new Error(`the chain has no block ${log.blockNumber}`);
      timestamp = BigInt(block.timestamp);
      times.set(log.blockNumber, timestamp);
    }
    decoded.push({
      contract: source.name,
      event: known.eventName,
      args: known.args,
      blockNumber: BigInt(log.blockNumber),
      timestamp,
      logIndex: log.index,
    });
  }
  return decoded;
}

/** Undefined for an event that the contract's ABI does not know. */
function decode(
  abi: Abi,
  topics: readonly string[],
  data: string,
): { eventName: string; args: Record<string, unknown> } | undefined {
  try {
    return decodeEventLog({ abi, topics: topics as [`0x${string}`], data: data as `0x${string}` }) as never;
  } catch (cause) {
    if ((cause as { name?: string }).name === "AbiEventSignatureNotFoundError") return undefined;
    throw cause;
  }
}

import { type Deployment, connect } from "@mednexus/sdk";
import type { Provider } from "ethers";
import { type Cell, type EntityName, type Row, entityNames, fieldsOf, replay } from "../history/index.ts";
import { chainLogs } from "./chain-logs.ts";
import type { History } from "./start.ts";
import { views } from "./views.ts";

export interface Comparison {
  /** Rows of all entities. */
  readonly rows: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly equalToChain: boolean;
  /** One sentence each; empty when equal. */
  readonly differences: readonly string[];
}

/** Views asked at a time. */
const LANES = 16;

/**
 * Compares a history with the chain at one block, twice: every row with a replay of the chain's own logs (nothing missing, nothing added, in
 * whichever field), and every row that is state with what the contract's view says (the rules mean what the contracts do).
 * `toBlock`: default the head; the history must have reached it.
 */
export async function compareWithChain(
  provider: Provider,
  deployment: Deployment,
  history: Pick<History, "rows">,
  toBlock?: number,
): Promise<Comparison> {
  const block = toBlock ?? (await provider.getBlockNumber());
  const truth = replay(await chainLogs(provider, deployment, block));
  const contracts = connect(deployment, provider);
  const differences: string[] = [];
  const counts: Record<string, number> = {};
  for (const entity of entityNames) {
    const rows = await history.rows(entity);
    counts[entity] = rows.size;
    differences.push(...differencesOf(entity, truth.get(entity) ?? new Map(), rows, "the chain's logs"));
    const view = views[entity];
    if (view === undefined) continue;
    await inLanes([...rows], async ([id, row]) => {
      try {
        const said = await view(contracts, id, row, { blockTag: block });
        for (const [field, value] of Object.entries(said))
          differ(differences, entity, id, field, row[field], value, "its contract");
      } catch (cause) {
        differences.push(`${entity} ${id}: its contract refused the question: ${(cause as Error).message}`);
      }
    });
  }
  const rows = Object.values(counts).reduce((a, b) => a + b, 0);
  return { rows, counts, equalToChain: differences.length === 0, differences };
}

/** Where two sets of rows of one entity differ; `source`: who says `expected`. */
export function differencesOf(
  entity: EntityName,
  expected: ReadonlyMap<string, Row>,
  found: ReadonlyMap<string, Row>,
  source: string,
): string[] {
  const differences: string[] = [];
  for (const id of found.keys()) if (!expected.has(id)) differences.push(`${entity} ${id}: unknown to ${source}`);
  for (const [id, row] of expected) {
    const other = found.get(id);
    if (other === undefined) differences.push(`${entity} ${id}: missing, though ${source} has it`);
    else
      for (const field of Object.keys(fieldsOf(entity)))
        differ(differences, entity, id, field, other[field], row[field], source);
  }
  return differences;
}

const plain = (value: unknown): string => String(value).toLowerCase();

function differ(
  out: string[],
  entity: string,
  id: string,
  field: string,
  found: Cell | undefined,
  said: unknown,
  source: string,
): void {
  // Free text is compared to the letter, everything else (hex, numbers, states) by value.
  const equal =
    typeof found === "string" && !found.startsWith("0x") && typeof said === "string"
      ? found === said
      : plain(found) === plain(said);
  if (!equal) out.push(`${entity} ${id}: ${field} is ${String(found)}, ${source} says ${String(said)}`);
}

async function inLanes<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const lane = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

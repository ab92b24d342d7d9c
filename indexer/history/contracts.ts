import { CONTRACT_ABI, type ContractName } from "@mednexus/sdk";
import { rules } from "./rules.ts";

export interface AbiParam {
  readonly name: string;
  readonly type: string;
  readonly indexed?: boolean;
  readonly components?: readonly AbiParam[];
}
export interface AbiEvent {
  readonly type: "event";
  readonly name: string;
  readonly inputs: readonly AbiParam[];
  readonly anonymous: boolean;
}

/** Events (or contract.event) without history of their own: wiring, and what a standard says again after a domain event has said it. */
export const SILENT_EVENTS: ReadonlySet<string> = new Set([
  "Approval",
  "ApprovalForAll",
  "AuthorityUpdated",
  "BatchMetadataUpdate",
  "Initialized",
  "MetadataUpdate",
  "Upgraded",
  "Wired",
  // What ERC-7857 says again after UsageAuthorized, Transfer and ModelSealed.
  "inft.Authorization",
  "inft.Cloned",
  "inft.PublishedSealedKey",
  "inft.Transferred",
  // Soulbound tokens: what ERC-721 and ERC-5192 say about a dataset never changes after its registration.
  "datasets.Locked",
  "datasets.Transfer",
  "datasets.Unlocked",
]);

/** The events of one contract, from the generated ABI. */
export const eventsOf = (contract: ContractName): readonly AbiEvent[] =>
  CONTRACT_ABI[contract].filter(
    (item): item is AbiEvent & (typeof CONTRACT_ABI)[ContractName][number] => item.type === "event",
  );

/** The contracts that have history. */
export const contractNames = Object.keys(rules) as ContractName[];

/** Contract events that have rules. */
export function* ruledEvents(): Generator<readonly [contract: ContractName, event: AbiEvent]> {
  for (const contract of contractNames) {
    for (const event of eventsOf(contract)) if (rules[contract]?.[event.name] !== undefined) yield [contract, event];
  }
}

/** The parameter at a path's end ("terms.purpose.user", "keys[i].x"). Throws where the event has no such argument. */
export function paramAt(event: AbiEvent, path: string): AbiParam {
  let params: readonly AbiParam[] = event.inputs;
  let found: AbiParam | undefined;
  for (const step of path.split(".")) {
    const name = step.replace("[i]", "");
    const param = params.find((p) => p.name === name);
    const isElement = step.endsWith("[i]");
    if (param === undefined || (isElement && !param.type.endsWith("[]")))
      throw new Error(`${event.name} has no argument ${path}`);
    found = isElement ? { ...param, type: param.type.slice(0, -2) } : param;
    params = found.components ?? [];
  }
  if (found === undefined) throw new Error(`${event.name}: empty path`);
  return found;
}

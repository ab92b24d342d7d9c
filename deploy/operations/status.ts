import { Contract, type Provider } from "ethers";
import { connect, type Deployment } from "@mednexus/sdk";

/** One fact about a deployment and whether it is as it should be. */
export interface Finding {
  readonly what: string;
  readonly value: string;
  readonly ok: boolean;
}

/** Reads a deployment and changes nothing: code, wiring, admin, pauses, keys. */
export async function status(deployment: Deployment, provider: Provider): Promise<Finding[]> {
  const contracts = connect(deployment, provider);
  const findings: Finding[] = [];
  const say = (what: string, value: unknown, ok = true): void => void findings.push({ what, value: String(value), ok });
  for (const [name, address] of Object.entries(deployment.addresses))
    say(`code of ${name}`, address, (await provider.getCode(address)) !== "0x");
  for (const [name, contract] of Object.entries(contracts)) {
    if (name === "vault") continue;
    const wired = (await contract.modules()) as Record<string, string>;
    const wrong = Object.entries(deployment.addresses).filter(
      ([module, address]) => wired[module]?.toLowerCase() !== address.toLowerCase(),
    );
    say(
      `wiring of ${name}`,
      wrong.length === 0 ? "as deployed" : `differs: ${wrong.map(([module]) => module).join(", ")}`,
      wrong.length === 0,
    );
    const authority = (await contract.authority()) as string;
    say(`authority of ${name}`, authority, authority.toLowerCase() === deployment.authority.toLowerCase());
  }
  const manager = new Contract(
    deployment.authority,
    ["function hasRole(uint64,address) view returns (bool,uint32)"],
    provider,
  );
  const [isAdmin] = (await manager.getFunction("hasRole").staticCall(0, deployment.admin)) as [boolean];
  say("admin", deployment.admin, isAdmin);
  say("entries paused until", await contracts.parameters.entriesPausedUntil());
  for (const [circuit, sizes] of Object.entries(deployment.verifiers)) {
    for (const [n, id] of Object.entries(sizes)) {
      const info = await contracts.verifiers.infoOf(id);
      say(`verifier ${circuit}(${n})`, `${id}, key ${info.keyHash}${info.insecure ? ", INSECURE" : ""}`, !info.retired);
    }
  }
  return findings;
}

/** Who takes part, what they hold, and the chain's clock. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { HDNodeWallet, id, type JsonRpcProvider, Wallet } from "ethers";
import { openBackend } from "@mednexus/gpu-prover";
import { type Acting, POLICY_DEFAULTS, type Relay } from "@mednexus/hospital";
import {
  type Address,
  CommitKey,
  commitKeys,
  connect,
  type Contracts,
  Curve,
  type Deployment,
  execute,
  generateKeyPair,
  generateReaderKeys,
  generateSealKeys,
  HttpTransport,
  type Permit,
  type ProverBackend,
  type ReaderKeys,
  type SealKeyPair,
  systemRandom,
  type Token,
  tokenAt,
  type Transport,
} from "@mednexus/sdk";
import { FileStore, LocalStore } from "@mednexus/sdk/node";
import { developmentKey } from "../../chain.ts";
import type { Cleanups, Ground } from "../ground.ts";
import type { Payment, Role } from "../report.ts";

/** One token of the test stablecoin, in its smallest unit. */
export const UNIT = 1_000_000n;

/** In the order of the chain's development accounts. INSECURE: public keys. */
const ROLES = {
  admin: "protocol",
  lab: "creator",
  university: "creator",
  hospital: "institution",
  researcher: "sponsor",
  admitter: undefined,
  prover: "prover",
  rival: "prover",
  vanisher: "prover",
  buyer: undefined,
  keeper: undefined,
} as const satisfies Record<string, Role | undefined>;
export type PartyName = keyof typeof ROLES;

export interface Party {
  readonly name: PartyName;
  readonly address: Address;
  readonly wallet: Wallet;
  readonly contracts: Contracts;
  readonly token: Token;
  /** For datasets and parcels (X25519). */
  readonly reader: ReaderKeys;
  /** For model keys (Baby Jubjub). */
  readonly seal: SealKeyPair;
  readonly transport: Transport;
}

/** Everything the story acts with. */
export class Market {
  readonly deployment: Deployment;
  readonly provider: JsonRpcProvider;
  readonly parties: Readonly<Record<PartyName, Party>>;
  readonly curve: Curve;
  readonly commitKey: CommitKey;
  readonly backend: ProverBackend;
  /** Where encrypted models lie: content-addressed, readable by everybody. */
  readonly models: LocalStore;
  readonly #folder: string;
  readonly #share;
  /** What each party's wallet has to hold by the rules, beside what it was given. */
  readonly #due = new Map<PartyName, bigint>();

  private constructor(ground: Ground, relay: Relay, curve: Curve, commitKey: CommitKey, backend: ProverBackend) {
    const { deployment, provider, folder } = ground;
    [this.deployment, this.provider, this.curve, this.commitKey, this.#folder] = [
      deployment,
      provider,
      curve,
      commitKey,
      folder,
    ];
    this.backend = backend;
    this.models = new LocalStore(join(folder, "models"));
    this.#share = generateKeyPair(curve);
    const names = Object.keys(ROLES) as PartyName[];
    this.parties = Object.fromEntries(
      names.map((name, index) => {
        const wallet = new Wallet(developmentKey(index), provider);
        const party: Party = {
          name,
          address: wallet.address,
          wallet,
          contracts: connect(deployment, wallet),
          token: tokenAt(deployment.token, wallet),
          reader: generateReaderKeys(),
          seal: generateSealKeys(),
          transport: new HttpTransport(relay.url, wallet),
        };
        return [name, party];
      }),
    ) as Record<PartyName, Party>;
  }

  static async open(ground: Ground, relay: Relay, size: number, cleanups: Cleanups): Promise<Market> {
    const curve = await Curve.load();
    const reader = connect(ground.deployment, ground.provider);
    const commitKey = await commitKeys(curve, ground.deployment, reader)(size);
    const backend = await openBackend("auto", curve);
    cleanups.push(() => backend.close());
    return new Market(ground, relay, curve, commitKey, backend);
  }

  /** What the hospital's own tools act with. */
  hospitalTools(): Acting {
    const { contracts, wallet, address } = this.parties.hospital;
    const folder = join(this.#folder, "hospital");
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return {
      contracts,
      deployment: this.deployment,
      signer: wallet,
      address,
      shareKeys: this.#share,
      random: systemRandom,
      store: new FileStore(folder),
      policy: POLICY_DEFAULTS,
    };
  }

  /** Pseudonymous keys of patients; they pay no gas. */
  subjects(count: number): HDNodeWallet[] {
    return Array.from({ length: count }, () => Wallet.createRandom());
  }

  // --- time

  /** The chain's, unix seconds. */
  async now(): Promise<bigint> {
    return BigInt((await this.provider.getBlock("latest"))!.timestamp);
  }

  /** Moves the development chain's clock. */
  async pass(seconds: number): Promise<void> {
    await this.provider.send("evm_increaseTime", [seconds]);
    await this.provider.send("evm_mine", []);
  }

  // --- money

  /** Test money; not counted as earned. */
  give = (party: Party, amount: bigint): Promise<void> => party.token.mint(party.address, amount);

  /** A permit by which the vault may take exactly this, within the next hour. */
  async permit(party: Party, amount: bigint): Promise<Permit> {
    return party.token.signPermit(this.deployment.addresses.vault, amount, (await this.now()) + 3_600n);
  }

  /** Notes what a rule takes from a party (negative) or owes it. */
  due(party: Party, amount: bigint): void {
    this.#due.set(party.name, (this.#due.get(party.name) ?? 0n) + amount);
  }

  /** Takes a party's credit, or `most` of it, out of the vault; by how much its wallet grew. */
  async withdraw({ contracts, address, token }: Party, most?: bigint): Promise<bigint> {
    const credit = await contracts.vault.creditOf(this.deployment.token, address);
    const amount = most === undefined || credit < most ? credit : most;
    if (amount === 0n) return 0n;
    const before = await token.balanceOf(address);
    await execute(contracts.vault.withdrawTo, [this.deployment.token, address, amount]);
    return (await token.balanceOf(address)) - before;
  }

  /** Parties, except `later`, whose wallet, as the token has it, is not what they were given and what the rules add and take. */
  async wrongBalances(later: readonly Party[]): Promise<string[]> {
    const wrong: string[] = [];
    for (const party of Object.values(this.parties)) {
      if (later.includes(party)) continue;
      const given = await this.#moved(id("Transfer(address,address,uint256)"), `0x${"00".repeat(20)}`, party.address);
      const wanted = given + (this.#due.get(party.name) ?? 0n);
      const has = await party.token.balanceOf(party.address);
      if (has !== wanted) wrong.push(`${party.name} holds ${has}, by the rules ${wanted}`);
    }
    return wrong;
  }

  /** What left the vault for each party, from the token's own Transfer logs. */
  async payments(): Promise<Payment[]> {
    const { token, addresses } = this.deployment;
    const paid = Object.values(this.parties).map(async ({ name, address }): Promise<Payment[]> => {
      const role: Role | undefined = ROLES[name];
      const amount = await this.#moved(id("Transfer(address,address,uint256)"), addresses.vault, address);
      return role === undefined || amount === 0n ? [] : [{ party: address, role, token, amount }];
    });
    return (await Promise.all(paid)).flat();
  }

  async #moved(topic: string, from: Address, to: Address): Promise<bigint> {
    const word = (address: Address): string => `0x${address.slice(2).toLowerCase().padStart(64, "0")}`;
    const logs = await this.provider.getLogs({
      address: this.deployment.token,
      topics: [topic, word(from), word(to)],
      fromBlock: 0,
    });
    return logs.reduce((sum, { data }) => sum + BigInt(data), 0n);
  }
}

import type { Provider, Signer } from "ethers";
import type {
  Address,
  CommitKey,
  Contracts,
  Deployment,
  Hash,
  KeyPair,
  ProverBackend,
  RandomBytes,
  Transport,
} from "@mednexus/sdk";
import type { FileStore } from "@mednexus/sdk/node";
import type { TableShape } from "../data/csv.ts";
import type { Rows } from "../data/split.ts";
import type { FeatureRange } from "../data/standardize.ts";
import type { Policy } from "../policy/policy.ts";
import type { Trainer } from "../training/trainer.ts";

/** A block as a node looks at it; `timestamp` in unix seconds. */
export interface Head {
  readonly number: number;
  readonly hash: Hash;
  readonly timestamp: number;
}

/** One thing that happened, for logs and for whoever watches the process. Never holds a secret or a record. */
export interface NodeEvent {
  readonly event: string;
  readonly [field: string]: string | number | boolean | bigint | undefined;
}

/** How a table's features become what the model sees. */
export type Standardization =
  | { readonly kind: "ranges" }
  /** A statistics campaign whose sum fixes mean and deviation; members of the training campaign took part in it. */
  | { readonly kind: "statistics"; readonly campaign: bigint };

/** Everything a hospital's node works with; built once, by the composition root, from a configuration file. */
export interface NodeContext {
  readonly deployment: Deployment;
  readonly contracts: Contracts;
  readonly provider: Provider;
  readonly signer: Signer;
  readonly address: Address;
  readonly shareKeys: KeyPair;
  readonly transport: Transport;
  readonly prover: ProverBackend;
  /** Commit key of size n. */
  readonly commitKey: (n: number) => Promise<CommitKey>;
  readonly store: FileStore;
  readonly policy: Policy;
  readonly random: RandomBytes;
  /** The latest block: deadlines are the chain's, not this machine's clock. */
  readonly head: () => Promise<Head>;
  /** The same contracts through other endpoints, which must agree before anything secret is shared. */
  readonly witnesses: readonly Contracts[];
  readonly log: (event: NodeEvent) => void;
  /** Absent: a committee-only node. */
  readonly data?: {
    readonly dataset: bigint;
    readonly schemaHash: Hash;
    readonly shape: TableShape;
    readonly ranges: readonly FeatureRange[];
    /** As the table is now: rows of a revoked grant are taken out of the file, not of a running process. */
    readonly rows: () => Rows;
    readonly standardization: Standardization;
    /** The trainer for models of at most n parameters. */
    readonly trainer: (n: number) => Trainer;
    /** Seed of the public start that every member adds to the committed model. */
    readonly modelSeed: number;
  };
}

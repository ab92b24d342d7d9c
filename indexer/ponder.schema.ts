import { index, onchainTable } from "ponder";
import { type EntityName, type Kind, entities, fieldsOf } from "./history/index.ts";

/** The table of one entity: `id` text key, one not-null column a field, an index on every reference. */
function table(name: EntityName) {
  const made = onchainTable(
    name,
    (t) => {
      const column: Record<Kind, () => ReturnType<typeof t.text>> = {
        text: () => t.text(),
        ref: () => t.text(),
        hex: () => t.hex() as never,
        bool: () => t.boolean() as never,
        uint: () => t.bigint() as never,
      };
      const columns = Object.entries(fieldsOf(name)).map(([field, kind]) => [field, column[kind]().notNull()]);
      return { id: t.text().primaryKey(), ...Object.fromEntries(columns) };
    },
    (columns) =>
      Object.fromEntries(
        Object.entries(fieldsOf(name))
          .filter(([, kind]) => kind === "ref")
          .map(([field]) => [`${field}Index`, index().on((columns as Record<string, never>)[field] as never)]),
      ),
  );
  // Ponder guesses from events which rows to fetch ahead, and takes the argument 1n for the id "1": PGlite refuses a bigint in a text column,
  // and the indexer would end.
  (made as unknown as { id: { mapToDriverValue: (value: unknown) => string } }).id.mapToDriverValue = String;
  return made;
}

const tables = Object.fromEntries(Object.keys(entities).map((name) => [name, table(name as EntityName)])) as Record<
  EntityName,
  ReturnType<typeof table>
>;

// Ponder wants every table as a named export; a test compares this list with the entities.
export const {
  parameterChange,
  treasuryChange,
  pauseEvent,
  admitter,
  institution,
  attestation,
  dataset,
  datasetVersion,
  audit,
  consentTerm,
  grantRoot,
  revocation,
  ethicsApproval,
  mondoRoot,
  diseaseLink,
  referenceString,
  verifier,
  attestor,
  model,
  payee,
  seal,
  usageRight,
  accessDelegate,
  modelSpec,
  modelVersion,
  campaign,
  enrolment,
  poolNode,
  round,
  memberUpdate,
  seat,
  complaint,
  sum,
  demand,
  equivocation,
  claim,
  tip,
  sponsorRefund,
  vaultPurpose,
  vaultToken,
  vaultBalance,
  vaultCredit,
  vaultMove,
  stakePosition,
  stakeLock,
  unbonding,
  slashing,
  licenseOffer,
  license,
  licenseDelegate,
  hookFailure,
  job,
  jobLock,
  feeSweep,
  refutation,
  receipt,
  receiptRefusal,
  receiptTree,
  challengeCommitment,
} = tables;

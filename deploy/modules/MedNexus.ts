import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import { id as keccakText } from "ethers";
import AttestationRegistry from "./AttestationRegistry.ts";
import Authority from "./Authority.ts";
import CampaignRegistry from "./CampaignRegistry.ts";
import ComputeMarket from "./ComputeMarket.ts";
import ConsentRegistry from "./ConsentRegistry.ts";
import DatasetRegistry from "./DatasetRegistry.ts";
import InstitutionRegistry from "./InstitutionRegistry.ts";
import JobReceipts from "./JobReceipts.ts";
import LicenseMarket from "./LicenseMarket.ts";
import ModelINFT from "./ModelINFT.ts";
import ModelVersions from "./ModelVersions.ts";
import NodeSums from "./NodeSums.ts";
import ProofVerifier from "./ProofVerifier.ts";
import ProtocolParameters from "./ProtocolParameters.ts";
import RoundManager from "./RoundManager.ts";
import RoundSettlement from "./RoundSettlement.ts";
import SealedTransfers from "./SealedTransfers.ts";
import ShareDisputes from "./ShareDisputes.ts";
import Stake from "./Stake.ts";
import TrainingRules from "./TrainingRules.ts";
import Vault from "./Vault.ts";
import VerifierRegistry from "./VerifierRegistry.ts";

const purpose = (name: string) => keccakText(`mednexus.purpose.${name}`);

/** The whole protocol: every contract, wired once, each vault purpose given to its module. */
export default buildModule("MedNexus", (m) => {
  const { authority } = m.useModule(Authority);
  const vault = m.useModule(Vault).instance;
  const proxies = {
    parameters: m.useModule(ProtocolParameters).instance,
    stake: m.useModule(Stake).instance,
    institutions: m.useModule(InstitutionRegistry).instance,
    datasets: m.useModule(DatasetRegistry).instance,
    consent: m.useModule(ConsentRegistry).instance,
    inft: m.useModule(ModelINFT).instance,
    versions: m.useModule(ModelVersions).instance,
    verifiers: m.useModule(VerifierRegistry).instance,
    proofVerifier: m.useModule(ProofVerifier).instance,
    rules: m.useModule(TrainingRules).instance,
    campaigns: m.useModule(CampaignRegistry).instance,
    rounds: m.useModule(RoundManager).instance,
    disputes: m.useModule(ShareDisputes).instance,
    sums: m.useModule(NodeSums).instance,
    settlement: m.useModule(RoundSettlement).instance,
    attestations: m.useModule(AttestationRegistry).instance,
    transfers: m.useModule(SealedTransfers).instance,
    licenses: m.useModule(LicenseMarket).instance,
    compute: m.useModule(ComputeMarket).instance,
    receipts: m.useModule(JobReceipts).instance,
  };
  const modules = { vault, ...proxies };
  for (const [name, instance] of Object.entries(proxies)) m.call(instance, "wire", [modules], { id: `wire_${name}` });
  m.call(
    vault,
    "assignInitial",
    [
      ["stake", "campaign", "round", "compensation", "dispute", "sums", "license", "job"].map(purpose),
      [
        proxies.stake,
        proxies.campaigns,
        proxies.settlement,
        proxies.settlement,
        proxies.disputes,
        proxies.sums,
        proxies.licenses,
        proxies.compute,
      ],
    ],
    { id: "assignPurposes" },
  );
  return { authority, ...modules };
});

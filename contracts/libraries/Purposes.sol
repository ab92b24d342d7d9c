// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

/// Vault purposes; each belongs to one module. Parties: campaign or round ids as bytes32(uint256), addresses as bytes32(uint160).
library Purposes {
    /// Stake: a party's whole stake, active and unbonding.
    bytes32 internal constant STAKE = keccak256("mednexus.purpose.stake");
    /// CampaignRegistry: a campaign's prepaid escrow.
    bytes32 internal constant CAMPAIGN = keccak256("mednexus.purpose.campaign");
    /// RoundSettlement: what one round reserves, tips included.
    bytes32 internal constant ROUND = keccak256("mednexus.purpose.round");
    /// RoundSettlement: compensation from slashed nodes for one round's members.
    bytes32 internal constant COMPENSATION = keccak256("mednexus.purpose.compensation");
    /// ShareDisputes: bonds of complaints; party = complaint id.
    bytes32 internal constant DISPUTE = keccak256("mednexus.purpose.dispute");
    /// NodeSums: bonds of demands; party = demand id.
    bytes32 internal constant SUMS = keccak256("mednexus.purpose.sums");
    /// LicenseMarket: what a licence was bought for and nobody has collected; party = licence id.
    bytes32 internal constant LICENSE = keccak256("mednexus.purpose.license");
    /// ComputeMarket: a job's escrow and the collateral collected for it; party = job id.
    bytes32 internal constant JOB = keccak256("mednexus.purpose.job");
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Modules} from "../access/Module.sol";
import {ICampaignRegistry} from "../interfaces/ICampaignRegistry.sol";
import {IInstitutionRegistry} from "../interfaces/IInstitutionRegistry.sol";
import {IModelINFT} from "../interfaces/IModelINFT.sol";
import {IModelVersions} from "../interfaces/IModelVersions.sol";
import {IProtocolParameters} from "../interfaces/IProtocolParameters.sol";
import {IStake} from "../interfaces/IStake.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {CodeData} from "../libraries/CodeData.sol";
import {RoundMoney} from "../libraries/RoundMoney.sol";
import {CampaignId, ModelId} from "../types/Ids.sol";
import {CampaignTerms} from "../types/Training.sol";
import {CampaignData} from "./CampaignStore.sol";
import {TermsCheck} from "./TermsCheck.sol";

/// @title CampaignOpening: checks terms and writes a campaign into CampaignRegistry's storage, with everything it runs under (P10).
library CampaignOpening {
    /// @return owner whose approval the caller must now see; zero: no model, no owner
    function open(
        CampaignData storage d,
        Modules storage m,
        CampaignId id,
        CampaignTerms calldata terms
    ) external returns (address owner) {
        IProtocolParameters.Parameters memory limits = IProtocolParameters(m.parameters).get();
        IInstitutionRegistry institutions = IInstitutionRegistry(m.institutions);
        TermsCheck.check(terms, limits, msg.sender);
        TermsCheck.checkVerifiers(terms, IVerifierRegistry(m.verifiers), IModelVersions(m.versions));
        TermsCheck.checkAdmitters(terms, institutions);

        bytes memory encoded = abi.encode(terms);
        d.termsData = CodeData.store(encoded);
        d.termsHash = keccak256(encoded);
        d.sponsorGroup = institutions.groupOf(msg.sender, terms.admitters);
        uint16 royaltyBps;
        if (ModelId.unwrap(terms.model) != 0) {
            owner = IModelINFT(m.inft).ownerOfModel(terms.model);
            d.ownerGroup = institutions.groupOf(owner, terms.admitters);
            royaltyBps = IModelINFT(m.inft).royaltyBpsOf(terms.model);
        }
        uint256 cost = RoundMoney.cost(terms.prices, terms.kind, royaltyBps, limits.protocolFeeBps);
        if (cost > type(uint128).max) revert ICampaignRegistry.BadTerms("prices");
        ICampaignRegistry.Campaign storage c = d.campaign;
        (c.state, c.sponsor, c.token) = (ICampaignRegistry.CampaignState.Live, msg.sender, IStake(m.stake).token());
        (c.roundsLeft, c.roundCost, c.protocolFeeBps) = (terms.rounds, uint128(cost), limits.protocolFeeBps);
        (c.idleFrom, c.idleLimit) = (uint64(block.timestamp), limits.unbonding);
        _announce(d, id, terms);
    }

    function _announce(CampaignData storage d, CampaignId id, CampaignTerms calldata terms) private {
        ICampaignRegistry.Campaign storage c = d.campaign;
        uint256 escrow = uint256(c.roundCost) * terms.rounds;
        emit ICampaignRegistry.CampaignOpened(id, terms.model, c.sponsor, c.token, escrow, d.termsHash, terms);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

/// Identifiers count from 1; 0 means "none". Each is its own type so that one cannot be passed for another.
type DatasetId is uint64;
type ModelId is uint64;
type CampaignId is uint64;
type RoundId is uint64;
type VerifierId is uint32;
type SrsId is uint32;
type AttestorId is uint32;
type OfferId is uint64;
type LicenseId is uint64;
type JobId is uint64;

using {eqDataset as ==} for DatasetId global;
using {eqModel as ==} for ModelId global;
using {eqCampaign as ==} for CampaignId global;
using {eqRound as ==} for RoundId global;

function eqDataset(DatasetId a, DatasetId b) pure returns (bool) {
    return DatasetId.unwrap(a) == DatasetId.unwrap(b);
}

function eqModel(ModelId a, ModelId b) pure returns (bool) {
    return ModelId.unwrap(a) == ModelId.unwrap(b);
}

function eqCampaign(CampaignId a, CampaignId b) pure returns (bool) {
    return CampaignId.unwrap(a) == CampaignId.unwrap(b);
}

function eqRound(RoundId a, RoundId b) pure returns (bool) {
    return RoundId.unwrap(a) == RoundId.unwrap(b);
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Purpose} from "../types/Training.sol";

/// @title Duo: the part of GA4GH's Data Use Ontology (DUO, release 2021-02-23) that a chain can decide. Codes are the numbers of the DUO terms, as in
/// github.com/EBISPOT/DUO, duo.csv: code 45 is DUO:0000045.
library Duo {
    // Permissions
    uint8 internal constant NRES = 4; // no restriction
    uint8 internal constant HMB = 6; // health, medical, biomedical research
    uint8 internal constant DS = 7; // one disease
    uint8 internal constant POA = 11; // population origins or ancestry
    uint8 internal constant GRU = 42; // general research use

    // Modifiers that a user claims to satisfy
    uint8 internal constant NMDS = 15; // no general methods research
    uint8 internal constant NPUNCU = 18; // not-for-profit user and non-commercial use
    uint8 internal constant PUB = 19; // publishes results
    uint8 internal constant COL = 20; // collaborates with the study's investigator
    uint8 internal constant IRB = 21; // ethics approval: the claim counts with a recorded document only
    uint8 internal constant RTN = 29; // returns derived data
    uint8 internal constant NPU = 45; // not-for-profit organisation
    uint8 internal constant NCU = 46; // non-commercial use

    // Modifiers that are decided here
    uint8 internal constant GS = 22; // regions
    uint8 internal constant MOR = 24; // publication moratorium
    uint8 internal constant TS = 25; // time limit
    uint8 internal constant US = 26; // users
    uint8 internal constant PS = 27; // projects
    uint8 internal constant IS = 28; // institutions
    uint8 internal constant NPOA = 44; // no population origins or ancestry

    uint64 internal constant NON_PROFIT = (uint64(1) << NPU) | (uint64(1) << NCU);
    uint64 internal constant CLAIMED =
        (uint64(1) << NMDS) |
            (uint64(1) << NPUNCU) |
            (uint64(1) << PUB) |
            (uint64(1) << COL) |
            (uint64(1) << IRB) |
            (uint64(1) << RTN) |
            NON_PROFIT;
    uint64 internal constant LISTED = (uint64(1) << GS) | (uint64(1) << US) | (uint64(1) << PS) | (uint64(1) << IS);
    /// Decided with parameters that the terms carry.
    uint64 internal constant DECIDED = LISTED | (uint64(1) << MOR) | (uint64(1) << TS);
    uint64 internal constant SUPPORTED = CLAIMED | DECIDED | (uint64(1) << NPOA);

    function isPermission(uint8 code) internal pure returns (bool) {
        return code == NRES || code == HMB || code == DS || code == POA || code == GRU;
    }

    function has(uint64 modifiers, uint8 code) internal pure returns (bool) {
        return (modifiers >> code) & 1 == 1;
    }

    /// Zero, or the name of what refuses `purpose` under a permission and modifiers without parameters. For DS the diseases remain to be compared.
    function refuse(uint8 permission, uint64 modifiers, Purpose calldata purpose) internal pure returns (bytes32) {
        uint8 wanted = purpose.permission;
        if (!isPermission(wanted) || (wanted == DS) != (purpose.disease != 0)) return "malformed";
        if (!isWithin(permission, wanted)) return "permission";
        // Wider purposes than HMB contain ancestry research.
        if (has(modifiers, NPOA) && wanted != HMB && wanted != DS) return "ancestry";
        uint64 missing = modifiers & CLAIMED & ~implied(purpose.modifiers);
        return missing == 0 ? bytes32(0) : bytes32("modifiers");
    }

    /// True iff data under `permission` may be put to use `wanted`: permission is `wanted` or above it in NRES > GRU > {HMB > DS, POA}.
    function isWithin(uint8 permission, uint8 wanted) internal pure returns (bool) {
        if (permission == wanted || permission == NRES) return true;
        if (permission == GRU) return wanted != NRES;
        return permission == HMB && wanted == DS;
    }

    /// 18 says the same as 45 and 46 together.
    function implied(uint64 claims) internal pure returns (uint64) {
        if (has(claims, NPUNCU)) return claims | NON_PROFIT;
        if (claims & NON_PROFIT == NON_PROFIT) return claims | (uint64(1) << NPUNCU);
        return claims;
    }
}

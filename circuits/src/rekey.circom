pragma circom 2.2.3;

include "./lib/agreement.circom";
include "circomlib/circuits/poseidon.circom";

// A model's sealed key, sealed anew for another holder. A sealing of k for the key P is E = e * B8 and
// c = k + Poseidon(S.x, S.y, binding), with S = e * P = secret * E.
//
// The prover knows the secret key of `holder`; `current` opens with it to a k under keyHash; `next` is a sealing of that k for
// `receiver`. A holder of the past, who still knows k, has no witness: it lacks the present holder's secret.
template Rekey() {
    // PUBLIC
    signal input current[3];     // E.x, E.y, c of the key as it is sealed now
    signal input holder[2];      // P of the present holder
    signal input currentBinding; // the place that `current` is for (transcript "seal")
    signal input next[3];        // E.x, E.y, c of the key sealed anew
    signal input receiver[2];    // P of the next holder
    signal input nextBinding;    // the place that `next` is for
    signal input keyHash;        // Poseidon(k)

    // PRIVATE
    signal input secret;         // holder's secret key
    signal input currentRoot[2]; // an eighth of current's E
    signal input ephemeral;      // e of `next`
    signal input receiverRoot[2]; // an eighth of receiver

    component open = Agreement();
    component seal = Agreement();
    open.scalar <== secret; // (K1)
    seal.scalar <== ephemeral; // (K2)
    for (var i = 0; i < 2; i++) {
        open.own[i] <== holder[i]; // (K3) the prover is the holder
        open.point[i] <== current[i]; // (K4)
        open.root[i] <== currentRoot[i]; // (K5)
        seal.own[i] <== next[i]; // (K6)
        seal.point[i] <== receiver[i]; // (K7) the receiver can open
        seal.root[i] <== receiverRoot[i]; // (K8)
    }
    open.binding <== currentBinding; // (K9)
    seal.binding <== nextBinding; // (K10)

    signal key;                  // k, any field element; one by (K11) (K12)
    key <== current[2] - open.mask; // (K11) what `current` opens to
    component hash = Poseidon(1);
    hash.inputs[0] <== key; // (K12) is the key that was committed to
    keyHash === hash.out; // (K13)
    next[2] === key + seal.mask; // (K14) and the one that `next` holds
}

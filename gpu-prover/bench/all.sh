#!/usr/bin/env bash
# Everything that a machine with a GPU can show, in one call: what the adapter is, the whole suite with its deep tests, the bench at every size.
#   gpu-prover/bench/all.sh [FOLDER]        RESULTS.md, bench.svg and logs in FOLDER, default gpu-prover/bench
# POWERS, REPEAT and RAPIDSNARK (a binary's path) change the bench.
# Wants `npm ci` and `npm run build:contracts` done, a Vulkan loader and the GPU's driver (VK_ICD_FILENAMES where the driver's manifest is not in /usr/share/vulkan/icd.d).
set -uo pipefail
cd "$(dirname "$0")/../.."
out=${1:-gpu-prover/bench}
mkdir -p "$out"
export REQUIRE_ADAPTER=1
failed=0
npx mednexus prove info --json 2>&1 | tee "$out/adapter.log"
[ "${PIPESTATUS[0]}" = 0 ] || failed=1
npx mocha 'gpu-prover/**/*.test.ts' --timeout 3600000 2>&1 | tee "$out/tests.log"
[ "${PIPESTATUS[0]}" = 0 ] || failed=1
npm run --silent bench:prover -- --powers "${POWERS:-12,14,16,18,20}" --repeat "${REPEAT:-20}" ${RAPIDSNARK:+--rapidsnark "$RAPIDSNARK"} --out "$out" 2>&1 | tee "$out/bench.log"
[ "${PIPESTATUS[0]}" = 0 ] || failed=1
npm run --silent bench:auto -- "${REPEAT:-20}" 2>&1 | tee "$out/auto.log"
[ "${PIPESTATUS[0]}" = 0 ] || failed=1
exit "$failed"

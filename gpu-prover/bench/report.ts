import type { Part, Report, Row } from "./bench.ts";

const NAMES: Record<Part, string> = {
  proof: "Groth16 proof",
  msm: "MSM, full scalars",
  ntt: "NTT",
  commit: "commitment, 16-bit values",
};

const seconds = (value: number): string =>
  value < 1 ? `${(1000 * value).toPrecision(3)} ms` : `${value.toPrecision(3)} s`;

/** What a GPU of the H200's class is to reach, warm, at 2^20: seconds at most. */
const TARGETS: Readonly<Record<Part, number>> = { proof: 0.5, msm: 0.06, ntt: 0.005, commit: 0.03 };
const TARGET_POWER = 20;

/** RESULTS.md: the whole of a run, with what made it and what it does not show. */
export function document(report: Report, { command, commit }: { command: string; commit: string }): string {
  const compared = new Set(report.rows.map(({ engine }) => engine));
  const facts = [
    `- Command: \`${command}\`, commit ${commit}, ${report.date}.`,
    `- Machine: ${report.machine}, load ${report.load} at the end. Above the number of processors times are too long and their ratios noise: compare host times then, and measure again on a quiet machine.`,
    `- Adapter: ${report.adapter ?? `none: ${report.reason}`}.${report.hardware ? "" : " **No GPU took part: a driver that computes on the processor says nothing of a GPU's speed.**"}`,
    `- rapidsnark: ${compared.has("rapidsnark") ? "compared, its process's start and its reading of files included" : "not compared, as no binary was named (`--rapidsnark PATH`)"}.`,
    `- Each line: one run to warm up, then runs interleaved with the other engines'. "Host" is the processor time of this process${report.adapter !== undefined && !report.hardware ? ", here the adapter's work too" : ""}${compared.has("rapidsnark") ? "; rapidsnark's own is not in it" : ""}.`,
    "- Keys are made from the known trapdoor (`bench/keys.ts`). Proofs are verified; other results are compared with snarkjs's.",
  ];
  return `# Prover bench

Written by the command below; not edited by hand.

${facts.join("\n")}

![medians by size](bench.svg)

${table(report)}

## Targets

${targets(report)}
`;
}

function targets(report: Report): string {
  const lines = Object.entries(TARGETS).map(([part, limit]) => {
    const row = report.rows.find((one) => one.part === part && one.power === TARGET_POWER && one.engine === "gpu");
    const verdict = !report.hardware
      ? "not shown: no GPU"
      : row === undefined
        ? "not shown: not measured"
        : row.median <= limit && row.verified === row.runs
          ? "met"
          : "MISSED";
    const measured = report.hardware && row !== undefined ? seconds(row.median) : "";
    return `| ${NAMES[part as Part]}, 2^${TARGET_POWER} | ${seconds(limit)} | ${measured} | ${verdict} |`;
  });
  return `| on a GPU of the H200's class, warm | at most | measured | |\n|---|---|---|---|\n${lines.join("\n")}`;
}

/** One table a part, headed by the adapter that its GPU lines are of: a line a size and engine; the ratio is to snarkjs in the same run. */
export function table(report: Report): string {
  const parts = [...new Set(report.rows.map(({ part }) => part))];
  const adapter = report.adapter ?? `none: ${report.reason}`;
  return parts
    .map((part) => {
      const rows = report.rows.filter((row) => row.part === part);
      const lines = rows.map((row) => {
        const baseline = rows.find(({ power, engine }) => power === row.power && engine === "snarkjs");
        const ratio = baseline === undefined ? "" : `${(baseline.median / row.median).toPrecision(3)}×`;
        return `| 2^${row.power} | ${row.engine} | ${seconds(row.median)} | ${seconds(row.least)}–${seconds(row.most)} | ${(1 / row.median).toPrecision(3)} | ${seconds(row.host)} | ${ratio} | ${row.verified}/${row.runs} | ${row.memory} |`;
      });
      return `### ${NAMES[part]}\n\nAdapter: ${adapter}\n\n| size | engine | median | range | per second | host | against snarkjs | verified | MiB |\n|---|---|---|---|---|---|---|---|---|\n${lines.join("\n")}`;
    })
    .join("\n\n");
}

const COLOURS = ["#4c566a", "#2a9d8f", "#e76f51", "#8e6c8a"];

/** Medians over sizes, both axes logarithmic; one panel a part. */
export function plot(report: Report): string {
  const parts = [...new Set(report.rows.map(({ part }) => part))];
  const [width, height, margin] = [360, 240, 48];
  const panels = parts.map((part, index) => {
    const rows = report.rows.filter((row) => row.part === part);
    const sizes = rows.map(({ power }) => power);
    const [left, right] = [Math.min(...sizes), Math.max(...sizes, Math.min(...sizes) + 1)];
    const logs = rows.map(({ median }) => Math.log10(median));
    const [low, high] = [Math.floor(Math.min(...logs)), Math.ceil(Math.max(...logs))];
    const x = (power: number): number => margin + ((power - left) / (right - left)) * (width - 2 * margin);
    const y = (median: number): number =>
      height - margin - ((Math.log10(median) - low) / Math.max(high - low, 1)) * (height - 2 * margin);
    const engines = [...new Set(rows.map(({ engine }) => engine))];
    const lines = engines.map((engine, k) => {
      const own = rows.filter((row: Row) => row.engine === engine).sort((a, b) => a.power - b.power);
      const points = own.map(({ power, median }) => `${x(power).toFixed(1)},${y(median).toFixed(1)}`);
      const colour = COLOURS[k % COLOURS.length]!;
      const marks = points.map(
        (point) => `<circle cx="${point.split(",")[0]}" cy="${point.split(",")[1]}" r="2.5" fill="${colour}"/>`,
      );
      return `<polyline points="${points.join(" ")}" fill="none" stroke="${colour}" stroke-width="1.5"/>${marks.join("")}<text x="${margin + 6}" y="${margin + 12 * k}" fill="${colour}">${engine}</text>`;
    });
    const ticks = [
      ...[...new Set(sizes)].map(
        (power) => `<text x="${x(power)}" y="${height - margin + 14}" text-anchor="middle">2^${power}</text>`,
      ),
      ...Array.from(
        { length: high - low + 1 },
        (_, k) =>
          `<text x="${margin - 6}" y="${y(10 ** (low + k)) + 3}" text-anchor="end">${seconds(10 ** (low + k))}</text>`,
      ),
    ];
    return `<g transform="translate(${width * (index % 2)},${height * Math.floor(index / 2)})"><text x="${width / 2}" y="20" text-anchor="middle" font-weight="bold">${NAMES[part]}</text><path d="M${margin},${margin} V${height - margin} H${width - margin}" fill="none" stroke="#999"/>${ticks.join("")}${lines.join("")}</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${2 * width}" height="${height * Math.ceil(parts.length / 2)}" font-family="sans-serif" font-size="9"><rect width="100%" height="100%" fill="white"/>${panels.join("")}</svg>\n`;
}

export { bench, type BenchOptions, type Part, type Report, type Row } from "./bench.ts";
export { plot, table } from "./report.ts";

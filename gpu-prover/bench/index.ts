export { bench, type BenchOptions, type Part, type Report, type Row } from "./bench.ts";
export { document, plot, table } from "./report.ts";

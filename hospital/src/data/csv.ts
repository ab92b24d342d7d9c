import { readFileSync, statSync } from "node:fs";
import { CsvError, parse } from "csv-parse/sync";
import { BadInputError, quote } from "./errors.ts";

/** Numeric rows with a two-class label. `X` is rows x features, finite; `y[i]` says whether row i is `classes[1]`. */
export interface Table {
  readonly features: readonly string[];
  readonly X: readonly (readonly number[])[];
  readonly y: readonly (0 | 1)[];
  readonly classes: readonly [string, string];
}

/** What a reader of a campaign's dataset fixes in advance, so that every hospital means the same by coordinate j and class 1. */
export interface TableShape {
  readonly features: readonly string[];
  readonly classes: readonly [string, string];
}

/** Bounds on what is read at all; a file beyond them is refused before it is held in memory. */
export const CSV_LIMITS = { bytes: 64 * 2 ** 20, features: 4095, rows: 250_000, cells: 20_000_000 } as const;

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/** Reads a CSV file. Errors: BadInputError, one line, for anything wrong with the path or the contents. */
export function readCsv(path: string, options: { label: string; shape?: TableShape }): Table {
  let bytes: Uint8Array;
  try {
    const info = statSync(path);
    if (info.isDirectory()) throw new BadInputError(`${path} is a directory: name the CSV file in it`);
    if (!info.isFile()) throw new BadInputError(`${path} is not a regular file: save the table as a CSV file`);
    if (info.size > CSV_LIMITS.bytes)
      throw new BadInputError(
        `${path} has ${info.size} bytes, the limit is ${CSV_LIMITS.bytes}: use fewer rows or drop columns that are not features`,
      );
    bytes = readFileSync(path);
  } catch (error) {
    if (error instanceof BadInputError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    const reason = code === "ENOENT" ? "does not exist" : `cannot be read (${code ?? "unknown error"})`;
    throw new BadInputError(`${path} ${reason}: check the path and its permissions`, { cause: error });
  }
  try {
    return parseCsv(bytes, options);
  } catch (error) {
    if (error instanceof BadInputError) throw new BadInputError(`${path}: ${error.message}`, { cause: error });
    throw error;
  }
}

/**
 * Parses RFC 4180 CSV (comma, optional quotes, LF or CRLF, optional UTF-8 byte order mark, header line first).
 * Every column but `label` must hold decimal numbers. Without `shape` the classes are the two labels in numeric or else code-point order;
 * with it the columns must be those features (any order) and the labels among those classes, one of which may be absent.
 * Errors: BadInputError naming line and column.
 */
export function parseCsv(bytes: Uint8Array, options: { label: string; shape?: TableShape }): Table {
  if (bytes.length > CSV_LIMITS.bytes)
    throw new BadInputError(`${bytes.length} bytes, the limit is ${CSV_LIMITS.bytes}: use fewer rows`);
  const records = splitRecords(decodeUtf8(bytes));
  const [header, ...body] = records;
  if (header === undefined) throw new BadInputError("the file is empty: it needs a header line and rows");
  const names = header.cells.map((name) => name.trim());
  const label = findLabel(names, options.label);
  const sources = featureColumns(names, label, options.shape);
  if (body.length === 0) throw new BadInputError("there is a header but no rows: add at least two rows of each class");
  if (body.length > CSV_LIMITS.rows || body.length * names.length > CSV_LIMITS.cells)
    throw new BadInputError(
      `${body.length} rows of ${names.length} columns; the limits are ${CSV_LIMITS.rows} rows and ${CSV_LIMITS.cells} cells: use fewer rows`,
    );

  const X: number[][] = [];
  const labels: string[] = [];
  for (const { cells, line } of body) {
    if (cells.length !== names.length)
      throw new BadInputError(
        `line ${line} has ${cells.length} cells, the header has ${names.length}: make every row as long as the header`,
      );
    X.push(sources.map((column) => toNumber(cells[column]!, line, names[column]!)));
    const value = cells[label]!.trim();
    if (value === "")
      throw new BadInputError(
        `line ${line}, column ${quote(options.label)}: the label is empty: fill it in or drop the row`,
      );
    labels.push(value);
  }
  const classes = options.shape?.classes ?? findClasses(labels, options.label);
  const y = labels.map((value, row) => {
    const index = classes.indexOf(value);
    if (index === -1)
      throw new BadInputError(
        `line ${body[row]!.line}, column ${quote(options.label)}: ${quote(value)} is neither ${quote(classes[0])} nor ${quote(classes[1])}: ` +
          "use the two classes of the dataset's schema",
      );
    return index as 0 | 1;
  });
  return { features: sources.map((column) => names[column]!), X, y, classes };
}

interface CsvRecord {
  readonly cells: readonly string[];
  /** 1-based line on which the record ends. */
  readonly line: number;
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes); // also drops the byte order mark
  } catch (error) {
    throw new BadInputError("the file is not UTF-8 text: save it as CSV UTF-8", { cause: error });
  }
}

function splitRecords(text: string): CsvRecord[] {
  if (text.includes("\0"))
    throw new BadInputError("the file holds zero bytes, so it is not text: save it as CSV UTF-8");
  // Counting the commas of the first line refuses a table of a million columns before anything is allocated for it.
  const firstLine = text.slice(0, text.search(/[\r\n]|$/));
  const columns = firstLine.split(",", CSV_LIMITS.features + 3).length;
  if (columns > CSV_LIMITS.features + 1)
    throw new BadInputError(
      `line 1 has more than ${CSV_LIMITS.features + 1} columns, the limit for the largest circuit: drop columns (or transpose the table)`,
    );
  try {
    const rows = parse(text, {
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
      to: CSV_LIMITS.rows + 2,
    }) as unknown as {
      record: string[];
      info: { lines: number };
    }[];
    return rows.map(({ record, info }) => ({ cells: record, line: info.lines }));
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = typeof error["lines"] === "number" ? `line ${error["lines"]}: ` : "";
    throw new BadInputError(
      `${line}a quoted cell is not closed or is followed by more text: double every quote inside quotes`,
      {
        cause: error,
      },
    );
  }
}

function findLabel(names: readonly string[], label: string): number {
  const seen = new Set<string>();
  for (const [index, name] of names.entries()) {
    if (name === "") throw new BadInputError(`line 1, column ${index + 1}: the name is empty: name every column`);
    if (seen.has(name)) throw new BadInputError(`line 1: column ${quote(name)} appears twice: rename one of them`);
    seen.add(name);
  }
  const index = names.indexOf(label);
  if (index === -1) {
    const shown = names.slice(0, 8).map((name) => quote(name));
    const rest = names.length > shown.length ? `, … (${names.length} in all)` : "";
    const hint = names.length === 1 && /[;\t|]/.test(names[0]!) ? "separate cells with commas, or " : "";
    throw new BadInputError(
      `there is no label column ${quote(label)}: ${hint}name one of ${shown.join(", ")}${rest} with --label`,
    );
  }
  if (names.length === 1) throw new BadInputError("the label is the only column: add at least one numeric feature");
  return index;
}

function featureColumns(names: readonly string[], label: number, shape: TableShape | undefined): number[] {
  const all = [...names.keys()].filter((index) => index !== label);
  if (shape === undefined) return all;
  const extra = all.find((index) => !shape.features.includes(names[index]!));
  if (extra !== undefined)
    throw new BadInputError(`line 1: column ${quote(names[extra]!)} is not in the dataset's schema: drop it`);
  return shape.features.map((feature) => {
    const index = names.indexOf(feature);
    if (index === -1 || index === label)
      throw new BadInputError(`line 1: column ${quote(feature)} of the dataset's schema is missing: add it`);
    return index;
  });
}

function toNumber(cell: string, line: number, column: string): number {
  const text = cell.trim();
  const where = `line ${line}, column ${quote(column)}`;
  if (text === "") throw new BadInputError(`${where}: the cell is empty: fill it in or drop the row or the column`);
  if (!DECIMAL.test(text)) {
    const remedy = /^[+-]?\d+,\d+$/.test(text)
      ? "write decimals with a point"
      : "drop the row or the column, or encode it as a number";
    throw new BadInputError(`${where}: ${quote(text)} is not a finite decimal number: ${remedy}`);
  }
  const value = Number(text);
  if (!Number.isFinite(value)) throw new BadInputError(`${where}: ${quote(text)} is too large: use another unit`);
  return value;
}

function findClasses(labels: readonly string[], column: string): [string, string] {
  const distinct = [...new Set(labels)];
  if (distinct.length !== 2) {
    const found = distinct.length === 1 ? `only one class, ${quote(distinct[0]!)}` : `${distinct.length} classes`;
    throw new BadInputError(
      `label column ${quote(column)} holds ${found}: two classes are needed, so choose another --label or group them`,
    );
  }
  const [a, b] = distinct as [string, string];
  const numeric = DECIMAL.test(a) && DECIMAL.test(b) && Number(a) !== Number(b);
  return (numeric ? Number(a) < Number(b) : a < b) ? [a, b] : [b, a];
}

import { expect } from "chai";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CSV_LIMITS, parseCsv, readCsv, type TableShape } from "./csv.ts";
import { BadInputError } from "./errors.ts";

const parse = (text: string | Uint8Array, label = "sick", shape?: TableShape) =>
  parseCsv(
    typeof text === "string" ? new TextEncoder().encode(text) : text,
    shape === undefined ? { label } : { label, shape },
  );

/** The message of the BadInputError that `run` throws, which must be one printable line. */
function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).to.be.instanceOf(BadInputError);
    expect((error as BadInputError).code).to.equal("BAD_INPUT");
    const { message } = error as BadInputError;
    expect(message).to.match(/^[^\p{Cc}]{10,600}$/u);
    return message;
  }
  throw new Error("accepted");
}

describe("csv", () => {
  it("reads numbers and two classes, whatever the column order", () => {
    const table = parse("a,sick,b\n1,yes,-2.5e-3\n 2 ,no,.5\n+3.,yes,0\n");
    expect(table).to.deep.equal({
      features: ["a", "b"],
      X: [
        [1, -0.0025],
        [2, 0.5],
        [3, 0],
      ],
      y: [1, 0, 1],
      classes: ["no", "yes"],
    });
  });

  it("orders numeric classes by value", () => {
    expect(parse("a,sick\n1,10\n2,9\n").classes).to.deep.equal(["9", "10"]);
    expect(parse("a,sick\n1,1\n2,-1\n").classes).to.deep.equal(["-1", "1"]);
  });

  it("takes columns and classes from a schema, one class may be absent", () => {
    const shape: TableShape = { features: ["b", "a"], classes: ["no", "yes"] };
    const table = parse("a,b,sick\n1,2,yes\n3,4,yes\n", "sick", shape);
    expect(table).to.deep.equal({
      features: ["b", "a"],
      X: [
        [2, 1],
        [4, 3],
      ],
      y: [1, 1],
      classes: ["no", "yes"],
    });
    expect(refusal(() => parse("a,c,sick\n1,2,yes\n", "sick", shape))).to.include(
      '"c" is not in the dataset\'s schema',
    );
    expect(refusal(() => parse("a,sick\n1,yes\n", "sick", shape))).to.include(
      '"b" of the dataset\'s schema is missing',
    );
    expect(refusal(() => parse("a,b,sick\n1,2,maybe\n", "sick", shape))).to.include('line 2, column "sick": "maybe"');
  });

  const accepted: [string, string][] = [
    ["byte order mark", "\ufeffa,sick\n1,x\n2,y\n"],
    ["CRLF line ends", "a,sick\r\n1,x\r\n2,y\r\n"],
    ["byte order mark and CRLF, no final line end", "\ufeffa,sick\r\n1,x\r\n2,y"],
    ["quoted cells", '"a","sick"\n"1","x"\n"2","y"\n'],
    ["blank lines", "a,sick\n\n1,x\n\n2,y\n\n"],
  ];
  for (const [name, text] of accepted)
    it(`[attack 140] ${name}: accepted`, () => {
      expect(parse(text)).to.deep.equal({ features: ["a"], X: [[1], [2]], y: [0, 1], classes: ["x", "y"] });
    });

  it("[attack 140] quoted fields may hold commas, line ends and quotes", () => {
    const table = parse('"a, ""left""\nside",sick\n1,x\n2,y\n');
    expect(table.features).to.deep.equal(['a, "left"\nside']);
  });

  const refused: [string, string | Uint8Array, string][] = [
    ["missing label column", "a,b\n1,2\n", 'no label column "sick": name one of "a", "b" with --label'],
    ["missing label column among many", `${Array.from({ length: 20 }, (_, i) => `c${i}`).join()}\n`, "… (20 in all)"],
    ["semicolons instead of commas", "a;sick\n1;x\n", "separate cells with commas"],
    ["label is the only column", "sick\nx\ny\n", "only column"],
    ["non-numeric cell", "a,sick\n1,x\nhigh,y\n", 'line 3, column "a": "high" is not a finite decimal number'],
    ["decimal comma", 'a,sick\n"1,5",x\n', "write decimals with a point"],
    ["hexadecimal cell", "a,sick\n0x10,x\n", '"0x10"'],
    ["terminal escape in a cell", "a,sick\n\u001b[2J,x\n", '"\\u001b[2J"'],
    ["empty cell", "a,sick\n,x\n", 'line 2, column "a": the cell is empty'],
    ["empty label", "a,sick\n1,\n", 'line 2, column "sick": the label is empty'],
    ["NaN", "a,sick\n1,x\nNaN,y\n", '"NaN" is not a finite'],
    ["Infinity", "a,sick\n-Infinity,y\n", '"-Infinity" is not a finite'],
    ["1e999", "a,sick\n1e999,y\n", '"1e999" is too large'],
    ["one class only", "a,sick\n1,x\n2,x\n", 'only one class, "x"'],
    ["more than two classes", "a,sick\n1,x\n2,y\n3,z\n", "holds 3 classes"],
    ["zero rows", "a,sick\n", "no rows"],
    ["empty file", "", "empty"],
    ["only a byte order mark", "\ufeff", "empty"],
    ["only blank lines", "\n\r\n\n", "empty"],
    ["10^6 columns", `${"a,".repeat(1_000_000)}sick\n`, "more than 4096 columns"],
    ["10^6 columns in a row", `a,sick\n${"1,".repeat(1_000_000)}x\n`, "line 2 has 1000001 cells, the header has 2"],
    ["duplicate header", "a,a,sick\n1,2,x\n", 'column "a" appears twice'],
    ["duplicate label", "sick,a,sick\n1,2,x\n", 'column "sick" appears twice'],
    ["empty header", "a,,sick\n1,2,x\n", "column 2: the name is empty"],
    ["short row", "a,b,sick\n1,2,x\n1,y\n", "line 3 has 2 cells, the header has 3"],
    ["long row", "a,sick\n1,x\n1,2,y\n", "line 3 has 3 cells, the header has 2"],
    ["unclosed quote", 'a,sick\n"1,x\n2,y\n', "quoted cell is not closed"],
    ["text after a quote", 'a,sick\n"1"2,x\n', "quoted cell"],
    ["not UTF-8", new Uint8Array([0x61, 0x2c, 0xff, 0xfe, 0x0a]), "not UTF-8"],
    ["UTF-16", new Uint8Array(Buffer.from("\ufeffa,sick\n1,x\n", "utf16le")), "not UTF-8"],
    ["UTF-16 without byte order mark", new Uint8Array(Buffer.from("a,sick\n1,x\n", "utf16le")), "zero bytes"],
    ["huge cell", `a,sick\n${"9".repeat(1_000_000)},x\n`, "too large"],
    ["too many rows", `a,sick\n${"1,x\n".repeat(CSV_LIMITS.rows + 1)}`, "250001 rows"],
  ];
  for (const [name, text, expected] of refused)
    it(`[attack 140] ${name}: one clear line`, () => {
      expect(refusal(() => parse(text))).to.include(expected);
    });

  describe("files", () => {
    let folder: string;
    before(() => (folder = mkdtempSync(join(tmpdir(), "mednexus-csv-"))));
    after(() => rmSync(folder, { recursive: true }));

    it("[attack 140] missing file", () => {
      expect(refusal(() => readCsv(join(folder, "none.csv"), { label: "sick" }))).to.include("does not exist");
    });

    it("[attack 140] directory", () => {
      expect(refusal(() => readCsv(folder, { label: "sick" }))).to.include("is a directory");
    });

    it("[attack 140] device instead of a file", () => {
      expect(refusal(() => readCsv("/dev/zero", { label: "sick" }))).to.include("not a regular file");
    });

    it("[attack 140] huge file is refused without being read", () => {
      const path = join(folder, "huge.csv");
      writeFileSync(path, "a,sick\n");
      truncateSync(path, 2 ** 40); // sparse: reading it would take minutes
      expect(refusal(() => readCsv(path, { label: "sick" }))).to.include("1099511627776 bytes, the limit is 67108864");
    });

    it("names the file in every refusal", () => {
      const path = join(folder, "bad.csv");
      writeFileSync(path, "a,sick\n1,x\n?,y\n");
      expect(refusal(() => readCsv(path, { label: "sick" }))).to.equal(
        `${path}: line 3, column "a": "?" is not a finite decimal number: drop the row or the column, or encode it as a number`,
      );
    });
  });
});

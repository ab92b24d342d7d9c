import { BABY_ORDER, Fr, modelKeyHash, openModelKey, type RekeyWitness, type SealPublicKey } from "@mednexus/sdk";
import { circuitInputs } from "../index.ts";
import { type Forgery, SEED } from "./forgeries.ts";
import { type Assignment, type Lab, override, splice } from "./lab.ts";
import { randomRekey } from "./statements.ts";

type Point = SealPublicKey;
const A = 168700n;
const D = 168696n;

/** The addition law of Baby Jubjub (EIP-2494) as plain arithmetic: it maps points off the curve too. */
export function add(p: Point, q: Point): Point {
  const t = Fr.from(D * p.x * q.x * p.y * q.y);
  return {
    x: Fr.mul(Fr.from(p.x * q.y + p.y * q.x), Fr.inverse(Fr.from(1n + t))),
    y: Fr.mul(Fr.from(p.y * q.y - A * p.x * q.x), Fr.inverse(Fr.from(1n - t))),
  };
}

export function times(scalar: bigint, p: Point): Point {
  let sum = IDENTITY;
  for (let power = p, s = scalar; s > 0n; s >>= 1n, power = add(power, power)) if (s & 1n) sum = add(sum, power);
  return sum;
}

export const IDENTITY: Point = { x: 0n, y: 1n };
/** EIP-2494's generator, of order 8l. */
const GENERATOR: Point = {
  x: 995203441582195749578291179787384436505546430278305826713579947235728471134n,
  y: 5472060717959818805561601436314318772137091100104008585924551046643952123905n,
};
const B8 = times(8n, GENERATOR);
/** Of order 8. */
export const TORSION = times(BABY_ORDER, GENERATOR);

const flipX = ({ x, y }: Point): Point => ({ x: Fr.neg(x), y }); // −P
const flipY = ({ x, y }: Point): Point => ({ x, y: Fr.neg(y) }); // −P plus the point of order 2

/** A witness of the holder's side (`open`) or of the receiver's (`seal`), told in the same words. */
interface Side {
  readonly name: "open" | "seal";
  /** names of the main signals behind Agreement's */
  readonly scalar: "secret" | "ephemeral";
  readonly own: "holder" | "next";
  readonly point: "current" | "receiver";
  readonly root: "currentRoot" | "receiverRoot";
  /** the ciphertext word that follows the mask */
  readonly c: "current[2]" | "next[2]";
  readonly binding: "currentBinding" | "nextBinding";
  readonly ids: { scalar: string; own: string; point: string; root: string; binding: string };
}

const SIDES: readonly Side[] = [
  {
    name: "open",
    scalar: "secret",
    own: "holder",
    point: "current",
    root: "currentRoot",
    c: "current[2]",
    binding: "currentBinding",
    ids: { scalar: "K1", own: "K3", point: "K4", root: "K5", binding: "K9" },
  },
  {
    name: "seal",
    scalar: "ephemeral",
    own: "next",
    point: "receiver",
    root: "receiverRoot",
    c: "next[2]",
    binding: "nextBinding",
    ids: { scalar: "K2", own: "K6", point: "K7", root: "K8", binding: "K10" },
  },
];

/** A story of one side. */
interface Tale {
  readonly scalar: bigint;
  readonly point: Point;
  readonly root: Point;
  readonly binding: bigint;
}

export function rekeyForgeries(lab: Lab): Forgery[] {
  // odd scalars, so that a point of order 2 survives the multiplication
  const honest = randomRekey(SEED, ({ secret, ephemeral }) => (secret & ephemeral & 1n) === 1n);
  const key = openModelKey(honest.current, honest.secret, honest.currentBinding, honest.keyHash);
  const other = randomRekey(SEED + 1);
  const run = (witness: RekeyWitness): Promise<Assignment> => lab.forge(circuitInputs("rekey", 1, witness));

  return [...SIDES.flatMap(agreement), ...whole()];

  function agreement(side: Side): Forgery[] {
    const { name, ids } = side;
    const base: Tale =
      name === "open"
        ? {
            scalar: honest.secret,
            point: { x: honest.current.ex, y: honest.current.ey },
            root: honest.currentRoot,
            binding: honest.currentBinding,
          }
        : {
            scalar: honest.ephemeral,
            point: honest.receiver,
            root: honest.receiverRoot,
            binding: honest.nextBinding,
          };

    /** What a generator without this source's constraints computes, with `own` and the ciphertext following. */
    async function tell(change: Partial<Tale> = {}): Promise<Assignment> {
      const tale = { ...base, ...change };
      const own = times(tale.scalar, B8);
      const witness = (c: bigint): RekeyWitness =>
        name === "open"
          ? {
              ...honest,
              secret: tale.scalar,
              holder: own,
              current: { ex: tale.point.x, ey: tale.point.y, c },
              currentRoot: tale.root,
              currentBinding: tale.binding,
            }
          : {
              ...honest,
              ephemeral: tale.scalar,
              next: { ex: own.x, ey: own.y, c },
              receiver: tale.point,
              receiverRoot: tale.root,
              nextBinding: tale.binding,
            };
      const mask = (await run(witness(0n))).get(`main.${name}.mask`)!;
      return run(witness(Fr.add(key, mask)));
    }

    /** `into` with Agreement's signals, and those of main behind them, taken from `from`. */
    function take(into: Assignment, from: Assignment, ...inner: string[]): Assignment {
      return splice(into, from, ...inner.map((signal) => `${name}.${signal}`));
    }
    const own = (assignment: Assignment, i: number): string[] => [`${side.own}[${i}]`];
    const scalarAndOwn = (into: Assignment, from: Assignment): Assignment =>
      splice(
        take(into, from, "scalar", "bits", "base", "own", "ownX"),
        from,
        side.scalar,
        ...own(into, 0),
        ...own(into, 1),
      );
    const rootOf = (into: Assignment, from: Assignment): Assignment =>
      splice(take(into, from, "root", "order.root", "order.onCurve"), from, side.root);
    /** The mask of another story, and the ciphertext that it makes. */
    const masked = (into: Assignment, from: Assignment, ...inner: string[]): Assignment =>
      splice(take(into, from, ...inner, "hash", "mask"), from, side.c);
    const set = async (values: Record<string, bigint>): Promise<Assignment> => override(await tell(), values);

    /** Eight times a root off the curve, while BabyCheck (which the generator runs) sees the honest one. */
    async function offCurve(root: Point): Promise<Assignment> {
      const values: Record<string, bigint> = {};
      let p = root;
      for (const k of [0, 1, 2]) {
        const to = `${name}.order.twice[${k}]`;
        const [beta, gamma] = [Fr.mul(p.x, p.y), Fr.mul(p.y, p.x)];
        const delta = Fr.from((p.y - A * p.x) * (p.x + p.y));
        const out = add(p, p);
        const adder = { x1: p.x, y1: p.y, x2: p.x, y2: p.y, beta, gamma, delta, tau: Fr.mul(beta, gamma) };
        for (const [signal, value] of Object.entries({ ...adder, xout: out.x, yout: out.y }))
          values[`${to}.adder.${signal}`] = value;
        Object.assign(values, { [`${to}.x`]: p.x, [`${to}.y`]: p.y, [`${to}.xout`]: out.x, [`${to}.yout`]: out.y });
        p = out;
      }
      for (const signal of [side.root, `${name}.root`, `${name}.order.root`])
        Object.assign(values, { [`${signal}[0]`]: root.x, [`${signal}[1]`]: root.y });
      return override(await tell({ point: p }), values);
    }

    const forge = (id: string, title: string, shape: string, rows: number, make: Forgery["make"]): Forgery => ({
      id,
      title: `${name}: ${title}`,
      shape: shape.replaceAll("@", name),
      rows,
      make,
    });
    const v = 12_345n;
    const negated = { point: flipX(base.point), root: flipX(base.root) };
    const eighth = add(flipX(base.root), flipX(TORSION)); // 4 times it is (x, −y) of 4 times root
    const [offX, offY] = [
      { x: Fr.add(base.root.x, 1n), y: base.root.y },
      { x: base.root.x, y: Fr.add(base.root.y, 1n) },
    ];
    const identity = { point: IDENTITY, root: IDENTITY };
    const anotherPoint = { point: times(3n, base.point), root: times(3n, base.root) };

    return [
      forge(ids.scalar, "a scalar that is not the witness's", ` = ${sorted(`${name}.scalar`, side.scalar)}`, 1, () =>
        set({ [side.scalar]: v }),
      ),
      forge(ids.own, "another key than the scalar's", ` = ${sorted(`${side.own}[]`, `${name}.own[]`)}`, 2, () =>
        set({ [`${side.own}[0]`]: v }),
      ),
      forge(
        ids.point,
        "another point than the one given",
        ` = ${sorted(`${side.point}[]`, `${name}.point[]`)}`,
        2,
        () => set({ [`${side.point}[0]`]: v }),
      ),
      forge(ids.root, "another root", ` = ${sorted(`${side.root}[]`, `${name}.root[]`)}`, 2, () =>
        set({ [`${side.root}[0]`]: v }),
      ),
      forge(ids.binding, "[attack 54] another place", ` = ${sorted(side.binding, `${name}.binding`)}`, 1, () =>
        set({ [side.binding]: v }),
      ),
      forge("J1", "bits of another scalar", " = @.bits.in+@.scalar", 1, () =>
        set({ [side.scalar]: v, [`${name}.scalar`]: v }),
      ),
      forge("J2", "a key of another scalar", " = @.base.e[]+@.bits.out[]", 251, async () => {
        const [one, two] = [await tell(), await tell({ scalar: base.scalar + 2n })];
        return splice(take(one, two, "base", "own", "ownX"), two, ...own(one, 0), ...own(one, 1));
      }),
      forge("J3", "a key whose x is not the scalar's", " = @.base.out[]+@.own[]", 2, () =>
        set({
          [`${side.own}[0]`]: v,
          [`${name}.own[0]`]: v,
          [`${name}.ownX.in`]: v,
          [`${name}.ownX.inverse`]: Fr.inverse(v),
        }),
      ),
      forge("J4", "a key whose y is not the scalar's", " = @.base.out[]+@.own[]", 2, () =>
        set({ [`${side.own}[1]`]: v, [`${name}.own[1]`]: v }),
      ),
      forge("J5", "a scalar of 0, another key shown", " = @.ownX.in+@.own[]", 1, async () =>
        take(await tell({ scalar: 0n }), await tell(), "ownX"),
      ),
      forge("N1", "a scalar of 0: everybody reads the key", "@.ownX.inverse * @.ownX.in = 1", 1, () =>
        tell({ scalar: 0n }),
      ),
      forge("N1", "the identity as a point: everybody reads the key", "@.order.x.inverse * @.order.x.in = 1", 1, () =>
        tell(identity),
      ),
      forge("G9", "the identity as a point, another shown", " = @.order.point[]+@.order.x.in", 1, async () =>
        take(await tell(identity), await tell(), "order.x"),
      ),
      forge("G1", "a point off the curve, by x", " = @.order.onCurve.x+@.order.root[]", 1, () => offCurve(offX)),
      forge("G2", "a point off the curve, by y", " = @.order.onCurve.y+@.order.root[]", 1, () => offCurve(offY)),
      forge("G3", "eight times another root, by x", " = @.order.root[]+@.order.twice[].x", 1, async () =>
        rootOf(await tell(negated), await tell()),
      ),
      forge("G4", "eight times another root, by y", " = @.order.root[]+@.order.twice[].y", 1, async () =>
        rootOf(await tell({ point: flipX(base.point), root: flipY(base.root) }), await tell()),
      ),
      forge("G5", "a doubling of another point, by x", " = @.order.twice[].x+@.order.twice[].xout", 2, async () => {
        const two = await tell();
        return take(rootOf(await tell(negated), two), two, "order.twice[0]", "order.twice[1]");
      }),
      forge("G6", "a doubling of another point, by y", " = @.order.twice[].y+@.order.twice[].yout", 2, async () => {
        const two = await tell();
        const one = await tell({ point: flipX(base.point), root: eighth });
        return take(rootOf(one, two), two, "order.twice[0]", "order.twice[1]");
      }),
      forge("G7", "a point that is not eight times the root, by x", " = @.order.point[]+@.order.twice[].xout", 1, () =>
        tell({ point: flipX(base.point) }),
      ),
      forge("G8", "a point of composite order", " = @.order.point[]+@.order.twice[].yout", 1, () =>
        tell({ point: flipY(base.point) }),
      ),
      forge("J6", "a point of composite order, another shown", " = @.order.point[]+@.point[]", 2, async () =>
        take(await tell({ point: add(base.point, TORSION) }), await tell(), "order"),
      ),
      forge("J7", "an order shown for another root", " = @.order.root[]+@.root[]", 2, () =>
        set({ [`${side.root}[0]`]: v, [`${name}.root[0]`]: v }),
      ),
      forge("J8", "shared with another scalar", " = @.bits.out[]+@.shared.e[]", 251, async () =>
        scalarAndOwn(await tell({ scalar: base.scalar + 2n }), await tell()),
      ),
      forge("J9", "shared with another point", " = @.point[]+@.shared.p[]", 2, async () =>
        masked(await tell(), await tell(anotherPoint), "shared"),
      ),
      forge("J10", "a mask of another x", " = @.hash.inputs[]+@.shared.out[]", 2, async () =>
        masked(await tell(), await tell(negated)),
      ),
      forge("J11", "a mask of another y", " = @.hash.inputs[]+@.shared.out[]", 2, async () =>
        masked(await tell(), await tell({ point: flipY(base.point) })),
      ),
      forge("J12", "[attack 54] a mask for another place", " = @.binding+@.hash.inputs[]", 1, async () =>
        masked(await tell(), await tell({ binding: v })),
      ),
      forge("J13", "a mask that is no hash", " = @.hash.out+@.mask", 1, () =>
        set({ [`${name}.mask`]: v, [side.c]: Fr.add(key, v) }),
      ),
    ];
  }

  /** What ties the two sides: one key, committed to. */
  function whole(): Forgery[] {
    const wrong = Fr.add(key, 1n);
    const masks = (assignment: Assignment): { current: bigint; next: bigint } => ({
      current: assignment.get("main.open.mask")!,
      next: assignment.get("main.seal.mask")!,
    });
    return [
      {
        id: "K11",
        title: "a ciphertext that holds another key",
        shape: " = current[]+key+open.mask",
        rows: 1,
        make: async () => override(await run(honest), { "current[2]": wrong }),
      },
      {
        id: "K12",
        title: "another key than the one committed to, in both ciphertexts",
        shape: " = hash.inputs[]+key",
        rows: 1,
        make: async () => {
          const base = await run(honest);
          const { current, next } = masks(base);
          return override(base, { key: wrong, "current[2]": wrong + current, "next[2]": wrong + next });
        },
      },
      {
        id: "K13",
        title: "another commitment",
        shape: " = hash.out+keyHash",
        rows: 1,
        make: async () => override(await run(honest), { keyHash: modelKeyHash(wrong) }),
      },
      {
        id: "K14",
        title: "another key for the receiver",
        shape: " = key+next[]+seal.mask",
        rows: 1,
        make: async () => override(await run(honest), { "next[2]": other.next.c }),
      },
    ];
  }
}

const sorted = (...names: string[]): string => names.sort().join("+");

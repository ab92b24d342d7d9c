import { createRandom, type Random } from "../data/random.ts";
import type { Rows } from "../data/split.ts";
import type { FeatureRange } from "../data/standardize.ts";

/**
 * Synthetic patients suspected of Niemann-Pick disease type C1 (NPC1): class 1 has it, class 0 has something that looks like it.
 * No real person's data are in it, and it is no model for diagnosis.
 *
 * Two hospitals see two faces of one disease, which is what makes training together worth it: a children's liver clinic, where
 * patients and look-alikes alike have a large spleen and jaundice and hardly any neurological sign yet, and an adult neurology
 * clinic, where movement and mind are disturbed in both groups and a large spleen gives the disease away. The skew is real:
 * signs of the nervous system do not tell NPC1 apart up to four years of age but for gaze palsy and cataplexy, visceral signs do [7],
 * and visceral and other signs form separate clusters at that age [8]. A model made at one clinic misjudges the other's patients.
 *
 * What is taken from publications, and what for:
 * [1] Giese et al. 2015, doi 10.1186/s13023-015-0274-1: lyso-SM-509 cut-off 1.4 ng/ml, sensitivity 100 %, specificity 91 %.
 * [2] Mazzacuva et al. 2016, doi 10.1002/1873-3468.12196: bile acid NPCBA2 median 10 times that of controls.
 * [3] Boenzi et al. 2016, doi 10.1194/jlr.M061978: C-triol strongly raised in Niemann-Pick B, less in acid lipase deficiency.
 * [4] Patterson et al. 2017 (recommendations, Neurology Clinical Practice): carriers' upper quartile of C-triol overlaps with patients'.
 * [5] Porter et al. 2010, doi 10.1126/scitranslmed.3001417: the oxysterol profile follows age of onset and severity (earlier, higher).
 * [6] De Castro-Orós et al. 2017, doi 10.1186/s12967-017-1146-3: chitotriosidase in suspected patients (raised, not specific).
 * [7] Pineda et al. 2016, doi 10.1186/s12887-016-0641-7: which signs tell the disease apart up to four years of age.
 * [8] University of Pretoria repository 2263/59548, 164 patients and 135 controls: signs by age group.
 * [9] Patterson et al. 2013, doi 10.1186/1750-1172-8-12: age at neurological onset 10.9 (9.8), at enrolment 19.6 (13.0) years.
 * [10] Synofzik, Schöls et al. 2016, doi 10.1007/s00415-016-8178-0: ataxia in 85-90 % of all patients; npc-si.com: gelastic cataplexy in 16 %.
 * [11] Vanier 2010, doi 10.1186/1750-1172-5-16: p.I1061T the commonest variant in western Europe, p.P1007A next, milder, later onset.
 * Everything else, in particular the absolute scale of C-triol and chitotriosidase, all spreads and the rates in look-alikes, is our
 * own choice within what those sources call usual, made so that the groups overlap more than in hospital-selected series.
 */

/** Median of a log-normal quantity. Spreads are common to all groups, see SPREAD. */
interface Group {
  /** Share among its class at that hospital; a class's shares add up to 1. */
  readonly share: number;
  /** Uniform, years. */
  readonly age: readonly [number, number];
  /** Medians: C-triol ng/ml, lyso-SM-509 ng/ml, NPCBA2 in multiples of the laboratory's control median, chitotriosidase nmol/h/ml. */
  readonly blood: readonly [number, number, number, number];
  /** Probability of each of SIGNS. */
  readonly signs: readonly number[];
  /** Probability for each of the two alleles to read as each of VARIANTS; the rest reads as normal (or lies outside the panel). */
  readonly alleles: readonly [number, number, number];
}

interface Clinic {
  readonly name: string;
  readonly disease: readonly Group[];
  readonly lookAlikes: readonly Group[];
}

const BLOOD = ["c_triol_ng_ml", "lyso_sm_509_ng_ml", "npcba2_fold", "chitotriosidase_nmol_h_ml"] as const;
/** Standard deviation of the natural logarithm, biology and assay together, for each of BLOOD. */
const SPREAD = [0.4, 0.5, 0.6, 0.6] as const;
const SIGNS = [
  "splenomegaly",
  "neonatal_jaundice",
  "vertical_gaze_palsy",
  "ataxia",
  "gelastic_cataplexy",
  "dystonia",
  "cognitive_decline",
  "psychosis",
] as const;
const VARIANTS = ["i1061t_alleles", "p1007a_alleles", "uncertain_alleles"] as const;

/**
 * Public ranges as a data dictionary would give them: what is usual in people suspected of the disease for blood values (an outlier
 * may exceed it), 0/1 for a sign, 0 to 2 alleles; `typical` is a round figure for that population from the sources above.
 */
export const NPC1_RANGES: readonly FeatureRange[] = [
  { name: "age_years", min: 0, max: 60, typical: 15 },
  { name: BLOOD[0], min: 0, max: 150, typical: 50 },
  { name: BLOOD[1], min: 0, max: 8, typical: 2 },
  { name: BLOOD[2], min: 0, max: 15, typical: 4 },
  { name: BLOOD[3], min: 0, max: 400, typical: 100 },
  ...SIGNS.map((name, k) => ({ name, min: 0, max: 1, typical: [0.5, 0.3, 0.3, 0.4, 0.05, 0.2, 0.3, 0.2][k]! })),
  ...VARIANTS.map((name, k) => ({ name, min: 0, max: 2, typical: [0.2, 0.1, 0.3][k]! })),
];

//                                   spleen jaundice gaze ataxia cataplexy dystonia cognition psychosis
const CLINICS: readonly [Clinic, Clinic] = [
  {
    name: "children's liver clinic",
    disease: [
      {
        share: 1,
        age: [0, 6],
        blood: [110, 5.5, 11, 190],
        signs: [0.85, 0.6, 0.25, 0.2, 0.06, 0.05, 0.2, 0],
        alleles: [0.2, 0.03, 0.25],
      },
    ],
    lookAlikes: [
      // acid sphingomyelinase deficiency: large spleen, oxysterols and lyso-lipids raised, no neurology in type B
      {
        share: 0.4,
        age: [0, 8],
        blood: [85, 2.8, 4, 240],
        signs: [0.97, 0.3, 0.01, 0.05, 0, 0.02, 0.1, 0],
        alleles: [0.005, 0.005, 0.1],
      },
      // other cholestatic liver disease: jaundice, bile acids raised
      {
        share: 0.6,
        age: [0, 5],
        blood: [60, 1.8, 5, 120],
        signs: [0.7, 0.9, 0.01, 0.05, 0, 0.02, 0.1, 0],
        alleles: [0.01, 0.005, 0.1],
      },
    ],
  },
  {
    name: "adult neurology clinic",
    disease: [
      {
        share: 1,
        age: [14, 50],
        blood: [42, 2.3, 3.8, 110],
        signs: [0.5, 0.12, 0.75, 0.85, 0.16, 0.4, 0.65, 0.4],
        alleles: [0.12, 0.15, 0.25],
      },
    ],
    lookAlikes: [
      // other ataxias and movement disorders, some with slow eye movements
      {
        share: 0.5,
        age: [14, 55],
        blood: [16, 0.8, 1, 45],
        signs: [0.03, 0.03, 0.3, 0.95, 0.01, 0.4, 0.4, 0.1],
        alleles: [0.005, 0.005, 0.1],
      },
      // psychosis or early dementia of other cause
      {
        share: 0.3,
        age: [16, 55],
        blood: [16, 0.8, 1, 45],
        signs: [0.03, 0.03, 0.05, 0.15, 0.02, 0.1, 0.7, 0.7],
        alleles: [0.005, 0.005, 0.1],
      },
      // carriers of one NPC1 variant with another neurological complaint
      {
        share: 0.2,
        age: [16, 55],
        blood: [32, 1.2, 1.3, 70],
        signs: [0.08, 0.05, 0.1, 0.4, 0.01, 0.1, 0.3, 0.2],
        alleles: [0.12, 0.12, 0.25],
      },
    ],
  },
];

export const NPC1_HOSPITALS: readonly string[] = CLINICS.map((clinic) => clinic.name);

/** `count` patients of clinic 0 or 1, every second with the disease. */
function clinicRows(clinic: Clinic, count: number, random: Random): Rows {
  const y = Array.from({ length: count }, (_, i): 0 | 1 => (i % 2 === 0 ? 1 : 0));
  return { X: y.map((sick) => patient(sick === 1 ? clinic.disease : clinic.lookAlikes, random)), y };
}

function patient(groups: readonly Group[], random: Random): number[] {
  let left = random.uniform();
  const group = groups.find(({ share }) => (left -= share) < 0) ?? groups.at(-1)!;
  const years = group.age[0] + (group.age[1] - group.age[0]) * random.uniform();
  const blood = group.blood.map((median, k) => median * Math.exp(SPREAD[k]! * random.normal()));
  const signs = group.signs.map((probability) => (random.uniform() < probability ? 1 : 0));
  const alleles = [0, 0, 0];
  for (let allele = 0; allele < 2; allele++) {
    let rest = random.uniform();
    const variant = group.alleles.findIndex((probability) => (rest -= probability) < 0);
    if (variant !== -1) alleles[variant]! += 1;
  }
  return [years, ...blood, ...signs, ...alleles].map((value) => Math.round(value * 10) / 10); // as laboratories report
}

/** The 100 patients of one seed: 50 a hospital. */
export function npc1Hospitals(seed: number): [Rows, Rows] {
  return [
    clinicRows(CLINICS[0], 50, createRandom(seed, "npc1/children")),
    clinicRows(CLINICS[1], 50, createRandom(seed, "npc1/adults")),
  ];
}

/** Held-out patients, drawn separately and in numbers no hospital has: half from each clinic's population. */
export function npc1Evaluation(seed: number, count = 2_000): Rows {
  const children = clinicRows(CLINICS[0], count / 2, createRandom(seed, "npc1/evaluation/children"));
  const adults = clinicRows(CLINICS[1], count / 2, createRandom(seed, "npc1/evaluation/adults"));
  return { X: [...children.X, ...adults.X], y: [...children.y, ...adults.y] };
}

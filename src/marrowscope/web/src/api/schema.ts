/** Every shape of the service's REST interface. Written by `make shapes`, never by hand. */

/** A cell the networks missed: its box in pixels of the image, left, top, right, bottom. */
export interface AddedCell {
  field_id: string;
  box: [number, number, number, number];
  type: string;
  reading?: string | null;
}

/** Agreement on some cells; `kappa` is Cohen's, null where chance alone would explain all. */
export interface AgreedCells {
  cells: number;
  agreed: number;
  kappa: number | null;
  ci_low: number | null;
  ci_high: number | null;
}

/** Two readings compared on all cells of the networks, and on those that both readers answered. */
export interface AgreementShape {
  cells: number;
  agreed: number;
  kappa: number | null;
  ci_low: number | null;
  ci_high: number | null;
  readers: string[];
  table: AgreementTable;
  answered: AgreedCells;
}

/** Cells by what the first (rows) and the second reader (columns) called them. */
export interface AgreementTable {
  types: string[];
  counts: number[][];
}

/** An analysis and its progress; `version` is 0 until it is signed. */
export interface AnalysisShape {
  id: string;
  patient_id: string;
  status: "queued" | "running" | "done" | "failed" | "cancelled";
  priority: number;
  bundle: string;
  bundle_sha256: string;
  rule: string;
  mpp: number | null;
  done: number;
  total: number;
  failed: number;
  cells: number;
  blasts: number;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  message: string;
  revision: number;
  version: number;
  locked: boolean;
}

/**
 * A picture of the atlas: a drawn cell, one of an open set, or a signed cell that somebody pinned.
 *
 * `caption` is who pinned it; `title`, `licence` and `citation` are those of the open set; `cell_id` is the
 * pinned cell.
 */
export interface AtlasPictureShape {
  kind: "pinned" | "imported" | "drawn";
  caption: string;
  title: string;
  licence: string;
  citation: string;
  cell_id: string | null;
  address: string;
}

/** An imported open set; `pictures` by cell type. */
export interface AtlasSetShape {
  id: string;
  title: string;
  licence: string;
  citation: string;
  pictures: Record<string, number>;
}

/** Networks an analysis may use. */
export interface BundleShape {
  id: string;
  name: string;
  version: string;
  sha256: string;
  title: string;
  is_default: boolean;
}

/** How many cells took over answers or comments of an earlier analysis, and what was left behind. */
export interface CarriedShape {
  carried: number;
  lost: LostAnswerShape[];
}

/** A reader's answer: `type` null takes their type back, without `type` it stays. */
export interface CellAnswer {
  type?: string | null;
  deleted?: boolean | null;
}

/** A change of one cell; `revision` is that of the cell the reader saw. */
export interface CellChange {
  type?: string | null;
  deleted?: boolean | null;
  id: string;
  revision: number;
}

/** A cell with the networks' prediction and a reading's answer; box in pixels of the field. */
export interface CellShape {
  id: string;
  analysis_id: string;
  field_id: string;
  number: number;
  box: [number, number, number, number];
  score: number;
  probability: number;
  p_blast: number;
  flags: string[];
  counted: boolean;
  origin: "network" | "person";
  model_type: string | null;
  reviewed_type: string | null;
  type: string;
  reviewed_by: string | null;
  reviewed_at: string | null;
  deleted: boolean;
  comments: number;
  revision: number;
  crop: string;
  second_type: string | null;
  second_probability: number | null;
}

/** The changed cells and the new revision of their analysis. */
export interface Changed {
  items: CellShape[];
  revision: number;
}

/** Changes, applied all or none; `reading` defaults to your own open reading or the first. */
export interface Changes {
  reading?: string | null;
  changes: CellChange[];
}

/** A comment on a cell. */
export interface CommentShape {
  id: string;
  author: string;
  at: string;
  text: string;
}

/**
 * A count with its decision; percentages 0 to 100, null where undefined.
 *
 * Of blood there is no M:E ratio, but the erythroblasts per 100 leukocytes.
 */
export interface Count {
  rows: CountRow[];
  excluded: LeftOut[];
  counted: number;
  unclassified: number;
  blasts: number;
  blast_percent: number | null;
  ci_low: number | null;
  ci_high: number | null;
  adjusted_percent: number | null;
  adjusted_low: number | null;
  adjusted_high: number | null;
  shares: Share[];
  decision: "positive" | "negative" | "indeterminate" | "insufficient";
  decided_by: "reviewed" | "validated" | "laboratories" | "none";
  band: string;
  why: string;
  rule: string;
  reasons: string[];
  limits: string[];
  alternatives: OtherDecision[];
  me_ratio: number | null;
  me_cells: RatioCells | null;
  erythroblasts_per_100: number | null;
  lineages: LineageRow[];
  more_cells: number | null;
  flags: string[];
}

/** A counted type; `percent` is rounded so that all types give 100, the interval is 95 %. */
export interface CountRow {
  type: string;
  count: number;
  percent: number;
  ci_low: number;
  ci_high: number;
}

/** A user's name and password. */
export interface Credentials {
  username: string;
  password: string;
}

/**
 * What is stated about a case; empty texts and null state nothing.
 *
 * `phrases` are identifiers of `/morphology`. `revision` rises with every change; a change is sent with the
 * one that was seen.
 */
export interface DetailsShape {
  specimen?: "marrow" | "blood" | "not stated";
  age_years?: number | null;
  sex?: "female" | "male" | "not stated";
  site?: string;
  particles?: "present" | "absent" | "not stated";
  collected?: string;
  received?: string;
  requester?: string;
  order_number?: string;
  stain?: string;
  slide_quality?: string;
  clinical_details?: string;
  phrases?: string[];
  comment?: string;
  conclusion?: string;
  revision: number;
}

/** The networks' count, the readers' count, and the recommended number of cells. */
export interface Differential {
  model: Count;
  reviewed: Count;
  reviewed_cells: number;
  target: number;
  floor: number;
  inferred: InferredShare | null;
}

/** An empty object. */
export type EmptyBody = Record<string, never>;

/**
 * One action: who did what to which object, with its state before and after.
 *
 * `patient`, `field`, `cell` (its number in the field), `picture` and `files` are what the identifiers mean,
 * null or empty for what has been deleted.
 */
export interface EntryShape {
  number: number;
  at: string;
  actor: string;
  action: string;
  subject: Subject;
  before: unknown;
  after: unknown;
  patient: string | null;
  field: string | null;
  cell: number | null;
  picture: string | null;
  files: string[];
  hash: string;
}

/** An image and its reading by the latest analysis; sizes in pixels, `mpp` micrometres per pixel. */
export interface FieldShape {
  id: string;
  patient_id: string;
  name: string;
  width: number;
  height: number;
  mpp: number | null;
  scale_source: string;
  status: "stored" | "read" | "failed" | "duplicate" | "replaced";
  message: string;
  flags: string[];
  cells: number;
  thumbnail: string | null;
  dzi: string | null;
}

/** The first account, and the code that the server printed when it was started. */
export interface FirstAdministrator {
  code: string;
  username: string;
  name: string;
  password: string;
}

/** A new token; its secret is shown this once. */
export interface FreshToken {
  id: string;
  name: string;
  scopes: ("read" | "write" | "admin")[];
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
  token: string;
}

/** A healthy state. */
export interface Health {
  status: string;
}

/** The blast share inferred from a random sample of reviewed cells (prediction-powered inference). */
export interface InferredShare {
  percent: number;
  ci_low: number;
  ci_high: number;
  cells: number;
  warnings: string[];
}

/** Cells not counted: a type, or ``border``. */
export interface LeftOut {
  type: string;
  count: number;
}

/** What an upload may hold. */
export interface LimitsShape {
  file_bytes: number;
  files: number;
  pixels: number;
}

/** All counted cells of a lineage. */
export interface LineageRow {
  lineage: string;
  count: number;
  percent: number;
}

/** An answer, or comments, that found no cell: the image was not read, or no cell found there again. */
export interface LostAnswerShape {
  field: string;
  number: number;
  type: string | null;
  deleted: boolean;
  comments: number;
  by: string | null;
  why: "not read" | "not found";
}

/** All phrases of morphology, in the order of a report. */
export interface MorphologyShape {
  version: string;
  sections: SectionShape[];
}

/** Why a signed report is amended. */
export interface NewAmendment {
  reason: string;
}

/** Options of an analysis; all have defaults. */
export interface NewAnalysis {
  bundle?: string | null;
  mpp?: number | null;
  rule?: string | null;
  priority?: number;
}

/** A comment to add. */
export interface NewComment {
  text: string;
}

/** A patient to add; the name may be a number, a person's name is never needed. */
export interface NewPatient {
  name: string;
}

/**
 * What the signature means, the revision of the count that was seen, and the signer's password.
 *
 * The password is left out by accounts without one, after a new single sign-on. `waived` says for every
 * point that is open (`GET /analyses/{id}/checklist`) why it may stay so.
 */
export interface NewSignature {
  meaning: string;
  revision: number;
  password?: string | null;
  waived?: Record<string, string>;
}

/** A token to create. */
export interface NewToken {
  name: string;
  scopes: ("read" | "write" | "admin")[];
  expires_days?: number | null;
}

/** An account to create. */
export interface NewUser {
  username: string;
  name: string;
  role: "viewer" | "reviewer" | "admin";
  password: string;
}

/** Something that is open in a count. */
export interface OpenPointShape {
  id: string;
  text: string;
}

/** What another rule says of the same count. */
export interface OtherDecision {
  rule: string;
  decision: "positive" | "negative" | "indeterminate" | "insufficient";
  reasons: string[];
}

export interface Page_AnalysisShape_ {
  items: AnalysisShape[];
  next?: string | null;
}

export interface Page_AtlasPictureShape_ {
  items: AtlasPictureShape[];
  next?: string | null;
}

export interface Page_AtlasSetShape_ {
  items: AtlasSetShape[];
  next?: string | null;
}

export interface Page_BundleShape_ {
  items: BundleShape[];
  next?: string | null;
}

export interface Page_CellShape_ {
  items: CellShape[];
  next?: string | null;
}

export interface Page_CommentShape_ {
  items: CommentShape[];
  next?: string | null;
}

export interface Page_EntryShape_ {
  items: EntryShape[];
  next?: string | null;
}

export interface Page_FieldShape_ {
  items: FieldShape[];
  next?: string | null;
}

export interface Page_OpenPointShape_ {
  items: OpenPointShape[];
  next?: string | null;
}

export interface Page_PatientShape_ {
  items: PatientShape[];
  next?: string | null;
}

export interface Page_PatientVersionShape_ {
  items: PatientVersionShape[];
  next?: string | null;
}

export interface Page_ReadingShape_ {
  items: ReadingShape[];
  next?: string | null;
}

export interface Page_SlideShape_ {
  items: SlideShape[];
  next?: string | null;
}

export interface Page_SuggestionShape_ {
  items: SuggestionShape[];
  next?: string | null;
}

export interface Page_TokenShape_ {
  items: TokenShape[];
  next?: string | null;
}

export interface Page_UserShape_ {
  items: UserShape[];
  next?: string | null;
}

export interface Page_VersionShape_ {
  items: VersionShape[];
  next?: string | null;
}

/** The current password and the new one. */
export interface PasswordChange {
  old: string;
  new: string;
}

/** A patient as the worklist shows it, with its latest analysis. */
export interface PatientShape {
  id: string;
  name: string;
  created_at: string;
  status: "empty" | "ready" | "queued" | "running" | "done" | "failed" | "cancelled" | "signed";
  fields: number;
  fields_failed: number;
  analysis: AnalysisShape | null;
  result: ResultShape | null;
  signed: SignedShape | null;
  thumbnail: string | null;
  specimen: "marrow" | "blood" | "not stated";
}

/**
 * A signed report among all of its patient's, with the analysis it is of.
 *
 * `amended` is why it was opened again; `superseded` tells whether a later one is signed.
 */
export interface PatientVersionShape {
  version: number;
  signed_by: string;
  signed_at: string;
  meaning: string;
  reason: string | null;
  decision: "positive" | "negative" | "indeterminate" | "insufficient";
  blast_percent: number | null;
  sha256: string;
  analysis_id: string;
  analysed_at: string | null;
  bundle: string;
  bundle_sha256: string;
  amended: string | null;
  superseded: boolean;
}

/** A finding, by its code and in words. */
export interface PhraseShape {
  id: string;
  text: string;
}

/** An error (RFC 9457). */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  [member: string]: unknown;
}

/** The cells on both sides of an M:E ratio. */
export interface RatioCells {
  myeloid: number;
  erythroid: number;
}

/** A reading; `cells` is the number of answers. The first is shared and has no single reader. */
export interface ReadingShape {
  id: string;
  analysis_id: string;
  reader: string | null;
  kind: "first" | "second";
  status: "open" | "finished";
  cells: number;
}

/** Why a patient is deleted; it stays in the audit trail and must not name anybody. */
export interface Removal {
  reason: string;
}

/** Files made of a report. */
export type ReportFile = "report.html" | "report.pdf" | "cells.csv" | "patients.csv" | "patients.xlsx" | "fhir.json";

/** What the worklist shows of a count; percentages 0 to 100, `adjusted_*` of the share that decides. */
export interface ResultShape {
  counted: number;
  blasts: number;
  blast_percent: number | null;
  ci_low: number | null;
  ci_high: number | null;
  adjusted_percent?: number | null;
  adjusted_low?: number | null;
  adjusted_high?: number | null;
  decision: "positive" | "negative" | "indeterminate" | "insufficient";
  reviewed_cells: number;
}

/** A decision rule. */
export interface RuleShape {
  id: string;
  title: string;
  condition: string;
}

/** What phrases describe, and in which specimens it is looked for. */
export interface SectionShape {
  id: string;
  title: string;
  specimens: ("marrow" | "blood" | "not stated")[];
  phrases: PhraseShape[];
}

/**
 * Who is logged in, and what the page needs to talk to the service.
 *
 * `to_sign` is what a signature needs now: the password, or a new single sign-on. `is_set_up` is false as
 * long as there is no account, and nobody can log in.
 */
export interface SessionState {
  user: UserShape | null;
  csrf_token: string;
  authentication: "required" | "off";
  oidc: SignOn | null;
  version: string;
  to_sign: "password" | "sign-on" | "nothing";
  is_set_up: boolean;
}

/** Defaults of analyses: rule, fewest cells for a decision, recommended cells. */
export interface SettingsShape {
  rule: string;
  rules: RuleShape[];
  floor: number;
  target: number;
  limits: LimitsShape;
  research_notice: string;
}

/** One of the blast shares, and whether it decides; percentages 0 to 100. */
export interface Share {
  title: string;
  percent: number;
  low: number;
  high: number;
  decides: boolean;
}

/** Where single sign-on begins. */
export interface SignOn {
  name: string;
  url: string;
}

/**
 * The latest signature of a patient, of whichever analysis.
 *
 * `state` is ``current`` while it holds, ``amended`` while its analysis is open again, and ``superseded``
 * when a newer analysis is not signed yet.
 */
export interface SignedShape {
  analysis_id: string;
  version: number;
  by: string;
  at: string;
  meaning: string;
  state: "current" | "amended" | "superseded";
}

/**
 * A whole slide; sizes in pixels, `mpp` micrometres per pixel.
 *
 * Cells lie in one layer on `countable_mm2`; of the tiles laid there, `tiles` are among the patient's
 * images, and their area is `taken_mm2`.
 */
export interface SlideShape {
  id: string;
  patient_id: string;
  name: string;
  width: number;
  height: number;
  mpp: number;
  countable_mm2: number;
  taken_mm2: number;
  tiles: number;
  overview: string;
  dzi: string;
}

/** The object of an action. */
export interface Subject {
  kind: string;
  id: string | null;
  patient_id: string | null;
}

/** A cell worth a look, and why. */
export interface SuggestionShape {
  cell_id: string;
  part: "random" | "uncertain";
}

/** All cell types in the order of a differential. */
export interface TaxonomyShape {
  version: string;
  types: TypeShape[];
}

/** What a new analysis would find: answers and comments to carry over, signed versions that stay. */
export interface ToCarryShape {
  answers: number;
  comments: number;
  versions: number;
}

/** A token, without its secret. */
export interface TokenShape {
  id: string;
  name: string;
  scopes: ("read" | "write" | "admin")[];
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
}

/** A cell type; `key` is its letter on the keyboard, `colour` is ``#rrggbb``. */
export interface TypeShape {
  id: string;
  name: string;
  abbreviation: string;
  colour: string;
  lineage: string;
  is_blast: boolean;
  is_counted: boolean;
  parent: string | null;
  key: string;
}

/** The result for one file. */
export interface UploadResultShape {
  name: string;
  status: "stored" | "duplicate" | "refused";
  message: string;
  field_id: string | null;
}

/** The result for each file; a refused file is not an error of the request. */
export interface UploadResults {
  items: UploadResultShape[];
}

/** Changes to an account; absent members stay as they are. */
export interface UserChange {
  name?: string | null;
  role?: "viewer" | "reviewer" | "admin" | null;
  active?: boolean | null;
  password?: string | null;
}

/** A user, without secrets. While authentication is off there is one user, `local`. */
export interface UserShape {
  id: string;
  username: string;
  name: string;
  role: "viewer" | "reviewer" | "admin";
  active: boolean;
  created_at: string | null;
  last_seen_at: string | null;
}

/** A signed report; `sha256` is the digest of its data, `reason` why the one before was amended. */
export interface VersionShape {
  version: number;
  signed_by: string;
  signed_at: string;
  meaning: string;
  reason: string | null;
  decision: "positive" | "negative" | "indeterminate" | "insufficient";
  blast_percent: number | null;
  sha256: string;
}

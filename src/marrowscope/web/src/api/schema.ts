/** Every shape of the service's REST interface. Written by `make shapes`, never by hand. */

/** Why signals are no longer an alarm. */
export interface AcknowledgementShape {
  id: string;
  by: string;
  at: string;
  reason: string;
  signals: string[];
}

/**
 * The active networks.
 *
 * `is_fixed`: the settings of the server name them. `is_validated`: this laboratory has validated them.
 * `laboratories`: of how many laboratories that such networks never saw they carry error rates.
 * `previous` is what was active before.
 */
export interface ActiveShape {
  id: string;
  title: string;
  sha256: string;
  is_fixed: boolean;
  is_validated: boolean;
  laboratories: number;
  previous: string | null;
}

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

/** Two readers compared on the cells that both answered; apart from that, each with the networks. */
export interface AgreementShape {
  cells: number;
  agreed: number;
  kappa: number | null;
  ci_low: number | null;
  ci_high: number | null;
  readers: string[];
  table: AgreementTable;
  networks: NetworkAgreement[];
}

/** Cells by the first name (rows) and the second (columns). */
export interface AgreementTable {
  types: string[];
  counts: number[][];
}

/**
 * An analysis and its progress; `version` is 0 until it is signed.
 *
 * `blasts` are those of the networks, null for whoever is being tested on these cells.
 */
export interface AnalysisShape {
  id: string;
  patient_id: string;
  status: "queued" | "running" | "live" | "done" | "failed" | "cancelled";
  priority: number;
  bundle: string;
  bundle_sha256: string;
  rule: string;
  mpp: number | null;
  done: number;
  total: number;
  failed: number;
  cells: number;
  blasts: number | null;
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

/**
 * What an analysis took over from earlier ones.
 *
 * `carried` is the number of cells with answers, comments or requests; `lost` is what found no cell.
 * `fields_taken` were read before, by the same networks and settings; `fields_read` were read this time.
 */
export interface CarriedShape {
  carried: number;
  lost: LostAnswerShape[];
  fields_taken: number;
  fields_read: number;
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

/** A measure over time; `reader` is null for a figure of the images, and empty for the networks. */
export interface ChartShape {
  reader: string | null;
  measure: string;
  centre: number | null;
  missing: number;
  no_limits: "few occasions" | "few cells" | null;
  points: PointShape[];
}

/** A choice of networks. */
export interface ChoiceShape {
  bundle: string;
  title: string;
  sha256: string;
  by: string;
  at: string;
  reason: string;
}

/** Signed analyses to learn from. */
export interface ChosenCases {
  analyses: string[];
}

/** Somebody who may be asked. */
export interface ColleagueShape {
  username: string;
  name: string;
}

/** A comment on a cell. */
export interface CommentShape {
  id: string;
  author: string;
  at: string;
  text: string;
}

/** A control slide with its occasions, charts, and acknowledged alarms. */
export interface ControlDetail {
  id: string;
  name: string;
  first: number;
  target_id: string | null;
  target_gone_at: string | null;
  occasions: number;
  missing: number;
  signals: number;
  causes: ("bundle" | "stain" | "camera" | "bundle or smear" | "reader or smear")[];
  hidden: boolean;
  seen: OccasionShape[];
  charts: ChartShape[];
  acknowledgements: AcknowledgementShape[];
}

/**
 * A control slide and its alarm: open signals, and what has drifted.
 *
 * `missing` occasions until there are limits. `target_gone_at` is when the case that said what to expect was
 * deleted: since then the first occasions say it. Of a slide that you read blind, no figures are told
 * (`hidden`).
 */
export interface ControlShape {
  id: string;
  name: string;
  first: number;
  target_id: string | null;
  target_gone_at: string | null;
  occasions: number;
  missing: number;
  signals: number;
  causes: ("bundle" | "stain" | "camera" | "bundle or smear" | "reader or smear")[];
  hidden: boolean;
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

/** Whether the new networks are activated, and why. */
export interface Decision {
  activate: boolean;
  reason: string;
}

/** A signed version on its way to one system; `message` says why the last attempt failed. */
export interface DeliveryShape {
  id: string;
  analysis_id: string;
  number: number;
  target: string;
  status: "waiting" | "sent" | "refused";
  attempts: number;
  created_at: string;
  next_at: string;
  sent_at: string | null;
  message: string;
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
  lot: Lot;
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

/** A figure with its 95 % interval, where there is one. */
export interface EstimateShape {
  value: number | null;
  low: number | null;
  high: number | null;
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

/** A figure of the present and of the new networks on the same `n` cells. */
export interface FigureShape {
  name: string;
  n: number;
  before: EstimateShape;
  after: EstimateShape;
  gain: EstimateShape;
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

/** How often the new networks say of `n` drawn cells what the present ones say. */
export interface KeptShape {
  name: string;
  n: number;
  share: EstimateShape;
}

/** Somebody who may be served a case. */
export interface LearnerShape {
  username: string;
  name: string;
}

/** Cells not counted: a type, ``border`` or ``repeated``. */
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

/** A delivery, and whose report it is. */
export interface ListedDeliveryShape {
  id: string;
  analysis_id: string;
  number: number;
  target: string;
  status: "waiting" | "sent" | "refused";
  attempts: number;
  created_at: string;
  next_at: string;
  sent_at: string | null;
  message: string;
  patient_id: string;
  patient: string;
}

/** A folder of the server that a session may take images from. */
export interface LiveFolder {
  name: string;
}

/**
 * What a session has come to; the intervals are those of a count that is looked at again and again.
 *
 * `to_go` are the cells that the recommended number lacks. `is_settled` is true once further cells would not
 * change the decision. `repeated` cells are left out because another field shows them, too.
 */
export interface LiveShape {
  analysis: AnalysisShape;
  folder: string;
  count: Count;
  target: number;
  to_go: number;
  is_settled: boolean;
  waiting: number;
  passed_over: PassedOverShape[];
  passed_over_number: number;
  repeated: number;
  newest: NewestField | null;
}

/** An answer, comments or requests that found no cell: the image was not read, or no cell found there. */
export interface LostAnswerShape {
  field: string;
  number: number;
  type: string | null;
  deleted: boolean;
  comments: number;
  requests: number;
  by: string | null;
  why: "not read" | "not found";
}

/** How many cells of the lot are reviewed, of those from which their share decides. */
export interface Lot {
  answered: number;
  wanted: number;
}

/** The control slide of which a patient is an occasion, null for none. */
export interface Mark {
  control_id: string | null;
}

/** Whether a candidate is a megakaryocyte; null takes an answer back. */
export interface MegakaryocyteAnswer {
  confirmed: boolean | null;
}

/**
 * A candidate; its box in full-resolution pixels, areas in µm², score from 0 to 1.
 *
 * It lies on a slide or in a field, of which `slide` and `field` are the names; the other two are null.
 * `confirmed` is null until a reviewer answers, `answered_by` their name.
 */
export interface MegakaryocyteShape {
  id: string;
  slide_id: string | null;
  slide: string | null;
  field_id: string | null;
  field: string | null;
  x0: number;
  y0: number;
  x1: number;
  y1: number;
  area_um2: number;
  nucleus_um2: number;
  score: number;
  confirmed: boolean | null;
  answered_by: string | null;
  answered_at: string | null;
  picture: string;
}

/**
 * The megakaryocytes of a patient, which are in no differential.
 *
 * `examined_mm2` is the area in which one would have been seen, null where none were looked for.
 * `per_mm2`, with its exact 95 % Poisson interval from `low` to `high`, is of the confirmed ones, null
 * before the first answer. `locked`: the report is signed, so that no answer can be changed.
 */
export interface MegakaryocytesShape {
  examined_mm2: number | null;
  confirmed: number;
  rejected: number;
  unanswered: number;
  per_mm2: number | null;
  low: number | null;
  high: number | null;
  locked: boolean;
  items: MegakaryocyteShape[];
}

/** A cell that was named otherwise than signed. */
export interface MissedShape {
  cell_id: string;
  field: string;
  number: number;
  signed: string;
  named: string;
  crop: string;
}

/** All phrases of morphology, in the order of a report. */
export interface MorphologyShape {
  version: string;
  sections: SectionShape[];
}

/** A reader's answers compared with the networks' names, on the cells that this reader answered. */
export interface NetworkAgreement {
  cells: number;
  agreed: number;
  kappa: number | null;
  ci_low: number | null;
  ci_high: number | null;
  reader: string;
}

/** Signals to acknowledge, and why. */
export interface NewAcknowledgement {
  signals: string[];
  reason: string;
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
  read_again?: boolean;
}

/** Networks to activate, and why. */
export interface NewChoice {
  bundle: string;
  reason: string;
}

/** A comment to add. */
export interface NewComment {
  text: string;
}

/** A control slide to add; without `target_id` the first occasions say what to expect. */
export interface NewControl {
  name: string;
  first?: number;
  target_id?: string | null;
}

/** A patient to add; the name may be a number, a person's name is never needed. */
export interface NewPatient {
  name: string;
}

/** Options of a live session; all have defaults. */
export interface NewSession {
  bundle?: string | null;
  mpp?: number | null;
  rule?: string | null;
  folder?: string;
  takes_earlier?: boolean;
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

/** A tag to put on a patient; capitals and spaces around it do not matter. */
export interface NewTag {
  tag: string;
}

/** A signed analysis to serve, and the learner's user name. */
export interface NewTest {
  analysis_id: string;
  learner: string;
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

/** The field read last. */
export interface NewestField {
  name: string;
  cells: number;
}

/** An occasion: `images` read, `flagged` ones of them with a problem of quality. */
export interface OccasionShape {
  analysis_id: string;
  patient_id: string;
  patient: string;
  at: string;
  bundle: string;
  bundle_sha256: string;
  images: number;
  flagged: number;
  counted: number;
  agreements: TargetAgreement[];
}

/**
 * Something that is open in a count, in words, with the number in the sentence.
 *
 * `is_advice`: it may stay open without a reason.
 */
export interface OpenPointShape {
  id: string;
  text: string;
  count: number;
  is_advice: boolean;
}

/** An open test with the analysis whose cells are named. */
export interface OpenTest {
  id: string;
  learner: string;
  username: string;
  patient_id: string;
  patient: string;
  status: "open" | "finished";
  opened_at: string;
  finished_at: string | null;
  cells: number;
  named: number;
  result: AgreedCells | null;
  signed_blasts: number | null;
  found_blasts: number | null;
  sensitivity: Proportion | null;
  analysis: AnalysisShape;
}

/** What another rule says of the same count. */
export interface OtherDecision {
  rule: string;
  decision: "positive" | "negative" | "indeterminate" | "insufficient";
  reasons: string[];
}

/** What chosen cases give, by type, and whether that is enough. */
export interface OutlookShape {
  types: Record<string, number>;
  cells: number;
  blasts: number;
  patients: number;
  laboratories: string[];
  verdict: "none" | "thin" | "enough";
  message: string;
  enough_of_each: number;
  enough_patients: number;
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

export interface Page_ChoiceShape_ {
  items: ChoiceShape[];
  next?: string | null;
}

export interface Page_ColleagueShape_ {
  items: ColleagueShape[];
  next?: string | null;
}

export interface Page_CommentShape_ {
  items: CommentShape[];
  next?: string | null;
}

export interface Page_ControlShape_ {
  items: ControlShape[];
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

export interface Page_LearnerShape_ {
  items: LearnerShape[];
  next?: string | null;
}

export interface Page_ListedDeliveryShape_ {
  items: ListedDeliveryShape[];
  next?: string | null;
}

export interface Page_LiveFolder_ {
  items: LiveFolder[];
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

export interface Page_RequestShape_ {
  items: RequestShape[];
  next?: string | null;
}

export interface Page_SignedCaseShape_ {
  items: SignedCaseShape[];
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

export interface Page_TagUseShape_ {
  items: TagUseShape[];
  next?: string | null;
}

export interface Page_TeachingShape_ {
  items: TeachingShape[];
  next?: string | null;
}

export interface Page_TestShape_ {
  items: TestShape[];
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

/** An image that is not counted, and why; `is_copy` where another one shows the same field. */
export interface PassedOverShape {
  name: string;
  is_copy: boolean;
  message: string;
}

/** The current password and the new one. */
export interface PasswordChange {
  old: string;
  new: string;
}

/**
 * A patient as the worklist shows it, with its latest analysis.
 *
 * `added` images are not in that analysis. `asked` are the names of colleagues who were asked about the
 * patient and have not answered. To who is reading the patient blind, neither they nor tags are told.
 */
export interface PatientShape {
  id: string;
  name: string;
  created_at: string;
  status: "empty" | "ready" | "queued" | "running" | "live" | "done" | "failed" | "cancelled" | "signed";
  fields: number;
  fields_failed: number;
  analysis: AnalysisShape | null;
  result: ResultShape | null;
  signed: SignedShape | null;
  thumbnail: string | null;
  specimen: "marrow" | "blood" | "not stated";
  added: number;
  tags: string[];
  asked: string[];
}

/**
 * A signed report among all of its patient's, with the analysis it is of.
 *
 * `amended` is why it was opened again; `superseded` tells whether a later one is signed. `delivery` says
 * whether it was sent to the hospital's system, null where none is set.
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
  delivery: DeliveryShape | null;
}

/** A finding, by its code and in words. */
export interface PhraseShape {
  id: string;
  text: string;
}

/** A value at an occasion; shares are in percent. `signal` names it where a rule is broken. */
export interface PointShape {
  analysis_id: string;
  value: number;
  cells: number | null;
  counted: number | null;
  sets_limits: boolean;
  low: number | null;
  high: number | null;
  rules: ("1-3s" | "2-2s" | "4-1s" | "paired")[];
  causes: ("bundle" | "stain" | "camera" | "bundle or smear" | "reader or smear")[];
  signal: string | null;
  acknowledged: boolean;
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

/** A share in percent with its interval. */
export interface Proportion {
  percent: number;
  ci_low: number;
  ci_high: number;
}

/** What is asked of whom (`asked` is a user name): about a cell, a field, or neither: the whole case. */
export interface Question {
  asked: string;
  text: string;
  field_id?: string | null;
  cell_id?: string | null;
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

/** The answer to a request. */
export interface Reply {
  text: string;
}

/** Files made of a report. */
export type ReportFile = "report.html" | "report.pdf" | "cells.csv" | "patients.csv" | "patients.xlsx" | "fhir.json" | "report.hl7" | "dicom.zip" | "geojson.zip" | "coco.json" | "yolo.zip" | "voc.zip";

/**
 * A request to a colleague and its answer.
 *
 * `cell_id` is null where the request is about no cell, or about one that the latest analysis has not found
 * again; `number` is the cell's in either case. `username` asks, `asked` is asked.
 */
export interface RequestShape {
  id: string;
  patient_id: string;
  patient: string;
  field_id: string | null;
  field: string | null;
  cell_id: string | null;
  number: number | null;
  username: string;
  author: string;
  asked: string;
  asked_name: string;
  text: string;
  at: string;
  state: "open" | "answered" | "closed";
  answer: string | null;
  answered_at: string | null;
  closed_by: string | null;
  closed_at: string | null;
}

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

/** A signed case with cells that readers named; `unusable` are of types the networks cannot learn. */
export interface SignedCaseShape {
  analysis_id: string;
  patient_id: string;
  patient: string;
  signed_at: string;
  cells: number;
  blasts: number;
  unusable: number;
  is_learned: boolean;
}

/**
 * The latest signature of a patient, of whichever analysis.
 *
 * `state` is ``current`` while it holds, ``amended`` while its analysis is open again, and ``superseded``
 * when a newer analysis is not signed yet. `added` images are not in the signed analysis.
 */
export interface SignedShape {
  analysis_id: string;
  version: number;
  by: string;
  at: string;
  meaning: string;
  state: "current" | "amended" | "superseded";
  added: number;
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

/** A tag, and how many patients have it. */
export interface TagUseShape {
  tag: string;
  patients: number;
}

/** The tags of a patient. */
export interface TagsShape {
  tags: string[];
}

/** A reader's names against the expected ones, on the same cells; the networks' name is empty. */
export interface TargetAgreement {
  cells: number;
  agreed: number;
  kappa: number | null;
  ci_low: number | null;
  ci_high: number | null;
  reader: string;
}

/** What came of a teaching; `is_better` is false where the present heads stay. */
export interface TaughtShape {
  is_better: boolean;
  learned: number;
  asked: number;
  figures: FigureShape[];
  background_auc: number | null;
  background_balanced_accuracy: number | null;
  replay: KeptShape[];
  threshold_before: number;
  threshold_after: number;
}

/** All cell types in the order of a differential. */
export interface TaxonomyShape {
  version: string;
  types: TypeShape[];
}

/** A teaching, from the request to the decision; `seconds_left` are of the present stage. */
export interface TeachingShape {
  id: string;
  number: number;
  status: "queued" | "running" | "done" | "failed" | "cancelled";
  stage: "looking" | "learning";
  by: string;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  message: string;
  cases: number;
  types: Record<string, number>;
  seed: number;
  kept_out: number;
  learned_from: number;
  from_title: string;
  done: number;
  total: number;
  seconds_left: number | null;
  result: TaughtShape | null;
  bundle: string | null;
  bundle_title: string | null;
  bundle_sha256: string | null;
  decision: "activated" | "declined" | null;
  decided_by: string | null;
  decided_at: string | null;
  reason: string | null;
}

/** A finished test; rows of the table are the signed names, columns the learner's. */
export interface TestResult {
  id: string;
  learner: string;
  username: string;
  patient_id: string;
  patient: string;
  status: "open" | "finished";
  opened_at: string;
  finished_at: string | null;
  cells: number;
  named: number;
  result: AgreedCells | null;
  signed_blasts: number | null;
  found_blasts: number | null;
  sensitivity: Proportion | null;
  table: AgreementTable;
  types: TypeResult[];
  missed: MissedShape[];
}

/** A learner's reading: `cells` served, `named` by the learner; results once it is finished. */
export interface TestShape {
  id: string;
  learner: string;
  username: string;
  patient_id: string;
  patient: string;
  status: "open" | "finished";
  opened_at: string;
  finished_at: string | null;
  cells: number;
  named: number;
  result: AgreedCells | null;
  signed_blasts: number | null;
  found_blasts: number | null;
  sensitivity: Proportion | null;
}

/**
 * What a new analysis would find: what is to be carried over, signed versions that stay.
 *
 * `fields_taken` of its `fields` would be taken over as they were read, by the active networks.
 */
export interface ToCarryShape {
  answers: number;
  comments: number;
  requests: number;
  versions: number;
  fields: number;
  fields_taken: number;
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

/** How well a type was told from all others: `kappa` of this type against the rest. */
export interface TypeResult {
  type: string;
  signed: number;
  named: number;
  both: number;
  kappa: number | null;
  ci_low: number | null;
  ci_high: number | null;
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

/** What waits for you: requests to answer, and answers to your own requests. */
export interface WaitingShape {
  asked: number;
  answered: number;
}

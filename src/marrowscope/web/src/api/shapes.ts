/** What the service's REST API sends and takes, as `/openapi.json` describes it. */

export type Role = "viewer" | "reviewer" | "admin";
export type Decision = "positive" | "negative" | "indeterminate" | "insufficient";
export type JobStatus = "queued" | "running" | "done" | "failed" | "cancelled";
export type PatientStatus = JobStatus | "empty" | "ready" | "signed";

export interface Page<T> {
  items: T[];
  next?: string | null;
}

export interface User {
  id: string;
  username: string;
  name: string;
  role: Role;
  active: boolean;
  created_at: string;
  last_seen_at: string | null;
}

export interface Session {
  user: User | null;
  csrf_token: string | null;
  authentication: "required" | "off";
  oidc: { name: string; url: string } | null;
  version: string;
}

export interface Token {
  id: string;
  name: string;
  scopes: string[];
  created_at: string;
  expires_at: string | null;
  last_used_at?: string | null;
}

export interface CellType {
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

export interface Taxonomy {
  version: string;
  types: CellType[];
}

export interface RuleShape {
  id: string;
  title: string;
  condition: string;
  threshold_percent?: number;
}

export interface ServiceSettings {
  rule: string;
  rules: RuleShape[];
  floor: number;
  target: number;
  limits: { file_bytes: number; files: number; pixels: number };
  research_notice: string;
}

export interface Bundle {
  id: string;
  name: string;
  version: string;
  sha256: string;
  title: string;
  is_default: boolean;
}

export interface Analysis {
  id: string;
  patient_id: string;
  status: JobStatus;
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
  message: string | null;
  revision: number;
  version: number;
  locked: boolean;
}

export interface Result {
  counted: number;
  blasts: number;
  blast_percent: number | null;
  ci_low: number | null;
  ci_high: number | null;
  decision: Decision;
  reviewed_cells: number;
}

export interface Patient {
  id: string;
  name: string;
  created_at: string;
  status: PatientStatus;
  fields: number;
  fields_failed: number;
  analysis: Analysis | null;
  result: Result | null;
  signed: Signed | null;
  thumbnail: string | null;
}

/** The latest signature of a patient: it holds, its analysis was opened again, or a newer analysis is not signed. */
export interface Signed {
  analysis_id: string;
  version: number;
  by: string;
  at: string;
  meaning: string;
  state: "current" | "amended" | "superseded";
}

/** What a new analysis of a patient would find. */
export interface ToCarry {
  answers: number;
  comments: number;
  versions: number;
}

/** An answer, or comments, of an earlier analysis that found no cell in the new one. */
export interface LostAnswer {
  field: string;
  number: number;
  type: string | null;
  deleted: boolean;
  comments: number;
  by: string | null;
  why: "not read" | "not found";
}

export interface Carried {
  carried: number;
  lost: LostAnswer[];
}

export interface Field {
  id: string;
  patient_id: string;
  name: string;
  width: number;
  height: number;
  mpp: number | null;
  scale_source: string | null;
  status: "stored" | "read" | "failed" | "duplicate";
  message: string | null;
  flags: string[];
  cells: number | null;
  thumbnail: string | null;
  dzi: string | null;
}

export interface UploadItem {
  name: string;
  status: "stored" | "duplicate" | "refused";
  message: string | null;
  field_id: string | null;
}

export type Box = [number, number, number, number];

export interface Cell {
  id: string;
  analysis_id: string;
  field_id: string;
  number: number;
  box: Box;
  score: number;
  probability: number;
  p_blast: number;
  flags: string[];
  /** Whether it is in the differential; on the page null while an answer is on its way. */
  counted: boolean | null;
  origin: "network" | "person";
  model_type: string | null;
  reviewed_type: string | null;
  type: string | null;
  reviewed_by: string | null;
  reviewed_at: string | null;
  deleted: boolean;
  comments: number;
  revision: number;
  crop: string;
}

/** One change of one cell. `type: null` takes a reviewed name back. */
export interface Change {
  id: string;
  revision: number;
  type?: string | null;
  deleted?: boolean;
}

export interface Comment {
  id: string;
  author: string;
  at: string;
  text: string;
}

export interface Reading {
  id: string;
  analysis_id: string;
  reader: string | null;
  kind: "first" | "second";
  status: "open" | "finished";
  cells: number;
}

export interface AgreedCells {
  cells: number;
  agreed: number;
  kappa: number | null;
  ci_low: number | null;
  ci_high: number | null;
}

export interface Agreement extends AgreedCells {
  readers: string[];
  /** The same on the cells that both readers answered. */
  answered?: AgreedCells;
  table: { types: string[]; counts: number[][] };
}

export interface CountRow {
  type: string;
  count: number;
  percent: number | null;
  ci_low: number | null;
  ci_high: number | null;
}

export interface Count {
  rows: CountRow[];
  excluded: { type: string; count: number }[];
  counted: number;
  unclassified: number;
  blasts: number;
  blast_percent: number | null;
  ci_low: number | null;
  ci_high: number | null;
  adjusted_percent: number | null;
  adjusted_low: number | null;
  adjusted_high: number | null;
  decision: Decision;
  rule: string;
  reasons: string[];
  alternatives: { rule: string; decision: Decision; reasons: string[] }[];
  me_ratio: number | null;
  lineages: { lineage: string; count: number; percent: number | null }[];
  more_cells: number | null;
  flags: string[];
}

export interface Differential {
  model: Count;
  reviewed: Count;
  reviewed_cells: number;
  target: number;
  floor: number;
  inferred: { percent: number; ci_low: number; ci_high: number; cells: number; warnings: string[] } | null;
}

export interface Suggestion {
  cell_id: string;
  part: "random" | "uncertain";
}

export interface Version {
  version: number;
  signed_by: string;
  signed_at: string;
  meaning: string;
  reason: string | null;
  decision: Decision;
  blast_percent: number | null;
  sha256: string;
}

/** A signed version among all of its patient's. */
export interface PatientVersion extends Version {
  analysis_id: string;
  analysed_at: string | null;
  bundle: string;
  bundle_sha256: string;
  /** Why it was opened again. */
  amended: string | null;
  /** Whether a later version of the patient is signed. */
  superseded: boolean;
}

export interface AuditEntry {
  number: number;
  at: string;
  actor: string;
  action: string;
  subject: string | { kind: string; id: string | null; patient_id?: string | null };
  before: unknown;
  after: unknown;
  hash: string;
}

/** RFC 9457 problem details. */
export interface ProblemShape {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  conflicts?: Cell[];
  [extra: string]: unknown;
}

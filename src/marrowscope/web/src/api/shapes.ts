/** What the service sends and takes, by the page's names; `schema.ts` is written from the service's own description. */
import type * as schema from "./schema";

export type {
  AgreedCells,
  AgreementShape as Agreement,
  AnalysisShape as Analysis,
  BundleShape as Bundle,
  CellChange as Change,
  CellShape as Cell,
  CommentShape as Comment,
  Count,
  CountRow,
  Differential,
  EntryShape as AuditEntry,
  FieldShape as Field,
  FileAnswer as UploadItem,
  PatientShape as Patient,
  ReadingShape as Reading,
  ResultShape as Result,
  SessionState as Session,
  SettingsShape as ServiceSettings,
  SuggestionShape as Suggestion,
  TaxonomyShape as Taxonomy,
  TokenShape as Token,
  TypeShape as CellType,
  UserShape as User,
  VersionShape as Version,
} from "./schema";

export type Role = schema.UserShape["role"];
export type Decision = schema.Count["decision"];
export type JobStatus = schema.AnalysisShape["status"];
export type PatientStatus = schema.PatientShape["status"];
export type Box = schema.CellShape["box"];

/** A part of a list. The description has one such shape for every kind of item: they differ in the items alone. */
export type Page<T> = Omit<schema.Page_CellShape_, "items"> & { items: T[] };

/** RFC 9457 problem details, or what is left of them where something else than the service answered. */
export type ProblemShape = Partial<schema.Problem> & { conflicts?: schema.CellShape[] };

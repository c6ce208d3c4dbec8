/** What the service sends and takes, by the page's names; `schema.ts` is written from the service's own description. */
import type * as schema from "./schema";

export type {
  ActiveShape as ActiveNetworks,
  AgreedCells,
  AgreementShape as Agreement,
  AgreementTable as ConfusionTable,
  AnalysisShape as Analysis,
  AtlasPictureShape as AtlasPicture,
  BundleShape as Bundle,
  CellChange as Change,
  CarriedShape as Carried,
  ColleagueShape as Colleague,
  ChoiceShape as NetworksChoice,
  ChartShape as Chart,
  CommentShape as Comment,
  ControlDetail,
  ControlShape as Control,
  Count,
  DeliveryShape as Delivery,
  Differential,
  EntryShape as AuditEntry,
  EstimateShape as Estimate,
  FieldShape as Field,
  UploadResultShape as UploadItem,
  LearnerShape as Learner,
  ListedDeliveryShape as ListedDelivery,
  LiveFolder,
  LiveShape as LiveSession,
  LostAnswerShape as LostAnswer,
  MegakaryocyteShape as Megakaryocyte,
  MegakaryocytesShape as Megakaryocytes,
  MorphologyShape as Morphology,
  OccasionShape as Occasion,
  OpenPointShape as OpenPoint,
  OutlookShape as Outlook,
  OpenTest,
  PatientShape as Patient,
  PatientVersionShape as PatientVersion,
  PointShape as Point,
  ReadingShape as Reading,
  RequestShape as Request,
  SessionState as Session,
  SettingsShape as ServiceSettings,
  SignedCaseShape as SignedCase,
  SlideShape as Slide,
  SignedShape as Signed,
  SuggestionShape as Suggestion,
  TagUseShape as TagUse,
  TaughtShape as Taught,
  TaxonomyShape as Taxonomy,
  TeachingShape as Teaching,
  TestResult,
  TestShape as Test,
  ToCarryShape as ToCarry,
  TokenShape as Token,
  TypeShape as CellType,
  UserShape as User,
  VersionShape as Version,
  WaitingShape as WaitingRequests,
} from "./schema";

/** What is stated about a case; the service always sends all of it. */
export type Details = Required<schema.DetailsShape>;
export type Role = schema.UserShape["role"];
export type Decision = schema.Count["decision"];
export type PatientStatus = schema.PatientShape["status"];

/** A cell; whether it counts is null while an answer is on its way: that is for the service to say. */
export type Cell = Omit<schema.CellShape, "counted"> & { counted: boolean | null };
export type Box = schema.CellShape["box"];

/** A part of a list. The description has one such shape for every kind of item: they differ in the items alone. */
export type Page<T> = Omit<schema.Page_CellShape_, "items"> & { items: T[] };

/** RFC 9457 problem details, or what is left of them where something else than the service answered. */
export type ProblemShape = Partial<schema.Problem> & { conflicts?: schema.CellShape[] };

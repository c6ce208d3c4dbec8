/** A pretended service: the contract of the REST API in memory, for tests and for work on the page's looks. */
import type {
  Analysis, AuditEntry, Carried, Cell, Change, Comment, Count, Decision, Differential, Field, Patient, PatientVersion, Reading, Session, Token, User, Version,
} from "../../src/api/shapes";
import * as pictures from "./pictures";
import { TYPES } from "./taxonomy";

export interface Answer {
  status: number;
  body: unknown;
  type?: string;
}

const NOW = "2026-03-04T09:12:00Z";
const problem = (status: number, title: string, more: object = {}): Answer => ({
  status,
  body: { type: `about:blank`, title, status, detail: title, ...more },
  type: "application/problem+json",
});
const ok = (body: unknown, status = 200): Answer => ({ status, body });
const list = (items: unknown[]): Answer => ok({ items, next: null });

function user(id: string, username: string, name: string, role: User["role"]): User {
  return { id, username, name, role, active: true, created_at: NOW, last_seen_at: NOW };
}

function wilson(count: number, of: number): [number, number] {
  if (of === 0) return [0, 100];
  const z = 1.96;
  const share = count / of;
  const middle = (share + (z * z) / (2 * of)) / (1 + (z * z) / of);
  const half = (z * Math.sqrt((share * (1 - share)) / of + (z * z) / (4 * of * of))) / (1 + (z * z) / of);
  return [100 * (middle - half), 100 * (middle + half)];
}

export class MockService {
  users = [user("u1", "vera", "Dr. Vera Lind", "admin"), user("u2", "omar", "Dr. Omar Haddad", "reviewer"), user("u3", "eva", "Eva Brandt", "viewer")];
  signedIn: User | null = this.users[0] ?? null;
  tokens: Token[] = [{ id: "t1", name: "laboratory system", scopes: ["read"], created_at: NOW, expires_at: null, last_used_at: null }];
  patients: Patient[] = [];
  fields: Field[] = [];
  cells: Cell[] = [];
  versions: Version[] = [];
  comments = new Map<string, Comment[]>();
  readings: Reading[] = [];
  carried: Carried = { carried: 0, lost: [], fields_taken: 0, fields_read: 6 };
  audit: AuditEntry[] = [];
  /** Requests answered, as `METHOD /path`. */
  log: string[] = [];
  /** Set to pretend a lost network. */
  unreachable = false;

  constructor(readonly cellsEach = 240) {
    const names = ["BM-26-0412", "BM-26-0413", "BM-26-0415", "BM-26-0416", "PB-26-1107"];
    names.forEach((name, index) => this.addPatient(name, index));
  }

  private addPatient(name: string, index: number): void {
    const id = `p${index + 1}`;
    const status = (["done", "running", "done", "failed", "ready"] as const)[index] ?? "ready";
    const analysis = index === 4 ? null : this.analysisOf(id, status === "ready" ? "done" : status);
    const count = index === 0 ? 6 : 2;
    for (let f = 0; f < count; f++) this.addField(id, f, index === 3 && f === 1);
    if (analysis && (status === "done" || index === 0)) for (let n = 0; n < this.cellsEach; n++) this.addCell(analysis, n, count);
    const patient: Patient = {
      id, name, created_at: NOW, status, fields: count, fields_failed: index === 3 ? 1 : 0, analysis,
      result: null, signed: null, specimen: "marrow", added: 0, tags: index === 0 ? ["conference"] : [], asked: [], thumbnail: `/api/v1/fields/${id}f0/thumbnail.jpg`,
    };
    this.patients.push(patient);
    if (analysis && status === "done") this.refresh(patient);
  }

  private analysisOf(patient: string, status: Analysis["status"]): Analysis {
    return {
      id: `a${patient}`, patient_id: patient, status, priority: 0, bundle: "builtin 1.1", bundle_sha256: "4be1".repeat(16), rule: "over-20", mpp: 0.12,
      done: status === "running" ? 3 : 6, total: 6, failed: status === "failed" ? 1 : 0, cells: 0, blasts: 0, created_at: NOW, started_at: NOW,
      finished_at: status === "done" ? NOW : null, message: status === "failed" ? "every field failed" : "", revision: 1, version: 0, locked: false,
    };
  }

  private addField(patient: string, index: number, failed: boolean): void {
    const id = `${patient}f${index}`;
    this.fields.push({
      id, patient_id: patient, name: `field-${String(index + 1).padStart(2, "0")}.jpg`, width: 1600, height: 1200, mpp: 0.12, scale_source: "file",
      status: failed ? "failed" : "read", message: failed ? "the file ends in the middle of the image" : "", flags: index === 2 ? ["blurred"] : [],
      cells: failed ? 0 : this.cellsEach / 6, thumbnail: `/api/v1/fields/${id}/thumbnail.jpg`, dzi: `/api/v1/fields/${id}/image.dzi`,
    });
  }

  private addCell(analysis: Analysis, n: number, fields: number): void {
    const field = n % fields;
    const number = Math.floor(n / fields) + 1;
    const weights = [5, 0, 0, 2, 2, 2, 3, 6, 1, 0, 0, 0, 2, 4, 1, 6, 1, 0, 0, 0, 1, 0, 1];
    const bag = weights.flatMap((weight, index) => Array<number>(weight).fill(index));
    const type = TYPES[bag[(n * 13 + 5) % bag.length] ?? 0]?.id ?? "blast";
    const x = 40 + (((number - 1) % 8) * 190 + ((n * 17) % 60));
    const y = 40 + ((Math.floor((number - 1) / 8) * 190 + ((n * 29) % 60)) % 1050);
    const probability = 0.99 - ((n * 7919) % 550) / 1000;
    const id = `${analysis.id}c${n}`;
    this.cells.push({
      id, analysis_id: analysis.id, field_id: `${analysis.patient_id}f${field}`, number, box: [x, y, x + 110, y + 110], score: 0.9, probability,
      p_blast: type === "blast" ? probability : (1 - probability) / 3, flags: n % 31 === 0 ? ["edge"] : [], counted: TYPES.find((t) => t.id === type)?.is_counted ?? true,
      origin: "network", model_type: type, reviewed_type: null, type, reviewed_by: null, reviewed_at: null, deleted: false, comments: 0, revision: 1,
      crop: `/api/v1/cells/${id}/crop.jpg`, second_type: type === "blast" ? "lymphocyte" : "blast", second_probability: (1 - probability) / 2,
    });
  }

  count(cells: Cell[], of: (cell: Cell) => string | null): Count {
    const live = cells.filter((cell) => !cell.deleted && of(cell) !== null);
    const counted = live.filter((cell) => TYPES.find((type) => type.id === of(cell))?.is_counted);
    const number = (type: string): number => live.filter((cell) => of(cell) === type).length;
    const blasts = counted.filter((cell) => TYPES.find((type) => type.id === of(cell))?.is_blast).length;
    const [low, high] = wilson(blasts, counted.length);
    const decision: Decision = counted.length < 200 ? "insufficient" : low > 20 ? "positive" : high < 20 ? "negative" : "indeterminate";
    return {
      rows: TYPES.filter((type) => type.is_counted && number(type.id) > 0).map((type) => {
        const [ci_low, ci_high] = wilson(number(type.id), counted.length);
        return { type: type.id, count: number(type.id), percent: (100 * number(type.id)) / counted.length, ci_low, ci_high };
      }),
      excluded: TYPES.filter((type) => !type.is_counted && number(type.id) > 0).map((type) => ({ type: type.id, count: number(type.id) })),
      counted: counted.length, unclassified: number("unclassified"), blasts, blast_percent: counted.length ? (100 * blasts) / counted.length : null,
      ci_low: low, ci_high: high, adjusted_percent: (100 * blasts) / Math.max(counted.length, 1) - 1.1, adjusted_low: low - 1.5, adjusted_high: high + 0.5,
      shares: [
        { title: "Counted", percent: (100 * blasts) / Math.max(counted.length, 1), low, high, decides: false },
        { title: "Reviewed", percent: (100 * blasts) / Math.max(counted.length, 1) - 1.1, low: low - 1.5, high: high + 0.5, decides: true },
      ],
      decision, decided_by: "reviewed", band: decision === "negative" ? "10 to 19 %" : "", why: `By the reviewed cells the share is ${low.toFixed(1)}–${high.toFixed(1)} %.`,
      rule: "over-20", limits: [],
      reasons: [
        `${blasts} of ${counted.length} counted cells are blasts: ${((100 * blasts) / Math.max(counted.length, 1)).toFixed(1)} % (95 % interval ${low.toFixed(1)} to ${high.toFixed(1)} %).`,
        "The interval holds the threshold of 20 %: more cells are needed to tell.",
        `${counted.length} cells counted; 500 are recommended for a marrow differential.`,
      ],
      alternatives: [{ rule: "who-2022", decision, reasons: [] }, { rule: "icc-2022", decision, reasons: [] }],
      me_ratio: 2.1, me_cells: { myeloid: 84, erythroid: 40 }, erythroblasts_per_100: null, lineages: [{ lineage: "granulocytic", count: 96, percent: 44 }, { lineage: "erythroid", count: 40, percent: 19 }, { lineage: "lymphoid", count: 24, percent: 11 }],
      more_cells: decision === "indeterminate" ? 380 : null, flags: [],
    };
  }

  differential(analysis: string): Differential {
    const cells = this.cells.filter((cell) => cell.analysis_id === analysis);
    return {
      model: this.count(cells.filter((cell) => cell.origin === "network").map((cell) => ({ ...cell, deleted: false })), (cell) => cell.model_type),
      reviewed: this.count(cells, (cell) => cell.type), reviewed_cells: cells.filter((cell) => cell.reviewed_type !== null).length,
      target: 500, floor: 200, inferred: { percent: 18.2, ci_low: 14.1, ci_high: 22.3, cells: 24, warnings: [] }, lot: { answered: 49, wanted: 100 },
    };
  }

  private refresh(patient: Patient): void {
    if (!patient.analysis) return;
    const { reviewed, reviewed_cells } = this.differential(patient.analysis.id);
    patient.result = {
      counted: reviewed.counted, blasts: reviewed.blasts, blast_percent: reviewed.blast_percent, ci_low: reviewed.ci_low, ci_high: reviewed.ci_high,
      adjusted_percent: reviewed.adjusted_percent, adjusted_low: reviewed.adjusted_low, adjusted_high: reviewed.adjusted_high,
      decision: reviewed.decision, reviewed_cells,
    };
  }

  private record(action: string, id: string, before: unknown, after: unknown): void {
    const number = this.audit.length + 1;
    const subject = { kind: action.split(".")[0] ?? "", id, patient_id: null };
    this.audit.push({ number, at: NOW, actor: this.signedIn?.username ?? "?", action, subject, before, after, patient: null, field: null, cell: null, picture: null, files: [], hash: String(number).padStart(64, "0") });
  }

  session(): Session {
    return { user: this.signedIn, csrf_token: "csrf", authentication: "required", oidc: null, version: "0.4.0", to_sign: this.signedIn ? "password" : "nothing", is_set_up: true };
  }

  // eslint-style complexity is beside the point here: this is a table of routes.
  handle(method: string, url: string, body: unknown): Answer {
    const { pathname, searchParams } = new URL(url, "http://mock");
    const path = pathname.replace("/api/v1", "");
    this.log.push(`${method} ${path}`);
    const route = `${method} ${path}`;
    const match = (pattern: RegExp): string[] | null => route.match(pattern)?.slice(1) ?? null;
    const given = (body ?? {}) as Record<string, unknown>;
    if (route === "GET /session") return ok(this.session());
    if (route === "POST /session") {
      this.signedIn = this.users.find((one) => one.username === given["username"] && given["password"] !== "wrong") ?? null;
      return this.signedIn ? ok(this.session()) : problem(401, "The user name or the password is wrong.");
    }
    if (route === "DELETE /session") return (this.signedIn = null), ok(undefined, 204);
    if (!this.signedIn) return problem(401, "Log in first.");
    if (route === "GET /taxonomy") return ok({ version: "2", types: TYPES });
    if (route === "GET /settings") {
      const rules = [
        { id: "over-20", title: "More than 20 % blasts", condition: "blasts > 20 %", threshold_percent: 20 },
        { id: "who-2022", title: "WHO classification, 5th edition (2022)", condition: "blasts ≥ 20 %", threshold_percent: 20 },
      ];
      return ok({ rule: "over-20", rules, floor: 200, target: 500, limits: { file_bytes: 5e8, files: 2000, pixels: 2.5e8 }, research_notice: "For research use only. Not a medical device." });
    }
    if (route === "GET /bundles") return list([{ id: "builtin", name: "builtin", version: "1.1", sha256: "4be1".repeat(16), title: "Built-in networks 1.1", is_default: true }]);
    if (route === "GET /patients") {
      const search = (searchParams.get("search") ?? "").toLowerCase();
      const status = searchParams.get("status");
      return list(this.patients.filter((one) => one.name.toLowerCase().includes(search) && (!status || one.status === status)));
    }
    if (route === "POST /patients") {
      const index = this.patients.length;
      const patient: Patient = { id: `p${index + 1}`, name: String(given["name"]), created_at: NOW, status: "empty", fields: 0, fields_failed: 0, analysis: null, result: null, signed: null, specimen: "not stated", added: 0, tags: [], asked: [], thumbnail: null };
      this.patients.push(patient);
      return ok(patient, 201);
    }
    if (route === "GET /requests" || /^GET \/patients\/\w+\/requests$/.test(route)) return list([]);
    if (route === "GET /requests/waiting") return ok({ asked: 0, answered: 0 });
    if (route === "GET /colleagues") return list(this.users.filter((one) => one !== this.signedIn && one.role !== "viewer"));
    if (route === "GET /tags") return list([{ tag: "conference", patients: 1 }]);
    if (route === "GET /users") return list(this.users);
    if (route === "POST /users") {
      const made = user(`u${this.users.length + 1}`, String(given["username"]), String(given["name"]), given["role"] as User["role"]);
      this.users.push(made);
      return ok(made, 201);
    }
    if (route === "GET /tokens") return list(this.tokens);
    if (route === "POST /tokens") {
      const token = { id: `t${this.tokens.length + 1}`, name: String(given["name"]), scopes: given["scopes"] as Token["scopes"], created_at: NOW, expires_at: null, last_used_at: null };
      this.tokens.push(token);
      return ok({ ...token, token: "ms_3f9c0d7e51b24a" }, 201);
    }
    if (route === "GET /audit") return list([...this.audit].reverse());
    let ids = match(/^PATCH \/users\/(\w+)$/);
    if (ids) return ok(Object.assign(this.users.find((one) => one.id === ids?.[0]) ?? {}, given));
    ids = match(/^GET \/patients\/(\w+)$/);
    if (ids) return this.found(this.patients.find((one) => one.id === ids?.[0]));
    ids = match(/^GET \/patients\/(\w+)\/fields$/);
    if (ids) return list(this.fields.filter((one) => one.patient_id === ids?.[0]));
    ids = match(/^GET \/patients\/(\w+)\/audit$/);
    if (ids) return list(this.audit);
    ids = match(/^POST \/patients\/(\w+)\/files$/);
    if (ids) return list([{ name: "file", status: "stored", message: null, field_id: "p1f0" }]);
    ids = match(/^POST \/patients\/(\w+)\/analyses$/);
    if (ids) {
      const patient = this.patients.find((one) => one.id === ids?.[0]);
      if (!patient) return problem(404, "There is no such patient.");
      patient.analysis = this.analysisOf(patient.id, "queued");
      patient.status = "queued";
      return ok(patient.analysis, 202);
    }
    ids = match(/^GET \/analyses\/(\w+)$/);
    if (ids) return this.found(this.analysis(ids[0]));
    ids = match(/^POST \/analyses\/(\w+)\/(cancel|retry)$/);
    if (ids) return ok(this.analysis(ids[0]));
    ids = match(/^GET \/analyses\/(\w+)\/cells$/);
    if (ids) return list(this.cells.filter((one) => one.analysis_id === ids?.[0]));
    ids = match(/^PATCH \/analyses\/(\w+)\/cells$/);
    if (ids) return this.review(ids[0] ?? "", given["changes"] as Change[]);
    ids = match(/^POST \/analyses\/(\w+)\/cells$/);
    if (ids) return this.add(ids[0] ?? "", given);
    ids = match(/^GET \/analyses\/(\w+)\/differential$/);
    if (ids) return ok(this.differential(ids[0] ?? ""));
    ids = match(/^GET \/analyses\/(\w+)\/suggestions$/);
    if (ids) {
      const open = this.cells.filter((one) => one.analysis_id === ids?.[0] && one.reviewed_type === null && !one.deleted);
      const some = open.filter((_, index) => index % 11 === 0).slice(0, 20);
      return list(some.map((cell, index) => ({ cell_id: cell.id, part: index < 10 ? "random" : "uncertain" })));
    }
    ids = match(/^GET \/analyses\/(\w+)\/readings$/);
    if (ids) return list([{ id: "r1", analysis_id: ids[0], reader: null, kind: "first", status: "open", cells: 12 }, ...this.readings]);
    ids = match(/^POST \/analyses\/(\w+)\/readings$/);
    if (ids) {
      const reading: Reading = { id: "r2", analysis_id: ids[0] ?? "", reader: this.signedIn.username, kind: "second", status: "open", cells: 0 };
      this.readings.push(reading);
      return ok(reading, 201);
    }
    ids = match(/^POST \/readings\/(\w+)\/finish$/);
    if (ids) return ok(Object.assign(this.readings[0] ?? {}, { status: "finished" }));
    ids = match(/^GET \/analyses\/(\w+)\/agreement$/);
    if (ids) {
      const types = ["blast", "myelocyte", "lymphocyte"];
      return ok({ readers: ["Dr. Vera Lind", "Dr. Omar Haddad"], cells: 120, agreed: 104, kappa: 0.81, ci_low: 0.73, ci_high: 0.89, table: { types, counts: [[40, 3, 2], [4, 32, 1], [3, 3, 32]] }, networks: [{ reader: "Dr. Vera Lind", cells: 200, agreed: 181, kappa: 0.85, ci_low: 0.8, ci_high: 0.9 }] });
    }
    ids = match(/^GET \/analyses\/(\w+)\/versions$/);
    if (ids) return list(this.versions);
    ids = match(/^GET \/patients\/(\w+)\/versions$/);
    if (ids) return list(this.versionsOf(ids[0] ?? ""));
    ids = match(/^GET \/patients\/(\w+)\/carried$/);
    if (ids) {
      const own = this.cells.filter((one) => one.analysis_id === `a${ids?.[0]}`);
      const answers = own.filter((cell) => cell.reviewed_type !== null || cell.deleted).length;
      return ok({ answers, comments: own.reduce((sum, cell) => sum + cell.comments, 0), requests: 0, fields: 6, fields_taken: 6, versions: this.versionsOf(ids[0] ?? "").length });
    }
    ids = match(/^GET \/analyses\/(\w+)\/carried$/);
    if (ids) return ok(this.carried);
    ids = match(/^GET \/analyses\/(\w+)\/checklist$/);
    if (ids) return list([{ id: "few_cells", text: "120 nucleated cells are counted; 500 are recommended." }]);
    ids = match(/^POST \/analyses\/(\w+)\/signature$/);
    if (ids && (given["password"] ?? "wrong") === "wrong") return problem(403, "the password is wrong", { type: "unconfirmed" });
    if (ids) return this.sign(ids[0] ?? "", String(given["meaning"]));
    ids = match(/^POST \/analyses\/(\w+)\/amendments$/);
    if (ids) {
      const analysis = this.analysis(ids[0]);
      if (analysis) analysis.locked = false;
      this.record("analysis.amend", ids[0] ?? "", null, given["reason"]);
      return ok(analysis, 201);
    }
    ids = match(/^(?:GET|POST) \/cells\/(\w+)\/comments$/);
    if (ids) {
      const all = this.comments.get(ids[0] ?? "") ?? [];
      if (method === "GET") return list(all);
      const comment = { id: `k${all.length}`, author: this.signedIn.name, at: NOW, text: String(given["text"]) };
      this.comments.set(ids[0] ?? "", [...all, comment]);
      const cell = this.cells.find((one) => one.id === ids?.[0]);
      if (cell) cell.comments += 1;
      return ok(comment, 201);
    }
    return this.picture(path);
  }

  private picture(path: string): Answer {
    const svg = (body: string): Answer => ({ status: 200, body, type: "image/svg+xml" });
    let ids = path.match(/^\/cells\/(\w+)\/crop\.jpg/);
    const cell = ids && this.cells.find((one) => one.id === ids?.[1]);
    if (cell) return svg(pictures.crop(cell));
    ids = path.match(/^\/analyses\/(\w+)\/sheets\/(\w+)\.jpg/);
    if (ids) return svg(pictures.sheet(this.cells.filter((one) => one.analysis_id === ids?.[1] && one.field_id === ids[2] && one.origin === "network")));
    ids = path.match(/^\/fields\/(\w+)\/(thumbnail\.jpg|image\.dzi|image_files\/.*)/);
    const field = ids && this.fields.find((one) => one.id === ids?.[1]);
    if (!field || !ids) return problem(404, "There is nothing at this address.");
    if (ids[2] === "image.dzi") {
      const size = `<Size Width="${field.width}" Height="${field.height}"/>`;
      return { status: 200, type: "application/xml", body: `<?xml version="1.0"?><Image xmlns="http://schemas.microsoft.com/deepzoom/2008" Format="jpg" Overlap="0" TileSize="2048">${size}</Image>` };
    }
    return svg(pictures.field(field, this.cells.filter((one) => one.field_id === field.id && one.origin === "network")));
  }

  private found(thing: unknown): Answer {
    return thing ? ok(thing) : problem(404, "There is nothing at this address.");
  }

  analysis(id: string | undefined): Analysis | undefined {
    return this.patients.map((patient) => patient.analysis).find((one) => one?.id === id) ?? undefined;
  }

  private review(id: string, changes: Change[]): Answer {
    const analysis = this.analysis(id);
    if (!analysis) return problem(404, "There is no such analysis.");
    if (analysis.locked) return problem(409, "The case is signed.", { type: "urn:marrowscope:problem:locked" });
    const cells = changes.map((change) => this.cells.find((cell) => cell.id === change.id));
    const conflicts = cells.filter((cell, index) => cell && cell.revision !== changes[index]?.revision);
    if (conflicts.length > 0) return problem(409, "Somebody else changed these cells.", { conflicts });
    changes.forEach((change, index) => {
      const cell = cells[index];
      if (cell) this.change(cell, change, this.signedIn?.username ?? "?");
    });
    analysis.revision += 1;
    return ok({ items: cells, revision: analysis.revision });
  }

  /** Change a cell as a user would; tests use it to pretend somebody else. */
  change(cell: Cell, change: Omit<Change, "revision">, by: string): void {
    this.record("cell.review", cell.id, { type: cell.type }, { type: change.type ?? cell.type, deleted: change.deleted });
    if (change.type !== undefined) cell.reviewed_type = change.type;
    if (change.deleted != null) cell.deleted = change.deleted;
    cell.type = cell.reviewed_type ?? cell.model_type ?? cell.type;
    cell.counted = !cell.deleted && (TYPES.find((type) => type.id === cell.type)?.is_counted ?? true);
    cell.reviewed_by = by;
    cell.reviewed_at = NOW;
    cell.revision += 1;
    const patient = this.patients.find((one) => one.analysis?.id === cell.analysis_id);
    if (patient) this.refresh(patient);
  }

  private add(analysis: string, given: Record<string, unknown>): Answer {
    const id = `${analysis}n${this.cells.length}`;
    const cell: Cell = {
      id, analysis_id: analysis, field_id: String(given["field_id"]), number: this.cells.length + 1, box: given["box"] as Cell["box"], score: 1, probability: 1, p_blast: 0, flags: [],
      counted: true, origin: "person", model_type: null, reviewed_type: String(given["type"]), type: String(given["type"]), reviewed_by: this.signedIn?.username ?? null,
      reviewed_at: NOW, deleted: false, comments: 0, revision: 1, crop: `/api/v1/cells/${id}/crop.jpg`, second_type: null, second_probability: null,
    };
    this.cells.push(cell);
    return ok(cell, 201);
  }

  private versionsOf(patient: string): PatientVersion[] {
    const bundle = "builtin 1.1";
    return this.versions.map((version, index, all) => ({
      ...version, analysis_id: `a${patient}`, analysed_at: NOW, bundle, bundle_sha256: "4be1".repeat(16),
      amended: all[index + 1]?.reason ?? null, superseded: index < all.length - 1, delivery: null,
    })).reverse();
  }

  private sign(id: string, meaning: string): Answer {
    const analysis = this.analysis(id);
    const patient = this.patients.find((one) => one.analysis?.id === id);
    if (!analysis || !patient) return problem(404, "There is no such analysis.");
    const { reviewed } = this.differential(id);
    analysis.locked = true;
    analysis.version += 1;
    const version: Version = {
      version: analysis.version, signed_by: this.signedIn?.name ?? "?", signed_at: NOW, meaning, reason: analysis.version > 1 ? "second look" : null,
      decision: reviewed.decision, blast_percent: reviewed.blast_percent, sha256: "9d3c".repeat(16),
    };
    this.versions.push(version);
    patient.signed = { analysis_id: id, version: version.version, by: version.signed_by, at: NOW, meaning, state: "current", added: 0 };
    patient.status = "signed";
    this.record("analysis.sign", id, null, version);
    return ok(version, 201);
  }
}

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Problem } from "../src/api/client";
import type { Count } from "../src/api/shapes";
import { named, thresholdOf, type Known } from "../src/context";
import { languageOf, loadDisplay } from "../src/display";
import { number, when, withInterval } from "../src/locale";
import { onLanguage, speak, spoken, t } from "../src/strings";
import { TYPES } from "./mock/taxonomy";

const at = "2026-03-04T15:06:00";
const rule = { id: "over-20", title: "More than 20 % blasts", condition: "blasts > 20 %" };
const settings = { rule: "over-20", rules: [rule], floor: 200, target: 500, limits: { file_bytes: 1, files: 1, pixels: 1 }, research_notice: "" };
const known = { taxonomy: { version: "2", types: TYPES }, settings } as unknown as Known;
const count = (part: Partial<Count>): Count => ({ decision: "positive", decided_by: "reviewed", adjusted_low: 23.61, adjusted_high: 31.4, counted: 520, why: "as said", ...part }) as Count;

describe("in English", () => {
  it("dates are those of ISO 8601, and numbers have points", () => {
    expect(when(at)).toBe("2026-03-04 15:06");
    expect(number(1234.5, 1)).toBe("1,234.5");
    expect(t.interval(10.04, 15.6)).toBe("10.0–15.6\u00a0%");
  });

  it("the service is quoted", () => {
    expect(named(known).taxonomy.types.map((type) => type.name)).toEqual(TYPES.map((type) => type.name));
    expect(t.served.why(count({}), 200, "20")).toBe("as said");
    expect(new Problem(409, { type: "locked", detail: "this is signed" }).message).toBe("this is signed");
  });
});

describe("in German", () => {
  let told = 0;
  let stop = (): void => undefined;
  beforeAll(async () => {
    stop = onLanguage(() => (told += 1));
    await speak("de");
  });
  afterAll(async () => {
    stop();
    await speak("en");
  });

  it("the page says which language it is in, and tells those who show it", () => {
    expect([spoken(), document.documentElement.lang, told]).toEqual(["de", "de", 1]);
  });

  it("dates and numbers are German", () => {
    expect(when(at)).toBe("04.03.2026, 15:06");
    expect(number(1234.5, 1)).toBe("1.234,5");
    expect(withInterval(0.8125, 0.7, null, 2)).toBe("0,81");
    expect(withInterval(0.8125, 0.7, 0.9, 2)).toBe("0,81 (0,70–0,90)");
    expect(t.interval(10.04, 15.6)).toBe("10,0–15,6\u00a0%");
    expect(when(null)).toBe("–");
  });

  it("cell types and rules have the field's names, and their keys stay", () => {
    const types = new Map(named(known).taxonomy.types.map((type) => [type.id, type]));
    expect(types.get("band_neutrophil")?.name).toBe("Stabkernige");
    expect(types.get("blast")).toMatchObject({ name: "Blasten", key: "b" });
    expect(named(known).settings.rules[0]?.title).toBe("Mehr als 20 % Blasten (Vorgabe)");
    expect(thresholdOf(settings, "over-20")).toEqual({ percent: 20, condition: "Blasten > 20 %" });
  });

  it("a verdict is put into words from its codes", () => {
    expect(t.served.why(count({}), 200, "20")).toBe("Nach der Durchsicht liegt der Blastenanteil bei 23,6–31,4\u00a0%, über 20 %.");
    expect(t.served.why(count({ decided_by: "none", decision: "indeterminate" }), 200, "20")).toContain("entscheidet deshalb nichts");
    expect(t.served.why(count({ decision: "insufficient", counted: 1 }), 200, "20")).toBe("Nur 1 Zelle ist gezählt; unter 200 wird nicht entschieden.");
    expect(t.served.why(count({ decided_by: "laboratories", adjusted_low: 0, adjusted_high: 100 }), 200, "20")).toContain("jeder Blastenanteil möglich");
    expect(t.served.band("5 to 9 % (MDS-IB1) or 10 to 19 % (MDS-IB2)")).toBe("5–9 % (MDS-IB1) oder 10–19 % (MDS-IB2)");
  });

  it("a problem is named by its type, with what the service says of it", () => {
    expect(new Problem(409, { type: "https://x/problems/locked", detail: "this is signed" }).message).toBe("Signiert und gesperrt: this is signed");
    expect(new Problem(418, { type: "http", title: "Teapot" }).message).toBe("Teapot");
  });

  it("an open point keeps the names that the service gives it", () => {
    const point = { id: "requests", text: "2 requests for an opinion are not answered (Dr. Omar Haddad (trial), Rita).", count: 2, is_advice: false };
    expect(t.served.point(point, 500)).toBe("2 Anfragen an Kollegen sind nicht beantwortet (Dr. Omar Haddad (trial), Rita).");
  });

  it("what nobody has translated is shown as the service says it", () => {
    expect(t.served.point({ id: "new", text: "Something new.", count: 1, is_advice: false }, 500)).toBe("Something new.");
  });
});

describe("the language", () => {
  it("is that of the browser until another is chosen", () => {
    const inBrowser = (...languages: string[]): unknown => Object.defineProperty(navigator, "languages", { value: languages, configurable: true });
    inBrowser("fr", "de-AT", "en");
    expect(languageOf({ ...loadDisplay(), language: null })).toBe("de");
    inBrowser("fr");
    expect(languageOf({ ...loadDisplay(), language: null })).toBe("en");
    expect(languageOf({ ...loadDisplay(), language: "de" })).toBe("de");
    inBrowser("en-US");
  });
});

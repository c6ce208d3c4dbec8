import { beforeEach, describe, expect, it } from "vitest";
import { waitingFor } from "../src/requests/ofPatient";
import { patientAddress, targetOf } from "../src/route";
import type { Request } from "../src/api/shapes";
import { belongTo } from "../src/display";
import { chosenAddress, filtersOf, queryOf, worklistAddress } from "../src/worklist/filters";

beforeEach(() => sessionStorage.clear());

describe("the worklist's filters", () => {
  it("stand in the address and come back from it", () => {
    const filters = { ...filtersOf("/"), search: " BM & 26 ", tag: "trial a", asked: "omar" };
    const address = chosenAddress(filters);
    expect(address).toBe("/?search=BM+%26+26&tag=trial+a&asked=omar");
    expect(filtersOf(address)).toEqual({ ...filters, search: "BM & 26" });
    expect(queryOf(filtersOf("/"))).toBe("");
  });

  it("are remembered for the way back, for each user alone", () => {
    belongTo("vera");
    chosenAddress({ ...filtersOf("/"), status: "done" });
    expect(worklistAddress()).toBe("/?status=done");
    belongTo("omar");
    expect(worklistAddress()).toBe("/");
    belongTo("vera");
    chosenAddress(filtersOf("/"));
    expect(worklistAddress()).toBe("/");
  });
});

describe("the address of a cell or field", () => {
  it("names what is to be opened", () => {
    expect(targetOf(patientAddress("p1", { cell: "c1" }))).toEqual({ cell: "c1", field: null });
    expect(targetOf(patientAddress("p1", { field: "f1" }))).toEqual({ cell: null, field: "f1" });
    expect(targetOf(patientAddress("p1", { field: null }))).toBeNull();
  });
});

it("waiting are requests to answer, and own ones that are answered", () => {
  const one = (id: string, username: string, asked: string, state: Request["state"]): Request => ({ id, username, asked, state }) as Request;
  const items = [one("a", "vera", "omar", "open"), one("b", "vera", "omar", "answered"), one("c", "omar", "vera", "open"), one("d", "omar", "vera", "closed"), one("e", "omar", "vera", "answered")];
  const { toMe, answered } = waitingFor("vera", items);
  expect([toMe.map((each) => each.id), answered.map((each) => each.id)]).toEqual([["c"], ["b"]]);
});

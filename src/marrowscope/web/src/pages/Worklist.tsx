import { useCallback, useState, type DragEvent, type ReactNode } from "react";
import type { Patient } from "../api/shapes";
import { useKnown } from "../context";
import { addDemoCase } from "../firstrun/demo";
import { useAction, useNews, usePages } from "../hooks";
import { StartDialog } from "../live/StartDialog";
import { Problem } from "../parts/basics";
import { IntervalScale } from "../parts/IntervalBar";
import { More, Table } from "../parts/lists";
import { Alarms } from "../quality/Alarms";
import { usePath } from "../route";
import { t } from "../strings";
import { readDrop, type Batch } from "../upload/dropped";
import { UploadDialog } from "../upload/UploadDialog";
import { FilterRow, ClearFilters } from "../worklist/FilterRow";
import { filtersOf, queryOf } from "../worklist/filters";
import { Row } from "../worklist/Row";

export function Worklist(): ReactNode {
  const { user } = useKnown();
  const filters = filtersOf(usePath());
  const query = queryOf(filters);
  const { items: patients, error, reload, more } = usePages<Patient>(`/patients?limit=50${query ? `&${query}` : ""}`);
  const [batches, setBatches] = useState<Batch[] | null>(null);
  useNews(reload);
  const [isLive, setLive] = useState(false);
  const demo = useAction();
  const mayAdd = user.role !== "viewer";
  const drop = useDrop(mayAdd, setBatches);
  return (
    <div className="page" {...drop.handlers} style={{ minHeight: "100%" }}>
      <div className="row wrap">
        <h1 className="grow">{t.worklist.title}</h1>
        {mayAdd ? (
          <>
            <button type="button" className="button" onClick={() => setLive(true)}>
              {t.live.title}
            </button>
            <button type="button" className="button primary" onClick={() => setBatches([])}>
              {t.upload.title}
            </button>
          </>
        ) : null}
      </div>
      <FilterRow filters={filters} isFiltered={query !== ""} />
      <Problem message={error} />
      <Alarms />
      {patients?.length === 0 ? (
        <div className="card empty">
          {query ? (
            <>
              <p>{t.worklist.nothingFound}</p>
              <ClearFilters />
            </>
          ) : (
            <>
              <h2>{t.worklist.empty}</h2>
              <p>{t.worklist.emptyLead}</p>
              {mayAdd ? (
                <>
                  <p>{t.firstRun.demoLead}</p>
                  <button type="button" className="button" disabled={demo.busy} onClick={() => demo.run(addDemoCase)}>
                    {t.firstRun.addDemo}
                  </button>
                  <p className="small soft">{t.firstRun.tourLead}</p>
                  <Problem message={demo.error} />
                </>
              ) : null}
            </>
          )}
        </div>
      ) : null}
      {patients && patients.length > 0 ? (
        <div className="card worklist">
          <Table heads={[null, t.worklist.patient, t.worklist.status, t.worklist.decision, { number: t.differential.blasts }, <IntervalScale />, t.worklist.reviewed, t.worklist.created]}>
            {patients.map((patient) => (
              <Row key={patient.id} patient={patient} filters={filters} />
            ))}
          </Table>
        </div>
      ) : null}
      <More more={more} />
      {drop.over ? <div className="drop-veil">{t.worklist.drop}</div> : null}
      {batches ? <UploadDialog batches={batches} onClose={() => setBatches(null)} onPatient={reload} /> : null}
      {isLive ? <StartDialog onClose={() => setLive(false)} /> : null}
    </div>
  );
}

/** Handle files dragged over an element and dropped on it. */
export function useDrop(enabled: boolean, onDrop: (batches: Batch[]) => void): { over: boolean; handlers: object } {
  const [depth, setDepth] = useState(0);
  const holdsFiles = (event: DragEvent): boolean => enabled && event.dataTransfer.types.includes("Files");
  const dropped = useCallback((data: DataTransfer) => void readDrop(data).then((batches) => batches.length > 0 && onDrop(batches)), [onDrop]);
  const handlers = {
    onDragEnter: (event: DragEvent) => holdsFiles(event) && (event.preventDefault(), setDepth((now) => now + 1)),
    onDragOver: (event: DragEvent) => holdsFiles(event) && event.preventDefault(),
    onDragLeave: (event: DragEvent) => holdsFiles(event) && setDepth((now) => Math.max(now - 1, 0)),
    onDrop: (event: DragEvent) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      setDepth(0);
      dropped(event.dataTransfer);
    },
  };
  return { over: depth > 0, handlers };
}

import { useEffect, useRef } from "react";
import { listen } from "../api/events";
import type { Analysis, Patient as PatientShape } from "../api/shapes";
import type { Loaded } from "../hooks";
import { isBeingRead } from "./shown";

const QUIET_MS = 1500; // after the last news of a review

/** Follow the patient's analysis: progress is shown directly, other changes reload it. */
export function usePatientNews(id: string, analysis: Analysis | null, patient: Loaded<PatientShape>, reload: () => void, reloadFields: () => void): void {
  const now = useRef({ analysis, patient });
  now.current = { analysis, patient };
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = listen((news) => {
      const { analysis: known, patient: shown } = now.current;
      if (news.kind === "patient" && news.id !== id) return;
      if (news.kind === "analysis") {
        if (news.analysis.patient_id !== id) return;
        const goesOn = known?.id === news.analysis.id && known.status === news.analysis.status && isBeingRead(news.analysis);
        if (goesOn && shown.data) {
          shown.set({ ...shown.data, analysis: news.analysis });
          // The field just read can be looked at from now on.
          if (known.done !== news.analysis.done) reloadFields();
          return;
        }
      }
      // During a review, events concern the review itself: its cells are in the store, the rest can wait.
      const reviewing = known?.status === "done" && (news.kind !== "analysis" || (news.analysis.id === known.id && news.analysis.locked === known.locked));
      clearTimeout(timer);
      timer = setTimeout(reviewing ? shown.reload : reload, reviewing ? QUIET_MS : 0);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [id, reload, reloadFields]);
}

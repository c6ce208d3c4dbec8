import { useCallback, useEffect, useMemo, useState, useSyncExternalStore, type ReactNode } from "react";
import { Activity } from "./activity/Activity";
import { get, loadSession, logOut, messageOf, onSignedOut } from "./api/client";
import type { ServiceSettings, Session, Taxonomy } from "./api/shapes";
import { KnownContext, named, type Known } from "./context";
import { belongTo } from "./display";
import { SetUp } from "./firstrun/SetUp";
import { Tour } from "./firstrun/Tour";
import { begin } from "./firstrun/tour";
import icon from "./icon.svg";
import { Admin } from "./pages/Admin";
import { DisplayDialog } from "./pages/DisplayDialog";
import { Login } from "./pages/Login";
import { PasswordDialog } from "./pages/PasswordDialog";
import { Patient } from "./pages/Patient";
import { Requests } from "./pages/Requests";
import { Quality } from "./pages/Quality";
import { Tokens } from "./pages/Tokens";
import { Worklist } from "./pages/Worklist";
import { Link, Loading, Menu } from "./parts/basics";
import { RequestsLink } from "./requests/RequestsLink";
import { go, usePath } from "./route";
import { onLanguage, spoken, t } from "./strings";
import { worklistAddress } from "./worklist/filters";

export function App(): ReactNode {
  const [session, setSession] = useState<Session | null>(null);
  const [known, setKnown] = useState<Known | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [expired, setExpired] = useState(false);
  const language = useSyncExternalStore(onLanguage, spoken);
  // What is known is named in the language; the dependency is what `named` reads.
  const inWords = useMemo(() => known && named(known), [known, language]);

  const enter = useCallback(async (next: Session) => {
    setSession(next);
    setExpired(false);
    if (!next.user) return setKnown(null);
    belongTo(next.user.username);
    const [taxonomy, settings] = await Promise.all([get<Taxonomy>("/taxonomy"), get<ServiceSettings>("/settings")]);
    setKnown({ session: next, user: next.user, taxonomy, settings });
  }, []);

  const start = useCallback(() => {
    setError(null);
    loadSession()
      .then(enter)
      .catch((problem: unknown) => setError(messageOf(problem)));
  }, [enter]);

  useEffect(() => {
    onSignedOut(() => setExpired(true));
    start();
  }, [start]);

  if (error) {
    return (
      <div className="empty">
        <h2>{error}</h2>
        <button type="button" className="button" onClick={start}>
          {t.retry}
        </button>
      </div>
    );
  }
  if (!session) return <Loading />;
  if (!session.is_set_up) return <SetUp onEnter={(next) => void enter(next)} />;
  if (!session.user || expired) return <Login session={session} expired={expired} onEnter={(next) => void enter(next)} />;
  if (!inWords) return <Loading />;
  return (
    <KnownContext.Provider value={inWords}>
      <Shell known={inWords} onLeave={() => void logOut().then(() => location.assign("/"))} />
    </KnownContext.Provider>
  );
}

function Shell({ known, onLeave }: { known: Known; onLeave: () => void }): ReactNode {
  const path = usePath();
  const [dialog, setDialog] = useState<"display" | "password" | null>(null);
  const [noTour, setNoTour] = useState(false);
  const { user, session } = known;
  return (
    <div className="shell">
      <a className="skip" href="#content">
        {t.shell.skip}
      </a>
      <header className="bar">
        <Link to={worklistAddress()} className="brand">
          <img src={icon} alt="" /> {t.product}
        </Link>
        <nav aria-label={t.product}>
          <Link to={worklistAddress()} current={areaOf(path) === ""}>
            {t.worklist.title}
          </Link>
          {session.authentication === "required" ? <RequestsLink current={areaOf(path) === "requests"} /> : null}
          <Link to="/quality" current={path.startsWith("/quality")}>
            {t.quality.title}
          </Link>
          {user.role === "admin" ? (
            <Link to="/admin" current={path.startsWith("/admin")}>
              {t.admin.title}
            </Link>
          ) : null}
        </nav>
        <span className="grow" />
        <span className="research" role="note" title={t.researchNotice}>
          {t.researchNotice}
        </span>
        <Menu
          className="button quiet compact"
          label={
            <span>
              {user.name} <span className="faint">· {t.roles[user.role]}</span>
            </span>
          }
        >
          <button type="button" onClick={() => setDialog("display")}>
            {t.display.title}
          </button>
          <button type="button" onClick={() => void begin().then((begun) => setNoTour(!begun))}>
            {t.tour.open}
          </button>
          <a href="/docs/" target="_blank" rel="noreferrer">
            {t.shell.manual}
          </a>
          <button type="button" onClick={() => go("/tokens")}>
            {t.admin.tokens}
          </button>
          {session.authentication === "required" ? (
            <>
              <button type="button" onClick={() => setDialog("password")}>
                {t.password.title}
              </button>
              <button type="button" onClick={onLeave}>
                {t.shell.logout}
              </button>
            </>
          ) : (
            <span className="faint">{t.shell.authenticationOff}</span>
          )}
        </Menu>
      </header>
      {noTour ? (
        <div className="strip plain" role="status">
          <span className="grow">{t.tour.nothing}</span>
          <button type="button" className="button compact" onClick={() => setNoTour(false)}>
            {t.close}
          </button>
        </div>
      ) : null}
      <main id="content" tabIndex={-1}>
        <Content key={spoken()} path={path} />
      </main>
      <Tour key={`tour ${spoken()}`} />
      <Activity isRoomy={!path.startsWith("/patients/")} />
      {dialog === "display" ? <DisplayDialog onClose={() => setDialog(null)} /> : null}
      {dialog === "password" ? <PasswordDialog onClose={() => setDialog(null)} /> : null}
    </div>
  );
}

const areaOf = (path: string): string => path.split("?")[0]?.split("/")[1] ?? "";

function Content({ path }: { path: string }): ReactNode {
  const area = areaOf(path);
  const [, , id, tab] = (path.split("?")[0] ?? "/").split("/");
  if (!area) return <Worklist />;
  if (area === "patients" && id) return <Patient key={id} id={id} tab={tab ?? "review"} />;
  if (area === "quality") return <Quality tab={id ?? "controls"} id={tab ?? null} />;
  if (area === "admin") return <Admin tab={id ?? "users"} />;
  if (area === "tokens") return <Tokens />;
  if (area === "requests") return <Requests />;
  return (
    <div className="empty">
      <h2>{t.notFound}</h2>
      <Link to={worklistAddress()} className="button">
        {t.worklist.title}
      </Link>
    </div>
  );
}

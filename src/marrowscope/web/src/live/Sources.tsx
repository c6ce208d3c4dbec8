import { useEffect, useRef, useState, useSyncExternalStore, type ReactNode } from "react";
import { messageOf } from "../api/client";
import type { Patient } from "../api/shapes";
import { Problem } from "../parts/basics";
import { t } from "../strings";
import { Camera } from "./Camera";
import { canFollow, chooseFolder, Follower, type FolderHandle } from "./folder";
import { senderOf } from "./sender";

/** From where this browser sends images: dropped, pasted or chosen ones, a folder, its camera. */
export function Sources({ patient }: { patient: Patient }): ReactNode {
  const sender = senderOf(patient.id);
  useSyncExternalStore(sender.subscribe, sender.snapshot);
  const files = useRef<HTMLInputElement>(null);
  const [folder, setFolder] = useState<FolderHandle | null>(null);
  const [earlier, setEarlier] = useState(false);
  const [hasCamera, setCamera] = useState(false);
  const [error, setError] = useState<string | null>(null);

  useEffect(() => {
    const paste = (event: ClipboardEvent): void => {
      for (const file of event.clipboardData?.files ?? []) sender.add(file, pastedName(file));
    };
    addEventListener("paste", paste);
    return () => removeEventListener("paste", paste);
  }, [sender]);

  useEffect(() => {
    if (!folder) return undefined;
    const follower = new Follower(folder, earlier, (file, name) => sender.add(file, name), () => {
      setFolder(null);
      setError(t.live.folderLost(folder.name));
    });
    follower.start();
    return () => follower.stop();
  }, [folder, sender]);

  const follow = (): void => {
    setError(null);
    chooseFolder().then((chosen) => chosen && setFolder(chosen), (problem: unknown) => setError(messageOf(problem)));
  };
  return (
    <>
      <div className="row wrap">
        <button type="button" className="button compact" onClick={() => files.current?.click()}>
          {t.live.files}
        </button>
        <input
          ref={files}
          type="file"
          multiple
          hidden
          data-testid="live-files"
          onChange={(event) => {
            for (const file of event.target.files ?? []) sender.add(file, file.name);
            event.target.value = "";
          }}
        />
        {folder ? (
          <span className="row small">
            {t.live.following(folder.name)}
            <button type="button" className="button quiet compact" onClick={() => setFolder(null)}>
              {t.live.stopFollowing}
            </button>
          </span>
        ) : canFollow() ? (
          <>
            <button type="button" className="button compact" title={t.live.folderWhy} onClick={follow}>
              {t.live.folder}
            </button>
            <label className="check small">
              <input type="checkbox" checked={earlier} onChange={(event) => setEarlier(event.target.checked)} />
              {t.live.earlier}
            </label>
          </>
        ) : null}
        <button type="button" className="button compact" aria-pressed={hasCamera} onClick={() => setCamera(!hasCamera)}>
          {t.live.camera}
        </button>
        {sender.left > 0 ? <span className="small soft" role="status">{sender.isOffline ? t.live.offline : t.live.sending(sender.left)}</span> : null}
      </div>
      <Problem message={error} />
      {sender.refused.map((one) => (
        <p key={one.name} className="small error" lang="en">
          {t.live.refused(one.name, one.why)}
        </p>
      ))}
      {hasCamera ? <Camera onTake={(file, name) => sender.add(file, name)} /> : null}
    </>
  );
}

/** Pasted pictures are all called image.png: the time tells them apart. */
const pastedName = (file: File): string => file.name.replace(/^image\./, `pasted-${Date.now()}.`);

"""Taking images in: what was examined becomes a patient's, and a live session's."""

from collections.abc import Iterable, Sequence

from marrowscope.service.actors import Actor
from marrowscope.service.analyses import live
from marrowscope.service.images import patients, uploads
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.images.register import ExaminedFile, SameName, UploadResult
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database


def take_in(
    settings: Settings,
    database: Database,
    blobs: Blobs,
    actor: Actor,
    patient_id: str,
    *,
    examined: Iterable[ExaminedFile],
    key: str | None = None,
    same_name: SameName = "ask",
) -> Sequence[UploadResult]:
    """Add files to a patient in one transaction, while they are examined; all of them or none.

    Parameters
    ----------
    examined : the files, stored as they are yielded (`Examiner`)
    key, same_name : as for `uploads.take`

    Raises
    ------
    as `uploads.take` and `Examiner.examine`
    """
    files: list[ExaminedFile] = []
    try:
        files.extend(examined)  # as far as it comes: what was stored by then is known
        with database.writing() as session:
            live.hold(session, patient_id)
            taken = uploads.take(
                session, actor, settings, patient_id, files=files, blobs=blobs, key=key, same_name=same_name
            )
            live.follow(session, patient_id)
    except Exception:  # not added: the images are unreferenced
        digests = [file.sha256 for file in files if file.sha256 is not None]
        digests += {file.slide.sha256 for file in files if file.slide is not None}
        patients.forget(database, blobs, digests)
        raise
    patients.forget(database, blobs, taken.forgotten)
    return taken.results

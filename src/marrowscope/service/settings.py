"""Settings: environment variables ``MARROWSCOPE_...`` or options of ``serve``."""

import os
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from marrowscope.errors import InputError
from marrowscope.validations import FOLDER

MEBIBYTE = 1 << 20
PREFIX = "MARROWSCOPE_"
SECRETS = "MARROWSCOPE_SECRETS"
"""Environment variable that names a folder of secrets: files called like settings, in lower case."""
OTHERS = frozenset({SECRETS, FOLDER})
"""Variables of the prefix that are no settings of the service."""


def _networks(text: str) -> str:
    networks = [each.strip() for each in text.split(",") if each.strip()]
    for each in networks:
        try:
            ip_network(each)
        except ValueError:
            raise ValueError("it must be addresses or networks such as 10.0.0.5, 10.0.0.0/24") from None
    return ",".join(networks)


def _address(text: str) -> str:
    if not text.startswith(("https://", "http://")):
        raise ValueError("it must be an address that begins with https:// or http://")
    return text


Address = Annotated[str, AfterValidator(_address)]


class Settings(BaseSettings):
    """Every setting of the service with its default; what is said of each stands in the documentation."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", use_attribute_docstrings=True
    )

    data_folder: Path = Path("marrowscope-data")
    """Folder for all data of the service."""
    database: str | None = None
    """`postgresql://USER:PASSWORD@HOST/NAME`; without it, SQLite in the data folder."""
    engine: str = "local"
    """Where networks run: `local`, or `dask://HOST:PORT` for a cluster (extra `dask`)."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(8000, ge=0, le=65535)
    """Port to listen on."""
    bundle: str | None = None
    """Networks of new analyses, whatever was activated on the page: a built-in name or a folder."""
    bundle_folders: tuple[Path, ...] = ()
    """Further networks to choose from: a JSON list of folders."""
    live_folders: tuple[Path, ...] = ()
    """Folders of the server, to which cameras write, that live sessions may take images from."""
    live_idle_hours: float = Field(12, gt=0)
    """A live session ends after so many hours in which no image came and none was read."""
    laboratory: Path | None = None
    """TOML file with the name, address and reference ranges of the laboratory ([reports](reports.md))."""

    authentication: Literal["required", "off"] = "required"
    """`off` makes everybody who reaches the port an administrator: on loopback only."""
    session_hours: float = Field(12, gt=0)
    """A session ends after so many hours."""
    session_idle_minutes: float = Field(60, gt=0)
    """A session ends after so many minutes without a request."""
    lockout_failures: int = Field(5, ge=1)
    """Wrong passwords in a row that lock a user name."""
    lockout_minutes: float = Field(15, gt=0)
    """For how long a user name is locked."""
    login_attempts_per_minute: int = Field(20, ge=1)
    """Log-ins tried from one address."""
    requests_per_minute: int = Field(6000, ge=1)
    """Requests of one user, or of one address without a user."""
    public_url: Address | None = None
    """The service's address behind a reverse proxy; single sign-on needs it."""
    trusted_proxies: Annotated[str, AfterValidator(_networks)] = ""
    """Proxies whose X-Forwarded-For and -Proto are believed: addresses and networks, with commas between."""

    oidc_name: str = "Single sign-on"
    """Name of single sign-on on the page."""
    oidc_issuer: Address | None = None
    """Address of the issuer."""
    oidc_client_id: str | None = None
    """The service's name at the issuer."""
    oidc_client_secret: SecretStr | None = None
    """The service's secret at the issuer."""
    oidc_role_claim: str = "roles"
    """Claim that lists a user's groups or roles."""
    oidc_roles: dict[str, Literal["viewer", "reviewer", "admin"]] = Field(default_factory=dict)
    """JSON object, from a value of that claim to a role; users with none of them are refused."""

    file_bytes: int = Field(512 * MEBIBYTE, gt=0)
    """Largest file, but for whole slides."""
    request_bytes: int = Field(4096 * MEBIBYTE, gt=0)
    """Largest upload."""
    body_bytes: int = Field(4 * MEBIBYTE, gt=0)
    """Largest body of any other request."""
    body_seconds: float = Field(60, gt=0)
    """A request whose body stalls for so many seconds is refused with 408, and its connection closed."""
    files_per_patient: int = Field(2000, gt=0)
    """Images of a patient, and of one upload."""
    pixels: int = Field(250_000_000, gt=0)
    """Pixels of an image."""
    request_pixels: int = Field(20_000_000_000, gt=0)
    """Pixels of all images of an upload."""
    image_seconds: float = Field(300, gt=0)
    """A process that works on one image for more seconds is ended, and the image refused."""
    streams_per_user: int = Field(20, ge=1)
    """Event streams of one user at a time; every open page has one."""
    free_bytes: int = Field(512 * MEBIBYTE, ge=0)
    """With less free disk space, uploads are refused and `/readyz` returns 503."""
    queue_analyses: int = Field(200, gt=0)
    """Analyses that may wait; further ones are refused with 429."""
    workers: int | None = Field(None, ge=1)
    """Processes that read fields, each with both networks; without it, as many as the cores allow."""
    retention_days: float | None = Field(None, gt=0)
    """Images of patients not touched for longer are deleted; without it, none are."""
    outbox: str | None = None
    """Where signed reports are sent: a folder, `mllp://HOST:PORT`, or the address of a FHIR server."""
    outbox_format: Literal["hl7", "fhir"] = "hl7"
    """Format of the files, where the outbox is a folder."""
    outbox_token: SecretStr | None = None
    """Token that is sent to the FHIR server (`Authorization: Bearer`)."""
    outbox_seconds: float = Field(30, gt=0, le=90)
    """Seconds after which an attempt to send is given up."""
    orders_folder: Path | None = None
    """Where the hospital's system puts orders, as CSV or HL7 v2."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe entries of the log."""

    @property
    def database_file(self) -> Path:
        """The SQLite database, where no other is named."""
        return self.data_folder / "marrowscope.db"

    @property
    def database_url(self) -> str:
        """URL with the driver the service uses."""
        if self.database is None:
            return f"sqlite+pysqlite:///{self.database_file.resolve()}"
        for plain, driver in (
            ("postgresql://", "postgresql+psycopg://"),
            ("postgres://", "postgresql+psycopg://"),
            ("sqlite://", "sqlite+pysqlite://"),
        ):
            if self.database.startswith(plain):
                return driver + self.database.removeprefix(plain)
        return self.database

    @property
    def blob_folder(self) -> Path:
        """Where images, pictures and signed pages are kept."""
        return self.data_folder / "blobs"

    @property
    def scratch_folder(self) -> Path:
        """Where files lie that are being taken in, on the disk of the blobs."""
        return self.data_folder / "scratch"

    @property
    def atlas_folder(self) -> Path:
        """Where imported sets of reference cells are kept."""
        return self.data_folder / "atlas"

    @property
    def bundle_folder(self) -> Path:
        """Where bundles that were taught here are kept."""
        return self.data_folder / "bundles"

    @property
    def validation_folder(self) -> Path:
        """Where the laboratory's own validations are kept, for the service."""
        return self.data_folder / "validations"

    @property
    def teaching_folder(self) -> Path:
        """Where teaching in progress keeps what it has computed."""
        return self.data_folder / "teaching"

    @property
    def seal_folder(self) -> Path:
        """Where the audit trail is sealed, beside the blobs and outside the database."""
        return self.data_folder / "seals"

    @property
    def oidc_configured(self) -> bool:
        """Whether single sign-on is set up."""
        return self.oidc_issuer is not None and self.oidc_client_id is not None

    def refuse_unsafe(self) -> None:
        """Refuse settings that would leave patients' data open.

        Raises
        ------
        InputError
            Authentication is off on an address others can reach, or single sign-on is incomplete.
        """
        if self.authentication == "off" and not is_loopback(self.host):
            raise InputError(f"authentication can be off on a loopback address only, not on {self.host}")
        needed = {"OIDC_ISSUER": self.oidc_issuer, "OIDC_CLIENT_ID": self.oidc_client_id}
        if any(needed.values()):
            needed["PUBLIC_URL"] = self.public_url
            missing = [f"MARROWSCOPE_{name}" for name, value in needed.items() if value is None]
            if missing:
                raise InputError(f"single sign-on needs {' and '.join(missing)}")


def read_settings(**given: Any) -> Settings:
    """Read the settings: given values first, then the environment, then secrets, then the defaults.

    Raises
    ------
    InputError
        One of them is not valid; the message names it.
    """
    secrets = os.environ.get(SECRETS)
    if secrets is not None and not Path(secrets).is_dir():
        raise InputError(f"{SECRETS} names no folder: {secrets}")
    try:
        return Settings(**given, _secrets_dir=secrets)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InputError(f"setting {name}: {first['msg']}") from None
    except SettingsError as error:
        raise InputError(f"the settings cannot be read: {error}") from None


def unknown_variables() -> list[str]:
    """Return variables of the environment that look like settings and are none."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | OTHERS
    return sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False

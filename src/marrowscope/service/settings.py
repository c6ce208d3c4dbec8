"""Settings: environment variables ``MARROWSCOPE_...`` or options of ``serve``."""

from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from marrowscope.errors import InputError

MEBIBYTE = 1 << 20


def _networks(text: str) -> str:
    networks = [each.strip() for each in text.split(",") if each.strip()]
    for each in networks:
        try:
            ip_network(each)
        except ValueError:
            raise ValueError("it must be addresses or networks such as 10.0.0.5, 10.0.0.0/24") from None
    return ",".join(networks)


class Settings(BaseSettings):
    """Every setting of the service with its default."""

    model_config = SettingsConfigDict(env_prefix="MARROWSCOPE_", frozen=True, extra="ignore")

    data_folder: Path = Path("marrowscope-data")
    """Everything the service keeps: the SQLite database unless another is named, images, results."""
    database: str | None = None
    """For example ``postgresql://user:password@host/name``; None is SQLite in the data folder."""
    engine: str = "local"
    """Where networks run: ``local`` or ``dask://HOST:PORT``."""
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    bundle: str | None = None
    """Model bundle of new analyses: a built-in name or a folder. None: the one activated on the page."""
    bundle_folders: tuple[Path, ...] = ()
    """More bundles that users may choose."""
    laboratory: Path | None = None
    """TOML file with the name, address and reference ranges of the laboratory, for its reports."""

    authentication: Literal["required", "off"] = "required"
    """``off`` makes everybody who reaches the port an administrator; refused unless the host is loopback."""
    session_hours: float = Field(12, gt=0)
    session_idle_minutes: float = Field(60, gt=0)
    lockout_failures: int = Field(5, ge=1)
    """Wrong passwords in a row that lock a name."""
    lockout_minutes: float = Field(15, gt=0)
    login_attempts_per_minute: int = Field(20, ge=1)
    """Log-in attempts of one address per minute."""
    requests_per_minute: int = Field(6000, ge=1)
    """Requests per minute of one user, or of one address without a user."""
    public_url: str | None = None
    """The service's public address behind a reverse proxy; needed for OIDC."""
    trusted_proxies: Annotated[str, AfterValidator(_networks)] = ""
    """Addresses and networks whose X-Forwarded-For and -Proto headers are believed, with commas between."""

    oidc_name: str = "Single sign-on"
    oidc_issuer: str | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    oidc_role_claim: str = "roles"
    """Claim that lists a user's groups or roles."""
    oidc_roles: dict[str, Literal["viewer", "reviewer", "admin"]] = Field(default_factory=dict)
    """From a value of that claim to a role; users with none of them are refused."""

    file_bytes: int = Field(512 * MEBIBYTE, gt=0)
    request_bytes: int = Field(4096 * MEBIBYTE, gt=0)
    """Largest upload request."""
    body_bytes: int = Field(4 * MEBIBYTE, gt=0)
    """Largest body of any other request."""
    body_seconds: float = Field(60, gt=0)
    """A request whose body does not go on for longer is refused and its connection closed."""
    files_per_patient: int = Field(2000, gt=0)
    pixels: int = Field(250_000_000, gt=0)
    """Largest image."""
    request_pixels: int = Field(20_000_000_000, gt=0)
    """Largest upload request, once its images are decoded."""
    image_seconds: float = Field(300, gt=0)
    """A process that works on one image for longer is ended, and the image refused."""
    streams_per_user: int = Field(20, ge=1)
    """Event streams of one user at a time; every open page has one."""
    free_bytes: int = Field(512 * MEBIBYTE, ge=0)
    """Uploads are refused when the disk has less than this."""
    queue_analyses: int = Field(200, gt=0)
    """Analyses that may wait; further ones are refused with 429."""
    workers: int | None = Field(None, ge=1)
    """Worker processes, each with both networks; None: as many as the cores allow."""
    retention_days: float | None = Field(None, gt=0)
    """Patients unchanged for longer lose their images; None keeps them."""
    outbox: str | None = None
    """Where signed reports are sent: a folder, ``mllp://HOST:PORT``, or the address of a FHIR server."""
    outbox_format: Literal["hl7", "fhir"] = "hl7"
    """Of the files, where the outbox is a folder."""
    outbox_token: SecretStr | None = None
    """Sent to the FHIR server (`Authorization: Bearer`)."""
    outbox_seconds: float = Field(30, gt=0, le=200)
    """After which an attempt to send is given up."""
    orders_folder: Path | None = None
    """Where the hospital's system puts orders, as CSV or HL7 v2."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def database_url(self) -> str:
        """URL with the driver the service uses."""
        if self.database is None:
            return f"sqlite+pysqlite:///{self.data_folder.resolve() / 'marrowscope.db'}"
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
    def atlas_folder(self) -> Path:
        """Where imported sets of reference cells are kept."""
        return self.data_folder / "atlas"

    @property
    def bundle_folder(self) -> Path:
        """Where bundles that were taught here are kept."""
        return self.data_folder / "bundles"

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
            raise InputError(
                f"authentication can be off on a loopback address only, not on {self.host} is none"
            )
        needed = {"OIDC_ISSUER": self.oidc_issuer, "OIDC_CLIENT_ID": self.oidc_client_id}
        if any(needed.values()):
            needed["PUBLIC_URL"] = self.public_url
            missing = [f"MARROWSCOPE_{name}" for name, value in needed.items() if value is None]
            if missing:
                raise InputError(f"single sign-on needs {' and '.join(missing)}")


def read_settings(**given: Any) -> Settings:
    """Read the settings: given values first, then the environment, then the defaults.

    Raises
    ------
    InputError
        One of them is not valid; the message names it.
    """
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InputError(f"setting {name}: {first['msg']}") from None
    except SettingsError as error:
        raise InputError(f"the settings cannot be read: {error}") from None


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False

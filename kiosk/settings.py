"""All that can be set, in one typed object, and where it is read from: a file, then the environment, then the flags of
the command line; the later wins.

What a setting means, its unit and its limits stand here once: ``--help``, the administrator's page and
``docs/settings.md`` say what this class says.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, PrivateAttr, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

# The languages that the kiosk speaks, by ISO 639-1, in the order in which visitors are shown them.
LANGUAGES = ("en", "fr", "de", "es", "it", "nl", "ja", "zh", "ar")

PREFIX = "VERNISSAGE_"
CONFIG_VARIABLE = PREFIX + "CONFIG"
"""Names the settings file, as ``--config`` does."""

# Where the file is looked for when nobody names one.
PLACES = (Path("vernissage.toml"), Path("/etc/vernissage/kiosk.toml"))

# In place of a file's name: read none. A file of this name is ./none.
NO_FILE = Path("none")

# Characters of the administrator's token. 16 of base64 are 96 bits: nobody guesses them, at whatever rate.
LEAST_TOKEN = 16

# Bytes of a file of settings, and of a token's; more is a mistake in the path.
_MAX_FILE_BYTES = 100_000

# What is wanted, where pydantic says how it failed.
_WANTED = {
    **dict.fromkeys(("int_parsing", "int_type", "int_from_float", "int_parsing_size"), "it should be a whole number"),
    **dict.fromkeys(("float_parsing", "float_type"), "it should be a number"),
    **dict.fromkeys(("bool_parsing", "bool_type"), "it should be true or false"),
    "string_type": "it should be text",
}

# Characters of a bad value that are repeated to whoever gave it.
_LONGEST_TOLD = 100

Region = tuple[tuple[float, float], ...]


class SettingsError(ValueError):
    """A setting is wrong; the message is one line that names the file, variable or flag and what is wrong with it."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field
        """The setting, where it is one."""


class _Disagreement(ValueError):
    """A setting that is right by itself does not go with another one."""

    def __init__(self, name: str, message: str, other: str) -> None:
        super().__init__(message)
        self.name, self.other = name, other


@dataclass(frozen=True)
class Trait:
    """What is to be known of a setting beside its type."""

    group: str
    """The heading under which it stands."""
    metavar: str | None = None
    """What stands for its value in ``--help``."""
    live: bool = False
    """Whether a change takes effect at once; otherwise at the next start."""
    flag: bool = True
    """Whether there is a flag for it: what is secret must not stand in the list of processes."""


def default_bundle() -> Path:
    """The bundle that ships: ``models/default`` of the checkout, or the copy inside the wheel."""
    here = Path(__file__).resolve().parent
    checkout, installed = (folder / "models" / "default" for folder in (here.parent, here))
    return installed if installed.is_dir() and not checkout.is_dir() else checkout


def is_loopback(host: str) -> bool:
    """Whether who listens on `host` is heard on this machine alone."""
    return host in {"localhost", "::1"} or host.startswith("127.")


# --- values as people write them -------------------------------------------------------------------


def _size(value: object) -> object:
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"(\d{2,5})[xX](\d{2,5})", value)
    if not found:
        raise ValueError(f"{value!r} is not a size such as 1280x720")
    return int(found[1]), int(found[2])


def _exposure(value: object) -> object:
    return None if isinstance(value, str) and value in {"auto", "none"} else value


def _region(value: object) -> object:
    if isinstance(value, list | tuple):  # of numbers, or of corners
        value = " ".join(str(part) for each in value for part in (each if isinstance(each, list | tuple) else [each]))
    if not isinstance(value, str):
        return value
    from kiosk.eye import parse_region  # here, so that --help does not wait for what it takes

    # float32 comes back; a twentieth of a pixel of a wide frame is enough.
    return tuple((round(x, 5), round(y, 5)) for x, y in parse_region(value))


def _codes(value: object) -> object:
    return tuple(re.findall(r"[^\s,]+", value)) if isinstance(value, str) else value


def _nothing(value: object) -> object:
    """A lower layer's value can be taken back by a higher one."""
    return None if isinstance(value, str) and value in {"", "none"} else value


def _plain(value: object) -> object:
    """TOML has numbers where people mean text: ``source = 0``."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


# The last of several such is asked first.
_Maybe = BeforeValidator(_nothing)
_Share = Annotated[float, Field(ge=0, le=1)]
_Side = Annotated[int, Field(ge=10, le=99_999)]
# NoDecode: in the environment they are words too, not JSON.
_Size = Annotated[tuple[_Side, _Side], NoDecode]
_Words = Annotated[tuple[str, ...], NoDecode]

_CAMERA, _LOOK, _MODEL = "camera", "where to look", "model"
_NETWORK, _SCREEN, _ADMIN, _LOGS = "network", "the visitor's screen", "administration", "logs"


class Settings(BaseSettings):
    """What one kiosk is told. Frozen: `Station.change` gives a new one.

    ``Settings(...)`` takes what it is given and looks nowhere else; `read` looks in the file, the environment and the
    flags. Raises `pydantic.ValidationError`; `read` and `changed` raise `SettingsError`.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=PREFIX, env_ignore_empty=True, allow_inf_nan=False
    )

    # --- camera
    source: Annotated[str, BeforeValidator(_plain), Trait(_CAMERA, live=True)] = Field(
        default="0",
        min_length=1,
        description="camera index, device path, video file, folder of pictures, stream URL, or 'demo'",
    )
    camera_size: Annotated[_Size, BeforeValidator(_size), Trait(_CAMERA, "WxH", live=True)] = Field(
        default=(1280, 720), description="pixels that are asked of a camera; it gives what comes nearest"
    )
    camera_rate: Annotated[float, Trait(_CAMERA, "FPS", live=True)] = Field(
        default=30.0, gt=0, le=240, description="frames a second asked of a camera"
    )
    # Longer than a second is no exposure of a camera for moving pictures.
    exposure: Annotated[
        Annotated[float, Field(gt=0, le=1000)] | None, BeforeValidator(_exposure), Trait(_CAMERA, "auto|MS", live=True)
    ] = Field(default=None, description="exposure of a camera in milliseconds, or auto: as the camera chooses")

    # --- where to look
    locate: Annotated[Literal["auto", "never"], Trait(_LOOK, live=True)] = Field(
        default="auto", description="auto: find the painting in the frame; never: look at its middle"
    )
    region: Annotated[
        Region | None, NoDecode, BeforeValidator(_region), _Maybe, Trait(_LOOK, "LEFT,TOP,RIGHT,BOTTOM", live=True)
    ] = Field(
        default=None,
        description="look at this part of the frame and nothing else, in shares of it (0.2,0.1,0.8,0.9); or four"
        " corners x,y clockwise from the top left",
    )
    markers: Annotated[bool, Trait(_LOOK, live=True)] = Field(
        default=False, description="also look for printed ArUco markers around a painting (docs/kiosk.md)"
    )

    # --- model
    bundle: Annotated[Path, Trait(_MODEL, "FOLDER", live=True)] = Field(
        default_factory=default_bundle, description="folder of the model bundle"
    )
    bundles: Annotated[Path | None, _Maybe, Trait(_MODEL, "FOLDER")] = Field(
        default=None, description="folder of bundles among which the administrator may choose"
    )
    key: Annotated[Path | None, _Maybe, Trait(_MODEL, "FILE")] = Field(
        default=None, description="public key (PEM): take only a bundle signed with it (python -m export sign)"
    )
    precision: Annotated[Literal["int8", "int8-qat", "fp32", "fp16", "dynamic"], Trait(_MODEL)] = Field(
        default="int8", description="which file of the bundle to run"
    )
    threads: Annotated[Annotated[int, Field(ge=1, le=64)] | None, _Maybe, Trait(_MODEL)] = Field(
        default=None, description="threads of the network; none: one per core, four at most"
    )
    least_known: Annotated[_Share | None, _Maybe, Trait(_MODEL, "SHARE", live=True)] = Field(
        default=None,
        description="how sure the network must be that it knows the style (0-1); none: the bundle's own threshold",
    )

    # --- network
    host: Annotated[str, Trait(_NETWORK)] = Field(
        default="127.0.0.1", min_length=1, description="address to listen on (127.0.0.1: this machine only)"
    )
    port: Annotated[int, Trait(_NETWORK)] = Field(
        default=8080, ge=0, le=65_535, description="port to listen on; 0: any free one"
    )

    # --- the visitor's screen
    language: Annotated[str, Trait(_SCREEN, "CODE", live=True)] = Field(
        default="en", description="language that the screen begins with"
    )
    languages: Annotated[_Words, BeforeValidator(_codes), Trait(_SCREEN, "CODES", live=True)] = Field(
        default=LANGUAGES, min_length=1, description="languages that visitors may choose, in the order shown"
    )
    texts: Annotated[Path | None, _Maybe, Trait(_SCREEN, "FOLDER")] = Field(
        default=None, description="folder whose files replace our texts on styles (docs/screen.md)"
    )
    idle_s: Annotated[float, Trait(_SCREEN, "SECONDS", live=True)] = Field(
        default=45.0,
        ge=5,
        le=3600,
        description="seconds without a touch until the screen asks whether anybody is there",
    )
    reset_s: Annotated[float, Trait(_SCREEN, "SECONDS", live=True)] = Field(
        # Fewer than 20 are too few for some visitors (WCAG 2.2, criterion 2.2.1).
        default=20.0,
        ge=3,
        le=600,
        description="seconds more until it says thank you and begins anew",
    )
    attract_s: Annotated[float, Trait(_SCREEN, "SECONDS", live=True)] = Field(
        default=20.0, ge=3, le=3600, description="seconds without a painting in view until the screen invites visitors"
    )
    speech: Annotated[bool, Trait(_SCREEN, live=True)] = Field(
        default=False, description="visitors may have the result spoken, by the browser's own voice"
    )
    take_away: Annotated[bool, Trait(_SCREEN, live=True)] = Field(
        default=False, description="show a QR code with a page about the style; needs public_url"
    )
    own_pictures: Annotated[bool, Trait(_SCREEN, live=True)] = Field(
        default=True,
        description="visitors may show a picture of their own, or their device's camera, on the page",
    )
    public_url: Annotated[str | None, _Maybe, Trait(_SCREEN, "URL", live=True)] = Field(
        default=None, description="address under which visitors' phones reach this kiosk"
    )

    # --- administration
    admin_token: Annotated[SecretStr | None, _Maybe, Trait(_ADMIN, flag=False)] = Field(
        default=None,
        min_length=LEAST_TOKEN,
        description=f"password of the page /admin, {LEAST_TOKEN} characters at least; none: there is no such page",
    )
    admin_token_file: Annotated[Path | None, _Maybe, Trait(_ADMIN, "FILE")] = Field(
        default=None, description="file that holds the password of the page /admin, and nothing else"
    )

    # --- logs
    log_format: Annotated[Literal["text", "json"], Trait(_LOGS, live=True)] = Field(
        default="text", description="lines for people, or one JSON object a line"
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Trait(_LOGS, live=True)] = Field(
        default="info", description="the least that is worth a line"
    )

    _file: Path | None = PrivateAttr(None)
    _origins: Mapping[str, str] = PrivateAttr(default_factory=dict)
    _overruled: tuple[str, ...] = PrivateAttr(())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given and nothing else: a test must not depend on a file that happens to lie about (`read`)."""
        return (init_settings,)

    @field_validator("languages")
    @classmethod
    def _spoken(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        for code in codes:
            if code not in LANGUAGES:
                raise ValueError(f"{code!r} is not a language of this kiosk; there are {', '.join(LANGUAGES)}")
        return tuple(dict.fromkeys(codes))

    @field_validator("public_url")
    @classmethod
    def _reachable(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"{url!r} is not an address such as http://kiosk.museum.example:8080")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.language not in self.languages:
            # The one that somebody has set is at fault, not a default.
            if "language" in self.model_fields_set:
                among = ", ".join(self.languages)
                raise _Disagreement("language", f"{self.language!r} is not among languages ({among})", "languages")
            begins = f"{self.language!r} is missing, the language that the screen begins with; set language too"
            raise _Disagreement("languages", begins, "language")
        if self.take_away and self.public_url is None:
            needed = "it needs public_url, the address under which visitors' phones reach this kiosk"
            raise _Disagreement("take_away", needed, "public_url")
        return self

    @property
    def file(self) -> Path | None:
        """The file that was read; None where there was none."""
        return self._file

    def origin(self, name: str) -> str | None:
        """Where the present value of a setting comes from: ``--port``, ``VERNISSAGE_PORT`` or the file's name; None
        for the default, and for what was changed since the start."""
        return self._origins.get(name)

    def place(self, name: str) -> str:
        """Where somebody who wants another value has to look: the flag, the variable, or the file and the name in it;
        the name alone for a default."""
        return _place(name, self._origins)

    @property
    def overruled(self) -> tuple[str, ...]:
        """Lines on bad values that did no harm at this start because a later place says something else."""
        return self._overruled

    @property
    def doubts(self) -> tuple[tuple[str, str], ...]:
        """What is allowed and cannot do what is meant: a line on each, and what to do about it."""
        doubts = []
        if self.bundles is not None and not self.bundles.is_dir():
            doubts.append((f"{self.place('bundles')}: there is no folder {self.bundles}", "make it, or choose another"))
        if self.take_away and is_loopback(self.host):
            says = (
                f"{self.place('take_away')}: visitors' phones cannot open what the QR code says ({self.public_url}):"
                f" the kiosk answers this machine only (host is {self.host})"
            )
            doubts.append((says, 'set host = "0.0.0.0", and let the service out with deploy/install.sh --network'))
        return tuple(doubts)

    def visible(self) -> dict[str, Any]:
        """All settings but secrets, as JSON has them. A password inside a stream's address is a secret too."""
        values = self.model_dump(mode="json", exclude={"admin_token"})
        values["source"] = re.sub(r"(?<=://)[^/@]+(?=@)", "***", self.source)
        return values

    def changed(self, **fields: Any) -> Settings:
        """The same with other values; raises `SettingsError`."""
        kept = {name: getattr(self, name) for name in self.model_fields_set - fields.keys()}
        try:
            new = Settings(**kept, **fields)
        except ValidationError as error:
            raise _first_fault(error, {}) from error
        new._file = self._file
        new._origins = {name: origin for name, origin in self._origins.items() if name not in fields}
        return new


TRAITS: Mapping[str, Trait] = {
    name: next(part for part in field.metadata if isinstance(part, Trait))
    for name, field in Settings.model_fields.items()
}
"""By the names of the settings, in the order of the class."""


def choices(name: str) -> tuple[str, ...]:
    """What a setting may be, where that is one of some words; empty otherwise."""
    return tuple(value for value in get_args(Settings.model_fields[name].annotation) if isinstance(value, str))


def default_of(name: str) -> Any:
    """What a setting is where nobody sets it."""
    return Settings.model_fields[name].get_default(call_default_factory=True)


def written(name: str, value: Any) -> str | int | float | bool | list[str] | None:
    """A value as the settings file has it; None where the file has no such line."""
    match name, value:
        case "exposure", None:
            return None
        case "camera_size", (width, height):
            return f"{width}x{height}"
        case "region", ((left, top), (right, upper), (far, bottom), (near, lower)):
            if (left, top, right, bottom) == (near, upper, far, lower):
                return ",".join(f"{share:.4g}" for share in (left, top, right, bottom))
            return " ".join(f"{x:.4g},{y:.4g}" for x, y in value)
        case _, Path():
            return str(value)
        case _, tuple():
            return [str(part) for part in value]
        case _, SecretStr():
            return value.get_secret_value()
        case _, float() if value.is_integer():
            return int(value)  # 60 seconds, as people write it
    return value  # type: ignore[no-any-return]  # bool, number, text or None


def in_words(name: str, value: Any) -> str:
    """A value as ``--help`` and the documentation show it."""
    told = written(name, value)
    if name == "exposure" and told is None:
        return "auto"
    match told:
        case None:
            return "none"
        case bool():
            return "true" if told else "false"
        case float():
            return f"{told:g}"
        case list():
            return " ".join(told)
    return str(told)


# --- layers ----------------------------------------------------------------------------------------


def read(flags: Mapping[str, Any], config: Path | None = None) -> Settings:
    """Settings from the file, the environment and `flags` (by the names of the fields); the later wins.

    The file is `config`, else the one that ``VERNISSAGE_CONFIG`` names, else the first of `PLACES` that is there;
    `NO_FILE` names none of them. Raises `SettingsError`.
    """
    _check_variables()
    file = config or (Path(named) if (named := os.environ.get(CONFIG_VARIABLE)) else None)
    if file is None:
        file = next((place for place in PLACES if place.is_file()), None)
    elif file == NO_FILE:
        file = None
    layers: list[tuple[str, Mapping[str, Any]]] = [
        ("file", _in_file(file) if file else {}),
        ("variable", EnvSettingsSource(Settings)()),
        ("flag", flags),
    ]
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    overruled: list[str] = []
    for kind, layer in layers:
        for name, value in layer.items():
            origin = {"file": str(file), "variable": variable(name), "flag": flag(name)}[kind]
            if name in values and (fault := _fault_alone(name, values[name], origins)):
                overruled.append(f"{fault}; {origin} overrules it, and without that the kiosk would not start")
            values[name], origins[name] = value, origin
    if {"admin_token", "admin_token_file"} <= values.keys():
        other = _place("admin_token", origins)
        message = f"{_place('admin_token_file', origins)}: give the token or its file, not both ({other} is set too)"
        raise SettingsError(message, "admin_token_file")
    try:
        settings = Settings(**values)
        if settings.admin_token_file is not None:
            token = _token(settings.admin_token_file, origins["admin_token_file"])
            settings = settings.model_copy(update={"admin_token": token})
    except ValidationError as error:
        raise _first_fault(error, origins) from error
    settings._file, settings._origins, settings._overruled = file, origins, tuple(overruled)
    return settings


def keep(settings: Settings, names: Collection[str]) -> Path:
    """Write the values of `names` to the settings file, where the next start finds them, and leave all else in it as it
    is, comments too. Where there was no file, one is made. Returns its path; raises `SettingsError`.

    What is set by the environment or a flag as well keeps to that: see `Settings.origin`.
    """
    import tomlkit  # here: a kiosk that is never administered needs none of it
    from tomlkit.exceptions import TOMLKitError

    path = settings.file or PLACES[0].absolute()
    secret = sorted(name for name in names if not TRAITS[name].flag)
    if secret:
        raise SettingsError(f"{secret[0]} is not written to a file from here", secret[0])
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8")) if path.exists() else tomlkit.document()
        for name in sorted(names, key=list(TRAITS).index):
            value = written(name, getattr(settings, name))
            if value is None:
                # None is the default of whatever may be None, and TOML has no word for it.
                document.pop(name, None)
            else:
                document[name] = value
        _replace(path, tomlkit.dumps(document).encode())
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise SettingsError(f"{path}: the settings cannot be written: {reason}") from error
    return path


def _replace(path: Path, content: bytes) -> None:
    """All of it or nothing, also where the power goes or the disk is full."""
    # Beside it: only within a folder a rename is one step. Of a link the target is written, as an editor would.
    path = path.resolve()
    temporary = path.with_name(f".{path.name}.new")
    try:
        with temporary.open("wb") as file:
            if path.exists():
                os.fchmod(file.fileno(), path.stat().st_mode & 0o777)  # it may hold a token
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def flag(name: str) -> str:
    """The flag of a setting: ``--camera-size``."""
    return "--" + name.replace("_", "-")


def variable(name: str) -> str:
    """The environment's variable of a setting: ``VERNISSAGE_CAMERA_SIZE``."""
    return PREFIX + name.upper()


def _check_variables() -> None:
    known = {variable(name) for name in TRAITS} | {CONFIG_VARIABLE}
    for name in os.environ:
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            raise SettingsError(f"environment: {name} is no setting{_meant(name.upper(), known, PREFIX)}")


def _in_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
        if len(content) > _MAX_FILE_BYTES:
            raise SettingsError(f"{path}: over {_MAX_FILE_BYTES:,} bytes; is it a settings file?")
        values = tomllib.loads(content.decode())
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; --config names the settings file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: no TOML: {str(error).splitlines()[0]}") from error
    for name in values:
        if name not in TRAITS:
            raise SettingsError(f"{path}: {name} is no setting{_meant(name, TRAITS)}", name)
    return values


def _token(path: Path, origin: str) -> SecretStr:
    try:
        with path.open(encoding="ascii") as file:
            token = file.read(_MAX_FILE_BYTES).strip()
    except OSError as error:
        made = f"make it: openssl rand -base64 24 > {path}, and let the kiosk's user alone read it"
        out = made if isinstance(error, FileNotFoundError) else "it must be a file that the kiosk's user may read"
        raise SettingsError(f"{origin}: {path}: {error.strerror}; {out}", "admin_token_file") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{origin}: {path}: a token is plain ASCII", "admin_token_file") from error
    if len(token) < LEAST_TOKEN:
        raise SettingsError(
            f"{origin}: {path}: a token has {LEAST_TOKEN} characters at least; make one: openssl rand -base64 24",
            "admin_token_file",
        )
    return SecretStr(token)


def meant(name: str, known: Collection[str], prefix: str = "") -> str:
    """Points to what is near, if anything is; `prefix`, which all have in common, brings nothing nearer."""
    near = difflib.get_close_matches(name.removeprefix(prefix), [each.removeprefix(prefix) for each in known], 1)
    return f"; did you mean {prefix}{near[0]}?" if near else ""


def _meant(name: str, known: Collection[str], prefix: str = "") -> str:
    return meant(name, known, prefix) or " (docs/settings.md lists them)"


def _fault_alone(name: str, value: Any, origins: Mapping[str, str]) -> SettingsError | None:
    """What is wrong with a value, whatever the other settings are; None where nothing is."""
    try:
        Settings(**{name: value})
    except ValidationError as error:
        # Without a location it does not go with another one, which is not the one of this start.
        return _first_fault(error, origins) if error.errors()[0]["loc"] else None
    return None


def _place(name: str, origins: Mapping[str, str]) -> str:
    origin = origins.get(name, name)
    return origin if origin in {name, flag(name), variable(name)} else f"{origin}: {name}"


def _first_fault(error: ValidationError, origins: Mapping[str, str]) -> SettingsError:
    """The first fault, with the place where it was written."""
    fault = error.errors(include_url=False)[0]
    cause = fault.get("ctx", {}).get("error")
    if isinstance(cause, _Disagreement):
        also = f"; see {_place(cause.other, origins)}" if cause.other in origins else ""
        return SettingsError(f"{_place(cause.name, origins)}: {cause}{also}", cause.name)
    name = str(fault["loc"][0])
    message = fault["msg"].removeprefix("Value error, ")
    if name not in TRAITS:
        return SettingsError(f"{name} is no setting{_meant(name, TRAITS)}", name)
    if name == "admin_token":
        message = f"a token is text of {LEAST_TOKEN} characters at least; make one: openssl rand -base64 24"
    elif not message.startswith(repr(fault["input"])):
        given = repr(fault["input"])
        given = given if len(given) <= _LONGEST_TOLD else f"{given[:_LONGEST_TOLD]} ..."
        message = f"{given}: {_WANTED.get(fault['type'], message.replace('Input should', 'it should'))}"
    return SettingsError(f"{_place(name, origins)}: {message}", name)

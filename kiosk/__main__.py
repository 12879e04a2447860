"""``python -m kiosk``: run the kiosk."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from kiosk.settings import (
    CONFIG_VARIABLE,
    NO_FILE,
    PLACES,
    TRAITS,
    Settings,
    SettingsError,
    choices,
    default_of,
    flag,
    in_words,
    is_loopback,
    meant,
    read,
)

_DESCRIPTION = "Names the style of the painting in front of the camera, on a page in the browser."

_EXAMPLES = f"""\
Every setting is also a line of the settings file (idle_s = 60) and a variable of the environment
(VERNISSAGE_IDLE_S=60). Flags win over the environment, and that over the file. docs/settings.md says more.

examples:
  python -m kiosk                                     the first camera of this machine
  python -m kiosk --source demo                       no camera needed: a walk past drawn canvases
  python -m kiosk doctor                              what is missing on this machine, and what to do
  python -m kiosk --source 1 --port 8090              the second camera, on another port
  python -m kiosk --camera-size 1920x1080 --exposure 20
  python -m kiosk --source /dev/v4l/by-id/usb-CAM     a camera that keeps its name when re-plugged
  python -m kiosk --source rtsp://camera.local/live   a network camera
  python -m kiosk --source paintings/ --precision fp32
  python -m kiosk --region 0.2,0.1,0.8,0.9            a camera that is fixed before one painting
  python -m kiosk --host 0.0.0.0                      seen from other machines too (there is no password)
  python -m kiosk --config museum.toml                settings from this file
  python -m kiosk --config {NO_FILE} --source demo         whatever the settings files say
  VERNISSAGE_LANGUAGE=fr python -m kiosk              settings from the environment

Then open http://127.0.0.1:8080 in a browser. Ctrl+C quits.

exit code:
   0  it was asked to quit
   1  something that it needs is not there (now): the port, the address, the file or folder that it looks at
   2  a setting or the model bundle is wrong; one line says which, and where it is set
  75  the administrator asks for a restart, under systemd
"""


# Exit codes. What is `MISSING` may come by itself, so systemd goes on trying; what is `WRONG` waits for somebody
# (deploy/systemd/vernissage.service).
MISSING, WRONG = 1, 2

# Exit code that asks whoever started the kiosk to start it again (EX_TEMPFAIL of sysexits.h): systemd does, with
# Restart=always. Without systemd the process starts itself anew.
RESTART = 75

# A line that holds one of these says by itself what to do. A token has no flag that --help could show.
_WAYS_OUT = ("--", "docs/", "openssl ")

# Seconds between two looks whether a restart is asked for.
_LOOK_S = 0.25

# Seconds after which freed memory goes back to the system.
_TIDY_S = 60.0


log = logging.getLogger("kiosk")  # as a process this module has another name


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        _, _, unknown = message.partition("unrecognized arguments: ")
        near = meant(re.split("[= ]", unknown)[0], self._option_string_actions, "--") if unknown else ""
        self.exit(WRONG, f"vernissage: {message}{near} (--help shows examples)\n")


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM. Returns the exit code: 0, `RESTART` where the administrator asks for it, or
    `MISSING` or `WRONG` after one line on standard error that says why."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["doctor"]:
        from kiosk.doctor import main as examine

        return examine(arguments[1:], _parser())
    try:
        settings = asked(_parser().parse_args(arguments))
    except SettingsError as error:
        return _complain(error, WRONG)
    # After the settings, so that --help and a mistake are answered at once.
    import cv2

    import bundle
    from bundle.signature import verify as verify_signature
    from kiosk.classifier import ClassifierError
    from kiosk.locator.network import LocatorError
    from kiosk.logs import set_up as set_up_log
    from kiosk.memory import give_large_blocks_back, keep_what_is_there, tidy
    from kiosk.server import Server, ServerError
    from kiosk.source import SourceError, UnknownScheme
    from kiosk.station import Station, source_of
    from kiosk.texts import TextsError
    from kiosk.watchdog import start as start_watchdog
    from kiosk.web import create_app

    give_large_blocks_back()
    # A second thread of OpenCV gains nothing at our sizes, and costs a third where cores are busy.
    cv2.setNumThreads(1)
    set_up_log(settings.log_format, settings.log_level)
    for line in settings.overruled:
        log.warning("%s", line)
    for says, advice in settings.doubts:
        log.warning("%s; %s", says, advice)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        with _set_by(settings, "source"):
            source = source_of(settings)
        if settings.key:
            with _set_by(settings, "key"):
                verify_signature(settings.bundle, settings.key)
        with _set_by(settings, "bundle"):
            verified = bundle.load(
                settings.bundle, lambda file: (file.format, file.precision) == ("onnx", settings.precision)
            )
        with _set_by(settings, "precision"):
            station = Station(verified, settings, source)
        with _set_by(settings, "texts"):
            app = create_app(station, loopback_only=is_loopback(settings.host))
        with _set_by(settings, "host"):
            server = Server(app, settings.host, settings.port)
    except (bundle.BundleError, TextsError, UnknownScheme) as error:
        return _complain(error, WRONG)
    except (SourceError, ServerError) as error:
        return _complain(error, MISSING)
    try:
        # The page answers while the model is being loaded.
        server.start()
        start_watchdog(station, settings.host, server.port)
        keep_what_is_there()
        station.open()
        station.load()
        if not stop.is_set():
            _announce(settings, server.port, f"source {source.kind}, model {station.model['name']}")
        tidied_s = time.monotonic()
        while not (stop.wait(_LOOK_S) or station.restarting.is_set()):
            if time.monotonic() - tidied_s >= _TIDY_S:
                tidied_s = time.monotonic()
                tidy()  # takes 1 ms
    except (ClassifierError, LocatorError) as error:
        return _complain(error, WRONG)
    finally:
        station.close()
        server.close()
    return RESTART if station.restarting.is_set() else 0


def asked(options: argparse.Namespace) -> Settings:
    """The settings that the command line, the environment and the settings file ask for; raises `SettingsError`."""
    flags = {name: value for name, value in vars(options).items() if name in TRAITS}
    return read(flags, options.config)


def _parser() -> argparse.ArgumentParser:
    """Knows every setting that has a flag. What is not given is not in what it parses: the environment or the file
    may say it. What is given is checked by `Settings`."""
    parser = _Parser(
        prog="python -m kiosk",
        usage="%(prog)s [options]\n       %(prog)s doctor [options]",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        # --admin-token SECRET would be --admin-token-file, and the secret would be printed.
        allow_abbrev=False,
    )
    parser.add_argument(
        "--config",
        type=Path,
        default=None,
        metavar="FILE",
        help=f"settings file, TOML; {NO_FILE}: read no file"
        f" (default: {', else '.join((CONFIG_VARIABLE, *map(str, PLACES)))})",
    )
    groups: dict[str, argparse._ArgumentGroup] = {}
    for name, trait in TRAITS.items():
        if not trait.flag:
            continue
        if trait.group not in groups:
            groups[trait.group] = parser.add_argument_group(trait.group)
        field = Settings.model_fields[name]
        told = f"{field.description} (default: {in_words(name, default_of(name))})".replace("%", "%%")
        if field.annotation is bool:
            groups[trait.group].add_argument(flag(name), action=argparse.BooleanOptionalAction, help=told)
        else:
            metavar = trait.metavar or ("{" + ",".join(choices(name)) + "}" if choices(name) else None)
            groups[trait.group].add_argument(flag(name), metavar=metavar, help=told)
    return parser


def _announce(settings: Settings, port: int, parts: str) -> None:
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host
    address = f"http://[{host}]" if ":" in host else f"http://{host}"
    ready = f"Vernissage is ready: {address}:{port}/ ({parts} {settings.precision})"
    if settings.log_format == "json":  # for a program, to which a plain line would be a broken one
        log.info("%s", ready)
        return
    with contextlib.suppress(OSError):  # a full disk, a pipe that nobody reads: visitors do not care
        print(ready, flush=True)
        if sys.stdout.isatty():  # a journal has no keys
            print("Ctrl+C quits.", flush=True)


@contextlib.contextmanager
def _set_by(settings: Settings, name: str) -> Iterator[None]:
    """An error meanwhile is one of the setting `name`: where somebody has set it, it says where."""
    try:
        yield
    except ValueError as error:
        if settings.origin(name) is not None:
            error.args = (f"{settings.place(name)}: {error}",)
        raise


def _complain(error: Exception, code: int) -> int:
    text = str(error)
    hint = "" if any(way_out in text for way_out in _WAYS_OUT) else " (--help shows what can be given)"
    print(f"vernissage: {text}{hint}", file=sys.stderr)
    return code


def run() -> NoReturn:
    """`main` as a process. It leaves without the interpreter's tidying up: a camera's thread that hangs
    in its driver cannot be ended, and would abort the process if it came back during that."""
    if sys.platform != "win32":
        import resource

        # A core file would hold the last frame, and whoever is on it. The capture process inherits this.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        code = main()
    except KeyboardInterrupt:  # while it was being loaded
        code = 128 + signal.SIGINT
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):  # a full disk
                stream.flush()
    if code == RESTART and "NOTIFY_SOCKET" not in os.environ:
        # Nobody is there who would start it anew. What it has open is closed by the system.
        os.execv(sys.executable, sys.orig_argv)
    os._exit(code)


if __name__ == "__main__":
    run()

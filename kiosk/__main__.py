"""``python -m kiosk``: run the kiosk."""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
import threading
from pathlib import Path
from typing import NoReturn

_DESCRIPTION = "Names the style of the painting in front of the camera, on a page in the browser."

_EXAMPLES = """\
examples:
  python -m kiosk                                     the first camera of this machine
  python -m kiosk --source demo                       no camera needed: a walk past drawn canvases
  python -m kiosk --source 1 --port 8090              the second camera, on another port
  python -m kiosk --camera-size 1920x1080 --exposure 20
  python -m kiosk --source /dev/v4l/by-id/usb-CAM     a camera that keeps its name when re-plugged
  python -m kiosk --source rtsp://camera.local/live   a network camera
  python -m kiosk --source paintings/ --precision fp32
  python -m kiosk --region 0.2,0.1,0.8,0.9            a camera that is fixed before one painting
  python -m kiosk doctor                              what is missing on this machine, and what to do
  python -m kiosk --host 0.0.0.0                      seen from other machines too (there is no password)

Then open http://127.0.0.1:8080 in a browser. Ctrl-C ends the kiosk.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"vernissage: {message} (--help shows examples)\n")


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM. Returns the exit code: 0, or 2 where an option leads nowhere, after
    one line on standard error that says why."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["doctor"]:
        from kiosk.doctor import main as examine

        return examine(arguments[1:], _parser())
    options = _parser().parse_args(arguments)
    # After the options, so that --help and a mistake are answered at once.
    import logging

    import cv2

    import bundle
    from bundle.signature import verify as verify_signature
    from kiosk import eye
    from kiosk.classifier import ClassifierError
    from kiosk.locator.network import LocatorError
    from kiosk.memory import give_large_blocks_back
    from kiosk.server import Server, ServerError
    from kiosk.source import CameraSettings, SourceError, parse
    from kiosk.station import Station
    from kiosk.web import create_app

    give_large_blocks_back(8_000_000)  # frames are smaller and stay quick to allocate
    # A second thread of OpenCV gains nothing at our sizes, and costs a third where cores are busy.
    cv2.setNumThreads(1)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("kiosk").setLevel(logging.INFO)  # a camera that comes and goes is worth a line
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        width, height = options.camera_size
        source = parse(options.source, CameraSettings(width, height, options.camera_rate, options.exposure))
        if options.key:
            verify_signature(options.bundle, options.key)
        verified = bundle.load(
            options.bundle, lambda file: (file.format, file.precision) == ("onnx", options.precision)
        )
        where = eye.Settings(options.locate == "auto", options.markers, options.region)
        station = Station(verified, options.precision, source, options.threads, where)
        server = Server(create_app(station, loopback_only=_is_loopback(options.host)), options.host, options.port)
    except (SourceError, bundle.BundleError, ServerError) as error:
        return _complain(error)
    try:
        # The page answers while the model is being loaded.
        server.start()
        station.open()
        station.load()
        host = "127.0.0.1" if options.host in {"0.0.0.0", "::"} else options.host
        address = f"http://[{host}]" if ":" in host else f"http://{host}"
        print(
            f"Vernissage is ready: {address}:{server.port}/"
            f" (source {source.kind}, model {station.model['name']} {options.precision})",
            flush=True,
        )
        stop.wait()
    except (ClassifierError, LocatorError) as error:
        return _complain(error)
    finally:
        station.close()
        server.close()
    return 0


def default_bundle() -> Path:
    """The bundle that ships: ``models/default`` of the checkout, or the copy inside the wheel."""
    here = Path(__file__).resolve().parent
    checkout, installed = (folder / "models" / "default" for folder in (here.parent, here))
    return installed if installed.is_dir() and not checkout.is_dir() else checkout


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m kiosk",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--source",
        default="0",
        help="camera index, device path, video file, folder of pictures, stream URL, or 'demo' (default: 0)",
    )
    parser.add_argument(
        "--camera-size",
        type=_size,
        default=(1280, 720),
        metavar="WxH",
        help="pixels that are asked of a camera; it gives what comes nearest (default: 1280x720)",
    )
    parser.add_argument(
        "--camera-rate", type=_rate, default=30.0, metavar="FPS", help="frames a second asked of it (default: 30)"
    )
    parser.add_argument(
        "--exposure",
        type=_exposure,
        metavar="auto|MS",
        help="exposure of a camera in milliseconds, or auto: the camera's own choice (default: auto)",
    )
    parser.add_argument(
        "--locate",
        choices=("auto", "never"),
        default="auto",
        help="auto: find the painting in the frame; never: look at its middle (default: auto)",
    )
    parser.add_argument(
        "--region",
        type=_region,
        metavar="LEFT,TOP,RIGHT,BOTTOM",
        help="look at this part of the frame and nothing else, in shares of it (0.2,0.1,0.8,0.9); or four corners x,y",
    )
    parser.add_argument(
        "--markers", action="store_true", help="also look for printed ArUco markers around a painting (docs/kiosk.md)"
    )
    parser.add_argument(
        "--bundle",
        type=Path,
        default=default_bundle(),
        help="folder of the model bundle (default: %(default)s)",
    )
    parser.add_argument(
        "--key",
        type=Path,
        metavar="FILE",
        help="public key (PEM): take only a bundle signed with it (python -m export sign)",
    )
    parser.add_argument(
        "--precision",
        default="int8",
        choices=("int8", "fp32", "fp16", "dynamic"),
        help="which file of the bundle to run (default: int8)",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine only)"
    )
    parser.add_argument("--port", type=_port, default=8080, help="port to listen on (default: 8080)")
    parser.add_argument("--threads", type=_threads, help="threads of the network (default: one per core, four at most)")
    return parser


def _port(text: str) -> int:
    return _integer(text, "a port", 0, 65_535)


def _threads(text: str) -> int:
    return _integer(text, "a number of threads", 1, 64)


def _region(text: str) -> tuple[tuple[float, float], ...]:
    # Here, so that --help does not wait for what it takes.
    from kiosk.eye import RegionError, parse_region

    try:
        return parse_region(text)
    except RegionError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{2,5})[xX](\d{2,5})", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 1280x720")
    return int(found[1]), int(found[2])


def _rate(text: str) -> float:
    return _positive(text, "a number of frames a second", 240)


def _exposure(text: str) -> float | None:
    # Longer than a second is no exposure of a camera for moving pictures.
    return None if text == "auto" else _positive(text, "auto or milliseconds", 1000)


def _positive(text: str, what: str, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what} up to {most:g}")
    return value


def _integer(text: str, what: str, least: int, most: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what} from {least} to {most}")
    return value


def _is_loopback(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")


def _complain(error: Exception) -> int:
    text = str(error)
    hint = "" if "--" in text else " (--help shows what can be given)"
    print(f"vernissage: {text}{hint}", file=sys.stderr)
    return 2


def run() -> NoReturn:
    """`main` as a process. It leaves without the interpreter's tidying up: a camera's thread that hangs
    in its driver cannot be ended, and would abort the process if it came back during that."""
    try:
        code = main()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    run()

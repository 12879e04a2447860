"""Signed bundles: that a folder is the one that the holder of a private key published.

The signature, ``bundle.sig``, covers every file of the folder; it is made and checked without network
by the package model-signing (OpenSSF), which is not among the kiosk's own: ``pip install
vernissage[signing]``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bundle.folder import BundleError

SIGNATURE_NAME = "bundle.sig"


class SignatureWrong(BundleError):
    """A bundle is not signed, or not by the key, or was altered afterwards."""


class SigningUnavailable(BundleError):
    """The package that signs and verifies is not installed, or a key cannot be read."""


def sign(folder: Path, private_key: Path) -> Path:
    """Sign the bundle in `folder` with an elliptic-curve key (PEM, without password); gives the path of the
    signature, which replaces an old one. Raises `SigningUnavailable`."""
    signing = _model_signing()
    path = folder / SIGNATURE_NAME
    temporary = folder / f".{SIGNATURE_NAME}.new"
    try:
        signing.signing.Config().use_elliptic_key_signer(private_key=private_key).set_hashing_config(
            _hashing(signing, path, temporary)
        ).sign(folder, temporary)
    except (OSError, ValueError, TypeError) as error:
        raise SigningUnavailable(f"cannot sign {folder} with {private_key}: {_first_line(error)}") from error
    return temporary.replace(path)


def verify(folder: Path, public_key: Path) -> None:
    """Raise `SignatureWrong` unless `folder` is as the holder of the key signed it, to the last byte, with
    no file more or less; `SigningUnavailable` where that cannot be told."""
    signing = _model_signing()
    path = folder / SIGNATURE_NAME
    if not path.is_file():
        raise SignatureWrong(f"{folder}: not signed ({SIGNATURE_NAME} is missing)")
    try:
        verifier = signing.verifying.Config().use_elliptic_key_verifier(public_key=public_key)
    except (OSError, ValueError, TypeError) as error:
        raise SigningUnavailable(f"{public_key} is no public key (PEM): {_first_line(error)}") from error
    try:
        verifier.set_hashing_config(_hashing(signing, path)).verify(folder, path)
    except Exception as error:  # the package raises many kinds for what is here one: not what was signed
        reason = _first_line(error)
        if "Key mismatch" in reason:
            reason = "it was made with another key"
        elif "mismatch" in reason:  # with all hashes of all files, as bytes
            reason = "the bundle was changed since"
        raise SignatureWrong(f"{folder}: the signature does not hold: {reason}") from error


def _hashing(signing: Any, *ignored: Path) -> Any:
    return signing.hashing.Config().set_ignored_paths(paths=list(ignored), ignore_git_paths=False)


def _model_signing() -> Any:
    try:
        import model_signing
    except ImportError as error:
        raise SigningUnavailable(
            "signatures need the package model-signing, which `make kiosk KEY=FILE` installs"
        ) from error
    return model_signing


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]

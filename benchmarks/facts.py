"""Which bundle was measured."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

import bundle


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BundleFile(_Part):
    """One model file."""

    path: str
    precision: str
    size_bytes: int
    sha256: str


class BundleFacts(_Part):
    """Which bundle was measured."""

    name: str
    folder: str
    recipe: str
    created: str
    input_size: int
    styles: tuple[str, ...]
    files: tuple[BundleFile, ...]

    @classmethod
    def of(cls, verified: bundle.Bundle) -> BundleFacts:
        """The facts of a bundle and its files."""
        manifest = verified.manifest
        return cls(
            name=manifest.name,
            folder=str(verified.folder),
            recipe=manifest.recipe,
            created=manifest.created.isoformat(),
            input_size=manifest.input_size,
            styles=manifest.styles,
            files=tuple(
                BundleFile(path=file.path, precision=file.precision, size_bytes=file.size_bytes, sha256=file.sha256)
                for file in verified.files
            ),
        )

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx.external_data_helper import convert_model_to_external_data

import bundle
from bundle import hardware
from bundle.folder import ExternalData, FileAltered, FileMissing, FileOutside
from tests.stand_in import write_bundle


def test_load_gives_the_verified_bytes(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "b", precisions=("int8", "fp32"))
    loaded = bundle.load(folder)
    file = loaded.file("int8")
    assert loaded.contents[file.path] == (folder / file.path).read_bytes()
    assert [file.precision for file in loaded.files] == ["int8", "fp32"]


def test_load_reads_only_the_files_asked_for(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "b", precisions=("int8", "fp32"))
    (folder / "model.fp32.onnx").unlink()
    assert [file.precision for file in bundle.load(folder, lambda file: file.precision == "int8").files] == ["int8"]


def change_manifest(change: Callable[[dict], object]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        manifest = json.loads((folder / "bundle.json").read_text())
        change(manifest)
        (folder / "bundle.json").write_text(json.dumps(manifest))

    return apply


def alter(folder: Path) -> None:
    content = bytearray((folder / "model.int8.onnx").read_bytes())
    content[-1] ^= 1
    (folder / "model.int8.onnx").write_bytes(content)


def link(folder: Path) -> None:
    (folder / "model.int8.onnx").rename(folder.parent / "elsewhere.onnx")
    (folder / "model.int8.onnx").symlink_to(folder.parent / "elsewhere.onnx")


def externalise(folder: Path) -> None:
    import hashlib

    model = onnx.load(folder / "model.int8.onnx")
    convert_model_to_external_data(model, all_tensors_to_one_file=True, location="weights.bin", size_threshold=0)
    onnx.save(model, folder / "model.int8.onnx")
    content = (folder / "model.int8.onnx").read_bytes()
    change_manifest(
        lambda m: m["files"][0].update(sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))
    )(folder)


@pytest.mark.parametrize(
    ("damage", "error", "says"),
    [
        pytest.param(lambda f: (f / "bundle.json").unlink(), bundle.BundleError, "no bundle here", id="no manifest"),
        pytest.param(lambda f: (f / "bundle.json").write_text("{"), bundle.BundleError, "not valid", id="cut short"),
        pytest.param(change_manifest(lambda m: m.pop("styles")), bundle.BundleError, "styles", id="a field missing"),
        pytest.param(change_manifest(lambda m: m.update(new=1)), bundle.BundleError, "new", id="a field too many"),
        pytest.param(
            change_manifest(lambda m: m.update(schema_version=2)), bundle.BundleError, "schema_version", id="of later"
        ),
        pytest.param(
            change_manifest(lambda m: m["files"][0].update(path="../x.onnx")), bundle.BundleError, "path", id="outside"
        ),
        pytest.param(lambda f: (f / "model.int8.onnx").unlink(), FileMissing, "missing", id="file missing"),
        pytest.param(alter, FileAltered, "SHA-256", id="one bit altered"),
        pytest.param(lambda f: (f / "model.int8.onnx").write_bytes(b"x"), FileAltered, "size", id="another size"),
        pytest.param(link, FileOutside, "link", id="a link out of the folder"),
        pytest.param(externalise, ExternalData, "outside", id="weights in another file, hash corrected"),
    ],
)
def test_load_refuses(tmp_path: Path, damage: Callable[[Path], object], error: type[Exception], says: str) -> None:
    folder = write_bundle(tmp_path / "b")
    damage(folder)
    with pytest.raises(error, match=says) as caught:
        bundle.load(folder)
    assert "\n" not in str(caught.value)


def test_a_precision_that_is_not_there_is_named_with_what_is(tmp_path: Path) -> None:
    with pytest.raises(bundle.BundleError, match="it holds onnx int8"):
        bundle.load(write_bundle(tmp_path / "b")).file("fp16")


@pytest.mark.parametrize(
    ("machine", "flags", "taken"),
    [
        ("x86_64", "avx2 avx512_vnni", "x86-vnni"),
        ("x86_64", "avx2 avx_vnni", "x86-vnni"),
        ("x86_64", "avx2", "x86-avx2"),
        ("aarch64", "fp asimd asimddp", "arm-dotprod"),
    ],
)
def test_of_several_int8_files_the_one_for_this_machine_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: str, flags: str, taken: str
) -> None:
    loaded = bundle.load(write_bundle(tmp_path / "b"))
    one = loaded.file("int8")
    targets = ("cuda", "x86-avx2", "arm-dotprod", "x86-vnni")
    files = [one.model_copy(update={"path": f"{target}.onnx", "target": target}) for target in targets]
    several = dataclasses.replace(
        loaded,
        manifest=loaded.manifest.model_copy(update={"files": files}),
        contents={file.path: b"" for file in files},
    )
    monkeypatch.setattr(hardware.platform, "machine", lambda: machine)
    monkeypatch.setattr(hardware, "processor_facts", lambda: {"flags": flags})
    assert several.file("int8").target == taken
    monkeypatch.setattr(hardware.platform, "machine", lambda: "riscv64")
    monkeypatch.setattr(hardware, "processor_facts", dict)
    assert several.file("int8").target == "x86-avx2"


@pytest.mark.parametrize(("known", "accepted"), [(0.6, True), (0.5, False), (0.4, False), (float("nan"), False)])
def test_what_is_not_above_the_threshold_is_refused(known: float, accepted: bool) -> None:
    assert bundle.KnownRule(method="any", threshold=0.5).accepts(known) is accepted

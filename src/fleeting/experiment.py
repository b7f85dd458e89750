"""An experiment is data x protocol x modality x model x training: one frozen value that is the TOML file."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fleeting.datasets import datasets
from fleeting.errors import OptionError, UnknownNameError
from fleeting.inputs import ApexRule
from fleeting.protocols import protocols
from fleeting.registry import options
from fleeting.training import Training


class Data(BaseModel):
    """A recipe's ``[data]`` table; the folder itself is named on the command line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str = "drawn"
    labels: str = "megc3"
    apex: ApexRule = Field(
        default="annotated", description="annotated: the sheet's, the middle frame where it has none"
    )
    unit: Literal["clip", "frame"] = Field(default="clip", description="frame: every frame is a sample")
    color: Literal["rgb", "gray"] = "rgb"
    shuffle_labels: bool = Field(
        default=False, description="a control: labels dealt out anew over all clips, so nothing can be learnt"
    )


class ProtocolChoice(BaseModel):
    """A recipe's ``[protocol]`` table: a name, and the options that protocol takes."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str = "loso"


class ModelChoice(BaseModel):
    """A recipe's ``[model]`` table: a name, its inputs, and the options that model takes."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str = "linear-flow"
    inputs: tuple[str, ...] = ("flow-map",)
    size: int = Field(default=0, ge=0, description="side of the input pictures; 0: the model's own")


class Experiment(BaseModel):
    """One experiment, complete: equal values give equal predictions on equal data."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "unnamed"
    paper: str = ""
    reported: dict[str, Any] | Literal["unknown"] = Field(
        default="unknown", description="what the paper printed: uf1, uar, ..., note"
    )
    data: Data = Data()
    protocol: ProtocolChoice = ProtocolChoice()
    model: ModelChoice = ModelChoice()
    training: Training = Training()

    def completed(self) -> Experiment:
        """The same experiment with every option of its protocol and model written out.

        Raises UnknownNameError on a dataset, protocol, model or option that does not exist.
        """
        from fleeting.models import models  # torch takes seconds; a mistake elsewhere is told first

        _ = datasets[self.data.dataset]
        protocol, model = self.protocol, self.model
        chosen = options(protocols[protocol.name], protocol.model_extra or {}, f"protocol {protocol.name}")
        built = options(models[model.name], model.model_extra or {}, f"model {model.name}")
        built = {name: value for name, value in built.items() if name not in ("channels", "size")}
        return self.model_copy(
            update={
                "protocol": ProtocolChoice(name=protocol.name, **chosen),
                "model": ModelChoice(name=model.name, inputs=model.inputs, size=model.size, **built),
            }
        )

    def toml(self) -> str:
        """The experiment as the text of a recipe that replays it."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))

    def digest(self) -> str:
        """Eight hexadecimal digits that differ between experiments."""
        return hashlib.sha256(self.toml().encode()).hexdigest()[:8]


def recipe_names() -> list[str]:
    """The recipes in the package, as ``<group>/<name>``."""
    groups = (group for group in files("fleeting").joinpath("recipes").iterdir() if group.is_dir())
    return sorted(
        f"{group.name}/{recipe.name.removesuffix('.toml')}"
        for group in groups
        for recipe in group.iterdir()
        if recipe.name.endswith(".toml")
    )


def read_recipe(recipe: str | Path, *, quick: bool = False, changes: Sequence[str] = ()) -> Experiment:
    """A recipe by its name or path, with its ``[quick]`` table and ``KEY=VALUE`` changes applied.

    Raises UnknownNameError on an unknown recipe or key (with the nearest known one), OptionError on a value
    of the wrong kind or a file that is no TOML.
    """
    table = _table(recipe)
    hurried = table.pop("quick", {})
    if quick:
        table = _merged(table, hurried)
    for change in changes:
        table = _merged(table, _change(change))
    return parse(table, str(recipe))


def parse(table: Mapping[str, Any], source: str) -> Experiment:
    """A recipe's table as an Experiment. Raises UnknownNameError or OptionError that names the key."""
    try:
        return Experiment.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        where = [str(part) for part in first["loc"] if not str(part).startswith(("dict[", "literal["))]
        if first["type"] == "extra_forbidden":
            known = _known_keys(where[:-1])
            raise UnknownNameError("recipe key", ".".join(where), known) from None
        found = f"{source}: {'.'.join(where)} is {first['input']!r}"
        raise OptionError(f"{found}; {first['msg'][0].lower()}{first['msg'][1:]}") from None


def _known_keys(table: Sequence[str]) -> list[str]:
    fields: Mapping[str, Any] = Experiment.model_fields
    for name in table:
        fields = fields[name].annotation.model_fields
    return [".".join((*table, key)) for key in fields]


def _table(recipe: str | Path) -> dict[str, Any]:
    name = str(recipe)
    try:
        if name.endswith(".toml"):
            text = Path(recipe).read_text(encoding="utf-8")
        elif name in recipe_names():
            text = files("fleeting").joinpath("recipes", f"{name}.toml").read_text(encoding="utf-8")
        else:
            raise UnknownNameError("recipe", name, recipe_names())
        return tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"recipe {name} cannot be read ({error}); name a recipe or a .toml file") from error
    except tomllib.TOMLDecodeError as error:
        raise OptionError(f"recipe {name} is no TOML: {error}; mend the file") from error


def _change(change: str) -> dict[str, Any]:
    key, equals, value = change.partition("=")
    if not equals or not key.strip():
        raise OptionError(f"--set {change!r} is not KEY=VALUE; write for example training.epochs=20")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value  # a bare word is a string
    for part in reversed(key.strip().split(".")):
        parsed = {part: parsed}
    return dict(parsed)


def _merged(table: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(table)
    for key, value in changes.items():
        below = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        merged[key] = _merged(below, value) if both else value  # type: ignore[arg-type]
    return merged

"""Defines an experiment, one frozen value that is also its TOML file: data, protocol, model, training."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import reduce
from importlib.resources import files
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from fleeting.apex import apex_rule
from fleeting.datasets import released
from fleeting.errors import FleetingError, OptionError, UnknownNameError
from fleeting.experiments.recipe_tables import HARMLESS, Choice, Data, ModelChoice, ProtocolChoice, Reported
from fleeting.files import legible, path_of
from fleeting.modalities import modalities
from fleeting.protocols import protocols
from fleeting.registry import options
from fleeting.training.options import Training


class Experiment(BaseModel):
    """One experiment, complete: equal values give equal predictions on equal data.

    Raises UnknownNameError on a key that does not exist, and OptionError on a value that its key cannot have.

    >>> mine = fleeting.Experiment(data={"dataset": "drawn"}, model={"name": "linear-flow"})
    >>> mine.protocol.name
    'loso'
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str = "unnamed"
    paper: str = ""
    reported: Reported = Field(default=Reported(), description='what the paper printed, or "unknown"')
    changed: tuple[str, ...] = Field(
        default=(),
        description="changes to the named recipe, except the choice of its dataset",
    )
    data: Data = Data()
    protocol: ProtocolChoice = ProtocolChoice()
    modality: dict[str, dict[str, Any]] = Field(default={}, description="options of the inputs, by name")
    model: ModelChoice = ModelChoice()
    training: Training = Training()
    choose: Choice = Choice()

    def __init__(self, **tables: Any) -> None:
        try:
            super().__init__(**tables)
        except ValidationError as error:
            raise _refusal(error, "Experiment") from None

    @field_validator("reported", mode="before")
    @classmethod
    def _unknown_is_nothing(cls, value: object) -> object:
        return {} if value == "unknown" else value

    @property
    def altered(self) -> tuple[str, ...]:
        """The changes that make this another experiment than the recipe of its name."""
        return tuple(c for c in self.changed if c.partition("=")[0].strip() not in HARMLESS)

    def completed(self) -> Experiment:
        """The same experiment with every option of its protocol, modalities and model written out.

        Raises UnknownNameError on a dataset, apex finder, protocol, modality, model or option that does not
        exist, and OptionError on model options that contradict the inputs and on a candidate of ``[choose]``
        that changes more than model options and training.
        """
        from fleeting.models import models  # torch takes seconds; mistakes in the file are told before it

        _ = released(self.data.dataset, self.data.release), apex_rule(self.data.apex)
        if self.choose.among:
            _ = [candidate.completed() for candidate in self.candidates()]
        protocol, model = self.protocol, self.model
        chosen = options(protocols[protocol.name], protocol.model_extra or {}, f"protocol {protocol.name}")
        if "channels" in (model.model_extra or {}):
            raise OptionError("model.channels follows from model.inputs and is not chosen; leave it out")
        built = options(models[model.name], model.model_extra or {}, f"model {model.name}")
        built = {name: value for name, value in built.items() if name not in ("channels", "size")}
        if built.get("colours", colours := 3 if self.data.color == "rgb" else 1) != colours:
            raise OptionError(
                f"model.colours is {built['colours']}, a frame of data.color={self.data.color} has {colours};"
                " change one of them"
            )
        return self.model_copy(
            update={
                "modality": self._modalities(),
                "protocol": ProtocolChoice(name=protocol.name, **chosen),
                "model": ModelChoice(
                    name=model.name,
                    inputs=model.inputs,
                    size=model.size,
                    pretrained=model.pretrained,
                    **built,
                ),
            }
        )

    def _modalities(self) -> dict[str, dict[str, Any]]:
        """Every option of each input, by the input's name; inputs without options are left out."""
        for name in self.modality:
            if name not in self.model.inputs:
                raise UnknownNameError("input of this recipe", name, self.model.inputs)
        chosen = {
            name: options(modalities[name], self.modality.get(name, {}), f"modality {name}")
            for name in self.model.inputs
        }
        return {name: given for name, given in chosen.items() if given}

    def candidates(self) -> tuple[Experiment, ...]:
        """The experiments that each fold chooses among; only itself where it has no ``[choose]``.

        A candidate that names another model starts from that model's default options. Raises OptionError on a
        candidate that changes more than a model's options and its training, UnknownNameError on a key that
        does not exist.
        """
        if not self.choose.among:
            return (self,)
        table = self.model_dump(exclude={"choose"}, exclude_none=True)
        fixed = {name: table["model"][name] for name in ("inputs", "size", "pretrained")}
        found = []
        for number, change in enumerate(self.choose.among, start=1):
            where = f"{self.name}, candidate {number} of choose.among"
            self.choose.refuse_other(change, where)
            begun = table | {"model": fixed} if "name" in change.get("model", {}) else table
            found.append(parse(_merged(begun, change), where))
        return tuple(found)

    def toml(self) -> str:
        """The experiment as the text of a recipe that replays it."""
        text = tomli_w.dumps(self.model_dump(exclude_none=True))
        if text != (shown := legible(text)):
            line = min({*shown.splitlines()} - {*text.splitlines()})
            raise OptionError(f"{line} is not UTF-8, which a recipe's file has to be; rename what it names")
        return text


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

    A file may begin with ``base = "<group>/<name>"``: it then holds what differs from that recipe, its own
    name and what was reported for it. Raises UnknownNameError on an unknown recipe or key (with the nearest
    known one), OptionError on a value of the wrong kind and on a file that is not TOML.

    >>> fleeting.read_recipe("drawn/linear-flow", changes=["training.seed=3"]).training.seed
    3
    """
    table = _table(recipe)
    hurried = table.pop("quick", {})
    if not isinstance(hurried, dict):
        raise OptionError(f"recipe {recipe}: quick is {hurried!r}; expected a table [quick]")
    quicker = _laid_over(table, hurried)
    parse(quicker, f"{recipe} with [quick]")
    table = quicker if quick else table
    own = parse(table, str(recipe))
    experiment = parse(_laid_over(table, reduce(_merged, map(_change, changes), {})), str(recipe))
    dataset = experiment.data.dataset
    altering = [change for change in changes if not _chooses_dataset(change, own, dataset)]
    changed = (*experiment.changed, *(["quick"] if quick else []), *altering)
    return experiment.model_copy(update={"changed": changed})


def as_experiment(recipe: Experiment | str | Path) -> Experiment:
    """An experiment as it is, or a recipe by its name or path. Raises OptionError on anything else."""
    return recipe if isinstance(recipe, Experiment) else read_recipe(path_of(recipe, "the recipe"))


def _chooses_dataset(change: str, recipe: Experiment, dataset: str) -> bool:
    """Whether a change only selects another dataset that the recipe reports numbers for, or its labels."""
    key, _, name = (word.strip(" '\"") for word in change.partition("="))
    parts = recipe.reported.parts
    if recipe.data.dataset not in parts:
        return False
    part = parts.get(dataset)
    return (key == "data.dataset" and name in parts) or (
        key == "data.labels" and part is not None and name == (part.labels or recipe.data.labels)
    )


def parse(table: Mapping[str, Any], source: str) -> Experiment:
    """A recipe's table as an Experiment. Raises UnknownNameError or OptionError that names the key."""
    made = Experiment.__new__(Experiment)
    try:
        BaseModel.__init__(made, **table)
    except ValidationError as error:
        raise _refusal(error, source) from None
    return made


def _refusal(error: ValidationError, source: str) -> FleetingError:
    """Pydantic's first complaint as an error of ours, which names the key."""
    first = error.errors()[0]
    where = [str(part) for part in first["loc"]]
    if first["type"] == "extra_forbidden":
        return UnknownNameError("recipe key", ".".join(where), _known_keys(where[:-1]))
    found = f"{source}: {'.'.join(where)} is {first['input']!r}"
    return OptionError(f"{found}; {first['msg'][0].lower()}{first['msg'][1:]}")


def _known_keys(table: Sequence[str]) -> list[str]:
    owner: Any = Experiment
    for name in table:
        field = owner.model_fields.get(name)
        owner = field.annotation if field is not None and name != "parts" else Reported
    return [".".join((*table, key)) for key in owner.model_fields]


def _table(recipe: str | Path) -> dict[str, Any]:
    name = str(recipe)
    try:
        if name.endswith(".toml"):
            text = Path(recipe).read_text(encoding="utf-8")
        elif name in recipe_names():
            text = files("fleeting").joinpath("recipes", f"{name}.toml").read_text(encoding="utf-8")
        else:
            raise UnknownNameError("recipe", name, recipe_names())
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise OptionError(f"recipe {name} is no TOML: {error}; mend the file") from error
    except (OSError, ValueError) as error:
        raise OptionError(f"recipe {name} cannot be read ({error}); name a recipe or a .toml file") from error
    return _on_base(table, name) if "base" in table else table


def _on_base(table: dict[str, Any], name: str) -> dict[str, Any]:
    """A recipe's table laid over that of its base, without the name of that and the paper's numbers."""
    base = table.pop("base")
    if base not in recipe_names():
        raise UnknownNameError(f"base of recipe {name}", str(base), recipe_names())
    if "name" not in table:
        raise OptionError(f"recipe {name} is another than its base {base}; give it a name of its own")
    text = files("fleeting").joinpath("recipes", f"{base}.toml").read_text(encoding="utf-8")
    below = tomllib.loads(text)
    if "base" in below:
        raise OptionError(f"recipe {name} has the base {base}, which has one itself; name {below['base']}")
    return _laid_over({key: value for key, value in below.items() if key not in ("name", "reported")}, table)


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


def _laid_over(table: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Changes laid over a recipe's table.

    Another dataset takes over neither the release nor the left-out clips, another protocol no option.
    """
    kept = dict(table)
    if _differs(table, changes, "data", "dataset"):
        kept["data"] = {k: v for k, v in table["data"].items() if k not in ("release", "leave_out")}
    if _differs(table, changes, "protocol", "name"):
        kept["protocol"] = {}
    return _merged(kept, changes)


def _differs(table: dict[str, Any], changes: dict[str, Any], part: str, key: str) -> bool:
    """Whether the changes choose another dataset or protocol than the table has."""
    before, after = table.get(part), changes.get(part)
    if not isinstance(before, dict) or not isinstance(after, dict):
        return False  # a value where a table belongs is refused when all is parsed
    return key in after and after[key] != before.get(key)


def _merged(table: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(table)
    for key, value in changes.items():
        below = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        merged[key] = _merged(below, value) if both else value  # type: ignore[arg-type]
    return merged

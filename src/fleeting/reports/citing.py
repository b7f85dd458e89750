"""The papers behind a run as BibTeX: its recipe, its model, its datasets, and this package."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fleeting.apex import apex_finders, apex_rule
from fleeting.datasets import datasets
from fleeting.errors import MissingExtraError, UnknownNameError
from fleeting.experiments.papers import paper_names, read_paper
from fleeting.experiments.run_folder import Run
from fleeting.files import path_of
from fleeting.modalities import modalities
from fleeting.models import models
from fleeting.reports.paper_tables import latex_text
from fleeting.version import __version__

HEAD = (
    "% Names, years and addresses are as fleeting has them. Full lists of authors, and titles where there is",
    "% none, come with each DOI: curl -LH 'Accept: application/x-bibtex' https://doi.org/DOI",
)
_AUTHORS = re.compile(
    r"(?:compared in |base network: )?(?P<who>[A-Z][^\d,;:+]*(?:, [A-Z][^\d,;:+]*)*) (?P<year>\d{4})"
)
_DOI = re.compile(r"doi:(\S+?)(?=[,;]|$)")
_ARXIV = re.compile(r"arXiv:([\d.]+\d)")


@dataclass(frozen=True)
class Reference:
    """A paper by its authors and its year; what else is known of it, and for what the run used it."""

    authors: str
    year: str
    place: str = ""
    doi: str = ""
    arxiv: str = ""
    title: str = ""
    use: str = ""

    @property
    def key(self) -> str:
        """The entry's key, such as liong2019-fg20198756567; the same for the same paper."""
        first = re.sub(r"[^a-z]", "", re.split(r" et al|,| and ", self.authors)[0].casefold())
        number = re.sub(r"[^a-z0-9]", "", (self.doi.partition("/")[2] or self.arxiv).casefold())
        return f"{first}{self.year}{f'-{number}' if number else ''}"

    def bibtex(self) -> str:
        """The entry."""
        names = re.sub(r" et al\.?", " and others", self.authors).replace(", ", " and ")
        fields = {
            "author": latex_text(names),
            "title": latex_text(self.title) and f"{{{latex_text(self.title)}}}",
            "year": self.year,
            "howpublished": latex_text(self.place),
            "doi": self.doi,
            "eprint": self.arxiv,
            "archiveprefix": "arXiv" if self.arxiv else "",
            "note": latex_text(self.use),
        }
        lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
        return "\n".join((f"@misc{{{self.key},", *lines, "}"))


def cite(run: str | Path | Run) -> str:
    """BibTeX of what a run, or the run in a folder, used: recipe, model, datasets, and this package.

    What names no author and year, and what inputs and apex finders say of their sources, stands in comments.
    Raises RunError on a folder that is no finished run.

    >>> done = fleeting.run("drawn/linear-flow", out="run")
    >>> "@software{fleeting," in fleeting.cite("run")
    True
    """
    found = run if isinstance(run, Run) else Run.load(path_of(run, "a run"))
    entries: dict[str, Reference] = {}
    remarks = list(_remarks(found))
    for use, text, title in _sources(found):
        read = list(references(text, use, title))
        if not read and text:
            remarks.append(f"{use}: {text}")
        for one in read:
            entries.setdefault(one.key, one)
    own = (
        "@software{fleeting,\n  author = {{The fleeting contributors}},\n  title = {{fleeting}},\n"
        f"  version = {{{__version__}}},\n}}"
    )
    comments = "\n".join((*HEAD, *(f"% {' '.join(one.split())}" for one in dict.fromkeys(remarks))))
    return "\n\n".join((comments, own, *(one.bibtex() for one in entries.values()))) + "\n"


def references(text: str, use: str = "", title: str = "") -> Iterator[Reference]:
    """The papers that a text such as "Liong et al. 2019, doi:10.1109/FG.2019.8756567" names.

    Papers are separated by semicolons; a part that names no author and year belongs to the paper before it.
    ``title`` is that of the first one.
    """
    papers: list[list[str]] = []
    for part in (part.strip() for part in text.split(";")):
        if _AUTHORS.match(part):
            papers.append([part])
        elif papers and (_DOI.search(part) or _ARXIV.search(part)):
            papers[-1].append(part)
    for number, parts in enumerate(papers):
        whole = ", ".join(parts)
        named = _AUTHORS.match(whole)
        if named is not None:
            doi, arxiv = _DOI.search(whole), _ARXIV.search(whole)
            rest = _ARXIV.sub("", _DOI.sub("", whole[named.end() :]))
            place = ", ".join(
                part for part in map(str.strip, rest.split(",")) if part and not _is_detail(part)
            )
            yield Reference(
                authors=named["who"],
                year=named["year"],
                place=place,
                doi=doi[1] if doi else "",
                arxiv=arxiv[1] if arxiv else "",
                title=title if number == 0 else "",
                use=use,
            )


def _is_detail(part: str) -> bool:
    """Whether a part of a reference says where in a paper something stands, or how it was read."""
    return re.match(r"(its |by its |on \w+ alone|tables? [\dIVX])", part, re.IGNORECASE) is not None


def _sources(run: Run) -> Iterator[tuple[str, str, str]]:
    """What was used, the text that names its papers, and the title of the first of them."""
    experiment = run.experiment
    group = experiment.name.partition("/")[0]
    if group in paper_names():
        paper = read_paper(group)
        yield f"recipe {experiment.name}", paper.reference, paper.title
    yield f"recipe {experiment.name}", experiment.paper, ""
    for name in dict.fromkeys(one.model.name for one in (experiment, *experiment.candidates())):
        with suppress(MissingExtraError):  # a run is cited without the packages that trained it, too
            yield f"model {name}", getattr(models[name], "paper", ""), ""
    used = {experiment.data.dataset, *(one.dataset for seed in run.by_seed for one in seed)}
    for name in sorted(used):
        try:
            yield f"dataset {name}", datasets[name].paper, ""
        except UnknownNameError:  # a part of a composite that has no files of its own
            continue


def _remarks(run: Run) -> Iterator[str]:
    """What inputs and the apex finder say of their sources, in the first lines of their docstrings."""
    finder = apex_rule(run.experiment.data.apex).finder
    parts = [
        *((name, modalities[name]) for name in run.experiment.model.inputs),
        (finder, apex_finders[finder]),
    ]
    for name, part in parts:
        said = (inspect.getdoc(part) or "").partition("\n")[0]
        if re.search(r"\([^)]*\d{4}", said):
            yield f"{name}: {said}"
